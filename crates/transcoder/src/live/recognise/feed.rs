//! What an engine is sent: sound in pieces, without holes. Where sound is missing there is silence, as long as what is missing but
//! not for ever; and when none comes any more, enough of it for the engine to find the end of what was said. No clock: the time
//! comes from outside.

use std::time::Duration;

use super::SAMPLES_PER_SECOND;

/// Bytes of a sample.
const SAMPLE: usize = 2;
/// A tenth of a second: what engines take well, and nobody notices.
const PIECE: usize = SAMPLES_PER_SECOND / 10 * SAMPLE;
/// Times of sound are as exact as this.
const EXACT: Duration = Duration::from_millis(15);
/// No hole in the sound is longer to the engine: it ends whatever was said.
const LONGEST_HOLE: Duration = Duration::from_secs(2);
/// Sound that is so late will come no more, or after a pause.
const STALLED: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Feed {
    waiting: Vec<u8>,
    last: Option<Last>,
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
        self.waiting.extend_from_slice(sound);
        let length = Duration::from_micros((sound.len() / SAMPLE * 1_000_000 / SAMPLES_PER_SECOND) as u64);
        self.last = Some(Last { until: time + length, came: now, silence: Duration::ZERO });
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
        (self.waiting.len() >= PIECE).then(|| self.waiting.drain(..PIECE).collect())
    }

    fn be_silent(&mut self, how_long: Duration) {
        let samples = how_long.as_micros() as usize * SAMPLES_PER_SECOND / 1_000_000;
        self.waiting.resize(self.waiting.len() + samples * SAMPLE, 0);
    }
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
    fn silence_in_a_stall_is_not_put_in_twice() {
        let mut feed = Feed::default();
        feed.push(Duration::ZERO, &[1; 3200], Duration::ZERO);
        feed.go_on_without(Duration::from_millis(800));
        feed.push(Duration::from_millis(1100), &[1; 3200], Duration::from_millis(900));
        assert_eq!(taken(&mut feed), (200, 1000));
    }
}
