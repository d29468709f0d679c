//! What is taken from a description: one Opus, one video codec with its RTX, the header extensions somebody here acts
//! on. It decides; nothing is written and no transport is touched. Which format of several is in `format.rs`.

use protocol::media::{CodecChoice, MediaFailure};

use super::format::{AudioFormat, VideoFormat, choose_video, closest, opus};
use super::{Description, Direction, RemoteTransport, SdpError, Section, SectionKind, Setup};

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
