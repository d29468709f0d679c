//! `/media-nodes`: the cluster as this machine sees it, which is one node inside the server.
//!
//! It can be looked at. It cannot be taken away or paused, and no other can be added: those calls are validated and then
//! refused with the statuses that clusters on one's own premises know.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRef;
use axum::extract::{FromRequestParts, State};
use axum::http::header::ALLOW;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use protocol::event::MediaNodeStatus;
use protocol::model::MediaServer;
use protocol::rest::request::{self, MediaNodeChange, NewMediaNode};
use protocol::rest::view::List;
use serde::Serialize;
use session::question::{DescribeLoad, Load};
use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::control::Control;
use crate::http::api::sessions::SessionForClient;
use crate::http::error::{ApiError, ErrorView, ServerStopping};
use crate::http::request::body::{BodyRefusals, MandatoryBody, OptionalBody};
use crate::http::request::path::Path;
use crate::http::request::query;
use crate::node::Node;
use crate::program::Program;
use crate::state::{AppState, Settings};

/// Named in errors.
const API: &str = "/openvidu/api/media-nodes";

/// Keys and their order are the original's.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MediaNode)]
pub(crate) struct NodeView {
    id: String,
    object: &'static str,
    /// The provider's id of the machine; there is none on one's own premises.
    environment_id: Option<String>,
    ip: String,
    uri: String,
    launching_time: u64,
    connected: bool,
    connection_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    disconnection_time: Option<u64>,
    /// Streams that are published or received.
    load: f64,
    status: MediaNodeStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sessions: Option<Vec<SessionForClient>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    recording_ids: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    broadcasts: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    kurento_info: Option<ServerInfo>,
}

/// What a media server tells of itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ServerInfo {
    version: &'static str,
    #[schema(value_type = Vec<String>)]
    modules: [&'static str; 0],
    /// The dialect that clients are told to speak.
    #[serde(rename = "type")]
    kind: MediaServer,
    server_info: &'static str,
}

/// Which of the optional members are wanted.
#[derive(Clone, Copy)]
pub(crate) struct NodeDetails {
    sessions: bool,
    recordings: bool,
    broadcasts: bool,
    extra_info: bool,
}

impl<S: Sync> FromRequestParts<S> for NodeDetails {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let uri = &parts.uri;
        Ok(Self {
            sessions: query::boolean(uri, "sessions", false)?,
            recordings: query::boolean(uri, "recordings", false)?,
            broadcasts: query::boolean(uri, "broadcasts", false)?,
            extra_info: query::boolean(uri, "extra-info", false)?,
        })
    }
}

impl utoipa::IntoParams for NodeDetails {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            query::documented("sessions", "Also show the sessions with somebody in them", false),
            query::documented("recordings", "Also show the recordings in progress", false),
            query::documented("broadcasts", "Also show the broadcasts in progress", false),
            query::documented("extra-info", "Also show what the media server tells of itself", false),
        ]
    }
}

const STRATEGIES: [&str; 3] = ["now", "if-no-sessions", "when-no-sessions"];

/// How to remove a node.
pub(crate) struct Removal;

impl utoipa::IntoParams for Removal {
    fn into_params(provide: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let strategy = ParameterBuilder::new()
            .name("deletion-strategy")
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(STRATEGIES))));
        [vec![strategy.build()], <WaitParameter as utoipa::IntoParams>::into_params(provide)].concat()
    }
}

/// Of calls that take time where nodes are machines.
pub(crate) struct WaitParameter;

impl utoipa::IntoParams for WaitParameter {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![query::documented("wait", "Answer when all is done", false)]
    }
}

/// List the media nodes
#[utoipa::path(
    get,
    path = "/openvidu/api/media-nodes",
    operation_id = "listMediaNodes",
    tag = "Media nodes",
    params(NodeDetails),
    responses(
        (status = 200, description = "The one node", body = List<NodeView>),
        (status = 400, description = "A parameter is not a boolean", body = ErrorView),
        ServerStopping,
    ),
)]
pub(crate) async fn list(
    State(node): State<OnlyNode>,
    headers: HeaderMap,
    wanted: NodeDetails,
) -> Result<Json<List<NodeView>>, ApiError> {
    Ok(Json(vec![view(&node, &headers, wanted).await?].into()))
}

/// Get a media node
#[utoipa::path(
    get,
    path = "/openvidu/api/media-nodes/{node}",
    operation_id = "getMediaNode",
    tag = "Media nodes",
    params(("node" = String, Path, description = "Its id"), NodeDetails),
    responses(
        (status = 200, description = "The node", body = NodeView),
        (status = 400, description = "A parameter is not a boolean", body = ErrorView),
        (status = 404, description = "No such node"),
        ServerStopping,
    ),
)]
pub(crate) async fn show(
    State(node): State<OnlyNode>,
    Path(id): Path<String>,
    headers: HeaderMap,
    wanted: NodeDetails,
) -> Result<Json<NodeView>, ApiError> {
    is_this(&node, &id)?;
    view(&node, &headers, wanted).await.map(Json)
}

/// Discover media nodes
///
/// There is nothing to discover.
#[utoipa::path(
    put,
    path = "/openvidu/api/media-nodes",
    operation_id = "discoverMediaNodes",
    tag = "Media nodes",
    responses((status = 405, description = "The server is a single node", body = ErrorView)),
)]
pub(crate) async fn discover() -> Response {
    not_allowed("Media nodes cannot be discovered: this server is a single node", API, "GET,HEAD,POST")
}

/// Add a media node
#[utoipa::path(
    post,
    path = "/openvidu/api/media-nodes",
    operation_id = "addMediaNode",
    tag = "Media nodes",
    params(WaitParameter),
    request_body = Option<NewMediaNode>,
    responses(
        (status = 409, description = "It is there already", body = ErrorView),
        (status = 501, description = "The server is a single node", body = ErrorView),
        BodyRefusals,
    ),
)]
pub(crate) async fn add(
    State(node): State<OnlyNode>,
    uri: Uri,
    OptionalBody(body): OptionalBody,
) -> Result<(), ApiError> {
    query::boolean(&uri, "wait", false)?;
    let added = request::new_media_node(&body).map_err(|error| ApiError::bad_request(error, API))?;
    Err(match added {
        Some(uri) if uri == node.node.uri => {
            ApiError::described(StatusCode::CONFLICT, "This media node is registered already", API)
        }
        // Nobody is asked whether it is there: the media of a session is never elsewhere.
        _ => ApiError::described(StatusCode::NOT_IMPLEMENTED, "This server is a single node and takes no others", API),
    })
}

/// Remove a media node
#[utoipa::path(
    delete,
    path = "/openvidu/api/media-nodes/{node}",
    operation_id = "removeMediaNode",
    tag = "Media nodes",
    params(
        ("node" = String, Path, description = "Its id"),
        Removal,
    ),
    responses(
        (status = 400, description = "A parameter breaks its rule", body = ErrorView),
        (status = 404, description = "No such node"),
        (status = 405, description = "It is the only one", body = ErrorView),
    ),
)]
pub(crate) async fn remove(
    State(node): State<OnlyNode>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    query::boolean(&uri, "wait", false)?;
    if let Some(other) = query::text(&uri, "deletion-strategy").filter(|strategy| !STRATEGIES.contains(strategy)) {
        let message = format_args!("Query parameter 'deletion-strategy' must be one of {STRATEGIES:?}, not {other:?}");
        return Err(ApiError::bad_request(message, uri.path()));
    }
    is_this(&node, &id)?;
    Ok(not_allowed("The only media node cannot be removed", uri.path(), "GET,HEAD,PATCH"))
}

/// Change the status of a media node
#[utoipa::path(
    patch,
    path = "/openvidu/api/media-nodes/{node}",
    operation_id = "changeMediaNode",
    tag = "Media nodes",
    params(("node" = String, Path, description = "Its id")),
    request_body = MediaNodeChange,
    responses(
        (status = 204, description = "It has this status already"),
        (status = 404, description = "No such node"),
        (status = 405, description = "It is the only one", body = ErrorView),
        BodyRefusals,
    ),
)]
pub(crate) async fn change(
    State(node): State<OnlyNode>,
    Path(id): Path<String>,
    uri: Uri,
    MandatoryBody(body): MandatoryBody,
) -> Result<Response, ApiError> {
    let wished = request::media_node_status(&body).map_err(|error| ApiError::bad_request(error, uri.path()))?;
    is_this(&node, &id)?;
    if wished == status(&node) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let message = format!("The only media node cannot become {:?}", wished.as_str());
    Ok(not_allowed(&message, uri.path(), "GET,HEAD"))
}

/// This server, as the only media node that it has.
#[derive(Clone)]
pub(crate) struct OnlyNode {
    node: Arc<Node>,
    program: Arc<Program>,
    control: Control,
    settings: Settings,
}

impl FromRef<AppState> for OnlyNode {
    fn from_ref(state: &AppState) -> Self {
        Self {
            node: state.node.clone(),
            program: state.program.clone(),
            control: state.control.clone(),
            settings: state.settings.clone(),
        }
    }
}

fn is_this(node: &OnlyNode, id: &str) -> Result<(), ApiError> {
    if node.node.id == id { Ok(()) } else { Err(ApiError::Empty(StatusCode::NOT_FOUND)) }
}

/// Not a method without a handler: the route is there, but this node is not to be treated so.
fn not_allowed(message: &str, path: &str, allowed: &'static str) -> Response {
    let refusal = ApiError::described(StatusCode::METHOD_NOT_ALLOWED, message, path);
    ([(ALLOW, allowed)], refusal).into_response()
}

fn status(node: &OnlyNode) -> MediaNodeStatus {
    match node.control.media_lost_at() {
        None => MediaNodeStatus::Running,
        Some(_) => MediaNodeStatus::Failed,
    }
}

async fn view(node: &OnlyNode, headers: &HeaderMap, wanted: NodeDetails) -> Result<NodeView, ApiError> {
    let described =
        DescribeLoad { sessions: wanted.sessions, recordings: wanted.recordings, broadcasts: wanted.broadcasts };
    let Load { figures, sessions, recordings, broadcasts } = node.control.look_up(described).await?;
    let seen = |session| SessionForClient::new(node.settings.madang_compatibility, headers, session);
    let began = node.program.last_started_at();
    let lost = node.control.media_lost_at();
    let streams = u32::try_from(figures.publications + figures.subscriptions).unwrap_or(u32::MAX);
    Ok(NodeView {
        id: node.node.id.clone(),
        object: "mediaNode",
        environment_id: None,
        ip: node.node.ip.to_string(),
        uri: node.node.uri.clone(),
        launching_time: began,
        connected: lost.is_none(),
        connection_time: began,
        disconnection_time: lost,
        load: streams.into(),
        status: status(node),
        sessions: sessions.map(|sessions| sessions.into_iter().map(openvidu::view::session).map(seen).collect()),
        recording_ids: recordings.map(|recordings| recordings.into_iter().map(|recording| recording.id).collect()),
        broadcasts: broadcasts.map(|sessions| sessions.into_iter().map(|session| session.to_string()).collect()),
        kurento_info: wanted.extra_info.then(|| ServerInfo {
            version: env!("CARGO_PKG_VERSION"),
            modules: [],
            kind: node.settings.openvidu_enterprise_media_server,
            server_info: concat!("Madang ", env!("CARGO_PKG_VERSION")),
        }),
    })
}
