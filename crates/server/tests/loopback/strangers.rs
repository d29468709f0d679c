//! Sockets whose clients are in no session: what they may take, and for how long.

use std::time::Duration;

use serde_json::{Value, json};
use server::Limits;
use testbed::server::TestServer;
use testbed::signalling::{Closed, SignallingClient};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// So short that tests need no patience, and everything else so long that it plays no part.
fn patient_but_for(change: impl FnOnce(&mut Limits)) -> Limits {
    let hour = Duration::from_secs(3600);
    let mut limits = Limits {
        message: hour,
        strangers_stay: hour,
        strangers_silence: hour,
        opening: hour,
        head: hour,
        ..Limits::default()
    };
    change(&mut limits);
    limits
}

const SHORT: Duration = Duration::from_millis(300);
const TOO_LONG: Closed = Closed::With(1009, String::new());

async fn says_too_much(client: &mut SignallingClient<TcpStream>) {
    client.send_text("x".repeat(64 * 1024 + 1)).await;
    assert_eq!(client.closed().await, TOO_LONG);
}

async fn connect(server: &TestServer, handle: Option<&Value>) -> SignallingClient<TcpStream> {
    let mut client = server.client().await;
    let answer = client.request("connect", handle.map_or(json!({}), |handle| json!({"sessionId": handle}))).await;
    assert!(answer["result"]["value"].is_string(), "{answer}");
    client
}

#[tokio::test]
async fn a_greeting_lets_nobody_in() {
    let server = TestServer::start_with(|config| config.madang_unjoined_sockets = 2).await;
    server.create_session("room").await;
    let mut first = connect(&server, None).await;
    let handle = first.request("connect", json!({})).await["result"]["sessionId"].clone();
    let _second = connect(&server, Some(&handle)).await;
    let refused = TcpStream::connect(server.address()).await.unwrap();
    let url = format!("ws://{}/openvidu", server.address());
    let error = SignallingClient::open(refused, &url).await.err().expect("one too many").to_string();
    assert!(error.contains("429"), "{error}");
    says_too_much(&mut first).await;
}

#[tokio::test]
async fn a_socket_that_its_client_has_left_is_a_strangers_again() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (mut former, joined) = server.joined("room", "ann").await;
    let long = "x".repeat(64 * 1024 + 1);
    former.send_text(long.clone()).await;
    assert_eq!(former.request("ping", json!({})).await["result"]["value"], "pong", "it may say more than strangers");
    let mut ann = connect(&server, Some(&joined["sessionId"])).await;
    ann.send_text(long.clone()).await;
    assert_eq!(ann.request("ping", json!({})).await["result"]["value"], "pong", "and so may the one that came for it");
    says_too_much(&mut former).await;
    assert_eq!(ann.request("leaveRoom", json!({})).await["error"], Value::Null);
    says_too_much(&mut ann).await;
}

#[tokio::test]
async fn a_message_that_is_never_finished_ends_its_socket_inside_and_outside() {
    let limits = patient_but_for(|limits| limits.message = SHORT);
    let server = TestServer::start_limited(|_| {}, limits).await;
    server.create_session("room").await;
    let (inside, _) = server.joined("room", "ann").await;
    for mut client in [server.client().await, connect(&server, None).await, inside] {
        let part = Frame::message(vec![b'x'; 1000], OpCode::Data(Data::Text), false);
        client.send(Message::Frame(part)).await;
        client.send(Message::Ping(vec![].into())).await;
        let part = Frame::message(vec![b'x'; 1000], OpCode::Data(Data::Continue), false);
        client.send(Message::Frame(part)).await;
        assert_eq!(client.closed().await, Closed::Without);
    }
    // Who only pauses between messages, or sends the WebSocket's own pings, stays.
    let mut client = server.client().await;
    for _ in 0..3 {
        client.send(Message::Ping(vec![7; 9].into())).await;
        assert_eq!(client.request("ping", json!({})).await["result"]["value"], "pong");
        tokio::time::sleep(SHORT * 2).await;
    }
    assert_eq!(client.request("ping", json!({})).await["result"]["value"], "pong");
}

#[tokio::test]
async fn half_a_frame_ends_its_socket() {
    let limits = patient_but_for(|limits| limits.message = SHORT);
    let server = TestServer::start_limited(|_| {}, limits).await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = "GET /openvidu HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    // Text, 60 KB announced, one letter sent.
    let head = [0x81, 0x80 | 126, 0xea, 0x60, 0, 0, 0, 0, b'x'];
    let mut answer = vec![];
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut byte).await.unwrap();
        answer.push(byte[0]);
    }
    stream.write_all(&head).await.unwrap();
    let rest = tokio::io::AsyncReadExt::read(&mut stream, &mut byte);
    let ended = tokio::time::timeout(testbed::PATIENCE, rest).await.expect("an end in time");
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn who_is_in_no_session_stays_for_some_time_only_and_who_is_in_one_as_long_as_it_likes() {
    let limits = patient_but_for(|limits| (limits.strangers_stay, limits.strangers_silence) = (SHORT, SHORT / 2));
    let server = TestServer::start_limited(|_| {}, limits).await;
    server.create_session("room").await;
    let (mut ann, _) = server.joined("room", "ann").await;
    let given_up = Closed::With(1000, "Close for not receive ping from client".to_owned());
    let mut silent = connect(&server, None).await;
    assert_eq!(silent.closed().await, given_up);
    let mut pinging = server.client().await;
    loop {
        pinging.ask("ping", json!({"interval": 5000})).await;
        if let Err(closed) = pinging.frame().await {
            assert_eq!(closed, given_up);
            break;
        }
    }
    assert_eq!(ann.request("ping", json!({})).await["result"]["value"], "pong");
}

#[tokio::test]
async fn who_signals_too_much_is_told_so_and_stays() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (mut ann, _) = server.joined("room", "ann").await;
    let signal = |length: usize| json!({"message": json!({"to": [], "data": "x".repeat(length)}).to_string()});
    let too_long = ann.request("sendMessage", signal(900_000)).await;
    assert_eq!(too_long["error"]["code"], 600, "{too_long}");
    let text = too_long["error"]["message"].as_str().unwrap();
    assert!(text.contains("900000 bytes, and may have 153600"), "{text}");
    let mut refused = 0;
    for _ in 0..400 {
        ann.ask("sendMessage", signal(1)).await;
    }
    let (mut answered, mut heard) = (0, 0);
    while answered < 400 {
        let frame = ann.frame().await.unwrap();
        if frame["method"] == "sendMessage" {
            heard += 1;
            continue;
        }
        answered += 1;
        if frame["error"].is_object() {
            assert_eq!(frame["error"]["code"], 802, "{frame}");
            refused += 1;
        }
    }
    assert!(refused > 0 && heard == 400 - refused, "{refused} refused, {heard} heard");
    assert_eq!(ann.request("ping", json!({})).await["result"]["value"], "pong");
}
