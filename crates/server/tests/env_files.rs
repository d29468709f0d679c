//! The `.env` files that OpenVidu's installations have, in front of the real program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Only ever reached by a failing test; generous, since the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
const RELEASES: [(&str, &str); 4] = [
    ("2.20", include_str!("../../../tests/env/ce-2.20.env")),
    ("2.25", include_str!("../../../tests/env/ce-2.25.env")),
    ("2.28", include_str!("../../../tests/env/ce-2.28.env")),
    ("2.32", include_str!("../../../tests/env/ce-2.32.env")),
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

fn madang(folder: &Path, file: &str) -> Command {
    std::fs::write(folder.join(".env"), file).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
    command.env_clear().env("DOTENV_PATH", folder).env("MADANG_DATA_DIR", folder.join("data"));
    command.env("SERVER_PORT", "0").env("MADANG_UDP_PORT", "0").env("MADANG_LISTEN", "127.0.0.1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A server that said it is ready.
struct Running {
    child: Child,
    port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(folder: &Path, file: &str) -> Self {
        let mut child = madang(folder, file).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (told, port) = mpsc::channel();
        std::thread::spawn(move || {
            let banner = stdout.lines().map_while(Result::ok).skip_while(|line| !line.contains("OpenVidu is ready!"));
            let address = banner.filter(|line| line.contains("REST API")).find_map(|line| {
                let (_, rest) = line.split_once("http://localhost:")?;
                rest.split('/').next()?.parse::<u16>().ok()
            });
            told.send(address)
        });
        let Some(port) = port.recv_timeout(PATIENCE).expect("a start in time") else {
            let Output { stderr, .. } = child.wait_with_output().unwrap();
            panic!("no start with\n{file}\n{}", String::from_utf8_lossy(&stderr));
        };
        Self { child, port }
    }

    /// `GET /openvidu/api/config`.
    fn config(&self) -> serde_json::Value {
        use base64::Engine as _;
        let credentials = base64::prelude::BASE64_STANDARD.encode(format!("OPENVIDUAPP:{SECRET}"));
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "GET /openvidu/api/config HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Ends it as `systemctl stop` does, and returns its log.
    fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(self.child.wait().unwrap().success(), "{log}");
        log
    }
}

/// What an operator has to fill in.
const FILLED: [(&str, &str); 2] = [("DOMAIN_OR_PUBLIC_IP", "call.example.org"), ("OPENVIDU_SECRET", SECRET)];

#[test]
fn a_file_as_it_was_shipped_lacks_the_secret_only() {
    for (release, file) in RELEASES {
        let folder = tempfile::tempdir().unwrap();
        let output = madang(folder.path(), file).output().unwrap();
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
        let server = Running::start(folder.path(), &with(file, &FILLED));
        let config = server.config();
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
        let server = Running::start(folder.path(), &file);
        assert_eq!(server.config()["DOMAIN_OR_PUBLIC_IP"], "call.example.org");
        server.stop();
    }
}

#[test]
fn a_busy_installation_keeps_its_settings() {
    for (release, file) in RELEASES {
        let folder = tempfile::tempdir().unwrap();
        let cdr = folder.path().join("cdr");
        let changes = [
            ("HTTP_PORT", "8442"),
            ("HTTPS_PORT", "8443"),
            ("SUPPORT_DEPRECATED_API", "true"),
            ("WORKER_CONNECTIONS", "20480"),
            ("ALLOWED_ACCESS_TO_DASHBOARD", "198.51.100.1, 198.51.100.0/24"),
            ("ALLOWED_ACCESS_TO_RESTAPI", "203.0.113.0/24,2001:db8::/32"),
            ("OPENVIDU_RECORDING", "true"),
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
        let server = Running::start(folder.path(), &file);
        let config = server.config();
        let expected = serde_json::json!({
            "HTTPS_PORT": 8443,
            "OPENVIDU_PUBLICURL": "https://call.example.org:8443",
            "OPENVIDU_CDR": true,
            "OPENVIDU_CDR_PATH": format!("{}/", cdr.display()),
            "OPENVIDU_STREAMS_VIDEO_MAX_RECV_BANDWIDTH": 0,
            "OPENVIDU_STREAMS_FORCED_VIDEO_CODEC": "H264",
            "OPENVIDU_WEBHOOK": true,
            "OPENVIDU_WEBHOOK_HEADERS": ["X-Key: abc", "Authorization: Basic eHg6eHg="],
            "OPENVIDU_WEBHOOK_EVENTS": ["sessionCreated", "sessionDestroyed"],
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&config[name], value, "{release} {name}");
        }
        let log = server.stop();
        for told in [
            "OPENVIDU_RECORDING, OPENVIDU_RECORDING_NOTIFICATION, OPENVIDU_RECORDING_PUBLIC_ACCESS have no effect",
            "WORKER_CONNECTIONS has no effect",
            "JAVA_OPTIONS has no effect",
            "OPENVIDU_SECRETT is not known; is OPENVIDU_SECRET meant?",
        ] {
            assert_eq!(log.matches(told).count(), 1, "{release} {told}: {log}");
        }
        assert!(!log.contains("MY_OWN_APPLICATION") && !log.contains(SECRET), "{release}: {log}");
    }
}
