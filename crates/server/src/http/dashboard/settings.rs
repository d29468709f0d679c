//! What is set, and by what. Secrets are not shown.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use settings::report::{self, Listed};
use tokio::task::spawn_blocking;

use crate::http::error::ApiError;
use crate::program::Program;

#[derive(Serialize)]
pub(super) struct View {
    settings: Vec<Listed>,
    warnings: Vec<String>,
}

/// As the file and the environment say it now: what was changed since the start counts from the next one on.
pub(super) async fn show(State(program): State<Arc<Program>>) -> Result<Json<View>, ApiError> {
    let read = spawn_blocking(move || {
        let sources = program.sources();
        View { settings: report::list(&sources), warnings: report::remarks(&sources) }
    });
    let failed =
        |error| ApiError::described(axum::http::StatusCode::INTERNAL_SERVER_ERROR, error, "/dashboard/api/settings");
    read.await.map(Json).map_err(failed)
}
