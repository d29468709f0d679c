//! The worker of one queue: one event after the other, each until there is an answer or it is given up.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tracing::{debug, error, info, warn};

use super::retry::{FailedAt, Next, Retry};
use super::{DeliveryCounts, Destination};
use crate::client::{Client, PostFailure};
use crate::guard::guarded_async;
use crate::losses::Losses;
use crate::room::Waiting;

/// Runs until the queue is closed and empty.
pub(super) async fn deliver(
    destination: Arc<Destination>,
    client: Client,
    retry: Retry,
    mut events: mpsc::Receiver<Queued>,
    counts: watch::Sender<DeliveryCounts>,
) {
    let mut sender = Sender { destination, client, retry, counts, given_up: Losses::default() };
    while let Some(queued) = events.recv().await {
        let status = guarded_async(sender.send(&queued)).await.unwrap_or_else(|| {
            let event = queued.waiting.event.name().as_str();
            error!(destination = %sender.destination, event, "delivering an event panicked: it is given up");
            None
        });
        sender.counts.send_modify(|counts| match status {
            Some(StatusCode::OK) => counts.delivered += 1,
            Some(_) => counts.refused += 1,
            None => counts.unreachable += 1,
        });
    }
}

/// An event on its way, since then.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) waiting: Waiting,
    pub(super) at: Instant,
}

struct Sender {
    destination: Arc<Destination>,
    client: Client,
    retry: Retry,
    counts: watch::Sender<DeliveryCounts>,
    given_up: Losses,
}

impl Sender {
    /// The receiver's answer; none if the event was given up.
    async fn send(&mut self, queued: &Queued) -> Option<StatusCode> {
        let event = &queued.waiting.event;
        let name = event.name().as_str();
        let body = match serde_json::to_vec(&event.webhook()) {
            Ok(body) => Bytes::from(body),
            Err(error) => {
                warn!(destination = %self.destination, event = name, %error, "event cannot be written");
                return None;
            }
        };
        let status = self.attempt(name, &body, queued.at).await;
        let destination = &self.destination;
        match status {
            Some(StatusCode::OK) => debug!(%destination, event = name, "webhook delivered"),
            Some(status) => warn!(%destination, event = name, %status, "webhook not accepted: only 200 is"),
            None => {
                if let Some(events) = self.given_up.count(Instant::now()) {
                    warn!(%destination, event = name, events, "webhook given up");
                }
            }
        }
        status
    }

    async fn attempt(&mut self, event: &str, body: &Bytes, queued: Instant) -> Option<StatusCode> {
        if !self.retry.begin(queued, Instant::now()) {
            return None;
        }
        loop {
            let destination = &self.destination;
            let error = match self.client.post(&destination.endpoint, body.clone()).await {
                Ok(answer) => {
                    if let Some(away) = self.retry.answered(Instant::now()) {
                        info!(%destination, ?away, "the receiver of webhooks is back");
                        self.counts.send_modify(|counts| counts.away = false);
                    }
                    return Some(answer.status);
                }
                Err(error) => error,
            };
            debug!(%destination, event, %error, "webhook failed");
            let was_away = self.retry.is_away();
            match self.retry.failed(failed_at(&error), queued, Instant::now()) {
                Next::Again => {}
                Next::AgainAfter(pause) => {
                    if !was_away {
                        warn!(%destination, %error, "the receiver of webhooks is away: events wait for it");
                        self.counts.send_modify(|counts| counts.away = true);
                    }
                    sleep(pause).await;
                }
                Next::GiveUp => return None,
            }
        }
    }
}

fn failed_at(failure: &PostFailure) -> FailedAt {
    match failure {
        PostFailure::ConnectTimeout | PostFailure::Connect(_) | PostFailure::Certificate { .. } => FailedAt::Connecting,
        PostFailure::ReadTimeout | PostFailure::Http(_) => FailedAt::Answering,
    }
}
