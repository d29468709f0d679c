//! What applications ask.

use std::fmt;
use std::net::IpAddr;

use protocol::event::Broadcast;
use protocol::id::StreamId;
use protocol::model::{ConnectionProperties, IceServer, RecordingProperties, Role, SessionProperties};
use serde::{Deserialize, Serialize};

/// What applications ask.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ApplicationCommand {
    /// [`crate::Registry::create_session`].
    CreateSession(Box<SessionProperties>),
    /// [`crate::Registry::close_session`].
    CloseSession {
        /// Session id.
        session: String,
    },
    /// Answered once nothing of a session is left that was closed, also not its recordings.
    AwaitEnd {
        /// Session id; none: of any.
        session: Option<String>,
    },
    /// [`crate::Registry::create_connection`].
    CreateConnection {
        /// Session id.
        session: String,
        /// What it may do.
        properties: Box<ConnectionProperties>,
        /// How the application reached us, `wss://host[:port]`.
        origin: String,
    },
    /// [`crate::Registry::connect_camera`].
    ConnectCamera {
        /// Session id.
        session: String,
        /// Which, and how.
        camera: Box<CameraProperties>,
    },
    /// [`crate::Registry::update_connection`].
    UpdateConnection {
        /// Session id.
        session: String,
        /// Connection id.
        connection: String,
        /// What is new.
        update: ConnectionUpdate,
    },
    /// [`crate::Registry::close_connection`].
    CloseConnection {
        /// Session id.
        session: String,
        /// Connection id.
        connection: String,
    },
    /// [`crate::Registry::unpublish_stream`].
    UnpublishStream {
        /// Session id.
        session: String,
        /// Stream id.
        stream: String,
    },
    /// [`crate::Registry::signal`].
    Signal {
        /// Session id.
        session: String,
        /// What is sent.
        signal: ServerSignal,
    },
    /// [`crate::Registry::take_guest_place`].
    TakeGuestPlace {
        /// What the room is like, if it is not there.
        room: Box<SessionProperties>,
        /// What the visitor may do.
        place: Box<ConnectionProperties>,
        /// How the visitor reached us, `wss://host[:port]`.
        origin: String,
        /// The visitor's network, unless everybody may stand behind it.
        asker: Option<IpAddr>,
    },
    /// Answered with [`crate::Reply::Recording`] once it runs.
    StartRecording {
        /// Session id.
        session: String,
        /// How.
        properties: Box<RecordingProperties>,
    },
    /// Answered with [`crate::Reply::Done`] once something comes to the target.
    StartBroadcast {
        /// Session id.
        session: String,
        /// What goes where.
        broadcast: Box<Broadcast>,
    },
    /// [`crate::Registry::stop_broadcast`].
    StopBroadcast {
        /// Session id.
        session: String,
    },
    /// Answered with [`crate::Reply::Recording`] once it is processed.
    StopRecording {
        /// Recording id.
        recording: String,
    },
    /// [`crate::Registry::load_speech_model`].
    LoadSpeechModel {
        /// Of speech.
        language: String,
    },
    /// [`crate::Registry::unload_speech_model`].
    UnloadSpeechModel {
        /// Of speech.
        language: String,
    },
}

/// An IP camera as the application describes it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameraProperties {
    /// What the application says of it.
    pub data: String,
    /// Whether its stream goes into individual recordings.
    pub record: bool,
    /// Where it is: may hold a password.
    pub uri: String,
    /// Its pictures may take what subscribers' networks carry, and come with a key frame when one is needed.
    pub adaptative_bitrate: bool,
    /// It is pulled only while somebody receives or records it.
    pub only_play_with_subscribers: bool,
    /// Milliseconds by which packets may come late.
    pub network_cache: i32,
    /// Shown, and not used.
    pub ice_servers: Vec<IceServer>,
    /// The address of its host, if it has one.
    pub ip: Option<String>,
}

impl CameraProperties {
    /// Its pictures come as they are made.
    pub(crate) fn is_live(&self) -> bool {
        self.uri.starts_with("rtsp")
    }

    /// It has a beginning and an end.
    pub(crate) fn is_file(&self) -> bool {
        self.uri.starts_with("file:")
    }
}

impl fmt::Debug for CameraProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CameraProperties").field("data", &self.data).finish_non_exhaustive()
    }
}

/// A signal from the application.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ServerSignal {
    /// Empty = everybody. `None` stands for a `null` entry.
    pub to: Vec<Option<String>>,
    /// Verbatim.
    pub kind: Option<String>,
    /// Verbatim.
    pub data: Option<String>,
}

/// What of a connection changes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ConnectionUpdate {
    /// New role.
    pub role: Option<Role>,
    /// New record flag.
    pub record: Option<bool>,
    /// Pictures of so many speakers, instead of what the session says.
    pub last_n: Option<u8>,
    /// The same of sound.
    pub loudest: Option<u8>,
    /// Streams that it gets in any case, instead of those before.
    pub pinned: Option<Vec<StreamId>>,
}
