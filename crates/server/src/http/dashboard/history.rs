//! Sessions that have ended: found, shown, and given away as JSON.

use std::convert::Infallible;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use history::History;
use history::store::{Search, StoreError};
use history::view::SessionDetail;
use history::words::Language;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::language;
use crate::http::error::ApiError;
use crate::http::request::query;

const PATH: &str = "/dashboard/api/history";
/// Of a list, unless `limit` says less.
const MOST: usize = 100;

#[derive(Serialize)]
pub(super) struct Found {
    sessions: Vec<serde_json::Value>,
    more: bool,
}

/// `text`, `from`, `to` (ms since 1970), `before` (the key of the last one that was shown), `limit`.
pub(super) async fn list(State(history): State<History>, uri: Uri) -> Result<Json<Found>, ApiError> {
    let limit = number(&uri, "limit")?.map_or(MOST, |limit| usize::try_from(limit).unwrap_or(MOST).min(MOST));
    let Some(store) = history.store().cloned() else { return Ok(Json(Found { sessions: vec![], more: false })) };
    let search = search(&uri, &history).await?;
    let (sessions, more) = read(move || store.list(&search, limit)).await?;
    Ok(Json(Found { sessions, more }))
}

/// One, with everybody in it.
pub(super) async fn show(
    State(history): State<History>,
    Path(key): Path<String>,
    uri: Uri,
) -> Result<Json<SessionDetail>, ApiError> {
    let story = history.ended(key).await.map_err(unavailable)?;
    let Some(story) = story else {
        return Err(ApiError::described(StatusCode::NOT_FOUND, "No session of this key is kept", uri.path()));
    };
    Ok(Json(SessionDetail::of(&story, story.ended_at.unwrap_or(story.created_at), language(&uri))))
}

/// All that fit, one after the other: they need not be in memory together.
pub(super) async fn export(State(history): State<History>, uri: Uri) -> Result<Response, ApiError> {
    let (language, store) = (language(&uri), history.store().cloned());
    let keys = match &store {
        Some(store) => {
            let (search, store) = (search(&uri, &history).await?, store.clone());
            read(move || store.keys(&search)).await?
        }
        None => vec![],
    };
    let pieces = stream::unfold((keys.into_iter(), store, true), move |(mut keys, store, is_first)| async move {
        let (store, key) = (store?, keys.next());
        let Some(key) = key else { return Some((Ok::<_, Infallible>(ending(is_first)), (keys, None, false))) };
        let reading = store.clone();
        // One that cannot be read, or is gone meanwhile, is left out.
        let json = read(move || Ok(reading.find(&key)?.map(|story| json(&story, language)))).await.ok().flatten();
        let piece = json.map_or_else(String::new, |json| format!("{}{json}", if is_first { "[\n" } else { ",\n" }));
        let is_first = is_first && piece.is_empty();
        Some((Ok(piece), (keys, Some(store), is_first)))
    });
    let headers = [(CONTENT_TYPE, "application/json"), (CONTENT_DISPOSITION, "attachment; filename=\"sessions.json\"")];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

fn ending(is_empty: bool) -> String {
    if is_empty { "[]\n".to_owned() } else { "\n]\n".to_owned() }
}

fn json(story: &history::story::Story, language: Language) -> String {
    let detail = SessionDetail::of(story, story.ended_at.unwrap_or(story.created_at), language);
    serde_json::to_string(&detail).unwrap_or_else(|_| "null".to_owned())
}

async fn search(uri: &Uri, history: &History) -> Result<Search, ApiError> {
    let text = query::decoded(uri, "text").unwrap_or_default();
    let before = match query::decoded(uri, "before") {
        Some(key) => history
            .ended(key.clone())
            .await
            .map_err(unavailable)?
            .map(|story| (story.ended_at.unwrap_or_default(), key)),
        None => None,
    };
    Ok(Search { text, from: number(uri, "from")?.unwrap_or_default(), to: number(uri, "to")?, before })
}

fn number(uri: &Uri, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(text) = query::text(uri, name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let rule = || ApiError::bad_request(format_args!("'{name}' must be a non negative integer"), PATH);
    text.parse().map(Some).map_err(|_| rule())
}

async fn read<R: Send + 'static>(
    reading: impl FnOnce() -> Result<R, StoreError> + Send + 'static,
) -> Result<R, ApiError> {
    let read = spawn_blocking(reading).await.map_err(unavailable)?;
    read.map_err(|error| {
        tracing::error!(%error, "the history of sessions cannot be read");
        ApiError::described(StatusCode::INTERNAL_SERVER_ERROR, "The history cannot be read: the log says why", PATH)
    })
}

fn unavailable(error: impl std::fmt::Display) -> ApiError {
    ApiError::described(StatusCode::SERVICE_UNAVAILABLE, error, PATH)
}
