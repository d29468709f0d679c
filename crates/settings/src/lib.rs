//! What an operator can set: one table of names, defaults, checks and texts. The `.env` file wins over the environment, which wins over defaults, as in OpenVidu 2.
//!
//! All settings are read and checked before anything is opened, and everything that is wrong is reported at once.
//! [`table`] lists the settings, [`value`] and [`address`] their kinds, [`sources`] where they stand, [`report`] writes
//! them for people.
//!
//! What a setting means to the part that uses it is not known here: a rule of such a part comes in as a [`Rule`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

pub use address::{AccessList, AddressRange, TrustedProxies, TurnAddress};
pub use change::check as check_changes;
pub use derived::bracketed;
use sources::Reader;
pub use sources::Sources;
pub use table::{Config, KEYS, Key};
pub use value::{
    CallPage, CertificateType, Compatibility, IceMode, IceTcp, ModelLoadStrategy, PublicHost, RecordingStorage, Secret,
    SpeechToText, StunServer, VoskServers,
};

pub mod address;
mod change;
mod derived;
pub mod dotenv;
pub mod report;
mod sources;
mod spelling;
pub mod table;
pub mod value;

/// The level of OpenVidu whose wire formats are spoken.
pub const COMPATIBLE_VERSION: &str = "2.32.2";

/// What stands in the `.env` file that OpenVidu ships.
const EMAIL_PLACEHOLDER: &str = "user@example.com";

/// Loopback when nothing better is known.
pub const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

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

/// What a part of the server that is given settings has to say about them.
pub type Rule = fn(&Config) -> Option<Fault>;

impl Config {
    /// Reads and checks everything that can be checked here.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        Self::load_with(sources, &[])
    }

    /// The same, with the rules of those who will be given the settings.
    pub fn load_with(sources: &Sources, rules: &[Rule]) -> Result<Self, ConfigError> {
        let sources = &sources.with_derived_defaults();
        let mut reader = Reader::new(sources);
        let config = Self::read(&mut reader);
        let mut faults = reader.into_faults();
        if let Some(config) = &config {
            faults.extend(rules.iter().filter_map(|rule| rule(config)));
            faults.extend(config.check());
        }
        config.filter(|_| faults.is_empty()).ok_or(ConfigError(faults))
    }

    /// Rules between settings.
    fn check(&self) -> Vec<Fault> {
        let mut faults = vec![];
        if self.certificate_type != CertificateType::LetsEncrypt {
            return faults;
        }
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
}

impl Default for Config {
    /// As if nothing were set; neither environment nor file is read.
    fn default() -> Self {
        Self::load(&Sources::default()).expect("every default is valid: tested")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(&Sources::of(pairs))
    }

    #[test]
    fn without_settings_it_is_a_development_server() {
        let config = Config::default();
        assert_eq!((config.server_port, config.https_port(), config.madang_udp_port), (4443, 4443, 40000));
        assert_eq!(config.openvidu_secret.expose(), "MY_SECRET");
        assert_eq!(config.domain_or_public_ip, PublicHost::Unset);
        assert!(!config.openvidu_webrtc_simulcast && config.madang_call_page.is_on());
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
    fn a_malformed_file_is_ignored_whole_and_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env"), "OPENVIDU_SECRET=x\nOPENVIDU_SECRET hush\n").unwrap();
        let error = Config::load(&Sources::new([], folder.path())).unwrap_err().to_string();
        assert!(
            error.contains("malformed line at position 2: it must be NAME=value") && !error.contains("hush"),
            "{error}"
        );
    }

    #[test]
    fn no_key_is_both_known_and_ignored_and_none_stands_twice() {
        let mut names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        assert!(names.iter().all(|name| table::ignored(name).is_none()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KEYS.len());
    }
}
