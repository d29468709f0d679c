//! Server → client notifications.

use serde::Serialize;

use super::reply::StreamDescription;
use crate::filter::FilterChangeView;
use crate::id::{ConnectionId, SessionId, StreamId};

/// A notification; serialises to `"method": …, "params": …`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "method", content = "params", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServerNotification {
    /// Somebody entered.
    ParticipantJoined {
        /// Who.
        id: ConnectionId,
        /// ms since 1970.
        created_at: u64,
        /// Client data, `%/%`, server data.
        metadata: String,
    },
    /// Somebody left.
    ParticipantLeft {
        /// Who.
        connection_id: ConnectionId,
        /// Why.
        reason: &'static str,
    },
    /// Somebody publishes.
    ParticipantPublished {
        /// Who.
        id: ConnectionId,
        /// Exactly one.
        streams: [StreamDescription; 1],
    },
    /// A stream ended, its owner stays.
    ParticipantUnpublished {
        /// Who.
        connection_id: ConnectionId,
        /// Why.
        reason: &'static str,
    },
    /// Somebody was put out; only that client reacts.
    ParticipantEvicted {
        /// Who.
        connection_id: ConnectionId,
        /// Why.
        reason: &'static str,
    },
    /// Mute, rotation, label…
    StreamPropertyChanged {
        /// Owner.
        connection_id: ConnectionId,
        /// Which.
        stream_id: StreamId,
        /// Any name.
        property: String,
        /// JSON text of the value that the publisher sent.
        new_value: String,
        /// Any text.
        reason: String,
    },
    /// A stream's filter was put on, was called, or is gone.
    #[serde(rename = "streamPropertyChanged")]
    FilterChanged {
        /// Owner.
        connection_id: ConnectionId,
        /// Which.
        stream_id: StreamId,
        /// `filter`.
        property: &'static str,
        /// What it is now: the one property that is no text.
        new_value: FilterChangeView,
        /// `applyFilter`, `execFilterMethod`, `removeFilter`.
        reason: &'static str,
    },
    /// A filter has found something, and the client listens.
    FilterEventDispatched {
        /// Owner of the stream.
        connection_id: ConnectionId,
        /// Which.
        stream_id: StreamId,
        /// `ZBarFilter`…
        filter_type: String,
        /// `CodeFound`…
        event_type: String,
        /// As [`crate::filter::printed`] writes it.
        data: String,
    },
    /// Something that the server does for the client's own stream has broken.
    MediaError {
        /// What, and why.
        error: String,
    },
    /// A signal.
    SendMessage {
        /// As sent.
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<String>,
        /// As sent.
        #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        /// Absent when it came from REST.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<ConnectionId>,
    },
    /// The session is being recorded.
    RecordingStarted {
        /// Of the recording.
        id: String,
        /// Its file's name without extension.
        name: String,
    },
    /// It no longer is.
    RecordingStopped {
        /// Of the recording.
        id: String,
        /// Its file's name without extension.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// The session is being broadcast.
    BroadcastStarted {},
    /// It no longer is.
    BroadcastStopped {},
    /// Role or record flag changed by REST.
    ConnectionPropertyChanged {
        /// `role` or `record`.
        property: &'static str,
        /// As text.
        new_value: String,
    },
    /// A stream that the client had lost is there again: it is to answer this offer with `reconnectStream`.
    ForciblyReconnectSubscriber {
        /// Whose.
        connection_id: ConnectionId,
        /// Which.
        stream_id: StreamId,
        /// Ours.
        sdp_offer: String,
    },
    /// The network of somebody who publishes is better or worse now.
    NetworkQualityLevelChanged {
        /// Who.
        connection_id: ConnectionId,
        /// 1 (bad) to 5 (excellent); 0: cut off.
        new_value: u8,
        /// Absent in the first one.
        #[serde(skip_serializing_if = "Option::is_none")]
        old_value: Option<u8>,
    },
    /// What somebody says.
    SpeechToTextMessage {
        /// ms since 1970.
        timestamp: u64,
        /// Where.
        session_id: SessionId,
        /// Who.
        connection_id: ConnectionId,
        /// The words.
        text: String,
        /// `RECOGNIZING` or `RECOGNIZED`.
        reason: &'static str,
        /// What the recogniser says.
        raw: String,
        /// As it was subscribed to.
        lang: String,
    },
    /// There will be no more of these.
    SpeechToTextDisconnected {
        /// Why.
        message: &'static str,
    },
}
