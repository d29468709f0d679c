//! The relay in the running server, used by another implementation's client over real sockets, with the credentials that
//! joinRoom gives.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::PATIENCE;
use testbed::server::TestServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use turn_client_proto::api::{Transmit, TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::prelude::*;
use turn_client_proto::stun::Instant as ClientInstant;
use turn_client_proto::types::{TransportType, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;

/// A binding request (RFC 8489 §5).
const QUESTION: [u8; 20] = *b"\x00\x01\x00\x00\x21\x12\xa4\x42transaction!";

struct TurnUser {
    socket: UdpSocket,
    client: TurnClientUdp,
    start: Instant,
    received: Vec<(SocketAddr, Vec<u8>)>,
    events: Vec<TurnEvent>,
    /// Answers that the client makes nothing of.
    ignored: Vec<Vec<u8>>,
}

impl TurnUser {
    async fn new(server: SocketAddr, username: &str, password: &str) -> Self {
        let socket = UdpSocket::bind(SocketAddr::new(server.ip(), 0)).await.unwrap();
        socket.connect(server).await.unwrap();
        let config = TurnConfig::new(TurnCredentials::new(username, password));
        let client = TurnClientUdp::allocate(socket.local_addr().unwrap(), server, config);
        Self { socket, client, start: Instant::now(), received: vec![], events: vec![], ignored: vec![] }
    }

    fn now(&self) -> ClientInstant {
        ClientInstant::from_nanos(self.start.elapsed().as_nanos() as i64)
    }

    /// Runs the client until `done`.
    async fn run(&mut self, done: impl Fn(&Self) -> bool) {
        let mut buffer = [0; 2000];
        timeout(PATIENCE, async {
            loop {
                let poll = self.client.poll(self.now());
                self.events.extend(std::iter::from_fn(|| self.client.poll_event()));
                while let Some(transmit) = self.client.poll_transmit(self.now()) {
                    self.socket.send(&transmit.data).await.unwrap();
                }
                if done(self) {
                    return;
                }
                let wait = match poll {
                    TurnPollRet::WaitUntil(at) => at.duration_since(self.now()).min(Duration::from_millis(500)),
                    other => panic!("{other:?}"),
                };
                if let Ok(length) = timeout(wait, self.socket.recv(&mut buffer)).await {
                    let (from, to) = (self.client.remote_addr(), self.client.local_addr());
                    let transmit = Transmit::new(&buffer[..length.unwrap()], TransportType::Udp, from, to);
                    match self.client.recv(transmit, self.now()) {
                        TurnRecvRet::PeerData(data) => self.received.push((data.peer, data.data().to_vec())),
                        TurnRecvRet::Handled => {}
                        TurnRecvRet::Ignored(transmit) => self.ignored.push(transmit.data.to_vec()),
                        other => panic!("{other:?}"),
                    }
                }
            }
        })
        .await
        .unwrap_or_else(|_| panic!("not in time; {:?}", self.events));
    }

    async fn send(&mut self, peer: SocketAddr, contents: &[u8]) {
        let now = self.now();
        let transmit = self.client.send_to(TransportType::Udp, peer, contents, now).unwrap().unwrap().build();
        self.socket.send(&transmit.data).await.unwrap();
    }

    fn relayed(&self) -> Option<SocketAddr> {
        self.client.relayed_addresses().next().map(|(_, address)| address)
    }

    async fn allocated(joined: &Value) -> Self {
        let [username, password] = ["username", "credential"].map(|key| text(&joined["customIceServers"][0][key]));
        let mut user = Self::new(relay(joined), &username, &password).await;
        user.run(|user| user.relayed().is_some()).await;
        user
    }
}

/// Where it is, over UDP.
fn relay(joined: &Value) -> SocketAddr {
    text(&joined["customIceServers"][0]["url"]).strip_prefix("turn:").and_then(|address| address.parse().ok()).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

#[tokio::test]
async fn who_joins_is_told_of_the_relay_in_both_notations() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (_client, joined) = server.joined("room", "ann").await;
    let (first, relay) = (&joined["customIceServers"][0], relay(&joined));
    // Chromium would take all that comes from there for the relay's.
    assert_ne!(relay, server.server.media_address());
    assert_eq!((&joined["coturnIp"], &joined["coturnPort"]), (&relay.ip().to_string().into(), &relay.port().into()));
    let tcp = &joined["customIceServers"][1];
    assert_eq!(tcp["url"], format!("turn:{}?transport=tcp", server.address()));
    assert_eq!((&tcp["username"], &tcp["credential"]), (&first["username"], &first["credential"]));
    assert_eq!((&joined["turnUsername"], &joined["turnCredential"]), (&first["username"], &first["credential"]));
    let (_other, other) = server.joined("room", "bob").await;
    assert_ne!(other["turnUsername"], joined["turnUsername"], "a user each");
}

#[tokio::test]
async fn the_relay_leads_to_our_media_in_memory_and_back() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (_client, joined) = server.joined("room", "ann").await;
    let mut user = TurnUser::allocated(&joined).await;
    let media = server.server.media_candidates().udp[0];
    user.client.create_permission(TransportType::Udp, media.ip(), user.now()).unwrap();
    user.run(|user| user.client.have_permission(TransportType::Udp, media.ip())).await;
    // The STUN service of the media port, asked from the relayed address, sees that address.
    user.send(media, &QUESTION).await;
    user.run(|user| !user.received.is_empty()).await;
    let (peer, answer) = user.received.remove(0);
    assert_eq!((peer, &answer[..2], &answer[8..20]), (media, &[0x01, 0x01][..], &QUESTION[8..]));
    let Some(SocketAddr::V4(relayed)) = user.relayed() else { panic!("media is on IPv4") };
    let masked: Vec<u8> = relayed.ip().octets().iter().zip([0x21, 0x12, 0xa4, 0x42]).map(|(a, b)| a ^ b).collect();
    assert_eq!(answer[28..32], masked[..]);
    // The same by a channel, and as much as a datagram of media holds.
    let echo = SocketAddr::new(media.ip(), *turn::ECHO_PORTS.start());
    user.client.bind_channel(TransportType::Udp, echo, user.now()).unwrap();
    user.run(|user| user.events.iter().any(|event| matches!(event, TurnEvent::ChannelCreated(..)))).await;
    user.send(echo, &[7; 1200]).await;
    user.run(|user| !user.received.is_empty()).await;
    assert_eq!(user.received, [(echo, vec![7; 1200])]);
    // Whoever runs the server sees whose it was.
    let told = figures(&server).await;
    let usage = json!({"datagramsReceived": 2, "bytesReceived": 1220, "datagramsSent": 2, "bytesSent": 1232});
    let mut connection = usage.clone();
    connection["connectionId"] = joined["id"].clone();
    connection["transport"] = "udp".into();
    assert_eq!(told["connections"], json!([connection]));
    for (key, value) in usage.as_object().unwrap() {
        assert_eq!(&told[key], value, "{key}");
    }
    assert_eq!((&told["allocations"], &told["allocationsMade"], &told["refused"]), (&1.into(), &1.into(), &0.into()));
    drop(user);
}

/// What REST tells of the relay.
async fn figures(server: &TestServer) -> Value {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let credentials = "Authorization: Basic T1BFTlZJRFVBUFA6TVlfU0VDUkVU\r\n";
    let request = format!("GET /openvidu/api/turn HTTP/1.0\r\nHost: x\r\n{credentials}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn any_other_peer_is_refused() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (_client, joined) = server.joined("room", "ann").await;
    let mut user = TurnUser::allocated(&joined).await;
    // Somebody who would notice.
    let victim = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let peer = victim.local_addr().unwrap();
    user.client.create_permission(TransportType::Udp, peer.ip(), user.now()).unwrap();
    user.run(|user| user.events.iter().any(|event| matches!(event, TurnEvent::PermissionCreateFailed(..)))).await;
    assert!(user.client.send_to(TransportType::Udp, peer, b"x", user.now()).is_err());
    let mut byte = [0];
    assert!(victim.try_recv(&mut byte).is_err());
}

#[tokio::test]
async fn wrong_and_expired_credentials_are_refused() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (_client, joined) = server.joined("room", "ann").await;
    let secret = std::fs::read_to_string(server.folder().join("turn.secret")).unwrap();
    let expired = turn::SharedSecret::new(&secret).issue(1_700_000_000, "expired");
    let username = text(&joined["turnUsername"]);
    for (username, password) in [(&username, "guessed"), (&expired.username, &*expired.password)] {
        let mut user = TurnUser::new(relay(&joined), username, password).await;
        user.run(|user| !user.ignored.is_empty()).await;
        // ERROR-CODE is the first attribute.
        assert_eq!(user.ignored[0][20..28], [0x00, 0x09, 0x00, 0x04, 0, 0, 4, 1]);
        assert_eq!(user.relayed(), None);
    }
}

#[tokio::test]
async fn the_quota_of_a_user_is_kept_and_freed() {
    let server = TestServer::start_with(|config| config.madang_turn_client_allocations = 1).await;
    server.create_session("room").await;
    let (_client, joined) = server.joined("room", "ann").await;
    let mut first = TurnUser::allocated(&joined).await;
    let [username, password] = ["turnUsername", "turnCredential"].map(|key| text(&joined[key]));
    let mut second = TurnUser::new(relay(&joined), &username, &password).await;
    second.run(|user| user.events.iter().any(|event| matches!(event, TurnEvent::AllocationCreateFailed(_)))).await;
    first.client.delete(first.now()).unwrap();
    first.run(|user| user.relayed().is_none()).await;
    TurnUser::allocated(&joined).await;
}

#[tokio::test]
async fn a_quota_of_nothing_leaves_stun() {
    let server = TestServer::start_with(|config| config.madang_turn_allocations = 0).await;
    server.create_session("room").await;
    let (_client, joined) = server.joined("room", "ann").await;
    let media = server.server.media_address();
    assert!(text(&joined["customIceServers"][0]["url"]).starts_with("stun:"));
    assert!(joined.get("coturnIp").is_none());
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let allocate = b"\x00\x03\x00\x00\x21\x12\xa4\x42transaction!";
    socket.send_to(allocate, media).await.unwrap();
    socket.send_to(&QUESTION, media).await.unwrap();
    let mut buffer = [0; 100];
    let length = timeout(PATIENCE, socket.recv(&mut buffer)).await.unwrap().unwrap();
    assert_eq!((length, &buffer[..2]), (32, &[0x01, 0x01][..]), "only the second is answered");
}
