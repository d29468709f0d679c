//! When words were said, as places in the sound that an engine was sent; who has the sound knows what time that was.
//!
//! Engines that do not tell are followed by when they speak: a word is told of shortly after it was said, and what was said has
//! ended when it changes no more.

use super::SAMPLES_PER_SECOND;

/// In samples, from the first that the engine was sent.
pub(super) type Place = u64;

/// A word is told of so much after its beginning, more or less.
const HEARD_AFTER: Place = SAMPLES_PER_SECOND as Place / 2;

/// When something was said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Timing {
    pub(super) began: Place,
    pub(super) ended: Place,
    /// Each word, if that is known.
    pub(super) words: Vec<(String, Place, Place)>,
}

impl Timing {
    /// By its words; [`None`] if there are none.
    pub(super) fn of(words: Vec<(String, Place, Place)>) -> Option<Self> {
        let began = words.iter().map(|(_, began, _)| *began).min()?;
        let ended = words.iter().map(|(_, _, ended)| *ended).max()?;
        Some(Self { began, ended, words })
    }
}

/// Whatever an engine says of a time in seconds.
pub(super) fn seconds(told: f64) -> Place {
    // What is no number, or is before the beginning, becomes the beginning.
    (told * SAMPLES_PER_SECOND as f64) as Place
}

/// Follows what an engine says that tells no times.
#[derive(Debug, Default)]
pub(super) struct Guess {
    /// What was said last ended here.
    before: Place,
    /// Of what is being said: where it began, and where it changed last.
    present: Option<(Place, Place)>,
}

impl Guess {
    /// It has changed what it says, after it was sent `sent`.
    pub(super) fn changed(&mut self, sent: Place) {
        let began = match self.present {
            Some((began, _)) => began,
            None => sent.saturating_sub(HEARD_AFTER).max(self.before),
        };
        self.present = Some((began, sent));
    }

    /// It will not change any more.
    pub(super) fn ended(&mut self, sent: Place) -> Timing {
        let (began, ended) =
            self.present.take().unwrap_or((sent.saturating_sub(2 * HEARD_AFTER).max(self.before), sent));
        self.before = ended;
        Timing { began, ended, words: vec![] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_tells_of_began_before_it_was_heard_of_and_ended_when_it_changed_last() {
        let mut guess = Guess::default();
        guess.changed(4_000);
        guess.changed(20_000);
        assert_eq!(guess.ended(36_000), Timing { began: 0, ended: 20_000, words: vec![] });
        guess.changed(24_000);
        assert_eq!(guess.ended(40_000).began, 20_000, "not before the last one has ended");
        assert_eq!(guess.ended(100_000), Timing { began: 84_000, ended: 100_000, words: vec![] }, "all at once");
    }

    #[test]
    fn strange_times_are_the_beginning_or_the_end_of_all() {
        assert_eq!([1.5, -1.0, f64::NAN].map(seconds), [24_000, 0, 0]);
        assert_eq!(seconds(f64::INFINITY), Place::MAX);
        assert_eq!(Timing::of(vec![]), None);
    }
}
