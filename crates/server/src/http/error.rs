//! What a refused request is answered: an empty body, or a JSON object with a message.
//!
//! Clients go by the status alone; which of the two stands where follows the original.

use std::fmt::Display;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::control::Stopped;

/// Named in errors where no resource is asked for.
const SESSIONS: &str = "/openvidu/api/sessions";

/// A refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ApiError {
    /// Nothing but the status.
    Empty(StatusCode),
    /// With a message for the developer.
    Described {
        status: StatusCode,
        message: String,
        /// Not always the requested one: the original's habit.
        path: String,
    },
    /// The same, before a handler understood the request; see [`super::layers::compatibility`].
    Unhandled {
        status: StatusCode,
        message: String,
        /// The requested one.
        path: String,
    },
    /// Of what one network may do only so often.
    TooMany {
        /// What.
        what: &'static str,
        retry_after: Duration,
        path: String,
    },
}

impl ApiError {
    pub(crate) fn described(status: StatusCode, message: impl Display, path: impl Into<String>) -> Self {
        Self::Described { status, message: message.to_string(), path: path.into() }
    }

    pub(crate) fn unhandled(status: StatusCode, message: impl Display, path: impl Into<String>) -> Self {
        Self::Unhandled { status, message: message.to_string(), path: path.into() }
    }

    pub(crate) fn too_many(what: &'static str, retry_after: Duration, path: impl Into<String>) -> Self {
        Self::TooMany { what, retry_after, path: path.into() }
    }

    pub(crate) fn bad_request(message: impl Display, path: impl Into<String>) -> Self {
        Self::described(StatusCode::BAD_REQUEST, message, path)
    }
}

/// Mark of an answer that no handler gave; an extension of the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unhandled;

impl From<Stopped> for ApiError {
    fn from(stopped: Stopped) -> Self {
        Self::described(StatusCode::SERVICE_UNAVAILABLE, stopped, SESSIONS)
    }
}

/// Why a request was refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorView {
    /// ms since 1970.
    timestamp: u64,
    /// The HTTP status.
    status: u16,
    /// Its name.
    error: String,
    /// For the developer.
    message: String,
    /// What was asked for.
    path: String,
}

/// What every operation answers that needs the control loop; see [`Stopped`].
#[derive(IntoResponses)]
#[response(status = 503, description = "The server is stopping")]
#[expect(dead_code, reason = "only its documentation is used")]
pub(crate) struct ServerStopping(ErrorView);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Empty(status) => status.into_response(),
            Self::Described { status, message, path } => described(status, message, path),
            Self::Unhandled { status, message, path } => {
                (Extension(Unhandled), described(status, message, path)).into_response()
            }
            Self::TooMany { what, retry_after, path } => {
                // Whole seconds (RFC 9110 §10.2.3), and never too early.
                let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
                let message = format_args!("Too many {what} from this address; try again in {seconds} s");
                let body = Self::described(StatusCode::TOO_MANY_REQUESTS, message, path);
                ([(header::RETRY_AFTER, seconds.to_string())], body).into_response()
            }
        }
    }
}

fn described(status: StatusCode, message: String, path: String) -> Response {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let body = ErrorView {
        timestamp: since_1970.as_millis() as u64,
        status: status.as_u16(),
        error: status.canonical_reason().unwrap_or_default().to_owned(),
        message,
        path,
    };
    (status, Json(body)).into_response()
}
