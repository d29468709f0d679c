//! What a finished file holds, for whoever lists it.

use crate::Codec;

/// What a finished file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FileSummary {
    /// When its first frame was captured, ms since 1970.
    pub start: u64,
    /// When its last one ended, ms since 1970.
    pub end: u64,
    /// Between the two, ms.
    pub duration: u64,
    /// Bytes.
    pub size: u64,
    /// There is sound in it.
    pub has_audio: bool,
    /// There are pictures in it.
    pub has_video: bool,
    /// What kind of file it is.
    pub container: Container,
    /// What is missing in it; unknown of a file that was repaired.
    pub losses: Option<Losses>,
}

/// What a file calls itself, which its codecs decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Container {
    /// VP8, VP9, AV1, or sound only.
    #[default]
    WebM,
    /// H264.
    Matroska,
}

impl Container {
    /// That can hold this.
    pub(crate) fn of(codec: Codec) -> Self {
        match codec {
            Codec::H264 => Self::Matroska,
            Codec::Opus | Codec::Vp8 | Codec::Vp9 | Codec::Av1 => Self::WebM,
        }
    }

    /// Of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::WebM => "webm",
            Self::Matroska => "mkv",
        }
    }

    /// As it stands in the file.
    pub(crate) fn doc_type(self) -> &'static str {
        match self {
            Self::WebM => "webm",
            Self::Matroska => "matroska",
        }
    }
}

/// What did not make it into a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Losses {
    /// Packets that never came, or came too late.
    pub lost_packets: u64,
    /// Packets the recorder was too slow for; they are among the lost ones, too.
    pub overflowed_packets: u64,
    /// Pictures left out because something they need was lost, and packets that cannot be read.
    pub dropped_frames: u64,
}
