//! From RTP payloads to frames as Matroska stores them. What comes in is a stranger's: nothing is believed about
//! lengths, nothing grows without limit, and what cannot be read is an error, not a panic. Packets come in order and
//! without holes between [`Depacketiser::clear`]s; when a frame ends is decided elsewhere.

mod av1;
mod h264;
mod vp8;
mod vp9;

use crate::Codec;

/// Larger frames are no camera's.
const MAX_FRAME: usize = 8 << 20;

/// The payload breaks the codec's rules, or the frame is too large.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unreadable;

/// A frame, ready to be stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    /// It can be decoded without any other.
    pub(crate) key: bool,
    pub(crate) data: Vec<u8>,
    /// Of a key frame, if it tells.
    pub(crate) format: Option<Format>,
}

/// What a track says of its pictures.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Format {
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// `CodecPrivate`; empty if the codec has none.
    pub(crate) private: Vec<u8>,
}

/// What a key frame of VP8 says; nothing of any other frame.
pub(crate) fn vp8_format(codec: Codec, frame: &[u8]) -> Option<Format> {
    if codec == Codec::Vp8 { vp8::format(frame).ok() } else { None }
}

/// State of one stream of packets.
#[derive(Debug)]
pub(crate) enum Depacketiser {
    Opus(Vec<u8>),
    Vp8(vp8::Vp8),
    Vp9(vp9::Vp9),
    H264(h264::H264),
    Av1(av1::Av1),
}

impl Depacketiser {
    pub(crate) fn new(codec: Codec) -> Self {
        match codec {
            Codec::Opus => Self::Opus(Vec::new()),
            Codec::Vp8 => Self::Vp8(vp8::Vp8::default()),
            Codec::Vp9 => Self::Vp9(vp9::Vp9::default()),
            Codec::H264 => Self::H264(h264::H264::default()),
            Codec::Av1 => Self::Av1(av1::Av1::default()),
        }
    }

    /// Adds the next packet of a frame; what it says of the frame's beginning must fit.
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<(), Unreadable> {
        match self {
            Self::Opus(data) if data.is_empty() => data.extend_from_slice(payload),
            Self::Opus(_) => return Err(Unreadable),
            Self::Vp8(vp8) => vp8.push(payload)?,
            Self::Vp9(vp9) => vp9.push(payload)?,
            Self::H264(h264) => h264.push(payload)?,
            Self::Av1(av1) => av1.push(payload)?,
        }
        if self.gathered() > MAX_FRAME { Err(Unreadable) } else { Ok(()) }
    }

    /// The frame that the packets make; a new one begins.
    pub(crate) fn take(&mut self) -> Result<Frame, Unreadable> {
        match self {
            Self::Opus(data) if data.is_empty() => Err(Unreadable),
            Self::Opus(data) => Ok(Frame { key: true, data: std::mem::take(data), format: None }),
            Self::Vp8(vp8) => vp8.take(),
            Self::Vp9(vp9) => vp9.take(),
            Self::H264(h264) => h264.take(),
            Self::Av1(av1) => av1.take(),
        }
    }

    /// Forgets the packets of the present frame.
    pub(crate) fn clear(&mut self) {
        match self {
            Self::Opus(data) => data.clear(),
            Self::Vp8(vp8) => *vp8 = vp8::Vp8::default(),
            Self::Vp9(vp9) => *vp9 = vp9::Vp9::default(),
            Self::H264(h264) => h264.clear(),
            Self::Av1(av1) => av1.clear(),
        }
    }

    fn gathered(&self) -> usize {
        match self {
            Self::Opus(data) => data.len(),
            Self::Vp8(vp8) => vp8.gathered(),
            Self::Vp9(vp9) => vp9.gathered(),
            Self::H264(h264) => h264.gathered(),
            Self::Av1(av1) => av1.gathered(),
        }
    }
}

/// Splits off the first `count` bytes.
fn split(bytes: &[u8], count: usize) -> Result<(&[u8], &[u8]), Unreadable> {
    bytes.split_at_checked(count).ok_or(Unreadable)
}

/// Splits off the first byte.
fn byte(bytes: &[u8]) -> Result<(u8, &[u8]), Unreadable> {
    bytes.split_first().map(|(first, rest)| (*first, rest)).ok_or(Unreadable)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_is_too_strange_to_read(payloads in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..60), any::<bool>()), 0..20,
        )) {
            for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
                let mut depacketiser = Depacketiser::new(codec);
                for (payload, ends) in &payloads {
                    if depacketiser.push(payload).is_err() {
                        depacketiser.clear();
                    }
                    if *ends {
                        let _ = depacketiser.take();
                    }
                }
            }
        }
    }

    #[test]
    fn a_frame_has_a_limit() {
        for (codec, first, more) in [
            (Codec::Vp8, &[0x10, 0][..], &[0x00][..]),
            (Codec::Vp9, &[0x08, 0], &[0x00]),
            (Codec::H264, &[0x7c, 0x85], &[0x7c, 0x05]),
            (Codec::Av1, &[0x50, 0x30], &[0xd0]),
        ] {
            let mut depacketiser = Depacketiser::new(codec);
            let more: Vec<u8> = more.iter().copied().chain([7; 60_000]).collect();
            assert_eq!(depacketiser.push(first), Ok(()), "{codec:?}");
            let pushed = (0..1000).take_while(|_| depacketiser.push(&more).is_ok()).count();
            assert!((100..200).contains(&pushed), "{codec:?}: {pushed}");
        }
    }
}
