//! The few bits of a video payload that decide forwarding: where a key frame starts, and VP8's picture numbers. It
//! never decodes and never allocates; whatever cannot be read is "not a key frame".

pub(crate) mod av1;
pub(crate) mod h264;
pub(crate) mod vp8;
pub(crate) mod vp9;

use protocol::media::VideoCodec;

/// Whether a receiver can begin to decode at this packet.
pub(crate) fn starts_key_frame(codec: VideoCodec, payload: &[u8]) -> bool {
    match codec {
        VideoCodec::Vp8 => vp8::starts_key_frame(payload),
        VideoCodec::Vp9 => vp9::starts_key_frame(payload),
        VideoCodec::H264 => h264::starts_key_frame(payload),
        VideoCodec::Av1 => av1::starts_key_frame(payload),
    }
}

/// Encoding name in `a=rtpmap`.
pub(crate) fn sdp_name(codec: VideoCodec) -> &'static str {
    match codec {
        VideoCodec::Vp8 => "VP8",
        VideoCodec::Vp9 => "VP9",
        VideoCodec::H264 => "H264",
        VideoCodec::Av1 => "AV1",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_payload_is_too_strange_to_read(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
            for codec in [VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::H264, VideoCodec::Av1] {
                starts_key_frame(codec, &payload);
            }
            vp8::picture_numbers(&payload);
        }
    }
}
