//! Layers within a stream: what does not fit is left out of it, and whatever is forwarded can be decoded.

use protocol::id::{SubscriberId, TapId};
use protocol::media::{LayerLimit, Legs, MediaOperation, Reception, VideoCodec};
use str0m::rtp::Vp8Descriptor;

use crate::call::{Call, Received, browser, browser_with, ms};
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

/// Somebody with a camera that sends VP9 or AV1 in layers: of a size 150, 270 and 510 kbit/s.
fn filmed_in_sizes((codec, structure): (VideoCodec, Structure)) -> (Call, usize) {
    let mut call = Call::new();
    let ann = call.publish(browser_with(codec), &[]);
    call.connect();
    let camera = call.start_video(ann, codec, None);
    let camera = call.camera(ann, camera);
    (camera.packets, camera.filler, camera.structure) = (PACKETS, 250, structure);
    call.run(ms(1000));
    (call, ann)
}

/// The last packet of each picture, and no other, says so.
fn assert_marked(video: &[&Received]) {
    let mut video: Vec<&&Received> = video.iter().filter(|packet| !packet.payload.is_empty()).collect();
    video.sort_by_key(|packet| packet.sequence);
    for pair in video.windows(2) {
        let is_last = pair[0].timestamp != pair[1].timestamp;
        assert_eq!(pair[0].marker, is_last, "{:?} {:?}", stamp(&pair[0].payload), stamp(&pair[1].payload));
    }
}

const STRUCTURES: [Structure; 5] = [
    Structure { spatial: 3, temporal: 3, is_key_only: true, is_flexible: true },
    Structure { spatial: 3, temporal: 3, is_key_only: false, is_flexible: true },
    Structure { spatial: 2, temporal: 2, is_key_only: false, is_flexible: false },
    Structure { spatial: 3, temporal: 3, is_key_only: true, is_flexible: false },
    Structure { spatial: 1, temporal: 3, is_key_only: false, is_flexible: false },
];

/// All of both codecs.
fn streams() -> impl Iterator<Item = (VideoCodec, Structure)> {
    let described = STRUCTURES.into_iter().filter(|structure| structure.is_flexible);
    let described = described.chain([Structure::new(2, 2), Structure::new(1, 3)]);
    let described = described.map(|structure| (VideoCodec::Av1, structure));
    STRUCTURES.map(|structure| (VideoCodec::Vp9, structure)).into_iter().chain(described)
}

#[test]
fn sizes_of_one_stream_are_left_out_and_all_that_is_left_is_decodable() {
    for (codec, structure) in streams() {
        let (mut call, ann) = filmed_in_sizes((codec, structure));
        let bob = call.subscribe(browser_with(codec), ann);
        call.connect();
        call.run(ms(1000));
        for (spatial, temporal) in [(2, 2), (0, 0), (1, 1), (2, 0), (1, 2), (0, 2), (2, 1), (0, 1), (2, 2)] {
            let spatial = (structure.spatial - 1).min(spatial);
            let temporal = (structure.temporal - 1).min(temporal);
            limit(&mut call, bob, Some(spatial), Some(temporal));
            call.run(ms(1200));
            let begin = call.camera(ann, 0).frame as u32;
            call.run(ms(2000));
            let counts = assert_decodable(&mut call, ann, 0, bob, 0).counts(call.camera(ann, 0), 0, begin);
            let is_above = |(size, time): &(u8, u8)| *size > spatial || *time > temporal;
            assert!(!counts.keys().any(is_above), "{codec:?} {structure:?}, limit {spatial} {temporal}: {counts:?}");
            for time in 0..=temporal {
                let count = counts.get(&(spatial, time)).copied().unwrap_or(0);
                assert!(count >= 12, "{codec:?} {structure:?}, limit {spatial} {temporal}: {counts:?}");
            }
            // What nobody needs is not sent.
            let smaller = (0..spatial).map(|size| counts.get(&(size, 0)).copied().unwrap_or(0)).sum::<usize>();
            assert!(!structure.is_key_only || smaller <= 2, "{counts:?}");
        }
        let video = call.video_of(bob);
        assert_marked(&video);
        for pair in video.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        }
        let requests = call.clients[ann].key_frame_requests.len();
        // Up in size; and down, where smaller pictures are not there.
        assert!(requests <= 9, "{codec:?} {structure:?}: {requests} key frames asked for");
    }
}

#[test]
fn sizes_of_one_stream_change_under_loss() {
    for (codec, structure) in streams() {
        let (mut call, ann) = filmed_in_sizes((codec, structure));
        let bob = call.subscribe(browser_with(codec), ann);
        call.connect();
        call.loss = 0.02;
        for (spatial, temporal) in [(2, 2), (0, 1), (1, 2), (2, 0), (1, 1), (0, 2), (2, 2)] {
            limit(&mut call, bob, Some(spatial), Some(temporal));
            call.run(ms(1500));
        }
        call.loss = 0.0;
        call.run(ms(1000));
        assert_decodable(&mut call, ann, 0, bob, 0);
    }
}

#[test]
fn a_stream_in_sizes_is_as_large_as_the_network_carries() {
    for (codec, structure) in streams().filter(|(_, structure)| structure.spatial == 3) {
        let (mut call, ann) = filmed_in_sizes((codec, structure));
        let link = call.add_link(4_000_000);
        let phone = call.subscribe_with(browser_with(codec), SubscriberId(1), Reception::default(), ann);
        call.put_behind(phone, link);
        call.connect();
        call.run(ms(5000));
        let shown = |call: &mut Call, seconds: u64| {
            let begin = call.camera(ann, 0).frame as u32;
            call.run(ms(seconds * 1000));
            assert_decodable(call, ann, 0, phone, 0).counts(call.camera(ann, 0), 0, begin)
        };
        let counts = shown(&mut call, 2);
        assert!(counts.get(&(2, 2)).is_some_and(|count| *count >= 28), "{codec:?} {structure:?}: {counts:?}");
        call.links[link].rate = 400_000;
        call.run(ms(8000));
        let counts = shown(&mut call, 10);
        // A picture goes on, and not all of the largest one: either a smaller one, or fewer frames.
        let count = |size: u8, time: u8| counts.get(&(size, time)).copied().unwrap_or(0);
        let goes_on = (0..3).any(|size| count(size, 0) + count(size, 1) >= 100);
        assert!(goes_on && count(2, 2) < 30, "{codec:?} {structure:?}: {counts:?}");
        call.links[link].rate = 4_000_000;
        call.run(ms(6000));
        let counts = shown(&mut call, 2);
        assert!(
            counts.get(&(2, 2)).is_some_and(|count| *count >= 28),
            "all is back, {codec:?} {structure:?}: {counts:?}"
        );
    }
}

#[test]
fn a_tap_gets_all_layers() {
    let structure = Structure { is_key_only: true, ..Structure::new(3, 3) };
    let (mut call, ann) = filmed_in_sizes((VideoCodec::Vp9, structure));
    let publication = call.clients[ann].publication;
    call.command(MediaOperation::SetTap { tap: TapId(1), publication, audio: true, video: true });
    call.run(ms(2000));
    let last = call.camera(ann, 0).frame as u32;
    let packets: Vec<_> = call.tapped.iter().filter(|packet| !packet.payload.is_empty()).collect();
    // The last ones are under way.
    let whole = last - 1 - stamp(&packets[0].payload).frame;
    assert!(whole > 30 && packets.len() >= (whole * 3) as usize * PACKETS, "{whole} pictures, {}", packets.len());
    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
    }
}

/// Ann with a camera of three layers in time, of which the lowest takes most, as encoders have it: 430, 220 and 220 kbit/s, with
/// sound; and a phone behind a line that is wide for eight seconds, and then as narrow as that.
fn behind_a_narrow_line(rate: u64) -> (Call, usize, usize, usize) {
    let mut call = Call::new();
    let ann = call.publish(browser_with(VideoCodec::Vp9), &[]);
    call.connect();
    let camera = call.start_video(ann, VideoCodec::Vp9, None);
    let camera = call.camera(ann, camera);
    (camera.packets, camera.filler, camera.structure) = (12, 280, Structure::new(1, 3));
    (camera.weights, camera.interval) = ([4, 2, 1], ms(66));
    call.start_audio(ann);
    call.camera(ann, 1).filler = 70;
    call.run(ms(1000));
    let link = call.add_link(3_000_000);
    let phone = call.subscribe_with(browser_with(VideoCodec::Vp9), SubscriberId(1), Reception::default(), ann);
    call.put_behind(phone, link);
    call.connect();
    call.run(ms(8000));
    call.links[link].rate = rate;
    call.run(ms(8000));
    (call, ann, phone, link)
}

#[test]
fn a_lowest_layer_that_does_not_fit_pauses_and_does_not_come_and_go() {
    for rate in [300_000, 350_000, 400_000] {
        let (mut call, ann, phone, link) = behind_a_narrow_line(rate);
        let requests = call.clients[ann].key_frame_requests.len();
        let before = call.video_of(phone).len();
        let sound = call.audio_of(phone).len();
        call.run(ms(20_000));
        assert_eq!(call.video_of(phone).len(), before, "{rate}");
        assert_eq!(call.clients[ann].key_frame_requests.len(), requests, "each costs everybody else");
        assert!(call.audio_of(phone).len() - sound > 990);
        call.links[link].rate = 3_000_000;
        call.run(ms(6000));
        let begin = call.camera(ann, 0).frame as u32;
        call.run(ms(2000));
        let arrived = Arrived::of(&call.video_of(phone), |_| 12);
        assert!(arrived.counts(call.camera(ann, 0), 0, begin).values().sum::<usize>() >= 26, "all is back");
    }
}

#[test]
fn a_lowest_layer_that_fits_goes_on_though_there_is_no_room_to_spare() {
    let (mut call, ann, phone, _) = behind_a_narrow_line(600_000);
    for _ in 0..4 {
        let begin = call.camera(ann, 0).frame as u32;
        call.run(ms(2000));
        let counts = Arrived::of(&call.video_of(phone), |_| 12).counts(call.camera(ann, 0), 0, begin);
        assert!(counts.get(&(0, 0)).is_some_and(|count| *count >= 5), "{counts:?}");
    }
}
