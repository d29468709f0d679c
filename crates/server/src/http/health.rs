//! `/health`, for load balancers, and `/status`, for those who restart.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use crate::App;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    status: &'static str,
    disconnected_media_nodes: Vec<String>,
}

/// UP while calls are possible: a server whose media worker is gone answers, but carries none.
pub(super) async fn health(State(app): State<Arc<App>>) -> (StatusCode, Json<Health>) {
    match app.control.media_lost_at() {
        None => (StatusCode::OK, Json(Health { status: "UP", disconnected_media_nodes: vec![] })),
        Some(_) => {
            let health = Health { status: "DOWN", disconnected_media_nodes: vec![app.node.id.clone()] };
            (StatusCode::SERVICE_UNAVAILABLE, Json(health))
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    start_time: u64,
    restart_counter: u32,
    last_restart_time: u64,
}

/// Before the first restart its time is that of the start.
pub(super) async fn status(State(app): State<Arc<App>>) -> Json<Status> {
    Json(Status {
        start_time: app.program.started_at(),
        restart_counter: app.program.restarts(),
        last_restart_time: app.program.last_started_at(),
    })
}
