//! The worker's side of connections that carry media: which of them leads to which client. They are not read or written
//! here but by tasks of their own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::framing::Framing;

use super::streams::{Ends, Outbox, StreamId};

/// How long a connection may lead to nothing (to no transport, or to no allocation): at its beginning and after that has
/// ended.
const UNKNOWN: Duration = Duration::from_secs(10);
/// Between two looks for such connections.
const SWEEP: Duration = Duration::from_secs(1);

/// Open connections.
#[derive(Debug, Default)]
pub(super) struct Connections {
    by_id: HashMap<StreamId, Connection>,
    by_peer: HashMap<SocketAddr, StreamId>,
    next_sweep: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) ends: Ends,
    pub(super) framing: Framing,
    outbox: Arc<Outbox>,
    last_known: Instant,
}

impl Connections {
    /// Takes a new connection. One that had the same address must be dead and is given up.
    pub(super) fn open(&mut self, stream: StreamId, ends: Ends, framing: Framing, outbox: Arc<Outbox>, now: Instant) {
        let dead = self.by_peer.insert(ends.peer, stream).and_then(|dead| self.by_id.remove(&dead));
        if let Some(dead) = dead {
            dead.outbox.close();
        }
        self.by_id.insert(stream, Connection { ends, framing, outbox, last_known: now });
        self.next_sweep.get_or_insert(now + SWEEP);
    }

    pub(super) fn get(&self, stream: StreamId) -> Option<&Connection> {
        self.by_id.get(&stream)
    }

    /// A connection has ended. Its addresses, if nothing else has them by now.
    pub(super) fn close(&mut self, stream: StreamId) -> Option<Ends> {
        let ends = self.by_id.remove(&stream)?.ends;
        self.by_peer.remove(&ends.peer);
        Some(ends)
    }

    /// Sends a message to a client; without a connection it is lost, and so is one too many for a slow client.
    pub(super) fn send(&self, peer: SocketAddr, message: &[u8]) {
        let connection = self.by_peer.get(&peer).and_then(|stream| self.by_id.get(stream));
        if !connection.is_some_and(|connection| connection.outbox.push(message)) {
            tracing::trace!(%peer, "message dropped");
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next_sweep
    }

    /// Ends connections that lead to nothing.
    pub(super) fn sweep(&mut self, now: Instant, is_known: impl Fn(&Connection) -> bool) {
        if self.next_sweep.is_none_or(|at| now < at) {
            return;
        }
        for connection in self.by_id.values_mut() {
            if is_known(connection) {
                connection.last_known = now;
            } else if now > connection.last_known + UNKNOWN {
                connection.outbox.close();
            }
        }
        self.next_sweep = (!self.by_id.is_empty()).then_some(now + SWEEP);
    }
}
