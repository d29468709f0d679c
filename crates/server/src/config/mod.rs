//! What an operator can set. The `.env` file wins over the environment, which wins over defaults, as in OpenVidu 2.
//!
//! All settings are read and checked before anything is opened, and everything that is wrong is reported at once.
//! [`table`] lists the settings, [`value`] and [`address`] their kinds, [`report`] writes them for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use bucket::Bucket;
use protocol::model::{IceServer, MediaServer};
use session::{RecordingSettings, Settings};

use crate::webhooks::Destination;

pub use address::{AccessList, AddressRange, TurnAddress};
pub(crate) use change::check as check_changes;
pub use table::{Config, KEYS, Key};
pub use value::{CertificateType, Compatibility, IceMode, IceTcp, PublicHost, RecordingStorage, Secret, StunServer};

pub mod address;
mod change;
pub mod dotenv;
pub mod report;
mod spelling;
pub mod table;
pub mod value;

/// The level of OpenVidu whose wire formats are spoken.
pub const COMPATIBLE_VERSION: &str = "2.32.2";

/// What stands in the `.env` file that OpenVidu ships.
const EMAIL_PLACEHOLDER: &str = "user@example.com";

/// How long a connection outlives its socket, as in the original: clients retry every 3 s.
const RECONNECTION_GRACE: Duration = Duration::from_secs(10);
/// How long a socket stays open after its connection ended, as in the original.
const LINGER: Duration = Duration::from_secs(10);
/// Clients give up after 10 s and never hear why; an error has to reach them before.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(5);

/// The usual one (RFC 8489 §8.1).
const STUN_PORT: u16 = 3478;

/// As in the original: openvidu-java-client waits for 30 s.
const RECORDING_START_TIMEOUT: Duration = Duration::from_secs(10);
/// As in the original: creating the session again waits as long.
const RECORDING_PROCESSING_TIMEOUT: Duration = Duration::from_secs(15);

/// Loopback when nothing better is known.
pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A setting that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Which; `None` for a fault of the `.env` file itself.
    pub name: Option<&'static str>,
    /// As it was set, asterisks for secrets; empty if it was not.
    pub value: String,
    /// The rule it breaks.
    pub rule: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name, self.value.as_str()) {
            (None, _) => f.write_str(&self.rule),
            (Some(name), "") => write!(f, "Property {name} is not set. {}", self.rule),
            (Some(name), value) => write!(f, "Property {name}={value}. {}", self.rule),
        }
    }
}

/// Everything that is wrong, for [`report::faults`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", report::faults(&self.0))]
pub struct ConfigError(pub Vec<Fault>);

/// Texts of settings, before they are understood. Some are secret.
#[derive(Clone, Default)]
pub struct Sources {
    texts: BTreeMap<String, String>,
    /// Names in the `.env` file.
    of_file: BTreeSet<String>,
    faults: Vec<Fault>,
}

impl Sources {
    /// `environment`, overridden by the file `.env` in `folder` if there is one.
    pub fn new(environment: impl IntoIterator<Item = (String, String)>, folder: &Path) -> Self {
        let mut sources = Self { texts: environment.into_iter().collect(), ..Self::default() };
        let path = folder.join(".env");
        match std::fs::read_to_string(&path) {
            Ok(text) => match dotenv::parse(&text) {
                Ok(pairs) => {
                    sources.of_file = pairs.iter().map(|(name, _)| name.clone()).collect();
                    sources.texts.extend(pairs);
                }
                Err(malformed) => sources.faults.push(Fault {
                    name: None,
                    value: String::new(),
                    rule: format!(
                        "File {} has a malformed line at position {} with content \"{}\"",
                        path.display(),
                        malformed.line,
                        malformed.content
                    ),
                }),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => sources.faults.push(Fault {
                name: None,
                value: String::new(),
                rule: format!("File {} cannot be read: {error}", path.display()),
            }),
        }
        sources
    }

    /// With these texts instead of those that stand there.
    fn with(&self, changes: &[(String, String)]) -> Self {
        let mut sources = self.clone();
        sources.texts.extend(changes.iter().cloned());
        sources
    }

    /// Defaults that are another setting's value.
    fn with_derived_defaults(&self) -> Self {
        let mut sources = self.clone();
        if let (None, Some(port)) = (sources.texts.get("SERVER_PORT"), sources.texts.get("HTTPS_PORT")) {
            let port = port.clone();
            sources.texts.insert("SERVER_PORT".to_owned(), port);
        }
        sources
    }

    /// What was set and changes nothing: the reasons, each with its settings. What was set to its default is left out.
    pub fn without_effect(&self) -> BTreeMap<&'static str, Vec<&str>> {
        let mut by_reason: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, text) in &self.texts {
            let reason = match KEYS.iter().find(|key| key.name == name) {
                Some(key) => key.idle.filter(|_| text != key.default),
                None => table::ignored(name),
            };
            if let Some(reason) = reason {
                by_reason.entry(reason).or_default().push(name.as_str());
            }
        }
        by_reason
    }

    /// Names that nobody knows, with the known one each is probably meant to be. Only those in the `.env` file and those
    /// that begin like ours: the environment is full of other people's names.
    pub fn misspelt(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let ours = |name: &str| {
            self.of_file.contains(name) || ["MADANG_", "OPENVIDU_"].iter().any(|prefix| name.starts_with(prefix))
        };
        let unknown = self.texts.keys().filter(move |name| ours(name) && !table::is_known(name));
        unknown.filter_map(|name| Some((name.as_str(), spelling::meant(name, table::names())?)))
    }

    /// What must not be shown to anybody: the secret settings, and those of other programs whose name says so. Longest
    /// first, so that one which contains another is found whole.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![];
        for (_, text) in self.texts.iter().filter(|(name, _)| is_secret(name)) {
            secrets.push(text.trim().to_owned());
            // A list's parts may appear alone, and so may the password of a URL.
            for part in text.split(|symbol: char| symbol.is_whitespace() || ",;=[]\"'".contains(symbol)) {
                secrets.push(part.to_owned());
                let credentials = part.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
                secrets.extend(credentials.into_iter().flat_map(|(pair, _)| pair.split(':')).map(str::to_owned));
            }
        }
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET && value::boolean(secret).is_err());
        secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        secrets
    }
}

/// Shorter ones would be found in every word.
const SHORTEST_SECRET: usize = 4;

fn is_secret(name: &str) -> bool {
    const MARKS: [&str; 6] = ["SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "TOKEN", "KEY"];
    match KEYS.iter().find(|key| key.name == name) {
        Some(key) => key.secret,
        None => name == "OPENVIDU_PRO_LICENSE" || MARKS.iter().any(|mark| name.to_ascii_uppercase().contains(mark)),
    }
}

/// Takes settings from their sources one by one and remembers what is wrong.
pub(crate) struct Reader<'a> {
    sources: &'a Sources,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    /// One setting; set but empty counts as the empty text.
    fn read<T>(
        &mut self,
        name: &'static str,
        default: &str,
        secret: bool,
        parse: fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.sources.texts.get(name).map_or(default, String::as_str);
        match parse(text) {
            Ok(value) => Some(value),
            Err(rule) => {
                let value = if secret { "*".repeat(text.chars().count()) } else { text.to_owned() };
                self.faults.push(Fault { name: Some(name), value, rule });
                None
            }
        }
    }
}

impl Config {
    /// Reads and checks everything.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let sources = &sources.with_derived_defaults();
        let mut reader = Reader { sources, faults: sources.faults.clone() };
        let config = Self::read(&mut reader);
        let mut faults = reader.faults;
        if let Some(config) = &config {
            faults.extend(config.check());
        }
        config.filter(|_| faults.is_empty()).ok_or(ConfigError(faults))
    }

    /// Rules between settings.
    fn check(&self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = self.webhook().err().into_iter().chain(self.bucket().err()).collect();
        if self.certificate_type == CertificateType::LetsEncrypt {
            faults.extend(self.check_letsencrypt());
        }
        faults
    }

    fn check_letsencrypt(&self) -> Vec<Fault> {
        let mut faults = vec![];
        let mut broken = |name, value: String, rule: &str| {
            faults.push(Fault { name: Some(name), value, rule: format!("{rule} with CERTIFICATE_TYPE=letsencrypt.") });
        };
        let host = self.domain_or_public_ip.for_url().unwrap_or_default();
        if !matches!(&self.domain_or_public_ip, PublicHost::Name(name) if name.contains('.')) {
            broken("DOMAIN_OR_PUBLIC_IP", host, "Must be a domain name");
        }
        if self.letsencrypt_email == EMAIL_PLACEHOLDER {
            broken("LETSENCRYPT_EMAIL", self.letsencrypt_email.clone(), "Must be your own e-mail address");
        } else if !value::is_email(&self.letsencrypt_email) {
            broken("LETSENCRYPT_EMAIL", self.letsencrypt_email.clone(), "Must be an e-mail address");
        }
        faults
    }

    /// Where events are sent, if anywhere.
    pub(crate) fn webhook(&self) -> Result<Option<Destination>, Fault> {
        if !self.openvidu_webhook {
            return Ok(None);
        }
        let fault =
            |name, value: &str, rule| Fault { name: Some(name), value: "*".repeat(value.chars().count()), rule };
        let endpoint = self.openvidu_webhook_endpoint.expose();
        if endpoint.is_empty() {
            return Err(fault("OPENVIDU_WEBHOOK_ENDPOINT", endpoint, "Cannot be empty.".to_owned()));
        }
        let headers = &self.openvidu_webhook_headers.0;
        let destination = Destination::new(endpoint, headers, self.openvidu_webhook_events.clone());
        destination.map(Some).map_err(|error| fault(error.setting(), "*", error.to_string()))
    }

    /// The bucket that recordings are kept in, if they are.
    pub(crate) fn bucket(&self) -> Result<Option<Bucket>, Fault> {
        if self.openvidu_pro_recording_storage == RecordingStorage::Local {
            return Ok(None);
        }
        let fault = |name, value: &str, rule: String| Fault { name: Some(name), value: value.to_owned(), rule };
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let [key, secret] = [&self.openvidu_pro_aws_access_key, &self.openvidu_pro_aws_secret_key].map(Secret::expose);
        let credentials = match (given(key), given(secret)) {
            (Some(key), Some(secret)) => Some((key, secret)),
            (None, None) => None,
            (Some(_), None) => {
                return Err(fault("OPENVIDU_PRO_AWS_SECRET_KEY", "", "Must be set with the access key.".to_owned()));
            }
            (None, Some(_)) => {
                return Err(fault("OPENVIDU_PRO_AWS_ACCESS_KEY", "", "Must be set with the secret key.".to_owned()));
            }
        };
        let headers: BTreeMap<String, String> =
            serde_json::from_str(self.openvidu_pro_aws_s3_headers.expose()).unwrap_or_default();
        let settings = bucket::Settings {
            bucket: self.openvidu_pro_aws_s3_bucket.clone(),
            endpoint: given(&self.openvidu_pro_aws_s3_service_endpoint),
            path_style: self.openvidu_pro_aws_s3_with_path_style_access,
            region: given(&self.openvidu_pro_aws_region),
            credentials,
            headers: headers.into_iter().collect(),
        };
        let broken = |error: bucket::Error| {
            fault("OPENVIDU_PRO_AWS_S3_BUCKET", &self.openvidu_pro_aws_s3_bucket, format!("{error}."))
        };
        Bucket::open(&settings).map(Some).map_err(broken)
    }

    /// Where clients find this server, if nobody asks who reaches it differently; without a slash at its end.
    pub(crate) fn public_url(&self, fallback_host: IpAddr) -> String {
        let host = self.domain_or_public_ip.for_url().unwrap_or_else(|| bracketed(fallback_host));
        let (scheme, standard) = if self.force_plain_http { ("http", 80) } else { ("https", 443) };
        match self.https_port() {
            port if port == standard => format!("{scheme}://{host}"),
            port => format!("{scheme}://{host}:{port}"),
        }
    }

    /// Port in public URLs.
    pub fn https_port(&self) -> u16 {
        self.https_port.unwrap_or(self.server_port)
    }

    /// Where clients may open connections for media, as seen from outside.
    pub(crate) fn ice_tcp_port(&self) -> Option<u16> {
        match self.madang_ice_tcp {
            IceTcp::Auto => (self.https_port() == self.server_port).then_some(self.server_port),
            IceTcp::Off => None,
            IceTcp::Port(port) => Some(port),
        }
    }

    /// Port on which requests are only sent on to HTTPS. A proxy in front has its own.
    pub(crate) fn redirecting_port(&self) -> Option<u16> {
        let public_itself = self.https_port.is_none_or(|port| port == self.server_port);
        self.http_port.filter(|_| public_itself && !self.force_plain_http)
    }

    /// The rules' settings, for a server whose media port is `udp_port`. `fallback_host` is how clients of the local
    /// network reach it when no public name is set.
    pub(crate) fn settings(&self, fallback_host: IpAddr, udp_port: u16) -> Settings {
        // Never empty: clients without a list ask third parties for their address. Never the media port either: Chromium
        // takes whatever comes from a STUN server's address and port for its answers, connectivity checks included, so
        // that no path to it would work. Nothing has to answer at this one: we are reached without clients' candidates.
        let host = self.domain_or_public_ip.for_url().unwrap_or_else(|| bracketed(fallback_host));
        let port = if udp_port == STUN_PORT { STUN_PORT + 1 } else { STUN_PORT };
        let stun = IceServer { url: format!("stun:{host}:{port}"), username: None, credential: None };
        Settings {
            media_server: self.openvidu_enterprise_media_server,
            video_simulcast: self.openvidu_webrtc_simulcast
                && self.openvidu_enterprise_media_server == MediaServer::Mediasoup,
            compatible_version: COMPATIBLE_VERSION.to_owned(),
            secret: self.openvidu_secret.expose().to_owned(),
            ice_servers: vec![stun],
            turn: None,
            reconnection_grace: RECONNECTION_GRACE,
            linger: LINGER,
            media_timeout: MEDIA_TIMEOUT,
            garbage_interval: Duration::from_secs(self.openvidu_sessions_garbage_interval.into()),
            garbage_threshold: Duration::from_secs(self.openvidu_sessions_garbage_threshold.into()),
            recording: RecordingSettings {
                enabled: self.openvidu_recording,
                notification: self.openvidu_recording_notification,
                auto_stop: Duration::from_secs(self.openvidu_recording_autostop_timeout.into()),
                max_streams: usize::try_from(self.madang_recorded_streams).unwrap_or(usize::MAX),
                start_timeout: RECORDING_START_TIMEOUT,
                processing_timeout: RECORDING_PROCESSING_TIMEOUT,
            },
        }
    }
}

impl Default for Config {
    /// As if nothing were set; neither environment nor file is read.
    fn default() -> Self {
        Self::load(&Sources::default()).expect("every default is valid: tested")
    }
}

/// As it stands in a URL.
pub(crate) fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(pairs: &[(&str, &str)]) -> Sources {
        Sources {
            texts: pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            ..Sources::default()
        }
    }

    fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(&sources(pairs))
    }

    #[test]
    fn without_settings_it_is_a_development_server() {
        let config = Config::default();
        assert_eq!((config.server_port, config.https_port(), config.madang_udp_port), (4443, 4443, 40000));
        assert_eq!(config.openvidu_secret.expose(), "MY_SECRET");
        assert_eq!(config.domain_or_public_ip, PublicHost::Unset);
        assert!(!config.openvidu_webrtc_simulcast && config.madang_call_page);
    }

    #[test]
    fn the_port_listened_on_follows_the_public_one() {
        let ports =
            |pairs: &[(&str, &str)]| load(pairs).map(|config| (config.server_port, config.https_port())).unwrap();
        assert_eq!(ports(&[("HTTPS_PORT", "443")]), (443, 443));
        assert_eq!(ports(&[("SERVER_PORT", "5443"), ("HTTPS_PORT", "443")]), (5443, 443));
        assert_eq!(ports(&[("SERVER_PORT", "8080")]), (8080, 8080));
    }

    #[test]
    fn media_over_tcp_is_offered_where_nothing_stands_in_front() {
        let port = |pairs: &[(&str, &str)]| load(pairs).unwrap().ice_tcp_port();
        assert_eq!(port(&[]), Some(4443));
        assert_eq!(port(&[("HTTPS_PORT", "443")]), Some(443));
        assert_eq!(port(&[("HTTPS_PORT", "443"), ("SERVER_PORT", "5443")]), None);
        assert_eq!(port(&[("HTTPS_PORT", "443"), ("SERVER_PORT", "5443"), ("MADANG_ICE_TCP", "443")]), Some(443));
        assert_eq!(port(&[("MADANG_ICE_TCP", "off")]), None);
        assert!(load(&[("MADANG_ICE_TCP", "on")]).unwrap_err().to_string().contains("MADANG_ICE_TCP=on. Must be"));
    }

    #[test]
    fn the_server_redirects_only_to_itself() {
        let redirecting = |pairs: &[(&str, &str)]| load(pairs).unwrap().redirecting_port();
        let ports = [("HTTP_PORT", "80"), ("HTTPS_PORT", "443")];
        assert_eq!(redirecting(&[]), None);
        assert_eq!(redirecting(&ports), Some(80));
        assert_eq!(redirecting(&[("HTTP_PORT", "80"), ("SERVER_PORT", "4443")]), Some(80));
        assert_eq!(redirecting(&[&ports[..], &[("SERVER_PORT", "5443")]].concat()), None, "behind a proxy");
        assert_eq!(redirecting(&[&ports[..], &[("FORCE_PLAIN_HTTP", "true")]].concat()), None);
    }

    #[test]
    fn all_errors_are_reported_at_once_with_name_value_and_rule() {
        let error = load(&[("SERVER_PORT", "70000"), ("OPENVIDU_SECRET", "with space"), ("OPENVIDU_CDR", "maybe")])
            .unwrap_err();
        let text = error.to_string();
        assert_eq!(error.0.len(), 3, "{text}");
        assert!(text.contains("* Property SERVER_PORT=70000. Is not a valid port"), "{text}");
        assert!(text.contains("* Property OPENVIDU_CDR=maybe. Is not a boolean"), "{text}");
        assert!(text.contains("* Property OPENVIDU_SECRET=**********. ") && !text.contains("with space"), "{text}");
        assert!(
            load(&[("OPENVIDU_SECRET", "")])
                .unwrap_err()
                .to_string()
                .contains("* Property OPENVIDU_SECRET is not set. ")
        );
        assert!(
            load(&[("OPENVIDU_WEBHOOK", "true")])
                .unwrap_err()
                .to_string()
                .contains("OPENVIDU_WEBHOOK_ENDPOINT is not set")
        );
    }

    #[test]
    fn event_settings_are_checked_only_when_they_are_used() {
        let wrong = [("OPENVIDU_WEBHOOK_ENDPOINT", "nonsense"), ("OPENVIDU_WEBHOOK_HEADERS", "[no colon]")];
        assert!(load(&wrong).is_ok());
        for pair in wrong {
            let on = [("OPENVIDU_WEBHOOK", "true"), ("OPENVIDU_WEBHOOK_ENDPOINT", "http://127.0.0.1:1/"), pair];
            assert!(load(&on).unwrap_err().to_string().contains(pair.0));
        }
    }

    #[test]
    fn the_file_wins_over_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env"), "OPENVIDU_SECRET=from-file\nHTTPS_HSTS=x\n").unwrap();
        let environment =
            [("OPENVIDU_SECRET".to_owned(), "from-env".to_owned()), ("SERVER_PORT".to_owned(), "1".to_owned())];
        let sources = Sources::new(environment, folder.path());
        let config = Config::load(&sources).unwrap();
        assert_eq!((config.openvidu_secret.expose(), config.server_port), ("from-file", 1));
        assert_eq!(sources.without_effect().into_values().flatten().collect::<Vec<_>>(), ["HTTPS_HSTS"]);
    }

    #[test]
    fn what_changes_nothing_is_told_once_for_each_reason_and_only_if_it_was_changed() {
        let set = [
            ("OPENVIDU_RECORDING_DEBUG", "true"),
            ("OPENVIDU_RECORDING_ENABLE_GPU", "true"),
            ("OPENVIDU_RECORDING_IMAGE", ""),
            ("LETSENCRYPT_EMAIL", "user@example.com"),
            ("JAVA_OPTIONS", "-Xmx1g"),
        ];
        let sources = sources(&set);
        let told: Vec<_> = sources.without_effect().into_values().collect();
        assert_eq!(told, [vec!["JAVA_OPTIONS"], vec!["OPENVIDU_RECORDING_DEBUG", "OPENVIDU_RECORDING_ENABLE_GPU"]]);
    }

    #[test]
    fn misspelt_names_of_the_file_are_told_and_foreign_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = "OPENVIDU_SECRT=x\nHTTPS_PROT=1\nMY_APP_KEY=1\nOPENVIDU_RECORDING=false\n";
        std::fs::write(folder.path().join(".env"), file).unwrap();
        let environment = ["HTTP_PROT", "MADANG_UDP_PROT", "HOME"].map(|name| (name.to_owned(), String::new()));
        let sources = Sources::new(environment, folder.path());
        assert_eq!(
            sources.misspelt().collect::<Vec<_>>(),
            [
                ("HTTPS_PROT", "HTTPS_PORT"),
                ("MADANG_UDP_PROT", "MADANG_UDP_PORT"),
                ("OPENVIDU_SECRT", "OPENVIDU_SECRET")
            ]
        );
    }

    #[test]
    fn a_certificate_of_lets_encrypt_needs_a_name_and_an_address_to_write_to() {
        let on = |pairs: &[(&str, &str)]| load(&[&[("CERTIFICATE_TYPE", "letsencrypt")], pairs].concat());
        let text = on(&[]).unwrap_err().to_string();
        assert!(text.contains("* Property DOMAIN_OR_PUBLIC_IP is not set. Must be a domain name with"), "{text}");
        assert!(text.contains("* Property LETSENCRYPT_EMAIL=user@example.com. Must be your own"), "{text}");
        let named = ("DOMAIN_OR_PUBLIC_IP", "call.example.org");
        for (email, valid) in
            [("ops@example.org", true), ("ops", false), ("@a.b", false), ("a b@c.d", false), ("", false)]
        {
            assert_eq!(on(&[named, ("LETSENCRYPT_EMAIL", email)]).is_ok(), valid, "{email}");
        }
        for host in ["203.0.113.5", "localhost"] {
            assert!(on(&[("DOMAIN_OR_PUBLIC_IP", host), ("LETSENCRYPT_EMAIL", "a@b.c")]).is_err(), "{host}");
        }
        assert!(load(&[("LETSENCRYPT_EMAIL", "nonsense")]).is_ok(), "not used");
    }

    #[test]
    fn settings_whose_feature_is_missing_are_checked() {
        for (name, wrong, rule) in [
            ("OPENVIDU_RECORDING", "yes", "Is not a boolean"),
            ("OPENVIDU_RECORDING_AUTOSTOP_TIMEOUT", "-1", "Is not a non negative integer"),
            ("OPENVIDU_RECORDING_NOTIFICATION", "everybody", "Must be one of the values"),
            ("OPENVIDU_RECORDING_IMAGE", "untagged", "The docker image configured is not valid"),
            ("OPENVIDU_RECORDING_COMPOSED_URL", "x", "Is not a valid URL"),
            ("OPENVIDU_RECORDING_PATH", "", "Cannot be empty"),
            ("CERTIFICATE_TYPE", "mine", "Invalid value 'mine'"),
            ("COTURN_IP", "turn.example.org", "Is not a valid IP Address"),
            ("COTURN_PORT", "99999", "COTURN_PORT is out of valid ports range (0-65535)"),
            ("KMS_URIS", "[http://a]", "http://a is not a valid WebSocket URL"),
            ("MEDIA_NODES_PUBLIC_IPS", "[10.0.0.1]", "Not valid ip pair in MEDIA_NODES_PUBLIC_IPS"),
            ("ALLOWED_ACCESS_TO_RESTAPI", "10.0.0.1/40", "'10.0.0.1/40' is not a valid IP Address"),
            ("SUPPORT_DEPRECATED_API", "", "Is not a boolean"),
        ] {
            let text = load(&[(name, wrong)]).unwrap_err().to_string();
            assert!(text.contains(&format!("* Property {name}")) && text.contains(rule), "{text}");
        }
    }

    #[test]
    fn secrets_are_known_by_the_table_or_by_their_name() {
        let secrets = sources(&[
            ("OPENVIDU_SECRET", "topsecret"),
            ("OPENVIDU_WEBHOOK_HEADERS", r#"["Authorization: Basic Zm9vOmJhcg=="]"#),
            ("COTURN_SHARED_SECRET_KEY", "shared1"),
            ("OPENVIDU_WEBHOOK_ENDPOINT", "https://user:word@example.org/hook"),
            ("SOME_API_TOKEN", "abc"),
            ("DOMAIN_OR_PUBLIC_IP", "call.example.org"),
        ])
        .secrets();
        for secret in ["topsecret", "Zm9vOmJhcg", "shared1", "word"] {
            assert!(secrets.iter().any(|known| known == secret), "{secret}");
        }
        assert!(!secrets.iter().any(|known| known == "abc" || known == "call.example.org"));
    }

    #[test]
    fn a_malformed_file_is_ignored_whole_and_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env"), "OPENVIDU_SECRET=x\nnonsense\n").unwrap();
        let error = Config::load(&Sources::new([], folder.path())).unwrap_err();
        assert!(error.to_string().contains("malformed line at position 2 with content \"nonsense\""), "{error}");
    }

    #[test]
    fn no_key_is_both_known_and_ignored_and_none_stands_twice() {
        let mut names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        assert!(names.iter().all(|name| table::ignored(name).is_none()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KEYS.len());
    }

    #[test]
    fn clients_are_never_pointed_at_the_media_port_for_stun() {
        let url = |pairs: &[(&str, &str)]| load(pairs).unwrap().settings(LOCALHOST, 40000).ice_servers[0].url.clone();
        assert_eq!(url(&[]), "stun:127.0.0.1:3478");
        assert_eq!(url(&[("DOMAIN_OR_PUBLIC_IP", "call.example.org")]), "stun:call.example.org:3478");
        assert_eq!(url(&[("DOMAIN_OR_PUBLIC_IP", "2001:db8::1")]), "stun:[2001:db8::1]:3478");
        let same = Config::default().settings(LOCALHOST, 3478).ice_servers[0].url.clone();
        assert_eq!(same, "stun:127.0.0.1:3479");
    }

    #[test]
    fn simulcast_is_announced_with_mediasoup_only() {
        let announced = |server: &str| {
            let pairs = [("OPENVIDU_WEBRTC_SIMULCAST", "TRUE"), ("OPENVIDU_ENTERPRISE_MEDIA_SERVER", server)];
            load(&pairs).unwrap().settings(LOCALHOST, 1).video_simulcast
        };
        assert!(announced("mediasoup") && !announced("kurento"));
    }
}
