//! What answers a command that is carried out.

use protocol::id::{ConnectionId, SessionId, StreamId};
use protocol::media::IceCredentials;
use protocol::model::{IceServer, Role};
use protocol::recording::RecordingView;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::command::StreamProperties;
use crate::snapshot::{ConnectionSnapshot, SessionSnapshot};

/// The result of a command.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// It is done.
    Done,
    /// A client is in a session.
    Joined(Box<Joined>),
    /// A stream is published, or has a new peer connection.
    Published {
        /// SDP.
        answer: String,
        /// Which.
        stream: StreamId,
        /// Since when.
        created_at: Time,
    },
    /// Our offer to a subscriber.
    Offer {
        /// SDP.
        offer: String,
    },
    /// Our answer to a subscriber's offer.
    Answer {
        /// SDP.
        answer: String,
    },
    /// ICE begins anew.
    IceRestarted {
        /// Ours from now on.
        credentials: IceCredentials,
        /// Where we are reached: `candidate:…` lines.
        candidates: Vec<String>,
    },
    /// The client is bound to the socket again.
    Resumed,
    /// Nobody had to be found again: the socket works.
    Greeted,
    /// A session as it is now.
    Session(Box<SessionSnapshot>),
    /// A connection as it is now.
    Connection(Box<ConnectionSnapshot>),
    /// A recording as it is now.
    Recording(Box<RecordingView>),
}

/// What a newcomer has to know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Joined {
    /// Its connection.
    pub connection: ConnectionId,
    /// Where it is.
    pub session: SessionId,
    /// Since when.
    pub joined_at: Time,
    /// What the client is known by in its own logs; none for those whom nobody sees.
    pub user_id: Option<String>,
    /// What it says of itself, and the application of it.
    pub data: ParticipantData,
    /// Who is there already, in the order of joining.
    pub others: Vec<ParticipantDescription>,
    /// What it may do.
    pub role: Role,
    /// Whether its stream goes into recordings; none without a token.
    pub record: Option<bool>,
    /// The session's recording, if the newcomer shall know of it.
    pub recording: Option<RecordingName>,
    /// Which to use. Never empty, if the deployment has any.
    pub ice_servers: Vec<IceServer>,
    /// For clients that take a single one: the first that relays.
    pub relay: Option<IceServer>,
    /// As it came with the request.
    pub client_version: Option<String>,
}

/// What others see of a participant's data.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ParticipantData {
    /// What the client said when joining.
    pub client: String,
    /// What the application said when making the connection.
    pub server: String,
}

/// A participant as others learn of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ParticipantDescription {
    /// Who.
    pub connection: ConnectionId,
    /// Since when.
    pub joined_at: Time,
    /// What is said of it.
    pub data: ParticipantData,
    /// What it publishes.
    pub stream: Option<StreamDescription>,
}

/// A stream as others learn of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StreamDescription {
    /// Which.
    pub id: StreamId,
    /// Since when.
    pub created_at: Time,
    /// What its publisher says of it.
    pub properties: StreamProperties,
}

/// How a recording is called.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordingName {
    /// Unique.
    pub id: String,
    /// Of its file, without extension.
    pub name: String,
}
