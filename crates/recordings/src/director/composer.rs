//! Keeps the process that composes one recording going: started again when it crashes, killed when it hangs, given up when
//! neither helps. It is a state machine; the process itself is [`crate::processes`]'s.

use std::time::Duration;

use muxing::Time;
use protocol::transcoder::{self, Report};

use crate::processes::ComposerEvent;
use crate::processing::ComposedFile;

/// Crashes in a row, with nothing composed in between, after which it is given up.
pub(crate) const MOST_CRASHES: u32 = 6;
/// Until a crashed one is started again: the first time. Each time doubled.
const FIRST_DELAY: Duration = Duration::from_millis(200);
/// At most.
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// For one that was killed to be gone.
pub(crate) const KILLING: Duration = Duration::from_secs(30);
/// What may be missing in the file although everything is composed that can be, ms.
const REMAINDER: u64 = 5000;

/// What is to be done with the process, or what came of it.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum ComposerOrder {
    Start,
    /// Without asking it.
    Kill,
    /// Its file is there.
    Runs,
    /// It will not be started again.
    Over,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Composer {
    state: State,
    /// In a row.
    crashes: u32,
    /// Until the next start.
    delay: Duration,
    /// By those that have crashed.
    lost: transcoder::CompositionLosses,
    /// By the one that runs, once there is more in the file than before.
    composed: Option<transcoder::CompositionLosses>,
    /// Up to when it can compose, ms since 1970; and up to when it has.
    possible: u64,
    reached: u64,
    /// Nobody waits for it: it ends by itself.
    is_released: bool,
    /// How long it may say nothing: [`crate::processes::COMPOSER_SILENCE`].
    silence: Duration,
}

#[derive(Debug)]
enum State {
    Waiting {
        until: Time,
    },
    /// On its way: what there is to compose with is looked at first.
    Starting,
    Running {
        heard: Time,
        is_begun: bool,
        ending: Option<Result<ComposedFile, String>>,
    },
    Killed {
        at: Time,
    },
    /// Nothing, if it was released before its end.
    Over(Option<Result<ComposedFile, String>>),
}

impl Composer {
    /// It is to be started.
    pub(super) fn new(silence: Duration) -> Self {
        Self {
            state: State::Starting,
            crashes: 0,
            delay: FIRST_DELAY,
            lost: transcoder::CompositionLosses::default(),
            composed: None,
            possible: 0,
            reached: 0,
            is_released: false,
            silence,
        }
    }

    /// The manifest says that everything before `until` (ms since 1970) can be composed.
    pub(super) fn may_compose(&mut self, until: u64, now: Time) {
        let was_idle = !self.owes();
        self.possible = self.possible.max(until);
        // It is not to blame for the time in which there was nothing to do.
        if let State::Running { heard, .. } = &mut self.state
            && was_idle
        {
            *heard = now;
        }
    }

    /// Nobody waits for it any more. Its process was told so.
    pub(super) fn release(&mut self) -> Option<ComposerOrder> {
        self.is_released = true;
        matches!(self.state, State::Waiting { .. }).then(|| self.end(None))
    }

    pub(super) fn handle(&mut self, event: ComposerEvent, now: Time) -> Option<ComposerOrder> {
        if self.is_over() {
            return None;
        }
        match event {
            ComposerEvent::Started => {
                self.state = State::Running { heard: now, is_begun: false, ending: None };
                None
            }
            ComposerEvent::Said(report) => self.said(report, now),
            ComposerEvent::Unavailable(why) => Some(self.end(Some(Err(why)))),
            ComposerEvent::Exited(why) => self.exited(why, now),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Time) -> Option<ComposerOrder> {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return None;
        }
        match self.state {
            State::Waiting { .. } => {
                self.state = State::Starting;
                Some(ComposerOrder::Start)
            }
            State::Running { .. } => {
                self.state = State::Killed { at: now };
                Some(ComposerOrder::Kill)
            }
            State::Killed { .. } => Some(self.end(Some(Err("the transcoder hangs and cannot be killed".to_owned())))),
            State::Starting | State::Over(_) => None,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Running { heard, .. } => self.owes().then(|| heard + self.silence),
            State::Killed { at } => Some(at + KILLING),
            State::Starting | State::Over(_) => None,
        }
    }

    /// It holds one of the places for compositions until then.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// What came of it, once it is over; nothing if it was released before its end.
    pub(super) fn result(&self) -> Option<Result<ComposedFile, String>> {
        match &self.state {
            State::Over(result) => result.clone(),
            _ => None,
        }
    }

    /// Something is to be heard of it before long.
    fn owes(&self) -> bool {
        match &self.state {
            State::Running { is_begun, .. } => {
                !is_begun || self.is_released || self.possible > self.reached.saturating_add(REMAINDER)
            }
            _ => false,
        }
    }

    fn said(&mut self, report: Report, now: Time) -> Option<ComposerOrder> {
        let State::Running { heard, is_begun, ending } = &mut self.state else { return None };
        *heard = now;
        match report {
            Report::Running => {
                *is_begun = true;
                return Some(ComposerOrder::Runs);
            }
            Report::Composed { until, lost } => {
                self.composed = Some(lost);
                self.reached = self.reached.max(until);
            }
            Report::Finished { measured, lost } => *ending = Some(Ok(ComposedFile { measured, lost })),
            Report::Failed { why } => *ending = Some(Err(why)),
            Report::Suspended | Report::Working => {}
        }
        None
    }

    fn exited(&mut self, why: String, now: Time) -> Option<ComposerOrder> {
        let (ending, why) = match &mut self.state {
            State::Running { ending, .. } => (ending.take(), why),
            State::Killed { .. } => (None, format!("it has said nothing for {} s", self.silence.as_secs())),
            _ => (None, why),
        };
        match ending {
            Some(Ok(mut composed)) => {
                composed.lost += self.lost;
                return Some(self.end(Some(Ok(composed))));
            }
            Some(Err(why)) => return Some(self.end(Some(Err(why)))),
            None if self.is_released => return Some(self.end(None)),
            None => {}
        }
        if let Some(more) = self.composed.take() {
            (self.crashes, self.delay) = (0, FIRST_DELAY);
            self.lost += more;
        }
        self.crashes += 1;
        tracing::warn!(%why, crashes = self.crashes, "the transcoder has crashed");
        if self.crashes == MOST_CRASHES {
            return Some(self.end(Some(Err(format!("the transcoder crashes again and again: {why}")))));
        }
        self.state = State::Waiting { until: now + self.delay };
        self.delay = (self.delay * 2).min(LONGEST_DELAY);
        None
    }

    fn end(&mut self, result: Option<Result<ComposedFile, String>>) -> ComposerOrder {
        self.state = State::Over(result);
        ComposerOrder::Over
    }
}
