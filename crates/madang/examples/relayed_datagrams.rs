//! What the relay of the real program costs for each datagram over UDP on loopback: its processor time, user and system.
//!
//!     cargo build --release && cargo run --release -p madang --example relayed_datagrams [seconds rounds]
//!
//! Another implementation's TURN clients allocate, bind a channel and send 1100 bytes at a time: one by one, each of which wakes the
//! server, and in trains of twenty, which the kernel hands over together where it can (UDP GSO and GRO).
//!
//! * *To media*: received, taken out of its channel data, handed to the SFU in memory, which looks whose it is and drops it, because
//!   it is nobody's. There is no socket behind a relay of ours, and so this is the whole way; what decryption and forwarding cost
//!   afterwards does not depend on the relay.
//! * *Directly*: the same payload to the port of media, without a relay. What the relay adds is the difference.
//! * *Echo*: to the echo service behind the relay and back to the client. Each way is a datagram.
//!
//! How many were relayed is the server's own count.

mod program;

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use program::{Client, Madang, Rounds};
use quinn_udp::{UdpSockRef, UdpSocketState};
use serde_json::Value;
use turn_client_proto::api::{Transmit, TurnConfig, TurnPollRet};
use turn_client_proto::prelude::*;
use turn_client_proto::stun::Instant as ClientInstant;
use turn_client_proto::types::{TransportType, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;

const CLIENTS: usize = 20;
const LENGTH: usize = 1100;
/// In a second, and how many of them together.
const ONE_BY_ONE: (u32, usize) = (4000, 1);
const IN_BATCHES: (u32, usize) = (20_000, 20);
/// RFC 862; the server's relay answers there itself.
const ECHO_PORT: u16 = 7;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToMedia,
    Directly,
    Echo,
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let mut argument = |default| arguments.next().unwrap_or(default);
    let (seconds, rounds) = (argument(4), argument(5));
    let [media, relay] = free_ports();
    let settings = [("MADANG_UDP_PORT", media), ("COTURN_PORT", relay), ("MADANG_WORKERS", 1)];
    let server = Madang::start(|_| settings.map(|(name, value)| (name, value.to_string())).to_vec());
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let secret = turn::SharedSecret::new(server.relay_secret().trim());
    let new = |peer| (0..CLIENTS).map(|_| Sender::relayed(&secret, at(relay), at(peer))).collect::<Vec<_>>();
    let (to_media, echo) = (new(media), new(ECHO_PORT));
    let direct: Vec<_> = (0..CLIENTS).map(|_| Sender::direct(at(media))).collect();
    let mut rest = server.connect();
    let mut cases = vec![];
    for (load, kind, gate) in [(ONE_BY_ONE, "one by one", 4.0), (IN_BATCHES, "in batches", 1.5)] {
        cases.push((
            format!("channel data to media, {kind}"),
            Way::ToMedia,
            &to_media,
            load,
            Some(gate),
            Rounds::default(),
        ));
        cases.push((format!("directly, {kind}"), Way::Directly, &direct, load, None, Rounds::default()));
        cases.push((format!("echo, {kind}"), Way::Echo, &echo, load, None, Rounds::default()));
    }
    let time = Duration::from_secs(seconds as u64);
    for _ in 0..rounds {
        for (_, way, senders, load, _, costs) in &mut cases {
            costs.push(cost(&server, &mut rest, *way, senders, *load, time));
        }
    }
    println!(
        "{LENGTH} B, {CLIENTS} clients, {seconds} s at a time, {rounds} rounds; µs of processor time per datagram: median (least to most)"
    );
    for (name, _, _, (rate, _), gate, costs) in &cases {
        let verdict = gate.map_or(String::new(), |gate| {
            let word = if costs.median() <= gate { "as it must be" } else { "too much" };
            format!("; at most {gate}: {word}")
        });
        println!("{name:<34} {rate:>6}/s {costs:>22} µs{verdict}");
    }
}

/// Of one datagram, in µs.
fn cost(server: &Madang, rest: &mut Client, way: Way, senders: &[Sender], load: (u32, usize), time: Duration) -> f64 {
    let before = relayed(rest, way);
    let (begin, cpu) = (Instant::now(), server.cpu());
    let sent = send(senders, load, time, begin);
    let cpu = server.cpu() - cpu;
    // What the question itself costs is not in it.
    let carried = if way == Way::Directly { sent } else { relayed(rest, way) - before };
    let expected = if way == Way::Echo { 2 * sent } else { sent };
    let lost = 1.0 - carried as f64 / expected as f64;
    assert!(lost < 0.01, "{:.1} % was not relayed: what is lost costs nothing", lost * 100.0);
    cpu.as_secs_f64() * 1e6 / carried as f64
}

/// At an even rate, each sender in turn; how many that were.
fn send(senders: &[Sender], (rate, together): (u32, usize), time: Duration, begin: Instant) -> u64 {
    let period = Duration::from_secs(together as u64) / rate;
    let mut sent = 0;
    for (turn, sender) in (0_u32..).zip(senders.iter().cycle()) {
        let due = period * turn;
        if due >= time {
            break;
        }
        std::thread::sleep(due.saturating_sub(begin.elapsed()));
        sender.send(together);
        sent += together as u64;
    }
    sent
}

/// Datagrams that have gone through the relay so far, by the server's own count.
fn relayed(rest: &mut Client, way: Way) -> u64 {
    let (status, body) = rest.request("GET", "/turn", "");
    assert_eq!(status, 200);
    let usage: Value = serde_json::from_slice(&body).expect("JSON");
    let count = |name: &str| usage[name].as_u64().expect("a number");
    count("datagramsReceived") + if way == Way::Echo { count("datagramsSent") } else { 0 }
}

fn free_ports() -> [u16; 2] {
    let sockets = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a port"));
    sockets.map(|socket| socket.local_addr().expect("an address").port())
}

/// One socket that sends the same datagram again and again.
struct Sender {
    socket: UdpSocket,
    state: UdpSocketState,
    to: SocketAddr,
    datagram: Vec<u8>,
}

impl Sender {
    fn new(to: SocketAddr, datagram: Vec<u8>, socket: UdpSocket) -> Self {
        socket.set_nonblocking(true).expect("a socket");
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).expect("a socket");
        Self { socket, state, to, datagram }
    }

    fn direct(to: SocketAddr) -> Self {
        Self::new(to, payload(), UdpSocket::bind("127.0.0.1:0").expect("a port"))
    }

    /// Of a client with an allocation and a channel to `peer`.
    fn relayed(secret: &turn::SharedSecret, relay: SocketAddr, peer: SocketAddr) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
        let user = secret.issue(now, "bench");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket");
        let local = socket.local_addr().expect("an address");
        let credentials = TurnCredentials::new(&user.username, &user.password);
        let mut client = TurnClientUdp::allocate(local, relay, TurnConfig::new(credentials));
        let begin = Instant::now();
        exchange(&mut client, &socket, relay, begin);
        assert!(client.relayed_addresses().next().is_some(), "the relay makes no allocation");
        client.bind_channel(TransportType::Udp, peer, elapsed(begin)).expect("a free channel");
        exchange(&mut client, &socket, relay, begin);
        let sent = client.send_to(TransportType::Udp, peer, payload(), elapsed(begin));
        let datagram = sent.expect("a permission").expect("a message").build().data;
        assert_eq!(datagram.len(), LENGTH + 4, "channel data");
        Self::new(relay, datagram, socket)
    }

    fn send(&self, together: usize) {
        let contents = self.datagram.repeat(together);
        let transmit = quinn_udp::Transmit {
            destination: self.to,
            ecn: None,
            contents: &contents,
            segment_size: (together > 1).then_some(self.datagram.len()),
            src_ip: None,
        };
        self.state.try_send(UdpSockRef::from(&self.socket), &transmit).expect("a socket that sends");
        // What comes back is not looked at.
        let mut echo = [0; 2 * LENGTH];
        while self.socket.recv(&mut echo).is_ok() {}
    }
}

/// Looks like RTP.
fn payload() -> Vec<u8> {
    vec![0x80; LENGTH]
}

fn elapsed(begin: Instant) -> ClientInstant {
    ClientInstant::from_nanos(i64::try_from(begin.elapsed().as_nanos()).expect("not so long"))
}

/// Until the client has nothing more to ask.
fn exchange(client: &mut TurnClientUdp, socket: &UdpSocket, relay: SocketAddr, begin: Instant) {
    let local = socket.local_addr().expect("an address");
    let mut answer = [0; 2000];
    loop {
        let poll = client.poll(elapsed(begin));
        if let Some(transmit) = client.poll_transmit(elapsed(begin)) {
            socket.send_to(transmit.data.as_ref(), relay).expect("a socket");
            let length = socket.recv(&mut answer).expect("an answer of the relay");
            let received = Transmit::new(answer[..length].to_vec(), TransportType::Udp, relay, local);
            let _ = client.recv(received, elapsed(begin));
            continue;
        }
        while client.poll_event().is_some() {}
        match poll {
            TurnPollRet::WaitUntil(at) => {
                let wait = at.duration_since(elapsed(begin));
                // Further away is what keeps the allocation.
                if wait > Duration::from_millis(100) {
                    return;
                }
                std::thread::sleep(wait);
            }
            _ => return,
        }
    }
}
