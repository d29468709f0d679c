//! Frames with their times becoming one file, in clusters of up to a second.

use std::io::{self, Seek, SeekFrom, Write};
use std::time::Duration;

use payload::{PictureFormat, vp8};

use crate::cluster::{Block, Cluster, TrackNumber};
use crate::follow::FileFrame;
use crate::matroska::{self, Cue};
use crate::summary::{Container, FileSummary};
use crate::timeline::Nanos;
use crate::{Codec, Time};

/// What a file lacks at most when it is cut off.
const CLUSTER_TIME: Duration = Duration::from_secs(1);
/// The first frames wait this long for others that were captured before them: the earliest is where the file begins.
const FIRST_CLUSTER_TIME: Duration = Duration::from_millis(200);
/// Of the last picture, if nothing tells; and the longest that is believed.
const PICTURE_TIME: u64 = 33;
const LONGEST_PICTURE_TIME: u64 = 200;
/// Frames that wait for the file to begin: more is no stream.
const MAX_EARLY: usize = 256;

/// A frame on its way into a file.
#[derive(Debug)]
pub(crate) struct PlacedFrame {
    pub(crate) codec: Codec,
    /// When it was captured, since 1970.
    pub(crate) time: Nanos,
    pub(crate) key: bool,
    pub(crate) data: Vec<u8>,
    /// Of a key frame, if it tells.
    pub(crate) format: Option<PictureFormat>,
    pub(crate) quarter_turns: u8,
}

/// A file being written of frames that somebody else has put together.
///
/// Contract: frames of a track in their order, the first picture a key frame; [`FrameFile::handle_timeout`] once
/// [`FrameFile::poll_timeout`] has passed, then [`FrameFile::finish`]. After an error the file is as if it had been cut
/// off: drop this and repair it.
#[derive(Debug)]
pub struct FrameFile<W> {
    file: W,
    /// Frames that wait for the file to begin.
    early: Vec<PlacedFrame>,
    /// Where the file's time begins.
    zero: Option<Nanos>,
    cluster: Cluster,
    /// When what is gathered has to be written.
    due: Option<Time>,
    /// Where the next cluster goes.
    end: u64,
    cues: Vec<Cue>,
    /// Its track has been described.
    has_audio: bool,
    /// The codec of its track, once that has been described.
    video_codec: Option<Codec>,
    /// Pictures in another codec than the file's.
    misfits: u64,
    extent: Extent,
    /// When the latest frame was captured that is written, ms since the beginning.
    written: u64,
}

impl<W: Write + Seek> FrameFile<W> {
    /// Writes into `file`, which is empty.
    pub fn new(file: W) -> Self {
        Self {
            file,
            early: Vec::new(),
            zero: None,
            cluster: Cluster::default(),
            due: None,
            end: 0,
            cues: Vec::new(),
            has_audio: false,
            video_codec: None,
            misfits: 0,
            extent: Extent::default(),
            written: 0,
        }
    }

    /// A frame of sound, or of pictures in VP8.
    pub fn push(&mut self, frame: FileFrame, now: Time) -> io::Result<()> {
        let says_format = frame.key && frame.codec == Codec::Vp8;
        let format = if says_format { vp8::picture_format(&frame.data) } else { None };
        let time = Nanos::try_from(frame.time).unwrap_or(Nanos::MAX).saturating_mul(1_000_000);
        let FileFrame { codec, key, data, .. } = frame;
        self.add(PlacedFrame { codec, time, key, data, format, quarter_turns: 0 }, now)
    }

    /// A deadline has passed.
    pub fn handle_timeout(&mut self, now: Time) -> io::Result<()> {
        if self.due.is_some_and(|due| due <= now) { self.write_cluster() } else { Ok(()) }
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    /// Whether anything can be played by now.
    pub fn is_begun(&self) -> bool {
        self.end > matroska::CLUSTERS_AT
    }

    /// When the latest frame was captured that can be played by now, ms since 1970.
    pub fn written(&self) -> u64 {
        self.zero.map_or(0, milliseconds) + self.written
    }

    /// Writes what is left and makes the file seekable. Without a single frame it stays empty. The summary tells of no
    /// losses.
    pub fn finish(mut self) -> io::Result<FileSummary> {
        self.write_cluster()?;
        let Some(zero) = self.zero else { return Ok(FileSummary::default()) };
        let start = milliseconds(zero);
        let duration = self.extent.duration();
        let tracks = [self.has_audio, self.video_codec.is_some()];
        let size = matroska::complete(&mut self.file, start, duration, &self.cues, tracks, self.end)?;
        let [has_audio, has_video] = tracks;
        let container = self.video_codec.map_or(Container::default(), Container::of);
        Ok(FileSummary { start, end: start + duration, duration, size, has_audio, has_video, container, losses: None })
    }

    /// Pictures left out because they are in another codec than the file's.
    pub(crate) fn misfits(&self) -> u64 {
        self.misfits
    }

    pub(crate) fn add(&mut self, frame: PlacedFrame, now: Time) -> io::Result<()> {
        match self.zero {
            Some(zero) => self.store(zero, frame, now),
            None => {
                self.due.get_or_insert(now + FIRST_CLUSTER_TIME);
                self.early.push(frame);
                if self.early.len() == MAX_EARLY { self.write_cluster() } else { Ok(()) }
            }
        }
    }

    fn store(&mut self, zero: Nanos, frame: PlacedFrame, now: Time) -> io::Result<()> {
        let time = milliseconds(frame.time.saturating_sub(zero));
        let track = if frame.codec == Codec::Opus { TrackNumber::Audio } else { TrackNumber::Video };
        let block = Block { track, time, key: frame.key, data: frame.data };
        let begins_cluster = track == TrackNumber::Video && block.key;
        if !self.cluster.is_empty() && (begins_cluster || !self.cluster.fits(&block)) {
            self.write_cluster()?;
        }
        match (track, self.video_codec) {
            (TrackNumber::Audio, _) if !self.has_audio => {
                matroska::describe_audio(&mut self.file)?;
                self.has_audio = true;
            }
            (TrackNumber::Video, None) => {
                // The first picture is a key frame, and those say what they are.
                let format = frame.format.unwrap_or_default();
                matroska::describe_video(&mut self.file, frame.codec, &format, frame.quarter_turns)?;
                self.video_codec = Some(frame.codec);
            }
            (TrackNumber::Video, Some(codec)) if codec != frame.codec => {
                self.misfits += 1;
                return Ok(());
            }
            _ => {}
        }
        self.extent.add(&block);
        self.due.get_or_insert(now + CLUSTER_TIME);
        self.cluster.push(block);
        Ok(())
    }

    /// Writes what is gathered.
    fn write_cluster(&mut self) -> io::Result<()> {
        if !self.early.is_empty() {
            self.begin()?;
        }
        self.due = None;
        if self.cluster.is_empty() {
            return Ok(());
        }
        self.cues.extend(self.cluster.cue(self.end, self.video_codec.is_some(), self.cues.last()));
        let latest = self.cluster.latest();
        let bytes = self.cluster.take();
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&bytes)?;
        self.file.flush()?;
        self.end += bytes.len() as u64;
        self.written = self.written.max(latest);
        Ok(())
    }

    /// The file begins with the earliest frame there is.
    fn begin(&mut self) -> io::Result<()> {
        let mut early = std::mem::take(&mut self.early);
        early.sort_by_key(|frame| frame.time);
        let zero = early.first().map_or(0, |frame| frame.time);
        // Whole milliseconds, so that the start that is told is the one that is meant.
        let zero = zero - zero.rem_euclid(1_000_000);
        self.zero = Some(zero);
        let bytes = matroska::beginning(milliseconds(zero));
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&bytes)?;
        self.end = bytes.len() as u64;
        // They are written at once: no deadline comes of them.
        early.into_iter().try_for_each(|frame| self.store(zero, frame, Time::ZERO))
    }
}

/// How far the frames reach.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    audio_end: u64,
    /// The last picture, and how long the one before was shown.
    picture: Option<(u64, u64)>,
}

impl Extent {
    pub(crate) fn add(&mut self, block: &Block) {
        match block.track {
            TrackNumber::Audio => self.audio(block.time, &block.data),
            TrackNumber::Video => self.video(block.time),
        }
    }

    /// `data` may be the first two bytes.
    pub(crate) fn audio(&mut self, time: u64, data: &[u8]) {
        self.audio_end = self.audio_end.max(time.saturating_add(opus_duration(data).as_millis() as u64));
    }

    pub(crate) fn video(&mut self, time: u64) {
        let shown = self.picture.map_or(PICTURE_TIME, |(last, shown)| match time.saturating_sub(last) {
            step @ ..=LONGEST_PICTURE_TIME => step,
            // A pause says nothing.
            _ => shown,
        });
        self.picture = Some((time, shown));
    }

    /// ms.
    pub(crate) fn duration(&self) -> u64 {
        self.picture.map_or(0, |(last, shown)| last.saturating_add(shown)).max(self.audio_end)
    }
}

impl Cluster {
    /// Where playing can begin in it: at a key frame; without pictures anywhere, but not too often.
    fn cue(&self, at: u64, has_video: bool, last: Option<&Cue>) -> Option<Cue> {
        let wanted = |block: &&Block| block.key && (block.track == TrackNumber::Video) == has_video;
        let block = self.blocks().iter().find(wanted)?;
        Cue::is_due(block.track, block.time, last).then_some(Cue { time: block.time, track: block.track as u8, at })
    }
}

/// Of a packet, RFC 6716 §3.1 and §3.2.
pub(crate) fn opus_duration(packet: &[u8]) -> Duration {
    let Some(&toc) = packet.first() else {
        return Duration::ZERO;
    };
    let frame = match toc >> 3 {
        config @ 0..12 => [10_000, 20_000, 40_000, 60_000][usize::from(config % 4)],
        config @ 12..16 => [10_000, 20_000][usize::from(config % 2)],
        config => [2_500, 5_000, 10_000, 20_000][usize::from(config % 4)],
    };
    let frames = match toc & 0x03 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1).map_or(1, |count| u64::from(count & 0x3f)),
    };
    // No packet is longer than 120 ms.
    Duration::from_micros((frame * frames).min(120_000))
}

/// Of a time that is not before the beginning.
fn milliseconds(time: Nanos) -> u64 {
    u64::try_from(time / 1_000_000).unwrap_or(0)
}
