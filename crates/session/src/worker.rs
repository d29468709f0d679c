//! Which media worker a session's room is in. A room stays where it was opened and ends with its worker; one that nobody
//! has joined yet is nowhere, and can still go elsewhere.

use protocol::event::Reason;
use protocol::id::WorkerId;

use crate::session::Session;
use crate::{Registry, Time};

/// The media workers.
#[derive(Debug)]
pub(crate) struct Workers {
    running: Vec<WorkerId>,
    /// Where rooms are put when none runs any more: what is asked for there fails.
    last: WorkerId,
}

impl Workers {
    pub(crate) fn new(running: &[WorkerId]) -> Self {
        Self { running: running.to_vec(), last: running.first().copied().unwrap_or_default() }
    }

    /// The one that has least to do, the first of several.
    fn choose<'a>(&self, sessions: impl Iterator<Item = &'a Session>) -> WorkerId {
        let mut loads: Vec<_> = self.running.iter().map(|worker| (0, *worker)).collect();
        for session in sessions {
            if let Some((load, _)) = loads.iter_mut().find(|(_, worker)| *worker == session.router.worker) {
                *load += session.media_load();
            }
        }
        loads.into_iter().min_by_key(|(load, _)| *load).map_or(self.last, |(_, worker)| worker)
    }
}

impl Registry {
    /// Where the next room should be.
    fn choose_worker(&self) -> WorkerId {
        if let [only] = self.cx.workers.running[..] {
            return only;
        }
        self.cx.workers.choose(self.sessions.values().filter(|session| session.in_use))
    }

    /// Somebody is about to join a session. Its first participant opens its room, where there is least to do at that time.
    pub(crate) fn place(&mut self, session: &str) {
        if self.sessions.get(session).is_some_and(|session| !session.in_use) {
            let worker = self.choose_worker();
            if let Some(session) = self.sessions.get_mut(session) {
                session.router.worker = worker;
            }
        }
    }

    /// A media worker is gone with everything it carried: its sessions that were in use end.
    pub(crate) fn lose_worker(&mut self, worker: WorkerId, now: Time) {
        tracing::error!(worker = worker.0, "a media worker is gone: its sessions end");
        self.cx.workers.running.retain(|running| *running != worker);
        self.end_sessions(|session| session.in_use && session.router.worker == worker, Reason::NodeCrashed, now);
    }
}
