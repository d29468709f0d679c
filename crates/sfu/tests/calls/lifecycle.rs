//! Ends: nothing is left behind, and what has gone is noticed.

use protocol::id::{PublicationId, RouterId, TransportId};
use protocol::media::{
    BitrateLimits, Kinds, Legs, MediaEvent, MediaFailure, MediaOperation, Reception, TransportObservation, VideoCodec,
};

use crate::call::{Call, ROUTER, SUBSCRIBER, any_codec, browser, config, ms};

const OFFER: &str = include_str!("sdp/chromium_publish.sdp");
const ANSWER: &str = include_str!("sdp/chromium_answer.sdp");

fn publish_command(call: &mut Call, publication: u64, transport: u64) -> MediaOperation {
    MediaOperation::Publish {
        kinds: Kinds { audio: true, video: true },
        request: call.request_id(),
        publication: PublicationId(publication),
        transport: TransportId(transport),
        offer: OFFER.to_owned(),
        codecs: any_codec(),
        bitrate: BitrateLimits::default(),
        loopback: false,
    }
}

#[test]
fn ten_thousand_joins_and_leaves_leave_nothing_behind() {
    let mut call = Call::new();
    for n in 0..5_000u64 {
        let publish = publish_command(&mut call, n, 10 * n);
        call.command(publish);
        let request = call.request_id();
        call.command(MediaOperation::Subscribe {
            source: ROUTER.worker,
            request,
            subscriber: SUBSCRIBER,
            reception: Reception::default(),
            publication: PublicationId(n),
            transport: TransportId(10 * n + 1),
            offer: None,
        });
        let request = call.request_id();
        call.command(MediaOperation::AcceptAnswer {
            request,
            transport: TransportId(10 * n + 1),
            answer: ANSWER.to_owned(),
        });
        assert_eq!(call.events.pop(), Some(MediaEvent::Accepted { request }));
        call.events.clear();
        // Three ways to end.
        match n % 3 {
            0 => call.command(MediaOperation::ClosePublication { publication: PublicationId(n) }),
            1 => {
                call.command(MediaOperation::CloseTransport { transport: TransportId(10 * n + 1) });
                call.command(MediaOperation::CloseTransport { transport: TransportId(10 * n) });
                call.command(MediaOperation::ClosePublication { publication: PublicationId(n) });
            }
            _ if n % 100 == 2 => {
                call.command(MediaOperation::CloseRouter);
                call.command(MediaOperation::CreateRouter);
            }
            _ => {}
        }
    }
    call.command(MediaOperation::CloseRouter);
    assert!(call.sfu.is_empty());
    call.run(ms(60_000));
    assert_eq!(call.sfu.poll_timeout(), None, "no timer is left");
}

#[test]
fn connected_calls_leave_nothing_behind_either() {
    for ice_lite in [true, false] {
        let mut call = Call::with(sfu::Config { ice_lite, ..config() });
        for _ in 0..5 {
            let ann = call.publish(browser(), &[]);
            let bob = call.subscribe(browser(), ann);
            call.connect();
            call.start_video(ann, VideoCodec::Vp8, None);
            call.run(ms(300));
            assert!(!call.video_of(bob).is_empty());
            call.command(MediaOperation::ClosePublication { publication: call.clients[ann].publication });
            call.run(ms(200));
            assert!(call.clients[ann].closed && call.clients[bob].closed, "both were told");
        }
        call.command(MediaOperation::CloseRouter);
        assert!(call.sfu.is_empty());
    }
}

#[test]
fn full_ice_connects_too() {
    let mut call = Call::with(sfu::Config { ice_lite: false, ..config() });
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    for client in [ann, bob] {
        let transport = call.clients[client].transport;
        let address = call.clients[client].address;
        for candidate in [
            String::new(),
            "candidate:1 1 udp 2113937151 aaaa.local 5000 typ host generation 0".to_owned(),
            "candidate:1 1 tcp 1518280447 203.0.113.9 9 typ host tcptype active".to_owned(),
            "candidate:nonsense".to_owned(),
            format!(
                "candidate:1 1 udp 2113937151 {} {} typ host generation 0 ufrag abcd network-cost 999",
                address.ip(),
                address.port()
            ),
        ] {
            call.command(MediaOperation::AddRemoteCandidate { transport, candidate });
        }
    }
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(1000));
    assert!(call.video_of(bob).len() > 80);
}

#[test]
fn an_offer_that_is_never_answered_expires() {
    let mut call = Call::new();
    let publish = publish_command(&mut call, 1, 1);
    call.command(publish);
    let request = call.request_id();
    let transport = TransportId(2);
    let publication = PublicationId(1);
    call.command(MediaOperation::Subscribe {
        source: ROUTER.worker,
        request,
        subscriber: SUBSCRIBER,
        reception: Reception::default(),
        publication,
        transport,
        offer: None,
    });
    call.run(ms(29_000));
    let request = call.request_id();
    call.command(MediaOperation::AcceptAnswer { request, transport, answer: "v=0\r\n".to_owned() });
    assert!(matches!(call.failure(request), MediaFailure::BadSdp(_)), "still there");
    call.run(ms(2_000));
    let request = call.request_id();
    call.command(MediaOperation::AcceptAnswer { request, transport, answer: ANSWER.to_owned() });
    assert_eq!(call.failure(request), MediaFailure::UnknownTransport);
}

#[test]
fn a_client_that_vanishes_is_reported_and_not_sent_to() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(1000));
    call.clients[bob].closed = true;
    call.run(ms(60_000));
    let transport = call.clients[bob].transport;
    assert!(call.has_seen(transport, &TransportObservation::Disconnected));
    let before = call.sent;
    call.run(ms(2000));
    assert!(call.sent - before < 200, "{} datagrams in two seconds: reports to the publisher only", call.sent - before);
    assert!(!call.clients[ann].closed);
}

#[test]
fn rooms_are_closed_alone() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    let other = RouterId { number: 2, ..ROUTER };
    call.command_at(other, MediaOperation::CreateRouter);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.command_at(other, MediaOperation::CloseRouter);
    call.run(ms(500));
    assert!(!call.video_of(bob).is_empty());
    for unknown in [
        MediaOperation::CloseTransport { transport: TransportId(77) },
        MediaOperation::ClosePublication { publication: PublicationId(77) },
        MediaOperation::AddRemoteCandidate { transport: TransportId(77), candidate: String::new() },
    ] {
        call.command(unknown);
    }
    call.command_at(RouterId { number: 77, ..ROUTER }, MediaOperation::CloseRouter);
}

#[test]
fn what_is_in_one_room_is_not_reached_by_way_of_another() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    let other = RouterId { number: 2, ..ROUTER };
    call.command_at(other, MediaOperation::CreateRouter);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    let (transport, publication) = (call.clients[bob].transport, call.clients[ann].publication);
    let reception = Reception { audio_paused: true, video_paused: true, ..Reception::default() };
    for op in [
        MediaOperation::CloseTransport { transport },
        MediaOperation::ClosePublication { publication },
        MediaOperation::ChangeReception { legs: Legs::Transport(transport), reception },
        MediaOperation::ChangeReception { legs: Legs::Subscriber(SUBSCRIBER), reception },
    ] {
        call.command_at(other, op);
    }
    let request = call.request_id();
    call.command_at(other, MediaOperation::AcceptAnswer { request, transport, answer: ANSWER.to_owned() });
    assert_eq!(call.failure(request), MediaFailure::UnknownTransport);
    call.run(ms(1000));
    assert!(call.video_of(bob).len() > 60);
}
