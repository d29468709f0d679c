//! The server under test: where it is, connections to it, and what an application asks it by REST.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::LoadTestError;

/// For a connection, a handshake, an answer: each.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of an answer.
const MAX_ANSWER: usize = 1 << 20;

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
            Some("http") => false,
            Some("https") => true,
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

    /// Of a WebSocket.
    pub(crate) fn signalling_url(&self, session: &str) -> String {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}/openvidu?sessionId={session}", self.authority)
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

fn unreachable_server(url: &str, error: &io::Error) -> LoadTestError {
    LoadTestError::Unreachable { url: url.to_owned(), why: error.to_string() }
}

/// What an application does: one connection, one request at a time.
pub(crate) struct Application<'a> {
    server: &'a ServerAddress,
    authorization: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl<'a> Application<'a> {
    pub(crate) fn new(server: &'a ServerAddress, secret: &str) -> Self {
        let authorization = format!("Basic {}", STANDARD.encode(format!("OPENVIDUAPP:{secret}")));
        Self { server, authorization, connection: None }
    }

    pub(crate) async fn create_session(&mut self, id: &str) -> Result<(), LoadTestError> {
        self.ask(Method::POST, "/sessions", Some(serde_json::json!({ "customSessionId": id }))).await?;
        Ok(())
    }

    /// Of a participant: who subscribes only is a `SUBSCRIBER`.
    pub(crate) async fn create_token(&mut self, session: &str, role: &str) -> Result<String, LoadTestError> {
        let path = format!("/sessions/{session}/connection");
        let body = serde_json::json!({ "type": "WEBRTC", "role": role, "data": "load-test" });
        let answer = self.ask(Method::POST, &path, Some(body)).await?;
        answer["token"].as_str().map(str::to_owned).ok_or_else(|| LoadTestError::Rest {
            request: format!("POST {path}"),
            why: "there is no token in the answer".to_owned(),
        })
    }

    /// Whoever is still there is put out.
    pub(crate) async fn close_session(&mut self, id: &str) -> Result<(), LoadTestError> {
        self.ask(Method::DELETE, &format!("/sessions/{id}"), None).await?;
        Ok(())
    }

    /// A connection that was closed meanwhile is opened again, once.
    async fn ask(&mut self, method: Method, path: &str, body: Option<Value>) -> Result<Value, LoadTestError> {
        let failed = |why: String| LoadTestError::Rest { request: format!("{method} {path}"), why };
        if self.connection.as_ref().is_none_or(SendRequest::is_closed) {
            self.connection = Some(self.connect().await?);
        }
        let Some(connection) = &mut self.connection else { return Err(failed("no connection".to_owned())) };
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = Request::builder()
            .method(method.clone())
            .uri(format!("/openvidu/api{path}"))
            .header(HOST, &self.server.authority)
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| failed(error.to_string()))?;
        let answer = async {
            connection.ready().await?;
            let (parts, body) = connection.send_request(request).await?.into_parts();
            Ok::<_, hyper::Error>((parts.status, Limited::new(body, MAX_ANSWER).collect().await))
        };
        let answer = timeout(PATIENCE, answer).await.map_err(|_| failed("no answer in time".to_owned()))?;
        let (status, body) = answer.map_err(|error| failed(error.to_string()))?;
        let body = body.map_err(|error| failed(error.to_string()))?.to_bytes();
        if status == http::StatusCode::UNAUTHORIZED {
            return Err(LoadTestError::WrongSecret { url: self.server.url.clone() });
        }
        if !status.is_success() {
            return Err(failed(format!("{status} {}", String::from_utf8_lossy(&body))));
        }
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, LoadTestError> {
        let stream = self.server.connect().await.map_err(|error| unreachable_server(&self.server.url, &error))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| LoadTestError::Unreachable { url: self.server.url.clone(), why: error.to_string() })?;
        // Ends with the sender; its error is seen by the request.
        tokio::spawn(connection);
        Ok(sender)
    }
}
