//! Who may send which request: the application's server, by HTTP Basic (RFC 7617), or everybody.
//!
//! Evaluated before paths, methods and bodies are looked at. Everything that is not public by name needs credentials, so
//! that a route forgotten here is closed rather than open.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use history::{Fact, History, Incident, Trouble};
use settings::{CertificateType, Config, Secret};

use crate::client_address::Sender;
use crate::connection::Connection;
use crate::http::api::doctor;
use crate::http::error::ApiError;
use crate::http::layers::forgery;
use crate::http::layers::intake::{self, Authenticated};
use crate::http::pages::call;
use crate::http::pages::call_page;
use crate::http::pages::feedback;
use crate::http::pages::guides;
use crate::http::pages::recording_files;
use crate::http::pages::trust;
use crate::http::pages::virtual_background;
use crate::http::request::caller::requested_origin;
use crate::http::whip;
use crate::limits::Limits;
use crate::logins::Logins;
use crate::program;
use crate::state::Settings;
use crate::well_known_secret::{AdmitsSecret as _, KNOWN_SECRET};
use crate::wrong_secrets::{SecretVerdict, WrongSecrets};

/// The one user; letter case does not matter.
const USER: &str = "OPENVIDUAPP";

/// openvidu-java-client sends credentials only after it was asked for them, by exactly this.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"Realm\"");

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Lets a request through, or answers 401; 429 to those who were wrong too often.
pub(crate) async fn check(
    State(settings): State<Settings>,
    State(limits): State<Limits>,
    State(wrong_secrets): State<Arc<WrongSecrets>>,
    State(logins): State<Arc<Logins>>,
    State(history): State<History>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(given) = credentials(request.headers()) else {
        if is_logged_in(&logins, &settings, &request) {
            request.extensions_mut().insert(Authenticated);
            return next.run(request).await;
        }
        return if is_public(&settings, request.method(), request.uri().path()) {
            next.run(request).await
        } else {
            refuse(request, limits.body).await
        };
    };
    let sender = Sender::of(request.extensions());
    if !settings.admits_secret_of(&sender) {
        let response = ApiError::described(StatusCode::FORBIDDEN, KNOWN_SECRET, request.uri().path()).into_response();
        intake::discard(request.into_body(), limits.body).await;
        return response;
    }
    let shown = request.extensions().get::<Connection>().expect("the port adds it to every request").shown.clone();
    let is_right = || given.are_right(&settings.openvidu_secret);
    match wrong_secrets.judge_in_turn(sender.network(), &shown, is_right).await {
        SecretVerdict::Right => {
            request.extensions_mut().insert(Authenticated);
            next.run(request).await
        }
        SecretVerdict::Wrong => {
            history.tell(wrong_secret(sender.address()), program::now());
            refuse(request, limits.body).await
        }
        SecretVerdict::TooMany { retry_after } => {
            history.tell(wrong_secret(sender.address()), program::now());
            let response = ApiError::too_many("wrong secrets", retry_after, request.uri().path()).into_response();
            intake::discard(request.into_body(), limits.body).await;
            response
        }
    }
}

/// Whether it comes from a page of ours, in a browser that has shown the secret to the dashboard.
fn is_logged_in(logins: &Logins, config: &Config, request: &Request) -> bool {
    let headers = request.headers();
    let own = || requested_origin(headers, request.extensions(), config.server_port);
    logins.has(headers, Instant::now()) && forgery::is_of_own_page(headers, &own())
}

fn wrong_secret(ip: IpAddr) -> Fact {
    Fact::Incident(Incident { trouble: Trouble::SecretWrong, ip })
}

/// `user:password`; `None` for what cannot be decoded.
struct Credentials(Option<Vec<u8>>);

/// What a request says about its sender. Other schemes than Basic count as nothing.
fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes().trim_ascii();
    let (scheme, encoded) = value.split_at(value.iter().position(|byte| *byte == b' ').unwrap_or(value.len()));
    scheme.eq_ignore_ascii_case(b"Basic").then(|| Credentials(BASE64.decode(encoded.trim_ascii()).ok()))
}

impl Credentials {
    fn are_right(&self, secret: &Secret) -> bool {
        let Some((user, password)) = self.0.as_deref().and_then(|pair| {
            let colon = pair.iter().position(|byte| *byte == b':')?;
            Some((&pair[..colon], &pair[colon + 1..]))
        }) else {
            return false;
        };
        user.eq_ignore_ascii_case(USER.as_bytes()) & secret.is(password)
    }
}

/// Wrong credentials are refused even here.
fn is_public(config: &Config, method: &Method, path: &str) -> bool {
    match path {
        "/openvidu/api/config/openvidu-publicurl" | "/openvidu/accept-certificate" | "/openvidu/info" => {
            method == Method::GET || method == Method::HEAD
        }
        _ if doctor::has(config, method, path) => true,
        _ if trust::has(path) => {
            config.certificate_type == CertificateType::SelfSigned && (method == Method::GET || method == Method::HEAD)
        }
        _ if recording_files::has(path) => {
            let is_open = config.openvidu_recording && config.openvidu_recording_public_access;
            is_open && (method == Method::GET || method == Method::HEAD)
        }
        _ if virtual_background::has(path) => {
            config.madang_virtual_background && (method == Method::GET || method == Method::HEAD)
        }
        _ if guides::has(path) => method == Method::GET || method == Method::HEAD,
        // With a token of their own.
        _ if whip::has(config, path) => true,
        call::TOKEN | feedback::PATH => config.madang_call_page.is_on() && method == Method::POST,
        _ => (method == Method::GET || method == Method::HEAD) && call_page::has(&config.madang_call_page, path),
    }
}

/// The connection stays open and the body is read to its end, because the java client sends the request again on it.
async fn refuse(request: Request, patience: Duration) -> Response {
    let (parts, body) = request.into_parts();
    // Browsers ask the user for a password when they see the challenge; scripts that say who they are do not want that.
    let by_script = parts.headers.get("x-requested-with").is_some_and(|value| value == "XMLHttpRequest");
    let mut response = StatusCode::UNAUTHORIZED.into_response();
    if !by_script {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    intake::discard(body, patience).await;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(authorization: &str) -> Option<bool> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        credentials(&headers).map(|given| given.are_right(&"MY_SECRET".parse().unwrap()))
    }

    #[test]
    fn user_and_scheme_may_have_any_letter_case_but_the_secret_not() {
        let basic = |text: &str| format!("Basic {}", BASE64.encode(text));
        assert_eq!(given(&basic("OPENVIDUAPP:MY_SECRET")), Some(true));
        assert_eq!(given(&basic("openviduapp:MY_SECRET")), Some(true));
        assert_eq!(given("bASIC  T1BFTlZJRFVBUFA6TVlfU0VDUkVU "), Some(true));
        assert_eq!(given(&basic("OPENVIDUAPP:my_secret")), Some(false));
        assert_eq!(given(&basic("OPENVIDUAPP:MY_SECRET ")), Some(false));
        assert_eq!(given(&basic("OPENVIDUAPP:")), Some(false));
        assert_eq!(given(&basic("OPENVIDUAPP")), Some(false));
        assert_eq!(given(&basic("SOMEBODY:MY_SECRET")), Some(false));
    }

    #[test]
    fn what_cannot_be_decoded_is_wrong_and_other_schemes_do_not_count() {
        assert_eq!(given("Basic %%%"), Some(false));
        assert_eq!(given("Basic"), Some(false));
        assert_eq!(given("Bearer MY_SECRET"), None);
        assert_eq!(given(""), None);
    }
}
