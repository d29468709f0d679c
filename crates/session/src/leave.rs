//! Leaving and being put out, of one connection or of a whole session, with the order in which everybody learns of it.

use std::sync::Arc;

use protocol::event::Reason;
use protocol::id::SessionId;
use protocol::media::MediaOperation;

use crate::client::{Link, Origin, Presence, Seat};
use crate::connection::Participant;
use crate::context::Context;
use crate::id::{ClientId, ParticipantId};
use crate::request::{Decision, Response};
use crate::session::Session;
use crate::timer::Timer;
use crate::{Effect, Notification, Refusal, Registry, Reply, Time};

/// How a departure is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Farewell {
    /// The client asked to leave: it gets this answer and nobody hears of an eviction.
    Left {
        /// Its request.
        origin: Origin,
    },
    /// It was put out, and everybody is told so.
    Evicted {
        /// The request of the moderator who wanted it; answered between the two notifications.
        answer: Option<Origin>,
    },
}

impl Registry {
    /// Puts one participant out, and closes the session if nobody is left.
    pub(crate) fn evict(&mut self, seat: &Seat, reason: Reason, now: Time) {
        if let Some(session) = self.sessions.get_mut(&seat.session) {
            let farewell = Farewell::Evicted { answer: None };
            session.remove_participant(seat.participant, reason, farewell, &mut self.cx, now);
        }
        self.end_session_if_deserted(&seat.session, reason, now);
    }

    /// A client without a socket has been away for too long, or has missed too much.
    pub(crate) fn give_up(&mut self, client: ClientId, now: Time) {
        self.put_out(client, now);
        self.cx.drop_client(client);
    }

    /// The same, of whom it is remembered.
    pub(crate) fn put_out(&mut self, client: ClientId, now: Time) {
        if let Some(seat) = self.seat_of(client) {
            self.evict(&seat, Reason::NetworkDisconnect, now);
        }
    }

    /// Closes a session: one participant after the other, each told to those who are still there.
    pub(crate) fn end_session(&mut self, session: &SessionId, reason: Reason, now: Time) {
        let Some(entry) = self.sessions.get_mut(session) else { return };
        entry.put_everybody_out(reason, &mut self.cx, now);
        let Some(entry) = self.sessions.remove(session) else { return };
        self.bury(session.clone(), entry.number, entry.destroyed(reason, now), now);
        tracing::info!(session = %session, reason = reason.as_str(), "session closed");
    }

    /// Closes every session that `which` is true for, in the order of creation.
    pub(crate) fn end_sessions(&mut self, which: impl Fn(&Session) -> bool, reason: Reason, now: Time) {
        let mut sessions: Vec<_> = self.sessions.values().filter(|session| which(session)).collect();
        sessions.sort_by_key(|session| session.number);
        let doomed: Vec<_> = sessions.into_iter().map(|session| (session.id.clone(), reason)).collect();
        self.doomed.extend(doomed);
        self.settle(now);
    }

    pub(crate) fn end_session_if_deserted(&mut self, session: &SessionId, last: Reason, now: Time) {
        let Some(entry) = self.sessions.get_mut(session) else { return };
        if entry.has_visible_participants() {
            return;
        }
        let reason = last.of_emptied_session();
        if entry.waits_for_return(&mut self.cx, now) {
            // It waits for its recording's sake, and of nobody there is nothing to broadcast.
            entry.end_broadcast(reason, &mut self.cx, now);
        } else {
            self.end_session(session, reason, now);
        }
    }
}

impl Session {
    pub(crate) fn leave_room(&mut self, origin: Origin, who: ParticipantId, cx: &mut Context, now: Time) -> Decision {
        self.remove_participant(who, Reason::Disconnect, Farewell::Left { origin }, cx, now);
        Ok(Response::Given)
    }

    /// What precedes the session's own end.
    fn put_everybody_out(&mut self, reason: Reason, cx: &mut Context, now: Time) {
        self.abandon_recording_start(reason, cx, now);
        self.abandon_broadcast_start(cx, now);
        let participants: Vec<_> = self.participants().map(|(id, _)| id).collect();
        for participant in participants {
            self.remove_participant(participant, reason, Farewell::Evicted { answer: None }, cx, now);
        }
        self.end_recording(reason, cx, now);
        self.end_broadcast(reason, cx, now);
        self.in_all_rooms(&MediaOperation::CloseRouter, cx);
    }

    /// Takes a participant out, without looking at what remains of the session.
    pub(crate) fn remove_participant(
        &mut self,
        who: ParticipantId,
        reason: Reason,
        farewell: Farewell,
        cx: &mut Context,
        now: Time,
    ) {
        let Some(mut participant) = self.leave(who) else { return };
        tracing::info!(
            session = %self.id, connection = %participant.connection, reason = reason.as_str(), "connection left"
        );
        self.release_media(who, &mut participant, reason, cx, now);
        self.speech_left(who, &participant, cx, now);
        self.emit_left(&participant, reason, cx, now);
        if !participant.is_hidden() {
            let connection = participant.connection.clone();
            self.broadcast(None, Notification::ParticipantLeft { connection, reason }, cx);
        }
        self.dismiss(&participant, cx);
        match farewell {
            Farewell::Left { origin } => cx.reply(origin, Ok(Reply::Done)),
            Farewell::Evicted { answer } => {
                if let Some(origin) = answer {
                    cx.reply(origin, Ok(Reply::Done));
                }
                self.announce_eviction(&participant, reason, cx);
            }
        }
        participant.linger(cx, now);
    }

    /// Applications are told of the end of what others received first, then of what the participant received, then of
    /// what it published.
    fn release_media(
        &mut self,
        who: ParticipantId,
        participant: &mut Participant,
        reason: Reason,
        cx: &mut Context,
        now: Time,
    ) {
        let stream = participant.stream.take();
        if let Some(stream) = &stream {
            self.release_stream(who, stream, reason, cx, now);
            stream.let_camera_go(&participant.access, cx);
        }
        for (publisher, subscription) in std::mem::take(&mut participant.subscriptions) {
            subscription.release(participant.room, participant.client, publisher, cx);
            if let Some(announced) = subscription.announced {
                self.emit_destroyed(announced, reason, cx, now);
            }
            self.review_transcodings(publisher, cx);
        }
        participant.forget_selection(who, cx);
        if let Some(stream) = stream {
            self.emit_destroyed(stream.announced, reason, cx, now);
        }
    }

    /// The client is nobody from here on: what it still waits for is answered.
    fn dismiss(&self, participant: &Participant, cx: &mut Context) {
        let (session, connection) = (self.id.clone(), participant.connection.clone());
        let Some(client) = cx.clients.get_mut(participant.client) else { return };
        let waiting = client.waiting.take();
        client.presence = Presence::Left { session: session.clone(), connection: connection.clone() };
        if let Link::Open(socket) = client.link {
            cx.effects.push(Effect::Departed { socket });
        }
        if let Some(request) = waiting {
            cx.abandon_media(request, Err(Refusal::RemovedMeanwhile { connection, session }));
        }
    }

    fn announce_eviction(&self, participant: &Participant, reason: Reason, cx: &mut Context) {
        let connection = participant.connection.clone();
        let evicted = Notification::ParticipantEvicted { connection, reason };
        cx.notify(participant.client, &Arc::new(evicted.clone()));
        if !participant.is_hidden() {
            self.broadcast(None, evicted, cx);
        }
    }
}

impl Participant {
    /// Well-behaved clients close their socket now; the others have it closed. A client without a socket keeps its
    /// grace period, to be told why it was put out.
    fn linger(&self, cx: &mut Context, now: Time) {
        let Some(client) = cx.clients.get(self.client) else { return };
        match client.link {
            // What it asked for meanwhile is answered (that it is gone) before nobody can hear it any more.
            Link::Open(_) if self.is_recorder() => cx.close_client(self.client),
            Link::Calls => cx.close_client(self.client),
            Link::Open(_) => cx.timers.set(Timer::Linger(self.client), now + cx.settings.linger),
            Link::RecordingLosses(_) => {}
        }
    }
}
