//! One published stream becoming one file.

use std::collections::VecDeque;
use std::io::{self, Seek, Write};
use std::time::Duration;

use crate::frame_file::{FrameFile, PlacedFrame};
use crate::lane::{Arrived, Lane};
use crate::summary::{FileSummary, Losses};
use crate::timeline::{Nanos, StreamTime};
use crate::{Codec, Packet, Time};

/// Retransmissions come within a few round trips.
const VIDEO_PATIENCE: Duration = Duration::from_millis(800);
/// Sound is not sent again, only overtaken.
const AUDIO_PATIENCE: Duration = Duration::from_millis(200);

/// What the caller should know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamFileEvent {
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
    frames: FrameFile<W>,
    audio: Option<Lane>,
    video: Option<Lane>,
    time: StreamTime,
    overflowed: u64,
    /// The first frames are written, and that was told.
    is_running: bool,
    events: VecDeque<StreamFileEvent>,
}

impl<W: Write + Seek> StreamFile<W> {
    /// Writes into `file`, which is empty, what is asked for of `audio` and `video`.
    pub fn new(file: W, audio: bool, video: bool) -> Self {
        Self::after(StreamTime::default(), file, audio, video)
    }

    /// The same for a stream that had a file before.
    pub fn after(time: StreamTime, file: W, audio: bool, video: bool) -> Self {
        Self {
            frames: FrameFile::new(file),
            audio: audio.then(|| Lane::new(false, AUDIO_PATIENCE)),
            video: video.then(|| Lane::new(true, VIDEO_PATIENCE)),
            time,
            overflowed: 0,
            is_running: false,
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
        self.frames.handle_timeout(now)?;
        self.tell_once_it_runs();
        Ok(())
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<Time> {
        let lanes = self.audio.iter().chain(&self.video).filter_map(Lane::deadline);
        lanes.chain(self.frames.poll_timeout()).min()
    }

    /// What the caller should know.
    pub fn poll_event(&mut self) -> Option<StreamFileEvent> {
        self.events.pop_front()
    }

    /// What is missing in it so far.
    pub fn losses(&self) -> Losses {
        let lanes = self.audio.iter().chain(&self.video).map(Lane::losses);
        let others =
            Losses { overflowed_packets: self.overflowed, dropped_frames: self.frames.misfits(), lost_packets: 0 };
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
        let losses = Some(self.losses());
        let summary = FileSummary { losses, ..self.frames.finish()? };
        if summary.size > 0 {
            self.time.end(Nanos::try_from(summary.end.saturating_mul(1_000_000)).unwrap_or(Nanos::MAX));
        }
        Ok((summary, self.time))
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
            self.events.push_back(StreamFileEvent::KeyFrameNeeded);
        }
        Ok(())
    }

    fn add(&mut self, Arrived { frame, stamp }: Arrived, now: Time) -> io::Result<()> {
        let Some(time) = self.time.place(&stamp) else {
            return Ok(());
        };
        let (codec, quarter_turns) = (stamp.codec, stamp.quarter_turns.unwrap_or(0));
        let placed = PlacedFrame { codec, time, key: frame.key, data: frame.data, format: frame.format, quarter_turns };
        self.frames.add(placed, now)?;
        self.tell_once_it_runs();
        Ok(())
    }

    fn tell_once_it_runs(&mut self) {
        if self.frames.is_begun() && !self.is_running {
            self.is_running = true;
            self.events.push_back(StreamFileEvent::Running);
        }
    }
}
