//! `/openvidu/virtual-background`: the script that openvidu-browser loads for `applyFilter("VB:…")`, and the model, program
//! and worker that this script loads in turn. Their source is `web/background`; pictures are worked on in the browser alone.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use openvidu::token::SentToken;
use percent_encoding::percent_decode_str;
use rust_embed::RustEmbed;
use session::question::KnowsToken;

use crate::control::Control;
use crate::http::error::ApiError;
use crate::http::pages::embedded::{self, Keeping, serve, serve_compressed};
use crate::http::request::query;
use crate::state::AppState;

#[derive(RustEmbed)]
#[folder = "../../web/background/dist"]
#[allow_missing = true]
struct Files;

const ROOT: &str = "/openvidu/virtual-background/";
/// Openvidu-browser asks for this name.
const SCRIPT: &str = "openvidu-virtual-background.js";

/// Stands in when the program was built without the script. Clients wait for ever for a script that does not come.
const STUB: &str = include_str!("virtual_background_missing.js");

/// What `btoa` writes, with or without the padding that applications may have taken for their own.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Pages that isolate themselves load it, too.
const RESOURCE_POLICY: (HeaderName, HeaderValue) =
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));

/// The script for who has a token, the rest for everybody.
#[expect(clippy::disallowed_methods, reason = "files are no operation of the API")]
pub(crate) fn routes() -> Router<AppState> {
    Router::new().route(&format!("{ROOT}{SCRIPT}"), get(script)).route(&format!("{ROOT}{{*name}}"), get(asset))
}

/// Whether a path is one of them.
pub(crate) fn has(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|name| name == SCRIPT || embedded::has::<Files>(name))
}

async fn script(State(control): State<Control>, uri: Uri, headers: HeaderMap) -> Result<Response, ApiError> {
    let token = query::text(&uri, "token").and_then(sent_token);
    let known = match token.as_deref().and_then(SentToken::parse) {
        Some(SentToken { session, value }) => {
            control.look_up(KnowsToken { session: session.to_owned(), token: value.to_owned() }).await?
        }
        None => false,
    };
    if !known {
        let message = "'token' must be a token of a session that is open, in Base64";
        return Err(ApiError::described(StatusCode::UNAUTHORIZED, message, uri.path()));
    }
    let script = match Files::get(SCRIPT) {
        Some(file) => serve(file, SCRIPT, Keeping::Asking, &headers),
        None => ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], STUB).into_response(),
    };
    Ok(for_all(script))
}

/// The whole text of the token, out of the query.
fn sent_token(parameter: &str) -> Option<String> {
    let encoded: Vec<u8> = percent_decode_str(parameter).collect();
    String::from_utf8(BASE64.decode(encoded).ok()?).ok()
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match serve_compressed::<Files>(&name, Keeping::of(&name), &headers) {
        Some(response) => for_all(response),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The pages are of other origins; a cache may have got the answer for one of ours.
fn for_all(mut response: Response) -> Response {
    let (name, value) = RESOURCE_POLICY;
    response.headers_mut().insert(name, value);
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_the_client_writes_it() {
        // encodeURIComponent(btoa('wss://h?sessionId=~>&token=tok_A1'))
        let sent = "d3NzOi8vaD9zZXNzaW9uSWQ9fj4mdG9rZW49dG9rX0Ex";
        assert_eq!(sent_token(sent).as_deref(), Some("wss://h?sessionId=~>&token=tok_A1"));
        assert_eq!(sent_token("Pz8%2FPg%3D%3D").as_deref(), Some("???>"));
        assert_eq!(sent_token("Pz8/Pg").as_deref(), Some("???>"));
        for wrong in ["%", "*", "Pz8%2", "/w=="] {
            assert_eq!(sent_token(wrong), None, "{wrong}");
        }
    }
}
