//! Simulcast: the best layer that is sent, and changes of layer nobody notices.

use protocol::id::PublicationId;
use protocol::media::VideoCodec;
use str0m::rtp::Vp8Descriptor;

use crate::call::{Call, Received, browser, ms};
use crate::camera::stamp;

/// A receiver's view is one stream: nothing missing, time goes on evenly, picture numbers go on.
pub(crate) fn assert_continuous(video: &[&Received]) {
    for pair in video.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        assert_eq!(b.sequence, a.sequence + 1);
        let step = b.timestamp.wrapping_sub(a.timestamp);
        let (one, two) = (stamp(&a.payload), stamp(&b.payload));
        let same_frame = (one.frame, one.layer) == (two.frame, two.layer);
        if same_frame {
            assert_eq!(step, 0);
        } else {
            let elapsed = b.at.duration_since(a.at).as_millis() as i64;
            let ticks = i64::from(step) / 90;
            assert!((1..=elapsed + 120).contains(&ticks), "{ticks} ms of RTP time in {elapsed} ms");
        }
        let id = |r: &Received| Vp8Descriptor::parse(&r.payload).unwrap();
        let pictures = (id(b).picture_id().unwrap().wrapping_sub(id(a).picture_id().unwrap())) & 0x7fff;
        let tl0 = id(b).tl0_pic_idx().unwrap().wrapping_sub(id(a).tl0_pic_idx().unwrap());
        assert_eq!((pictures, tl0), if same_frame { (0, 0) } else { (1, 1) });
    }
}

pub(crate) fn layers(video: &[&Received]) -> Vec<u8> {
    let mut layers: Vec<u8> = video.iter().map(|r| stamp(&r.payload).layer).collect();
    layers.dedup();
    layers
}

#[test]
fn the_best_layer_is_forwarded_and_one_of_them_only() {
    for rids in [["rdiv4", "rdiv2", "rdiv1"], ["r0", "r1", "r2"]] {
        let mut call = Call::new();
        let ann = call.publish(browser(), &rids);
        let bob = call.subscribe(browser(), ann);
        call.connect();
        for rid in rids {
            call.start_video(ann, VideoCodec::Vp8, Some(rid));
        }
        call.run(ms(3000));
        let video = call.video_of(bob);
        assert!(video.len() > 200, "{}", video.len());
        assert_eq!(layers(&video).last().copied(), rids[2].bytes().last());
        assert_continuous(&video);
    }
}

#[test]
fn a_layer_that_starts_or_stops_changes_the_picture_without_a_glitch() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &["rdiv4", "rdiv2", "rdiv1"]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    let small = call.start_video(ann, VideoCodec::Vp8, Some("rdiv4"));
    call.run(ms(1000));
    call.start_video(ann, VideoCodec::Vp8, Some("rdiv2"));
    call.run(ms(1000));
    let large = call.start_video(ann, VideoCodec::Vp8, Some("rdiv1"));
    call.run(ms(1000));
    assert_eq!(layers(&call.video_of(bob)), b"421");
    call.camera(ann, large).muted = true;
    call.run(ms(2000));
    assert_eq!(layers(&call.video_of(bob)), b"4212");
    call.camera(ann, large).muted = false;
    call.camera(ann, small).muted = true;
    call.run(ms(2000));
    let video = call.video_of(bob);
    assert_eq!(layers(&video), b"42121");
    let gap = video.windows(2).map(|w| w[1].at.duration_since(w[0].at)).max().unwrap();
    assert!(gap < ms(700), "no picture for {gap:?}");
    for pair in video.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
    }
    // Sender reports come every second here: all switches are mapped well enough.
    assert_continuous(&video);
}

#[test]
fn everybody_silent_is_no_reason_to_change_layer() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &["rdiv2", "rdiv1"]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    let cameras = ["rdiv2", "rdiv1"].map(|rid| call.start_video(ann, VideoCodec::Vp8, Some(rid)));
    call.run(ms(1000));
    let before = call.clients[ann].key_frame_requests.len();
    for camera in cameras {
        call.camera(ann, camera).muted = true;
    }
    call.run(ms(30_000));
    for camera in cameras {
        call.camera(ann, camera).muted = false;
    }
    call.run(ms(1000));
    assert_eq!(layers(&call.video_of(bob)).last(), Some(&b'1'));
    assert_eq!(call.clients[ann].key_frame_requests.len(), before);
}

#[test]
fn key_frames_are_asked_of_the_layer_that_is_needed() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &["rdiv2", "rdiv1"]);
    call.connect();
    for rid in ["rdiv2", "rdiv1"] {
        call.start_video(ann, VideoCodec::Vp8, Some(rid));
    }
    call.run(ms(1000));
    assert!(call.clients[ann].key_frame_requests.is_empty(), "nobody watches");
    let bob = call.subscribe(browser(), ann);
    call.run(ms(1000));
    let now = call.now;
    call.clients[bob].request_key_frame(now);
    call.run(ms(300));
    let requests = &call.clients[ann].key_frame_requests;
    assert!(requests.len() >= 2);
    assert!(requests.iter().all(|(_, rid)| rid.as_deref() == Some("rdiv1")), "{requests:?}");
}

#[test]
fn a_list_of_one_layer_is_accepted() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &["rdiv1"]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, Some("rdiv1"));
    call.run(ms(1000));
    assert!(call.video_of(bob).len() > 80);
}

#[test]
fn loop_back_of_simulcast_is_one_layer() {
    let mut call = Call::new();
    let ann = call.publish_as(PublicationId(1), browser(), (false, true), &["rdiv2", "rdiv1"], true);
    call.connect();
    for rid in ["rdiv2", "rdiv1"] {
        call.start_video(ann, VideoCodec::Vp8, Some(rid));
    }
    call.run(ms(2000));
    let video = call.video_of(ann);
    assert!(video.len() > 150, "{}", video.len());
    assert_continuous(&video);
}
