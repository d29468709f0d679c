//! Events of a real call, from the WebSocket of a client to a real HTTP receiver and a real file.

use std::time::Duration;

use serde_json::Value;
use testbed::server::TestServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Bodies of all requests to an endpoint that answers 200, or nothing.
async fn receiver(answers: bool) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, bodies) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, sender.clone(), answers));
        }
    });
    (url, bodies)
}

async fn serve(mut stream: TcpStream, bodies: mpsc::UnboundedSender<String>, answers: bool) {
    let mut bytes = vec![];
    loop {
        let text = String::from_utf8(bytes.clone()).unwrap();
        if let Some((head, rest)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
            let length: usize = length.parse().unwrap();
            if rest.len() >= length {
                let _ = bodies.send(rest[..length].to_owned());
                bytes.drain(..head.len() + 4 + length);
                if answers {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
                }
                continue;
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

async fn next(bodies: &mut mpsc::UnboundedReceiver<String>) -> Value {
    let body = timeout(Duration::from_secs(30), bodies.recv()).await.expect("an event").unwrap();
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn a_call_is_told_until_the_server_has_stopped() {
    let (url, mut bodies) = receiver(true).await;
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(|config| {
        config.openvidu_webhook = true;
        config.openvidu_webhook_endpoint = url.parse().unwrap();
        config.openvidu_cdr = true;
        config.openvidu_cdr_path = folder.path().to_owned();
    })
    .await;
    server.create_session("room").await;
    let (client, joined) = server.joined("room", "ann").await;
    let created = next(&mut bodies).await;
    assert_eq!(created["event"], "sessionCreated");
    let entered = next(&mut bodies).await;
    assert_eq!((&entered["event"], &entered["connectionId"]), (&"participantJoined".into(), &joined["id"]));
    assert_eq!((&entered["ip"], &entered["uniqueSessionId"]), (&"127.0.0.1".into(), &created["uniqueSessionId"]));

    server.server.stop().await;
    let mut told = vec![created, entered];
    for event in ["participantLeft", "sessionDestroyed"] {
        told.push(next(&mut bodies).await);
        let told = told.last().unwrap();
        assert_eq!((&told["event"], &told["reason"]), (&event.into(), &"openviduServerStopped".into()));
    }
    drop(client);

    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (line, mut told) in lines.iter().zip(told.clone()) {
        let event = told.as_object_mut().unwrap().remove("event").unwrap();
        assert_eq!(line[event.as_str().unwrap()], told);
    }
    assert_eq!(lines.len(), told.len());
}

#[tokio::test]
async fn a_receiver_that_never_answers_holds_nobody_up() {
    let (url, mut bodies) = receiver(false).await;
    let server = TestServer::start_with(|config| {
        config.openvidu_webhook = true;
        config.openvidu_webhook_endpoint = url.parse().unwrap();
    })
    .await;
    for n in 0..200 {
        server.create_session(&format!("room-{n}")).await;
    }
    assert_eq!(next(&mut bodies).await["sessionId"], "room-0");
    assert!(bodies.try_recv().is_err(), "one at a time");
    // Ends although 199 events are undelivered and each would take 50 s.
    timeout(Duration::from_secs(60), server.server.stop()).await.unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named_with_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut config = testbed::server::config(folder.path());
    config.openvidu_cdr = true;
    config.openvidu_cdr_path = file.path().join("cdr");
    let error = server::Server::start(config).await.unwrap_err().to_string();
    assert!(error.ends_with("(setting OPENVIDU_CDR_PATH)"), "{error}");
}
