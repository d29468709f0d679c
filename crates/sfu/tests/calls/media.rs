//! Media flows: codecs, key frames, loss, PT rewriting, header extensions.

use protocol::media::VideoCodec;

use crate::call::{Call, browser, browser_with, ms, stamp};

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
