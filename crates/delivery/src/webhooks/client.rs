//! One HTTP connection to a receiver, kept open between events.
//!
//! It posts and reads the status, nothing else: no redirects, no cookies, no compression. Retrying is not its business.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::WebhookLimits;
use super::destination::{Address, Destination};
use super::retry::FailedAt;

/// Nobody needs the body of the response. It is read so that the connection can be used again, but not for long.
const BODY_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of a response's body that a connection is worth.
const BODY_LIMIT: usize = 64 * 1024;

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostFailure {
    /// The connection was not made in time.
    #[error("connecting took too long")]
    ConnectTimeout,
    /// It could not be made.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// Its certificate is not one that is trusted.
    #[error(
        "its certificate is not trusted: {0} (setting MADANG_WEBHOOK_AUTHORITY: the file of the authority that signed it, or \
         none to take any certificate)"
    )]
    Certificate(rustls::Error),
    /// No answer in time.
    #[error("no answer in time")]
    ReadTimeout,
    /// The connection broke, or what came back is not HTTP.
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

impl PostFailure {
    pub(super) fn failed_at(&self) -> FailedAt {
        match self {
            Self::ConnectTimeout | Self::Connect(_) | Self::Certificate(_) => FailedAt::Connecting,
            Self::ReadTimeout | Self::Http(_) => FailedAt::Answering,
        }
    }

    /// Of a handshake.
    fn of_tls(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rejected @ rustls::Error::InvalidCertificate(_)) => Self::Certificate(rejected.clone()),
            _ => Self::Connect(error),
        }
    }
}

/// See the module.
pub(super) struct Client {
    limits: WebhookLimits,
    tls: TlsConnector,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(super) fn new(limits: WebhookLimits, tls: Arc<ClientConfig>) -> Self {
        Self { limits, tls: TlsConnector::from(tls), open: None }
    }

    /// Posts once, on the open connection if there is one.
    pub(super) async fn post(&mut self, destination: &Destination, body: Bytes) -> Result<StatusCode, PostFailure> {
        let mut connection = match self.open.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => timeout(self.limits.connect, self.connect(&destination.address))
                .await
                .map_err(|_| PostFailure::ConnectTimeout)??,
        };
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = destination.target.clone();
        *request.headers_mut() = destination.request_headers(body.len());
        let response = timeout(self.limits.read, connection.send_request(request))
            .await
            .map_err(|_| PostFailure::ReadTimeout)??;
        let status = response.status();
        if timeout(BODY_PATIENCE, read_to_end(response.into_body())).await.unwrap_or(false) {
            self.open = Some(connection);
        }
        Ok(status)
    }

    async fn connect(&self, address: &Address) -> Result<SendRequest<Full<Bytes>>, PostFailure> {
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(PostFailure::Connect)?;
        stream.set_nodelay(true).map_err(PostFailure::Connect)?;
        match &address.tls {
            Some(name) => {
                let stream = self.tls.connect(name.clone(), stream).await.map_err(PostFailure::of_tls)?;
                handshake(TokioIo::new(stream)).await
            }
            None => handshake(TokioIo::new(stream)).await,
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

/// Whether the body came to its end within [`BODY_LIMIT`].
async fn read_to_end(mut body: Incoming) -> bool {
    let mut total = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        total += frame.data_ref().map_or(0, Bytes::len);
        if total > BODY_LIMIT {
            return false;
        }
    }
    true
}
