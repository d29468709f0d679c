//! One HTTP connection to a receiver, kept open between requests.
//!
//! It posts and reads the status and the beginning of the answer, nothing else: no redirects, no cookies, no compression. Retrying is
//! not its business.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::endpoint::{Address, Endpoint};

/// Few need the body of the response. It is read so that the connection can be used again, but not for long.
const BODY_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of a response's body that a connection is worth.
const BODY_LIMIT: usize = 64 * 1024;

/// How long it may take.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// For DNS, TCP and TLS together.
    pub connect: Duration,
    /// From the request to the head of the response.
    pub read: Duration,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Whether it was taken.
    pub status: StatusCode,
    /// When it may be tried again, if the receiver has said so in seconds.
    pub retry_after: Option<Duration>,
    /// Empty if it was long, or came slowly.
    pub body: Vec<u8>,
}

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum PostFailure {
    /// The connection was not made in time.
    #[error("connecting took too long")]
    ConnectTimeout,
    /// It could not be made.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// Its certificate is not one that is trusted.
    #[error("its certificate is not trusted: {error} (setting {setting})")]
    Certificate {
        /// What is wrong with it.
        error: rustls::Error,
        /// By what operators trust it.
        setting: &'static str,
    },
    /// No answer in time.
    #[error("no answer in time")]
    ReadTimeout,
    /// The connection broke, or what came back is not HTTP.
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

/// See the module.
pub struct Client {
    limits: ClientLimits,
    /// By which operators say whom to trust.
    authority: &'static str,
    tls: TlsConnector,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// `authority`: the setting that says whom `tls` trusts, for those who read of a failure.
    pub fn new(limits: ClientLimits, tls: Arc<ClientConfig>, authority: &'static str) -> Self {
        Self { limits, authority, tls: TlsConnector::from(tls), open: None }
    }

    /// Posts once, on the open connection if there is one.
    ///
    /// # Errors
    /// No answer came.
    pub async fn post(&mut self, endpoint: &Endpoint, body: Bytes) -> Result<Answer, PostFailure> {
        let mut connection = match self.open.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => timeout(self.limits.connect, self.connect(&endpoint.address))
                .await
                .map_err(|_| PostFailure::ConnectTimeout)??,
        };
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.target.clone();
        *request.headers_mut() = endpoint.request_headers(body.len());
        let response = timeout(self.limits.read, connection.send_request(request))
            .await
            .map_err(|_| PostFailure::ReadTimeout)??;
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        let body = timeout(BODY_PATIENCE, read_to_end(response.into_body())).await.ok().flatten();
        if body.is_some() {
            self.open = Some(connection);
        }
        Ok(Answer { status, retry_after, body: body.unwrap_or_default() })
    }

    async fn connect(&self, address: &Address) -> Result<SendRequest<Full<Bytes>>, PostFailure> {
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(PostFailure::Connect)?;
        stream.set_nodelay(true).map_err(PostFailure::Connect)?;
        match &address.tls {
            Some(name) => {
                let stream = self.tls.connect(name.clone(), stream).await.map_err(|error| self.failed_tls(error))?;
                handshake(TokioIo::new(stream)).await
            }
            None => handshake(TokioIo::new(stream)).await,
        }
    }

    /// In the handshake.
    fn failed_tls(&self, error: io::Error) -> PostFailure {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rejected @ rustls::Error::InvalidCertificate(_)) => {
                PostFailure::Certificate { error: rejected.clone(), setting: self.authority }
            }
            _ => PostFailure::Connect(error),
        }
    }
}

async fn handshake<I>(io: I) -> Result<SendRequest<Full<Bytes>>, PostFailure>
where
    I: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let (sender, connection) = http1::Builder::new().title_case_headers(true).handshake(io).await?;
    // Ends with the sender, or when the peer closes; its error is seen by the request it belongs to.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// A date there is taken for nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The body, if it came to its end within [`BODY_LIMIT`].
async fn read_to_end(mut body: Incoming) -> Option<Vec<u8>> {
    let mut read = vec![];
    while let Some(frame) = body.frame().await {
        read.extend_from_slice(frame.ok()?.data_ref().map_or(&[][..], Bytes::as_ref));
        if read.len() > BODY_LIMIT {
            return None;
        }
    }
    Some(read)
}
