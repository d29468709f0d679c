//! Headers against mistakes of browsers and caches, as the original sends them.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, EXPIRES, PRAGMA, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// For answers that do not set their own.
const CACHING: [(HeaderName, &str); 3] =
    [(CACHE_CONTROL, "no-cache, no-store, max-age=0, must-revalidate"), (PRAGMA, "no-cache"), (EXPIRES, "0")];

/// For all answers.
const SAFETY: [(HeaderName, &str); 3] =
    [(X_CONTENT_TYPE_OPTIONS, "nosniff"), (X_XSS_PROTECTION, "0"), (X_FRAME_OPTIONS, "DENY")];

/// Adds them.
pub(crate) async fn add(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if !headers.contains_key(CACHE_CONTROL) {
        headers.extend(CACHING.map(|(name, value)| (name, HeaderValue::from_static(value))));
    }
    headers.extend(SAFETY.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}
