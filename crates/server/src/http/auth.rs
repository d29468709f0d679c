//! Who may send which request: the application's server, by HTTP Basic (RFC 7617), or everybody.
//!
//! Evaluated before paths, methods and bodies are looked at. Everything that is not public by name needs credentials, so
//! that a route forgotten here is closed rather than open.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq as _;

use super::{call_page, intake};
use crate::{App, Config};

/// The one user; letter case does not matter.
const USER: &str = "OPENVIDUAPP";

/// openvidu-java-client sends credentials only after it was asked for them, by exactly this.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"Realm\"");

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Lets a request through, or answers 401.
pub(super) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match credentials(request.headers(), app.config.openvidu_secret.expose()) {
        Credentials::Right => next.run(request).await,
        Credentials::Absent if is_public(&app.config, request.method(), request.uri().path()) => {
            next.run(request).await
        }
        Credentials::Absent | Credentials::Wrong => refuse(request).await,
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Credentials {
    Absent,
    Right,
    Wrong,
}

fn credentials(headers: &HeaderMap, secret: &str) -> Credentials {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Credentials::Absent };
    let value = value.as_bytes().trim_ascii();
    let (scheme, encoded) = value.split_at(value.iter().position(|byte| *byte == b' ').unwrap_or(value.len()));
    if !scheme.eq_ignore_ascii_case(b"Basic") {
        return Credentials::Absent;
    }
    let Ok(decoded) = BASE64.decode(encoded.trim_ascii()) else { return Credentials::Wrong };
    let Some(colon) = decoded.iter().position(|byte| *byte == b':') else { return Credentials::Wrong };
    let right_user = decoded[..colon].eq_ignore_ascii_case(USER.as_bytes());
    if right_user & bool::from(decoded[colon + 1..].ct_eq(secret.as_bytes())) {
        Credentials::Right
    } else {
        Credentials::Wrong
    }
}

/// Wrong credentials are refused even here.
fn is_public(config: &Config, method: &Method, path: &str) -> bool {
    match path {
        "/openvidu/api/config/openvidu-publicurl" | "/openvidu/accept-certificate" | "/openvidu/info" => {
            method == Method::GET || method == Method::HEAD
        }
        "/call/token" => config.madang_call_page && method == Method::POST,
        _ => config.madang_call_page && (method == Method::GET || method == Method::HEAD) && call_page::has(path),
    }
}

/// The connection stays open and the body is read to its end, because the java client sends the request again on it.
async fn refuse(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Browsers ask the user for a password when they see the challenge; scripts that say who they are do not want that.
    let by_script = parts.headers.get("x-requested-with").is_some_and(|value| value == "XMLHttpRequest");
    let mut response = StatusCode::UNAUTHORIZED.into_response();
    if !by_script {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    intake::discard(body).await;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(authorization: &str) -> Credentials {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        credentials(&headers, "MY_SECRET")
    }

    #[test]
    fn user_and_scheme_may_have_any_letter_case_but_the_secret_not() {
        let basic = |text: &str| format!("Basic {}", BASE64.encode(text));
        assert_eq!(given(&basic("OPENVIDUAPP:MY_SECRET")), Credentials::Right);
        assert_eq!(given(&basic("openviduapp:MY_SECRET")), Credentials::Right);
        assert_eq!(given("bASIC  T1BFTlZJRFVBUFA6TVlfU0VDUkVU "), Credentials::Right);
        assert_eq!(given(&basic("OPENVIDUAPP:my_secret")), Credentials::Wrong);
        assert_eq!(given(&basic("OPENVIDUAPP:MY_SECRET ")), Credentials::Wrong);
        assert_eq!(given(&basic("OPENVIDUAPP:")), Credentials::Wrong);
        assert_eq!(given(&basic("OPENVIDUAPP")), Credentials::Wrong);
        assert_eq!(given(&basic("SOMEBODY:MY_SECRET")), Credentials::Wrong);
    }

    #[test]
    fn what_cannot_be_decoded_is_wrong_and_other_schemes_do_not_count() {
        assert_eq!(given("Basic %%%"), Credentials::Wrong);
        assert_eq!(given("Basic"), Credentials::Wrong);
        assert_eq!(given("Bearer MY_SECRET"), Credentials::Absent);
        assert_eq!(given(""), Credentials::Absent);
    }
}
