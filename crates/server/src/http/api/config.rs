//! `/config`: what is set, as far as it is no secret.

use std::path::Path;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use protocol::event::EventName;
use protocol::model::{ForcedVideoCodec, MediaServer, RecordingNotification};
use serde::Serialize;
use settings::{COMPATIBLE_VERSION, Config};
use utoipa::ToSchema;

use crate::http::request::caller::Caller;
use crate::state::Settings;

/// Keys and their order are the original's.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = Config)]
pub(crate) struct ConfigView {
    version: &'static str,
    domain_or_public_ip: String,
    https_port: u16,
    openvidu_publicurl: String,
    openvidu_cdr: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    openvidu_cdr_path: Option<String>,
    openvidu_streams_video_max_recv_bandwidth: u32,
    openvidu_streams_video_min_recv_bandwidth: u32,
    openvidu_streams_video_max_send_bandwidth: u32,
    openvidu_streams_video_min_send_bandwidth: u32,
    openvidu_streams_forced_video_codec: ForcedVideoCodec,
    openvidu_streams_allow_transcoding: bool,
    openvidu_webrtc_simulcast: bool,
    openvidu_sessions_garbage_interval: u32,
    openvidu_sessions_garbage_threshold: u32,
    openvidu_recording: bool,
    #[serde(flatten)]
    #[schema(value_type = RecordingConfig)]
    recording: Option<RecordingConfig>,
    openvidu_webhook: bool,
    // Shown only to those who know the secret, and needed by dashboards.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    openvidu_webhook_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    openvidu_webhook_headers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    openvidu_webhook_events: Option<Vec<EventName>>,
}

/// Only where there are recordings.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct RecordingConfig {
    #[schema(required = false)]
    openvidu_recording_version: String,
    #[schema(required = false)]
    openvidu_recording_path: String,
    #[schema(required = false)]
    openvidu_recording_public_access: bool,
    #[schema(required = false)]
    openvidu_recording_notification: RecordingNotification,
    #[schema(required = false)]
    openvidu_recording_custom_layout: String,
    #[schema(required = false)]
    openvidu_recording_autostop_timeout: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    openvidu_recording_composed_url: Option<String>,
}

/// Get the configuration
#[utoipa::path(
    get,
    path = "/openvidu/api/config",
    operation_id = "getConfig",
    tag = "Configuration",
    responses((status = 200, description = "What is set, as far as it is no secret", body = ConfigView)),
)]
pub(crate) async fn show(State(settings): State<Settings>, Caller(origin): Caller) -> Json<ConfigView> {
    let config = &*settings;
    let webhook = config.openvidu_webhook;
    Json(ConfigView {
        version: COMPATIBLE_VERSION,
        domain_or_public_ip: origin.host().to_owned(),
        https_port: config.https_port(),
        openvidu_publicurl: origin.http(),
        openvidu_cdr: config.openvidu_cdr,
        openvidu_cdr_path: config.openvidu_cdr.then(|| with_slash(&config.openvidu_cdr_path)),
        openvidu_streams_video_max_recv_bandwidth: config.openvidu_streams_video_max_recv_bandwidth,
        openvidu_streams_video_min_recv_bandwidth: config.openvidu_streams_video_min_recv_bandwidth,
        openvidu_streams_video_max_send_bandwidth: config.openvidu_streams_video_max_send_bandwidth,
        openvidu_streams_video_min_send_bandwidth: config.openvidu_streams_video_min_send_bandwidth,
        openvidu_streams_forced_video_codec: config.openvidu_streams_forced_video_codec,
        openvidu_streams_allow_transcoding: config.openvidu_streams_allow_transcoding,
        openvidu_webrtc_simulcast: config.openvidu_webrtc_simulcast
            && config.openvidu_enterprise_media_server == MediaServer::Mediasoup,
        openvidu_sessions_garbage_interval: config.openvidu_sessions_garbage_interval,
        openvidu_sessions_garbage_threshold: config.openvidu_sessions_garbage_threshold,
        openvidu_recording: config.openvidu_recording,
        recording: config.openvidu_recording.then(|| recording_config(config)),
        openvidu_webhook: webhook,
        openvidu_webhook_endpoint: webhook.then(|| config.openvidu_webhook_endpoint.expose().to_owned()),
        openvidu_webhook_headers: webhook.then(|| config.openvidu_webhook_headers.0.clone()),
        openvidu_webhook_events: webhook.then(|| config.openvidu_webhook_events.clone()),
    })
}

fn recording_config(config: &Config) -> RecordingConfig {
    let composed_url = &config.openvidu_recording_composed_url;
    RecordingConfig {
        openvidu_recording_version: config.openvidu_recording_version.clone(),
        openvidu_recording_path: with_slash(&config.openvidu_recording_path),
        openvidu_recording_public_access: config.openvidu_recording_public_access,
        openvidu_recording_notification: config.openvidu_recording_notification,
        openvidu_recording_custom_layout: with_slash(&config.openvidu_recording_custom_layout),
        openvidu_recording_autostop_timeout: config.openvidu_recording_autostop_timeout,
        openvidu_recording_composed_url: (!composed_url.is_empty()).then(|| composed_url.clone()),
    }
}

/// Get the version
#[utoipa::path(
    get,
    path = "/openvidu/api/config/openvidu-version",
    operation_id = "getVersion",
    tag = "Configuration",
    responses((status = 200, description = "The version of OpenVidu that this server is compatible with", body = String)),
)]
pub(crate) async fn version() -> Text {
    text(COMPATIBLE_VERSION)
}

/// Get the public URL
///
/// Where this server is reached from outside. Unlike in the whole configuration, it ends with a slash.
#[utoipa::path(
    get,
    path = "/openvidu/api/config/openvidu-publicurl",
    operation_id = "getPublicUrl",
    tag = "Configuration",
    security((), ("secret" = [])),
    responses((status = 200, description = "The URL", body = String)),
)]
pub(crate) async fn public_url(Caller(origin): Caller) -> Text {
    text(origin.http() + "/")
}

/// Get the folder of the recordings
///
/// Shown even by a server that does not record.
#[utoipa::path(
    get,
    path = "/openvidu/api/config/openvidu-recording-path",
    operation_id = "getRecordingPath",
    tag = "Configuration",
    responses((status = 200, description = "The folder", body = String)),
)]
pub(crate) async fn recording_path(State(settings): State<Settings>) -> Text {
    text(with_slash(&settings.openvidu_recording_path))
}

/// Get whether there are recordings
#[utoipa::path(
    get,
    path = "/openvidu/api/config/openvidu-recording",
    operation_id = "getRecordingEnabled",
    tag = "Configuration",
    responses((status = 200, description = "Whether sessions can be recorded", body = bool, content_type = "application/json")),
)]
pub(crate) async fn recording(State(settings): State<Settings>) -> Json<bool> {
    Json(settings.openvidu_recording)
}

/// Get whether there are event files
#[utoipa::path(
    get,
    path = "/openvidu/api/config/openvidu-cdr",
    operation_id = "getEventFilesEnabled",
    tag = "Configuration",
    responses((status = 200, description = "Whether events are written into files", body = bool, content_type = "application/json")),
)]
pub(crate) async fn cdr(State(settings): State<Settings>) -> Json<bool> {
    Json(settings.openvidu_cdr)
}

/// As the original shows folders.
fn with_slash(folder: &Path) -> String {
    let folder = folder.display().to_string();
    if folder.ends_with('/') { folder } else { folder + "/" }
}

type Text = ([(HeaderName, &'static str); 1], String);

fn text(text: impl Into<String>) -> Text {
    ([(CONTENT_TYPE, "text/plain;charset=UTF-8")], text.into())
}
