//! `POST /call/feedback`: how a call was, as a visitor of our own page says who was in it. It needs no secret but a pass, which came
//! with the place; it stands in the story of that person, and nowhere else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use axum::body::Bytes;
use axum::extract::Extension;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use history::History;
use history::feedback::{MOST_RATINGS, Rated};
use history::story::Feedback;
use protocol::id::{ConnectionId, SessionId};
use rand::RngCore as _;
use serde::Deserialize;

use crate::allowance::Allowance;
use crate::http::error::ApiError;
use crate::limits::Rate;
use crate::network::Network;
use crate::program;

/// Where it is.
pub(crate) const PATH: &str = "/call/feedback";
/// Characters in a sentence.
const MAX_WORDS: usize = 500;
/// How long a pass is good for: a call, and some time after it.
const GOOD_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Passes, and who has said how much. Nothing is kept of a pass: it says itself whose it is, under a key of this process.
#[derive(Debug)]
pub(crate) struct Feedbacks {
    history: History,
    key: hmac::Key,
    said: Allowance,
}

/// Whose a pass is.
#[derive(PartialEq, Eq, Debug)]
struct Holder {
    made_at: u64,
    session: SessionId,
    connection: ConnectionId,
}

impl Feedbacks {
    pub(crate) fn new(history: History, rate: Rate) -> Self {
        let mut chance = [0; 32];
        rand::rng().fill_bytes(&mut chance);
        Self { history, key: hmac::Key::new(hmac::HMAC_SHA256, &chance), said: Allowance::new(rate) }
    }

    /// For whoever takes this place; `None`: nothing is kept of calls.
    pub(crate) fn pass(&self, session: &SessionId, connection: &ConnectionId, now: u64) -> Option<String> {
        if !self.history.keeps() {
            return None;
        }
        let content = format!("{now}\n{connection}\n{session}");
        let tag = hmac::sign(&self.key, content.as_bytes());
        Some(format!("{}.{}", URL_SAFE_NO_PAD.encode(content), URL_SAFE_NO_PAD.encode(tag)))
    }

    fn holder(&self, pass: &str, now: u64) -> Option<Holder> {
        let (content, tag) = pass.split_once('.')?;
        let (content, tag) = (URL_SAFE_NO_PAD.decode(content).ok()?, URL_SAFE_NO_PAD.decode(tag).ok()?);
        hmac::verify(&self.key, &content, &tag).ok()?;
        let mut parts = std::str::from_utf8(&content).ok()?.splitn(3, '\n');
        let made_at = parts.next()?.parse().ok()?;
        let (connection, session) = (parts.next()?.into(), parts.next()?.into());
        let is_good = u128::from(now.saturating_sub(made_at)) < GOOD_FOR.as_millis();
        is_good.then_some(Holder { made_at, session, connection })
    }
}

#[derive(Deserialize)]
struct FeedbackRequest {
    pass: String,
    stars: u8,
    #[serde(default)]
    words: String,
}

/// Keeps it.
pub(crate) async fn take(
    Extension(feedbacks): Extension<Arc<Feedbacks>>,
    network: Network,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let asked = feedbacks.said.spend(network, Instant::now());
    asked.map_err(|retry_after| ApiError::too_many("words about calls", retry_after, PATH))?;
    let FeedbackRequest { pass, stars, words } = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(format_args!("The body must be {{\"pass\":…,\"stars\":…,\"words\":…}}: {error}"), PATH)
    })?;
    if !(1..=5).contains(&stars) {
        return Err(ApiError::bad_request("'stars' must be an integer from 1 to 5", PATH));
    }
    let words = words.trim();
    if words.chars().count() > MAX_WORDS || words.chars().any(|letter| letter.is_control() && letter != '\n') {
        let rule = format_args!("'words' must have at most {MAX_WORDS} printable characters");
        return Err(ApiError::bad_request(rule, PATH));
    }
    let now = program::now();
    let holder = feedbacks.holder(&pass, now).ok_or_else(|| {
        ApiError::described(StatusCode::FORBIDDEN, "'pass' must be one that POST /call/token gave within a day", PATH)
    })?;
    let Holder { made_at, session, connection } = holder;
    let feedback = Feedback { at: now, stars, words: words.to_owned() };
    let rated = feedbacks.history.rate(session, connection, made_at, feedback).await;
    match rated.map_err(|why| ApiError::described(StatusCode::SERVICE_UNAVAILABLE, why, PATH))? {
        Rated::Kept => Ok(StatusCode::NO_CONTENT),
        Rated::NotThere => {
            Err(ApiError::described(StatusCode::NOT_FOUND, "Nothing is kept of whoever has this pass", PATH))
        }
        Rated::TooOften => {
            let rule = format_args!("How a call was can be said {MOST_RATINGS} times");
            Err(ApiError::described(StatusCode::TOO_MANY_REQUESTS, rule, PATH))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use history::store::Bounds;
    use history::{HistoryOptions, OpenHistory};

    use super::*;
    use crate::limits::Limits;

    const NOW: u64 = 1_700_000_000_000;

    fn feedbacks(history: OpenHistory) -> Feedbacks {
        Feedbacks::new(history.start(NOW).unwrap(), Limits::default().feedback)
    }

    #[test]
    fn a_pass_names_its_holder_for_a_day_and_cannot_be_made_up() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name| {
            let bounds = Bounds { age: Duration::from_secs(60), bytes: 1000 };
            let options = HistoryOptions { file: Some(folder.path().join(name)), bounds, offered: vec![] };
            feedbacks(OpenHistory::open(options).unwrap())
        };
        let feedbacks = open("ours");
        let pass = feedbacks.pass(&"a\nroom".into(), &"con_Ann".into(), NOW).unwrap();
        let holder = Holder { made_at: NOW, session: "a\nroom".into(), connection: "con_Ann".into() };
        assert_eq!(feedbacks.holder(&pass, NOW + 1), Some(holder));
        assert_eq!(feedbacks.holder(&pass, NOW + 24 * 60 * 60 * 1000), None, "a day later");
        assert_eq!(open("others").holder(&pass, NOW), None, "of another process");
        let (content, tag) = pass.split_once('.').unwrap();
        let other = URL_SAFE_NO_PAD.encode(format!("{NOW}\ncon_Bob\na\nroom"));
        for wrong in ["", ".", content, &format!("{content}."), &format!("{other}.{tag}"), "ä.ö"] {
            assert_eq!(feedbacks.holder(wrong, NOW), None, "{wrong}");
        }
    }

    #[test]
    fn where_nothing_is_kept_nobody_is_asked() {
        let feedbacks = feedbacks(OpenHistory::in_memory(vec![]));
        assert_eq!(feedbacks.pass(&"room".into(), &"con_Ann".into(), NOW), None);
    }
}
