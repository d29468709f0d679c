//! What the control side asks of a media worker, and what the worker reports.
//!
//! Plain data: today it crosses a channel inside the process, it can as well cross a network. The worker knows
//! nothing of OpenVidu: sessions are routers, streams are publications, all ids are opaque numbers given by the caller.

use serde::{Deserialize, Serialize};

use crate::id::{MediaRequestId, PublicationId, RouterId, TapId, TransportId};

/// A video codec that can be forwarded (never transcoded).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum VideoCodec {
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// AV1 RTP payload specification 1.0.
    Av1,
}

/// Which single video codec is taken from a publisher's offer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CodecChoice {
    /// The first of these that the offer has; an offer with video but none of them fails with
    /// [`MediaFailure::CodecNotOffered`], unless `or_any` lets it have whatever it offers first.
    FirstOf {
        /// In order of preference.
        codecs: Vec<VideoCodec>,
        /// Fall back to the client's own first codec.
        or_any: bool,
    },
    /// The client's own first codec that can be forwarded.
    Offered,
}

/// Ordered per router. Commands that carry a `request` are settled by exactly one event with the same id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MediaCommand {
    /// Opens a room.
    CreateRouter {
        /// New id.
        router: RouterId,
    },
    /// Closes a room with all its transports. Unknown ids are ignored, here and below.
    CloseRouter {
        /// The room.
        router: RouterId,
    },
    /// A client offers media. Settled by [`MediaEvent::Answered`] or [`MediaEvent::Failed`].
    ///
    /// If `publication` exists already, its old transport is replaced once the new one is answered; subscribers go on
    /// on their own transports (sequence numbers and timestamps are re-based, a key frame is asked for).
    Publish {
        /// Settled under this id.
        request: MediaRequestId,
        /// The room.
        router: RouterId,
        /// New or existing publication.
        publication: PublicationId,
        /// Id for the new receiving transport.
        transport: TransportId,
        /// SDP offer, `sendonly` (or `sendrecv` with `loopback`).
        offer: String,
        /// Video codec rule.
        codecs: CodecChoice,
        /// Send the publication back on the same transport.
        loopback: bool,
    },
    /// A client wants to receive a publication. Without `offer` the worker offers ([`MediaEvent::Offered`]) and
    /// expects an [`MediaCommand::AcceptAnswer`]; with `offer` it answers ([`MediaEvent::Answered`]).
    Subscribe {
        /// Settled under this id.
        request: MediaRequestId,
        /// The room.
        router: RouterId,
        /// What to receive.
        publication: PublicationId,
        /// Id for the new sending transport.
        transport: TransportId,
        /// SDP offer of the client, `recvonly`.
        offer: Option<String>,
    },
    /// The answer to an [`MediaEvent::Offered`]. Settled by [`MediaEvent::Accepted`] or [`MediaEvent::Failed`].
    AcceptAnswer {
        /// Settled under this id.
        request: MediaRequestId,
        /// The transport that was offered.
        transport: TransportId,
        /// SDP answer.
        answer: String,
    },
    /// A trickled remote candidate (the `candidate:…` line). Never settled: what cannot be used is skipped.
    AddRemoteCandidate {
        /// The peer connection.
        transport: TransportId,
        /// May be empty (end of candidates), a `.local` name, TCP…
        candidate: String,
    },
    /// Closes one transport; a publication loses its media with its receiving transport.
    CloseTransport {
        /// The peer connection.
        transport: TransportId,
    },
    /// Ends a publication and every sending transport that receives it.
    ClosePublication {
        /// The publication.
        publication: PublicationId,
    },
    /// Hands out a copy of every packet that a publication receives (of simulcast, of the best layer) from the next key
    /// frame on, which it asks for. It outlives the publisher's transports and ends with the publication, which
    /// [`MediaEvent::TapEnded`] tells; an unknown publication has ended already.
    SetTap {
        /// New id; one that is in use moves here.
        tap: TapId,
        /// What to copy.
        publication: PublicationId,
        /// Copies sound.
        audio: bool,
        /// Copies pictures.
        video: bool,
    },
    /// Ends a tap. Nothing is told.
    RemoveTap {
        /// The tap.
        tap: TapId,
    },
    /// Whoever takes a tap's packets cannot go on without a key frame.
    RequestKeyFrame {
        /// The tap.
        tap: TapId,
    },
}

/// What a media worker reports.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MediaEvent {
    /// SDP answer to a client's offer.
    Answered {
        /// Of the command.
        request: MediaRequestId,
        /// SDP answer with candidates.
        sdp: String,
    },
    /// SDP offer to a subscriber.
    Offered {
        /// Of the command.
        request: MediaRequestId,
        /// SDP offer with candidates.
        sdp: String,
    },
    /// The subscriber's answer fits.
    Accepted {
        /// Of the command.
        request: MediaRequestId,
    },
    /// The command had no effect.
    Failed {
        /// Of the command.
        request: MediaRequestId,
        /// Why.
        why: MediaFailure,
    },
    /// ICE and DTLS are up.
    Connected {
        /// The peer connection.
        transport: TransportId,
    },
    /// ICE consent was lost or DTLS closed; the transport stays until it is closed by command.
    Disconnected {
        /// The peer connection.
        transport: TransportId,
    },
    /// The publication of a tap has ended, and the tap with it.
    TapEnded {
        /// The tap.
        tap: TapId,
    },
}

/// Why a media command failed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum MediaFailure {
    /// The SDP cannot be read or breaks a rule.
    #[error("bad SDP: {0}")]
    BadSdp(String),
    /// The video codec that is required is not in the client's SDP.
    #[error("the video codec is not in the SDP")]
    CodecNotOffered,
    /// The publication has gone.
    #[error("unknown publication")]
    UnknownPublication,
    /// The transport has gone, or is not waiting for an answer.
    #[error("unknown transport")]
    UnknownTransport,
    /// The room has gone.
    #[error("unknown router")]
    UnknownRouter,
    /// A defect of ours, caught at the boundary of one transport.
    #[error("internal media failure")]
    Internal,
}
