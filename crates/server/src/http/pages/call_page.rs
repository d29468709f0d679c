//! The page for trying a call, embedded in the program. Its source is `web/call`.

use axum::Router;
use axum::extract::Request;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

use crate::http::pages::embedded::{Keeping, serve};
use crate::state::AppState;

#[derive(RustEmbed)]
#[folder = "../../web/call/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";
/// The build gives these names that change with their content.
const HASHED: &str = "assets/";

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

/// One route per file.
#[expect(clippy::disallowed_methods, reason = "a page is no operation of the API")]
pub(crate) fn routes() -> Router<AppState> {
    let page = || get(|headers: HeaderMap| async move { page(&headers) });
    let router = Router::new().route("/", page()).route("/index.html", page());
    Files::iter().filter(|name| name != INDEX).fold(router, |router, name| {
        router.route(&format!("/{name}"), get(|request: Request| async move { asset(&request) }))
    })
}

/// Whether a path is part of the page.
pub(crate) fn has(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|name| name.is_empty() || name == INDEX || Files::get(name).is_some())
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
    let keeping = if name.starts_with(HASHED) { Keeping::Forever } else { Keeping::Asking };
    match Files::get(name) {
        Some(file) => serve(file, name, keeping, request.headers()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
