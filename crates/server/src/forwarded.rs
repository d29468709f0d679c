//! The headers in which proxies tell whom they speak for, and how they were asked: their names, and what stands in them.
//!
//! Whether a proxy is believed is decided in [`crate::forwarding`]: of others these headers never get here.

use axum::http::HeaderMap;

pub(crate) const REAL_IP: &str = "x-real-ip";
pub(crate) const FORWARDED_FOR: &str = "x-forwarded-for";
/// RFC 7239.
pub(crate) const FORWARDED: &str = "forwarded";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_PORT: &str = "x-forwarded-port";
const FORWARDED_SSL: &str = "x-forwarded-ssl";
const SCHEME: &str = "x-scheme";

/// Those that tell who the client is.
const WHO: [&str; 3] = [REAL_IP, FORWARDED_FOR, FORWARDED];
/// Those that tell how it found the proxy.
const HOW: [&str; 5] = [FORWARDED_PROTO, FORWARDED_HOST, FORWARDED_PORT, FORWARDED_SSL, SCHEME];

/// Whether there is any of them.
pub(crate) fn speaks_for_others(headers: &HeaderMap) -> bool {
    WHO.iter().chain(&HOW).any(|name| headers.contains_key(*name))
}

/// Whether one of them names a client.
pub(crate) fn names_a_client(headers: &HeaderMap) -> bool {
    WHO.iter().any(|name| headers.contains_key(*name))
}

/// Takes them all out.
pub(crate) fn remove(headers: &mut HeaderMap) {
    for name in WHO.iter().chain(&HOW) {
        headers.remove(*name);
    }
}

/// All lines of a header as one (RFC 9110 §5.2): a proxy may add a line of its own behind that of the client.
pub(crate) fn whole(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// Whether the client's connection was encrypted, if anybody says so.
pub(crate) fn is_secure(headers: &HeaderMap) -> Option<bool> {
    let scheme = |text: &str| {
        let is = |words: [&str; 2]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        if is(["https", "wss"]) { Some(true) } else { is(["http", "ws"]).then_some(false) }
    };
    let switch = |text: &str| match text {
        _ if text.eq_ignore_ascii_case("on") => Some(true),
        _ if text.eq_ignore_ascii_case("off") => Some(false),
        _ => None,
    };
    first(headers, FORWARDED_PROTO)
        .and_then(scheme)
        .or_else(|| first(headers, FORWARDED).and_then(|element| parameter(element, "proto")).and_then(scheme))
        .or_else(|| first(headers, SCHEME).and_then(scheme))
        .or_else(|| first(headers, FORWARDED_SSL).and_then(switch))
}

/// What the client found in its address bar: `host[:port]`.
pub(crate) fn host(headers: &HeaderMap) -> Option<&str> {
    let forwarded = || first(headers, FORWARDED).and_then(|element| parameter(element, "host"));
    first(headers, FORWARDED_HOST).or_else(forwarded)
}

/// The port that it used.
pub(crate) fn port(headers: &HeaderMap) -> Option<&str> {
    first(headers, FORWARDED_PORT)
}

/// Each proxy adds itself behind: the first one is what the caller saw.
fn first<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim)
}

/// A parameter of an element of `Forwarded`, without its quotes.
pub(crate) fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(known, _)| known.trim().eq_ignore_ascii_case(name))?.1.trim();
    Some(value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(headers: &[(&'static str, &str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn every_proxys_way_to_say_https_is_understood() {
        for (name, value, secure) in [
            ("x-forwarded-proto", "https", Some(true)),
            ("x-forwarded-proto", "HTTPS", Some(true)),
            ("x-forwarded-proto", "wss, http", Some(true)),
            ("x-forwarded-proto", "http", Some(false)),
            ("x-forwarded-proto", "gopher", None),
            ("x-scheme", "https", Some(true)),
            ("x-forwarded-ssl", "on", Some(true)),
            ("x-forwarded-ssl", "Off", Some(false)),
            ("forwarded", "for=192.0.2.1; Proto=https, for=10.0.0.1;proto=http", Some(true)),
            ("forwarded", "for=192.0.2.1", None),
            ("x-real-ip", "192.0.2.1", None),
        ] {
            assert_eq!(is_secure(&headers(&[(name, value)])), secure, "{name}: {value}");
        }
    }

    #[test]
    fn the_host_is_what_the_first_proxy_was_asked_for() {
        assert_eq!(host(&headers(&[("x-forwarded-host", "a.example.org:8443, b")])), Some("a.example.org:8443"));
        assert_eq!(
            host(&headers(&[("forwarded", "proto=https;host=\"a.example.org:8443\"")])),
            Some("a.example.org:8443")
        );
        assert_eq!(host(&headers(&[("forwarded", "for=192.0.2.1")])), None);
    }

    #[test]
    fn nothing_of_them_is_left() {
        let mut all: HeaderMap = headers(&[("x-real-ip", "a"), ("forwarded", "b"), ("x-scheme", "c"), ("host", "h")]);
        assert!(speaks_for_others(&all));
        remove(&mut all);
        assert!(!speaks_for_others(&all) && all.len() == 1);
    }
}
