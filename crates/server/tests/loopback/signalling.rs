//! The WebSocket `/openvidu` of a real server.

use std::time::Duration;

use serde_json::json;
use server::Limits;
use server::limits::Rate;
use testbed::PATIENCE;
use testbed::server::TestServer;
use testbed::signalling::{Closed, SignallingClient, join_params};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

#[tokio::test]
async fn a_ping_is_answered_before_anything_else_happened() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    client.send_text(r#"{"jsonrpc":"2.0","method":"ping","params":{"interval":5000},"id":0}"#).await;
    assert_eq!(client.frame().await, Ok(json!({"id": 0, "result": {"value": "pong"}, "jsonrpc": "2.0"})));
}

#[tokio::test]
async fn two_people_meet_talk_and_part() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (mut ann, ann_joined) = server.joined("room", "ann").await;
    let (mut bob, bob_joined) = server.joined("room", "bob").await;
    assert_eq!(bob_joined["value"][0]["id"], ann_joined["id"]);
    assert_eq!(ann.notification("participantJoined").await["id"], bob_joined["id"]);

    let message = json!({"to": [], "data": "hi", "type": "signal:chat"}).to_string();
    let answer = ann.request("sendMessage", json!({"message": message})).await;
    assert_eq!(answer["result"], json!({"sessionId": ann_joined["sessionId"]}));
    let heard = json!({"data": "hi", "type": "signal:chat", "from": ann_joined["id"]});
    assert_eq!(ann.notification("sendMessage").await, heard);
    assert_eq!(bob.notification("sendMessage").await, heard);

    bob.request("leaveRoom", json!({})).await;
    let left = json!({"connectionId": bob_joined["id"], "reason": "disconnect"});
    assert_eq!(ann.notification("participantLeft").await, left);
}

#[tokio::test]
async fn a_used_token_is_refused_and_the_socket_stays() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let token = server.token("room", "PUBLISHER").await;
    let mut first = server.client().await;
    first.join("room", &token, "ann").await;
    let mut second = server.client().await;
    let answer = second.request("joinRoom", join_params("room", &token, "eve")).await;
    assert_eq!(answer["error"]["code"], 401, "{answer}");
    assert_eq!(second.request("ping", json!({})).await["result"]["value"], "pong");
}

#[tokio::test]
async fn garbage_is_ignored_and_the_socket_stays() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    for text in
        ["", "not json", "[]", "5", "{}", "{\"id\":1}", "{\"method\":\"ping\",\"id\":null}", "\u{0}\u{fffd}", "[[[["]
    {
        client.send_text(text).await;
    }
    client.send(Message::binary(vec![0xff; 1000])).await;
    assert_eq!(client.request("ping", json!({})).await["result"]["value"], "pong");
}

#[tokio::test]
async fn every_request_is_answered() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (mut joined, _) = server.joined("room", "ann").await;
    for (method, params, code) in [
        ("noSuchMethod", json!({}), 802),
        ("echo", json!([]), -1),
        ("sendMessage", json!("x"), -1),
        ("publishVideo", json!({"sdpOffer": {}}), -1),
        ("unpublishVideo", json!({}), 105),
        ("subscribeToSpeechToText", json!({"connectionId": "x", "lang": "en"}), 996),
    ] {
        let answer = joined.request(method, params).await;
        assert_eq!(answer["error"]["code"], code, "{method}: {answer}");
    }
    let mut client = server.client().await;
    for (method, params, code) in [
        ("ping", json!({"interval": "x"}), -1),
        ("noSuchMethod", json!({}), 803),
        ("echo", json!({}), 803),
        ("connect", json!({"sessionId": "unknown"}), 40007),
    ] {
        let answer = client.request(method, params).await;
        assert_eq!(answer["error"]["code"], code, "{method}: {answer}");
    }
    client.send_text(r#"{"method":"echo"}"#).await;
    let answer = client.frame().await.unwrap();
    assert!(answer.get("id").is_none() && answer["error"].is_object(), "{answer}");
}

#[tokio::test]
async fn a_message_that_is_too_long_closes_its_socket_only() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let mut other = server.client().await;
    // Read to its end, and refused at its head.
    for length in [1024 * 1024 + 1, 3 * 1024 * 1024] {
        let (mut client, _) = server.joined("room", "ann").await;
        client.send_text("x".repeat(length)).await;
        assert_eq!(client.closed().await, Closed::With(1009, String::new()), "{length}");
    }
    let (mut client, _) = server.joined("room", "bob").await;
    client.send_text("x".repeat(1024 * 1024)).await;
    assert_eq!(client.request("ping", json!({})).await["result"]["value"], "pong");
    assert_eq!(other.request("ping", json!({})).await["result"]["value"], "pong");
}

#[tokio::test]
async fn who_has_not_joined_may_say_less() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    // Any number of what is short enough.
    for _ in 0..10 {
        client.send_text("x".repeat(64 * 1024)).await;
    }
    assert_eq!(client.request("ping", json!({})).await["result"]["value"], "pong");
    client.send_text("x".repeat(64 * 1024 + 1)).await;
    assert_eq!(client.closed().await, Closed::With(1009, String::new()));
    // A long one in pieces is not kept until it ends. The head of a piece has 14 bytes.
    let mut client = server.client().await;
    let piece = vec![b'x'; 128 * 1024 - 14];
    client.send(Message::Frame(Frame::message(piece, OpCode::Data(Data::Text), false))).await;
    assert_eq!(client.closed().await, Closed::With(1009, String::new()));
}

#[tokio::test]
async fn thousands_of_pings_are_answered_in_order() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    for batch in 0..10 {
        for id in 0..500 {
            client.send_text(json!({"method": "ping", "id": batch * 500 + id}).to_string()).await;
        }
        for id in 0..500 {
            assert_eq!(client.frame().await.unwrap()["id"], batch * 500 + id);
        }
    }
}

#[tokio::test]
async fn after_a_lost_socket_notifications_are_caught_up_with() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (ann, ann_joined) = server.joined("room", "ann").await;
    let (mut bob, bob_joined) = server.joined("room", "bob").await;
    ann.close(4104, "Connection closed for reconnection").await;

    let (_carl, carl_joined) = server.joined("room", "carl").await;
    assert_eq!(bob.notification("participantJoined").await["id"], carl_joined["id"]);
    let message = json!({"data": "are you there?", "type": "signal:chat"}).to_string();
    bob.request("sendMessage", json!({"message": message})).await;

    let mut ann = server.client().await;
    let answer = ann.request("connect", json!({"sessionId": ann_joined["sessionId"], "reconnect": true})).await;
    assert_eq!(answer["result"]["value"], "reconnection successful");
    assert_eq!(answer["result"]["sessionId"], ann_joined["sessionId"]);
    // Bob was announced before the socket was lost; that frame may have been read by nobody.
    let first = ann.notification("participantJoined").await;
    if first["id"] == bob_joined["id"] {
        assert_eq!(ann.notification("participantJoined").await["id"], carl_joined["id"]);
    } else {
        assert_eq!(first["id"], carl_joined["id"]);
    }
    assert_eq!(ann.notification("sendMessage").await["data"], "are you there?");
    assert_eq!(ann.request("echo", json!({})).await["result"]["sessionId"], ann_joined["sessionId"]);
}

#[tokio::test]
async fn the_newest_socket_of_a_client_gets_everything() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (mut old, joined) = server.joined("room", "ann").await;
    let mut new = server.client().await;
    new.request("connect", json!({"sessionId": joined["sessionId"]})).await;
    assert_eq!(old.request("echo", json!({})).await["error"]["code"], 803);
    old.close(1000, "").await;
    let (_bob, bob_joined) = server.joined("room", "bob").await;
    assert_eq!(new.notification("participantJoined").await["id"], bob_joined["id"]);
}

#[tokio::test]
async fn a_thousand_sockets_are_served_at_once() {
    let server = TestServer::start_with(|config| config.madang_unjoined_sockets = 2000).await;
    server.create_session("room").await;
    let mut clients = vec![];
    for _ in 0..1000 {
        clients.push(server.client().await);
    }
    for client in &mut clients {
        client.ask("ping", json!({"interval": 5000})).await;
    }
    for client in &mut clients {
        assert_eq!(client.answer(0).await["result"]["value"], "pong");
    }
    let (_ann, _) = server.joined("room", "ann").await;
}

#[tokio::test]
async fn sockets_that_joined_no_session_are_limited_per_address() {
    let server = TestServer::start_with(|config| config.madang_unjoined_sockets = 2).await;
    server.create_session("room").await;
    let (_ann, _) = server.joined("room", "ann").await;
    let (_bob, _) = server.joined("room", "bob").await;
    let _waiting = [server.client().await, server.client().await];
    let refused = TcpStream::connect(server.address()).await.unwrap();
    let url = format!("ws://{}/openvidu", server.address());
    let error = SignallingClient::open(refused, &url).await.err().expect("one too many").to_string();
    assert!(error.contains("429"), "{error}");
    // Another address behind the same proxy has its own share.
    let request = "GET /openvidu HTTP/1.1\r\nHost: x\r\nX-Real-IP: 192.0.2.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    assert!(head(&server, request).await.starts_with("HTTP/1.1 101 "));
}

#[tokio::test]
async fn wrong_secrets_count_like_those_of_rest() {
    let rate = Rate { burst: 3, interval: Duration::from_secs(3600) };
    let limits = Limits { wrong_secrets: rate, ..Limits::default() };
    let server = TestServer::start_limited(|_| {}, limits).await;
    server.create_session("room").await;
    let with_secret = |secret: &str| {
        let mut params = join_params("room", "", "ann");
        params["secret"] = secret.into();
        params
    };
    let mut guesser = server.client().await;
    for _ in 0..3 {
        let refused = guesser.request("joinRoom", with_secret("WRONG")).await;
        assert_eq!(refused["error"]["code"], 401, "{refused}");
    }
    // "OPENVIDUAPP:WRONG"
    let rest = "GET /openvidu/api/config HTTP/1.1\r\nHost: x\r\nAuthorization: Basic T1BFTlZJRFVBUFA6V1JPTkc=\r\n\r\n";
    let answer = head(&server, rest).await;
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    // A token is not guessed: it still lets in, whatever stands beside it.
    let token = server.token("room", "PUBLISHER").await;
    let mut params = with_secret("WRONG");
    params["token"] = token.into();
    assert!(guesser.request("joinRoom", params).await["result"].is_object());
    let mut insider = server.client().await;
    assert!(
        insider.request("joinRoom", with_secret("MY_SECRET")).await["result"].is_object(),
        "the network is known, and has as much once more"
    );
}

#[tokio::test]
async fn only_a_websocket_handshake_is_accepted() {
    let server = TestServer::start().await;
    let plain = "GET /openvidu?sessionId=x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = whole(&server, plain).await;
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("Can \"Upgrade\" only to \"WebSocket\"."),
        "{answer}"
    );
    // Java's HTTP client asks for HTTP/2 in passing.
    let h2c = "GET /openvidu HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
               HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n\r\n";
    assert!(head(&server, h2c).await.starts_with("HTTP/1.1 400 "));
    for method in ["HEAD", "POST", "DELETE"] {
        let request = format!("{method} /openvidu HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        assert!(head(&server, &request).await.starts_with("HTTP/1.1 405 "), "{method}");
    }
}

#[tokio::test]
async fn any_origin_and_no_subprotocol() {
    let server = TestServer::start().await;
    let request = "GET /openvidu?sessionId=a&reconnect=true&x=%00 HTTP/1.1\r\nHost: x\r\nOrigin: null\r\nConnection: keep-alive, Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let head = head(&server, request).await.to_lowercase();
    assert!(head.starts_with("http/1.1 101 ") && !head.contains("sec-websocket-protocol"), "{head}");
}

#[tokio::test]
async fn a_server_that_stops_closes_its_sockets() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (mut ann, _) = server.joined("room", "ann").await;
    let stop = tokio::spawn(server.server.stop());
    assert_eq!(ann.closed().await, Closed::With(1001, String::new()));
    stop.await.unwrap();
}

/// Sends raw bytes and reads the head of the response.
async fn head(server: &TestServer, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = vec![];
    while !read.ends_with(b"\r\n\r\n") {
        read.push(timeout(PATIENCE, stream.read_u8()).await.expect("a head in time").unwrap());
    }
    String::from_utf8(read).unwrap()
}

/// Sends raw bytes and reads until the server closes.
async fn whole(server: &TestServer, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut read)).await.expect("an end in time").unwrap();
    read
}
