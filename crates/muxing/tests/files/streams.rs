//! What a stream goes through in a call, and what is in its file then.

use std::time::Duration;

use muxing::{Codec, Losses, Packet, StreamFileEvent};
use proptest::prelude::*;
use testbed::publisher::{EncodedPacket, Stream, merged, ms, pictures, record, record_again, sound, start};

#[test]
fn a_file_begins_with_its_first_frame_and_ends_with_its_last() {
    let audio = Stream::new(Codec::Opus, 1).packets(&sound(500), start() + ms(100), 0);
    let video = Stream::new(Codec::Vp8, 1).packets(&pictures(250, 40), start(), 0);
    let recorded = record(merged([audio, video]));
    let summary = recorded.summary;
    assert!((9_950..=10_150).contains(&summary.duration), "{}", summary.duration);
    let late = summary.start - start().as_millis() as u64;
    assert!(late <= 60, "{late} ms after the true start");
    assert_eq!(summary.end, summary.start + summary.duration);
    assert_eq!(summary.size, recorded.file.len() as u64);
    assert!(summary.has_audio && summary.has_video);
    assert_eq!(summary.losses, Some(Losses::default()));
    assert_eq!(recorded.events, [StreamFileEvent::Running]);
}

#[test]
fn a_stream_of_one_kind_is_a_file_of_one_kind() {
    for is_audio in [true, false] {
        let packets = if is_audio {
            Stream::new(Codec::Opus, 1).packets(&sound(100), start(), 0)
        } else {
            Stream::new(Codec::Vp8, 1).packets(&pictures(50, 40), start(), 0)
        };
        let recorded = record(packets);
        assert_eq!((recorded.summary.has_audio, recorded.summary.has_video), (is_audio, !is_audio));
        assert_eq!(recorded.summary.duration, 2000);
        let contains = |name: &[u8]| recorded.file.windows(name.len()).any(|w| w == name);
        assert_eq!((contains(b"A_OPUS"), contains(b"V_VP8")), (is_audio, !is_audio));
    }
}

#[test]
fn nothing_received_is_nothing_written() {
    let recorded = record(Vec::new());
    assert!(recorded.file.is_empty());
    assert_eq!((recorded.summary.size, recorded.summary.duration), (0, 0));
}

#[test]
fn a_reconnection_is_a_gap_of_its_true_length() {
    let video = Stream::new(Codec::Vp8, 1).packets(&pictures(50, 40), start(), 0);
    let mut again = Stream::new(Codec::Vp8, 2);
    again.first_timestamp = 77;
    let again = again.packets(&pictures(50, 40), start() + ms(8000), 100);
    let recorded = record(merged([video, again]));
    assert!((9_990..=10_010).contains(&recorded.summary.duration), "{}", recorded.summary.duration);
    assert_eq!(recorded.summary.losses, Some(Losses::default()));
}

#[test]
fn a_muted_stream_goes_on_where_it_should() {
    let sound_at = |at: u64, sequence| {
        let mut audio = Stream::new(Codec::Opus, 1);
        // One source: the timestamps go on while it is silent.
        audio.first_timestamp = audio.first_timestamp.wrapping_add(at as u32 * 48);
        audio.packets(&sound(50), start() + ms(at), sequence)
    };
    let recorded = record(merged([sound_at(0, 0), sound_at(61_000, 50)]));
    assert!((61_990..=62_010).contains(&recorded.summary.duration), "{}", recorded.summary.duration);
}

#[test]
fn losses_are_counted_and_a_key_frame_is_asked_for() {
    let mut video = Stream::new(Codec::Vp8, 1).packets(&pictures(100, 40), start(), 0);
    video.retain(|packet| packet.sequence != 101);
    let recorded = record(video);
    let losses = recorded.summary.losses.unwrap();
    assert_eq!((losses.lost_packets, losses.dropped_frames), (1, 50));
    assert_eq!(recorded.events[..2], [StreamFileEvent::Running, StreamFileEvent::KeyFrameNeeded]);
    assert_eq!(recorded.summary.duration, 50 * 40);
}

/// Ten seconds of a camera and a microphone; every fourth picture is a key frame.
fn call() -> Vec<Packet> {
    let shown = |n: u64| {
        pictures(4, 40).into_iter().map(move |made| EncodedPacket { captured: made.captured + ms(n * 160), ..made })
    };
    let shown: Vec<EncodedPacket> = (0..62).flat_map(shown).collect();
    let audio = Stream::new(Codec::Opus, 1).packets(&sound(500), start(), 0);
    let video = Stream::new(Codec::Vp8, 1).packets(&shown, start(), 0);
    merged([audio, video])
}

#[test]
fn a_file_goes_on_after_the_one_before_although_that_one_began_late() {
    let mut packets = call();
    // What is sent first comes all at once, so that the file's times are late for some seconds.
    let burst = start() + ms(450);
    packets.iter_mut().for_each(|packet| packet.arrival = packet.arrival.max(burst));
    let at = |n| start() + ms(n);
    let [one, two, three] =
        record_again(&packets, &[(at(0), at(2000)), (at(2000), at(4000)), (at(9000), at(9500))])[..]
    else {
        panic!("three files");
    };
    assert!(one.end <= two.start, "{one:?} {two:?}");
    assert!(two.start - one.end <= 40, "nothing was left out between {one:?} and {two:?}");
    let off = three.start.abs_diff(at(9000).as_millis() as u64);
    assert!(off <= 160, "{off} ms from the truth after a pause");
}

proptest! {
    #[test]
    fn files_of_one_stream_never_overlap(
        delays in proptest::collection::vec(0u64..400, 1..200),
        held_until in 0u64..1500,
        toggles in proptest::collection::vec(1u64..2000, 2..12),
    ) {
        let mut packets = call();
        for (packet, delay) in packets.iter_mut().zip(delays.iter().cycle()) {
            packet.arrival = (packet.arrival + ms(*delay)).max(start() + ms(held_until));
        }
        packets.sort_by_key(|packet| packet.arrival);
        let times: Vec<Duration> = toggles.iter().scan(start(), |at, step| { *at += ms(*step); Some(*at) }).collect();
        let spans: Vec<_> = times.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        let mut end = 0;
        for (summary, (from, until)) in record_again(&packets, &spans).iter().zip(&spans) {
            if summary.size == 0 {
                continue;
            }
            prop_assert!(summary.start >= end, "{summary:?} begins before {end}");
            prop_assert!(summary.end >= summary.start);
            // No further from the truth than a file may be, and than a packet was on its way.
            prop_assert!(summary.start + 1000 >= from.as_millis() as u64);
            prop_assert!(summary.end <= until.as_millis() as u64 + 1000);
            end = summary.end;
        }
    }
}
