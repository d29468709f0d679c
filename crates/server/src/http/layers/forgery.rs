//! Requests that a page of somebody else makes a browser send, with the password that this browser knows (CSRF).
//!
//! What a browser sends by itself, that is without asking us beforehand (a preflight, Fetch §4.9), is a form, or looks like
//! one: POST, and the type of a form or none. With a password of its own it cannot get past us in another way, since
//! preflights are answered without `Access-Control-Allow-Credentials`. So pages that call the REST API with a password that
//! their script has, as tutorials do, go on working: they send JSON.
//!
//! A WebSocket is opened by a GET without asking, too, and its page reads what comes: those here are for our own pages.

use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::layers::intake;
use crate::http::request::body::{essence, is_json};
use crate::http::request::caller::{Origin, requested_origin};
use crate::http::whip;
use crate::limits::Limits;
use crate::state::Settings;

/// What forms send (HTML §4.10.21.5), and scripts without being asked.
const FORMS: [&str; 3] = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
/// The official clients end these by a POST with neither a body nor a type, also where they run in a page.
const WITHOUT_BODY: [&str; 2] = ["/openvidu/api/recordings/stop/", "/openvidu/api/broadcast/stop"];

/// Lets a request through unless a browser may have been made to send it.
pub(crate) async fn check(
    State(settings): State<Settings>,
    State(limits): State<Limits>,
    request: Request,
    next: Next,
) -> Response {
    let (headers, path) = (request.headers(), request.uri().path());
    let own = requested_origin(headers, request.extensions(), settings.server_port);
    let asked = Asked { method: request.method(), path, headers, has_body: !request.body().is_end_stream() };
    let refusal = match asked.judge(&own) {
        Verdict::Fine => return next.run(request).await,
        // What lets a client in here no browser sends by itself.
        _ if whip::has(&settings, path) => return next.run(request).await,
        Verdict::Form => {
            let message = "The Content-Type of the body must be application/json, not one of a form";
            ApiError::unhandled(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, path)
        }
        Verdict::Forged => {
            let message = if asked.method.is_safe() {
                "A page of another origin may not open this"
            } else {
                "A page of another origin may send this only as JSON (Content-Type: application/json)"
            };
            ApiError::described(StatusCode::FORBIDDEN, message, path)
        }
    };
    intake::discard(request.into_body(), limits.body).await;
    refusal.into_response()
}

/// Whether a request comes from a page of ours, or from no page: what browsers send along by themselves counts only there.
pub(super) fn is_of_own_page(headers: &HeaderMap, own: &Origin) -> bool {
    !Asked { method: &Method::GET, path: "", headers, has_body: false }.is_foreign(own)
}

struct Asked<'a> {
    method: &'a Method,
    path: &'a str,
    headers: &'a HeaderMap,
    has_body: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Fine,
    /// Nobody sends that to an API but browsers.
    Form,
    /// A page of another origin may be behind it.
    Forged,
}

impl Asked<'_> {
    fn judge(&self, own: &Origin) -> Verdict {
        if self.method.is_safe() {
            // Answers are kept from pages of other origins, but not what comes by a WebSocket.
            let is_stolen = self.headers.contains_key(header::UPGRADE) && self.is_foreign(own);
            return if is_stolen { Verdict::Forged } else { Verdict::Fine };
        }
        let kind = essence(self.headers);
        // Official clients claim this type where they send nothing.
        if self.has_body && FORMS.contains(&kind.as_str()) {
            return Verdict::Form;
        }
        if !self.is_foreign(own) {
            return Verdict::Fine;
        }
        let is_scripted = self.text("sec-fetch-mode").is_none_or(|mode| mode == "cors");
        // Whatever else than a POST takes a preflight, and so does JSON.
        let was_asked_for = *self.method != Method::POST || is_json(self.headers);
        let is_end = !self.has_body && kind.is_empty() && WITHOUT_BODY.iter().any(|path| self.path.starts_with(path));
        if is_scripted && (was_asked_for || is_end) { Verdict::Fine } else { Verdict::Forged }
    }

    /// Whether it comes from a page of another origin. Only browsers say so, and no page can make them lie.
    fn is_foreign(&self, own: &Origin) -> bool {
        match (self.text("sec-fetch-site"), self.headers.get(header::ORIGIN)) {
            (Some(site), _) => !matches!(site, "same-origin" | "none"),
            // Without the scheme: a proxy that does not say that it was asked by HTTPS must not part us from our own page.
            (None, Some(origin)) => {
                let origin = origin.to_str().unwrap_or_default();
                origin.split_once("://").is_none_or(|(scheme, authority)| {
                    let standard = if scheme == "https" { ":443" } else { ":80" };
                    let bare = |authority: &str| authority.trim_end_matches(standard).to_ascii_lowercase();
                    bare(authority) != bare(own.authority())
                })
            }
            (None, None) => false,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOREIGN: (&str, &str) = ("origin", "https://evil.example.org");
    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

    fn verdict(request: &str, headers: &[(&'static str, &str)], has_body: bool) -> Verdict {
        let (method, path) = request.split_once(' ').unwrap();
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let method = method.parse().unwrap();
        Asked { method: &method, path, headers: &headers, has_body }.judge(&Origin::new(
            false,
            "ov.example.org",
            Some(4443),
        ))
    }

    #[test]
    fn programs_send_what_they_like_but_forms() {
        for (headers, has_body, expected) in [
            (&[JSON][..], true, Verdict::Fine),
            (&[], true, Verdict::Fine),
            (&[FORM], false, Verdict::Fine),
            (&[FORM], true, Verdict::Form),
            (&[("content-type", "Multipart/Form-Data; boundary=x")], true, Verdict::Form),
            (&[("content-type", "text/plain")], true, Verdict::Form),
        ] {
            for request in ["POST /openvidu/api/restart", "DELETE /openvidu/api/sessions/x"] {
                assert_eq!(verdict(request, headers, has_body), expected, "{request} {headers:?}");
            }
            assert_eq!(verdict("GET /openvidu/api/sessions", headers, has_body), Verdict::Fine);
        }
    }

    #[test]
    fn what_a_browser_sends_by_itself_is_refused() {
        let site = ("sec-fetch-site", "cross-site");
        let restart = "POST /openvidu/api/restart";
        for (headers, has_body) in [
            (&[FOREIGN][..], false),
            (&[FOREIGN, FORM], false),
            (&[("origin", "null")], false),
            (&[("origin", "http://ov.example.org")], false),
            (&[site], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[FOREIGN, site, ("sec-fetch-mode", "navigate"), JSON], true),
            (&[FOREIGN, site, ("sec-fetch-mode", "no-cors"), JSON], true),
            (&[FOREIGN, ("content-type", "application/octet-stream")], true),
            (&[FOREIGN], true),
        ] {
            assert_eq!(verdict(restart, headers, has_body), Verdict::Forged, "{headers:?}");
        }
        let stop = "POST /openvidu/api/recordings/stop/x";
        assert_eq!(verdict(stop, &[FOREIGN, FORM], false), Verdict::Forged, "a form without fields");
        assert_eq!(verdict(stop, &[FOREIGN, site, ("sec-fetch-mode", "navigate")], false), Verdict::Forged);
    }

    #[test]
    fn a_page_of_another_origin_reads_nothing_by_a_web_socket() {
        let (open, upgrade) = ("GET /dashboard/live", ("upgrade", "websocket"));
        assert_eq!(verdict(open, &[upgrade, FOREIGN], false), Verdict::Forged);
        assert_eq!(verdict(open, &[upgrade, ("sec-fetch-site", "same-site")], false), Verdict::Forged);
        assert_eq!(verdict(open, &[upgrade, ("origin", "https://ov.example.org:4443")], false), Verdict::Fine);
        assert_eq!(verdict(open, &[upgrade], false), Verdict::Fine, "no browser");
        assert_eq!(verdict(open, &[FOREIGN], false), Verdict::Fine);
    }

    #[test]
    fn pages_with_a_password_of_their_own_and_our_own_page_go_on() {
        let cors = [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")];
        for headers in [&[FOREIGN, JSON][..], &[FOREIGN, JSON, cors[0], cors[1]]] {
            assert_eq!(verdict("POST /openvidu/api/sessions", headers, true), Verdict::Fine, "{headers:?}");
        }
        for request in ["DELETE /openvidu/api/sessions/x", "PATCH /openvidu/api/sessions/x/connection/y"] {
            assert_eq!(verdict(request, &[FOREIGN, cors[0], cors[1]], false), Verdict::Fine);
        }
        assert_eq!(verdict("POST /openvidu/api/recordings/stop/x", &[FOREIGN], false), Verdict::Fine);
        for own in ["http://ov.example.org:4443", "https://ov.example.org:4443", "http://OV.example.org:4443"] {
            assert_eq!(verdict("POST /call/token", &[("origin", own)], true), Verdict::Fine, "{own}");
        }
        assert_eq!(verdict("POST /call/token", &[FOREIGN, ("sec-fetch-site", "same-origin")], true), Verdict::Fine);
    }
}
