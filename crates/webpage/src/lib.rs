//! A web page as somebody would see and hear it, recorded by headless Chromium as live WebM (VP8 and Opus).
//!
//! No display, no sound card and no second encoder: the page's tab is captured inside the browser, encoded there, and comes
//! out in pieces that are a growing file. The page itself sees nothing of that.
//!
//! What the page is and what becomes of the file is the caller's. It blocks; it has one thread, which reads.

mod browser;
mod capture;
mod devtools;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use browser::find;
pub use capture::PageRecording;
use confinement::Confinement;

/// For the browser to start, and for the page to load.
const START: Duration = Duration::from_secs(20);
/// For anything else that is asked of the browser.
const ANSWER: Duration = Duration::from_secs(10);

/// What to record, and how.
#[derive(Clone)]
pub struct PageOptions {
    /// Chromium: see [`find`].
    pub program: PathBuf,
    /// Whom it runs as, and what it sees.
    pub confinement: Confinement,
    /// The browser makes a folder of its own in it, removed at the end; nothing of the page is written there.
    pub folder: PathBuf,
    /// The page. It may contain credentials: it is told to the browser only, and not by its command line.
    pub url: String,
    /// An origin (`http://192.0.2.1:4443`) that counts as secure although it is not. Browsers capture nothing on an
    /// insecure page.
    pub insecure_origin: Option<String>,
    /// Servers (`host:port`) that are found elsewhere (`address:port`).
    pub hosts: Vec<(String, String)>,
    /// Public keys of servers whose certificates are not checked: SHA-256 of `SubjectPublicKeyInfo`, in base64.
    pub trusted_keys: Vec<String>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures a second, at most.
    pub frame_rate: u32,
    /// Sound, too.
    pub audio: bool,
}

/// Without the address, which may hold a password.
impl fmt::Debug for PageOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, width, height, frame_rate, audio, .. } = self;
        f.debug_struct("PageOptions")
            .field("program", program)
            .field("size", &(width, height))
            .field("frame_rate", frame_rate)
            .field("audio", audio)
            .finish_non_exhaustive()
    }
}

/// Why a page is not recorded (any more).
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// It does not start.
    #[error("cannot start {program}: {source}")]
    Browser {
        /// What was tried.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It has started, and ended before anything was asked of it.
    #[error("{program} ended at once: {words}")]
    EndedAtOnce {
        /// What was started.
        program: String,
        /// Its last words.
        words: String,
    },
    /// It has ended, or crashed.
    #[error("the browser has ended")]
    Ended,
    /// The caller does not want it any more.
    #[error("nobody wants it any more")]
    Abandoned,
    /// It does not answer.
    #[error("the browser did not answer in time: {0}")]
    Late(&'static str),
    /// It refused something.
    #[error("the browser refused {what}: {why}")]
    Refused {
        /// What it was asked for.
        what: &'static str,
        /// Its words.
        why: String,
    },
    /// The page is not there, or is an error page.
    #[error("the page cannot be opened: {0}")]
    Page(String),
}
