//! What is taken from a description: one Opus, one video codec with its RTX, the header extensions somebody here acts
//! on. It decides; nothing is written and no transport is touched.

use protocol::media::{CodecChoice, MediaFailure, VideoCodec};

use super::{Description, Direction, Format, RemoteTransport, SdpError, Section, SectionKind, Setup, parameter};

/// Header extensions that are understood; everything else is left out of our answers.
pub(crate) const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
pub(crate) const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
pub(crate) const TRANSPORT_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
pub(crate) const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub(crate) const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
pub(crate) const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
pub(crate) const VIDEO_ORIENTATION: &str = "urn:3gpp:video-orientation";

/// Of our own offers, on audio and on video: ids are unique per URI over the bundle.
pub(crate) const OFFERED_AUDIO: &[(u8, &str)] = &[(1, AUDIO_LEVEL), (2, ABS_SEND_TIME), (3, TRANSPORT_CC), (4, MID)];
pub(crate) const OFFERED_VIDEO: &[(u8, &str)] =
    &[(2, ABS_SEND_TIME), (3, TRANSPORT_CC), (4, MID), (13, VIDEO_ORIENTATION)];

/// Opus is the one audio codec.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AudioFormat {
    pub(crate) pt: u8,
    pub(crate) stereo: bool,
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
    fn distance(&self, other: &Self) -> Option<u32> {
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

/// What is accepted of one section.
#[derive(Clone, Debug)]
pub(crate) enum Codec {
    Audio(AudioFormat),
    Video(VideoFormat),
}

/// One accepted section of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) codec: Codec,
    /// Of our answer.
    pub(crate) direction: Direction,
    pub(crate) extensions: Vec<(u8, String)>,
    pub(crate) feedback: Vec<String>,
    /// Simulcast layers that are received, in the order offered (low to high).
    pub(crate) rids: Vec<String>,
    /// Announced sources with their retransmission source; empty when they are learnt from mid and rid.
    pub(crate) sources: Vec<(u32, Option<u32>)>,
}

/// One section of an answer, in the order of the offer.
#[derive(Clone, Debug)]
pub(crate) struct SectionPlan {
    pub(crate) media: String,
    pub(crate) protocol: String,
    pub(crate) mid: String,
    /// Written in a rejected section, which must name at least one.
    pub(crate) first_payload_type: String,
    pub(crate) accepted: Option<Accepted>,
}

/// The answer to be written.
#[derive(Clone, Debug)]
pub(crate) struct AnswerPlan {
    pub(crate) remote: RemoteTransport,
    pub(crate) sections: Vec<SectionPlan>,
}

/// The answer to a publisher.
pub(crate) type PublishPlan = AnswerPlan;
/// The answer to a subscriber.
pub(crate) type SubscribePlan = AnswerPlan;

impl AnswerPlan {
    fn accepted(&self) -> impl Iterator<Item = (&SectionPlan, &Accepted)> {
        self.sections.iter().filter_map(|s| Some((s, s.accepted.as_ref()?)))
    }

    /// Mid and plan of the audio section.
    pub(crate) fn audio(&self) -> Option<(&str, &Accepted, &AudioFormat)> {
        self.accepted().find_map(|(s, a)| match &a.codec {
            Codec::Audio(format) => Some((s.mid.as_str(), a, format)),
            Codec::Video(_) => None,
        })
    }

    /// Mid and plan of the video section.
    pub(crate) fn video(&self) -> Option<(&str, &Accepted, &VideoFormat)> {
        self.accepted().find_map(|(s, a)| match &a.codec {
            Codec::Video(format) => Some((s.mid.as_str(), a, format)),
            Codec::Audio(_) => None,
        })
    }

    /// Extensions of all sections, one id per URI over the bundle.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = (u8, &str)> {
        self.accepted().flat_map(|(_, a)| a.extensions.iter().map(|(id, uri)| (*id, uri.as_str())))
    }

    /// Transport-wide congestion control was accepted somewhere.
    pub(crate) fn transport_cc(&self) -> bool {
        self.accepted().any(|(_, a)| a.feedback.iter().any(|f| f == "transport-cc"))
    }
}

impl From<SdpError> for MediaFailure {
    fn from(error: SdpError) -> Self {
        Self::BadSdp(error.0)
    }
}

/// Plans the answer to a publisher. `keep` is the video format of a publication that is being reconnected: its
/// subscribers cannot change codec.
pub(crate) fn plan_publish(
    offer: &Description,
    choice: &CodecChoice,
    keep: Option<&VideoFormat>,
    loopback: bool,
) -> Result<PublishPlan, MediaFailure> {
    let remote = offered_transport(offer)?;
    let (mut has_audio, mut has_video) = (false, false);
    let mut sections = Vec::with_capacity(offer.sections.len());
    for section in &offer.sections {
        let usable = !offer.is_rejected(section) && section.direction.sends();
        let codec = match section.kind {
            SectionKind::Audio if usable && !has_audio => opus(section).map(Codec::Audio),
            SectionKind::Video if usable && !has_video => {
                let format = choose_video(section, choice, keep).ok_or(MediaFailure::CodecNotOffered)?;
                Some(Codec::Video(format))
            }
            _ => None,
        };
        has_audio |= matches!(codec, Some(Codec::Audio(_)));
        has_video |= matches!(codec, Some(Codec::Video(_)));
        let both = loopback && section.direction.receives();
        let direction = if both { Direction::SendRecv } else { Direction::RecvOnly };
        sections.push(plan_section(section, codec, direction));
    }
    if !has_audio && !has_video {
        return Err(MediaFailure::BadSdp("no section sends Opus or video".to_owned()));
    }
    if keep.is_some() && !has_video {
        return Err(MediaFailure::CodecNotOffered);
    }
    Ok(PublishPlan { remote, sections })
}

/// Plans the answer to a subscriber that offers: payload types are the client's.
pub(crate) fn plan_subscribe(
    offer: &Description,
    audio: Option<&AudioFormat>,
    video: Option<&VideoFormat>,
) -> Result<SubscribePlan, MediaFailure> {
    let remote = offered_transport(offer)?;
    let (mut has_audio, mut has_video) = (false, false);
    let mut sections = Vec::with_capacity(offer.sections.len());
    for section in &offer.sections {
        let usable = !offer.is_rejected(section) && section.direction.receives();
        let codec = match section.kind {
            SectionKind::Audio if usable && !has_audio && audio.is_some() => {
                Some(Codec::Audio(opus(section).ok_or(MediaFailure::CodecNotOffered)?))
            }
            SectionKind::Video if usable && !has_video => match video {
                Some(ours) => {
                    let format = closest(section, |theirs| ours.distance(theirs));
                    Some(Codec::Video(format.ok_or(MediaFailure::CodecNotOffered)?))
                }
                None => None,
            },
            _ => None,
        };
        has_audio |= matches!(codec, Some(Codec::Audio(_)));
        has_video |= matches!(codec, Some(Codec::Video(_)));
        sections.push(plan_section(section, codec, Direction::SendOnly));
    }
    if !has_audio && !has_video {
        return Err(MediaFailure::BadSdp("no section receives what is published".to_owned()));
    }
    Ok(SubscribePlan { remote, sections })
}

/// A subscriber's view of what is offered to it: the publisher's own payload types, and always RTX.
pub(crate) fn plan_server_offer(
    audio: Option<&AudioFormat>,
    video: Option<&VideoFormat>,
) -> (Option<AudioFormat>, Option<VideoFormat>) {
    let taken = [audio.map(|a| a.pt), video.map(|v| v.pt), video.and_then(|v| v.rtx)];
    let free = (96..=127).find(|pt| !taken.contains(&Some(*pt)));
    let video = video.map(|v| VideoFormat { rtx: v.rtx.or(free), ..v.clone() });
    (audio.cloned(), video)
}

/// Checks the answer to an offer of ours, whose sections are audio (if any) then video (if any).
pub(crate) fn check_answer(
    answer: &Description,
    audio: Option<&AudioFormat>,
    video: Option<&VideoFormat>,
) -> Result<RemoteTransport, MediaFailure> {
    let offered = [audio.map(|a| (SectionKind::Audio, a.pt)), video.map(|v| (SectionKind::Video, v.pt))];
    let offered: Vec<_> = offered.into_iter().flatten().collect();
    if answer.sections.len() != offered.len() {
        return Err(MediaFailure::BadSdp(format!("m=: {} sections were offered", offered.len())));
    }
    for (section, (kind, pt)) in answer.sections.iter().zip(offered) {
        if section.kind != kind {
            return Err(MediaFailure::BadSdp("m=: not the kind that was offered".to_owned()));
        }
        if answer.is_rejected(section) || !section.formats.iter().any(|f| f.pt == pt) {
            return Err(MediaFailure::CodecNotOffered);
        }
    }
    let remote = answer.transport()?;
    if remote.setup == Setup::ActPass {
        return Err(MediaFailure::BadSdp("a=setup: an answer must be active or passive".to_owned()));
    }
    if answer.ice_lite {
        return Err(MediaFailure::BadSdp("a=ice-lite: the client must be a full agent".to_owned()));
    }
    Ok(remote)
}

fn offered_transport(offer: &Description) -> Result<RemoteTransport, MediaFailure> {
    if offer.ice_lite {
        return Err(MediaFailure::BadSdp("a=ice-lite: the client must be a full agent".to_owned()));
    }
    Ok(offer.transport()?)
}

fn plan_section(section: &Section, codec: Option<Codec>, direction: Direction) -> SectionPlan {
    let accepted = codec.map(|codec| {
        let (extensions, feedback): (&[&str], &[&str]) = match codec {
            Codec::Audio(_) => (&[AUDIO_LEVEL, ABS_SEND_TIME, TRANSPORT_CC, MID], &["transport-cc"]),
            Codec::Video(_) => (
                &[ABS_SEND_TIME, TRANSPORT_CC, MID, RID, REPAIRED_RID, VIDEO_ORIENTATION],
                &["transport-cc", "ccm fir", "nack", "nack pli"],
            ),
        };
        let pt = match &codec {
            Codec::Audio(format) => format.pt,
            Codec::Video(format) => format.pt,
        };
        let offered: &[String] = section.formats.iter().find(|f| f.pt == pt).map_or(&[], |f| &f.feedback);
        let mut taken: Vec<(u8, String)> = Vec::new();
        for (id, uri) in &section.extensions {
            // Ids above 14 need the two-byte form, which nobody sends unasked.
            let wanted = (1..=14).contains(id) && extensions.contains(&uri.as_str());
            if wanted && !taken.iter().any(|(i, u)| i == id || u == uri) {
                taken.push((*id, uri.clone()));
            }
        }
        let is_video = matches!(codec, Codec::Video(_));
        let rids = if is_video { section.simulcast_send.clone() } else { Vec::new() };
        Accepted {
            direction,
            extensions: taken,
            feedback: feedback.iter().filter(|f| offered.iter().any(|o| o == *f)).map(|f| f.to_string()).collect(),
            sources: sources(section, rids.len()),
            rids,
            codec,
        }
    });
    SectionPlan {
        media: section.media.clone(),
        protocol: section.protocol.clone(),
        mid: section.mid.clone(),
        first_payload_type: section.payload_types.first().cloned().unwrap_or_else(|| "0".to_owned()),
        accepted,
    }
}

/// With several layers the sources are learnt from the header extensions: Firefox writes `a=ssrc` lines as well, in an
/// order that does not follow the layers.
fn sources(section: &Section, layers: usize) -> Vec<(u32, Option<u32>)> {
    if layers > 1 {
        return Vec::new();
    }
    let main = section.ssrcs.iter().filter(|s| !section.fid.iter().any(|(_, rtx)| rtx == *s));
    main.take(1).map(|s| (*s, section.fid.iter().find(|(m, _)| m == s).map(|(_, rtx)| *rtx))).collect()
}

fn opus(section: &Section) -> Option<AudioFormat> {
    let format = section.formats.iter().find(|f| f.name == "opus" && f.clock_rate == 48_000)?;
    Some(AudioFormat { pt: format.pt, stereo: format.parameter("stereo") == Some("1") })
}

fn video_formats(section: &Section) -> impl Iterator<Item = VideoFormat> + '_ {
    section.formats.iter().filter_map(|format| video_format(section, format))
}

fn closest(section: &Section, distance: impl Fn(&VideoFormat) -> Option<u32>) -> Option<VideoFormat> {
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

fn choose_video(section: &Section, choice: &CodecChoice, keep: Option<&VideoFormat>) -> Option<VideoFormat> {
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
