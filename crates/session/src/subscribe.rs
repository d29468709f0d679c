//! Receiving somebody's stream: with an offer of ours or of the client's, in either mode of the deployment.

use std::sync::Arc;
use std::time::Duration;

use protocol::error::ErrorCode;
use protocol::event::Reason;
use protocol::id::{ConnectionId, StreamId, TransportId};
use protocol::media::{MediaCommand, MediaFailure};
use protocol::rpc::{ClientReply, RpcError};

use crate::candidate::MAX_CANDIDATE_LENGTH;
use crate::client::{Origin, Place, Seat};
use crate::connection::owner_in;
use crate::id::{ClientId, ParticipantId};
use crate::media::{MediaRequest, Outcome, Task, sdp_error};
use crate::peer_connection::PeerConnection;
use crate::publish::unknown_stream;
use crate::request::{Answer, Answered, DONE, refuse};
use crate::subscription::{Subscription, SubscriptionState};
use crate::timer::Timer;
use crate::{Registry, Time};

/// A client that has not answered our offer by then has given up; its transport would wait for ever.
const OFFER_LIFETIME: Duration = Duration::from_secs(30);

impl Registry {
    pub(crate) fn prepare_subscription(&mut self, origin: Origin, seat: &Seat, sender: &str, now: Time) -> Answered {
        let publisher = self.publisher_for(seat, sender)?;
        self.subscribe(origin, seat, publisher, None, now)
    }

    pub(crate) fn subscribe_with_offer(
        &mut self,
        origin: Origin,
        seat: &Seat,
        sender: &str,
        offer: String,
        now: Time,
    ) -> Answered {
        let publisher = self.publisher_for(seat, sender)?;
        self.subscribe(origin, seat, publisher, Some(offer), now)
    }

    /// The client's answer to what we offered last.
    pub(crate) fn accept_answer(
        &mut self,
        origin: Origin,
        seat: &Seat,
        sender: &str,
        answer: String,
        now: Time,
    ) -> Answered {
        let publisher = self.publisher_for(seat, sender)?;
        self.accept(origin, seat, publisher, answer, now)
    }

    /// Which of the four cases it is: the caller's own stream, or somebody's with an answer or an offer.
    pub(crate) fn reconnect_stream(
        &mut self,
        origin: Origin,
        seat: &Seat,
        stream: &str,
        sdp_string: Option<String>,
        sdp_offer: Option<String>,
        now: Time,
    ) -> Answered {
        let publisher = self.sessions.get(&seat.session).and_then(|session| session.publisher_of(stream));
        let Some((publisher, _)) = publisher else { return Err(unknown_stream(stream, &seat.session)) };
        let own = publisher == seat.participant;
        match (sdp_string, sdp_offer) {
            (Some(offer), _) | (None, Some(offer)) if own => self.republish(origin, seat, offer, now),
            (Some(answer), _) => self.accept(origin, seat, publisher, answer, now),
            (None, Some(offer)) => self.subscribe(origin, seat, publisher, Some(offer), now),
            (None, None) => refuse(
                ErrorCode::Internal,
                "Parameter 'sdpString' or 'sdpOffer' of method 'reconnectStream' is missing",
            ),
        }
    }

    /// Whose stream `sender` means. Only the connection id at its end counts. The texts lack a quote in the original
    /// too, and applications may compare them.
    fn publisher_for(&self, seat: &Seat, sender: &str) -> Result<ParticipantId, RpcError> {
        let Some(owner) = owner_in(sender) else {
            let text = format_args!("Parameter 'sender' must be a stream id, not '{sender}'");
            return Err(RpcError::new(ErrorCode::Internal, text));
        };
        let publisher = self.sessions.get(&seat.session).and_then(|session| {
            let id = session.visible(owner)?;
            Some((id, session.participant(id)?.stream.is_some()))
        });
        match publisher {
            None => {
                let text = format_args!("User '{owner} not found in session '{}'", seat.session);
                Err(RpcError::new(ErrorCode::UserNotFound, text))
            }
            Some((id, _)) if id == seat.participant => {
                Err(RpcError::new(ErrorCode::UserNotStreaming, "Can loopback only when publishing media"))
            }
            Some((id, true)) => Ok(id),
            Some((_, false)) => Err(not_streaming(owner, seat)),
        }
    }

    fn subscribe(
        &mut self,
        origin: Origin,
        seat: &Seat,
        publisher: ParticipantId,
        offer: Option<String>,
        now: Time,
    ) -> Answered {
        let Some(session) = self.sessions.get(&seat.session) else { return DONE };
        let Some(stream) = session.participant(publisher).and_then(|publisher| publisher.stream.as_ref()) else {
            return DONE;
        };
        let (router, publication, stream) = (session.router, stream.publication, stream.id().clone());
        let (id, transport) = (self.ids.media_request(), self.ids.transport());
        let kept = offer.as_deref().map(Arc::from);
        self.command(MediaCommand::Subscribe { request: id, router, publication, transport, offer });
        let task = Task::Subscribe { publisher, stream, transport, offer: kept };
        self.await_media(id, MediaRequest { origin, seat: seat.clone(), task }, now)
    }

    #[expect(clippy::too_many_arguments, reason = "a completed task with its parts")]
    pub(crate) fn subscribed(
        &mut self,
        origin: Origin,
        seat: &Seat,
        publisher: ParticipantId,
        stream: StreamId,
        transport: TransportId,
        offer: Option<Arc<str>>,
        outcome: Outcome,
        now: Time,
    ) -> Answered {
        let Some(connection) = self.connection_of(seat) else { return DONE };
        let owner = self.owner_of(seat, publisher, &stream);
        let local_sdp = match (outcome, &owner) {
            (Ok(Some(sdp)), Some(_)) => sdp,
            (Ok(_), None) => {
                // The stream ended while the worker was at it.
                self.command(MediaCommand::CloseTransport { transport });
                return Err(gone(&stream, seat));
            }
            (Err(MediaFailure::CodecNotOffered), _) => {
                let sdp = offer.as_deref().unwrap_or_default();
                return Err(self.codec_error(&seat.session, &connection, "subscribing", sdp));
            }
            (Err(MediaFailure::UnknownPublication), _) | (Err(_), None) => return Err(gone(&stream, seat)),
            (Ok(None) | Err(_), Some(owner)) => {
                let what = if offer.is_some() { "answer" } else { "offer" };
                let text = format_args!("Unable to generate SDP {what} for '{connection}' to subscribe to '{owner}'");
                return Err(sdp_error(text));
            }
        };
        if !self.clients.is_current(origin) {
            // The client will ask again once it is back.
            self.command(MediaCommand::CloseTransport { transport });
            return Ok(Answer::Given);
        }
        let (state, reply) = match offer {
            None => (SubscriptionState::Offered, ClientReply::Offer { sdp_offer: local_sdp.clone() }),
            Some(_) => (SubscriptionState::Established, ClientReply::Answer { sdp_answer: local_sdp.clone() }),
        };
        let remote_sdp = offer.unwrap_or_else(|| Arc::from(""));
        let peer_connection = PeerConnection::new(transport, remote_sdp, local_sdp.into());
        let former = self.participant_mut(seat).and_then(|own| own.subscriptions.remove(&publisher));
        // A new peer connection for what is received already is no news to applications.
        let announced = former.as_ref().and_then(|former| former.announced.clone());
        let subscription = Subscription { stream, created_at: now, state, peer_connection, announced };
        if let Some(own) = self.participant_mut(seat) {
            own.subscriptions.insert(publisher, subscription);
        }
        if let Some(former) = former {
            self.release_subscription(origin.client, publisher, &former);
        }
        if state == SubscriptionState::Established {
            self.announce_subscription(seat, publisher, now);
        }
        if state == SubscriptionState::Offered {
            let timer = Timer::Offer { client: origin.client, publisher, transport };
            self.timers.set(timer, now + OFFER_LIFETIME);
        }
        if let Some(owner) = owner {
            self.forward_early_candidates(seat, &owner);
        }
        Ok(Answer::Reply(reply))
    }

    fn accept(&mut self, origin: Origin, seat: &Seat, publisher: ParticipantId, answer: String, now: Time) -> Answered {
        let offered = self.participant_mut(seat).and_then(|own| own.subscriptions.get(&publisher));
        let Some(Subscription { state: SubscriptionState::Offered, peer_connection, .. }) = offered else {
            return Err(sdp_error("Unable to process SDP answer: there is no offer to answer"));
        };
        let transport = peer_connection.transport;
        self.timers.cancel(Timer::Offer { client: origin.client, publisher, transport });
        let id = self.ids.media_request();
        let kept: Arc<str> = answer.as_str().into();
        self.command(MediaCommand::AcceptAnswer { request: id, transport, answer });
        let task = Task::Accept { publisher, transport, answer: kept };
        self.await_media(id, MediaRequest { origin, seat: seat.clone(), task }, now)
    }

    pub(crate) fn accepted(
        &mut self,
        seat: &Seat,
        publisher: ParticipantId,
        transport: TransportId,
        answer: Arc<str>,
        outcome: Outcome,
        now: Time,
    ) -> Answered {
        let Some(connection) = self.connection_of(seat) else { return DONE };
        let subscription = self
            .participant_mut(seat)
            .and_then(|own| own.subscriptions.get_mut(&publisher))
            .filter(|subscription| subscription.peer_connection.transport == transport);
        let Some(subscription) = subscription else {
            return Err(RpcError::new(ErrorCode::UserNotStreaming, "The stream ended before it was subscribed"));
        };
        match outcome {
            Ok(_) => {
                subscription.state = SubscriptionState::Established;
                subscription.peer_connection.remote_sdp = answer;
                self.announce_subscription(seat, publisher, now);
                DONE
            }
            Err(why) => {
                // The client discards its peer connection, so ours is of no use.
                self.end_subscription(seat, publisher, now);
                if why == MediaFailure::CodecNotOffered {
                    return Err(self.codec_error(&seat.session, &connection, "subscribing", &answer));
                }
                Err(sdp_error(format_args!("Unable to process SDP answer of subscriber '{connection}'")))
            }
        }
    }

    /// `sender` is a connection id here.
    pub(crate) fn unsubscribe(&mut self, seat: &Seat, sender: &str, now: Time) -> Answered {
        let publisher = self.sessions.get(&seat.session).and_then(|session| session.visible(sender));
        let Some(publisher) = publisher else {
            let text = format_args!("User {sender} not found in session {}", seat.session);
            return refuse(ErrorCode::UserNotFound, text);
        };
        self.end_subscription(seat, publisher, now);
        if publisher != seat.participant
            && let Some(own) = self.participant_mut(seat)
        {
            own.early_candidates.take(&sender.into());
        }
        DONE
    }

    /// Tells applications that a subscription is established, unless they know it or the subscriber is hidden.
    fn announce_subscription(&mut self, seat: &Seat, publisher: ParticipantId, now: Time) {
        let Some(session) = self.sessions.get_mut(&seat.session) else { return };
        let Some(stream) = session.participant(publisher).and_then(|publisher| publisher.stream.as_ref()) else {
            return;
        };
        let published = stream.announced.clone();
        let Some(own) = session.participant_mut(seat.participant).filter(|own| !own.is_hidden()) else { return };
        let connection = own.connection.clone();
        let Some(subscription) = own.subscriptions.get_mut(&publisher) else { return };
        if subscription.announced.is_none() {
            let announced = published.received_by(&connection, now);
            subscription.announced = Some(announced.clone());
            self.emit_created(&seat.session, &announced);
        }
    }

    fn end_subscription(&mut self, seat: &Seat, publisher: ParticipantId, now: Time) {
        let Some(own) = self.participant_mut(seat) else { return };
        let client = own.client;
        if let Some(subscription) = own.subscriptions.remove(&publisher) {
            self.release_subscription(client, publisher, &subscription);
            if let Some(announced) = subscription.announced {
                self.emit_destroyed(&seat.session, announced, Reason::Unsubscribe, now);
            }
        }
    }

    pub(crate) fn release_subscription(
        &mut self,
        client: ClientId,
        publisher: ParticipantId,
        subscription: &Subscription,
    ) {
        self.cancel_offer(client, publisher, subscription);
        self.command(MediaCommand::CloseTransport { transport: subscription.peer_connection.transport });
    }

    pub(crate) fn cancel_offer(&mut self, client: ClientId, publisher: ParticipantId, subscription: &Subscription) {
        let transport = subscription.peer_connection.transport;
        self.timers.cancel(Timer::Offer { client, publisher, transport });
    }

    /// Nobody answered our offer.
    pub(crate) fn expire_offer(
        &mut self,
        client: ClientId,
        publisher: ParticipantId,
        transport: TransportId,
        now: Time,
    ) {
        let Some(Place::Inside(seat)) = self.clients.get(client).map(|client| client.place.clone()) else { return };
        let offered = self.participant_mut(&seat).and_then(|own| own.subscriptions.get(&publisher));
        if offered.is_some_and(|subscription| subscription.peer_connection.transport == transport) {
            tracing::debug!(session = %seat.session, "offer to a subscriber expired");
            self.end_subscription(&seat, publisher, now);
        }
    }

    /// A candidate for the peer connection that `endpoint` names: the caller's own connection id means its publication,
    /// another one the subscription to that publisher.
    pub(crate) fn take_candidate(&mut self, seat: &Seat, endpoint: &str, candidate: String) {
        if candidate.len() > MAX_CANDIDATE_LENGTH {
            return;
        }
        let Some(session) = self.sessions.get_mut(&seat.session) else { return };
        let Some(publisher) = session.active(endpoint) else { return };
        let Some(own) = session.participant_mut(seat.participant) else { return };
        let target = if publisher == seat.participant {
            own.stream.as_mut().map(|stream| &mut stream.peer_connection)
        } else {
            own.subscriptions.get_mut(&publisher).map(|subscription| &mut subscription.peer_connection)
        };
        match target {
            Some(peer_connection) => {
                peer_connection.remember_candidate(&candidate);
                let transport = peer_connection.transport;
                self.command(MediaCommand::AddRemoteCandidate { transport, candidate });
            }
            None => own.early_candidates.push(&endpoint.into(), candidate),
        }
    }

    /// The peer connection to `endpoint` exists now.
    pub(crate) fn forward_early_candidates(&mut self, seat: &Seat, endpoint: &ConnectionId) {
        let Some(own) = self.participant_mut(seat) else { return };
        for candidate in own.early_candidates.take(endpoint) {
            self.take_candidate(seat, endpoint.as_str(), candidate);
        }
    }

    /// The publisher's connection id while it still publishes that very stream.
    fn owner_of(&self, seat: &Seat, publisher: ParticipantId, stream: &StreamId) -> Option<ConnectionId> {
        let publisher = self.sessions.get(&seat.session)?.participant(publisher)?;
        publisher.stream.as_ref().filter(|published| published.id() == stream)?;
        Some(publisher.connection.clone())
    }
}

fn not_streaming(owner: &str, seat: &Seat) -> RpcError {
    let text = format_args!("User '{owner} not streaming media in session '{}'", seat.session);
    RpcError::new(ErrorCode::UserNotStreaming, text)
}

/// The stream ended while its subscription was being made.
fn gone(stream: &StreamId, seat: &Seat) -> RpcError {
    not_streaming(owner_in(stream.as_str()).unwrap_or(stream.as_str()), seat)
}
