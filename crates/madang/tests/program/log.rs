//! What the log of the real program never shows.

use serde_json::json;
use testbed::program::RunningProgram;
use testbed::rest::{Request, RestClient, basic};
use testbed::signalling::SignallingClient;
use tokio::net::TcpStream;

use crate::madang;

#[tokio::test]
async fn even_a_trace_shows_neither_secrets_nor_tokens_nor_what_people_say() {
    const SECRET: &str = "aVerySecretSecret";
    const SAID: &str = "betweenYouAndMe";
    let folder = tempfile::tempdir().unwrap();
    let mut command = madang(folder.path());
    command.env("RUST_LOG", "trace").env("OPENVIDU_SECRET", SECRET);
    let server = RunningProgram::start(command);
    let stream = TcpStream::connect(server.address).await.unwrap();
    let url = format!("ws://{}/openvidu?sessionId=room", server.address);
    let mut client = SignallingClient::open(stream, &url).await.unwrap();
    let credentials = basic(&format!("OPENVIDUAPP:{SECRET}"));
    let (handle, token) = {
        let mut rest = RestClient::to(server.address).await;
        let post = |path: &str, body: &str| Request::new("POST", path).header("Authorization", &credentials).json(body);
        assert_eq!(rest.send(post("/sessions", r#"{"customSessionId":"room"}"#)).await.status, 200);
        let connection = post("/sessions/room/connection", "{}");
        let token = rest.send(connection).await.json()["token"].as_str().expect("a token").to_owned();
        let joined = client.join("room", &token, "ann").await;
        (joined["sessionId"].as_str().expect("a handle").to_owned(), token)
    };
    let (_, value) = token.split_once("token=").expect("a token in its address");
    let value = value.split('&').next().expect("one");
    let message = json!({"to": [], "data": SAID, "type": "signal:chat"}).to_string();
    client.request("sendMessage", json!({"message": message})).await;
    let log = server.stop();
    assert!(log.contains("TRACE"), "there is one: {log}");
    for unwanted in [SECRET, &credentials, value, &handle, SAID] {
        let line = log.lines().find(|line| line.contains(unwanted));
        assert_eq!(line, None, "{unwanted}");
    }
}
