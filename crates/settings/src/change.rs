//! Changing settings while the server runs: checked like those at the start, and written to `.env`.
//!
//! What the change does takes a restart, which is not made here.

use super::table::{KEYS, ignored};
use super::{Config, ConfigError, Fault, Rule, Sources};

/// What somebody at a distance must not change: how the server is reached, who may reach it, and where it keeps its
/// secrets. The other half belongs to deployments of OpenVidu, which refuse them as well.
const FIXED: &[&str] = &[
    "DOMAIN_OR_PUBLIC_IP",
    "HTTPS_PORT",
    "SERVER_PORT",
    "MADANG_LISTEN",
    "MADANG_DATA_DIR",
    "OPENVIDU_SECRET",
    "OPENVIDU_ENTERPRISE_MEDIA_SERVER",
    "ALLOWED_ACCESS_TO_RESTAPI",
    "ALLOWED_ACCESS_TO_DASHBOARD",
    "COTURN_IP",
    "COTURN_PORT",
    "COTURN_INTERNAL_RELAY",
    "CERTIFICATE_TYPE",
    "MADANG_OWNCERT_DIR",
    "MADANG_ACME_DIRECTORY",
    "MADANG_ACME_ROOT",
    "HTTP_PORT",
    "OPENVIDU_PRO_LICENSE",
    "OPENVIDU_EDITION",
    "OPENVIDU_PRO_STATS_MONITORING_INTERVAL",
    "OPENVIDU_PRO_CLUSTER_TEST",
    "ELASTICSEARCH_USERNAME",
    "ELASTICSEARCH_PASSWORD",
    "OPENVIDU_PRO_ELASTICSEARCH_HOST",
    "OPENVIDU_PRO_KIBANA_HOST",
    "KMS_IMAGE",
    "MEDIASOUP_IMAGE",
];

/// Says everything that is wrong with `changes` and with what the settings would then be.
pub fn check(sources: &Sources, changes: &[(String, String)], rules: &[Rule]) -> Result<(), ConfigError> {
    let mut faults = vec![];
    let mut allowed = vec![];
    for change in changes {
        match refusal(&change.0, &change.1) {
            Some(rule) => faults.push(Fault { name: None, value: String::new(), rule }),
            None => allowed.push(change.clone()),
        }
    }
    faults.extend(Config::load_with(&sources.with(&allowed), rules).err().map(|error| error.0).unwrap_or_default());
    if faults.is_empty() { Ok(()) } else { Err(ConfigError(faults)) }
}

/// Why a setting cannot be changed at all, or not to this.
fn refusal(name: &str, value: &str) -> Option<String> {
    if FIXED.contains(&name) {
        return Some(format!("Property {name} cannot be changed by a restart"));
    }
    let is_name = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_name || !(KEYS.iter().any(|key| key.name == name) || ignored(name).is_some()) {
        return Some(format!("Property {name:?} does not exist"));
    }
    value.chars().any(char::is_control).then(|| format!("Property {name} must be one line"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(changes: &[(&str, &str)]) -> Vec<String> {
        let changes: Vec<_> = changes.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let error = check(&Sources::default(), &changes, &[]).err();
        error.map(|error| error.0.iter().map(Fault::to_string).collect()).unwrap_or_default()
    }

    #[test]
    fn what_is_fixed_exists() {
        for name in FIXED {
            assert!(KEYS.iter().any(|key| key.name == *name) || ignored(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_fault_is_told_and_no_secret_is_repeated() {
        let told = faults(&[
            ("OPENVIDU_CDR", "maybe"),
            ("OPENVIDU_SECRET", "new-secret"),
            ("NO_SUCH_THING", "x"),
            ("KMS_X=\nOPENVIDU_SECRET", "x"),
            ("OPENVIDU_WEBHOOK_HEADERS", "[]\nOPENVIDU_SECRET=stolen"),
            ("OPENVIDU_WEBRTC_ICE_SERVERS", "[url=turn:h,username=u,credential=hush,x=y]"),
        ]);
        let expected = ["OPENVIDU_SECRET cannot", "NO_SUCH_THING", "KMS_X", "HEADERS must be one", "CDR=maybe", "ICE"];
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for part in expected {
            assert!(told.iter().any(|fault| fault.contains(part)), "{part}: {told:?}");
        }
        for secret in ["new-secret", "stolen", "hush"] {
            assert!(!told.concat().contains(secret), "{told:?}");
        }
    }

    #[test]
    fn what_has_no_effect_here_may_be_set() {
        assert_eq!(faults(&[("OPENVIDU_PRO_STATS_SESSION_INTERVAL", "5"), ("OPENVIDU_CDR", "true")]), [""; 0]);
    }
}
