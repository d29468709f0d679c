//! A handler that panics: whoever asked is answered, instead of losing the connection with whatever else is on it.

use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;

use crate::http::error::ApiError;

/// 500, as for any other failure of ours.
pub(crate) async fn answer(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answered.unwrap_or_else(|_| {
        tracing::error!(%method, path, "a handler panicked; its request is answered with 500");
        ApiError::described(StatusCode::INTERNAL_SERVER_ERROR, "The server has a defect", path).into_response()
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::middleware::from_fn;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_asked_is_told_and_others_are_served() {
        let handler = |request: Request| async move {
            assert_ne!(request.uri().path(), "/faulty", "a defect, on purpose");
            "well"
        };
        let router = Router::new().fallback(handler).layer(from_fn(answer));
        for (path, status, part) in [("/faulty", 500, "\"path\":\"/faulty\""), ("/sound", 200, "well")] {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status, "{path}");
            let body = to_bytes(response.into_body(), 1000).await.unwrap();
            assert!(String::from_utf8_lossy(&body).contains(part), "{body:?}");
        }
    }
}
