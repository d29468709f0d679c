//! WebSocket clients that speak JSON-RPC and wait for events instead of sleeping.

use std::collections::VecDeque;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, frame::coding::CloseCode};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::PATIENCE;

/// A client that speaks JSON-RPC.
pub struct SignallingClient<S> {
    socket: WebSocketStream<S>,
    next_id: i64,
    /// Notifications that came while an answer was awaited.
    early: VecDeque<Value>,
}

/// What came instead of a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Closed {
    With(u16, String),
    Without,
}

impl<S: AsyncRead + AsyncWrite + Unpin> SignallingClient<S> {
    pub async fn open(stream: S, url: &str) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let (socket, _) = timeout(PATIENCE, client_async(url, stream)).await.expect("a handshake in time")?;
        Ok(Self { socket, next_id: 0, early: VecDeque::new() })
    }

    pub async fn send(&mut self, message: Message) {
        timeout(PATIENCE, self.socket.send(message)).await.expect("a server that reads").unwrap();
    }

    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.send(Message::text(text.into())).await;
    }

    /// Sends a request and returns its id.
    pub async fn ask(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send_text(json!({"jsonrpc": "2.0", "method": method, "params": params, "id": id}).to_string()).await;
        id
    }

    /// Sends a request and waits for its answer, the whole frame.
    pub async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        self.answer(id).await
    }

    pub async fn answer(&mut self, id: i64) -> Value {
        loop {
            let frame = self.frame().await.expect("an open socket");
            if frame.get("method").is_none() {
                assert_eq!(frame["id"], id, "{frame}");
                return frame;
            }
            self.early.push_back(frame);
        }
    }

    pub async fn join(&mut self, session: &str, token: &str, name: &str) -> Value {
        let answer = self.request("joinRoom", join_params(session, token, name)).await;
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].clone()
    }

    /// The next notification, which must be of this method; its params.
    pub async fn notification(&mut self, method: &str) -> Value {
        let frame = match self.early.pop_front() {
            Some(frame) => frame,
            None => self.frame().await.expect("an open socket"),
        };
        assert_eq!(frame["method"], method, "{frame}");
        frame["params"].clone()
    }

    /// The next text frame.
    pub async fn frame(&mut self) -> Result<Value, Closed> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(Closed::With(frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Closed::Without),
            }
        }
    }

    /// Reads to the end of the socket.
    pub async fn closed(&mut self) -> Closed {
        loop {
            if let Err(closed) = self.frame().await {
                return closed;
            }
        }
    }

    pub async fn close(mut self, code: u16, reason: &'static str) {
        self.send(Message::Close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() }))).await;
        self.closed().await;
    }
}

pub fn join_params(session: &str, token: &str, name: &str) -> Value {
    json!({
        "token": token, "session": session, "platform": "Test", "sdkVersion": "2.32.2", "metadata": name,
        "secret": "", "recorder": false, "stt": false,
    })
}
