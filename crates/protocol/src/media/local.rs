//! Publications whose packets are made on this machine.

use serde::{Deserialize, Serialize};

use super::VideoCodec;

/// What such a publication consists of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LocalFormats {
    /// Sound, Opus.
    pub audio: bool,
    /// Pictures.
    pub video: Option<OutputVideo>,
}

/// Which pictures come out of a job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputVideo {
    /// What they are coded in.
    pub codec: VideoCodec,
    /// Format parameters as in SDP, such as `packetization-mode=1;profile-level-id=42e01f`; may be empty.
    pub parameters: String,
}
