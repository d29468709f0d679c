//! Bodies: every one is read to its end before the request is answered, or the connection could not be used again.
//!
//! Handlers get theirs as [`Mandatory`] or [`Optional`], or as `Bytes`.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use protocol::rest::request;
use tokio::time::{Instant, timeout_at};
use utoipa::IntoResponses;

use crate::App;
use crate::http::error::{ApiError, ErrorView};
use crate::http::layers::auth::Authenticated;

/// The largest body that is looked at. Real ones have some 2 KB.
const MAX_BODY: usize = 1024 * 1024;
/// The same for callers without credentials, whose bodies are a room's and a person's name.
const MAX_PUBLIC_BODY: usize = 16 * 1024;
/// A larger one is read and thrown away, so that its sender sees the answer; beyond this, the connection may just break.
const MAX_DISCARDED: usize = 64 * 1024 * 1024;

/// Reads the body, so that handlers need not wait for it.
pub(crate) async fn read(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let max = if parts.extensions.get::<Authenticated>().is_some() { MAX_BODY } else { MAX_PUBLIC_BODY };
    let (status, message) = match collect(body, max, app.limits.body).await {
        Ok(bytes) => return next.run(Request::from_parts(parts, bytes.into())).await,
        Err(Incomplete::TooLarge) => {
            (StatusCode::PAYLOAD_TOO_LARGE, format!("The body must not have more than {max} bytes"))
        }
        Err(Incomplete::TooSlow) => (StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time".to_owned()),
        Err(Incomplete::Broken) => (StatusCode::BAD_REQUEST, "The body cannot be read".to_owned()),
    };
    let mut response = ApiError::described(status, message, parts.uri.path()).into_response();
    if status != StatusCode::PAYLOAD_TOO_LARGE {
        // What may still arrive of this body must not be taken for a request.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Reads a body that nobody wants.
pub(crate) async fn discard(body: Body, patience: Duration) {
    skip(body.into_data_stream(), Instant::now() + patience).await;
}

async fn skip(pieces: BodyDataStream, deadline: Instant) {
    let mut pieces = pin!(pieces);
    let mut length = 0;
    while length < MAX_DISCARDED {
        match timeout_at(deadline, pieces.next()).await {
            Ok(Some(Ok(piece))) => length += piece.len(),
            Ok(Some(Err(_)) | None) | Err(_) => return,
        }
    }
}

enum Incomplete {
    TooLarge,
    TooSlow,
    Broken,
}

async fn collect(body: Body, max: usize, patience: Duration) -> Result<Bytes, Incomplete> {
    let deadline = Instant::now() + patience;
    let mut pieces = body.into_data_stream();
    let mut collected = Vec::new();
    loop {
        match timeout_at(deadline, pieces.next()).await {
            Ok(Some(Ok(piece))) if collected.len() + piece.len() <= max => collected.extend_from_slice(&piece),
            Ok(Some(Ok(_))) => {
                drop(collected);
                skip(pieces, deadline).await;
                return Err(Incomplete::TooLarge);
            }
            Ok(Some(Err(_))) => return Err(Incomplete::Broken),
            Ok(None) => return Ok(collected.into()),
            Err(_) => return Err(Incomplete::TooSlow),
        }
    }
}

/// A JSON object.
pub(crate) struct Mandatory(pub(crate) request::Body);

/// A JSON object or nothing.
pub(crate) struct Optional(pub(crate) request::Body);

/// How handlers with a body refuse it.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its documentation is used")]
pub(crate) enum Refusals {
    #[response(status = 400, description = "The body is not a JSON object, or a parameter breaks its rule")]
    Invalid(ErrorView),
    #[response(status = 415, description = "The body does not claim to be JSON")]
    NotJson(ErrorView),
}

impl<S: Send + Sync> FromRequest<S> for Mandatory {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        json(request, state, request::Body::mandatory).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Optional {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        json(request, state, request::Body::optional).await.map(Self)
    }
}

async fn json<S: Send + Sync>(
    request: Request,
    state: &S,
    parse: impl Fn(&[u8]) -> Result<request::Body, request::Unreadable>,
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

/// `application/json` or `application/*+json`, whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.strip_prefix("application/").is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}
