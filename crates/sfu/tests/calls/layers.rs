//! Layers within a stream: what does not fit is left out of it, and whatever is forwarded can be decoded.

use protocol::id::SubscriberId;
use protocol::media::{LayerLimit, Legs, MediaOperation, Reception, VideoCodec};
use str0m::rtp::Vp8Descriptor;

use crate::call::{Call, Received, browser, ms};
use crate::camera::stamp;
use crate::scalable::{Arrived, Structure};

const PACKETS: usize = 2;

/// Somebody with a camera of three layers in time: 130, 260 and 520 kbit/s.
fn filmed_in_time(rids: &[&str]) -> (Call, usize) {
    let mut call = Call::new();
    let ann = call.publish(browser(), rids);
    call.connect();
    let rids = if rids.is_empty() { vec![None] } else { rids.iter().copied().map(Some).collect() };
    for rid in rids {
        let camera = call.start_video(ann, VideoCodec::Vp8, rid);
        let camera = call.camera(ann, camera);
        (camera.packets, camera.filler, camera.structure) = (PACKETS, 1000, Structure::new(1, 3));
    }
    call.run(ms(1000));
    (call, ann)
}

/// Nothing of our making is missing from what a subscriber got, and it can decode all of it. `last`: of the rid.
fn assert_decodable(call: &mut Call, publisher: usize, camera: usize, subscriber: usize, last: u8) -> Arrived {
    let arrived = Arrived::of(&call.video_of(subscriber), |_| PACKETS);
    let broken = arrived.undecodable(call.camera(publisher, camera), last);
    assert!(broken.is_empty(), "not decodable: {broken:?}");
    arrived
}

/// Numbers of packets and pictures go on without a hole.
fn assert_no_holes(video: &[&Received]) {
    let mut video: Vec<&&Received> = video.iter().collect();
    video.sort_by_key(|packet| packet.sequence);
    for pair in video.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
    }
    let whole = video.iter().filter(|packet| !packet.payload.is_empty());
    let pictures: Vec<(u16, u8, (u8, u32))> = whole
        .map(|packet| {
            let (descriptor, stamp) = (Vp8Descriptor::parse(&packet.payload).unwrap(), stamp(&packet.payload));
            (descriptor.picture_id().unwrap(), descriptor.tl0_pic_idx().unwrap(), (stamp.layer, stamp.frame))
        })
        .collect();
    for pair in pictures.windows(2) {
        let step = (pair[1].0.wrapping_sub(pair[0].0)) & 0x7fff;
        assert_eq!(step, u16::from(pair[1].2 != pair[0].2), "{pair:?}");
        assert!(pair[1].1.wrapping_sub(pair[0].1) <= 1);
    }
}

fn limit(call: &mut Call, client: usize, spatial: Option<u8>, temporal: Option<u8>) {
    let reception = Reception { limit: LayerLimit { spatial, temporal }, ..Reception::default() };
    let legs = Legs::Transport(call.clients[client].transport);
    call.command(MediaOperation::ChangeReception { legs, reception });
}

#[test]
fn frames_are_left_out_and_come_back_without_a_hole_and_all_are_decodable() {
    let (mut call, ann) = filmed_in_time(&[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    for temporal in [None, Some(0), Some(2), Some(1), Some(0), Some(1), None] {
        limit(&mut call, bob, None, temporal);
        call.run(ms(400));
        let begin = call.camera(ann, 0).frame as u32;
        call.run(ms(2000));
        let counts = assert_decodable(&mut call, ann, 0, bob, 0).counts(call.camera(ann, 0), 0, begin);
        let highest = temporal.unwrap_or(2);
        let count = |temporal: u8| counts.get(&(0, temporal)).copied().unwrap_or(0);
        // 60 pictures, of which a quarter, another, and a half.
        for (layer, least) in [(0, 13), (1, 12), (2, 25)] {
            let expected = if layer <= highest { least..=least + 6 } else { 0..=0 };
            assert!(expected.contains(&count(layer)), "limit {temporal:?}: {} of layer {layer}", count(layer));
        }
    }
    assert_no_holes(&call.video_of(bob));
    assert_eq!(call.clients[ann].key_frame_requests.len(), 1, "only the first one");
}

#[test]
fn losses_on_both_sides_are_repaired_while_frames_are_left_out() {
    let (mut call, ann) = filmed_in_time(&[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.loss = 0.03;
    for temporal in [Some(1), Some(2), Some(0), Some(1), Some(2), Some(0), Some(2)] {
        limit(&mut call, bob, None, temporal);
        call.run(ms(1500));
    }
    call.loss = 0.0;
    call.run(ms(1000));
    let arrived = assert_decodable(&mut call, ann, 0, bob, 0);
    let counts = arrived.counts(call.camera(ann, 0), 0, 0);
    assert!(counts[&(0, 0)] > 70, "{counts:?}");
}

#[test]
fn a_single_stream_sends_fewer_frames_before_it_pauses() {
    let (mut call, ann) = filmed_in_time(&[]);
    call.start_audio(ann);
    let index = 1;
    call.camera(ann, index).filler = 70;
    let link = call.add_link(3_000_000);
    let phone = call.subscribe_wanting(SubscriberId(1), Reception::default(), ann);
    call.put_behind(phone, link);
    call.connect();
    call.run(ms(5000));
    call.links[link].rate = 330_000;
    call.run(ms(8000));
    let begin = call.camera(ann, 0).frame as u32;
    call.run(ms(10_000));
    let counts = assert_decodable(&mut call, ann, 0, phone, 0).counts(call.camera(ann, 0), 0, begin);
    let count = |temporal: u8| counts.get(&(0, temporal)).copied().unwrap_or(0);
    assert!(count(0) >= 73, "the base goes on: {counts:?}");
    assert!(count(2) < 30, "what does not fit is left out: {counts:?}");
    call.links[link].rate = 3_000_000;
    call.run(ms(6000));
    let begin = call.camera(ann, 0).frame as u32;
    call.run(ms(2000));
    let counts = assert_decodable(&mut call, ann, 0, phone, 0).counts(call.camera(ann, 0), 0, begin);
    assert!(counts.get(&(0, 2)).is_some_and(|count| *count >= 28), "all is back: {counts:?}");
}

#[test]
fn sizes_and_frames_change_together() {
    let rids = ["rdiv2", "rdiv1"];
    let (mut call, ann) = filmed_in_time(&rids);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    for (spatial, temporal) in [(1, 2), (0, 1), (1, 0), (0, 2), (1, 2), (1, 1), (0, 0)] {
        limit(&mut call, bob, Some(spatial), Some(temporal));
        call.run(ms(2000));
        let last = stamp(&call.video_of(bob).last().unwrap().payload).layer;
        assert_eq!(last, rids[usize::from(spatial)].as_bytes()[4]);
    }
    for (camera, last) in [(0, b'2'), (1, b'1')] {
        assert_decodable(&mut call, ann, camera, bob, last);
    }
    assert_no_holes(&call.video_of(bob));
}
