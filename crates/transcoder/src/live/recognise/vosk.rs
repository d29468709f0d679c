//! The WebSocket protocol of Vosk's servers, as a client: first what the sound is like, then sound; texts come back, whenever the
//! server likes, the original one for each message. Other recognisers speak it, too.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde::Deserialize;
use tungstenite::client::client_with_config;
use tungstenite::http::Uri;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket};

use super::{Engine, EngineError, SAMPLES_PER_SECOND, Words};

/// Of each step on the way to an open socket. Clients wait for 10 s in all.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// For room in the socket: a server that takes nothing for so long has stopped.
const SEND_PATIENCE: Duration = Duration::from_secs(5);
/// After so much silence it is asked whether it is there…
const QUIET: Duration = Duration::from_secs(5);
/// …and after so much it is not.
const LOST: Duration = Duration::from_secs(12);
/// Bytes of its longest message.
const LONGEST: usize = 1 << 20;
/// Bytes of what is told as the recogniser's own words; what is longer is told as text alone.
const LONGEST_RAW: usize = 16 << 10;

/// A stream that one such server listens to.
#[derive(Debug)]
pub(super) struct Vosk {
    socket: WebSocket<Stream>,
    /// When it last said anything.
    heard: Instant,
    /// It was asked whether it is there.
    is_asked: bool,
    /// What it said last that may still change.
    interim: String,
}

/// What it says. All of the known servers send one of these at a time.
#[derive(Deserialize)]
struct Answer {
    partial: Option<String>,
    text: Option<String>,
    #[serde(default)]
    alternatives: Vec<Alternative>,
}

#[derive(Deserialize)]
struct Alternative {
    text: String,
}

impl Vosk {
    /// `address`: `ws:` or `wss:`.
    pub(super) fn connect(address: &str) -> Result<Self, EngineError> {
        let stream = Stream::connect(address).map_err(EngineError::unreachable)?;
        let config = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
        let (mut socket, _) = client_with_config(address, stream, Some(config)).map_err(EngineError::unreachable)?;
        let tcp = socket.get_ref().tcp();
        tcp.set_write_timeout(Some(SEND_PATIENCE)).map_err(EngineError::unreachable)?;
        let hello = format!(r#"{{"config":{{"sample_rate":{SAMPLES_PER_SECOND}}}}}"#);
        socket.send(Message::text(hello)).map_err(EngineError::unreachable)?;
        Ok(Self { socket, heard: Instant::now(), is_asked: false, interim: String::new() })
    }

    fn ask_whether_it_is_there(&mut self) -> Result<(), EngineError> {
        let quiet = self.heard.elapsed();
        if quiet > LOST {
            return Err(EngineError::closed("it does not answer"));
        }
        if quiet > QUIET && !self.is_asked {
            self.is_asked = true;
            self.socket.send(Message::Ping(Default::default())).map_err(EngineError::closed)?;
        }
        Ok(())
    }

    /// What is new in what it says.
    fn understand(&mut self, message: &str) -> Option<Words> {
        let answer: Answer = serde_json::from_str(message).ok()?;
        let first = || answer.alternatives.into_iter().next().map(|alternative| alternative.text);
        let (text, is_final) = match (answer.text, answer.partial) {
            (Some(text), _) => (text, true),
            (None, Some(text)) => (text, false),
            (None, None) => (first()?, true),
        };
        let text = text.trim();
        let is_new = if is_final {
            self.interim.clear();
            true
        } else {
            let is_new = self.interim != text;
            text.clone_into(&mut self.interim);
            is_new
        };
        let raw = if message.len() <= LONGEST_RAW { message } else { text };
        (is_new && !text.is_empty()).then(|| Words { text: text.to_owned(), raw: raw.to_owned(), is_final })
    }
}

impl Engine for Vosk {
    fn send(&mut self, sound: &[u8]) -> Result<(), EngineError> {
        self.socket.send(Message::binary(sound.to_vec())).map_err(EngineError::closed)
    }

    fn receive(&mut self) -> Result<Option<Words>, EngineError> {
        self.ask_whether_it_is_there()?;
        loop {
            self.socket.get_ref().tcp().set_nonblocking(true).map_err(EngineError::closed)?;
            let read = self.socket.read();
            self.socket.get_ref().tcp().set_nonblocking(false).map_err(EngineError::closed)?;
            let message = match read {
                Ok(message) => message,
                Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(None);
                }
                Err(error) => return Err(EngineError::closed(error)),
            };
            (self.heard, self.is_asked) = (Instant::now(), false);
            if let Message::Text(text) = message
                && let Some(words) = self.understand(&text)
            {
                return Ok(Some(words));
            }
        }
    }

    fn finish(&mut self) {
        // To the letter: the original compares texts.
        let _ = self.socket.send(Message::text(r#"{"eof" : 1}"#));
    }
}

/// What the socket stands on.
#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn connect(address: &str) -> io::Result<Self> {
        let uri: Uri = address.parse().map_err(io::Error::other)?;
        let host = uri.host().ok_or_else(|| io::Error::other("the address has no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_tls = uri.scheme_str() == Some("wss");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let mut result = Err(io::Error::other("its host has no address"));
        for address in (host, port).to_socket_addrs()? {
            result = TcpStream::connect_timeout(&address, CONNECT_PATIENCE);
            if result.is_ok() {
                break;
            }
        }
        let tcp = result?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(CONNECT_PATIENCE))?;
        tcp.set_write_timeout(Some(CONNECT_PATIENCE))?;
        if !is_tls {
            return Ok(Self::Plain(tcp));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let session = ClientConnection::new(tls()?, name).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(session, tcp))))
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => &tls.sock,
        }
    }
}

/// Its certificate is checked as browsers do.
fn tls() -> io::Result<Arc<ClientConfig>> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    use super::*;

    /// A server for one client, which `talk` is about.
    fn serve(talk: impl FnOnce(WebSocket<TcpStream>) + Send + 'static) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("ws://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || talk(tungstenite::accept(listener.accept().unwrap().0).unwrap()));
        (address, server)
    }

    /// The next words; something must come, or the other side ends.
    fn next(vosk: &mut Vosk) -> Result<Words, EngineError> {
        loop {
            if let Some(words) = vosk.receive()? {
                return Ok(words);
            }
            thread::yield_now();
        }
    }

    #[test]
    fn sound_goes_out_and_what_is_new_comes_back() {
        let (address, server) = serve(|mut socket| {
            assert_eq!(socket.read().unwrap().to_text().unwrap(), r#"{"config":{"sample_rate":16000}}"#);
            assert_eq!(socket.read().unwrap().into_data().len(), 3200);
            for answer in [
                r#"{"partial" : ""}"#,
                r#"{"partial" : "good"}"#,
                r#"{"partial" : "good"}"#,
                r#"{"partial" : "good morning"}"#,
                r#"{"result" : [{"word": "good"}], "text" : "good morning"}"#,
                "nonsense",
                r#"{"text" : ""}"#,
                r#"{"alternatives" : [{"confidence": 1.0, "text": "again"}, {"confidence": 0.1, "text": "a gain"}]}"#,
            ] {
                socket.send(Message::text(answer)).unwrap();
            }
            assert_eq!(socket.read().unwrap().to_text().unwrap(), r#"{"eof" : 1}"#);
        });
        let mut vosk = Vosk::connect(&address).unwrap();
        vosk.send(&[0; 3200]).unwrap();
        let words: Vec<_> = (0..4).map(|_| next(&mut vosk).unwrap()).collect();
        let told: Vec<_> = words.iter().map(|words| (words.text.as_str(), words.is_final)).collect();
        assert_eq!(told, [("good", false), ("good morning", false), ("good morning", true), ("again", true)]);
        assert_eq!(words[2].raw, r#"{"result" : [{"word": "good"}], "text" : "good morning"}"#);
        vosk.finish();
        server.join().unwrap();
        assert!(matches!(next(&mut vosk), Err(EngineError::Closed(_))), "it has gone");
    }

    #[test]
    fn who_is_not_there_or_is_no_such_server_is_unreachable() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            stream.write_all(b"220 mail.example.org\r\n\r\n").unwrap();
        });
        for address in [format!("ws://{free}"), format!("ws://{other}"), "ws://".to_owned()] {
            assert!(matches!(Vosk::connect(&address), Err(EngineError::Unreachable(_))), "{address}");
        }
        server.join().unwrap();
    }

    #[test]
    fn a_server_is_not_taken_for_lost_while_it_answers_pings() {
        let (address, server) = serve(|mut socket| while socket.read().is_ok() {});
        let mut vosk = Vosk::connect(&address).unwrap();
        vosk.heard = Instant::now().checked_sub(QUIET + Duration::from_secs(1)).unwrap();
        let asked_at = vosk.heard;
        while vosk.heard == asked_at {
            assert!(vosk.receive().unwrap().is_none());
        }
        assert!(!vosk.is_asked);
        vosk.heard = Instant::now().checked_sub(LOST * 2).unwrap();
        assert!(matches!(vosk.receive(), Err(EngineError::Closed(_))));
        drop(vosk);
        server.join().unwrap();
    }
}
