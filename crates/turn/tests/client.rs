//! Our server side against another implementation's client side, in memory and under a virtual clock.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use turn::{Client, Config, Handled, Limits, Now, Quotas, Server, SharedSecret, Space, Transport};
use turn_client_proto::api::{Transmit, TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::prelude::*;
use turn_client_proto::stun::Instant as ClientInstant;
use turn_client_proto::types::{TransportType, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;

const UNIX: u64 = 1_700_000_000;

/// A client and a server with nothing between them; our media answers what it gets, backwards.
struct World {
    server: Server,
    client: TurnClientUdp,
    start: Instant,
    passed: Duration,
    /// What the client got from whom.
    inbox: Vec<(SocketAddr, Vec<u8>)>,
    events: Vec<TurnEvent>,
    /// Answers that the client makes nothing of.
    ignored: Vec<Vec<u8>>,
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn media() -> SocketAddr {
    address("203.0.113.5:40000")
}

impl World {
    fn new(password: Option<&str>) -> Self {
        let secret = SharedSecret::new("secret");
        let issued = secret.issue(UNIX, "ann");
        let start = Instant::now();
        let limits = Limits { allocations: 10, allocations_per_user: 10 };
        let server = Server::new(
            Config { secret: Some(secret), peers: vec![media()], quotas: Quotas::new(limits), space: Space::default() },
            [1; 32],
            start,
        );
        let credentials = TurnCredentials::new(&issued.username, password.unwrap_or(&issued.password));
        let config = TurnConfig::new(credentials);
        let client = TurnClientUdp::allocate(address("198.51.100.1:5000"), media(), config);
        let mut world =
            Self { server, client, start, passed: Duration::ZERO, inbox: vec![], events: vec![], ignored: vec![] };
        world.exchange();
        world
    }

    fn client_now(&self) -> ClientInstant {
        ClientInstant::from_nanos(self.passed.as_nanos() as i64)
    }

    fn now(&self) -> Now {
        Now { instant: self.start + self.passed, unix_seconds: UNIX + self.passed.as_secs() }
    }

    /// Everything that is under way arrives; the client leaves some time between its requests.
    fn exchange(&mut self) {
        for _ in 0..10_000 {
            let now = self.client_now();
            let poll = self.client.poll(now);
            while let Some(event) = self.client.poll_event() {
                self.events.push(event);
            }
            if let Some(transmit) = self.client.poll_transmit(now) {
                self.deliver(&transmit.data);
                continue;
            }
            match poll {
                TurnPollRet::WaitUntil(at) if at.duration_since(now) < Duration::from_millis(100) => {
                    self.passed += at.duration_since(now).max(Duration::from_millis(1));
                }
                _ => return,
            }
        }
        panic!("the client never comes to rest");
    }

    /// To the server, and its answer back.
    fn deliver(&mut self, message: &[u8]) {
        let client = Client { transport: Transport::Udp, remote: self.client.local_addr(), local: media() };
        let now = self.now();
        let answer = match self.server.handle(client, message, now) {
            Handled::Answer(answer) => answer,
            Handled::Relayed { source, destination, contents } => {
                assert_eq!(destination, media());
                let answer: Vec<u8> = contents.iter().rev().copied().collect();
                let frame = self.server.frame(source, destination, answer.len(), now.instant);
                frame.expect("the client has permitted it").around(&answer)
            }
            Handled::Nothing => return,
            Handled::NotOurs => panic!("a client of TURN sends nothing else"),
        };
        let transmit = Transmit::new(answer, TransportType::Udp, media(), self.client.local_addr());
        match self.client.recv(transmit, self.client_now()) {
            TurnRecvRet::PeerData(data) => self.inbox.push((data.peer, data.data().to_vec())),
            TurnRecvRet::Handled => {}
            TurnRecvRet::Ignored(transmit) => self.ignored.push(transmit.data),
            other => panic!("{other:?}"),
        }
    }

    fn send(&mut self, to: SocketAddr, contents: &[u8]) -> usize {
        let now = self.client_now();
        let transmit = self.client.send_to(TransportType::Udp, to, contents.to_vec(), now).unwrap().unwrap().build();
        self.deliver(&transmit.data);
        transmit.data.len()
    }

    /// Time passes; both sides act whenever they want to.
    fn pass(&mut self, time: Duration) {
        let end = self.passed + time;
        while self.passed < end {
            let wake = match self.client.poll(self.client_now()) {
                TurnPollRet::WaitUntil(at) => Duration::from_nanos(at.as_nanos() as u64),
                other => panic!("{other:?}"),
            };
            self.passed = wake.clamp(self.passed + Duration::from_millis(1), end);
            self.server.handle_timeout(self.now().instant);
            self.exchange();
        }
    }

    fn relayed(&self) -> Option<SocketAddr> {
        self.client.relayed_addresses().next().map(|(_, address)| address)
    }
}

#[test]
fn a_client_allocates_permits_and_talks_by_indications_and_by_channel() {
    let mut world = World::new(None);
    let relayed = world.relayed().expect("an allocation");
    assert_eq!(world.server.allocations().next().unwrap().relayed, relayed);
    let now = world.client_now();
    world.client.create_permission(TransportType::Udp, media().ip(), now).unwrap();
    world.exchange();
    assert!(world.client.have_permission(TransportType::Udp, media().ip()));
    let indication = world.send(media(), b"by indication");
    world.client.bind_channel(TransportType::Udp, media(), world.client_now()).unwrap();
    world.exchange();
    let channel = world.send(media(), b"by a channel!");
    assert_eq!((indication, channel), (20 + 12 + 4 + 16, 4 + 13));
    let reversed = |text: &[u8]| (media(), text.iter().rev().copied().collect::<Vec<u8>>());
    assert_eq!(world.inbox, [reversed(b"by indication"), reversed(b"by a channel!")]);
}

#[test]
fn another_peer_is_refused() {
    let mut world = World::new(None);
    let other = address("203.0.113.6:40000");
    world.client.create_permission(TransportType::Udp, other.ip(), world.client_now()).unwrap();
    world.exchange();
    assert!(!world.client.have_permission(TransportType::Udp, other.ip()));
    let refused = |event: &TurnEvent| matches!(event, TurnEvent::PermissionCreateFailed(_, ip) if *ip == other.ip());
    assert!(world.events.iter().any(refused), "{:?}", world.events);
}

#[test]
fn a_wrong_password_gets_no_allocation() {
    let world = World::new(Some("guessed"));
    assert_eq!((world.relayed(), world.server.is_empty()), (None, true));
    // ERROR-CODE is the first attribute.
    assert_eq!(world.ignored[0][20..28], [0x00, 0x09, 0x00, 0x04, 0, 0, 4, 1]);
}

#[test]
fn a_call_of_hours_stays_open_and_ends_with_its_client() {
    let mut world = World::new(None);
    world.client.bind_channel(TransportType::Udp, media(), world.client_now()).unwrap();
    world.exchange();
    let relayed = world.relayed();
    // Past nonces, permissions, channels and allocations.
    for hour in 1..=3 {
        world.pass(Duration::from_secs(3600));
        world.send(media(), b"still here");
        assert_eq!((world.inbox.len(), world.relayed()), (hour, relayed));
    }
    world.client.delete(world.client_now()).unwrap();
    world.exchange();
    assert!(world.server.is_empty());
}

#[test]
fn a_client_that_vanishes_is_forgotten() {
    let mut world = World::new(None);
    assert!(!world.server.is_empty());
    let end = world.server.poll_timeout().unwrap();
    world.server.handle_timeout(end - Duration::from_millis(1));
    assert!(!world.server.is_empty() && end < world.start + Duration::from_secs(3601));
    world.server.handle_timeout(end);
    assert!(world.server.is_empty());
}
