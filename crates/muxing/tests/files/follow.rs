//! What is read of a file while it grows.

use std::fs::File;
use std::io::{Cursor, Write};

use muxing::{Codec, FileFrame, FollowError, Follower, Packet};
use proptest::prelude::*;
use testbed::encoder::encode;
use testbed::publisher::{Recorded, Stream, merged, ms, pictures, record, sound, start};

fn recorded() -> Recorded {
    let audio = Stream::new(Codec::Opus, 1).packets(&sound(300), start(), 0);
    // The camera comes later, and sends a key frame every second.
    let video: Vec<_> = (0..4)
        .flat_map(|n| Stream::new(Codec::Vp8, 1).packets(&pictures(25, 40), start() + ms(1500 + n * 1000), n * 50))
        .collect();
    record(merged([audio, video]))
}

fn frames(bytes: &[u8]) -> Vec<FileFrame> {
    let mut follower = Follower::new(Cursor::new(bytes));
    std::iter::from_fn(|| follower.poll_frame().unwrap()).collect()
}

#[test]
fn every_frame_is_read_with_its_time() {
    let recorded = recorded();
    let frames = frames(&recorded.file);
    let of = |codec| frames.iter().filter(move |frame| frame.codec == codec);
    assert_eq!((of(Codec::Opus).count(), of(Codec::Vp8).count()), (300, 100));
    let first = of(Codec::Opus).next().unwrap();
    assert_eq!((first.time, &first.data[..]), (recorded.summary.start, &[0x78, 0, 3][..]));
    let keys: Vec<u64> = of(Codec::Vp8).filter(|frame| frame.key).map(|frame| frame.time).collect();
    assert_eq!(keys.len(), 4);
    assert!(keys.windows(2).all(|pair| pair[1].abs_diff(pair[0] + 1000) <= 1), "{keys:?}");
}

#[test]
fn a_file_that_grows_in_pieces_gives_the_same_frames() {
    let bytes = recorded().unfinished;
    let folder = tempfile::tempdir().unwrap();
    let mut writer = File::create(folder.path().join("growing")).unwrap();
    let mut follower = Follower::new(File::open(folder.path().join("growing")).unwrap());
    let mut read = Vec::new();
    for piece in bytes.chunks(7) {
        writer.write_all(piece).unwrap();
        read.extend(std::iter::from_fn(|| follower.poll_frame().unwrap()));
    }
    assert_eq!(read, frames(&bytes));
}

#[test]
fn what_comes_after_a_seek_can_be_decoded() {
    let recorded = recorded();
    let begin = recorded.summary.start;
    let mut follower = Follower::new(Cursor::new(&recorded.file[..]));
    for (time, expected) in [(0, 0), (1400, 0), (3600, 3500), (5000, 4500), (99_000, 4500)] {
        follower.seek(begin + time).unwrap();
        let frame = std::iter::from_fn(|| follower.poll_frame().unwrap()).find(|frame| frame.codec == Codec::Vp8);
        let frame = frame.unwrap();
        let expected = begin + expected.max(1500);
        assert!(frame.key && frame.time.abs_diff(expected) <= 60, "{} instead of {expected}", frame.time);
    }
}

#[test]
fn the_track_says_what_a_decoder_needs() {
    let packets = Stream::new(Codec::H264, 1).packets(&encode(Codec::H264, "64x48"), start(), 0);
    let turned = packets.into_iter().map(|packet| Packet { quarter_turns: Some(3), ..packet }).collect();
    let recorded = record(turned);
    let mut follower = Follower::new(Cursor::new(&recorded.file[..]));
    assert!(follower.video().is_none(), "nothing has been read");
    follower.poll_frame().unwrap();
    let video = follower.video().unwrap();
    assert_eq!((video.codec, video.quarter_turns, video.private[0]), (Codec::H264, 3, 1));
}

#[test]
fn files_of_others_are_refused() {
    let foreign = vec![0x1a; 100_000];
    assert!(matches!(Follower::new(Cursor::new(foreign)).poll_frame(), Err(FollowError::Foreign)));
}

proptest! {
    #[test]
    fn a_damaged_file_is_read_without_panic(at in 0usize..20_000, garbage in proptest::collection::vec(any::<u8>(), 1..40)) {
        let mut bytes = recorded().file;
        let at = at % bytes.len();
        let end = bytes.len().min(at + garbage.len());
        bytes[at..end].copy_from_slice(&garbage[..end - at]);
        let mut follower = Follower::new(Cursor::new(&bytes[..]));
        let mut count = 0;
        while let Ok(Some(_)) = follower.poll_frame() {
            count += 1;
        }
        prop_assert!(count <= bytes.len());
        let _ = follower.seek(u64::MAX);
    }
}
