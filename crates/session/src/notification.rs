//! What participants are told without having asked.

use protocol::event::Reason;
use protocol::filter::Filter;
use protocol::id::{ConnectionId, SessionId, StreamId};
use protocol::model::Role;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::command::FilterAction;
use crate::quality::QualityLevel;
use crate::reply::{ParticipantData, RecordingName, StreamDescription};

/// One of them. To many it goes as the same value: write it once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Notification {
    /// Somebody entered.
    ParticipantJoined {
        /// Who.
        connection: ConnectionId,
        /// When.
        joined_at: Time,
        /// What is said of it.
        data: ParticipantData,
    },
    /// Somebody left.
    ParticipantLeft {
        /// Who.
        connection: ConnectionId,
        /// Why.
        reason: Reason,
    },
    /// Somebody was put out: told to everybody, that client included.
    ParticipantEvicted {
        /// Who.
        connection: ConnectionId,
        /// Why.
        reason: Reason,
    },
    /// Somebody publishes.
    StreamPublished {
        /// Who.
        connection: ConnectionId,
        /// What.
        stream: StreamDescription,
    },
    /// A stream ended, its publisher stays.
    StreamUnpublished {
        /// Whose.
        connection: ConnectionId,
        /// Why.
        reason: Reason,
    },
    /// A property of a stream is different now: as its publisher sent it.
    StreamChanged {
        /// Whose.
        connection: ConnectionId,
        /// Which.
        stream: StreamId,
        /// Any name.
        property: String,
        /// As it was sent.
        new_value: String,
        /// Any text.
        reason: String,
    },
    /// A stream's filter was put on, was called, or is gone.
    FilterChanged {
        /// Whose.
        connection: ConnectionId,
        /// Which.
        stream: StreamId,
        /// What it is now.
        filter: Option<Filter>,
        /// What was done.
        action: FilterAction,
    },
    /// A filter has found something for which the receiver listens.
    FilterFound {
        /// Whose stream.
        connection: ConnectionId,
        /// Which.
        stream: StreamId,
        /// `ZBarFilter`…
        kind: String,
        /// `CodeFound`…
        event: String,
        /// Names with their values.
        data: Vec<(String, String)>,
    },
    /// Something that is done to the receiver's own stream is broken.
    MediaBroken {
        /// What, and why.
        error: String,
    },
    /// A signal.
    Signal {
        /// None: of the application.
        from: Option<ConnectionId>,
        /// Verbatim.
        kind: Option<String>,
        /// Verbatim.
        data: Option<String>,
    },
    /// The session is being recorded.
    RecordingStarted(RecordingName),
    /// It no longer is.
    RecordingStopped {
        /// Which.
        recording: RecordingName,
        /// Why.
        reason: Reason,
    },
    /// The session is being broadcast.
    BroadcastStarted,
    /// It no longer is.
    BroadcastStopped,
    /// The receiver's own role is another one now.
    RoleChanged(Role),
    /// Whether the receiver's own stream goes into recordings is different now.
    RecordChanged(bool),
    /// A stream that the receiver had lost is there again: it is to answer this offer.
    StreamOffered {
        /// Whose.
        connection: ConnectionId,
        /// Which.
        stream: StreamId,
        /// SDP.
        offer: String,
    },
    /// The network of somebody who publishes is better or worse now: told to everybody, that client included.
    NetworkQualityChanged {
        /// Whose.
        connection: ConnectionId,
        /// How it is.
        new: QualityLevel,
        /// How it was; none: it was not known.
        old: Option<QualityLevel>,
    },
    /// Somebody says something: told to those who listen.
    SpeechRecognised {
        /// Where.
        session: SessionId,
        /// Who speaks.
        connection: ConnectionId,
        /// As it was asked for.
        language: String,
        /// The words; never blank.
        text: String,
        /// What the recogniser itself says; never blank.
        raw: String,
        /// It will not be corrected any more. To each who listens, something was told before that may be.
        is_final: bool,
        /// When it was recognised.
        at: Time,
    },
    /// What recognised speech for the receiver is gone: it listens to nobody any more.
    SpeechDisconnected,
}

impl Notification {
    /// Roughly how much memory it holds, in bytes: the texts that clients choose, and something for the rest.
    pub(crate) fn weight(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let chosen = match self {
            Self::Signal { kind, data, .. } => length(kind) + length(data),
            Self::StreamChanged { property, new_value, reason, .. } => property.len() + new_value.len() + reason.len(),
            Self::ParticipantJoined { data, .. } => data.client.len() + data.server.len(),
            Self::StreamPublished { stream, .. } => {
                length(&stream.properties.type_of_video) + length(&stream.properties.video_dimensions)
            }
            Self::StreamOffered { offer, .. } => offer.len(),
            Self::FilterChanged { filter: Some(filter), .. } => {
                filter.kind.len() + 4 * filter.options.to_string().len()
            }
            Self::FilterFound { data, .. } => data.iter().map(|(name, value)| name.len() + value.len()).sum(),
            Self::MediaBroken { error } => error.len(),
            Self::SpeechRecognised { language, text, raw, .. } => language.len() + text.len() + raw.len(),
            _ => 0,
        };
        chosen + 200
    }
}
