//! How smoothly a picture can be shown by whoever gets its packets as they pass here: when frames are complete, and when the
//! next one comes so late that a person sees it. It decodes nothing, holds nothing up and does not know why a frame is late.
//!
//! A frame counts once its last packet is there and nothing before it is missing any more: so a loss that is repaired late, or
//! that only a key frame ends, is the freeze that a viewer sees.

use std::time::{Duration, Instant};

use protocol::media::Pictures;

/// Holes that are remembered, and frames that wait for them; with more of them only a key frame helps.
const MAX_HOLES: usize = 64;
/// After so long nobody repairs a hole any more, and decoders have gone on without it: it was of a layer in time that they do
/// not need, or they have asked for a key frame.
const GIVEN_UP: Duration = Duration::from_secs(2);
/// What takes longer is no freeze but a pause: the camera is off. [`protocol::media::TransportObservation::Silent`] tells of it.
const PAUSE: Duration = Duration::from_secs(10);
/// A freeze is this much longer than a frame usually takes, and three times as long (W3C's `freezeCount`).
const NOTICEABLE: Duration = Duration::from_millis(150);
/// Over how many frames the usual time is smoothed.
const SMOOTHED: u32 = 30;

/// One stream of pictures.
#[derive(Debug, Default)]
pub(crate) struct Smoothness {
    newest: Option<u64>,
    /// What is missing below it, in order, and since when.
    holes: Vec<(u64, Instant)>,
    /// There were more holes than are remembered.
    is_lost: bool,
    /// Where frames end that are not complete yet.
    ends: Vec<u64>,
    shown: Option<Instant>,
    /// Between two frames.
    usual: Option<Duration>,
    frozen: Duration,
    pictures: Pictures,
}

impl Smoothness {
    /// A packet passes. `sequence` has no roll-over; `is_last` of its frame.
    pub(crate) fn passed(&mut self, sequence: u64, is_last: bool, starts_key_frame: bool, now: Instant) {
        let newest = *self.newest.get_or_insert(sequence);
        if sequence > newest {
            let missing = newest + 1..sequence;
            self.is_lost |= missing.end - missing.start > (MAX_HOLES - self.holes.len()) as u64;
            if !self.is_lost {
                self.holes.extend(missing.map(|hole| (hole, now)));
            }
            self.newest = Some(sequence);
        } else {
            self.holes.retain(|(hole, _)| *hole != sequence);
        }
        if starts_key_frame {
            self.holes.retain(|(hole, _)| *hole > sequence);
            self.ends.retain(|end| *end >= sequence);
            self.is_lost = false;
        }
        if is_last && self.ends.len() < MAX_HOLES {
            self.ends.push(sequence);
        }
        if !self.ends.is_empty() {
            self.complete(now);
        }
    }

    fn complete(&mut self, now: Instant) {
        self.holes.retain(|(_, since)| now.saturating_duration_since(*since) < GIVEN_UP);
        let waiting = self.ends.len();
        match self.holes.first() {
            _ if self.is_lost => return,
            Some((hole, _)) => self.ends.retain(|end| end > hole),
            None => self.ends.clear(),
        }
        let frames = waiting - self.ends.len();
        if frames > 0 {
            self.pictures.frames += frames as u32;
            self.show(now);
        }
    }

    fn show(&mut self, now: Instant) {
        let Some(took) = self.shown.replace(now).map(|shown| now.saturating_duration_since(shown)) else {
            return;
        };
        let Some(usual) = self.usual else {
            self.usual = Some(took);
            return;
        };
        if took > PAUSE {
            return;
        }
        if took > (usual * 3).max(usual + NOTICEABLE) {
            self.pictures.freezes += 1;
            self.frozen += took;
        } else {
            self.usual = Some((usual * (SMOOTHED - 1) + took) / SMOOTHED);
        }
    }

    /// None are meant to be shown for a while: the next one is not late.
    pub(crate) fn pause(&mut self) {
        self.shown = None;
    }

    /// What was counted since the last call.
    pub(crate) fn take(&mut self) -> Pictures {
        let frozen_ms = std::mem::take(&mut self.frozen).as_millis().try_into().unwrap_or(u32::MAX);
        Pictures { frozen_ms, ..std::mem::take(&mut self.pictures) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thirty frames in a second, of three packets each.
    struct Film {
        smoothness: Smoothness,
        now: Instant,
        sequence: u64,
    }

    impl Film {
        fn new() -> Self {
            Self { smoothness: Smoothness::default(), now: Instant::now(), sequence: 100 }
        }

        fn frame(&mut self, lost: &[u64], starts_key_frame: bool) -> u64 {
            let first = self.sequence;
            for packet in (0..3).filter(|packet| !lost.contains(packet)) {
                let is_first = packet == 0;
                self.smoothness.passed(first + packet, packet == 2, is_first && starts_key_frame, self.now);
            }
            self.sequence += 3;
            self.now += Duration::from_millis(33);
            first
        }

        fn frames(&mut self, count: usize) {
            for _ in 0..count {
                self.frame(&[], false);
            }
        }
    }

    #[test]
    fn what_comes_in_time_freezes_nowhere() {
        let mut film = Film::new();
        film.frames(90);
        assert_eq!(film.smoothness.take(), Pictures { frames: 90, freezes: 0, frozen_ms: 0 });
        assert_eq!(film.smoothness.take(), Pictures::default(), "told once");
    }

    #[test]
    fn a_late_frame_is_a_freeze_and_a_camera_that_was_off_is_none() {
        let mut film = Film::new();
        film.frames(30);
        film.now += Duration::from_millis(120);
        film.frames(10);
        assert_eq!(film.smoothness.take().freezes, 0, "nobody sees it");
        film.now += Duration::from_millis(967);
        film.frames(10);
        assert_eq!(film.smoothness.take(), Pictures { frames: 10, freezes: 1, frozen_ms: 1000 });
        film.now += Duration::from_secs(60);
        film.frames(10);
        assert_eq!(film.smoothness.take(), Pictures { frames: 10, freezes: 0, frozen_ms: 0 });
    }

    #[test]
    fn a_few_pictures_in_a_second_are_no_freezes() {
        let mut film = Film::new();
        for _ in 0..20 {
            film.now += Duration::from_secs(1);
            film.frame(&[], false);
        }
        assert_eq!(film.smoothness.take().freezes, 0);
    }

    #[test]
    fn a_loss_freezes_until_it_is_repaired() {
        let mut film = Film::new();
        film.frames(30);
        let broken = film.frame(&[1], false);
        film.frames(9);
        film.smoothness.passed(broken + 1, false, false, film.now);
        film.frames(10);
        let told = film.smoothness.take();
        assert_eq!((told.freezes, told.frozen_ms), (1, 363));
    }

    #[test]
    fn a_quick_repair_is_not_seen() {
        let mut film = Film::new();
        film.frames(30);
        let broken = film.frame(&[1], false);
        film.smoothness.passed(broken + 1, false, false, film.now);
        film.frames(10);
        assert_eq!(film.smoothness.take().freezes, 0);
    }

    #[test]
    fn what_is_not_repaired_ends_with_a_key_frame_or_is_given_up() {
        for lost in [vec![1], vec![0, 1, 2]] {
            let mut film = Film::new();
            film.frames(30);
            film.frame(&lost, false);
            film.frames(19);
            film.frame(&[], true);
            film.frames(9);
            let told = film.smoothness.take();
            assert_eq!((told.freezes, told.frozen_ms), (1, 693), "{lost:?}");
        }
        let mut film = Film::new();
        film.frames(30);
        film.frame(&[1], false);
        film.frames(90);
        let told = film.smoothness.take();
        assert_eq!(told.freezes, 1);
        assert!((2000..2100).contains(&told.frozen_ms), "{told:?}");
    }

    #[test]
    fn after_a_long_gap_only_a_key_frame_helps() {
        let mut film = Film::new();
        film.frames(30);
        film.sequence += 1000;
        film.frames(9);
        assert_eq!(film.smoothness.take().frames, 30);
        film.frame(&[], true);
        assert_eq!(
            film.smoothness.take(),
            Pictures { frames: 1, freezes: 1, frozen_ms: 330 },
            "what came before is of no use"
        );
    }
}
