//! The worker's side of connections that carry media: which of them leads to which client. They are not read or written
//! here but by tasks of their own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stun::framing::Framing;

use super::streams::{Outbox, StreamEnds, StreamId};

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
    pub(super) ends: StreamEnds,
    pub(super) framing: Framing,
    outbox: Arc<Outbox>,
    last_known: Instant,
}

impl Connections {
    /// Takes a new connection. One that had the same address must be dead and is given up.
    pub(super) fn open(
        &mut self,
        stream: StreamId,
        ends: StreamEnds,
        framing: Framing,
        outbox: Arc<Outbox>,
        now: Instant,
    ) {
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
    pub(super) fn close(&mut self, stream: StreamId) -> Option<StreamEnds> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ends(port: u16) -> StreamEnds {
        StreamEnds { peer: ([198, 51, 100, 1], port).into(), local: ([192, 0, 2, 1], 443).into() }
    }

    /// A connection from this port of the client.
    fn open(connections: &mut Connections, id: u64, port: u16, now: Instant) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox::new(Framing::Ice));
        connections.open(StreamId(id), ends(port), Framing::Ice, outbox.clone(), now);
        outbox
    }

    #[test]
    fn a_connection_that_leads_to_nothing_for_a_while_is_ended() {
        let (mut connections, start) = (Connections::default(), Instant::now());
        assert_eq!(connections.deadline(), None);
        let (stranger, client) = (open(&mut connections, 1, 1, start), open(&mut connections, 2, 2, start));
        let known = |connection: &Connection| connection.ends.peer.port() == 2;
        for second in 1..=10 {
            connections.sweep(start + SECOND * second, known);
        }
        assert!(!stranger.is_closed(), "it has ten seconds");
        connections.sweep(start + SECOND * 11, known);
        assert!(stranger.is_closed() && !client.is_closed());
        // Its transport has ended: it gets as long for another.
        connections.sweep(start + SECOND * 12, |_| false);
        connections.sweep(start + SECOND * 21, |_| false);
        assert!(!client.is_closed());
        connections.sweep(start + SECOND * 23, |_| false);
        assert!(client.is_closed());
        for id in [1, 2] {
            assert!(connections.close(StreamId(id)).is_some());
        }
        connections.sweep(start + SECOND * 30, |_| false);
        assert_eq!(connections.deadline(), None, "nobody is left to look for");
    }

    #[test]
    fn a_new_connection_from_the_same_address_takes_the_place_of_the_dead_one() {
        let (mut connections, now) = (Connections::default(), Instant::now());
        let (dead, live) = (open(&mut connections, 1, 1, now), open(&mut connections, 2, 1, now));
        assert!(dead.is_closed() && !live.is_closed());
        assert_eq!(connections.close(StreamId(1)), None, "the address belongs to the other one");
        assert!(connections.get(StreamId(1)).is_none() && connections.get(StreamId(2)).is_some());
        assert_eq!(connections.close(StreamId(2)), Some(ends(1)));
        assert_eq!(connections.close(StreamId(2)), None);
    }
}
