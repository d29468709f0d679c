//! One connection to the server under examination, opened as a client's would be, and one request on it. Certificates are
//! taken as they are: they are looked at elsewhere.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use certificates::unverified;

/// For a name, a connection, a handshake, a request (unless said otherwise): each. Who is slower than this is not there for clients either.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// For an answer that looks at a bucket, too.
pub(super) const THOROUGH: Duration = Duration::from_secs(15);
/// Bytes of an answer; the longest has some 10 KB.
const MAX_ANSWER: usize = 256 * 1024;
const NAME: HeaderValue = HeaderValue::from_static(concat!("madang-doctor/", env!("CARGO_PKG_VERSION")));

/// A scheme, a host and a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ServerAddress {
    pub(super) secure: bool,
    /// IPv6 without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why there is no connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unreachable {
    /// The name is not known.
    Unresolved(String),
    /// The machine is there, and nothing listens.
    Refused,
    /// Nobody answers.
    Silent,
    /// The connection is there, and no TLS on it.
    Tls(String),
    /// Its certificate is not one that a browser takes.
    Untrusted,
    /// Something else: the network, or what was said on the connection.
    Failed(String),
}

impl From<io::Error> for Unreachable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::Silent,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// A byte stream, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open connection.
pub(super) struct ServerConnection {
    pub(super) stream: Box<dyn Stream>,
    pub(super) peer: SocketAddr,
    /// As it was shown; empty without TLS.
    pub(super) chain: Vec<CertificateDer<'static>>,
}

/// What came back, whatever its status.
pub(super) struct HttpAnswer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// Who asks, and in which language.
pub(super) struct RequestAuthor<'a> {
    /// Sent as it is.
    pub(super) authorization: Option<&'a str>,
    pub(super) language: &'static str,
    /// For the answer.
    pub(super) patience: Duration,
}

impl RequestAuthor<'_> {
    pub(super) const ANYBODY: Self = RequestAuthor { authorization: None, language: "en", patience: PATIENCE };
}

impl ServerAddress {
    /// Of a URL; what follows the port does not matter.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("'{url}' is not a URL: {error}"))?;
        let (scheme, authority) = (uri.scheme_str(), uri.authority());
        let (Some(secure), Some(authority)) = (scheme.map(|scheme| scheme == "https"), authority) else {
            return Err(format!("'{url}' must begin with http:// or https:// and have a host"));
        };
        if !matches!(scheme, Some("http" | "https")) || authority.as_str().contains('@') {
            return Err(format!("'{url}' must begin with http:// or https://, without a user"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { secure, host, port })
    }

    /// `host[:port]`, without the scheme's own port.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }

    pub(super) async fn addresses(&self) -> Result<Vec<SocketAddr>, Unreachable> {
        match timeout(PATIENCE, lookup_host((self.host.as_str(), self.port))).await {
            Ok(Ok(addresses)) => Ok(addresses.collect()),
            Ok(Err(error)) => Err(Unreachable::Unresolved(error.to_string())),
            Err(_) => Err(Unreachable::Silent),
        }
    }

    /// At the first address that takes a connection.
    pub(super) async fn open(&self) -> Result<ServerConnection, Unreachable> {
        let (stream, peer) = self.connect().await?;
        if !self.secure {
            return Ok(ServerConnection { stream: Box::new(stream), peer, chain: vec![] });
        }
        let failed = |why: &dyn std::fmt::Display| Unreachable::Tls(why.to_string());
        let name = ServerName::try_from(self.host.clone()).map_err(|error| failed(&error))?;
        let tls = TlsConnector::from(Arc::new(unverified::client()));
        let stream = timeout(PATIENCE, tls.connect(name, stream)).await.map_err(|_| failed(&"no answer in time"))?;
        let stream = stream.map_err(|error| failed(&error))?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
        Ok(ServerConnection { stream: Box::new(stream), peer, chain })
    }

    async fn connect(&self) -> Result<(TcpStream, SocketAddr), Unreachable> {
        let mut why = Unreachable::Unresolved("it has no address".to_owned());
        for address in self.addresses().await? {
            match connect(address).await {
                Ok(stream) => return Ok((stream, address)),
                Err(error) => why = error.into(),
            }
        }
        Err(why)
    }

    /// One request on a connection of its own.
    pub(super) async fn ask(
        &self,
        method: Method,
        target: &str,
        asker: &RequestAuthor<'_>,
    ) -> Result<HttpAnswer, Unreachable> {
        self.open().await?.ask(self, method, target, asker).await
    }
}

/// In time, or not at all.
pub(super) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    timeout(PATIENCE, TcpStream::connect(address)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

impl ServerConnection {
    /// One request.
    pub(super) async fn ask(
        self,
        place: &ServerAddress,
        method: Method,
        target: &str,
        asker: &RequestAuthor<'_>,
    ) -> Result<HttpAnswer, Unreachable> {
        let failed = |error: &dyn std::fmt::Display| Unreachable::Failed(error.to_string());
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, place.authority())
            .header(USER_AGENT, NAME)
            .header(ACCEPT_LANGUAGE, asker.language);
        if let Some(authorization) = asker.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(Bytes::new())).map_err(|error| failed(&error))?;
        let answer = async {
            let (mut sender, connection) = http1::handshake(TokioIo::new(self.stream)).await.map_err(|e| failed(&e))?;
            // Ends with the sender; its error is seen by the request.
            tokio::spawn(connection);
            let (parts, body) = sender.send_request(request).await.map_err(|error| failed(&error))?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| failed(&error))?.to_bytes();
            Ok(HttpAnswer { status: parts.status.as_u16(), body })
        };
        timeout(asker.patience, answer).await.map_err(|_| Unreachable::Silent)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_from_a_url_and_written_as_clients_do() {
        for (url, host, port, written) in [
            ("https://call.example.org", "call.example.org", 443, "https://call.example.org"),
            ("https://call.example.org/", "call.example.org", 443, "https://call.example.org"),
            ("http://localhost:4443/x?y", "localhost", 4443, "http://localhost:4443"),
            ("https://[2001:db8::1]:4443", "2001:db8::1", 4443, "https://[2001:db8::1]:4443"),
            ("http://192.0.2.1", "192.0.2.1", 80, "http://192.0.2.1"),
        ] {
            let place = ServerAddress::parse(url).unwrap();
            assert_eq!((place.host.as_str(), place.port, place.url().as_str()), (host, port, written));
        }
        for wrong in ["", "call.example.org", "ftp://a", "https://", "https://user:secret@a", "wss://a", "/path"] {
            assert!(ServerAddress::parse(wrong).is_err(), "{wrong}");
        }
    }
}
