//! `/config`: what is set, as far as it is no secret.

use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use protocol::event::EventName;
use protocol::model::{ForcedVideoCodec, MediaServer};
use serde::Serialize;

use super::caller::Caller;
use crate::App;
use crate::config::COMPATIBLE_VERSION;

/// Keys and their order are the original's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) struct ConfigView {
    version: &'static str,
    domain_or_public_ip: String,
    https_port: u16,
    openvidu_publicurl: String,
    openvidu_cdr: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
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
    openvidu_webhook: bool,
    #[serde(flatten)]
    webhook: Option<WebhookView>,
}

/// Shown only to those who know the secret, and needed by dashboards.
#[derive(Debug, Serialize)]
struct WebhookView {
    #[serde(rename = "OPENVIDU_WEBHOOK_ENDPOINT")]
    endpoint: String,
    #[serde(rename = "OPENVIDU_WEBHOOK_HEADERS")]
    headers: Vec<String>,
    #[serde(rename = "OPENVIDU_WEBHOOK_EVENTS")]
    events: Vec<EventName>,
}

pub(super) async fn show(State(app): State<Arc<App>>, Caller(origin): Caller) -> Json<ConfigView> {
    let config = &app.config;
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
        openvidu_recording: false,
        openvidu_webhook: config.openvidu_webhook,
        webhook: config.openvidu_webhook.then(|| WebhookView {
            endpoint: config.openvidu_webhook_endpoint.expose().to_owned(),
            headers: config.openvidu_webhook_headers.0.clone(),
            events: config.openvidu_webhook_events.clone(),
        }),
    })
}

pub(super) async fn version() -> Text {
    text(COMPATIBLE_VERSION)
}

/// Unlike in [`show`], it ends with a slash.
pub(super) async fn public_url(Caller(origin): Caller) -> Text {
    text(origin.http() + "/")
}

/// Shown even by a server that does not record.
pub(super) async fn recording_path(State(app): State<Arc<App>>) -> Text {
    text(with_slash(&app.config.openvidu_recording_path))
}

pub(super) async fn recording() -> Json<bool> {
    Json(false)
}

pub(super) async fn cdr(State(app): State<Arc<App>>) -> Json<bool> {
    Json(app.config.openvidu_cdr)
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
