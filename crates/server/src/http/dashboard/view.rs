//! Looking into a session without being seen.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::control::Control;
use crate::http::error::ApiError;
use crate::http::request::caller::Caller;
use crate::http::request::path::Path;

#[derive(Serialize)]
pub(super) struct View {
    /// For openvidu-browser's `session.connect`.
    token: String,
}

/// A token that lets one viewer in, whom nobody sees.
pub(super) async fn make(
    State(control): State<Control>,
    Caller(origin): Caller,
    Path(session): Path<String>,
    uri: Uri,
) -> Result<Json<View>, ApiError> {
    let wanted = session.clone();
    let made = control.call(move |registry, now| registry.make_view(&wanted, now)).await?;
    let missing = |_| ApiError::described(StatusCode::NOT_FOUND, "There is no such session", uri.path());
    let pass = made.map_err(missing)?;
    let (session, pass) = (utf8_percent_encode(&session, NON_ALPHANUMERIC), pass.expose().to_owned());
    let token = format!("{}?sessionId={session}&token=&secret={pass}&recorder=true", origin.web_socket());
    Ok(Json(View { token }))
}
