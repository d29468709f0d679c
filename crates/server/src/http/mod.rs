//! HTTP: the REST API under `/openvidu/api`, and the page for trying a call. Not the WebSocket `/openvidu`.
//!
//! One file per resource. A handler reads a request into `protocol` types, makes one call to the control loop, and writes
//! what comes back: rules about sessions are not known here. On its way in, a request passes
//! [`headers`] → [`compatibility`] and [`deprecated`], where set → [`access`] → [`cors`] → [`auth`] → [`intake`] → routing, in
//! this order, because the original refuses wrong credentials before it looks at paths and bodies, answers preflights before
//! it looks at credentials, and has its address lists in a proxy before all of that.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post};
use axum::{Extension, Router};

use crate::App;
use crate::config::Compatibility;
use access::Access;
use call::Rooms;
use error::ApiError;

mod accept_certificate;
mod access;
mod auth;
mod broadcast;
mod call;
mod call_page;
mod caller;
mod cdr;
mod compatibility;
mod config;
mod connections;
mod cors;
mod deprecated;
mod error;
mod headers;
mod health;
mod ice;
mod info;
mod intake;
mod media_nodes;
mod query;
mod recordings;
mod redirect;
mod restart;
mod sessions;
mod signal;
mod speech_to_text;
mod streams;
mod tokens;

pub(crate) use redirect::router as redirect;

/// All routes; those of `web_sockets` need no credentials here.
pub fn router(app: Arc<App>, web_sockets: Router) -> Router {
    // Not nested: handlers name the whole path in errors.
    let mut router = Router::new()
        .route("/openvidu/api/sessions", get(sessions::list).post(sessions::create))
        .route("/openvidu/api/sessions/{session}", get(sessions::show).delete(sessions::close))
        .route("/openvidu/api/sessions/{session}/connection", get(connections::list).post(connections::create))
        .route(
            "/openvidu/api/sessions/{session}/connection/{connection}",
            get(connections::show).delete(connections::close).patch(connections::update),
        )
        .route("/openvidu/api/sessions/{session}/stream/{stream}", delete(streams::unpublish))
        .route("/openvidu/api/tokens", post(tokens::create))
        .route("/openvidu/api/signal", post(signal::send))
        .route("/openvidu/api/config", get(config::show))
        .route("/openvidu/api/config/openvidu-version", get(config::version))
        .route("/openvidu/api/config/openvidu-publicurl", get(config::public_url))
        .route("/openvidu/api/config/openvidu-recording", get(config::recording))
        .route("/openvidu/api/config/openvidu-recording-path", get(config::recording_path))
        .route("/openvidu/api/config/openvidu-cdr", get(config::cdr))
        .route("/openvidu/api/recordings", get(recordings::disabled))
        .route(
            "/openvidu/api/recordings/start",
            post(recordings::start).get(recordings::disabled).delete(recordings::disabled),
        )
        .route("/openvidu/api/recordings/stop/{recording}", post(recordings::disabled))
        .route("/openvidu/api/recordings/{recording}", get(recordings::disabled).delete(recordings::disabled))
        .route("/openvidu/api/broadcast/start", post(broadcast::start))
        .route("/openvidu/api/broadcast/stop", post(broadcast::stop))
        .route("/openvidu/api/speech-to-text/load", post(speech_to_text::disabled))
        .route("/openvidu/api/speech-to-text/unload", post(speech_to_text::disabled))
        .route("/openvidu/api/media-nodes", get(media_nodes::list).post(media_nodes::add).put(media_nodes::discover))
        .route(
            "/openvidu/api/media-nodes/{node}",
            get(media_nodes::show).delete(media_nodes::remove).patch(media_nodes::change),
        )
        .route("/openvidu/api/health", get(health::health))
        .route("/openvidu/api/status", get(health::status))
        .route("/openvidu/api/restart", post(restart::restart))
        .route("/openvidu/cdr", get(cdr::list))
        .route("/openvidu/cdr/{file}", get(cdr::show))
        .route("/openvidu/accept-certificate", get(accept_certificate::page))
        .route("/openvidu/info", get(info::refuse));
    if app.config.madang_call_page {
        router = router.merge(call_page::routes()).route("/call/token", post(call::token));
    }
    let router = router
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown_path)
        .layer(Extension(Arc::new(Rooms::new(app.limits.places))))
        .with_state(app.clone());
    // As a whole, so that the layers see what the router itself adds to an answer.
    let guarded = Router::new()
        .fallback_service(router)
        .layer(from_fn(compatibility::negotiate))
        .layer(from_fn_with_state(app.clone(), intake::read))
        .layer(from_fn_with_state(app.clone(), auth::check));
    let config = &app.config;
    let mut all = web_sockets
        .fallback_service(guarded)
        .layer(from_fn_with_state(app.clone(), cors::answer))
        .layer(from_fn_with_state((app.clone(), Arc::new(Access::new(config))), access::check));
    if config.support_deprecated_api {
        all = all.layer(from_fn_with_state(Arc::default(), deprecated::rewrite));
    }
    if config.madang_compatibility == Compatibility::V2_32 {
        all = all.layer(from_fn(compatibility::blur));
    }
    all.layer(from_fn(headers::add))
}

async fn unknown_path(request: Request) -> ApiError {
    let path = request.uri().path();
    let hint = deprecated::new_path(path).map(|new| {
        format!("; since OpenVidu 2.16 it is {new}, and SUPPORT_DEPRECATED_API=true serves the old one too")
    });
    let message = format_args!("No such path: {path}{}", hint.unwrap_or_default());
    ApiError::unhandled(StatusCode::NOT_FOUND, message, path)
}

/// The router adds `Allow`.
async fn wrong_method(request: Request) -> ApiError {
    let message = format_args!("{} is not allowed here", request.method());
    ApiError::unhandled(StatusCode::METHOD_NOT_ALLOWED, message, request.uri().path())
}
