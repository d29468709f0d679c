//! What an operator can set: command line, else environment, else default. The names are OpenVidu's where it has one.
//!
//! This module reads and checks; it opens nothing.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser};
use protocol::model::{ForcedVideoCodec, IceServer, MediaServer};
use session::Settings;

use crate::text_list::{EventNames, TextList};
use crate::webhooks::Destination;

/// The level of OpenVidu whose wire formats are spoken.
pub const COMPATIBLE_VERSION: &str = "2.32.2";

/// How long a connection outlives its socket, as in the original: clients retry every 3 s.
const RECONNECTION_GRACE: Duration = Duration::from_secs(10);
/// How long a socket stays open after its connection ended, as in the original.
const LINGER: Duration = Duration::from_secs(10);
/// Clients give up after 10 s and never hear why; an error has to reach them before.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(5);

/// All settings.
#[derive(Clone, Debug, Parser)]
#[command(name = "madang", version, about = "Video calls for OpenVidu 2 applications", max_term_width = 120)]
pub struct Config {
    /// Port for HTTP, HTTPS, WS and WSS (0 = any free one)
    #[arg(long, env = "SERVER_PORT", default_value_t = 4443, value_parser = any_port)]
    pub server_port: u16,

    /// Address to listen on; `::` = every IPv6 and IPv4 address
    #[arg(long, env = "MADANG_LISTEN", default_value_t = IpAddr::V6(Ipv6Addr::UNSPECIFIED), value_parser = ip)]
    pub madang_listen: IpAddr,

    /// Secret of the REST API (user OPENVIDUAPP)
    #[arg(long, env = "OPENVIDU_SECRET", default_value = Secret::DEVELOPMENT, hide_env_values = true)]
    pub openvidu_secret: Secret,

    /// How clients reach this server; without it, tokens carry what the caller's request was addressed to
    #[arg(long, env = "DOMAIN_OR_PUBLIC_IP", default_value = "", hide_default_value = true)]
    pub domain_or_public_ip: PublicHost,

    /// Port in public URLs, if not SERVER_PORT (behind a proxy)
    #[arg(long, env = "HTTPS_PORT", value_parser = port)]
    pub https_port: Option<u16>,

    /// The one UDP port for media (0 = any free one)
    #[arg(long, env = "MADANG_UDP_PORT", default_value_t = 40000, value_parser = any_port)]
    pub madang_udp_port: u16,

    /// Addresses offered to clients for media, comma separated, instead of those found on the network interfaces
    #[arg(long, env = "MADANG_MEDIA_ADDRESSES", default_value = "", hide_default_value = true)]
    pub madang_media_addresses: Addresses,

    /// How peer connections are established: lite (a reachable server) or full (a server behind an unknown NAT)
    #[arg(long, env = "MADANG_ICE", default_value = "lite")]
    pub madang_ice: IceMode,

    /// Where the self-signed certificate is kept
    #[arg(long, env = "MADANG_DATA_DIR", default_value = ".madang")]
    pub madang_data_dir: PathBuf,

    /// Serve the page for trying a call at /
    #[arg(long, env = "MADANG_CALL_PAGE", default_value_t = true, value_parser = boolean, action = clap::ArgAction::Set)]
    pub madang_call_page: bool,

    /// How many WebSockets of one address may be open without having joined a session
    #[arg(long, env = "MADANG_UNJOINED_SOCKETS", default_value_t = 1000, value_parser = natural)]
    pub madang_unjoined_sockets: u32,

    /// Which dialect clients are told to speak: mediasoup (the server offers) or kurento (the client offers)
    #[arg(long, env = "OPENVIDU_ENTERPRISE_MEDIA_SERVER", default_value = "mediasoup")]
    pub openvidu_enterprise_media_server: MediaServer,

    /// Whether publishers send simulcast unless they say otherwise (mediasoup only)
    #[arg(long, env = "OPENVIDU_WEBRTC_SIMULCAST", default_value_t = false, value_parser = boolean, action = clap::ArgAction::Set)]
    pub openvidu_webrtc_simulcast: bool,

    /// kbit/s from a client to the server, 0 = unlimited
    #[arg(long, env = "OPENVIDU_STREAMS_VIDEO_MAX_RECV_BANDWIDTH", default_value_t = 1000, value_parser = natural)]
    pub openvidu_streams_video_max_recv_bandwidth: u32,

    /// kbit/s from a client to the server
    #[arg(long, env = "OPENVIDU_STREAMS_VIDEO_MIN_RECV_BANDWIDTH", default_value_t = 300, value_parser = natural)]
    pub openvidu_streams_video_min_recv_bandwidth: u32,

    /// kbit/s from the server to a client, 0 = unlimited
    #[arg(long, env = "OPENVIDU_STREAMS_VIDEO_MAX_SEND_BANDWIDTH", default_value_t = 1000, value_parser = natural)]
    pub openvidu_streams_video_max_send_bandwidth: u32,

    /// kbit/s from the server to a client
    #[arg(long, env = "OPENVIDU_STREAMS_VIDEO_MIN_SEND_BANDWIDTH", default_value_t = 300, value_parser = natural)]
    pub openvidu_streams_video_min_send_bandwidth: u32,

    /// Video codec of sessions that do not choose one
    #[arg(long, env = "OPENVIDU_STREAMS_FORCED_VIDEO_CODEC", default_value = "MEDIA_SERVER_PREFERRED")]
    pub openvidu_streams_forced_video_codec: ForcedVideoCodec,

    /// Let clients without the forced codec publish what they have
    #[arg(long, env = "OPENVIDU_STREAMS_ALLOW_TRANSCODING", default_value_t = false, value_parser = boolean, action = clap::ArgAction::Set)]
    pub openvidu_streams_allow_transcoding: bool,

    /// Seconds between collections of sessions that nobody joined, 0 = never
    #[arg(long, env = "OPENVIDU_SESSIONS_GARBAGE_INTERVAL", default_value_t = 900, value_parser = natural)]
    pub openvidu_sessions_garbage_interval: u32,

    /// Age in seconds at which a session that nobody joined is removed
    #[arg(long, env = "OPENVIDU_SESSIONS_GARBAGE_THRESHOLD", default_value_t = 3600, value_parser = natural)]
    pub openvidu_sessions_garbage_threshold: u32,

    /// Write an event file (CDR)
    #[arg(long, env = "OPENVIDU_CDR", default_value_t = false, value_parser = boolean, action = clap::ArgAction::Set)]
    pub openvidu_cdr: bool,

    /// Folder of the event files
    #[arg(long, env = "OPENVIDU_CDR_PATH", default_value = "/opt/openvidu/cdr")]
    pub openvidu_cdr_path: PathBuf,

    /// Send events to an HTTP endpoint
    #[arg(long, env = "OPENVIDU_WEBHOOK", default_value_t = false, value_parser = boolean, action = clap::ArgAction::Set)]
    pub openvidu_webhook: bool,

    /// URL that events are posted to
    #[arg(
        long,
        env = "OPENVIDU_WEBHOOK_ENDPOINT",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    pub openvidu_webhook_endpoint: Secret,

    /// Headers of these requests: a list of `Name: Value`
    #[arg(long, env = "OPENVIDU_WEBHOOK_HEADERS", default_value = "[]", hide_env_values = true)]
    pub openvidu_webhook_headers: TextList,

    /// Names of the events that are sent; without it, all but HANodeRegistered and HANodeDeregistered
    #[arg(long, env = "OPENVIDU_WEBHOOK_EVENTS")]
    pub openvidu_webhook_events: Option<EventNames>,

    /// ICE servers for clients: a list of `url=…,username=…,credential=…`
    #[arg(long, env = "OPENVIDU_WEBRTC_ICE_SERVERS", default_value = "[]", hide_env_values = true)]
    pub openvidu_webrtc_ice_servers: IceServers,
}

impl Config {
    /// From the command line and the environment. Ends the program for `--help` and `--version`.
    pub fn load() -> Result<Self, ConfigError> {
        let config = match Self::try_parse() {
            Ok(config) => config,
            Err(error) if !error.use_stderr() => error.exit(),
            Err(error) => {
                return Err(ConfigError(error.to_string().trim_start_matches("error: ").trim_end().to_owned()));
            }
        };
        config.check()?;
        Ok(config)
    }

    /// What cannot be told from one word alone, or must not be repeated in an error.
    fn check(&self) -> Result<(), ConfigError> {
        let secret = self.openvidu_secret.expose();
        if secret.is_empty() || !secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(ConfigError(
                "OPENVIDU_SECRET: must not be empty and may hold only letters, digits, hyphens and underscores"
                    .to_owned(),
            ));
        }
        self.webhook()?;
        Ok(())
    }

    /// Where events are sent, if anywhere.
    pub(crate) fn webhook(&self) -> Result<Option<Destination>, ConfigError> {
        if !self.openvidu_webhook {
            return Ok(None);
        }
        let endpoint = self.openvidu_webhook_endpoint.expose();
        if endpoint.is_empty() {
            return Err(ConfigError("OPENVIDU_WEBHOOK_ENDPOINT: Cannot be empty.".to_owned()));
        }
        let events = self.openvidu_webhook_events.clone().unwrap_or_default();
        let destination = Destination::new(endpoint, &self.openvidu_webhook_headers.0, events.0);
        destination.map(Some).map_err(|error| ConfigError(format!("{}: {error}", error.setting())))
    }

    /// Port in public URLs.
    pub fn https_port(&self) -> u16 {
        self.https_port.unwrap_or(self.server_port)
    }

    /// The media server's rules, for a server whose media port is `udp_port`. `fallback_host` is how clients of the local
    /// network reach it when no public name is set.
    pub(crate) fn settings(&self, fallback_host: IpAddr, udp_port: u16) -> Settings {
        // Never empty: clients without a list ask third parties for their address.
        let ice_servers = if self.openvidu_webrtc_ice_servers.0.is_empty() {
            let host = self.domain_or_public_ip.for_url().unwrap_or_else(|| bracketed(fallback_host));
            vec![IceServer { url: format!("stun:{host}:{udp_port}"), username: None, credential: None }]
        } else {
            self.openvidu_webrtc_ice_servers.0.clone()
        };
        Settings {
            media_server: self.openvidu_enterprise_media_server,
            video_simulcast: self.openvidu_webrtc_simulcast
                && self.openvidu_enterprise_media_server == MediaServer::Mediasoup,
            compatible_version: COMPATIBLE_VERSION.to_owned(),
            secret: self.openvidu_secret.expose().to_owned(),
            ice_servers,
            reconnection_grace: RECONNECTION_GRACE,
            linger: LINGER,
            media_timeout: MEDIA_TIMEOUT,
            garbage_interval: Duration::from_secs(self.openvidu_sessions_garbage_interval.into()),
            garbage_threshold: Duration::from_secs(self.openvidu_sessions_garbage_threshold.into()),
        }
    }
}

impl Default for Config {
    /// As if nothing were set; the environment is not read.
    fn default() -> Self {
        Self::command()
            .mut_args(|arg| arg.env(None::<&'static str>))
            .try_get_matches_from(["madang"])
            .and_then(|matches| Self::from_arg_matches(&matches))
            .expect("every setting has a default that is valid: tested")
    }
}

/// A setting that cannot be used. Names the key, the value (unless it is secret) and the rule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

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

impl PublicHost {
    /// As it stands in a URL: IPv6 in brackets.
    pub fn for_url(&self) -> Option<String> {
        match self {
            Self::Unset => None,
            Self::Ip(ip) => Some(bracketed(*ip)),
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

impl FromStr for PublicHost {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::Unset);
        }
        let unbracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = unbracketed.parse::<IpAddr>() {
            return if ip.is_unspecified() {
                Err("must be an address that clients can reach")
            } else {
                Ok(Self::Ip(ip))
            };
        }
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() <= 253 && text.split('.').all(label) {
            Ok(Self::Name(text.to_owned()))
        } else {
            Err("must be an IP address or a domain name, without scheme, port or path")
        }
    }
}

/// A comma-separated list of addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addresses(pub Vec<IpAddr>);

impl FromStr for Addresses {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "must be IP addresses separated by commas, none of them unspecified";
        let words =
            text.trim_start_matches('[').trim_end_matches(']').split(',').map(|word| word.trim().trim_matches('"'));
        let addresses = words.filter(|word| !word.is_empty()).map(|word| match word.parse::<IpAddr>() {
            Ok(ip) if !ip.is_unspecified() => Ok(ip),
            _ => Err(RULE),
        });
        addresses.collect::<Result<_, _>>().map(Self)
    }
}

/// Which side of ICE the server takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IceMode {
    /// Answers checks only (RFC 8445 §2.5).
    Lite,
    /// Sends checks itself.
    Full,
}

impl FromStr for IceMode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "lite" => Ok(Self::Lite),
            "full" => Ok(Self::Full),
            _ => Err("must be one of [\"lite\", \"full\"]"),
        }
    }
}

/// `OPENVIDU_WEBRTC_ICE_SERVERS`.
#[derive(Clone, PartialEq, Eq)]
pub struct IceServers(pub Vec<IceServer>);

impl fmt::Debug for IceServers {
    /// Without the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|server| &server.url)).finish()
    }
}

impl FromStr for IceServers {
    type Err = String;

    /// A JSON array of texts; the quotes may be missing, as in the original, if no element has a comma.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let elements = match serde_json::from_str::<Vec<String>>(text) {
            Ok(elements) => elements,
            Err(_) => {
                let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
                let inner = inner.ok_or("must be an array of texts in JSON format")?;
                // `url=` begins every element, so that it also ends the one before.
                inner
                    .split("url=")
                    .map(|e| e.trim_matches([' ', ',']))
                    .filter(|e| !e.is_empty())
                    .map(|e| format!("url={e}"))
                    .collect()
            }
        };
        elements.iter().map(|element| ice_server(element)).collect::<Result<_, _>>().map(Self)
    }
}

fn ice_server(element: &str) -> Result<IceServer, String> {
    let mut server = IceServer { url: String::new(), username: None, credential: None };
    for pair in element.split(',') {
        match pair.split_once('=') {
            Some(("url", url)) => url.clone_into(&mut server.url),
            Some(("username", username)) => server.username = Some(username.to_owned()),
            Some(("credential", credential)) => server.credential = Some(credential.to_owned()),
            Some((key, _)) => return Err(format!("{key:?} is not one of url, username, credential")),
            None => return Err("every element must be url=…[,username=…,credential=…]".to_owned()),
        }
    }
    let turn = ["turn:", "turns:"].iter().any(|scheme| server.url.starts_with(scheme));
    let stun = ["stun:", "stuns:"].iter().any(|scheme| server.url.starts_with(scheme));
    match (turn, stun, server.username.is_some() && server.credential.is_some()) {
        (true, _, true) | (_, true, _) => Ok(server),
        (true, _, false) => Err(format!("{} needs username and credential", server.url)),
        _ => Err(format!("{:?} must begin with stun:, stuns:, turn: or turns:", server.url)),
    }
}

/// As it stands in a URL.
pub(crate) fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Loopback when nothing better is known.
pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn boolean(text: &str) -> Result<bool, &'static str> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err("must be true or false"),
    }
}

fn natural(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "must be an integer that is not negative")
}

fn any_port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "must be a port, 0 to 65535")
}

fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|port| *port != 0).ok_or("must be a port, 1 to 65535")
}

fn ip(text: &str) -> Result<IpAddr, &'static str> {
    text.parse().map_err(|_| "must be an IPv4 or IPv6 address")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Config, String> {
        let matches = Config::command()
            .mut_args(|arg| arg.env(None::<&'static str>))
            .try_get_matches_from(std::iter::once("madang").chain(args.iter().copied()))
            .map_err(|error| error.to_string())?;
        let config = Config::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn without_settings_it_is_a_development_server() {
        let config = Config::default();
        assert_eq!((config.server_port, config.https_port(), config.madang_udp_port), (4443, 4443, 40000));
        assert_eq!(config.openvidu_secret.expose(), "MY_SECRET");
        assert_eq!(config.domain_or_public_ip, PublicHost::Unset);
        assert_eq!(config.openvidu_enterprise_media_server, MediaServer::Mediasoup);
        assert!(!config.openvidu_webrtc_simulcast && config.madang_call_page);
    }

    #[test]
    fn errors_name_the_setting_the_value_and_the_rule() {
        let error = parse(&["--server-port", "70000"]).unwrap_err();
        assert!(error.contains("server-port") && error.contains("70000") && error.contains("0 to 65535"), "{error}");
        let error = parse(&["--openvidu-enterprise-media-server", "janus"]).unwrap_err();
        assert!(error.contains("janus") && error.contains("kurento"), "{error}");
        let error = parse(&["--domain-or-public-ip", "https://x.org"]).unwrap_err();
        assert!(error.contains("https://x.org") && error.contains("without scheme"), "{error}");
    }

    #[test]
    fn a_bad_secret_is_refused_and_not_repeated() {
        for secret in ["", "with space", "ümlaut", "a:b"] {
            let error = parse(&[&format!("--openvidu-secret={secret}")]).unwrap_err();
            assert!(error.contains("OPENVIDU_SECRET") && (secret.is_empty() || !error.contains(secret)), "{error}");
        }
        assert!(!format!("{:?}", Config::default()).contains("MY_SECRET"));
    }

    #[test]
    fn clients_are_pointed_at_our_own_stun_server() {
        let url = |args: &[&str]| parse(args).unwrap().settings(LOCALHOST, 40000).ice_servers[0].url.clone();
        assert_eq!(url(&[]), "stun:127.0.0.1:40000");
        assert_eq!(url(&["--domain-or-public-ip", "call.example.org"]), "stun:call.example.org:40000");
        assert_eq!(url(&["--domain-or-public-ip", "2001:db8::1"]), "stun:[2001:db8::1]:40000");
    }

    #[test]
    fn ice_servers_are_read_with_and_without_quotes() {
        let expected = vec![
            IceServer { url: "turn:h:3478".into(), username: Some("u".into()), credential: Some("c".into()) },
            IceServer { url: "stun:s".into(), username: None, credential: None },
        ];
        for text in [
            r#"["url=turn:h:3478,username=u,credential=c","url=stun:s"]"#,
            "[url=turn:h:3478,username=u,credential=c,url=stun:s]",
        ] {
            assert_eq!(text.parse::<IceServers>().unwrap().0, expected);
        }
        for text in ["", "[url=turn:h]", "[url=http://h]", "[nothing]", r#"["url=stun:s,staticAuthSecret=x"]"#] {
            assert!(text.parse::<IceServers>().is_err(), "{text}");
        }
        assert!("[]".parse::<IceServers>().unwrap().0.is_empty());
    }

    #[test]
    fn simulcast_is_announced_with_mediasoup_only() {
        let announced = |server: &str| {
            let config =
                parse(&["--openvidu-webrtc-simulcast=TRUE", "--openvidu-enterprise-media-server", server]).unwrap();
            config.settings(LOCALHOST, 1).video_simulcast
        };
        assert!(announced("mediasoup") && !announced("kurento"));
    }
}
