//! The TCP and UDP port of a real server.

mod harness;

use std::sync::Arc;

use harness::{Client, Folder, TestServer, config};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use server::Server;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

async fn tls(server: &TestServer) -> TlsStream<TcpStream> {
    let certificate = CertificateDer::from_pem_file(server.folder().join("certificate.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let name = ServerName::from(server.address().ip());
    TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn plain_and_encrypted_sockets_share_a_port() {
    let server = TestServer::start().await;
    let mut plain = server.client().await;
    let url = format!("wss://{}/openvidu", server.address());
    let mut encrypted = Client::open(tls(&server).await, &url).await.unwrap();
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

#[tokio::test]
async fn the_certificate_is_made_once_and_kept_to_oneself() {
    let folder = Folder::new();
    let certificate = || std::fs::read(folder.path().join("certificate.pem")).unwrap();
    Server::start(config(&folder)).await.unwrap().stop().await;
    let first = certificate();
    Server::start(config(&folder)).await.unwrap().stop().await;
    assert_eq!(certificate(), first);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = std::fs::metadata(folder.path().join("certificate.key.pem")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
    // A new public name is not in the old one.
    let named = server::Config { domain_or_public_ip: "call.example.org".parse().unwrap(), ..config(&folder) };
    Server::start(named).await.unwrap().stop().await;
    assert_ne!(certificate(), first);
}

#[tokio::test]
async fn a_broken_certificate_is_named() {
    let folder = Folder::new();
    Server::start(config(&folder)).await.unwrap().stop().await;
    std::fs::write(folder.path().join("certificate.pem"), "nonsense").unwrap();
    let error = Server::start(config(&folder)).await.unwrap_err().to_string();
    assert!(error.contains("certificate.pem") && error.contains("MADANG_DATA_DIR"), "{error}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_setting() {
    let server = TestServer::start().await;
    let folder = Folder::new();
    let tcp = server::Config { server_port: server.address().port(), ..config(&folder) };
    let error = Server::start(tcp).await.unwrap_err().to_string();
    assert!(error.contains(&server.address().to_string()) && error.contains("SERVER_PORT"), "{error}");
    let media = server.server.media_address();
    let udp = server::Config { madang_udp_port: media.port(), ..config(&folder) };
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
        let mut client = Client::open(stream, "ws://localhost/openvidu").await.unwrap();
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
    let mut request = b"\x00\x01\x00\x00\x21\x12\xa4\x42".to_vec();
    request.extend([7; 12]);
    client.send(&request).await.unwrap();
    let mut answer = vec![0; 1500];
    let length = client.recv(&mut answer).await.unwrap();
    answer.truncate(length);
    answer
}
