//! Sessions that are over, except that a recording of theirs is still being processed: applications hear of the recording
//! before they hear of the session's end, and the id is not free until then.

use std::task::Poll;

use protocol::event::Event;
use protocol::id::SessionId;

use crate::command::CallId;
use crate::timer::Timer;
use crate::{Registry, Reply, Time};

/// One of them.
#[derive(Debug)]
pub(crate) struct EndingSession {
    number: u64,
    /// The last event.
    destroyed: Event,
    /// Who wants to know.
    calls: Vec<CallId>,
    /// Who wants to know when none is left.
    calls_for_all: Vec<CallId>,
}

impl Registry {
    /// Whether nothing of a session (that was closed, or whose id is wanted) is left. [`Poll::Pending`]: answered by
    /// [`Reply::Done`].
    pub fn when_ended(&mut self, session: &str, call: CallId) -> Poll<()> {
        match self.ending.get_mut(session) {
            Some(ending) => {
                ending.calls.push(call);
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }

    /// The same for all sessions.
    pub fn when_all_ended(&mut self, call: CallId) -> Poll<()> {
        match self.ending.values_mut().next() {
            Some(ending) => {
                ending.calls_for_all.push(call);
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }

    /// The last event of a session that was taken out of the table.
    pub(crate) fn bury(&mut self, session: SessionId, number: u64, destroyed: Event, now: Time) {
        if self.cx.unprocessed(&session) == 0 {
            self.cx.effects.event(destroyed);
        } else {
            self.cx.timers.set(Timer::Ending(number), now + self.cx.settings.recording.processing_timeout);
            self.ending.insert(session, EndingSession { number, destroyed, calls: vec![], calls_for_all: vec![] });
        }
    }

    pub(crate) fn end_if_processed(&mut self, session: &SessionId) {
        if self.cx.unprocessed(session) == 0 {
            self.finish_ending(session);
        }
    }

    /// A recording takes long: its last event will come after the session's.
    pub(crate) fn expire_ending(&mut self, number: u64) {
        let session =
            self.ending.iter().find(|(_, ending)| ending.number == number).map(|(session, _)| session.clone());
        if let Some(session) = session {
            self.finish_ending(&session);
        }
    }

    fn finish_ending(&mut self, session: &SessionId) {
        let Some(ending) = self.ending.remove(session) else { return };
        self.cx.timers.cancel(Timer::Ending(ending.number));
        self.cx.effects.event(ending.destroyed);
        for call in ending.calls {
            self.cx.answer_call(Some(call), Ok(Reply::Done));
        }
        match self.ending.values_mut().next() {
            Some(other) => other.calls_for_all.extend(ending.calls_for_all),
            None => {
                for call in ending.calls_for_all {
                    self.cx.answer_call(Some(call), Ok(Reply::Done));
                }
            }
        }
    }

    /// The server stops and waits no longer: tells applications of the end of every session.
    pub fn finish_endings(&mut self) {
        let sessions: Vec<_> = self.ending.keys().cloned().collect();
        for session in sessions {
            self.finish_ending(&session);
        }
    }
}
