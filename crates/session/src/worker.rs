//! Which media workers a session is in. Each participant is in a room of one worker, with all of its peer connections, and stays
//! there; most sessions have one room, and large ones several: media of one goes to the others through pipes. A session
//! that nobody has joined yet has none. With one of its workers a session ends.

use protocol::event::Reason;
use protocol::id::{RouterId, WorkerId};

use crate::connection::Participant;
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

    /// What media of all sessions there is in each of those that run.
    pub(crate) fn loads<'a>(&self, sessions: impl Iterator<Item = &'a Session>) -> Vec<(usize, WorkerId)> {
        let mut loads: Vec<_> = self.running.iter().map(|worker| (0, *worker)).collect();
        for (_, participant) in sessions.flat_map(Session::participants) {
            if let Some((load, _)) = loads.iter_mut().find(|(_, worker)| *worker == participant.room.worker) {
                *load += participant.media_load();
            }
        }
        loads
    }
}

impl Participant {
    /// Streams sent and received; whoever has just come counts as one, because there will be some.
    fn media_load(&self) -> usize {
        1 + usize::from(self.stream.is_some()) + self.subscriptions.len()
    }
}

impl Session {
    /// How many streams there will be in each of its rooms once all that is published is received by all.
    fn room_loads(&self) -> Vec<(usize, RouterId)> {
        let streams = self.participants().filter(|(_, participant)| participant.stream.is_some()).count();
        let there = |room: &RouterId| self.participants().filter(|(_, participant)| participant.room == *room).count();
        self.rooms().iter().map(|room| (there(room) * (1 + streams), *room)).collect()
    }
}

impl Registry {
    /// Which room somebody comes into who is about to join a session: the first participant where there is least to do, further
    /// ones beside it, until there is so much in its rooms that another worker, if one has less to do, gets a room, too.
    pub(crate) fn place(&self, session: &str) -> Option<RouterId> {
        let session = self.sessions.get(session)?;
        let room = |worker| RouterId { number: session.number, worker };
        let workers = &self.cx.workers;
        if let [only] = workers.running[..] {
            return Some(room(only));
        }
        let emptiest = session.room_loads().into_iter().min_by_key(|(load, _)| *load);
        let is_full = |load| load >= self.cx.settings.session_span;
        let is_everywhere = session.rooms().len() >= workers.running.len();
        if let Some((_, emptiest)) = emptiest.filter(|(load, _)| !is_full(*load) || is_everywhere) {
            return Some(emptiest);
        }
        let loads = workers.loads(self.sessions.values());
        let is_new = |(_, worker): &&(usize, WorkerId)| !session.rooms().contains(&room(*worker));
        let least = loads.iter().filter(is_new).min_by_key(|(load, _)| *load);
        let chosen = match (least, emptiest) {
            (Some((load, worker)), Some((there, _))) if *load < there => room(*worker),
            (Some((_, worker)), None) => room(*worker),
            (_, Some((_, emptiest))) => emptiest,
            (None, None) => room(workers.last),
        };
        Some(chosen)
    }

    /// A media worker is gone with everything it carried: sessions with a room there end.
    pub(crate) fn lose_worker(&mut self, worker: WorkerId, now: Time) {
        tracing::error!(worker = worker.0, "a media worker is gone: its sessions end");
        self.cx.workers.running.retain(|running| *running != worker);
        let is_there = |session: &Session| session.rooms().iter().any(|room| room.worker == worker);
        self.end_sessions(is_there, Reason::NodeCrashed, now);
    }
}
