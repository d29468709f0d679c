//! `/openvidu/recordings/…`: the files of recordings, whole or in ranges (RFC 9110 §14); `/openvidu/layouts/…`: those of
//! the pages that recordings with a custom layout show.
//!
//! Paths, ranges and conditions are the library's; it never leaves the folder. What is not there may be in a bucket.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bucket::Bucket;
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

use crate::http::error::ApiError;
use crate::http::pages::bucket_file;

pub(crate) const ROOT: &str = "/openvidu/recordings";
pub(crate) const LAYOUTS: &str = "/openvidu/layouts";

/// Where files may be.
#[derive(Clone)]
struct Places {
    folder: ServeDir,
    bucket: Option<Arc<Bucket>>,
    /// Links must not lead out of it.
    root: Option<Arc<Path>>,
}

/// Serves what is below the folder of the recordings, or else in the bucket.
pub(crate) fn recordings(folder: &Path, bucket: Option<Arc<Bucket>>) -> Router {
    router(Places { folder: files(folder), bucket, root: None })
}

/// Serves the pages of layouts: only what really is in their folder, whatever links there are.
pub(crate) fn layouts(folder: &Path) -> Router {
    router(Places { folder: files(folder), bucket: None, root: Some(folder.into()) })
}

fn files(folder: &Path) -> ServeDir {
    ServeDir::new(folder).append_index_html_on_directories(false)
}

fn router(places: Places) -> Router {
    Router::new().fallback(serve).with_state(places)
}

/// Whether files may be behind this path.
pub(crate) fn has(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.starts_with('/'))
}

async fn serve(
    State(Places { folder, bucket, root }): State<Places>,
    OriginalUri(uri): OriginalUri,
    method: Method,
    request: Request,
) -> Result<Response, ApiError> {
    if method != Method::GET && method != Method::HEAD {
        let message = format_args!("{method} is not allowed here");
        let mut response = ApiError::unhandled(StatusCode::METHOD_NOT_ALLOWED, message, uri.path()).into_response();
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
        return Ok(response);
    }
    if let Some(root) = root
        && leads_out(&root, request.uri().path()).await
    {
        let message = format_args!("This file is not in the folder of the layouts: {}", uri.path());
        return Err(ApiError::unhandled(StatusCode::NOT_FOUND, message, uri.path()));
    }
    let whole = whole_file(&request);
    let wanted = request.headers().get(header::RANGE).cloned();
    let mut response = look_up(&folder, request).await;
    if response.status() == StatusCode::PARTIAL_CONTENT && !whole.is_this(response.headers()) {
        response = look_up(&folder, whole.request).await;
    } else if response.status() == StatusCode::NOT_FOUND
        && let Some(bucket) = bucket
        && let Some(path) = uri.path().strip_prefix(ROOT).and_then(|path| path.strip_prefix('/'))
        && let Some(kept) = bucket_file::get(&bucket, path, wanted.as_ref(), whole.version.as_ref()).await
    {
        response = kept;
    }
    if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::TEMPORARY_REDIRECT) {
        let message = format_args!("No such file: {}", uri.path());
        return Err(ApiError::unhandled(StatusCode::NOT_FOUND, message, uri.path()));
    }
    // What the metadata of a recording is called has no extension, whatever the recording is called.
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    if [".", "%2e", "%2E"].iter().any(|dot| name.starts_with(dot)) {
        let any = HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, any);
    }
    Ok(response)
}

/// Whether there is something, and it is elsewhere.
async fn leads_out(root: &Path, path: &str) -> bool {
    let path = percent_encoding::percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy().into_owned();
    let (found, root) = (tokio::fs::canonicalize(root.join(path)).await, tokio::fs::canonicalize(root).await);
    found.ok().zip(root.ok()).is_some_and(|(found, root)| !found.starts_with(root))
}

async fn look_up(files: &ServeDir, request: Request) -> Response {
    match files.clone().oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

/// What is asked for if a range is wanted of another version of the file than there is (RFC 9110 §13.1.5).
struct WholeFile {
    request: Request,
    version: Option<HeaderValue>,
}

fn whole_file(request: &Request) -> WholeFile {
    let mut whole = Request::new(Body::empty());
    *whole.method_mut() = request.method().clone();
    *whole.uri_mut() = request.uri().clone();
    WholeFile { request: whole, version: request.headers().get(header::IF_RANGE).cloned() }
}

impl WholeFile {
    /// Whether a range is wanted of the file that `found` describes.
    fn is_this(&self, found: &HeaderMap) -> bool {
        let same = |name| found.get(name) == self.version.as_ref();
        self.version.is_none() || same(header::ETAG) || same(header::LAST_MODIFIED)
    }
}
