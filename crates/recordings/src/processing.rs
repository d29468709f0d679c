//! What becomes of a recording's files once it is over.
//!
//! Every step leaves the disk in a state from which the next start can go on: what replaces the files is written under
//! another name, forced to the disk and renamed; then the metadata says that it is ready; only then the files go.
//!
//! Such a step is taken by one of a few workers. Waiting for a transcoder takes none.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use muxing::{Container, FileSummary, RepairError};
use protocol::event::RecordingStatus;
use protocol::model::OutputMode;
use protocol::recording::{Measured, RecordingLosses, RecordingView};
use protocol::transcoder;

use crate::archive::{self, Entry};
use crate::manifest::{self, Manifest};
use crate::premises::Premises;
use crate::store::{self, Folder, StreamNote};
use crate::subtitles::{self, Said};
use crate::writer::repair_file;

/// The writer's files have at least this before their first frame.
const EMPTY_FILE: u64 = 4096;

/// A recording whose files are closed, in the hands of a worker.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) folder: Arc<Folder>,
    pub(crate) view: RecordingView,
    pub(crate) parts: Vec<Part>,
}

/// One of its files.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Part {
    pub(crate) note: StreamNote,
    /// What is in it; unknown if it was cut off.
    pub(crate) summary: Option<FileSummary>,
}

/// What a composition turned out to be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct ComposedFile {
    pub(crate) measured: Measured,
    /// What the streams' files had and it has not.
    pub(crate) lost: transcoder::CompositionLosses,
}

/// Why a recording is not ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessingFailure {
    /// The server stops: to be done at its next start.
    #[error("the server stopped before the recording was processed")]
    Interrupted,
    /// It cannot be finished. Its files stay.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// There is not one frame.
    #[error("nothing was recorded")]
    Empty,
    /// It cannot be composed. Its files stay.
    #[error("{0}")]
    Uncomposed(String),
    /// Nobody wants it.
    #[error("it never ran")]
    Discarded,
    /// A bug. Its files stay.
    #[error("defect in the processing of recordings")]
    Defect,
}

/// Lets a worker do what waits for the disk.
pub(crate) async fn on_worker<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ProcessingFailure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| if error.is_panic() { ProcessingFailure::Defect } else { ProcessingFailure::Interrupted })
}

impl Work {
    /// Takes a step. If it fails, the recording has failed, and its metadata say so.
    pub(crate) fn step<T>(
        mut self,
        premises: &Premises,
        step: impl FnOnce(&mut Self, &Premises) -> Result<T, ProcessingFailure>,
    ) -> Result<(Box<RecordingView>, T), ProcessingFailure> {
        match step(&mut self, premises) {
            Ok(done) => Ok((Box::new(self.view), done)),
            Err(failure) => {
                if !matches!(failure, ProcessingFailure::Interrupted) {
                    self.fail(premises);
                }
                Err(failure)
            }
        }
    }

    /// Gives up a recording that never ran, with whatever was written of it.
    pub(crate) fn discard(&mut self) {
        for part in &self.parts {
            remove(&self.folder, &part.note);
        }
        self.remove_script();
        if self.view.output_mode != OutputMode::Individual {
            self.remove_manifest();
            let output = format!("{}.{}", self.view.name, self.view.extension());
            // A file of nothing, if it is there at all.
            let _ = store::remove(&self.folder.file(&output));
        }
    }

    /// Makes one archive of its files. `may_be_empty`: even without a single frame.
    pub(crate) fn gather(&mut self, premises: &Premises, may_be_empty: bool) -> Result<(), ProcessingFailure> {
        let mut entries = vec![];
        for part in std::mem::take(&mut self.parts) {
            if premises.stop.load(Ordering::Relaxed) {
                return Err(ProcessingFailure::Interrupted);
            }
            entries.extend(self.complete(part)?);
        }
        if entries.is_empty() && !may_be_empty {
            return Err(ProcessingFailure::Empty);
        }
        let said = self.said();
        let mut measured = self.archive(premises, &entries, said.as_ref())?;
        measured.lost.unheard = said.map_or(0, |said| said.unheard);
        self.describe(&measured);
        self.seal(premises, premises.finished())?;
        entries.iter().for_each(|entry| remove(&self.folder, &entry.note));
        self.remove_script();
        Ok(())
    }

    /// What was said in it, if it has subtitles.
    fn said(&self) -> Option<Said> {
        self.view.subtitles.as_ref()?;
        Some(Said::read(&self.folder).unwrap_or_else(|error| self.without_words(&error)))
    }

    /// A recording is worth more than its subtitles: without them it is ready, too, and says that it lacks something.
    fn without_words(&self, why: &io::Error) -> Said {
        tracing::error!(recording = self.folder.id(), %why, "there are no subtitles of it");
        Said::lost()
    }

    fn describe(&mut self, measured: &Measured) {
        (self.view.size, self.view.duration) = (measured.size, measured.duration);
        (self.view.has_audio, self.view.has_video) = (measured.has_audio, measured.has_video);
        self.view.lost = measured.lost;
        if !measured.lost.is_nothing() {
            tracing::warn!(recording = self.folder.id(), lost = ?measured.lost, "not everything is in the recording");
        }
    }

    /// After a crash: files are made whole, and the manifest says that nothing follows. The composition goes on up to where
    /// the last file ends.
    pub(crate) fn resume(&mut self, premises: &Premises) -> Result<Manifest, ProcessingFailure> {
        if self.parts.is_empty() {
            return Err(ProcessingFailure::Empty);
        }
        let mut end = 0;
        for Part { note, summary } in &self.parts {
            if premises.stop.load(Ordering::Relaxed) {
                return Err(ProcessingFailure::Interrupted);
            }
            let found = || find(&self.folder, note).map(|path| repair_file(&path));
            match summary.map(Ok).or_else(found) {
                Some(Ok(summary)) => end = end.max(summary.end),
                Some(Err(RepairError::Io(error))) => return Err(error.into()),
                Some(Err(RepairError::Nothing)) | None => {}
            }
        }
        let resumed = Manifest::resume(&self.folder);
        let mut manifest = resumed.map_err(|error| ProcessingFailure::Uncomposed(error.to_string()))?;
        // One that is there already counts, if it is earlier.
        manifest.append(&transcoder::Entry::End { at: end })?;
        Ok(manifest)
    }

    /// It is composed: what it was composed from goes.
    pub(crate) fn take_composed(
        &mut self,
        premises: &Premises,
        composed: ComposedFile,
    ) -> Result<(), ProcessingFailure> {
        let transcoder::CompositionLosses { undecodable, unreadable_files } = composed.lost;
        let lost = RecordingLosses {
            dropped_packets: dropped(self.parts.iter().map(|part| &part.note)),
            undecodable,
            unreadable_files,
            unheard: self.write_subtitles(composed.measured.duration),
        };
        self.folder.sync()?;
        self.describe(&Measured { lost, ..composed.measured });
        self.seal(premises, premises.finished())?;
        self.parts.iter().for_each(|part| remove(&self.folder, &part.note));
        self.remove_manifest();
        self.remove_script();
        Ok(())
    }

    /// Beside the composed file of so many seconds, with everybody's words. How often somebody was not heard.
    fn write_subtitles(&self, seconds: f64) -> u64 {
        let Some(said) = self.said() else { return 0 };
        let write = || {
            let start = manifest::start(&self.folder)?;
            let end = start.saturating_add((seconds.max(0.0) * 1000.0) as u64);
            said.in_all(start, end).into_iter().try_for_each(|(extension, text)| {
                durable::replace_shared(&self.folder.file(&format!("{}.{extension}", self.view.name)), &text)
            })
        };
        write().map_or_else(|error| self.without_words(&error).unheard, |()| said.unheard)
    }

    fn remove_script(&self) {
        if let Err(error) = subtitles::remove(&self.folder) {
            tracing::warn!(recording = self.folder.id(), %error, "a file stays that is not needed any more");
        }
    }

    fn remove_manifest(&self) {
        if let Err(error) = manifest::remove(&self.folder).and_then(|()| self.folder.sync()) {
            tracing::warn!(recording = self.folder.id(), %error, "a manifest stays that is not needed any more");
        }
    }

    /// A file, whole and with the name that its content deserves; `None` if there is nothing in it.
    fn complete(&self, Part { mut note, summary }: Part) -> Result<Option<Entry>, ProcessingFailure> {
        let Some(path) = find(&self.folder, &note) else {
            self.folder.forget(&note)?;
            return Ok(None);
        };
        let summary = match summary {
            Some(summary) => Ok(summary),
            None => repair_file(&path),
        };
        match summary {
            Ok(summary) => describe(&mut note, &summary),
            // Not written by us, but finished by whoever wrote it.
            Err(RepairError::Nothing) if note.size > 0 => {
                return Ok(Some(Entry { file: name_of(&path), note }));
            }
            Err(RepairError::Nothing) => {
                if fs::metadata(&path)?.len() <= EMPTY_FILE {
                    store::remove(&path)?;
                } else {
                    tracing::warn!(path = %path.display(), "a recorded file cannot be read; it is left out");
                }
                self.folder.forget(&note)?;
                return Ok(None);
            }
            Err(RepairError::Io(error)) => return Err(error.into()),
        }
        let container = summary.map_or(Container::WebM, |summary| summary.container);
        let file = file_name(&note, container);
        let wanted = self.folder.file(&file);
        if wanted != path {
            fs::rename(&path, &wanted)?;
        }
        self.folder.note(&note)?;
        Ok(Some(Entry { note, file }))
    }

    fn archive(
        &self,
        premises: &Premises,
        entries: &[Entry],
        said: Option<&Said>,
    ) -> Result<Measured, ProcessingFailure> {
        let mut texts = vec![];
        for Entry { note, .. } in entries.iter().filter(|entry| entry.note.has_audio) {
            let texts_of = |said: &Said| said.in_file(&note.name, note.start_time, note.end_time);
            let named = said.into_iter().flat_map(texts_of);
            texts.extend(named.map(|(extension, text)| (format!("{}.{extension}", note.name), text)));
        }
        let target = self.folder.file(&format!("{}.zip", self.view.name));
        let unfinished = target.with_added_extension("new");
        let write = || {
            let file = File::create(&unfinished)?;
            archive::write(&file, self.folder.path(), &self.view, entries, &texts, &premises.stop)?;
            file.sync_all()?;
            fs::rename(&unfinished, &target)?;
            self.folder.sync()
        };
        if let Err(error) = write() {
            let _ = fs::remove_file(&unfinished);
            return Err(if premises.stop.load(Ordering::Relaxed) {
                ProcessingFailure::Interrupted
            } else {
                error.into()
            });
        }
        Ok(measure(&self.view, entries))
    }

    /// Its metadata say that nothing came of it.
    pub(crate) fn fail(&mut self, premises: &Premises) {
        if let Err(error) = self.seal(premises, RecordingStatus::Failed) {
            tracing::error!(recording = self.folder.id(), %error, "it cannot be written that a recording failed");
        }
    }

    fn seal(&mut self, premises: &Premises, status: RecordingStatus) -> io::Result<()> {
        self.view.status = status;
        self.view.url = self.view.clone().published(&premises.public_url).url;
        self.folder.write(&self.view)
    }
}

/// Takes over what a finished file turned out to be.
pub(crate) fn describe(note: &mut StreamNote, summary: &FileSummary) {
    (note.start_time, note.end_time) = (summary.start, summary.end);
    (note.duration, note.size) = (summary.duration, summary.size);
    (note.has_audio, note.has_video) = (summary.has_audio, summary.has_video);
    if let Some(losses) = summary.losses {
        note.dropped_packets = losses.overflowed_packets;
    }
}

/// A file's name while it is written, and afterwards unless it holds H264.
pub(crate) fn growing_name(note: &StreamNote) -> String {
    file_name(note, Container::WebM)
}

/// Removes a file that is not needed any more, and then its note, by which it would be found again.
pub(crate) fn remove(folder: &Folder, note: &StreamNote) {
    let files = [Container::WebM, Container::Matroska].map(|container| folder.file(&file_name(note, container)));
    let removed = files.iter().try_for_each(|path| store::remove(path)).and_then(|()| folder.forget(note));
    if let Err(error) = removed.and_then(|()| folder.sync()) {
        tracing::warn!(recording = folder.id(), file = %note.name, %error, "a file stays that is not needed any more");
    }
}

/// What a file is called now.
fn find(folder: &Folder, note: &StreamNote) -> Option<PathBuf> {
    let paths = [Container::WebM, Container::Matroska].map(|container| folder.file(&file_name(note, container)));
    paths.into_iter().find(|path| path.is_file())
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn file_name(note: &StreamNote, container: Container) -> String {
    format!("{}.{}", note.name, container.extension())
}

fn measure(view: &RecordingView, entries: &[Entry]) -> Measured {
    let notes = || entries.iter().map(|entry| &entry.note);
    let start = notes().map(|note| note.start_time).min().unwrap_or(0);
    let end = notes().map(|note| note.end_time).max().unwrap_or(0);
    Measured {
        size: notes().map(|note| note.size).sum(),
        duration: end.saturating_sub(start) as f64 / 1000.0,
        has_audio: view.has_audio,
        has_video: view.has_video,
        lost: RecordingLosses { dropped_packets: dropped(notes()), ..RecordingLosses::default() },
    }
}

fn dropped<'a>(notes: impl Iterator<Item = &'a StreamNote>) -> u64 {
    notes.map(|note| note.dropped_packets).sum()
}
