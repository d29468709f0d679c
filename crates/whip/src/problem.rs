//! The one table of why a request is refused: a status, and a text for the developer.

use std::time::Duration;

use http::StatusCode;
use session::{NoCaller, NoProspect, Refusal};

/// Who comes too early may try again after that.
const LATER: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Of HTTP.
    pub status: StatusCode,
    /// What is wrong.
    pub text: String,
    /// The same may succeed after so long.
    pub retry_after: Option<Duration>,
}

impl Problem {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), retry_after: None }
    }

    pub(crate) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(crate) fn unauthorized(text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, text)
    }

    pub(crate) fn forbidden(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, text)
    }

    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    pub(crate) fn conflict(text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, text)
    }

    pub(crate) fn unprocessable(text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, text)
    }

    pub(crate) fn precondition_required() -> Self {
        let text = "'If-Match' must hold the ETag that the resource was given, or '*' to begin ICE anew";
        Self::new(StatusCode::PRECONDITION_REQUIRED, text)
    }

    pub(crate) fn precondition_failed() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "'If-Match' is of another session of ICE than there is")
    }

    /// The body is of another type than the one that is understood.
    pub fn wrong_type(wanted: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("The Content-Type of the body must be {wanted}"))
    }

    pub(crate) fn tried_later(self) -> Self {
        Self { retry_after: Some(LATER), ..self }
    }
}

impl From<NoProspect> for Problem {
    fn from(why: NoProspect) -> Self {
        match why {
            NoProspect::UnknownSession => Self::not_found("There is no such session"),
            NoProspect::InvalidToken => Self::unauthorized("The token is not valid in this session, or was used"),
            NoProspect::TokenInUse => {
                Self::conflict("The token was used, and its connection is there: each needs its own")
            }
        }
    }
}

impl From<NoCaller> for Problem {
    fn from(why: NoCaller) -> Self {
        match why {
            NoCaller::NotThere => Self::not_found("There is no such resource, or none any more"),
            NoCaller::WrongToken => Self::unauthorized("The token is not the one that the resource was made with"),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownSession { .. } => NoProspect::UnknownSession.into(),
            Refusal::InvalidToken { .. } => NoProspect::InvalidToken.into(),
            Refusal::UnknownClient | Refusal::NotJoined { .. } => NoCaller::NotThere.into(),
            Refusal::MayNotPublish | Refusal::NoTokenToPublish => Self::forbidden("The token may not publish"),
            Refusal::OfferUnusable { .. } | Refusal::SubscriptionFailed { .. } => Self::bad_request(
                "The offer cannot be answered: its SDP is broken, or it has nothing of what is needed",
            ),
            Refusal::CodecMissing { codec, .. } => Self::unprocessable(format!(
                "The offer has no video codec that can be taken here (the session's: {})",
                codec.as_str()
            )),
            Refusal::NotStreaming { .. } | Refusal::PublisherNotThere { .. } | Refusal::UnknownStream { .. } => {
                Self::not_found("The stream has ended").tried_later()
            }
            Refusal::NothingToRestart => Self::conflict("There is no peer connection on which ICE could begin anew"),
            Refusal::AlreadyJoined
            | Refusal::AlreadyPublishing { .. }
            | Refusal::NoLongerJoined { .. }
            | Refusal::RemovedMeanwhile { .. }
            | Refusal::StreamEnded => Self::conflict("The connection was ended meanwhile"),
            Refusal::TooManyRequests => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "Too many requests of this connection wait").tried_later()
            }
            // What nobody can ask for here.
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
        }
    }
}
