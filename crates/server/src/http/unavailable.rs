//! Paths of other editions of OpenVidu. Telling that a feature is missing helps more than an unknown path would.

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::UPGRADE;
use axum::response::{IntoResponse, Response};

use super::error::ApiError;

pub(super) async fn broadcast(request: Request) -> ApiError {
    unavailable("Broadcasting is not available", &request)
}

pub(super) async fn media_nodes(request: Request) -> ApiError {
    unavailable("Media nodes are not available", &request)
}

pub(super) async fn speech_to_text(request: Request) -> ApiError {
    unavailable("Speech to text is not available", &request)
}

/// The WebSocket of the original's dashboard.
pub(super) async fn info(request: Request) -> Response {
    if request.headers().contains_key(UPGRADE) {
        unavailable("The information socket is not available", &request).into_response()
    } else {
        let mut response = Response::new(Body::from("Can \"Upgrade\" only to \"WebSocket\"."));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response
    }
}

fn unavailable(message: &str, request: &Request) -> ApiError {
    ApiError::described(StatusCode::NOT_FOUND, message, request.uri().path())
}
