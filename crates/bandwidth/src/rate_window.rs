//! How fast bytes come, over the last half second of whatever clock they come with.

/// Microseconds of a bucket.
const BUCKET: u64 = 50_000;
/// Buckets kept: half a second of complete ones, the one that is being filled, and some for what comes late.
const KEPT: usize = 16;
/// Complete buckets that make the steady rate…
const STEADY: u64 = 10;
/// …and the recent one, which follows a sudden drop.
const RECENT: u64 = 4;
/// With fewer complete buckets nothing is said.
const FEWEST: u64 = 3;

/// See the module. Memory is fixed, adding is O(1).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RateWindow {
    bytes: [u32; KEPT],
    /// Numbers of buckets: the first ever and the newest.
    first: Option<u64>,
    newest: u64,
}

impl RateWindow {
    /// `at` is in microseconds. What is older than the window is left out.
    pub(crate) fn add(&mut self, at: u64, bytes: u32) {
        let bucket = at / BUCKET;
        self.advance(bucket);
        if self.newest - bucket.min(self.newest) < KEPT as u64 {
            let slot = &mut self.bytes[(bucket % KEPT as u64) as usize];
            *slot = slot.saturating_add(bytes);
        }
    }

    fn advance(&mut self, bucket: u64) {
        if self.first.is_none() {
            (self.first, self.newest) = (Some(bucket), bucket);
        }
        let passed = bucket.saturating_sub(self.newest);
        for skipped in 0..passed.min(KEPT as u64) {
            self.bytes[((bucket - skipped) % KEPT as u64) as usize] = 0;
        }
        self.newest += passed;
    }

    /// Bits per second until the newest byte, over half a second.
    pub(crate) fn steady(&self) -> Option<f64> {
        self.over(STEADY)
    }

    /// The same over a fifth of a second.
    pub(crate) fn recent(&self) -> Option<f64> {
        self.over(RECENT)
    }

    /// Bits per second until `at`: time in which nothing came counts.
    pub(crate) fn until(&mut self, at: u64) -> Option<f64> {
        self.first?;
        self.advance(at / BUCKET);
        self.over(STEADY)
    }

    fn over(&self, buckets: u64) -> Option<f64> {
        let complete = (self.newest - self.first?).min(buckets);
        if complete < FEWEST {
            return None;
        }
        let bytes: u64 =
            (1..=complete).map(|back| u64::from(self.bytes[((self.newest - back) % KEPT as u64) as usize])).sum();
        Some(bytes as f64 * 8e6 / (complete * BUCKET) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_complete_buckets() {
        let mut window = RateWindow::default();
        for ms in 0..1000 {
            window.add(ms * 1000, 125);
            if ms < 150 {
                assert_eq!(window.steady(), None);
            } else {
                assert_eq!(window.steady(), Some(1e6));
            }
        }
        // A drop is seen at once in the recent rate, later in the steady one.
        for ms in 1000..1200 {
            window.add(ms * 1000, 12);
        }
        assert!(window.recent().unwrap() < 4e5 && window.steady().unwrap() > 5e5);
        assert_eq!(window.until(3_000_000), Some(0.0));
    }

    #[test]
    fn what_comes_late_counts_where_it_belongs() {
        let mut window = RateWindow::default();
        window.add(0, 0);
        window.add(1_000_000, 0);
        window.add(700_000, 62_500);
        assert_eq!(window.steady(), Some(1e6));
        // Too late.
        window.add(100_000, 62_500);
        assert_eq!(window.steady(), Some(1e6));
    }
}
