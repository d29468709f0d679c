//! How much a participant may make others hear: how long one signal may be, how many there may be and how many bytes in all.
//! What is counted are signals and changes of a stream's properties, since both go to everybody as they are.
//!
//! Two leaky buckets, of which neither knows a clock. What is refused costs nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command::{ClientSignal, StreamChange};
use crate::{Refusal, Time};

/// Between two lines in the log about one participant.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// The limits of each participant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignalLimits {
    /// Bytes of one signal: its type, its text and whom it is for.
    pub longest: usize,
    /// Signals.
    pub signals: Flow,
    /// Their bytes.
    pub bytes: Flow,
}

/// So much at once, and then so much again in each second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flow {
    /// At once.
    pub burst: u64,
    /// In each second.
    pub per_second: u64,
}

/// What a participant has said lately.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Voice {
    signals: Bucket,
    bytes: Bucket,
    told_at: Option<Time>,
}

impl Voice {
    /// Counts something of this many bytes, or says which limit it is beyond.
    pub(crate) fn speak(&mut self, bytes: usize, limits: &SignalLimits, now: Time) -> Result<(), Refusal> {
        if bytes > limits.longest {
            return Err(Refusal::SignalTooLong { bytes, longest: limits.longest });
        }
        let size = u64::try_from(bytes).unwrap_or(u64::MAX);
        let (Some(signals), Some(bytes)) =
            (self.signals.with(1, limits.signals, now), self.bytes.with(size, limits.bytes, now))
        else {
            return Err(Refusal::TooManySignals { limits: *limits });
        };
        (self.signals, self.bytes) = (signals, bytes);
        Ok(())
    }

    /// Whether a refusal is worth a line in the log: not each of thousands.
    pub(crate) fn is_news(&mut self, now: Time) -> bool {
        let is_news = self.told_at.is_none_or(|told| now >= told + TELL_AGAIN);
        if is_news {
            self.told_at = Some(now);
        }
        is_news
    }
}

/// Fills with what is said and leaks as time passes.
#[derive(Clone, Copy, Default, Debug)]
struct Bucket {
    /// In thousandths, so that also a leak of a few per second counts in each millisecond.
    thousandths: u64,
    at: Time,
}

impl Bucket {
    /// The bucket with this much more in it, if it holds that.
    fn with(self, amount: u64, flow: Flow, now: Time) -> Option<Self> {
        let millis = now.as_millis().saturating_sub(self.at.as_millis());
        let left = self.thousandths.saturating_sub(millis.saturating_mul(flow.per_second));
        let thousandths = left.saturating_add(amount.saturating_mul(1000));
        (thousandths <= flow.burst.saturating_mul(1000)).then_some(Self { thousandths, at: now })
    }
}

impl ClientSignal {
    pub(crate) fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.to.iter().map(length).sum::<usize>() + length(&self.kind) + length(&self.data)
    }
}

impl StreamChange {
    pub(crate) fn bytes(&self) -> usize {
        self.property.len() + self.new_value.len() + self.reason.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SignalLimits = SignalLimits {
        longest: 1000,
        signals: Flow { burst: 5, per_second: 2 },
        bytes: Flow { burst: 2000, per_second: 100 },
    };
    const START: Time = Time::from_millis(1_700_000_000_000);

    fn said(voice: &mut Voice, bytes: usize, now: Time) -> usize {
        (0..100).take_while(|_| voice.speak(bytes, &LIMITS, now).is_ok()).count()
    }

    #[test]
    fn after_a_burst_there_are_as_many_as_leak_out() {
        let mut voice = Voice::default();
        assert_eq!(said(&mut voice, 1, START), 5);
        assert_eq!(said(&mut voice, 1, START + Duration::from_millis(499)), 0);
        assert_eq!(said(&mut voice, 1, START + Duration::from_millis(500)), 1);
        assert_eq!(said(&mut voice, 1, START + Duration::from_secs(3600)), 5, "no more than the burst is saved up");
    }

    #[test]
    fn long_ones_count_by_their_bytes() {
        let mut voice = Voice::default();
        assert_eq!(said(&mut voice, 1000, START), 2);
        assert_eq!(voice.speak(1, &LIMITS, START), Err(Refusal::TooManySignals { limits: LIMITS }));
        assert_eq!(said(&mut voice, 100, START + Duration::from_secs(1)), 1);
    }

    #[test]
    fn what_is_too_long_is_refused_and_costs_nothing() {
        let mut voice = Voice::default();
        for _ in 0..100 {
            let refused = Err(Refusal::SignalTooLong { bytes: 1001, longest: 1000 });
            assert_eq!(voice.speak(1001, &LIMITS, START), refused);
        }
        assert_eq!(said(&mut voice, 1, START), 5);
    }

    #[test]
    fn asking_in_every_millisecond_does_not_stop_the_leak() {
        let mut voice = Voice::default();
        let heard =
            (0..10_000).filter(|&ms| voice.speak(0, &LIMITS, START + Duration::from_millis(ms)).is_ok()).count();
        assert_eq!(heard, 5 + 19, "two a second for ten seconds, of which the last one is not over");
    }

    #[test]
    fn the_log_hears_of_it_once_a_minute() {
        let mut voice = Voice::default();
        let told = (0..180).filter(|&second| voice.is_news(START + Duration::from_secs(second))).count();
        assert_eq!(told, 3);
    }
}
