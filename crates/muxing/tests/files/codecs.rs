//! Files that real decoders take.

use std::io::Cursor;

use muxing::{Codec, Losses, repair};
use testbed::encoder::encode;
use testbed::publisher::{Recorded, Stream, merged, ms, record, start};

use crate::probe::{Track, probe, times};

const VIDEO: [(Codec, &str); 4] =
    [(Codec::Vp8, "vp8"), (Codec::Vp9, "vp9"), (Codec::H264, "h264"), (Codec::Av1, "av1")];

fn saved(bytes: &[u8]) -> tempfile::TempPath {
    let file = tempfile::Builder::new().suffix(".webm").tempfile().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file.into_temp_path()
}

/// Pictures are captured 100 ms after the sound begins, and take longer.
fn record_two_seconds(codec: Codec) -> Recorded {
    let audio = Stream::new(Codec::Opus, 1).packets(&encode(Codec::Opus, ""), start(), 0);
    let video = Stream::new(codec, 1).packets(&encode(codec, "160x120"), start() + ms(100), 0);
    record(merged([audio, video]))
}

#[test]
fn every_codec_can_be_decoded() {
    for (codec, name) in VIDEO {
        let recorded = record_two_seconds(codec);
        assert_eq!(recorded.summary.losses, Some(Losses::default()), "{name}");
        let path = saved(&recorded.file);
        let probed = probe(&path);
        assert_eq!(probed.tracks.len(), 2, "{name}");
        let video = Track { codec: name.to_owned(), size: (160, 120), frames: 30 };
        assert_eq!(probed.tracks[1], video);
        assert_eq!(probed.tracks[0].codec, "opus");
        assert!((99..=102).contains(&probed.tracks[0].frames), "{:?}", probed.tracks[0]);
        assert!((2.05..=2.15).contains(&probed.duration), "{name}: {} s", probed.duration);
        assert!((probed.duration - recorded.summary.duration as f64 / 1000.0).abs() < 0.001);

        let (sound, pictures) = (times(&path, "a"), times(&path, "v"));
        let apart = pictures[0] - sound[0];
        assert!((0.095..=0.105).contains(&apart), "{name}: {apart} s");
        let doc_type: &[u8] = if codec == Codec::H264 { b"matroska" } else { b"webm" };
        assert!(recorded.file[..48].windows(doc_type.len()).any(|w| w == doc_type));
    }
}

#[test]
fn a_file_that_was_cut_can_be_decoded_after_its_repair() {
    for (codec, name) in VIDEO {
        let recorded = record_two_seconds(codec);
        let mut file = Cursor::new(recorded.file[..recorded.file.len() * 2 / 3].to_vec());
        let summary = repair(&mut file).unwrap();
        let mut bytes = file.into_inner();
        bytes.truncate(summary.size as usize);
        let path = saved(&bytes);
        let probed = probe(&path);
        assert_eq!(probed.tracks[1].codec, name);
        let frames = probed.tracks[1].frames;
        assert!((5..30).contains(&frames), "{name}: {frames} pictures");
        assert!((probed.duration - summary.duration as f64 / 1000.0).abs() < 0.001);
    }
}

#[test]
fn the_size_may_change_with_another_layer_and_with_a_reconnection() {
    for codec in [Codec::Vp8, Codec::H264] {
        let [small, large] = ["160x120", "320x240"].map(|size| encode(codec, size));
        let first = Stream::new(codec, 1);
        let mut layer = Stream::new(codec, 1);
        layer.source.ssrc = 3;
        layer.first_timestamp = 99;
        let again = Stream::new(codec, 2);
        let count = |made: &[_]| made.len() as u64;
        let recorded = record(merged([
            first.packets(&small, start(), 0),
            layer.packets(&large, start() + ms(2000), count(&small)),
            again.packets(&small, start() + ms(10_000), count(&small) + count(&large)),
        ]));
        assert_eq!(recorded.summary.losses, Some(Losses::default()));
        let path = saved(&recorded.file);
        let probed = probe(&path);
        assert_eq!((probed.tracks[0].size, probed.tracks[0].frames), ((160, 120), 90));
        assert!((11.95..=12.05).contains(&probed.duration), "{} s", probed.duration);
        let times = times(&path, "v");
        for (frame, expected) in [(0, 0.0), (30, 2.0), (60, 10.0)] {
            assert!((times[frame] - expected).abs() < 0.01, "frame {frame} at {}", times[frame]);
        }
    }
}
