//! When a silent socket is given up: a rule about instants, without timers.

use std::time::{Duration, Instant};

use crate::limits::Limits;

/// If the first ping does not say.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(20);
/// A client that promises less would be cut off by any hiccup; one that promises more would never be.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(500);
const LONGEST_INTERVAL: Duration = Duration::from_secs(600);
/// Missed pings until the client is taken for lost.
const MISSED_PINGS: u32 = 3;
/// For a socket that never said anything.
const SILENCE: Duration = Duration::from_secs(120);

/// The watch over one socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct KeepAlive {
    state: State,
    interval: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing was ever received.
    Silent { since: Instant },
    /// It speaks but does not ping: after a failed reconnection, clients stay like this and must not be closed.
    Unwatched,
    /// It pings.
    Watched { last_ping: Instant },
}

impl KeepAlive {
    /// The socket was opened.
    pub(super) fn new(now: Instant) -> Self {
        Self { state: State::Silent { since: now }, interval: None }
    }

    /// A frame other than a ping arrived.
    pub(super) fn heard(&mut self) {
        if let State::Silent { .. } = self.state {
            self.state = State::Unwatched;
        }
    }

    /// A ping arrived. The first interval that is named stays.
    pub(super) fn ping(&mut self, interval: Option<u64>, now: Instant) {
        let named = interval.map(|millis| Duration::from_millis(millis).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL));
        self.interval = self.interval.or(named);
        self.state = State::Watched { last_ping: now };
    }

    /// The same for a client that is in no session, and has been so `since` then. What it does keeps the socket for some time
    /// only: otherwise who wants nothing of us could have as many as he likes, for ever.
    pub(super) fn strangers_deadline(&self, since: Instant, limits: &Limits) -> Instant {
        let longest = since + limits.strangers_stay;
        match (self.state, self.deadline()) {
            (State::Unwatched, _) => longest.min(since + limits.strangers_silence),
            (_, Some(deadline)) => longest.min(deadline),
            (_, None) => longest,
        }
    }

    /// When the socket is given up, if nothing arrives before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Silent { since } => Some(since + SILENCE),
            State::Unwatched => None,
            State::Watched { last_ping } => Some(last_ping + self.interval.unwrap_or(DEFAULT_INTERVAL) * MISSED_PINGS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn three_missed_pings_end_a_socket() {
        let start = Instant::now();
        let mut watch = KeepAlive::new(start);
        watch.ping(Some(5000), start);
        assert_eq!(watch.deadline(), Some(start + secs(15)));
        watch.ping(None, start + secs(5));
        assert_eq!(watch.deadline(), Some(start + secs(20)));
    }

    #[test]
    fn other_frames_do_not_stand_in_for_pings() {
        let start = Instant::now();
        let mut watch = KeepAlive::new(start);
        watch.ping(Some(5000), start);
        watch.heard();
        assert_eq!(watch.deadline(), Some(start + secs(15)));
    }

    #[test]
    fn the_first_interval_named_counts() {
        let start = Instant::now();
        let mut watch = KeepAlive::new(start);
        watch.ping(None, start);
        assert_eq!(watch.deadline(), Some(start + secs(60)));
        watch.ping(Some(5000), start);
        watch.ping(Some(100_000), start);
        assert_eq!(watch.deadline(), Some(start + secs(15)));
    }

    #[test]
    fn a_socket_that_speaks_without_pinging_stays() {
        let mut watch = KeepAlive::new(Instant::now());
        watch.heard();
        assert_eq!(watch.deadline(), None);
    }

    #[test]
    fn a_socket_that_never_speaks_is_closed_after_two_minutes() {
        let start = Instant::now();
        assert_eq!(KeepAlive::new(start).deadline(), Some(start + secs(120)));
    }

    #[test]
    fn strangers_stay_for_some_time_whatever_they_do() {
        let start = Instant::now();
        let limits = Limits { strangers_stay: secs(3600), strangers_silence: secs(600), ..Limits::default() };
        let mut watch = KeepAlive::new(start);
        assert_eq!(watch.strangers_deadline(start, &limits), start + secs(120), "it said nothing");
        watch.heard();
        assert_eq!(watch.strangers_deadline(start, &limits), start + secs(600), "it spoke and does not ping");
        watch.ping(Some(5000), start + secs(10));
        assert_eq!(watch.strangers_deadline(start, &limits), start + secs(25), "it missed three pings");
        watch.ping(None, start + secs(3599));
        assert_eq!(watch.strangers_deadline(start, &limits), start + secs(3600), "it pinged all the time");
    }

    #[test]
    fn absurd_intervals_are_bounded() {
        let start = Instant::now();
        for (interval, seconds) in [(0, 1.5), (u64::MAX, 1800.0)] {
            let mut watch = KeepAlive::new(start);
            watch.ping(Some(interval), start);
            assert_eq!(watch.deadline(), Some(start + Duration::from_secs_f64(seconds)));
        }
    }
}
