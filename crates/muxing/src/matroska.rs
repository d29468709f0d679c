//! The file: what it says of itself, and where. RFC 9559, and <https://www.webmproject.org/docs/container/>.
//!
//! Whatever is known only later has its place from the beginning, filled with `Void`: the tracks' descriptions (a track
//! is described before its first frame is written), the duration and the index of elements. The segment's size is
//! written last: a file that has it is whole.

use std::io::{self, Seek, SeekFrom, Write};

use payload::PictureFormat;

use crate::Codec;
use crate::cluster::TrackNumber;
use crate::ebml::{Elements, UNKNOWN_SIZE, push_id, wide_size};
use crate::summary::Container;

pub(crate) const EBML: u32 = 0x1a45_dfa3;
const EBML_VERSION: u32 = 0x4286;
const EBML_READ_VERSION: u32 = 0x42f7;
const EBML_MAX_ID_LENGTH: u32 = 0x42f2;
const EBML_MAX_SIZE_LENGTH: u32 = 0x42f3;
const DOC_TYPE: u32 = 0x4282;
const DOC_TYPE_VERSION: u32 = 0x4287;
const DOC_TYPE_READ_VERSION: u32 = 0x4285;
pub(crate) const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114d_9b74;
const SEEK: u32 = 0x4dbb;
const SEEK_ID: u32 = 0x53ab;
const SEEK_POSITION: u32 = 0x53ac;
pub(crate) const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
pub(crate) const DATE: u32 = 0x4461;
pub(crate) const DURATION: u32 = 0x4489;
const MUXING_APP: u32 = 0x4d80;
const WRITING_APP: u32 = 0x5741;
pub(crate) const TRACKS: u32 = 0x1654_ae6b;
pub(crate) const TRACK: u32 = 0xae;
pub(crate) const TRACK_NUMBER: u32 = 0xd7;
const TRACK_UID: u32 = 0x73c5;
const TRACK_TYPE: u32 = 0x83;
const FLAG_LACING: u32 = 0x9c;
const LANGUAGE: u32 = 0x22_b59c;
pub(crate) const CODEC_ID: u32 = 0x86;
pub(crate) const CODEC_PRIVATE: u32 = 0x63a2;
const SEEK_PRE_ROLL: u32 = 0x56bb;
pub(crate) const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;
pub(crate) const PROJECTION: u32 = 0x7670;
const PROJECTION_TYPE: u32 = 0x7671;
pub(crate) const PROJECTION_ROLL: u32 = 0x7675;
const AUDIO: u32 = 0xe1;
const SAMPLING_FREQUENCY: u32 = 0xb5;
const CHANNELS: u32 = 0x9f;
pub(crate) const CLUSTER: u32 = 0x1f43_b675;
pub(crate) const TIMESTAMP: u32 = 0xe7;
pub(crate) const SIMPLE_BLOCK: u32 = 0xa3;
const CUES: u32 = 0x1c53_bb6b;
const CUE_POINT: u32 = 0xbb;
const CUE_TIME: u32 = 0xb3;
const CUE_POSITIONS: u32 = 0xb7;
const CUE_TRACK: u32 = 0xf7;
const CUE_CLUSTER: u32 = 0xf1;

/// Between places to seek to in sound, ms.
const CUE_SPACING: u64 = 5000;

/// Milliseconds from 1970 to 2001, where Matroska's dates begin.
pub(crate) const MILLENNIUM: u64 = 978_307_200_000;

pub(crate) const EBML_LENGTH: usize = 48;
const SEEK_HEAD_LENGTH: usize = 80;
const INFO_LENGTH: usize = 96;
const AUDIO_LENGTH: usize = 128;
/// With room for two parameter sets of 255 bytes.
const VIDEO_LENGTH: usize = 768;

/// Where the segment's size stands, and where its content begins: positions count from there.
pub(crate) const SEGMENT_SIZE_AT: u64 = EBML_LENGTH as u64 + 4;
pub(crate) const SEGMENT_AT: u64 = SEGMENT_SIZE_AT + 8;
const INFO_AT: u64 = SEGMENT_AT + SEEK_HEAD_LENGTH as u64;
const TRACKS_AT: u64 = INFO_AT + INFO_LENGTH as u64;
const AUDIO_AT: u64 = TRACKS_AT + 12;
const VIDEO_AT: u64 = AUDIO_AT + AUDIO_LENGTH as u64;
/// Where the first cluster goes.
pub(crate) const CLUSTERS_AT: u64 = VIDEO_AT + VIDEO_LENGTH as u64;

/// Where playing can begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cue {
    /// ms.
    pub(crate) time: u64,
    pub(crate) track: u8,
    /// Of its cluster, in the file.
    pub(crate) at: u64,
}

impl Cue {
    /// Whether playing should be able to begin here: at each key frame of pictures, but not at each packet of sound.
    pub(crate) fn is_due(track: TrackNumber, time: u64, last: Option<&Self>) -> bool {
        track == TrackNumber::Video || last.is_none_or(|last| time >= last.time.saturating_add(CUE_SPACING))
    }
}

/// What is written before the first cluster, with nothing described yet. `start` is ms since 1970.
pub(crate) fn beginning(start: u64) -> Vec<u8> {
    let mut bytes = ebml(Container::WebM).0;
    push_id(&mut bytes, SEGMENT);
    bytes.extend_from_slice(&UNKNOWN_SIZE);
    bytes.append(&mut seek_head(None).0);
    bytes.append(&mut info(start, None).0);
    push_id(&mut bytes, TRACKS);
    bytes.extend_from_slice(&wide_size((AUDIO_LENGTH + VIDEO_LENGTH) as u64));
    bytes.append(&mut Elements::default().padded(AUDIO_LENGTH).0);
    bytes.append(&mut Elements::default().padded(VIDEO_LENGTH).0);
    bytes
}

/// Describes the sound.
pub(crate) fn describe_audio(file: &mut (impl Write + Seek)) -> io::Result<()> {
    // Two channels, nothing to skip, 48 kHz, no gain, one stream (RFC 7845 §5.1).
    let private = [&b"OpusHead"[..], &[1, 2, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0]].concat();
    let audio = Elements::default().float(SAMPLING_FREQUENCY, 48_000.0).unsigned(CHANNELS, 2);
    let track = track(TrackNumber::Audio, 2, "A_OPUS")
        // What a decoder needs before it sounds right after a seek, ns (RFC 7845 §4.6).
        .unsigned(SEEK_PRE_ROLL, 80_000_000)
        .binary(CODEC_PRIVATE, &private)
        .master(AUDIO, audio);
    put(file, AUDIO_AT, &Elements::default().master(TRACK, track).padded(AUDIO_LENGTH).0)
}

/// Describes the pictures. `quarter_turns` set them upright.
pub(crate) fn describe_video(
    file: &mut (impl Write + Seek),
    codec: Codec,
    format: &PictureFormat,
    quarter_turns: u8,
) -> io::Result<()> {
    let name = match codec {
        Codec::Vp8 => "V_VP8",
        Codec::Vp9 => "V_VP9",
        Codec::Av1 => "V_AV1",
        Codec::H264 => "V_MPEG4/ISO/AVC",
        Codec::Opus => return Ok(()),
    };
    let mut video =
        Elements::default().unsigned(PIXEL_WIDTH, format.width.into()).unsigned(PIXEL_HEIGHT, format.height.into());
    if !quarter_turns.is_multiple_of(4) {
        // Rectangular projection, rolled counter-clockwise.
        let roll = [0.0, -90.0, 180.0, 90.0][usize::from(quarter_turns % 4)];
        video = video.master(PROJECTION, Elements::default().unsigned(PROJECTION_TYPE, 0).float(PROJECTION_ROLL, roll));
    }
    let mut track = track(TrackNumber::Video, 1, name);
    if !format.configuration.is_empty() {
        track = track.binary(CODEC_PRIVATE, &format.configuration);
    }
    let track = track.master(VIDEO, video);
    put(file, VIDEO_AT, &Elements::default().master(TRACK, track).padded(VIDEO_LENGTH).0)?;
    match Container::of(codec) {
        Container::WebM => Ok(()),
        container => put(file, 0, &ebml(container).0),
    }
}

/// Makes a file seekable and whole, in place: `end` is where its last cluster ends. Returns its size.
pub(crate) fn complete(
    file: &mut (impl Write + Seek),
    start: u64,
    duration: u64,
    cues: &[Cue],
    [has_audio, has_video]: [bool; 2],
    end: u64,
) -> io::Result<u64> {
    // A track may have been described whose first frame did not get into the file.
    for (is_there, at, length) in [(has_audio, AUDIO_AT, AUDIO_LENGTH), (has_video, VIDEO_AT, VIDEO_LENGTH)] {
        if !is_there {
            put(file, at, &Elements::default().padded(length).0)?;
        }
    }
    let bytes = self::cues(cues).0;
    // The index is a convenience: where it does not fit (a full disk) the rest still counts.
    let indexed = put(file, end, &bytes).is_ok();
    let (cues_at, end) = if indexed { (Some(end), end + bytes.len() as u64) } else { (None, end) };
    put(file, SEGMENT_AT, &seek_head(cues_at).0)?;
    put(file, INFO_AT, &info(start, Some(duration)).0)?;
    put(file, SEGMENT_SIZE_AT, &wide_size(end - SEGMENT_AT))?;
    file.seek(SeekFrom::Start(end))?;
    file.flush()?;
    Ok(end)
}

fn put(file: &mut (impl Write + Seek), at: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

/// What a file that begins with `head` calls itself.
pub(crate) fn container(head: &[u8]) -> Container {
    let is_matroska = head == ebml(Container::Matroska).0;
    if is_matroska { Container::Matroska } else { Container::WebM }
}

fn ebml(container: Container) -> Elements {
    let content = Elements::default()
        .unsigned(EBML_VERSION, 1)
        .unsigned(EBML_READ_VERSION, 1)
        .unsigned(EBML_MAX_ID_LENGTH, 4)
        .unsigned(EBML_MAX_SIZE_LENGTH, 8)
        .text(DOC_TYPE, container.doc_type())
        .unsigned(DOC_TYPE_VERSION, 4)
        .unsigned(DOC_TYPE_READ_VERSION, 2)
        .padded(EBML_LENGTH - 5);
    Elements::default().master(EBML, content)
}

fn seek_head(cues_at: Option<u64>) -> Elements {
    let places = [(INFO, Some(INFO_AT)), (TRACKS, Some(TRACKS_AT)), (CUES, cues_at)];
    let mut content = Elements::default();
    for (id, at) in places {
        if let Some(at) = at {
            let seek = Elements::default().binary(SEEK_ID, &id.to_be_bytes()).wide(SEEK_POSITION, at - SEGMENT_AT);
            content = content.master(SEEK, seek);
        }
    }
    Elements::default().master(SEEK_HEAD, content).padded(SEEK_HEAD_LENGTH)
}

fn info(start: u64, duration: Option<u64>) -> Elements {
    let application = "Madang";
    let date = start.saturating_sub(MILLENNIUM).saturating_mul(1_000_000);
    let mut content = Elements::default()
        .unsigned(TIMESTAMP_SCALE, 1_000_000)
        .wide(DATE, date)
        .text(MUXING_APP, application)
        .text(WRITING_APP, application);
    if let Some(duration) = duration {
        content = content.float(DURATION, duration as f64);
    }
    Elements::default().master(INFO, content).padded(INFO_LENGTH)
}

fn track(number: TrackNumber, kind: u64, codec: &str) -> Elements {
    let number = number as u64;
    Elements::default()
        .unsigned(TRACK_NUMBER, number)
        .unsigned(TRACK_UID, number)
        .unsigned(TRACK_TYPE, kind)
        // No lacing.
        .unsigned(FLAG_LACING, 0)
        .text(LANGUAGE, "und")
        .text(CODEC_ID, codec)
}

fn cues(cues: &[Cue]) -> Elements {
    let mut content = Elements::default();
    for cue in cues {
        let positions =
            Elements::default().unsigned(CUE_TRACK, cue.track.into()).unsigned(CUE_CLUSTER, cue.at - SEGMENT_AT);
        content = content
            .master(CUE_POINT, Elements::default().unsigned(CUE_TIME, cue.time).master(CUE_POSITIONS, positions));
    }
    Elements::default().master(CUES, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_its_place() {
        assert_eq!(beginning(MILLENNIUM).len() as u64, CLUSTERS_AT);
        for kind in [Container::WebM, Container::Matroska] {
            assert_eq!(ebml(kind).0.len(), EBML_LENGTH);
            assert_eq!(container(&ebml(kind).0), kind);
        }
        assert_eq!(seek_head(Some(u64::MAX)).0.len(), SEEK_HEAD_LENGTH);
        assert_eq!(info(u64::MAX, Some(u64::MAX)).0.len(), INFO_LENGTH);
        let format = PictureFormat { width: u16::MAX, height: u16::MAX, configuration: vec![1; 11 + 2 * 255] };
        let mut file = io::Cursor::new(beginning(MILLENNIUM));
        describe_audio(&mut file).unwrap();
        describe_video(&mut file, Codec::H264, &format, 1).unwrap();
        assert_eq!(file.into_inner().len() as u64, CLUSTERS_AT);
    }
}
