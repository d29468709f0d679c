//! Datagrams from a stranger and from the address of a client, while a publication and a subscription wait for their
//! peers: STUN, DTLS, SRTP, anything.

use std::time::{Duration, Instant};

use protocol::id::{MediaRequestId, PublicationId, RouterId, TransportId, WorkerId};
use protocol::media::{BitrateLimits, CodecChoice, Kinds, MediaOperation};
use sfu::{Candidates, Config, Datagram, Protocol, Sfu};

use super::subscribe;

const OFFER: &str = include_str!("../../../sfu/tests/calls/sdp/chromium_publish.sdp");

/// One input.
pub fn run(data: &[u8]) {
    let mut now = Instant::now();
    let address = ([192, 0, 2, 1], 40_000).into();
    let candidates = Candidates { udp: vec![address], tcp: vec![address] };
    let mut sfu = Sfu::new(
        Config {
            worker: WorkerId(0),
            candidates,
            ice_secret: sfu::IceSecret::new([9; 32]),
            ice_lite: true,
            adapts: true,
            redundancy: true,
            statistics: Some(Duration::from_secs(1)),
        },
        [1; 32],
        now,
    );
    let (router, publication) = (RouterId { number: 1, worker: WorkerId(0) }, PublicationId(1));
    sfu.handle_command(MediaOperation::CreateRouter.at(router), now);
    sfu.handle_command(
        MediaOperation::Publish {
            kinds: Kinds { audio: true, video: true },
            request: MediaRequestId(1),
            publication,
            transport: TransportId(1),
            offer: OFFER.to_owned(),
            codecs: CodecChoice::Offered,
            bitrate: BitrateLimits::default(),
            loopback: true,
        }
        .at(router),
        now,
    );
    let transport = TransportId(2);
    let request = MediaRequestId(2);
    sfu.handle_command(subscribe(router, request, publication, transport, None), now);
    // The input is cut into datagrams by a length byte each.
    let mut rest = data;
    while let Some((length, tail)) = rest.split_first() {
        let (contents, tail) = tail.split_at(tail.len().min(usize::from(*length) * 6));
        rest = tail;
        now += Duration::from_millis(7);
        let source = ([198, 51, 100, 1], 5000).into();
        let protocol = if length % 2 == 0 { Protocol::Udp } else { Protocol::Tcp };
        sfu.handle_datagram(Datagram { protocol, source, destination: address, contents }, now);
        if *length == 1 {
            sfu.handle_closed(source, now);
        }
        sfu.handle_timeout(now);
        while sfu.poll_output().is_some() {}
    }
}
