//! `/signal`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use protocol::rest::request::{self, Signal};
use session::registry::{ServerSignal, SignalRefusal};

use super::error::ApiError;
use super::intake::Mandatory;
use crate::App;

/// Named in errors.
const API: &str = "/openvidu/api/signal";

pub(super) async fn send(State(app): State<Arc<App>>, Mandatory(body): Mandatory) -> Result<StatusCode, ApiError> {
    let Signal { session, to, kind, data } =
        request::signal(&body).map_err(|error| ApiError::bad_request(error, API))?;
    let signal = ServerSignal { to, kind, data };
    let sent = app.control.call(move |registry, now| registry.signal(&session, signal, now)).await?;
    sent.map(|()| StatusCode::OK).map_err(|refusal| match refusal {
        SignalRefusal::UnknownSession => ApiError::Empty(StatusCode::NOT_FOUND),
        SignalRefusal::NobodyThere => ApiError::Empty(StatusCode::NOT_ACCEPTABLE),
        SignalRefusal::UnknownAddressee => ApiError::described(StatusCode::NOT_ACCEPTABLE, refusal, API),
    })
}
