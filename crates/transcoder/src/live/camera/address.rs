//! Where a camera is, taken apart: who opens it has to know the password, and whoever reads what is said of it must not.

use std::fmt;

use percent_encoding::percent_decode_str;

/// An address as an application gave it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) kind: Kind,
    /// Without user and password. Of a file: its path.
    pub(super) location: String,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

/// How it is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Rtsp,
    Http,
    File,
}

impl Address {
    /// `None`: nothing that can be opened.
    pub(super) fn read(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.split_once(':')?;
        let kind = match scheme {
            "rtsp" | "rtsps" => Kind::Rtsp,
            "http" | "https" => Kind::Http,
            "file" => return Self::file(rest),
            _ => return None,
        };
        let rest = rest.strip_prefix("//")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority),
        };
        let (user, password) = match credentials.map(|text| text.split_once(':').unwrap_or((text, ""))) {
            Some((user, password)) => (Some(decoded(user)?), Some(decoded(password)?)),
            None => (None, None),
        };
        (!host.is_empty()).then(|| Self { kind, location: format!("{scheme}://{host}{path}"), user, password })
    }

    /// RFC 8089: with or without an empty host.
    fn file(rest: &str) -> Option<Self> {
        let path = match rest.strip_prefix("//") {
            Some(rest) => &rest[rest.find('/')?..],
            None => rest,
        };
        let location = decoded(path)?;
        location.starts_with('/').then_some(Self { kind: Kind::File, location, user: None, password: None })
    }

    /// A text of somebody who was given the address, without what is not for everybody: queries hold passwords, too.
    pub(super) fn redacted(&self, text: &str) -> String {
        let shown = self.location.split(['?', '#']).next().unwrap_or_default();
        let text = text.replace(&self.location, shown);
        match self.password.as_deref() {
            Some(password) if !password.is_empty() => text.replace(password, "…"),
            _ => text,
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Option<(Kind, String, Option<String>, Option<String>)> {
        Address::read(uri).map(|address| (address.kind, address.location, address.user, address.password))
    }

    #[test]
    fn credentials_are_taken_out_and_decoded() {
        let text = |text: &str| Some(text.to_owned());
        for (uri, expected) in [
            ("rtsp://h/a", (Kind::Rtsp, "rtsp://h/a", None, None)),
            ("rtsps://[::1]:322/a?b=c#d", (Kind::Rtsp, "rtsps://[::1]:322/a?b=c#d", None, None)),
            ("rtsp://u:p%40%3aw@h:554/a@b", (Kind::Rtsp, "rtsp://h:554/a@b", text("u"), text("p@:w"))),
            ("http://u@h", (Kind::Http, "http://h", text("u"), text(""))),
            ("https://u:p@q@h?x", (Kind::Http, "https://h?x", text("u"), text("p@q"))),
            ("file:///a%20b/c.mp4", (Kind::File, "/a b/c.mp4", None, None)),
            ("file:/a", (Kind::File, "/a", None, None)),
            ("file://localhost/a", (Kind::File, "/a", None, None)),
        ] {
            let (kind, location, user, password) = expected;
            assert_eq!(read(uri), Some((kind, location.to_owned(), user, password)), "{uri}");
        }
    }

    #[test]
    fn what_cannot_be_opened_is_none() {
        for uri in [
            "",
            "rtsp",
            "rtsp:h",
            "rtsp://",
            "rtsp://u:p@",
            "ftp://h/a",
            "RTSP://h",
            "file://h",
            "file:a",
            "http://%ff@h",
        ] {
            assert_eq!(read(uri), None, "{uri}");
        }
    }

    #[test]
    fn nothing_secret_is_told() {
        let address = Address::read("rtsp://eve:s3cret@h/a?token=42").unwrap();
        let told = "rtsp://h/a?token=42 does not let eve in with s3cret";
        assert_eq!(address.redacted(told), "rtsp://h/a does not let eve in with …");
        assert!(!format!("{address:?}").contains("s3cret"));
    }
}
