//! Media flows: codecs, key frames, loss, header extensions, payload types, loop-back.

use std::collections::BTreeSet;
use std::time::SystemTime;

use protocol::id::PublicationId;
use protocol::media::{MediaFailure, VideoCodec};
use str0m::media::MediaKind;
use str0m::rtp::VideoOrientation;

use crate::call::{Call, browser, browser_with, ms};
use crate::camera::stamp;

#[test]
fn audio_and_video_reach_a_subscriber() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(2000));
    assert!(call.is_connected(ann) && call.is_connected(bob));
    let (audio, video) = (call.audio_of(bob), call.video_of(bob));
    assert!(audio.len() > 90, "{} audio packets", audio.len());
    assert!(video.len() > 170, "{} video packets", video.len());
    assert_eq!(stamp(&video[0].payload).packet, 0);
    assert!(video.windows(2).all(|w| w[1].sequence == w[0].sequence + 1));
    assert!(audio.windows(2).all(|w| w[1].sequence == w[0].sequence + 1));
}

#[test]
fn every_codec_is_forwarded_from_its_key_frame_on() {
    for codec in [VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::H264, VideoCodec::Av1] {
        let mut call = Call::new();
        let ann = call.publish(browser_with(codec), &[]);
        call.connect();
        call.start_video(ann, codec, None);
        call.run(ms(500));
        let bob = call.subscribe(browser(), ann);
        call.run(ms(1000));
        let video = call.video_of(bob);
        assert!(video.len() > 50, "{codec:?}: {} packets", video.len());
        let first = stamp(&video[0].payload);
        assert_eq!(first.packet, 0, "{codec:?} starts at the start of a frame");
        assert!(first.frame > 10, "{codec:?} late joiner");
    }
}

#[test]
fn a_late_joiner_gets_a_key_frame_within_a_round_trip_of_connecting() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(3000));
    let bob = call.subscribe(browser(), ann);
    call.connect();
    let connected = call.now;
    call.run(ms(500));
    let first = call.video_of(bob)[0].at;
    // 20 ms to the publisher, up to a frame, 20 ms here, 20 ms to the subscriber; it knew 20 ms before us.
    assert!(first.duration_since(connected) < ms(130), "{:?}", first.duration_since(connected));
}

#[test]
fn header_extensions_that_matter_are_carried_over() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(500));
    let video = call.video_of(bob);
    assert!(video.iter().all(|r| r.extensions.video_orientation == Some(VideoOrientation::Deg90)));
    let audio = call.audio_of(bob);
    assert!(audio.iter().all(|r| r.extensions.audio_level == Some(-30) && r.extensions.voice_activity == Some(true)));
}

#[test]
fn losses_on_both_legs_are_repaired() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(300));
    call.loss = 0.05;
    call.run(ms(10_000));
    call.loss = 0.0;
    call.run(ms(1500));
    let video = call.video_of(bob);
    let got: BTreeSet<u64> = video.iter().map(|r| r.sequence).collect();
    let span = got.last().unwrap() - got.first().unwrap() + 1;
    let missing = span - got.len() as u64;
    assert!(span > 900, "{span}");
    assert!(missing * 1000 < span, "{missing} of {span} packets are missing after repair");
    // The same frames in the same order: what belongs to a sequence number did not change on the way.
    let mut stamps: Vec<_> = video.iter().map(|r| (r.sequence, stamp(&r.payload))).collect();
    stamps.sort_by_key(|(sequence, _)| *sequence);
    assert!(stamps.windows(2).all(|w| (w[0].1.frame, w[0].1.packet) < (w[1].1.frame, w[1].1.packet)));
}

#[test]
fn key_frame_requests_of_many_are_merged() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let subscribers: Vec<_> = (0..10).map(|_| call.subscribe(browser(), ann)).collect();
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(1000));
    let before = call.clients[ann].key_frame_requests.len();
    for _ in 0..20 {
        for subscriber in &subscribers {
            let now = call.now;
            call.clients[*subscriber].request_key_frame(now);
        }
        call.run(ms(50));
    }
    let requests = &call.clients[ann].key_frame_requests[before..];
    assert!((2..=4).contains(&requests.len()), "{} requests in a second", requests.len());
    assert!(requests.windows(2).all(|w| w[1].0.duration_since(w[0].0) >= ms(300)));
}

#[test]
fn a_publisher_that_does_not_answer_is_asked_again() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    let camera = call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(500));
    call.camera(ann, camera).muted = true;
    call.run(ms(500));
    call.subscribe(browser(), ann);
    call.connect();
    let before = call.clients[ann].key_frame_requests.len();
    call.run(ms(20_000));
    let requests = call.clients[ann].key_frame_requests.len() - before;
    assert!((8..=14).contains(&requests), "{requests} requests: every 400 ms, given up after 5 s");
}

#[test]
fn a_muted_publisher_is_nothing_to_worry_about() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    let camera = call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(500));
    call.camera(ann, camera).muted = true;
    call.run(ms(60_000));
    assert_eq!(call.clients.iter().filter(|c| c.closed).count(), 0);
    let before = call.video_of(bob).len();
    let requests = call.clients[ann].key_frame_requests.len();
    call.camera(ann, camera).muted = false;
    call.run(ms(500));
    assert!(call.video_of(bob).len() > before + 30);
    assert_eq!(call.clients[ann].key_frame_requests.len(), requests, "the stream goes on where it was");
}

#[test]
fn padding_leaves_no_holes() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    let camera = call.start_video(ann, VideoCodec::Vp8, None);
    call.camera(ann, camera).padding_every = Some(2);
    call.run(ms(2000));
    let video = call.video_of(bob);
    assert!(video.len() > 150);
    assert!(video.iter().all(|r| !r.payload.is_empty()));
    assert!(video.windows(2).all(|w| w[1].sequence == w[0].sequence + 1));
}

#[test]
fn audio_only_and_video_only_publications_are_subscribed_as_such() {
    for (audio, video) in [(true, false), (false, true)] {
        let mut call = Call::new();
        let ann = call.publish_as(PublicationId(5), browser(), (audio, video), &[], false);
        let bob = call.subscribe(browser(), ann);
        call.connect();
        if audio {
            call.start_audio(ann);
        }
        if video {
            call.start_video(ann, VideoCodec::Vp8, None);
        }
        call.run(ms(1000));
        assert_eq!(call.audio_of(bob).is_empty(), !audio);
        assert_eq!(call.video_of(bob).is_empty(), !video);
        assert_eq!(call.clients[bob].audio.is_some(), audio);
        assert_eq!(call.clients[bob].video.is_some(), video);
    }
}

#[test]
fn a_client_that_offers_gets_its_own_payload_types() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    // Numbers of another browser.
    let mut config = browser().clear_codecs();
    let codecs = config.codec_config();
    let video = str0m::format::FormatParams::default();
    let opus = str0m::format::FormatParams { min_p_time: Some(10), use_inband_fec: Some(true), ..Default::default() };
    use str0m::format::Codec;
    use str0m::media::Frequency;
    codecs.add_config(109.into(), None, Codec::Opus, Frequency::FORTY_EIGHT_KHZ, Some(2), opus);
    codecs.add_config(120.into(), Some(124.into()), Codec::Vp8, Frequency::NINETY_KHZ, None, video);
    let bob = call.subscribe_offering(config, ann).unwrap();
    call.connect();
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(1000));
    let (audio, video) = (call.audio_of(bob), call.video_of(bob));
    assert!(audio.len() > 40 && video.len() > 80, "{} and {}", audio.len(), video.len());
    assert!(audio.iter().all(|r| r.pt == 109));
    assert!(video.iter().all(|r| r.pt == 120));
}

#[test]
fn a_client_that_cannot_decode_the_codec_is_told() {
    let mut call = Call::new();
    let ann = call.publish(browser_with(VideoCodec::H264), &[]);
    let refused = call.subscribe_offering(browser_with(VideoCodec::Vp8), ann);
    let taken = vec![VideoCodec::Vp8];
    assert_eq!(refused, Err(MediaFailure::CodecNotTaken { published: VideoCodec::H264, taken }));
}

#[test]
fn h264_finds_the_same_profile_and_packetization_mode() {
    let mut call = Call::new();
    let ann = call.publish(browser_with(VideoCodec::H264), &[]);
    let bob = call.subscribe_offering(browser_with(VideoCodec::H264), ann).unwrap();
    call.connect();
    call.start_video(ann, VideoCodec::H264, None);
    call.run(ms(1000));
    // 108 is 42e01f in mode 1 in the client's list.
    assert!(call.video_of(bob).len() > 80);
    assert!(call.video_of(bob).iter().all(|r| r.pt == 108));
}

#[test]
fn loop_back_returns_the_publishers_own_media() {
    let mut call = Call::new();
    let ann = call.publish_as(PublicationId(1), browser(), (true, true), &[], true);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(1000));
    assert!(call.video_of(ann).len() > 80 && call.audio_of(ann).len() > 40);
    assert!(call.video_of(bob).len() > 80 && call.audio_of(bob).len() > 40);
}

#[test]
fn a_subscriber_may_come_before_the_publisher_is_connected() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    // Nothing of the publisher has come yet: it connects at the same time or later.
    call.connect();
    call.run(ms(8000));
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(500));
    assert!(call.video_of(bob).len() > 30);
}

#[test]
fn sender_reports_keep_audio_and_video_in_step() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(5000));
    // When a packet was captured, by the subscriber's reports, against when it really was.
    let error = |kind: MediaKind, clock_rate: f64, interval: f64| {
        let client = &call.clients[bob];
        let packet = client.received.iter().rev().find(|r| r.kind == kind).unwrap();
        let (_, ntp, timestamp) = client.reports.iter().rev().find(|(k, ..)| *k == kind).unwrap();
        let ticks = packet.timestamp.wrapping_sub(*timestamp) as i32;
        let ntp = ntp.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64() + f64::from(ticks) / clock_rate;
        ntp - f64::from(stamp(&packet.payload).frame - 1) * interval
    };
    let (audio, video) = (error(MediaKind::Audio, 48_000.0, 0.020), error(MediaKind::Video, 90_000.0, 0.033));
    assert!((audio - video).abs() < 0.010, "{} ms apart", (audio - video) * 1000.0);
}

/// In a storm of joins the publisher would be asked all the time, or most would wait.
#[test]
fn who_comes_shortly_after_a_key_frame_gets_it_and_all_that_followed() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(1000));
    let bob = call.subscribe(browser(), ann);
    call.run(ms(200));
    let cat = call.subscribe(browser(), ann);
    call.connect();
    let (requests, connected) = (call.clients[ann].key_frame_requests.len(), call.now);
    call.run(ms(50));
    assert_eq!(call.clients[ann].key_frame_requests.len(), requests, "nobody is asked");
    let first = |call: &Call, client| (call.video_of(client)[0].at, stamp(&call.video_of(client)[0].payload));
    let ((before, of_bob), (after, of_cat)) = (first(&call, bob), first(&call, cat));
    assert_eq!((of_bob.frame, of_bob.packet), (of_cat.frame, of_cat.packet), "the same key frame");
    assert!(before < connected && after > before);
    // It goes on with what comes next, and can ask for what it lacks.
    call.loss = 0.05;
    call.run(ms(1000));
    call.loss = 0.0;
    call.run(ms(300));
    assert_eq!(call.clients[ann].key_frame_requests.len(), requests);
    let mut numbers: Vec<_> = call.video_of(cat).iter().map(|packet| packet.sequence).collect();
    numbers.sort_unstable();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "each once, none missing");
    assert!(numbers.len() > 100);
}
