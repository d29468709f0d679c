//! What a publisher is asked to keep to: how much, and when it is told. How that is sent is the transport's; whether anybody
//! watches is found in `watching.rs`.
//!
//! A limit is meant for a picture as somebody sees it. Where one is sent in several sizes (simulcast), it holds for the best
//! of them, and the smaller ones come on top: with a limit of the sum the best would not be sent at all.
//!
//! It is said in two ways. `b=` in the answer (`sdp/bandwidth.rs`) is heeded by Chromium 156 and Firefox 153 from the first
//! packet on; by Chromium for everything that it sends on the connection, so that with sound and headers its pictures stay
//! below. REMB (draft-alvestrand-rmcat-remb-03), repeated, is heeded by both, also where they estimate by transport-wide
//! feedback, and it can change. There is no estimate of ours in it: that is theirs. Sound is limited by neither.
//!
//! REMB also stops layers that nobody watches, and it is what brings them back: told 300 kbit/s, Chromium 156 and Firefox 153
//! stop all but the smallest within a second, and within a second of being told more they send the others again, at the rates
//! from before, since their own estimates have not changed. (`b=` stands in an answer, and clients do not negotiate again.)
//! "Watches" is what subscribers want, not what they are given: what is not sent could never be found to fit.

use std::time::{Duration, Instant};

use protocol::media::BitrateLimits;

/// What smaller layers may take on top: this share of the limit…
const SMALLER: (u32, u32) = (3, 4);
/// …and not more than this, in kbit/s. Chromium sends a picture of 1280x720 with layers of 150 and 500 kbit/s below it, beside
/// sound and headers.
const SMALLER_MOST: u32 = 750;
/// For the smallest layer alone, in kbit/s: Chromium adds the next one of 1280x720 at 300 beside sound and headers.
const SMALLEST: u32 = 300;
/// Nobody has watched for so long. By then a new publisher also knows its network, which it finds out with all layers.
const LINGER: Duration = Duration::from_secs(10);
/// Between two REMBs that say the same: one of them may be lost.
const REPEAT: Duration = Duration::from_secs(2);
/// Before another try, where nothing has come that it could be about.
const SOON: Duration = Duration::from_millis(500);
/// In place of no limit, in kbit/s.
const UNLIMITED: u32 = 100_000;

/// kbit/s of all `layers` of a picture together; `None`: as much as the network carries.
pub(crate) fn ceiling(limits: BitrateLimits, layers: usize) -> Option<u32> {
    let most = limits.most()?;
    let smaller = if layers > 1 { (most / SMALLER.1 * SMALLER.0).min(SMALLER_MOST) } else { 0 };
    Some(most.saturating_add(smaller))
}

/// What one publisher's transport is told.
#[derive(Debug)]
pub(crate) struct Uplink {
    ceiling: Option<u32>,
    /// If it may be told to send the smallest layer alone: what that takes.
    smallest: Option<u32>,
    unwatched_since: Option<Instant>,
    /// What it was told last.
    told: Option<u32>,
    due: Instant,
}

impl Uplink {
    /// `None`: there is nothing to be said.
    pub(crate) fn new(limits: BitrateLimits, layers: usize, now: Instant) -> Option<Self> {
        let ceiling = ceiling(limits, layers);
        let smallest = limits.least().max(SMALLEST);
        let smallest = (layers > 1).then(|| ceiling.map_or(smallest, |ceiling| smallest.min(ceiling)));
        let has_something = ceiling.is_some() || smallest.is_some();
        has_something.then_some(Self { ceiling, smallest, unwatched_since: None, told: None, due: now })
    }

    /// When to look again.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// It could not be told yet.
    pub(crate) fn missed(&mut self, now: Instant) {
        self.due = now + SOON;
    }

    /// kbit/s that it has to be told now.
    pub(crate) fn review(&mut self, is_watched: bool, now: Instant) -> Option<u32> {
        let since = (!is_watched).then(|| *self.unwatched_since.get_or_insert(now));
        self.unwatched_since = since;
        let is_deserted = since.is_some_and(|since| now.saturating_duration_since(since) >= LINGER);
        // Who was told little has to be told more again.
        let usual = self.ceiling.or(self.told.map(|_| UNLIMITED));
        let says = self.smallest.filter(|_| is_deserted).or(usual);
        if now < self.due && says == self.told {
            return None;
        }
        self.due = now + REPEAT;
        self.told = says;
        says
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_layers_come_on_top() {
        let ceiling = |most, layers| ceiling(BitrateLimits::kbps(0, most), layers);
        assert_eq!(ceiling(1000, 0), Some(1000));
        assert_eq!(ceiling(1000, 1), Some(1000));
        assert_eq!(ceiling(1000, 3), Some(1750));
        assert_eq!(ceiling(300, 3), Some(525));
        assert_eq!(ceiling(5000, 2), Some(5750));
        assert_eq!(ceiling(u32::MAX, 3), Some(u32::MAX));
        assert_eq!(ceiling(0, 3), None);
    }

    #[test]
    fn a_limit_is_repeated() {
        let now = Instant::now();
        let mut uplink = Uplink::new(BitrateLimits::kbps(300, 1000), 1, now).unwrap();
        assert_eq!(uplink.review(false, now), Some(1000));
        assert_eq!(uplink.review(true, now), None);
        assert_eq!(uplink.review(false, now + REPEAT), Some(1000));
        assert_eq!(uplink.review(false, now + LINGER * 2), Some(1000), "there is no smaller layer");
        assert!(Uplink::new(BitrateLimits::kbps(300, 0), 1, now).is_none());
    }

    #[test]
    fn layers_that_nobody_watches_are_not_asked_for() {
        let start = Instant::now();
        let (mut now, second) = (start, Duration::from_secs(1));
        let mut uplink = Uplink::new(BitrateLimits::kbps(0, 0), 3, now).unwrap();
        let mut review = |is_watched, after| {
            now += after;
            uplink.review(is_watched, now)
        };
        assert_eq!(review(true, Duration::ZERO), None);
        assert_eq!(review(false, second), None);
        assert_eq!(review(true, 9 * second), None);
        assert_eq!(review(false, 9 * second), None);
        assert_eq!(review(false, LINGER), Some(SMALLEST));
        assert_eq!(review(false, second), None);
        assert_eq!(review(false, second), Some(SMALLEST), "repeated");
        assert_eq!(review(true, Duration::ZERO), Some(UNLIMITED), "at once");
        assert_eq!(review(true, REPEAT), Some(UNLIMITED), "one may be lost");
    }

    #[test]
    fn the_smallest_layer_has_what_the_limits_say() {
        let smallest = |least, most| Uplink::new(BitrateLimits::kbps(least, most), 3, Instant::now()).unwrap().smallest;
        assert_eq!(smallest(300, 1000), Some(300));
        assert_eq!(smallest(500, 1000), Some(500), "the lower limit is kept");
        assert_eq!(smallest(300, 100), Some(175), "and the upper one");
    }
}
