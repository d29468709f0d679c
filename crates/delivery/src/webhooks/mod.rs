//! Tells an application's HTTP endpoint what happens: one ordered queue per destination.
//!
//! The rules are those applications were written against: events arrive in the order in which they happened, one at
//! a time; only status 200 counts as delivered and any other is not tried again; a failure of the network is tried
//! again at once, four times at most. Which events exist and when they happen is not decided here.
//!
//! The caller never waits: [`Webhook::send`] puts an event into a queue of bounded length. When the queue is full, the
//! *new* event is dropped and counted ([`DeliveryCounts::overflowed`]), so that what does arrive is still in order and starts
//! where the receiver left off.

use std::sync::Arc;
use std::time::Duration;

use protocol::event::Event;
use rustls::ClientConfig;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use client::Client;
pub use destination::{Destination, DestinationError};

mod client;
mod delivery;
mod destination;
#[cfg(test)]
mod tests;

/// Bounds of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct WebhookLimits {
    /// Events waiting. One takes some 500 bytes, and at most a few hundred of them happen in a second.
    pub queue: usize,
    /// For DNS, TCP and TLS together.
    pub connect: Duration,
    /// From the request to the head of the response.
    pub read: Duration,
}

impl Default for WebhookLimits {
    fn default() -> Self {
        Self { queue: 10_000, connect: Duration::from_secs(10), read: Duration::from_secs(10) }
    }
}

/// What became of the events so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DeliveryCounts {
    /// Answered with 200.
    pub delivered: u64,
    /// Answered with another status.
    pub refused: u64,
    /// Given up after the last attempt.
    pub unreachable: u64,
    /// Dropped because the queue was full.
    pub overflowed: u64,
}

/// The queue to one destination.
#[derive(Debug)]
pub struct Webhook {
    queue: mpsc::Sender<Arc<Event>>,
    destination: Arc<Destination>,
    counts: watch::Sender<DeliveryCounts>,
    /// Events dropped since the queue was last seen with room.
    overflowing: u64,
    worker: JoinHandle<()>,
}

impl Webhook {
    /// Starts delivering; `tls` says which receivers' certificates are accepted. Must be called inside a runtime.
    pub fn start(destination: Destination, limits: WebhookLimits, tls: Arc<ClientConfig>) -> Self {
        let destination = Arc::new(destination);
        let (queue, events) = mpsc::channel(limits.queue);
        let counts = watch::Sender::default();
        let worker =
            tokio::spawn(delivery::deliver(Arc::clone(&destination), Client::new(limits, tls), events, counts.clone()));
        Self { queue, destination, counts, overflowing: 0, worker }
    }

    /// Queues an event, if the destination wants it. Never waits.
    pub fn send(&mut self, event: &Arc<Event>) {
        if !self.destination.wants(event.name()) {
            return;
        }
        if self.queue.try_send(Arc::clone(event)).is_ok() {
            if self.overflowing > 0 {
                info!(destination = %self.destination, dropped = self.overflowing, "webhook queue has room again");
                self.overflowing = 0;
            }
            return;
        }
        if self.overflowing == 0 {
            warn!(destination = %self.destination, "webhook queue is full: new events are dropped");
        }
        self.overflowing += 1;
        self.counts.send_modify(|counts| counts.overflowed += 1);
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
