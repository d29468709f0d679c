//! Reading a file while it is still being written, or after it was cut off: what is whole in it by now, in order.
//!
//! Clusters are written by one write each, and a track is described before its first cluster: so a cluster that is all
//! there can be read, and everything before it. Only files of this crate are read.

use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom};

use crate::Codec;
use crate::cluster::{MAX_BYTES, TrackNumber};
use crate::ebml::Header;
use crate::matroska::{
    CLUSTER, CLUSTERS_AT, CODEC_ID, CODEC_PRIVATE, DATE, EBML, INFO, MILLENNIUM, PROJECTION, PROJECTION_ROLL, SEGMENT,
    SEGMENT_AT, SIMPLE_BLOCK, TIMESTAMP, TRACK, TRACK_NUMBER, TRACKS, VIDEO,
};

/// A cluster's identifier and size.
const CLUSTER_HEADER: u64 = 12;
/// The longest cluster: its blocks, and what stands around them.
const MAX_CLUSTER: u64 = 2 * MAX_BYTES as u64 + (8 << 20);

/// A frame of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileFrame {
    /// What is in it.
    pub codec: Codec,
    /// When it was captured, ms since 1970.
    pub time: u64,
    /// It can be decoded without any other.
    pub key: bool,
    /// As Matroska stores it.
    pub data: Vec<u8>,
}

/// What a file says of its pictures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VideoTrack {
    /// Of its pictures.
    pub codec: Codec,
    /// `CodecPrivate`: of H264 its `AVCDecoderConfigurationRecord`; else mostly empty.
    pub private: Vec<u8>,
    /// How many quarter turns clockwise set them upright.
    pub quarter_turns: u8,
}

/// Why a file cannot be read on.
#[derive(Debug)]
pub enum FollowError {
    /// It was not written by this crate.
    Foreign,
    /// It cannot be read.
    Io(io::Error),
}

impl std::fmt::Display for FollowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign => f.write_str("it is no file of a recorded stream"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FollowError {}

impl From<io::Error> for FollowError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a file that may grow.
#[derive(Debug)]
pub struct Follower<R> {
    reader: R,
    head: FileHead,
    /// Where the next cluster is, or will be.
    at: u64,
    frames: VecDeque<FileFrame>,
}

impl<R: Read + Seek> Follower<R> {
    /// Of a file that may still be empty.
    pub fn new(reader: R) -> Self {
        Self { reader, head: FileHead::default(), at: CLUSTERS_AT, frames: VecDeque::new() }
    }

    /// The next frame, or nothing yet. Frames of a track come in order of their times; those of two tracks nearly.
    pub fn poll_frame(&mut self) -> Result<Option<FileFrame>, FollowError> {
        while self.frames.is_empty() && self.read_cluster()? {}
        Ok(self.frames.pop_front())
    }

    /// Of the frames that have been read.
    pub fn video(&self) -> Option<&VideoTrack> {
        self.head.video.as_ref()
    }

    /// Goes to the last place from which everything at `time` can be decoded, as far as the file is there: the cluster of
    /// a key frame, or if there are no pictures any cluster before.
    pub fn seek(&mut self, time: u64) -> Result<(), FollowError> {
        self.at = CLUSTERS_AT;
        let mut place = CLUSTERS_AT;
        loop {
            let at = self.at;
            self.frames.clear();
            if !self.read_cluster()? || self.frames.front().is_some_and(|frame| frame.time > time) {
                break;
            }
            let has_pictures = self.head.video.is_some();
            let begins =
                |frame: &FileFrame| frame.time <= time && frame.key && (frame.codec == Codec::Opus) != has_pictures;
            if self.frames.iter().any(begins) {
                place = at;
            }
        }
        self.frames.clear();
        self.at = place;
        Ok(())
    }

    /// Whether the next element was there.
    fn read_cluster(&mut self) -> Result<bool, FollowError> {
        let length = self.reader.seek(SeekFrom::End(0))?;
        if length < self.at.saturating_add(CLUSTER_HEADER) {
            return Ok(false);
        }
        if self.at == CLUSTERS_AT {
            self.read_head()?;
        }
        self.reader.seek(SeekFrom::Start(self.at))?;
        let mut header = [0; CLUSTER_HEADER as usize];
        self.reader.read_exact(&mut header)?;
        let header = Header::read(&mut &header[..])?.ok_or(FollowError::Foreign)?;
        let size = header.size.ok_or(FollowError::Foreign)?;
        let end = self.at.checked_add(header.length).and_then(|at| at.checked_add(size)).ok_or(FollowError::Foreign)?;
        if end > length {
            return Ok(false);
        }
        if header.id == CLUSTER {
            if size > MAX_CLUSTER || header.length != CLUSTER_HEADER {
                return Err(FollowError::Foreign);
            }
            let mut content = vec![0; size as usize];
            self.reader.read_exact(&mut content)?;
            self.take_blocks(&content)?;
        }
        self.at = end;
        Ok(true)
    }

    fn take_blocks(&mut self, content: &[u8]) -> Result<(), FollowError> {
        let mut cluster_time = 0;
        for (id, content) in children(content) {
            match id {
                TIMESTAMP => cluster_time = unsigned(content),
                SIMPLE_BLOCK => {
                    let [track, high, low, flags, data @ ..] = content else { continue };
                    let Some(track) = track_number(*track) else { continue };
                    let Some(codec) = self.codec(track)? else { continue };
                    let time = cluster_time.saturating_add_signed(i16::from_be_bytes([*high, *low]).into());
                    let time = self.head.start.saturating_add(time);
                    self.frames.push_back(FileFrame { codec, time, key: flags & 0x80 != 0, data: data.to_vec() });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What the file says of a track. It is looked up again until it says something.
    fn codec(&mut self, track: TrackNumber) -> Result<Option<Codec>, FollowError> {
        if self.head.codec(track).is_none() {
            self.read_head()?;
        }
        Ok(self.head.codec(track))
    }

    fn read_head(&mut self) -> Result<(), FollowError> {
        let mut bytes = [0; CLUSTERS_AT as usize];
        self.reader.seek(SeekFrom::Start(0))?;
        self.reader.read_exact(&mut bytes)?;
        self.head = FileHead::parse(&bytes).ok_or(FollowError::Foreign)?;
        Ok(())
    }
}

/// What stands before the first cluster.
#[derive(Debug, Default)]
struct FileHead {
    /// ms since 1970.
    start: u64,
    has_audio: bool,
    video: Option<VideoTrack>,
}

impl FileHead {
    fn codec(&self, track: TrackNumber) -> Option<Codec> {
        match track {
            TrackNumber::Audio => self.has_audio.then_some(Codec::Opus),
            TrackNumber::Video => self.video.as_ref().map(|video| video.codec),
        }
    }

    fn parse(bytes: &[u8; CLUSTERS_AT as usize]) -> Option<Self> {
        let (before, segment) = bytes.split_at(SEGMENT_AT as usize);
        let is_ours =
            before.starts_with(&EBML.to_be_bytes()) && before[before.len() - 12..].starts_with(&SEGMENT.to_be_bytes());
        let mut head = Self::default();
        for (id, content) in children(segment).filter(|_| is_ours) {
            match id {
                INFO => {
                    let date = children(content).find(|(id, _)| *id == DATE)?;
                    head.start = (unsigned(date.1) / 1_000_000).saturating_add(MILLENNIUM);
                }
                TRACKS => children(content).filter(|(id, _)| *id == TRACK).for_each(|(_, track)| head.track(track)),
                _ => {}
            }
        }
        is_ours.then_some(head)
    }

    fn track(&mut self, content: &[u8]) {
        let of = |wanted| children(content).find(|(id, _)| *id == wanted).map(|(_, content)| content);
        let codec = match of(CODEC_ID) {
            Some(b"A_OPUS") => Codec::Opus,
            Some(b"V_VP8") => Codec::Vp8,
            Some(b"V_VP9") => Codec::Vp9,
            Some(b"V_AV1") => Codec::Av1,
            Some(b"V_MPEG4/ISO/AVC") => Codec::H264,
            _ => return,
        };
        match of(TRACK_NUMBER).map(unsigned) {
            Some(1) if codec == Codec::Opus => self.has_audio = true,
            Some(2) if codec != Codec::Opus => {
                let private = of(CODEC_PRIVATE).unwrap_or_default().to_vec();
                let quarter_turns = of(VIDEO).map_or(0, quarter_turns);
                self.video = Some(VideoTrack { codec, private, quarter_turns });
            }
            _ => {}
        }
    }
}

/// What the projection's roll says, which is counter-clockwise in degrees.
fn quarter_turns(video: &[u8]) -> u8 {
    let of = |content, wanted| children(content).find(|(id, _)| *id == wanted).map(|(_, content)| content);
    let roll = of(video, PROJECTION).and_then(|projection| of(projection, PROJECTION_ROLL));
    let degrees = roll.and_then(|bytes| bytes.try_into().ok()).map_or(0.0, f64::from_be_bytes);
    // Saturates: whatever is written there.
    (-degrees / 90.0).round().rem_euclid(4.0) as u8
}

fn track_number(byte: u8) -> Option<TrackNumber> {
    match byte {
        0x81 => Some(TrackNumber::Audio),
        0x82 => Some(TrackNumber::Video),
        _ => None,
    }
}

/// The elements in `content`, as far as they are whole.
pub(crate) fn children(mut content: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    std::iter::from_fn(move || {
        let header = Header::read(&mut content).ok()??;
        let (child, rest) = content.split_at_checked(usize::try_from(header.size?).ok()?)?;
        content = rest;
        Some((header.id, child))
    })
}

pub(crate) fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
}
