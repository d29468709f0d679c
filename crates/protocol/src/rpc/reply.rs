//! Results and errors that answer a client's request.

use serde::{Serialize, Serializer};

use crate::error::ErrorCode;
use crate::filter::FilterView;
use crate::id::{ConnectionId, SessionId, StreamId};
use crate::model::{IceServer, Role};

/// The `result` of a request (`sessionId`, the RPC session, is added by [`super::reply_frame`]).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum ClientReply {
    /// `{}`.
    Empty {},
    /// `joinRoom`.
    Joined(Box<Joined>),
    /// `publishVideo` and a publisher's `reconnectStream`.
    #[serde(rename_all = "camelCase")]
    Published {
        /// SDP answer.
        sdp_answer: String,
        /// The stream.
        id: StreamId,
        /// ms since 1970.
        created_at: u64,
    },
    /// `prepareReceiveVideoFrom`.
    #[serde(rename_all = "camelCase")]
    Offer {
        /// SDP offer.
        sdp_offer: String,
    },
    /// `receiveVideoFrom` with an offer.
    #[serde(rename_all = "camelCase")]
    Answer {
        /// SDP answer.
        sdp_answer: String,
    },
    /// `connect`.
    Value {
        /// Fixed text.
        value: &'static str,
    },
}

/// Result of `joinRoom`, keys in the original's order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// Own connection id.
    pub id: ConnectionId,
    /// Absent for recorder and speech to text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_user_id: Option<String>,
    /// ms since 1970.
    pub created_at: u64,
    /// Client data, `%/%`, server data.
    pub metadata: String,
    /// Who is there already.
    pub value: Vec<RemoteParticipant>,
    /// The session.
    pub session: SessionId,
    /// Semver the client compares itself with.
    pub version: String,
    /// `mediasoup` or `kurento`.
    pub media_server: &'static str,
    /// Publishers' default.
    pub video_simulcast: bool,
    /// Absent for those who joined by secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<bool>,
    /// What the connection may do.
    pub role: Role,
    /// The recording that is going on.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub recording: Option<JoinedRecording>,
    /// TURN for clients before 2.23.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub turn: Option<LegacyTurn>,
    /// Empty is left out; then clients fall back to public STUN servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_ice_servers: Vec<IceServer>,
}

/// What a newcomer is told of a recording.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinedRecording {
    /// Its id.
    pub recording_id: String,
    /// Its file's name without extension.
    pub recording_name: String,
}

/// The four TURN fields that clients up to 2.22 read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LegacyTurn {
    /// Host.
    pub coturn_ip: String,
    /// Port (2.20 assumes 3478).
    pub coturn_port: u16,
    /// Long-term user.
    pub turn_username: String,
    /// Long-term password.
    pub turn_credential: String,
}

/// An element of `value` in [`Joined`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteParticipant {
    /// Connection id.
    pub id: ConnectionId,
    /// ms since 1970.
    pub created_at: u64,
    /// Client data, `%/%`, server data.
    pub metadata: String,
    /// The one stream; an empty list would hang the client, so it is left out.
    #[serde(rename = "streams", skip_serializing_if = "Option::is_none", serialize_with = "one")]
    pub stream: Option<StreamDescription>,
}

fn one<S: Serializer, T: Serialize>(item: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(item)
}

/// A stream as other clients learn of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamDescription {
    /// Stream id.
    pub id: StreamId,
    /// ms since 1970.
    pub created_at: u64,
    /// An audio m-line can be subscribed.
    pub has_audio: bool,
    /// A video m-line can be subscribed.
    pub has_video: bool,
    /// Not muted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_active: Option<bool>,
    /// Not muted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_active: Option<bool>,
    /// `CAMERA`…
    #[serde(skip_serializing_if = "Option::is_none")]
    pub type_of_video: Option<String>,
    /// −1 = unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_rate: Option<i64>,
    /// JSON *text*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_dimensions: Option<String>,
    /// What the server does to it.
    pub filter: FilterView,
}

/// The `error` of a request. The text ends in `. Code: N`, which applications parse.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct RpcError {
    /// Which.
    pub code: ErrorCode,
    /// With the code at its end, unless the code belongs to the JSON-RPC layer (−1, 40007).
    pub message: String,
}

impl RpcError {
    /// Completes `text` with the code.
    pub fn new(code: ErrorCode, text: impl std::fmt::Display) -> Self {
        let message = match code {
            ErrorCode::Internal | ErrorCode::ReconnectionError => text.to_string(),
            _ => format!("{text}. Code: {}", code.number()),
        };
        Self { code, message }
    }
}
