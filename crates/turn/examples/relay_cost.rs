//! What the relay costs for each datagram, without sockets: `cargo run --release -p turn --example relay_cost`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use turn::{Client, Config, Handled, Limits, Now, Quotas, Server, SharedSecret, Space, Transport};
use turn_client_proto::api::{Transmit, TurnConfig, TurnPollRet};
use turn_client_proto::prelude::*;
use turn_client_proto::stun::Instant as ClientInstant;
use turn_client_proto::types::{TransportType, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;

const UNIX: u64 = 1_700_000_000;
const DATAGRAMS: usize = 1_000_000;
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
    let config = Config {
        secret: Some(secret.clone()),
        peers: vec![media],
        quotas: Quotas::new(limits),
        space: Space::default(),
    };
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
    let [_, _, high, low] = (n as u32).to_be_bytes();
    // An address each: strangers at one address are not answered as often as that.
    let remote = ([198, 18, high, low], 5000).into();
    let mut peer =
        TurnClientUdp::allocate(remote, media, TurnConfig::new(TurnCredentials::new(&user.username, &user.password)));
    let client = Client { transport: Transport::Udp, remote, local: media };
    let mut time = ClientInstant::ZERO;
    exchange(server, &mut peer, client, &mut time, now);
    let (_, address) = peer.relayed_addresses().next().expect("an allocation");
    if channel {
        peer.bind_channel(TransportType::Udp, media, time).expect("a free channel");
    } else {
        peer.create_permission(TransportType::Udp, media.ip(), time).expect("a new permission");
    }
    exchange(server, &mut peer, client, &mut time, now);
    let sent = peer.send_to(TransportType::Udp, media, vec![0x80; LENGTH], time);
    let message = sent.expect("a permission").expect("a message").build().data;
    Relayed { client, message, address }
}

/// Everything that is under way arrives; the client leaves some time between its requests.
fn exchange(server: &mut Server, peer: &mut TurnClientUdp, client: Client, time: &mut ClientInstant, now: Now) {
    loop {
        let poll = peer.poll(*time);
        if let Some(transmit) = peer.poll_transmit(*time) {
            if let Handled::Answer(answer) = server.handle(client, &transmit.data, now) {
                let _ = peer.recv(Transmit::new(answer, TransportType::Udp, client.local, client.remote), *time);
            }
            continue;
        }
        while peer.poll_event().is_some() {}
        match poll {
            TurnPollRet::WaitUntil(at) if at.duration_since(*time) < Duration::from_millis(100) => {
                *time = *time + at.duration_since(*time).max(Duration::from_millis(1));
            }
            _ => return,
        }
    }
}
