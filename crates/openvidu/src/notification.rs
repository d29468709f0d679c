//! What clients are told without having asked.

use protocol::filter::{FilterChangeView, printed};
use protocol::rpc::{ServerNotification, notification_frame};
use session::command::FilterAction;
use session::{Notification, QualityLevel};

use crate::reply::{metadata, stream_description};

/// A notification as a frame.
pub fn frame(notification: &Notification) -> String {
    notification_frame(&message(notification))
}

/// The same before it is written.
pub fn message(notification: &Notification) -> ServerNotification {
    match notification.clone() {
        Notification::ParticipantJoined { connection, joined_at, data } => ServerNotification::ParticipantJoined {
            id: connection,
            created_at: joined_at.as_millis(),
            metadata: metadata(&data),
        },
        Notification::ParticipantLeft { connection, reason } => {
            ServerNotification::ParticipantLeft { connection_id: connection, reason: reason.as_str() }
        }
        Notification::ParticipantEvicted { connection, reason } => {
            ServerNotification::ParticipantEvicted { connection_id: connection, reason: reason.as_str() }
        }
        Notification::StreamPublished { connection, stream } => {
            ServerNotification::ParticipantPublished { id: connection, streams: [stream_description(stream)] }
        }
        Notification::StreamUnpublished { connection, reason } => {
            ServerNotification::ParticipantUnpublished { connection_id: connection, reason: reason.as_str() }
        }
        Notification::StreamChanged { connection, stream, property, new_value, reason } => {
            let (connection_id, stream_id) = (connection, stream);
            ServerNotification::StreamPropertyChanged { connection_id, stream_id, property, new_value, reason }
        }
        Notification::FilterChanged { connection, stream, filter, action } => ServerNotification::FilterChanged {
            connection_id: connection,
            stream_id: stream,
            property: "filter",
            new_value: FilterChangeView(filter),
            reason: match action {
                FilterAction::Apply => "applyFilter",
                FilterAction::Remove => "removeFilter",
                FilterAction::Execute | FilterAction::AddListener | FilterAction::RemoveListener => "execFilterMethod",
            },
        },
        Notification::FilterFound { connection, stream, kind, event, data } => {
            ServerNotification::FilterEventDispatched {
                connection_id: connection,
                stream_id: stream,
                filter_type: kind,
                event_type: event,
                data: printed(&data),
            }
        }
        Notification::MediaBroken { error } => ServerNotification::MediaError { error },
        Notification::Signal { from, kind, data } => ServerNotification::SendMessage { data, kind, from },
        Notification::RecordingStarted(recording) => {
            ServerNotification::RecordingStarted { id: recording.id, name: recording.name }
        }
        Notification::RecordingStopped { recording, reason } => {
            ServerNotification::RecordingStopped { id: recording.id, name: recording.name, reason: reason.as_str() }
        }
        Notification::BroadcastStarted => ServerNotification::BroadcastStarted {},
        Notification::BroadcastStopped => ServerNotification::BroadcastStopped {},
        Notification::RoleChanged(role) => {
            ServerNotification::ConnectionPropertyChanged { property: "role", new_value: role.as_str().to_owned() }
        }
        Notification::NetworkQualityChanged { connection, new, old } => {
            ServerNotification::NetworkQualityLevelChanged {
                connection_id: connection,
                new_value: quality_level(new),
                old_value: old.map(quality_level),
            }
        }
        Notification::StreamOffered { connection, stream, offer } => ServerNotification::ForciblyReconnectSubscriber {
            connection_id: connection,
            stream_id: stream,
            sdp_offer: offer,
        },
        Notification::SpeechRecognised { session, connection, language, text, raw, is_final, at } => {
            ServerNotification::SpeechToTextMessage {
                timestamp: at.as_millis(),
                session_id: session,
                connection_id: connection,
                text,
                reason: if is_final { "RECOGNIZED" } else { "RECOGNIZING" },
                raw,
                lang: language,
            }
        }
        Notification::SpeechDisconnected => {
            ServerNotification::SpeechToTextDisconnected { message: "Network closed for unknown reason" }
        }
        Notification::RecordChanged(record) => {
            ServerNotification::ConnectionPropertyChanged { property: "record", new_value: record.to_string() }
        }
    }
}

/// 5 is excellent; at 0 the publisher is cut off.
pub fn quality_level(level: QualityLevel) -> u8 {
    match level {
        QualityLevel::Broken => 0,
        QualityLevel::Bad => 1,
        QualityLevel::Poor => 2,
        QualityLevel::Fair => 3,
        QualityLevel::Good => 4,
        QualityLevel::Excellent => 5,
    }
}
