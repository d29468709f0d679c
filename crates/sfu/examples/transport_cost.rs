//! What a join costs: time from a command to its SDP, which is when a transport has been built. Run it with
//! `cargo run --release -p sfu --example transport_cost`.

use std::time::{Duration, Instant};

use protocol::id::{MediaRequestId, PublicationId, RouterId, SubscriberId, TransportId, WorkerId};
use protocol::media::{
    BitrateLimits, CodecChoice, Kinds, MediaCommand, MediaEvent, MediaOperation, Reception, VideoCodec,
};
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
    let router = RouterId { number: 1, worker: WorkerId(0) };
    let candidates = Candidates { udp: vec![([192, 0, 2, 1], 40_000).into()], tcp: vec![] };
    let config = Config {
        worker: router.worker,
        candidates,
        ice_secret: sfu::IceSecret::new([9; 32]),
        ice_lite: true,
        adapts: true,
        redundancy: true,
        statistics: Some(Duration::from_secs(5)),
    };
    let mut sfu = Sfu::new(config, [1; 32], now);
    println!("{:<34} {:>8.1} us", "unit with its certificate", now.elapsed().as_secs_f64() * 1e6);
    sfu.handle_command(MediaOperation::CreateRouter.at(router), now);

    let codecs = CodecChoice::FirstOf { codecs: vec![VideoCodec::Vp8], or_any: true };
    let publish = |n| MediaOperation::Publish {
        kinds: Kinds { audio: true, video: true },
        request: MediaRequestId(n),
        publication: PublicationId(n),
        transport: TransportId(n),
        offer: OFFER.to_owned(),
        codecs: codecs.clone(),
        bitrate: BitrateLimits::default(),
        loopback: false,
    };
    let subscribe = |n, offer: Option<&str>| MediaOperation::Subscribe {
        source: router.worker,
        request: MediaRequestId(n),
        subscriber: SubscriberId(n),
        reception: Reception::default(),
        publication: PublicationId(0),
        transport: TransportId(n),
        offer: offer.map(str::to_owned),
    };
    report("publish: offer to answer", (0..ROUNDS).map(|n| timed(&mut sfu, publish(n).at(router))).collect());
    let subscribed = (ROUNDS..2 * ROUNDS).map(|n| timed(&mut sfu, subscribe(n, None).at(router))).collect();
    report("subscribe: to our offer", subscribed);
    let answered =
        (2 * ROUNDS..3 * ROUNDS).map(|n| timed(&mut sfu, subscribe(n, Some(SUBSCRIBE_OFFER)).at(router))).collect();
    report("subscribe: client's offer to answer", answered);
}
