//! How a caller reached the server. Tokens point the caller's own clients back to the same place.
//!
//! Everything here can be made up by the caller, but for what a proxy says (see [`crate::forwarded`]); what does not look
//! like an address is not used.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use settings::Config;

use crate::connection::Connection;
use crate::container_names::ContainerNames;
use crate::forwarded;
use crate::state::Settings;

/// A scheme and an address that clients can use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Origin {
    secure: bool,
    /// `host[:port]`, without the scheme's own port.
    authority: String,
}

impl Origin {
    /// `http[s]://host[:port]`.
    pub(crate) fn http(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }

    /// `ws[s]://host[:port]`.
    pub(crate) fn web_socket(&self) -> String {
        format!("{}://{}", if self.secure { "wss" } else { "ws" }, self.authority)
    }

    /// `host[:port]`, without the scheme's own port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// IPv6 in brackets.
    pub(crate) fn host(&self) -> &str {
        split_port(&self.authority).0
    }

    pub(crate) fn new(secure: bool, host: &str, port: Option<u16>) -> Self {
        let standard = if secure { 443 } else { 80 };
        let authority = match port {
            Some(port) if port != standard => format!("{host}:{port}"),
            _ => host.to_owned(),
        };
        Self { secure, authority }
    }
}

/// Where clients of the caller shall connect to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Caller(pub(crate) Origin);

impl<S: Sync> FromRequestParts<S> for Caller
where
    Settings: FromRef<S>,
    Arc<ContainerNames>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let (settings, names) = (Settings::from_ref(state), Arc::<ContainerNames>::from_ref(state));
        Ok(Self(public_origin(&settings, &names, &parts.headers, &parts.extensions)))
    }
}

/// What the operator set, else what the caller used.
fn public_origin(config: &Config, names: &ContainerNames, headers: &HeaderMap, extensions: &Extensions) -> Origin {
    match config.domain_or_public_ip.for_url() {
        // A public name is served with TLS, by us or by a proxy; `localhost` is for development and may be either.
        Some(host) => {
            let encrypted = config.domain_or_public_ip.is_public() || is_secure(headers, extensions);
            let secure = encrypted && !config.force_plain_http;
            Origin::new(secure, &host, Some(config.https_port()))
        }
        None => {
            let requested = requested_origin(headers, extensions, config.server_port);
            // What a browser has asked for, itself or through a proxy, it can ask for again.
            let by_browser = forwarded::host(headers).is_some() || is_browser(headers);
            if !by_browser && names.has(requested.host()) {
                let authority = requested.authority.replacen(requested.host(), "localhost", 1);
                Origin { authority, ..requested }
            } else {
                requested
            }
        }
    }
}

/// What the caller used, seen through a proxy in front of us.
pub(crate) fn requested_origin(headers: &HeaderMap, extensions: &Extensions, server_port: u16) -> Origin {
    let secure = is_secure(headers, extensions);
    let forwarded_port = forwarded::port(headers).and_then(parse_port);
    let forwarded_host = forwarded::host(headers).filter(|host| is_authority(host));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(|host| is_authority(host));
    match forwarded_host.or(host) {
        Some(authority) => {
            let (host, port) = split_port(authority);
            Origin::new(secure, host, port.and_then(parse_port).or(forwarded_port))
        }
        None => Origin::new(secure, "localhost", Some(server_port)),
    }
}

/// Programs on servers say none of these (Fetch §3.1, Fetch Metadata §2).
fn is_browser(headers: &HeaderMap) -> bool {
    [header::ORIGIN.as_str(), "sec-fetch-site", "sec-fetch-mode"].iter().any(|name| headers.contains_key(*name))
}

/// Whether the caller's browser sees HTTPS.
pub(crate) fn is_secure(headers: &HeaderMap, extensions: &Extensions) -> bool {
    let is_encrypted = || extensions.get::<Connection>().is_some_and(|connection| connection.tls);
    forwarded::is_secure(headers).unwrap_or_else(is_encrypted)
}

/// `host[:port]`, where the host is a name, an IPv4 address or an IPv6 address in brackets.
fn is_authority(text: &str) -> bool {
    let (host, port) = split_port(text);
    let is_host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            let is_label = |label: &str| {
                !label.is_empty()
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            };
            host.len() <= 253 && host.split('.').all(is_label)
        }
    };
    is_host && port.is_none_or(|port| parse_port(port).is_some())
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(config: &Config, headers: &[(&'static str, &str)]) -> String {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        public_origin(config, &ContainerNames::default(), &headers, &Extensions::new()).web_socket()
    }

    #[test]
    fn a_token_points_to_where_the_caller_found_us() {
        for (host, expected) in [
            ("localhost:4443", "ws://localhost:4443"),
            ("192.168.0.7:4443", "ws://192.168.0.7:4443"),
            ("call.example.org", "ws://call.example.org"),
            ("call.example.org:80", "ws://call.example.org"),
            ("[2001:db8::1]:4443", "ws://[2001:db8::1]:4443"),
            ("[2001:db8::1]", "ws://[2001:db8::1]"),
        ] {
            assert_eq!(origin(&Config::default(), &[("host", host)]), expected);
        }
    }

    #[test]
    fn a_proxy_knows_better() {
        for (headers, expected) in [
            (&[("x-forwarded-proto", "https")][..], "wss://inner.example.org:4443"),
            (&[("x-forwarded-proto", "https, http"), ("x-forwarded-host", "a.example.org, b")], "wss://a.example.org"),
            (&[("x-forwarded-proto", "https"), ("x-forwarded-host", "a:443")], "wss://a"),
            (&[("x-forwarded-host", "a"), ("x-forwarded-port", "8443")], "ws://a:8443"),
            (&[("x-forwarded-host", "evil/path"), ("x-forwarded-port", "0")], "ws://inner.example.org:4443"),
        ] {
            let headers = [&[("host", "inner.example.org:4443")], headers].concat();
            assert_eq!(origin(&Config::default(), &headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn names_that_only_containers_know_lead_to_this_machine() {
        for (headers, expected) in [
            (&[("host", "openvidu:4443")][..], "ws://localhost:4443"),
            (&[("host", "host.docker.internal:5443")], "ws://localhost:5443"),
            (&[("host", "172.17.0.1:4443")], "ws://localhost:4443"),
            (&[("host", "openvidu")], "ws://localhost"),
            (&[("host", "openvidu:4443"), ("x-forwarded-proto", "https")], "wss://localhost:4443"),
            (&[("host", "openvidu:4443"), ("x-forwarded-host", "intranet")], "ws://intranet"),
            (&[("host", "desk:4443"), ("origin", "http://desk:4443")], "ws://desk:4443"),
            (&[("host", "desk:4443"), ("sec-fetch-site", "same-origin")], "ws://desk:4443"),
        ] {
            assert_eq!(origin(&Config::default(), headers), expected, "{headers:?}");
        }
        let named = Config { domain_or_public_ip: "openvidu".parse().unwrap(), ..Config::default() };
        assert_eq!(origin(&named, &[("host", "a:4443")]), "wss://openvidu:4443", "the operator knows");
    }

    #[test]
    fn what_is_no_address_is_not_used() {
        for host in [
            "", "a b", "a/b", "a@b", "a?x", "a#x", "a:0", "a:x", "a:99999", "a:+5", "[::1", "[x]", "::1", "a..b",
            "\"a\"", "<script>", "a:80:80", ".", "a%00",
        ] {
            assert_eq!(origin(&Config::default(), &[("host", host)]), "ws://localhost:4443", "{host}");
        }
        assert_eq!(origin(&Config::default(), &[]), "ws://localhost:4443");
    }

    #[test]
    fn what_the_operator_set_overrides_all() {
        let set = |domain: &str, port| Config {
            domain_or_public_ip: domain.parse().unwrap(),
            https_port: port,
            ..Config::default()
        };
        let headers = [("host", "inner:4443"), ("x-forwarded-proto", "http"), ("x-forwarded-host", "other")];
        assert_eq!(origin(&set("ov.example.org", Some(443)), &headers), "wss://ov.example.org");
        assert_eq!(origin(&set("ov.example.org", None), &headers), "wss://ov.example.org:4443");
        assert_eq!(origin(&set("2001:db8::1", Some(443)), &headers), "wss://[2001:db8::1]");
        let plain = Config { force_plain_http: true, ..set("ov.example.org", Some(8080)) };
        assert_eq!(origin(&plain, &headers), "ws://ov.example.org:8080");
        let plain = Config { force_plain_http: true, ..set("ov.example.org", Some(80)) };
        assert_eq!(origin(&plain, &headers), "ws://ov.example.org");
        assert_eq!(origin(&set("localhost", None), &headers), "ws://localhost:4443");
        assert_eq!(origin(&set("localhost", None), &[("x-forwarded-proto", "https")]), "wss://localhost:4443");
    }
}
