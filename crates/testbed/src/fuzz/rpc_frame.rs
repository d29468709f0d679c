//! A text frame of a WebSocket: what is read of it, and that it is answered with what a client can read.

use protocol::rpc::{self, Incoming};
use serde_json::Value;

/// One input.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let answer = match rpc::parse(&text) {
        Incoming::Ping { id, .. } => (rpc::pong_frame(id), Some(id)),
        Incoming::WithoutId => (rpc::error_frame_without_id(), None),
        Incoming::Connect { .. } | Incoming::Request { .. } | Incoming::Noise => return,
    };
    let frame: Value = serde_json::from_str(&answer.0).expect("a frame is JSON");
    assert_eq!(frame["id"].as_i64(), answer.1, "{frame}");
}
