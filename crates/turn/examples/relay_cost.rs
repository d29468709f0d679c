//! What the relay costs for each datagram, without sockets: `cargo run --release -p turn --example relay_cost`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use turn::{Client, Config, Handled, Limits, Now, Server, SharedSecret, Transport};
use turn_client_proto::api::{Transmit, TurnConfig};
use turn_client_proto::prelude::*;
use turn_client_proto::stun::Instant as ClientInstant;
use turn_client_proto::types::{TransportType, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;

const UNIX: u64 = 1_700_000_000;
const DATAGRAMS: usize = 2_000_000;
const LENGTH: usize = 1100;

/// A client with an allocation: who it is, what it sends, where it is answered.
struct Relayed {
    client: Client,
    message: Vec<u8>,
    address: std::net::SocketAddr,
}

fn main() {
    for allocations in [1, 200, 20_000] {
        for channel in [true, false] {
            measure(allocations, channel);
        }
    }
}

fn measure(allocations: usize, channel: bool) {
    let secret = SharedSecret::new("secret");
    let media = ([203, 0, 113, 5], 40_000).into();
    let limits = Limits { allocations, allocations_per_user: allocations };
    let now = Now { instant: Instant::now(), unix_seconds: UNIX };
    let config = Config { secret: Some(secret.clone()), peers: vec![media], limits };
    let mut server = Server::new(config, [1; 32], now.instant);
    let clients: Vec<_> = (0..allocations).map(|n| allocate(&mut server, &secret, media, n, channel, now)).collect();

    let start = Instant::now();
    for n in 0..DATAGRAMS {
        let Relayed { client, message, .. } = &clients[n % allocations];
        let handled = server.handle(*client, message, now);
        assert!(matches!(black_box(handled), Handled::Relayed { .. }));
    }
    let received = start.elapsed();
    let start = Instant::now();
    for n in 0..DATAGRAMS {
        let Relayed { address, .. } = &clients[n % allocations];
        assert!(black_box(server.frame(*address, media, LENGTH, now.instant)).is_some());
    }
    let sent = start.elapsed();
    let nanoseconds = |time: Duration| time.as_nanos() as f64 / DATAGRAMS as f64;
    let kind = if channel { "channel data" } else { "indications" };
    let (received, sent) = (nanoseconds(received), nanoseconds(sent));
    println!("{allocations:>6} allocations, {kind}: {received:>6.0} ns received, {sent:>6.0} ns sent");
}

fn allocate(
    server: &mut Server,
    secret: &SharedSecret,
    media: std::net::SocketAddr,
    n: usize,
    channel: bool,
    now: Now,
) -> Relayed {
    let user = secret.issue(UNIX, "bench");
    let remote = ([198, 51, (n >> 14) as u8, 1], 1024 + (n & 0x3fff) as u16).into();
    let mut peer =
        TurnClientUdp::allocate(remote, media, TurnConfig::new(TurnCredentials::new(&user.username, &user.password)));
    let client = Client { transport: Transport::Udp, remote, local: media };
    exchange(server, &mut peer, client, now);
    let (_, address) = peer.relayed_addresses().next().expect("an allocation");
    if channel {
        peer.bind_channel(TransportType::Udp, media, ClientInstant::ZERO).expect("a free channel");
    } else {
        peer.create_permission(TransportType::Udp, media.ip(), ClientInstant::ZERO).expect("a new permission");
    }
    exchange(server, &mut peer, client, now);
    let sent = peer.send_to(TransportType::Udp, media, vec![0x80; LENGTH], ClientInstant::ZERO);
    let message = sent.expect("a permission").expect("a message").build().data;
    Relayed { client, message, address }
}

fn exchange(server: &mut Server, peer: &mut TurnClientUdp, client: Client, now: Now) {
    loop {
        let _ = peer.poll(ClientInstant::ZERO);
        let Some(transmit) = peer.poll_transmit(ClientInstant::ZERO) else {
            return;
        };
        if let Handled::Answer(answer) = server.handle(client, &transmit.data, now) {
            let _ =
                peer.recv(Transmit::new(answer, TransportType::Udp, client.local, client.remote), ClientInstant::ZERO);
        }
    }
}
