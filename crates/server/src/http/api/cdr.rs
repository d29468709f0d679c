//! `/openvidu/cdr`: the event files.

use std::fs::File;
use std::io::{self, Read};

use axum::Json;
use axum::body::Body;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::IntoResponse;
use delivery::cdr::files;
use futures_util::stream::try_unfold;
use tokio::task::spawn_blocking;

use crate::http::error::{ApiError, ErrorView};
use crate::http::request::path::Path;
use crate::state::Settings;

/// Read at a time; files can be far larger than memory.
const CHUNK: usize = 64 * 1024;
/// Named in errors.
const PATH: &str = "/openvidu/cdr";

/// List the event files
///
/// Their names, oldest first.
#[utoipa::path(
    get,
    path = "/openvidu/cdr",
    operation_id = "listEventFiles",
    tag = "Events",
    responses(
        (status = 200, description = "The names", body = Vec<String>),
        (status = 500, description = "The folder cannot be read", body = ErrorView),
    ),
)]
pub(crate) async fn list(State(settings): State<Settings>) -> Result<Json<Vec<String>>, ApiError> {
    let folder = settings.openvidu_cdr_path.clone();
    blocking(move || files::list(&folder)).await.map(Json)
}

/// Read an event file
///
/// As far as it is written now: a JSON object per line.
#[utoipa::path(
    get,
    path = "/openvidu/cdr/{file}",
    operation_id = "readEventFile",
    tag = "Events",
    params(("file" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/plain"),
        (status = 404, description = "No such file", body = ErrorView),
        (status = 500, description = "The file cannot be read", body = ErrorView),
    ),
)]
pub(crate) async fn show(
    State(settings): State<Settings>,
    Path(name): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let folder = settings.openvidu_cdr_path.clone();
    let found = blocking(move || match files::open(&folder, &name)? {
        Some(file) => file.metadata().map(|metadata| Some((file, metadata.len()))),
        None => Ok(None),
    });
    let (file, length) =
        found.await?.ok_or_else(|| ApiError::unhandled(StatusCode::NOT_FOUND, "No such file", PATH))?;
    let chunks = try_unfold(file.take(length), |file| async move { spawn_blocking(move || chunk(file)).await? });
    let headers = [(CONTENT_TYPE, "text/plain;charset=UTF-8".to_owned()), (CONTENT_LENGTH, length.to_string())];
    Ok((headers, Body::from_stream(chunks)))
}

fn chunk(mut file: io::Take<File>) -> io::Result<Option<(Bytes, io::Take<File>)>> {
    let mut bytes = vec![0; CHUNK];
    let read = file.read(&mut bytes)?;
    bytes.truncate(read);
    Ok((read > 0).then(|| (bytes.into(), file)))
}

async fn blocking<T: Send + 'static>(f: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, ApiError> {
    let result = spawn_blocking(f).await.map_err(io::Error::from).flatten();
    result.map_err(|error| ApiError::described(StatusCode::INTERNAL_SERVER_ERROR, error, PATH))
}
