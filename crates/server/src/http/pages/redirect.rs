//! The plain port 80: whatever is asked for is to be asked for again over HTTPS. Only ACME authorities are answered there.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use certificates::Challenges;

use crate::forwarding::{self, Forwarding};
use crate::http::request::caller::{Origin, requested_origin};
use crate::state::Settings;

/// Answers every request with where it should go, but for the questions of ACME authorities.
#[allow(clippy::disallowed_methods, reason = "no operation of the API")]
pub(crate) fn router(settings: Settings, challenges: Arc<Challenges>) -> Router {
    let answer = move |Path(token): Path<String>| {
        let text = challenges.text(&token);
        async move {
            let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "no-store")];
            text.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |text| (headers, text).into_response())
        }
    };
    let forwarding = Forwarding::new(settings.madang_trusted_proxies.clone());
    let router = Router::new().route("/.well-known/acme-challenge/{token}", get(answer)).fallback(to_https);
    router.with_state(settings).layer(from_fn_with_state(forwarding, forwarding::attribute))
}

async fn to_https(State(settings): State<Settings>, request: Request) -> Response {
    let requested = requested_origin(request.headers(), request.extensions(), settings.https_port());
    let target = Origin::new(true, requested.host(), Some(settings.https_port())).http();
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let Ok(location) = HeaderValue::try_from(target + path) else { return StatusCode::BAD_REQUEST.into_response() };
    // The other methods must not become GET, which 301 makes of them.
    let status = match *request.method() {
        Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
        _ => StatusCode::PERMANENT_REDIRECT,
    };
    (status, [(header::LOCATION, location)]).into_response()
}
