//! The worker of one queue: one event after the other, with the rules of what is tried again.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use protocol::event::Event;
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use super::client::Client;
use super::{DeliveryCounts, Destination};

/// How often an event is sent before it is given up. Receivers see one that died half-way more than once.
const ATTEMPTS: u32 = 5;

/// Runs until the queue is closed and empty.
pub(super) async fn deliver(
    destination: Arc<Destination>,
    mut client: Client,
    mut events: mpsc::Receiver<Arc<Event>>,
    counts: watch::Sender<DeliveryCounts>,
) {
    while let Some(event) = events.recv().await {
        let name = event.name().as_str();
        let body = match serde_json::to_vec(&event.webhook()) {
            Ok(body) => Bytes::from(body),
            Err(error) => {
                warn!(%destination, event = name, %error, "event cannot be written");
                continue;
            }
        };
        let status = attempt(&mut client, &destination, name, &body).await;
        counts.send_modify(|counts| match status {
            Some(StatusCode::OK) => counts.delivered += 1,
            Some(_) => counts.refused += 1,
            None => counts.unreachable += 1,
        });
        match status {
            Some(StatusCode::OK) => debug!(%destination, event = name, "webhook delivered"),
            Some(status) => warn!(%destination, event = name, %status, "webhook not accepted: only 200 is"),
            None => warn!(%destination, event = name, "webhook given up after {ATTEMPTS} attempts"),
        }
    }
}

async fn attempt(client: &mut Client, destination: &Destination, event: &str, body: &Bytes) -> Option<StatusCode> {
    for attempt in 1..=ATTEMPTS {
        match client.post(destination, body.clone()).await {
            Ok(status) => return Some(status),
            Err(error) => debug!(%destination, event, attempt, %error, "webhook failed"),
        }
    }
    None
}
