//! Recordings that a crash has interrupted: found one after the other, archives finished as they are found, compositions
//! afterwards and one at a time. Their ids stay taken all the while, and applications hear of them.

use std::collections::VecDeque;

use muxing::Time;
use protocol::event::RecordingStatus;
use protocol::model::OutputMode;

use super::recording::{Phase, Recording, RecordingRef};
use super::{Composer, Director, InterruptedRecording, Order};
use crate::processing::ProcessingFailure;

/// What is still to be done.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Compositions that wait for their turn.
    compositions: VecDeque<RecordingRef>,
    /// The one that is at work.
    at_work: Option<RecordingRef>,
    /// There are no others.
    is_complete: bool,
}

impl Director {
    pub(super) fn found(&mut self, found: InterruptedRecording, now: Time) {
        let InterruptedRecording { number, view, status, parts } = found;
        let recording = RecordingRef::Interrupted(number);
        if parts.is_some() && matches!(status, RecordingStatus::Starting | RecordingStatus::Started) {
            self.order(Order::Announce(Box::new(view.clone())));
        }
        let is_individual = view.output_mode == OutputMode::Individual;
        let boxed = Box::new(view.clone());
        let mut state = Recording { view, found: Some(status), words: None, phase: Phase::Processing };
        match parts {
            None => {
                self.recordings.insert(recording, state);
                self.keep(recording, now);
                self.order(Order::LookForInterrupted);
            }
            Some(parts) if is_individual => {
                self.interrupted.at_work = Some(recording);
                self.recordings.insert(recording, state);
                self.order(Order::Gather { recording, view: boxed, parts, may_be_empty: false });
            }
            Some(parts) => {
                state.phase = Phase::Resuming { parts };
                self.recordings.insert(recording, state);
                self.interrupted.compositions.push_back(recording);
                self.order(Order::LookForInterrupted);
            }
        }
    }

    pub(super) fn nothing_found(&mut self) {
        self.interrupted.is_complete = true;
        self.resume_next();
    }

    /// Makes room for the next one, if this was one of them.
    pub(super) fn go_on_with_interrupted(&mut self, recording: RecordingRef) {
        if self.interrupted.at_work != Some(recording) {
            return;
        }
        self.interrupted.at_work = None;
        if self.interrupted.is_complete {
            self.resume_next();
        } else {
            self.order(Order::LookForInterrupted);
        }
    }

    pub(super) fn resumed(&mut self, recording: RecordingRef, result: Result<(), ProcessingFailure>, now: Time) {
        let Some(state) = self.recordings.get_mut(&recording) else { return };
        let Phase::Resuming { parts } = &mut state.phase else { return };
        match result {
            Ok(()) => {
                state.phase = Phase::Composing { parts: std::mem::take(parts) };
                let mut composer = Composer::new(self.options.composer_silence);
                composer.may_compose(u64::MAX, now);
                self.composers.insert(recording, composer);
                self.order(Order::StartComposer { recording });
            }
            Err(failure) => {
                self.lose(recording, &failure);
                self.go_on_with_interrupted(recording);
            }
        }
    }

    fn resume_next(&mut self) {
        let Some(recording) = self.interrupted.compositions.pop_front() else { return };
        self.interrupted.at_work = Some(recording);
        let Some(Recording { view, phase: Phase::Resuming { parts }, .. }) = self.recordings.get(&recording) else {
            return;
        };
        let (view, parts) = (Box::new(view.clone()), parts.clone());
        self.order(Order::Resume { recording, view, parts });
    }
}
