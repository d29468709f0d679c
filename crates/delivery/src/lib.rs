//! The way of events out: into the CDR file, which gets all of them, and to webhooks, each with its own filter.
//!
//! It hands on and waits for nothing: what a full queue or a broken receiver means is decided in [`cdr`] and [`webhooks`]. Events
//! wait in a `room`, in which nobody can take all the places.
//! Which events there are, and what they say, is not known here: that is `session` and `protocol`. The [`client`] that posts them also
//! serves those who have something else to post.

use std::sync::Arc;
use std::time::Duration;

use protocol::event::Event;

use cdr::Cdr;
use webhooks::Webhook;

pub mod cdr;
pub mod client;
pub mod endpoint;
mod guard;
mod losses;
mod room;
pub mod webhooks;

/// How long queued events may take once the server stops.
const CLOSING_GRACE: Duration = Duration::from_secs(5);

/// Everybody who is told of events.
#[derive(Debug, Default)]
pub struct EventSinks {
    /// The file of all of them, if it is written.
    pub cdr: Option<Cdr>,
    /// Applications.
    pub webhooks: Vec<Webhook>,
}

impl EventSinks {
    /// Hands an event to all of them. Never waits.
    pub fn send(&mut self, event: Event) {
        if self.cdr.is_none() && self.webhooks.is_empty() {
            return;
        }
        let event = Arc::new(event);
        if let Some(cdr) = &mut self.cdr {
            cdr.send(&event);
        }
        for webhook in &mut self.webhooks {
            webhook.send(&event);
        }
    }

    /// Writes and delivers what is queued, but does not wait for a receiver that takes too long.
    pub async fn close(self) {
        if let Some(cdr) = self.cdr {
            cdr.close(CLOSING_GRACE).await;
        }
        let deadline = tokio::time::Instant::now() + CLOSING_GRACE;
        for webhook in self.webhooks {
            webhook.close(deadline.saturating_duration_since(tokio::time::Instant::now())).await;
        }
    }
}
