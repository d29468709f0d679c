//! `/broadcast`: a start is answered once something comes to the target, or does not.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use protocol::rest::request::{self, NewBroadcast, OfSession};
use session::command::ApplicationCommand;
use session::question::MayBroadcast;
use session::{BroadcastRefusal, BroadcastStartFailure, Refusal, Reply};

use crate::control::Control;
use crate::http::error::{ApiError, ErrorView, ServerStopping};
use crate::http::request::body::{BodyRefusals, MandatoryBody};
use crate::state::{RecordingPrograms, Settings};

/// Named in errors.
const START: &str = "/openvidu/api/broadcast/start";
const STOP: &str = "/openvidu/api/broadcast/stop";

/// Start a broadcast
///
/// Answered once something comes to the target.
#[utoipa::path(
    post,
    path = "/openvidu/api/broadcast/start",
    operation_id = "startBroadcast",
    tag = "Broadcasts",
    request_body = NewBroadcast,
    responses(
        (status = 200, description = "It is on the air"),
        (status = 404, description = "No such session"),
        (status = 406, description = "Nobody is in the session"),
        (status = 409, description = "The session is being broadcast already, or is not meant to be (mediaMode RELAYED)"),
        (status = 422, description = "A parameter is out of range", body = ErrorView),
        (status = 500, description = "The target is not there, or does not take it", body = ErrorView),
        (status = 501, description = "This deployment does not broadcast, or not like this", body = ErrorView),
        (status = 503, description = "As much is going on as may be, or the server is stopping", body = ErrorView),
        BodyRefusals,
    ),
)]
pub(crate) async fn start(
    State(control): State<Control>,
    State(programs): State<RecordingPrograms>,
    State(settings): State<Settings>,
    MandatoryBody(body): MandatoryBody,
) -> Result<(), ApiError> {
    let start = request::broadcast_start(&body).map_err(|error| ApiError::bad_request(error, START))?;
    control.look_up(MayBroadcast { session: start.session.clone() }).await?.map_err(refuse)?;
    if let Some(error) = start.out_of_range {
        return Err(ApiError::described(StatusCode::UNPROCESSABLE_ENTITY, error, START));
    }
    if start.broadcast.composition.as_ref().is_some_and(|composition| composition.is_page()) {
        let lacks = |unavailable| ApiError::described(StatusCode::NOT_IMPLEMENTED, unavailable, START);
        programs.layouts.availability().map_err(lacks)?;
    }
    if settings.madang_refuse_private_targets && leads_inside(start.broadcast.broadcast_url.clone()).await {
        let why = "broadcastUrl is in a private network (setting MADANG_REFUSE_PRIVATE_TARGETS)";
        return Err(ApiError::bad_request(why, START));
    }
    let (session, broadcast) = (start.session, Box::new(start.broadcast));
    match control.ask(ApplicationCommand::StartBroadcast { session, broadcast }).await? {
        Ok(Reply::Done) => Ok(()),
        Err(Refusal::Broadcast(refusal)) => Err(refuse(refusal)),
        Err(Refusal::BroadcastFailed(failure)) => {
            let status = match failure {
                BroadcastStartFailure::Unavailable(_) => StatusCode::NOT_IMPLEMENTED,
                BroadcastStartFailure::Overloaded(_) => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            Err(ApiError::described(status, openvidu::refusal::broadcast_start_failure(&failure), START))
        }
        unexpected => {
            tracing::error!(?unexpected, "no answer to a question about a broadcast");
            Err(ApiError::described(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error", START))
        }
    }
}

/// Stop a broadcast
#[utoipa::path(
    post,
    path = "/openvidu/api/broadcast/stop",
    operation_id = "stopBroadcast",
    tag = "Broadcasts",
    request_body = OfSession,
    responses(
        (status = 200, description = "It is over"),
        (status = 404, description = "No such session"),
        (status = 409, description = "The session is not being broadcast"),
        BodyRefusals,
        ServerStopping,
    ),
)]
pub(crate) async fn stop(State(control): State<Control>, MandatoryBody(body): MandatoryBody) -> Result<(), ApiError> {
    let session = request::session_id(&body).map_err(|error| ApiError::bad_request(error, STOP))?.to_owned();
    match control.ask(ApplicationCommand::StopBroadcast { session }).await? {
        Ok(Reply::Done) => Ok(()),
        Err(Refusal::Broadcast(refusal)) => Err(refuse(refusal)),
        unexpected => {
            tracing::error!(?unexpected, "no answer to a question about a broadcast");
            Err(ApiError::described(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error", STOP))
        }
    }
}

/// Whether a target is one that only the operator's network reaches, or may be. Names are looked up.
async fn leads_inside(url: String) -> bool {
    let is_inside = move || {
        let Ok(uri) = url.parse::<Uri>() else { return true };
        uri.host().is_none_or(|host| recordings::leads_inside(host, uri.port_u16().unwrap_or(443)))
    };
    tokio::task::spawn_blocking(is_inside).await.unwrap_or(true)
}

fn refuse(refusal: BroadcastRefusal) -> ApiError {
    ApiError::Empty(match refusal {
        BroadcastRefusal::UnknownSession => StatusCode::NOT_FOUND,
        BroadcastRefusal::NotNow | BroadcastRefusal::NotBroadcast => StatusCode::CONFLICT,
        BroadcastRefusal::NobodyThere => StatusCode::NOT_ACCEPTABLE,
    })
}
