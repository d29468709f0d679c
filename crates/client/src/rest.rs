//! The REST API as a back end asks it: one connection, one request at a time, with the secret.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::timeout;

use crate::{ClientError, ServerAddress};

/// Bytes of an answer: some thousand connections of one session, with what is known of their media.
const MAX_ANSWER: usize = 64 << 20;
/// Between two pieces of a file.
const PIECE: Duration = Duration::from_secs(30);
const NAME: HeaderValue = HeaderValue::from_static(concat!("madang/", env!("CARGO_PKG_VERSION")));

/// See the module.
pub struct RestClient {
    server: ServerAddress,
    authorization: HeaderValue,
    /// For an answer.
    patience: Duration,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

/// A file as it comes.
pub struct Download {
    pub status: StatusCode,
    /// Bytes, if the server says how many.
    pub length: Option<u64>,
    body: Incoming,
    url: String,
}

impl RestClient {
    /// With `OPENVIDU_SECRET`. `patience`: for an answer.
    pub fn new(server: ServerAddress, secret: &str, patience: Duration) -> Self {
        let credentials = format!("Basic {}", STANDARD.encode(format!("OPENVIDUAPP:{secret}")));
        let mut authorization = HeaderValue::from_str(&credentials).expect("Base64 is ASCII");
        authorization.set_sensitive(true);
        Self { server, authorization, patience, connection: None }
    }

    /// Whom it asks.
    pub fn server(&self) -> &ServerAddress {
        &self.server
    }

    /// `path` begins with a slash, and may have a query. A connection that was closed meanwhile is opened again, once.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, ClientError> {
        let url = self.server.url().to_owned();
        let (parts, body) = self.send(method, path, body).await?.into_parts();
        let body = timeout(self.patience, Limited::new(body, MAX_ANSWER).collect()).await;
        let body = body.map_err(|_| silent(&url))?.map_err(|error| broken(&url, error.as_ref()))?;
        Ok(Answer { status: parts.status, body: body.to_bytes() })
    }

    /// A file, of whatever size.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn download(&mut self, path: &str) -> Result<Download, ClientError> {
        let response = self.send(Method::GET, path, None).await?;
        let length = response.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let status = response.status();
        Ok(Download { status, length, body: response.into_body(), url: self.server.url().to_owned() })
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Incoming>, ClientError> {
        let url = self.server.url().to_owned();
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.server.authority())
            .header(USER_AGENT, NAME)
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| broken(&url, &error))?;
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect().await?,
        };
        let answer = async {
            connection.ready().await?;
            connection.send_request(request).await
        };
        let answer = timeout(self.patience, answer).await.map_err(|_| silent(&url))?;
        let answer = answer.map_err(|error| broken(&url, &error))?;
        self.connection = Some(connection);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let stream = self.server.connect().await.map_err(|error| self.server.explain(&error))?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(self.server.url(), &error))?;
        // Ends with the sender; its error is seen by the request.
        tokio::spawn(connection);
        Ok(sender)
    }
}

impl Download {
    /// The next piece; `None`: it is whole.
    ///
    /// # Errors
    /// It ends here, and is not whole.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            match timeout(PIECE, self.body.frame()).await {
                Err(_) => return Err(silent(&self.url)),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(broken(&self.url, &error)),
                Ok(Some(Ok(frame))) => {
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }
}

fn silent(url: &str) -> ClientError {
    ClientError::Unreachable { url: url.to_owned(), why: "no answer in time".to_owned() }
}

/// With its cause, which says more.
fn broken(url: &str, error: &(dyn std::error::Error + 'static)) -> ClientError {
    let why = match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    ClientError::Unreachable { url: url.to_owned(), why }
}
