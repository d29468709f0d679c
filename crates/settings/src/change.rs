//! Changing settings while the server runs: checked like those at the start, and written to `.env`.
//!
//! What the change does takes a restart, which is not made here.

use super::table::{KEYS, ignored};
use super::{Config, ConfigError, Fault, Rule, Sources};

/// What somebody at a distance may change: numbers, switches, and how calls and recordings are. Whoever has the secret of the
/// REST API shall get neither files nor programs of the machine, nor other secrets, by a restart: so a setting that holds a
/// path, a program, a secret or who may come in is not listed here, and neither is one that was forgotten.
const CHANGEABLE: &[&str] = &[
    "FORCE_PLAIN_HTTP",
    "MADANG_UDP_PORT",
    "MADANG_MEDIA_ADDRESSES",
    "MADANG_STUN_SERVERS",
    "MADANG_ICE_TCP",
    "MADANG_ICE",
    "MEDIA_NODES_PUBLIC_IPS",
    "OPENVIDU_WEBRTC_ICE_SERVERS",
    "MADANG_CALL_PAGE",
    "MADANG_VIRTUAL_BACKGROUND",
    "MADANG_DOCTOR_PAGE",
    "MADANG_UNJOINED_SOCKETS",
    "MADANG_COMPATIBILITY",
    "SUPPORT_DEPRECATED_API",
    "OPENVIDU_WEBRTC_SIMULCAST",
    "OPENVIDU_STREAMS_FORCED_VIDEO_CODEC",
    "OPENVIDU_STREAMS_ALLOW_TRANSCODING",
    "OPENVIDU_STREAMS_VIDEO_MAX_RECV_BANDWIDTH",
    "OPENVIDU_STREAMS_VIDEO_MIN_RECV_BANDWIDTH",
    "OPENVIDU_STREAMS_VIDEO_MAX_SEND_BANDWIDTH",
    "OPENVIDU_STREAMS_VIDEO_MIN_SEND_BANDWIDTH",
    "MADANG_TURN_ALLOCATIONS",
    "MADANG_TURN_CLIENT_ALLOCATIONS",
    "OPENVIDU_SESSIONS_GARBAGE_INTERVAL",
    "OPENVIDU_SESSIONS_GARBAGE_THRESHOLD",
    "OPENVIDU_CDR",
    "OPENVIDU_WEBHOOK",
    "OPENVIDU_WEBHOOK_ENDPOINT",
    "OPENVIDU_WEBHOOK_HEADERS",
    "OPENVIDU_WEBHOOK_EVENTS",
    "OPENVIDU_RECORDING",
    "OPENVIDU_RECORDING_DEBUG",
    "OPENVIDU_RECORDING_VERSION",
    "OPENVIDU_RECORDING_PUBLIC_ACCESS",
    "OPENVIDU_RECORDING_NOTIFICATION",
    "OPENVIDU_RECORDING_AUTOSTOP_TIMEOUT",
    "OPENVIDU_RECORDING_ENABLE_GPU",
    "MADANG_RECORDED_STREAMS",
    "MADANG_COMPOSITIONS",
    "MADANG_BROADCAST_PATIENCE",
    "MADANG_BROADCAST_STREAMS",
    "MADANG_RECORDING_CAPTIONS",
    "MADANG_RECORDING_LOCAL_COPY",
    "OPENVIDU_PRO_SPEECH_TO_TEXT",
    "OPENVIDU_PRO_SPEECH_TO_TEXT_VOSK_MODEL_LOAD_STRATEGY",
];

/// Without effect here, but known to applications of the original: these beginnings, unless they belong to a secret.
const CHANGEABLE_ELSEWHERE: &[&str] = &["OPENVIDU_PRO_STATS_", "OPENVIDU_PRO_SPEECH_TO_TEXT", "OPENVIDU_BROWSER_LOGS"];

/// Of those, what deployments of the original refuse, too.
const FIXED_ELSEWHERE: &[&str] = &["OPENVIDU_PRO_STATS_MONITORING_INTERVAL"];

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
    let is_name = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let is_ours = KEYS.iter().any(|key| key.name == name);
    if !is_name || !(is_ours || ignored(name).is_some()) {
        return Some(format!("Property {name:?} does not exist"));
    }
    let elsewhere = || {
        !is_ours
            && CHANGEABLE_ELSEWHERE.iter().any(|prefix| name.starts_with(prefix))
            && !FIXED_ELSEWHERE.contains(&name)
    };
    if !CHANGEABLE.contains(&name) && !elsewhere() {
        return Some(format!("Property {name} cannot be changed by a restart, only where the server runs (.env)"));
    }
    if name == "MADANG_CALL_PAGE" && value.starts_with('/') {
        return Some(format!(
            "Property {name} can be changed to true or false; a folder is set only where the server runs (.env)"
        ));
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
    fn what_can_be_changed_exists() {
        for name in CHANGEABLE {
            assert!(KEYS.iter().any(|key| key.name == *name), "{name}");
        }
        assert!(FIXED_ELSEWHERE.iter().all(|name| ignored(name).is_some()));
    }

    #[test]
    fn neither_paths_nor_programs_nor_secrets_nor_who_may_come_in_can_be_changed() {
        for name in [
            "DOMAIN_OR_PUBLIC_IP",
            "HTTPS_PORT",
            "HTTP_PORT",
            "SERVER_PORT",
            "MADANG_LISTEN",
            "MADANG_DATA_DIR",
            "CERTIFICATE_TYPE",
            "MADANG_OWNCERT_DIR",
            "MADANG_ACME_DIRECTORY",
            "MADANG_ACME_ROOT",
            "OPENVIDU_SECRET",
            "MADANG_ALLOW_MY_SECRET",
            "MADANG_TRUSTED_PROXIES",
            "MADANG_REFUSE_PRIVATE_TARGETS",
            "ALLOWED_ACCESS_TO_RESTAPI",
            "ALLOWED_ACCESS_TO_DASHBOARD",
            "OPENVIDU_ENTERPRISE_MEDIA_SERVER",
            "COTURN_IP",
            "COTURN_PORT",
            "COTURN_INTERNAL_RELAY",
            "COTURN_SHARED_SECRET_KEY",
            "OPENVIDU_CDR_PATH",
            "OPENVIDU_RECORDING_PATH",
            "MADANG_CAMERA_FOLDERS",
            "OPENVIDU_RECORDING_CUSTOM_LAYOUT",
            "OPENVIDU_RECORDING_COMPOSED_URL",
            "OPENVIDU_RECORDING_IMAGE",
            "MADANG_TRANSCODER",
            "MADANG_CHROMIUM",
            "MADANG_HELPER_USER",
            "OPENVIDU_PRO_AWS_S3_SERVICE_ENDPOINT",
            "OPENVIDU_PRO_AWS_ACCESS_KEY",
            "OPENVIDU_PRO_AWS_SECRET_KEY",
            "MADANG_VOSK_SERVERS",
            "MADANG_TRANSCRIBE_ENDPOINT",
            "MADANG_AZURE_SPEECH_ENDPOINT",
            "OPENVIDU_PRO_SPEECH_TO_TEXT_AZURE_KEY",
            "OPENVIDU_PRO_LICENSE",
            "OPENVIDU_EDITION",
            "OPENVIDU_PRO_STATS_MONITORING_INTERVAL",
            "OPENVIDU_PRO_CLUSTER_TEST",
            "ELASTICSEARCH_PASSWORD",
            "OPENVIDU_PRO_KIBANA_HOST",
            "KMS_IMAGE",
            "JAVA_OPTIONS",
            "CALL_ADMIN_SECRET",
        ] {
            let told = faults(&[(name, "x")]);
            assert!(told.len() == 1 && told[0].contains(&format!("{name} cannot be changed")), "{name}: {told:?}");
        }
        // By what they are, so that a new one is looked at.
        for key in KEYS.iter().filter(|key| CHANGEABLE.contains(&key.name)) {
            let is_place = ["_PATH", "_DIR", "_IMAGE", "_LAYOUT"].iter().any(|end| key.name.ends_with(end));
            let starts =
                ["OPENVIDU_WEBHOOK", "OPENVIDU_WEBRTC_ICE_SERVERS"].iter().any(|own| key.name.starts_with(own));
            assert!(!is_place && (!key.secret || starts), "{}", key.name);
        }
    }

    #[test]
    fn the_call_page_is_switched_and_no_folder_is_shown() {
        assert_eq!(faults(&[("MADANG_CALL_PAGE", "false")]), [""; 0]);
        let told = faults(&[("MADANG_CALL_PAGE", "/etc")]);
        assert!(told.len() == 1 && told[0].contains("a folder is set only where"), "{told:?}");
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
