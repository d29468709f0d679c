//! `/health`, for load balancers, and `/status`, for those who restart.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::Control;
use crate::node::Node;
use crate::program::Program;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Health {
    /// `UP` or `DOWN`.
    status: &'static str,
    disconnected_media_nodes: Vec<String>,
}

/// Get the health
///
/// UP while calls are possible: a server whose media worker is gone answers, but carries none.
#[utoipa::path(
    get,
    path = "/openvidu/api/health",
    operation_id = "getHealth",
    tag = "Operation",
    responses(
        (status = 200, description = "Calls are possible", body = Health),
        (status = 503, description = "They are not", body = Health),
    ),
)]
pub(crate) async fn health(
    State(control): State<Control>,
    State(node): State<Arc<Node>>,
) -> (StatusCode, Json<Health>) {
    match control.media_lost_at() {
        None => (StatusCode::OK, Json(Health { status: "UP", disconnected_media_nodes: vec![] })),
        Some(_) => {
            let health = Health { status: "DOWN", disconnected_media_nodes: vec![node.id.clone()] };
            (StatusCode::SERVICE_UNAVAILABLE, Json(health))
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    start_time: u64,
    restart_counter: u32,
    last_restart_time: u64,
}

/// Get when the server was started
///
/// Before the first restart its time is that of the start.
#[utoipa::path(
    get,
    path = "/openvidu/api/status",
    operation_id = "getStatus",
    tag = "Operation",
    responses((status = 200, description = "Times in ms since 1970", body = Status)),
)]
pub(crate) async fn status(State(program): State<Arc<Program>>) -> Json<Status> {
    Json(Status {
        start_time: program.started_at(),
        restart_counter: program.restarts(),
        last_restart_time: program.last_started_at(),
    })
}
