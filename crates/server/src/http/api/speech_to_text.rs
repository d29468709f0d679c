//! `/speech-to-text`. There are no models: what is asked for is validated, and then told to be switched off.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use protocol::rest::request::{self, SpeechModel};

use crate::http::error::ApiError;
use crate::http::request::body::{BodyRefusals, MandatoryBody};
use crate::node::Node;

/// Load a model
#[utoipa::path(
    post,
    path = "/openvidu/api/speech-to-text/load",
    operation_id = "loadSpeechModel",
    tag = "Speech to text",
    request_body = SpeechModel,
    responses((status = 501, description = "This deployment does not listen"), BodyRefusals),
)]
pub(crate) async fn load(node: State<Arc<Node>>, uri: Uri, body: MandatoryBody) -> Result<(), ApiError> {
    refuse(node, uri, body).await
}

/// Unload a model
#[utoipa::path(
    post,
    path = "/openvidu/api/speech-to-text/unload",
    operation_id = "unloadSpeechModel",
    tag = "Speech to text",
    request_body = SpeechModel,
    responses((status = 501, description = "This deployment does not listen"), BodyRefusals),
)]
pub(crate) async fn unload(node: State<Arc<Node>>, uri: Uri, body: MandatoryBody) -> Result<(), ApiError> {
    refuse(node, uri, body).await
}

async fn refuse(State(node): State<Arc<Node>>, uri: Uri, MandatoryBody(body): MandatoryBody) -> Result<(), ApiError> {
    let model = request::speech_model(&body).map_err(|error| ApiError::bad_request(error, uri.path()))?;
    if model.media_node != node.id {
        return Err(ApiError::bad_request("Parameter 'mediaNode.id' must be the id of a media node", uri.path()));
    }
    Err(ApiError::Empty(StatusCode::NOT_IMPLEMENTED))
}
