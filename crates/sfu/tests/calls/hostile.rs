//! Bad input: silence or a clear failure, and nobody else's call is touched.

use std::net::SocketAddr;

use protocol::id::{PublicationId, TransportId};
use protocol::media::{
    BitrateLimits, Kinds, MediaEvent, MediaFailure, MediaOperation, TransportObservation, VideoCodec,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sfu::{Datagram, Output, Protocol};
use str0m::change::SdpAnswer;
use str0m::media::Direction;

use crate::call::{Call, any_codec, browser, ms, sfu_address};

const OFFER: &str = include_str!("sdp/chromium_simulcast.sdp");

fn stranger() -> SocketAddr {
    ([198, 51, 100, 66], 6666).into()
}

fn publish(call: &mut Call, offer: String) -> MediaEvent {
    let request = call.request_id();
    call.command(MediaOperation::Publish {
        kinds: Kinds { audio: true, video: true },
        request,
        publication: PublicationId(500),
        transport: TransportId(500),
        offer,
        codecs: any_codec(),
        bitrate: BitrateLimits::default(),
        loopback: true,
    });
    let settled = call.settled(request).clone();
    call.events.clear();
    call.command(MediaOperation::ClosePublication { publication: PublicationId(500) });
    settled
}

fn bad_sdp(call: &mut Call, offer: String) -> String {
    match publish(call, offer) {
        MediaEvent::Failed { why: MediaFailure::BadSdp(why), .. } => why,
        other => panic!("expected bad SDP, got {other:?}"),
    }
}

#[test]
fn garbage_datagrams_are_dropped_in_silence() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(500));
    let mut rng = StdRng::seed_from_u64(9);
    let known = [call.clients[ann].address, call.clients[bob].address];
    for n in 0..20_000usize {
        let source = if n % 2 == 0 { stranger() } else { known[n / 2 % 2] };
        let mut contents = vec![0u8; rng.random_range(0..if n % 100 == 0 { 9000 } else { 200 })];
        rng.fill(&mut contents[..]);
        if let Some(first) = contents.first_mut() {
            // Every class of RFC 7983: STUN, DTLS, TURN, RTP.
            *first = [0, 1, 20, 22, 63, 64, 127, 128, 0x90, 191, 255, *first][n % 12];
        }
        let before = call.sent;
        let (protocol, destination) = (Protocol::Udp, sfu_address());
        call.sfu.handle_datagram(Datagram { protocol, source, destination, contents: &contents }, call.now);
        while let Some(output) = call.sfu.poll_output() {
            let Output::Transmit(transmit) = output else {
                panic!("an event out of garbage: {output:?}");
            };
            assert_ne!(transmit.destination, stranger(), "a stranger gets nothing");
        }
        call.sent = before;
    }
    let before = call.video_of(bob).len();
    call.run(ms(1000));
    assert!(call.video_of(bob).len() > before + 60);
}

fn stun_request(user: Option<&str>) -> Vec<u8> {
    let mut body = Vec::new();
    if let Some(user) = user {
        body.extend(0x0006_u16.to_be_bytes());
        body.extend((user.len() as u16).to_be_bytes());
        body.extend(user.as_bytes());
        body.resize(body.len().next_multiple_of(4), 0);
        // A MESSAGE-INTEGRITY that is not one.
        body.extend([0x00, 0x08, 0x00, 0x14]);
        body.extend([7; 20]);
    }
    let mut message = vec![0x00, 0x01];
    message.extend((body.len() as u16).to_be_bytes());
    message.extend([0x21, 0x12, 0xa4, 0x42]);
    message.extend(*b"transaction!");
    message.extend(body);
    message
}

#[test]
fn a_stun_request_of_a_stranger_is_not_answered() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    let mut ask = |contents: &[u8]| {
        let (protocol, source, destination) = (Protocol::Udp, stranger(), sfu_address());
        call.sfu.handle_datagram(Datagram { protocol, source, destination, contents }, call.now);
        call.sfu.poll_output()
    };
    assert_eq!(ask(&stun_request(None)), None, "the STUN server's, not ours");
    // Slot 0 is in use; the random half is guessed wrong, or the password is.
    for user in ["0000000000000000:abcd", "00000000ffffffff:abcd", "ffffffff00000000:abcd", "x:y", ":", "ä:ö"] {
        assert_eq!(ask(&stun_request(Some(user))), None, "{user}");
    }
    assert!(call.clients[ann].connected);
}

#[test]
fn a_wrong_fingerprint_ends_that_transport_alone() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    let eve = call.add_client(browser(), PublicationId(66));
    let (offer, pending) = call.offer(eve, true, true, &[], Direction::SendOnly);
    let forged: String = offer
        .split_inclusive("\r\n")
        .map(|line| match line.strip_prefix("a=fingerprint:sha-256 ") {
            Some(_) => format!("a=fingerprint:sha-256 {}\r\n", vec!["AB"; 32].join(":")),
            None => line.to_owned(),
        })
        .collect();
    let transport = call.clients[eve].transport;
    let request = call.request_id();
    call.command(MediaOperation::Publish {
        kinds: Kinds { audio: true, video: true },
        request,
        publication: PublicationId(66),
        transport,
        offer: forged,
        codecs: any_codec(),
        bitrate: BitrateLimits::default(),
        loopback: false,
    });
    let answer = SdpAnswer::from_sdp_string(&call.sdp(request)).unwrap();
    call.clients[eve].rtc.sdp_api().accept_answer(pending, answer).unwrap();
    call.run(ms(2000));
    assert!(call.has_seen(transport, &TransportObservation::Disconnected));
    assert!(!call.has_seen(transport, &TransportObservation::Connected));
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(500));
    assert!(call.video_of(bob).len() > 30);
}

#[test]
fn oversized_descriptions_are_refused() {
    let mut call = Call::new();
    let session = OFFER.split_once("m=audio").unwrap().0;
    let many: String = (0..200).map(|n| format!("m=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:m{n}\n")).collect();
    assert!(bad_sdp(&mut call, format!("{session}{many}")).contains("m= sections"));
    assert!(bad_sdp(&mut call, format!("{OFFER}{}", "a=x\n".repeat(100_000))).contains("longer than"));
    let formats: String = (0..4000).map(|n| format!("a=extmap:{} urn:x:{n}\n", n % 14 + 1)).collect();
    assert!(bad_sdp(&mut call, format!("{OFFER}{formats}")).contains("a=extmap"));
    assert!(bad_sdp(&mut call, OFFER.replace("a=mid:1", "a=mid:0")).contains("a=mid"));
    assert!(
        bad_sdp(&mut call, OFFER.replace("send rdiv4;rdiv2;rdiv1", &format!("send {}", "r;".repeat(50))))
            .contains("simulcast")
    );
}

#[test]
fn the_missing_part_is_named() {
    let mut call = Call::new();
    let without = |prefix: &str| -> String {
        OFFER.lines().filter(|l| !l.starts_with(prefix)).map(|l| format!("{l}\n")).collect()
    };
    for part in ["a=fingerprint", "a=ice-ufrag", "a=ice-pwd"] {
        assert!(bad_sdp(&mut call, without(part)).contains(part));
    }
    assert!(bad_sdp(&mut call, OFFER.replace("sha-256 20:7A", "sha-1 20:7A")).contains("sha-256"));
    assert!(bad_sdp(&mut call, OFFER.replace("a=ice-ufrag:BkLK", "a=ice-ufrag:Bk LK")).contains("a=ice-ufrag"));
    assert!(bad_sdp(&mut call, String::new()).contains("v=0"));
}

#[test]
fn any_cut_or_bent_description_is_survived() {
    let mut call = Call::new();
    let chromium = OFFER.as_bytes();
    let mut rng = StdRng::seed_from_u64(3);
    for end in (0..chromium.len()).step_by(7) {
        publish(&mut call, String::from_utf8_lossy(&chromium[..end]).into_owned());
    }
    for offer in [OFFER, include_str!("sdp/firefox_simulcast.sdp"), include_str!("sdp/chromium_publish.sdp")] {
        for _ in 0..1500 {
            let mut bent = offer.as_bytes().to_vec();
            for _ in 0..rng.random_range(1..6) {
                let at = rng.random_range(0..bent.len());
                match rng.random_range(0..3) {
                    0 => bent[at] = rng.random_range(b' '..=b'~'),
                    1 => {
                        bent.remove(at);
                    }
                    _ => bent.insert(at, b"0189 :;,/=\r\n~"[rng.random_range(0..13)]),
                }
            }
            publish(&mut call, String::from_utf8_lossy(&bent).into_owned());
        }
    }
    call.command(MediaOperation::CloseRouter);
    assert!(call.sfu.is_empty());
}
