//! Doors for the fuzz targets to what no public call reaches without a secured connection. Not part of the surface.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use payload::dependency::Forwardable;
use protocol::media::VideoCodec;

use crate::codec;
use crate::forwarder::Forwarder;
use crate::frames::Frames;
use crate::layered_frame::Aim;
use crate::packet::{MediaKind, Packet, Source};
use crate::redundancy::{Redundancy, primary_at};

/// Reads a payload as every codec, and forwards it as those that have layers.
pub fn payload(data: &[u8]) {
    let mut renumbered = data.to_vec();
    payload::vp8::renumber(&mut renumbered, Some(0x1234), Some(9));
    for codec in [VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::H264, VideoCodec::Av1] {
        codec::starts_key_frame(codec, data);
    }
    for codec in [VideoCodec::Vp8, VideoCodec::Vp9] {
        forward(codec, data);
    }
}

/// Forwards a stream of packets with these dependency descriptors, each behind its length.
pub fn descriptors(data: &[u8]) {
    let mut forwarder = Forwarder::new(90_000, false, 1);
    let mut frames = Frames::of(1);
    let mut rest = data;
    let mut sequence = 0;
    while let Some((length, after)) = rest.split_first() {
        let (descriptor, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        sequence += 1;
        let mut packet = packet(0, sequence, &[0x18, 0x30]);
        packet.descriptor = Forwardable::new(descriptor).map(Arc::new);
        codec::read(VideoCodec::Av1, &mut packet, &mut frames);
        let aim = Aim { stream: 0, spatial: length & 3, temporal: length >> 2 & 3 };
        let header = forwarder.forward(&packet, Some(aim));
        if let (Some(rewrite), Some(descriptor)) = (header.and_then(|header| header.described), &packet.descriptor) {
            let mut written = Vec::new();
            descriptor.write(rewrite, &mut written);
            assert_eq!(written.len(), descriptor.length(rewrite));
        }
    }
}

fn forward(codec: VideoCodec, data: &[u8]) {
    let mut forwarder = Forwarder::new(90_000, codec == VideoCodec::Vp8, 1);
    let mut frames = [Frames::of(2), Frames::of(2)];
    for (n, piece) in data.chunks(9).enumerate() {
        let stream = usize::from(piece[0] & 1);
        let mut packet = packet(stream, u64::from(piece[0]).wrapping_mul(n as u64), &piece[1..]);
        codec::read(codec, &mut packet, &mut frames[stream]);
        let aim = Aim { stream, spatial: piece[0] >> 1 & 3, temporal: piece[0] >> 3 & 3 };
        forwarder.forward(&packet, Some(aim));
    }
}

fn packet(stream: usize, sequence: u64, payload: &[u8]) -> Packet {
    let source = Source { generation: 0, layer: stream, ssrc: 1 };
    let packet = Packet::bare(MediaKind::Video, source, sequence, payload, Instant::now());
    Packet { timestamp: (sequence as u32) << 8, ..packet }
}

/// Sound of a publisher: pieces that each say how long they are, how far their number is from the one before, and what is in them.
/// Whatever comes, no number is handed on twice.
pub fn redundancy(data: &[u8]) {
    let arrival = Instant::now();
    let mut redundancy = Redundancy::default();
    let (mut rest, mut sequence, mut arrived, mut handed_on) = (data, 1u64 << 20, HashSet::new(), HashSet::new());
    while let [length, step, time, after @ ..] = rest {
        let (payload, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        sequence = sequence.wrapping_add_signed(i64::from(*step as i8));
        let mut renumbered = payload.to_vec();
        payload::red::renumber(&mut renumbered, *time);
        // The engine hands on no number twice.
        if !arrived.insert(sequence) {
            continue;
        }
        let packet = Packet {
            kind: MediaKind::Audio,
            timestamp: (sequence as u32).wrapping_mul(960).wrapping_add(u32::from(*time)),
            primary_at: primary_at(payload).unwrap_or(0),
            arrival,
            ..packet(0, sequence, payload)
        };
        assert!(payload.is_empty() || !packet.primary().is_empty());
        let is_new = redundancy.is_new(&packet, |restored| {
            assert!(!restored.payload.is_empty() && handed_on.insert(restored.sequence));
        });
        assert!(!is_new || handed_on.insert(sequence));
    }
}

/// Reads what a subscriber may have sealed as RTCP. Returns how much was heard.
pub fn feedback(data: &[u8]) -> usize {
    crate::transport::hear(data)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_number_of_sound_is_handed_on_twice(data in proptest::collection::vec(any::<u8>(), 0..600)) {
            super::redundancy(&data);
        }
    }

    #[test]
    fn every_seed_is_read_and_forwarded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/payload_header");
        let seeds: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!seeds.is_empty());
        for seed in seeds {
            let seed = std::fs::read(seed).unwrap();
            (0..=seed.len()).for_each(|length| super::payload(&seed[..length]));
        }
    }

    #[test]
    fn descriptors_are_read_and_their_frames_forwarded() {
        let seed = include_bytes!("../../../fuzz/seeds/dependency_descriptor/l2t2_key");
        (0..=seed.len()).for_each(|length| super::descriptors(&seed[..length]));
    }
}
