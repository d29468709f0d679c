//! A server of its own for each test, and plain HTTP/1.1 to talk to it: what is on the wire is what is asserted.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use server::config::Compatibility;
use server::{Config, Limits, Server};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::contract::Contract;

/// Where clients believe the server to be.
pub(crate) const HOST: &str = "127.0.0.1:15443";
pub(crate) const API: &str = "/openvidu/api";

/// Far beyond what any answer takes; a test that hits it has found a hang.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

pub(crate) struct TestServer {
    pub(crate) server: Server,
    data: PathBuf,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.data);
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
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let data = std::env::temp_dir().join(format!("madang-rest-{}-{number}", std::process::id()));
        let mut config = Config {
            server_port: 0,
            madang_udp_port: 0,
            coturn_port: 0,
            madang_listen: [127, 0, 0, 1].into(),
            madang_data_dir: data.clone(),
            ..Config::default()
        };
        change(&mut config);
        Self { server: Server::start_with(config, limits).await.expect("the server starts"), data }
    }

    pub(crate) async fn connect(&self) -> Client {
        let contract = Contract::of(self.server.app().config.madang_compatibility);
        Client { contract, ..Client::to(self.server.address()).await }
    }

    /// On a connection of its own.
    pub(crate) async fn send(&self, request: Request) -> Answer {
        self.connect().await.send(request).await
    }

    /// With credentials, here and below.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::new("GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(Request::new("POST", path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Request::new("DELETE", path)).await
    }

    /// A session with this id.
    pub(crate) async fn create_session(&self, id: &str) -> Answer {
        let answer = self.post("/sessions", &format!("{{\"customSessionId\":\"{id}\"}}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    }

    /// A connection; returns its id.
    pub(crate) async fn create_connection(&self, session: &str, body: &str) -> Value {
        let answer = self.post(&format!("/sessions/{session}/connection"), body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// With the right credentials. A path that does not begin with one of the server's folders is below the API.
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self::anonymous(method, path).header("Authorization", &basic("OPENVIDUAPP:MY_SECRET"))
    }

    pub(crate) fn anonymous(method: &str, path: &str) -> Self {
        let below_api = ["/sessions", "/tokens", "/signal", "/config", "/recordings"];
        let prefix = if below_api.iter().any(|start| path.starts_with(start)) { API } else { "" };
        Self::raw(method, &format!("{prefix}{path}"))
    }

    /// Without credentials, and with just this path.
    pub(crate) fn raw(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: vec![], body: None }
    }

    /// Replaces one of the same name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(crate) fn json(self, body: &str) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("answers are UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// An object with a message.
    pub(crate) fn is_described(&self) -> bool {
        !self.body.is_empty() && self.json()["message"].as_str().is_some_and(|message| !message.is_empty())
    }

    /// Neither body nor type.
    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_empty() && self.header("content-type").is_none()
    }
}

/// One connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    contract: &'static Contract,
}

impl Client {
    /// Of a server with the default settings, as far as the document depends on them.
    pub(crate) async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        Self { stream: BufReader::new(stream), contract: Contract::of(Compatibility::Clear) }
    }

    /// The answer must be one that the server's document tells of.
    pub(crate) async fn send(&mut self, request: Request) -> Answer {
        let (method, path) = (request.method.clone(), request.path.clone());
        let answer = self.ask(request).await;
        let objections = self.contract.objections(&method, &path, &answer);
        assert_eq!(objections, Vec::<String>::new(), "{answer:?}");
        answer
    }

    /// Without a look into the document, which is not about every port.
    pub(crate) async fn ask(&mut self, request: Request) -> Answer {
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
        if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: {HOST}\r\n");
        }
        for (name, value) in &request.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = &request.body {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend(request.body.unwrap_or_default());
        self.exchange(&bytes, request.method == "HEAD").await
    }

    /// Sends any bytes and reads one answer.
    pub(crate) async fn exchange(&mut self, bytes: &[u8], head_only: bool) -> Answer {
        let exchange = async {
            self.stream.write_all(bytes).await.expect("the server reads on");
            self.answer(head_only).await
        };
        tokio::time::timeout(PATIENCE, exchange).await.expect("the server answers")
    }

    async fn answer(&mut self, head_only: bool) -> Answer {
        let status_line = self.line().await;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {status_line:?}"));
        let mut headers = vec![];
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: vec![] };
        assert_eq!(answer.header("transfer-encoding"), None, "{answer:?}");
        if !head_only && !matches!(status, 204 | 304) {
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            answer.body = vec![0; length.expect("a length")];
            self.stream.read_exact(&mut answer.body).await.expect("the whole body");
        }
        answer
    }

    /// Sends any bytes and reads whatever the server says until it closes the connection.
    pub(crate) async fn last_words(&mut self, bytes: &[u8]) -> String {
        let mut said = vec![];
        let exchange = async {
            // The server may have refused by now.
            let _ = self.stream.write_all(bytes).await;
            let _ = self.stream.read_to_end(&mut said).await;
        };
        tokio::time::timeout(PATIENCE, exchange).await.expect("the server closes the connection");
        String::from_utf8(said).expect("answers are UTF-8")
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.expect("a line");
        line.trim_end().to_owned()
    }
}
