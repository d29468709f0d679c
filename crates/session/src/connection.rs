//! A connection's two states: pending (somebody may come with its token) and active (somebody is there).

use std::collections::BTreeMap;

use protocol::id::ConnectionId;
use protocol::model::ConnectionProperties;
use protocol::rpc::RemoteParticipant;

use crate::Time;
use crate::candidate::EarlyCandidates;
use crate::id::{ClientId, ParticipantId};
use crate::stream::Stream;
use crate::subscription::Subscription;

/// Made by REST; its token is unused.
#[derive(Debug)]
pub(crate) struct PendingConnection {
    pub(crate) connection: ConnectionId,
    pub(crate) created_at: Time,
    pub(crate) properties: ConnectionProperties,
    /// `tok_…`.
    pub(crate) token: String,
    /// The same as the application got it.
    pub(crate) token_url: String,
}

/// A connection whose client has joined.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) client: ClientId,
    pub(crate) connection: ConnectionId,
    pub(crate) access: Access,
    pub(crate) created_at: Time,
    pub(crate) active_at: Time,
    pub(crate) ip: String,
    pub(crate) platform: String,
    /// What the client said when joining.
    pub(crate) client_data: String,
    /// The same joined with what the application said: what others see.
    pub(crate) metadata: String,
    pub(crate) stream: Option<Stream>,
    /// By publisher.
    pub(crate) subscriptions: BTreeMap<ParticipantId, Subscription>,
    pub(crate) early_candidates: EarlyCandidates,
}

/// What let a participant in.
#[derive(Debug)]
pub(crate) enum Access {
    /// A token, with everything that its connection was given.
    Token {
        properties: ConnectionProperties,
        /// The consumed token URL; REST goes on showing it.
        url: String,
    },
    /// The deployment's secret.
    Secret(Insider),
}

/// Who joined by secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Insider {
    /// The page that a composed recording films. Hidden.
    Recorder,
    /// The client that transcribes. Hidden.
    SpeechToText,
    /// A dashboard or the like; visible. It gets a token of its own, to show in REST.
    Visible { token: String },
}

impl Participant {
    /// Hidden participants see everybody and are seen by nobody; they keep no session open.
    pub(crate) fn is_hidden(&self) -> bool {
        matches!(self.access, Access::Secret(Insider::Recorder | Insider::SpeechToText))
    }

    /// The recorder's page does not close its own socket.
    pub(crate) fn is_recorder(&self) -> bool {
        matches!(self.access, Access::Secret(Insider::Recorder))
    }

    /// As an element of `value` in the answer to joinRoom.
    pub(crate) fn describe(&self) -> RemoteParticipant {
        RemoteParticipant {
            id: self.connection.clone(),
            created_at: self.active_at.as_millis(),
            metadata: self.metadata.clone(),
            stream: self.stream.as_ref().map(|stream| stream.description.clone()),
        }
    }
}

/// What others see of a participant's data: the client's part, the application's part, or both.
pub(crate) fn metadata(client: &str, server: &str) -> String {
    match (client, server) {
        ("", server) => server.to_owned(),
        (client, "") => client.to_owned(),
        (client, server) => format!("{client}%/%{server}"),
    }
}

/// The connection id at the end of a stream id: all that counts in it when subscribing.
pub(crate) fn owner_in(stream: &str) -> Option<&str> {
    let start = stream.rfind("con_").or_else(|| stream.find("ipc_"))?;
    Some(&stream[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_joins_what_is_there() {
        assert_eq!(metadata("", ""), "");
        assert_eq!(metadata("a", ""), "a");
        assert_eq!(metadata("", "b"), "b");
        assert_eq!(metadata("a", "b"), "a%/%b");
    }

    #[test]
    fn the_owner_is_read_off_the_end_of_a_stream_id() {
        assert_eq!(owner_in("str_CAM_Kd8s_con_Bq81LmN0ty"), Some("con_Bq81LmN0ty"));
        assert_eq!(owner_in("str_con_Ab1c_con_Bq81LmN0ty"), Some("con_Bq81LmN0ty"));
        assert_eq!(owner_in("con_Bq81LmN0ty"), Some("con_Bq81LmN0ty"));
        assert_eq!(owner_in("garbage"), None);
    }
}
