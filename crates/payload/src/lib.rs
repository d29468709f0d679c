//! RTP payload formats: the one reader of what VP8, VP9, H.264, AV1 and Opus put into a packet.
//!
//! Each codec's module reads its payload descriptor without copying ([`vp8::Descriptor`], [`vp9::Descriptor`],
//! [`h264::Payload`], [`av1::Payload`]) and says whether a receiver can begin to decode there, which is what forwarding asks.
//! [`red::Redundant`] finds the frames of sound in packets that have several.
//! A [`Depacketiser`] puts the payloads of one stream together to frames as files store them, with size and decoder
//! configuration, which is what recording asks.
//!
//! What comes in is a stranger's: nothing is believed about lengths, nothing grows without limit, and what cannot be read is
//! an [`UnreadablePayload`], not a panic.
//!
//! It is *not* a decoder, and knows no RTP header: order, loss, timestamps and where a frame ends are its callers' business,
//! and so are files. There is no I/O and no clock.

#![warn(missing_docs)]

pub mod av1;
mod bits;
mod depacketiser;
pub mod dependency;
pub mod h264;
pub mod red;
pub mod vp8;
pub mod vp9;

pub use depacketiser::{Depacketiser, Frame, PictureFormat};

/// What is in a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Codec {
    /// Sound, RFC 7587: the payload is the frame.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// AV1 RTP payload specification 1.0.
    Av1,
}

impl Codec {
    /// Of RTP timestamps, in Hz.
    pub fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 => 90_000,
        }
    }
}

/// The payload breaks its format's rules, or the frame is too large.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnreadablePayload;

/// Whether a receiver can begin to decode at this packet. Whatever cannot be read is no such place.
pub fn starts_key_frame(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Opus => true,
        Codec::Vp8 => vp8::starts_key_frame(payload),
        Codec::Vp9 => vp9::starts_key_frame(payload),
        Codec::H264 => h264::starts_key_frame(payload),
        Codec::Av1 => av1::starts_key_frame(payload),
    }
}

/// Splits off the first `count` bytes.
fn split(bytes: &[u8], count: usize) -> Result<(&[u8], &[u8]), UnreadablePayload> {
    bytes.split_at_checked(count).ok_or(UnreadablePayload)
}

/// Splits off the first byte.
fn byte(bytes: &[u8]) -> Result<(u8, &[u8]), UnreadablePayload> {
    bytes.split_first().map(|(first, rest)| (*first, rest)).ok_or(UnreadablePayload)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_payload_is_too_strange_to_read(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
            for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
                starts_key_frame(codec, &payload);
            }
            vp8::picture_numbers(&payload);
        }
    }
}
