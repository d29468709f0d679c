//! The server under test: where it is, and connections to it. What is spoken over them is not its business.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::LoadTestError;

/// For a connection, a handshake, an answer: each.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// A byte stream, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// See the module.
pub(crate) struct ServerAddress {
    /// Without a path.
    url: String,
    /// As a client writes it: with the port, if it is not that of the scheme.
    authority: String,
    /// IPv6 without brackets.
    host: String,
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

impl ServerAddress {
    /// Of a URL; what follows the port does not matter. `trust`: see [`certificates::verified::client`].
    pub(crate) async fn find(url: &str, trust: Option<&Path>, insecure: bool) -> Result<Self, LoadTestError> {
        let invalid = |why: &str| LoadTestError::Options(format!("--url {url}: {why}"));
        let uri: Uri = url.parse().map_err(|_| invalid("is not a URL"))?;
        let is_secure = match uri.scheme_str() {
            // The second of each is how those write it whose clients know a WebSocket only.
            Some("http" | "ws") => false,
            Some("https" | "wss") => true,
            _ => return Err(invalid("must begin with http:// or https://")),
        };
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        if authority.is_empty() || authority.contains('@') {
            return Err(invalid("must have a host, and no user"));
        }
        let tls = match (is_secure, insecure) {
            (false, _) => None,
            (true, true) => Some(certificates::unverified::client()),
            (true, false) => Some(
                certificates::verified::client(trust)
                    .map_err(|error| LoadTestError::Options(format!("--trust: {error}")))?,
            ),
        };
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let scheme = if is_secure { "https" } else { "http" };
        let url = format!("{scheme}://{authority}");
        let address = first_that_listens(&host, port).await.map_err(|error| unreachable_server(&url, &error))?;
        Ok(Self { url, authority: authority.to_owned(), host, address, tls: tls.map(Arc::new) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// As it is told to people.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// As a client writes it: with the port, if it is not that of the scheme.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Of a WebSocket; `path` begins with a slash, and may have a query.
    pub(crate) fn websocket_url(&self, path: &str) -> String {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}{path}", self.authority)
    }

    pub(crate) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let open = async {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let Some(tls) = &self.tls else {
                return Ok(Box::new(stream) as Box<dyn Stream>);
            };
            let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
            let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        };
        timeout(PATIENCE, open).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

async fn first_that_listens(host: &str, port: u16) -> io::Result<SocketAddr> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let addresses = timeout(PATIENCE, lookup_host((host, port))).await.map_err(|_| io::ErrorKind::TimedOut)?;
    for address in addresses? {
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(address),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}

pub(crate) fn unreachable_server(url: &str, error: &io::Error) -> LoadTestError {
    LoadTestError::Unreachable { url: url.to_owned(), why: error.to_string() }
}
