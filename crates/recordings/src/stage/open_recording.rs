//! What is open of one recording: its folder, its manifest, and the processes that help with it.

use std::io;
use std::sync::Arc;

use muxing::Time;
use protocol::model::OutputMode;
use protocol::recording::{PagePass, RecordingFailure, RecordingView};
use protocol::transcoder::Entry;

use super::{Premises, unwritable};
use crate::director::{Input, RecordingRef};
use crate::manifest::Manifest;
use crate::processes::{
    ComposerEvent, ComposerProcess, PageCaptureProcess, PageEvent, PageFailure, PageFailureKind, Transcoder,
};
use crate::processing::Work;
use crate::store::{Folder, StreamNote};
use crate::subtitles::{Line, Script};
use crate::writer::Clock;

/// See the module. When it is dropped the processes end by themselves.
#[derive(Debug)]
pub(super) struct OpenRecording {
    pub(super) folder: Arc<Folder>,
    /// Of its file, without extension.
    pub(super) name: String,
    pub(super) manifest: Option<Manifest>,
    /// If it has subtitles.
    script: Option<Script>,
    pub(super) composer: Option<ComposerProcess>,
    pub(super) page: Option<PageCaptureProcess>,
    /// What its page is and how it is captured, if it shows one.
    capture: Option<webpage::PageOptions>,
}

impl OpenRecording {
    /// A folder with metadata, and with a manifest if streams are composed in it. If anything fails nothing but metadata is
    /// left.
    pub(super) fn open(
        premises: &Premises,
        view: RecordingView,
        pass: Option<&PagePass>,
        at: Time,
    ) -> Result<Self, RecordingFailure> {
        let is_composed = view.output_mode != OutputMode::Individual;
        // Before anything is written of it.
        if is_composed {
            premises.transcoder.missing()?;
        }
        let page = view.composition.as_ref().filter(|composition| composition.is_page());
        let capture =
            page.map(|page| premises.layouts.page(page, &view.session_id, pass, view.has_audio)).transpose()?;
        let is_page = capture.is_some();
        let (mut open, view) = Self::reserve(premises, view, capture).map_err(unwritable)?;
        if is_composed && !is_page {
            let start = at.as_millis() as u64;
            match Manifest::begin(&open.folder, &view, start, premises.has_captions) {
                Ok(manifest) => open.manifest = Some(manifest),
                Err(why) => {
                    let mut work = Work { folder: open.folder, view, parts: vec![] };
                    work.discard();
                    work.fail(premises);
                    return Err(why.into());
                }
            }
        }
        Ok(open)
    }

    /// Of a recording that was interrupted.
    pub(super) fn found(folder: Arc<Folder>) -> Self {
        Self { folder, name: String::new(), manifest: None, script: None, composer: None, page: None, capture: None }
    }

    fn reserve(
        premises: &Premises,
        mut view: RecordingView,
        capture: Option<webpage::PageOptions>,
    ) -> io::Result<(Self, RecordingView)> {
        let folder = premises.store.reserve(&view.session_id.as_str().into())?;
        view.id = folder.id().to_owned();
        if view.name.is_empty() {
            view.name = view.id.clone();
        }
        if let Err(error) = folder.write(&view) {
            // An empty folder is nobody's.
            let _ = std::fs::remove_dir(folder.path());
            return Err(error);
        }
        let script = view.subtitles.as_ref().map(|_| Script::begin(&folder)).transpose()?;
        let open = Self { name: view.name.clone(), script, capture, ..Self::found(Arc::new(folder)) };
        Ok((open, view))
    }

    pub(super) fn note(&self, note: &StreamNote) -> io::Result<()> {
        self.folder.note(note)
    }

    pub(super) fn write_words(&mut self, line: &Line) -> io::Result<()> {
        self.script.as_mut().map_or(Ok(()), |script| script.append(line))
    }

    /// Writes into the manifest, and wakes the composer.
    pub(super) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let manifest = self.manifest.as_mut().ok_or_else(|| io::Error::other("there is no manifest"))?;
        manifest.append(entry)?;
        if let Some(composer) = &self.composer {
            composer.wake();
        }
        Ok(())
    }

    /// Returns what is to be told of it at once.
    pub(super) fn start_composer(
        &mut self,
        recording: RecordingRef,
        transcoder: &Transcoder,
        tell: impl Fn(ComposerEvent) + Send + 'static,
    ) -> Option<Input> {
        match ComposerProcess::start(transcoder, self.folder.path(), tell) {
            Ok(composer) => {
                self.composer = Some(composer);
                None
            }
            Err(error) => Some(Input::Composer { recording, event: ComposerEvent::Exited(error.to_string()) }),
        }
    }

    pub(super) fn kill_composer(&self) {
        if let Some(composer) = &self.composer {
            composer.kill();
        }
    }

    /// Returns what is to be told of it at once.
    pub(super) fn open_page(
        &mut self,
        recording: RecordingRef,
        clock: Clock,
        tell: impl Fn(PageEvent) -> bool + Send + 'static,
    ) -> Option<Input> {
        let page = self.capture.clone()?;
        match PageCaptureProcess::start(page, clock, tell) {
            Ok(page) => {
                self.page = Some(page);
                None
            }
            Err(error) => {
                let failure = PageFailure { why: error.to_string(), kind: PageFailureKind::Missing };
                Some(Input::Page { recording, event: PageEvent::Closed(Err(failure)) })
            }
        }
    }

    /// Tells the page's capture where to write, or that it cannot be; and which of the two it was.
    pub(super) fn show_page(
        &mut self,
        view: &RecordingView,
        begin: Option<u64>,
        note: &StreamNote,
        entries: &[Entry],
        has_captions: bool,
    ) -> bool {
        let written = self.prepare_page(view, begin, note, entries, has_captions);
        let is_written = written.is_ok();
        if let Some(page) = &self.page {
            page.write(written.map(|file| self.folder.file(&file)).map_err(io::Error::other));
        }
        is_written
    }

    fn prepare_page(
        &mut self,
        view: &RecordingView,
        begin: Option<u64>,
        note: &StreamNote,
        entries: &[Entry],
        has_captions: bool,
    ) -> Result<String, String> {
        if let Some(start) = begin {
            self.manifest = Some(Manifest::begin(&self.folder, view, start, has_captions)?);
        }
        self.folder.note(note).map_err(unwritable)?;
        entries.iter().try_for_each(|entry| self.append(entry)).map_err(unwritable)?;
        Ok(crate::processing::growing_name(note))
    }
}
