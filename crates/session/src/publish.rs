//! Publishing a stream, ending it, and carrying it on over a new peer connection.

use std::sync::Arc;

use protocol::event::Reason;
use protocol::filter::Filter;
use protocol::id::{ConnectionId, PublicationId, StreamId, TransportId};
use protocol::media::{CodecChoice, Kinds, MediaFailure, MediaOperation, VideoCodec};
use protocol::model::{ForcedVideoCodec, SessionProperties};

use crate::absence::LapsedStream;
use crate::client::{Origin, Seat};
use crate::command::{Publish, PublishedFilter, StreamProperties};
use crate::connection::Participant;
use crate::context::Context;
use crate::event::Announced;
use crate::filter::StreamFilter;
use crate::id::ParticipantId;
use crate::media::{MediaAgreement, MediaRequest, MediaResult, MediaTask};
use crate::peer_connection::PeerConnection;
use crate::refusal::MediaDirection;
use crate::reply::StreamDescription;
use crate::request::{DONE, Decision, Response};
use crate::session::Session;
use crate::stream::{self, Stream};
use crate::{Noticed, Notification, Refusal, Reply, Time};

/// What is being published, until it is a stream.
#[derive(Debug)]
pub(crate) struct Publishing {
    pub(crate) publication: PublicationId,
    pub(crate) request: Box<Publish>,
    /// It had an id before, since then.
    pub(crate) known_as: Option<(StreamId, Time)>,
    /// That is to be between from the first picture on.
    pub(crate) filter: Option<Box<StreamFilter>>,
}

impl Publishing {
    /// Nothing comes of it.
    pub(crate) fn discard(&self, cx: &mut Context) {
        if let Some(filter) = &self.filter {
            filter.discard(cx);
        }
    }
}

impl Participant {
    /// Whether it may publish, and does not yet.
    fn check_publishing(&self, session: &Session) -> Result<(), Refusal> {
        let connection = || self.connection.clone();
        if !self.may_publish() {
            return Err(Refusal::MayNotPublish);
        }
        if self.stream.is_some() {
            return Err(Refusal::AlreadyPublishing { connection: connection(), session: session.id.clone() });
        }
        if self.lacks_token_to_publish() {
            return Err(Refusal::NoTokenToPublish);
        }
        Ok(())
    }
}

impl Session {
    pub(crate) fn publish(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        request: Box<Publish>,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        self.present(who)?.check_publishing(self)?;
        let filter = self.check_published_filter(who, request.filter.as_ref())?;
        let publication = cx.ids.publication();
        let publishing = Publishing { publication, request, known_as: None, filter: None };
        self.begin_publishing(origin, who, publishing, filter, cx, now)
    }

    /// A stream that has lost its media when its publisher was put out, with the id that all know.
    pub(crate) fn publish_lapsed(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        lapsed: LapsedStream,
        offer: String,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let LapsedStream { description: StreamDescription { id, created_at, properties, filter }, loopback } = lapsed;
        self.present(who)?.check_publishing(self)?;
        let described = filter.clone().map(PublishedFilter::Described);
        let request = Box::new(Publish { offer, loopback, properties, filter: described });
        let (publication, known_as) = (cx.ids.publication(), Some((id, created_at)));
        let publishing = Publishing { publication, request, known_as, filter: None };
        self.begin_publishing(origin, who, publishing, filter, cx, now)
    }

    fn begin_publishing(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        publishing: Publishing,
        filter: Option<Filter>,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        match filter {
            Some(filter) => self.prepare_filter(origin, who, &filter, publishing, cx, now),
            None => self.offer_to_media(origin, who, publishing, cx, now),
        }
    }

    pub(crate) fn offer_to_media(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        publishing: Publishing,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let own = self.present(who)?;
        let router = own.room;
        let (codecs, bitrate) = (codec_choice(&self.properties), own.published_bitrate(cx.settings.video_bandwidth));
        let transport = cx.ids.transport();
        let Publishing { publication, request, .. } = &publishing;
        let (publication, id, loopback) = (*publication, cx.ids.media_request(), request.loopback);
        let (offer, kinds) = (request.offer.clone(), stream::kinds(&request.properties));
        cx.effects.media(
            router,
            MediaOperation::Publish { request: id, publication, transport, offer, kinds, codecs, bitrate, loopback },
        );
        let task = MediaTask::Publish { transport, publishing };
        cx.await_media(id, MediaRequest { origin, seat: self.seat(who), router, task }, now)
    }

    pub(crate) fn published(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        (transport, publishing): (TransportId, Publishing),
        result: MediaResult,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let (local_sdp, carried) = match self.agreed(who, &publishing.request, result) {
            Ok(agreed) => agreed,
            Err(refusal) => {
                publishing.discard(cx);
                return Err(refusal);
            }
        };
        let own = self.present(who)?;
        let (connection, router) = (own.connection.clone(), own.room);
        if !cx.clients.is_current(origin) {
            // The answer will never arrive, so neither will media: nobody shall wait for a stream of which its own
            // publisher does not know.
            cx.effects.media(router, MediaOperation::ClosePublication { publication: publishing.publication });
            publishing.discard(cx);
            return Ok(Response::Given);
        }
        let Publishing { publication, request, known_as, filter } = publishing;
        let Publish { offer, loopback, properties, filter: described } = *request;
        let described = match described {
            Some(PublishedFilter::Described(described)) if filter.is_some() => Some(described),
            _ => None,
        };
        let properties = stream::carried(properties, carried);
        let (id, created_at) =
            known_as.unwrap_or_else(|| (cx.ids.stream(&stream::kind(&properties), &connection), now));
        let description = StreamDescription { id: id.clone(), created_at, properties, filter: described };
        let peer_connection = PeerConnection::new(transport, offer.into(), local_sdp.as_str().into());
        let announced = Announced::published(&connection, &description, now);
        self.emit_created(&announced, cx);
        let StreamProperties { audio_active, video_active, .. } = description.properties;
        self.notice(who, Noticed::Published { stream: id.clone(), audio_active, video_active }, cx);
        let transcodings = vec![];
        let stream = Stream {
            description: description.clone(),
            publication,
            transcodings,
            loopback,
            peer_connection,
            announced,
            filter,
        };
        let own = self.present_mut(who)?;
        (own.stream, own.lapsed) = (Some(stream), None);
        self.begin_filter(who, cx);
        self.select(who, cx);
        self.open_leg(who, transport, publication, id.clone(), MediaDirection::Publishing, cx);
        self.forward_early_candidates(who, &connection, cx);
        cx.reply(origin, Ok(Reply::Published { answer: local_sdp, stream: id, created_at }));
        self.broadcast(Some(who), Notification::StreamPublished { connection, stream: description }, cx);
        self.record_published(who, cx, now);
        self.broadcast_published(cx);
        self.speech_published(who, cx);
        Ok(Response::Given)
    }

    /// What media has agreed to.
    fn agreed(&self, who: ParticipantId, request: &Publish, result: MediaResult) -> Result<(String, Kinds), Refusal> {
        let connection = self.present(who)?.connection.clone();
        match result {
            Ok(MediaAgreement::Answer { sdp, kinds }) => Ok((sdp, kinds)),
            Ok(_) => Err(Refusal::OfferUnusable { connection }),
            Err(MediaFailure::CodecNotOffered) => {
                Err(self.codec_missing(connection, MediaDirection::Publishing, &request.offer))
            }
            Err(why) => {
                tracing::debug!(session = %self.id, %connection, %why, "publishing failed");
                Err(Refusal::OfferUnusable { connection })
            }
        }
    }

    pub(crate) fn unpublish(&mut self, who: ParticipantId, cx: &mut Context, now: Time) -> Decision {
        let Some(connection) = self.end_stream(who, Reason::Unpublish, cx, now) else {
            if self.present_mut(who)?.lapsed.take().is_some() {
                return DONE;
            }
            return Err(Refusal::NotPublishing { connection: self.present(who)?.connection.clone() });
        };
        self.broadcast(Some(who), Notification::StreamUnpublished { connection, reason: Reason::Unpublish }, cx);
        DONE
    }

    /// Ends a participant's stream, if it has one, and says whose it was.
    pub(crate) fn end_stream(
        &mut self,
        who: ParticipantId,
        reason: Reason,
        cx: &mut Context,
        now: Time,
    ) -> Option<ConnectionId> {
        let participant = self.participant_mut(who)?;
        let stream = participant.stream.take()?;
        let connection = participant.connection.clone();
        self.emit_destroyed(stream.announced.clone(), reason, cx, now);
        self.release_stream(who, &stream, reason, cx, now);
        Some(connection)
    }

    /// The media worker forgets a stream, and so do those who received it.
    pub(crate) fn release_stream(
        &mut self,
        publisher: ParticipantId,
        stream: &Stream,
        reason: Reason,
        cx: &mut Context,
        now: Time,
    ) {
        self.record_unpublished(publisher, cx, now);
        self.release_filter(stream, cx);
        self.broadcast_unpublished(publisher, cx);
        self.speech_unpublished(publisher, cx);
        for transcoding in &stream.transcodings {
            self.end_transcoding(*transcoding, cx);
        }
        self.in_all_rooms(&MediaOperation::ClosePublication { publication: stream.publication }, cx);
        self.unpin(stream.id(), cx);
        self.select(publisher, cx);
        let mut received = vec![];
        for (_, other) in self.participants_mut() {
            received.extend(other.subscriptions.remove(&publisher).map(|subscription| (other.client, subscription)));
        }
        if let Some(publisher) = self.participant(publisher) {
            cx.review_caller(publisher.client, now);
        }
        for (client, subscription) in received {
            cx.review_caller(client, now);
            // Its transport ends with the publication; only its own timer is left.
            subscription.cancel_offer(client, publisher, cx);
            if let Some(announced) = subscription.announced {
                self.emit_destroyed(announced, reason, cx, now);
            }
        }
    }

    /// A new peer connection for the caller's own stream: the stream keeps its id and its subscribers.
    pub(crate) fn republish(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        offer: String,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let own = self.present(who)?;
        let Some(stream) = &own.stream else {
            return Err(Refusal::NotPublishing { connection: own.connection.clone() });
        };
        let (publication, loopback, router) = (stream.publication, stream.loopback, own.room);
        // Others have been told of these.
        let kinds = stream::kinds(&stream.description.properties);
        let (codecs, stream) = (codec_choice(&self.properties), stream.id().clone());
        let bitrate = own.published_bitrate(cx.settings.video_bandwidth);
        let (id, transport) = (cx.ids.media_request(), cx.ids.transport());
        let kept: Arc<str> = offer.as_str().into();
        cx.effects.media(
            router,
            MediaOperation::Publish { request: id, publication, transport, offer, kinds, codecs, bitrate, loopback },
        );
        let task = MediaTask::Republish { stream, transport, offer: kept };
        cx.await_media(id, MediaRequest { origin, seat: self.seat(who), router, task }, now)
    }

    pub(crate) fn republished(
        &mut self,
        who: ParticipantId,
        stream: &StreamId,
        (transport, offer): (TransportId, Arc<str>),
        result: MediaResult,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let own = self.present_mut(who)?;
        let (connection, router) = (own.connection.clone(), own.room);
        let Some(own) = own.stream.as_mut().filter(|own| own.id() == stream) else {
            // Somebody ended the stream meanwhile.
            cx.effects.media(router, MediaOperation::CloseTransport { transport });
            return Err(self.unknown_stream(stream.as_str()));
        };
        match result {
            Ok(MediaAgreement::Answer { sdp: answer, kinds: _ }) => {
                own.peer_connection = PeerConnection::new(transport, offer, answer.as_str().into());
                let (created_at, publication) = (own.description.created_at, own.publication);
                self.open_leg(who, transport, publication, stream.clone(), MediaDirection::Publishing, cx);
                self.forward_early_candidates(who, &connection, cx);
                self.resume_filter(who, cx);
                self.record_republished(who, cx, now);
                self.broadcast_published(cx);
                self.speech_published(who, cx);
                self.offer_again(who, cx);
                Ok(Response::Reply(Reply::Published { answer, stream: stream.clone(), created_at }))
            }
            Err(MediaFailure::CodecNotOffered) => {
                Err(self.codec_missing(connection, MediaDirection::Publishing, &offer))
            }
            Ok(_) | Err(_) => Err(Refusal::OfferUnusable { connection }),
        }
    }

    pub(crate) fn codec_missing(&self, connection: ConnectionId, direction: MediaDirection, sdp: &str) -> Refusal {
        let (codec, session) = (self.properties.forced_video_codec, self.id.clone());
        Refusal::CodecMissing { codec, connection, direction, session, sdp: sdp.to_owned() }
    }

    pub(crate) fn unknown_stream(&self, stream: &str) -> Refusal {
        Refusal::UnknownStream { stream: stream.to_owned(), session: self.id.clone() }
    }

    pub(crate) fn seat(&self, participant: ParticipantId) -> Seat {
        Seat { session: self.id.clone(), participant }
    }
}

/// Which video codec a publisher's offer is answered with. Media is never transcoded, so whatever is chosen here is what
/// every subscriber must be able to decode; VP8 is the one that all can.
fn codec_choice(properties: &SessionProperties) -> CodecChoice {
    let forced = |codec| CodecChoice::FirstOf { codecs: vec![codec], or_any: properties.allow_transcoding };
    match properties.forced_video_codec {
        ForcedVideoCodec::MediaServerPreferred => CodecChoice::FirstOf {
            codecs: vec![VideoCodec::Vp8, VideoCodec::H264, VideoCodec::Vp9, VideoCodec::Av1],
            or_any: true,
        },
        ForcedVideoCodec::None => CodecChoice::Offered,
        ForcedVideoCodec::Vp8 => forced(VideoCodec::Vp8),
        ForcedVideoCodec::Vp9 => forced(VideoCodec::Vp9),
        ForcedVideoCodec::H264 => forced(VideoCodec::H264),
    }
}
