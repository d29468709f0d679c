//! `/sessions/{session}/stream/{stream}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use session::registry::NotFound;

use super::error::ApiError;
use crate::App;

pub(super) async fn unpublish(
    State(app): State<Arc<App>>,
    Path((session, stream)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let unpublished = app.control.call(move |registry, now| registry.unpublish_stream(&session, &stream, now)).await?;
    unpublished.map(|()| StatusCode::NO_CONTENT).map_err(|not_found| {
        ApiError::Empty(match not_found {
            NotFound::Session => StatusCode::BAD_REQUEST,
            NotFound::Connection | NotFound::Stream => StatusCode::NOT_FOUND,
        })
    })
}
