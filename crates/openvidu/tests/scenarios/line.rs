//! Messages to clients as lines of text, with names instead of ids.

use protocol::rpc::{ClientReply, RpcError, ServerNotification};

use crate::call::Call;

impl Call {
    pub(crate) fn reply_line(&self, result: &Result<ClientReply, RpcError>) -> String {
        match result {
            Ok(ClientReply::Empty {}) => "ok".to_owned(),
            Ok(ClientReply::Joined(_)) => "joined".to_owned(),
            Ok(ClientReply::Published { sdp_answer, .. }) => format!("published {sdp_answer}"),
            Ok(ClientReply::Offer { sdp_offer }) => format!("offer {sdp_offer}"),
            Ok(ClientReply::Answer { sdp_answer }) => format!("answer {sdp_answer}"),
            Ok(ClientReply::Value { value }) => format!("value {value}"),
            Err(error) => self.named(&format!("error {}", error.message)),
        }
    }

    pub(crate) fn notification_line(&self, notification: &ServerNotification) -> String {
        let line = match notification {
            ServerNotification::ParticipantJoined { id, metadata, .. } => format!("participantJoined {id} {metadata}"),
            ServerNotification::ParticipantLeft { connection_id, reason } => {
                format!("participantLeft {connection_id} {reason}")
            }
            ServerNotification::ParticipantPublished { id, .. } => format!("participantPublished {id}"),
            ServerNotification::ParticipantUnpublished { connection_id, reason } => {
                format!("participantUnpublished {connection_id} {reason}")
            }
            ServerNotification::ParticipantEvicted { connection_id, reason } => {
                format!("participantEvicted {connection_id} {reason}")
            }
            ServerNotification::StreamPropertyChanged { stream_id, property, new_value, reason, .. } => {
                format!("streamPropertyChanged {stream_id} {property} {new_value} {reason}")
            }
            ServerNotification::FilterChanged { stream_id, new_value, reason, .. } => {
                format!(
                    "streamPropertyChanged {stream_id} filter {} {reason}",
                    serde_json::to_string(new_value).unwrap()
                )
            }
            ServerNotification::FilterEventDispatched { stream_id, filter_type, event_type, data, .. } => {
                format!("filterEventDispatched {stream_id} {filter_type} {event_type} {data}")
            }
            ServerNotification::MediaError { error } => format!("mediaError {error}"),
            ServerNotification::SendMessage { data, kind, from } => {
                let from = from.as_ref().map_or("server", |from| from.as_str());
                format!("signal {kind:?} {data:?} from {from}")
            }
            ServerNotification::RecordingStarted { id, name } => format!("recordingStarted {id} {name}"),
            ServerNotification::RecordingStopped { id, name, reason } => {
                format!("recordingStopped {id} {name} {reason}")
            }
            ServerNotification::BroadcastStarted {} => "broadcastStarted".to_owned(),
            ServerNotification::BroadcastStopped {} => "broadcastStopped".to_owned(),
            ServerNotification::NetworkQualityLevelChanged { connection_id, new_value, old_value } => {
                format!("networkQualityLevelChanged {connection_id} {old_value:?} {new_value}")
            }
            ServerNotification::ForciblyReconnectSubscriber { connection_id, stream_id, sdp_offer } => {
                format!("forciblyReconnectSubscriber {connection_id} {stream_id} {sdp_offer}")
            }
            ServerNotification::SpeechToTextMessage { connection_id, lang, reason, text, raw, .. } => {
                format!("speechToTextMessage {connection_id} {lang} {reason} {text} | {raw}")
            }
            ServerNotification::SpeechToTextDisconnected { message } => format!("speechToTextDisconnected {message}"),
            ServerNotification::ConnectionPropertyChanged { property, new_value } => {
                format!("connectionPropertyChanged {property} {new_value}")
            }
        };
        self.named(&line)
    }

    /// Names instead of ids. Streams first: their ids end in a connection's.
    fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
        for (id, name) in names {
            text = text.replace(id.as_str(), name);
        }
        text.trim_end().to_owned()
    }
}
