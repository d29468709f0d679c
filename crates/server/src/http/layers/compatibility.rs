//! Refusals that came before a handler had its say: a path, method, body, query or type that nobody takes.
//!
//! Each has its own status. OpenVidu 2.32 answers all of them with 403 and no body; `MADANG_COMPATIBILITY=2.32` does the
//! same, in one place: [`ApiError::unhandled`] marks the answer, and [`blur`] takes away what that version does not tell.
//! Which refusals these are is decided where they are made.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::http::error::{ApiError, Unhandled};

/// 403 without a body for every marked answer. Headers stay: `Allow` among them.
pub(crate) async fn blur(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.extensions().get::<Unhandled>().is_some() {
        *response.status_mut() = StatusCode::FORBIDDEN;
        *response.body_mut() = Body::empty();
        for name in [CONTENT_TYPE, CONTENT_LENGTH] {
            response.headers_mut().remove(name);
        }
    }
    response
}

/// Withholds JSON from those who do not accept it. Only the answer: what was asked for has been done, as in the original.
/// Refusals and texts are given to everybody.
pub(crate) async fn negotiate(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let refused = !accepts_json(request.headers());
    let response = next.run(request).await;
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if refused && is_json && response.status().is_success() {
        return ApiError::unhandled(StatusCode::NOT_ACCEPTABLE, "The answer is application/json", path).into_response();
    }
    response
}

/// RFC 9110 §12.5.1: of the ranges that match, the most specific one counts.
fn accepts_json(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    let ranges: Vec<_> = values.flat_map(|value| value.split(',')).filter_map(range).collect();
    let matching = ["application/json", "application/*", "*/*"]
        .iter()
        .find_map(|wanted| ranges.iter().find(|(range, _)| range.eq_ignore_ascii_case(wanted)));
    match matching {
        Some((_, accepted)) => *accepted,
        // Who names nothing takes everything.
        None => ranges.is_empty(),
    }
}

/// A media range, and whether its weight is more than 0.
fn range(text: &str) -> Option<(&str, bool)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().filter(|range| range.contains('/'))?;
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some((range, weight.and_then(|weight| weight.parse().ok()).unwrap_or(1.0_f32) > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        let accepts = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            accepts_json(&headers)
        };
        for accept in [
            "*/*",
            "application/json",
            "Application/JSON; charset=utf-8",
            "text/html, application/*;q=0.1",
            "application/json, text/plain, */*",
            "text/html;q=0.9, */*;q=0.8",
            "",
            "nonsense",
        ] {
            assert!(accepts(accept), "{accept}");
        }
        for accept in ["text/plain", "text/*, image/png", "application/json;q=0, */*", "application/xml", "*/*;q=0.0"] {
            assert!(!accepts(accept), "{accept}");
        }
        assert!(accepts_json(&HeaderMap::new()));
    }
}
