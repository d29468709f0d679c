//! Video codecs as control names them: which reader of payloads is theirs.

use protocol::media::VideoCodec;

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
