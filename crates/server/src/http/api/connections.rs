//! `/sessions/{session}/connection`.
//!
//! An unknown session is 404 where a connection is made, changed or listed, and 400 where one is shown or closed.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use openvidu::view;
use protocol::rest::request::{self, ConnectionChange, InvalidParameter, IpCamera, NewConnection, RequestedChange};
use protocol::rest::view::{ConnectionView, List};
use session::command::{ApplicationCommand, CameraProperties, ConnectionUpdate};
use session::question::{FindConnection, ListConnections};
use session::registry::NotFound;
use session::{Refusal, Reply};

use crate::camera_source;
use crate::control::{CallResult, Control};
use crate::http::api::sessions;
use crate::http::error::{ApiError, ErrorView, ServerStopping};
use crate::http::request::body::{BodyRefusals, MandatoryBody, OptionalBody};
use crate::http::request::caller::Caller;
use crate::http::request::path::Path;
use crate::http::request::query::ViewOptions;
use crate::http::request::trace::TracedRequest;
use crate::ice_servers;
use crate::state::Settings;

/// Create a connection
///
/// The place of one client in a session; it joins with the token. Or, with type `IPCAM`, a camera: it is in the session at once and
/// publishes, whether or not it can be reached.
#[utoipa::path(
    post,
    path = "/openvidu/api/sessions/{session}/connection",
    operation_id = "createConnection",
    tag = "Connections",
    params(("session" = String, Path, description = "The session's id")),
    request_body = Option<NewConnection>,
    responses(
        (status = 200, description = "The connection, pending; of a camera, active", body = ConnectionView, links(
            ("connection" = (operation_id = "getConnection", parameters(
                ("session" = "$response.body#/sessionId"), ("connection" = "$response.body#/id"),
            ))),
            ("update" = (operation_id = "updateConnection", parameters(
                ("session" = "$response.body#/sessionId"), ("connection" = "$response.body#/id"),
            ))),
            ("close" = (operation_id = "closeConnection", parameters(
                ("session" = "$response.body#/sessionId"), ("connection" = "$response.body#/id"),
            ))),
        )),
        (status = 404, description = "No such session"),
        BodyRefusals,
        ServerStopping,
    ),
)]
pub(crate) async fn create(
    State(control): State<Control>,
    State(settings): State<Settings>,
    Path(session): Path<String>,
    Caller(origin): Caller,
    traced: TracedRequest,
    OptionalBody(body): OptionalBody,
) -> Result<Json<ConnectionView>, ApiError> {
    let path = path(&session);
    let requested = match request::connection(&body) {
        Ok(NewConnection::WebRtc(requested)) => requested,
        Ok(NewConnection::IpCam(requested)) => return connect_camera(&control, &settings, session, requested).await,
        Err(error) => {
            // If the session is unknown, its connection's parameters do not matter.
            sessions::must_exist(&control, session, ApiError::Empty(StatusCode::NOT_FOUND)).await?;
            return Err(ApiError::bad_request(error, path));
        }
    };
    let now = control.now();
    let mut properties = requested.into_properties(|server| ice_servers::complete(server, now));
    ice_servers::fill_in(&mut properties, &settings, now);
    let (properties, origin) = (Box::new(properties), origin.web_socket());
    let created = control.ask(ApplicationCommand::CreateConnection { session, properties, origin }).await?;
    let created = connection(created)?;
    let (session, connection) = (created.session_id.clone(), created.connection_id.clone());
    traced.has_made(session, connection, "POST /openvidu/api/sessions/{session}/connection");
    Ok(Json(created))
}

async fn connect_camera(
    control: &Control,
    settings: &Settings,
    session: String,
    requested: IpCamera,
) -> Result<Json<ConnectionView>, ApiError> {
    sessions::must_exist(control, session.clone(), ApiError::Empty(StatusCode::NOT_FOUND)).await?;
    if !camera_source::may_be_read(&requested.rtsp_uri, settings).await {
        let rule = "may name a file only in OPENVIDU_RECORDING_PATH or in one of MADANG_CAMERA_FOLDERS".to_owned();
        let error = InvalidParameter { name: "rtspUri".to_owned(), rule };
        return Err(ApiError::bad_request(error, path(&session)));
    }
    let (ip, now) = (camera_source::ip(&requested.rtsp_uri).await, control.now());
    let ice_servers = ice_servers::configured(settings, now);
    let IpCamera { data, record, rtsp_uri: uri, adaptative_bitrate, only_play_with_subscribers, network_cache } =
        requested;
    let camera = CameraProperties {
        data,
        record,
        uri,
        adaptative_bitrate,
        only_play_with_subscribers,
        network_cache,
        ice_servers,
        ip,
    };
    let connected = control.ask(ApplicationCommand::ConnectCamera { session, camera: Box::new(camera) }).await?;
    connection(connected).map(Json)
}

/// List the connections of a session
#[utoipa::path(
    get,
    path = "/openvidu/api/sessions/{session}/connection",
    operation_id = "listConnections",
    tag = "Connections",
    params(("session" = String, Path, description = "The session's id"), ViewOptions<true>),
    responses(
        (status = 200, description = "The connections", body = List<ConnectionView>),
        (status = 400, description = "A parameter is not a boolean", body = ErrorView),
        (status = 404, description = "No such session"),
        ServerStopping,
    ),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    Path(session): Path<String>,
    ViewOptions(include): ViewOptions<true>,
) -> Result<Json<List<ConnectionView>>, ApiError> {
    let connections = control.look_up(ListConnections { session, include }).await?;
    let connections = connections.map_err(|_| ApiError::Empty(StatusCode::NOT_FOUND))?;
    Ok(Json(connections.into_iter().map(view::connection).collect::<Vec<_>>().into()))
}

/// Get a connection
#[utoipa::path(
    get,
    path = "/openvidu/api/sessions/{session}/connection/{connection}",
    operation_id = "getConnection",
    tag = "Connections",
    params(
        ("session" = String, Path, description = "The session's id"),
        ("connection" = String, Path, description = "The connection's id"),
    ),
    responses(
        (status = 200, description = "The connection", body = ConnectionView),
        (status = 400, description = "No such session"),
        (status = 404, description = "No such connection"),
        ServerStopping,
    ),
)]
pub(crate) async fn show(
    State(control): State<Control>,
    Path((session, connection)): Path<(String, String)>,
) -> Result<Json<ConnectionView>, ApiError> {
    let connection = control.look_up(FindConnection { session, connection }).await?;
    connection.map(view::connection).map(Json).map_err(not_found)
}

/// Close a connection
///
/// Who has joined must leave; a token that was not used yet becomes void.
#[utoipa::path(
    delete,
    path = "/openvidu/api/sessions/{session}/connection/{connection}",
    operation_id = "closeConnection",
    tag = "Connections",
    params(
        ("session" = String, Path, description = "The session's id"),
        ("connection" = String, Path, description = "The connection's id"),
    ),
    responses(
        (status = 204, description = "Closed"),
        (status = 400, description = "No such session"),
        (status = 404, description = "No such connection"),
        ServerStopping,
    ),
)]
pub(crate) async fn close(
    State(control): State<Control>,
    Path((session, connection)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let closed = control.ask(ApplicationCommand::CloseConnection { session, connection }).await?;
    closed.map(|_| StatusCode::NO_CONTENT).map_err(refused)
}

/// Change a connection
#[utoipa::path(
    patch,
    path = "/openvidu/api/sessions/{session}/connection/{connection}",
    operation_id = "updateConnection",
    tag = "Connections",
    params(
        ("session" = String, Path, description = "The session's id"),
        ("connection" = String, Path, description = "The connection's id"),
    ),
    request_body = ConnectionChange,
    responses(
        (status = 200, description = "The connection as it is now", body = ConnectionView),
        (status = 404, description = "No such session or connection, or no such stream to pin"),
        BodyRefusals,
        ServerStopping,
    ),
)]
pub(crate) async fn update(
    State(control): State<Control>,
    Path((session, connection)): Path<(String, String)>,
    MandatoryBody(body): MandatoryBody,
) -> Result<Json<ConnectionView>, ApiError> {
    let path = format!("{}/{connection}", path(&session));
    let RequestedChange { role, record, last_n, loudest, pinned } = match request::connection_update(&body) {
        Ok(requested) => requested,
        Err(error) => {
            // If the connection is unknown, what shall change does not matter.
            let found = control.look_up(FindConnection { session, connection }).await?;
            return Err(match found {
                Ok(_) => ApiError::bad_request(error, path),
                Err(_) => ApiError::Empty(StatusCode::NOT_FOUND),
            });
        }
    };
    let update = ConnectionUpdate { role, record, last_n, loudest, pinned };
    let updated = control.ask(ApplicationCommand::UpdateConnection { session, connection, update }).await?;
    self::connection(updated).map(Json)
}

/// The connection that was made or changed.
pub(crate) fn connection(result: CallResult) -> Result<ConnectionView, ApiError> {
    match result {
        Ok(Reply::Connection(connection)) => Ok(view::connection(*connection)),
        Ok(_) | Err(_) => Err(ApiError::Empty(StatusCode::NOT_FOUND)),
    }
}

/// Named in errors.
pub(crate) fn path(session: &str) -> String {
    format!("{}/{session}/connection", sessions::API)
}

/// Where something inside of a session is looked for.
fn not_found(not_found: NotFound) -> ApiError {
    ApiError::Empty(match not_found {
        NotFound::Session => StatusCode::BAD_REQUEST,
        NotFound::Connection | NotFound::Stream => StatusCode::NOT_FOUND,
    })
}

/// The same where it is to be ended.
pub(crate) fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::NotFound(what) => not_found(what),
        Refusal::StreamOfCamera => ApiError::Empty(StatusCode::METHOD_NOT_ALLOWED),
        _ => ApiError::Empty(StatusCode::NOT_FOUND),
    }
}
