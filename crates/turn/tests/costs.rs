//! What a relayed datagram costs: in allocations, which is tested here, and in instructions, which `make instructions` counts in
//! the same tests (`scripts/instructions.mjs`): those within the function [`carry`].

use std::hint::black_box;

use relayed::{LENGTH, Relay, Way};
use turn::Handled;

mod relayed;

/// Of each client, either way.
const DATAGRAMS: usize = 100;
const ALLOCATIONS: usize = 200;

/// What all clients send goes to media, and as many datagrams of media's go to them, into a buffer as trains are written. How many
/// that is.
#[inline(never)]
fn carry(relay: &mut Relay, train: &mut Vec<u8>) -> usize {
    let Relay { server, clients, media, now } = relay;
    let mut carried = 0;
    for client in &*clients {
        let Handled::Relayed { source, destination, contents } = server.handle(client.client, &client.message, *now)
        else {
            continue;
        };
        let Some(frame) = server.frame(source, destination, contents.len(), now.instant) else { continue };
        train.clear();
        for part in [frame.head(), contents, frame.padding()] {
            train.extend_from_slice(part);
        }
        black_box(&train);
        carried += usize::from(source == client.address && destination == *media && contents.len() == LENGTH);
    }
    2 * carried
}

/// In the middle of a call, with buffers that have grown.
fn running(way: Way) -> (Relay, Vec<u8>) {
    let mut relay = Relay::new(ALLOCATIONS, way);
    let mut train = Vec::with_capacity(2 * LENGTH);
    assert_eq!(carry(&mut relay, &mut train), 2 * ALLOCATIONS);
    (relay, train)
}

/// For so many datagrams.
fn allocations(way: Way) -> (usize, u64) {
    let (mut relay, mut train) = running(way);
    let mut carried = 0;
    let counted = allocation_counter::measure(|| {
        for _ in 0..DATAGRAMS {
            carried += carry(&mut relay, &mut train);
        }
    });
    (carried, counted.count_total)
}

#[test]
fn a_datagram_of_a_channel_costs_no_allocation() {
    assert_eq!(allocations(Way::Channel), (2 * DATAGRAMS * ALLOCATIONS, 0));
}

/// That in which the head is written; nothing is allocated for one from a client.
#[test]
fn an_indication_to_a_client_costs_one_allocation() {
    let (carried, allocations) = allocations(Way::Indication);
    assert_eq!(carried, 2 * DATAGRAMS * ALLOCATIONS);
    assert!(allocations <= carried as u64 / 2, "{allocations} for {carried} datagrams");
}

/// Measured by its instructions; says of how many datagrams.
fn report(way: Way) {
    let (mut relay, mut train) = running(way);
    let mut carried = 2 * ALLOCATIONS;
    for _ in 0..DATAGRAMS {
        carried += carry(&mut relay, &mut train);
    }
    println!("units {}", black_box(carried));
}

#[test]
fn instructions_of_relaying_channel_data() {
    report(Way::Channel);
}

#[test]
fn instructions_of_relaying_indications() {
    report(Way::Indication);
}
