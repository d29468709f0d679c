//! Rooms that visitors make themselves, without any application: sessions like all others, that anybody may enter who
//! knows their name.
//!
//! Nothing else is opened that way: a session of an application stays closed, whatever its id looks like. And nobody shuts a
//! room, or all of them, by asking: places that nobody takes are free again after some minutes, with the rooms that were made
//! for them, and each network has a share of both.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use protocol::id::ConnectionId;
use protocol::model::{ConnectionProperties, SessionProperties};
use serde::{Deserialize, Serialize};

use crate::connection::PendingConnection;
use crate::session::Session;
use crate::snapshot::ConnectionSnapshot;
use crate::timer::Timer;
use crate::{Effect, Registry, Time};

/// People in one room, with those who asked but did not come.
const MAX_PLACES: usize = 200;
/// Rooms at a time.
const MAX_ROOMS: usize = 1000;
/// For somebody who has asked to come: the page does so at once.
const PLACE_KEPT: Duration = Duration::from_secs(180);
/// Between two looks at those who did not.
const LOOK: Duration = Duration::from_secs(30);
/// Places that one network has asked for and that nobody has taken. A class behind one address asks within seconds, and comes.
const SHARE_OF_PLACES: usize = 100;
/// Rooms that one network has made.
const SHARE_OF_ROOMS: usize = 100;

/// What is known of a session that is such a room.
#[derive(Debug)]
pub(crate) struct GuestRoom {
    /// Whose network made it, if that says anything.
    maker: Option<IpAddr>,
    /// Whose network asked for which place, if that says anything. Places that an application made are not among them.
    askers: HashMap<ConnectionId, Option<IpAddr>>,
}

/// Why a visitor gets no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum GuestRefusal {
    /// The session is an application's.
    NotAGuestRoom,
    /// As many people are in the room as may be.
    RoomFull,
    /// There are as many rooms as may be.
    TooManyRooms,
    /// The room has just ended, but for a recording.
    Ending,
    /// Nobody has come to as many places as the asker's network may ask for.
    ShareOfPlaces {
        /// So many.
        most: usize,
        /// When they are free again.
        kept: Duration,
    },
    /// The asker's network has made as many rooms as it may.
    ShareOfRooms {
        /// So many.
        most: usize,
    },
}

impl Registry {
    /// Makes a place in a room, and the room if there is none. `origin` is how the visitor reached us,
    /// `wss://host[:port]`; `asker` the visitor's network, unless everybody may stand behind it.
    ///
    /// # Errors
    /// See [`GuestRefusal`]; nothing has changed then.
    pub fn take_guest_place(
        &mut self,
        room: SessionProperties,
        place: ConnectionProperties,
        origin: &str,
        asker: Option<IpAddr>,
        now: Time,
    ) -> Result<ConnectionSnapshot, GuestRefusal> {
        let id = room.custom_session_id.clone();
        match self.sessions.get(id.as_str()) {
            Some(session) if session.guest_room.is_none() => return Err(GuestRefusal::NotAGuestRoom),
            Some(session) if session.connections_count() >= MAX_PLACES => return Err(GuestRefusal::RoomFull),
            _ => {}
        }
        if asker.is_some_and(|asker| self.places_asked_for(asker) >= SHARE_OF_PLACES) {
            return Err(GuestRefusal::ShareOfPlaces { most: SHARE_OF_PLACES, kept: PLACE_KEPT });
        }
        if !self.sessions.contains(id.as_str()) {
            self.make_guest_room(room, asker, now)?;
        }
        let connection = self.create_connection(&id, place, origin, now).map_err(|_| GuestRefusal::Ending)?;
        if let Some(room) = self.sessions.get_mut(id.as_str()).and_then(|session| session.guest_room.as_mut()) {
            room.askers.insert(connection.clone(), asker);
        }
        self.connection(&id, connection.as_str()).map_err(|_| GuestRefusal::Ending)
    }

    fn make_guest_room(
        &mut self,
        room: SessionProperties,
        maker: Option<IpAddr>,
        now: Time,
    ) -> Result<(), GuestRefusal> {
        if self.guest_rooms().count() >= MAX_ROOMS {
            return Err(GuestRefusal::TooManyRooms);
        }
        if maker.is_some() && self.guest_rooms().filter(|(_, room)| room.maker == maker).count() >= SHARE_OF_ROOMS {
            return Err(GuestRefusal::ShareOfRooms { most: SHARE_OF_ROOMS });
        }
        let id = self.create_session(room, now).map_err(|_| GuestRefusal::Ending)?;
        if let Some(session) = self.sessions.get_mut(&id) {
            session.guest_room = Some(GuestRoom { maker, askers: HashMap::new() });
        }
        if !self.cx.timers.is_set(Timer::GuestPlaces) {
            self.cx.timers.set(Timer::GuestPlaces, now + LOOK);
        }
        Ok(())
    }

    fn guest_rooms(&self) -> impl Iterator<Item = (&Session, &GuestRoom)> {
        self.sessions.values().filter_map(|session| Some((session, session.guest_room.as_ref()?)))
    }

    /// And not taken yet.
    fn places_asked_for(&self, asker: IpAddr) -> usize {
        let of = |(session, room): (&Session, &GuestRoom)| {
            session.pending().filter(|pending| room.askers.get(&pending.connection) == Some(&Some(asker))).count()
        };
        self.guest_rooms().map(of).sum()
    }

    /// Frees the places that nobody has taken in time, and ends rooms that nobody is in nor may come to.
    pub(crate) fn expire_guest_places(&mut self, now: Time) {
        let mut empty = vec![];
        let mut is_left = false;
        let rooms: Vec<_> = self.guest_rooms().map(|(session, _)| session.id.clone()).collect();
        for id in rooms {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            let Some(mut room) = session.guest_room.take() else { continue };
            let is_gone = |pending: &&PendingConnection| {
                pending.created_at + PLACE_KEPT <= now && room.askers.contains_key(&pending.connection)
            };
            let gone: Vec<_> = session.pending().filter(is_gone).map(|pending| pending.connection.clone()).collect();
            for connection in gone {
                session.pending_id(connection.as_str()).and_then(|id| session.remove_pending(id));
            }
            room.askers.retain(|connection, _| session.knows(connection.as_str()));
            session.guest_room = Some(room);
            if !session.in_use() && session.pending().next().is_none() {
                empty.push(id);
            } else {
                is_left = true;
            }
        }
        for id in empty {
            let Some(session) = self.sessions.remove(&id) else { continue };
            self.cx.effects.push(Effect::Collected(session.stamp(now)));
            tracing::debug!(session = %id, "room closed: nobody came");
        }
        if is_left {
            self.cx.timers.set(Timer::GuestPlaces, now + LOOK);
        }
    }
}
