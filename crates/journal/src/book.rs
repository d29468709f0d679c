//! All that is open. Pure: it is given what begins and ends, and tells what would be lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use protocol::event::{
    Broadcast, Closing, Direction, Event, EventClosed, EventStamp, Participant, Reason, WebRtcConnection,
};
use protocol::id::{ConnectionId, SessionId, StreamId};

use crate::record::{Change, Record, SessionKey};

/// Of all that is in it, roughly; what comes beyond is not kept. More than fits into a machine as calls.
const MOST_BYTES: usize = 64 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Book {
    sessions: BTreeMap<SessionKey, OpenSession>,
    bytes: usize,
    /// Numbers everything in the order in which it began.
    last: u64,
}

#[derive(Debug, Default)]
struct OpenSession {
    bytes: usize,
    participants: HashMap<ConnectionId, Begun<Participant>>,
    connections: HashMap<(StreamId, ConnectionId), Begun<WebRtcConnection>>,
    recordings: BTreeSet<String>,
    broadcast: Option<Begun<Broadcast>>,
}

#[derive(Debug)]
struct Begun<T> {
    number: u64,
    since: u64,
    weight: usize,
    what: Arc<T>,
}

/// Sessions that a crash has ended, and what was in them.
#[derive(Debug, Default)]
pub struct Lost {
    book: Book,
    at: u64,
}

impl Book {
    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Takes note. What is said of a session that is not in it is of no interest.
    pub(crate) fn apply(&mut self, record: Record) {
        let weight = record.weight();
        let Record { of, what } = record;
        if let Change::Created = what
            && self.bytes + weight <= MOST_BYTES
        {
            self.bytes += weight;
            let former = self.sessions.insert(of, OpenSession { bytes: weight, ..OpenSession::default() });
            self.bytes -= former.map_or(0, |former| former.bytes);
            return;
        }
        let Some(session) = self.sessions.get_mut(&of) else { return };
        let before = session.bytes;
        self.last += 1;
        let number = self.last;
        match what {
            Change::Created => {}
            Change::Joined { since, who } => {
                let begun = Begun { number, since, weight, what: who };
                let former = session.participants.insert(begun.what.connection.clone(), begun);
                session.bytes = session.bytes + weight - former.map_or(0, |former| former.weight);
            }
            Change::Connected { since, what } => {
                let begun = Begun { number, since, weight, what };
                let key = (begun.what.stream.clone(), begun.what.owner.clone());
                let former = session.connections.insert(key, begun);
                session.bytes = session.bytes + weight - former.map_or(0, |former| former.weight);
            }
            Change::RecordingStarted { id } => drop(session.recordings.insert(id)),
            Change::RecordingEnded { id } => drop(session.recordings.remove(&id)),
            Change::BroadcastStarted { since, what } => {
                let former = session.broadcast.replace(Begun { number, since, weight, what });
                session.bytes = session.bytes + weight - former.map_or(0, |former| former.weight);
            }
            Change::BroadcastStopped => {
                session.bytes -= session.broadcast.take().map_or(0, |ended| ended.weight);
            }
            Change::Disconnected { stream, owner } => {
                session.bytes -= session.connections.remove(&(stream, owner)).map_or(0, |ended| ended.weight);
            }
            Change::Left { who } => {
                session.bytes -= session.participants.remove(&who).map_or(0, |left| left.weight);
            }
            Change::Gone => {
                self.strike(&of);
                return;
            }
        }
        self.bytes = self.bytes + session.bytes - before;
        if self.bytes > MOST_BYTES {
            tracing::warn!(session = %of.session, "the journal is full: the end of this session would not be told after a crash");
            self.strike(&of);
        }
    }

    /// It is not known any more what is open in this session.
    pub(crate) fn strike(&mut self, session: &SessionKey) {
        self.bytes -= self.sessions.remove(session).map_or(0, |session| session.bytes);
    }

    /// The same of all.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What an empty book has to be given to be like this one.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record> {
        self.sessions.iter().flat_map(|(of, session)| {
            let joined = |begun: &Begun<Participant>| {
                (begun.number, Change::Joined { since: begun.since, who: Arc::clone(&begun.what) })
            };
            let connected = |begun: &Begun<WebRtcConnection>| {
                (begun.number, Change::Connected { since: begun.since, what: Arc::clone(&begun.what) })
            };
            let mut begun: Vec<_> = session.participants.values().map(joined).collect();
            begun.extend(session.connections.values().map(connected));
            begun.extend(session.broadcast.as_ref().map(|begun| {
                (begun.number, Change::BroadcastStarted { since: begun.since, what: Arc::clone(&begun.what) })
            }));
            begun.sort_by_key(|(number, _)| *number);
            let recordings = session.recordings.iter().map(|id| Change::RecordingStarted { id: id.clone() });
            let changes = [Change::Created].into_iter().chain(begun.into_iter().map(|(_, change)| change));
            changes.chain(recordings).map(|what| Record { of: of.clone(), what }).collect::<Vec<_>>()
        })
    }
}

impl Lost {
    /// `at`: the last sign of life, ms since 1970.
    pub(crate) fn new(book: Book, at: u64) -> Self {
        Self { book, at }
    }

    /// Nothing was.
    pub fn is_empty(&self) -> bool {
        self.book.is_empty()
    }

    /// When it happened, ms since 1970; some seconds early at most.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Those that were open, in the order of their creation.
    pub fn sessions(&self) -> Vec<SessionId> {
        self.book.sessions.keys().map(|key| key.session.clone()).collect()
    }

    /// Recordings that ran. What became of them is told elsewhere.
    pub fn recordings(&self) -> Vec<String> {
        self.book.sessions.values().flat_map(|session| session.recordings.iter().cloned()).collect()
    }

    /// Sessions that were being broadcast.
    pub fn broadcasts(&self) -> Vec<SessionId> {
        let on_air = self.book.sessions.iter().filter(|(_, session)| session.broadcast.is_some());
        on_air.map(|(key, _)| key.session.clone()).collect()
    }

    /// What applications are to be told, in the order in which they are told when a server stops.
    pub fn events(&self) -> Vec<Event> {
        self.book.sessions.iter().flat_map(|(key, session)| self.ends(key, session)).collect()
    }

    fn ends(&self, key: &SessionKey, session: &OpenSession) -> Vec<Event> {
        let closing = |since: u64| Closing {
            stamp: EventStamp {
                session: key.session.clone(),
                session_created_at: key.created_at,
                timestamp: self.at.max(since),
            },
            start_time: since,
            reason: Some(Reason::NodeCrashed),
        };
        // Those of one participant: what others received of it, what it received, what it published.
        let mut connections: HashMap<&ConnectionId, Vec<(u8, &Begun<WebRtcConnection>)>> = HashMap::new();
        for begun in session.connections.values() {
            let owner = &begun.what.owner;
            match &begun.what.direction {
                // Told once: with whoever leaves first.
                Direction::Inbound { from } => {
                    let number = |id| session.participants.get(id).map(|begun: &Begun<Participant>| begun.number);
                    let publisher_first = number(from).is_some_and(|from| number(owner).is_none_or(|own| from < own));
                    let (whose, rank) = if publisher_first { (from, 0) } else { (owner, 1) };
                    connections.entry(whose).or_default().push((rank, begun));
                }
                Direction::Outbound { .. } => connections.entry(owner).or_default().push((2, begun)),
            }
        }
        let mut participants: Vec<_> = session.participants.values().collect();
        participants.sort_by_key(|begun| begun.number);
        let mut events = vec![];
        for participant in participants {
            let mut ended = connections.remove(&participant.what.connection).unwrap_or_default();
            ended.sort_by_key(|(rank, begun)| (*rank, begun.number));
            events.extend(ended.into_iter().map(|(_, begun)| {
                let subject = Arc::clone(&begun.what);
                Event::WebrtcConnectionDestroyed(EventClosed { closing: closing(begun.since), subject })
            }));
            let subject = Arc::clone(&participant.what);
            events.push(Event::ParticipantLeft(EventClosed { closing: closing(participant.since), subject }));
        }
        if let Some(begun) = &session.broadcast {
            let subject = Arc::clone(&begun.what);
            events.push(Event::BroadcastStopped(EventClosed { closing: closing(begun.since), subject }));
        }
        events.push(Event::SessionDestroyed(closing(key.created_at)));
        events
    }
}
