//! A WebSocket to an engine, over TCP or TLS: opened within seconds, read without waiting, and known to be lost when nothing is
//! heard of it any more.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tungstenite::client::{IntoClientRequest as _, client_with_config};
use tungstenite::http::{HeaderValue, Uri};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket};

use super::EngineError;

/// Of each step on the way to an open socket. Clients wait for 10 s in all.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// For room in the socket: a server that takes nothing for so long has stopped.
const SEND_PATIENCE: Duration = Duration::from_secs(5);
/// After so much silence it is asked whether it is there…
const QUIET: Duration = Duration::from_secs(5);
/// …and after so much it is not.
const LOST: Duration = Duration::from_secs(12);
/// Bytes of the longest message that comes.
const LONGEST: usize = 1 << 20;

/// See the module.
#[derive(Debug)]
pub(super) struct EngineSocket {
    socket: WebSocket<Stream>,
    /// When something was last heard.
    heard: Instant,
    /// It was asked whether it is there.
    is_asked: bool,
}

impl EngineSocket {
    /// `address`: `ws:` or `wss:`. It is no part of an error: it may hold more than others shall know.
    pub(super) fn connect(address: &str) -> Result<Self, EngineError> {
        Self::connect_with(address, &[])
    }

    /// The same, with headers of its own in the request.
    pub(super) fn connect_with(address: &str, headers: &[(&'static str, &str)]) -> Result<Self, EngineError> {
        let mut request = address.into_client_request().map_err(EngineError::unreachable)?;
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(EngineError::unreachable)?;
            request.headers_mut().insert(*name, value);
        }
        let stream = Stream::connect(address).map_err(EngineError::unreachable)?;
        let config = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
        let (socket, _) = client_with_config(request, stream, Some(config)).map_err(EngineError::unreachable)?;
        let tcp = socket.get_ref().tcp();
        tcp.set_write_timeout(Some(SEND_PATIENCE)).map_err(EngineError::unreachable)?;
        Ok(Self { socket, heard: Instant::now(), is_asked: false })
    }

    pub(super) fn send(&mut self, message: Message) -> Result<(), EngineError> {
        self.socket.send(message).map_err(EngineError::closed)
    }

    /// The next message, if there is one.
    pub(super) fn read(&mut self) -> Result<Option<Message>, EngineError> {
        self.ask_whether_it_is_there()?;
        self.socket.get_ref().tcp().set_nonblocking(true).map_err(EngineError::closed)?;
        let read = self.socket.read();
        self.socket.get_ref().tcp().set_nonblocking(false).map_err(EngineError::closed)?;
        match read {
            Ok(message) => {
                (self.heard, self.is_asked) = (Instant::now(), false);
                Ok(Some(message))
            }
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            Err(error) => Err(EngineError::closed(error)),
        }
    }

    fn ask_whether_it_is_there(&mut self) -> Result<(), EngineError> {
        let quiet = self.heard.elapsed();
        if quiet > LOST {
            return Err(EngineError::closed("it does not answer"));
        }
        if quiet > QUIET && !self.is_asked {
            self.is_asked = true;
            self.send(Message::Ping(Default::default()))?;
        }
        Ok(())
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
    use std::thread;

    use super::*;

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
            assert!(matches!(EngineSocket::connect(&address), Err(EngineError::Unreachable(_))), "{address}");
        }
        server.join().unwrap();
    }

    #[test]
    fn a_server_is_not_taken_for_lost_while_it_answers_pings() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("ws://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            while socket.read().is_ok() {}
        });
        let mut socket = EngineSocket::connect(&address).unwrap();
        socket.heard = Instant::now().checked_sub(QUIET + Duration::from_secs(1)).unwrap();
        let asked_at = socket.heard;
        while socket.heard == asked_at {
            socket.read().unwrap();
        }
        assert!(!socket.is_asked);
        socket.heard = Instant::now().checked_sub(LOST * 2).unwrap();
        assert!(matches!(socket.read(), Err(EngineError::Closed(_))));
        drop(socket);
        server.join().unwrap();
    }
}
