//! The formats that can be forwarded: which of those that a section offers is taken, and how well one suits another.

use protocol::media::{CodecChoice, VideoCodec};

use super::{Format, Section, parameter};

/// Opus is the one audio codec.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AudioFormat {
    pub(crate) pt: u8,
    pub(crate) stereo: bool,
    /// Frames hold what helps when the one before is lost (RFC 6716 §2.1.7), unless that was refused.
    pub(crate) fec: bool,
    /// Silence is not sent, unless that was refused.
    pub(crate) dtx: bool,
    /// Payload type in which packets have the frames before them, too (RED, RFC 2198).
    pub(crate) red: Option<u8>,
}

/// The one video codec of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct VideoFormat {
    pub(crate) codec: VideoCodec,
    pub(crate) pt: u8,
    pub(crate) rtx: Option<u8>,
    /// Only the parameters that say which bitstream it is.
    pub(crate) fmtp: String,
}

impl VideoFormat {
    /// How well a stream in this format suits who receives `other`; lower is better, `None` cannot be decoded.
    pub(super) fn distance(&self, other: &Self) -> Option<u32> {
        if self.codec != other.codec {
            return None;
        }
        let same = |key| self.number(key) == other.number(key);
        match self.codec {
            VideoCodec::Vp8 => Some(0),
            VideoCodec::Vp9 => same("profile-id").then_some(0),
            VideoCodec::Av1 => same("profile").then_some(0),
            VideoCodec::H264 if !same("packetization-mode") => None,
            VideoCodec::H264 => match (h264_profile(&self.fmtp), h264_profile(&other.fmtp)) {
                (ours, theirs) if ours == theirs => Some(0),
                // A subset of it.
                (H264Profile::ConstrainedBaseline, H264Profile::Baseline) => Some(1),
                _ => None,
            },
        }
    }

    fn number(&self, key: &str) -> u32 {
        parameter(&self.fmtp, key).and_then(|v| v.parse().ok()).unwrap_or(0)
    }

    /// Lower is better, `None` cannot be forwarded.
    fn rank(&self) -> Option<u32> {
        match self.codec {
            VideoCodec::Vp8 => Some(0),
            VideoCodec::Vp9 => (self.number("profile-id") == 0).then_some(0),
            VideoCodec::Av1 => (self.number("profile") == 0).then_some(0),
            VideoCodec::H264 => {
                let profile = match h264_profile(&self.fmtp) {
                    H264Profile::ConstrainedBaseline => 0,
                    H264Profile::Baseline => 1,
                    H264Profile::Other(_) => 2,
                };
                match self.number("packetization-mode") {
                    1 => Some(profile),
                    0 => Some(profile + 3),
                    _ => None,
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum H264Profile {
    ConstrainedBaseline,
    Baseline,
    Other(u32),
}

/// `profile-level-id` without its level, RFC 6184 §8.1. Absent means Baseline.
fn h264_profile(fmtp: &str) -> H264Profile {
    let id = parameter(fmtp, "profile-level-id").and_then(|v| u32::from_str_radix(v, 16).ok()).unwrap_or(0x42_0010);
    let (idc, constraints) = (id >> 16, (id >> 8) & 0xff);
    match idc {
        0x42 if constraints & 0x40 != 0 => H264Profile::ConstrainedBaseline,
        0x42 => H264Profile::Baseline,
        _ => H264Profile::Other(id >> 8),
    }
}

pub(super) fn opus(section: &Section) -> Option<AudioFormat> {
    let format = section.formats.iter().find(|f| f.name == "opus" && f.clock_rate == 48_000)?;
    let allows = |key| format.parameter(key) != Some("0");
    let pt = format.pt.to_string();
    // `111/111`: the newest frame, and those before it. Other formats among them would have to be told apart.
    let repeats = |red: &&Format| {
        red.name == "red" && red.clock_rate == 48_000 && red.fmtp.split('/').all(|block| block.trim() == pt)
    };
    Some(AudioFormat {
        pt: format.pt,
        stereo: format.parameter("stereo") == Some("1"),
        fec: allows("useinbandfec"),
        dtx: allows("usedtx"),
        red: section.formats.iter().find(repeats).map(|red| red.pt),
    })
}

fn video_formats(section: &Section) -> impl Iterator<Item = VideoFormat> + '_ {
    section.formats.iter().filter_map(|format| video_format(section, format))
}

/// What a section has that can be forwarded.
pub(super) fn taken_codecs(section: &Section) -> Vec<VideoCodec> {
    let mut codecs: Vec<VideoCodec> = video_formats(section).filter(|f| f.rank().is_some()).map(|f| f.codec).collect();
    codecs.dedup();
    codecs
}

pub(super) fn closest(section: &Section, distance: impl Fn(&VideoFormat) -> Option<u32>) -> Option<VideoFormat> {
    video_formats(section).filter_map(|f| Some((distance(&f)?, f))).min_by_key(|(d, _)| *d).map(|(_, f)| f)
}

fn video_format(section: &Section, format: &Format) -> Option<VideoFormat> {
    let (codec, keys): (_, &[&str]) = match format.name.as_str() {
        "vp8" => (VideoCodec::Vp8, &[]),
        "vp9" => (VideoCodec::Vp9, &["profile-id"]),
        "h264" => (VideoCodec::H264, &["level-asymmetry-allowed", "packetization-mode", "profile-level-id"]),
        "av1" => (VideoCodec::Av1, &["level-idx", "profile", "tier"]),
        _ => return None,
    };
    if format.clock_rate != 90_000 {
        return None;
    }
    let token = |v: &&str| v.len() <= 16 && v.chars().all(|c| c.is_ascii_alphanumeric());
    let fmtp: Vec<_> =
        keys.iter().filter_map(|k| Some(format!("{k}={}", format.parameter(k).filter(token)?))).collect();
    let apt = format.pt.to_string();
    let rtx = section.formats.iter().find(|f| f.name == "rtx" && f.parameter("apt") == Some(&apt));
    Some(VideoFormat { codec, pt: format.pt, rtx: rtx.map(|f| f.pt), fmtp: fmtp.join(";") })
}

pub(super) fn choose_video(section: &Section, choice: &CodecChoice, keep: Option<&VideoFormat>) -> Option<VideoFormat> {
    if let Some(kept) = keep {
        return closest(section, |theirs| theirs.distance(kept));
    }
    let best = |codec: VideoCodec| {
        let variants = video_formats(section).filter(|f| f.codec == codec && f.rank().is_some());
        variants.min_by_key(|f| f.rank())
    };
    let first = || video_formats(section).find(|f| f.rank().is_some()).and_then(|f| best(f.codec));
    match choice {
        CodecChoice::Offered => first(),
        CodecChoice::FirstOf { codecs, or_any } => {
            codecs.iter().find_map(|codec| best(*codec)).or_else(|| or_any.then(first).flatten())
        }
    }
}
