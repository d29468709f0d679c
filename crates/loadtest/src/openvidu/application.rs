//! What an application asks the server by REST: sessions, and tokens for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::timeout;

use crate::LoadTestError;
use crate::server::{PATIENCE, ServerAddress, unreachable_server};

/// Bytes of an answer.
const MAX_ANSWER: usize = 1 << 20;

/// One connection, one request at a time.
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
            .header(HOST, self.server.authority())
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
            return Err(LoadTestError::WrongSecret { url: self.server.url().to_owned() });
        }
        if !status.is_success() {
            return Err(failed(format!("{status} {}", String::from_utf8_lossy(&body))));
        }
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, LoadTestError> {
        let stream = self.server.connect().await.map_err(|error| unreachable_server(self.server.url(), &error))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| {
            LoadTestError::Unreachable { url: self.server.url().to_owned(), why: error.to_string() }
        })?;
        // Ends with the sender; its error is seen by the request.
        tokio::spawn(connection);
        Ok(sender)
    }
}
