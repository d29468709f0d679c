//! HTTP: the REST API under `/openvidu/api`, the page for trying a call, and WHIP and WHEP. Not the WebSocket `/openvidu`.
//!
//! One file per resource. A handler reads a request into `protocol` types, makes one call to the control loop, and writes
//! what comes back: rules about sessions are not known here. On its way in, a request passes
//! [`forwarding`](crate::forwarding) → [`headers`] → [`compatibility`] and [`deprecated`], where set → [`cors`] → [`auth`] → [`forgery`] →
//! [`intake`] → routing, in this order,
//! because the original refuses wrong credentials before it looks at paths and bodies, and answers preflights before it looks
//! at credentials.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use settings::Compatibility;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::forwarding::{self, Forwarding};
use crate::state::{AppState, Settings};
use api::{
    broadcast, cdr, config, connections, doctor, health, media_nodes, metrics, recordings, restart, sessions, signal,
    speech_to_text, streams, tokens, turn,
};
use error::ApiError;
use layers::access::{self, Access};
use layers::{auth, compatibility, cors, deprecated, forgery, headers, intake, panics, trailing_slash};
use pages::call::Places;
use pages::feedback::Feedbacks;
use pages::{accept_certificate, call, call_page, feedback, guides, info, recording_files, trust, virtual_background};

mod api;
mod dashboard;
mod error;
mod layers;
mod openapi;
mod pages;
mod request;
mod whip;

pub(crate) use pages::guides::are_built as guides_are_built;
pub(crate) use pages::redirect::router as redirect;

/// All routes; those of `web_sockets` need no credentials here.
#[expect(clippy::disallowed_methods, reason = "what is no operation of the API")]
pub(crate) fn router(state: AppState, web_sockets: Router) -> Router {
    let (router, document) = operations().split_for_parts();
    let mut router = router
        .layer(Extension(openapi::Document::new(document, state.settings.madang_compatibility)))
        // A recording may be called `start`.
        .route("/openvidu/api/recordings/start", get(recordings::show_start).delete(recordings::delete_start))
        .route("/openvidu/info", get(info::refuse));
    router = router.merge(doctor::routes(&state.settings)).merge(guides::routes());
    if state.authority.is_some() {
        router = router.merge(trust::routes());
    }
    if let Some(store) = &state.recording_files.store {
        router = router.nest_service(
            recording_files::ROOT,
            recording_files::recordings(store.root(), state.recording_files.bucket.clone()),
        );
        let layouts = recording_files::layouts(&state.settings.openvidu_recording_custom_layout);
        router = router.nest_service(recording_files::LAYOUTS, layouts);
    }
    let page = &state.settings.madang_call_page;
    if page.is_on() {
        router = router
            .merge(call_page::routes(page))
            .route(call::TOKEN, post(call::token))
            .route(feedback::PATH, post(feedback::take));
    }
    if state.settings.madang_dashboard {
        router = router.merge(dashboard::routes());
    }
    if state.settings.madang_virtual_background {
        router = router.merge(virtual_background::routes());
    }
    if state.settings.madang_whip {
        router = router.merge(whip::routes());
    }
    let router = router
        .method_not_allowed_fallback(wrong_method)
        .fallback(elsewhere)
        .layer((
            Extension(Arc::new(Places::new(state.limits.places))),
            Extension(Arc::new(Feedbacks::new(state.history.clone(), state.limits.feedback))),
        ))
        .with_state(state.clone());
    // As a whole, so that the layers see what the router itself adds to an answer. Layers stand together where they can, the outermost
    // first: each call of `layer` makes a box, and all boxes further in are copied for each layer that a request passes.
    let mut guarded = Router::new().fallback_service(router).layer((
        from_fn_with_state(state.clone(), auth::check),
        from_fn_with_state(state.clone(), forgery::check),
        from_fn_with_state(state.clone(), intake::read),
        from_fn(compatibility::negotiate),
    ));
    let config = &state.settings;
    if config.madang_compatibility != Compatibility::V2_32 {
        guarded = guarded.layer(from_fn(trailing_slash::ignore));
    }
    let mut all = web_sockets.fallback_service(guarded).layer((
        from_fn_with_state(Arc::new(Access::new(config, state.limits.body)), access::check),
        from_fn_with_state(state.clone(), cors::answer),
    ));
    if config.support_deprecated_api {
        all = all.layer(from_fn_with_state(Arc::default(), deprecated::rewrite));
    }
    if config.madang_compatibility == Compatibility::V2_32 {
        all = all.layer(from_fn(compatibility::blur));
    }
    let forwarding = Forwarding::new(config.madang_trusted_proxies.clone());
    all.layer((from_fn_with_state(forwarding, forwarding::attribute), from_fn(headers::add), from_fn(panics::answer)))
}

/// The OpenAPI document as it is served.
pub fn document(compatibility: Compatibility) -> Vec<u8> {
    openapi::Document::new(operations().into_openapi(), compatibility).0.into()
}

/// The REST API. Path and method of an operation stand in its handler's annotation, from which also the OpenAPI document
/// is made: what is not documented is not served.
#[expect(deprecated, reason = "old clients still use it")]
fn operations() -> OpenApiRouter<AppState> {
    // Not nested: handlers name the whole path in errors.
    OpenApiRouter::with_openapi(openapi::introduction())
        .routes(routes!(sessions::list, sessions::create))
        .routes(routes!(sessions::show, sessions::close))
        .routes(routes!(connections::list, connections::create))
        .routes(routes!(connections::show, connections::close, connections::update))
        .routes(routes!(streams::unpublish))
        .routes(routes!(tokens::create))
        .routes(routes!(signal::send))
        .routes(routes!(recordings::list))
        .routes(routes!(recordings::start))
        .routes(routes!(recordings::stop))
        .routes(routes!(recordings::show, recordings::delete))
        .routes(routes!(config::show))
        .routes(routes!(config::version))
        .routes(routes!(config::public_url))
        .routes(routes!(config::recording))
        .routes(routes!(config::recording_path))
        .routes(routes!(config::cdr))
        .routes(routes!(broadcast::start))
        .routes(routes!(broadcast::stop))
        .routes(routes!(speech_to_text::load))
        .routes(routes!(speech_to_text::unload))
        .routes(routes!(media_nodes::list, media_nodes::add, media_nodes::discover))
        .routes(routes!(media_nodes::show, media_nodes::remove, media_nodes::change))
        .routes(routes!(health::health))
        .routes(routes!(health::status))
        .routes(routes!(restart::restart))
        .routes(routes!(doctor::describe, doctor::examine))
        .routes(routes!(turn::show))
        .routes(routes!(metrics::show))
        .routes(routes!(cdr::list))
        .routes(routes!(cdr::show))
        .routes(routes!(accept_certificate::page))
        .routes(routes!(openapi::show))
}

/// Somebody's own page at `/` has what nothing else has taken.
async fn elsewhere(State(settings): State<Settings>, request: Request) -> Response {
    let unknown = unknown_path(&request);
    match call_page::own(&settings.madang_call_page, request).await {
        Some(file) => file,
        None => unknown.into_response(),
    }
}

fn unknown_path(request: &Request) -> ApiError {
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
