//! `madang install` and the script it makes: the real program in folders of its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;
use testbed::PATIENCE;
use testbed::program::{ended, lines};

use crate::MADANG;

const SECRET: &str = "hush_hush_hush";

/// A folder with an installation, whose server is stopped at the end.
struct Installed {
    home: TempDir,
}

impl Installed {
    /// With settings that let many of them run beside each other.
    fn new() -> Self {
        Self::with(&format!(
            "OPENVIDU_SECRET={SECRET}\nSERVER_PORT=0\nMADANG_UDP_PORT=0\nMADANG_LISTEN=127.0.0.1\nMADANG_CALL_PAGE=false\n"
        ))
    }

    fn with(dotenv: &str) -> Self {
        let installed = Self::empty();
        fs::create_dir(installed.folder()).unwrap();
        fs::write(installed.path(".env"), dotenv).unwrap();
        installed.install(&[]);
        installed
    }

    fn empty() -> Self {
        Self { home: TempDir::with_prefix_in("madang-", env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("openvidu")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Returns what is shown.
    fn install(&self, options: &[&str]) -> String {
        let mut command = program(Path::new(MADANG));
        good(command.arg("install").arg(self.folder()).arg("--no-systemd").args(options).output().unwrap())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = program(&self.path("openvidu"));
        command.args(words);
        command
    }

    /// `./openvidu` with these words.
    fn openvidu(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// The address in the newest banner.
    fn address(&self) -> String {
        let log = self.read("logs/openvidu.log");
        let line = log.lines().rev().find(|line| line.contains("REST API")).expect("a banner");
        let url = line.split("http://localhost:").nth(1).expect("a port");
        format!("127.0.0.1:{}", url.split('/').next().unwrap())
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address()) else { return false };
        stream.write_all(b"GET /openvidu/api/config/openvidu-publicurl HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.0 200")
    }

    fn supervisor(&self) -> Pid {
        Pid::from_raw(self.read(".madang/openvidu.pid").parse().unwrap()).unwrap()
    }

    /// The one child of the supervisor.
    fn server(&self) -> Pid {
        let supervisor = self.supervisor().as_raw_nonzero();
        let children = fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).unwrap();
        Pid::from_raw(children.trim().parse().expect("one child")).unwrap()
    }

    fn follow_log(&self) -> Following {
        let mut child = self.command(&["logs", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());
        Following { child, lines }
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        let _ = self.command(&["stop"]).output();
    }
}

/// `./openvidu logs -f`
struct Following {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Following {
    fn wait_for(&mut self, words: &str) -> String {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            if line.contains(words) {
                return line;
            }
        }
        panic!("the log never says '{words}'");
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Without settings of the machine that tests run on.
fn program(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).stdin(Stdio::null());
    command
}

fn good(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn failed(output: Output, status: i32) -> String {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn rights(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn an_installation_has_what_operators_look_for() {
    let installed = Installed::empty();
    let screen = installed.install(&[]);
    for folder in ["owncert", "recordings", "cdr", "custom-layout"] {
        assert!(installed.path(folder).is_dir(), "{folder}");
    }
    assert_eq!(fs::read(installed.path("madang")).unwrap(), fs::read(MADANG).unwrap());
    assert_eq!((rights(&installed.path("openvidu")), rights(&installed.path(".env"))), (0o755, 0o600));
    let dotenv = installed.read(".env");
    let secret = dotenv.lines().find_map(|line| line.strip_prefix("OPENVIDU_SECRET=")).unwrap();
    assert!(secret.len() == 32 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{secret}");
    assert!(dotenv.contains("\nDOMAIN_OR_PUBLIC_IP=\n"), "{dotenv}");
    assert!(screen.contains("OPENVIDU_SECRET was made up") && !screen.contains(secret), "{screen}");
    assert!(screen.contains("40000/udp") && screen.contains("openvidu start"), "{screen}");
    // Another one has another secret.
    let other = Installed::empty();
    other.install(&[]);
    assert!(!other.read(".env").contains(secret));
}

#[test]
fn installing_again_changes_nothing_but_the_program() {
    let installed = Installed::empty();
    installed.install(&[]);
    let dotenv = installed.read(".env").replace("DOMAIN_OR_PUBLIC_IP=", "DOMAIN_OR_PUBLIC_IP=call.example.org");
    fs::write(installed.path(".env"), &dotenv).unwrap();
    fs::write(installed.path("owncert/certificate.key"), "key").unwrap();
    fs::write(installed.path("madang"), "an old version").unwrap();
    let screen = installed.install(&[]);
    assert!(!screen.contains("made up"), "{screen}");
    let told: serde_json::Value = serde_json::from_str(&installed.install(&["--json"])).unwrap();
    assert_eq!((&told["secretMadeUp"], &told["faults"]), (&false.into(), &serde_json::json!([])));
    let state = |name: &str| {
        told["files"].as_array().unwrap().iter().find(|file| file["name"] == name).unwrap()["state"].clone()
    };
    assert_eq!((state("madang"), state(".env")), ("replaced".into(), "kept".into()));
    assert_eq!((installed.read(".env"), installed.read("owncert/certificate.key")), (dotenv, "key".to_owned()));
    assert_eq!(fs::read(installed.path("madang")).unwrap(), fs::read(MADANG).unwrap());
}

#[test]
fn debug_information_goes_with_the_program_that_it_is_of() {
    let installed = Installed::empty();
    let build = TempDir::with_prefix_in("madang-", env!("CARGO_TARGET_TMPDIR")).unwrap();
    let copy = build.path().join("madang");
    fs::hard_link(MADANG, &copy).unwrap();
    fs::write(build.path().join("madang.debug"), "of this one").unwrap();
    let install = |from: &Path| {
        let mut command = program(from);
        good(command.arg("install").arg(installed.folder()).arg("--no-systemd").output().unwrap())
    };
    let screen = install(&copy);
    assert!(screen.contains("madang.debug"), "{screen}");
    assert_eq!(
        (installed.read("madang.debug").as_str(), rights(&installed.path("madang.debug"))),
        ("of this one", 0o644)
    );
    // Installed by itself, nothing changes; another program brings none.
    install(&installed.path("madang"));
    assert_eq!(installed.read("madang.debug"), "of this one");
    fs::remove_file(build.path().join("madang.debug")).unwrap();
    assert!(!install(&copy).contains("madang.debug"));
    assert!(!installed.path("madang.debug").exists());
}

#[test]
fn over_an_installation_of_the_original_its_settings_stay_and_its_script_is_set_aside() {
    let installed = Installed::empty();
    fs::create_dir(installed.folder()).unwrap();
    let dotenv = "# OpenVidu\nDOMAIN_OR_PUBLIC_IP=call.example.org\nOPENVIDU_SECRET=theirs\nCERTIFICATE_TYPE=selfsigned\n\
        OPENVIDU_RECORDING=false\nOPENVIDU_WEBHOOK_EVENTS=[sessionCreated,sessionDestroyed]\nKMS_IMAGE=kms:7\n";
    fs::write(installed.path(".env"), dotenv).unwrap();
    fs::write(installed.path("openvidu"), "#!/bin/bash\ndocker-compose up\n").unwrap();
    fs::write(installed.path("docker-compose.yml"), "version: '3'\n").unwrap();
    let screen = installed.install(&[]);
    assert!(screen.contains("openvidu.old"), "{screen}");
    assert_eq!(installed.read(".env"), dotenv);
    assert_eq!(installed.read("docker-compose.yml"), "version: '3'\n");
    assert!(installed.read("openvidu.old").contains("docker-compose"));
    let settings = good(installed.openvidu(&["config"]));
    for line in ["* HTTPS_PORT=443\n", "* HTTP_PORT=80\n", "* OPENVIDU_SECRET=******\n", "* KMS_IMAGE has no effect"] {
        assert!(settings.contains(line), "{line}: {settings}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let installed = Installed::empty();
    let file = installed.home.path().join("file");
    fs::write(&file, "").unwrap();
    let folder = file.join("openvidu");
    let output = program(Path::new(MADANG)).arg("install").arg(&folder).output().unwrap();
    let error = failed(output, 1);
    assert!(error.contains(folder.to_str().unwrap()), "{error}");
}

#[test]
fn a_server_is_started_once_found_and_stopped() {
    let installed = Installed::new();
    assert!(good(installed.openvidu(&["version"])).contains("stopped"));
    assert!(good(installed.openvidu(&["stop"])).contains("not running"));

    let said = good(installed.openvidu(&["start"]));
    assert!(said.contains("OpenVidu is ready!"), "{said}");
    assert!(installed.answers());
    assert!(good(installed.openvidu(&["logs"])).contains("OpenVidu is ready!"));

    let pid = installed.supervisor();
    let again = good(installed.openvidu(&["start"]));
    assert!(again.contains("already running") && again.contains(&pid.as_raw_nonzero().to_string()), "{again}");
    assert!(good(installed.openvidu(&["version"])).contains("running (process"));

    let server = installed.server();
    assert!(good(installed.openvidu(&["stop"])).contains("stopped"));
    assert!(good(installed.openvidu(&["version"])).contains("stopped"));
    assert!(test_kill_process(server).is_err());
    assert!(TcpStream::connect(installed.address()).is_err());
    assert!(installed.read("logs/openvidu.log").contains("stopping"), "in good order");
}

#[test]
fn the_doctor_of_an_installation_knows_its_settings() {
    // Nobody listens at the port of the discard protocol.
    let installed = Installed::with(&format!("OPENVIDU_SECRET={SECRET}\nSERVER_PORT=9\nMADANG_LISTEN=127.0.0.1\n"));
    let output = installed.openvidu(&["doctor"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("http://127.0.0.1:9") && told.contains("./openvidu start"), "{told}");
    assert!(good(installed.openvidu(&["help"])).contains("doctor "));
}

#[test]
fn a_restart_applies_what_the_settings_are_now() {
    let installed = Installed::new();
    good(installed.openvidu(&["start"]));
    let before = installed.supervisor();
    let dotenv = installed.read(".env") + "HTTPS_PORT=8443\nDOMAIN_OR_PUBLIC_IP=call.example.org\n";
    fs::write(installed.path(".env"), dotenv).unwrap();
    let said = good(installed.openvidu(&["restart"]));
    assert!(said.contains("https://call.example.org:8443/"), "{said}");
    assert_ne!(installed.supervisor(), before);
    assert!(installed.answers());
}

#[test]
fn wrong_settings_are_shown_and_end_nothing_that_works() {
    const INVALID_SETTINGS: i32 = 78;
    let installed = Installed::new();
    let right = installed.read(".env");
    good(installed.openvidu(&["start"]));
    fs::write(installed.path(".env"), format!("{right}OPENVIDU_CDR=maybe\n")).unwrap();
    let error = failed(installed.openvidu(&["restart"]), INVALID_SETTINGS);
    assert!(error.contains("* Property OPENVIDU_CDR=maybe. "), "{error}");
    assert!(installed.answers());
    good(installed.openvidu(&["stop"]));
    let error = failed(installed.openvidu(&["start"]), INVALID_SETTINGS);
    assert!(error.contains("* Property OPENVIDU_CDR=maybe. "), "{error}");
    assert!(good(installed.openvidu(&["version"])).contains("stopped"));
    // An installed server has no secret that everybody knows.
    fs::write(installed.path(".env"), right.replace("OPENVIDU_SECRET", "# OPENVIDU_SECRET")).unwrap();
    let error = failed(installed.openvidu(&["start"]), INVALID_SETTINGS);
    assert!(error.contains("* Property OPENVIDU_SECRET is not set. "), "{error}");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let installed = Installed::with(&format!(
        "OPENVIDU_SECRET={SECRET}\nSERVER_PORT={port}\nMADANG_UDP_PORT=0\nMADANG_LISTEN=127.0.0.1\n"
    ));
    let error = failed(installed.openvidu(&["start"]), 1);
    assert!(error.contains(&format!("cannot listen on TCP 127.0.0.1:{port}")), "{error}");
    assert!(good(installed.openvidu(&["version"])).contains("stopped"), "it is not tried for ever");
}

#[test]
fn a_stale_number_in_the_file_is_nobody_of_ours() {
    let installed = Installed::new();
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    fs::write(installed.path(".madang/openvidu.pid"), stranger.id().to_string()).unwrap();
    assert!(good(installed.openvidu(&["version"])).contains("stopped"));
    assert!(good(installed.openvidu(&["stop"])).contains("not running"));
    assert!(good(installed.openvidu(&["start"])).contains("OpenVidu is ready!"));
    assert!(stranger.try_wait().unwrap().is_none(), "left alone");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_server_that_died_is_started_again() {
    let installed = Installed::new();
    good(installed.openvidu(&["start"]));
    let mut log = installed.follow_log();
    log.wait_for("OpenVidu is ready!");
    let first = installed.server();
    kill_process(first, Signal::KILL).unwrap();
    assert!(log.wait_for("started again").contains("signal: 9"));
    log.wait_for("OpenVidu is ready!");
    log.wait_for("REST API");
    assert_ne!(installed.server(), first);
    assert!(installed.answers());
}

#[test]
fn the_script_works_from_anywhere() {
    let installed = Installed::new();
    let link = installed.home.path().join("link");
    std::os::unix::fs::symlink(installed.path("openvidu"), &link).unwrap();
    let said = good(program(&link).arg("version").current_dir("/").output().unwrap());
    assert!(said.contains(installed.folder().to_str().unwrap()), "{said}");
    for words in [&[][..], &["help"], &["nonsense"]] {
        assert!(good(installed.openvidu(words)).contains("Usage: ./openvidu"));
    }
    assert!(failed(installed.openvidu(&["upgrade", "2.32.2"]), 1).contains("install"));
}

#[test]
fn a_report_says_much_and_betrays_nothing() {
    let installed = Installed::new();
    let secrets = [SECRET, "header-secret", "turn-secret", "endpoint-secret", "coturn-secret", "licence-secret"];
    let dotenv = installed.read(".env")
        + "OPENVIDU_WEBHOOK_HEADERS=[\"X-Key: header-secret\"]\n\
           OPENVIDU_WEBHOOK_ENDPOINT=https://user:endpoint-secret@example.org/hook\n\
           OPENVIDU_WEBRTC_ICE_SERVERS=[\"url=turn:turn.example.org,username=u,credential=turn-secret\"]\n\
           COTURN_SHARED_SECRET_KEY=coturn-secret\nOPENVIDU_PRO_LICENSE=licence-secret\n";
    fs::write(installed.path(".env"), dotenv).unwrap();
    // However they may have come into the log.
    let leaked: String = secrets.iter().map(|secret| format!("a line with {secret} and tok_A1b2C3d4\n")).collect();
    fs::write(installed.path("logs/openvidu.log"), leaked).unwrap();
    good(installed.openvidu(&["start"]));

    let said = good(installed.openvidu(&["report", "--ntp", "127.0.0.1:9"]));
    let path = said.split(" was written").next().unwrap();
    let name = Path::new(path).file_name().unwrap().to_str().unwrap();
    let pattern: String = name.chars().map(|symbol| if symbol.is_ascii_digit() { '0' } else { symbol }).collect();
    assert_eq!(pattern, "openvidu-report-00-00-0000-00-00.txt");
    assert_eq!(rights(Path::new(path)), 0o600);
    let report = fs::read_to_string(path).unwrap();
    for words in ["Madang version", "Kernel", "* MADANG_LISTEN=127.0.0.1", "OpenVidu is ready!", "a line with ***"] {
        assert!(report.contains(words), "{words}: {report}");
    }
    for secret in secrets.iter().chain(&["A1b2C3d4"]) {
        assert!(!report.contains(secret), "{secret}: {report}");
    }
}

#[test]
fn the_unit_of_systemd_is_sound() {
    let installed = Installed::empty();
    let units = installed.home.path().to_str().unwrap();
    let options = ["--unit-folder", units, "--user", "root"];
    installed.install(&options);
    let file = installed.home.path().join("openvidu.service");
    let unit = fs::read_to_string(&file).unwrap();
    // The server's own deadline comes first, and nobody waits for a server that stands still.
    let seconds = |key: &str| -> u64 {
        let line = unit.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_else(|| panic!("{key}: {unit}"));
        line.parse().unwrap()
    };
    assert!(seconds("TimeoutStopSec=") > server::STOP_DEADLINE.as_secs());
    assert!(seconds("WatchdogSec=") > server::STOP_DEADLINE.as_secs());
    assert!(unit.contains("\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n") && !unit.contains("MY_SECRET"), "{unit}");
    let verified = Command::new("systemd-analyze").arg("verify").arg(&file).output().expect("systemd-analyze is there");
    assert!(verified.status.success(), "{verified:?}");
    assert!(!String::from_utf8_lossy(&verified.stderr).contains("openvidu.service"), "{verified:?}");
    // A second installation does not take it over.
    let other = installed.home.path().join("other");
    let output = program(Path::new(MADANG)).arg("install").arg(other).args(options).output().unwrap();
    assert!(failed(output, 1).contains("belongs to another installation"));
}

#[test]
fn the_service_manager_hears_that_the_server_is_alive() {
    let installed = Installed::new();
    let socket = installed.home.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = program(&installed.path("madang"));
    let mut server = command
        .current_dir(installed.folder())
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "60000")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = || {
        let mut buffer = [0; 64];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    assert_eq!([told(), told(), told()], ["READY=1\n", "WATCHDOG=1\n", "WATCHDOG=1\n"]);
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    while told() != "STOPPING=1\n" {}
    assert!(ended(&mut server).success());
}

#[test]
fn the_service_manager_is_told_when_the_server_is_ready_and_when_it_ends() {
    let installed = Installed::new();
    let socket = installed.home.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = program(&installed.path("madang"));
    let mut server = command
        .current_dir(installed.folder())
        .env("NOTIFY_SOCKET", &socket)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = || {
        let mut buffer = [0; 64];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    // A list of lines (sd_notify(3)).
    assert_eq!(told(), "READY=1\n");
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    assert_eq!(told(), "STOPPING=1\n");
    assert!(ended(&mut server).success());
}
