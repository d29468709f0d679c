//! Where events go: the CDR file, which gets all of them, and webhooks, each with its own filter.
//!
//! It hands on and waits for nothing: what a full queue or a broken receiver means is decided in [`crate::cdr`] and
//! [`crate::webhooks`].

use std::sync::Arc;
use std::time::Duration;

use protocol::event::Event;

use crate::cdr::Cdr;
use crate::webhooks::Webhook;

/// How long queued events may take once the server stops.
const CLOSING_GRACE: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct EventSinks {
    pub(crate) cdr: Option<Cdr>,
    pub(crate) webhooks: Vec<Webhook>,
}

impl EventSinks {
    /// Never waits.
    pub(crate) fn send(&mut self, event: Event) {
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
    pub(crate) async fn close(self) {
        if let Some(cdr) = self.cdr {
            cdr.close(CLOSING_GRACE).await;
        }
        let deadline = tokio::time::Instant::now() + CLOSING_GRACE;
        for webhook in self.webhooks {
            webhook.close(deadline.saturating_duration_since(tokio::time::Instant::now())).await;
        }
    }
}
