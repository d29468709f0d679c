//! Time since 1970 that never goes back.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use muxing::Time;

/// The wall clock when it was made, and what has passed since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: Time,
    start: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { wall: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(), start: Instant::now() }
    }

    /// A little before the clock was made counts as its beginning.
    pub(crate) fn at(self, instant: Instant) -> Time {
        self.wall + instant.saturating_duration_since(self.start)
    }

    pub(crate) fn now(self) -> Time {
        self.at(Instant::now())
    }
}
