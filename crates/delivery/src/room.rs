//! The room in which events wait for a receiver or the disk: so many, so many bytes, and of these only so much for one kind
//! and for one connection.
//!
//! What clients can cause at will must not crowd out what applications count on. Signals have a part of the room only, and so
//! has all that one connection causes: the rest is a reserve for what happens to others. It knows neither who sends events
//! nor where they go.

use std::collections::HashMap;
use std::ops::{AddAssign, SubAssign};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::event::Event;
use protocol::id::ConnectionId;

/// So many events, and roughly what they take in memory.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Amount {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

impl Amount {
    fn fits(self, more: usize, limit: Self) -> bool {
        self.events < limit.events && self.bytes + more <= limit.bytes
    }

    fn part(self, divisor: usize) -> Self {
        Self { events: self.events.div_ceil(divisor), bytes: self.bytes.div_ceil(divisor) }
    }
}

impl AddAssign<usize> for Amount {
    /// One event of so many bytes.
    fn add_assign(&mut self, bytes: usize) {
        self.events += 1;
        self.bytes += bytes;
    }
}

impl SubAssign<usize> for Amount {
    fn sub_assign(&mut self, bytes: usize) {
        self.events -= 1;
        self.bytes -= bytes;
    }
}

/// The part of a room that signals may take: one half.
const SIGNALS: usize = 2;
/// The part that may be taken by what one connection causes: an eighth.
const ONE_CONNECTION: usize = 8;

/// See the module. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    limit: Amount,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: Amount,
    signals: Amount,
    /// Of those that have any.
    by_connection: HashMap<ConnectionId, Amount>,
}

/// Why there is no room, with the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Full {
    /// For anything.
    Whole(Amount),
    /// For signals.
    Signals(Amount),
    /// For what this connection causes.
    Connection(Amount),
}

/// An event that waits. Its place is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) event: Arc<Event>,
    bytes: usize,
    room: Room,
}

impl Room {
    pub(crate) fn new(limit: Amount) -> Self {
        Self { limit, taken: Arc::default() }
    }

    /// Takes a place for an event.
    pub(crate) fn enter(&self, event: &Arc<Event>) -> Result<Waiting, Full> {
        let (bytes, connection) = (weight(event), cause(event));
        let mut taken = self.lock();
        if !taken.all.fits(bytes, self.limit) {
            return Err(Full::Whole(self.limit));
        }
        let limit = self.limit.part(SIGNALS);
        if is_signal(event) && !taken.signals.fits(bytes, limit) {
            return Err(Full::Signals(limit));
        }
        let limit = self.limit.part(ONE_CONNECTION);
        if let Some(connection) = connection
            && !taken.by_connection.get(connection).copied().unwrap_or_default().fits(bytes, limit)
        {
            return Err(Full::Connection(limit));
        }
        taken.all += bytes;
        if is_signal(event) {
            taken.signals += bytes;
        }
        if let Some(connection) = connection {
            *taken.by_connection.entry(connection.clone()).or_default() += bytes;
        }
        Ok(Waiting { event: event.clone(), bytes, room: self.clone() })
    }

    /// How many events wait.
    pub(crate) fn taken(&self) -> usize {
        self.lock().all.events
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Nothing that panics is done while it is held.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut taken = self.room.lock();
        taken.all -= self.bytes;
        if is_signal(&self.event) {
            taken.signals -= self.bytes;
        }
        if let Some(connection) = cause(&self.event)
            && let Some(of_it) = taken.by_connection.get_mut(connection)
        {
            *of_it -= self.bytes;
            if of_it.events == 0 {
                taken.by_connection.remove(connection);
            }
        }
    }
}

fn is_signal(event: &Event) -> bool {
    matches!(event, Event::SignalSent(_))
}

/// The connection without which the event would not be.
fn cause(event: &Event) -> Option<&ConnectionId> {
    match event {
        Event::SignalSent(signal) => signal.from.as_ref(),
        Event::ParticipantJoined(joined) => Some(&joined.subject.connection),
        Event::ParticipantLeft(left) => Some(&left.subject.connection),
        Event::WebrtcConnectionCreated(created) => Some(&created.subject.owner),
        Event::WebrtcConnectionDestroyed(destroyed) => Some(&destroyed.subject.owner),
        _ => None,
    }
}

/// Roughly the bytes of an event: the texts that somebody chose, and something for the rest.
fn weight(event: &Event) -> usize {
    const REST: usize = 500;
    const ADDRESSEE: usize = 48;
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let of_participant = |who: &protocol::event::Participant| who.client_data.len() + who.server_data.len();
    let of_connection = |it: &protocol::event::WebRtcConnection| {
        it.video.as_ref().map_or(0, |video| length(&video.source) + length(&video.dimensions))
    };
    REST + match event {
        Event::SignalSent(signal) => length(&signal.kind) + length(&signal.data) + signal.to.len() * ADDRESSEE,
        Event::ParticipantJoined(joined) => of_participant(&joined.subject),
        Event::ParticipantLeft(left) => of_participant(&left.subject),
        Event::WebrtcConnectionCreated(created) => of_connection(&created.subject),
        Event::WebrtcConnectionDestroyed(destroyed) => of_connection(&destroyed.subject),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use protocol::event::{EventStamp, SignalSent};

    use super::*;

    fn stamp() -> EventStamp {
        EventStamp { session: "room".into(), session_created_at: 7, timestamp: 7 }
    }

    fn created() -> Arc<Event> {
        Arc::new(Event::SessionCreated(stamp()))
    }

    fn signal(from: Option<&str>, length: usize) -> Arc<Event> {
        let (from, data) = (from.map(Into::into), Some("x".repeat(length)));
        Arc::new(Event::SignalSent(SignalSent { stamp: stamp(), from, to: vec![], kind: None, data }))
    }

    fn all(room: &Room, event: &Arc<Event>) -> (Vec<Waiting>, Full) {
        let mut waiting = vec![];
        loop {
            match room.enter(event) {
                Ok(place) => waiting.push(place),
                Err(full) => return (waiting, full),
            }
        }
    }

    #[test]
    fn signals_leave_half_of_the_room_to_others_and_no_connection_gets_more_than_an_eighth() {
        let room = Room::new(Amount { events: 80, bytes: 1 << 30 });
        let (of_ann, full) = all(&room, &signal(Some("ann"), 10));
        assert_eq!((of_ann.len(), full), (10, Full::Connection(Amount { events: 10, bytes: 1 << 27 })));
        let (of_server, full) = all(&room, &signal(None, 10));
        assert_eq!((of_server.len(), full), (30, Full::Signals(Amount { events: 40, bytes: 1 << 29 })));
        assert_eq!(room.enter(&signal(Some("bob"), 10)).err(), Some(full));
        let (others, full) = all(&room, &created());
        assert_eq!((others.len(), full), (40, Full::Whole(Amount { events: 80, bytes: 1 << 30 })));
        drop((of_ann, of_server));
        assert_eq!(all(&room, &signal(Some("bob"), 10)).0.len(), 10, "what has gone makes room");
    }

    #[test]
    fn few_but_long_ones_are_bounded_in_bytes() {
        let room = Room::new(Amount { events: 1000, bytes: 80_000 });
        assert_eq!(all(&room, &signal(Some("ann"), 4500)).0.len(), 2);
        let (of_server, _) = all(&room, &signal(None, 4500));
        assert_eq!(of_server.len(), 8);
        assert_eq!(all(&room, &created()).0.len(), 80);
    }

    #[test]
    fn an_empty_room_remembers_nobody() {
        let room = Room::new(Amount { events: 80, bytes: 80_000 });
        drop(all(&room, &signal(Some("ann"), 10)));
        let taken = room.lock();
        assert_eq!((taken.all, taken.signals), (Amount::default(), Amount::default()));
        assert!(taken.by_connection.is_empty());
    }
}
