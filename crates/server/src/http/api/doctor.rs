//! What those who examine this server are told: with the secret, what it knows of itself and what it looks like from
//! itself; without it, how a request looks from here, and a page that tries the ways from inside a browser.
//!
//! The page is below `/openvidu`, because that is what proxies in front pass on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRef, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bucket::Bucket;
use doctor::{API, Language, SEEN};
use protocol::checkup::{Checkup, Relay, RequestAsSeen, SelfDescription, TurnAddress};
use serde::Serialize;
use session::Time;
use settings::{Config, LOCALHOST, bracketed};
use tokio::task::spawn_blocking;

use crate::client_address::Sender;
use crate::forwarded;
use crate::http::error::{ApiError, ErrorView};
use crate::http::request::caller::{Caller, requested_origin};
use crate::http::request::language::prefers_korean;
use crate::http::request::query;
use crate::ice_servers;
use crate::network::Network;
use crate::program::now;
use crate::state::{AppState, Examination, MediaNetwork, Settings};

const PAGE: &str = "/openvidu/doctor";
const SCRIPT: &str = "/openvidu/doctor/page.js";
const STYLE: &str = "/openvidu/doctor/page.css";
const WAYS: &str = "/openvidu/doctor/ways";
/// Of the page as it is written.
const ENGLISH: &str = "<html lang=\"en\">";
const KOREAN: &str = "<html lang=\"ko\">";
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);
/// Ways over UDP that a browser tries; each costs it some seconds where nothing answers.
const MOST: usize = 4;

/// The page, and what it and `madang doctor` ask for without the secret.
#[expect(clippy::disallowed_methods, reason = "a page and its parts are no operations of the API")]
pub(crate) fn routes(config: &Config) -> Router<AppState> {
    let router = Router::new().route(SEEN, get(seen));
    if !config.madang_doctor_page {
        return router;
    }
    let file = |media_type, text: &'static str| {
        get(move || async move { ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, "no-cache")], text) })
    };
    router
        .route(PAGE, get(page))
        .route(SCRIPT, file("text/javascript; charset=utf-8", include_str!("../../../../../web/doctor/page.js")))
        .route(STYLE, file("text/css; charset=utf-8", include_str!("../../../../../web/doctor/page.css")))
        .route(WAYS, post(ways))
}

/// Whether a request is for one of them.
pub(crate) fn has(config: &Config, method: &Method, path: &str) -> bool {
    let reads = method == Method::GET || method == Method::HEAD;
    match path {
        SEEN => reads,
        PAGE | SCRIPT | STYLE => reads && config.madang_doctor_page,
        WAYS => method == Method::POST && config.madang_doctor_page,
        _ => false,
    }
}

async fn page(uri: Uri, headers: HeaderMap) -> Response {
    let korean = match query::text(&uri, "lang") {
        Some(wanted) => Language::of(wanted) == Language::Korean,
        None => prefers_korean(&headers),
    };
    let html = include_str!("../../../../../web/doctor/page.html");
    let html = if korean { html.replacen(ENGLISH, KOREAN, 1) } else { html.to_owned() };
    let headers = [(CONTENT_SECURITY_POLICY, POLICY), (REFERRER_POLICY, HeaderValue::from_static("no-referrer"))];
    (headers, Html(html)).into_response()
}

async fn seen(
    State(settings): State<Settings>,
    State(examination): State<Arc<Examination>>,
    sender: Sender,
    headers: HeaderMap,
    request_extensions: axum::http::Extensions,
) -> Json<RequestAsSeen> {
    let origin = requested_origin(&headers, &request_extensions, settings.server_port).http();
    let client = sender.address();
    let told = forwarded::names_a_client(&headers);
    let forwarded = told && sender.possible().is_some_and(|clients| clients.contains(&client));
    Json(examination.server.seen(origin, client, forwarded))
}

/// What a browser can try.
#[derive(Serialize)]
struct Ways {
    /// ms since 1970.
    time: u64,
    /// Where media is received over UDP; our own relay answers there, too.
    udp: Vec<SocketAddr>,
    relay: Relay,
    turn: Vec<TurnAddress>,
}

/// For everybody: a user of our own relay for a minute, with little room in it, and only now and then for one network. Who
/// has it reaches what everybody reaches, this server's media.
async fn ways(
    State(examination): State<Arc<Examination>>,
    State(media): State<MediaNetwork>,
    network: Network,
) -> Result<Json<Ways>, ApiError> {
    let mut turn = vec![];
    // Not of other relays, which lead anywhere.
    if examination.server.relay() == Relay::Own {
        let spent = examination.guests.spend(network, Instant::now());
        spent.map_err(|retry_after| ApiError::too_many("checkups", retry_after, WAYS))?;
        turn = examination.server.turn_addresses();
    }
    let mut udp = media.borrow().candidates.udp.clone();
    // Strangers need not know the addresses of private networks.
    if !network.is_local() && udp.iter().any(|address| !Network::from(address.ip()).is_local()) {
        udp.retain(|address| !Network::from(address.ip()).is_local());
    }
    udp.truncate(MOST);
    Ok(Json(Ways { time: now(), udp, relay: examination.server.relay(), turn }))
}

/// Describe the server to its doctor
///
/// Where it sends clients, credentials of its relay for a minute, and what it finds in itself: limits, buffers, disk, the
/// bucket of recordings. In Korean where `Accept-Language` prefers that.
#[utoipa::path(
    get,
    path = "/openvidu/api/doctor",
    operation_id = "describeServer",
    tag = "Operation",
    responses((status = 200, description = "What `madang doctor` begins with", body = SelfDescription)),
)]
pub(crate) async fn describe(
    State(server): State<ExaminedServer>,
    Caller(origin): Caller,
    headers: HeaderMap,
) -> Result<Json<SelfDescription>, ApiError> {
    described(&server, origin.http(), language(&headers)).await.map(Json)
}

/// Let the server examine itself
///
/// It uses its own public address as a client would: name, port, certificate, WebSocket, media over UDP and TCP, relay. What
/// it sees is not what others see where a router does not lead back to machines behind it; `madang doctor --url` looks from
/// elsewhere. Clocks are not compared: nobody else is asked.
#[utoipa::path(
    post,
    path = "/openvidu/api/doctor",
    operation_id = "examineServer",
    tag = "Operation",
    responses(
        (status = 200, description = "What was found, leg by leg", body = Checkup),
        (status = 409, description = "It is being examined already", body = ErrorView),
        (status = 500, description = "It could not be examined", body = ErrorView),
    ),
)]
pub(crate) async fn examine(
    State(server): State<ExaminedServer>,
    headers: HeaderMap,
) -> Result<Json<Checkup>, ApiError> {
    let Ok(_alone) = server.examination.running.try_lock() else {
        let message = "The server is being examined already; try again in some seconds";
        return Err(ApiError::described(StatusCode::CONFLICT, message, API));
    };
    let language = language(&headers);
    let description = described(&server, own_url(&server.settings), language).await?;
    let findings = server.examination.server.look_at_oneself(&description).await;
    let findings = findings.map_err(|error| ApiError::described(StatusCode::INTERNAL_SERVER_ERROR, error, API))?;
    let mut checks = description.checks;
    checks.extend(findings.iter().map(|finding| finding.in_words(language)));
    Ok(Json(Checkup::new(description.public_url, now(), checks)))
}

/// What is needed to examine the server from inside.
#[derive(Clone)]
pub(crate) struct ExaminedServer {
    examination: Arc<Examination>,
    settings: Settings,
    media: MediaNetwork,
    bucket: Option<Arc<Bucket>>,
}

impl FromRef<AppState> for ExaminedServer {
    fn from_ref(state: &AppState) -> Self {
        Self {
            examination: state.examination.clone(),
            settings: state.settings.clone(),
            media: state.media_network.clone(),
            bucket: state.recording_files.bucket.clone(),
        }
    }
}

async fn described(
    server: &ExaminedServer,
    public_url: String,
    language: Language,
) -> Result<SelfDescription, ApiError> {
    let examined = server.clone();
    // Disks can be slow.
    let described = spawn_blocking(move || {
        let candidates = examined.media.borrow().candidates.clone();
        let media = (candidates.udp, candidates.tcp);
        examined.examination.server.describe(
            &examined.settings,
            media,
            public_url,
            listed(&examined.settings),
            language,
        )
    });
    let bucket = async {
        match &server.bucket {
            Some(bucket) => Some(server.examination.server.look_at_bucket(bucket).await),
            None => None,
        }
    };
    let (described, bucket) = tokio::join!(described, bucket);
    let failed = |error| ApiError::described(StatusCode::INTERNAL_SERVER_ERROR, error, API);
    let mut description = described.map_err(failed)?;
    description.checks.extend(bucket.map(|finding| finding.in_words(language)));
    Ok(description)
}

/// Where this server sends clients. If nothing is set, itself: what a request says about its address may be made up.
fn own_url(config: &Config) -> String {
    match config.domain_or_public_ip.for_url() {
        Some(host) => {
            let secure = config.domain_or_public_ip.is_public() && !config.force_plain_http;
            crate::http::request::caller::Origin::new(secure, &host, Some(config.https_port())).http()
        }
        None => {
            let ip = if config.madang_listen.is_unspecified() { LOCALHOST } else { config.madang_listen };
            format!("http://{}:{}", bracketed(ip), config.server_port)
        }
    }
}

/// The operator's own list, as a client would be told of it.
fn listed(config: &Config) -> Vec<TurnAddress> {
    let servers = config.openvidu_webrtc_ice_servers.iter().cloned();
    let servers = servers.map(|server| ice_servers::complete(server, Time::from_millis(now())));
    let with_user = servers.filter_map(|server| {
        Some(TurnAddress { url: server.url, username: server.username?, credential: server.credential? })
    });
    with_user.collect()
}

fn language(headers: &HeaderMap) -> Language {
    if prefers_korean(headers) { Language::Korean } else { Language::English }
}
