//! What is said in a recording with subtitles: it is written down as it comes, so that a crash loses none of it, and the last of it is
//! waited for, since recognisers know the end of a sentence later than the recording does.

use muxing::Time;
use protocol::id::TapId;
use protocol::speech::{Spoken, SpokenWord};

use super::recording::{Phase, Recording, RecordingRef};
use super::{Director, Order};
use crate::subtitles::{Line, Utterance, Word};

impl Director {
    /// `at`: when the words were told, on the clock of the files.
    pub(super) fn write_words(
        &mut self,
        recording: RecordingRef,
        tap: Option<TapId>,
        name: Option<String>,
        text: String,
        spoken: &Spoken,
        at: u64,
    ) {
        let words = self.recordings.get(&recording).and_then(|state| state.words.as_ref());
        let file = words.zip(tap).and_then(|(words, tap)| words.files.get(&tap).cloned());
        let time = |ago: u64| at.saturating_sub(ago);
        let word = |SpokenWord { word, began, ended }: &SpokenWord| Word {
            word: word.clone(),
            from: time(*began),
            until: time(*ended),
        };
        let words = spoken.words.iter().map(word).collect();
        let (from, until) = (time(spoken.began), time(spoken.ended));
        self.write_line(recording, Line::Said(Utterance { file, name, text, from, until, words }));
    }

    pub(super) fn write_line(&mut self, recording: RecordingRef, line: Line) {
        if self.recordings.get(&recording).is_some_and(Recording::awaits_words) {
            self.order(Order::WriteWords { recording, line });
        }
    }

    pub(super) fn words_complete(&mut self, recording: RecordingRef, now: Time) {
        let Some(state) = self.recordings.get_mut(&recording) else { return };
        let Some(words) = &mut state.words else { return };
        words.is_complete = true;
        match state.phase {
            Phase::Ending { .. } => self.process_if_closed(recording, now),
            Phase::Composing { .. } => self.take_composed(recording),
            _ => {}
        }
    }
}
