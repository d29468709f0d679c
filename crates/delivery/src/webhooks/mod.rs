//! Tells an application's HTTP endpoint what happens: one ordered queue per destination.
//!
//! The rules are those applications were written against: events arrive in the order in which they happened, one at
//! a time; only status 200 counts as delivered and any other is not tried again; a failure of the network is tried
//! again at once, four times at most. While a receiver is away events wait for it (`retry`). Which events exist and when they
//! happen is not decided here.
//!
//! The caller never waits: [`Webhook::send`] puts an event into a queue that is bounded in events and bytes. When it is full,
//! the *new* event is dropped and counted ([`DeliveryCounts::overflowed`]), so that what does arrive is still in order and
//! starts where the receiver left off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::event::Event;
use rustls::ClientConfig;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::client::{Client, ClientLimits};
use crate::losses::Losses;
use crate::room::{Amount, Room};
use delivery::Queued;
pub use destination::{Destination, DestinationError};
use retry::Retry;

mod delivery;
mod destination;
mod retry;
#[cfg(test)]
mod tests;

/// The setting that says whom a client trusts.
const AUTHORITY: &str =
    "MADANG_WEBHOOK_AUTHORITY: the file of the authority that signed it, or none to take any certificate";

/// Bounds of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct WebhookLimits {
    /// Events waiting. One takes some 500 bytes, and at most a few hundred of them happen in a second.
    pub queue: usize,
    /// Bytes waiting, roughly.
    pub bytes: usize,
    /// How long an event waits for a receiver that is away.
    pub patience: Duration,
    /// For DNS, TCP and TLS together.
    pub connect: Duration,
    /// From the request to the head of the response.
    pub read: Duration,
}

impl Default for WebhookLimits {
    fn default() -> Self {
        Self {
            queue: 10_000,
            bytes: 16 << 20,
            patience: Duration::from_secs(3600),
            connect: Duration::from_secs(10),
            read: Duration::from_secs(10),
        }
    }
}

/// What became of the events so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DeliveryCounts {
    /// Answered with 200.
    pub delivered: u64,
    /// Answered with another status.
    pub refused: u64,
    /// Given up: the receiver did not answer, or was away for too long.
    pub unreachable: u64,
    /// Dropped because the queue was full.
    pub overflowed: u64,
    /// The receiver is away now, and events wait for it.
    pub away: bool,
}

/// The queue to one destination.
#[derive(Debug)]
pub struct Webhook {
    queue: mpsc::Sender<Queued>,
    room: Room,
    destination: Arc<Destination>,
    counts: watch::Sender<DeliveryCounts>,
    dropped: Losses,
    worker: JoinHandle<()>,
}

impl Webhook {
    /// Starts delivering; `tls` says which receivers' certificates are accepted. Must be called inside a runtime.
    pub fn start(destination: Destination, limits: WebhookLimits, tls: Arc<ClientConfig>) -> Self {
        let destination = Arc::new(destination);
        let (queue, events) = mpsc::channel(limits.queue);
        let counts = watch::Sender::default();
        let client_limits = ClientLimits { connect: limits.connect, read: limits.read };
        let (client, retry) = (Client::new(client_limits, tls, AUTHORITY), Retry::new(limits.patience));
        let worker = tokio::spawn(delivery::deliver(Arc::clone(&destination), client, retry, events, counts.clone()));
        // The one that is on its way has a place, too.
        let room = Room::new(Amount { events: limits.queue + 1, bytes: limits.bytes });
        Self { queue, room, destination, counts, dropped: Losses::default(), worker }
    }

    /// Queues an event, if the destination wants it. Never waits.
    pub fn send(&mut self, event: &Arc<Event>) {
        if !self.destination.wants(event.name()) {
            return;
        }
        let now = Instant::now();
        let full = match self.room.enter(event) {
            Ok(waiting) => match self.queue.try_send(Queued { waiting, at: now }) {
                Ok(()) => return,
                Err(_) => None,
            },
            Err(full) => Some(full),
        };
        self.counts.send_modify(|counts| counts.overflowed += 1);
        if let Some(events) = self.dropped.count(now) {
            warn!(destination = %self.destination, events, limit = ?full, "webhook queue is full: new events were dropped");
        }
    }

    /// A way to look at it from elsewhere.
    pub fn watch(&self) -> WebhookWatch {
        WebhookWatch { counts: self.counts(), room: self.room.clone() }
    }

    /// What became of the events so far.
    pub fn counts(&self) -> watch::Receiver<DeliveryCounts> {
        self.counts.subscribe()
    }

    /// Delivers what is queued, for `limit` at most.
    pub async fn close(self, limit: Duration) {
        drop(self.queue);
        let mut worker = self.worker;
        if tokio::time::timeout(limit, &mut worker).await.is_err() {
            worker.abort();
            warn!(destination = %self.destination, "webhook events were still queued at the end");
        }
        let counts = *self.counts.borrow();
        info!(destination = %self.destination, ?counts, "webhook closed");
    }
}

/// Looks at a delivery that somebody else holds. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WebhookWatch {
    counts: watch::Receiver<DeliveryCounts>,
    room: Room,
}

/// A delivery at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WebhookState {
    /// What became of the events so far.
    pub counts: DeliveryCounts,
    /// Events that wait, the one that is on its way included.
    pub waiting: usize,
}

impl WebhookWatch {
    /// How it is now.
    pub fn state(&self) -> WebhookState {
        WebhookState { counts: *self.counts.borrow(), waiting: self.room.taken() }
    }
}
