//! `customIceServers` (RFC 7064 and RFC 7065 URIs, one per entry).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use utoipa::openapi::schema::{AnyOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::super::schema::{any_of, null, object, one};
use super::body::{Fields, InvalidParameter};

/// An entry as it was asked for. A shared secret becomes credentials before anybody sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestedIceServer {
    /// Valid.
    pub url: String,
    /// How clients prove themselves to it.
    pub credentials: IceCredentials,
}

/// How clients prove themselves to an ICE server.
#[derive(Clone, PartialEq, Eq)]
pub enum IceCredentials {
    /// STUN.
    None,
    /// TURN with a fixed user.
    Given {
        /// TURN user name.
        username: String,
        /// TURN password.
        credential: String,
    },
    /// TURN whose users are made up from a secret that its server knows too.
    SharedSecret(String),
}

impl fmt::Debug for IceCredentials {
    /// Logs must not hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Given { .. } => "Given",
            Self::SharedSecret(_) => "SharedSecret",
        })
    }
}

pub(super) fn ice_servers(fields: &Fields<'_>) -> Result<Vec<RequestedIceServer>, InvalidParameter> {
    fields.objects("customIceServers")?.iter().map(ice_server).collect()
}

/// The form of an entry, for the OpenAPI document.
pub(super) fn ice_server_schema() -> RefOr<Schema> {
    let written = || any_of([Type::String, Type::Number, Type::Boolean]);
    let url = |schemes: &str, query: &str| {
        let label = "[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
        // A last label of digits alone would be a mistyped IPv4 address.
        let domain = format!(r"({label}\.)*(?![0-9]+(:|\?|$)){label}");
        let byte = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
        let ipv4 = format!(r"({byte}\.){{3}}{byte}");
        let group = "[0-9a-fA-F]{1,4}";
        let ipv6 = format!(r"\[(({group}:){{7}}{group}|({group}(:{group}){{0,5}})?::({group}(:{group}){{0,5}})?)\]");
        let port = "(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?";
        let pattern = format!("^{schemes}:({domain}|{ipv4}|{ipv6}){port}{query}$");
        RefOr::from(Schema::from(one(Type::String).pattern(Some(pattern))))
    };
    let turn = || url("turns?", r"(\?transport=(tcp|udp))?");
    let stun = object([("url", url("stuns?", ""))]).title(Some("STUN"));
    let turn_with_user =
        object([("url", turn()), ("username", written().into()), ("credential", written().into())]).title(Some("TURN"));
    let turn_with_secret = object([("url", turn()), ("staticAuthSecret", written().into())])
        .title(Some("TURN with a shared secret"))
        .description(Some("Users are made up from it; clients never see it"));
    let or_null = any_of([Type::String, Type::Number, Type::Boolean, Type::Null]);
    AnyOfBuilder::new()
        .item(stun.property("username", null()).property("credential", null()).property("staticAuthSecret", or_null))
        .item(turn_with_user.property("staticAuthSecret", null()))
        .item(turn_with_secret.property("username", null()).property("credential", null()))
        .into()
}

fn ice_server(fields: &Fields<'_>) -> Result<RequestedIceServer, InvalidParameter> {
    let url = fields.written("url")?.ok_or_else(|| fields.invalid("url", "is mandatory"))?;
    let kind = check_url(&url).map_err(|rule| fields.invalid("url", rule))?;
    let username = fields.written("username")?;
    let credential = fields.written("credential")?;
    let secret = fields.written("staticAuthSecret")?;
    let credentials = match (kind, username, credential, secret) {
        (Kind::Stun, None, None, _) => IceCredentials::None,
        (Kind::Stun, Some(_), ..) => return Err(fields.invalid("username", "must be absent with stun and stuns")),
        (Kind::Stun, None, Some(_), _) => {
            return Err(fields.invalid("credential", "must be absent with stun and stuns"));
        }
        (Kind::Turn, None, None, Some(secret)) => IceCredentials::SharedSecret(secret),
        (Kind::Turn, _, _, Some(_)) => {
            return Err(fields.invalid("staticAuthSecret", "must be absent with username or credential"));
        }
        (Kind::Turn, Some(username), Some(credential), None) => IceCredentials::Given { username, credential },
        (Kind::Turn, None, ..) => return Err(fields.invalid("username", "is mandatory with turn and turns")),
        (Kind::Turn, Some(_), None, _) => return Err(fields.invalid("credential", "is mandatory with turn and turns")),
    };
    Ok(RequestedIceServer { url, credentials })
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Stun,
    Turn,
}

fn check_url(url: &str) -> Result<Kind, &'static str> {
    let (kind, rest) = match url.split_once(':') {
        Some(("stun" | "stuns", rest)) => (Kind::Stun, rest),
        Some(("turn" | "turns", rest)) => (Kind::Turn, rest),
        _ => return Err("must begin with stun:, stuns:, turn: or turns:"),
    };
    let (address, query) = match rest.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (rest, None),
    };
    match (kind, query) {
        (_, None) | (Kind::Turn, Some("transport=tcp" | "transport=udp")) => {}
        (Kind::Turn, Some(_)) => return Err("may have ?transport=tcp or ?transport=udp and no other query"),
        (Kind::Stun, Some(_)) => return Err("must not have a query with stun and stuns"),
    }
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (ip, port) = rest.split_once(']').ok_or("must close the bracket of an IPv6 address")?;
            ip.parse::<Ipv6Addr>().map_err(|_| "must have an IPv6 address between brackets")?;
            let port =
                if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or("must have :port after ]")?) };
            (None, port)
        }
        None => match address.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(address), None),
        },
    };
    if host.is_some_and(|host| host.parse::<Ipv4Addr>().is_err() && !is_domain(host)) {
        return Err("must have a domain name, an IPv4 address or an IPv6 address between brackets as host");
    }
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    if port.is_some_and(|port| !is_port(port)) {
        return Err("must have a port from 1 to 65535, or none");
    }
    Ok(kind)
}

/// RFC 1123 labels, of which the last one is no number: else it would be a mistyped IPv4 address.
fn is_domain(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric_end = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    host.len() <= 253 && host.split('.').all(is_label) && !numeric_end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_stun_and_turn_are_told_apart() {
        for url in ["stun:stun.example.com", "stuns:1.2.3.4:5349", "stun:localhost", "stun:[2001:db8::1]"] {
            assert_eq!(check_url(url), Ok(Kind::Stun), "{url}");
        }
        for url in
            ["turn:a.example.com", "turns:[2001:db8::1]:443", "turn:h:3478?transport=tcp", "turn:h?transport=udp"]
        {
            assert_eq!(check_url(url), Ok(Kind::Turn), "{url}");
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for url in [
            "",
            "stun",
            "http:a.example.com",
            "STUN:a.example.com",
            "stun://a.example.com",
            "stun:",
            "stun:a_b",
            "stun:a.1",
            "stun:1.2.3.4.5",
            "stun:a.example.com:0",
            "stun:a.example.com:65536",
            "stun:a.example.com:x",
            "stun:a:",
            "stun:a.example.com:+5",
            "stun:a?transport=udp",
            "turn:a?x=y",
            "turn:a?transport=tls",
            "turn:[::1",
            "turn:[::1]5",
            "turn:[x]",
            "turn:::1",
            "turn:-a.example.com",
            "turn:a..b",
            "turn:user@host",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn credentials_are_not_logged() {
        let given = IceCredentials::Given { username: "user".into(), credential: "pass".into() };
        let logged = format!("{given:?} {:?}", IceCredentials::SharedSecret("hush".into()));
        assert!(!logged.contains("pass") && !logged.contains("hush"));
    }
}
