//! A web page as somebody would see and hear it, recorded by headless Chromium into Matroska (H264 and Opus).
//!
//! No display, no sound card and no second encoder: the page's tab is captured inside the browser, encoded there, and comes
//! out in pieces that are a growing file. The page itself sees nothing of that.
//!
//! What the page is and what becomes of the file is the caller's. It blocks; it has one thread, which reads.

mod browser;
mod capture;
mod devtools;

use std::time::Duration;

pub use browser::find;
pub use capture::{Options, Recording};

/// For the browser to start, and for the page to load.
const START: Duration = Duration::from_secs(30);
/// For anything else that is asked of the browser.
const ANSWER: Duration = Duration::from_secs(10);

/// Why a page is not recorded (any more).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not start.
    #[error("cannot start {program}: {source}")]
    Browser {
        /// What was tried.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It has ended, or crashed.
    #[error("the browser has ended")]
    Ended,
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
