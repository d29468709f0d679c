//! What is published or received.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};

use crate::id::{ConnectionId, StreamId};

/// A stream on its way between a client and the server, in `webrtcConnectionCreated` and `webrtcConnectionDestroyed`.
///
/// It holds what the publisher said when it published: muting or rotating later does not show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebRtcConnection {
    /// Which stream.
    pub stream: StreamId,
    /// Whose WebRTC connection: the publisher's or the subscriber's; written twice, as `participantId` and
    /// `connectionId`.
    pub owner: ConnectionId,
    /// Published or received.
    pub direction: Direction,
    /// Has sound (muted or not).
    pub audio: bool,
    /// Has pictures (muted or not).
    pub video: Option<PublishedVideo>,
}

/// Which way a stream goes, seen from the client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Direction {
    /// The client publishes.
    Outbound {
        /// Set if the client is a camera that the server fetches.
        camera: Option<CameraSource>,
    },
    /// The client receives.
    Inbound {
        /// The publisher.
        from: ConnectionId,
    },
}

/// The pictures of a stream as the publisher described them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PublishedVideo {
    /// `CAMERA`, `SCREEN`, `CUSTOM`, `IPCAM`, or any text.
    pub source: Option<String>,
    /// Frames per second; null if unsaid.
    pub framerate: Option<i64>,
    /// JSON *text*; null if unsaid.
    pub dimensions: Option<String>,
}

/// How an IP camera is fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CameraSource {
    /// Where from.
    pub rtsp_uri: String,
    /// The spelling on the wire is `adaptativeBitrate`.
    pub adaptive_bitrate: bool,
    /// ms.
    pub network_cache: u32,
    /// Fetched only while somebody watches.
    pub only_play_with_subscribers: bool,
}

impl Serialize for WebRtcConnection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("streamId", &self.stream)?;
        map.serialize_entry("participantId", &self.owner)?;
        map.serialize_entry("connectionId", &self.owner)?;
        match &self.direction {
            Direction::Outbound { camera } => {
                map.serialize_entry("connection", "OUTBOUND")?;
                if let Some(camera) = camera {
                    map.serialize_entry("rtspUri", &camera.rtsp_uri)?;
                    map.serialize_entry("adaptativeBitrate", &camera.adaptive_bitrate)?;
                    map.serialize_entry("networkCache", &camera.network_cache)?;
                    map.serialize_entry("onlyPlayWithSubscribers", &camera.only_play_with_subscribers)?;
                }
            }
            Direction::Inbound { from } => {
                map.serialize_entry("connection", "INBOUND")?;
                map.serialize_entry("receivingFrom", from)?;
            }
        }
        if let Some(video) = &self.video {
            map.serialize_entry("videoSource", &video.source)?;
            map.serialize_entry("videoFramerate", &video.framerate)?;
            map.serialize_entry("videoDimensions", &video.dimensions)?;
        }
        map.serialize_entry("audioEnabled", &self.audio)?;
        map.serialize_entry("videoEnabled", &self.video.is_some())?;
        map.end()
    }
}

/// As it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    stream_id: StreamId,
    connection_id: ConnectionId,
    connection: String,
    receiving_from: Option<ConnectionId>,
    rtsp_uri: Option<String>,
    #[serde(default)]
    adaptative_bitrate: bool,
    #[serde(default)]
    network_cache: u32,
    #[serde(default)]
    only_play_with_subscribers: bool,
    video_source: Option<String>,
    video_framerate: Option<i64>,
    video_dimensions: Option<String>,
    audio_enabled: bool,
    video_enabled: bool,
}

/// What was written is read back.
impl<'de> Deserialize<'de> for WebRtcConnection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let direction = match (written.connection.as_str(), written.receiving_from) {
            ("INBOUND", Some(from)) => Direction::Inbound { from },
            ("OUTBOUND", None) => Direction::Outbound {
                camera: written.rtsp_uri.map(|rtsp_uri| CameraSource {
                    rtsp_uri,
                    adaptive_bitrate: written.adaptative_bitrate,
                    network_cache: written.network_cache,
                    only_play_with_subscribers: written.only_play_with_subscribers,
                }),
            },
            _ => return Err(D::Error::custom("connection: OUTBOUND, or INBOUND with receivingFrom")),
        };
        let video = PublishedVideo {
            source: written.video_source,
            framerate: written.video_framerate,
            dimensions: written.video_dimensions,
        };
        Ok(Self {
            stream: written.stream_id,
            owner: written.connection_id,
            direction,
            audio: written.audio_enabled,
            video: written.video_enabled.then_some(video),
        })
    }
}
