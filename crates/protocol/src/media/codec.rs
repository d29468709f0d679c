//! What media is made of.

use serde::{Deserialize, Serialize};

/// What a publication has at most one of each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum MediaKind {
    /// Sound, always Opus.
    Audio,
    /// Pictures.
    Video,
}

/// Which kinds of media there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kinds {
    /// Sound.
    pub audio: bool,
    /// Pictures.
    pub video: bool,
}

/// A video codec that can be forwarded (never transcoded).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum VideoCodec {
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// AV1 RTP payload specification 1.0.
    Av1,
}

impl VideoCodec {
    /// Encoding name, as in `a=rtpmap` and in REST.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H264",
            Self::Av1 => "AV1",
        }
    }
}

/// Which single video codec is taken from a publisher's offer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CodecChoice {
    /// The first of these that the offer has; an offer with video but none of them fails with
    /// [`super::MediaFailure::CodecNotOffered`], unless `or_any` lets it have whatever it offers first.
    FirstOf {
        /// In order of preference.
        codecs: Vec<VideoCodec>,
        /// Fall back to the client's own first codec.
        or_any: bool,
    },
    /// The client's own first codec that can be forwarded.
    Offered,
}
