//! `/broadcast`. There is no broadcaster yet: what is asked for is validated, and then told to be unavailable.

use axum::extract::State;
use axum::http::StatusCode;
use protocol::rest::request::{self, NewBroadcast, OfSession};
use session::question::FindSession;
use session::snapshot::Include;

use crate::control::Control;
use crate::http::error::{ApiError, ErrorView, ServerStopping};
use crate::http::request::body::{BodyRefusals, MandatoryBody};

/// Named in errors.
const START: &str = "/openvidu/api/broadcast/start";
const STOP: &str = "/openvidu/api/broadcast/stop";

/// Start a broadcast
#[utoipa::path(
    post,
    path = "/openvidu/api/broadcast/start",
    operation_id = "startBroadcast",
    tag = "Broadcasts",
    request_body = NewBroadcast,
    responses(
        (status = 404, description = "No such session"),
        (status = 406, description = "Nobody is in the session"),
        (status = 422, description = "A parameter is out of range", body = ErrorView),
        (status = 501, description = "This deployment does not broadcast", body = ErrorView),
        BodyRefusals,
        ServerStopping,
    ),
)]
pub(crate) async fn start(State(control): State<Control>, MandatoryBody(body): MandatoryBody) -> Result<(), ApiError> {
    let start = request::broadcast_start(&body).map_err(|error| ApiError::bad_request(error, START))?;
    let session = session(&control, start.session).await?;
    if session.connections.content().is_empty() {
        return Err(ApiError::Empty(StatusCode::NOT_ACCEPTABLE));
    }
    if let Some(error) = start.out_of_range {
        return Err(ApiError::described(StatusCode::UNPROCESSABLE_ENTITY, error, START));
    }
    Err(ApiError::described(StatusCode::NOT_IMPLEMENTED, "Broadcasting is not available", START))
}

/// Stop a broadcast
///
/// No session is ever being broadcast yet.
#[utoipa::path(
    post,
    path = "/openvidu/api/broadcast/stop",
    operation_id = "stopBroadcast",
    tag = "Broadcasts",
    request_body = OfSession,
    responses(
        (status = 404, description = "No such session"),
        (status = 409, description = "The session is not being broadcast"),
        BodyRefusals,
        ServerStopping,
    ),
)]
pub(crate) async fn stop(State(control): State<Control>, MandatoryBody(body): MandatoryBody) -> Result<(), ApiError> {
    let id = request::session_id(&body).map_err(|error| ApiError::bad_request(error, STOP))?.to_owned();
    session(&control, id).await?;
    Err(ApiError::Empty(StatusCode::CONFLICT))
}

async fn session(control: &Control, id: String) -> Result<protocol::rest::view::SessionView, ApiError> {
    let session = control.look_up(FindSession { session: id, include: Include::default() }).await?;
    session.map(openvidu::view::session).ok_or(ApiError::Empty(StatusCode::NOT_FOUND))
}
