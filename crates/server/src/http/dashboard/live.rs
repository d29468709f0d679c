//! `/dashboard/live`: one WebSocket that tells a page of everything that changes. What has changed several times between two
//! messages is told once; a page that reads slowly gets fewer messages, and never old ones.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRef, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use history::History;
use history::changes::Told;
use history::keeper::Unavailable;
use history::view::{IncidentView, SessionDetail, SessionSummary};
use protocol::language::Language;
use serde::{Deserialize, Serialize};
use session::question::TakeCensus;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::connection::Connection;
use crate::control::Control;
use crate::http::request::caller::Caller;
use crate::metrics::Usage;
use crate::program::{self, Program};
use crate::state::{AppState, Settings};

/// Between two looks at what has changed.
const PERIOD: Duration = Duration::from_secs(1);
/// Between two looks at what is only a figure, and at sessions in which nothing happens: what is missing for too long is found then.
const SLOW: u32 = 5;
/// A page that takes longer for one message has gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// Of what a page says: the id of a session.
const MAX_MESSAGE: usize = 4096;

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum ToPage<'a> {
    Server { server: ServerView },
    Sessions { changed: Vec<&'a SessionSummary>, gone: Vec<String> },
    Session { session: Box<SessionDetail> },
    Changes { id: &'a str, changes: serde_json::Value },
    Unknown { id: &'a str, key: Option<&'a str> },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerView {
    version: &'static str,
    started_at: u64,
    now: u64,
    public_url: String,
    sessions: usize,
    participants: usize,
    published: usize,
    received: usize,
    cpu: f64,
    cores: usize,
    memory: u64,
    received_bps: u64,
    sent_bps: u64,
    recordings: usize,
    recording_enabled: bool,
    incidents: Vec<IncidentView>,
}

#[derive(Deserialize)]
struct FromPage {
    watch: Option<String>,
}

/// What every page is told from.
#[derive(Clone)]
pub(super) struct Sources {
    history: History,
    control: Control,
    settings: Settings,
    program: Arc<Program>,
}

impl FromRef<AppState> for Sources {
    fn from_ref(state: &AppState) -> Self {
        let (history, control) = (state.history.clone(), state.control.clone());
        Self { history, control, settings: state.settings.clone(), program: state.program.clone() }
    }
}

pub(super) async fn open(
    State(sources): State<Sources>,
    Extension(connection): Extension<Connection>,
    Caller(origin): Caller,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return (StatusCode::BAD_REQUEST, "Can \"Upgrade\" only to \"WebSocket\".").into_response();
    };
    let (language, public_url) = (super::language(&uri), origin.http());
    upgrade.max_message_size(MAX_MESSAGE).on_upgrade(move |socket| async move {
        let (sink, stream) = socket.split();
        let page = Page {
            sources,
            language,
            public_url,
            sink,
            shown: HashMap::new(),
            seen: 0,
            watched: None,
            usage: Usage::default(),
        };
        // An end of either is the end.
        let _ = page.serve(stream).await;
        drop(connection);
    })
}

struct Page {
    sources: Sources,
    language: Language,
    public_url: String,
    sink: SplitSink<WebSocket, Message>,
    /// As the page has them.
    shown: HashMap<String, SessionSummary>,
    /// Up to this revision of the chronicle.
    seen: u64,
    watched: Option<Watched>,
    usage: Usage,
}

struct Watched {
    id: String,
    /// Up to this revision of the chronicle.
    seen: u64,
    /// As the page has it.
    told: Option<Told>,
    /// It was not there, which the page knows.
    is_missing: bool,
    key: Option<String>,
}

/// The page is gone, or what it is told from.
struct Gone;

impl From<Unavailable> for Gone {
    fn from(_: Unavailable) -> Self {
        Self
    }
}

impl Page {
    async fn serve(mut self, mut stream: SplitStream<WebSocket>) -> Result<(), Gone> {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count = 0;
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let Ok(FromPage { watch }) = serde_json::from_str(&text) else { return Err(Gone) };
                        self.watched = watch.map(|id| Watched { id, seen: 0, told: None, is_missing: false, key: None });
                        self.tell_watched(true).await?;
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                },
                _ = ticks.tick() => {
                    let slowly = count % SLOW == 0;
                    if slowly {
                        self.tell_server().await?;
                    }
                    self.tell_sessions(slowly).await?;
                    self.tell_watched(slowly).await?;
                    count += 1;
                }
            }
        }
    }

    async fn tell_server(&mut self) -> Result<(), Gone> {
        let Sources { history, control, settings, program } = &self.sources;
        let now = program::now();
        let census = control.look_up(TakeCensus).await.map_err(|_| Gone)?;
        let usage = self.usage.take(control.metrics(), Instant::now().into_std());
        let server = ServerView {
            version: env!("CARGO_PKG_VERSION"),
            started_at: program.last_started_at(),
            now,
            public_url: self.public_url.clone(),
            sessions: census.figures.sessions,
            participants: census.media.participants,
            published: census.figures.publications,
            received: census.figures.subscriptions,
            cpu: usage.cpu,
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: usage.memory,
            received_bps: usage.received_bps,
            sent_bps: usage.sent_bps,
            recordings: census.figures.recordings,
            recording_enabled: settings.openvidu_recording,
            incidents: history.incidents(now, self.language).await?,
        };
        self.send(&ToPage::Server { server }).await
    }

    /// `all`: also those in which nothing has happened since.
    async fn tell_sessions(&mut self, all: bool) -> Result<(), Gone> {
        let since = if all { 0 } else { self.seen };
        let is_first = self.seen == 0;
        let overview = self.sources.history.overview(since, program::now()).await?;
        // A page has seen the beginning, too, where there was nothing.
        self.seen = overview.revision.max(1);
        let is_there: std::collections::HashSet<_> = overview.ids.into_iter().collect();
        let gone: Vec<_> = self.shown.keys().filter(|id| !is_there.contains(*id)).cloned().collect();
        self.shown.retain(|id, _| is_there.contains(id));
        let mut changed = vec![];
        for summary in overview.changed {
            if self.shown.get(&summary.id) != Some(&summary) {
                changed.push(summary.id.clone());
                self.shown.insert(summary.id.clone(), summary);
            }
        }
        if changed.is_empty() && gone.is_empty() && !is_first {
            return Ok(());
        }
        let changed = changed.iter().filter_map(|id| self.shown.get(id)).collect();
        let text = written(&ToPage::Sessions { changed, gone })?;
        self.send_text(text).await
    }

    /// `everybody`: also those to whom nothing has happened, since findings come by waiting.
    async fn tell_watched(&mut self, everybody: bool) -> Result<(), Gone> {
        let Some(watched) = &mut self.watched else { return Ok(()) };
        let everybody = everybody || watched.told.is_none();
        let since = if everybody { 0 } else { watched.seen };
        let detail = self.sources.history.detail(watched.id.clone(), since, program::now(), self.language).await?;
        let text = match detail {
            Some((session, revision)) => {
                // One that has taken the place of another is not all there yet.
                let known = watched.told.as_mut().filter(|told| told.is_of(&session));
                if known.is_none() && !everybody {
                    watched.told = None;
                    return Ok(());
                }
                (watched.seen, watched.is_missing) = (revision, false);
                watched.key = Some(session.summary.key.clone());
                match known.map(|told| told.update(&session, everybody)) {
                    Some(None) => return Ok(()),
                    Some(Some(changes)) => written(&ToPage::Changes { id: &watched.id, changes })?,
                    None => {
                        watched.told = Some(Told::whole(&session));
                        written(&ToPage::Session { session: Box::new(session) })?
                    }
                }
            }
            None if watched.is_missing => return Ok(()),
            None => {
                (watched.told, watched.is_missing) = (None, true);
                written(&ToPage::Unknown { id: &watched.id, key: watched.key.as_deref() })?
            }
        };
        self.send_text(text).await
    }

    async fn send(&mut self, message: &ToPage<'_>) -> Result<(), Gone> {
        let text = written(message)?;
        self.send_text(text).await
    }

    async fn send_text(&mut self, text: String) -> Result<(), Gone> {
        match timeout(WRITE_TIMEOUT, self.sink.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

fn written(message: &ToPage<'_>) -> Result<String, Gone> {
    serde_json::to_string(message).map_err(|_| Gone)
}
