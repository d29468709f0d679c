//! Counts what is dropped, and tells when that is worth a line in the log: at first, and then now and then.

use std::time::{Duration, Instant};

/// Between two lines.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Since the last line.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    untold: u64,
    told_at: Option<Instant>,
}

impl Losses {
    /// Counts one; returns how many there were if they shall be told of.
    pub(crate) fn count(&mut self, now: Instant) -> Option<u64> {
        self.untold += 1;
        if self.told_at.is_some_and(|told| now < told + TELL_AGAIN) {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }

    /// Those that were not told of.
    pub(crate) fn untold(&self) -> u64 {
        self.untold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_make_a_line_a_minute() {
        let (mut losses, start) = (Losses::default(), Instant::now());
        let at = |second: u64| start + Duration::from_secs(second);
        let told: Vec<_> = (0..150).filter_map(|second| losses.count(at(second))).collect();
        assert_eq!((told, losses.untold()), (vec![1, 60, 60], 29));
    }
}
