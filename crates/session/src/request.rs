//! The life of a client's request: queueing, who may ask at all, and the way to the rule that answers it. Each gets exactly
//! one answer; those of one client are worked off one after the other, in the order of their arrival.

use protocol::event::Reason;
use protocol::id::SessionId;

use crate::client::{Origin, Presence, QueuedRequest, Seat};
use crate::command::{Asker, CallId, Caller, ClientCommand, Command, SocketId};
use crate::context::Context;
use crate::id::{ClientId, ParticipantId};
use crate::session::Session;
use crate::{Attempt, Refusal, Registry, Reply, Time};

/// How a rule answers.
#[derive(Debug)]
pub(crate) enum Response {
    /// With this, now.
    Reply(Reply),
    /// It has answered already, because something had to follow the answer; or nobody hears any more.
    Given,
    /// Once the media worker has reported.
    Later,
}

/// What a rule decides.
pub(crate) type Decision = Result<Response, Refusal>;

/// It is done and there is nothing to say about it.
pub(crate) const DONE: Decision = Ok(Response::Reply(Reply::Done));

/// A state that should be impossible: a defect of ours, to be found by what is logged here.
pub(crate) fn impossible(what: &'static str, session: &SessionId, participant: ParticipantId) -> Refusal {
    tracing::error!(%session, ?participant, what, "a state that should be impossible: the request is refused");
    Refusal::Internal
}

impl Registry {
    /// Something is asked. It is always answered, by one [`crate::Effect::Reply`], now or later; unless the asker's socket is
    /// gone.
    pub fn handle(&mut self, command: Command, now: Time) {
        match command {
            Command::Socket { socket, request, command } => self.take_from_socket(socket, request, command, now),
            Command::Resume { socket, request, client } => self.resume(socket, request, client.as_ref(), now),
            Command::Call { call, caller, command } => self.take_from_call(call, caller, command, now),
            Command::Application { call, command } => self.take_from_application(call, command, now),
        }
        self.settle(now);
    }

    fn take_from_socket(&mut self, socket: SocketId, request: i64, command: ClientCommand, now: Time) {
        let Some(client) = self.cx.clients.of_socket(socket, &mut self.cx.ids) else {
            tracing::debug!(?socket, "request on a socket that is closed");
            return;
        };
        self.queue(Origin { client, asker: Some(Asker::Socket { socket, request }) }, command, now);
    }

    fn take_from_call(&mut self, call: CallId, caller: Caller, command: ClientCommand, now: Time) {
        let asker = Asker::Call(call);
        let known = match caller {
            Caller::Known(handle) => self.cx.clients.by_handle(&handle),
            Caller::New(peer) => Some(self.cx.clients.without_socket(peer, &mut self.cx.ids)),
        };
        let Some(client) = known else {
            self.cx.effects.reply(asker, None, Err(Refusal::UnknownClient));
            return;
        };
        self.queue(Origin { client, asker: Some(asker) }, command, now);
        self.forget_unless_joined(client);
    }

    /// There is no socket whose end would end a client that makes calls and is in no session.
    fn forget_unless_joined(&mut self, client: ClientId) {
        let is_joined = |presence: &Presence| matches!(presence, Presence::Joined(_));
        if self.cx.is_only_calling(client) && !self.cx.clients.get(client).is_some_and(|it| is_joined(&it.presence)) {
            self.cx.drop_client(client);
        }
    }

    pub(crate) fn queue(&mut self, origin: Origin, command: ClientCommand, now: Time) {
        let Some(entry) = self.cx.clients.get_mut(origin.client) else { return };
        // An echo asks whether the server is alive, and has 3 s for the answer.
        if entry.waiting.is_none() || matches!(command, ClientCommand::Echo) {
            self.perform(origin, command, now);
        } else if entry.has_room_for(&command) {
            entry.requests.push_back(QueuedRequest { origin, command });
        } else {
            self.cx.reply(origin, Err(Refusal::TooManyRequests));
        }
    }

    /// Goes on after a request that waited for media was answered.
    pub(crate) fn run_queued(&mut self, client: ClientId, now: Time) {
        while let Some(entry) = self.cx.clients.get_mut(client)
            && entry.waiting.is_none()
            && let Some(QueuedRequest { origin, command }) = entry.requests.pop_front()
        {
            self.perform(origin, command, now);
        }
    }

    fn perform(&mut self, origin: Origin, command: ClientCommand, now: Time) {
        let Some(client) = self.cx.clients.get(origin.client) else { return };
        let decision = match (client.presence.clone(), command) {
            (Presence::Joined(seat), command) => {
                let attempt = Attempt::of(&command);
                let decision = self.perform_joined(origin, &seat, command, now);
                self.notice_refusal(&seat, attempt, &decision);
                decision
            }
            (Presence::NotJoined, ClientCommand::Join(join)) => {
                let wanted = SessionId::from(join.session.as_str());
                let room = self.place(join.session.as_str());
                let decision = match room.zip(self.sessions.get_mut(join.session.as_str())) {
                    Some((room, session)) => session.join(origin, *join, room, &mut self.cx, now),
                    None => Err(Refusal::UnknownSession { session: join.session }),
                };
                self.notice_stranger(origin, &wanted, &decision);
                decision
            }
            (Presence::NotJoined, ClientCommand::Rejected { rejection, of_join: true }) => {
                Err(Refusal::Rejected(rejection))
            }
            // Nothing else is allowed, not even with wrong parameters.
            (Presence::NotJoined, _) => Err(Refusal::NotJoined { client: client.handle.clone() }),
            (Presence::Left { .. }, ClientCommand::Echo) => DONE,
            (Presence::Left { session, connection }, _) => Err(Refusal::NoLongerJoined { connection, session }),
        };
        self.cx.answer(origin, decision);
    }

    fn perform_joined(&mut self, origin: Origin, seat: &Seat, command: ClientCommand, now: Time) -> Decision {
        let Some(session) = self.sessions.get_mut(&seat.session) else {
            return Err(impossible("a client is in a session that does not exist", &seat.session, seat.participant));
        };
        let last_reason = match command {
            ClientCommand::Leave => Some(Reason::Disconnect),
            ClientCommand::ForceDisconnect { .. } => Some(Reason::ForceDisconnectByUser),
            _ => None,
        };
        let decision = session.perform(origin, seat.participant, command, &mut self.cx, now);
        if let Some(reason) = last_reason.filter(|_| decision.is_ok()) {
            self.end_session_if_deserted(&seat.session, reason, now);
        }
        decision
    }
}

impl Session {
    /// What a participant asks.
    fn perform(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        command: ClientCommand,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        if needs_media(&command) && !cx.clients.is_current(origin) {
            // It waited until its socket was gone: nobody would ever learn of the media.
            return Ok(Response::Given);
        }
        match command {
            ClientCommand::Join(_) => Err(Refusal::AlreadyJoined),
            ClientCommand::Leave => self.leave_room(origin, who, cx, now),
            ClientCommand::Publish(request) => self.publish(origin, who, request, cx, now),
            ClientCommand::Unpublish => self.unpublish(who, cx, now),
            ClientCommand::RequestOffer { stream } => self.request_offer(origin, who, &stream, cx, now),
            ClientCommand::Subscribe { stream, offer } => {
                self.subscribe_with_offer(origin, who, &stream, offer, cx, now)
            }
            ClientCommand::AnswerOffer { stream, answer } => self.answer_offer(origin, who, &stream, answer, cx, now),
            ClientCommand::Unsubscribe { publisher } => self.unsubscribe(who, &publisher, cx, now),
            ClientCommand::WantPicture { stream, wanted } => self.want_picture(who, &stream, wanted, cx),
            ClientCommand::AddCandidate { endpoint, candidate } => {
                self.take_candidate(who, &endpoint, candidate, cx);
                DONE
            }
            ClientCommand::RestartIce { endpoint, credentials } => {
                self.restart_ice(origin, who, &endpoint, credentials, cx, now)
            }
            ClientCommand::RenewConnection { stream, sdp } => self.renew(origin, who, &stream, sdp, cx, now),
            ClientCommand::Signal(signal) => self.signal_from_client(who, signal, cx, now),
            ClientCommand::ChangeStream(change) => self.change_stream(who, *change, cx, now),
            ClientCommand::ForceDisconnect { connection } => self.force_disconnect(origin, who, &connection, cx, now),
            ClientCommand::ForceUnpublish { stream } => self.force_unpublish(origin, who, &stream, cx, now),
            ClientCommand::Filter(request) => self.filter(origin, who, *request, cx, now),
            ClientCommand::SubscribeToSpeech { connection, language } => {
                self.subscribe_to_speech(origin, who, connection, language, cx, now)
            }
            ClientCommand::UnsubscribeFromSpeech { connection } => {
                self.unsubscribe_from_speech(who, connection, cx, now)
            }
            ClientCommand::Report | ClientCommand::Echo => DONE,
            ClientCommand::Rejected { rejection, .. } => Err(Refusal::Rejected(rejection)),
        }
    }
}

fn needs_media(command: &ClientCommand) -> bool {
    matches!(
        command,
        ClientCommand::Publish(_)
            | ClientCommand::RequestOffer { .. }
            | ClientCommand::Subscribe { .. }
            | ClientCommand::AnswerOffer { .. }
            | ClientCommand::RestartIce { .. }
            | ClientCommand::RenewConnection { .. }
            | ClientCommand::Filter(_)
    )
}
