//! A server in this process: on loopback, on any free ports, with a folder of its own that goes with it.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use server::{Config, Limits, Server};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::contract::Contract;
use crate::rest::{Request, RestAnswer, RestClient};
use crate::signalling::SignallingClient;

/// See the module. It ends when it is dropped.
pub struct TestServer {
    pub server: Server,
    folder: TempDir,
}

/// Loopback only, any free ports, nothing outside of `folder`.
pub fn config(folder: &Path) -> Config {
    Config {
        server_port: 0,
        madang_udp_port: 0,
        coturn_port: 0,
        madang_listen: [127, 0, 0, 1].into(),
        madang_data_dir: folder.to_owned(),
        // Tests speak for clients elsewhere.
        madang_allow_my_secret: true,
        madang_helper_user: crate::program::this_user(),
        ..Config::default()
    }
}

impl TestServer {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_limited(change, Limits::default()).await
    }

    pub async fn start_limited(change: impl FnOnce(&mut Config), limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = config(folder.path());
        change(&mut config);
        Self { server: Server::start_with(config, limits).await.expect("free ports on loopback"), folder }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A connection for REST.
    pub async fn connect(&self) -> RestClient {
        let contract = Contract::of(self.server.settings().madang_compatibility);
        RestClient::of(self.address(), contract).await
    }

    /// On a connection of its own.
    pub async fn send(&self, request: Request) -> RestAnswer {
        self.connect().await.send(request).await
    }

    /// With credentials, here and below.
    pub async fn get(&self, path: &str) -> RestAnswer {
        self.send(Request::new("GET", path)).await
    }

    pub async fn post(&self, path: &str, body: &str) -> RestAnswer {
        self.send(Request::new("POST", path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> RestAnswer {
        self.send(Request::new("DELETE", path)).await
    }

    /// A session with this id.
    pub async fn create_session(&self, id: &str) -> RestAnswer {
        let answer = self.post("/sessions", &json!({"customSessionId": id}).to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    }

    /// A connection of `session`, as REST shows it.
    pub async fn create_connection(&self, session: &str, body: &str) -> Value {
        let answer = self.post(&format!("/sessions/{session}/connection"), body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// A token for `session` with a role: `PUBLISHER`, …
    pub async fn token(&self, session: &str, role: &str) -> String {
        let connection = self.create_connection(session, &json!({"role": role}).to_string()).await;
        connection["token"].as_str().expect("a token").to_owned()
    }

    /// A socket for signalling.
    pub async fn client(&self) -> SignallingClient<TcpStream> {
        let stream = TcpStream::connect(self.address()).await.expect("the server listens");
        let url = format!("ws://{}/openvidu?sessionId=x", self.address());
        SignallingClient::open(stream, &url).await.expect("a WebSocket")
    }

    /// A client in `session`, and the result of its joinRoom.
    pub async fn joined(&self, session: &str, name: &str) -> (SignallingClient<TcpStream>, Value) {
        let token = self.token(session, "PUBLISHER").await;
        let mut client = self.client().await;
        let result = client.join(session, &token, name).await;
        (client, result)
    }
}
