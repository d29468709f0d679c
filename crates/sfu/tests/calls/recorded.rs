//! What a tap hands out, written to a file: the way of a recording from the publisher's engine to the last block.

use std::io::Cursor;
use std::time::{Duration, Instant};

use muxing::{Codec, FileSummary, Packet, SenderReport, Source, StreamFile, StreamFileEvent};
use protocol::id::{PublicationId, TapId};
use protocol::media::{MediaOperation, VideoCodec};
use sfu::{TapCodec, TapPacket};

use crate::call::{Call, browser, ms, redundant_browser};
use crate::camera::{Stamp, stamp};

const TAP: TapId = TapId(1);
/// Of the recorder's clock when the call begins.
const WALL: Duration = Duration::from_secs(1_800_000_000);

/// A frame in the file.
struct Block {
    is_audio: bool,
    /// Since the call began.
    time: Duration,
    stamp: Stamp,
}

struct Recorded {
    summary: FileSummary,
    blocks: Vec<Block>,
    key_frames_wanted: usize,
}

impl Recorded {
    /// Times of one kind, with the numbers of the frames.
    fn times(&self, audio: bool) -> Vec<(Duration, u32)> {
        let of_kind = self.blocks.iter().filter(|block| block.is_audio == audio);
        of_kind.map(|block| (block.time, block.stamp.frame)).collect()
    }
}

fn tap(call: &mut Call, publisher: usize) {
    let publication = call.clients[publisher].publication;
    call.command(MediaOperation::SetTap { tap: TAP, publication, audio: true, video: true });
}

fn packet(packet: &TapPacket, begin: Instant) -> Packet {
    Packet {
        codec: if packet.codec == TapCodec::Opus { Codec::Opus } else { Codec::Vp8 },
        source: Source { generation: packet.source.generation, ssrc: packet.source.ssrc },
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        marker: packet.marker,
        quarter_turns: packet.quarter_turns,
        payload: packet.payload.clone(),
        arrival: WALL + packet.arrival.duration_since(begin),
        report: packet.report.map(|r| SenderReport { ntp_nanos: r.ntp_nanos, timestamp: r.timestamp }),
    }
}

fn record(call: &Call, begin: Instant) -> Recorded {
    let mut file = Cursor::new(Vec::new());
    let mut stream = StreamFile::new(&mut file, true, true);
    let mut key_frames_wanted = 0;
    let mut now = WALL;
    for tapped in &call.tapped {
        let packet = packet(tapped, begin);
        while let Some(at) = stream.poll_timeout().filter(|at| *at <= packet.arrival) {
            now = now.max(at);
            stream.handle_timeout(now).unwrap();
        }
        now = now.max(packet.arrival);
        stream.handle_packet(packet, now).unwrap();
        while let Some(event) = stream.poll_event() {
            key_frames_wanted += usize::from(event == StreamFileEvent::KeyFrameNeeded);
        }
    }
    let summary = stream.finish(now).unwrap();
    let blocks = blocks(&file.into_inner(), Duration::from_millis(summary.start) - WALL);
    Recorded { summary, blocks, key_frames_wanted }
}

/// Every block of every cluster.
fn blocks(file: &[u8], start: Duration) -> Vec<Block> {
    let mut blocks = Vec::new();
    let segment = 48;
    let mut cluster_time = 0;
    let mut rest = &file[segment..];
    while let [first, ..] = rest {
        let (id, after) = rest.split_at(first.leading_zeros() as usize + 1);
        let length = after[0].leading_zeros() as usize + 1;
        let (size, content) = after.split_at(length);
        let number = |bytes: &[u8]| bytes.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        let size = number(size) & ((1 << (7 * length)) - 1);
        let (inside, behind) = match id {
            // Segment and cluster are looked into.
            [0x18, ..] | [0x1f, 0x43, ..] => (&content[..0], content),
            _ => content.split_at(size as usize),
        };
        match id {
            [0xe7] => cluster_time = number(inside),
            [0xa3] => blocks.push(Block {
                is_audio: inside[0] == 0x81,
                time: start + ms(cluster_time + number(&inside[1..3])),
                stamp: stamp(&inside[4..]),
            }),
            _ => {}
        }
        rest = behind;
    }
    blocks
}

/// How far the file's times are from those at which frames were made, in ms.
fn errors(times: &[(Duration, u32)], made: impl Fn(u32) -> Duration) -> Vec<i64> {
    times.iter().map(|(time, frame)| time.as_millis() as i64 - made(*frame).as_millis() as i64).collect()
}

#[test]
fn sound_and_pictures_are_in_step_over_a_lossy_network() {
    let mut call = Call::new();
    let begin = call.now;
    let ann = call.publish(browser(), &[]);
    call.connect();
    tap(&mut call, ann);
    let live = call.now - begin;
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(3000));
    call.loss = 0.02;
    call.run(ms(27_000));
    let recorded = record(&call, begin);
    let duration = recorded.summary.duration;
    assert!((29_900..=30_050).contains(&duration), "{duration} ms");
    assert!(recorded.summary.losses.unwrap().dropped_frames < 100, "{:?}", recorded.summary.losses);
    let sound = errors(&recorded.times(true), |frame| live + ms(20) * (frame - 1));
    let pictures = errors(&recorded.times(false), |frame| live + ms(33) * (frame - 1));
    assert!(sound.len() > 1400 && pictures.len() > 800, "{} and {}", sound.len(), pictures.len());
    for (kind, errors) in [("sound", &sound), ("pictures", &pictures)] {
        for error in errors {
            assert!((10..=60).contains(error), "{kind}: {error} ms");
        }
        // Reports have come by then: the two agree.
        let settled = &errors[errors.len() / 2..];
        let average = settled.iter().sum::<i64>() / settled.len() as i64;
        assert!((18..=24).contains(&average), "{kind}: {average} ms");
        assert!(settled.iter().all(|error| (error - average).abs() <= 5), "{kind}");
    }
}

#[test]
fn a_publisher_that_comes_back_goes_on_at_the_true_time() {
    let mut call = Call::new();
    let begin = call.now;
    let publication = PublicationId(1);
    let ann = call.publish_as(publication, browser(), (true, true), &[], false);
    call.connect();
    tap(&mut call, ann);
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(3000));
    let again = call.publish_as(publication, browser(), (true, true), &[], false);
    call.run(ms(7000));
    let back = call.now - begin;
    call.start_audio(again);
    call.start_video(again, VideoCodec::Vp8, None);
    call.run(ms(5000));
    let recorded = record(&call, begin);
    for (audio, interval) in [(true, 20), (false, 33)] {
        let times = recorded.times(audio);
        let change = times.windows(2).position(|w| w[1].1 < w[0].1).unwrap() + 1;
        for error in errors(&times[change..], |frame| back + ms(interval) * (frame - 1)) {
            assert!((15..=30).contains(&error), "{error} ms");
        }
    }
    assert_eq!(recorded.key_frames_wanted, 0);
}

#[test]
fn a_change_of_layer_is_neither_seen_nor_heard() {
    let mut call = Call::new();
    let begin = call.now;
    let ann = call.publish(browser(), &["rdiv2", "rdiv1"]);
    call.connect();
    tap(&mut call, ann);
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, Some("rdiv2"));
    call.run(ms(4000));
    let large = call.start_video(ann, VideoCodec::Vp8, Some("rdiv1"));
    call.run(ms(4000));
    call.camera(ann, large).muted = true;
    call.run(ms(4000));
    let recorded = record(&call, begin);
    let pictures: Vec<&Block> = recorded.blocks.iter().filter(|block| !block.is_audio).collect();
    let mut layers: Vec<u8> = pictures.iter().map(|block| block.stamp.layer).collect();
    layers.dedup();
    assert_eq!(layers, b"212");
    for pair in pictures.windows(2) {
        let step = pair[1].time.as_millis() as i64 - pair[0].time.as_millis() as i64;
        let is_change = pair[0].stamp.layer != pair[1].stamp.layer;
        let longest = if is_change { 1000 } else { 36 };
        assert!((1..=longest).contains(&step), "{step} ms");
    }
    assert!((11_900..=12_050).contains(&recorded.summary.duration), "{} ms", recorded.summary.duration);
}

/// Who is silent sends nothing, and each packet has the frame before it.
#[test]
fn silence_lasts_as_long_in_the_file_as_it_did() {
    let mut call = Call::new();
    let begin = call.now;
    let ann = call.publish(redundant_browser(), &[]);
    call.connect();
    tap(&mut call, ann);
    call.start_redundant_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.lossy = Some(call.clients[ann].address);
    call.loss = 0.02;
    let mut made = Vec::new();
    for step in 0..1000 {
        call.camera(ann, 0).muted = step % 50 >= 20;
        call.run(ms(20));
        if call.camera(ann, 0).frame as usize > made.len() {
            made.push(call.now - begin);
        }
    }
    let recorded = record(&call, begin);
    let times = recorded.times(true);
    let errors = errors(&times, |frame| made[frame as usize - 1]);
    for (error, (_, frame)) in errors.iter().zip(&times) {
        assert!((-15..=45).contains(error), "{error} ms of frame {frame}");
    }
    assert!(times.windows(2).all(|pair| pair[1].1 > pair[0].1));
    // The last one before a silence is repeated too late to be told.
    let lost = made.len() - times.len();
    assert!(made.len() > 390 && lost * 100 < made.len(), "{lost} of {}", made.len());
}
