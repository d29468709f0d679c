//! `/openvidu/info`: the WebSocket by which the original's own dashboard shows lines of its log.
//!
//! Only that page opens it, and works without: no client library knows it. It is refused rather than opened and silent.

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::UPGRADE;
use axum::response::{IntoResponse as _, Response};

use crate::http::error::ApiError;

pub(crate) async fn refuse(request: Request) -> Response {
    if request.headers().contains_key(UPGRADE) {
        let message = "There is no dashboard that could need the information socket";
        ApiError::unhandled(StatusCode::NOT_FOUND, message, request.uri().path()).into_response()
    } else {
        let mut response = Response::new(Body::from("Can \"Upgrade\" only to \"WebSocket\"."));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response
    }
}
