//! `/speech-to-text`: which languages are loaded. 501 in a deployment without servers of its own that recognise speech, before
//! anything else is looked at. Who listens to whom is asked by WebSocket.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use protocol::rest::request::{self, SpeechModel};
use session::command::ApplicationCommand;
use session::{Refusal, Reply, SpeechRefusal};
use settings::SpeechToText;

use crate::control::Control;
use crate::http::error::{ApiError, ErrorView, ServerStopping};
use crate::http::request::body::{BodyRefusals, MandatoryBody};
use crate::node::Node;
use crate::state::Settings;

/// That there are models here.
pub(crate) struct HasModels;

impl<S: Send + Sync> FromRequestParts<S> for HasModels
where
    Settings: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Settings::from_ref(state).openvidu_pro_speech_to_text {
            SpeechToText::Vosk => Ok(Self),
            _ => Err(ApiError::Empty(StatusCode::NOT_IMPLEMENTED)),
        }
    }
}

/// Load a model
///
/// Answered once the language's recogniser has answered.
#[utoipa::path(
    post,
    path = "/openvidu/api/speech-to-text/load",
    operation_id = "loadSpeechModel",
    tag = "Speech to text",
    request_body = SpeechModel,
    responses(
        (status = 200, description = "It can be listened to"),
        (status = 404, description = "Nothing here recognises this language"),
        (status = 409, description = "It is loaded already"),
        (status = 501, description = "This deployment has no models: `OPENVIDU_PRO_SPEECH_TO_TEXT` is not `vosk`"),
        (status = 503, description = "What recognises it does not answer, as much is going on as may be, or the server is stopping", body = ErrorView),
        BodyRefusals,
    ),
)]
pub(crate) async fn load(
    _: HasModels,
    State(control): State<Control>,
    State(node): State<Arc<Node>>,
    uri: Uri,
    MandatoryBody(body): MandatoryBody,
) -> Result<(), ApiError> {
    let language = language(&node, &body, &uri)?;
    change(&control, ApplicationCommand::LoadSpeechModel { language }, &uri).await
}

/// Unload a model
#[utoipa::path(
    post,
    path = "/openvidu/api/speech-to-text/unload",
    operation_id = "unloadSpeechModel",
    tag = "Speech to text",
    request_body = SpeechModel,
    responses(
        (status = 200, description = "It is no longer there"),
        (status = 404, description = "Nothing here recognises this language"),
        (status = 405, description = "Somebody listens to it"),
        (status = 409, description = "It is not loaded"),
        (status = 501, description = "This deployment has no models: `OPENVIDU_PRO_SPEECH_TO_TEXT` is not `vosk`"),
        ServerStopping,
        BodyRefusals,
    ),
)]
pub(crate) async fn unload(
    _: HasModels,
    State(control): State<Control>,
    State(node): State<Arc<Node>>,
    uri: Uri,
    MandatoryBody(body): MandatoryBody,
) -> Result<(), ApiError> {
    let language = language(&node, &body, &uri)?;
    change(&control, ApplicationCommand::UnloadSpeechModel { language }, &uri).await
}

fn language(node: &Node, body: &request::Body, uri: &Uri) -> Result<String, ApiError> {
    let model = request::speech_model(body).map_err(|error| ApiError::bad_request(error, uri.path()))?;
    if model.media_node != node.id {
        return Err(ApiError::bad_request("Parameter 'mediaNode.id' must be the id of a media node", uri.path()));
    }
    Ok(model.lang)
}

async fn change(control: &Control, command: ApplicationCommand, uri: &Uri) -> Result<(), ApiError> {
    let refusal = match control.ask(command).await? {
        Ok(Reply::Done) => return Ok(()),
        Err(Refusal::Speech(refusal)) => refusal,
        unexpected => {
            tracing::error!(?unexpected, "no answer to a question about a model of speech");
            return Err(ApiError::described(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error", uri.path()));
        }
    };
    Err(match refusal {
        SpeechRefusal::UnknownLanguage { .. } => ApiError::Empty(StatusCode::NOT_FOUND),
        SpeechRefusal::AlreadyLoaded | SpeechRefusal::NotLoaded { .. } => ApiError::Empty(StatusCode::CONFLICT),
        SpeechRefusal::InUse => ApiError::Empty(StatusCode::METHOD_NOT_ALLOWED),
        SpeechRefusal::Off => ApiError::Empty(StatusCode::NOT_IMPLEMENTED),
        SpeechRefusal::Overloaded { why } => ApiError::described(StatusCode::SERVICE_UNAVAILABLE, why, uri.path()),
        _ => ApiError::described(
            StatusCode::SERVICE_UNAVAILABLE,
            "What recognises this language does not answer",
            uri.path(),
        ),
    })
}
