//! `/sessions`.

use axum::Json;
use axum::extract::State;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use openvidu::view;
use protocol::model::ForcedVideoCodec;
use protocol::rest::request::{self, NewSession, SessionDefaults};
use protocol::rest::view::{List, SessionView};
use serde::Serialize;
use session::Reply;
use session::command::ApplicationCommand;
use session::question::{FindSession, FindSessions, ListSessions};
use session::snapshot::Include;
use settings::{Compatibility, Config};
use utoipa::ToSchema;

use crate::control::Control;
use crate::http::api::recordings::can_have_subtitles;
use crate::http::error::{ApiError, ErrorView, ServerStopping};
use crate::http::request::body::BodyRefusals;
use crate::http::request::body::OptionalBody;
use crate::http::request::path::Path;
use crate::http::request::query::ViewOptions;
use crate::state::Settings;

/// Sessions described in one turn of the control loop: a long list must not hold up calls. Those that end meanwhile are
/// left out.
const AT_A_TIME: usize = 64;
/// Named in errors.
pub(crate) const API: &str = "/openvidu/api/sessions";

/// Create a session
#[utoipa::path(
    post,
    path = "/openvidu/api/sessions",
    operation_id = "createSession",
    tag = "Sessions",
    request_body = Option<NewSession>,
    responses(
        (status = 200, description = "The session", body = SessionForClient, links(
            ("session" = (operation_id = "getSession", parameters(("session" = "$response.body#/id")))),
            ("close" = (operation_id = "closeSession", parameters(("session" = "$response.body#/id")))),
            ("connect" = (operation_id = "createConnection", parameters(("session" = "$response.body#/id")))),
            ("connections" = (operation_id = "listConnections", parameters(("session" = "$response.body#/id")))),
        )),
        (status = 409, description = "There is a session with this id"),
        (status = 422, description = "Recordings cannot have subtitles in this language", body = ErrorView),
        (status = 501, description = "No speech is recognised here for subtitles", body = ErrorView),
        BodyRefusals,
        ServerStopping,
    ),
)]
pub(crate) async fn create(
    State(control): State<Control>,
    State(settings): State<Settings>,
    headers: HeaderMap,
    OptionalBody(body): OptionalBody,
) -> Result<Json<SessionForClient>, ApiError> {
    let defaults = SessionDefaults {
        forced_video_codec: settings.openvidu_streams_forced_video_codec,
        allow_transcoding: settings.openvidu_streams_allow_transcoding,
        last_n: settings.madang_last_n,
        loudest: settings.madang_loudest,
    };
    let properties = request::session(&body, &defaults).map_err(|error| ApiError::bad_request(error, API))?;
    let recordings = &properties.default_recording_properties;
    can_have_subtitles(&control, recordings, "defaultRecordingProperties.subtitles", API).await?;
    let id = properties.custom_session_id.clone();
    // One that is over but for its recording.
    let _ = control.ask(ApplicationCommand::AwaitEnd { session: Some(id) }).await?;
    match control.ask(ApplicationCommand::CreateSession(Box::new(properties))).await? {
        Ok(Reply::Session(session)) => show_to(&settings, &headers, Some(view::session(*session))),
        Ok(_) | Err(_) => Err(ApiError::Empty(StatusCode::CONFLICT)),
    }
}

/// Looks a session up, for an error that is only worth telling if there is one.
pub(crate) async fn must_exist(control: &Control, session: String, unknown: ApiError) -> Result<(), ApiError> {
    let found = control.look_up(FindSession { session, include: Include::default() }).await?;
    if found.is_some() { Ok(()) } else { Err(unknown) }
}

/// List all sessions
#[utoipa::path(
    get,
    path = "/openvidu/api/sessions",
    operation_id = "listSessions",
    tag = "Sessions",
    params(ViewOptions<false>),
    responses(
        (status = 200, description = "The sessions", body = List<SessionForClient>),
        (status = 400, description = "A parameter is not a boolean", body = ErrorView),
        ServerStopping,
    ),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    State(settings): State<Settings>,
    headers: HeaderMap,
    ViewOptions(include): ViewOptions<false>,
) -> Result<Json<List<SessionForClient>>, ApiError> {
    let compatibility = settings.madang_compatibility;
    let ids = control.look_up(ListSessions).await?;
    let mut sessions = Vec::with_capacity(ids.len());
    for some in ids.chunks(AT_A_TIME) {
        let found = control.look_up(FindSessions { sessions: some.to_vec(), include }).await?;
        let views = found.into_iter().map(view::session);
        let seen = views.map(|session| SessionForClient::new(compatibility, &headers, session));
        sessions.extend(seen);
    }
    Ok(Json(sessions.into()))
}

/// Get a session
#[utoipa::path(
    get,
    path = "/openvidu/api/sessions/{session}",
    operation_id = "getSession",
    tag = "Sessions",
    params(("session" = String, Path, description = "Its id"), ViewOptions<false>),
    responses(
        (status = 200, description = "The session", body = SessionForClient),
        (status = 400, description = "A parameter is not a boolean", body = ErrorView),
        (status = 404, description = "No such session"),
        ServerStopping,
    ),
)]
pub(crate) async fn show(
    State(control): State<Control>,
    State(settings): State<Settings>,
    Path(session): Path<String>,
    headers: HeaderMap,
    ViewOptions(include): ViewOptions<false>,
) -> Result<Json<SessionForClient>, ApiError> {
    let session = control.look_up(FindSession { session, include }).await?;
    show_to(&settings, &headers, session.map(view::session))
}

/// Close a session
///
/// Everybody in it must leave. Answered once its recording is processed, unless that takes long.
#[utoipa::path(
    delete,
    path = "/openvidu/api/sessions/{session}",
    operation_id = "closeSession",
    tag = "Sessions",
    params(("session" = String, Path, description = "Its id")),
    responses((status = 204, description = "Closed"), (status = 404, description = "No such session"), ServerStopping),
)]
pub(crate) async fn close(State(control): State<Control>, Path(session): Path<String>) -> Result<StatusCode, ApiError> {
    let close = ApplicationCommand::CloseSession { session: session.clone() };
    control.ask(close).await?.map_err(|_| ApiError::Empty(StatusCode::NOT_FOUND))?;
    let _ = control.ask(ApplicationCommand::AwaitEnd { session: Some(session) }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A session as the caller's client needs it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub(crate) struct SessionForClient {
    #[serde(flatten)]
    session: SessionView,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    forced_video_codec_resolved: Option<ForcedVideoCodec>,
}

impl SessionForClient {
    /// openvidu-java-client 2.21 and 2.22 fail without the codec that will really be used. They cannot be told from other
    /// clients on the same HTTP library, none of which minds.
    pub(crate) fn new(compatibility: Compatibility, headers: &HeaderMap, mut session: SessionView) -> Self {
        let resolved = match session.forced_video_codec {
            ForcedVideoCodec::MediaServerPreferred => ForcedVideoCodec::Vp8,
            forced => forced,
        };
        if compatibility == Compatibility::V2_20 {
            session.forced_video_codec = resolved;
        }
        let agent = headers.get(USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
        let needs_resolved = agent.starts_with(b"Apache-HttpClient/4.");
        Self { session, forced_video_codec_resolved: needs_resolved.then_some(resolved) }
    }
}

fn show_to(
    settings: &Config,
    headers: &HeaderMap,
    session: Option<SessionView>,
) -> Result<Json<SessionForClient>, ApiError> {
    let session = session.ok_or(ApiError::Empty(StatusCode::NOT_FOUND))?;
    Ok(Json(SessionForClient::new(settings.madang_compatibility, headers, session)))
}
