//! Keeps the browser that captures one page going: opened again when it crashes, killed when it hangs, given up when neither
//! helps. It is a state machine; the browser itself is [`crate::processes`]'s.

use std::time::Duration;

use muxing::Time;

use crate::processes::{PageFailure, PageFailureKind};
use crate::store::StreamNote;

/// Crashes in a row, without a second captured in between, after which it is given up.
pub(crate) const MOST_CRASHES: u32 = 6;
/// The same before anything is captured.
pub(crate) const MOST_OPENINGS: u32 = 2;
/// Until the page is opened again after a crash.
const DELAY: Duration = Duration::from_millis(200);
/// Without a picture or a sound, after which the browser hangs: something comes twice a second, whatever the page does.
pub(crate) const SILENCE: Duration = Duration::from_secs(30);
/// For a page to be shown. Each step on the way has its own limit, together this is more.
pub(crate) const OPENING: Duration = Duration::from_secs(180);
/// For a capture to end that was told to.
pub(crate) const CLOSING: Duration = Duration::from_secs(60);
/// For one that was killed to be gone.
pub(crate) const KILLING: Duration = Duration::from_secs(30);

/// What is to be done with the browser, or what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum PageOrder {
    Open,
    /// Without asking it.
    Kill,
    /// It will not be opened again; and why, unless that was wanted.
    Over(Result<(), String>),
}

/// See the module.
#[derive(Debug)]
pub(super) struct PageCapture {
    state: State,
    /// In a row.
    crashes: u32,
    /// It was shown once.
    has_begun: bool,
    /// Of the file that is being written.
    pub(super) note: Option<StreamNote>,
    is_closing: bool,
}

#[derive(Debug)]
enum State {
    Pausing { until: Time },
    Opening { since: Time },
    Shown { heard: Time, has_lasted: bool },
    Closing { since: Time },
    Killed { at: Time, has_lasted: bool },
    Over,
}

impl PageCapture {
    /// It is to be opened.
    pub(super) fn new(now: Time) -> Self {
        Self { state: State::Opening { since: now }, crashes: 0, has_begun: false, note: None, is_closing: false }
    }

    /// It is shown, and written from now on.
    pub(super) fn shown(&mut self, now: Time) {
        if let State::Opening { .. } = self.state {
            self.has_begun = true;
            self.state = State::Shown { heard: now, has_lasted: false };
        }
    }

    pub(super) fn heard(&mut self, now: Time) {
        if let State::Shown { heard, .. } = &mut self.state {
            *heard = now;
        }
    }

    /// A second of it, or so.
    pub(super) fn written(&mut self) {
        if let State::Shown { has_lasted, .. } = &mut self.state {
            *has_lasted = true;
        }
    }

    /// It is to end. The browser was told so.
    pub(super) fn close(&mut self, now: Time) -> Option<PageOrder> {
        self.is_closing = true;
        match self.state {
            State::Pausing { .. } => return Some(self.end(Ok(()))),
            State::Opening { .. } | State::Shown { .. } => self.state = State::Closing { since: now },
            State::Closing { .. } | State::Killed { .. } | State::Over => {}
        }
        None
    }

    pub(super) fn closed(&mut self, result: Result<(), PageFailure>, now: Time) -> Option<PageOrder> {
        let (failure, has_lasted, was_killed) = match (&self.state, result) {
            (State::Over, _) => return None,
            (_, Ok(())) => return Some(self.end(Ok(()))),
            (State::Shown { has_lasted, .. }, Err(failure)) => (failure, *has_lasted, false),
            (State::Killed { has_lasted, .. }, Err(failure)) => (failure, *has_lasted, true),
            (_, Err(failure)) => (failure, false, false),
        };
        if failure.kind == PageFailureKind::Disk && !was_killed {
            return Some(self.end(Err(failure.why)));
        }
        if self.is_closing {
            return Some(self.end(Ok(())));
        }
        self.crashes = if has_lasted { 1 } else { self.crashes + 1 };
        let most = if self.has_begun { MOST_CRASHES } else { MOST_OPENINGS };
        let is_hopeless = failure.kind == PageFailureKind::Missing && !self.has_begun;
        if self.crashes >= most || is_hopeless {
            return Some(self.end(Err(failure.why)));
        }
        tracing::warn!(why = %failure.why, crashes = self.crashes, "the page is opened again");
        self.state = State::Pausing { until: now + DELAY };
        None
    }

    pub(super) fn handle_timeout(&mut self, now: Time) -> Option<PageOrder> {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return None;
        }
        match self.state {
            State::Pausing { .. } => {
                self.state = State::Opening { since: now };
                Some(PageOrder::Open)
            }
            State::Opening { .. } | State::Shown { .. } | State::Closing { .. } => {
                let has_lasted = matches!(self.state, State::Shown { has_lasted: true, .. });
                self.state = State::Killed { at: now, has_lasted };
                Some(PageOrder::Kill)
            }
            State::Killed { .. } => Some(self.end(Err("the browser hangs and cannot be killed".to_owned()))),
            State::Over => None,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        match self.state {
            State::Pausing { until } => Some(until),
            State::Opening { since } => Some(since + OPENING),
            State::Shown { heard, .. } => Some(heard + SILENCE),
            State::Closing { since } => Some(since + CLOSING),
            State::Killed { at, .. } => Some(at + KILLING),
            State::Over => None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    fn end(&mut self, result: Result<(), String>) -> PageOrder {
        self.state = State::Over;
        PageOrder::Over(result)
    }
}
