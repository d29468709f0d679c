//! A publisher's clock on ours. Audio and video of one publisher carry RTP timestamps of unrelated origin; its sender
//! reports tie both to one NTP clock, and this ties that clock to ours, so that *our* reports keep them in step. It
//! measures no delay: the fastest packet seen counts as having taken no time.

use std::time::{Duration, Instant};

use crate::packet::SenderReport;

/// A computed capture time further off than this is a jump of the publisher's clock.
const PLAUSIBLE: i128 = 5_000_000_000;

/// One per publisher transport, shared by its audio and video.
#[derive(Debug)]
pub(crate) struct SenderClock {
    origin: Instant,
    /// Ours minus theirs, in nanoseconds: the least that was seen.
    offset: Option<i128>,
}

impl SenderClock {
    pub(crate) fn new(now: Instant) -> Self {
        Self { origin: now, offset: None }
    }

    /// When the packet with `timestamp` was captured, never after its `arrival`.
    pub(crate) fn captured(
        &mut self,
        report: SenderReport,
        timestamp: u32,
        clock_rate: u32,
        arrival: Instant,
    ) -> Option<Instant> {
        let ticks = i128::from(timestamp.wrapping_sub(report.timestamp) as i32);
        let theirs = report.ntp_nanos.checked_add(ticks * 1_000_000_000 / i128::from(clock_rate.max(1)))?;
        let arrived = i128::try_from(arrival.saturating_duration_since(self.origin).as_nanos()).ok()?;
        let sample = arrived.checked_sub(theirs)?;
        let offset = match self.offset {
            Some(offset) if sample.checked_sub(offset)?.abs() <= PLAUSIBLE => offset.min(sample),
            _ => sample,
        };
        self.offset = Some(offset);
        let age = u64::try_from(sample - offset).ok()?;
        arrival.checked_sub(Duration::from_nanos(age))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn audio_and_video_captured_together_get_the_same_time() {
        let start = Instant::now();
        let mut clock = SenderClock::new(start);
        let audio = SenderReport { ntp_nanos: 1_000_000_000_000, timestamp: 5_000 };
        let video = SenderReport { ntp_nanos: 1_000_000_000_000, timestamp: u32::MAX - 10 };
        // One second after the reports; the audio takes 20 ms, the video 70 ms.
        let a = clock.captured(audio, 5_000 + 48_000, 48_000, start + ms(1020)).unwrap();
        let v = clock.captured(video, (u32::MAX - 10).wrapping_add(90_000), 90_000, start + ms(1070)).unwrap();
        assert_eq!(a, start + ms(1020));
        assert_eq!(v, a);
    }

    #[test]
    fn a_jump_of_the_publishers_clock_is_followed() {
        let start = Instant::now();
        let mut clock = SenderClock::new(start);
        let report = SenderReport { ntp_nanos: 1_000_000_000_000, timestamp: 0 };
        clock.captured(report, 0, 90_000, start + ms(10)).unwrap();
        let back = SenderReport { ntp_nanos: 900_000_000_000, timestamp: 90_000 };
        assert_eq!(clock.captured(back, 90_000, 90_000, start + ms(1010)).unwrap(), start + ms(1010));
        let absurd = SenderReport { ntp_nanos: i128::MIN, timestamp: 0 };
        assert_eq!(clock.captured(absurd, 0, 90_000, start + ms(1020)), None);
    }
}
