//! What each kind of setting may look like. The messages are the rule alone: the report adds name and value.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use aws_lc_rs::digest;
use protocol::event::EventName;
use protocol::model::UnknownWord;
use protocol::rest::request::{IceCredentials, RequestedIceServer};
use subtle::ConstantTimeEq as _;

/// A text that never appears in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// What tutorials use; for development only.
    pub const DEVELOPMENT: &str = "MY_SECRET";

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in a time that does not depend on it, not even on its length.
    pub fn is(&self, given: &[u8]) -> bool {
        let digest = |text| digest::digest(&digest::SHA256, text);
        digest(self.0.as_bytes()).as_ref().ct_eq(digest(given).as_ref()).into()
    }

    /// Whether it is the one that everybody knows.
    pub fn is_for_development(&self) -> bool {
        self.0 == Self::DEVELOPMENT
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `DOMAIN_OR_PUBLIC_IP`; may be unset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PublicHost {
    /// Nothing is known; every caller uses the address it knows.
    Unset,
    /// An address.
    Ip(IpAddr),
    /// A name.
    Name(String),
}

impl FromStr for PublicHost {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        public_host(text)
    }
}

impl PublicHost {
    /// As it stands in a URL: IPv6 in brackets.
    pub fn for_url(&self) -> Option<String> {
        match self {
            Self::Unset => None,
            Self::Ip(ip) => Some(super::bracketed(*ip)),
            Self::Name(name) => Some(name.clone()),
        }
    }

    /// Whether clients on other machines can use it.
    pub fn is_public(&self) -> bool {
        match self {
            Self::Unset => false,
            Self::Ip(ip) => !ip.is_loopback(),
            Self::Name(name) => name != "localhost",
        }
    }
}

/// A list of IP addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addresses(pub Vec<IpAddr>);

/// Somebody who tells us our public address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StunServer {
    /// A name or an address.
    pub host: String,
    /// Of UDP.
    pub port: u16,
}

/// Which side of ICE the server takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IceMode {
    /// Answers checks only (RFC 8445 §2.5).
    Lite,
    /// Sends checks itself.
    Full,
}

/// Whose answers are given where versions of OpenVidu differ and the request does not tell which one the client needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compatibility {
    /// Keys for the newest clients, and for each mistake its own status.
    Clear,
    /// No value that clients of that version do not know.
    V2_20,
    /// 403 for whatever no handler takes.
    V2_32,
}

/// What stands at `/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallPage {
    /// Nothing.
    Off,
    /// The page that is built into the program.
    Ours,
    /// What is in this folder, instead of it.
    Folder(PathBuf),
}

impl CallPage {
    /// Whether visitors get places in rooms.
    pub fn is_on(&self) -> bool {
        *self != Self::Off
    }
}

/// Where clients may open connections for media.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IceTcp {
    /// At the port of HTTP, if nothing seems to stand in front of it.
    Auto,
    /// Nowhere.
    Off,
    /// At this one.
    Port(u16),
}

/// Where finished recordings are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordingStorage {
    /// Where they were made.
    Local,
    /// In a bucket.
    S3,
}

/// What recognises speech.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpeechToText {
    /// Nothing.
    Disabled,
    /// Servers of the operator's.
    Vosk,
    /// The original's: nothing, here.
    Azure,
    /// Amazon Transcribe.
    Aws,
}

/// When models of speech are loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModelLoadStrategy {
    /// When somebody listens.
    OnDemand,
    /// When the application says so.
    Manual,
}

/// Where each language is recognised.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct VoskServers(pub BTreeMap<String, String>);

/// Where the server's certificate comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CertificateType {
    /// Made here.
    SelfSigned,
    /// Given by the operator.
    Own,
    /// Got from an ACME authority, such as Let's Encrypt.
    LetsEncrypt,
}

impl CertificateType {
    const WORDS: &[&str] = &["selfsigned", "owncert", "letsencrypt"];
}

impl FromStr for CertificateType {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "selfsigned" => Ok(Self::SelfSigned),
            "owncert" => Ok(Self::Own),
            "letsencrypt" => Ok(Self::LetsEncrypt),
            _ => Err(UnknownWord { allowed: Self::WORDS }),
        }
    }
}

/// A list of texts: a JSON array, whose quotes may be missing, as deployments have long written it. A text without quotes
/// cannot hold a comma. The content may be secret: it is not shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TextList(pub Vec<String>);

impl FromStr for TextList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(elements) = serde_json::from_str(text) {
            return Ok(Self(elements));
        }
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let inner = inner.ok_or("Is not a valid strings array in JSON format")?.trim();
        if inner.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self(inner.split(',').map(|element| element.trim().trim_matches('"').to_owned()).collect()))
    }
}

impl fmt::Debug for TextList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextList({} elements)", self.0.len())
    }
}

pub(super) type Parsed<T> = Result<T, String>;

pub(super) fn boolean(text: &str) -> Parsed<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err("Is not a boolean (true or false)".to_owned()),
    }
}

pub(super) fn call_page(text: &str) -> Parsed<CallPage> {
    match boolean(text) {
        Ok(true) => Ok(CallPage::Ours),
        Ok(false) => Ok(CallPage::Off),
        Err(_) if text.starts_with('/') => Ok(CallPage::Folder(text.into())),
        Err(_) => Err("Is not true, false or the absolute path of a folder".to_owned()),
    }
}

pub(super) fn natural(text: &str) -> Parsed<u32> {
    text.parse().map_err(|_| "Is not a non negative integer".to_owned())
}

pub(super) fn speakers(text: &str) -> Parsed<u8> {
    text.parse().map_err(|_| format!("Is not a number of speakers. Must be an integer from 0 to {}", u8::MAX))
}

pub(super) fn rating_interval(text: &str) -> Parsed<u32> {
    let seconds = text.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
    seconds.ok_or_else(|| "Is not a number of seconds. Must be an integer from 1 to 3600".to_owned())
}

pub(super) fn workers(text: &str) -> Parsed<u16> {
    /// Each has relayed addresses of its own, and there are no more.
    const MOST: u16 = 64;
    let number = text.parse().ok().filter(|number| *number <= MOST);
    number.ok_or_else(|| format!("Is not a number of threads. Must be an integer from 0 to {MOST}"))
}

pub(super) fn any_port(text: &str) -> Parsed<u16> {
    text.parse().map_err(|_| "Is not a valid port. Must be an integer from 0 to 65535".to_owned())
}

pub(super) fn port(text: &str) -> Parsed<u16> {
    match text.parse() {
        Ok(port @ 1..=65535_u16) => Ok(port),
        _ => Err("Is not a valid port. Must be an integer from 1 to 65535".to_owned()),
    }
}

pub(super) fn optional_port(text: &str) -> Parsed<Option<u16>> {
    if text.is_empty() { Ok(None) } else { port(text).map(Some) }
}

/// A number of bytes, as docker's options have it: `100M`.
pub(super) fn size(text: &str) -> Parsed<u64> {
    let digits = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" => Some(1 << 10),
        "m" => Some(1 << 20),
        "g" => Some(1 << 30),
        _ => None,
    };
    let number = digits.parse::<u64>().ok().filter(|number| *number > 0);
    let bytes = number.zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    bytes.ok_or_else(|| "Is not a valid size. Must be a positive number, or one with k, M or G".to_owned())
}

pub(super) fn listen_address(text: &str) -> Parsed<IpAddr> {
    text.parse().map_err(|_| "Is not a valid IP Address (IPv4 or IPv6)".to_owned())
}

pub(super) fn path(text: &str) -> Parsed<PathBuf> {
    if text.is_empty() { Err("Cannot be empty".to_owned()) } else { Ok(text.into()) }
}

pub(super) fn folders(text: &str) -> Parsed<Vec<PathBuf>> {
    let list = if text.starts_with('[') { text.parse() } else { format!("[{text}]").parse() };
    let TextList(folders) = list?;
    let folder = |text: String| {
        if text.starts_with('/') { Ok(text.into()) } else { Err(format!("'{text}' is not an absolute path")) }
    };
    folders.into_iter().map(folder).collect()
}

pub(super) fn word<T: FromStr<Err = UnknownWord>>(text: &str) -> Parsed<T> {
    text.parse().map_err(|error: UnknownWord| match text {
        "" => "Cannot be empty".to_owned(),
        _ => format!("Must be one of the values {:?}", error.allowed),
    })
}

pub(super) fn ice_mode(text: &str) -> Parsed<IceMode> {
    match text {
        "lite" => Ok(IceMode::Lite),
        "full" => Ok(IceMode::Full),
        _ => Err(r#"Must be one of the values ["lite", "full"]"#.to_owned()),
    }
}

pub(super) fn compatibility(text: &str) -> Parsed<Compatibility> {
    match text {
        "clear" => Ok(Compatibility::Clear),
        "2.20" => Ok(Compatibility::V2_20),
        "2.32" => Ok(Compatibility::V2_32),
        _ => Err(r#"Must be one of the values ["clear", "2.20", "2.32"]"#.to_owned()),
    }
}

pub(super) fn ice_tcp(text: &str) -> Parsed<IceTcp> {
    match text {
        "auto" => Ok(IceTcp::Auto),
        "off" => Ok(IceTcp::Off),
        _ => port(text).map(IceTcp::Port).map_err(|_| r#"Must be "auto", "off" or a port from 1 to 65535"#.to_owned()),
    }
}

pub(super) fn certificate_type(text: &str) -> Parsed<CertificateType> {
    text.parse().map_err(|error: UnknownWord| format!("Invalid value '{text}'. Valid values are {:?}", error.allowed))
}

pub(super) fn recording_storage(text: &str) -> Parsed<RecordingStorage> {
    match text {
        "local" => Ok(RecordingStorage::Local),
        "s3" => Ok(RecordingStorage::S3),
        _ => Err(r#"Must be one of the values ["local", "s3"]"#.to_owned()),
    }
}

/// May be empty.
pub(super) fn speech_engine(text: &str) -> Parsed<SpeechToText> {
    match text {
        "disabled" | "" => Ok(SpeechToText::Disabled),
        "vosk" => Ok(SpeechToText::Vosk),
        "azure" => Ok(SpeechToText::Azure),
        "aws" => Ok(SpeechToText::Aws),
        _ => Err(r#"Must be one of the values ["disabled", "vosk", "azure", "aws"]"#.to_owned()),
    }
}

pub(super) fn model_load_strategy(text: &str) -> Parsed<ModelLoadStrategy> {
    match text {
        "on_demand" => Ok(ModelLoadStrategy::OnDemand),
        "manual" => Ok(ModelLoadStrategy::Manual),
        _ => Err(r#"Must be one of the values ["on_demand", "manual"]"#.to_owned()),
    }
}

pub(super) fn vosk_servers(text: &str) -> Parsed<VoskServers> {
    let TextList(words) = text.parse()?;
    let mut servers = BTreeMap::new();
    for word in words {
        let (language, address) = word.split_once('=').unwrap_or_default();
        if language.is_empty() || !is_url(address, &["ws", "wss"]) {
            return Err(format!("'{word}' is not language=address, with an address such as ws://127.0.0.1:2700"));
        }
        if servers.insert(language.to_owned(), address.to_owned()).is_some() {
            return Err(format!("'{language}' has two addresses"));
        }
    }
    Ok(VoskServers(servers))
}

/// A JSON object of texts.
pub(super) fn headers(text: &str) -> Parsed<Secret> {
    let rule = |_| "Is not a JSON object whose values are strings".to_owned();
    serde_json::from_str::<BTreeMap<String, String>>(text).map(|_| Secret(text.to_owned())).map_err(rule)
}

pub(super) fn turn_port(text: &str) -> Parsed<u16> {
    text.parse().map_err(|_| "COTURN_PORT is out of valid ports range (0-65535)".to_owned())
}

pub(super) fn text(text: &str) -> Parsed<String> {
    Ok(text.to_owned())
}

pub(super) fn named(text: &str) -> Parsed<String> {
    if text.trim().is_empty() { Err("Cannot be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// As OpenTelemetry calls them.
pub(super) fn otlp_protocol(text: &str) -> Parsed<String> {
    match text {
        "http/protobuf" => Ok(text.to_owned()),
        _ => Err("Must be http/protobuf, which collectors take on port 4318".to_owned()),
    }
}

/// May be empty.
pub(super) fn optional_url(text: &str) -> Parsed<String> {
    if text.is_empty() { Ok(String::new()) } else { url(text) }
}

/// May be empty.
pub(super) fn optional_web_socket_url(text: &str) -> Parsed<String> {
    if text.is_empty() || is_url(text, &["ws", "wss"]) {
        return Ok(text.to_owned());
    }
    Err(format!("{text} is not a valid WebSocket URL"))
}

pub(super) fn url(text: &str) -> Parsed<String> {
    if is_url(text, &["http", "https"]) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "Is not a valid URL. String '{text}' has not a valid URL format: it must begin with http:// or https://"
    ))
}

/// Well enough formed to be taken by a mail server; whether it exists only a message tells.
pub(super) fn is_email(text: &str) -> bool {
    let graphic = text.bytes().all(|byte| byte.is_ascii_graphic());
    graphic && text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && is_host_name(host))
}

pub(super) fn web_socket_urls(text: &str) -> Parsed<TextList> {
    let list: TextList = text.parse()?;
    match list.0.iter().find(|url| !is_url(url, &["ws", "wss"])) {
        Some(url) => Err(format!("{url} is not a valid WebSocket URL")),
        None => Ok(list),
    }
}

fn is_url(text: &str, schemes: &[&str]) -> bool {
    let uri = text.parse::<http::Uri>();
    uri.is_ok_and(|uri| uri.host().is_some() && uri.scheme_str().is_some_and(|scheme| schemes.contains(&scheme)))
}

/// `image:tag`; may be empty.
pub(super) fn docker_image(text: &str) -> Parsed<String> {
    let is_image = |(image, tag): (&str, &str)| {
        let image_is_well_formed = image
            .split('/')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:".contains(&b)));
        let tag_is_well_formed = !tag.is_empty()
            && tag.len() <= 128
            && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        image_is_well_formed && tag_is_well_formed
    };
    if text.is_empty() || text.rsplit_once(':').is_some_and(is_image) {
        return Ok(text.to_owned());
    }
    Err("The docker image configured is not valid. Its form must be image:tag".to_owned())
}

pub(super) fn secret(text: &str) -> Parsed<Secret> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        Ok(Secret(text.to_owned()))
    } else {
        Err("Cannot be empty and must contain only alphanumeric characters [a-zA-Z0-9], hyphens (\"-\") and underscores (\"_\")".to_owned())
    }
}

pub(super) fn public_host(text: &str) -> Parsed<PublicHost> {
    if text.is_empty() {
        return Ok(PublicHost::Unset);
    }
    let unbracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(ip) = unbracketed.parse::<IpAddr>() {
        return if ip.is_unspecified() {
            Err("Must be an address that clients can reach".to_owned())
        } else {
            Ok(PublicHost::Ip(ip))
        };
    }
    if is_host_name(text) {
        Ok(PublicHost::Name(text.to_owned()))
    } else {
        Err("Is not a valid Internet Address (IP or Domain Name), without scheme, port or path".to_owned())
    }
}

fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

pub(super) fn addresses(text: &str) -> Parsed<Addresses> {
    let list = if text.starts_with('[') { text.parse() } else { format!("[{text}]").parse() };
    let TextList(words) = list?;
    let parsed = words.into_iter().map(|word| match word.parse::<IpAddr>() {
        Ok(ip) if !ip.is_unspecified() => Ok(ip),
        _ => Err(format!("'{word}' is not a valid IP Address (IPv4 or IPv6) that clients can reach")),
    });
    parsed.collect::<Result<_, _>>().map(Addresses)
}

pub(super) fn stun_servers(text: &str) -> Parsed<Vec<StunServer>> {
    let list = if text.starts_with("[\"") || text == "[]" { text.parse() } else { format!("[{text}]").parse() };
    let TextList(words) = list?;
    words.iter().map(|word| stun_server(word)).collect()
}

fn stun_server(word: &str) -> Parsed<StunServer> {
    /// RFC 8489 §8.1.
    const STANDARD: u16 = 3478;
    let rest = word.strip_prefix("stun:").unwrap_or(word);
    let (host, number) = match rest.rsplit_once(':') {
        // An IPv6 address without a port.
        Some(_) if rest.ends_with(']') => (rest, None),
        Some((host, number)) => (host, Some(number)),
        None => (rest, None),
    };
    let rule = || format!("'{word}' is not a STUN server: must be host:port");
    let port = number.map_or(Ok(STANDARD), port).map_err(|_| rule())?;
    let host = match public_host(host).map_err(|_| rule())? {
        PublicHost::Unset => return Err(rule()),
        PublicHost::Ip(ip) => ip.to_string(),
        PublicHost::Name(name) => name,
    };
    Ok(StunServer { host, port })
}

pub(super) fn list(text: &str) -> Parsed<TextList> {
    text.parse()
}

pub(super) fn events(text: &str) -> Parsed<Vec<EventName>> {
    let TextList(names) = text.parse()?;
    names.iter().map(|name| name.parse().map_err(|_| format!("Event '{name}' does not exist"))).collect()
}

pub(super) fn hidden(text: &str) -> Parsed<Secret> {
    Ok(Secret(text.to_owned()))
}

pub(super) fn ice_servers(text: &str) -> Parsed<Vec<RequestedIceServer>> {
    let text = text.trim();
    let elements = serde_json::from_str::<Vec<String>>(text).or_else(|_| {
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let inner = inner.ok_or("Is not a valid strings array in JSON format")?;
        // `url=` begins every element, so that it also ends the one before: elements hold commas themselves.
        let elements = inner.split("url=").map(|element| element.trim_matches([' ', ',', '"']));
        Ok::<_, String>(
            elements.filter(|element| !element.is_empty()).map(|element| format!("url={element}")).collect(),
        )
    })?;
    elements.iter().map(|element| ice_server(element)).collect()
}

fn ice_server(element: &str) -> Parsed<RequestedIceServer> {
    let (mut url, mut username, mut credential, mut shared) = (None, None, None, None);
    for pair in element.split(',') {
        let (key, value) =
            pair.split_once('=').ok_or("An element is not a valid webrtc ice server: must be key=value pairs")?;
        let slot = match key.trim() {
            "url" => &mut url,
            "username" => &mut username,
            "credential" => &mut credential,
            "staticAuthSecret" => &mut shared,
            other => return Err(format!("'{other}' is not one of url, username, credential, staticAuthSecret")),
        };
        *slot = Some(value.trim().to_owned());
    }
    let url = url.filter(|url| !url.is_empty()).ok_or("An element is not a valid webrtc ice server: url is missing")?;
    let invalid = |why: &str| format!("{url} is not a valid webrtc ice server: {why}");
    let turn = url.starts_with("turn:") || url.starts_with("turns:");
    let stun = url.starts_with("stun:") || url.starts_with("stuns:");
    let credentials = match (username, credential, shared) {
        (None, None, None) if turn => return Err(invalid("username and credential, or staticAuthSecret, are missing")),
        (None, None, None | Some(_)) if stun => IceCredentials::None,
        (None, None, Some(secret)) if turn => IceCredentials::SharedSecret(secret),
        (Some(username), Some(credential), None) if turn => IceCredentials::Given { username, credential },
        _ if turn => return Err(invalid("must have username and credential, or staticAuthSecret alone")),
        _ if stun => return Err(invalid("stun takes no credentials")),
        _ => return Err(invalid("must begin with stun:, stuns:, turn: or turns:")),
    };
    Ok(RequestedIceServer { url, credentials })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_lists_may_be_missing() {
        let list = |text: &str| text.parse::<TextList>().map(|TextList(list)| list.join("|")).ok();
        assert_eq!(list(r#"["X-A: 1, 2","X-B: 3"]"#).as_deref(), Some("X-A: 1, 2|X-B: 3"));
        assert_eq!(list("[a, b]").as_deref(), Some("a|b"));
        assert_eq!(list(r#"["a",b]"#).as_deref(), Some("a|b"));
        assert_eq!(list(" [] ").as_deref(), Some(""));
        for text in ["", "a", "[a", "{}"] {
            assert_eq!(list(text), None, "{text}");
        }
    }

    #[test]
    fn ice_servers_take_passwords_or_a_shared_secret() {
        let fixed = IceCredentials::Given { username: "u".into(), credential: "c".into() };
        for text in [
            r#"["url=turn:h:3478,username=u,credential=c","url=stun:s"]"#,
            "[url=turn:h:3478,username=u,credential=c,url=stun:s]",
        ] {
            let servers = ice_servers(text).unwrap();
            assert!(servers[0].credentials == fixed && servers[1].credentials == IceCredentials::None, "{text}");
        }
        let shared = ice_servers("[url=turns:h?transport=tcp,staticAuthSecret=s]").unwrap();
        assert!(shared[0].credentials == IceCredentials::SharedSecret("s".into()));
        for text in [
            "",
            "[url=turn:h]",
            "[url=http://h]",
            "[nothing]",
            "[url=turn:h,username=u]",
            "[url=stun:h,username=u,credential=c]",
        ] {
            assert!(ice_servers(text).is_err(), "{text}");
        }
        assert!(
            !format!("{:?}", ice_servers("[url=turn:h,staticAuthSecret=topsecret]").unwrap()).contains("topsecret")
        );
    }

    #[test]
    fn an_event_that_does_not_exist_is_named() {
        assert_eq!(events("[sessionCreated,signalSend]").unwrap_err(), "Event 'signalSend' does not exist");
        let names = events("[sessionDestroyed,HANodeRegistered]").unwrap();
        assert_eq!(names, [EventName::SessionDestroyed, EventName::HaNodeRegistered]);
        assert_eq!(events("[]").unwrap(), []);
    }

    #[test]
    fn what_is_not_used_yet_is_checked_all_the_same() {
        assert!(certificate_type("letsencrypt").is_ok());
        let rule = certificate_type("mine").unwrap_err();
        assert_eq!(rule, r#"Invalid value 'mine'. Valid values are ["selfsigned", "owncert", "letsencrypt"]"#);
        assert!(turn_port("0").is_ok() && turn_port("65536").is_err() && turn_port("").is_err());
        for (url, valid) in
            [("", true), ("https://rec.example.org/x?y", true), ("rec.example.org", false), ("ftp://x", false)]
        {
            assert_eq!(optional_url(url).is_ok(), valid, "{url}");
        }
        assert!(web_socket_urls(r#"["ws://localhost:8888/kurento","wss://b"]"#).is_ok());
        assert_eq!(web_socket_urls("[http://a]").unwrap_err(), "http://a is not a valid WebSocket URL");
        for (image, valid) in [
            ("", true),
            ("openvidu/openvidu-record:2.32.0", true),
            ("registry.example.org:5000/a/b:1", true),
            ("openvidu/openvidu-record", false),
            ("a b:1", false),
            ("a:", false),
            (":1", false),
        ] {
            assert_eq!(docker_image(image).is_ok(), valid, "{image}");
        }
    }

    #[test]
    fn the_call_page_is_ours_or_a_folder() {
        assert_eq!(call_page("True"), Ok(CallPage::Ours));
        assert_eq!(call_page("false"), Ok(CallPage::Off));
        assert_eq!(call_page("/srv/call"), Ok(CallPage::Folder("/srv/call".into())));
        for bad in ["", "yes", "call/dist", "./call"] {
            assert!(call_page(bad).unwrap_err().contains("absolute path"), "{bad}");
        }
    }

    #[test]
    fn folders_are_absolute() {
        assert_eq!(folders(""), Ok(vec![]));
        assert_eq!(folders("/a b,/c"), Ok(vec!["/a b".into(), "/c".into()]));
        assert_eq!(folders(r#"["/a"]"#), Ok(vec!["/a".into()]));
        assert!(folders("/a,b").unwrap_err().contains("'b'"));
    }

    #[test]
    fn stun_servers_have_a_host_and_perhaps_a_port() {
        let servers = |text| {
            let servers = stun_servers(text)?;
            Ok::<_, String>(servers.iter().map(|s| format!("{} {}", s.host, s.port)).collect::<Vec<_>>().join(", "))
        };
        assert_eq!(servers("").unwrap(), "");
        assert_eq!(servers("stun.example.org:19302,192.0.2.1").unwrap(), "stun.example.org 19302, 192.0.2.1 3478");
        assert_eq!(servers(r#"["stun:a.b:1","[2001:db8::1]:2"]"#).unwrap(), "a.b 1, 2001:db8::1 2");
        assert_eq!(servers("[2001:db8::1]").unwrap(), "2001:db8::1 3478");
        for wrong in ["a:b", "a:0", ":1", "turn:a:1", "http://a", "a:70000"] {
            assert!(servers(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn sizes_have_the_units_of_docker() {
        for (text, bytes) in [("1", 1), ("10b", 10), ("2k", 2048), ("100M", 104_857_600), ("1g", 1_073_741_824)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "0", "M", "-1", "1.5M", "1T", "1 M", "99999999999G"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_are_checked() {
        assert_eq!(public_host("[2001:db8::1]").unwrap().for_url().unwrap(), "[2001:db8::1]");
        for bad in ["https://x.org", "x.org:443", "x.org/", "0.0.0.0", "-x", "a..b", "한글"] {
            assert!(public_host(bad).is_err(), "{bad}");
        }
    }
}
