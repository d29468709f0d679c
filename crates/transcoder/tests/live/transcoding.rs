//! Pictures in another codec, sound as it was.

use protocol::job::{FromJob, JobSpec, ToJob};
use protocol::media::{MediaKind, VideoCodec};

use crate::job::{Publisher, RunningJob, is_near, muxed};

const GREEN: &str = "color=c=0x00A000:size=320x240:rate=15";

fn transcode(from: VideoCodec, to: VideoCodec) -> RunningJob {
    let mut job = RunningJob::begin(JobSpec::Transcode { from, to, audio: true });
    job.add_input(3);
    // What comes before it is there would be too much at once.
    job.listen_until(|job| job.has_said(|said| matches!(said, FromJob::Ready { .. } | FromJob::Failed { .. })));
    job
}

#[test]
fn colours_and_sound_survive_in_every_codec() {
    let pairs = [
        (VideoCodec::Vp8, VideoCodec::H264),
        (VideoCodec::H264, VideoCodec::Vp8),
        (VideoCodec::Vp9, VideoCodec::Vp8),
        (VideoCodec::Vp8, VideoCodec::Vp9),
        (VideoCodec::Av1, VideoCodec::Vp8),
    ];
    for (from, to) in pairs {
        let mut job = transcode(from, to);
        job.publish(3, &mut Publisher::new(from, GREEN, 440), |_, _| true);
        assert!(
            job.has_said(
                |said| matches!(said, FromJob::Ready { audio: true, video: Some(video) } if video.codec == to)
            )
        );
        let film = job.film();
        assert!(film.pictures.len() >= 20, "{from:?} to {to:?}: {} pictures", film.pictures.len());
        assert!(film.pictures.iter().all(|color| is_near(*color, [0, 160, 0], 12)), "{:?}", film.pictures);
        let (tone, other) = (film.tone(440.0, 0.5, 1.5), film.tone(620.0, 0.5, 1.5));
        assert!(tone > 0.05 && other < tone / 20.0, "{from:?} to {to:?}: {tone} {other}");
        for kind in [MediaKind::Audio, MediaKind::Video] {
            let sent: Vec<_> = job.sent.iter().filter(|sent| sent.kind == kind).collect();
            assert!(sent.windows(2).all(|two| two[1].sequence == two[0].sequence + 1), "{kind:?}");
        }
        assert!(job.end().success());
    }
}

#[test]
fn sound_and_pictures_stay_together() {
    let mut job = transcode(VideoCodec::Vp8, VideoCodec::Vp8);
    job.publish(3, &mut Publisher::new(VideoCodec::Vp8, GREEN, 440), |_, _| true);
    // Both streams end within a picture's time of each other, although pictures took 40 ms longer.
    let last = |kind| job.sent.iter().filter(|sent| sent.kind == kind).map(|sent| sent.captured_us).max().unwrap();
    let apart = last(MediaKind::Audio).abs_diff(last(MediaKind::Video));
    assert!(apart < 100_000, "{apart} us");
}

#[test]
fn a_key_frame_is_made_when_somebody_asks() {
    let mut job = transcode(VideoCodec::H264, VideoCodec::Vp8);
    let mut asked = None;
    // A machine that is too slow leaves pictures out.
    job.publish(3, &mut Publisher::lasting(VideoCodec::H264, "testsrc=size=320x240:rate=15", 440, 5), |job, _| {
        let pictures = job.sent.iter().filter(|sent| sent.marker && sent.kind == MediaKind::Video).count();
        if asked.is_none() && pictures >= 8 {
            asked = Some(job.sent.len());
            job.tell(&ToJob::KeyFrame);
        }
        true
    });
    let is_key = |sent: &&crate::job::Sent| {
        sent.codec.is_some_and(|codec| payload::starts_key_frame(muxed(codec), &sent.payload))
    };
    let (before, after) = job.sent.split_at(asked.expect("pictures"));
    assert_eq!((before.iter().filter(is_key).count(), after.iter().filter(is_key).count()), (1, 1));
}

#[test]
fn after_a_loss_a_key_frame_of_the_input_is_asked_for() {
    let mut job = transcode(VideoCodec::Vp8, VideoCodec::H264);
    let mut publisher = Publisher::new(VideoCodec::Vp8, "testsrc=size=320x240:rate=15", 440);
    let first = publisher.next_sequence(MediaKind::Video);
    job.publish(3, &mut publisher, |_, outgoing| {
        outgoing.kind == MediaKind::Audio || outgoing.sequence < first + 30 || outgoing.sequence > first + 31
    });
    assert!(job.has_said(|said| *said == FromJob::KeyFrameWanted { number: 3 }));
    let pictures = job.sent.iter().filter(|sent| sent.marker && sent.kind == MediaKind::Video).count();
    assert!((1..20).contains(&pictures), "{pictures} pictures");
    // Another source begins by itself with one.
    let before = job.sent.len();
    publisher.source = 8;
    job.publish(3, &mut publisher, |_, _| true);
    let after = job.sent[before..].iter().filter(|sent| sent.marker && sent.kind == MediaKind::Video).count();
    assert!(after >= 20, "{after} pictures");
}

#[test]
fn pictures_are_set_upright() {
    // Blue above, red below; turned a quarter clockwise blue is on the right.
    let picture = "color=c=red:size=320x240:rate=15,drawbox=x=0:y=0:w=320:h=120:color=blue:t=fill";
    let mut job = transcode(VideoCodec::Vp8, VideoCodec::H264);
    let mut publisher = Publisher::new(VideoCodec::Vp8, picture, 440);
    publisher.quarter_turns = 1;
    job.publish(3, &mut publisher, |_, _| true);
    let pictures = job.film().scaled(3, 4);
    let last = pictures.last().expect("pictures");
    let pixel = |x: usize, y: usize| <[u8; 3]>::try_from(&last[(y * 3 + x) * 3..][..3]).unwrap();
    for y in 0..4 {
        assert!(is_near(pixel(2, y), [0, 0, 255], 40), "{last:?}");
        assert!(is_near(pixel(0, y), [255, 0, 0], 40), "{last:?}");
    }
}

#[test]
fn what_cannot_be_done_is_said_and_is_the_end() {
    let mut job = transcode(VideoCodec::Vp8, VideoCodec::Av1);
    job.listen_until(|job| job.has_said(|said| matches!(said, FromJob::Failed { .. })));
    assert!(job.wait().success());
}

#[test]
fn it_says_that_it_is_alive_and_ends_with_its_socket() {
    let mut job = transcode(VideoCodec::Vp8, VideoCodec::H264);
    job.listen_until(|job| job.said.iter().filter(|said| matches!(said, FromJob::Working { dropped: 0 })).count() >= 2);
    assert!(job.end().success());
}
