//! Header extensions (RFC 8285) by their names.

use protocol::media::VideoCodec;

/// Header extensions that are understood; everything else is left out of our answers.
pub(crate) const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
pub(crate) const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
pub(crate) const TRANSPORT_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
pub(crate) const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub(crate) const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
pub(crate) const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
pub(crate) const VIDEO_ORIENTATION: &str = "urn:3gpp:video-orientation";
/// Of AV1: which frame a packet is of, and what that needs. Whoever sends layers is asked for it, and whoever gets them cannot do
/// without: Chromium takes each size for a picture of its own. Often too long for the one-byte form (RFC 8285 §4.2).
pub(crate) const DEPENDENCY_DESCRIPTOR: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// Of our own offers, on audio: ids are unique per URI over the bundle.
pub(crate) const OFFERED_AUDIO: &[(u8, &str)] = &[(1, AUDIO_LEVEL), (2, ABS_SEND_TIME), (3, TRANSPORT_CC), (4, MID)];
/// On video, the last one of AV1 alone.
const VIDEO: [(u8, &str); 5] =
    [(2, ABS_SEND_TIME), (3, TRANSPORT_CC), (4, MID), (13, VIDEO_ORIENTATION), (12, DEPENDENCY_DESCRIPTOR)];

/// Of our own offers, on video.
pub(crate) fn offered_video(codec: VideoCodec) -> &'static [(u8, &'static str)] {
    match codec {
        VideoCodec::Av1 => &VIDEO,
        VideoCodec::Vp8 | VideoCodec::Vp9 | VideoCodec::H264 => &VIDEO[..4],
    }
}
