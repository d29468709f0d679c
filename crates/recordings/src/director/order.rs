//! What goes into the director and what comes out of it.

use muxing::Time;
use protocol::id::TapId;
use protocol::recording::{PagePass, RecordingCommand, RecordingFailure, RecordingReport, RecordingView};
use protocol::transcoder::Entry;

use super::recording::RecordingRef;
use crate::processes::{ComposerEvent, PageEvent};
use crate::processing::{ComposedFile, Part, ProcessingFailure};
use crate::store::StreamNote;
use crate::subtitles::Line;
use crate::writer::{StartFile, WriterEvent};

/// What happens.
#[derive(Debug)]
pub(crate) enum Input {
    /// A session decides. `at`: when, ms since 1970 on the clock of the files; it may have waited for the disk since.
    Command { at: u64, command: RecordingCommand },
    /// [`Order::Open`] was carried out: the recording's id and its file's name. If it failed nothing is left of it but
    /// metadata.
    Opened { recording: RecordingRef, result: Result<(String, String), RecordingFailure> },
    /// [`Order::StartStream`] failed.
    StreamRefused { recording: RecordingRef, tap: TapId, why: String },
    /// [`Order::StopStream`] found no room.
    StopRefused { tap: TapId },
    /// [`Order::Append`] failed.
    Unwritable { recording: RecordingRef, why: String },
    /// [`Order::ShowPage`] was carried out, if it could be: if not, the page's capture was told to end.
    PageWritten { recording: RecordingRef, is_written: bool },
    /// From the thread that writes streams' files.
    Writer(WriterEvent),
    /// That thread has ended.
    WriterLost,
    /// From the process that composes a recording.
    Composer { recording: RecordingRef, event: ComposerEvent },
    /// From the browser that captures a recording's page.
    Page { recording: RecordingRef, event: PageEvent },
    /// [`Order::Gather`], [`Order::TakeComposed`], [`Order::Fail`] or [`Order::Discard`] was carried out: what the
    /// recording is now, or why it failed, which its metadata say.
    Processed { recording: RecordingRef, result: Result<Box<RecordingView>, ProcessingFailure> },
    /// [`Order::Resume`] was carried out; if it failed, its metadata say so.
    Resumed { recording: RecordingRef, result: Result<(), ProcessingFailure> },
    /// [`Order::Upload`] was carried out.
    Uploaded { recording: RecordingRef, result: Result<Box<RecordingView>, String> },
    /// [`Order::LookForInterrupted`] found one, and holds it under this number.
    Found(Box<InterruptedRecording>),
    /// [`Order::LookForInterrupted`] found no other.
    NothingFound,
}

/// What a crash has left of a recording.
#[derive(Clone, Debug)]
pub(crate) struct InterruptedRecording {
    pub(crate) number: u64,
    pub(crate) view: RecordingView,
    /// What its metadata said.
    pub(crate) status: protocol::event::RecordingStatus,
    /// Its streams' files; nothing if it is whole, and only to be brought to where it is kept.
    pub(crate) parts: Option<Vec<Part>>,
}

/// What is to be done, strictly in this order. Everything but what says that it takes long is done before the next input.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Order {
    /// Make a folder with metadata; if streams are composed in it, with a manifest, too, which begins at `at`.
    Open { recording: RecordingRef, view: Box<RecordingView>, page_pass: Option<PagePass>, at: Time },
    /// Write a note of a stream, then into the manifest, then its file as the packets come; nothing after what fails.
    StartStream { recording: RecordingRef, note: StreamNote, entry: Option<Entry>, file: StreamFileOrder },
    /// Close a stream's file, and take no more packets of it.
    StopStream { tap: TapId },
    /// Ask for [`WriterEvent::Marked`].
    Mark,
    /// Write what is known of a stream.
    Note { recording: RecordingRef, note: StreamNote },
    /// Write into the manifest, and wake the composer.
    Append { recording: RecordingRef, entry: Entry },
    /// Write what was said beside the streams' files.
    WriteWords { recording: RecordingRef, line: Line },
    /// Write the metadata.
    Describe { recording: RecordingRef, view: Box<RecordingView> },
    /// Start a process that composes it.
    StartComposer { recording: RecordingRef },
    /// Let the composer compose what it can, and end.
    ReleaseComposer { recording: RecordingRef },
    /// End its process without asking it.
    KillComposer { recording: RecordingRef },
    /// Start a browser that captures its page.
    OpenPage { recording: RecordingRef },
    /// Write what it shows: begin the manifest at `begin` if there is none; then as with a stream.
    ShowPage {
        recording: RecordingRef,
        view: Box<RecordingView>,
        begin: Option<u64>,
        note: StreamNote,
        entries: Vec<Entry>,
    },
    /// Let the browser end its file, and itself.
    ClosePage { recording: RecordingRef },
    /// End it without asking it.
    KillPage { recording: RecordingRef },
    /// Make one archive of its files. Takes long. `may_be_empty`: even without a single frame.
    Gather { recording: RecordingRef, view: Box<RecordingView>, parts: Vec<Part>, may_be_empty: bool },
    /// Make its files whole, and go on with its manifest. Takes long.
    Resume { recording: RecordingRef, view: Box<RecordingView>, parts: Vec<Part> },
    /// It is composed: remove what it was composed from. Takes long.
    TakeComposed { recording: RecordingRef, view: Box<RecordingView>, parts: Vec<Part>, composed: ComposedFile },
    /// Nothing came of it: its metadata say so, its files stay. Takes long.
    Fail { recording: RecordingRef, view: Box<RecordingView>, why: String },
    /// It never ran: remove its files. Takes long.
    Discard { recording: RecordingRef, view: Box<RecordingView>, parts: Vec<Part> },
    /// Bring it to where it is kept. Takes long.
    Upload { recording: RecordingRef, view: Box<RecordingView> },
    /// Let go of its folder: its id may be worked at by others.
    Release { recording: RecordingRef },
    /// Tell its session.
    Report(RecordingReport),
    /// Tell applications of one that a crash has interrupted.
    Announce(Box<RecordingView>),
    /// Look on for recordings that a crash has interrupted. Takes long.
    LookForInterrupted,
}

/// A [`StartFile`] but for the folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StreamFileOrder {
    pub(crate) tap: TapId,
    /// In the recording's folder.
    pub(crate) name: String,
    pub(crate) audio: bool,
    pub(crate) video: bool,
    pub(crate) after: Option<TapId>,
}

impl StreamFileOrder {
    pub(crate) fn at(self, path: std::path::PathBuf) -> StartFile {
        let Self { tap, audio, video, after, .. } = self;
        StartFile { tap, path, audio, video, after }
    }
}
