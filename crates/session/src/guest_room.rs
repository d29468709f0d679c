//! Rooms that visitors make themselves, without any application: sessions like all others, that anybody may enter who
//! knows their name.
//!
//! Nothing else is opened that way: a session of an application stays closed, whatever its id looks like.

use protocol::model::{ConnectionProperties, SessionProperties};

use crate::snapshot::ConnectionSnapshot;
use crate::{Registry, Time};

/// People in one room, with those who asked but did not come.
const MAX_PLACES: usize = 200;
/// Rooms at a time.
const MAX_ROOMS: usize = 1000;

/// Why a visitor gets no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GuestRefusal {
    /// The session is an application's.
    NotAGuestRoom,
    /// As many people are in the room as may be.
    RoomFull,
    /// There are as many rooms as may be.
    TooManyRooms,
    /// The room has just ended, but for a recording.
    Ending,
}

impl Registry {
    /// Makes a place in a room, and the room if there is none. `origin` is how the visitor reached us,
    /// `wss://host[:port]`.
    ///
    /// # Errors
    /// See [`GuestRefusal`]; nothing has changed then.
    pub fn take_guest_place(
        &mut self,
        room: SessionProperties,
        place: ConnectionProperties,
        origin: &str,
        now: Time,
    ) -> Result<ConnectionSnapshot, GuestRefusal> {
        let id = room.custom_session_id.clone();
        match self.sessions.get(id.as_str()) {
            Some(session) if !session.is_guest_room => return Err(GuestRefusal::NotAGuestRoom),
            Some(session) if session.connections_count() >= MAX_PLACES => return Err(GuestRefusal::RoomFull),
            Some(_) => {}
            None => self.make_guest_room(room, now)?,
        }
        let connection = self.create_connection(&id, place, origin, now);
        let connection = connection.and_then(|connection| self.connection(&id, connection.as_str()));
        connection.map_err(|_| GuestRefusal::Ending)
    }

    fn make_guest_room(&mut self, room: SessionProperties, now: Time) -> Result<(), GuestRefusal> {
        if self.sessions.values().filter(|session| session.is_guest_room).count() >= MAX_ROOMS {
            return Err(GuestRefusal::TooManyRooms);
        }
        let id = self.create_session(room, now).map_err(|_| GuestRefusal::Ending)?;
        if let Some(session) = self.sessions.get_mut(&id) {
            session.is_guest_room = true;
        }
        Ok(())
    }
}
