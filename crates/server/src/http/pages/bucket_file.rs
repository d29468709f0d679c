//! A file of a recording that is kept in a bucket: passed on as it comes, so that its address is the same everywhere and
//! nobody needs to reach the bucket but this server.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bucket::{Bucket, Content, Error, Wanted};
use percent_encoding::percent_decode_str;

/// `path`: in the bucket, as it stands in a URL. `None` if it is not there. `version`: of the file that a range is wanted of (RFC 9110 §13.1.5).
pub(crate) async fn get(
    bucket: &Bucket,
    path: &str,
    range: Option<&HeaderValue>,
    version: Option<&HeaderValue>,
) -> Option<Response> {
    let key = percent_decode_str(path).decode_utf8().ok()?;
    // A file in a recording's folder; neither a folder nor anything else that may be in the bucket.
    key.split_once('/').filter(|(_, file)| !file.contains('/'))?;
    let wanted = range.and_then(|range| wanted(range.to_str().ok()?)).unwrap_or(Wanted::All);
    let part = wanted != Wanted::All;
    let content = match bucket.get(&key, wanted).await {
        Ok(content) if part && !is_version(&content, version) => bucket.get(&key, Wanted::All).await,
        // Services do not all say so when a range begins behind the end.
        Err(Error::Service { .. }) if part => {
            let size = bucket.get(&key, Wanted::All).await.ok()?.size;
            return Some(
                (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, format!("bytes */{size}"))])
                    .into_response(),
            );
        }
        content => content,
    };
    match content {
        Ok(content) => Some(response(&key, content)),
        Err(Error::Missing { .. }) => None,
        Err(error) => {
            tracing::error!(%key, %error, "a recording cannot be fetched");
            Some(StatusCode::BAD_GATEWAY.into_response())
        }
    }
}

fn is_version(content: &Content, version: Option<&HeaderValue>) -> bool {
    let same = |text: &str| version.is_some_and(|version| version.as_bytes() == text.as_bytes());
    version.is_none() || content.etag.as_deref().is_some_and(same) || same(&httpdate::fmt_http_date(content.modified))
}

fn response(key: &str, content: Content) -> Response {
    let Content { size, range, etag, modified, body } = content;
    let part = range != (0..size);
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    let mut set = |name, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    set(header::ACCEPT_RANGES, "bytes".to_owned());
    set(header::CONTENT_TYPE, bucket::content_type(key).to_owned());
    set(header::CONTENT_LENGTH, (range.end - range.start).to_string());
    set(header::LAST_MODIFIED, httpdate::fmt_http_date(modified));
    if let Some(etag) = etag {
        set(header::ETAG, etag);
    }
    if part {
        set(header::CONTENT_RANGE, format!("bytes {}-{}/{size}", range.start, range.end - 1));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// One range. Whatever else is asked for may be answered by everything (RFC 9110 §14.2).
fn wanted(range: &str) -> Option<Wanted> {
    let (first, last) = range.strip_prefix("bytes=")?.trim().split_once('-')?;
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    match (first, last) {
        ("", last) => number(last).map(Wanted::Last),
        (first, "") => number(first).map(Wanted::From),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| Wanted::Range(first..last.saturating_add(1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_ranges_are_understood_and_others_are_everything() {
        assert_eq!(wanted("bytes=0-0"), Some(Wanted::Range(0..1)));
        assert_eq!(wanted("bytes=5-"), Some(Wanted::From(5)));
        assert_eq!(wanted("bytes=-5"), Some(Wanted::Last(5)));
        for other in
            ["", "bytes", "bytes=", "bytes=-", "bytes=2-1", "bytes=0-1,3-4", "bytes=+1-2", "items=0-1", "bytes=a-b"]
        {
            assert_eq!(wanted(other), None, "{other}");
        }
        assert_eq!(wanted(&format!("bytes=0-{}", u64::MAX)), Some(Wanted::Range(0..u64::MAX)));
    }
}
