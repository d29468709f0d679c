//! Files that are embedded in the program: their media types, how they are found unchanged, and how long they are kept.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::EmbeddedFile;

/// How long browsers keep a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keeping {
    /// Its name changes with its content.
    Forever,
    /// They ask each time whether it is still the same.
    Asking,
}

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
