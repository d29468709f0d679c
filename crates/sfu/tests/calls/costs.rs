//! What packets and joins cost: in allocations, which is tested here, and in instructions, which `make instructions` counts in the
//! same tests (`scripts/instructions.mjs`): those within the functions [`forward`] and [`join`].

use std::hint::black_box;
use std::time::{Duration, Instant};

use protocol::id::{PublicationId, SubscriberId};
use protocol::media::{MediaOperation, Reception, Selection, VideoCodec};
use sfu::{Datagram, Output, Sfu, Transmit};

use crate::call::{Call, ROUTER, browser, ms};

/// Of one turn: a picture's packets come together.
const BATCH: usize = 4;

/// Hands packets of a publisher over as a worker does, and takes what is to be sent. How many datagrams that is.
#[inline(never)]
fn forward(sfu: &mut Sfu, packets: &[Transmit], now: Instant) -> usize {
    let mut sent = 0;
    for batch in packets.chunks(BATCH) {
        for Transmit { protocol, source, destination, contents, .. } in batch {
            let (protocol, source, destination) = (*protocol, *source, *destination);
            sfu.handle_datagram(Datagram { protocol, source, destination, contents }, now);
        }
        while let Some(output) = sfu.poll_output() {
            if let Output::Transmit(transmit) = output {
                sent += transmit.datagrams().count();
                sfu.reuse(transmit.contents);
            }
        }
    }
    sent
}

/// Carries out a command. How much follows from it.
#[inline(never)]
fn join(sfu: &mut Sfu, command: MediaOperation, now: Instant) -> usize {
    sfu.handle_command(command.at(ROUTER), now);
    std::iter::from_fn(|| sfu.poll_output()).count()
}

/// One publisher and so many subscribers in the middle of a call, and what the publisher sends in the next eleven seconds and in
/// the one after them.
fn running(subscribers: usize) -> (Call, [Vec<Transmit>; 2]) {
    let mut call = Call::new();
    let publisher = call.publish(browser(), &[]);
    for number in 0..subscribers as u64 {
        call.subscribe_wanting(SubscriberId(number), Reception::default(), publisher);
    }
    call.connect();
    call.start_audio(publisher);
    call.start_video(publisher, VideoCodec::Vp8, None);
    call.run(ms(1500));
    let mut packets = call.film_for(publisher, ms(12_000));
    packets.retain(|packet| is_rtp(&packet.contents));
    let (first, rest) = packets.split_at(packets.len() * 11 / 12);
    let parts = [first.to_vec(), rest.to_vec()];
    (call, parts)
}

/// RFC 7983 §7, RFC 5761 §4.
fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, kind, ..] if !(192..=223).contains(kind))
}

/// Packets of a second, datagrams that leave for them, and allocations.
fn second(subscribers: usize) -> (usize, usize, u64) {
    let (mut call, [warm, measured]) = running(subscribers);
    // Buffers have grown, and reports were sent.
    forward(&mut call.sfu, &warm, call.now);
    let mut sent = 0;
    let allocations = allocation_counter::measure(|| sent = forward(&mut call.sfu, &measured, call.now));
    (measured.len(), sent, allocations.count_total)
}

#[test]
fn another_subscriber_costs_no_allocation() {
    let (packets, sent, few) = second(2);
    assert!(packets > 100 && sent == 2 * packets, "{packets} {sent}");
    let (packets, sent, many) = second(12);
    assert_eq!(sent, 12 * packets);
    assert_eq!(few, many, "for {packets} packets");
}

/// Bytes that an SFU holds in the middle of a call with so many subscribers, who say what they receive.
fn held(subscribers: u64) -> i64 {
    let mut call = Call::new();
    let publisher = call.publish(browser(), &[]);
    for number in 0..subscribers {
        call.subscribe_wanting(SubscriberId(number), Reception::default(), publisher);
    }
    call.connect();
    call.start_audio(publisher);
    call.start_video(publisher, VideoCodec::Vp8, None);
    call.run(ms(6000));
    let Call { sfu, .. } = call;
    -allocation_counter::measure(|| drop(sfu)).bytes_current
}

/// What a leg takes, whose subscriber has no other: its state, the keys, what is left of the handshake, what it may be asked for
/// again, and a train of it. A limit, for what grows without anybody's noticing.
#[test]
fn another_subscriber_takes_little_memory() {
    let [few, many] = [4, 24].map(held);
    let leg = (many - few) / 20;
    println!("{leg} bytes for a leg");
    assert!((20_000..28_000).contains(&leg), "{leg}");
}

/// The rest are measured by their instructions; they say of how many units.
fn report(units: usize) {
    println!("units {}", black_box(units));
}

#[test]
fn instructions_of_receiving() {
    let (mut call, [warm, measured]) = running(0);
    for packets in [&warm, &measured] {
        assert!(forward(&mut call.sfu, packets, call.now) < BATCH, "only the publisher is told something");
    }
    report(warm.len() + measured.len());
}

#[test]
fn instructions_of_forwarding() {
    let (mut call, [warm, measured]) = running(10);
    let sent = forward(&mut call.sfu, &warm, call.now) + forward(&mut call.sfu, &measured, call.now);
    assert_eq!(sent, 10 * (warm.len() + measured.len()));
    report(sent);
}

#[test]
fn instructions_of_joining() {
    const SUBSCRIBERS: u64 = 20;
    let mut call = Call::new();
    let publisher = call.publish(browser(), &[]);
    let publication = call.clients[publisher].publication;
    for number in 0..SUBSCRIBERS {
        let subscribe = MediaOperation::Subscribe {
            source: ROUTER.worker,
            request: call.request_id(),
            subscriber: SubscriberId(number),
            reception: Reception::default(),
            publication,
            transport: protocol::id::TransportId(number),
            offer: None,
        };
        assert_eq!(join(&mut call.sfu, subscribe, call.now), 1);
    }
    report(SUBSCRIBERS as usize);
}

/// A hundred people with a microphone each, of whom three speak and four listen to all: what a second of it takes, for how many
/// datagrams.
fn assembly(selection: Selection) -> (Duration, usize) {
    const LISTENERS: u64 = 4;
    let mut call = Call::new();
    let publishers: Vec<usize> =
        (0..100).map(|number| call.publish_as(PublicationId(number), browser(), (true, false), &[], false)).collect();
    for subscriber in (0..LISTENERS).map(SubscriberId) {
        call.command(MediaOperation::Select { subscriber, selection: selection.clone() });
        for publisher in &publishers {
            call.subscribe_wanting(subscriber, Reception::default(), *publisher);
        }
    }
    call.connect();
    for (number, publisher) in publishers.iter().enumerate() {
        call.start_audio(*publisher);
        call.camera(*publisher, 0).level = Some(if number % 40 == 20 { -30 } else { -70 });
    }
    call.run(ms(1000));
    let film: Vec<Vec<Transmit>> = publishers.iter().map(|publisher| call.film_for(*publisher, ms(3000))).collect();
    let mut film: Vec<_> =
        film.into_iter().map(|packets| packets.into_iter().filter(|it| is_rtp(&it.contents))).collect();
    let mut seconds = std::iter::from_fn(|| {
        let turns = (0..50).flat_map(|_| film.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>());
        Some(turns.collect::<Vec<_>>()).filter(|second| !second.is_empty())
    });
    let warm = seconds.next().unwrap();
    forward(&mut call.sfu, &warm, call.now);
    let second = seconds.next().unwrap();
    let begin = Instant::now();
    let sent = forward(&mut call.sfu, &second, call.now);
    (begin.elapsed(), sent)
}

#[test]
#[ignore = "takes long; for docs/benchmarks.md: cargo test --release -p sfu --test calls assembly -- --ignored --nocapture"]
fn an_assembly_costs_what_is_heard_of_it() {
    let (all, everything) = assembly(Selection::default());
    let (some, loudest) = assembly(Selection { loudest: 3, ..Selection::default() });
    println!("everybody: {all:?} for {everything} datagrams; the loudest: {some:?} for {loudest}");
    assert_eq!((everything, loudest), (4 * 100 * 50, 4 * 3 * 50));
}
