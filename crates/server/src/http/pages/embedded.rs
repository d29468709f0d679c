//! Files that are embedded in the program: their media types, how they are found unchanged, and how long they are kept.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::{EmbeddedFile, RustEmbed};

/// How long browsers keep a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keeping {
    /// Its name changes with its content.
    Forever,
    /// They ask each time whether it is still the same.
    Asking,
}

/// Beside a file, where the build has made it: the same, compressed.
const COMPRESSED: &str = ".gz";

/// The builds give what is in this folder names that change with their content.
pub(crate) const HASHED: &str = "assets/";

impl Keeping {
    /// By what a file is called in its build.
    pub(crate) fn of(name: &str) -> Self {
        if name.starts_with(HASHED) { Self::Forever } else { Self::Asking }
    }
}

/// The file, or 304 for who has it. `name` says what it is.
pub(crate) fn serve(file: EmbeddedFile, name: &str, keeping: Keeping, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()));
    let caching = match keeping {
        Keeping::Forever => "public, max-age=31536000, immutable",
        Keeping::Asking => "no-cache",
    };
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

/// The file of that name, compressed for who takes it so and where there is such a one; `None` if there is none at all.
pub(crate) fn serve_compressed<Files: RustEmbed>(
    name: &str,
    keeping: Keeping,
    headers: &HeaderMap,
) -> Option<Response> {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let compressed = accepted.flat_map(|list| list.split(',')).any(|coding| coding.trim() == "gzip");
    let compressed = if compressed { Files::get(&format!("{name}{COMPRESSED}")) } else { None };
    let mut response = match compressed {
        Some(file) => ([(CONTENT_ENCODING, "gzip")], serve(file, name, keeping, headers)).into_response(),
        None => serve(Files::get(name)?, name, keeping, headers),
    };
    response.headers_mut().append(VARY, HeaderValue::from_static("Accept-Encoding"));
    Some(response)
}

/// Of the kinds of files that the builds make.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" => "image/jpeg",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
