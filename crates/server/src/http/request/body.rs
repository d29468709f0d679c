//! JSON in the bodies of requests, which [`crate::http::layers::intake`] has read to their end.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use protocol::rest::request;
use utoipa::IntoResponses;

use crate::http::error::{ApiError, ErrorView};

/// A JSON object.
pub(crate) struct MandatoryBody(pub(crate) request::Body);

/// A JSON object or nothing.
pub(crate) struct OptionalBody(pub(crate) request::Body);

/// How handlers with a body refuse it.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its documentation is used")]
pub(crate) enum BodyRefusals {
    #[response(status = 400, description = "The body is not a JSON object, or a parameter breaks its rule")]
    Invalid(ErrorView),
    #[response(status = 415, description = "The body does not claim to be JSON")]
    NotJson(ErrorView),
}

impl<S: Send + Sync> FromRequest<S> for MandatoryBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        json(request, state, request::Body::mandatory).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for OptionalBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        json(request, state, request::Body::optional).await.map(Self)
    }
}

async fn json<S: Send + Sync>(
    request: Request,
    state: &S,
    parse: impl Fn(&[u8]) -> Result<request::Body, request::UnreadableBody>,
) -> Result<request::Body, ApiError> {
    let path = request.uri().path().to_owned();
    let is_json = is_json(request.headers());
    let bytes = Bytes::from_request(request, state).await.map_err(|error| ApiError::bad_request(error, &path))?;
    if !bytes.is_empty() && !is_json {
        let message = "The Content-Type of the body must be application/json";
        return Err(ApiError::unhandled(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, path));
    }
    parse(&bytes).map_err(|error| ApiError::unhandled(StatusCode::BAD_REQUEST, error, path))
}

/// The type of a body without its parameters, in small letters; nothing if there is none.
pub(crate) fn essence(headers: &HeaderMap) -> String {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// `application/json` or `application/*+json`, whatever its parameters.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    essence(headers).strip_prefix("application/").is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}
