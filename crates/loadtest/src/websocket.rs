//! The WebSocket of one participant, whatever is spoken over it, and why speaking may end.

use client::{PATIENCE, ServerAddress, Stream};
use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// For an answer: a busy server is slow, and that is what is to be seen.
pub(crate) const ANSWER: Duration = Duration::from_secs(60);
/// Bytes read at a time; many thousand sockets each have such a buffer.
const READ_BUFFER: usize = 8 * 1024;

/// See the module.
pub(crate) struct WebSocket {
    socket: WebSocketStream<Box<dyn Stream>>,
}

/// Why it does not go on. The texts are counted: no ids in them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignallingError {
    #[error("no connection for signalling: {0}")]
    Connect(#[from] std::io::Error),
    #[error("no WebSocket: {0}")]
    Handshake(String),
    #[error("the server closed the WebSocket{0}")]
    Closed(String),
    #[error("no answer to {0} within {seconds} s", seconds = ANSWER.as_secs())]
    Silent(&'static str),
    #[error("the server refused {method}: {why}")]
    Refused { method: &'static str, why: String },
    #[error("the answer to {method} has no {field}")]
    Unreadable { method: &'static str, field: &'static str },
}

impl WebSocket {
    /// `path` begins with a slash; `subprotocol`: what `Sec-WebSocket-Protocol` must say, if the server asks for it.
    pub(crate) async fn open(
        server: &ServerAddress,
        path: &str,
        subprotocol: Option<&'static str>,
    ) -> Result<Self, SignallingError> {
        let failed = |why: String| SignallingError::Handshake(why);
        let stream = server.connect().await?;
        let url = server.websocket_url(path);
        let mut request = url.into_client_request().map_err(|error| failed(error.to_string()))?;
        if let Some(subprotocol) = subprotocol {
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
        }
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let (socket, _) = timeout(PATIENCE, client_async_with_config(request, stream, Some(config)))
            .await
            .map_err(|_| failed("no answer in time".to_owned()))?
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self { socket })
    }

    pub(crate) async fn send(&mut self, message: Message) -> Result<(), SignallingError> {
        self.socket.send(message).await.map_err(|_| SignallingError::Closed(String::new()))
    }

    /// The next frame with text or bytes. Can be given up without loss.
    pub(crate) async fn next(&mut self) -> Result<Message, SignallingError> {
        loop {
            match self.socket.next().await {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => return Ok(message),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(SignallingError::Closed(format!(": {} {}", frame.code, frame.reason)));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(SignallingError::Closed(String::new())),
            }
        }
    }

    /// The next text frame. Can be given up without loss.
    pub(crate) async fn next_json(&mut self) -> Result<Value, SignallingError> {
        loop {
            if let Message::Text(text) = self.next().await? {
                return serde_json::from_str(&text)
                    .map_err(|error| SignallingError::Closed(format!(" after a frame that is no JSON: {error}")));
            }
        }
    }

    /// How it ends does not matter: the server may be gone.
    pub(crate) async fn close(mut self) {
        let _ = timeout(PATIENCE, self.socket.close(None)).await;
    }
}
