//! `kill -9` of the real program: what applications are told at the next start, by a real webhook and in a real file.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc;
use std::{fs, thread};

use serde_json::Value;
use testbed::program::RunningProgram;
use testbed::rest::{Request, RestClient};
use testbed::signalling::SignallingClient;
use testbed::{PATIENCE, eventually};
use tokio::net::TcpStream;

use crate::madang;

/// An application's endpoint: its URL, and the bodies that come.
fn receiver() -> (String, mpsc::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (told, bodies) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let told = told.clone();
            thread::spawn(move || {
                let mut writer = stream.try_clone().unwrap();
                let mut reader = BufReader::new(stream);
                let mut length = 0;
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line == "\r\n" {
                        let mut body = vec![0; length];
                        reader.read_exact(&mut body).unwrap();
                        told.send(serde_json::from_slice(&body).unwrap()).unwrap();
                        writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
                    }
                    line.clear();
                }
            });
        }
    });
    (url, bodies)
}

fn start(folder: &Path, url: &str) -> RunningProgram {
    let mut command = madang(folder);
    command.env("OPENVIDU_CDR", "true").env("OPENVIDU_CDR_PATH", folder.join("cdr"));
    command.env("OPENVIDU_WEBHOOK", "true").env("OPENVIDU_WEBHOOK_ENDPOINT", url);
    RunningProgram::start(command)
}

/// The lines of the newest CDR file.
fn newest_lines(folder: &Path) -> Vec<Value> {
    let mut files: Vec<_> = fs::read_dir(folder.join("cdr")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let text = fs::read_to_string(files.last().unwrap()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Applications may be told a moment before the journal has its line, so this waits for it.
fn journal_has(folder: &Path, what: &str) {
    eventually("the journal has it", || {
        fs::read_to_string(folder.join("data/sessions.journal")).is_ok_and(|lines| lines.contains(what)).then_some(())
    });
}

/// The kind of an event, and why it happened.
fn gist(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().unwrap_or("-").to_owned();
    format!("{} {}", text("event"), text("reason"))
}

async fn join(server: &RunningProgram, session: &str) -> SignallingClient<TcpStream> {
    let mut rest = RestClient::to(server.address).await;
    let created =
        rest.send(Request::new("POST", "/sessions").json(&format!("{{\"customSessionId\":\"{session}\"}}"))).await;
    assert_eq!(created.status, 200, "{}", created.text());
    let connection = Request::new("POST", &format!("/sessions/{session}/connection")).json("{}");
    let token = rest.send(connection).await.json()["token"].as_str().unwrap().to_owned();
    let stream = TcpStream::connect(server.address).await.unwrap();
    let url = format!("ws://{}/openvidu?sessionId=x", server.address);
    let mut client = SignallingClient::open(stream, &url).await.unwrap();
    client.join(session, &token, "ann").await;
    client
}

#[tokio::test]
async fn the_next_start_tells_what_kill_9_has_ended_once() {
    let folder = tempfile::tempdir().unwrap();
    let (url, bodies) = receiver();
    let next = || bodies.recv_timeout(PATIENCE).expect("an event");
    let server = start(folder.path(), &url);
    let client = join(&server, "room").await;
    assert_eq!([gist(&next()), gist(&next())], ["sessionCreated -", "participantJoined -"]);
    journal_has(folder.path(), "\"joined\"");
    // By force, and without a word.
    drop(server);
    drop(client);

    let server = start(folder.path(), &url);
    let told = [next(), next(), next()];
    let gists = told.each_ref().map(gist);
    assert_eq!(gists, ["nodeCrashed -", "participantLeft nodeCrashed", "sessionDestroyed nodeCrashed"]);
    assert_eq!((&told[0]["sessionIds"][0], &told[0]["nodeRole"]), (&"room".into(), &"medianode".into()));
    assert!(told[1]["clientData"].as_str() == Some("ann") && told[1]["startTime"].is_u64(), "{}", told[1]);
    // Within the second it is the same file.
    let lines = eventually("the file has them, too", || {
        let lines = newest_lines(folder.path());
        lines.last().is_some_and(|last| last.get("sessionDestroyed").is_some()).then_some(lines)
    });
    for (line, mut told) in lines[lines.len() - told.len()..].iter().zip(told) {
        let name = told.as_object_mut().unwrap().remove("event").unwrap();
        assert_eq!(line[name.as_str().unwrap()], told);
    }
    // What goes on is told as ever, and what ended in good order is not told again.
    let client = join(&server, "room").await;
    assert_eq!([gist(&next()), gist(&next())], ["sessionCreated -", "participantJoined -"]);
    server.stop();
    let gists = [gist(&next()), gist(&next())];
    assert_eq!(gists, ["participantLeft openviduServerStopped", "sessionDestroyed openviduServerStopped"]);
    drop(client);
    let server = start(folder.path(), &url);
    let _client = join(&server, "other").await;
    assert_eq!(gist(&next()), "sessionCreated -", "nothing came before");
}

#[test]
fn a_second_server_in_the_same_folder_says_that_it_keeps_no_journal() {
    let folder = tempfile::tempdir().unwrap();
    let (url, _bodies) = receiver();
    let _first = start(folder.path(), &url);
    let mut second = start(folder.path(), &url);
    second.says("another server has this MADANG_DATA_DIR");
}
