//! The page for calls at `/`: ours, embedded in the program, whose source is `web/call`; or somebody's own, in a folder.
//!
//! Of a folder only what no other part of the server could mean is served: `index.html`, files beside it, and what is below
//! `assets`.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;
use settings::CallPage;
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

use crate::http::pages::embedded::{HASHED, Keeping, serve};
use crate::state::AppState;

#[derive(RustEmbed)]
#[folder = "../../web/call/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";

/// The page needs nothing from elsewhere but its WebSocket, whose address may be another one of this server. The styles
/// are those that openvidu-browser sets on elements; the worker and its WebAssembly are those of virtual backgrounds.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; \
    media-src 'self' blob: mediastream:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Stands in when the program was built without the page.
const STUB: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Madang</title>\
    <style>body{font:1.1rem/1.6 system-ui;max-width:36rem;margin:15vh auto;padding:0 1rem}</style>\
    <h1>Madang is running</h1>\
    <p>The REST API and the WebSocket work. The page for trying a call was not built into this program; \
    <code>make run</code> builds it (it needs Node) and starts the server again.</p></html>";

/// One route per file of ours. Those of a folder may come and go: see [`own`].
#[expect(clippy::disallowed_methods, reason = "a page is no operation of the API")]
pub(crate) fn routes(which: &CallPage) -> Router<AppState> {
    if *which != CallPage::Ours {
        return Router::new();
    }
    let page = || get(|headers: HeaderMap| async move { page(&headers) });
    let router = Router::new().route("/", page()).route("/index.html", page());
    Files::iter().filter(|name| name != INDEX).fold(router, |router, name| {
        router.route(&format!("/{name}"), get(|request: Request| async move { asset(&request) }))
    })
}

/// Whether a path is part of the page.
pub(crate) fn has(page: &CallPage, path: &str) -> bool {
    let Some(name) = path.strip_prefix('/') else { return false };
    match page {
        CallPage::Off => false,
        CallPage::Ours => name.is_empty() || name == INDEX || Files::get(name).is_some(),
        CallPage::Folder(_) => may_be_own(name),
    }
}

/// No operation has a name with an ending, and none is below `assets`.
fn may_be_own(name: &str) -> bool {
    let is_file = !name.contains('/') && name.rfind('.').is_some_and(|dot| dot > 0) && !name.starts_with('.');
    name.is_empty() || is_file || name.strip_prefix(HASHED).is_some_and(|rest| !rest.is_empty())
}

/// What the folder of somebody's own page has for a request that nothing else has taken.
pub(crate) async fn own(page: &CallPage, request: Request) -> Option<Response> {
    let CallPage::Folder(folder) = page else { return None };
    let is_asked = request.method() == Method::GET || request.method() == Method::HEAD;
    if !is_asked || !has(page, request.uri().path()) {
        return None;
    }
    let mut response = match ServeDir::new(folder).oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    };
    // Who asks for a folder is not sent to its `index.html`.
    if !response.status().is_success() && response.status() != StatusCode::NOT_MODIFIED {
        return None;
    }
    // Whoever works on it sees what has changed.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Some(response)
}

fn page(headers: &HeaderMap) -> Response {
    let mut response = match Files::get(INDEX) {
        Some(file) => serve(file, INDEX, Keeping::Asking, headers),
        None => ([(CONTENT_TYPE, "text/html; charset=utf-8")], STUB).into_response(),
    };
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn asset(request: &Request) -> Response {
    let name = request.uri().path().trim_start_matches('/');
    let keeping = Keeping::of(name);
    match Files::get(name) {
        Some(file) => serve(file, name, keeping, request.headers()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
