//! An address that a broadcast goes to, and what it takes to send there.
//!
//! Addresses hold keys of channels: none of it is in what is printed, or told as the reason of a failure.

use std::fmt;

use gst::prelude::*;

/// See the module.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// `rtmp:` and `rtmps:`.
    Rtmp(RtmpTarget),
    /// `srt:`, whole.
    Srt(String),
}

/// An RTMP address in parts.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RtmpTarget {
    is_secure: bool,
    host: String,
    port: i32,
    application: String,
    stream: String,
    user: Option<String>,
    password: Option<String>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rtmp(RtmpTarget { is_secure: false, .. }) => "rtmp:",
            Self::Rtmp(RtmpTarget { is_secure: true, .. }) => "rtmps:",
            Self::Srt(_) => "srt:",
        })
    }
}

impl Target {
    /// An error is in the words of ffmpeg.
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let invalid = || "Invalid argument".to_owned();
        let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).ok_or_else(invalid)?;
        match scheme.as_str() {
            "rtmp" => RtmpTarget::new(url, false, 1935).map(Self::Rtmp).ok_or_else(invalid),
            "rtmps" => RtmpTarget::new(url, true, 443).map(Self::Rtmp).ok_or_else(invalid),
            "srt" => Ok(Self::Srt(url.to_owned())),
            _ => Err("Protocol not found".to_owned()),
        }
    }

    /// A description of a pipeline, for `gst-launch`: `sink` sends what `pictures` and `sound` put in.
    pub(super) fn description(&self, has_pictures: bool, has_sound: bool) -> String {
        // Without bounds: what waits is watched by who pushes.
        let source = |name: &str| format!("appsrc name={name} format=time max-bytes=0 max-buffers=0 max-time=0");
        let (mut description, pictures, sound) = match self {
            Self::Rtmp(_) => (
                "flvmux name=mux streamable=true ! rtmp2sink name=sink sync=false async=false".to_owned(),
                format!("{} ! mux.video", source("pictures")),
                format!("{} ! mux.audio", source("sound")),
            ),
            Self::Srt(_) => (
                "mpegtsmux name=mux alignment=7 ! \
                 srtsink name=sink sync=false async=false auto-reconnect=false wait-for-connection=false"
                    .to_owned(),
                format!(
                    "{} ! h264parse config-interval=-1 ! \
                     capsfilter caps=video/x-h264,stream-format=byte-stream,alignment=au ! mux.",
                    source("pictures")
                ),
                format!("{} ! aacparse ! mux.", source("sound")),
            ),
        };
        for part in [has_pictures.then_some(pictures), has_sound.then_some(sound)].into_iter().flatten() {
            description.push(' ');
            description.push_str(&part);
        }
        description
    }

    /// Tells the sink where to.
    pub(super) fn address(&self, sink: &gst::Element) {
        match self {
            Self::Rtmp(target) => {
                sink.set_property_from_str("scheme", if target.is_secure { "rtmps" } else { "rtmp" });
                sink.set_property("host", &target.host);
                sink.set_property("port", target.port);
                sink.set_property("application", &target.application);
                sink.set_property("stream", &target.stream);
                // Every packet of this size has a header of its own.
                sink.set_property("chunk-size", 4096u32);
                sink.set_property("timeout", 10u32);
                if target.user.is_some() {
                    sink.set_property("username", &target.user);
                    sink.set_property("password", &target.password);
                }
            }
            Self::Srt(url) => {
                sink.set_property("uri", url);
                // Whatever the address says, we do not listen.
                sink.set_property_from_str("mode", "caller");
            }
        }
    }
}

impl RtmpTarget {
    /// `rtmp://[user:password@]host[:port]/application[/instance][/stream]`, as ffmpeg reads it: with one part only there is no
    /// stream's name.
    fn new(url: &str, is_secure: bool, default_port: u16) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (host, port) = match place.strip_prefix('[') {
            Some(v6) => v6.split_once(']').map(|(host, rest)| (host, rest.strip_prefix(':')))?,
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Some(default_port), |port| port.parse().ok())?;
        let path = path.trim_start_matches('/');
        let before_query = path.split('?').next().unwrap_or_default();
        let (application, stream) = match before_query.rfind('/') {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (path, ""),
        };
        let (user, password) = login.split_once(':').map_or((login, None), |(user, word)| (user, Some(word)));
        (!host.is_empty()).then(|| Self {
            is_secure,
            host: host.to_owned(),
            port: port.into(),
            application: application.to_owned(),
            stream: stream.to_owned(),
            user: Some(decoded(user)).filter(|user| !user.is_empty()),
            password: password.map(decoded),
        })
    }
}

/// Without percent-encoding (RFC 3986 §2.1); what is none stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let code = others.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.filter(|_| *first == b'%').and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &others[2..] } else { others };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (bool, String, i32, String, String) {
        let Ok(Target::Rtmp(target)) = Target::new(url) else { panic!("{url} is one") };
        (target.is_secure, target.host, target.port, target.application, target.stream)
    }

    #[test]
    fn addresses_are_taken_apart_as_ffmpeg_does() {
        let of = |secure: bool, host: &str, port, application: &str, stream: &str| {
            (secure, host.to_owned(), port, application.to_owned(), stream.to_owned())
        };
        assert_eq!(parts("rtmp://127.0.0.1/live"), of(false, "127.0.0.1", 1935, "live", ""));
        assert_eq!(parts("rtmp://not.exists"), of(false, "not.exists", 1935, "", ""));
        assert_eq!(parts("rtmps://a.b:444/app/key?x=1/2"), of(true, "a.b", 444, "app", "key?x=1/2"));
        assert_eq!(parts("rtmp://a/live/inst/key"), of(false, "a", 1935, "live/inst", "key"));
        assert_eq!(parts("RTMPS://[::1]/live2/k-e_y"), of(true, "::1", 443, "live2", "k-e_y"));
        let Ok(Target::Rtmp(target)) = Target::new("rtmp://u%40v:p%@h/x/y") else { panic!() };
        assert_eq!((target.user.as_deref(), target.password.as_deref()), (Some("u@v"), Some("p%")));
    }

    #[test]
    fn what_it_cannot_be_is_told_in_the_words_of_ffmpeg() {
        assert_eq!(Target::new("schemefail://h/live").unwrap_err(), "Protocol not found");
        assert_eq!(Target::new("rtsp://h/live").unwrap_err(), "Protocol not found");
        for url in ["rtmp://", "rtmp://:5/x", "rtmp://h:port/x", "rtmp://h:70000/x", "rtmp://[::1/x"] {
            assert_eq!(Target::new(url).unwrap_err(), "Invalid argument", "{url}");
        }
    }

    #[test]
    fn keys_are_not_printed() {
        let target = Target::new("rtmp://user:pass@host/app/key").unwrap();
        assert_eq!(format!("{target:?}"), "rtmp:");
    }
}
