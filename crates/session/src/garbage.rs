//! Collects sessions that were made by REST and that nobody ever joined.

use protocol::id::SessionId;

use crate::timer::Timer;
use crate::{Registry, Time};

impl Registry {
    /// The collector only runs while there is something it could collect one day.
    pub(crate) fn plan_garbage_collection(&mut self, now: Time) {
        if !self.settings.garbage_interval.is_zero() && !self.timers.is_set(Timer::Garbage) {
            self.timers.set(Timer::Garbage, now + self.settings.garbage_interval);
        }
    }

    pub(crate) fn collect_garbage(&mut self, now: Time) {
        let threshold = self.settings.garbage_threshold;
        let mut old: Vec<SessionId> = vec![];
        let mut younger = false;
        for session in self.sessions.values().filter(|session| !session.in_use) {
            if session.created_at + threshold <= now {
                old.push(session.id.clone());
            } else {
                younger = true;
            }
        }
        for id in old {
            self.sessions.remove(&id);
            tracing::info!(session = %id, "session closed: nobody ever joined");
        }
        if younger {
            self.plan_garbage_collection(now);
        }
    }
}
