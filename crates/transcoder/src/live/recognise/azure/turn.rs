//! One turn: a connection to the service, the messages on it, and what the service is told of both at its end. When one is to be begun
//! or ended is decided elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use jiff::Timestamp;
use protocol::job::AzureSpec;
use serde_json::{Map, Value, json};
use tungstenite::Message;

use crate::live::recognise::signature::{encoded, hex};
use crate::live::recognise::socket::EngineSocket;
use crate::live::recognise::{EngineError, SAMPLES_PER_SECOND};

pub(super) const PATH: &str = "/speech/recognition/conversation/cognitiveservices/v1";
/// The service ends a connection after ten minutes: from here on it is ended in the next pause.
pub(super) const OLD: Duration = Duration::from_secs(8 * 60);
/// Messages whose receipt is acknowledged. A turn has some three in a second.
pub(super) const MOST_RECEIPTS: usize = 4096;
/// Bytes of the longest path that is acknowledged; all that are documented are shorter.
pub(super) const LONGEST_PATH: usize = 64;
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// See the module.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) socket: EngineSocket,
    /// Its number at the service.
    id: String,
    connection: Connection,
    pub(super) began: Instant,
    /// When it was last sent something.
    pub(super) sent: Instant,
    /// When its sound began and ended so far, as the service is told.
    pub(super) sound: Option<[String; 2]>,
    /// When the service was told that there is no more.
    pub(super) ending: Option<Instant>,
    /// When messages of each path have come.
    pub(super) receipts: BTreeMap<String, Vec<String>>,
}

/// What the service is told of a connection.
#[derive(Debug)]
struct Connection {
    id: String,
    asked_at: String,
    made_at: String,
}

/// What the service sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ServiceMessage<'a> {
    pub(super) path: &'a str,
    /// JSON, or nothing.
    pub(super) body: &'a str,
}

impl<'a> ServiceMessage<'a> {
    /// [`None`]: it is none.
    pub(super) fn read(message: &'a str) -> Option<Self> {
        let (headers, body) = message.split_once("\r\n\r\n").unwrap_or((message.trim_end(), ""));
        let header = |line: &'a str| line.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
        let mut headers = headers.split("\r\n").filter_map(header);
        let (_, path) = headers.find(|(name, _)| name.eq_ignore_ascii_case("path"))?;
        Some(Self { path, body })
    }
}

impl Turn {
    /// Connects, and says who speaks.
    pub(super) fn begin(spec: &AzureSpec, language: &str) -> Result<Self, EngineError> {
        let AzureSpec { region, key, endpoint } = spec;
        let own = || format!("wss://{region}.stt.speech.microsoft.com");
        let endpoint = endpoint.clone().unwrap_or_else(own);
        let endpoint = endpoint.trim_end_matches('/');
        let address = format!("{endpoint}{PATH}?language={}&format=simple", encoded(language));
        let id = unique_id()?;
        let headers = [("Ocp-Apim-Subscription-Key", key.expose()), ("X-ConnectionId", &id)];
        let asked_at = now();
        let socket = EngineSocket::connect_with(&address, &headers)?;
        let mut turn = Self::new(socket, Connection { id, asked_at, made_at: now() })?;
        turn.introduce()?;
        Ok(turn)
    }

    fn new(socket: EngineSocket, connection: Connection) -> Result<Self, EngineError> {
        let (id, began) = (unique_id()?, Instant::now());
        let receipts = BTreeMap::new();
        Ok(Self { socket, id, connection, began, sent: began, sound: None, ending: None, receipts })
    }

    /// Says who speaks to the service: first of all.
    fn introduce(&mut self) -> Result<(), EngineError> {
        let version = env!("CARGO_PKG_VERSION");
        let system = json!({"name": "Madang", "version": version});
        let os = json!({"platform": "Linux", "name": "Linux", "version": "0"});
        let device = json!({"manufacturer": "Madang", "model": "Madang", "version": version});
        self.tell("speech.config", &json!({"context": {"system": system, "os": os, "device": device}}))
    }

    /// The service may end it any time.
    pub(super) fn is_old(&self) -> bool {
        self.began.elapsed() > OLD
    }

    fn headers(&self, path: &str, kind: &str, time: &str) -> String {
        let id = &self.id;
        format!("Path: {path}\r\nX-RequestId: {id}\r\nX-Timestamp: {time}\r\nContent-Type: {kind}\r\n")
    }

    fn tell(&mut self, path: &str, body: &Value) -> Result<(), EngineError> {
        let message = format!("{}\r\n{body}", self.headers(path, JSON, &now()));
        self.socket.send(Message::text(message))
    }

    /// No sound at all says that there is no more.
    pub(super) fn send(&mut self, sound: &[u8]) -> Result<(), EngineError> {
        let time = now();
        let headers = self.headers("audio", "audio/x-wav", &time);
        let length = u16::try_from(headers.len()).map_err(EngineError::closed)?;
        let mut message = length.to_be_bytes().to_vec();
        message.extend_from_slice(headers.as_bytes());
        match &mut self.sound {
            Some([_, until]) => *until = time,
            None => {
                message.extend_from_slice(&riff());
                self.sound = Some([time.clone(), time]);
            }
        }
        message.extend_from_slice(sound);
        self.sent = Instant::now();
        self.socket.send(Message::binary(message))
    }

    pub(super) fn end(&mut self) -> Result<(), EngineError> {
        self.ending = Some(Instant::now());
        self.send(&[])
    }

    pub(super) fn note(&mut self, path: &str) {
        let count: usize = self.receipts.values().map(Vec::len).sum();
        if count < MOST_RECEIPTS && path.len() <= LONGEST_PATH {
            self.receipts.entry(path.to_owned()).or_default().push(now());
        }
    }

    /// The service wants to hear what came when, or takes the turn for broken.
    pub(super) fn acknowledge(&mut self) -> Result<(), EngineError> {
        let receipt = |(path, times): (String, Vec<String>)| {
            let times = if let [time] = &times[..] { json!(time) } else { json!(times) };
            Value::Object(Map::from_iter([(path, times)]))
        };
        let received: Vec<_> = std::mem::take(&mut self.receipts).into_iter().map(receipt).collect();
        let Connection { id, asked_at, made_at } = &self.connection;
        let connection = json!({"Name": "Connection", "Id": id, "Start": asked_at, "End": made_at});
        let microphone = |[start, end]: &[String; 2]| json!({"Name": "Microphone", "Start": start, "End": end});
        let metrics: Vec<_> = [connection].into_iter().chain(self.sound.as_ref().map(microphone)).collect();
        self.tell("telemetry", &json!({"ReceivedMessages": received, "Metrics": metrics}))
    }
}

/// A UUID of version 4 (RFC 9562 §5.4), as the service writes them: 32 digits, without dashes.
fn unique_id() -> Result<String, EngineError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(EngineError::unreachable)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(hex(&bytes))
}

/// `2026-01-31T23:59:59.123Z`.
fn now() -> String {
    let now = Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH);
    let mut text = String::new();
    // It cannot fail: the form is a good one.
    let _ = write!(text, "{}", now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"));
    text
}

/// How the sound is written, of which nobody knows yet how long it gets.
fn riff() -> [u8; 44] {
    const CHANNELS: u16 = 1;
    const SAMPLE: u16 = 2;
    let rate = SAMPLES_PER_SECOND as u32;
    let mut header = [0; 44];
    let parts: [(usize, &[u8]); 11] = [
        (0, b"RIFF"),
        (8, b"WAVEfmt "),
        (16, &16u32.to_le_bytes()),
        // PCM.
        (20, &1u16.to_le_bytes()),
        (22, &CHANNELS.to_le_bytes()),
        (24, &rate.to_le_bytes()),
        (28, &(rate * u32::from(SAMPLE)).to_le_bytes()),
        (32, &(CHANNELS * SAMPLE).to_le_bytes()),
        (34, &(SAMPLE * 8).to_le_bytes()),
        (36, b"data"),
        (40, &0u32.to_le_bytes()),
    ];
    for (at, part) in parts {
        header[at..at + part.len()].copy_from_slice(part);
    }
    header
}
