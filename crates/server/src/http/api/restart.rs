//! `/restart`: changes settings and starts the server anew.
//!
//! Either all the changes are right and are written to `.env`, or none is. The restart itself is the owner's work: the
//! answer is on its way before it begins.

use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use protocol::rest::request::{self, NewSettings};
use serde::Serialize;
use settings::{ConfigError, Fault, check_changes, dotenv};
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use crate::http::error::{ApiError, ErrorView};
use crate::http::request::body::OptionalBody;
use crate::state::Restart;
use crate::{options, program};

/// Named in errors.
const API: &str = "/openvidu/api/restart";

/// Everything that is wrong, one by one; otherwise like every refusal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedRestart)]
pub(crate) struct Faults {
    timestamp: u64,
    status: u16,
    error: &'static str,
    message: &'static str,
    path: &'static str,
    /// Absent if the body cannot be read.
    #[schema(required = false)]
    errors: Vec<String>,
}

/// Restart the server
///
/// With other settings, which are kept; all sessions end. Nothing happens if any of them is wrong.
#[utoipa::path(
    post,
    path = "/openvidu/api/restart",
    operation_id = "restart",
    tag = "Operation",
    request_body = Option<NewSettings>,
    responses(
        (status = 200, description = "The server restarts"),
        (status = 400, description = "The body is not a JSON object, or settings are wrong", body = Faults),
        (status = 415, description = "The body does not claim to be JSON", body = ErrorView),
        (status = 500, description = "The settings cannot be kept", body = ErrorView),
        (status = 501, description = "The server is part of another program", body = ErrorView),
    ),
)]
pub(crate) async fn restart(
    State(restart): State<Arc<Restart>>,
    OptionalBody(body): OptionalBody,
) -> Result<Response, ApiError> {
    let Some(file) = restart.program.dotenv() else {
        let message = "This server is part of another program, which has to restart it";
        return Err(ApiError::described(StatusCode::NOT_IMPLEMENTED, message, API));
    };
    let changes = request::settings(&body);
    // One at a time, or one change could undo another.
    let _alone = restart.changing_settings.lock().await;
    let program = restart.program.clone();
    let changed = spawn_blocking(move || {
        check_changes(&program.sources(), &changes, options::RULES).map_err(Refusal::Invalid)?;
        write(&file, &changes).map_err(Refusal::NotWritten)?;
        let names: Vec<_> = changes.into_iter().map(|(name, _)| name).collect();
        tracing::info!(changed = names.join(" "), "a restart was asked for");
        Ok(())
    });
    match changed.await.map_err(|error| ApiError::described(StatusCode::INTERNAL_SERVER_ERROR, error, API))? {
        Ok(()) => {
            restart.request();
            Ok(StatusCode::OK.into_response())
        }
        Err(Refusal::Invalid(ConfigError(faults))) => Ok(refuse(&faults)),
        Err(Refusal::NotWritten(error)) => {
            let message = format_args!("The file .env cannot be written: {error}");
            Err(ApiError::described(StatusCode::INTERNAL_SERVER_ERROR, message, API))
        }
    }
}

enum Refusal {
    Invalid(ConfigError),
    NotWritten(io::Error),
}

fn write(file: &Path, changes: &[(String, String)]) -> io::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    durable::update(file, &dotenv::changed(&text, changes))
}

fn refuse(faults: &[Fault]) -> Response {
    let body = Faults {
        timestamp: program::now(),
        status: 400,
        error: "Bad Request",
        message: "Nothing was changed: some properties are not valid",
        path: API,
        errors: faults.iter().map(Fault::to_string).collect(),
    };
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
