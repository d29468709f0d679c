//! How much a subscriber wants: pauses, the best layer of use, and changes of both, without a glitch for anybody.

use protocol::id::SubscriberId;
use protocol::media::{Layer, LayerLimit, Legs, MediaOperation, Reception, TransportObservation, VideoCodec};

use crate::call::{Call, RIDS, Received, SUBSCRIBER, browser, ms};
use crate::camera::stamp;
use crate::simulcast::{assert_continuous, layers};

fn up_to(spatial: u8) -> Reception {
    Reception { limit: LayerLimit { spatial: Some(spatial), temporal: None }, ..Reception::default() }
}

fn paused() -> Reception {
    Reception { video_paused: true, ..Reception::default() }
}

fn change(call: &mut Call, client: usize, reception: Reception) {
    let legs = Legs::Transport(call.clients[client].transport);
    call.command(MediaOperation::ChangeReception { legs, reception });
}

/// A publisher with three layers and sound.
fn filmed() -> (Call, usize) {
    let mut call = Call::new();
    let ann = call.publish(browser(), &RIDS);
    call.connect();
    call.start_audio(ann);
    for rid in RIDS {
        call.start_video(ann, VideoCodec::Vp8, Some(rid));
    }
    (call, ann)
}

fn sequences(packets: &[&Received]) -> Vec<u64> {
    packets.iter().map(|packet| packet.sequence).collect()
}

#[test]
fn a_subscriber_gets_no_more_than_it_wants_from_the_first_picture_on() {
    let (mut call, ann) = filmed();
    let bob = call.subscribe_wanting(SUBSCRIBER, up_to(1), ann);
    let cat = call.subscribe(browser(), ann);
    call.connect();
    call.run(ms(3000));
    let video = call.video_of(bob);
    assert_eq!(layers(&video), b"2");
    assert!(video.len() > 200, "{}", video.len());
    assert_continuous(&video);
    assert_eq!(layers(&call.video_of(cat)).last(), Some(&b'1'), "others are not held back");
}

#[test]
fn a_change_of_the_limit_changes_the_layer_without_a_glitch() {
    let (mut call, ann) = filmed();
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.run(ms(2000));
    for (limit, expected) in [(0, b'4'), (1, b'2'), (2, b'1'), (200, b'1')] {
        change(&mut call, bob, up_to(limit));
        call.run(ms(1500));
        assert_eq!(layers(&call.video_of(bob)).last(), Some(&expected), "up to {limit}");
    }
    assert_continuous(&call.video_of(bob));
    let transport = call.clients[bob].transport;
    let changes = call.observed(transport).into_iter().filter_map(|what| match what {
        TransportObservation::LayerChanged { layer } => Some(layer.spatial),
        _ => None,
    });
    let changes: Vec<u8> = changes.collect();
    assert!(changes.ends_with(&[2, 0, 1, 2]), "{changes:?}");
}

#[test]
fn where_nothing_smaller_is_sent_a_limit_takes_no_picture_away() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &RIDS);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, Some("rdiv1"));
    call.run(ms(1000));
    change(&mut call, bob, up_to(0));
    let before = call.video_of(bob).len();
    call.run(ms(2000));
    assert!(call.video_of(bob).len() > before + 150);
}

#[test]
fn a_paused_picture_goes_on_with_a_key_frame_and_nothing_is_missing() {
    let (mut call, ann) = filmed();
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.run(ms(2000));
    change(&mut call, bob, paused());
    call.run(ms(100));
    let (video, audio) = (call.video_of(bob).len(), call.audio_of(bob).len());
    let requests = call.clients[ann].key_frame_requests.len();
    // What a paused decoder asks for is no reason to trouble the publisher.
    let now = call.now;
    call.clients[bob].request_key_frame(now);
    call.run(ms(3000));
    assert_eq!(call.video_of(bob).len(), video);
    assert!(call.audio_of(bob).len() > audio + 140, "sound goes on");
    assert_eq!(call.clients[ann].key_frame_requests.len(), requests);
    change(&mut call, bob, Reception::default());
    call.run(ms(1000));
    assert!(call.clients[ann].key_frame_requests.len() > requests);
    let received = call.video_of(bob);
    assert!(received.len() > video + 60);
    assert_eq!(stamp(&received[video].payload).packet, 0, "from the beginning of a frame");
    assert!(sequences(&received).windows(2).all(|pair| pair[1] == pair[0] + 1));
    let pause = received[video].timestamp.wrapping_sub(received[video - 1].timestamp) / 90;
    assert!((3000..3700).contains(&pause), "{pause} ms of RTP time");
}

#[test]
fn paused_sound_goes_on_without_a_hole() {
    let (mut call, ann) = filmed();
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.run(ms(1000));
    change(&mut call, bob, Reception { audio_paused: true, ..Reception::default() });
    call.run(ms(100));
    let (video, audio) = (call.video_of(bob).len(), call.audio_of(bob).len());
    call.run(ms(1000));
    assert_eq!(call.audio_of(bob).len(), audio);
    assert!(call.video_of(bob).len() > video + 60, "pictures go on");
    change(&mut call, bob, Reception::default());
    call.run(ms(1000));
    let received = call.audio_of(bob);
    assert!(received.len() > audio + 40);
    assert!(sequences(&received).windows(2).all(|pair| pair[1] == pair[0] + 1));
}

#[test]
fn all_legs_of_one_subscriber_change_at_once_and_no_other() {
    let (mut call, ann) = filmed();
    let ben = call.publish(browser(), &RIDS);
    call.connect();
    for rid in RIDS {
        call.start_video(ben, VideoCodec::Vp8, Some(rid));
    }
    let (one, other) = (SubscriberId(71), SubscriberId(72));
    let legs = [(one, ann), (one, ben), (other, ann)];
    let legs = legs.map(|(who, publisher)| call.subscribe_wanting(who, Reception::default(), publisher));
    call.connect();
    call.run(ms(1000));
    call.command(MediaOperation::ChangeReception { legs: Legs::Subscriber(one), reception: paused() });
    call.run(ms(100));
    let before = legs.map(|leg| call.video_of(leg).len());
    call.run(ms(1000));
    let more: Vec<bool> = legs.iter().zip(before).map(|(leg, before)| call.video_of(*leg).len() > before).collect();
    assert_eq!(more, [false, false, true]);
}

#[test]
fn a_publisher_that_comes_back_is_no_end_of_a_pause() {
    let (mut call, ann) = filmed();
    let bob = call.subscribe_wanting(SUBSCRIBER, paused(), ann);
    call.connect();
    let publication = call.clients[ann].publication;
    call.publish_as(publication, browser(), (true, true), &RIDS, false);
    call.connect();
    call.run(ms(1000));
    assert!(call.video_of(bob).is_empty());
    assert!(!call.has_seen(call.clients[bob].transport, &TransportObservation::FirstKeyFrame));
    let layer = Layer { spatial: 2 };
    assert!(!call.has_seen(call.clients[bob].transport, &TransportObservation::LayerChanged { layer }));
}
