//! `/recordings` of a deployment that does not record: 501, once the body has been understood.

use axum::http::StatusCode;
use protocol::rest::request::NewRecording;

use super::intake::{self, Mandatory};

/// Start a recording
#[utoipa::path(
    post,
    path = "/openvidu/api/recordings/start",
    operation_id = "startRecording",
    tag = "Recordings",
    request_body = NewRecording,
    responses((status = 501, description = "This deployment does not record"), intake::Refusals),
)]
pub(super) async fn start(Mandatory(_): Mandatory) -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

/// Stop a recording
#[utoipa::path(
    post,
    path = "/openvidu/api/recordings/stop/{recording}",
    operation_id = "stopRecording",
    tag = "Recordings",
    params(("recording" = String, Path, description = "Its id")),
    responses((status = 501, description = "This deployment does not record")),
)]
pub(super) async fn stop() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

/// List all recordings
#[utoipa::path(
    get,
    path = "/openvidu/api/recordings",
    operation_id = "listRecordings",
    tag = "Recordings",
    responses((status = 501, description = "This deployment does not record")),
)]
pub(super) async fn list() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

/// Get a recording
#[utoipa::path(
    get,
    path = "/openvidu/api/recordings/{recording}",
    operation_id = "getRecording",
    tag = "Recordings",
    params(("recording" = String, Path, description = "Its id")),
    responses((status = 501, description = "This deployment does not record")),
)]
pub(super) async fn show() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

/// Delete a recording
#[utoipa::path(
    delete,
    path = "/openvidu/api/recordings/{recording}",
    operation_id = "deleteRecording",
    tag = "Recordings",
    params(("recording" = String, Path, description = "Its id")),
    responses((status = 501, description = "This deployment does not record")),
)]
pub(super) async fn delete() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
