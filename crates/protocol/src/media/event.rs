//! What a media worker reports.

use serde::{Deserialize, Serialize};

use super::{IceCredentials, Kinds, TransportObservation, VideoCodec};
use crate::id::{MediaRequestId, RouterId, TapId, TransportId, WorkerId};

/// In the order in which it happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MediaEvent {
    /// SDP answer to a client's offer.
    Answered {
        /// Of the command.
        request: MediaRequestId,
        /// SDP answer with candidates.
        sdp: String,
        /// What is carried: of what was announced or is published, that which the client's offer has.
        kinds: Kinds,
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
    /// ICE begins anew.
    Restarted {
        /// Of the command.
        request: MediaRequestId,
        /// Ours from now on.
        credentials: IceCredentials,
        /// Where we are reached: `candidate:…` lines.
        candidates: Vec<String>,
    },
    /// The command had no effect.
    Failed {
        /// Of the command.
        request: MediaRequestId,
        /// Why.
        why: MediaFailure,
    },
    /// The publication of a tap has ended, and the tap with it.
    TapEnded {
        /// Its room.
        router: RouterId,
        /// The tap.
        tap: TapId,
    },
    /// Something happened on a transport that nobody has to act on. A worker whose reports are not taken loses these,
    /// statistics first, and never any of the others.
    Observed {
        /// Its room.
        router: RouterId,
        /// The peer connection.
        transport: TransportId,
        /// What happened.
        observation: TransportObservation,
    },
    /// A worker is gone with everything it carried. It says so of itself hardly ever: whoever holds the other end of its
    /// queues notices.
    WorkerLost {
        /// Which.
        worker: WorkerId,
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
    /// The subscriber cannot take the pictures as they are published.
    #[error("{} is published, which the client does not take", .published.name())]
    CodecNotTaken {
        /// What is published.
        published: VideoCodec,
        /// What the client offers to take; empty where it has only refused.
        taken: Vec<VideoCodec>,
    },
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
