//! Packets of one kind, sound or pictures, to whole frames. After a loss pictures are left out up to the next one that
//! needs no other, and that one is asked for; sound just has a gap.

use std::collections::VecDeque;
use std::time::Duration;

use payload::{Depacketiser, Frame};

use crate::reorder::{Ordered, ReorderWindow};
use crate::summary::Losses;
use crate::{Codec, Packet, SenderReport, Source, Time};

/// Between two requests for a key frame.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A frame and what is known of its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Arrived {
    pub(crate) frame: Frame,
    pub(crate) stamp: Stamp,
}

/// Where a frame stands in its stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    pub(crate) codec: Codec,
    pub(crate) source: Source,
    pub(crate) timestamp: u32,
    /// Of its first packet to come.
    pub(crate) arrival: Time,
    pub(crate) report: Option<SenderReport>,
    pub(crate) quarter_turns: Option<u8>,
}

/// One kind of media.
#[derive(Debug)]
pub(crate) struct Lane {
    is_video: bool,
    window: ReorderWindow,
    depacketiser: Option<(Codec, Depacketiser)>,
    gathering: Option<Stamp>,
    /// Pictures cannot be decoded until a key frame comes.
    awaits_key_frame: bool,
    has_begun: bool,
    asked: Option<Time>,
    asks: bool,
    /// The frame being gathered is not whole.
    is_broken: bool,
    frames: VecDeque<Arrived>,
    losses: Losses,
}

impl Lane {
    /// Waits for what is missing no longer than `patience`.
    pub(crate) fn new(is_video: bool, patience: Duration) -> Self {
        Self {
            is_video,
            window: ReorderWindow::new(patience),
            depacketiser: None,
            gathering: None,
            awaits_key_frame: is_video,
            has_begun: false,
            asked: None,
            asks: false,
            is_broken: false,
            frames: VecDeque::new(),
            losses: Losses::default(),
        }
    }

    pub(crate) fn push(&mut self, packet: Packet, now: Time) {
        if self.window.push(packet) {
            self.advance(now);
        }
    }

    /// Takes what is in order by now.
    pub(crate) fn advance(&mut self, now: Time) {
        while let Some(ordered) = self.window.pop(now) {
            self.take(ordered, now);
        }
    }

    /// Nothing more will come.
    pub(crate) fn end(&mut self, now: Time) {
        while let Some(ordered) = self.window.pop_last() {
            self.take(ordered, now);
        }
        self.complete(now);
    }

    pub(crate) fn poll_frame(&mut self) -> Option<Arrived> {
        self.frames.pop_front()
    }

    /// Whether a key frame has to be asked for now.
    pub(crate) fn take_request(&mut self) -> bool {
        std::mem::take(&mut self.asks)
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.window.deadline()
    }

    pub(crate) fn losses(&self) -> Losses {
        self.losses
    }

    fn take(&mut self, Ordered { packet, missing }: Ordered, now: Time) {
        if missing > 0 {
            self.losses.lost_packets += missing;
            self.lose(now);
        }
        // Padding that came late fills its hole and says nothing.
        if packet.payload.is_empty() {
            return;
        }
        let source = self.gathering.map(|stamp| stamp.source);
        if source.is_some_and(|source| source != packet.source) {
            self.abandon();
        }
        if self.gathering.is_none_or(|stamp| stamp.timestamp != packet.timestamp) {
            self.complete(now);
            self.begin(&packet);
        }
        if let Some(stamp) = &mut self.gathering {
            stamp.arrival = stamp.arrival.min(packet.arrival);
            // It is told in the last packet of a picture.
            stamp.quarter_turns = packet.quarter_turns.or(stamp.quarter_turns);
        }
        let Some((_, depacketiser)) = &mut self.depacketiser else {
            return;
        };
        if !self.is_broken && depacketiser.push(&packet.payload).is_err() {
            self.is_broken = true;
        }
        if packet.marker || !self.is_video {
            self.complete(now);
        }
    }

    fn begin(&mut self, packet: &Packet) {
        if self.depacketiser.as_ref().is_none_or(|(codec, _)| *codec != packet.codec) {
            self.depacketiser = Some((packet.codec, Depacketiser::new(packet.codec)));
            self.awaits_key_frame = self.is_video;
        }
        let Packet { codec, source, timestamp, arrival, report, quarter_turns, .. } = *packet;
        self.gathering = Some(Stamp { codec, source, timestamp, arrival, report, quarter_turns });
    }

    /// The frame being gathered has ended.
    fn complete(&mut self, now: Time) {
        let (Some(stamp), Some((_, depacketiser))) = (self.gathering.take(), &mut self.depacketiser) else {
            return;
        };
        let frame = if std::mem::take(&mut self.is_broken) { None } else { depacketiser.take().ok() };
        depacketiser.clear();
        match frame {
            Some(frame) if frame.key || !self.awaits_key_frame => {
                self.awaits_key_frame = false;
                self.has_begun = true;
                self.frames.push_back(Arrived { frame, stamp });
            }
            readable => {
                // Before the first picture nothing is left out: the file has not begun.
                if self.has_begun || readable.is_none() {
                    self.losses.dropped_frames += 1;
                }
                self.ask(now);
            }
        }
    }

    /// The source ended within a frame; the next one has its own beginning.
    fn abandon(&mut self) {
        self.gathering = None;
        self.is_broken = false;
        self.awaits_key_frame = self.is_video;
        self.losses.dropped_frames += 1;
        if let Some((_, depacketiser)) = &mut self.depacketiser {
            depacketiser.clear();
        }
    }

    /// Packets are missing before the next one: what is being gathered lacks its end, or what follows its beginning.
    fn lose(&mut self, now: Time) {
        if !self.is_video {
            return;
        }
        if self.gathering.is_some() {
            self.is_broken = true;
            self.complete(now);
        }
        self.ask(now);
    }

    fn ask(&mut self, now: Time) {
        if !self.is_video {
            return;
        }
        self.awaits_key_frame = true;
        if self.asked.is_none_or(|asked| now >= asked + ASK_AGAIN) {
            self.asked = Some(now);
            self.asks = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const START: Time = Duration::from_secs(1000);
    const PATIENCE: Duration = Duration::from_millis(500);

    /// One VP8 packet; every frame has two.
    fn vp8(sequence: u64, key: bool) -> Packet {
        let first = sequence.is_multiple_of(2);
        let payload: &[u8] = match (first, key) {
            (true, true) => &[0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 64, 0, 64, 0],
            (true, false) => &[0x10, 0x11, 0, 0],
            (false, _) => &[0x00, 0x55],
        };
        Packet {
            codec: Codec::Vp8,
            source: Source { generation: 1, ssrc: 1 },
            sequence,
            timestamp: (sequence / 2 * 3000) as u32,
            marker: !first,
            quarter_turns: None,
            payload: Arc::from(payload),
            arrival: START + Duration::from_millis(sequence / 2 * 33),
            report: None,
        }
    }

    fn feed(lane: &mut Lane, packets: impl IntoIterator<Item = Packet>) -> Vec<u32> {
        for packet in packets {
            let now = packet.arrival;
            lane.push(packet, now);
        }
        std::iter::from_fn(|| lane.poll_frame()).map(|f| f.stamp.timestamp / 3000).collect()
    }

    #[test]
    fn the_first_picture_is_a_key_frame() {
        let mut lane = Lane::new(true, PATIENCE);
        let frames = feed(&mut lane, (0..20).map(|n| vp8(n, n / 2 == 4)));
        assert_eq!(frames, [4, 5, 6, 7, 8, 9]);
        assert!(lane.take_request());
    }

    #[test]
    fn after_a_loss_pictures_go_on_with_a_key_frame_that_is_asked_for() {
        for lost in [8, 9] {
            let mut lane = Lane::new(true, PATIENCE);
            let sent = (0..200).filter(|n| *n != lost).map(|n| vp8(n, n / 2 % 60 == 0));
            let mut frames = feed(&mut lane, sent);
            lane.end(START + Duration::from_secs(60));
            frames.extend(std::iter::from_fn(|| lane.poll_frame()).map(|f| f.stamp.timestamp / 3000));
            assert_eq!(frames, (0..4).chain(60..100).collect::<Vec<u32>>(), "packet {lost}");
            assert!(lane.take_request());
            let losses = lane.losses();
            assert_eq!((losses.lost_packets, losses.dropped_frames), (1, 56));
        }
    }

    #[test]
    fn a_whole_lost_picture_is_noticed_too() {
        let mut lane = Lane::new(true, PATIENCE);
        let mut frames = feed(&mut lane, (0..200).filter(|n| n / 2 != 5).map(|n| vp8(n, n / 2 % 60 == 0)));
        lane.end(START + Duration::from_secs(60));
        frames.extend(std::iter::from_fn(|| lane.poll_frame()).map(|f| f.stamp.timestamp / 3000));
        assert_eq!(frames, (0..5).chain(60..100).collect::<Vec<u32>>());
    }

    #[test]
    fn a_picture_that_its_source_did_not_end_is_left_out() {
        let mut lane = Lane::new(true, PATIENCE);
        let other = |n: u64| {
            let packet = vp8(n + 1, n == 19);
            Packet { sequence: n, source: Source { generation: 1, ssrc: 2 }, ..packet }
        };
        let sent = (0..19).map(|n| vp8(n, n < 2)).chain((19..39).map(other));
        let frames = feed(&mut lane, sent);
        assert_eq!(frames, (0..9).chain(10..20).collect::<Vec<u32>>());
        assert_eq!(lane.losses(), Losses { dropped_frames: 1, ..Losses::default() });
        assert!(!lane.take_request(), "the other source begins with a key frame");
    }

    #[test]
    fn what_comes_in_another_order_is_put_right() {
        let mut lane = Lane::new(true, PATIENCE);
        let mut order: Vec<u64> = (0..40).collect();
        order.chunks_mut(4).for_each(<[u64]>::reverse);
        // The very first one tells where numbers begin.
        order.swap(0, 3);
        let frames = feed(&mut lane, order.into_iter().map(|n| vp8(n, n < 2)));
        assert_eq!(frames, (0..20).collect::<Vec<u32>>());
        assert_eq!(lane.losses(), Losses::default());
    }

    #[test]
    fn a_loss_in_sound_leaves_the_rest() {
        let mut lane = Lane::new(false, PATIENCE);
        let opus = |n: u64| Packet {
            codec: Codec::Opus,
            sequence: n,
            payload: Arc::from([0x78, n as u8]),
            ..vp8(n * 2, false)
        };
        let mut frames = feed(&mut lane, (0..40).filter(|n| *n != 7).map(opus));
        lane.end(START + Duration::from_secs(60));
        frames.extend(std::iter::from_fn(|| lane.poll_frame()).map(|f| f.stamp.timestamp / 3000));
        assert_eq!(frames, (0..40).filter(|n| *n != 7).collect::<Vec<u32>>());
        assert_eq!(lane.losses(), Losses { lost_packets: 1, ..Losses::default() });
        assert!(!lane.take_request());
    }
}
