//! A composed recording and its composer: when it runs, and what is made of what it has composed.

use std::mem;

use protocol::recording::RecordingReport;

use super::composer::{Composer, ComposerOrder};
use super::recording::{Composition, Phase, Recording, RecordingRef};
use super::{Director, Order};

impl Director {
    pub(super) fn start_composer(&mut self, recording: RecordingRef) {
        self.composers.insert(recording, Composer::new(self.options.composer_silence));
        self.order(Order::StartComposer { recording });
    }

    pub(super) fn composer_order(&mut self, recording: RecordingRef, order: Option<ComposerOrder>) {
        match order {
            Some(ComposerOrder::Start) => self.order(Order::StartComposer { recording }),
            Some(ComposerOrder::Kill) => self.order(Order::KillComposer { recording }),
            Some(ComposerOrder::Runs) => {
                self.runs(recording, |composition| mem::replace(&mut composition.runs, true));
            }
            Some(ComposerOrder::Over) => self.composer_over(recording),
            None => {}
        }
    }

    /// One thing less is waited for; with the last one, the recording runs.
    pub(super) fn runs(&mut self, recording: RecordingRef, set: impl FnOnce(&mut Composition) -> bool) {
        let RecordingRef::Live(key) = recording else { return };
        let Some(composition) = self.recordings.get_mut(&recording).and_then(Recording::composition) else { return };
        let ran = set(composition);
        if !ran && composition.is_running() {
            self.report(RecordingReport::Running { recording: key, tap: None });
        }
    }

    pub(super) fn composer_over(&mut self, recording: RecordingRef) {
        let result = self.composers.get(&recording).and_then(Composer::result);
        match self.recordings.get(&recording).map(|state| &state.phase) {
            Some(Phase::Composing { .. }) => self.take_composed(recording),
            Some(Phase::Running(_) | Phase::Ending { .. }) => {
                if let Some(Err(why)) = result {
                    self.broken(recording, why);
                }
            }
            // Nobody waits for it.
            _ => drop(self.composers.remove(&recording)),
        }
    }

    /// Goes on if its composer has come to an end.
    pub(super) fn take_composed(&mut self, recording: RecordingRef) {
        let Some(state) = self.recordings.get_mut(&recording).filter(|state| !state.awaits_words()) else { return };
        let Some(composer) = self.composers.get(&recording).filter(|composer| composer.is_over()) else { return };
        let result = composer.result().unwrap_or_else(|| Err("nobody waited for it".to_owned()));
        self.composers.remove(&recording);
        match (result, mem::replace(&mut state.phase, Phase::Processing)) {
            (Ok(composed), Phase::Composing { parts }) => {
                let view = Box::new(state.view.clone());
                self.order(Order::TakeComposed { recording, view, parts, composed });
            }
            (Ok(_), other) => state.phase = other,
            (Err(why), _) => self.fail(recording, why),
        }
    }

    /// Nobody waits any more for what it composes.
    pub(super) fn release_composer(&mut self, recording: RecordingRef) {
        let Some(composer) = self.composers.get_mut(&recording) else { return };
        if composer.is_over() {
            self.composers.remove(&recording);
            return;
        }
        let order = composer.release();
        self.order(Order::ReleaseComposer { recording });
        self.composer_order(recording, order);
    }

    /// The manifest cannot be written. Without its end it would be composed for ever.
    pub(super) fn unwritable(&mut self, recording: RecordingRef, why: String) {
        match self.recordings.get(&recording).map(|state| &state.phase) {
            Some(Phase::Composing { .. }) => {
                self.fail(recording, why);
                self.release_composer(recording);
            }
            Some(_) => self.broken(recording, why),
            None => {}
        }
    }
}
