//! Requests of clients, from their arrival to their answer: for traces, and only while there are any.

use std::collections::HashMap;

use protocol::id::{ConnectionId, SessionId};
use session::SocketId;
use traces::request::{Asked, Refused, Request, Requests};
use traces::span::Nanos;

/// Requests of one socket that are not answered yet. The rules let fewer wait.
const MOST: usize = 512;
/// Methods of which there are many in each call, and that say little.
const QUIET: [&str; 3] = ["onIceCandidate", "videoData", "echo"];

/// A method that was called, and when.
pub(crate) type Called = (&'static str, Nanos);

/// Those that are not answered yet.
#[derive(Debug)]
pub(crate) struct TracedRequests {
    told: Requests,
    called: HashMap<SocketId, HashMap<i64, Called>>,
}

impl TracedRequests {
    pub(crate) fn new(told: Requests) -> Self {
        Self { told, called: HashMap::new() }
    }

    pub(crate) fn came(&mut self, socket: SocketId, request: i64, called: Called) {
        let of_socket = self.called.entry(socket).or_default();
        if of_socket.len() < MOST && !QUIET.contains(&called.0) {
            of_socket.insert(request, called);
        }
    }

    /// `whose`: whom the socket belongs to. Of somebody who is nobody there is no trace.
    pub(crate) fn answered(
        &mut self,
        (socket, request): (SocketId, i64),
        whose: impl FnOnce() -> Option<(SessionId, ConnectionId)>,
        refused: Option<Refused>,
        until: Nanos,
    ) {
        let Some((name, from)) = self.called.get_mut(&socket).and_then(|called| called.remove(&request)) else {
            return;
        };
        let Some((session, connection)) = whose() else { return };
        self.told.tell(Request { session, connection, from, until, asked: Asked::Method { name, refused } });
    }

    pub(crate) fn closed(&mut self, socket: SocketId) {
        self.called.remove(&socket);
    }
}
