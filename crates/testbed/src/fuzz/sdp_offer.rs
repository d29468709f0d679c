//! Offers and answers of a client, as a publisher, as a subscriber that offers and as one that answers.

use std::time::Instant;

use protocol::id::{MediaRequestId, PublicationId, RouterId, TransportId, WorkerId};
use protocol::media::{BitrateLimits, CodecChoice, Kinds, MediaOperation, VideoCodec};
use sfu::{Candidates, Config, Sfu};

use super::subscribe;

const OFFER: &str = include_str!("../../../sfu/tests/calls/sdp/firefox_publish.sdp");

/// One input.
pub fn run(sdp: &str) {
    let now = Instant::now();
    let candidates = Candidates { udp: vec![([192, 0, 2, 1], 40_000).into()], tcp: vec![] };
    let router = RouterId { number: 1, worker: WorkerId(0) };
    let ice_lite = sdp.len().is_multiple_of(2);
    let mut sfu = Sfu::new(
        Config {
            worker: router.worker,
            candidates,
            ice_secret: sfu::IceSecret::new([9; 32]),
            ice_lite,
            adapts: true,
            redundancy: true,
            statistics: None,
        },
        [1; 32],
        now,
    );
    sfu.handle_command(MediaOperation::CreateRouter.at(router), now);
    let codecs = CodecChoice::FirstOf { codecs: vec![VideoCodec::Vp8, VideoCodec::H264], or_any: true };
    let publish = |n, offer: &str| MediaOperation::Publish {
        kinds: Kinds { audio: true, video: true },
        request: MediaRequestId(n),
        publication: PublicationId(n),
        transport: TransportId(n),
        offer: offer.to_owned(),
        codecs: codecs.clone(),
        bitrate: BitrateLimits::default(),
        loopback: true,
    };
    sfu.handle_command(publish(1, OFFER).at(router), now);
    sfu.handle_command(publish(2, sdp).at(router), now);
    let (request, publication) = (MediaRequestId(3), PublicationId(1));
    sfu.handle_command(subscribe(router, request, publication, TransportId(3), Some(sdp)), now);
    let transport = TransportId(4);
    sfu.handle_command(subscribe(router, request, publication, transport, None), now);
    sfu.handle_command(MediaOperation::AcceptAnswer { request, transport, answer: sdp.to_owned() }.at(router), now);
    let candidate = sdp.to_owned();
    sfu.handle_command(MediaOperation::AddRemoteCandidate { transport, candidate }.at(router), now);
    while sfu.poll_output().is_some() {}
}
