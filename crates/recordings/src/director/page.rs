//! A recording that shows a page of the application's: its one stream is what [`crate::processes`] films, a file for each start of
//! the browser.

use std::io;
use std::path::PathBuf;

use muxing::FileSummary;
use protocol::id::RecordingKey;
use protocol::recording::{RecordedStream, RecordingReport};
use protocol::transcoder::Entry;

use super::{Director, Recording, unwritable};
use crate::processes::{Filmed, Filming, Slot};
use crate::processing::{self, Part};
use crate::store::StreamNote;
use crate::{Place, composing};

/// The one stream of a recording that shows a page of the application's.
const PAGE: &str = "page";

/// A page being recorded.
pub(super) struct Film {
    pub(super) filming: Filming,
    /// Until it is composed.
    slot: Option<Slot>,
    /// Of its file, while one is written.
    note: Option<StreamNote>,
}

impl Director {
    /// Its composition begins with the page, which takes a moment to be there.
    pub(super) fn film(
        &self,
        key: RecordingKey,
        recording: &mut Recording,
        slot: Slot,
        page: webpage::Options,
    ) -> Result<(), String> {
        let tell = self.tell_filmed.clone();
        let tell = move |filmed| tell.blocking_send((key, filmed)).is_ok();
        let filming = Filming::start(page, self.writer.clock(), tell).map_err(|error| error.to_string())?;
        recording.film = Some(Film { filming, slot: Some(slot), note: None });
        recording.awaited.page = true;
        Ok(())
    }

    pub(super) async fn film_event(&mut self, key: RecordingKey, filmed: Filmed) {
        match filmed {
            Filmed::Begins { at, path } => {
                // Whoever asked has gone only if the server stops.
                let _ = path.send(self.begin_reel(key, at).map_err(io::Error::other));
            }
            Filmed::Written { until } => {
                let recording = self.recordings.get_mut(&key);
                if let Some(composing) = recording.and_then(|recording| recording.composing.as_mut()) {
                    composing.written_until(until);
                }
                self.have(key, |awaited| &mut awaited.page).await;
            }
            Filmed::Ended(summary) => {
                if let Some(recording) = self.recordings.get_mut(&key) {
                    recording.end_reel(Some(summary));
                }
            }
            Filmed::Over(result) => {
                if let Some(recording) = self.recordings.get_mut(&key) {
                    recording.end_reel(None);
                    recording.film = None;
                }
                if let Err(why) = result {
                    self.report(RecordingReport::Broken { recording: key, why }).await;
                }
                self.process_if_over(key);
            }
        }
    }

    /// A page is shown from now on. Tells where it is to be written.
    fn begin_reel(&mut self, key: RecordingKey, at: u64) -> Result<PathBuf, String> {
        let mut recording = self.recordings.remove(&key).ok_or("it is over")?;
        let slot = recording.film.as_mut().and_then(|film| film.slot.take());
        let begun = slot.map_or(Ok(()), |slot| self.compose(key, &mut recording, slot, at));
        let path = begun.and_then(|()| recording.begin_reel(&self.place, at).map_err(unwritable));
        self.recordings.insert(key, recording);
        path
    }
}

impl Recording {
    /// What the page shows comes into another file now.
    fn begin_reel(&mut self, place: &Place, at: u64) -> io::Result<PathBuf> {
        let note = self.new_note(RecordedStream {
            connection: "RECORDER".into(),
            stream: PAGE.into(),
            client_data: String::new(),
            server_data: String::new(),
            has_audio: self.view.has_audio,
            has_video: true,
            audio_active: true,
            video_active: true,
            // To be seen to its edges.
            type_of_video: Some("SCREEN".to_owned()),
        });
        self.folder.note(&note)?;
        let file = processing::growing_name(&note);
        let path = self.folder.file(&file);
        let last = self.finished.last().map(|part| processing::growing_name(&part.note));
        if let Some(composing) = &mut self.composing {
            if let Some(file) = last {
                composing.happened(&Entry::Remove { file, at })?;
            }
            composing.happened(&composing::added(place, &note, file, at, [true, true]))?;
        }
        if let Some(film) = &mut self.film {
            film.note = Some(note);
        }
        Ok(path)
    }

    /// The page's file is written no more.
    fn end_reel(&mut self, summary: Option<FileSummary>) {
        let Some(mut note) = self.film.as_mut().and_then(|film| film.note.take()) else { return };
        if let Some(summary) = summary.filter(|summary| summary.size > 0) {
            processing::describe(&mut note, &summary);
        }
        self.finished.push(Part { note, summary });
    }
}
