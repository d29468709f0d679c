//! Header extensions (RFC 8285) by their names.

/// Header extensions that are understood; everything else is left out of our answers.
pub(crate) const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
pub(crate) const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
pub(crate) const TRANSPORT_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
pub(crate) const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub(crate) const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
pub(crate) const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
pub(crate) const VIDEO_ORIENTATION: &str = "urn:3gpp:video-orientation";
/// Of AV1: which frame a packet is of, and what that needs. Publishers are asked for it; nothing of it goes to subscribers, who find
/// that out from packets in order.
pub(crate) const DEPENDENCY_DESCRIPTOR: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// Of our own offers, on audio and on video: ids are unique per URI over the bundle.
pub(crate) const OFFERED_AUDIO: &[(u8, &str)] = &[(1, AUDIO_LEVEL), (2, ABS_SEND_TIME), (3, TRANSPORT_CC), (4, MID)];
pub(crate) const OFFERED_VIDEO: &[(u8, &str)] =
    &[(2, ABS_SEND_TIME), (3, TRANSPORT_CC), (4, MID), (13, VIDEO_ORIENTATION)];
