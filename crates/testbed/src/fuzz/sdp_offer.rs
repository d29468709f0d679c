//! Offers and answers of a client, as a publisher, as a subscriber that offers and as one that answers.

use std::time::Instant;

use protocol::id::{MediaRequestId, PublicationId, RouterId, TransportId};
use protocol::media::{CodecChoice, MediaCommand, VideoCodec};
use sfu::{Candidates, Config, Sfu};

const OFFER: &str = include_str!("../../../sfu/tests/calls/sdp/firefox_publish.sdp");

/// One input.
pub fn run(sdp: &str) {
    let now = Instant::now();
    let candidates = Candidates { udp: vec![([192, 0, 2, 1], 40_000).into()], tcp: vec![] };
    let mut sfu = Sfu::new(Config { candidates, ice_lite: sdp.len().is_multiple_of(2) }, [1; 32], now);
    let router = RouterId(1);
    sfu.handle_command(MediaCommand::CreateRouter { router }, now);
    let codecs = CodecChoice::FirstOf { codecs: vec![VideoCodec::Vp8, VideoCodec::H264], or_any: true };
    let publish = |n, offer: &str| MediaCommand::Publish {
        request: MediaRequestId(n),
        router,
        publication: PublicationId(n),
        transport: TransportId(n),
        offer: offer.to_owned(),
        codecs: codecs.clone(),
        loopback: true,
    };
    sfu.handle_command(publish(1, OFFER), now);
    sfu.handle_command(publish(2, sdp), now);
    let request = MediaRequestId(3);
    let publication = PublicationId(1);
    let transport = TransportId(3);
    let offer = Some(sdp.to_owned());
    sfu.handle_command(MediaCommand::Subscribe { request, router, publication, transport, offer }, now);
    let transport = TransportId(4);
    sfu.handle_command(MediaCommand::Subscribe { request, router, publication, transport, offer: None }, now);
    sfu.handle_command(MediaCommand::AcceptAnswer { request, transport, answer: sdp.to_owned() }, now);
    sfu.handle_command(MediaCommand::AddRemoteCandidate { transport, candidate: sdp.to_owned() }, now);
    while sfu.poll_output().is_some() {}
}
