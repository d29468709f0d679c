//! What becomes of a recording's files once it is over.
//!
//! Every step leaves the disk in a state from which the next start can go on: what replaces the files is written under
//! another name, forced to the disk and renamed; then the metadata says that it is ready; only then the files go.
//!
//! Such a step is taken by one of a few workers. Waiting for a transcoder takes none.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use muxing::{Container, FileSummary, RepairError};
use protocol::event::RecordingStatus;
use protocol::model::OutputMode;
use protocol::recording::{Lost, Measured, RecordingView};
use protocol::transcoder;

use crate::Place;
use crate::archive::{self, Entry};
use crate::composing::{self, Composing};
use crate::processes::Made;
use crate::store::{self, Folder, StreamNote};
use crate::writer::repair_file;

/// The writer's files have at least this before their first frame.
const EMPTY_FILE: u64 = 4096;

/// A recording that is over.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) folder: Folder,
    pub(super) view: RecordingView,
    pub(super) parts: Vec<Part>,
    /// If it is being composed.
    pub(super) composing: Option<Composing>,
}

/// One of its files.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) note: StreamNote,
    /// What is in it; unknown if it was cut off.
    pub(super) summary: Option<FileSummary>,
}

/// A recording that is whole, in a folder that nobody else works at.
#[derive(Debug)]
pub(super) struct Processed {
    pub(super) folder: Folder,
    pub(super) view: RecordingView,
}

impl Processed {
    /// What is in it.
    pub(super) fn measured(&self) -> Measured {
        let RecordingView { size, duration, has_audio, has_video, lost, .. } = self.view;
        Measured { size, duration, has_audio, has_video, lost }
    }
}

/// Why a recording is not ready.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
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
    /// A bug. Its files stay.
    #[error("defect in the processing of recordings")]
    Defect,
}

/// Lets a worker do what waits for the disk.
pub(super) async fn on_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| if error.is_panic() { Failure::Defect } else { Failure::Interrupted })
}

impl Work {
    /// Makes a recording ready (stopped, if it is kept elsewhere) or failed, on the disk. `may_be_empty`: even without a
    /// single frame.
    pub(super) async fn finish(self, place: &Place, may_be_empty: bool) -> Result<Processed, Failure> {
        let finished = if self.view.output_mode == OutputMode::Individual {
            self.step(place, move |work, place| work.gather(place, may_be_empty)).await?
        } else {
            let resume = move |work: &mut Self, place: &Place| work.resume_composing(place, may_be_empty);
            let mut work = if self.composing.is_some() { self } else { self.step(place, resume).await? };
            let made = match work.composing.take() {
                Some(composing) => composing.made().await.map_err(Failure::Uncomposed),
                None => Err(Failure::Defect),
            };
            work.step(place, |work, place| work.take_composed(place, made?)).await?
        };
        Ok(Processed { folder: finished.folder, view: finished.view })
    }

    /// Something that waits for the disk. If it fails, the recording has failed.
    async fn step(
        mut self,
        place: &Place,
        step: impl FnOnce(&mut Self, &Place) -> Result<(), Failure> + Send + 'static,
    ) -> Result<Self, Failure> {
        let place = place.clone();
        let done = on_worker(move || match step(&mut self, &place) {
            Ok(()) => Ok(self),
            Err(failure) => {
                if !matches!(failure, Failure::Interrupted) {
                    self.fail(&place);
                }
                Err(failure)
            }
        });
        done.await?
    }

    /// Gives up a recording that never ran, with whatever was written of it.
    pub(super) fn discard(mut self, place: &Place) {
        // Before what it works with is removed.
        self.composing = None;
        for part in &self.parts {
            remove(&self.folder, &part.note);
        }
        if self.view.output_mode != OutputMode::Individual {
            self.forget_composing();
            let output = format!("{}.{}", self.view.name, self.view.extension());
            // A file of nothing, if it is there at all.
            let _ = store::remove(&self.folder.file(&output));
        }
        self.fail(place);
    }

    fn gather(&mut self, place: &Place, may_be_empty: bool) -> Result<(), Failure> {
        let mut entries = vec![];
        for part in std::mem::take(&mut self.parts) {
            if place.stop.load(Ordering::Relaxed) {
                return Err(Failure::Interrupted);
            }
            entries.extend(self.complete(part)?);
        }
        if entries.is_empty() && !may_be_empty {
            return Err(Failure::Empty);
        }
        let measured = self.archive(place, &entries)?;
        self.describe(&measured);
        self.seal(place, place.finished())?;
        entries.iter().for_each(|entry| remove(&self.folder, &entry.note));
        Ok(())
    }

    fn describe(&mut self, measured: &Measured) {
        (self.view.size, self.view.duration) = (measured.size, measured.duration);
        (self.view.has_audio, self.view.has_video) = (measured.has_audio, measured.has_video);
        self.view.lost = measured.lost;
        if !measured.lost.is_nothing() {
            tracing::warn!(recording = self.folder.id(), lost = ?measured.lost, "not everything is in the recording");
        }
    }

    /// After a crash: files are made whole, and the composition goes on up to where the last one ends.
    fn resume_composing(&mut self, place: &Place, may_be_empty: bool) -> Result<(), Failure> {
        if self.parts.is_empty() && !may_be_empty {
            return Err(Failure::Empty);
        }
        let mut end = 0;
        for Part { note, summary } in &self.parts {
            if place.stop.load(Ordering::Relaxed) {
                return Err(Failure::Interrupted);
            }
            let found = || find(&self.folder, note).map(|path| repair_file(&path));
            match summary.map(Ok).or_else(found) {
                Some(Ok(summary)) => end = end.max(summary.end),
                Some(Err(RepairError::Io(error))) => return Err(error.into()),
                Some(Err(RepairError::Nothing)) | None => {}
            }
        }
        let mut composing = Composing::resume(&place.transcoder, &self.folder).map_err(Failure::Uncomposed)?;
        // One that is there already counts, if it is earlier.
        composing.happened(&transcoder::Entry::End { at: end })?;
        self.composing = Some(composing);
        Ok(())
    }

    /// It is composed: what it was composed from goes.
    fn take_composed(&mut self, place: &Place, made: Made) -> Result<(), Failure> {
        let transcoder::Lost { undecodable, unreadable_files } = made.lost;
        let lost =
            Lost { dropped_packets: dropped(self.parts.iter().map(|part| &part.note)), undecodable, unreadable_files };
        self.folder.sync()?;
        self.describe(&Measured { lost, ..made.measured });
        self.seal(place, place.finished())?;
        self.parts.iter().for_each(|part| remove(&self.folder, &part.note));
        self.forget_composing();
        Ok(())
    }

    fn forget_composing(&self) {
        if let Err(error) = composing::forget(&self.folder).and_then(|()| self.folder.sync()) {
            tracing::warn!(recording = self.folder.id(), %error, "a manifest stays that is not needed any more");
        }
    }

    /// A file, whole and with the name that its content deserves; `None` if there is nothing in it.
    fn complete(&self, Part { mut note, summary }: Part) -> Result<Option<Entry>, Failure> {
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

    fn archive(&self, place: &Place, entries: &[Entry]) -> Result<Measured, Failure> {
        let target = self.folder.file(&format!("{}.zip", self.view.name));
        let unfinished = target.with_added_extension("new");
        let write = || {
            let file = File::create(&unfinished)?;
            archive::write(&file, self.folder.path(), &self.view, entries, &place.stop)?;
            file.sync_all()?;
            fs::rename(&unfinished, &target)?;
            self.folder.sync()
        };
        if let Err(error) = write() {
            let _ = fs::remove_file(&unfinished);
            return Err(if place.stop.load(Ordering::Relaxed) { Failure::Interrupted } else { error.into() });
        }
        Ok(measure(&self.view, entries))
    }

    fn fail(&mut self, place: &Place) {
        if let Err(error) = self.seal(place, RecordingStatus::Failed) {
            tracing::error!(recording = self.folder.id(), %error, "it cannot be written that a recording failed");
        }
    }

    fn seal(&mut self, place: &Place, status: RecordingStatus) -> io::Result<()> {
        self.view.status = status;
        self.view.url = self.view.clone().published(&place.public_url).url;
        self.folder.write(&self.view)
    }
}

/// Takes over what a finished file turned out to be.
pub(super) fn describe(note: &mut StreamNote, summary: &FileSummary) {
    (note.start_time, note.end_time) = (summary.start, summary.end);
    (note.duration, note.size) = (summary.duration, summary.size);
    (note.has_audio, note.has_video) = (summary.has_audio, summary.has_video);
    if let Some(losses) = summary.losses {
        note.dropped_packets = losses.overflowed_packets;
    }
}

/// A file's name while it is written, and afterwards unless it holds H264.
pub(super) fn growing_name(note: &StreamNote) -> String {
    file_name(note, Container::WebM)
}

/// Removes a file that is not needed any more, and then its note, by which it would be found again.
pub(super) fn remove(folder: &Folder, note: &StreamNote) {
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
        lost: Lost { dropped_packets: dropped(notes()), ..Lost::default() },
    }
}

fn dropped<'a>(notes: impl Iterator<Item = &'a StreamNote>) -> u64 {
    notes.map(|note| note.dropped_packets).sum()
}
