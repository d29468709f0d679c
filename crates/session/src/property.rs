//! Properties that change while people are there: of a stream (its publisher says so) and of a connection (the application
//! does).

use std::sync::Arc;

use protocol::model::ConnectionProperties;

use crate::command::{ConnectionUpdate, StreamChange, StreamChangeMeaning};
use crate::connection::Access;
use crate::context::Context;
use crate::id::ParticipantId;
use crate::registry::NotFound;
use crate::request::{DONE, Decision};
use crate::session::Session;
use crate::{Noticed, Notification, Refusal, Time};

impl Session {
    /// Neither names nor values are checked: what a publisher says of its own stream is relayed.
    pub(crate) fn change_stream(
        &mut self,
        who: ParticipantId,
        change: StreamChange,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        self.hear(who, change.bytes(), cx, now)?;
        let StreamChange { property, new_value, reason, meaning } = change;
        let own = self.present_mut(who)?;
        let connection = own.connection.clone();
        let Some(stream) = own.stream.as_mut() else { return Err(Refusal::NoStreamToChange { connection }) };
        let is_switch =
            matches!(meaning, Some(StreamChangeMeaning::AudioActive(_) | StreamChangeMeaning::VideoActive(_)));
        let id = stream.id().clone();
        if let Some(meaning) = meaning {
            stream.change(meaning.clone());
            cx.notice(&self.id, &connection, Noticed::Switched { stream: id.clone(), meaning });
        }
        let stream = id;
        let changed = Notification::StreamChanged { connection, stream, property, new_value, reason };
        self.broadcast(Some(who), changed, cx);
        if is_switch {
            self.record_switched(who, cx);
            self.broadcast_switched(who, cx);
        }
        DONE
    }

    /// The new role counts from the next request on; a stream that is published already goes on.
    pub(crate) fn update_connection(
        &mut self,
        connection: &str,
        mut update: ConnectionUpdate,
        cx: &mut Context,
        now: Time,
    ) -> Result<(), NotFound> {
        update.pinned = update.pinned.map(|streams| self.check_pinned(&streams)).transpose()?;
        if let Some(pending) = self.pending_id(connection) {
            if let Some(pending) = self.pending_mut(pending) {
                change(&mut pending.properties, update);
            }
            return Ok(());
        }
        let who = self.visible(connection).ok_or(NotFound::Connection)?;
        let participant = self.participant_mut(who).ok_or(NotFound::Connection)?;
        if let Access::Camera(camera) = &mut participant.access {
            if let Some(record) = update.record.filter(|record| *record != camera.properties.record) {
                camera.properties.record = record;
                self.record_changed(who, record, cx, now);
            }
            return Ok(());
        }
        // Who joined by secret has no token, and with it nothing that could be changed.
        let Access::Token { properties, .. } = &mut participant.access else { return Ok(()) };
        let record = update.record.filter(|record| *record != properties.record);
        let new_role = update.role.filter(|role| *role != properties.role);
        for changed in change(properties, update) {
            cx.notify(participant.client, &Arc::new(changed));
        }
        if let Some(record) = record {
            self.record_changed(who, record, cx, now);
        }
        if let Some(role) = new_role {
            self.notice(who, Noticed::RoleChanged(role), cx);
        }
        self.select(who, cx);
        Ok(())
    }
}

/// Applies an update and says what is different now.
fn change(properties: &mut ConnectionProperties, update: ConnectionUpdate) -> Vec<Notification> {
    let mut changed = vec![];
    if let Some(role) = update.role.filter(|role| *role != properties.role) {
        properties.role = role;
        changed.push(Notification::RoleChanged(role));
    }
    if let Some(record) = update.record.filter(|record| *record != properties.record) {
        properties.record = record;
        changed.push(Notification::RecordChanged(record));
    }
    // Clients know nothing of these.
    properties.last_n = update.last_n.or(properties.last_n);
    properties.loudest = update.loudest.or(properties.loudest);
    if let Some(pinned) = update.pinned {
        properties.pinned = pinned;
    }
    changed
}
