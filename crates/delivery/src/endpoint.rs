//! Where something is posted to: a URL made into what a connection and a request need.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use rustls::pki_types::ServerName;

/// One receiver.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// Name or IP address, without brackets.
    pub(crate) host: String,
    /// TCP port.
    pub(crate) port: u16,
    /// Set if TLS is spoken: the name that is asked for.
    pub(crate) tls: Option<ServerName<'static>>,
}

/// Where to, and with which headers.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) address: Address,
    /// Path with query.
    pub(crate) target: Uri,
    /// All but `Content-Length`, in the order in which they are sent.
    headers: Vec<(HeaderName, HeaderValue)>,
    host: HeaderValue,
}

/// What a URL must be, and is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct UnusableUrl(pub &'static str);

impl Endpoint {
    /// `url`: of `http` or `https`. Credentials in it are sent, unless `headers` have others.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn new(url: &str, mut headers: Vec<(HeaderName, HeaderValue)>) -> Result<Self, UnusableUrl> {
        let uri = Uri::from_str(url).map_err(|_| UnusableUrl("it cannot be read as a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(UnusableUrl("it needs a scheme and a host"));
        };
        let secure = *scheme == Scheme::HTTPS;
        if !secure && *scheme != Scheme::HTTP {
            return Err(UnusableUrl("the scheme must be http or https"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match secure {
            true => Some(ServerName::try_from(host.clone()).map_err(|_| UnusableUrl("the host is not a name"))?),
            false => None,
        };
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        if let Some(credentials) = credentials(authority)
            && !headers.iter().any(|(name, _)| name == AUTHORIZATION)
        {
            headers.push((AUTHORIZATION, credentials));
        }
        Ok(Self {
            address: Address { host, port, tls },
            target: target.parse().map_err(|_| UnusableUrl("the path cannot be read"))?,
            headers,
            host: host_header(authority).ok_or(UnusableUrl("the host is not a name"))?,
        })
    }

    /// Whether only the sender of a request can know such a header.
    pub fn reserves(name: &HeaderName) -> bool {
        [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].contains(name)
    }

    /// The head of a request in its order: configured headers, `Content-Length`, `Host`, `Connection`.
    pub(crate) fn request_headers(&self, body_length: usize) -> HeaderMap {
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
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address { host, port, tls } = &self.address;
        let scheme = if tls.is_some() { "https" } else { "http" };
        if host.contains(':') { write!(f, "{scheme}://[{host}]:{port}") } else { write!(f, "{scheme}://{host}:{port}") }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("address", &self.address).finish_non_exhaustive()
    }
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
