//! What is sent to a subscriber, out of what was agreed on: the streams of an offer of ours that was answered, or of an
//! answer of ours.

use super::stream::{ExtensionIds, StreamFormat};
use crate::packet::MediaKind;
use crate::sdp::extension::{
    ABS_SEND_TIME, AUDIO_LEVEL, DEPENDENCY_DESCRIPTOR, MID, OFFERED_AUDIO, TRANSPORT_CC, VIDEO_ORIENTATION,
    offered_video,
};
use crate::sdp::{AudioFormat, Description, OutgoingIds, Section, SubscribePlan, VideoFormat};

/// Of an answer that [`crate::sdp::check_answer`] has passed: its sections are those of our offer, audio (if any) first.
pub(crate) fn offered_streams(
    answer: &Description,
    audio: Option<&AudioFormat>,
    video: Option<&VideoFormat>,
    ids: &OutgoingIds,
) -> Vec<StreamFormat> {
    let (first, last) = (answer.sections.first(), answer.sections.last());
    let (audio, video) = (audio.zip(first), video.zip(last));
    let audio = audio.map(|(format, section)| {
        let red = format.red.filter(|red| section.formats.iter().any(|known| known.pt == *red));
        let taken = taken(section, OFFERED_AUDIO);
        audio_stream(&section.mid, format, red, ids, taken)
    });
    let video = video.map(|(format, section)| {
        let has_rtx = format.rtx.filter(|rtx| section.formats.iter().any(|known| known.pt == *rtx));
        let taken = taken(section, offered_video(format.codec));
        video_stream(&section.mid, format, has_rtx, ids, taken)
    });
    streams(audio, video)
}

/// Of our answer to a subscriber.
pub(crate) fn answered_streams(plan: &SubscribePlan, ids: &OutgoingIds) -> Vec<StreamFormat> {
    let audio = plan.audio().map(|(mid, accepted, format)| {
        audio_stream(mid, format, format.red, ids, accepted.extensions.iter().map(|(id, uri)| (*id, uri.as_str())))
    });
    let video = plan.video().map(|(mid, accepted, format)| {
        video_stream(mid, format, format.rtx, ids, accepted.extensions.iter().map(|(id, uri)| (*id, uri.as_str())))
    });
    streams(audio, video)
}

/// Without pictures there is nothing to decide by when packets arrive, and each receiver would tell it up to twenty times a second:
/// packets of sound alone have no transport-wide numbers, whatever was agreed on.
fn streams(audio: Option<StreamFormat>, video: Option<StreamFormat>) -> Vec<StreamFormat> {
    let mut streams: Vec<_> = audio.into_iter().chain(video).collect();
    if streams.iter().all(|stream| stream.kind == MediaKind::Audio) {
        streams.iter_mut().for_each(|stream| stream.extensions.transport_sequence = None);
    }
    streams
}

/// What of the extensions that we offered is in the answer, and fits into the form that it takes.
fn taken<'a>(section: &'a Section, offered: &'a [(u8, &'a str)]) -> impl Iterator<Item = (u8, &'a str)> {
    let has = |(id, uri): &(u8, &str)| section.extensions.iter().any(|(i, u)| *i == u16::from(*id) && u == uri);
    let fits = |(_, uri): &(u8, &str)| section.is_mixed || *uri != DEPENDENCY_DESCRIPTOR;
    offered.iter().copied().filter(has).filter(fits)
}

fn audio_stream<'a>(
    mid: &str,
    format: &AudioFormat,
    red: Option<u8>,
    ids: &OutgoingIds,
    extensions: impl Iterator<Item = (u8, &'a str)>,
) -> StreamFormat {
    StreamFormat {
        kind: MediaKind::Audio,
        pt: format.pt,
        red,
        ssrc: ids.audio_ssrc,
        rtx: None,
        mid: mid.to_owned(),
        extensions: numbered(extensions),
    }
}

fn video_stream<'a>(
    mid: &str,
    format: &VideoFormat,
    rtx: Option<u8>,
    ids: &OutgoingIds,
    extensions: impl Iterator<Item = (u8, &'a str)>,
) -> StreamFormat {
    StreamFormat {
        kind: MediaKind::Video,
        pt: format.pt,
        red: None,
        ssrc: ids.video_ssrc,
        rtx: rtx.map(|pt| (pt, ids.video_rtx_ssrc)),
        mid: mid.to_owned(),
        extensions: numbered(extensions),
    }
}

fn numbered<'a>(extensions: impl Iterator<Item = (u8, &'a str)>) -> ExtensionIds {
    let mut ids = ExtensionIds::default();
    for (id, uri) in extensions {
        let place = match uri {
            MID => &mut ids.mid,
            AUDIO_LEVEL => &mut ids.audio_level,
            ABS_SEND_TIME => &mut ids.send_time,
            TRANSPORT_CC => &mut ids.transport_sequence,
            VIDEO_ORIENTATION => &mut ids.video_orientation,
            DEPENDENCY_DESCRIPTOR => &mut ids.dependency,
            _ => continue,
        };
        *place = Some(id);
    }
    ids
}
