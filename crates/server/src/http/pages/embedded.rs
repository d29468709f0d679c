//! Files that are embedded in the program: their media types, how they are found unchanged, and how long they are kept.

use std::borrow::Cow;
use std::io::Read as _;

use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::read::GzDecoder;
use rust_embed::{EmbeddedFile, RustEmbed};

/// How long browsers keep a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keeping {
    /// Its name changes with its content.
    Forever,
    /// They ask each time whether it is still the same.
    Asking,
}

/// At the end of the name of what the build has compressed.
const COMPRESSED: &str = ".gz";
/// Of a tag: the same, unpacked.
const UNPACKED: &str = "-unpacked";

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
    answer(file.metadata.sha256_hash(), "", file.data, name, keeping, headers)
}

/// Whether there is a file of that name, compressed or not.
pub(crate) fn has<Files: RustEmbed>(name: &str) -> bool {
    Files::get(&format!("{name}{COMPRESSED}")).or_else(|| Files::get(name)).is_some()
}

/// The file of that name. What the build has compressed is unpacked for who does not take it so; `None` if there is none.
pub(crate) fn serve_compressed<Files: RustEmbed>(
    name: &str,
    keeping: Keeping,
    headers: &HeaderMap,
) -> Option<Response> {
    let Some(compressed) = Files::get(&format!("{name}{COMPRESSED}")) else {
        return Some(serve(Files::get(name)?, name, keeping, headers));
    };
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut response = if accepted.flat_map(|list| list.split(',')).any(|coding| coding.trim() == "gzip") {
        ([(CONTENT_ENCODING, "gzip")], serve(compressed, name, keeping, headers)).into_response()
    } else {
        let mut unpacked = Vec::new();
        GzDecoder::new(&*compressed.data).read_to_end(&mut unpacked).ok()?;
        answer(compressed.metadata.sha256_hash(), UNPACKED, unpacked.into(), name, keeping, headers)
    };
    response.headers_mut().append(VARY, HeaderValue::from_static("Accept-Encoding"));
    Some(response)
}

/// `variant`: what else tells the bytes apart from others of the same file.
fn answer(
    hash: [u8; 32],
    variant: &str,
    data: Cow<'static, [u8]>,
    name: &str,
    keeping: Keeping,
    headers: &HeaderMap,
) -> Response {
    let tag = format!("\"{}{variant}\"", URL_SAFE_NO_PAD.encode(hash));
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
    let body = match data {
        Cow::Borrowed(embedded) => Body::from(embedded),
        Cow::Owned(made) => Body::from(made),
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
