//! The rate that follows from usage: up gently, down at once (draft-ietf-rmcat-gcc-02 §5.5).

use crate::delay::Usage;

/// On overuse, of what arrived.
const DECREASE: f64 = 0.85;
/// Microseconds. A longer queue must be drained within a time that a talk bears: as much less is sent as drains it in
/// [`DRAINED`], but at least this share.
const LONG_QUEUE: u64 = 200_000;
const DRAINED: f64 = 1_000_000.0;
const LEAST: f64 = 0.2;
/// A queue that is no longer worth draining, nor holding growth for.
const NO_QUEUE: u64 = 40_000;
/// Overuse may be somebody else's burst or probe: who sends less than allowed anyway yields first what is not used, and with a
/// queue shorter than this waits whether it stays.
const SHORT_QUEUE: u64 = 120_000;
const PATIENCE: u64 = 350_000;
const YIELD: f64 = 1.1;
/// Microseconds of a queue that stays though it does not grow, and how long it may: a line through delays does not see it,
/// talkers do. If less from us does not make it shorter, it is somebody else's, and is put up with for a while.
const STANDING: u64 = 100_000;
const STANDING_LONG: u64 = 1_200_000;
const PUT_UP_WITH: u64 = 30_000_000;
/// Microseconds within which it is said again.
const AGAIN: u64 = 2_000_000;
/// Growth in a second while it is unknown what the path carries.
const GROWTH: f64 = 1.08;
/// Microseconds that an answer takes beyond the round trip: of feedback and detection.
const RESPONSE: f64 = 100_000.0;
/// Of what arrives, as much more is believed, and this many bits per second: sound alone must not stop growth.
const BELIEVED: f64 = 1.5;
const BELIEVED_AT_LEAST: f64 = 10_000.0;
/// Microseconds between two steps down, beyond the round trip: what the first one did is to be seen.
const SETTLE: u64 = 200_000;
/// Bits of a large packet, and frames per second of a usual stream: what one more packet per response makes.
const PACKET: f64 = 1200.0 * 8.0;
const FRAMES: f64 = 30.0;

/// What else is known when usage is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    /// Bits per second that arrive, over half a second and over a fifth.
    pub(crate) arriving: Option<(f64, f64)>,
    /// Microseconds.
    pub(crate) round_trip: u64,
    pub(crate) queueing: u64,
    /// Bits per second that are sent, and whether that is less than would be allowed.
    pub(crate) sending: f64,
    pub(crate) application_limited: bool,
    /// Too much is lost for growth.
    pub(crate) lossy: bool,
}

/// See the module. Rates in bits per second, times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateControl {
    rate: f64,
    limits: (f64, f64),
    updated: u64,
    /// The last step down: when, and the queue then.
    decreased: Option<(u64, u64)>,
    /// What arrives while a long queue is being drained.
    draining: Option<f64>,
    /// When overuse was first seen that may be somebody else's, and when the rate went down for it.
    suspected: Option<u64>,
    yielded: Option<u64>,
    standing: Standing,
    capacity: LinkCapacity,
}

/// A queue that stays, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    /// Since when, and how long it was then.
    since: Option<(u64, u64)>,
    /// When less was sent because of it.
    acted: Option<u64>,
    /// Up to this length it is put up with, until then.
    tolerated: (u64, u64),
}

impl Standing {
    /// Whether it is time to send less.
    fn is_too_long(&mut self, queue: u64, now: u64) -> bool {
        let (tolerated, until) = self.tolerated;
        let limit = if now < until { STANDING.max(tolerated) } else { STANDING };
        let Some((since, length)) = self.since.filter(|_| queue > limit) else {
            self.since = (queue > limit).then_some((now, queue));
            return false;
        };
        if queue < length * 3 / 4 {
            self.since = Some((now, queue));
        } else if now.saturating_sub(since) > STANDING_LONG {
            self.since = Some((now, queue));
            if self.acted.replace(now).is_some_and(|last| now.saturating_sub(last) < 3 * STANDING_LONG) {
                self.tolerated = (queue * 5 / 4, now + PUT_UP_WITH);
                return false;
            }
            return true;
        }
        false
    }
}

impl RateControl {
    pub(crate) fn new(rate: f64, limits: (f64, f64)) -> Self {
        let rate = rate.clamp(limits.0, limits.1);
        Self {
            rate,
            limits,
            updated: 0,
            decreased: None,
            draining: None,
            suspected: None,
            yielded: None,
            standing: Standing::default(),
            capacity: LinkCapacity::default(),
        }
    }

    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// More than the path carries has been sent lately.
    pub(crate) fn knows_limit(&self) -> bool {
        self.capacity.mean.is_some()
    }

    /// It is known by other means.
    pub(crate) fn set(&mut self, rate: f64) {
        self.rate = rate.clamp(self.limits.0, self.limits.1);
    }

    /// Feedback has come. True if the rate went down.
    pub(crate) fn update(&mut self, usage: Usage, situation: &Situation, now: u64) -> bool {
        let passed = now.saturating_sub(self.updated).min(1_000_000) as f64 / 1e6;
        self.updated = now;
        if let Some(arriving) = self.draining {
            let recent = situation.arriving.map_or(arriving, |(_, recent)| recent.max(arriving));
            self.drain(recent, situation);
            return true;
        }
        if self.standing.is_too_long(situation.queueing, now) && !situation.application_limited {
            return self.decrease(situation, now);
        }
        let drained = situation.queueing < NO_QUEUE;
        match usage {
            Usage::Overuse => return self.decrease(situation, now),
            // The queue is drained first.
            Usage::Underuse if !drained => {}
            Usage::Underuse | Usage::Normal => {
                self.suspected = None;
                if !situation.lossy && !situation.application_limited && situation.queueing < LONG_QUEUE {
                    self.increase(situation, passed);
                }
            }
        }
        false
    }

    /// Of all that was sent, `share` is lost beyond what is usual. Never below what got through: if loss does not end with
    /// less, it is not ours.
    pub(crate) fn lost(&mut self, share: f64, arriving: Option<f64>) {
        let less = self.rate * (1.0 - 0.5 * share);
        self.set(less.max(arriving.unwrap_or(0.0) * 0.95).min(self.rate));
    }

    fn decrease(&mut self, situation: &Situation, now: u64) -> bool {
        let settle = SETTLE + situation.round_trip.min(500_000);
        if let Some((last, queue)) = self.decreased {
            let passed = now.saturating_sub(last);
            // A slope over many packets is seen for long after the queue has begun to shrink.
            let shrinks = situation.queueing < queue * 3 / 4;
            if passed < settle || passed < AGAIN && shrinks {
                return false;
            }
        }
        let recently = |at: Option<u64>| at.is_some_and(|at| now.saturating_sub(at) < AGAIN);
        let yields = situation.application_limited && !recently(self.yielded);
        let wary = yields && situation.queueing < SHORT_QUEUE;
        if wary {
            let since = self.suspected.filter(|_| recently(self.suspected)).unwrap_or(now);
            self.suspected = Some(since);
            if now.saturating_sub(since) < PATIENCE {
                return false;
            }
        }
        if yields {
            self.yielded = Some(now);
        }
        self.decreased = Some((now, situation.queueing));
        let Some((steady, recent)) = situation.arriving else {
            // Nothing is known of what arrives, but that it is too much.
            self.set(self.rate * DECREASE);
            return true;
        };
        // The recent rate follows a sudden drop, but is a rough one.
        let arriving = if situation.queueing > SHORT_QUEUE { steady.min(recent) } else { steady };
        if !wary {
            self.capacity.observe(arriving);
        }
        let before = self.rate;
        if situation.queueing > LONG_QUEUE {
            self.drain(arriving, situation);
        } else if yields {
            // What arrives is somewhat less than what is sent while a queue grows, whoever makes it.
            let most = steady.max(recent);
            self.set((most * YIELD).max(situation.sending.min(most * BELIEVED)).min(self.rate));
        } else {
            self.set((arriving * DECREASE).min(self.rate));
        }
        self.rate < before
    }

    /// The longer the queue, the less; at its end, what arrived while it was there is known to be what the path carries.
    fn drain(&mut self, arriving: f64, situation: &Situation) {
        let share = DECREASE * (1.0 - situation.queueing as f64 / DRAINED).max(LEAST);
        if situation.queueing < NO_QUEUE {
            self.draining = None;
            self.set(arriving * DECREASE);
        } else {
            self.draining = Some(arriving);
            self.set((arriving * share).min(self.rate));
        }
    }

    fn increase(&mut self, situation: &Situation, passed: f64) {
        if let Some((steady, _)) = situation.arriving {
            self.capacity.forget_if_above(steady);
        }
        let grown = if self.capacity.is_near(self.rate) {
            // Half a packet more in each time that an answer takes.
            let packets = (self.rate / FRAMES / PACKET).ceil().max(1.0);
            let packet = self.rate / FRAMES / packets;
            let responses = passed * 1e6 / (situation.round_trip as f64 + RESPONSE);
            self.rate + (0.5 * packet * responses).max(1000.0 * passed)
        } else {
            self.rate * GROWTH.powf(passed) + 1000.0 * passed
        };
        let believed = situation.arriving.map_or(f64::MAX, |(steady, _)| steady * BELIEVED + BELIEVED_AT_LEAST);
        self.set(grown.min(believed).max(self.rate));
    }
}

/// What arrived whenever it was too much: near it, growth is slow. In kilobits, as mean and variance over it.
#[derive(Clone, Copy, Debug, Default)]
struct LinkCapacity {
    mean: Option<f64>,
    variance: f64,
}

impl LinkCapacity {
    const WEIGHT: f64 = 0.05;
    const VARIANCES: (f64, f64) = (0.4, 2.5);

    fn observe(&mut self, rate: f64) {
        let rate = rate / 1e3;
        let Some(mean) = self.mean.filter(|mean| rate >= *mean - self.deviations(*mean)) else {
            // The first one, or the path has become another one.
            (self.mean, self.variance) = (Some(rate), Self::VARIANCES.0);
            return;
        };
        let new = mean + Self::WEIGHT * (rate - mean);
        let error = (rate - new).powi(2) / new.max(1.0);
        self.variance =
            ((1.0 - Self::WEIGHT) * self.variance + Self::WEIGHT * error).clamp(Self::VARIANCES.0, Self::VARIANCES.1);
        self.mean = Some(new);
    }

    fn forget_if_above(&mut self, rate: f64) {
        if self.mean.is_some_and(|mean| rate / 1e3 > mean + self.deviations(mean)) {
            self.mean = None;
        }
    }

    fn is_near(&self, rate: f64) -> bool {
        self.mean.is_some_and(|mean| rate / 1e3 >= mean - self.deviations(mean))
    }

    fn deviations(&self, mean: f64) -> f64 {
        3.0 * (self.variance * mean).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Situation = Situation {
        arriving: Some((1e6, 1e6)),
        round_trip: 50_000,
        queueing: 0,
        sending: 1e6,
        application_limited: false,
        lossy: false,
    };

    #[test]
    fn it_grows_fast_until_it_knows_the_path_and_slowly_near_that() {
        let mut control = RateControl::new(1e6, (1e4, 1e7));
        for tick in 0..=10 {
            control.update(Usage::Normal, &CALM, tick * 100_000);
        }
        assert!((1.07e6..1.1e6).contains(&control.rate()), "{}", control.rate());
        assert!(control.update(Usage::Overuse, &CALM, 1_100_000));
        assert_eq!(control.rate(), 0.85e6);
        // Not again at once.
        assert!(!control.update(Usage::Overuse, &CALM, 1_200_000));
        control.set(1e6);
        for tick in 13..23 {
            control.update(Usage::Normal, &CALM, tick * 100_000);
        }
        assert!((1.01e6..1.05e6).contains(&control.rate()), "{}", control.rate());
    }

    #[test]
    fn it_stays_while_less_is_sent_than_allowed() {
        let mut control = RateControl::new(2e6, (1e4, 1e7));
        let limited = Situation { application_limited: true, ..CALM };
        for tick in 0..100 {
            control.update(Usage::Normal, &limited, tick * 100_000);
        }
        assert_eq!(control.rate(), 2e6);
        // Overuse that may be of others is waited for, then costs what is not used; said again, it costs.
        control.update(Usage::Overuse, &limited, 10_000_000);
        assert_eq!(control.rate(), 2e6);
        control.update(Usage::Overuse, &limited, 10_400_000);
        assert_eq!(control.rate(), 1.1e6);
        control.update(Usage::Overuse, &limited, 11_000_000);
        assert_eq!(control.rate(), 0.85e6);
    }

    #[test]
    fn who_uses_little_keeps_that_when_a_queue_is_made_by_somebody_else() {
        let mut control = RateControl::new(6e5, (1e4, 1e7));
        let queue = Situation {
            arriving: Some((1.3e5, 1.8e5)),
            queueing: 140_000,
            sending: 2.3e5,
            application_limited: true,
            ..CALM
        };
        assert!(control.update(Usage::Overuse, &queue, 1_000_000));
        assert_eq!(control.rate(), 2.3e5);
        // Of a path that has become a narrow one much less arrives.
        let mut control = RateControl::new(6e6, (1e4, 1e7));
        control.update(Usage::Overuse, &Situation { sending: 1.5e6, ..queue }, 1_000_000);
        assert_eq!(control.rate(), 2.7e5);
        // It is said again, and the queue does not become shorter.
        control.update(Usage::Overuse, &Situation { sending: 2.3e5, ..queue }, 1_300_000);
        assert_eq!(control.rate(), 1.3e5 * DECREASE);
    }

    #[test]
    fn loss_does_not_push_it_below_what_gets_through() {
        let mut control = RateControl::new(1e6, (1e4, 1e7));
        control.lost(0.2, Some(0.7e6));
        assert_eq!(control.rate(), 0.9e6);
        for _ in 0..100 {
            control.lost(0.2, Some(0.7e6));
        }
        assert_eq!(control.rate(), 0.7e6 * 0.95);
    }
}
