//! Requests that were made for connections, from wherever they are answered to where spans are made of them.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use protocol::id::{ConnectionId, SessionId};

use crate::parent::Parent;
use crate::span::Nanos;

/// Requests that nobody has looked at yet. What finds no place is missing in its trace.
const REQUESTS: usize = 4096;

/// The way to [`crate::Calls`].
pub(crate) fn channel() -> (Requests, Receiver<Request>) {
    let (sender, requests) = sync_channel(REQUESTS);
    (Requests(sender), requests)
}

/// A request that was made for a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// In which session.
    pub session: SessionId,
    /// For which.
    pub connection: ConnectionId,
    /// When it came.
    pub from: Nanos,
    /// When it was answered.
    pub until: Nanos,
    /// Which.
    pub asked: Asked,
}

/// Which request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// An application has made the connection's place.
    Place {
        /// As the operation is written down, with names in braces.
        route: &'static str,
        /// The span that it was made in.
        parent: Option<Parent>,
    },
    /// The client has called a method.
    Method {
        /// One of few.
        name: &'static str,
        /// If it was refused.
        refused: Option<Refused>,
    },
}

/// How a method was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused {
    /// As the client was told.
    pub code: i32,
    /// Why: one of few.
    pub reason: &'static str,
}

/// Takes requests, from anywhere. It never waits.
#[derive(Clone, Debug)]
pub struct Requests(SyncSender<Request>);

impl Requests {
    /// One was answered.
    pub fn tell(&self, request: Request) {
        // Full, or nobody traces any more: a span is missing.
        let _ = self.0.try_send(request);
    }
}
