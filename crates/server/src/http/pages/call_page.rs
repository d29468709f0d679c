//! The page for trying a call, embedded in the program. Its source is `web/call`.

use std::borrow::Cow;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::state::AppState;

#[derive(RustEmbed)]
#[folder = "../../web/call/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";
/// The build gives these names that change with their content.
const HASHED: &str = "assets/";

/// The page needs nothing from elsewhere but its WebSocket, whose address may be another one of this server. The styles
/// are those that openvidu-browser sets on elements.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; \
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
        Some(file) => serve(file, INDEX, headers),
        None => ([(CONTENT_TYPE, "text/html; charset=utf-8")], STUB).into_response(),
    };
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn asset(request: &Request) -> Response {
    let name = request.uri().path().trim_start_matches('/');
    match Files::get(name) {
        Some(file) => serve(file, name, request.headers()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn serve(file: EmbeddedFile, name: &str, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()));
    let caching = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let fresh = known.is_some_and(|tags| tags.split(',').any(|known| known.trim().trim_start_matches("W/") == tag));
    let validators = [(ETAG, tag), (CACHE_CONTROL, caching.to_owned())];
    if fresh {
        return (StatusCode::NOT_MODIFIED, validators).into_response();
    }
    let body = match file.data {
        Cow::Borrowed(embedded) => Body::from(embedded),
        Cow::Owned(read) => Body::from(read),
    };
    (validators, [(CONTENT_TYPE, media_type(name))], body).into_response()
}

/// Of the kinds of files that the build makes.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
