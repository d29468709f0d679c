//! Where a server is, whom its certificate must be signed by, and connections to it. What is spoken over them is not its
//! business.

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

use crate::ClientError;

/// For a name, a connection, a handshake: each.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// A byte stream, encrypted or not.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Which certificates are taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trust<'a> {
    /// Beside those that browsers and this machine trust: the authority in this file, PEM or DER.
    pub authority: Option<&'a Path>,
    /// Any.
    pub insecure: bool,
}

/// See the module.
#[derive(Clone)]
pub struct ServerAddress {
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
    /// Of a URL; what follows the port does not matter. Of its addresses the first that takes a connection.
    ///
    /// # Errors
    /// It is no such URL, the authority cannot be read, or nobody takes a connection.
    pub async fn find(url: &str, trust: Trust<'_>) -> Result<Self, ClientError> {
        let Place { secure, authority, host, port } =
            Place::read(url).map_err(|rule| ClientError::Url { url: without_user(url), rule })?;
        let tls = match (secure, trust.insecure) {
            (false, _) => None,
            (true, true) => Some(Arc::new(certificates::unverified::client())),
            (true, false) => {
                let config = certificates::verified::client_of_machine(trust.authority).map_err(|error| {
                    let file = trust.authority.map(|file| file.display().to_string()).unwrap_or_default();
                    ClientError::Authority { file, why: error.to_string() }
                })?;
                Some(Arc::new(config))
            }
        };
        let url = format!("{}://{authority}", if secure { "https" } else { "http" });
        let address = first_that_listens(&host, port).await.map_err(|error| unreachable_server(&url, &error))?;
        Ok(Self { url, authority, host, address, tls })
    }

    /// Where its packets go to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// As it is told to people.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// As a client writes it: with the port, if it is not that of the scheme.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Of a WebSocket; `path` begins with a slash, and may have a query.
    pub fn websocket_url(&self, path: &str) -> String {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}{path}", self.authority)
    }

    /// A new one.
    ///
    /// # Errors
    /// It could not be made in time. See [`ServerAddress::explain`].
    pub async fn connect(&self) -> io::Result<Box<dyn Stream>> {
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

    /// What a failure of [`ServerAddress::connect`] means.
    pub fn explain(&self, error: &io::Error) -> ClientError {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(why)) => {
                ClientError::Untrusted { url: self.url.clone(), why: reason(why) }
            }
            _ => unreachable_server(&self.url, error),
        }
    }
}

/// In a person's words, where it is one of the usual ones.
fn reason(why: &rustls::CertificateError) -> String {
    use rustls::CertificateError as Why;
    match why {
        Why::UnknownIssuer => "it is signed by nobody who is trusted here".to_owned(),
        Why::Expired | Why::ExpiredContext { .. } => "it has expired".to_owned(),
        Why::NotValidYet | Why::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        Why::NotValidForName | Why::NotValidForNameContext { .. } => "it is for another name".to_owned(),
        other => format!("{other:?}"),
    }
}

/// What a URL says.
#[derive(PartialEq, Eq, Debug)]
struct Place {
    secure: bool,
    authority: String,
    /// IPv6 without brackets.
    host: String,
    port: u16,
}

impl Place {
    /// Or the rule that it breaks.
    fn read(url: &str) -> Result<Self, String> {
        const SCHEMES: &str = "must begin with http:// or https://";

        // `host:4443` would be read as a scheme and a path.
        if !url.contains("://") {
            let meant = url.trim_start_matches('/');
            let meant = (!meant.is_empty()).then(|| format!("; is https://{meant} meant?"));
            return Err(format!("{SCHEMES}{}", meant.unwrap_or_default()));
        }
        let uri: Uri = url.parse().map_err(|_| "is not a URL".to_owned())?;
        let secure = match uri.scheme_str() {
            // The second of each is how those write it whose clients know a WebSocket only.
            Some("http" | "ws") => false,
            Some("https" | "wss") => true,
            _ => return Err(SCHEMES.to_owned()),
        };
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default().to_owned();
        if authority.is_empty() || authority.contains('@') {
            return Err("must have a host, and no user".to_owned());
        }
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { secure, authority, host, port })
    }
}

/// A URL as it may be shown: who wrote a user into it has written a password, too.
fn without_user(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("{scheme}://…@{host}"),
        None => url.to_owned(),
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

fn unreachable_server(url: &str, error: &io::Error) -> ClientError {
    ClientError::Unreachable { url: url.to_owned(), why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_from_a_url() {
        for (url, secure, host, port) in [
            ("https://call.example.org/", true, "call.example.org", 443),
            ("http://localhost:4443/x?y", false, "localhost", 4443),
            ("wss://[2001:db8::1]:4443", true, "2001:db8::1", 4443),
            ("ws://192.0.2.1", false, "192.0.2.1", 80),
        ] {
            let place = Place::read(url).unwrap();
            assert_eq!((place.secure, place.host.as_str(), place.port), (secure, host, port), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_server_is_answered_with_what_may_be_meant() {
        for (wrong, told) in [
            ("call.example.org:4443", "is https://call.example.org:4443 meant?"),
            ("//call.example.org", "is https://call.example.org meant?"),
            ("", "must begin with http:// or https://"),
            ("ftp://a", "must begin with http:// or https://"),
            ("https://", "is not a URL"),
            ("https://user:hush@a", "no user"),
            ("https://a b", "is not a URL"),
        ] {
            let rule = Place::read(wrong).unwrap_err();
            assert!(rule.contains(told), "{wrong}: {rule}");
        }
        assert_eq!(without_user("https://user:hush@a:1/b"), "https://…@a:1/b");
        assert_eq!(without_user("a.example.org:4443"), "a.example.org:4443");
    }
}
