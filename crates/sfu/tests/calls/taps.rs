//! Copies of what a publication receives, for a recorder.

use std::time::Duration;

use protocol::id::{PublicationId, TapId};
use protocol::media::{MediaEvent, MediaOperation, VideoCodec};
use sfu::{TapCodec, TapPacket};

use crate::call::{Call, ROUTER, browser, browser_with, ms};
use crate::camera::stamp;

const TAP: TapId = TapId(7);

fn set(call: &mut Call, publisher: usize, audio: bool, video: bool) {
    let publication = call.clients[publisher].publication;
    call.command(MediaOperation::SetTap { tap: TAP, publication, audio, video });
}

fn audio(call: &Call) -> Vec<&TapPacket> {
    call.tapped.iter().filter(|p| p.codec == TapCodec::Opus).collect()
}

fn video(call: &Call) -> Vec<&TapPacket> {
    call.tapped.iter().filter(|p| p.codec != TapCodec::Opus).collect()
}

fn assert_without_holes(packets: &[&TapPacket]) {
    assert!(packets.windows(2).all(|w| w[1].sequence == w[0].sequence + 1));
}

#[test]
fn a_tap_hands_out_every_packet_from_a_key_frame_on() {
    for codec in [VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::H264, VideoCodec::Av1] {
        let mut call = Call::new();
        let ann = call.publish(browser_with(codec), &[]);
        call.connect();
        call.start_audio(ann);
        call.start_video(ann, codec, None);
        call.run(ms(2000));
        assert!(call.tapped.is_empty());
        assert!(call.clients[ann].key_frame_requests.is_empty());
        set(&mut call, ann, true, true);
        call.run(ms(3000));
        assert_eq!(call.clients[ann].key_frame_requests.len(), 1);
        let (audio, video) = (audio(&call), video(&call));
        assert!(audio.len() > 145, "{} audio packets", audio.len());
        assert!(video.len() > 250, "{} video packets", video.len());
        assert!(video.iter().all(|p| p.tap == TAP && p.codec == TapCodec::Video(codec)));
        assert_without_holes(&audio);
        assert_without_holes(&video);
        let first = stamp(&video[0].payload);
        assert_eq!(first.packet, 0, "{codec:?}");
        assert!(first.frame > 10, "{codec:?}");
        // What lies on its side clockwise takes three more quarter turns.
        assert_eq!(video[0].quarter_turns, Some(3));
        assert!(video.iter().filter(|p| p.marker).count() > 80);
    }
}

#[test]
fn sound_and_pictures_can_be_put_on_one_clock() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    set(&mut call, ann, true, true);
    call.run(ms(8000));
    let captured = |packet: &TapPacket, clock_rate: i128| {
        let report = packet.report.expect("a report has come");
        report.ntp_nanos
            + i128::from(packet.timestamp.wrapping_sub(report.timestamp) as i32) * 1_000_000_000 / clock_rate
    };
    let (sound, picture) = (*audio(&call).last().unwrap(), *video(&call).last().unwrap());
    let apart = captured(sound, 48_000) - captured(picture, 90_000);
    let arrived = sound.arrival.max(picture.arrival) - sound.arrival.min(picture.arrival);
    assert!(apart.unsigned_abs() < (arrived + ms(3)).as_nanos(), "{apart} ns");
}

#[test]
fn a_tap_takes_what_it_was_asked_to() {
    for (sound, pictures) in [(true, false), (false, true)] {
        let mut call = Call::new();
        let ann = call.publish(browser(), &[]);
        call.connect();
        call.start_audio(ann);
        call.start_video(ann, VideoCodec::Vp8, None);
        set(&mut call, ann, sound, pictures);
        call.run(ms(1000));
        assert_eq!((!audio(&call).is_empty(), !video(&call).is_empty()), (sound, pictures));
        assert_eq!(call.clients[ann].key_frame_requests.is_empty(), !pictures);
    }
}

#[test]
fn of_simulcast_a_tap_takes_the_best_layer() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &["rdiv4", "rdiv2", "rdiv1"]);
    call.connect();
    set(&mut call, ann, true, true);
    let mut large = 0;
    for rid in ["rdiv4", "rdiv2", "rdiv1"] {
        large = call.start_video(ann, VideoCodec::Vp8, Some(rid));
    }
    call.run(ms(3000));
    call.camera(ann, large).muted = true;
    call.run(ms(2000));
    let video = video(&call);
    let mut layers: Vec<u8> = video.iter().map(|p| stamp(&p.payload).layer).collect();
    layers.dedup();
    assert!(layers.ends_with(b"12"), "{layers:?}");
    for pair in video.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        if pair[0].source != pair[1].source {
            assert_eq!(stamp(&pair[1].payload).packet, 0, "a change begins with a key frame");
        }
    }
}

#[test]
fn padding_is_no_hole_and_a_repaired_loss_is_in_it() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    let camera = call.start_video(ann, VideoCodec::Vp8, None);
    call.camera(ann, camera).padding_every = Some(3);
    set(&mut call, ann, true, true);
    call.run(ms(1000));
    assert_without_holes(&video(&call));
    let before = video(&call).len();
    call.loss = 0.05;
    call.run(ms(3000));
    call.loss = 0.0;
    call.run(ms(1000));
    let mut sequences: Vec<u64> = video(&call)[before..].iter().map(|p| p.sequence).collect();
    assert!(sequences.windows(2).any(|w| w[1] < w[0]), "something was sent again");
    sequences.sort_unstable();
    assert!(sequences.windows(2).all(|w| w[1] == w[0] + 1));
}

#[test]
fn a_tap_goes_on_over_a_new_transport_of_the_publisher() {
    let mut call = Call::new();
    let publication = PublicationId(1);
    let ann = call.publish_as(publication, browser(), (true, true), &[], false);
    call.connect();
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    set(&mut call, ann, true, true);
    call.run(ms(2000));
    let again = call.publish_as(publication, browser(), (true, true), &[], false);
    call.run(ms(1000));
    call.start_audio(again);
    call.start_video(again, VideoCodec::Vp8, None);
    call.run(ms(2000));
    for packets in [audio(&call), video(&call)] {
        assert_without_holes(&packets);
        let change = packets.windows(2).position(|w| w[0].source != w[1].source).unwrap() + 1;
        assert!(packets[change].source.generation > packets[0].source.generation);
        assert_eq!(stamp_of(packets[change]), Some((1, 0)), "from the first frame on");
        assert!(packets[change].arrival - packets[change - 1].arrival > Duration::from_millis(500));
    }
    assert!(!call.events.contains(&MediaEvent::TapEnded { router: ROUTER, tap: TAP }));
}

/// Frame and packet.
fn stamp_of(packet: &TapPacket) -> Option<(u32, u8)> {
    let stamp = stamp(&packet.payload);
    Some((stamp.frame, stamp.packet))
}

#[test]
fn a_tap_ends_with_its_publication_and_leaves_nothing() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    set(&mut call, ann, true, true);
    call.run(ms(500));
    let publication = call.clients[ann].publication;
    call.command(MediaOperation::ClosePublication { publication });
    let ended = MediaEvent::TapEnded { router: ROUTER, tap: TAP };
    assert_eq!(call.events.iter().filter(|e| **e == ended).count(), 1);

    call.events.clear();
    set(&mut call, ann, true, true);
    assert_eq!(call.events, [ended], "there is nothing to tap");
    call.command(MediaOperation::RequestKeyFrame { tap: TAP });
    call.command(MediaOperation::RemoveTap { tap: TAP });
    call.command(MediaOperation::CloseRouter);
    assert!(call.sfu.is_empty());
}

#[test]
fn a_removed_tap_hands_out_nothing_more() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    set(&mut call, ann, true, true);
    call.run(ms(500));
    call.command(MediaOperation::RemoveTap { tap: TAP });
    call.tapped.clear();
    call.run(ms(500));
    assert!(call.tapped.is_empty());
    assert!(!call.events.contains(&MediaEvent::TapEnded { router: ROUTER, tap: TAP }));
}

#[test]
fn a_key_frame_is_asked_for_when_the_recorder_lost_something() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &["rdiv2", "rdiv1"]);
    call.connect();
    for rid in ["rdiv2", "rdiv1"] {
        call.start_video(ann, VideoCodec::Vp8, Some(rid));
    }
    set(&mut call, ann, true, true);
    call.run(ms(2000));
    let before = call.clients[ann].key_frame_requests.len();
    call.command(MediaOperation::RequestKeyFrame { tap: TAP });
    call.run(ms(500));
    let requests = &call.clients[ann].key_frame_requests[before..];
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].1.as_deref(), Some("rdiv1"));
}
