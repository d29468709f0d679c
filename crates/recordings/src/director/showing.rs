//! A recording that shows a page: what its capture says, and which files come of it.

use std::mem;

use muxing::Time;
use protocol::recording::RecordedStream;
use protocol::transcoder::Entry;

use super::page::PageOrder;
use super::recording::{Recording, RecordingRef};
use super::{Director, Order, PAGE};
use crate::processes::PageEvent;
use crate::{manifest, processing};

impl Director {
    pub(super) fn page_event(&mut self, recording: RecordingRef, event: PageEvent, now: Time) {
        let Some(state) = self.recordings.get_mut(&recording) else { return };
        match event {
            PageEvent::Shown { at } => self.show_page(recording, at),
            PageEvent::Heard => {
                if let Some(page) = state.page() {
                    page.capture.heard(now);
                }
            }
            PageEvent::Written { until } => {
                if let Some(page) = state.page() {
                    page.capture.written();
                }
                self.written_until(recording, until, now);
                self.runs(recording, |composition| {
                    composition.page.as_mut().is_none_or(|page| mem::replace(&mut page.runs, true))
                });
            }
            PageEvent::FileEnded(summary) => {
                if let Some(material) = state.material() {
                    material.close_page(Some(summary));
                }
            }
            PageEvent::Closed(result) => {
                let order = state.page().and_then(|page| page.capture.closed(result, now));
                if let Some(material) = state.material() {
                    material.close_page(None);
                }
                self.page_order(recording, order, now);
            }
        }
    }

    /// What the page shows comes into another file now. `at`: ms since 1970.
    pub(super) fn show_page(&mut self, recording: RecordingRef, at: u64) {
        let has_captions = self.options.has_captions;
        let Some(state) = self.recordings.get_mut(&recording) else { return };
        let (has_audio, view) = (state.view.has_audio, Box::new(state.view.clone()));
        let Some(material) = state.material() else { return };
        let note = material.note(RecordedStream {
            connection: "RECORDER".into(),
            stream: PAGE.into(),
            client_data: String::new(),
            server_data: String::new(),
            has_audio,
            has_video: true,
            audio_active: true,
            video_active: true,
            // To be seen to its edges.
            type_of_video: Some("SCREEN".to_owned()),
        });
        let last = material.parts.last().map(|part| processing::growing_name(&part.note));
        let Some(composition) = &mut material.composition else { return };
        let (begin, until) = ((!composition.is_begun).then_some(at), composition.until);
        let Some(page) = &mut composition.page else { return };
        page.capture.note = Some(note.clone());
        let remove = last.map(|file| Entry::Remove { file, at: at.max(until) });
        let add = manifest::added(&note, processing::growing_name(&note), at.max(until), [true, true], has_captions);
        let entries = remove.into_iter().chain([add]).collect();
        self.order(Order::ShowPage { recording, view, begin, note, entries });
    }

    pub(super) fn page_written(&mut self, recording: RecordingRef, is_written: bool, now: Time) {
        let Some(composition) = self.recordings.get_mut(&recording).and_then(Recording::composition) else { return };
        let Some(page) = &mut composition.page else { return };
        if !is_written {
            // Its capture tells why.
            return;
        }
        page.capture.shown(now);
        if !mem::replace(&mut composition.is_begun, true) {
            self.start_composer(recording);
        }
    }

    pub(super) fn page_order(&mut self, recording: RecordingRef, order: Option<PageOrder>, now: Time) {
        match order {
            Some(PageOrder::Open) => self.order(Order::OpenPage { recording }),
            Some(PageOrder::Kill) => self.order(Order::KillPage { recording }),
            Some(PageOrder::Over(result)) => {
                if let Some(material) = self.recordings.get_mut(&recording).and_then(Recording::material) {
                    material.close_page(None);
                }
                if let Err(why) = result {
                    self.broken(recording, why);
                }
                self.process_if_closed(recording, now);
            }
            None => {}
        }
    }
}
