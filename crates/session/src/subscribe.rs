//! Receiving somebody's stream: with an offer of ours or of the client's.

use std::sync::Arc;
use std::time::Duration;

use protocol::event::Reason;
use protocol::id::{ConnectionId, StreamId, TransportId};
use protocol::media::{Legs, MediaFailure, MediaOperation, Reception, VideoCodec};

use crate::client::Origin;
use crate::command::RenewalSdp;
use crate::connection::owner_in;
use crate::context::Context;
use crate::id::ParticipantId;
use crate::media::{MediaAgreement, MediaRequest, MediaResult, MediaTask};
use crate::peer_connection::PeerConnection;
use crate::refusal::{MediaDirection, Offerer, stream_gone};
use crate::request::{DONE, Decision, Response};
use crate::session::Session;
use crate::subscription::{Subscription, SubscriptionState};
use crate::timer::Timer;
use crate::{Notification, Refusal, Reply, Time};

/// A client that has not answered our offer by then has given up; its transport would wait for ever.
const OFFER_LIFETIME: Duration = Duration::from_secs(30);

impl Session {
    pub(crate) fn request_offer(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        stream: &str,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let publisher = self.publisher_for(who, stream)?;
        self.subscribe(origin, who, publisher, None, cx, now)
    }

    pub(crate) fn subscribe_with_offer(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        stream: &str,
        offer: String,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let publisher = self.publisher_for(who, stream)?;
        self.subscribe(origin, who, publisher, Some(offer), cx, now)
    }

    /// The client's answer to what we offered last.
    pub(crate) fn answer_offer(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        stream: &str,
        answer: String,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let publisher = self.publisher_for(who, stream)?;
        self.accept(origin, who, publisher, answer, cx, now)
    }

    /// Which of the four cases it is: the caller's own stream, or somebody's with an answer or an offer.
    pub(crate) fn renew(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        stream: &str,
        sdp: Option<RenewalSdp>,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        if let Some(RenewalSdp::Usual(offer) | RenewalSdp::Offer(offer)) = &sdp
            && let Some(lapsed) =
                self.present(who)?.lapsed.clone().filter(|lapsed| lapsed.description.id.as_str() == stream)
        {
            return self.publish_lapsed(origin, who, lapsed, offer.clone(), cx, now);
        }
        let Some((publisher, _)) = self.publisher_of(stream) else { return Err(self.unknown_stream(stream)) };
        match sdp {
            Some(RenewalSdp::Usual(offer) | RenewalSdp::Offer(offer)) if publisher == who => {
                self.republish(origin, who, offer, cx, now)
            }
            Some(RenewalSdp::Usual(answer)) => self.accept(origin, who, publisher, answer, cx, now),
            Some(RenewalSdp::Offer(offer)) => self.subscribe(origin, who, publisher, Some(offer), cx, now),
            None => Err(Refusal::NothingToRenewWith),
        }
    }

    /// Whose stream is meant. Only the connection id at its end counts.
    fn publisher_for(&self, who: ParticipantId, stream: &str) -> Result<ParticipantId, Refusal> {
        let Some(owner) = owner_in(stream) else { return Err(Refusal::NotAStream { stream: stream.to_owned() }) };
        let (publisher, session) = (owner.to_owned(), self.id.clone());
        let Some(id) = self.visible(owner) else { return Err(Refusal::PublisherNotThere { publisher, session }) };
        if id == who {
            return Err(Refusal::OwnStream);
        }
        match self.present(id)?.stream {
            Some(_) => Ok(id),
            None => Err(Refusal::NotStreaming { publisher, session }),
        }
    }

    fn subscribe(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        publisher: ParticipantId,
        offer: Option<String>,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let codec = self.present(who)?.subscriptions.get(&publisher).and_then(|subscription| subscription.codec);
        self.subscribe_in(codec, origin, who, publisher, offer, cx, now)
    }

    /// The same in another codec than the publisher's, if there is that.
    #[expect(clippy::too_many_arguments, reason = "the parts of one operation")]
    fn subscribe_in(
        &mut self,
        codec: Option<VideoCodec>,
        origin: Origin,
        who: ParticipantId,
        publisher: ParticipantId,
        offer: Option<String>,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let owner = self.present(publisher)?;
        let Some(stream) = &owner.stream else {
            let publisher = owner.connection.to_string();
            return Err(Refusal::NotStreaming { publisher, session: self.id.clone() });
        };
        let transcoded = stream.publication_in(codec);
        // It may be gone.
        let codec = codec.filter(|_| transcoded.is_some());
        let publication = transcoded.unwrap_or(stream.publication);
        let (stream, source) = (stream.id().clone(), owner.room.worker);
        let (router, reception) = (self.present(who)?.room, self.reception(who, publisher, cx));
        let (id, transport) = (cx.ids.media_request(), cx.ids.transport());
        let subscriber = who.as_subscriber();
        let kept = offer.as_deref().map(Arc::from);
        cx.effects.media(
            router,
            MediaOperation::Subscribe { request: id, publication, source, subscriber, transport, reception, offer },
        );
        let task = MediaTask::Subscribe { publisher, stream, codec, transport, offer: kept };
        cx.await_media(id, MediaRequest { origin, seat: self.seat(who), router, task }, now)
    }

    #[expect(clippy::too_many_arguments, reason = "a completed task with its parts")]
    pub(crate) fn subscribed(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        publisher: ParticipantId,
        stream: StreamId,
        codec: Option<VideoCodec>,
        transport: TransportId,
        offer: Option<Arc<str>>,
        result: MediaResult,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let own = self.present(who)?;
        let (connection, router) = (own.connection.clone(), own.room);
        let owner = self.owner_of(publisher, &stream);
        let (local_sdp, owner) = match (result.map(MediaAgreement::sdp), owner) {
            (Ok(Some(sdp)), Some(owner)) => (sdp, owner),
            (Ok(_), None) => {
                // The stream ended while the worker was at it.
                cx.effects.media(router, MediaOperation::CloseTransport { transport });
                return Err(stream_gone(&stream, &self.id));
            }
            (Err(MediaFailure::CodecNotTaken { published, taken }), Some(_))
                if let Some(offer) = &offer
                    && codec.is_none()
                    && let Some(codec) = self.transcode(publisher, published, &taken, cx) =>
            {
                return self.subscribe_in(Some(codec), origin, who, publisher, Some(offer.to_string()), cx, now);
            }
            (Err(why), Some(_)) if is_of_codec(&why) || codec.is_some() => {
                self.review_transcodings(publisher, cx);
                let sdp = offer.as_deref().unwrap_or_default();
                return Err(self.codec_missing(connection, MediaDirection::Subscribing, sdp));
            }
            (Err(MediaFailure::UnknownPublication), _) | (Err(_), None) => {
                return Err(stream_gone(&stream, &self.id));
            }
            (Ok(None) | Err(_), Some(publisher)) => {
                let offerer = if offer.is_some() { Offerer::Client } else { Offerer::Server };
                return Err(Refusal::SubscriptionFailed { connection, publisher, offerer });
            }
        };
        if !cx.clients.is_current(origin) {
            // The client will ask again once it is back.
            cx.effects.media(router, MediaOperation::CloseTransport { transport });
            return Ok(Response::Given);
        }
        let (state, reply) = match offer {
            None => (SubscriptionState::Offered, Reply::Offer { offer: local_sdp.clone() }),
            Some(_) => (SubscriptionState::Established, Reply::Answer { answer: local_sdp.clone() }),
        };
        let remote_sdp = offer.unwrap_or_else(|| Arc::from(""));
        let peer_connection = PeerConnection::new(transport, remote_sdp, local_sdp.into());
        let received = self.participant(publisher).and_then(|publisher| publisher.stream.as_ref());
        if let Some(publication) = received.and_then(|stream| stream.publication_in(codec)) {
            self.open_leg(who, transport, publication, stream.clone(), MediaDirection::Subscribing, cx);
        }
        let own = self.present_mut(who)?;
        let former = own.subscriptions.remove(&publisher);
        // A new peer connection for what is received already is no news to applications.
        let announced = former.as_ref().and_then(|former| former.announced.clone());
        let without_picture = former.as_ref().is_some_and(|former| former.without_picture);
        let subscription = Subscription {
            stream: stream.clone(),
            codec,
            created_at: now,
            state,
            without_picture,
            peer_connection,
            announced,
        };
        own.subscriptions.insert(publisher, subscription);
        if let Some(former) = former {
            self.select_again(who, cx);
            former.release(router, origin.client, publisher, cx);
        }
        match state {
            SubscriptionState::Established => self.announce_subscription(who, publisher, cx, now),
            SubscriptionState::Offered => {
                let timer = Timer::Offer { client: origin.client, publisher, transport };
                cx.timers.set(timer, now + OFFER_LIFETIME);
            }
        }
        self.forward_early_candidates(who, &owner, cx);
        match reply {
            Reply::Offer { offer } if origin.asker.is_none() => {
                let offered = Notification::StreamOffered { connection: owner, stream, offer };
                cx.notify(origin.client, &Arc::new(offered));
                Ok(Response::Given)
            }
            reply => Ok(Response::Reply(reply)),
        }
    }

    fn accept(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        publisher: ParticipantId,
        answer: String,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let own = self.present(who)?;
        let (offered, router) = (own.subscriptions.get(&publisher), own.room);
        let Some(Subscription { state: SubscriptionState::Offered, peer_connection, .. }) = offered else {
            return Err(Refusal::NothingOffered);
        };
        let transport = peer_connection.transport;
        cx.timers.cancel(Timer::Offer { client: origin.client, publisher, transport });
        let id = cx.ids.media_request();
        let kept: Arc<str> = answer.as_str().into();
        cx.effects.media(router, MediaOperation::AcceptAnswer { request: id, transport, answer });
        let task = MediaTask::Accept { publisher, transport, answer: kept };
        cx.await_media(id, MediaRequest { origin, seat: self.seat(who), router, task }, now)
    }

    #[expect(clippy::too_many_arguments, reason = "a completed task with its parts")]
    pub(crate) fn accepted(
        &mut self,
        who: ParticipantId,
        publisher: ParticipantId,
        transport: TransportId,
        answer: Arc<str>,
        result: MediaResult,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let own = self.present_mut(who)?;
        let connection = own.connection.clone();
        let subscription = own
            .subscriptions
            .get_mut(&publisher)
            .filter(|subscription| subscription.peer_connection.transport == transport);
        let Some(subscription) = subscription else { return Err(Refusal::StreamEnded) };
        match result {
            Ok(_) => {
                subscription.state = SubscriptionState::Established;
                subscription.peer_connection.remote_sdp = answer;
                self.announce_subscription(who, publisher, cx, now);
                DONE
            }
            Err(MediaFailure::CodecNotTaken { published, taken })
                if subscription.codec.is_none()
                    && let Some(codec) = self.transcode(publisher, published, &taken, cx) =>
            {
                self.offer_in(codec, who, publisher, cx)
            }
            Err(why) => {
                // The client discards its peer connection, so ours is of no use.
                self.end_subscription(who, publisher, cx, now);
                if is_of_codec(&why) {
                    return Err(self.codec_missing(connection, MediaDirection::Subscribing, &answer));
                }
                Err(Refusal::AnswerUnusable { connection })
            }
        }
    }

    /// The subscriber takes it in that codec only: it is offered the stream anew.
    fn offer_in(
        &mut self,
        codec: VideoCodec,
        who: ParticipantId,
        publisher: ParticipantId,
        cx: &mut Context,
    ) -> Decision {
        let own = self.present_mut(who)?;
        let (client, room) = (own.client, own.room);
        if let Some(subscription) = own.subscriptions.get_mut(&publisher) {
            subscription.release(room, client, publisher, cx);
            (subscription.state, subscription.codec) = (SubscriptionState::Established, Some(codec));
            cx.offers_due.push_back((client, subscription.stream.clone()));
        }
        DONE
    }

    /// `sender` is a connection id here.
    pub(crate) fn unsubscribe(&mut self, who: ParticipantId, sender: &str, cx: &mut Context, now: Time) -> Decision {
        let Some(publisher) = self.visible(sender) else {
            return Err(Refusal::UnknownPublisher { publisher: sender.to_owned(), session: self.id.clone() });
        };
        self.end_subscription(who, publisher, cx, now);
        if publisher != who {
            self.present_mut(who)?.early_candidates.take(&sender.into());
        }
        DONE
    }

    /// Without a picture sound goes on, and the picture comes back at once. Who does not receive the stream wants nothing of it.
    pub(crate) fn want_picture(
        &mut self,
        who: ParticipantId,
        stream: &str,
        wanted: bool,
        cx: &mut Context,
    ) -> Decision {
        let publisher = self.publisher_for(who, stream)?;
        let own = self.present_mut(who)?;
        let room = own.room;
        let Some(subscription) = own.subscriptions.get_mut(&publisher) else { return DONE };
        if subscription.without_picture == wanted {
            subscription.without_picture = !wanted;
            let legs = Legs::Transport(subscription.peer_connection.transport);
            let reception = self.reception(who, publisher, cx);
            cx.effects.media(room, MediaOperation::ChangeReception { legs, reception });
        }
        DONE
    }

    /// How much one participant wants of another's stream.
    fn reception(&self, who: ParticipantId, publisher: ParticipantId, cx: &Context) -> Reception {
        let stream = self.participant(publisher).and_then(|publisher| publisher.stream.as_ref());
        let is_screen = stream.is_some_and(|stream| stream.description.properties.is_screen());
        let Some(own) = self.participant(who) else { return Reception { is_screen, ..Reception::default() } };
        let video_paused = own.subscriptions.get(&publisher).is_some_and(|subscription| subscription.without_picture);
        let bitrate = own.received_bitrate(cx.settings.video_bandwidth);
        Reception { is_screen, video_paused, bitrate, ..Reception::default() }
    }

    /// Tells applications that a subscription is established, unless they know it or the subscriber is hidden.
    fn announce_subscription(&mut self, who: ParticipantId, publisher: ParticipantId, cx: &mut Context, now: Time) {
        let Some(stream) = self.participant(publisher).and_then(|publisher| publisher.stream.as_ref()) else { return };
        let published = stream.announced.clone();
        let Some(own) = self.participant_mut(who).filter(|own| !own.is_hidden()) else { return };
        let connection = own.connection.clone();
        let Some(subscription) = own.subscriptions.get_mut(&publisher) else { return };
        if subscription.announced.is_none() {
            let announced = published.received_by(&connection, now);
            subscription.announced = Some(announced.clone());
            self.emit_created(&announced, cx);
        }
    }

    fn end_subscription(&mut self, who: ParticipantId, publisher: ParticipantId, cx: &mut Context, now: Time) {
        let Some(own) = self.participant_mut(who) else { return };
        let (client, router) = (own.client, own.room);
        if let Some(subscription) = own.subscriptions.remove(&publisher) {
            subscription.release(router, client, publisher, cx);
            if let Some(announced) = subscription.announced {
                self.emit_destroyed(announced, Reason::Unsubscribe, cx, now);
            }
            self.review_transcodings(publisher, cx);
        }
    }

    /// Nobody answered our offer.
    pub(crate) fn expire_offer(
        &mut self,
        who: ParticipantId,
        publisher: ParticipantId,
        transport: TransportId,
        cx: &mut Context,
        now: Time,
    ) {
        let offered = self.participant(who).and_then(|own| own.subscriptions.get(&publisher));
        if offered.is_some_and(|subscription| subscription.peer_connection.transport == transport) {
            tracing::debug!(session = %self.id, "offer to a subscriber expired");
            self.end_subscription(who, publisher, cx, now);
        }
    }

    /// The publisher's connection id while it still publishes that very stream.
    fn owner_of(&self, publisher: ParticipantId, stream: &StreamId) -> Option<ConnectionId> {
        let publisher = self.participant(publisher)?;
        publisher.stream.as_ref().filter(|published| published.id() == stream)?;
        Some(publisher.connection.clone())
    }
}

fn is_of_codec(why: &MediaFailure) -> bool {
    matches!(why, MediaFailure::CodecNotOffered | MediaFailure::CodecNotTaken { .. })
}
