//! `/openvidu/accept-certificate`: applications send users here once, so that the browser asks about our self-signed
//! certificate; the page then goes back to where they came from.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse, Response};

const PAGE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Certificate accepted</title>\
    <p>The certificate is accepted. <a href=\"javascript:history.back()\">Back</a></p>\
    <script>history.back()</script></html>";

/// The page that accepts the certificate
///
/// Opened by people: their browser asks about the certificate, then goes back to where it came from.
#[utoipa::path(
    get,
    path = "/openvidu/accept-certificate",
    operation_id = "acceptCertificate",
    tag = "Configuration",
    security((), ("secret" = [])),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")),
)]
pub(crate) async fn page() -> Response {
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; script-src 'unsafe-inline'")),
    ];
    (headers, Html(PAGE)).into_response()
}
