//! The ways that datagrams take: UDP, or a TCP connection where a firewall lets nothing else out.

use protocol::media::{MediaEvent, TransportObservation, VideoCodec};
use sfu::{Candidates, Config, Protocol};

use crate::call::{Call, browser, config, ms, sfu_address};

#[test]
fn a_call_goes_over_tcp_alone() {
    for ice_lite in [true, false] {
        let mut call = Call::with(Config { ice_lite, ..config() });
        call.protocol = Protocol::Tcp;
        let ann = call.publish(browser(), &[]);
        let bob = call.subscribe(browser(), ann);
        call.connect();
        call.start_audio(ann);
        call.start_video(ann, VideoCodec::Vp8, None);
        call.run(ms(2000));
        assert!(call.video_of(bob).len() > 150 && call.audio_of(bob).len() > 90, "ICE-lite: {ice_lite}");
        for client in &call.clients {
            assert!(call.sfu.is_known(Protocol::Tcp, client.address));
            assert!(!call.sfu.is_known(Protocol::Udp, client.address));
        }
    }
}

#[test]
fn one_side_of_a_call_is_on_tcp() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.protocol = Protocol::Tcp;
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(1000));
    assert!(call.video_of(bob).len() > 60);
}

#[test]
fn a_cut_connection_is_replaced_by_the_next() {
    for ice_lite in [true, false] {
        let mut call = Call::with(Config { ice_lite, ..config() });
        call.protocol = Protocol::Tcp;
        let ann = call.publish(browser(), &[]);
        let bob = call.subscribe(browser(), ann);
        call.connect();
        call.start_video(ann, VideoCodec::Vp8, None);
        call.run(ms(1000));

        let old = call.clients[bob].address;
        let new = ([203, 0, 113, 200], 5000).into();
        call.sfu.handle_closed(old, call.now);
        call.take_outputs();
        assert!(!call.sfu.is_known(Protocol::Tcp, old));
        let transport = call.clients[bob].transport;
        assert!(call.has_seen(transport, &TransportObservation::Disconnected), "there is no other path");
        call.move_client(bob, new);
        call.run(ms(2000));
        assert!(call.sfu.is_known(Protocol::Tcp, new));
        let before = call.video_of(bob).len();
        call.run(ms(1000));
        assert!(call.video_of(bob).len() > before + 60, "ICE-lite: {ice_lite}");
        // A second end of the same connection, or of one that nobody knew, is nothing.
        call.sfu.handle_closed(old, call.now);
        call.sfu.handle_closed(([203, 0, 113, 201], 5000).into(), call.now);
        assert!(call.sfu.is_known(Protocol::Tcp, new));
    }
}

#[test]
fn new_addresses_are_offered_to_new_transports_and_old_ones_stay() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    let moved = ([192, 0, 2, 99], 40_000).into();
    call.sfu.set_candidates(&Candidates { udp: vec![moved], tcp: vec![] });
    call.subscribe(browser(), ann);
    let offer = call.events.iter().rev().find_map(|event| match event {
        MediaEvent::Offered { sdp, .. } => Some(sdp.clone()),
        _ => None,
    });
    let offer = offer.unwrap();
    assert!(offer.contains(" 192.0.2.99 40000 typ host") && !offer.contains(&sfu_address().ip().to_string()));
    assert!(!offer.contains(" tcp "), "{offer}");
    let before = call.video_of(bob).len();
    call.run(ms(1000));
    assert!(call.video_of(bob).len() > before + 60);
}
