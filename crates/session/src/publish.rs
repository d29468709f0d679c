//! Publishing a stream, ending it, and carrying it on over a new peer connection.

use std::sync::Arc;

use protocol::error::ErrorCode;
use protocol::event::Reason;
use protocol::id::{ConnectionId, PublicationId, SessionId, StreamId, TransportId};
use protocol::media::{CodecChoice, MediaCommand, MediaFailure, VideoCodec};
use protocol::model::{ForcedVideoCodec, SessionProperties};
use protocol::rpc::{ClientReply, PublishVideo, RpcError, ServerNotification};

use crate::client::{Origin, Seat};
use crate::event::Announced;
use crate::id::ParticipantId;
use crate::media::{MediaRequest, Outcome, Task, sdp_error};
use crate::peer_connection::PeerConnection;
use crate::request::{Answer, Answered, DONE, refuse};
use crate::stream::{self, Stream};
use crate::{Registry, Time};

impl Registry {
    pub(crate) fn publish(&mut self, origin: Origin, seat: &Seat, request: Box<PublishVideo>, now: Time) -> Answered {
        let Some(session) = self.sessions.get(&seat.session) else { return DONE };
        let Some(participant) = session.participant(seat.participant) else { return DONE };
        let connection = &participant.connection;
        if !participant.may_publish() {
            let text = "Unable to publish video. The user does not have a valid token";
            return refuse(ErrorCode::UserUnauthorized, text);
        }
        if participant.stream.is_some() {
            let text = format_args!("User {connection} is already publishing in session {}", seat.session);
            return refuse(ErrorCode::UserAlreadyStreaming, text);
        }
        if participant.lacks_token_to_publish() {
            return refuse(ErrorCode::Internal, "A connection that was made with the secret cannot publish");
        }
        if request.filter {
            let text = format_args!(
                "Error applying filter for publishing user {connection}. Filters of the server are not available"
            );
            return refuse(ErrorCode::FilterNotApplied, text);
        }
        let (router, codecs) = (session.router, codec_choice(&session.properties));
        let (publication, transport) = (self.ids.publication(), self.ids.transport());
        let (id, loopback) = (self.ids.media_request(), request.do_loopback);
        let offer = request.sdp_offer.clone();
        self.command(MediaCommand::Publish { request: id, router, publication, transport, offer, codecs, loopback });
        let task = Task::Publish { publication, transport, request };
        self.await_media(id, MediaRequest { origin, seat: seat.clone(), task }, now)
    }

    #[expect(clippy::too_many_arguments, reason = "a completed task with its parts")]
    pub(crate) fn published(
        &mut self,
        origin: Origin,
        seat: &Seat,
        publication: PublicationId,
        transport: TransportId,
        request: PublishVideo,
        outcome: Outcome,
        now: Time,
    ) -> Answered {
        let Some(connection) = self.connection_of(seat) else { return DONE };
        let local_sdp = match outcome {
            Ok(Some(sdp)) => sdp,
            Ok(None) => return Err(publish_error(&connection)),
            Err(MediaFailure::CodecNotOffered) => {
                return Err(self.codec_error(&seat.session, &connection, "publishing", &request.sdp_offer));
            }
            Err(why) => {
                tracing::debug!(session = %seat.session, %connection, %why, "publishing failed");
                return Err(publish_error(&connection));
            }
        };
        if !self.clients.is_current(origin) {
            // The answer will never arrive, so neither will media: nobody shall wait for a stream of which its own
            // publisher does not know.
            self.command(MediaCommand::ClosePublication { publication });
            return Ok(Answer::Given);
        }
        let id = self.ids.stream(&stream::kind(&request), &connection);
        let description = stream::describe(id.clone(), now, &request);
        let loopback = request.do_loopback;
        let peer_connection = PeerConnection::new(transport, request.sdp_offer.into(), local_sdp.as_str().into());
        let announced = Announced::published(&connection, &description, now);
        self.emit_created(&seat.session, &announced);
        let stream = Stream { description: description.clone(), publication, loopback, peer_connection, announced };
        if let Some(participant) = self.participant_mut(seat) {
            participant.stream = Some(stream);
        }
        self.forward_early_candidates(seat, &connection);
        let created_at = description.created_at;
        self.clients.reply(origin, Ok(ClientReply::Published { sdp_answer: local_sdp, id, created_at }));
        let published = ServerNotification::ParticipantPublished { id: connection, streams: [description] };
        self.broadcast(&seat.session, Some(seat.participant), published);
        self.record_published(seat, now);
        Ok(Answer::Given)
    }

    pub(crate) fn unpublish(&mut self, seat: &Seat, now: Time) -> Answered {
        let Some(connection) = self.end_stream(seat, Reason::Unpublish, now) else {
            let connection = self.connection_of(seat);
            let name = connection.as_ref().map_or("", ConnectionId::as_str);
            return refuse(ErrorCode::UserNotStreaming, format_args!("Participant '{name}' is not streaming media"));
        };
        self.announce_unpublished(&seat.session, Some(seat.participant), connection, Reason::Unpublish);
        DONE
    }

    /// Ends a participant's stream, if it has one, and says whose it was.
    pub(crate) fn end_stream(&mut self, seat: &Seat, reason: Reason, now: Time) -> Option<ConnectionId> {
        let participant = self.participant_mut(seat)?;
        let stream = participant.stream.take()?;
        let connection = participant.connection.clone();
        self.emit_destroyed(&seat.session, stream.announced.clone(), reason, now);
        self.release_stream(seat, &stream, reason, now);
        Some(connection)
    }

    /// The media worker forgets a stream, and so do those who received it.
    pub(crate) fn release_stream(&mut self, seat: &Seat, stream: &Stream, reason: Reason, now: Time) {
        self.record_unpublished(seat, now);
        self.command(MediaCommand::ClosePublication { publication: stream.publication });
        let Some(session) = self.sessions.get_mut(&seat.session) else { return };
        let mut received = vec![];
        for (_, other) in session.participants_mut() {
            received
                .extend(other.subscriptions.remove(&seat.participant).map(|subscription| (other.client, subscription)));
        }
        for (client, subscription) in received {
            // Its transport ends with the publication; only its own timer is left.
            self.cancel_offer(client, seat.participant, &subscription);
            if let Some(announced) = subscription.announced {
                self.emit_destroyed(&seat.session, announced, reason, now);
            }
        }
    }

    pub(crate) fn announce_unpublished(
        &mut self,
        session: &SessionId,
        except: Option<ParticipantId>,
        connection_id: ConnectionId,
        reason: Reason,
    ) {
        let unpublished = ServerNotification::ParticipantUnpublished { connection_id, reason: reason.as_str() };
        self.broadcast(session, except, unpublished);
    }

    /// A new peer connection for the caller's own stream: the stream keeps its id and its subscribers.
    pub(crate) fn republish(&mut self, origin: Origin, seat: &Seat, offer: String, now: Time) -> Answered {
        let Some(session) = self.sessions.get(&seat.session) else { return DONE };
        let Some(stream) = session.participant(seat.participant).and_then(|own| own.stream.as_ref()) else {
            return DONE;
        };
        let (router, publication, loopback) = (session.router, stream.publication, stream.loopback);
        let (codecs, stream) = (codec_choice(&session.properties), stream.id().clone());
        let (id, transport) = (self.ids.media_request(), self.ids.transport());
        let kept: Arc<str> = offer.as_str().into();
        self.command(MediaCommand::Publish { request: id, router, publication, transport, offer, codecs, loopback });
        let task = Task::Republish { stream, transport, offer: kept };
        self.await_media(id, MediaRequest { origin, seat: seat.clone(), task }, now)
    }

    pub(crate) fn republished(
        &mut self,
        seat: &Seat,
        stream: &StreamId,
        transport: TransportId,
        offer: Arc<str>,
        outcome: Outcome,
    ) -> Answered {
        let Some(connection) = self.connection_of(seat) else { return DONE };
        let own = self.participant_mut(seat).and_then(|own| own.stream.as_mut()).filter(|own| own.id() == stream);
        let Some(own) = own else {
            // Somebody ended the stream meanwhile.
            self.command(MediaCommand::CloseTransport { transport });
            return Err(unknown_stream(stream.as_str(), &seat.session));
        };
        match outcome {
            Ok(Some(sdp_answer)) => {
                own.peer_connection = PeerConnection::new(transport, offer, sdp_answer.as_str().into());
                let (id, created_at) = (stream.clone(), own.description.created_at);
                self.forward_early_candidates(seat, &connection);
                self.record_republished(seat);
                Ok(Answer::Reply(ClientReply::Published { sdp_answer, id, created_at }))
            }
            Err(MediaFailure::CodecNotOffered) => {
                Err(self.codec_error(&seat.session, &connection, "publishing", &offer))
            }
            Ok(None) | Err(_) => Err(publish_error(&connection)),
        }
    }

    /// 800, with the whole SDP, as the original shows it.
    pub(crate) fn codec_error(
        &self,
        session: &SessionId,
        connection: &ConnectionId,
        doing: &str,
        sdp: &str,
    ) -> RpcError {
        let codec = self.sessions.get(session).map_or("", |entry| entry.properties.forced_video_codec.as_str());
        let text = format_args!(
            "Error forcing codec: '{codec}', for PARTICIPANT: '{connection}' {doing} in SESSION: '{session}'. The codec is not in the SDP:\n{sdp}"
        );
        RpcError::new(ErrorCode::ForcedCodecNotFound, text)
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

fn publish_error(connection: &ConnectionId) -> RpcError {
    sdp_error(format_args!("Error generating SDP response for publishing user {connection}"))
}

/// 105 of reconnectStream.
pub(crate) fn unknown_stream(stream: &str, session: &SessionId) -> RpcError {
    let text = format_args!("Stream '{stream}' does not exist in Session '{session}'");
    RpcError::new(ErrorCode::UserNotStreaming, text)
}
