//! The TCP and UDP port of a real server.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use server::{Limits, Server};
use testbed::PATIENCE;
use testbed::server::{TestServer, config};
use testbed::signalling::SignallingClient;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

async fn tls(server: &TestServer) -> TlsStream<TcpStream> {
    tls_with(server, &[]).await
}

/// `protocols` are those of ALPN.
async fn tls_with(server: &TestServer, protocols: &[&str]) -> TlsStream<TcpStream> {
    let certificate = CertificateDer::from_pem_file(server.folder().join("authority.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let name = ServerName::from(server.address().ip());
    TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn plain_and_encrypted_sockets_share_a_port() {
    let server = TestServer::start().await;
    let mut plain = server.client().await;
    let url = format!("wss://{}/openvidu", server.address());
    let mut encrypted = SignallingClient::open(tls(&server).await, &url).await.unwrap();
    assert_eq!(plain.request("ping", json!({})).await["result"]["value"], "pong");
    assert_eq!(encrypted.request("ping", json!({})).await["result"]["value"], "pong");
}

#[tokio::test]
async fn those_who_open_slowly_hold_nobody_up() {
    let server = TestServer::start().await;
    let mut slow = vec![];
    for opening in ["", "G", "GET /openvidu HT", "\u{16}", "\u{16}\u{3}\u{1}\u{0}\u{5}"] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(opening.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let mut client = server.client().await;
    assert_eq!(client.request("ping", json!({})).await["result"]["value"], "pong");
    let _ = tls(&server).await;
}

/// How often a client that drips sends a byte.
const DRIP: Duration = Duration::from_millis(20);

/// So short that tests need no patience, and the other limits so long that they play no part.
fn patient_but_for(change: impl FnOnce(&mut Limits)) -> Limits {
    let hour = Duration::from_secs(3600);
    let mut limits = Limits { opening: hour, head: hour, body: hour, unread: hour, ..Limits::default() };
    change(&mut limits);
    limits
}

const SHORT: Duration = Duration::from_millis(300);

/// Sends `opening` and then a byte now and then; returns what the server said before it ended the connection.
async fn drip(server: &TestServer, opening: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(opening).await.unwrap();
    let mut said = vec![];
    let to_its_end = async {
        loop {
            match timeout(DRIP, stream.read_buf(&mut said)).await {
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(_)) => {}
                Err(_) => drop(stream.write_all(b"x").await),
            }
        }
    };
    timeout(PATIENCE, to_its_end).await.expect("the server ends it");
    String::from_utf8(said).unwrap()
}

async fn is_served(server: &TestServer) {
    let mut client = server.client().await;
    assert_eq!(client.request("ping", json!({})).await["result"]["value"], "pong");
}

#[tokio::test]
async fn many_slow_heads_are_ended_while_others_are_served() {
    let server = TestServer::start_limited(|_| {}, patient_but_for(|limits| limits.head = SHORT)).await;
    let slow = (0..100).map(|_| drip(&server, b"GET /openvidu/api/config HTTP/1.1\r\nX-Slow: "));
    let (said, ()) = tokio::join!(futures_util::future::join_all(slow), is_served(&server));
    assert!(said.iter().all(|said| said.is_empty() || said.starts_with("HTTP/1.1 408 ")), "{said:?}");
    is_served(&server).await;
}

#[tokio::test]
async fn many_slow_bodies_are_ended_while_others_are_served() {
    let server = TestServer::start_limited(|_| {}, patient_but_for(|limits| limits.body = SHORT)).await;
    for (head, status) in [
        // Public, so that the body is of interest; it is not for somebody without credentials.
        ("POST /call/token HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n", "HTTP/1.1 408 "),
        ("POST /openvidu/api/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n", "HTTP/1.1 401 "),
        (
            "OPTIONS /openvidu HTTP/1.1\r\nHost: x\r\nOrigin: http://y\r\nAccess-Control-Request-Method: GET\r\n\
          Content-Length: 9999\r\n\r\n",
            "HTTP/1.1 200 ",
        ),
    ] {
        let slow = (0..50).map(|_| drip(&server, head.as_bytes()));
        let (said, ()) = tokio::join!(futures_util::future::join_all(slow), is_served(&server));
        assert!(said.iter().all(|said| said.starts_with(status)), "{said:?}");
    }
}

#[tokio::test]
async fn openers_that_say_nothing_or_half_of_a_handshake_are_ended() {
    let server = TestServer::start_limited(|_| {}, patient_but_for(|limits| limits.opening = SHORT)).await;
    let check = b"\x00\x14\x00\x01\x00\x00\x21\x12\xa4\x42";
    let hello = b"\x16\x03\x01\x00\xff\x01\x00\x00\xfb\x03\x03";
    for opening in [&b""[..], b"\x16", b"\x16\x03\x01\x00\xff", hello, b"\x00", check] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(opening).await.unwrap();
        let mut said = vec![];
        // Nobody is told why, but for an alert of TLS.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("an end");
        assert!(said.len() < 10, "{said:?}");
    }
    is_served(&server).await;
    let _ = tls(&server).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_never_reads_the_answers_is_ended() {
    let server = TestServer::start_limited(|_| {}, patient_but_for(|limits| limits.unread = SHORT)).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address()).await.unwrap();
    let request = b"GET /openvidu/accept-certificate HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    let flood = async { while stream.write_all(&request).await.is_ok() {} };
    timeout(PATIENCE, flood).await.expect("an end");
    is_served(&server).await;
}

#[tokio::test]
async fn no_address_takes_every_place() {
    let server = TestServer::start_limited(|_| {}, patient_but_for(|limits| limits.connections = 10)).await;
    let from = async |ip: [u8; 4]| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ip, 0).into()).unwrap();
        socket.connect(server.address()).await.unwrap()
    };
    let mut flood = vec![];
    for _ in 0..30 {
        flood.push(from([127, 0, 0, 1]).await);
    }
    for refused in &mut flood[9..] {
        assert!(matches!(timeout(PATIENCE, refused.read(&mut [0])).await, Ok(Ok(0) | Err(_))));
    }
    let url = format!("ws://{}/openvidu", server.address());
    // A second connection of the others waits for a place; it is served as soon as there is one.
    let mut other = SignallingClient::open(from([127, 0, 0, 2]).await, &url).await.unwrap();
    assert_eq!(other.request("ping", json!({})).await["result"]["value"], "pong");
    let mut late = from([127, 0, 0, 2]).await;
    late.write_all(b"GET /openvidu/accept-certificate HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    drop(flood);
    let mut status = [0; 12];
    timeout(PATIENCE, late.read_exact(&mut status)).await.expect("a place").unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
}

/// A binding request, and the first bytes of its answer.
fn binding() -> (Vec<u8>, [u8; 4]) {
    let mut request = b"\x00\x01\x00\x00\x21\x12\xa4\x42".to_vec();
    request.extend([7; 12]);
    (request, [0x01, 0x01, 0x00, 0x0c])
}

#[tokio::test]
async fn media_over_tcp_and_tls_shares_the_port() {
    let server = TestServer::start().await;
    let (request, answer) = binding();
    // TURN's framing, plain and encrypted: as long as the STUN message says.
    let mut plain = TcpStream::connect(server.address()).await.unwrap();
    plain.write_all(&request).await.unwrap();
    assert_eq!(read(&mut plain, 32).await[..4], answer);
    for protocols in [&["stun.turn"][..], &[], &["http/1.1"]] {
        let mut encrypted = tls_with(&server, protocols).await;
        assert_eq!(encrypted.get_ref().1.alpn_protocol(), protocols.first().map(|name| name.as_bytes()));
        encrypted.write_all(&request).await.unwrap();
        assert_eq!(read(&mut encrypted, 32).await[..4], answer);
    }
    // ICE's framing, in pieces; the connection goes on with any number of messages.
    let mut ice = TcpStream::connect(server.address()).await.unwrap();
    let port = ice.local_addr().unwrap().port();
    let frame = [&[0, 20], &request[..]].concat();
    for piece in frame.chunks(7).chain([&frame[..]]) {
        ice.write_all(piece).await.unwrap();
    }
    for _ in 0..2 {
        let framed = read(&mut ice, 34).await;
        assert_eq!((&framed[..2], &framed[2..6]), (&[0, 32][..], &answer[..]));
        assert_eq!(u16::from_be_bytes([framed[28], framed[29]]) ^ 0x2112, port);
    }
    is_served(&server).await;
}

#[tokio::test]
async fn a_connection_that_speaks_nothing_known_is_closed() {
    let server = TestServer::start().await;
    let (request, _) = binding();
    let not_a_check = [&[0, 20, 0, 3], &request[2..]].concat();
    for opening in [&[0x80, 0x60, 0, 1][..], &[0xff; 20], &[0; 10], &not_a_check, b" GET / HTTP/1.1\r\n"] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(opening).await.unwrap();
        // What was not read makes the kernel cut the connection, which is an end as well.
        let end = stream.read(&mut [0; 1]).await;
        assert!(matches!(end, Ok(0) | Err(_)), "{opening:?}");
    }
    // Inside TLS there is no ICE and no second TLS.
    let framed = [&[0, 20], &request[..]].concat();
    for opening in [&framed[..], b"\x16\x03\x01", &[0x80, 0x60]] {
        let mut stream = tls(&server).await;
        stream.write_all(opening).await.unwrap();
        let end = stream.read(&mut [0; 1]).await;
        assert!(matches!(end, Ok(0) | Err(_)), "{opening:?}");
    }
    is_served(&server).await;
}

async fn read(stream: &mut (impl AsyncRead + Unpin), length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn the_certificate_is_made_once_and_kept_to_oneself() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = || std::fs::read(folder.path().join("certificate.pem")).unwrap();
    Server::start(config(folder.path())).await.unwrap().stop().await;
    let first = certificate();
    Server::start(config(folder.path())).await.unwrap().stop().await;
    assert_eq!(certificate(), first);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = std::fs::metadata(folder.path().join("certificate.key.pem")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
    // A new public name is not in the old one.
    let named = server::Config { domain_or_public_ip: "call.example.org".parse().unwrap(), ..config(folder.path()) };
    Server::start(named).await.unwrap().stop().await;
    assert_ne!(certificate(), first);
}

#[tokio::test]
async fn a_broken_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    Server::start(config(folder.path())).await.unwrap().stop().await;
    std::fs::write(folder.path().join("certificate.pem"), "nonsense").unwrap();
    let error = Server::start(config(folder.path())).await.unwrap_err().to_string();
    assert!(error.contains("certificate.pem") && error.contains("MADANG_DATA_DIR"), "{error}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_setting() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let tcp = server::Config { server_port: server.address().port(), ..config(folder.path()) };
    let error = Server::start(tcp).await.unwrap_err().to_string();
    assert!(error.contains(&server.address().to_string()) && error.contains("SERVER_PORT"), "{error}");
    let media = server.server.media_address();
    let udp = server::Config { madang_udp_port: media.port(), ..config(folder.path()) };
    let error = Server::start(udp).await.unwrap_err().to_string();
    assert!(error.contains(&media.to_string()) && error.contains("MADANG_UDP_PORT"), "{error}");
}

#[tokio::test]
async fn a_dual_stack_port_serves_both_families() {
    let server = TestServer::start_with(|config| config.madang_listen = "::".parse().unwrap()).await;
    let port = server.address().port();
    // Machines without IPv6 fall back to IPv4.
    let both = if server.address().is_ipv6() { vec!["127.0.0.1", "::1"] } else { vec!["127.0.0.1"] };
    for host in both {
        let stream = TcpStream::connect((host, port)).await.unwrap();
        let mut client = SignallingClient::open(stream, "ws://localhost/openvidu").await.unwrap();
        assert_eq!(client.request("ping", json!({})).await["result"]["value"], "pong");
        let media = (host, server.server.media_address().port());
        assert_eq!(stun_answer(media).await[..4], [0x01, 0x01, 0x00, if host == "::1" { 0x18 } else { 0x0c }]);
    }
}

#[tokio::test]
async fn the_media_port_tells_clients_their_address() {
    let server = TestServer::start().await;
    let answer = stun_answer(server.server.media_address()).await;
    assert_eq!(answer[..4], [0x01, 0x01, 0x00, 0x0c]);
    assert_eq!(answer[28..32], [127 ^ 0x21, 0x12, 0xa4, 1 ^ 0x42], "127.0.0.1, masked");
}

/// Sends garbage and then a binding request; the first answer must be to the latter, and from where it was sent to.
async fn stun_answer(media: impl tokio::net::ToSocketAddrs) -> Vec<u8> {
    let media = tokio::net::lookup_host(media).await.unwrap().next().unwrap();
    let any: std::net::IpAddr = if media.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let client = UdpSocket::bind((any, 0)).await.unwrap();
    client.connect(media).await.unwrap();
    for garbage in [&[0u8; 1500][..], &[0xff; 40], b"\x00\x01", b"\x80\x60garbage that looks like RTP", b""] {
        client.send(garbage).await.unwrap();
    }
    client.send(&binding().0).await.unwrap();
    let mut answer = vec![0; 1500];
    let length = client.recv(&mut answer).await.unwrap();
    answer.truncate(length);
    answer
}
