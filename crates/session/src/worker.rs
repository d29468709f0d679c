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

    /// The one with the fewest sessions, the first of several.
    fn choose<'a>(&self, sessions: impl Iterator<Item = &'a Session> + Clone) -> WorkerId {
        let load = |worker: &WorkerId| sessions.clone().filter(|session| session.router.worker == *worker).count();
        self.running.iter().copied().min_by_key(load).unwrap_or(self.last)
    }
}

impl Registry {
    /// Where the next room should be.
    pub(crate) fn choose_worker(&self) -> WorkerId {
        self.cx.workers.choose(self.sessions.values())
    }

    /// A media worker is gone with everything it carried: its sessions that were in use end, others go elsewhere.
    pub(crate) fn lose_worker(&mut self, worker: WorkerId, now: Time) {
        tracing::error!(worker = worker.0, "a media worker is gone: its sessions end");
        self.cx.workers.running.retain(|running| *running != worker);
        self.end_sessions(|session| session.in_use && session.router.worker == worker, Reason::NodeCrashed, now);
        let unused = self.sessions.values().filter(|session| session.router.worker == worker);
        let unused: Vec<_> = unused.map(|session| session.id.clone()).collect();
        for session in unused {
            let worker = self.choose_worker();
            if let Some(session) = self.sessions.get_mut(&session) {
                session.router.worker = worker;
            }
        }
    }
}
