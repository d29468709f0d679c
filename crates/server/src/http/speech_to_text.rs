//! `/speech-to-text`. There are no models: what is asked for is validated, and then told to be switched off.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use protocol::rest::request;

use super::error::ApiError;
use super::intake::Mandatory;
use crate::App;

/// `/load` and `/unload`.
pub(super) async fn disabled(
    State(app): State<Arc<App>>,
    uri: Uri,
    Mandatory(body): Mandatory,
) -> Result<(), ApiError> {
    let model = request::speech_model(&body).map_err(|error| ApiError::bad_request(error, uri.path()))?;
    if model.media_node != app.node.id {
        return Err(ApiError::bad_request("Parameter 'mediaNode.id' must be the id of a media node", uri.path()));
    }
    Err(ApiError::Empty(StatusCode::NOT_IMPLEMENTED))
}
