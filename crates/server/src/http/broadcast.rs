//! `/broadcast`. There is no broadcaster yet: what is asked for is validated, and then told to be unavailable.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use protocol::rest::request;
use session::registry::Include;

use super::error::ApiError;
use super::intake::Mandatory;
use crate::App;

/// Named in errors.
const START: &str = "/openvidu/api/broadcast/start";
const STOP: &str = "/openvidu/api/broadcast/stop";

pub(super) async fn start(State(app): State<Arc<App>>, Mandatory(body): Mandatory) -> Result<(), ApiError> {
    let start = request::broadcast_start(&body).map_err(|error| ApiError::bad_request(error, START))?;
    let session = session(&app, start.session).await?;
    if session.connections.content().is_empty() {
        return Err(ApiError::Empty(StatusCode::NOT_ACCEPTABLE));
    }
    if let Some(error) = start.out_of_range {
        return Err(ApiError::described(StatusCode::UNPROCESSABLE_ENTITY, error, START));
    }
    Err(ApiError::described(StatusCode::NOT_IMPLEMENTED, "Broadcasting is not available", START))
}

/// No session is ever being broadcast.
pub(super) async fn stop(State(app): State<Arc<App>>, Mandatory(body): Mandatory) -> Result<(), ApiError> {
    let id = request::session_id(&body).map_err(|error| ApiError::bad_request(error, STOP))?.to_owned();
    session(&app, id).await?;
    Err(ApiError::Empty(StatusCode::CONFLICT))
}

async fn session(app: &App, id: String) -> Result<protocol::rest::view::SessionView, ApiError> {
    let session = app.control.call(move |registry, _| registry.session(&id, Include::default())).await?;
    session.ok_or(ApiError::Empty(StatusCode::NOT_FOUND))
}
