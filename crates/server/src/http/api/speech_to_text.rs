//! `/speech-to-text`. There are no models: what is asked for is validated, and then told to be switched off.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use protocol::rest::request::{self, SpeechModel};

use crate::App;
use crate::http::error::ApiError;
use crate::http::layers::intake::{self, Mandatory};

/// Load a model
#[utoipa::path(
    post,
    path = "/openvidu/api/speech-to-text/load",
    operation_id = "loadSpeechModel",
    tag = "Speech to text",
    request_body = SpeechModel,
    responses((status = 501, description = "This deployment does not listen"), intake::Refusals),
)]
pub(crate) async fn load(app: State<Arc<App>>, uri: Uri, body: Mandatory) -> Result<(), ApiError> {
    refuse(app, uri, body).await
}

/// Unload a model
#[utoipa::path(
    post,
    path = "/openvidu/api/speech-to-text/unload",
    operation_id = "unloadSpeechModel",
    tag = "Speech to text",
    request_body = SpeechModel,
    responses((status = 501, description = "This deployment does not listen"), intake::Refusals),
)]
pub(crate) async fn unload(app: State<Arc<App>>, uri: Uri, body: Mandatory) -> Result<(), ApiError> {
    refuse(app, uri, body).await
}

async fn refuse(State(app): State<Arc<App>>, uri: Uri, Mandatory(body): Mandatory) -> Result<(), ApiError> {
    let model = request::speech_model(&body).map_err(|error| ApiError::bad_request(error, uri.path()))?;
    if model.media_node != app.node.id {
        return Err(ApiError::bad_request("Parameter 'mediaNode.id' must be the id of a media node", uri.path()));
    }
    Err(ApiError::Empty(StatusCode::NOT_IMPLEMENTED))
}
