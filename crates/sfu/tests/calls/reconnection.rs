//! A publisher that comes back with a new transport; its subscribers go on.

use protocol::id::PublicationId;
use protocol::media::{BitrateLimits, Kinds, MediaFailure, MediaOperation, VideoCodec};
use sfu::Sfu;
use str0m::media::Direction;
use str0m::rtp::Vp8Descriptor;

use crate::call::{Call, any_codec, browser, browser_with, config, ms};
use crate::camera::stamp;

#[test]
fn subscribers_go_on_over_a_new_transport_of_the_publisher() {
    let mut call = Call::new();
    let publication = PublicationId(1);
    let ann = call.publish_as(publication, browser(), (true, true), &[], false);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(2000));
    let before = call.video_of(bob).len();

    let again = call.publish_as(publication, browser(), (true, true), &["rdiv2", "rdiv1"], false);
    call.run(ms(1000));
    assert!(call.clients[ann].closed, "the old transport is told");
    assert!(call.clients[again].connected);
    call.start_audio(again);
    call.start_video(again, VideoCodec::Vp8, Some("rdiv2"));
    call.start_video(again, VideoCodec::Vp8, Some("rdiv1"));
    call.run(ms(2000));

    let video = call.video_of(bob);
    assert!(video.len() > before + 150);
    let stamps: Vec<_> = video.iter().map(|r| stamp(&r.payload)).collect();
    let back = stamps.windows(2).position(|w| w[1].frame < w[0].frame).unwrap() + 1;
    assert_eq!((stamps[back].frame, stamps[back].packet), (1, 0), "the new stream begins with its key frame");
    for pair in video.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        let id = |p: &[u8]| Vp8Descriptor::parse(p).unwrap().picture_id().unwrap();
        assert!((id(&pair[1].payload).wrapping_sub(id(&pair[0].payload)) & 0x7fff) <= 1);
        let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp) / 90;
        let elapsed = pair[1].at.duration_since(pair[0].at).as_millis() as u32;
        assert!(ticks <= elapsed + 120, "{ticks} ms of RTP time in {elapsed} ms");
    }
    let audio = call.audio_of(bob);
    assert!(audio.windows(2).all(|w| w[1].sequence == w[0].sequence + 1));
    assert!(audio.len() > 180);
}

#[test]
fn the_codec_of_a_publication_does_not_change() {
    let mut call = Call::new();
    let publication = PublicationId(1);
    call.publish_as(publication, browser_with(VideoCodec::H264), (true, true), &[], false);
    // The client now prefers VP8 and could be given it; its subscribers could not.
    call.publish_as(publication, browser(), (true, true), &[], false);
    let answer = call.events.iter().rev().find_map(|e| match e {
        protocol::media::MediaEvent::Answered { sdp, .. } => Some(sdp.clone()),
        _ => None,
    });
    assert!(answer.unwrap().contains("H264/90000"));

    let client = call.add_client(browser_with(VideoCodec::Vp8), publication);
    let (offer, _) = call.offer(client, true, true, &[], Direction::SendOnly);
    let request = call.request_id();
    call.command(MediaOperation::Publish {
        kinds: Kinds { audio: true, video: true },
        request,
        publication,
        transport: call.clients[client].transport,
        offer,
        codecs: any_codec(),
        bitrate: BitrateLimits::default(),
        loopback: false,
    });
    assert_eq!(call.failure(request), MediaFailure::CodecNotOffered);
}

#[test]
fn a_failed_reconnection_leaves_the_old_transport_in_place() {
    let mut call = Call::new();
    let publication = PublicationId(1);
    let ann = call.publish_as(publication, browser(), (true, true), &[], false);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(500));
    let before = call.video_of(bob).len();
    let request = call.request_id();
    call.command(MediaOperation::Publish {
        kinds: Kinds { audio: true, video: true },
        request,
        publication,
        transport: protocol::id::TransportId(9999),
        offer: "v=0\r\n".to_owned(),
        codecs: any_codec(),
        bitrate: BitrateLimits::default(),
        loopback: false,
    });
    assert!(matches!(call.failure(request), MediaFailure::BadSdp(_)));
    call.run(ms(500));
    assert!(call.video_of(bob).len() > before + 30);
}

#[test]
fn who_asks_for_a_transport_that_is_lost_is_refused_and_others_are_not() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    // As when a media worker starts anew.
    call.sfu = Sfu::new(config(), [77; 32], call.now);
    call.command(MediaOperation::CreateRouter);
    let (before, events) = (call.sent, call.events.len());
    call.run(ms(3000));
    assert!(call.sent > before, "nothing else is there that could be sent");
    assert_eq!(call.events.len(), events);
    // Its place is somebody else's now.
    let bob = call.publish(browser(), &[]);
    call.run(ms(3000));
    assert!(call.is_connected(bob) && !call.clients[bob].closed);
    assert_ne!(call.clients[ann].transport, call.clients[bob].transport);
}
