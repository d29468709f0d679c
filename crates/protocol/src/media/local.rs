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

impl OutputVideo {
    /// As it is encoded here: H264 of the constrained baseline at level 3.1, VP9 of profile 0.
    pub fn encoded(codec: VideoCodec) -> Self {
        match codec {
            VideoCodec::H264 => Self::h264("42e01f"),
            VideoCodec::Vp9 => Self { codec, parameters: "profile-id=0".to_owned() },
            VideoCodec::Vp8 | VideoCodec::Av1 => Self { codec, parameters: String::new() },
        }
    }

    /// H264 of this `profile-level-id` (RFC 6184, 8.1), in packets as browsers make them.
    pub fn h264(profile: &str) -> Self {
        let parameters = format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}");
        Self { codec: VideoCodec::H264, parameters }
    }
}
