//! What sessions, connections and recordings can be set to. Every value here is already valid.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::StreamId;

macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every word on the wire.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .description(Some(concat!($($doc),*).trim()))
                    .enum_values(Some(Self::WORDS.iter().copied()))
                    .schema_type(utoipa::openapi::Type::String)
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl std::str::FromStr for $name {
            type Err = $crate::model::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($word => Ok(Self::$variant),)+ _ => Err($crate::model::UnknownWord { allowed: Self::WORDS }) }
            }
        }
    };
}

pub(crate) use words;

/// A text that is none of the words allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("must be one of {allowed:?}")]
pub struct UnknownWord {
    /// What it could have been.
    pub allowed: &'static [&'static str],
}

words! {
    /// What a connection may do.
    Role {
        /// Receives only.
        Subscriber = "SUBSCRIBER",
        /// Receives and publishes.
        Publisher = "PUBLISHER",
        /// Also ends other people's streams and connections.
        Moderator = "MODERATOR",
    }
}
words! {
    /// Whether media goes through the server. `RELAYED` is accepted and refuses recordings; media is routed all the same.
    MediaMode {
        /// Through the server.
        Routed = "ROUTED",
        /// Peer to peer (never implemented by the original either).
        Relayed = "RELAYED",
    }
}
words! {
    /// When a session is recorded.
    RecordingMode {
        /// As soon as somebody publishes.
        Always = "ALWAYS",
        /// When asked for.
        Manual = "MANUAL",
    }
}
words! {
    /// Who is told in the browser that a recording began or ended.
    RecordingNotification {
        /// Nobody.
        None = "none",
        /// Moderators.
        Moderator = "moderator",
        /// Moderators and publishers.
        PublisherModerator = "publisher_moderator",
        /// Everybody.
        All = "all",
    }
}
words! {
    /// The one video codec of a session.
    ForcedVideoCodec {
        /// What suits the media server.
        MediaServerPreferred = "MEDIA_SERVER_PREFERRED",
        /// The publisher's own choice.
        None = "NONE",
        /// VP8.
        Vp8 = "VP8",
        /// VP9.
        Vp9 = "VP9",
        /// H.264.
        H264 = "H264",
    }
}
words! {
    /// What a recording produces.
    OutputMode {
        /// One file with everybody in it.
        Composed = "COMPOSED",
        /// The same, prepared in advance.
        ComposedQuickStart = "COMPOSED_QUICK_START",
        /// One file per stream, in a ZIP.
        Individual = "INDIVIDUAL",
    }
}
words! {
    /// How a composed recording arranges people.
    RecordingLayout {
        /// A grid.
        BestFit = "BEST_FIT",
        /// One big, the others inside it.
        PictureInPicture = "PICTURE_IN_PICTURE",
        /// One big, the others in a column.
        VerticalPresentation = "VERTICAL_PRESENTATION",
        /// One big, the others in a row.
        HorizontalPresentation = "HORIZONTAL_PRESENTATION",
        /// A web page of the application.
        Custom = "CUSTOM",
    }
}
words! {
    /// Which kind of client a connection is for.
    ConnectionType {
        /// A browser or SDK.
        WebRtc = "WEBRTC",
        /// A camera the server fetches.
        IpCam = "IPCAM",
    }
}
words! {
    /// Whose signalling dialect joinRoom announces: it decides who offers in a subscription and whether clients
    /// send simulcast.
    MediaServer {
        /// The server offers; simulcast possible.
        Mediasoup = "mediasoup",
        /// The client offers; no simulcast.
        Kurento = "kurento",
    }
}

/// Bandwidth limits and filters of one connection, as the application gave them; absent keys stay absent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct KurentoOptions {
    /// kbit/s from the client to the server; 0 = unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub video_max_recv_bandwidth: Option<i32>,
    /// kbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub video_min_recv_bandwidth: Option<i32>,
    /// kbit/s from the server to the client; 0 = unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub video_max_send_bandwidth: Option<i32>,
    /// kbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub video_min_send_bandwidth: Option<i32>,
    /// Filter types the owner may apply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_filters: Vec<String>,
}

/// One STUN or TURN server for clients.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct IceServer {
    /// RFC 7064/7065 URI, a single one.
    pub url: String,
    /// TURN user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub username: Option<String>,
    /// TURN password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub credential: Option<String>,
}

/// How a session wants to be recorded when the request does not say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordingProperties {
    /// File name without extension; empty = the recording's id.
    pub name: String,
    /// Record sound.
    pub has_audio: bool,
    /// Record pictures.
    pub has_video: bool,
    /// Composed or individual.
    pub output_mode: OutputMode,
    /// Composed only.
    pub recording_layout: RecordingLayout,
    /// Composed only, `WIDTHxHEIGHT`.
    pub resolution: String,
    /// Composed only, frames per second.
    pub frame_rate: i32,
    /// Composed only, bytes.
    pub shm_size: i64,
    /// With layout CUSTOM: folder or address of the page.
    pub custom_layout: String,
    /// Individual only.
    pub ignore_failed_streams: bool,
    /// Shown again when given.
    pub media_node: Option<String>,
    /// The language of its subtitles; empty: none, absent: as the deployment has it.
    #[serde(default)]
    pub subtitles: Option<String>,
}

impl Default for RecordingProperties {
    fn default() -> Self {
        Self {
            name: String::new(),
            has_audio: true,
            has_video: true,
            output_mode: OutputMode::Composed,
            recording_layout: RecordingLayout::BestFit,
            resolution: "1280x720".to_owned(),
            frame_rate: 25,
            shm_size: 536_870_912,
            custom_layout: String::new(),
            ignore_failed_streams: false,
            media_node: None,
            subtitles: None,
        }
    }
}

/// What `POST /sessions` may set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionProperties {
    /// Routed or relayed.
    pub media_mode: MediaMode,
    /// Manual or always.
    pub recording_mode: RecordingMode,
    /// The application's own id; empty = generated.
    pub custom_session_id: String,
    /// Defaults for recordings.
    pub default_recording_properties: RecordingProperties,
    /// Video codec rule.
    pub forced_video_codec: ForcedVideoCodec,
    /// Lets clients without the forced codec publish what they have.
    pub allow_transcoding: bool,
    /// Shown again when given.
    pub media_node: Option<String>,
    /// Clients get the pictures of so many, those who spoke last; 0: of all.
    pub last_n: u8,
    /// Clients get the sound of so many, the loudest; 0: of all.
    pub loudest: u8,
}

/// What `POST …/connection` may set for a WEBRTC connection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConnectionProperties {
    /// What the connection may do.
    pub role: Role,
    /// `serverData`.
    pub data: String,
    /// Whether individual recordings take its stream.
    pub record: bool,
    /// Limits, if given.
    pub kurento_options: Option<KurentoOptions>,
    /// Instead of the server's own list, if not empty.
    pub custom_ice_servers: Vec<IceServer>,
    /// Instead of the session's.
    pub last_n: Option<u8>,
    /// Instead of the session's.
    pub loudest: Option<u8>,
    /// Streams that it gets in any case.
    pub pinned: Vec<StreamId>,
}

impl Default for ConnectionProperties {
    fn default() -> Self {
        Self {
            role: Role::Publisher,
            data: String::new(),
            record: true,
            kurento_options: None,
            custom_ice_servers: vec![],
            last_n: None,
            loudest: None,
            pinned: vec![],
        }
    }
}
