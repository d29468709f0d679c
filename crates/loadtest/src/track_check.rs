//! Checks one received track: what is missing, what came twice, what came late. Pure: it sees numbers of packets only.

/// So far back a packet that comes twice is told from one that comes late: some seconds of a picture.
const WINDOW: u32 = 4096;
const WORDS: usize = WINDOW as usize / 64;

/// What a packet turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arrival {
    /// Newer than all before it; so many between were left out, until they come.
    New { skipped: u32 },
    /// One that was left out.
    Late,
    /// One that was there already, or so old that nobody knows.
    Duplicate,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct TrackCheck {
    first: u32,
    highest: u32,
    /// Each counted once.
    received: u64,
    duplicated: u64,
    late: u64,
    /// Of the last `WINDOW` numbers up to `highest`: by number modulo `WINDOW`.
    seen: Box<[u64; WORDS]>,
}

/// What became of a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TrackResult {
    pub(crate) received: u64,
    pub(crate) duplicated: u64,
    pub(crate) late: u64,
    /// Between the first that came and the last that had to come.
    pub(crate) missing: u64,
}

impl TrackCheck {
    /// A track begins with what comes first: where a receiver comes in is the server's to decide.
    pub(crate) fn new(first: u32) -> Self {
        let mut check = Self { first, highest: first, received: 1, duplicated: 0, late: 0, seen: Box::new([0; WORDS]) };
        check.mark(first);
        check
    }

    /// A further packet.
    pub(crate) fn take(&mut self, number: u32) -> Arrival {
        if number > self.highest {
            let skipped = number - self.highest - 1;
            // What leaves the window must not be taken for what enters it.
            for old in self.highest + 1..=number.min(self.highest.saturating_add(WINDOW)) {
                self.clear(old);
            }
            self.highest = number;
            self.received += 1;
            self.mark(number);
            return Arrival::New { skipped };
        }
        // Before the first nothing had to come.
        if number < self.first || self.highest - number >= WINDOW || self.is_marked(number) {
            self.duplicated += 1;
            return Arrival::Duplicate;
        }
        self.received += 1;
        self.late += 1;
        self.mark(number);
        Arrival::Late
    }

    /// `last`: the number of the last packet that was sent while this track was received; without one the last that came.
    pub(crate) fn result(&self, last: Option<u32>) -> TrackResult {
        let last = last.unwrap_or(self.highest).max(self.highest);
        let due = u64::from(last - self.first) + 1;
        let Self { received, duplicated, late, .. } = *self;
        TrackResult { received, duplicated, late, missing: due - received }
    }

    fn mark(&mut self, number: u32) {
        let (word, bit) = place(number);
        self.seen[word] |= bit;
    }

    fn clear(&mut self, number: u32) {
        let (word, bit) = place(number);
        self.seen[word] &= !bit;
    }

    fn is_marked(&self, number: u32) -> bool {
        let (word, bit) = place(number);
        self.seen[word] & bit != 0
    }
}

fn place(number: u32) -> (usize, u64) {
    let index = number % WINDOW;
    ((index / 64) as usize, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(numbers: impl IntoIterator<Item = u32>) -> TrackCheck {
        let mut numbers = numbers.into_iter();
        let mut check = TrackCheck::new(numbers.next().unwrap());
        for number in numbers {
            check.take(number);
        }
        check
    }

    #[test]
    fn whole_tracks_lack_nothing_wherever_they_begin() {
        for first in [0, 1, 77_777] {
            let result = check(first..first + 20_000).result(Some(first + 19_999));
            assert_eq!(result, TrackResult { received: 20_000, duplicated: 0, late: 0, missing: 0 });
        }
    }

    #[test]
    fn lost_packets_are_missing() {
        let result = check((0..10_000).filter(|number| number % 100 != 50)).result(Some(9_999));
        assert_eq!(result, TrackResult { received: 9_900, duplicated: 0, late: 0, missing: 100 });
    }

    #[test]
    fn packets_lost_at_the_end_are_missing_too() {
        assert_eq!(check(5..10).result(Some(12)).missing, 3);
        // Nobody knows what was sent after a receiver had left.
        assert_eq!(check(5..10).result(None).missing, 0);
        // A number that was told too early is no loss.
        assert_eq!(check(5..10).result(Some(7)).missing, 0);
    }

    #[test]
    fn a_doubled_packet_is_told_and_does_not_make_up_for_a_lost_one() {
        let mut check = check([1, 2, 4]);
        assert_eq!(check.take(4), Arrival::Duplicate);
        assert_eq!(check.take(2), Arrival::Duplicate);
        assert_eq!(check.result(Some(4)), TrackResult { received: 3, duplicated: 2, late: 0, missing: 1 });
    }

    #[test]
    fn a_late_packet_is_late_and_not_lost() {
        let mut check = check([1, 2]);
        assert_eq!(check.take(5), Arrival::New { skipped: 2 });
        assert_eq!(check.take(4), Arrival::Late);
        assert_eq!(check.take(4), Arrival::Duplicate);
        assert_eq!(check.result(Some(5)), TrackResult { received: 4, duplicated: 1, late: 1, missing: 1 });
    }

    #[test]
    fn gaps_longer_than_the_window_leave_nothing_behind() {
        let mut check = check(0..WINDOW);
        check.take(3 * WINDOW);
        assert_eq!(check.take(3 * WINDOW - 1), Arrival::Late, "marked by a packet one window older");
        assert_eq!(check.take(WINDOW), Arrival::Duplicate, "too old to be known");
        assert_eq!(check.result(None).missing, u64::from(2 * WINDOW - 1));
    }
}
