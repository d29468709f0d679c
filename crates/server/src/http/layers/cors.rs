//! Cross-origin requests: any origin, method and header, without cookies. Applications that call the REST API from the
//! browser depend on it.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::layers::intake;
use crate::http::request::caller::requested_origin;
use crate::limits::Limits;
use crate::state::Settings;

const ANY: HeaderValue = HeaderValue::from_static("*");
const VARY: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");

/// Answers preflights, and marks all other answers as readable by other origins.
pub(crate) async fn answer(
    State(settings): State<Settings>,
    State(limits): State<Limits>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let foreign = headers.get(header::ORIGIN).is_some_and(|origin| {
        requested_origin(headers, request.extensions(), settings.server_port).http().as_bytes() != origin.as_bytes()
    });
    let is_options = request.method() == Method::OPTIONS;
    let mut response = match headers.get(header::ACCESS_CONTROL_REQUEST_METHOD) {
        Some(method) if is_options && headers.contains_key(header::ORIGIN) => {
            let mut response = StatusCode::OK.into_response();
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_METHODS, method.clone());
            if let Some(names) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(spaced) {
                response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
            }
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
            intake::discard(request.into_body(), limits.body).await;
            response
        }
        _ => {
            let response = next.run(request).await;
            if is_options { options(response) } else { response }
        }
    };
    if foreign {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    }
    response.headers_mut().append(header::VARY, VARY);
    response
}

/// `a,b` as `a, b`.
fn spaced(names: &HeaderValue) -> Option<HeaderValue> {
    let names: Vec<&str> = names.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    HeaderValue::from_str(&names.join(", ")).ok().filter(|names| !names.is_empty())
}

/// No route has this method, so that it ends as a 405 whose `Allow` is just what was asked for.
fn options(response: Response) -> Response {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let allowed = response.headers().get(header::ALLOW).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let allowed = [allowed, "OPTIONS"].join(",");
    (StatusCode::OK, [(header::ALLOW, allowed)]).into_response()
}
