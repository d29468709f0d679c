//! `/restart`, with the real program: it is started with a `.env` of its own, and restarts itself.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::program::RunningProgram;
use testbed::rest::{Request, RestAnswer, RestClient};
use testbed::server::TestServer;

use crate::madang;

const RESTART: &str = "/openvidu/api/restart";
const STATUS: &str = "/openvidu/api/status";

/// The members of an object.
fn keys(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// A running `madang`.
struct Program {
    running: RunningProgram,
    folder: TempDir,
}

impl Program {
    /// With these lines in `.env`, after those that make it listen anywhere on loopback.
    fn start(lines: &str) -> (Self, SocketAddr) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().display();
        let text = format!(
            "# The ports are any free ones.\nSERVER_PORT=0\nMADANG_UDP_PORT=0\nMADANG_LISTEN=127.0.0.1\n\
             MADANG_DATA_DIR={data}/data\nOPENVIDU_CDR_PATH={data}/cdr\n{lines}"
        );
        std::fs::write(folder.path().join(".env"), text).unwrap();
        let mut command = madang(folder.path());
        command.env_clear().env("DOTENV_PATH", folder.path()).env("RUST_LOG", "debug").current_dir(folder.path());
        let running = RunningProgram::start(command);
        let address = running.address;
        (Self { running, folder }, address)
    }

    /// Where it listens the next time that it is ready.
    fn listening(&mut self) -> SocketAddr {
        self.running.is_ready();
        self.running.address
    }

    fn dotenv(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(".env")).unwrap()
    }

    /// Every event of every file, in order.
    fn events(&self) -> Vec<Value> {
        let mut files: Vec<_> =
            std::fs::read_dir(self.folder.path().join("cdr")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
        texts
            .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>())
            .collect()
    }
}

async fn send(address: SocketAddr, request: Request) -> RestAnswer {
    RestClient::to(address).await.send(request).await
}

async fn restart(address: SocketAddr, body: &str) -> RestAnswer {
    send(address, Request::new("POST", RESTART).json(body)).await
}

#[tokio::test]
async fn sessions_end_settings_change_and_the_program_goes_on() {
    let (mut program, address) = Program::start("OPENVIDU_CDR=true\r\n\n# OPENVIDU_SESSIONS_GARBAGE_INTERVAL=1\n");
    let before = send(address, Request::new("GET", STATUS)).await.json();
    let node = send(address, Request::new("GET", "/openvidu/api/media-nodes")).await.json()["content"][0]["id"].clone();
    let session = Request::new("POST", "/sessions").json(r#"{"customSessionId":"room"}"#);
    assert_eq!(send(address, session).await.status, 200);
    let text = program.dotenv();

    let changes = r#"{"OPENVIDU_SESSIONS_GARBAGE_INTERVAL":77,"OPENVIDU_STREAMS_ALLOW_TRANSCODING":true,
        "OPENVIDU_WEBHOOK_EVENTS":["sessionCreated"],"OPENVIDU_PRO_STATS_SESSION_INTERVAL":"5"}"#;
    let answer = restart(address, changes).await;
    assert!(answer.status == 200 && answer.is_empty(), "{answer:?}");
    let address = program.listening();

    let appended = "OPENVIDU_SESSIONS_GARBAGE_INTERVAL=77\nOPENVIDU_STREAMS_ALLOW_TRANSCODING=true\n\
         OPENVIDU_WEBHOOK_EVENTS=[\"sessionCreated\"]\nOPENVIDU_PRO_STATS_SESSION_INTERVAL=5\n";
    assert_eq!(program.dotenv(), text + appended);
    let config = send(address, Request::new("GET", "/config")).await.json();
    assert_eq!(config["OPENVIDU_SESSIONS_GARBAGE_INTERVAL"], 77);
    assert_eq!(config["OPENVIDU_STREAMS_ALLOW_TRANSCODING"], true);
    assert_eq!(send(address, Request::new("GET", "/sessions/room")).await.status, 404);
    let events = program.events();
    let names: Vec<_> = events.iter().flat_map(|event| event.as_object().unwrap().keys()).collect();
    assert_eq!(names, ["sessionCreated", "sessionDestroyed"]);
    assert_eq!(events[1]["sessionDestroyed"]["reason"], "openviduServerStopped");

    let after = send(address, Request::new("GET", STATUS)).await.json();
    assert_eq!((&after["startTime"], &after["restartCounter"]), (&before["startTime"], &json!(1)));
    assert!(after["lastRestartTime"].as_u64() > before["startTime"].as_u64(), "{after}");
    let nodes = send(address, Request::new("GET", "/openvidu/api/media-nodes")).await.json();
    assert_eq!(nodes["content"][0]["id"], node);

    // Without a change, and again.
    assert_eq!(send(address, Request::new("POST", RESTART)).await.status, 200);
    let address = program.listening();
    assert_eq!(send(address, Request::new("GET", STATUS)).await.json()["restartCounter"], 2);
}

#[tokio::test]
async fn nothing_is_changed_if_anything_is_wrong() {
    let (mut program, address) = Program::start("OPENVIDU_SECRET=MY_SECRET\n");
    let text = program.dotenv();
    let answer = restart(
        address,
        r#"{"OPENVIDU_CDR":"maybe","OPENVIDU_SESSIONS_GARBAGE_INTERVAL":-1,"OPENVIDU_SECRET":"other","HTTPS_PORT":443,
            "OPENVIDU_WEBHOOK":true,"OPENVIDU_WEBHOOK_ENDPOINT":"http://user:hush@127.0.0.1:bad/","NO_SUCH_THING":1,
            "OPENVIDU_WEBHOOK_HEADERS":"[]\nOPENVIDU_SECRET=stolen","OPENVIDU_STREAMS_ALLOW_TRANSCODING":true}"#,
    )
    .await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(keys(&answer.json()), ["timestamp", "status", "error", "message", "path", "errors"]);
    let errors = answer.json()["errors"].clone();
    for part in [
        "OPENVIDU_CDR=maybe. Is not a boolean",
        "OPENVIDU_SESSIONS_GARBAGE_INTERVAL=-1",
        "OPENVIDU_SECRET cannot be changed",
        "HTTPS_PORT cannot be changed",
        "NO_SUCH_THING",
        "OPENVIDU_WEBHOOK_HEADERS must be one line",
    ] {
        let told = errors.as_array().unwrap().iter().any(|error| error.as_str().unwrap().contains(part));
        assert!(told, "{part}: {errors}");
    }
    for body in ["[]", "{", "5"] {
        assert_eq!(restart(address, body).await.status, 400, "{body}");
    }
    let anonymous = Request::raw("POST", RESTART).json("{}");
    assert_eq!(send(address, anonymous).await.status, 401);
    assert_eq!(program.dotenv(), text);
    assert_eq!(send(address, Request::new("GET", STATUS)).await.json()["restartCounter"], 0);

    // A good secret is written, and neither it nor the bad ones have been told to anybody.
    let secret = r#"{"OPENVIDU_WEBHOOK":true,"OPENVIDU_WEBHOOK_ENDPOINT":"http://user:whisper@127.0.0.1:9/"}"#;
    assert_eq!(restart(address, secret).await.status, 200);
    program.listening();
    assert!(
        program
            .dotenv()
            .ends_with("OPENVIDU_WEBHOOK=true\nOPENVIDU_WEBHOOK_ENDPOINT=http://user:whisper@127.0.0.1:9/\n")
    );
    let log = program.running.stop();
    assert!(log.contains("OPENVIDU_WEBHOOK_ENDPOINT"), "{log}");
    for secret in ["hush", "whisper", "stolen", "MY_SECRET"] {
        assert!(!errors.to_string().contains(secret) && !log.contains(secret), "{secret} in {errors} or {log}");
    }
}

#[tokio::test]
async fn settings_that_do_not_start_a_server_are_left_for_those_before() {
    let (mut program, address) = Program::start("");
    let taken = TestServer::start().await;
    let port = taken.server.media_address().port();
    assert_eq!(restart(address, &format!("{{\"MADANG_UDP_PORT\":{port}}}")).await.status, 200);
    let address = program.listening();
    assert_eq!(send(address, Request::new("GET", STATUS)).await.json()["restartCounter"], 1);
    program.running.says("the changed settings are not used");
    assert!(program.dotenv().contains(&format!("MADANG_UDP_PORT={port}\n")));
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_and_nothing_happens() {
    let (program, address) = Program::start("");
    // As when a disk is not mounted where it was.
    let (folder, away) = (program.folder.path(), program.folder.path().with_extension("away"));
    std::fs::rename(folder, &away).unwrap();
    let answer = restart(address, r#"{"OPENVIDU_CDR":true}"#).await;
    std::fs::rename(away, folder).unwrap();
    assert!(answer.status == 500 && answer.is_described(), "{answer:?}");
    assert!(!program.dotenv().contains("OPENVIDU_CDR=true"));
    assert_eq!(send(address, Request::new("GET", STATUS)).await.json()["restartCounter"], 0);
}
