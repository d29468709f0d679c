//! HTTPS to an ACME authority: one request on one connection. There are some ten of them in two months.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// For one request with its answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer; a chain of certificates has some 5 KB.
const MAX_ANSWER: usize = 256 * 1024;
type ExchangeFailure = Box<dyn std::error::Error + Send + Sync>;

/// Trusts the authorities that browsers trust, or one other.
#[derive(Clone)]
pub(super) struct Client {
    tls: TlsConnector,
}

impl Client {
    /// `root`: file of the one authority to trust.
    pub(super) fn new(root: Option<&Path>) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        match root {
            Some(path) => {
                let named = |error: &dyn std::fmt::Display| {
                    io::Error::other(format!("MADANG_ACME_ROOT {}: {error}", path.display()))
                };
                let certificate = CertificateDer::from_pem_file(path).map_err(|error| named(&error))?;
                roots.add(certificate).map_err(|error| named(&error))?;
            }
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    async fn exchange(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, ExchangeFailure> {
        let (mut head, body) = request.into_parts();
        let uri = std::mem::take(&mut head.uri);
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Err(format!("{uri} does not begin with https://").into());
        }
        let authority = uri.authority().ok_or("the address has no host")?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let stream = TcpStream::connect((host.as_str(), authority.port_u16().unwrap_or(443))).await?;
        let stream = self.tls.connect(ServerName::try_from(host)?, stream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the sender; its error is seen by the request.
        tokio::spawn(connection);
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        head.uri = Uri::try_from(target)?;
        head.headers.insert(HOST, HeaderValue::from_str(authority.as_str())?);
        let body = Full::new(body.collect().await?.to_bytes());
        let (head, body) = sender.send_request(Request::from_parts(head, body)).await?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
        Ok(Response::from_parts(head, Full::new(body)).into())
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let exchange = timeout(PATIENCE, self.clone().exchange(request));
        Box::pin(async { exchange.await.map_err(|_| Error::Str("an answer in time"))?.map_err(Error::Other) })
    }
}
