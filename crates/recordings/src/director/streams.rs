//! The streams of a recording, and how far their files are.

use muxing::{FileSummary, Time};
use protocol::id::TapId;
use protocol::recording::{RecordedStream, RecordingReport};
use protocol::transcoder::Entry;

use super::recording::{Phase, Recording, RecordingRef};
use super::{Director, Order, StreamFileOrder, WRITTEN_AFTER};
use crate::writer::WriterEvent;
use crate::{manifest, processing};

impl Director {
    pub(super) fn add(&mut self, recording: RecordingRef, tap: TapId, stream: RecordedStream, at: u64) {
        let Some(Recording { phase: Phase::Running(material), words, .. }) = self.recordings.get_mut(&recording) else {
            // It has failed meanwhile.
            return self.stop_stream(tap);
        };
        let (audio, video) = (stream.has_audio, stream.has_video);
        let is_active = [stream.audio_active, stream.video_active];
        let (note, after) = material.add(tap, stream);
        let name = processing::growing_name(&note);
        let entry = material.composition.as_ref().map(|composition| {
            let at = at.max(composition.until);
            manifest::added(&note, name.clone(), at, is_active, self.options.has_captions)
        });
        if let Some(words) = words {
            words.files.insert(tap, note.name.clone());
        }
        self.taps.insert(tap, recording);
        let file = StreamFileOrder { tap, name, audio, video, after };
        self.order(Order::StartStream { recording, note, entry, file });
    }

    /// Something happened to a stream of a composed recording.
    pub(super) fn note_down(&mut self, recording: RecordingRef, tap: TapId, entry: impl FnOnce(String) -> Entry) {
        let Some(material) = self.recordings.get_mut(&recording).and_then(Recording::material) else { return };
        if let (true, Some(note)) = (material.composition.is_some(), material.growing.get(&tap)) {
            let entry = entry(processing::growing_name(note));
            self.append(recording, entry);
        }
    }

    /// Nothing in a manifest comes before what it said to be known already, however late it was heard of here.
    pub(super) fn append(&mut self, recording: RecordingRef, mut entry: Entry) {
        if let Some(composition) = self.recordings.get_mut(&recording).and_then(Recording::composition) {
            manifest::not_before(&mut entry, composition.until);
            if let Entry::Until { at } = entry {
                composition.until = at;
            }
        }
        self.order(Order::Append { recording, entry });
    }

    /// Everything that was captured before `at`, ms since 1970, is in the files.
    pub(super) fn written_until(&mut self, recording: RecordingRef, at: u64, now: Time) {
        let Some(composition) = self.recordings.get_mut(&recording).and_then(Recording::composition) else { return };
        if !composition.is_begun || at <= composition.until {
            return;
        }
        self.append(recording, Entry::Until { at });
        if let Some(composer) = self.composers.get_mut(&recording) {
            composer.may_compose(at, now);
        }
    }

    /// The writer must be told, or the file would never end.
    pub(super) fn stop_stream(&mut self, tap: TapId) {
        self.order(Order::StopStream { tap });
    }

    pub(super) fn writer_event(&mut self, event: WriterEvent, now: Time) {
        match event {
            WriterEvent::Running { tap } => {
                if let Some(RecordingRef::Live(recording)) = self.taps.get(&tap).copied() {
                    self.report(RecordingReport::Running { recording, tap: Some(tap) });
                }
            }
            WriterEvent::Finished { tap, summary } => drop(self.close_file(tap, Some(summary), now)),
            WriterEvent::Marked { at } => {
                // How far a page's file is, is told by itself.
                let of_streams = |state: &mut Recording| state.composition().is_some_and(|of| of.page.is_none());
                let composed = self.recordings.iter_mut().filter_map(|(key, state)| of_streams(state).then_some(*key));
                let until = at.saturating_sub(WRITTEN_AFTER).as_millis() as u64;
                composed.collect::<Vec<_>>().into_iter().for_each(|key| self.written_until(key, until, now));
            }
            WriterEvent::Failed { tap, why, disk, summary } => {
                if let Some(RecordingRef::Live(recording)) = self.close_file(tap, summary, now) {
                    self.report(if disk {
                        RecordingReport::Broken { recording, why }
                    } else {
                        RecordingReport::StreamFailed { recording, tap, why }
                    });
                }
            }
        }
    }

    /// Whatever its thread was writing was cut off.
    pub(super) fn lose_writer(&mut self, now: Time) {
        for tap in self.taps.keys().copied().collect::<Vec<_>>() {
            if let Some(recording) = self.close_file(tap, None, now) {
                self.broken(recording, "the recorder has come to a standstill".to_owned());
            }
        }
    }

    pub(super) fn close_file(&mut self, tap: TapId, summary: Option<FileSummary>, now: Time) -> Option<RecordingRef> {
        let recording = self.taps.remove(&tap)?;
        let state = self.recordings.get_mut(&recording)?;
        let id = state.view.id.clone();
        let note = state.material()?.close(tap, summary)?;
        if note.dropped_packets > 0 {
            tracing::warn!(
                recording = id,
                stream = note.stream_id,
                packets = note.dropped_packets,
                "this server is too busy to record everything"
            );
            // Whoever processes it may be another server, after a crash.
            self.order(Order::Note { recording, note });
        }
        self.process_if_closed(recording, now);
        Some(recording)
    }
}
