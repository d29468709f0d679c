//! What a join costs: time from a command to its SDP, which is when a transport has been built. Run it with
//! `cargo run --release -p sfu --example transport_cost`.

use std::time::{Duration, Instant};

use protocol::id::{MediaRequestId, PublicationId, RouterId, TransportId};
use protocol::media::{CodecChoice, MediaCommand, MediaEvent, VideoCodec};
use sfu::{Candidates, Config, Output, Sfu};

const OFFER: &str = include_str!("../tests/calls/sdp/chromium_simulcast.sdp");
const SUBSCRIBE_OFFER: &str = include_str!("../tests/calls/sdp/chromium_subscribe.sdp");
const ROUNDS: u64 = 2000;

fn timed(sfu: &mut Sfu, command: MediaCommand) -> Duration {
    let start = Instant::now();
    sfu.handle_command(command, start);
    let output = sfu.poll_output();
    let taken = start.elapsed();
    assert!(
        matches!(output, Some(Output::Event(MediaEvent::Answered { .. } | MediaEvent::Offered { .. }))),
        "{output:?}"
    );
    while sfu.poll_output().is_some() {}
    taken
}

fn report(name: &str, mut times: Vec<Duration>) {
    let first = times[0];
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1e6;
    println!(
        "{name:<34} median {:>6.1} us   p95 {:>6.1} us   first {:>8.1} us",
        at(50),
        at(95),
        first.as_secs_f64() * 1e6
    );
}

fn main() {
    let now = Instant::now();
    let router = RouterId(1);
    let candidates = Candidates { udp: vec![([192, 0, 2, 1], 40_000).into()], tcp: vec![] };
    let config = Config { candidates, ice_lite: true };
    let mut sfu = Sfu::new(config, [1; 32], now);
    println!("{:<34} {:>8.1} us", "unit with its certificate", now.elapsed().as_secs_f64() * 1e6);
    sfu.handle_command(MediaCommand::CreateRouter { router }, now);

    let codecs = CodecChoice::FirstOf { codecs: vec![VideoCodec::Vp8], or_any: true };
    let publish = |n| MediaCommand::Publish {
        request: MediaRequestId(n),
        router,
        publication: PublicationId(n),
        transport: TransportId(n),
        offer: OFFER.to_owned(),
        codecs: codecs.clone(),
        loopback: false,
    };
    let subscribe = |n, offer: Option<&str>| MediaCommand::Subscribe {
        request: MediaRequestId(n),
        router,
        publication: PublicationId(0),
        transport: TransportId(n),
        offer: offer.map(str::to_owned),
    };
    report("publish: offer to answer", (0..ROUNDS).map(|n| timed(&mut sfu, publish(n))).collect());
    let subscribed = (ROUNDS..2 * ROUNDS).map(|n| timed(&mut sfu, subscribe(n, None))).collect();
    report("subscribe: to our offer", subscribed);
    let answered = (2 * ROUNDS..3 * ROUNDS).map(|n| timed(&mut sfu, subscribe(n, Some(SUBSCRIBE_OFFER)))).collect();
    report("subscribe: client's offer to answer", answered);
}
