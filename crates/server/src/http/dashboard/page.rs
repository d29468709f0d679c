//! The page's files, embedded in the program. Its source is `web/dashboard`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use super::ROOT;
use crate::http::error::ApiError;
use crate::http::pages::embedded::{Keeping, serve};
use crate::http::request::caller::is_secure;
use crate::logins::Logins;

#[derive(RustEmbed)]
#[folder = "../../web/dashboard/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";

/// The page plays recordings of ours, shows what comes by WebRTC, and needs nothing from elsewhere; a recording in a bucket comes
/// through us, too. The styles are those that openvidu-browser sets on elements.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; \
     media-src 'self' blob: mediastream:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'",
);

/// Stands in when the program was built without the page.
const STUB: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Madang</title>\
    <style>body{font:1.1rem/1.6 system-ui;max-width:36rem;margin:15vh auto;padding:0 1rem}</style>\
    <h1>Madang is running</h1>\
    <p>The dashboard was not built into this program; <code>make run</code> builds it (it needs Node) and starts the server \
    again.</p></html>";

/// From now on the browser need not be asked for the secret: it gets a cookie.
pub(super) async fn index(State(logins): State<Arc<Logins>>, headers: HeaderMap, extensions: Extensions) -> Response {
    let mut response = match Files::get(INDEX) {
        Some(file) => serve(file, INDEX, Keeping::Asking, &headers),
        None => ([(CONTENT_TYPE, "text/html; charset=utf-8")], STUB).into_response(),
    };
    let now = Instant::now();
    let answer = response.headers_mut();
    if !logins.has(&headers, now) {
        answer.insert(SET_COOKIE, logins.open(is_secure(&headers, &extensions), now));
        answer.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer.insert(CONTENT_SECURITY_POLICY, POLICY);
    answer.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

pub(super) async fn elsewhere() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, ROOT)]).into_response()
}

pub(super) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let keeping = Keeping::of(&name);
    match Files::get(&name) {
        Some(file) => Ok(serve(file, &name, keeping, &headers)),
        None => {
            let message = format_args!("There is no such file of the dashboard: {name}");
            Err(ApiError::unhandled(StatusCode::NOT_FOUND, message, format!("{ROOT}{name}")))
        }
    }
}

pub(super) async fn logout(State(logins): State<Arc<Logins>>, headers: HeaderMap, extensions: Extensions) -> Response {
    let forget = logins.close(&headers, is_secure(&headers, &extensions));
    (StatusCode::NO_CONTENT, [(SET_COOKIE, forget)]).into_response()
}
