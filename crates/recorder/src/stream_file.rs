//! One published stream becoming one file.

use std::collections::VecDeque;
use std::io::{self, Seek, SeekFrom, Write};
use std::time::Duration;

use crate::cluster::{Block, Cluster, TrackNumber};
use crate::lane::{Arrived, Lane};
use crate::matroska::{self, Cue};
use crate::summary::{Container, FileSummary, Losses};
use crate::timeline::{Nanos, StreamTime};
use crate::{Codec, Packet, Time};

/// What a file lacks at most when it is cut off.
const CLUSTER_TIME: Duration = Duration::from_secs(1);
/// The first frames wait this long for others that were captured before them: the earliest is where the file begins.
const FIRST_CLUSTER_TIME: Duration = Duration::from_millis(200);
/// Of the last picture, if nothing tells; and the longest that is believed.
const PICTURE_TIME: u64 = 33;
const LONGEST_PICTURE_TIME: u64 = 200;
/// Frames that wait for the file to begin: more is no stream.
const MAX_EARLY: usize = 256;

/// What the caller should know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The first frames have been written.
    Running,
    /// Nothing can be decoded until the publisher sends a key frame.
    KeyFrameNeeded,
}

/// A file being written.
///
/// Contract: packets as they come, [`StreamFile::handle_timeout`] once [`StreamFile::poll_timeout`] has passed, then
/// [`StreamFile::finish`]. After an error the file is as if it had been cut off: drop this and repair it.
#[derive(Debug)]
pub struct StreamFile<W> {
    file: W,
    audio: Option<Lane>,
    video: Option<Lane>,
    time: StreamTime,
    /// Frames that wait for the file to begin.
    early: Vec<(Nanos, Arrived)>,
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
    overflowed: u64,
    events: VecDeque<Event>,
}

impl<W: Write + Seek> StreamFile<W> {
    /// Writes into `file`, which is empty, what is asked for of `audio` and `video`.
    pub fn new(file: W, audio: bool, video: bool) -> Self {
        Self::after(StreamTime::default(), file, audio, video)
    }

    /// The same for a stream that had a file before.
    pub fn after(time: StreamTime, file: W, audio: bool, video: bool) -> Self {
        Self {
            file,
            audio: audio.then(|| Lane::new(false)),
            video: video.then(|| Lane::new(true)),
            time,
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
            overflowed: 0,
            events: VecDeque::new(),
        }
    }

    /// A packet came.
    pub fn handle_packet(&mut self, packet: Packet, now: Time) -> io::Result<()> {
        let lane = if packet.codec == Codec::Opus { &mut self.audio } else { &mut self.video };
        if let Some(lane) = lane {
            lane.push(packet, now);
        }
        self.collect(now)
    }

    /// Packets of this stream were dropped before they came here.
    pub fn overflowed(&mut self, packets: u64) {
        self.overflowed += packets;
    }

    /// A deadline has passed.
    pub fn handle_timeout(&mut self, now: Time) -> io::Result<()> {
        for lane in self.audio.iter_mut().chain(&mut self.video) {
            lane.advance(now);
        }
        self.collect(now)?;
        if self.due.is_some_and(|due| due <= now) { self.write_cluster() } else { Ok(()) }
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<Time> {
        let lanes = self.audio.iter().chain(&self.video).filter_map(Lane::deadline);
        lanes.chain(self.due).min()
    }

    /// What the caller should know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is missing in it so far.
    pub fn losses(&self) -> Losses {
        let lanes = self.audio.iter().chain(&self.video).map(Lane::losses);
        let others = Losses { overflowed_packets: self.overflowed, dropped_frames: self.misfits, lost_packets: 0 };
        lanes.fold(others, |sum, lane| Losses {
            lost_packets: sum.lost_packets + lane.lost_packets,
            dropped_frames: sum.dropped_frames + lane.dropped_frames,
            ..sum
        })
    }

    /// Writes what is left and makes the file seekable. Without a single frame it stays empty.
    pub fn finish(self, now: Time) -> io::Result<FileSummary> {
        self.interrupt(now).map(|(summary, _)| summary)
    }

    /// The same for a stream that may go on in another file.
    pub fn interrupt(mut self, now: Time) -> io::Result<(FileSummary, StreamTime)> {
        for lane in self.audio.iter_mut().chain(&mut self.video) {
            lane.end(now);
        }
        self.collect(now)?;
        self.write_cluster()?;
        let losses = Some(self.losses());
        let Some(zero) = self.zero else {
            return Ok((FileSummary { losses, ..FileSummary::default() }, self.time));
        };
        let start = milliseconds(zero);
        let duration = self.extent.duration();
        let tracks = [self.has_audio, self.video_codec.is_some()];
        let size = matroska::complete(&mut self.file, start, duration, &self.cues, tracks, self.end)?;
        let [has_audio, has_video] = tracks;
        let container = self.video_codec.map_or(Container::default(), Codec::container);
        let end = start + duration;
        self.time.end(Nanos::try_from(end.saturating_mul(1_000_000)).unwrap_or(Nanos::MAX));
        Ok((FileSummary { start, end, duration, size, has_audio, has_video, container, losses }, self.time))
    }

    /// Takes the frames that are whole by now.
    fn collect(&mut self, now: Time) -> io::Result<()> {
        while let Some(frame) = self.audio.as_mut().and_then(Lane::poll_frame) {
            self.add(frame, now)?;
        }
        while let Some(frame) = self.video.as_mut().and_then(Lane::poll_frame) {
            self.add(frame, now)?;
        }
        if self.video.as_mut().is_some_and(Lane::take_request) {
            self.events.push_back(Event::KeyFrameNeeded);
        }
        Ok(())
    }

    fn add(&mut self, frame: Arrived, now: Time) -> io::Result<()> {
        let Some(time) = self.time.place(&frame.stamp) else {
            return Ok(());
        };
        match self.zero {
            Some(zero) => self.store(time.saturating_sub(zero), frame, now),
            None => {
                self.due.get_or_insert(now + FIRST_CLUSTER_TIME);
                self.early.push((time, frame));
                if self.early.len() == MAX_EARLY { self.write_cluster() } else { Ok(()) }
            }
        }
    }

    fn store(&mut self, time: Nanos, Arrived { frame, stamp }: Arrived, now: Time) -> io::Result<()> {
        let time = milliseconds(time);
        let track = if stamp.codec == Codec::Opus { TrackNumber::Audio } else { TrackNumber::Video };
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
                let turns = stamp.quarter_turns.unwrap_or(0);
                matroska::describe_video(&mut self.file, stamp.codec, &format, turns)?;
                self.video_codec = Some(stamp.codec);
            }
            (TrackNumber::Video, Some(codec)) if codec != stamp.codec => {
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
        self.due = None;
        if !self.early.is_empty() {
            self.begin()?;
        }
        if self.cluster.is_empty() {
            return Ok(());
        }
        self.cues.extend(self.cluster.cue(self.end, self.video_codec.is_some(), self.cues.last()));
        let bytes = self.cluster.take();
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&bytes)?;
        self.file.flush()?;
        if self.end == matroska::CLUSTERS_AT {
            self.events.push_back(Event::Running);
        }
        self.end += bytes.len() as u64;
        self.due = None;
        Ok(())
    }

    /// The file begins with the earliest frame there is.
    fn begin(&mut self) -> io::Result<()> {
        let mut early = std::mem::take(&mut self.early);
        early.sort_by_key(|(time, _)| *time);
        let zero = early.first().map_or(0, |(time, _)| *time);
        // Whole milliseconds, so that the start that is told is the one that is meant.
        let zero = zero - zero.rem_euclid(1_000_000);
        self.zero = Some(zero);
        let bytes = matroska::beginning(milliseconds(zero));
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&bytes)?;
        self.end = bytes.len() as u64;
        for (time, frame) in early {
            let arrival = frame.stamp.arrival;
            self.store(time - zero, frame, arrival)?;
        }
        Ok(())
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
        self.audio_end = self.audio_end.max(time + opus_duration(data).as_millis() as u64);
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
        self.picture.map_or(0, |(last, shown)| last + shown).max(self.audio_end)
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
