//! When a failed delivery is tried again: a rule about instants, without a clock.
//!
//! As in the original a failure is tried again at once, four times. Beyond that it depends on what failed:
//! * No connection could be made: the receiver is away. Everything waits, and one attempt is made now and then.
//! * There was a connection and no answer: the event itself may be what breaks the receiver, so it is given up. But if the
//!   same happens to the next one it is the receiver (a proxy in front of one that is away behaves so), and that one waits.
//!
//! What waits for too long is given up: nobody shall be told today what happened yesterday.

use std::time::{Duration, Instant};

/// How often an event is sent at once. Receivers see one that died half-way more than once.
pub(super) const ATTEMPTS: u32 = 5;
/// Before the first further attempt; twice as long before each one after that.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// But no longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Where an attempt failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FailedAt {
    /// No connection was made.
    Connecting,
    /// One was, but there was no answer.
    Answering,
}

/// What follows from a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    Again,
    /// After this pause.
    AgainAfter(Duration),
    GiveUp,
}

/// The state of one receiver.
#[derive(Debug)]
pub(super) struct Retry {
    patience: Duration,
    /// Of the current event.
    failures: u32,
    /// The last event was given up for want of an answer.
    doubted: bool,
    /// Set while the receiver is away.
    away: Option<Away>,
}

#[derive(Clone, Copy, Debug)]
struct Away {
    since: Instant,
    pause: Duration,
}

impl Retry {
    /// Events wait for `patience` at most.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, failures: 0, doubted: false, away: None }
    }

    /// Whether the next event, which was queued then, is worth an attempt.
    pub(super) fn begin(&mut self, queued: Instant, now: Instant) -> bool {
        self.failures = 0;
        self.away.is_none() || !self.is_overdue(queued, now)
    }

    pub(super) fn failed(&mut self, at: FailedAt, queued: Instant, now: Instant) -> Next {
        self.failures += 1;
        if self.away.is_none() {
            if self.failures < ATTEMPTS {
                return Next::Again;
            }
            if at == FailedAt::Answering && !self.doubted {
                self.doubted = true;
                return Next::GiveUp;
            }
        }
        if self.is_overdue(queued, now) {
            return Next::GiveUp;
        }
        let away = self.away.get_or_insert(Away { since: now, pause: FIRST_PAUSE });
        let pause = away.pause;
        away.pause = (pause * 2).min(LONGEST_PAUSE);
        Next::AgainAfter(pause)
    }

    /// There was an answer; returns how long there had been none, if the receiver was away.
    pub(super) fn answered(&mut self, now: Instant) -> Option<Duration> {
        self.doubted = false;
        self.away.take().map(|away| now.saturating_duration_since(away.since))
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.is_some()
    }

    fn is_overdue(&self, queued: Instant, now: Instant) -> bool {
        now.saturating_duration_since(queued) >= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Fails until something else than another attempt at once follows.
    fn fail(retry: &mut Retry, at: FailedAt, queued: Instant, now: Instant) -> (usize, Next) {
        let mut attempts = 1;
        loop {
            match retry.failed(at, queued, now) {
                Next::Again => attempts += 1,
                next => return (attempts, next),
            }
        }
    }

    #[test]
    fn while_a_receiver_is_away_one_attempt_is_made_now_and_then() {
        let (mut retry, queued) = (Retry::new(secs(100)), Instant::now());
        assert!(retry.begin(queued, queued));
        assert_eq!(fail(&mut retry, FailedAt::Connecting, queued, queued), (5, Next::AgainAfter(secs(1))));
        let (mut now, mut pauses) = (queued + secs(1), vec![]);
        let end = loop {
            match fail(&mut retry, FailedAt::Connecting, queued, now) {
                (1, Next::AgainAfter(pause)) => {
                    pauses.push(pause.as_secs());
                    now += pause;
                }
                other => break other,
            }
        };
        assert_eq!((pauses, end), (vec![2, 4, 8, 16, 30, 30, 30], (1, Next::GiveUp)));
        // What waited as long is given up with it, what did not is tried.
        assert!(!retry.begin(queued + secs(1), now));
        assert!(retry.begin(queued + secs(90), now));
        assert_eq!(retry.answered(now + secs(1)), Some(now + secs(1) - queued));
        assert!(!retry.is_away());
    }

    #[test]
    fn one_event_without_an_answer_is_given_up_and_with_the_next_the_receiver_is_away() {
        let (mut retry, now) = (Retry::new(secs(100)), Instant::now());
        assert!(retry.begin(now, now));
        assert_eq!(fail(&mut retry, FailedAt::Answering, now, now), (5, Next::GiveUp));
        assert!(retry.begin(now, now) && !retry.is_away());
        assert_eq!(fail(&mut retry, FailedAt::Answering, now, now), (5, Next::AgainAfter(secs(1))));
        assert_eq!(retry.answered(now), Some(Duration::ZERO));
        assert!(retry.begin(now, now));
        assert_eq!(
            fail(&mut retry, FailedAt::Answering, now, now),
            (5, Next::GiveUp),
            "an answer takes the doubt away"
        );
    }

    #[test]
    fn without_patience_nothing_waits() {
        let (mut retry, now) = (Retry::new(Duration::ZERO), Instant::now());
        for _ in 0..3 {
            assert!(retry.begin(now, now));
            assert_eq!(fail(&mut retry, FailedAt::Connecting, now, now), (5, Next::GiveUp));
        }
    }
}
