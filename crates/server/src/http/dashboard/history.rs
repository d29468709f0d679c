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
use history::keeper::Unavailable;
use history::store::Search;
use history::view::SessionDetail;
use serde::Serialize;

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
    let search = search(&uri, &history).await?;
    let found = history.read(move |store| store.list(&search, limit)).await.map_err(refuse)?;
    let (sessions, more) = found.unwrap_or_default();
    Ok(Json(Found { sessions, more }))
}

/// One, with everybody in it.
pub(super) async fn show(
    State(history): State<History>,
    Path(key): Path<String>,
    uri: Uri,
) -> Result<Json<SessionDetail>, ApiError> {
    let story = history.ended(key).await.map_err(refuse)?;
    let missing = || ApiError::described(StatusCode::NOT_FOUND, "No session of this key is kept", uri.path());
    Ok(Json(SessionDetail::of_ended(&story.ok_or_else(missing)?, language(&uri))))
}

/// All that fit, one after the other: they need not be in memory together.
pub(super) async fn export(State(history): State<History>, uri: Uri) -> Result<Response, ApiError> {
    let (language, search) = (language(&uri), search(&uri, &history).await?);
    let keys = history.read(move |store| store.keys(&search)).await.map_err(refuse)?.unwrap_or_default();
    let begin = (keys.into_iter(), Some(history), true);
    let pieces = stream::unfold(begin, move |(mut keys, history, is_first)| async move {
        let (history, key) = (history?, keys.next());
        let Some(key) = key else { return Some((Ok::<_, Infallible>(ending(is_first)), (keys, None, false))) };
        // One that cannot be read, or is gone meanwhile, is left out.
        let story = history.read(move |store| store.find(&key)).await.ok().flatten().flatten();
        let json = story.and_then(|story| serde_json::to_string(&SessionDetail::of_ended(&story, language)).ok());
        let piece = json.map_or_else(String::new, |json| format!("{}{json}", if is_first { "[\n" } else { ",\n" }));
        let is_first = is_first && piece.is_empty();
        Some((Ok(piece), (keys, Some(history), is_first)))
    });
    let headers = [(CONTENT_TYPE, "application/json"), (CONTENT_DISPOSITION, "attachment; filename=\"sessions.json\"")];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

fn ending(is_empty: bool) -> String {
    if is_empty { "[]\n".to_owned() } else { "\n]\n".to_owned() }
}

async fn search(uri: &Uri, history: &History) -> Result<Search, ApiError> {
    let text = query::decoded(uri, "text").unwrap_or_default();
    let before = match query::decoded(uri, "before") {
        Some(key) => {
            history.ended(key.clone()).await.map_err(refuse)?.map(|story| (story.ended_at.unwrap_or_default(), key))
        }
        None => None,
    };
    Ok(Search { text, from: number(uri, "from")?.unwrap_or_default(), to: number(uri, "to")?, before })
}

fn number(uri: &Uri, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(text) = query::text(uri, name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let rule = || ApiError::bad_request(format_args!("'{name}' must be a non negative integer"), PATH);
    text.parse().map(Some).map_err(|_| rule())
}

fn refuse(why: Unavailable) -> ApiError {
    let status = match why {
        Unavailable::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Unavailable::Unreadable => StatusCode::INTERNAL_SERVER_ERROR,
    };
    ApiError::described(status, why, PATH)
}
