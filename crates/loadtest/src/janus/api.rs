//! One session of Janus' API: requests with transactions, handles of the plugin, and what is told unasked.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use client::ServerAddress;
use serde_json::{Value, json};
use tokio::time::timeout_at;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::websocket::{ANSWER, SignallingError, WebSocket};

const PLUGIN: &str = "janus.plugin.videoroom";
/// A session that says nothing for a minute is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// A place in a session: one peer connection, at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Handle(u64);

/// See the module.
pub(crate) struct Api {
    socket: WebSocket,
    session: u64,
    next_transaction: u64,
    last_sent: Instant,
    /// What was told while an answer was awaited.
    early: VecDeque<Value>,
}

/// What the plugin says, and a session description with it, if there is one.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct PluginAnswer {
    pub(crate) data: Value,
    pub(crate) sdp: Option<String>,
}

impl Api {
    /// A session that is empty.
    pub(crate) async fn open(server: &ServerAddress) -> Result<Self, SignallingError> {
        let socket = WebSocket::open(server, "/", Some("janus-protocol")).await?;
        let (session, next_transaction, early) = (0, 0, VecDeque::new());
        let mut api = Self { socket, session, next_transaction, last_sent: Instant::now(), early };
        api.session = id(&api.request("create", json!({ "janus": "create" })).await?, "create")?;
        Ok(api)
    }

    pub(crate) async fn attach(&mut self) -> Result<Handle, SignallingError> {
        let answer = self.request("attach", json!({ "janus": "attach", "plugin": PLUGIN })).await?;
        id(&answer, "attach").map(Handle)
    }

    /// `body`: a request of the plugin; `method` says which to people.
    pub(crate) async fn ask(
        &mut self,
        handle: Handle,
        method: &'static str,
        body: Value,
        jsep: Option<Value>,
    ) -> Result<PluginAnswer, SignallingError> {
        let mut frame = json!({ "janus": "message", "handle_id": handle.0, "body": body });
        if let Some(jsep) = jsep {
            frame["jsep"] = jsep;
        }
        let answer = self.request(method, frame).await?;
        plugin_answer(answer).map_err(|why| SignallingError::Refused { method, why })
    }

    /// Its peer connection ends. The answer does not matter.
    pub(crate) async fn detach(&mut self, handle: Handle) -> Result<(), SignallingError> {
        self.tell(json!({ "janus": "detach", "handle_id": handle.0 })).await?;
        Ok(())
    }

    /// What the plugin tells unasked. Can be given up without loss.
    pub(crate) async fn event(&mut self) -> Result<Value, SignallingError> {
        loop {
            let frame = match self.early.pop_front() {
                Some(frame) => frame,
                None => self.lively_frame().await?,
            };
            // Others tell of peer connections: what became of them is seen by what comes on them.
            if frame["janus"] == "event"
                && let Ok(PluginAnswer { data, .. }) = plugin_answer(frame)
            {
                return Ok(data);
            }
        }
    }

    /// The session ends, and all handles with it.
    pub(crate) async fn close(mut self) {
        // The server may be gone, and then there is nothing to close.
        let _ = self.request("destroy", json!({ "janus": "destroy" })).await;
        self.socket.close().await;
    }

    /// The transaction.
    async fn tell(&mut self, mut frame: Value) -> Result<String, SignallingError> {
        let transaction = self.next_transaction.to_string();
        self.next_transaction += 1;
        frame["transaction"] = transaction.as_str().into();
        if self.session != 0 {
            frame["session_id"] = self.session.into();
        }
        self.last_sent = Instant::now();
        self.socket.send(Message::text(frame.to_string())).await?;
        Ok(transaction)
    }

    async fn request(&mut self, method: &'static str, frame: Value) -> Result<Value, SignallingError> {
        let transaction = self.tell(frame).await?;
        let limit = Instant::now() + ANSWER;
        loop {
            let frame = match timeout_at(limit.into(), self.lively_frame()).await {
                Ok(frame) => frame?,
                Err(_) => return Err(SignallingError::Silent(method)),
            };
            if frame["transaction"] != transaction.as_str() {
                if frame["transaction"].is_null() {
                    self.early.push_back(frame);
                }
                continue;
            }
            // Only that the request was read; the answer follows.
            if frame["janus"] == "ack" {
                continue;
            }
            return match refusal(&frame) {
                Some(why) => Err(SignallingError::Refused { method, why }),
                None => Ok(frame),
            };
        }
    }

    /// The next frame; the session is kept alive however long that takes.
    async fn lively_frame(&mut self) -> Result<Value, SignallingError> {
        loop {
            if self.last_sent.elapsed() >= KEEP_ALIVE {
                self.tell(json!({ "janus": "keepalive" })).await?;
            }
            if let Ok(frame) = timeout_at((self.last_sent + KEEP_ALIVE).into(), self.socket.next_json()).await {
                return frame;
            }
        }
    }
}

fn id(answer: &Value, method: &'static str) -> Result<u64, SignallingError> {
    answer["data"]["id"].as_u64().ok_or(SignallingError::Unreadable { method, field: "data.id" })
}

/// Of Janus itself.
fn refusal(frame: &Value) -> Option<String> {
    let error = frame.get("error").filter(|_| frame["janus"] == "error")?;
    Some(format!("{} {}", error["code"], without_numbers(error["reason"].as_str().unwrap_or_default())))
}

/// # Errors
/// Why the plugin refuses.
fn plugin_answer(mut frame: Value) -> Result<PluginAnswer, String> {
    let data = frame["plugindata"]["data"].take();
    match data["error"].as_str() {
        Some(text) => Err(format!("{} {}", data["error_code"], without_numbers(text))),
        None => Ok(PluginAnswer { data, sdp: frame["jsep"]["sdp"].as_str().map(str::to_owned) }),
    }
}

/// So that what happened to many is one reason: Janus tells ids.
fn without_numbers(text: &str) -> String {
    let mut kept = String::new();
    for character in text.chars() {
        match character {
            '0'..='9' if kept.ends_with('…') => {}
            '0'..='9' => kept.push('…'),
            _ => kept.push(character),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_plugin_says_is_read_with_its_description() {
        let frame = json!({
            "janus": "event", "sender": 5, "transaction": "3",
            "plugindata": { "plugin": PLUGIN, "data": { "videoroom": "attached", "room": 7 } },
            "jsep": { "type": "offer", "sdp": "v=0" },
        });
        let answer = plugin_answer(frame).unwrap();
        assert_eq!((&answer.data["videoroom"], answer.sdp.as_deref()), (&json!("attached"), Some("v=0")));
        let without = json!({ "janus": "success", "plugindata": { "data": { "videoroom": "created" } } });
        assert_eq!(plugin_answer(without).unwrap().sdp, None);
    }

    #[test]
    fn the_same_refusal_of_many_is_one_reason() {
        let of = |feed: u64| {
            let data = json!({ "videoroom": "event", "error_code": 428, "error": format!("No such feed ({feed})") });
            plugin_answer(json!({ "janus": "event", "plugindata": { "data": data } })).unwrap_err()
        };
        assert_eq!(of(12), "428 No such feed (…)");
        assert_eq!(of(12), of(345));
        let of_janus = json!({ "janus": "error", "error": { "code": 458, "reason": "No such session 17" } });
        assert_eq!(refusal(&of_janus).as_deref(), Some("458 No such session …"));
        assert_eq!(refusal(&json!({ "janus": "success" })), None);
    }
}
