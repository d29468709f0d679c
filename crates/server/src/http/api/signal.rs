//! `/signal`.

use axum::extract::State;
use axum::http::StatusCode;
use protocol::rest::request::{self, Signal};
use session::Refusal;
use session::command::{ApplicationCommand, ServerSignal};
use session::registry::SignalRefusal;

use crate::control::Control;
use crate::http::error::{ApiError, ServerStopping};
use crate::http::request::body::{BodyRefusals, MandatoryBody};

/// Named in errors.
const API: &str = "/openvidu/api/signal";

/// Send a signal
///
/// To everybody in a session or to some.
#[utoipa::path(
    post,
    path = "/openvidu/api/signal",
    operation_id = "sendSignal",
    tag = "Signals",
    request_body = Signal,
    responses(
        (status = 200, description = "Sent"),
        (status = 404, description = "No such session"),
        // Whom to tell is either nobody, or somebody who is not there.
        (status = 406, description = "Nobody is in the session, or (told by an error) an addressee is not"),
        BodyRefusals,
        ServerStopping,
    ),
)]
pub(crate) async fn send(
    State(control): State<Control>,
    MandatoryBody(body): MandatoryBody,
) -> Result<StatusCode, ApiError> {
    let Signal { session, to, kind, data } =
        request::signal(&body).map_err(|error| ApiError::bad_request(error, API))?;
    let signal = ServerSignal { to, kind, data };
    let sent = control.ask(ApplicationCommand::Signal { session, signal }).await?;
    sent.map(|_| StatusCode::OK).map_err(|refusal| match refusal {
        Refusal::Signal(SignalRefusal::NobodyThere) => ApiError::Empty(StatusCode::NOT_ACCEPTABLE),
        Refusal::Signal(SignalRefusal::UnknownAddressee) => {
            let message = "the \"to\" array has no valid connection identifiers";
            ApiError::described(StatusCode::NOT_ACCEPTABLE, message, API)
        }
        _ => ApiError::Empty(StatusCode::NOT_FOUND),
    })
}
