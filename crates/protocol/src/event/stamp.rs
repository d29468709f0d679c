//! Where and when: the fields that every event of a session starts with.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::Reason;
use crate::id::SessionId;

/// `sessionId`, `uniqueSessionId`, `timestamp`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventStamp {
    /// Which session.
    pub session: SessionId,
    /// When it was created, ms since 1970: tells sessions with the same id apart.
    pub session_created_at: u64,
    /// When this happened, ms since 1970.
    pub timestamp: u64,
}

impl EventStamp {
    fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("sessionId", &self.session)?;
        map.serialize_entry("uniqueSessionId", &format_args!("{}_{}", self.session, self.session_created_at))?;
        map.serialize_entry("timestamp", &self.timestamp)
    }
}

impl Serialize for EventStamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.entries(&mut map)?;
        map.end()
    }
}

/// The fields of [`EventStamp`], then `startTime`, `duration` in whole seconds, `reason`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closing {
    /// Where, and when it ended.
    pub stamp: EventStamp,
    /// When it began, ms since 1970.
    pub start_time: u64,
    /// Why it ended. The key is absent for a client that was given up because a message could not be delivered.
    pub reason: Option<Reason>,
}

impl Serialize for Closing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.stamp.entries(&mut map)?;
        map.serialize_entry("startTime", &self.start_time)?;
        map.serialize_entry("duration", &(self.stamp.timestamp.saturating_sub(self.start_time) / 1000))?;
        if let Some(reason) = self.reason {
            map.serialize_entry("reason", &reason)?;
        }
        map.end()
    }
}
