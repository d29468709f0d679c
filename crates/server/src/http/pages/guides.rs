//! `/docs`: the guides, in English and Korean. Their text is the folder `docs` of the repository; `web/guides` makes pages of it,
//! which are embedded where they have been built.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

use crate::http::error::ApiError;
use crate::http::pages::embedded::{Keeping, serve_compressed};
use crate::http::request::language::prefers_korean;
use crate::state::AppState;

#[derive(RustEmbed)]
#[folder = "../../web/guides/dist"]
#[allow_missing = true]
struct Files;

const ROOT: &str = "/docs/";
const WITHOUT_SLASH: &str = "/docs";
const INDEX: &str = "index.html";
const LANGUAGES: [&str; 2] = ["en", "ko"];

/// Pages that only show: they ask nobody but this server, for their search. Their scripts set styles of elements.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Stands in when the program was built without them.
const STUB: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Madang</title>\
    <style>body{font:1.1rem/1.6 system-ui;max-width:36rem;margin:15vh auto;padding:0 1rem}</style>\
    <h1>The guides are not here</h1>\
    <p>They were not built into this program: <code>make docs</code> makes pages of them, and <code>make run</code> then starts the \
    server with them. As text they are in the folder <code>docs</code> of the repository.</p></html>";

/// All below `/docs`.
#[expect(clippy::disallowed_methods, reason = "pages are no operations of the API")]
pub(crate) fn routes() -> Router<AppState> {
    let chosen = || get(|headers: HeaderMap| async move { to_language(&headers) });
    Router::new().route(WITHOUT_SLASH, chosen()).route(ROOT, chosen()).route("/docs/{*name}", get(file))
}

/// Whether a path is one of them, or would be.
pub(crate) fn has(path: &str) -> bool {
    path == WITHOUT_SLASH || path.starts_with(ROOT)
}

pub(crate) fn are_built() -> bool {
    Files::iter().next().is_some()
}

/// To the guides in the reader's language. Each page has a link to the other.
fn to_language(headers: &HeaderMap) -> Response {
    if !are_built() {
        return missing();
    }
    let language = if prefers_korean(headers) { "ko" } else { "en" };
    let headers = [
        (LOCATION, format!("{ROOT}{language}/")),
        (VARY, ACCEPT_LANGUAGE.to_string()),
        (CACHE_CONTROL, "no-cache".to_owned()),
    ];
    (StatusCode::FOUND, headers).into_response()
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    if !are_built() {
        return Ok(missing());
    }
    if LANGUAGES.contains(&name.as_str()) {
        return Ok((StatusCode::PERMANENT_REDIRECT, [(LOCATION, format!("{ROOT}{name}/"))]).into_response());
    }
    let name = if name.ends_with('/') { name + INDEX } else { name };
    let Some(mut response) = serve_compressed::<Files>(&name, keeping(&name), &headers) else {
        let message = format_args!("There is no such page of the guides: {name}");
        return Err(ApiError::unhandled(StatusCode::NOT_FOUND, message, format!("{ROOT}{name}")));
    };
    protect(&mut response);
    Ok(response)
}

fn missing() -> Response {
    let mut response = (StatusCode::NOT_FOUND, [(CACHE_CONTROL, "no-cache")], Html(STUB)).into_response();
    protect(&mut response);
    response
}

fn protect(response: &mut Response) {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// What belongs to pages has eight digits of its hash before the ending of its name.
fn keeping(name: &str) -> Keeping {
    let stem = name.rsplit_once('.').map_or("", |(stem, _)| stem);
    let is_hash = |digits: &str| digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    match stem.rsplit_once('-') {
        Some((_, hash)) if is_hash(hash) && !name.ends_with(".html") => Keeping::Forever,
        _ => Keeping::Asking,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_keep_what_changes_its_name() {
        for name in ["en/book-a0b12cfe.js", "ko/fonts/open-sans-v17-300-7736aa35.woff2"] {
            assert_eq!(keeping(name), Keeping::Forever, "{name}");
        }
        for name in
            ["en/index.html", "en/how-deadbeef.html", "en/book.js", "en/open-sans-regular.woff2", "", "-a0b12cfe"]
        {
            assert_eq!(keeping(name), Keeping::Asking, "{name}");
        }
    }

    #[test]
    fn all_below_docs_is_theirs() {
        assert!(has("/docs") && has("/docs/") && has("/docs/en/index.html"));
        assert!(!has("/docsx") && !has("/") && !has("/openvidu/docs/"));
    }
}
