//! Leaving and being put out, of one connection or of a whole session, with the order in which everybody learns of it.

use std::sync::Arc;

use protocol::error::ErrorCode;
use protocol::event::Reason;
use protocol::id::SessionId;
use protocol::media::MediaCommand;
use protocol::rpc::{ClientReply, RpcError, ServerNotification};

use crate::client::{Link, Origin, Place, Seat};
use crate::connection::Participant;
use crate::id::ClientId;
use crate::request::{Answer, Answered};
use crate::session::Session;
use crate::timer::Timer;
use crate::{Registry, Time};

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
        /// The request of the moderator who wanted it; answered between `participantLeft` and `participantEvicted`.
        answer: Option<Origin>,
    },
}

impl Registry {
    pub(crate) fn leave_room(&mut self, origin: Origin, seat: &Seat, now: Time) -> Answered {
        self.remove_participant(seat, Reason::Disconnect, Farewell::Left { origin }, now);
        self.end_session_if_deserted(&seat.session, Reason::Disconnect, now);
        Ok(Answer::Given)
    }

    /// Puts one participant out, and closes the session if nobody is left.
    pub(crate) fn evict(&mut self, seat: &Seat, reason: Reason, answer: Option<Origin>, now: Time) {
        self.remove_participant(seat, reason, Farewell::Evicted { answer }, now);
        self.end_session_if_deserted(&seat.session, reason, now);
    }

    /// A client without a socket has been away for too long, or has missed too much.
    pub(crate) fn give_up(&mut self, client: ClientId, now: Time) {
        let Some(entry) = self.clients.get(client) else { return };
        if let Place::Inside(seat) = entry.place.clone() {
            self.evict(&seat, Reason::NetworkDisconnect, None, now);
        }
        self.drop_client(client);
    }

    /// Forgets an RPC session with everything that was planned for it.
    pub(crate) fn drop_client(&mut self, client: ClientId) {
        self.timers.cancel(Timer::Grace(client));
        self.timers.cancel(Timer::Linger(client));
        self.clients.remove(client);
    }

    /// Closes a session: one participant after the other, each told to those who are still there.
    pub(crate) fn end_session(&mut self, session: &SessionId, reason: Reason, now: Time) {
        self.abandon_recording_start(session, reason, now);
        let Some(entry) = self.sessions.get(session) else { return };
        let participants: Vec<_> = entry.participants().map(|(id, _)| id).collect();
        for participant in participants {
            let seat = Seat { session: session.clone(), participant };
            self.remove_participant(&seat, reason, Farewell::Evicted { answer: None }, now);
        }
        if let Some(recording) = self.sessions.get(session).and_then(|entry| entry.recording) {
            self.end_recording(recording, reason, now);
        }
        let Some(entry) = self.sessions.remove(session) else { return };
        if entry.in_use {
            self.command(MediaCommand::CloseRouter { router: entry.router });
        }
        self.bury(session.clone(), entry.router, entry.destroyed(reason, now), now);
        tracing::info!(session = %session, reason = reason.as_str(), "session closed");
    }

    /// Closes every session that `which` is true for, in the order of creation.
    pub(crate) fn end_sessions(&mut self, which: impl Fn(&Session) -> bool, reason: Reason, now: Time) {
        let mut sessions: Vec<_> = self.sessions.values().filter(|session| which(session)).collect();
        sessions.sort_by_key(|session| session.router);
        let sessions: Vec<_> = sessions.into_iter().map(|session| session.id.clone()).collect();
        for session in sessions {
            self.end_session(&session, reason, now);
        }
        self.settle(now);
    }

    pub(crate) fn end_session_if_deserted(&mut self, session: &SessionId, last: Reason, now: Time) {
        let deserted = self.sessions.get(session).is_some_and(|session| !session.has_visible_participants());
        if deserted && !self.waits_for_return(session, now) {
            self.end_session(session, last.of_emptied_session(), now);
        }
    }

    /// Takes a participant out, without looking at what remains of the session.
    pub(crate) fn remove_participant(&mut self, seat: &Seat, reason: Reason, farewell: Farewell, now: Time) {
        let Some(entry) = self.sessions.get_mut(&seat.session) else { return };
        let Some(mut participant) = entry.leave(seat.participant) else { return };
        tracing::info!(
            session = %seat.session, connection = %participant.connection, reason = reason.as_str(), "connection left"
        );
        self.release_media(seat, &mut participant, reason, now);
        self.emit_left(&seat.session, &participant, reason, now);
        if !participant.is_hidden() {
            let connection_id = participant.connection.clone();
            let left = ServerNotification::ParticipantLeft { connection_id, reason: reason.as_str() };
            self.broadcast(&seat.session, None, left);
        }
        self.dismiss(seat, &participant);
        match farewell {
            Farewell::Left { origin } => self.clients.reply(origin, Ok(ClientReply::Empty {})),
            Farewell::Evicted { answer } => {
                if let Some(origin) = answer {
                    self.clients.reply(origin, Ok(ClientReply::Empty {}));
                }
                self.announce_eviction(seat, &participant, reason);
            }
        }
        self.linger(&participant, now);
    }

    /// Applications are told of the end of what others received first, then of what the participant received, then of
    /// what it published.
    fn release_media(&mut self, seat: &Seat, participant: &mut Participant, reason: Reason, now: Time) {
        let stream = participant.stream.take();
        if let Some(stream) = &stream {
            self.release_stream(seat, stream, reason, now);
        }
        for (publisher, subscription) in std::mem::take(&mut participant.subscriptions) {
            self.release_subscription(participant.client, publisher, &subscription);
            if let Some(announced) = subscription.announced {
                self.emit_destroyed(&seat.session, announced, reason, now);
            }
        }
        if let Some(stream) = stream {
            self.emit_destroyed(&seat.session, stream.announced, reason, now);
        }
    }

    /// The client is nobody from here on: what it still waits for is answered.
    fn dismiss(&mut self, seat: &Seat, participant: &Participant) {
        let (session, connection) = (seat.session.clone(), participant.connection.clone());
        let Some(client) = self.clients.get_mut(participant.client) else { return };
        let waiting = client.waiting.take();
        client.place = Place::Gone { session, connection };
        if let Some(request) = waiting {
            let text = format_args!(
                "User '{}' was removed from session '{}' before its request was done",
                participant.connection, seat.session
            );
            self.abandon_media(request, Err(RpcError::new(ErrorCode::UserNotFound, text)));
        }
    }

    fn announce_eviction(&mut self, seat: &Seat, participant: &Participant, reason: Reason) {
        let connection_id = participant.connection.clone();
        let evicted = ServerNotification::ParticipantEvicted { connection_id, reason: reason.as_str() };
        if participant.is_hidden() {
            self.clients.notify(participant.client, &Arc::new(evicted));
        } else {
            self.clients.notify(participant.client, &Arc::new(evicted.clone()));
            self.broadcast(&seat.session, None, evicted);
        }
    }

    /// Well-behaved clients close their socket now; the others have it closed. A client without a socket keeps its
    /// grace period, to be told why it was put out.
    fn linger(&mut self, participant: &Participant, now: Time) {
        let id = participant.client;
        let Some(client) = self.clients.get(id) else { return };
        match client.link {
            Link::Open(_) if participant.is_recorder() => {
                // What it asked for meanwhile is answered (that it is gone) before nobody can hear it any more.
                self.run_queued(id, now);
                self.clients.close(id);
            }
            Link::Open(_) => self.timers.set(Timer::Linger(id), now + self.settings.linger),
            Link::Lost(_) => {}
        }
    }
}
