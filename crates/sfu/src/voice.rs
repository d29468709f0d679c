//! What one publication sounds like, from the levels that its packets tell (RFC 6464): how loud it is, and whether somebody speaks.
//! It hears no sound, and compares nobody: that is `selection.rs`.

use std::time::{Duration, Instant};

/// Not quieter than this is somebody who may be heard instead of silence, in dBov.
const AUDIBLE: f32 = -60.0;
/// A pause between words, in which a place among the loudest is kept.
const PAUSE: Duration = Duration::from_millis(500);
/// Of a difference in one packet (some 20 ms): a loud word counts after a few packets, and its pauses for half a second.
const RISE: f32 = 0.25;
const FALL: f32 = 0.03;
/// Speech is so much louder, in dB, than what is heard between its words,…
const ABOVE_FLOOR: f32 = 10.0;
/// …and not quieter than this, in dBov.
const SPEECH: f32 = -50.0;
/// How fast what never pauses is taken for noise, in dB a second.
const FLOOR_RISE: f32 = 1.0;
/// A quiet room, in dBov, before anything was heard.
const QUIET: f32 = -80.0;
/// Whoever has made sound for so long speaks: a cough is shorter.
const SPEAKS: Duration = Duration::from_millis(300);
/// What longer speech counts.
const LONG: Duration = Duration::from_secs(2);
/// Packets further apart than this are of two utterances.
const GAP: Duration = Duration::from_millis(120);
/// Whoever has not spoken for so long has finished.
const FINISHED: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice {
    /// Of the last packet, in dBov.
    level: f32,
    /// Follows it, quickly up and slowly down.
    loudness: f32,
    /// What is heard when nobody speaks, in dBov.
    floor: f32,
    last: Instant,
    /// It was audible then.
    audible: Option<Instant>,
    /// For how long it has been speaking, words' pauses not counted.
    speech: Duration,
    /// It was speaking then.
    spoke: Option<Instant>,
}

impl Voice {
    pub(crate) fn new(now: Instant) -> Self {
        let quietest = f32::from(i8::MIN);
        Self {
            level: quietest,
            loudness: AUDIBLE,
            floor: QUIET,
            last: now,
            audible: None,
            speech: Duration::ZERO,
            spoke: None,
        }
    }

    /// A packet tells its level, in dBov.
    pub(crate) fn heard(&mut self, level: i8, now: Instant) {
        let level = f32::from(level);
        let passed = now.saturating_duration_since(self.last).min(GAP);
        self.last = now;
        self.level = level;
        let difference = level.max(AUDIBLE) - self.loudness;
        self.loudness += difference * if difference > 0.0 { RISE } else { FALL };
        if level >= AUDIBLE {
            self.audible = Some(now);
        }
        self.floor = level.max(QUIET).min(self.floor + FLOOR_RISE * passed.as_secs_f32());
        if level >= SPEECH.max(self.floor + ABOVE_FLOOR) {
            self.speech = (self.speech + passed).min(LONG);
            if self.speech >= SPEAKS {
                self.spoke = Some(now);
            }
        } else {
            self.speech = self.speech.saturating_sub(passed / 2);
        }
    }

    /// It was audible less than a pause ago.
    pub(crate) fn sounds(&self, now: Instant) -> bool {
        self.audible.is_some_and(|at| now.saturating_duration_since(at) < PAUSE)
    }

    /// Its last packet is worth being heard.
    pub(crate) fn is_audible(&self) -> bool {
        self.level >= AUDIBLE
    }

    /// Of its last packet, in dBov.
    pub(crate) fn level(&self) -> f32 {
        self.level
    }

    /// For comparisons, in dBov: over the last words.
    pub(crate) fn loudness(&self) -> f32 {
        self.loudness
    }

    /// When it was audible last.
    pub(crate) fn audible(&self) -> Option<Instant> {
        self.audible
    }

    /// Somebody speaks in its last packet.
    pub(crate) fn speaks(&self) -> bool {
        self.spoke == Some(self.last)
    }

    /// Somebody has spoken for a long time.
    pub(crate) fn speaks_long(&self) -> bool {
        self.speech >= LONG
    }

    /// Somebody spoke not long ago and perhaps goes on.
    pub(crate) fn has_the_word(&self, now: Instant) -> bool {
        self.spoke.is_some_and(|at| now.saturating_duration_since(at) < FINISHED)
    }

    /// When somebody spoke last.
    pub(crate) fn spoke(&self) -> Option<Instant> {
        self.spoke
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: Duration = Duration::from_millis(20);

    struct Microphone {
        voice: Voice,
        now: Instant,
    }

    impl Microphone {
        fn new() -> Self {
            let now = Instant::now();
            Self { voice: Voice::new(now), now }
        }

        fn hears(&mut self, level: i8, ms: u64) {
            for _ in 0..ms / 20 {
                self.now += PACKET;
                self.voice.heard(level, self.now);
            }
        }
    }

    #[test]
    fn a_cough_is_no_speech_and_a_sentence_is() {
        let mut microphone = Microphone::new();
        microphone.hears(-70, 2000);
        microphone.hears(-20, 200);
        assert!(!microphone.voice.has_the_word(microphone.now));
        microphone.hears(-70, 2000);
        for _ in 0..3 {
            microphone.hears(-30, 200);
            microphone.hears(-70, 80);
        }
        assert!(microphone.voice.has_the_word(microphone.now));
        microphone.hears(-70, 1000);
        assert!(!microphone.voice.has_the_word(microphone.now));
    }

    #[test]
    fn noise_that_never_pauses_is_no_speech_for_long() {
        let mut microphone = Microphone::new();
        microphone.hears(-45, 30_000);
        microphone.hears(-45, 20);
        assert!(!microphone.voice.speaks());
        // Who speaks above it is noticed all the same.
        microphone.hears(-25, 400);
        assert!(microphone.voice.speaks());
    }

    #[test]
    fn loudness_rises_within_a_word_and_stays_over_a_pause() {
        let mut microphone = Microphone::new();
        microphone.hears(-100, 1000);
        microphone.hears(-30, 200);
        assert!(microphone.voice.loudness() > -34.0, "{}", microphone.voice.loudness());
        microphone.hears(-100, 200);
        assert!(microphone.voice.loudness() > -55.0, "{}", microphone.voice.loudness());
        assert!(microphone.voice.sounds(microphone.now));
        microphone.hears(-100, 400);
        assert!(!microphone.voice.sounds(microphone.now));
    }
}
