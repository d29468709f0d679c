//! One page of the application's being recorded: the browser, started again when it crashes, and the files that it fills,
//! one for each start.
//!
//! What comes out of the browser is put into the form of a recorded stream's file, with times on the same clock: whoever
//! composes, or repairs after a crash, need not know the difference.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{io, thread};

use muxing::{FileSummary, FrameFile, LiveWebm};
use tokio::sync::oneshot;
use webpage::Options;

use super::NICENESS;
use crate::writer::Clock;

/// How finely deadlines are kept, and how soon an end is noticed.
const TICK: Duration = Duration::from_millis(100);
/// Sound and pictures of one time leave the browser at most this far apart, ms.
const APART: u64 = 500;
/// When the browser has said nothing for this long, nothing of before comes any more, ms.
const QUIET: u64 = 10_000;
/// Until the browser is started again after a crash.
const DELAY: Duration = Duration::from_millis(200);
/// Crashes in a row, without a second recorded in between, after which it is given up.
const MOST_CRASHES: u32 = 6;
/// The same before anything is recorded.
const MOST_STARTS: u32 = 2;

/// What is told of a page.
#[derive(Debug)]
pub(crate) enum Filmed {
    /// The page is there, and a file begins.
    Begins {
        /// When, ms since 1970.
        at: u64,
        /// To be told where, or why not; nothing may be there.
        path: oneshot::Sender<io::Result<PathBuf>>,
    },
    /// Everything before this is in the file, ms since 1970.
    Written {
        /// When.
        until: u64,
    },
    /// The file is whole. Its size is 0 if no frame came: then there is no file.
    Ended(FileSummary),
    /// There will be no other; and why, unless that was wanted.
    Over(Result<(), String>),
}

/// A page being recorded. When it is dropped that ends.
#[derive(Debug)]
pub(crate) struct Filming {
    is_over: Arc<AtomicBool>,
}

impl Filming {
    /// Begins, in a thread of its own. `tell` is called there, and says whether anybody listens.
    pub(crate) fn start(
        page: Options,
        clock: Clock,
        tell: impl Fn(Filmed) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let job = Job { page, clock, is_over: is_over.clone(), tell };
        thread::Builder::new().name("filming".to_owned()).spawn(move || job.run())?;
        Ok(Self { is_over })
    }

    /// Ends it; [`Filmed::Over`] comes last.
    pub(crate) fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl Drop for Filming {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Job<T> {
    page: Options,
    clock: Clock,
    is_over: Arc<AtomicBool>,
    tell: T,
}

/// Why a file has ended.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the page cannot be recorded: {0}")]
    Page(#[from] webpage::Error),
    #[error("the browser records what cannot be read: {0}")]
    Media(#[from] muxing::NoWebm),
    #[error("the page's file cannot be written: {0}")]
    Disk(#[from] io::Error),
    #[error("nobody listens any more")]
    Unheard,
}

/// What became of a file.
#[derive(Default)]
struct Progress {
    has_begun: bool,
    has_lasted: bool,
}

impl<T: Fn(Filmed) -> bool> Job<T> {
    fn run(self) {
        // Calls come first. This thread's children are born with it.
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::warn!(%error, "the browser takes as much of the processor as calls do");
        }
        let result = self.film();
        if !matches!(result, Err(Failure::Unheard)) {
            (self.tell)(Filmed::Over(result.map_err(|failure| failure.to_string())));
        }
    }

    fn film(&self) -> Result<(), Failure> {
        let mut crashes = 0;
        let mut has_begun = false;
        loop {
            let mut progress = Progress::default();
            let failure = match self.film_once(&mut progress) {
                Ok(()) => return Ok(()),
                Err(Failure::Page(_)) if self.is_over() => return Ok(()),
                Err(failure @ (Failure::Page(_) | Failure::Media(_))) => failure,
                Err(failure) => return Err(failure),
            };
            has_begun |= progress.has_begun;
            crashes = if progress.has_lasted { 1 } else { crashes + 1 };
            // A page that never was there will not be there the next time.
            let is_hopeless =
                matches!(failure, Failure::Page(webpage::Error::Page(_) | webpage::Error::Browser { .. }));
            let most = if has_begun { MOST_CRASHES } else { MOST_STARTS };
            if crashes >= most || (is_hopeless && !has_begun) {
                return Err(failure);
            }
            tracing::warn!(%failure, crashes, "the page is opened again");
            thread::sleep(DELAY);
        }
    }

    /// Fills one file, until its browser ends or it is over.
    fn film_once(&self, progress: &mut Progress) -> Result<(), Failure> {
        let mut browser = webpage::Recording::start(&self.page, self.is_over.clone())?;
        let at = self.now();
        let (path, answer) = oneshot::channel();
        self.say(Filmed::Begins { at, path })?;
        let path = answer.blocking_recv().map_err(|_| Failure::Unheard)??;
        progress.has_begun = true;
        let mut reel = Reel::create(&path, at)?;
        let result = loop {
            if self.is_over() {
                break browser.stop().map_err(Failure::from).and_then(|rest| self.take(&mut reel, &rest));
            }
            let taken = browser.next(TICK).map_err(Failure::from).and_then(|piece| {
                self.take(&mut reel, &piece.unwrap_or_default())?;
                reel.advance(self.clock.now())
            });
            match taken {
                Ok(Some(until)) => {
                    progress.has_lasted = true;
                    self.say(Filmed::Written { until })?;
                }
                Ok(None) => {}
                Err(failure) => break Err(failure),
            }
        };
        let summary = reel.finish()?;
        if summary.size == 0 {
            std::fs::remove_file(&path)?;
        }
        self.say(Filmed::Ended(summary))?;
        result
    }

    fn take(&self, reel: &mut Reel, piece: &[u8]) -> Result<(), Failure> {
        if piece.is_empty() { Ok(()) } else { reel.take(piece, self.clock.now()) }
    }

    fn say(&self, filmed: Filmed) -> Result<(), Failure> {
        if (self.tell)(filmed) { Ok(()) } else { Err(Failure::Unheard) }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        milliseconds(self.clock.now())
    }
}

/// The file of one start of the browser.
struct Reel {
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

impl Reel {
    fn create(path: &PathBuf, begin: u64) -> io::Result<Self> {
        let disk = File::options().read(true).write(true).create_new(true).open(path)?;
        let frames = FrameFile::new(disk.try_clone()?);
        Ok(Self { webm: LiveWebm::default(), frames, disk, begin, heard: begin, until: begin, written: 0 })
    }

    fn take(&mut self, piece: &[u8], now: Duration) -> Result<(), Failure> {
        self.heard = milliseconds(now);
        self.webm.push(piece)?;
        while let Some(mut frame) = self.webm.poll_frame() {
            frame.time = frame.time.saturating_add(self.begin);
            self.frames.push(frame, now)?;
        }
        Ok(())
    }

    /// Writes what is due. Returns up to when everything is on the disk, if that is more than before.
    fn advance(&mut self, now: Duration) -> Result<Option<u64>, Failure> {
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
