//! From the payloads of one stream to frames as files store them. Packets come in order and without holes between
//! [`Depacketiser::clear`]s; when a frame ends is decided by the caller.

use crate::av1::Av1Gathering;
use crate::h264::H264Gathering;
use crate::vp8::Vp8Gathering;
use crate::vp9::Vp9Gathering;
use crate::{Codec, UnreadablePayload};

/// Larger frames are no camera's.
const MAX_FRAME: usize = 8 << 20;

/// A frame as Matroska and MP4 store it: VP8 as it is, VP9 with the layers of a picture in one superframe, H.264 in units with
/// four-byte lengths, AV1 in the low-overhead format without temporal delimiters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// It can be decoded without any other.
    pub key: bool,
    /// Never empty.
    pub data: Vec<u8>,
    /// Of a key frame, if it tells.
    pub format: Option<PictureFormat>,
}

/// What a file has to say of pictures before they can be decoded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PictureFormat {
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// `AVCDecoderConfigurationRecord` of H.264, `AV1CodecConfigurationRecord` of AV1; empty of the others. Never longer than
    /// some 530 bytes, so that a file can leave room for it.
    pub configuration: Vec<u8>,
}

/// Puts the packets of one stream together.
#[derive(Debug)]
pub struct Depacketiser(Gathering);

#[derive(Debug)]
enum Gathering {
    Opus(Vec<u8>),
    Vp8(Vp8Gathering),
    Vp9(Vp9Gathering),
    H264(H264Gathering),
    Av1(Av1Gathering),
}

impl Depacketiser {
    /// Of this codec, with nothing gathered.
    pub fn new(codec: Codec) -> Self {
        Self(match codec {
            Codec::Opus => Gathering::Opus(Vec::new()),
            Codec::Vp8 => Gathering::Vp8(Vp8Gathering::default()),
            Codec::Vp9 => Gathering::Vp9(Vp9Gathering::default()),
            Codec::H264 => Gathering::H264(H264Gathering::default()),
            Codec::Av1 => Gathering::Av1(Av1Gathering::default()),
        })
    }

    /// Adds the next packet of a frame; what it says of the frame's beginning must fit.
    pub fn push(&mut self, payload: &[u8]) -> Result<(), UnreadablePayload> {
        match &mut self.0 {
            Gathering::Opus(data) if data.is_empty() => data.extend_from_slice(payload),
            Gathering::Opus(_) => return Err(UnreadablePayload),
            Gathering::Vp8(vp8) => vp8.push(payload)?,
            Gathering::Vp9(vp9) => vp9.push(payload)?,
            Gathering::H264(h264) => h264.push(payload)?,
            Gathering::Av1(av1) => av1.push(payload)?,
        }
        if self.gathered() > MAX_FRAME { Err(UnreadablePayload) } else { Ok(()) }
    }

    /// The frame that the packets make; a new one begins. An error if they make none, or not a whole one.
    pub fn take(&mut self) -> Result<Frame, UnreadablePayload> {
        match &mut self.0 {
            Gathering::Opus(data) if data.is_empty() => Err(UnreadablePayload),
            Gathering::Opus(data) => Ok(Frame { key: true, data: std::mem::take(data), format: None }),
            Gathering::Vp8(vp8) => vp8.take(),
            Gathering::Vp9(vp9) => vp9.take(),
            Gathering::H264(h264) => h264.take(),
            Gathering::Av1(av1) => av1.take(),
        }
    }

    /// Forgets the packets of the present frame; not the decoder configuration, which need not be sent again.
    pub fn clear(&mut self) {
        match &mut self.0 {
            Gathering::Opus(data) => data.clear(),
            Gathering::Vp8(vp8) => *vp8 = Vp8Gathering::default(),
            Gathering::Vp9(vp9) => *vp9 = Vp9Gathering::default(),
            Gathering::H264(h264) => h264.clear(),
            Gathering::Av1(av1) => av1.clear(),
        }
    }

    fn gathered(&self) -> usize {
        match &self.0 {
            Gathering::Opus(data) => data.len(),
            Gathering::Vp8(vp8) => vp8.gathered(),
            Gathering::Vp9(vp9) => vp9.gathered(),
            Gathering::H264(h264) => h264.gathered(),
            Gathering::Av1(av1) => av1.gathered(),
        }
    }
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
