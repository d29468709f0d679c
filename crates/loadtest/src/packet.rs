//! A packet of media that is to be sent, of whatever it was made. Pure.

/// Bytes of a packet's payload at most: what browsers leave of an MTU of 1200 for headers and SRTP.
pub(crate) const MAX_PAYLOAD: usize = 1100;
/// Of VP8: the payload descriptor.
pub(crate) const VP8_DESCRIPTOR: usize = 6;

/// Which of the two tracks of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Track {
    Audio,
    Video,
}

impl Track {
    pub(crate) const ALL: [Self; 2] = [Self::Audio, Self::Video];

    /// In signalling.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// A packet that is to be sent now.
#[derive(Debug)]
pub(crate) struct MediaPacket {
    pub(crate) track: Track,
    /// Of pictures: which size, 0 is the smallest.
    pub(crate) layer: usize,
    pub(crate) payload: Vec<u8>,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// Of sound, in dBov.
    pub(crate) level: Option<i8>,
}

/// Before a part of a unit of H264 with this header (FU-A, RFC 6184 §5.8), which is in that of each part.
pub(crate) fn h264_fragment(unit: u8, is_first: bool, is_last: bool) -> [u8; 2] {
    [unit & 0xe0 | 28, u8::from(is_first) << 7 | u8::from(is_last) << 6 | unit & 0x1f]
}

/// X, S; then I, L and T with a picture id of 15 bits, TL0PICIDX, and temporal layer 0.
pub(crate) fn vp8_descriptor(starts: bool, picture_id: u16) -> [u8; VP8_DESCRIPTOR] {
    let [high, low] = picture_id.to_be_bytes();
    [if starts { 0x90 } else { 0x80 }, 0xe0, 0x80 | high, low, low, 0x20]
}
