//! `/sessions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::{StatusCode, Uri};
use protocol::rest::request::{self, SessionDefaults};
use protocol::rest::view::{List, SessionView};
use session::registry::{Include, SessionExists};

use super::call::Rooms;
use super::error::ApiError;
use super::intake::Optional;
use super::query;
use crate::App;

/// Named in errors.
pub(super) const API: &str = "/openvidu/api/sessions";

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(rooms): Extension<Arc<Rooms>>,
    Optional(body): Optional,
) -> Result<Json<SessionView>, ApiError> {
    let defaults = SessionDefaults {
        forced_video_codec: app.config.openvidu_streams_forced_video_codec,
        allow_transcoding: app.config.openvidu_streams_allow_transcoding,
    };
    let properties = request::session(&body, &defaults).map_err(|error| ApiError::bad_request(error, API))?;
    let created = app.control.call(move |registry, now| {
        let session = registry.create_session(properties, now)?;
        rooms.forget(session.as_str());
        Ok::<_, SessionExists>(registry.session(session.as_str(), Include::default()))
    });
    match created.await? {
        Ok(session) => session.map(Json).ok_or(ApiError::Empty(StatusCode::NOT_FOUND)),
        Err(SessionExists) => Err(ApiError::Empty(StatusCode::CONFLICT)),
    }
}

pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<List<SessionView>>, ApiError> {
    let include = include(&uri)?;
    let sessions = app.control.call(move |registry, _| registry.sessions(include)).await?;
    Ok(Json(sessions.into()))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(session): Path<String>,
    uri: Uri,
) -> Result<Json<SessionView>, ApiError> {
    let include = include(&uri)?;
    let session = app.control.call(move |registry, _| registry.session(&session, include)).await?;
    session.map(Json).ok_or(ApiError::Empty(StatusCode::NOT_FOUND))
}

pub(super) async fn close(State(app): State<Arc<App>>, Path(session): Path<String>) -> Result<StatusCode, ApiError> {
    let closed = app.control.call(move |registry, now| registry.close_session(&session, now)).await?;
    closed.map(|()| StatusCode::NO_CONTENT).map_err(|_| ApiError::Empty(StatusCode::NOT_FOUND))
}

fn include(uri: &Uri) -> Result<Include, ApiError> {
    Ok(Include {
        pending_connections: query::boolean(uri, "pendingConnections", false)?,
        web_rtc_stats: query::boolean(uri, "webRtcStats", false)?,
    })
}
