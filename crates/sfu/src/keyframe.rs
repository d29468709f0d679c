//! Asking for key frames without flooding the publisher: requests of all receivers for one layer are merged and spaced.
//! It only decides *when*; the transport sends.

use std::time::{Duration, Instant};

/// Time between two requests for one layer. An encoder needs about this long to answer, and a key frame costs ten
/// times an ordinary one.
pub(crate) const SPACING: Duration = Duration::from_millis(400);

/// Requests for one layer.
#[derive(Debug, Default)]
pub(crate) struct KeyFrameRequests {
    sent: Option<Instant>,
    wanted: bool,
}

impl KeyFrameRequests {
    /// Somebody needs a key frame.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// One has come: whoever asked before it is served.
    pub(crate) fn served(&mut self) {
        self.wanted = false;
    }

    /// Whether a request has to go out now.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let spaced = self.sent.is_none_or(|sent| now >= sent + SPACING);
        if !self.wanted || !spaced {
            return false;
        }
        self.wanted = false;
        self.sent = Some(now);
        true
    }

    /// When the next request may go out, if one is wanted and had to wait.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.sent.filter(|_| self.wanted).map(|sent| sent + SPACING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_goes_out_at_once_and_the_rest_are_merged() {
        let start = Instant::now();
        let mut requests = KeyFrameRequests::default();
        let mut sent = 0;
        for ms in 0..1000 {
            requests.want();
            sent += u32::from(requests.take(start + Duration::from_millis(ms)));
        }
        assert_eq!(sent, 3);
    }

    #[test]
    fn nothing_is_sent_after_the_key_frame_has_come() {
        let start = Instant::now();
        let mut requests = KeyFrameRequests::default();
        requests.want();
        assert!(requests.take(start));
        requests.want();
        requests.served();
        assert!(!requests.take(start + SPACING));
        assert_eq!(requests.due(), None);
    }
}
