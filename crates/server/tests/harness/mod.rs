//! A real server on loopback, and WebSocket clients that wait for events instead of sleeping.

// Each test program uses its own part.
#![allow(dead_code, reason = "shared by several test programs")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use protocol::model::{
    ConnectionProperties, ForcedVideoCodec, MediaMode, RecordingMode, RecordingProperties, Role, SessionProperties,
};
use protocol::rest::view::ConnectionView;
use serde_json::{Value, json};
use server::{Config, Limits, Server};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, frame::coding::CloseCode};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Only ever reached by a failing test; generous, since the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server with a folder of its own.
pub(crate) struct TestServer {
    pub(crate) server: Server,
    folder: Folder,
}

/// Deleted when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("madang-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Loopback only, any free ports.
pub(crate) fn config(folder: &Folder) -> Config {
    Config {
        server_port: 0,
        madang_udp_port: 0,
        coturn_port: 0,
        madang_listen: [127, 0, 0, 1].into(),
        madang_data_dir: folder.path().to_owned(),
        ..Config::default()
    }
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_limited(change, Limits::default()).await
    }

    pub(crate) async fn start_limited(change: impl FnOnce(&mut Config), limits: Limits) -> Self {
        let folder = Folder::new();
        let mut config = config(&folder);
        change(&mut config);
        Self { server: Server::start_with(config, limits).await.expect("free ports on loopback"), folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn create_session(&self, id: &str) {
        let properties = SessionProperties {
            media_mode: MediaMode::Routed,
            recording_mode: RecordingMode::Manual,
            custom_session_id: id.to_owned(),
            default_recording_properties: RecordingProperties::default(),
            forced_video_codec: ForcedVideoCodec::MediaServerPreferred,
            allow_transcoding: false,
            media_node: None,
        };
        let control = &self.server.app().control;
        control.call(move |registry, now| registry.create_session(properties, now)).await.unwrap().unwrap();
    }

    pub(crate) async fn close_session(&self, id: &'static str) {
        let control = &self.server.app().control;
        control.call(move |registry, now| registry.close_session(id, now)).await.unwrap().unwrap();
    }

    /// A token for `session`.
    pub(crate) async fn token(&self, session: &str, role: Role) -> String {
        let properties = ConnectionProperties { role, ..ConnectionProperties::default() };
        self.create_connection(session, properties).await.token.unwrap()
    }

    pub(crate) async fn create_connection(&self, session: &str, properties: ConnectionProperties) -> ConnectionView {
        let (session, origin) = (session.to_owned(), format!("ws://{}", self.address()));
        let control = &self.server.app().control;
        let create = move |registry: &mut session::Registry, now| {
            let connection = registry.create_connection(&session, properties, &origin, now).unwrap();
            registry.connection(&session, connection.as_str()).unwrap()
        };
        control.call(create).await.unwrap()
    }

    /// Whether `session` exists.
    pub(crate) async fn has_session(&self, session: &'static str) -> bool {
        let control = &self.server.app().control;
        control.call(move |registry, _| registry.session(session, Default::default()).is_some()).await.unwrap()
    }

    pub(crate) async fn client(&self) -> Client<TcpStream> {
        let stream = TcpStream::connect(self.address()).await.unwrap();
        Client::open(stream, &format!("ws://{}/openvidu?sessionId=x", self.address())).await.unwrap()
    }

    /// A client in `session`, and the result of its joinRoom.
    pub(crate) async fn joined(&self, session: &str, name: &str) -> (Client<TcpStream>, Value) {
        let token = self.token(session, Role::Publisher).await;
        let mut client = self.client().await;
        let result = client.join(session, &token, name).await;
        (client, result)
    }
}

/// A client that speaks JSON-RPC.
pub(crate) struct Client<S> {
    socket: WebSocketStream<S>,
    next_id: i64,
    /// Notifications that came while an answer was awaited.
    early: VecDeque<Value>,
}

/// What came instead of a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Closed {
    With(u16, String),
    Without,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn open(stream: S, url: &str) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let (socket, _) = timeout(PATIENCE, client_async(url, stream)).await.expect("a handshake in time")?;
        Ok(Self { socket, next_id: 0, early: VecDeque::new() })
    }

    pub(crate) async fn send(&mut self, message: Message) {
        timeout(PATIENCE, self.socket.send(message)).await.expect("a server that reads").unwrap();
    }

    pub(crate) async fn send_text(&mut self, text: impl Into<String>) {
        self.send(Message::text(text.into())).await;
    }

    /// Sends a request and returns its id.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send_text(json!({"jsonrpc": "2.0", "method": method, "params": params, "id": id}).to_string()).await;
        id
    }

    /// Sends a request and waits for its answer, the whole frame.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        self.answer(id).await
    }

    pub(crate) async fn answer(&mut self, id: i64) -> Value {
        loop {
            let frame = self.frame().await.expect("an open socket");
            if frame.get("method").is_none() {
                assert_eq!(frame["id"], id, "{frame}");
                return frame;
            }
            self.early.push_back(frame);
        }
    }

    pub(crate) async fn join(&mut self, session: &str, token: &str, name: &str) -> Value {
        let answer = self.request("joinRoom", join_params(session, token, name)).await;
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].clone()
    }

    /// The next notification, which must be of this method; its params.
    pub(crate) async fn notification(&mut self, method: &str) -> Value {
        let frame = match self.early.pop_front() {
            Some(frame) => frame,
            None => self.frame().await.expect("an open socket"),
        };
        assert_eq!(frame["method"], method, "{frame}");
        frame["params"].clone()
    }

    /// The next text frame.
    pub(crate) async fn frame(&mut self) -> Result<Value, Closed> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(Closed::With(frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Closed::Without),
            }
        }
    }

    /// Reads to the end of the socket.
    pub(crate) async fn closed(&mut self) -> Closed {
        loop {
            if let Err(closed) = self.frame().await {
                return closed;
            }
        }
    }

    pub(crate) async fn close(mut self, code: u16, reason: &'static str) {
        self.send(Message::Close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() }))).await;
        self.closed().await;
    }
}

pub(crate) fn join_params(session: &str, token: &str, name: &str) -> Value {
    json!({
        "token": token, "session": session, "platform": "Test", "sdkVersion": "2.32.2", "metadata": name,
        "secret": "", "recorder": false, "stt": false,
    })
}
