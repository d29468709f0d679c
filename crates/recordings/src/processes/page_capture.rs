//! One browser that captures a page of the application's, and the file that it fills. When it is opened again is the
//! director's to say.
//!
//! What comes out of the browser is put into the form of a recorded stream's file, with times on the same clock: whoever
//! composes, or repairs after a crash, need not know the difference.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use std::{io, thread};

use muxing::{FileSummary, FrameFile, LiveWebm};
use webpage::PageOptions;

use super::NICENESS;
use crate::writer::Clock;

/// How finely deadlines are kept, and how soon an end is noticed.
const TICK: Duration = Duration::from_millis(100);
/// Sound and pictures of one time leave the browser at most this far apart, ms.
const APART: u64 = 500;
/// When the browser has said nothing for this long, nothing of before comes any more, ms.
const QUIET: u64 = 10_000;
/// Between two words that something has come, ms.
const HEARD: u64 = 1000;

/// What is heard of a page's capture.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum PageEvent {
    /// The page is there, and waits to be told where it is to be written.
    Shown {
        /// ms since 1970, on the clock of the files.
        at: u64,
    },
    /// Something has come from the browser. Told once a second at most.
    Heard,
    /// Everything before this is in the file, ms since 1970.
    Written { until: u64 },
    /// The file is whole. Its size is 0 if no frame came: then there is no file.
    FileEnded(FileSummary),
    /// The browser has ended: as it was told to, or why. Nothing comes after this.
    Closed(Result<(), PageFailure>),
}

/// Why a page is captured no longer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PageFailure {
    pub(crate) why: String,
    pub(crate) kind: PageFailureKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PageFailureKind {
    /// There is no such page, or no browser: the next time would be the same, unless it was there before.
    Missing,
    /// The browser has ended, hangs, or says what cannot be understood.
    Crash,
    /// The file cannot be written.
    Disk,
}

/// A page on its way, or being captured. When this is dropped that ends.
#[derive(Debug)]
pub(crate) struct PageCaptureProcess {
    /// It shall end; without asking the browser.
    is_closing: Arc<AtomicBool>,
    is_killed: Arc<AtomicBool>,
    paths: SyncSender<io::Result<PathBuf>>,
}

impl PageCaptureProcess {
    /// Begins, in a thread of its own. `tell` is called there, and says whether anybody listens; [`PageEvent::Closed`]
    /// comes last.
    pub(crate) fn start(
        page: PageOptions,
        clock: Clock,
        tell: impl Fn(PageEvent) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let (is_closing, is_killed) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (paths, given) = sync_channel(1);
        let capture =
            Capture { page, clock, is_closing: is_closing.clone(), is_killed: is_killed.clone(), given, tell };
        thread::Builder::new().name("page-capture".to_owned()).spawn(move || capture.run())?;
        Ok(Self { is_closing, is_killed, paths })
    }

    /// Where a page that is shown is to be written, or why not; nothing may be there.
    pub(crate) fn write(&self, path: io::Result<PathBuf>) {
        // It asks once for each browser, of which there is one.
        let _ = self.paths.try_send(path);
    }

    /// Ends it.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    /// Ends it without asking the browser.
    pub(crate) fn kill(&self) {
        self.is_killed.store(true, Ordering::Relaxed);
        self.close();
    }
}

impl Drop for PageCaptureProcess {
    fn drop(&mut self) {
        self.close();
    }
}

struct Capture<T> {
    page: PageOptions,
    clock: Clock,
    is_closing: Arc<AtomicBool>,
    is_killed: Arc<AtomicBool>,
    given: Receiver<io::Result<PathBuf>>,
    tell: T,
}

/// Why a page's file has ended.
#[derive(Debug, thiserror::Error)]
enum CaptureFailure {
    #[error("the page cannot be recorded: {0}")]
    Page(#[from] webpage::PageError),
    #[error("the browser records what cannot be read: {0}")]
    Media(#[from] muxing::NotWebm),
    #[error("the page's file cannot be written: {0}")]
    Disk(#[from] io::Error),
    #[error("the browser hung")]
    Killed,
    #[error("nobody listens any more")]
    Unheard,
}

impl CaptureFailure {
    fn kind(&self) -> PageFailureKind {
        match self {
            Self::Page(webpage::PageError::Page(_) | webpage::PageError::Browser { .. }) => PageFailureKind::Missing,
            Self::Page(_) | Self::Media(_) | Self::Killed => PageFailureKind::Crash,
            Self::Disk(_) | Self::Unheard => PageFailureKind::Disk,
        }
    }
}

impl<T: Fn(PageEvent) -> bool> Capture<T> {
    fn run(self) {
        // Calls come first. This thread's children are born with it.
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::warn!(%error, "the browser takes as much of the processor as calls do");
        }
        let result = self.capture().map_err(|failure| PageFailure { why: failure.to_string(), kind: failure.kind() });
        // Whoever listened has gone only if the server stops.
        (self.tell)(PageEvent::Closed(result));
    }

    /// Fills one file, until its browser ends or it is over.
    fn capture(&self) -> Result<(), CaptureFailure> {
        let mut browser = webpage::PageRecording::start(&self.page, self.is_closing.clone())?;
        let at = self.now();
        self.say(PageEvent::Shown { at })?;
        let path = self.path()?;
        let mut file = PageFile::create(&path, at)?;
        let mut heard = at;
        let result = loop {
            if self.is_killed.load(Ordering::Relaxed) {
                break Err(CaptureFailure::Killed);
            }
            if self.is_closing.load(Ordering::Relaxed) {
                break browser.stop().map_err(CaptureFailure::from).and_then(|rest| self.take(&mut file, &rest));
            }
            let taken = browser.next(TICK).map_err(CaptureFailure::from).and_then(|piece| {
                self.take(&mut file, &piece.unwrap_or_default())?;
                file.advance(self.clock.now())
            });
            match taken {
                Ok(Some(until)) => self.say(PageEvent::Written { until })?,
                Ok(None) => {}
                Err(failure) => break Err(failure),
            }
            if file.heard >= heard + HEARD {
                heard = file.heard;
                self.say(PageEvent::Heard)?;
            }
        };
        let summary = file.finish()?;
        if summary.size == 0 {
            std::fs::remove_file(&path)?;
        }
        self.say(PageEvent::FileEnded(summary))?;
        result
    }

    fn path(&self) -> Result<PathBuf, CaptureFailure> {
        loop {
            match self.given.recv_timeout(TICK) {
                Ok(path) => return Ok(path?),
                Err(RecvTimeoutError::Timeout) if self.is_killed.load(Ordering::Relaxed) => {
                    return Err(CaptureFailure::Killed);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(CaptureFailure::Unheard),
            }
        }
    }

    fn take(&self, file: &mut PageFile, piece: &[u8]) -> Result<(), CaptureFailure> {
        if piece.is_empty() { Ok(()) } else { file.take(piece, self.clock.now()) }
    }

    fn say(&self, event: PageEvent) -> Result<(), CaptureFailure> {
        if (self.tell)(event) { Ok(()) } else { Err(CaptureFailure::Unheard) }
    }

    fn now(&self) -> u64 {
        milliseconds(self.clock.now())
    }
}

/// The file of one browser.
struct PageFile {
    webm: LiveWebm,
    frames: FrameFile<File>,
    /// The same file.
    disk: File,
    /// When the browser began to record, ms since 1970.
    begin: u64,
    /// When something came for the last time, ms since 1970.
    heard: u64,
    /// What was told of it, ms since 1970.
    until: u64,
    written: u64,
}

impl PageFile {
    fn create(path: &Path, begin: u64) -> io::Result<Self> {
        let disk = File::options().read(true).write(true).create_new(true).open(path)?;
        let frames = FrameFile::new(disk.try_clone()?);
        Ok(Self { webm: LiveWebm::default(), frames, disk, begin, heard: begin, until: begin, written: 0 })
    }

    fn take(&mut self, piece: &[u8], now: Duration) -> Result<(), CaptureFailure> {
        self.heard = milliseconds(now);
        self.webm.push(piece)?;
        while let Some(mut frame) = self.webm.poll_frame() {
            frame.time = frame.time.saturating_add(self.begin);
            self.frames.push(frame, now)?;
        }
        Ok(())
    }

    /// Writes what is due. Returns up to when everything is on the disk, if that is more than before.
    fn advance(&mut self, now: Duration) -> Result<Option<u64>, CaptureFailure> {
        self.frames.handle_timeout(now)?;
        if !self.frames.is_begun() {
            return Ok(None);
        }
        let written = self.frames.written();
        if written != self.written {
            self.written = written;
            self.disk.sync_data()?;
        }
        let now = milliseconds(now);
        let is_quiet = now.saturating_sub(self.heard) > QUIET;
        let until = if is_quiet { now - QUIET } else { written.saturating_sub(APART) };
        let is_further = until > self.until;
        self.until = self.until.max(until);
        Ok(is_further.then_some(until))
    }

    fn finish(self) -> io::Result<FileSummary> {
        let summary = self.frames.finish()?;
        self.disk.sync_all()?;
        Ok(summary)
    }
}

fn milliseconds(time: Duration) -> u64 {
    time.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::mpsc;

    use super::*;
    use crate::writer;

    /// A browser that does what it is asked for, and then says nothing any more.
    const HANGING: &str = r#"#!/bin/bash
        echo $$ > "${0%/*}/pid"
        trap '' TERM INT HUP
        while IFS= read -r -d '' order <&3; do
            [[ $order =~ \"id\":([0-9]+) ]]
            event=
            case $order in
                *Page.navigate*) result='{"frameId":"f"}'; event='{"method":"Page.loadEventFired","params":{}}' ;;
                *Runtime.evaluate*) result='{"result":{"value":true}}' ;;
                *) result='{}' ;;
            esac
            printf '{"id":%s,"result":%s}\0' "${BASH_REMATCH[1]}" "$result" >&4
            [ -n "$event" ] && printf '%s\0' "$event" >&4
        done
        sleep 1000"#;

    #[test]
    fn a_browser_that_hangs_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("browser");
        std::fs::write(&program, HANGING).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let page = PageOptions {
            program,
            confinement: confinement::Confinement::none(),
            folder: folder.path().to_owned(),
            url: "http://127.0.0.1:1/".to_owned(),
            insecure_origin: None,
            hosts: vec![],
            trusted_keys: vec![],
            width: 64,
            height: 48,
            frame_rate: 5,
            audio: true,
        };
        let (handle, ..) = writer::queue();
        let (sender, told) = mpsc::channel();
        let process = PageCaptureProcess::start(page, handle.clock(), move |event| sender.send(event).is_ok()).unwrap();
        let next = || told.recv_timeout(Duration::from_secs(60)).expect("it says something in time");
        assert!(matches!(next(), PageEvent::Shown { .. }));
        let path = folder.path().join("page.webm");
        process.write(Ok(path.clone()));
        process.kill();
        assert!(matches!(next(), PageEvent::FileEnded(summary) if summary.size == 0));
        let closed = next();
        let PageEvent::Closed(Err(PageFailure { kind: PageFailureKind::Crash, .. })) = closed else {
            panic!("{closed:?}")
        };
        let id = std::fs::read_to_string(folder.path().join("pid")).unwrap();
        assert!(!Path::new("/proc").join(id.trim()).exists(), "it is gone");
        assert!(!path.exists(), "nothing was in it");
    }
}
