//! What the REST API answers. Key order is part of the contract.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap};
use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder, ArrayBuilder, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

pub use super::list::List;
use super::schema::{any_of, inline, null, object, one, reference, values};
use super::web_rtc::WebRtcView;
use crate::filter::FilterView;
use crate::id::{ConnectionId, SessionId, StreamId};
use crate::model::{
    ConnectionType, ForcedVideoCodec, IceServer, KurentoOptions, MediaMode, OutputMode, RecordingLayout, RecordingMode,
    RecordingProperties, Role,
};

/// A session.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionState)]
pub struct SessionView {
    /// Id.
    pub id: SessionId,
    /// `"session"`.
    pub object: &'static str,
    /// Id again.
    pub session_id: SessionId,
    /// ms since 1970, of the REST call.
    pub created_at: u64,
    /// Being recorded.
    pub recording: bool,
    /// Being broadcast.
    pub broadcasting: bool,
    /// Routed or relayed.
    pub media_mode: MediaMode,
    /// Manual or always.
    pub recording_mode: RecordingMode,
    /// Defaults for recordings.
    pub default_recording_properties: RecordingPropertiesView,
    /// The application's own id, or empty.
    pub custom_session_id: String,
    /// Only if it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub media_node: Option<MediaNodeView>,
    /// Video codec rule.
    pub forced_video_codec: ForcedVideoCodec,
    /// Lets clients without that codec in.
    pub allow_transcoding: bool,
    /// Who is there (and, when asked for, who may come).
    pub connections: List<ConnectionView>,
    /// Clients get the pictures of so many only, those who spoke last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_n: Option<u8>,
    /// Clients get the sound of so many only, the loudest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub loudest: Option<u8>,
}

/// `{"id":…}`.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = MediaNodeId)]
pub struct MediaNodeView {
    /// As given.
    pub id: String,
}

/// `defaultRecordingProperties`.
#[derive(Clone, PartialEq, Debug)]
pub struct RecordingPropertiesView(pub RecordingProperties);

impl Serialize for RecordingPropertiesView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let properties = &self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &properties.name)?;
        map.serialize_entry("hasAudio", &properties.has_audio)?;
        map.serialize_entry("hasVideo", &properties.has_video)?;
        map.serialize_entry("outputMode", &properties.output_mode)?;
        match properties.output_mode {
            OutputMode::Individual => map.serialize_entry("ignoreFailedStreams", &properties.ignore_failed_streams)?,
            OutputMode::Composed | OutputMode::ComposedQuickStart if properties.has_video => {
                map.serialize_entry("recordingLayout", &properties.recording_layout)?;
                map.serialize_entry("resolution", &properties.resolution)?;
                map.serialize_entry("frameRate", &properties.frame_rate)?;
                map.serialize_entry("shmSize", &properties.shm_size)?;
                if properties.recording_layout == RecordingLayout::Custom {
                    map.serialize_entry("customLayout", &properties.custom_layout)?;
                }
            }
            OutputMode::Composed | OutputMode::ComposedQuickStart => {}
        }
        if let Some(node) = &properties.media_node {
            map.serialize_entry("mediaNode", node)?;
        }
        if let Some(language) = &properties.subtitles {
            map.serialize_entry("subtitles", language)?;
        }
        map.end()
    }
}

impl PartialSchema for RecordingPropertiesView {
    fn schema() -> RefOr<Schema> {
        let shared = |has_video: &[bool], modes: &[OutputMode]| {
            object([
                ("name", String::schema()),
                ("hasAudio", bool::schema()),
                ("hasVideo", values(has_video.iter().copied()).into()),
                ("outputMode", values(modes.iter().map(|mode| mode.as_str())).into()),
            ])
            .property("mediaNode", String::schema())
            .property("subtitles", String::schema())
        };
        let composed = &[OutputMode::Composed, OutputMode::ComposedQuickStart];
        let required =
            |object: ObjectBuilder, name: &str, schema: RefOr<Schema>| object.property(name, schema).required(name);
        let individual = shared(&[true, false], &[OutputMode::Individual]).title(Some("Individual"));
        let mut video = shared(&[true], composed).title(Some("Composed")).property("customLayout", String::schema());
        for (name, schema) in [
            ("recordingLayout", inline::<RecordingLayout>()),
            ("resolution", String::schema()),
            ("frameRate", i32::schema()),
            ("shmSize", i64::schema()),
        ] {
            video = required(video, name, schema);
        }
        OneOfBuilder::new()
            .description(Some("How the session wants to be recorded when the request does not say"))
            .item(required(individual, "ignoreFailedStreams", bool::schema()))
            .item(video)
            .item(shared(&[false], composed).title(Some("Composed, sound only")))
            .into()
    }
}

impl ToSchema for RecordingPropertiesView {
    fn name() -> Cow<'static, str> {
        "DefaultRecordingProperties".into()
    }
}

/// A connection: always the same 24 keys, in an order that depends on the status; and what it gets of big rooms, if that was set.
#[derive(Clone, PartialEq, Debug)]
pub struct ConnectionView {
    /// Id.
    pub connection_id: ConnectionId,
    /// Its session.
    pub session_id: SessionId,
    /// ms since 1970.
    pub created_at: u64,
    /// `None` for those who joined by secret.
    pub record: Option<bool>,
    /// What it may do.
    pub role: Option<Role>,
    /// As given.
    pub kurento_options: Option<KurentoOptions>,
    /// As given, secrets replaced by credentials.
    pub custom_ice_servers: Vec<IceServer>,
    /// `None` for those who joined by secret.
    pub server_data: Option<String>,
    /// Token URL.
    pub token: Option<String>,
    /// `Some` once joined.
    pub active: Option<ActiveConnectionView>,
    /// Instead of the session's, if given.
    pub last_n: Option<u8>,
    /// Instead of the session's, if given.
    pub loudest: Option<u8>,
    /// Shown if there are any.
    pub pinned: Vec<StreamId>,
    /// Of a camera: `IPCAM`.
    pub camera: Option<CameraView>,
}

/// How a camera is fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CameraView {
    /// As given, with user and password.
    pub rtsp_uri: String,
    /// As given.
    pub adaptative_bitrate: bool,
    /// As given.
    pub only_play_with_subscribers: bool,
    /// ms.
    pub network_cache: i32,
}

/// What is known once a client has joined.
#[derive(Clone, PartialEq, Debug)]
pub struct ActiveConnectionView {
    /// ms since 1970.
    pub active_at: u64,
    /// `"unknown"`.
    pub location: String,
    /// Of the client, or of a camera's host; `None` if that has none.
    pub ip: Option<String>,
    /// Browser and system.
    pub platform: String,
    /// What the client said; `None` of a camera.
    pub client_data: Option<String>,
    /// One or none.
    pub publishers: Vec<PublisherView>,
    /// What it receives.
    pub subscribers: Vec<SubscriberView>,
}

impl Serialize for ConnectionView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(24))?;
        let active = self.active.as_ref();
        map.serialize_entry("id", &self.connection_id)?;
        map.serialize_entry("object", "connection")?;
        map.serialize_entry("status", if active.is_some() { "active" } else { "pending" })?;
        map.serialize_entry("connectionId", &self.connection_id)?;
        map.serialize_entry("sessionId", &self.session_id)?;
        map.serialize_entry("createdAt", &self.created_at)?;
        if let Some(active) = active {
            map.serialize_entry("activeAt", &active.active_at)?;
            map.serialize_entry("location", &active.location)?;
            map.serialize_entry("ip", &active.ip)?;
            map.serialize_entry("platform", &active.platform)?;
            map.serialize_entry("token", &self.token)?;
        }
        let kind = if self.camera.is_some() { ConnectionType::IpCam } else { ConnectionType::WebRtc };
        map.serialize_entry("type", kind.as_str())?;
        map.serialize_entry("record", &self.record)?;
        map.serialize_entry("role", &self.role)?;
        map.serialize_entry("kurentoOptions", &self.kurento_options)?;
        map.serialize_entry("customIceServers", &self.custom_ice_servers)?;
        let camera = self.camera.as_ref();
        map.serialize_entry("rtspUri", &camera.map(|camera| &camera.rtsp_uri))?;
        map.serialize_entry("adaptativeBitrate", &camera.map(|camera| camera.adaptative_bitrate))?;
        map.serialize_entry("onlyPlayWithSubscribers", &camera.map(|camera| camera.only_play_with_subscribers))?;
        map.serialize_entry("networkCache", &camera.map(|camera| camera.network_cache))?;
        map.serialize_entry("serverData", &self.server_data)?;
        match active {
            Some(active) => {
                map.serialize_entry("clientData", &active.client_data)?;
                map.serialize_entry("publishers", &active.publishers)?;
                map.serialize_entry("subscribers", &active.subscribers)?;
            }
            None => {
                map.serialize_entry("token", &self.token)?;
                for later in ["activeAt", "location", "ip", "platform", "clientData", "publishers", "subscribers"] {
                    map.serialize_entry(later, &())?;
                }
            }
        }
        for (name, limit) in [("lastN", self.last_n), ("loudest", self.loudest)] {
            if let Some(limit) = limit {
                map.serialize_entry(name, &limit)?;
            }
        }
        if !self.pinned.is_empty() {
            map.serialize_entry("pinned", &self.pinned)?;
        }
        map.end()
    }
}

impl PartialSchema for ConnectionView {
    fn schema() -> RefOr<Schema> {
        let text = || RefOr::from(Schema::from(one(Type::String)));
        let nothing = || RefOr::from(Schema::from(null()));
        let nullable = |kind| RefOr::from(Schema::from(any_of([kind, Type::Null])));
        let moment = || u64::schema();
        let shared = |status: &str, kinds: &'static [&str]| {
            let camera_only =
                |kind| if kinds.contains(&ConnectionType::IpCam.as_str()) { nullable(kind) } else { nothing() };
            object([
                ("id", reference::<ConnectionId>().into()),
                ("object", values(["connection"]).into()),
                ("status", values([status]).into()),
                ("connectionId", reference::<ConnectionId>().into()),
                ("sessionId", reference::<SessionId>().into()),
                ("createdAt", moment()),
                ("type", values(kinds.iter().copied()).into()),
                ("record", nullable(Type::Boolean)),
                ("role", OneOfBuilder::new().item(null()).item(reference::<Role>()).into()),
                ("kurentoOptions", OneOfBuilder::new().item(null()).item(reference::<KurentoOptions>()).into()),
                ("customIceServers", ArrayBuilder::new().items(reference::<IceServer>()).into()),
                ("rtspUri", camera_only(Type::String)),
                ("adaptativeBitrate", camera_only(Type::Boolean)),
                ("onlyPlayWithSubscribers", camera_only(Type::Boolean)),
                ("networkCache", camera_only(Type::Integer)),
                ("serverData", nullable(Type::String)),
            ])
            .property("lastN", u8::schema())
            .property("loudest", u8::schema())
            .property("pinned", ArrayBuilder::new().items(reference::<StreamId>()))
        };
        let with = |status: &str, kinds, properties: [(&str, RefOr<Schema>); 8]| {
            properties.into_iter().fold(shared(status, kinds).title(Some(status)), |object, (name, schema)| {
                object.property(name, schema).required(name)
            })
        };
        let pending = with(
            "pending",
            &["WEBRTC"],
            [
                ("token", text()),
                ("activeAt", nothing()),
                ("location", nothing()),
                ("ip", nothing()),
                ("platform", nothing()),
                ("clientData", nothing()),
                ("publishers", nothing()),
                ("subscribers", nothing()),
            ],
        );
        let active = with(
            "active",
            ConnectionType::WORDS,
            [
                ("token", nullable(Type::String)),
                ("activeAt", moment()),
                ("location", text()),
                ("ip", nullable(Type::String)),
                ("platform", text()),
                ("clientData", nullable(Type::String)),
                ("publishers", ArrayBuilder::new().items(reference::<PublisherView>()).into()),
                ("subscribers", ArrayBuilder::new().items(reference::<SubscriberView>()).into()),
            ],
        );
        OneOfBuilder::new()
            .description(Some("The place of one client, or of a camera, in a session"))
            .item(pending)
            .item(active)
            .into()
    }
}

impl ToSchema for ConnectionView {
    fn name() -> Cow<'static, str> {
        "Connection".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        add::<ConnectionId>(schemas);
        add::<SessionId>(schemas);
        add::<StreamId>(schemas);
        add::<Role>(schemas);
        add::<KurentoOptions>(schemas);
        add::<IceServer>(schemas);
        add::<PublisherView>(schemas);
        add::<SubscriberView>(schemas);
    }
}

/// What a schema refers to, with what that refers to.
fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into(), T::schema()));
    T::schemas(schemas);
}

/// Element of `publishers`.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublisherView {
    /// ms since 1970.
    pub created_at: u64,
    /// With `webRtcStats=true`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub web_rtc: Option<WebRtcView>,
    /// Which.
    pub stream_id: StreamId,
    /// Of a camera's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtsp_uri: Option<String>,
    /// What it carries.
    pub media_options: MediaOptionsView,
}

impl PartialSchema for PublisherView {
    fn schema() -> RefOr<Schema> {
        let publisher = object([
            ("createdAt", u64::schema()),
            ("streamId", reference::<StreamId>().into()),
            ("mediaOptions", reference::<MediaOptionsView>().into()),
        ])
        .property("rtspUri", String::schema());
        AllOfBuilder::new().description(Some("What a client sends")).item(publisher).item(perhaps_web_rtc()).into()
    }
}

impl ToSchema for PublisherView {
    fn name() -> Cow<'static, str> {
        "Publisher".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        add::<StreamId>(schemas);
        add::<MediaOptionsView>(schemas);
        add::<WebRtcView>(schemas);
    }
}

/// All of its members or none.
fn perhaps_web_rtc() -> RefOr<Schema> {
    AnyOfBuilder::new().item(reference::<WebRtcView>()).item(one(Type::Object)).into()
}

/// Element of `subscribers`.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriberView {
    /// ms since 1970.
    pub created_at: u64,
    /// With `webRtcStats=true`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub web_rtc: Option<WebRtcView>,
    /// Of the publisher.
    pub stream_id: StreamId,
}

impl PartialSchema for SubscriberView {
    fn schema() -> RefOr<Schema> {
        let subscriber = object([("createdAt", u64::schema()), ("streamId", reference::<StreamId>().into())]);
        AllOfBuilder::new().description(Some("What a client receives")).item(subscriber).item(perhaps_web_rtc()).into()
    }
}

impl ToSchema for SubscriberView {
    fn name() -> Cow<'static, str> {
        "Subscriber".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        add::<StreamId>(schemas);
        add::<WebRtcView>(schemas);
    }
}

/// What a published stream carries.
#[derive(Clone, PartialEq, Debug)]
pub struct MediaOptionsView {
    /// Sound.
    pub has_audio: bool,
    /// Not muted.
    pub audio_active: bool,
    /// Pictures.
    pub has_video: bool,
    /// Not muted.
    pub video_active: bool,
    /// `CAMERA`…
    pub type_of_video: Option<String>,
    /// Frames per second as the publisher said.
    pub frame_rate: Option<i64>,
    /// JSON text.
    pub video_dimensions: Option<String>,
    /// What the server does to it.
    pub filter: FilterView,
    /// Of a camera's stream.
    pub camera: Option<CameraView>,
}

impl Serialize for MediaOptionsView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("hasAudio", &self.has_audio)?;
        if self.has_audio {
            map.serialize_entry("audioActive", &self.audio_active)?;
        }
        map.serialize_entry("hasVideo", &self.has_video)?;
        if self.has_video {
            map.serialize_entry("videoActive", &self.video_active)?;
            map.serialize_entry("typeOfVideo", &self.type_of_video)?;
            map.serialize_entry("frameRate", &self.frame_rate)?;
            map.serialize_entry("videoDimensions", &self.video_dimensions)?;
        }
        map.serialize_entry("filter", &self.filter)?;
        if let Some(camera) = &self.camera {
            map.serialize_entry("adaptativeBitrate", &camera.adaptative_bitrate)?;
            map.serialize_entry("onlyPlayWithSubscribers", &camera.only_play_with_subscribers)?;
            map.serialize_entry("networkCache", &camera.network_cache)?;
        }
        map.end()
    }
}

impl PartialSchema for MediaOptionsView {
    fn schema() -> RefOr<Schema> {
        let nullable = |kind| RefOr::from(Schema::from(any_of([kind, Type::Null])));
        let without = |name| object([(name, values([false]).into())]);
        let audio = object([("hasAudio", values([true]).into()), ("audioActive", bool::schema())]);
        let video = object([
            ("hasVideo", values([true]).into()),
            ("videoActive", bool::schema()),
            ("typeOfVideo", nullable(Type::String)),
            ("frameRate", nullable(Type::Integer)),
            ("videoDimensions", nullable(Type::String)),
        ]);
        AllOfBuilder::new()
            .description(Some("What a published stream carries"))
            .item(OneOfBuilder::new().item(audio).item(without("hasAudio")))
            .item(OneOfBuilder::new().item(video).item(without("hasVideo")))
            .item(
                object([("filter", one(Type::Object).into())])
                    .property("adaptativeBitrate", bool::schema())
                    .property("onlyPlayWithSubscribers", bool::schema())
                    .property("networkCache", i32::schema()),
            )
            .into()
    }
}

impl ToSchema for MediaOptionsView {
    fn name() -> Cow<'static, str> {
        "MediaOptions".into()
    }
}

/// Answer of the deprecated `POST /tokens`.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Token)]
pub struct TokenView {
    /// Token URL.
    pub id: String,
    /// Token URL again.
    pub token: String,
    /// ms since 1970.
    pub created_at: u64,
    /// The connection made for it.
    pub connection_id: ConnectionId,
    /// Its session.
    pub session: SessionId,
    /// `serverData`.
    pub data: String,
    /// What it may do.
    pub role: Role,
    /// If given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub kurento_options: Option<KurentoOptions>,
}
