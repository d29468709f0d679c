//! `/sessions/{session}/stream/{stream}`.

use axum::extract::State;
use axum::http::StatusCode;
use session::command::ApplicationCommand;

use crate::control::Control;
use crate::http::api::connections;
use crate::http::error::{ApiError, ServerStopping};
use crate::http::request::path::Path;

/// Unpublish a stream
#[utoipa::path(
    delete,
    path = "/openvidu/api/sessions/{session}/stream/{stream}",
    operation_id = "unpublishStream",
    tag = "Streams",
    params(
        ("session" = String, Path, description = "The session's id"),
        ("stream" = String, Path, description = "The stream's id"),
    ),
    responses(
        (status = 204, description = "Unpublished"),
        (status = 400, description = "No such session"),
        (status = 404, description = "No such stream"),
        (status = 405, description = "It is a camera's, and ends with its connection only"),
        ServerStopping,
    ),
)]
pub(crate) async fn unpublish(
    State(control): State<Control>,
    Path((session, stream)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let unpublished = control.ask(ApplicationCommand::UnpublishStream { session, stream }).await?;
    unpublished.map(|_| StatusCode::NO_CONTENT).map_err(connections::refused)
}
