//! What the relay costs for each datagram, without sockets: `cargo run --release -p turn --example relay_cost`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use relayed::{LENGTH, Relay, Way};
use turn::Handled;

#[path = "../tests/relayed/mod.rs"]
mod relayed;

const DATAGRAMS: usize = 1_000_000;

fn main() {
    for allocations in [1, 200, 20_000] {
        for way in [Way::Channel, Way::Indication] {
            measure(allocations, way);
        }
    }
}

fn measure(allocations: usize, way: Way) {
    let Relay { mut server, clients, media, now } = Relay::new(allocations, way);
    let start = Instant::now();
    for n in 0..DATAGRAMS {
        let relayed = &clients[n % allocations];
        let handled = server.handle(relayed.client, &relayed.message, now);
        assert!(matches!(black_box(handled), Handled::Relayed { .. }));
    }
    let received = start.elapsed();
    let start = Instant::now();
    for n in 0..DATAGRAMS {
        let address = clients[n % allocations].address;
        assert!(black_box(server.frame(address, media, LENGTH, now.instant)).is_some());
    }
    let sent = start.elapsed();
    let nanoseconds = |time: Duration| time.as_nanos() as f64 / DATAGRAMS as f64;
    let kind = match way {
        Way::Channel => "channel data",
        Way::Indication => "indications",
    };
    let (received, sent) = (nanoseconds(received), nanoseconds(sent));
    println!("{allocations:>6} allocations, {kind}: {received:>6.0} ns received, {sent:>6.0} ns sent");
}
