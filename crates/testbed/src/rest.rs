//! Plain HTTP/1.1 to a server: what is on the wire is what is asserted.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use settings::Compatibility;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::PATIENCE;
use crate::contract::Contract;

/// Where clients believe the server to be.
pub const HOST: &str = "127.0.0.1:15443";
pub const API: &str = "/openvidu/api";

pub fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// With the right credentials. A path that does not begin with one of the server's folders is below the API.
    pub fn new(method: &str, path: &str) -> Self {
        Self::anonymous(method, path).header("Authorization", &basic("OPENVIDUAPP:MY_SECRET"))
    }

    pub fn anonymous(method: &str, path: &str) -> Self {
        let below_api = ["/sessions", "/tokens", "/signal", "/config", "/recordings"];
        let prefix = if below_api.iter().any(|start| path.starts_with(start)) { API } else { "" };
        Self::raw(method, &format!("{prefix}{path}"))
    }

    /// Without credentials, and with just this path.
    pub fn raw(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: vec![], body: None }
    }

    /// Replaces one of the same name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub fn json(self, body: &str) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }
}

#[derive(Clone, Debug)]
pub struct RestAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl RestAnswer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("answers are UTF-8")
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// An object with a message.
    pub fn is_described(&self) -> bool {
        !self.body.is_empty() && self.json()["message"].as_str().is_some_and(|message| !message.is_empty())
    }

    /// Neither body nor type.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty() && self.header("content-type").is_none()
    }
}

/// One connection.
pub struct RestClient {
    stream: BufReader<TcpStream>,
    contract: &'static Contract,
}

impl RestClient {
    /// Of a server with the default settings, as far as the document depends on them.
    pub async fn to(address: SocketAddr) -> Self {
        Self::of(address, Contract::of(Compatibility::Clear)).await
    }

    /// Of a server that keeps this contract.
    pub async fn of(address: SocketAddr, contract: &'static Contract) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        Self { stream: BufReader::new(stream), contract }
    }

    /// The answer must be one that the server's document tells of.
    pub async fn send(&mut self, request: Request) -> RestAnswer {
        let (method, path) = (request.method.clone(), request.path.clone());
        let answer = self.ask(request).await;
        let objections = self.contract.objections(&method, &path, &answer);
        assert_eq!(objections, Vec::<String>::new(), "{answer:?}");
        answer
    }

    /// Without a look into the document, which is not about every port.
    pub async fn ask(&mut self, request: Request) -> RestAnswer {
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
    pub async fn exchange(&mut self, bytes: &[u8], head_only: bool) -> RestAnswer {
        let exchange = async {
            self.stream.write_all(bytes).await.expect("the server reads on");
            self.answer(head_only).await
        };
        tokio::time::timeout(PATIENCE, exchange).await.expect("the server answers")
    }

    async fn answer(&mut self, head_only: bool) -> RestAnswer {
        let status_line = self.line().await;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {status_line:?}"));
        let mut headers = vec![];
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut answer = RestAnswer { status, headers, body: vec![] };
        assert_eq!(answer.header("transfer-encoding"), None, "{answer:?}");
        if !head_only && !matches!(status, 204 | 304) {
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            answer.body = vec![0; length.expect("a length")];
            self.stream.read_exact(&mut answer.body).await.expect("the whole body");
        }
        answer
    }

    /// Sends any bytes and reads whatever the server says until it closes the connection.
    pub async fn last_words(&mut self, bytes: &[u8]) -> String {
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
