//! The WebSocket of one participant: OpenVidu 2's JSON-RPC, as its browser library speaks it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::{timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::server::{PATIENCE, ServerAddress, Stream};

/// As openvidu-browser pings; who falls silent is taken for gone.
const PING: Duration = Duration::from_secs(5);
/// For an answer: a busy server is slow, and that is what is to be seen.
const ANSWER: Duration = Duration::from_secs(60);
/// Bytes read at a time; many thousand sockets each have such a buffer.
const READ_BUFFER: usize = 8 * 1024;

/// See the module.
pub(crate) struct Signalling {
    socket: WebSocketStream<Box<dyn Stream>>,
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

/// Why it does not go on. The texts are counted: no ids in them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignallingError {
    #[error("no connection for signalling: {0}")]
    Connect(#[from] std::io::Error),
    #[error("no WebSocket: {0}")]
    Handshake(String),
    #[error("the server closed the WebSocket{0}")]
    Closed(String),
    #[error("no answer to {0} within {seconds} s", seconds = ANSWER.as_secs())]
    Silent(&'static str),
    #[error("the server refused {method}: {why}")]
    Refused { method: &'static str, why: String },
    #[error("the answer to {method} has no {field}")]
    Unreadable { method: &'static str, field: &'static str },
}

impl Signalling {
    pub(crate) async fn open(server: &ServerAddress, session: &str) -> Result<Self, SignallingError> {
        let stream = server.connect().await?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let handshake = client_async_with_config(server.signalling_url(session), stream, Some(config));
        let failed = |why: String| SignallingError::Handshake(why);
        let (socket, _) = timeout(PATIENCE, handshake)
            .await
            .map_err(|_| failed("no answer in time".to_owned()))?
            .map_err(|error| failed(error.to_string()))?;
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
        let sent = self.socket.send(Message::text(frame.to_string())).await;
        sent.map_err(|_| SignallingError::Closed(String::new()))?;
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
            if let Ok(frame) = timeout_at((self.last_ping + PING).into(), self.frame()).await {
                return frame;
            }
        }
    }

    /// As a client leaves.
    pub(crate) async fn leave(mut self) {
        // The server may be gone, and then there is nothing to leave.
        let _ = self.request("leaveRoom", json!({})).await;
        let _ = timeout(PATIENCE, self.socket.close(None)).await;
    }

    /// The next text frame.
    async fn frame(&mut self) -> Result<Value, SignallingError> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text)
                        .map_err(|error| SignallingError::Closed(format!(" after a frame that is no JSON: {error}")));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(SignallingError::Closed(format!(": {} {}", frame.code, frame.reason)));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(SignallingError::Closed(String::new())),
            }
        }
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
