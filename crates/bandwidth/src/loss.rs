//! How much is lost, and how much of that would be lost at any rate.

/// Microseconds and packets that make a share…
const PERIOD: u64 = 500_000;
const FEWEST: u32 = 20;
/// …or so long, with so few: sound alone.
const LONG_PERIOD: u64 = 2_000_000;
const FEWEST_LONG: u32 = 5;
/// Shares from which rates no longer rise, and from which they fall (draft-ietf-rmcat-gcc-02 §6).
const NOTICEABLE: f64 = 0.02;
const HEAVY: f64 = 0.10;
/// Share of what is new in what is known of the path itself.
const LEARNING: f64 = 0.3;
/// No more than this is taken for the path's own.
const MOST_INHERENT: f64 = 0.2;

/// What to make of the last period.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) enum Loss {
    #[default]
    Little,
    /// Not to be added to.
    Noticeable,
    /// The share beyond what is usual here.
    Heavy(f64),
}

/// Counts in periods. Random loss, as of radio, does not end when less is sent: what is lost while the sender is well below
/// what got through before is held to be the path's own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LossShare {
    lost: u32,
    total: u32,
    began: u64,
    /// What was sent before this does not count.
    from: u64,
    share: f64,
    inherent: f64,
    verdict: Loss,
}

impl LossShare {
    /// A packet that was sent at `sent`.
    pub(crate) fn add(&mut self, sent: u64, lost: bool) {
        self.add_many(sent, u32::from(lost), 1);
    }

    pub(crate) fn add_many(&mut self, sent: u64, lost: u32, total: u32) {
        if sent >= self.from {
            self.lost = self.lost.saturating_add(lost.min(total));
            self.total = self.total.saturating_add(total);
        }
    }

    /// One that had been counted as lost has come late.
    pub(crate) fn found(&mut self) {
        self.lost = self.lost.saturating_sub(1);
    }

    /// Begins anew: an outage says nothing of what the path loses.
    pub(crate) fn forget(&mut self, from: u64) {
        *self = Self { from, began: from, inherent: self.inherent, ..Self::default() };
    }

    /// A verdict if a period is over. `below`: much less was sent than the path is known to carry.
    pub(crate) fn end_period(&mut self, now: u64, below: bool) -> Option<Loss> {
        let length = now.saturating_sub(self.began);
        let enough = length >= PERIOD && self.total >= FEWEST || length >= LONG_PERIOD && self.total >= FEWEST_LONG;
        if !enough {
            return None;
        }
        self.share = f64::from(self.lost) / f64::from(self.total);
        (self.lost, self.total, self.began) = (0, 0, now);
        if below {
            self.inherent = (self.inherent + LEARNING * (self.share - self.inherent)).min(MOST_INHERENT);
        }
        let beyond = (self.share - self.inherent * 1.5).max(0.0);
        self.verdict = match beyond {
            beyond if beyond > HEAVY => Loss::Heavy(beyond),
            beyond if beyond > NOTICEABLE => Loss::Noticeable,
            _ => Loss::Little,
        };
        Some(self.verdict)
    }

    pub(crate) fn verdict(&self) -> Loss {
        self.verdict
    }

    /// Of the last period, 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(loss: &mut LossShare, at: &mut u64, lost: u32, below: bool) -> Loss {
        loss.add_many(*at, lost, 100);
        *at += PERIOD;
        loss.end_period(*at, below).unwrap()
    }

    #[test]
    fn loss_that_stays_when_less_is_sent_is_the_paths_own() {
        let (mut loss, mut at) = (LossShare::default(), 0);
        assert_eq!(period(&mut loss, &mut at, 1, false), Loss::Little);
        assert_eq!(period(&mut loss, &mut at, 5, false), Loss::Noticeable);
        assert_eq!(period(&mut loss, &mut at, 15, false), Loss::Heavy(0.15));
        for _ in 0..5 {
            period(&mut loss, &mut at, 8, true);
        }
        assert_eq!(period(&mut loss, &mut at, 8, false), Loss::Little);
        assert!(matches!(period(&mut loss, &mut at, 30, false), Loss::Heavy(_)));
    }

    #[test]
    fn an_outage_does_not_count() {
        let mut loss = LossShare::default();
        loss.add_many(0, 90, 100);
        loss.forget(1_000_000);
        loss.add_many(900_000, 50, 50);
        assert_eq!(loss.end_period(1_600_000, false), None);
        loss.add_many(1_100_000, 0, 50);
        assert_eq!(loss.end_period(1_600_000, false), Some(Loss::Little));
    }
}
