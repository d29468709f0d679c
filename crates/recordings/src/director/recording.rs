//! One recording: which state it is in, and what that state holds.

use std::collections::{BTreeMap, HashMap, HashSet};

use muxing::{FileSummary, Time};
use protocol::event::RecordingStatus;
use protocol::id::{RecordingKey, TapId};
use protocol::recording::{RecordedStream, RecordingCommand, RecordingView};

use super::page::PageCapture;
use crate::processing::{self, Part};
use crate::store::StreamNote;

/// Which recording.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum RecordingRef {
    /// Of this run: sessions know it by this.
    Live(RecordingKey),
    /// Left by a crash, and numbered as they were found.
    Interrupted(u64),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) view: RecordingView,
    /// What its metadata said, if a crash had interrupted it.
    pub(super) found: Option<RecordingStatus>,
    /// If it has subtitles, and is of this run.
    pub(super) words: Option<Words>,
    pub(super) phase: Phase,
}

/// A recording goes through these in their order; one that a crash has interrupted begins in the middle.
#[derive(Debug)]
pub(super) enum Phase {
    /// Its folder is being made. What is asked for meanwhile waits.
    Beginning { waiting: Vec<(u64, RecordingCommand)> },
    /// Streams come and go.
    Running(Material),
    /// Nothing is added any more: its files are being closed. `at`: when it ended, ms since 1970.
    Ending { material: Material, failed: bool, at: u64 },
    /// Interrupted: it waits for its turn, and then for its files to be made whole.
    Resuming { parts: Vec<Part> },
    /// Its composer is waited for.
    Composing { parts: Vec<Part> },
    /// A worker makes of its files what stays, or gives them up.
    Processing,
    /// It is whole, and on its way to where it is kept.
    Uploading(Upload),
}

/// How far an upload is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Upload {
    /// Of all that wait, few are on their way.
    Queued {
        failures: u32,
    },
    Sending {
        failures: u32,
    },
    /// Until it is tried again.
    Pausing {
        failures: u32,
        until: Time,
    },
}

/// What a recording that goes on is made of.
#[derive(Debug, Default)]
pub(super) struct Material {
    /// Streams whose files are being written.
    pub(super) growing: BTreeMap<TapId, StreamNote>,
    /// Files that are closed.
    pub(super) parts: Vec<Part>,
    /// Names of files, which are used once.
    stems: HashSet<String>,
    /// By stream: whose file is its latest.
    latest: HashMap<String, TapId>,
    /// If it is composed.
    pub(super) composition: Option<Composition>,
}

/// The words of a recording of this run that has subtitles.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// By tap: how its stream's file is called, without extension.
    pub(super) files: BTreeMap<TapId, String>,
    /// No more come.
    pub(super) is_complete: bool,
}

/// What a composed recording has beside its streams' files.
#[derive(Debug, Default)]
pub(super) struct Composition {
    /// Up to when the manifest says that everything is known, ms since 1970: nothing may happen before it any more.
    pub(super) until: u64,
    /// It has a manifest, and a composer that follows it.
    pub(super) is_begun: bool,
    /// The composed file is there.
    pub(super) runs: bool,
    /// Instead of the streams it shows this.
    pub(super) page: Option<Page>,
}

/// The page that a recording shows.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) capture: PageCapture,
    /// Some of it is on the disk.
    pub(super) runs: bool,
}

impl Composition {
    /// Everything that was waited for is there.
    pub(super) fn is_running(&self) -> bool {
        self.runs && self.page.as_ref().is_none_or(|page| page.runs)
    }
}

impl Material {
    /// Nothing is in it yet.
    pub(super) fn new(composition: Option<Composition>) -> Self {
        Self { composition, ..Self::default() }
    }

    /// A stream comes into it. Also returns whose file it goes on after, if it was in it before.
    pub(super) fn add(&mut self, tap: TapId, stream: RecordedStream) -> (StreamNote, Option<TapId>) {
        let note = self.note(stream);
        let after = self.latest.insert(note.stream_id.clone(), tap);
        self.growing.insert(tap, note.clone());
        (note, after)
    }

    /// The note of a new file. The stem of its name is used once.
    pub(super) fn note(&mut self, stream: RecordedStream) -> StreamNote {
        let id = stream.stream.as_str();
        let stems = std::iter::once(id.to_owned()).chain((1_u64..).map(|number| format!("{id}-{number}")));
        let name = stems.into_iter().find(|stem| !self.stems.contains(stem)).unwrap_or_default();
        self.stems.insert(name.clone());
        StreamNote {
            name,
            connection_id: stream.connection.to_string(),
            stream_id: id.to_owned(),
            client_data: stream.client_data,
            server_data: stream.server_data,
            start_time: 0,
            end_time: 0,
            duration: 0,
            size: 0,
            has_audio: stream.has_audio,
            has_video: stream.has_video,
            type_of_video: stream.type_of_video.filter(|_| stream.has_video),
            dropped_packets: 0,
        }
    }

    /// A stream's file is written no more. Returns what is known of it.
    pub(super) fn close(&mut self, tap: TapId, summary: Option<FileSummary>) -> Option<StreamNote> {
        let note = self.growing.remove(&tap)?;
        Some(self.keep(note, summary))
    }

    /// The page's file is written no more.
    pub(super) fn close_page(&mut self, summary: Option<FileSummary>) {
        let page = self.composition.as_mut().and_then(|composition| composition.page.as_mut());
        if let Some(note) = page.and_then(|page| page.capture.note.take()) {
            self.keep(note, summary);
        }
    }

    /// Nothing of it is being written any more.
    pub(super) fn is_closed(&self) -> bool {
        let page = self.composition.as_ref().and_then(|composition| composition.page.as_ref());
        self.growing.is_empty() && page.is_none_or(|page| page.capture.is_over())
    }

    fn keep(&mut self, mut note: StreamNote, summary: Option<FileSummary>) -> StreamNote {
        if let Some(summary) = summary.filter(|summary| summary.size > 0) {
            processing::describe(&mut note, &summary);
        }
        self.parts.push(Part { note: note.clone(), summary });
        note
    }
}

impl Recording {
    /// Whether more may be said in it.
    pub(super) fn awaits_words(&self) -> bool {
        self.words.as_ref().is_some_and(|words| !words.is_complete)
    }

    /// As long as something of it may still be written.
    pub(super) fn material(&mut self) -> Option<&mut Material> {
        match &mut self.phase {
            Phase::Running(material) | Phase::Ending { material, .. } => Some(material),
            _ => None,
        }
    }

    pub(super) fn composition(&mut self) -> Option<&mut Composition> {
        self.material()?.composition.as_mut()
    }

    pub(super) fn page(&mut self) -> Option<&mut Page> {
        self.composition()?.page.as_mut()
    }
}
