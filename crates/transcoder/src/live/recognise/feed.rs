//! What an engine is sent: sound in pieces, without holes. Where sound is missing there is silence, as long as what is missing but
//! not for ever; and when none comes any more, enough of it for the engine to find the end of what was said. What the time was at
//! any place in it is remembered for as long as somebody may ask. No clock: the time comes from outside.

use std::collections::VecDeque;
use std::time::Duration;

use super::timing::Place;
use super::{SAMPLE, SAMPLES_PER_SECOND};

/// A tenth of a second: what engines take well, and nobody notices.
const PIECE: usize = SAMPLES_PER_SECOND / 10 * SAMPLE;
/// Times of sound are as exact as this.
const EXACT: Duration = Duration::from_millis(15);
/// No hole in the sound is longer to the engine: it ends whatever was said.
const LONGEST_HOLE: Duration = Duration::from_secs(2);
/// Sound that is so late will come no more, or after a pause.
const STALLED: Duration = Duration::from_millis(500);
/// Silence behind the last sound of all.
const LAST_SILENCE: Duration = Duration::from_millis(500);
/// Pauses whose places are remembered: hours of talk.
const MOST_MARKS: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Feed {
    waiting: Vec<u8>,
    last: Option<Last>,
    /// Samples that were taken out.
    taken: Place,
    /// Where the time does not simply go on.
    marks: VecDeque<Mark>,
}

/// From this place on it is this time, and goes on with the sound.
#[derive(Clone, Copy, Debug)]
struct Mark {
    place: Place,
    time: Duration,
}

impl Mark {
    fn at(self, place: Place) -> Duration {
        self.time + length_of(place.saturating_sub(self.place))
    }
}

/// Of the sound that came last.
#[derive(Debug)]
struct Last {
    /// When it ends, by its own time.
    until: Duration,
    /// When it came.
    came: Duration,
    /// The silence that was put behind it.
    silence: Duration,
}

impl Feed {
    /// Sound that was captured at `time`, and came now.
    pub(super) fn push(&mut self, time: Duration, sound: &[u8], now: Duration) {
        if let Some(last) = &self.last {
            let hole = time.saturating_sub(last.until).min(LONGEST_HOLE).saturating_sub(last.silence);
            if hole > EXACT {
                self.be_silent(hole);
            }
        }
        self.mark(time);
        self.waiting.extend_from_slice(sound);
        let length = length_of((sound.len() / SAMPLE) as Place);
        self.last = Some(Last { until: time + length, came: now, silence: Duration::ZERO });
    }

    fn mark(&mut self, time: Duration) {
        let place = self.end();
        if self.marks.back().is_some_and(|mark| mark.at(place).abs_diff(time) <= EXACT) {
            return;
        }
        self.marks.push_back(Mark { place, time });
        if self.marks.len() > MOST_MARKS {
            self.marks.pop_front();
        }
    }

    /// Behind everything that has come.
    fn end(&self) -> Place {
        self.taken + (self.waiting.len() / SAMPLE) as Place
    }

    /// How much was taken out.
    pub(super) fn taken(&self) -> Place {
        self.taken
    }

    /// What time it was when the sound at this place began; where there has been none, of the nearest.
    pub(super) fn time_from(&self, place: Place) -> Option<Duration> {
        let place = place.min(self.end());
        let before = self.marks.iter().rev().find(|mark| mark.place <= place).or(self.marks.front())?;
        Some(before.at(place))
    }

    /// What time it was when the sound before this place ended.
    pub(super) fn time_until(&self, place: Place) -> Option<Duration> {
        let place = place.min(self.end());
        let before = self.marks.iter().rev().find(|mark| mark.place < place).or(self.marks.front())?;
        Some(before.at(place))
    }

    /// Nothing more will come. What there is comes out in whole pieces.
    pub(super) fn finish(&mut self) {
        self.be_silent(LAST_SILENCE);
        self.waiting.resize(self.waiting.len().next_multiple_of(PIECE), 0);
    }

    /// To be called now and then while no sound comes.
    pub(super) fn go_on_without(&mut self, now: Duration) {
        let Some(last) = &mut self.last else { return };
        let late = now.saturating_sub(last.came);
        if late < STALLED {
            return;
        }
        let due = late.min(LONGEST_HOLE);
        let silence = due.saturating_sub(last.silence);
        last.silence = due;
        if due == LONGEST_HOLE {
            self.last = None;
        }
        self.be_silent(silence);
    }

    /// The next piece, if there is a whole one.
    pub(super) fn pop(&mut self) -> Option<Vec<u8>> {
        let piece = (self.waiting.len() >= PIECE).then(|| self.waiting.drain(..PIECE).collect::<Vec<_>>())?;
        self.taken += (PIECE / SAMPLE) as Place;
        Some(piece)
    }

    fn be_silent(&mut self, how_long: Duration) {
        let samples = how_long.as_micros() as usize * SAMPLES_PER_SECOND / 1_000_000;
        self.waiting.resize(self.waiting.len() + samples * SAMPLE, 0);
    }
}

fn length_of(samples: Place) -> Duration {
    Duration::from_micros(samples.saturating_mul(1_000_000) / SAMPLES_PER_SECOND as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);
    const LOUD: [u8; 640] = [1; 640];

    /// How much is loud and how much silent of what comes out, in milliseconds.
    fn taken(feed: &mut Feed) -> (usize, usize) {
        let pieces: Vec<_> = std::iter::from_fn(|| feed.pop()).collect();
        assert!(pieces.iter().all(|piece| piece.len() == PIECE));
        let all = pieces.concat();
        let loud = all.iter().filter(|byte| **byte == 1).count();
        (loud / 32, (all.len() - loud) / 32)
    }

    #[test]
    fn sound_comes_in_pieces_of_a_tenth_of_a_second() {
        let mut feed = Feed::default();
        for n in 0..12 {
            feed.push(FRAME * n, &LOUD, FRAME * n);
        }
        assert_eq!(taken(&mut feed), (200, 0));
        assert_eq!(feed.waiting.len(), 40 * 32);
    }

    #[test]
    fn what_is_lost_is_silent_for_as_long() {
        let mut feed = Feed::default();
        for n in [0, 1, 2, 8, 9] {
            feed.push(FRAME * n, &LOUD, FRAME * n);
        }
        assert_eq!(taken(&mut feed), (100, 100));
        feed.push(Duration::from_secs(3600), &[1; 3200], Duration::from_secs(1));
        assert_eq!(taken(&mut feed), (100, 2000), "but not for ever");
    }

    #[test]
    fn who_falls_silent_is_followed_by_enough_silence_and_no_more() {
        let mut feed = Feed::default();
        feed.push(Duration::ZERO, &[1; 3200], Duration::ZERO);
        for ms in (0..10_000).step_by(10) {
            feed.go_on_without(Duration::from_millis(ms));
        }
        assert_eq!(taken(&mut feed), (100, 2000));
        feed.push(Duration::from_secs(10), &[1; 3200], Duration::from_secs(10));
        assert_eq!(taken(&mut feed), (100, 0), "it begins anew");
    }

    #[test]
    fn every_place_has_its_time_over_pauses_and_losses() {
        let (mut feed, started) = (Feed::default(), Duration::from_secs(1000));
        assert_eq!(feed.time_from(0), None, "nothing has come");
        let second = |feed: &mut Feed, at: Duration| {
            (0..50).for_each(|n| feed.push(at + FRAME * n, &LOUD, at + FRAME * n));
        };
        second(&mut feed, started);
        // A microphone that was off for a minute: the engine hears two seconds of silence.
        for ms in (0..10_000).step_by(10) {
            feed.go_on_without(started + Duration::from_millis(1000 + ms));
        }
        second(&mut feed, started + Duration::from_secs(61));
        assert_eq!(taken(&mut feed), (2000, 2000));
        assert_eq!(feed.taken(), 64_000);
        for (place, from, until) in [(0, 0, 0), (8_000, 500, 500), (16_000, 1000, 1000), (48_000, 61_000, 3000)] {
            let after = |ms| Some(started + Duration::from_millis(ms));
            assert_eq!((feed.time_from(place), feed.time_until(place)), (after(from), after(until)), "{place}");
        }
        assert_eq!(feed.time_from(56_000), Some(started + Duration::from_millis(61_500)));
        assert_eq!(feed.time_until(Place::MAX), Some(started + Duration::from_secs(62)), "nothing is later than all");
    }

    #[test]
    fn times_go_on_evenly_however_unevenly_packets_come() {
        let mut feed = Feed::default();
        for n in 0..100_u32 {
            let jitter = Duration::from_millis(u64::from(n % 3) * 4);
            feed.push(FRAME * n + jitter, &LOUD, FRAME * n);
        }
        assert_eq!(feed.marks.len(), 1);
        for n in 0..=MOST_MARKS as u32 {
            let at = Duration::from_secs(10) * (n + 1);
            feed.push(at, &LOUD, at);
        }
        assert_eq!(feed.marks.len(), MOST_MARKS);
    }

    #[test]
    fn at_the_end_nothing_is_kept_back() {
        let mut feed = Feed::default();
        feed.push(Duration::ZERO, &LOUD, Duration::ZERO);
        feed.finish();
        let (loud, silent) = taken(&mut feed);
        assert!(loud == 20 && silent >= 500, "{loud} {silent}");
        assert!(feed.waiting.is_empty());
    }

    #[test]
    fn silence_in_a_stall_is_not_put_in_twice() {
        let mut feed = Feed::default();
        feed.push(Duration::ZERO, &[1; 3200], Duration::ZERO);
        feed.go_on_without(Duration::from_millis(800));
        feed.push(Duration::from_millis(1100), &[1; 3200], Duration::from_millis(900));
        assert_eq!(taken(&mut feed), (200, 1000));
    }
}
