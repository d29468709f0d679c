//! REST with people in the session. They join through the real WebSocket.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use testbed::PATIENCE;
use testbed::rest::Request;
use testbed::server::TestServer;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::sessions::keys;

/// Somebody in a session.
pub(crate) struct Participant {
    pub(crate) id: String,
    socket: WebSocketStream<TcpStream>,
}

impl Participant {
    /// Makes a connection from `body` and joins with its token.
    pub(crate) async fn join(server: &TestServer, session: &str, body: &str, name: &str) -> Self {
        let connection = server.create_connection(session, body).await;
        let stream = TcpStream::connect(server.server.address()).await.expect("the server listens");
        let url = format!("ws://{}/openvidu?sessionId={session}", server.server.address());
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.expect("a WebSocket");
        let mut participant = Self { id: connection["id"].as_str().expect("an id").to_owned(), socket };
        let answer = participant.request(
            "joinRoom",
            json!({"token":connection["token"],"session":session,"platform":format!("Golden {name}"),"sdkVersion":"2.32.2",
                "metadata":json!({"clientData":name}).to_string(),"secret":"","recorder":false,"stt":false}),
        );
        let answer = answer.await;
        assert_eq!(answer["result"]["id"], participant.id, "{answer}");
        participant
    }

    /// Sends a request and waits for its answer, skipping notifications.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let frame = json!({"jsonrpc":"2.0","method":method,"params":params,"id":1}).to_string();
        self.socket.send(Message::text(frame)).await.expect("the server reads");
        let answer = async {
            loop {
                let frame = self.next().await.expect("an answer");
                if frame.get("id").is_some() {
                    return frame;
                }
            }
        };
        timeout(PATIENCE, answer).await.expect("an answer among the notifications")
    }

    /// The next frame; `None` once the server has closed the socket.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let next = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).ok(),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        timeout(PATIENCE, next).await.expect("a frame")
    }

    /// Waits for a notification.
    pub(crate) async fn notified(&mut self, method: &str) -> Value {
        let notification = async {
            loop {
                let frame = self.next().await.expect("a notification");
                if frame["method"] == method {
                    return frame["params"].clone();
                }
            }
        };
        timeout(PATIENCE, notification).await.unwrap_or_else(|_| panic!("no notification {method}"))
    }
}

#[tokio::test]
async fn an_active_connection_shows_who_came() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let ann = Participant::join(&server, "room", r#"{"data":"server"}"#, "ann").await;
    let connection = server.get(&format!("/sessions/room/connection/{}", ann.id)).await.json();
    let expected = [
        "id",
        "object",
        "status",
        "connectionId",
        "sessionId",
        "createdAt",
        "activeAt",
        "location",
        "ip",
        "platform",
        "token",
        "type",
        "record",
        "role",
        "kurentoOptions",
        "customIceServers",
        "rtspUri",
        "adaptativeBitrate",
        "onlyPlayWithSubscribers",
        "networkCache",
        "serverData",
        "clientData",
        "publishers",
        "subscribers",
    ];
    assert_eq!(keys(&connection), expected);
    assert_eq!((&connection["status"], &connection["ip"]), (&json!("active"), &json!("127.0.0.1")));
    assert_eq!(connection["clientData"], r#"{"clientData":"ann"}"#);
    let session = server.get("/sessions/room").await.json();
    assert_eq!(session["connections"]["content"], json!([connection]));
}

#[tokio::test]
async fn a_signal_reaches_everybody_or_those_it_is_for() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let mut ann = Participant::join(&server, "room", "{}", "ann").await;
    let mut bob = Participant::join(&server, "room", "{}", "bob").await;
    let to_bob = format!(r#"{{"session":"room","to":["{0}","{0}"],"data":"for bob"}}"#, bob.id);
    for body in
        [&to_bob, r#"{"session":"room","to":[],"type":"signal:chat","data":""}"#, r#"{"session":"room","type":"x"}"#]
    {
        let answer = server.post("/signal", body).await;
        assert!(answer.status == 200 && answer.is_empty(), "{body}: {answer:?}");
    }
    assert_eq!(bob.notified("sendMessage").await, json!({"data":"for bob"}));
    for participant in [&mut ann, &mut bob] {
        assert_eq!(participant.notified("sendMessage").await, json!({"data":"","type":"signal:chat"}));
        assert_eq!(participant.notified("sendMessage").await, json!({"type":"x"}));
    }
    let mixed = format!(r#"["{}","con_UNKNOWN"]"#, bob.id);
    for to in [r#"["con_UNKNOWN"]"#, "[null]", &mixed] {
        let answer = server.post("/signal", &format!(r#"{{"session":"room","to":{to}}}"#)).await;
        assert!(answer.status == 406 && answer.is_described(), "{to}: {answer:?}");
    }
}

#[tokio::test]
async fn closing_a_connection_evicts_and_the_last_one_ends_the_session() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let mut ann = Participant::join(&server, "room", "{}", "ann").await;
    let mut bob = Participant::join(&server, "room", "{}", "bob").await;
    let pending = server.create_connection("room", "{}").await["id"].as_str().unwrap().to_owned();
    assert_eq!(server.delete(&format!("/sessions/room/connection/{}", ann.id)).await.status, 204);
    assert_eq!(ann.notified("participantEvicted").await["reason"], "forceDisconnectByServer");
    assert_eq!(bob.notified("participantEvicted").await["connectionId"], ann.id);
    assert_eq!(server.get(&format!("/sessions/room/connection/{}", ann.id)).await.status, 404);
    assert_eq!(server.delete(&format!("/sessions/room/connection/{}", bob.id)).await.status, 204);
    assert_eq!(server.get("/sessions/room").await.status, 404);
    assert_eq!(server.get(&format!("/sessions/room/connection/{pending}")).await.status, 400);
}

#[tokio::test]
async fn closing_a_session_evicts_everybody() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let mut ann = Participant::join(&server, "room", "{}", "ann").await;
    assert_eq!(server.delete("/sessions/room").await.status, 204);
    assert_eq!(ann.notified("participantEvicted").await["reason"], "sessionClosedByServer");
    assert_eq!(server.get("/sessions/room").await.status, 404);
    server.create_session("room").await;
}

#[tokio::test]
async fn a_new_role_is_told_to_the_client() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let mut ann = Participant::join(&server, "room", "{}", "ann").await;
    let path = format!("/sessions/room/connection/{}", ann.id);
    let answer = server.send(Request::new("PATCH", &path).json(r#"{"role":"SUBSCRIBER"}"#)).await;
    assert_eq!((answer.status, &answer.json()["role"]), (200, &json!("SUBSCRIBER")));
    let notification = ann.notified("connectionPropertyChanged").await;
    assert_eq!((&notification["property"], &notification["newValue"]), (&json!("role"), &json!("SUBSCRIBER")));
}
