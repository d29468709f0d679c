//! Collects sessions that applications made and that nobody ever joined.

use std::time::Duration;

use protocol::id::SessionId;

use crate::timer::Timer;
use crate::{Effect, Registry, Time};

/// Sessions removed in one turn: calls must not wait for very many.
const AT_ONCE: usize = 256;
/// Until the next turn, if there are more.
const PAUSE: Duration = Duration::from_millis(1);

impl Registry {
    /// The collector only runs while there is something it could collect one day.
    pub(crate) fn plan_garbage_collection(&mut self, now: Time) {
        if !self.cx.settings.garbage_interval.is_zero() && !self.cx.timers.is_set(Timer::Garbage) {
            self.cx.timers.set(Timer::Garbage, now + self.cx.settings.garbage_interval);
        }
    }

    pub(crate) fn collect_garbage(&mut self, now: Time) {
        let threshold = self.cx.settings.garbage_threshold;
        let mut old: Vec<SessionId> = vec![];
        let mut younger = false;
        for session in self.sessions.values().filter(|session| !session.in_use()) {
            if session.created_at + threshold > now {
                younger = true;
            } else if old.len() < AT_ONCE {
                old.push(session.id.clone());
            } else {
                self.cx.timers.set(Timer::Garbage, now + PAUSE);
                break;
            }
        }
        for id in &old {
            let Some(session) = self.sessions.remove(id) else { continue };
            self.cx.effects.push(Effect::Collected(session.stamp(now)));
            tracing::debug!(session = %id, "session closed: nobody ever joined");
        }
        if !old.is_empty() {
            tracing::info!(sessions = old.len(), "sessions closed: nobody ever joined");
        }
        if younger {
            self.plan_garbage_collection(now);
        }
    }
}
