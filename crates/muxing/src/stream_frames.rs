//! One published stream becoming frames, for whoever decodes them at once.

use std::collections::VecDeque;
use std::time::Duration;

use crate::lane::{Arrived, Lane};
use crate::timeline::StreamTime;
use crate::{Codec, Packet, PictureFormat, Source, Time};

/// A frame, and when it was captured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimedFrame {
    /// How to read it.
    pub codec: Codec,
    /// On the caller's clock, the same for sound and pictures.
    pub time: Time,
    /// It can be decoded without any other.
    pub key: bool,
    /// As Matroska stores it: H264 in units with four-byte lengths.
    pub data: Vec<u8>,
    /// Of a key frame, if it tells.
    pub format: Option<PictureFormat>,
    /// How many quarter turns clockwise set the picture upright.
    pub quarter_turns: u8,
}

/// Frames of a stream that nobody waits for long: what is missing after some patience is lost, and pictures go on with the next
/// one that needs no other.
///
/// Contract: packets as they come, [`StreamFrames::handle_timeout`] once [`StreamFrames::poll_timeout`] has passed, and after each
/// of these everything that can be polled.
#[derive(Debug)]
pub struct StreamFrames {
    audio: LiveLane,
    video: LiveLane,
    time: StreamTime,
    frames: VecDeque<TimedFrame>,
    asks: bool,
}

/// One kind of media.
#[derive(Debug)]
struct LiveLane {
    lane: Lane,
    is_video: bool,
    patience: Duration,
    source: Option<Source>,
    /// What still comes of it is too late.
    before: Option<Source>,
}

impl StreamFrames {
    /// Waits for packets that were lost or overtaken no longer than this.
    pub fn new(audio_patience: Duration, video_patience: Duration) -> Self {
        Self {
            audio: LiveLane::new(false, audio_patience),
            video: LiveLane::new(true, video_patience),
            time: StreamTime::default(),
            frames: VecDeque::new(),
            asks: false,
        }
    }

    /// A packet came. Of another source than the one before, numbers and timestamps begin anew.
    pub fn handle_packet(&mut self, packet: Packet, now: Time) {
        let lane = if packet.codec == Codec::Opus { &mut self.audio } else { &mut self.video };
        if lane.before == Some(packet.source) {
            return;
        }
        if lane.source != Some(packet.source) {
            lane.lane.end(now);
            lane.collect(&mut self.time, &mut self.frames);
            lane.begin(packet.source);
        }
        lane.lane.push(packet, now);
        self.asks |= lane.collect(&mut self.time, &mut self.frames);
    }

    /// A deadline has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        for lane in [&mut self.audio, &mut self.video] {
            lane.lane.advance(now);
            self.asks |= lane.collect(&mut self.time, &mut self.frames);
        }
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<Time> {
        [&self.audio, &self.video].into_iter().filter_map(|lane| lane.lane.deadline()).min()
    }

    /// The next frame; of each kind in order.
    pub fn poll_frame(&mut self) -> Option<TimedFrame> {
        self.frames.pop_front()
    }

    /// Whether a key frame has to be asked for now. Not more often than once a second.
    pub fn take_request(&mut self) -> bool {
        std::mem::take(&mut self.asks)
    }
}

impl LiveLane {
    fn new(is_video: bool, patience: Duration) -> Self {
        Self { lane: Lane::new(is_video, patience), is_video, patience, source: None, before: None }
    }

    /// Another source goes on with a key frame of its own.
    fn begin(&mut self, source: Source) {
        self.before = self.source.replace(source);
        self.lane = Lane::new(self.is_video, self.patience);
    }

    /// Takes the frames that are whole by now; whether a key frame is wanted.
    fn collect(&mut self, time: &mut StreamTime, frames: &mut VecDeque<TimedFrame>) -> bool {
        while let Some(Arrived { frame, stamp }) = self.lane.poll_frame() {
            let Some(nanos) = time.place(&stamp) else { continue };
            frames.push_back(TimedFrame {
                codec: stamp.codec,
                time: Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)),
                key: frame.key,
                data: frame.data,
                format: frame.format,
                quarter_turns: stamp.quarter_turns.unwrap_or(0),
            });
        }
        self.lane.take_request()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const START: Time = Duration::from_secs(1000);

    fn sound(sequence: u64, ssrc: u32) -> Packet {
        Packet {
            codec: Codec::Opus,
            source: Source { generation: 0, ssrc },
            sequence,
            timestamp: (sequence * 960) as u32,
            marker: false,
            quarter_turns: None,
            payload: Arc::from([0x78, sequence as u8]),
            arrival: START + Duration::from_millis(sequence * 20),
            report: None,
        }
    }

    fn key_picture(sequence: u64, ssrc: u32, arrival: Time) -> Packet {
        Packet {
            codec: Codec::Vp8,
            marker: true,
            payload: Arc::from([0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 64, 0, 64, 0]),
            arrival,
            ..sound(sequence, ssrc)
        }
    }

    fn polled(frames: &mut StreamFrames) -> Vec<u8> {
        std::iter::from_fn(|| frames.poll_frame()).map(|frame| frame.data[1]).collect()
    }

    #[test]
    fn a_hole_is_waited_for_and_then_given_up() {
        let patience = Duration::from_millis(60);
        let mut frames = StreamFrames::new(patience, patience);
        for n in [0, 1, 3, 2, 5] {
            let packet = sound(n, 1);
            let now = packet.arrival;
            frames.handle_packet(packet, now);
        }
        assert_eq!(polled(&mut frames), [0, 1, 2, 3]);
        let due = frames.poll_timeout().unwrap();
        assert_eq!(due, START + Duration::from_millis(100) + patience);
        frames.handle_timeout(due);
        assert_eq!(polled(&mut frames), [5]);
    }

    #[test]
    fn another_source_begins_at_once_and_the_old_one_is_over() {
        let mut frames = StreamFrames::new(Duration::from_secs(1), Duration::from_secs(1));
        for (n, packet) in [sound(7, 1), sound(9, 1), sound(500, 2), sound(8, 1), sound(501, 2)].into_iter().enumerate()
        {
            frames.handle_packet(packet, START + Duration::from_millis(n as u64));
        }
        assert_eq!(polled(&mut frames), [7, 9, 500u64 as u8, 501u64 as u8]);
    }

    #[test]
    fn pictures_of_another_source_wait_for_its_key_frame() {
        let mut frames = StreamFrames::new(Duration::from_secs(1), Duration::from_secs(1));
        frames.handle_packet(key_picture(1, 1, START), START);
        assert!(frames.poll_frame().is_some_and(|frame| frame.key) && !frames.take_request());
        let other = key_picture(1, 2, START + Duration::from_secs(1));
        let delta = Packet { payload: Arc::from([0x10, 0x11, 0, 0]), ..other.clone() };
        frames.handle_packet(delta, other.arrival);
        assert_eq!(frames.poll_frame(), None);
        assert!(frames.take_request());
        let second = Packet { sequence: 2, ..other };
        let now = second.arrival + Duration::from_millis(40);
        frames.handle_packet(Packet { timestamp: 3600, ..second }, now);
        assert!(frames.poll_frame().is_some_and(|frame| frame.key));
    }
}
