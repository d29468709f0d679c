//! The WebSocket of one participant: OpenVidu 2's JSON-RPC, as its browser library speaks it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use client::ServerAddress;
use serde_json::{Value, json};
use tokio::time::timeout_at;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::websocket::{ANSWER, SignallingError, WebSocket};

/// As openvidu-browser pings; who falls silent is taken for gone.
const PING: Duration = Duration::from_secs(5);
/// See the module.
pub(crate) struct Signalling {
    socket: WebSocket,
    next_id: u64,
    last_ping: Instant,
    /// Notifications that came while an answer was awaited.
    early: VecDeque<Notification>,
}

/// What the server tells unasked.
#[derive(Debug)]
pub(crate) struct Notification {
    pub(crate) method: String,
    pub(crate) params: Value,
}

impl Signalling {
    pub(crate) async fn open(server: &ServerAddress, session: &str) -> Result<Self, SignallingError> {
        let socket = WebSocket::open(server, &format!("/openvidu?sessionId={session}"), None).await?;
        Ok(Self { socket, next_id: 0, last_ping: Instant::now(), early: VecDeque::new() })
    }

    /// The answer to joinRoom.
    pub(crate) async fn join(&mut self, session: &str, token: &str) -> Result<Value, SignallingError> {
        self.tell("ping", json!({ "interval": PING.as_millis() })).await?;
        let params = json!({
            "token": token, "session": session, "platform": "Chrome 126.0.0.0 on Linux 64-bit", "sdkVersion": "2.32.2",
            "metadata": "{\"clientData\":\"load-test\"}", "secret": "", "recorder": false, "stt": false,
        });
        self.request("joinRoom", params).await
    }

    /// Sends a request whose answer does not matter.
    pub(crate) async fn tell(&mut self, method: &'static str, params: Value) -> Result<u64, SignallingError> {
        let id = self.next_id;
        self.next_id += 1;
        let mut frame = json!({ "jsonrpc": "2.0", "method": method, "id": id });
        if !params.is_null() {
            frame["params"] = params;
        }
        self.socket.send(Message::text(frame.to_string())).await?;
        Ok(id)
    }

    /// Sends a request; the result in its answer.
    pub(crate) async fn request(&mut self, method: &'static str, params: Value) -> Result<Value, SignallingError> {
        let id = self.tell(method, params).await?;
        let limit = Instant::now() + ANSWER;
        loop {
            let mut frame = match timeout_at(limit.into(), self.lively_frame()).await {
                Ok(frame) => frame?,
                Err(_) => return Err(SignallingError::Silent(method)),
            };
            if let Some(notification) = notification(&mut frame) {
                self.early.push_back(notification);
            } else if frame["id"] == id {
                return match frame.get("error") {
                    Some(error) => Err(SignallingError::Refused { method, why: refusal(error) }),
                    None => Ok(frame["result"].take()),
                };
            }
        }
    }

    /// Waits for the next one. Can be given up without loss.
    pub(crate) async fn notification(&mut self) -> Result<Notification, SignallingError> {
        loop {
            if let Some(notification) = self.early.pop_front() {
                return Ok(notification);
            }
            if let Some(notification) = notification(&mut self.lively_frame().await?) {
                return Ok(notification);
            }
        }
    }

    /// The next text frame; pings go on however long that takes, and however many others come.
    async fn lively_frame(&mut self) -> Result<Value, SignallingError> {
        loop {
            if self.last_ping.elapsed() >= PING {
                self.last_ping = Instant::now();
                self.tell("ping", Value::Null).await?;
            }
            if let Ok(frame) = timeout_at((self.last_ping + PING).into(), self.socket.next_json()).await {
                return frame;
            }
        }
    }

    /// As a client leaves.
    pub(crate) async fn leave(mut self) {
        // The server may be gone, and then there is nothing to leave.
        let _ = self.request("leaveRoom", json!({})).await;
        self.socket.close().await;
    }
}

/// `None`: an answer.
fn notification(frame: &mut Value) -> Option<Notification> {
    let method = frame.get("method")?.as_str()?.to_owned();
    Some(Notification { method, params: frame["params"].take() })
}

fn refusal(error: &Value) -> String {
    format!("{} {}", error["code"], without_ids(error["message"].as_str().unwrap_or_default()))
}

/// So that what happened to many is one reason: OpenVidu quotes ids.
fn without_ids(text: &str) -> String {
    let parts = text.split('\'').enumerate();
    let parts: Vec<&str> = parts.map(|(index, part)| if index % 2 == 1 { "…" } else { part }).collect();
    parts.join("'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_refusal_of_many_is_one_reason() {
        let of =
            |id: &str| refusal(&json!({ "code": 302, "message": format!("Unable to subscribe to '{id}'. Code: 302") }));
        assert_eq!(of("con_A"), "302 Unable to subscribe to '…'. Code: 302");
        assert_eq!(of("con_A"), of("con_B"));
        assert_eq!(without_ids("nothing is quoted"), "nothing is quoted");
    }
}
