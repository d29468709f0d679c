//! The time of day, made of points on the monotonic clock: what is written in sender reports and on packets. It never
//! jumps, and is as right as it was when the unit began.

use std::time::{Duration, Instant};

/// From 1900, where NTP begins, to 1970.
const NTP_BEFORE_UNIX: u64 = 2_208_988_800;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock {
    begin: Instant,
    /// Since 1970, then.
    unix: Duration,
}

impl WallClock {
    pub(crate) fn new(begin: Instant, unix: Duration) -> Self {
        Self { begin, unix }
    }

    /// Seconds since 1900, 32 bits before the point and 32 behind (RFC 5905 §6).
    pub(super) fn ntp(&self, at: Instant) -> u64 {
        let unix = match at.checked_duration_since(self.begin) {
            Some(since) => self.unix + since,
            None => self.unix.saturating_sub(self.begin.duration_since(at)),
        };
        let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
        (unix.as_secs() + NTP_BEFORE_UNIX) << 32 | fraction
    }
}

/// What is between two points in time of which only the middle 32 bits are told, in 65536ths of a second.
pub(super) fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// So many 65536ths of a second.
pub(super) fn duration(ticks: u32) -> Duration {
    Duration::from_nanos((u64::from(ticks) * 1_000_000_000) >> 16)
}

/// As abs-send-time has it: seconds in 24 bits, 18 of them behind the point.
pub(super) fn send_time(ntp: u64) -> u32 {
    (ntp >> 14) as u32 & 0xff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_one_before_the_point_also_before_the_beginning() {
        let begin = Instant::now() + Duration::from_secs(10);
        let clock = WallClock::new(begin, Duration::from_millis(1_700_000_000_500));
        let at = clock.ntp(begin);
        assert_eq!(at >> 32, 1_700_000_000 + NTP_BEFORE_UNIX);
        assert_eq!(at as u32, 1 << 31);
        assert_eq!(clock.ntp(begin + Duration::from_secs(3)) - at, 3 << 32);
        assert_eq!(at - clock.ntp(begin - Duration::from_secs(2)), 2 << 32);
        assert_eq!(middle(at + (1 << 32)).wrapping_sub(middle(at)), 65_536);
        assert_eq!(duration(65_536 * 3 / 2), Duration::from_millis(1_500));
        assert_eq!(send_time(at + (1 << 32)).wrapping_sub(send_time(at)) & 0xff_ffff, 1 << 18);
    }
}
