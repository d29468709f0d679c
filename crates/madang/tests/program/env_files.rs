//! The `.env` files that OpenVidu's installations have, in front of the real program.

use testbed::program::RunningProgram;

use crate::madang;

const RELEASES: [(&str, &str); 4] = [
    ("2.20", include_str!("../../../../tests/env/ce-2.20.env")),
    ("2.25", include_str!("../../../../tests/env/ce-2.25.env")),
    ("2.28", include_str!("../../../../tests/env/ce-2.28.env")),
    ("2.32", include_str!("../../../../tests/env/ce-2.32.env")),
];
const SECRET: &str = "0p3n-V1du_Secret";

/// A file as its operator edits it: the last line that sets `name`, or has it commented out, sets `value` now.
fn with(file: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(file.to_owned(), |file, (name, value)| {
        let is_line_of = |line: &&str| {
            let line = line.strip_prefix('#').unwrap_or(line).trim_start();
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
        };
        let line = file.lines().rfind(is_line_of).unwrap_or_else(|| panic!("a line for {name}"));
        let start = file.rfind(line).expect("it was found");
        format!("{}{name}={value}{}", &file[..start], &file[start + line.len()..])
    })
}

/// Starts it with `file` as its `.env`.
fn start(folder: &std::path::Path, file: &str) -> RunningProgram {
    std::fs::write(folder.join(".env"), file).unwrap();
    RunningProgram::start(madang(folder))
}

/// `GET /openvidu/api/config`.
fn config(server: &RunningProgram) -> serde_json::Value {
    use base64::Engine as _;
    let credentials = base64::prelude::BASE64_STANDARD.encode(format!("OPENVIDUAPP:{SECRET}"));
    let (head, body) = server.get("/openvidu/api/config", &format!("Authorization: Basic {credentials}\r\n"));
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    serde_json::from_slice(&body).unwrap()
}

/// What an operator has to fill in.
const FILLED: [(&str, &str); 2] = [("DOMAIN_OR_PUBLIC_IP", "call.example.org"), ("OPENVIDU_SECRET", SECRET)];

#[test]
fn a_file_as_it_was_shipped_lacks_the_secret_only() {
    for (release, file) in RELEASES {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env"), file).unwrap();
        let output = madang(folder.path()).output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{release}");
        assert_eq!(log.matches("* ").count(), 1, "{release}: {log}");
        assert!(log.contains("* Property OPENVIDU_SECRET is not set."), "{release}: {log}");
    }
}

#[test]
fn a_file_with_name_and_secret_starts_the_server_without_remarks() {
    for (release, file) in RELEASES {
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path(), &with(file, &FILLED));
        let config = config(&server);
        assert_eq!(config["DOMAIN_OR_PUBLIC_IP"], "call.example.org", "{release}");
        assert_eq!((&config["OPENVIDU_RECORDING"], &config["OPENVIDU_WEBHOOK"]), (&false.into(), &false.into()));
        let log = server.stop();
        assert!(!log.contains("no effect") && !log.contains("is not known"), "{release}: {log}");
    }
}

#[test]
fn a_file_saved_with_the_line_ends_of_windows_is_the_same() {
    for (_, file) in RELEASES {
        let folder = tempfile::tempdir().unwrap();
        let file = with(file, &FILLED).replace('\n', "\r\n");
        let server = start(folder.path(), &file);
        assert_eq!(config(&server)["DOMAIN_OR_PUBLIC_IP"], "call.example.org");
        server.stop();
    }
}

#[test]
fn a_busy_installation_keeps_its_settings() {
    for (release, file) in RELEASES {
        let folder = tempfile::tempdir().unwrap();
        let cdr = folder.path().join("cdr");
        let recordings = folder.path().join("recordings");
        let changes = [
            ("HTTP_PORT", "8442"),
            ("HTTPS_PORT", "8443"),
            ("SUPPORT_DEPRECATED_API", "true"),
            ("WORKER_CONNECTIONS", "20480"),
            ("ALLOWED_ACCESS_TO_DASHBOARD", "198.51.100.1, 198.51.100.0/24"),
            ("ALLOWED_ACCESS_TO_RESTAPI", "203.0.113.0/24,2001:db8::/32"),
            ("OPENVIDU_RECORDING", "true"),
            ("OPENVIDU_RECORDING_PATH", recordings.to_str().unwrap()),
            ("OPENVIDU_RECORDING_DEBUG", "true"),
            ("OPENVIDU_RECORDING_PUBLIC_ACCESS", "true"),
            ("OPENVIDU_RECORDING_NOTIFICATION", "all"),
            ("OPENVIDU_STREAMS_VIDEO_MAX_RECV_BANDWIDTH", "0"),
            ("OPENVIDU_STREAMS_FORCED_VIDEO_CODEC", "H264"),
            ("OPENVIDU_WEBHOOK", "true"),
            ("OPENVIDU_WEBHOOK_ENDPOINT", "http://127.0.0.1:9/webhook"),
            ("OPENVIDU_WEBHOOK_HEADERS", "[X-Key: abc, Authorization: Basic eHg6eHg=]"),
            ("OPENVIDU_WEBHOOK_EVENTS", "[sessionCreated,sessionDestroyed]"),
            ("OPENVIDU_CDR", "true"),
            ("OPENVIDU_CDR_PATH", cdr.to_str().unwrap()),
            ("KMS_IMAGE", "kurento/kurento-media-server:6.16.0"),
            ("KMS_DOCKER_ENV_GST_DEBUG", "3,Kurento*:4"),
            ("OV_CE_DEBUG_LEVEL", "DEBUG"),
            ("JAVA_OPTIONS", "-Xms2048m -Xmx4096m -Duser.timezone=UTC"),
        ];
        let file = with(&with(file, &FILLED), &changes);
        let file = file + "CALL_RECORDING=ENABLED\nMY_OWN_APPLICATION=yes\nOPENVIDU_SECRETT=typo\n";
        let server = start(folder.path(), &file);
        let config = config(&server);
        let expected = serde_json::json!({
            "HTTPS_PORT": 8443,
            "OPENVIDU_PUBLICURL": "https://call.example.org:8443",
            "OPENVIDU_CDR": true,
            "OPENVIDU_CDR_PATH": format!("{}/", cdr.display()),
            "OPENVIDU_STREAMS_VIDEO_MAX_RECV_BANDWIDTH": 0,
            "OPENVIDU_STREAMS_FORCED_VIDEO_CODEC": "H264",
            "OPENVIDU_RECORDING": true,
            "OPENVIDU_RECORDING_PATH": format!("{}/", recordings.display()),
            "OPENVIDU_RECORDING_PUBLIC_ACCESS": true,
            "OPENVIDU_RECORDING_NOTIFICATION": "all",
            "OPENVIDU_WEBHOOK": true,
            "OPENVIDU_WEBHOOK_HEADERS": ["X-Key: abc", "Authorization: Basic eHg6eHg="],
            "OPENVIDU_WEBHOOK_EVENTS": ["sessionCreated", "sessionDestroyed"],
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&config[name], value, "{release} {name}");
        }
        let log = server.stop();
        for told in [
            "OPENVIDU_RECORDING_DEBUG has no effect",
            "WORKER_CONNECTIONS has no effect",
            "JAVA_OPTIONS has no effect",
            "OPENVIDU_SECRETT is not known; is OPENVIDU_SECRET meant?",
        ] {
            assert_eq!(log.matches(told).count(), 1, "{release} {told}: {log}");
        }
        assert!(!log.contains("MY_OWN_APPLICATION") && !log.contains(SECRET), "{release}: {log}");
    }
}

#[test]
fn a_certificate_of_lets_encrypt_that_cannot_be_had_yet_holds_nothing_up() {
    for (release, file) in RELEASES {
        let folder = tempfile::tempdir().unwrap();
        let asked = [("CERTIFICATE_TYPE", "letsencrypt"), ("LETSENCRYPT_EMAIL", "ops@example.org")];
        std::fs::write(folder.path().join(".env"), with(&with(file, &FILLED), &asked)).unwrap();
        let mut command = madang(folder.path());
        command.env("MADANG_ACME_DIRECTORY", "https://127.0.0.1:1/directory");
        let mut server = RunningProgram::start(command);
        server.says("no certificate from the authority; trying again later");
        assert_eq!(
            config(&server)["OPENVIDU_PUBLICURL"],
            format!("https://call.example.org:{}", server.address.port())
        );
        let log = server.stop();
        assert!(!log.contains("no effect"), "{release}: {log}");
    }
}
