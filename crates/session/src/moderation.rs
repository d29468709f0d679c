//! What moderators do to others.

use protocol::event::Reason;

use crate::client::Origin;
use crate::connection::Participant;
use crate::context::Context;
use crate::id::ParticipantId;
use crate::leave::Farewell;
use crate::request::{Decision, Response};
use crate::session::Session;
use crate::{Notification, Refusal, Reply, Time};

impl Session {
    pub(crate) fn force_disconnect(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        connection: &str,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        if !self.present(who)?.may_moderate() {
            return Err(Refusal::MayNotDisconnect);
        }
        let Some(victim) = self.visible(connection) else { return Err(Refusal::UnknownConnection) };
        let farewell = Farewell::Evicted { answer: Some(origin) };
        self.remove_participant(victim, Reason::ForceDisconnectByUser, farewell, cx, now);
        Ok(Response::Given)
    }

    /// The moderator's answer comes first, then everybody is told, the owner too.
    pub(crate) fn force_unpublish(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        stream: &str,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        if !self.present(who)?.may_moderate() {
            return Err(Refusal::MayNotUnpublish);
        }
        let reason = Reason::ForceUnpublishByUser;
        let publisher = self.publisher_of(stream).map(|(publisher, _)| publisher);
        if publisher.and_then(|publisher| self.participant(publisher)).is_some_and(Participant::is_camera) {
            return Err(Refusal::StreamOfCamera);
        }
        let ended = publisher.and_then(|publisher| self.end_stream(publisher, reason, cx, now));
        let Some(connection) = ended else { return Err(self.unknown_stream(stream)) };
        cx.reply(origin, Ok(Reply::Done));
        self.broadcast(None, Notification::StreamUnpublished { connection, reason }, cx);
        Ok(Response::Given)
    }
}
