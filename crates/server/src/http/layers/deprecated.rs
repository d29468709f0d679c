//! Paths from before 2.16, for applications that were never changed: the request goes on as if it had the new path, with
//! the new path's rules about credentials.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::middleware::Next;
use axum::response::Response;

/// Old beginning and new one. Either is a whole path or ends before a `/`.
const MOVED: &[(&str, &str)] = &[
    ("/api", "/openvidu/api"),
    ("/config", "/openvidu/api/config"),
    ("/cdr", "/openvidu/cdr"),
    ("/recordings", "/openvidu/recordings"),
    ("/layouts/custom", "/openvidu/layouts"),
    ("/info", "/openvidu/info"),
    ("/accept-certificate", "/openvidu/accept-certificate"),
];

/// Between two lines in the log: whoever uses old paths uses them often, and anybody may send requests.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// When the last line was written.
#[derive(Debug, Default)]
pub(crate) struct UseLog(Mutex<Option<Instant>>);

impl UseLog {
    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| now.duration_since(last) >= LOG_INTERVAL);
        if due {
            *last = Some(now);
        }
        due
    }
}

/// Gives a request its new path.
pub(crate) async fn rewrite(State(log): State<Arc<UseLog>>, mut request: Request, next: Next) -> Response {
    if let Some((old, new, uri)) = moved(request.uri()) {
        if log.is_due(Instant::now()) {
            tracing::warn!("a request used the deprecated path {old}, which is {new} since OpenVidu 2.16");
        }
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

/// Where an old path is now.
pub(crate) fn new_path(path: &str) -> Option<String> {
    let (old, new) = row(path)?;
    Some(format!("{new}{}", &path[old.len()..]))
}

fn row(path: &str) -> Option<(&'static str, &'static str)> {
    let begins = |old: &str| path.strip_prefix(old).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    MOVED.iter().copied().find(|(old, _)| begins(old))
}

fn moved(uri: &Uri) -> Option<(&'static str, &'static str, Uri)> {
    let (old, new) = row(uri.path())?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(new_path(uri.path())? + &query).ok()?);
    Some((old, new, Uri::from_parts(parts).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_old_path_has_a_new_one_and_keeps_what_follows() {
        let new = |uri: &str| moved(&uri.parse().unwrap()).map(|(.., uri)| uri.to_string());
        for (old, expected) in [
            ("/api/sessions?pendingConnections=true", "/openvidu/api/sessions?pendingConnections=true"),
            ("/api", "/openvidu/api"),
            ("/config", "/openvidu/api/config"),
            ("/config/openvidu-publicurl", "/openvidu/api/config/openvidu-publicurl"),
            ("/cdr", "/openvidu/cdr"),
            ("/cdr/a%2Fb.log", "/openvidu/cdr/a%2Fb.log"),
            ("/recordings/x/x.mp4", "/openvidu/recordings/x/x.mp4"),
            ("/layouts/custom/a/index.html", "/openvidu/layouts/a/index.html"),
            ("/info", "/openvidu/info"),
            ("/accept-certificate", "/openvidu/accept-certificate"),
            ("http://host:1/api/tokens", "http://host:1/openvidu/api/tokens"),
        ] {
            assert_eq!(new(old).as_deref(), Some(expected));
        }
        for other in ["/", "/apis", "/layouts", "/layouts/customs", "/Api/sessions", "/openvidu/api", "/infos", "//api"]
        {
            assert_eq!(new(other), None, "{other}");
        }
    }

    #[test]
    fn the_log_has_one_line_in_a_while() {
        let (log, start) = (UseLog::default(), Instant::now());
        assert!(log.is_due(start));
        assert!((1..60).all(|second| !log.is_due(start + Duration::from_secs(second))));
        assert!(log.is_due(start + LOG_INTERVAL) && !log.is_due(start + LOG_INTERVAL));
    }
}
