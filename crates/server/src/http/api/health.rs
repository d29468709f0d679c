//! `/health`, for load balancers, and `/status`, for those who restart.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::node::Node;
use crate::program::Program;
use crate::vitals::Vitals;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Health {
    /// `UP` or `DOWN`.
    status: &'static str,
    disconnected_media_nodes: Vec<String>,
}

/// Get the health
///
/// UP while calls are possible: the control loop and the media worker are asked, and have two seconds to answer. A server whose
/// media worker is gone or stands still answers, but carries no calls.
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
pub(crate) async fn health(State(vitals): State<Vitals>, State(node): State<Arc<Node>>) -> (StatusCode, Json<Health>) {
    match vitals.check().await {
        Ok(()) => (StatusCode::OK, Json(Health { status: "UP", disconnected_media_nodes: vec![] })),
        Err(silent) => {
            tracing::warn!("not healthy: {silent}");
            let nodes = if silent.media { vec![node.id.clone()] } else { vec![] };
            let health = Health { status: "DOWN", disconnected_media_nodes: nodes };
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
