//! Properties that change while people are there: of a stream (its publisher says so) and of a connection (REST does).

use std::sync::Arc;

use protocol::error::ErrorCode;
use protocol::id::ConnectionId;
use protocol::model::ConnectionProperties;
use protocol::rpc::ServerNotification;

use crate::client::Seat;
use crate::connection::{Access, Participant};
use crate::registry::{ConnectionUpdate, NotFound};
use crate::request::{Answered, DONE, refuse};
use crate::{Registry, Time};

impl Registry {
    /// Neither names nor values are checked: what a publisher says of its own stream is relayed.
    pub(crate) fn change_stream_property(
        &mut self,
        seat: &Seat,
        property: String,
        new_value: String,
        reason: String,
    ) -> Answered {
        let Some(own) = self.participant_mut(seat) else { return DONE };
        let connection_id = own.connection.clone();
        let Some(stream) = own.stream.as_mut() else {
            let text = format_args!("Connection '{connection_id}' publishes no stream whose property could change");
            return refuse(ErrorCode::Internal, text);
        };
        stream.set_property(&property, &new_value);
        let is_switch = matches!(property.as_str(), "audioActive" | "videoActive");
        let stream_id = stream.id().clone();
        let changed =
            ServerNotification::StreamPropertyChanged { connection_id, stream_id, property, new_value, reason };
        self.broadcast(&seat.session, Some(seat.participant), changed);
        if is_switch {
            self.record_switched(seat);
        }
        DONE
    }

    /// The new role counts from the next request on; a stream that is published already goes on.
    pub(crate) fn apply_update(
        &mut self,
        session: &str,
        connection: &str,
        update: ConnectionUpdate,
        now: Time,
    ) -> Result<(), NotFound> {
        let session = self.sessions.get_mut(session).ok_or(NotFound::Session)?;
        if let Some(pending) = session.pending_id(connection) {
            if let Some(pending) = session.pending_mut(pending) {
                change(&mut pending.properties, update);
            }
            return Ok(());
        }
        let participant = session.visible(connection).ok_or(NotFound::Connection)?;
        let seat = Seat { session: session.id.clone(), participant };
        let Some(participant) = session.participant_mut(participant) else { return Err(NotFound::Connection) };
        // Who joined by secret has no token, and with it nothing that could be changed.
        let Access::Token { properties, .. } = &mut participant.access else { return Ok(()) };
        let record = update.record.filter(|record| *record != properties.record);
        for (property, new_value) in change(properties, update) {
            let changed = ServerNotification::ConnectionPropertyChanged { property, new_value };
            self.clients.notify(participant.client, &Arc::new(changed));
        }
        if let Some(record) = record {
            self.record_changed(&seat, record, now);
        }
        Ok(())
    }

    pub(crate) fn participant(&self, seat: &Seat) -> Option<&Participant> {
        self.sessions.get(&seat.session)?.participant(seat.participant)
    }

    pub(crate) fn participant_mut(&mut self, seat: &Seat) -> Option<&mut Participant> {
        self.sessions.get_mut(&seat.session)?.participant_mut(seat.participant)
    }

    pub(crate) fn connection_of(&self, seat: &Seat) -> Option<ConnectionId> {
        Some(self.participant(seat)?.connection.clone())
    }
}

/// Applies an update and says what is different now.
fn change(properties: &mut ConnectionProperties, update: ConnectionUpdate) -> Vec<(&'static str, String)> {
    let mut changed = vec![];
    if let Some(role) = update.role.filter(|role| *role != properties.role) {
        properties.role = role;
        changed.push(("role", role.as_str().to_owned()));
    }
    if let Some(record) = update.record.filter(|record| *record != properties.record) {
        properties.record = record;
        changed.push(("record", record.to_string()));
    }
    changed
}
