//! Where webhooks go, and with which headers: the configuration's texts made into what a request needs.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use protocol::event::EventName;
use rustls::pki_types::ServerName;

/// One receiver.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// Name or IP address, without brackets.
    pub(super) host: String,
    /// TCP port.
    pub(super) port: u16,
    /// Set if TLS is spoken: the name that is asked for.
    pub(super) tls: Option<ServerName<'static>>,
}

/// Where to, with what, and what for.
#[derive(Clone)]
pub struct Destination {
    pub(super) address: Address,
    /// Path with query.
    pub(super) target: Uri,
    /// All but `Content-Length`, in the order in which they are sent.
    headers: Vec<(HeaderName, HeaderValue)>,
    host: HeaderValue,
    events: Vec<EventName>,
}

/// Why a destination cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DestinationError {
    /// The address.
    #[error("Is not a valid URL. String '{text}' has not a valid URL format: {rule}")]
    Endpoint {
        /// As given.
        text: String,
        /// What it must be.
        rule: &'static str,
    },
    /// A header's form.
    #[error("HTTP header syntax is not correct. Must be 'HEADER_NAME: HEADER_VALUE'")]
    HeaderSyntax,
    /// A header that only the sender of a request can know.
    #[error("HTTP header '{name}' is set by the server itself")]
    HeaderReserved {
        /// Which.
        name: HeaderName,
    },
}

impl Destination {
    /// `endpoint`: an `http` or `https` URL; `headers`: each `Name: Value`; `events`: those that are sent.
    ///
    /// # Errors
    /// The URL or a header cannot be used.
    pub fn new(endpoint: &str, headers: &[String], events: Vec<EventName>) -> Result<Self, DestinationError> {
        let bad = |rule| DestinationError::Endpoint { text: endpoint.to_owned(), rule };
        let uri = Uri::from_str(endpoint).map_err(|_| bad("it cannot be read as a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(bad("it needs a scheme and a host"));
        };
        let secure = *scheme == Scheme::HTTPS;
        if !secure && *scheme != Scheme::HTTP {
            return Err(bad("the scheme must be http or https"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match secure {
            true => Some(ServerName::try_from(host.clone()).map_err(|_| bad("the host is not a name"))?),
            false => None,
        };
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let mut headers = headers.iter().map(|text| header(text)).collect::<Result<Vec<_>, _>>()?;
        if !headers.iter().any(|(name, value)| name == CONTENT_TYPE && value == "application/json") {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        if let Some(credentials) = credentials(authority)
            && !headers.iter().any(|(name, _)| name == AUTHORIZATION)
        {
            headers.push((AUTHORIZATION, credentials));
        }
        Ok(Self {
            address: Address { host, port, tls },
            target: target.parse().map_err(|_| bad("the path cannot be read"))?,
            headers,
            host: host_header(authority).ok_or_else(|| bad("the host is not a name"))?,
            events,
        })
    }

    /// Whether an event passes the filter.
    pub(super) fn wants(&self, event: EventName) -> bool {
        self.events.contains(&event)
    }

    /// The head of a request in its order: configured headers, `Content-Type`, `Content-Length`, `Host`, `Connection`.
    pub(super) fn request_headers(&self, body_length: usize) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.headers.len() + 3);
        for (name, value) in &self.headers {
            map.append(name, value.clone());
        }
        map.insert(CONTENT_LENGTH, HeaderValue::from(body_length));
        map.entry(HOST).or_insert_with(|| self.host.clone());
        map.insert(CONNECTION, HeaderValue::from_static("Keep-Alive"));
        map
    }
}

/// Only scheme, host and port: the rest may hold a secret.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address { host, port, tls } = &self.address;
        let scheme = if tls.is_some() { "https" } else { "http" };
        if host.contains(':') { write!(f, "{scheme}://[{host}]:{port}") } else { write!(f, "{scheme}://{host}:{port}") }
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("address", &self.address)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), DestinationError> {
    let syntax = || DestinationError::HeaderSyntax;
    let (name, value) = text.split_once(':').ok_or_else(syntax)?;
    let name = HeaderName::from_str(name.trim()).map_err(|_| syntax())?;
    let value = value.trim();
    if value.is_empty() {
        return Err(syntax());
    }
    if [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].contains(&name) {
        return Err(DestinationError::HeaderReserved { name });
    }
    Ok((name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| syntax())?))
}

fn host_header(authority: &Authority) -> Option<HeaderValue> {
    let text = authority.as_str();
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    HeaderValue::from_str(host).ok()
}

/// `user:password@` in the address.
fn credentials(authority: &Authority) -> Option<HeaderValue> {
    let (user, _) = authority.as_str().rsplit_once('@')?;
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(user))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
