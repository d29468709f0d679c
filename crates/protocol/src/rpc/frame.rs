//! JSON-RPC frames: telling requests apart and writing answers.

use std::sync::Arc;

use super::notification::ServerNotification;
use super::reply::{ClientReply, RpcError};
use super::request::{ClientRequest, InvalidParams};

/// What a text frame of a client holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incoming {
    /// Keep-alive; answered by the socket itself.
    Ping {
        /// JSON-RPC id.
        id: i64,
        /// ms; only in the first ping of a socket. `Err` = not a number, to be answered with −1.
        interval: Result<Option<u64>, InvalidParams>,
    },
    /// Binds an earlier RPC session to this socket.
    Connect {
        /// JSON-RPC id.
        id: i64,
        /// The RPC session; absent = a new one.
        rpc_session: Option<String>,
    },
    /// Everything else.
    Request {
        /// JSON-RPC id.
        id: i64,
        /// Typed, or why it cannot be read.
        request: Result<ClientRequest, InvalidParams>,
    },
    /// A request whose `id` is missing or unusable: nobody waits for an answer, nothing is done.
    WithoutId,
    /// No JSON object with a method. Ignored.
    Noise,
}

/// Reads a text frame; never fails.
pub fn parse(text: &str) -> Incoming {
    let _ = text;
    todo!()
}

/// `{"id":…,"result":{…,"sessionId":…},"jsonrpc":"2.0"}`.
pub fn reply_frame(id: i64, rpc_session: &Arc<str>, reply: &ClientReply) -> String {
    let _ = (id, rpc_session, reply);
    todo!()
}

/// `{"id":…,"error":{"code":…,"message":…},"jsonrpc":"2.0"}`.
pub fn error_frame(id: i64, error: &RpcError) -> String {
    let _ = (id, error);
    todo!()
}

/// `{"id":…,"result":{"value":"pong"},"jsonrpc":"2.0"}`.
pub fn pong_frame(id: i64) -> String {
    let _ = id;
    todo!()
}

/// `{"method":…,"params":{…},"jsonrpc":"2.0"}`.
pub fn notification_frame(notification: &ServerNotification) -> String {
    let _ = notification;
    todo!()
}
