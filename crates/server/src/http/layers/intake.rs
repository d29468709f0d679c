//! Bodies: every one is read to its end before the request is answered, or the connection could not be used again.
//!
//! What stands in it is not looked at here.

use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use tokio::time::{Instant, timeout_at};

use crate::http::error::ApiError;
use crate::http::whip;
use crate::limits::Limits;
use crate::standing::MAX_STRANGERS_MESSAGE;
use crate::state::Settings;

/// The largest body that is looked at. Real ones have some 2 KB.
const MAX_BODY: usize = 1024 * 1024;
/// The same for callers without credentials, whose bodies are a room's and a person's name.
const MAX_PUBLIC_BODY: usize = 16 * 1024;
/// A larger one is read and thrown away, so that its sender sees the answer; beyond this, the connection may just break.
const MAX_DISCARDED: usize = 64 * 1024 * 1024;

/// An extension of requests with the right credentials.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authenticated;

/// Reads the body, so that handlers need not wait for it.
pub(crate) async fn read(
    State(settings): State<Settings>,
    State(limits): State<Limits>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let max = if parts.extensions.get::<Authenticated>().is_some() {
        MAX_BODY
    } else if whip::has(&settings, parts.uri.path()) {
        // What a stranger may say on a WebSocket, where the same stands in its first messages.
        MAX_STRANGERS_MESSAGE
    } else {
        MAX_PUBLIC_BODY
    };
    let (status, message) = match collect(body, max, limits.body).await {
        Ok(bytes) => return next.run(Request::from_parts(parts, bytes.into())).await,
        Err(BodyFailure::TooLarge) => {
            (StatusCode::PAYLOAD_TOO_LARGE, format!("The body must not have more than {max} bytes"))
        }
        Err(BodyFailure::TooSlow) => (StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time".to_owned()),
        Err(BodyFailure::Broken) => (StatusCode::BAD_REQUEST, "The body cannot be read".to_owned()),
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

enum BodyFailure {
    TooLarge,
    TooSlow,
    Broken,
}

async fn collect(body: Body, max: usize, patience: Duration) -> Result<Bytes, BodyFailure> {
    let deadline = Instant::now() + patience;
    let mut pieces = body.into_data_stream();
    let mut collected = Vec::new();
    loop {
        match timeout_at(deadline, pieces.next()).await {
            Ok(Some(Ok(piece))) if collected.len() + piece.len() <= max => collected.extend_from_slice(&piece),
            Ok(Some(Ok(_))) => {
                drop(collected);
                skip(pieces, deadline).await;
                return Err(BodyFailure::TooLarge);
            }
            Ok(Some(Err(_))) => return Err(BodyFailure::Broken),
            Ok(None) => return Ok(collected.into()),
            Err(_) => return Err(BodyFailure::TooSlow),
        }
    }
}
