//! What the registry wants done by its shell.

use std::sync::Arc;

use protocol::event::Event;
use protocol::media::MediaCommand;
use protocol::recording::{Failure, RecordingCommand, RecordingView};
use protocol::rpc::{ClientReply, RpcError, ServerNotification};

/// A WebSocket, numbered by the shell; never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SocketId(pub u64);

/// A call from the shell whose result comes later, numbered by the shell.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct CallId(pub u64);

/// The result of a call that took longer.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// A recording runs, or is processed; or why it does not run.
    Recording(Result<Box<RecordingView>, Failure>),
    /// Nothing is left of a session.
    Ended,
}

/// What the shell knows of a client when its socket opens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerInfo {
    /// `X-Real-IP`, else the socket's address.
    pub ip: String,
    /// Opaque, at most 16 characters; the client only logs it.
    pub final_user_id: String,
}

/// To be carried out in order; those for one socket go through one queue.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Answers a request.
    Reply {
        /// Where it came from.
        socket: SocketId,
        /// JSON-RPC id.
        request: i64,
        /// Added to a result as `sessionId`.
        rpc_session: Arc<str>,
        /// The outcome.
        result: Result<ClientReply, RpcError>,
    },
    /// Tells a client something. The same `Arc` goes to many: serialise it once.
    Notify {
        /// To whom.
        socket: SocketId,
        /// What.
        notification: Arc<ServerNotification>,
    },
    /// Closes a socket with code 1000 and no reason. A later `socket_closed` for it is ignored.
    CloseSocket {
        /// Which.
        socket: SocketId,
    },
    /// For the media worker.
    Media(MediaCommand),
    /// For the recorder.
    Recording(RecordingCommand),
    /// A call has its result.
    Completed {
        /// Which.
        call: CallId,
        /// What came of it.
        outcome: Outcome,
    },
    /// For CDR files and webhooks.
    Event(Event),
}
