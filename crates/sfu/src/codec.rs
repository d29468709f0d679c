//! Video codecs as control names them: which reader of payloads is theirs.

use std::sync::Arc;

use payload::{vp8, vp9};
use protocol::media::VideoCodec;

use crate::frames::Frames;
use crate::packet::Packet;

/// Reads what a packet tells of its frame, and completes the packet with it.
pub(crate) fn read(codec: VideoCodec, packet: &mut Packet, frames: &mut Frames) {
    match codec {
        VideoCodec::Vp8 => {
            if let Ok((descriptor, data)) = vp8::Descriptor::read(&packet.payload) {
                packet.key_frame_start = descriptor.starts_key_frame(data);
                packet.numbers = descriptor.numbers;
                packet.frame = frames.vp8(&descriptor, packet.key_frame_start, packet.sequence);
            }
        }
        VideoCodec::Vp9 => {
            if let Ok((descriptor, _)) = vp9::Descriptor::read(&packet.payload) {
                packet.key_frame_start = descriptor.starts_key_frame();
                packet.frame = frames.vp9(&descriptor, packet.sequence);
            }
        }
        VideoCodec::Av1 => {
            packet.key_frame_start = starts_key_frame(codec, &packet.payload);
            let sequence = packet.sequence;
            // It is shared only where it came through a pipe.
            packet.frame = packet.descriptor.as_mut().map(Arc::make_mut).and_then(|it| frames.described(it, sequence));
        }
        VideoCodec::H264 => {
            packet.key_frame_start = starts_key_frame(codec, &packet.payload);
        }
    }
}

/// Whether a receiver can begin to decode at this packet.
pub(crate) fn starts_key_frame(codec: VideoCodec, payload: &[u8]) -> bool {
    let codec = match codec {
        VideoCodec::Vp8 => payload::Codec::Vp8,
        VideoCodec::Vp9 => payload::Codec::Vp9,
        VideoCodec::H264 => payload::Codec::H264,
        VideoCodec::Av1 => payload::Codec::Av1,
    };
    payload::starts_key_frame(codec, payload)
}
