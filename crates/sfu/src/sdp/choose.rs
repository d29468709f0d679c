//! What is taken from a description: one Opus, one video codec with its RTX, the header extensions somebody here acts
//! on. It decides; nothing is written and no transport is touched. Which format of several is in `format.rs`.

use std::collections::HashSet;

use protocol::media::{CodecChoice, Kinds, MediaFailure, VideoCodec};

use super::extension::{
    ABS_SEND_TIME, AUDIO_LEVEL, DEPENDENCY_DESCRIPTOR, MID, REPAIRED_RID, RID, TRANSPORT_CC, VIDEO_ORIENTATION,
};
use super::format::{AudioFormat, VideoFormat, choose_video, closest, opus, taken_codecs};
use super::{Description, Direction, RemoteTransport, SdpError, Section, SectionKind, Setup};

/// Of names, what the engine tells apart.
const RID_LENGTH: usize = 8;
const MID_LENGTH: usize = 16;

/// What is accepted of one section.
#[derive(Clone, Debug)]
pub(crate) enum Codec {
    Audio(AudioFormat),
    Video(VideoFormat),
}

impl Codec {
    fn is_av1(&self) -> bool {
        matches!(self, Self::Video(VideoFormat { codec: VideoCodec::Av1, .. }))
    }
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

impl Accepted {
    /// Its packets say in which section they are.
    pub(crate) fn is_named(&self) -> bool {
        self.extensions.iter().any(|(_, uri)| uri == MID)
    }
}

/// One section of an answer, in the order of the offer.
#[derive(Clone, Debug)]
pub(crate) struct SectionPlan {
    pub(crate) media: String,
    pub(crate) protocol: String,
    pub(crate) mid: String,
    /// To the engine.
    name: String,
    /// Is in the group that was offered.
    pub(crate) bundled: bool,
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

    /// Name and plan of the audio section.
    pub(crate) fn audio(&self) -> Option<(&str, &Accepted, &AudioFormat)> {
        self.accepted().find_map(|(s, a)| match &a.codec {
            Codec::Audio(format) => Some((s.name.as_str(), a, format)),
            Codec::Video(_) => None,
        })
    }

    /// Name and plan of the video section.
    pub(crate) fn video(&self) -> Option<(&str, &Accepted, &VideoFormat)> {
        self.accepted().find_map(|(s, a)| match &a.codec {
            Codec::Video(format) => Some((s.name.as_str(), a, format)),
            Codec::Audio(_) => None,
        })
    }

    /// Extensions of all sections, one id per URI over the bundle.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = (u8, &str)> {
        self.accepted().flat_map(|(_, a)| a.extensions.iter().map(|(id, uri)| (*id, uri.as_str())))
    }

    /// What is received, or sent.
    pub(crate) fn kinds(&self) -> Kinds {
        Kinds { audio: self.audio().is_some(), video: self.video().is_some() }
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

/// Plans the answer to a publisher, who says that it sends `kinds`. `keep` is the video format of a publication that is
/// being reconnected: its subscribers cannot change codec. With `redundancy` sound is asked for as RED, where it is offered.
pub(crate) fn plan_publish(
    offer: &Description,
    kinds: Kinds,
    redundancy: bool,
    choice: &CodecChoice,
    keep: Option<&VideoFormat>,
    loopback: bool,
) -> Result<PublishPlan, MediaFailure> {
    let plan = plan_answer(offer, |section| {
        let codec = match section.kind {
            SectionKind::Audio if kinds.audio && section.direction.sends() => opus(section).map(|format| {
                let red = format.red.filter(|_| redundancy);
                Codec::Audio(AudioFormat { red, ..format })
            }),
            SectionKind::Video if kinds.video && section.direction.sends() => {
                let format = choose_video(section, choice, keep).ok_or(MediaFailure::CodecNotOffered)?;
                Some(Codec::Video(format))
            }
            _ => None,
        };
        let both = loopback && section.direction.receives();
        Ok(codec.map(|codec| (codec, if both { Direction::SendRecv } else { Direction::RecvOnly })))
    })?;
    let plan =
        plan.ok_or_else(|| MediaFailure::BadSdp("no section sends Opus or video that was announced".to_owned()))?;
    if keep.is_some() && !plan.kinds().video {
        return Err(MediaFailure::CodecNotOffered);
    }
    Ok(plan)
}

/// Plans the answer to a subscriber that offers: payload types are the client's.
pub(crate) fn plan_subscribe(
    offer: &Description,
    audio: Option<&AudioFormat>,
    video: Option<&VideoFormat>,
) -> Result<SubscribePlan, MediaFailure> {
    let plan = plan_answer(offer, |section| {
        if !section.direction.receives() {
            return Ok(None);
        }
        let codec = match section.kind {
            SectionKind::Audio if audio.is_some() => opus(section).map(|theirs| {
                let red = theirs.red.filter(|_| audio.is_some_and(|ours| ours.red.is_some()));
                Codec::Audio(AudioFormat { red, ..theirs })
            }),
            SectionKind::Video => match video {
                Some(ours) => {
                    let closest = closest(section, |theirs| ours.distance(theirs)).map(Codec::Video);
                    Some(closest.ok_or_else(|| not_taken(ours, Some(section)))?)
                }
                None => return Ok(None),
            },
            SectionKind::Audio | SectionKind::Other => return Ok(None),
        };
        Ok(Some((codec.ok_or(MediaFailure::CodecNotOffered)?, Direction::SendOnly)))
    })?;
    plan.ok_or_else(|| MediaFailure::BadSdp("no section receives what is published".to_owned()))
}

/// Asks of each section what is taken from it, which is at most one sound and one picture. All of it goes over one
/// transport, that of the first: what is not bundled with that is refused, so that the client does not wait for it.
/// `None` if nothing is taken.
fn plan_answer(
    offer: &Description,
    take: impl Fn(&Section) -> Result<Option<(Codec, Direction)>, MediaFailure>,
) -> Result<Option<AnswerPlan>, MediaFailure> {
    if offer.ice_lite {
        return Err(MediaFailure::BadSdp("a=ice-lite: the client must be a full agent".to_owned()));
    }
    let mids: HashSet<String> = offer.sections.iter().map(|section| shortened(&section.mid, MID_LENGTH)).collect();
    let has_names = mids.len() == offer.sections.len();
    let mut taken: Vec<&Section> = Vec::new();
    let mut sections = Vec::with_capacity(offer.sections.len());
    for section in &offer.sections {
        let is_free = taken.iter().all(|other| other.kind != section.kind && offer.are_bundled(other, section));
        let codec = if is_free && !offer.is_rejected(section) { take(section)? } else { None };
        if codec.is_some() {
            taken.push(section);
        }
        sections.push(plan_section(section, offer.is_bundled(section), has_names, codec));
    }
    let Some(first) = taken.first() else {
        return Ok(None);
    };
    let remote = offer.transport(first)?;
    Ok(Some(AnswerPlan { remote, sections }))
}

/// A subscriber's view of what is offered to it: the publisher's own payload types, and always RTX.
pub(crate) fn plan_server_offer(
    audio: Option<&AudioFormat>,
    video: Option<&VideoFormat>,
) -> (Option<AudioFormat>, Option<VideoFormat>) {
    let taken = [audio.map(|a| a.pt), audio.and_then(|a| a.red), video.map(|v| v.pt), video.and_then(|v| v.rtx)];
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
            let video = video.filter(|_| kind == SectionKind::Video);
            return Err(video.map_or(MediaFailure::CodecNotOffered, |video| not_taken(video, None)));
        }
    }
    let sections = &answer.sections[..];
    if sections.iter().any(|section| !answer.are_bundled(&sections[0], section)) {
        return Err(MediaFailure::BadSdp("a=group:BUNDLE: all that was offered has one transport".to_owned()));
    }
    let remote = answer.transport(&sections[0])?;
    if remote.setup == Setup::ActPass {
        return Err(MediaFailure::BadSdp("a=setup: an answer must be active or passive".to_owned()));
    }
    if answer.ice_lite {
        return Err(MediaFailure::BadSdp("a=ice-lite: the client must be a full agent".to_owned()));
    }
    Ok(remote)
}

fn not_taken(published: &VideoFormat, offered: Option<&Section>) -> MediaFailure {
    let taken = offered.map(taken_codecs).unwrap_or_default();
    MediaFailure::CodecNotTaken { published: published.codec, taken }
}

/// What is said with `a=rtcp-fb` of transport-wide feedback, and of REMB.
const TRANSPORT_CC_FEEDBACK: &str = "transport-cc";
const ESTIMATE_FEEDBACK: &str = "goog-remb";

/// Without names, packets are told apart by their sources alone.
fn plan_section(section: &Section, bundled: bool, has_names: bool, codec: Option<(Codec, Direction)>) -> SectionPlan {
    let accepted = codec.map(|(codec, direction)| {
        let (extensions, feedback): (&[&str], &[&str]) = match codec {
            Codec::Audio(_) => (&[AUDIO_LEVEL, ABS_SEND_TIME, TRANSPORT_CC, MID], &[TRANSPORT_CC_FEEDBACK]),
            Codec::Video(_) => (
                &[ABS_SEND_TIME, TRANSPORT_CC, MID, RID, REPAIRED_RID, VIDEO_ORIENTATION],
                &[TRANSPORT_CC_FEEDBACK, "ccm fir", "nack", "nack pli"],
            ),
        };
        let pt = match &codec {
            Codec::Audio(format) => format.pt,
            Codec::Video(format) => format.pt,
        };
        let offered: &[String] = section.formats.iter().find(|f| f.pt == pt).map_or(&[], |f| &f.feedback);
        let feedback = feedback.iter().filter(|f| offered.iter().any(|o| o == *f)).map(|f| f.to_string());
        let mut feedback: Vec<String> = feedback.collect();
        // Whoever cannot tell, or be told, what arrives when may say what it makes of it, or hear what it shall keep to.
        let estimates = [TRANSPORT_CC_FEEDBACK, ESTIMATE_FEEDBACK].map(|wanted| offered.iter().any(|o| o == wanted));
        if matches!(codec, Codec::Video(_)) && estimates == [false, true] {
            feedback.push(ESTIMATE_FEEDBACK.to_owned());
        }
        let mut taken: Vec<(u8, String)> = Vec::new();
        for (id, uri) in &section.extensions {
            // Ids above 14 need the two-byte form on every packet.
            let Some(id) = u8::try_from(*id).ok().filter(|id| (1..=14).contains(id)) else {
                continue;
            };
            // It is longer than the one-byte form takes, now and then.
            let is_described =
                uri == DEPENDENCY_DESCRIPTOR && codec.is_av1() && (section.is_mixed || !direction.sends());
            let wanted = (extensions.contains(&uri.as_str()) || is_described) && (has_names || uri != MID);
            if wanted && !taken.iter().any(|(i, u)| *i == id || u == uri) {
                taken.push((id, uri.clone()));
            }
        }
        let rids = if matches!(codec, Codec::Video(_)) { layers(section, &taken) } else { Vec::new() };
        Accepted { direction, extensions: taken, feedback, sources: sources(section, rids.len()), rids, codec }
    });
    SectionPlan {
        media: section.media.clone(),
        protocol: section.protocol.clone(),
        mid: section.mid.clone(),
        name: if has_names { &section.mid } else { &section.media }.clone(),
        bundled,
        first_payload_type: section.payload_types.first().cloned().unwrap_or_else(|| "0".to_owned()),
        accepted,
    }
}

/// The layers that can be told apart: by header extensions, and by names that the engine, which cuts them off, does not
/// confuse. Whatever else was offered is left out.
fn layers(section: &Section, extensions: &[(u8, String)]) -> Vec<String> {
    if ![MID, RID].iter().all(|needed| extensions.iter().any(|(_, uri)| uri == needed)) {
        return Vec::new();
    }
    let mut rids: Vec<String> = Vec::new();
    for rid in &section.simulcast_send {
        if rids.iter().all(|other| shortened(other, RID_LENGTH) != shortened(rid, RID_LENGTH)) {
            rids.push(rid.clone());
        }
    }
    rids
}

/// A name as the engine keeps it.
fn shortened(name: &str, length: usize) -> String {
    name.chars().take(length).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
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
