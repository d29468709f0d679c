//! What is looked at of a camera's address before it is pulled: which address its host has, to be shown, and whether a file may be
//! read. Whether there is a camera at all, nobody knows yet.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use settings::Config;

/// Whoever asks for a camera does not wait for its name server longer than this.
const LOOK_UP: Duration = Duration::from_secs(2);

/// The file that an address names; `None` if it is none of a file.
fn file(uri: &str) -> Option<Cow<'_, str>> {
    let rest = uri.strip_prefix("file:")?;
    // RFC 8089: with or without a host.
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?.1,
        None => rest,
    };
    // What is no text is no file that may be read.
    Some(percent_decode_str(path).decode_utf8().unwrap_or_default())
}

/// Whether an address is none of a file, or of one that may be read: below the recordings, or a folder that was set.
pub(crate) async fn may_be_read(uri: &str, config: &Config) -> bool {
    let Some(path) = file(uri) else { return true };
    let path = Path::new(path.as_ref());
    let folders: Vec<&PathBuf> =
        std::iter::once(&config.openvidu_recording_path).chain(&config.madang_camera_folders).collect();
    let is_plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !path.is_absolute() || !is_plain || !folders.iter().any(|folder| path.starts_with(folder)) {
        return false;
    }
    // Where links lead counts, too. A file that is not there cannot be read anyway.
    let Ok(real) = tokio::fs::canonicalize(path).await else { return true };
    for folder in folders {
        if tokio::fs::canonicalize(folder).await.is_ok_and(|folder| real.starts_with(folder)) {
            return true;
        }
    }
    false
}

/// Of a camera's host, if it has one.
pub(crate) async fn ip(uri: &str) -> Option<String> {
    let host = host(uri)?;
    let found = tokio::time::timeout(LOOK_UP, tokio::net::lookup_host((host, 0))).await;
    let address = found.ok()?.ok()?.next()?;
    Some(address.ip().to_string())
}

fn host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    if scheme == "file" {
        return Some("127.0.0.1");
    }
    let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(ipv6) => ipv6.split(']').next()?,
        None => host.split(':').next()?,
    };
    Some(host).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_what_is_connected_to() {
        for (uri, expected) in [
            ("rtsp://h:554/a", Some("h")),
            ("http://u:p@1.2.3.4?x@y", Some("1.2.3.4")),
            ("rtsps://[::1]:322/a:b", Some("::1")),
            ("file:///a", Some("127.0.0.1")),
            ("rtsp:a", None),
            ("rtsp:///a", None),
        ] {
            assert_eq!(host(uri), expected, "{uri}");
        }
    }

    #[test]
    fn a_file_is_its_path() {
        assert_eq!(file("file:///a%20b"), Some("/a b".into()));
        assert_eq!(file("file:/a"), Some("/a".into()));
        assert_eq!(file("file://h/a"), Some("/a".into()));
        assert_eq!(file("file://h"), Some("".into()));
        assert_eq!(file("rtsp://h"), None);
    }
}
