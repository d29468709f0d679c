//! How fast pictures leave for a client whose path has no room to spare: a key frame, or what somebody who begins is sent of the
//! last pictures, would fill the path's queue at once, and sound would wait behind it. Sound is what never waits here; it
//! counts, though. How fast that is `bandwidth` says, who is paced `subscriber.rs`; packets have been chosen and numbered.
//!
//! All transports of a client share one pace, and take turns. A queue is bounded in time and in bytes: what does not fit is
//! left out from a whole frame on, as if the network had lost it, and a key frame has to follow.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bandwidth::Bitrate;

use crate::packet::{OutgoingHeader, Packet};
use crate::slots::Slot;

/// A packet may leave so much before its time: timers are no better, and no sound is hurt by it.
const SLACK: Duration = Duration::from_millis(5);
/// What waits for longer is of no use in a talk. The largest key frames of a narrow path take nearly as long.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Where it is not known what the path carries, nothing is held back for longer: it would be found out too late.
const SOON: Duration = Duration::from_millis(300);
/// Of one transport.
const MOST_BYTES: usize = 512 * 1024;

/// See the module. Without packets it has no memory of its own.
#[derive(Debug)]
pub(crate) struct Pacer {
    rate: Bitrate,
    /// What has left is through by then.
    free: Option<Instant>,
    lines: VecDeque<Line>,
}

/// What waits for one transport. There is none without packets.
#[derive(Debug)]
struct Line {
    slot: Slot,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// The frame of which some packets have left, by its timestamp.
    begun: Option<u32>,
}

/// A packet that was chosen and numbered.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) packet: Packet,
    pub(crate) header: OutgoingHeader,
    since: Instant,
}

impl Pacer {
    /// Nothing waits.
    pub(crate) fn new(rate: Bitrate) -> Self {
        Self { rate, free: None, lines: VecDeque::new() }
    }

    /// All that the client is sent leaves at this pace from now on; faster, if the path is not known to be full there and much
    /// waits.
    pub(crate) fn set_rate(&mut self, rate: Bitrate, is_limit: bool) {
        let bytes: usize = self.lines.iter().map(|line| line.bytes).sum();
        let soon = Bitrate::bps(bytes as u64 * 8_000 / SOON.as_millis() as u64);
        self.rate = if is_limit { rate } else { rate.max(soon) };
    }

    /// So many bytes have left, of whatever kind.
    pub(crate) fn left(&mut self, bytes: usize, now: Instant) {
        self.free = Some(self.free.map_or(now, |free| free.max(now)) + self.rate.time_for(bytes as u64));
    }

    /// A packet waits for its turn.
    pub(crate) fn push(&mut self, slot: Slot, packet: &Packet, header: OutgoingHeader, now: Instant) {
        let at = self.lines.iter().position(|line| line.slot == slot).unwrap_or_else(|| {
            self.lines.push_back(Line { slot, waiting: VecDeque::new(), bytes: 0, begun: None });
            self.lines.len() - 1
        });
        let line = &mut self.lines[at];
        line.bytes += packet.payload.len();
        line.waiting.push_back(Waiting { packet: packet.clone(), header, since: now });
    }

    /// The next packet that may leave, and for whom. Whoever sends it tells [`Self::left`].
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Slot, Waiting)> {
        if self.free.is_some_and(|free| free > now + SLACK) { None } else { self.take() }
    }

    /// The same, whether it may leave or not.
    pub(crate) fn take(&mut self) -> Option<(Slot, Waiting)> {
        let mut line = self.lines.pop_front()?;
        let waiting = line.waiting.pop_front()?;
        let slot = line.slot;
        line.bytes -= waiting.packet.payload.len();
        line.begun = Some(waiting.header.timestamp);
        if !line.waiting.is_empty() {
            self.lines.push_back(line);
        }
        Some((slot, waiting))
    }

    /// When [`Self::pop`] has something.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        let free = self.free.map_or(now, |free| free.max(now + SLACK) - SLACK);
        (!self.lines.is_empty()).then_some(free)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// What waits for a transport is more than is of use.
    pub(crate) fn is_full(&self, slot: Slot, now: Instant) -> bool {
        let line = self.lines.iter().find(|line| line.slot == slot);
        line.is_some_and(|line| {
            let oldest = line.waiting.front().map_or(now, |waiting| waiting.since);
            line.bytes > MOST_BYTES || now.saturating_duration_since(oldest) > LONGEST_WAIT
        })
    }

    /// Nothing of what waits for a transport is sent, but for the rest of the frame that has begun to leave. `true`: there was
    /// something.
    pub(crate) fn leave_out(&mut self, slot: Slot) -> bool {
        let Some(at) = self.lines.iter().position(|line| line.slot == slot) else {
            return false;
        };
        let line = &mut self.lines[at];
        let before = line.waiting.len();
        line.waiting.retain(|waiting| Some(waiting.header.timestamp) == line.begun);
        line.bytes = line.waiting.iter().map(|waiting| waiting.packet.payload.len()).sum();
        let after = line.waiting.len();
        if after == 0 {
            self.lines.remove(at);
        }
        after < before
    }

    /// A transport is gone.
    pub(crate) fn forget(&mut self, slot: Slot) {
        self.lines.retain(|line| line.slot != slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{MediaKind, Source};

    const RATE: Bitrate = Bitrate::kbps(400);
    const ANN: Slot = Slot(1);
    const BEA: Slot = Slot(2);

    fn push(pacer: &mut Pacer, slot: Slot, frame: u32, sequence: u64, now: Instant) {
        let source = Source { generation: 1, layer: 0, ssrc: 1 };
        let packet = Packet::bare(MediaKind::Video, source, sequence, &[0; 1000], now);
        pacer.push(slot, &packet, OutgoingHeader::bare(sequence, frame, now), now);
    }

    /// What may leave by then, each packet at its time.
    fn run(pacer: &mut Pacer, until: Instant, now: &mut Instant) -> Vec<(Slot, u64)> {
        let mut left = Vec::new();
        while let Some(at) = pacer.next(*now).filter(|at| *at <= until) {
            *now = at;
            let (slot, waiting) = pacer.pop(at).expect("it is due");
            pacer.left(1000, at);
            left.push((slot, waiting.header.sequence));
        }
        *now = until;
        left
    }

    #[test]
    fn packets_leave_in_order_at_the_rate_and_transports_take_turns() {
        let mut now = Instant::now();
        let mut pacer = Pacer::new(RATE);
        for sequence in 0..4 {
            push(&mut pacer, ANN, 1, sequence, now);
        }
        push(&mut pacer, BEA, 1, 70, now);
        // A packet takes 20 ms.
        let until = now + Duration::from_millis(56);
        let left = run(&mut pacer, until, &mut now);
        assert_eq!(left, [(ANN, 0), (BEA, 70), (ANN, 1), (ANN, 2)]);
        assert!(pacer.pop(now).is_none() && !pacer.is_empty());
        // Sound counts.
        pacer.left(500, now);
        let until = now + Duration::from_millis(28);
        assert!(run(&mut pacer, until, &mut now).is_empty());
        let until = now + Duration::from_millis(2);
        assert_eq!(run(&mut pacer, until, &mut now), [(ANN, 3)]);
        assert!(pacer.is_empty() && pacer.next(now).is_none());
    }

    #[test]
    fn what_is_too_much_is_left_out_from_a_whole_frame_on() {
        let mut now = Instant::now();
        let mut pacer = Pacer::new(RATE);
        for sequence in 0..9 {
            push(&mut pacer, ANN, (sequence / 3) as u32, sequence, now);
        }
        push(&mut pacer, BEA, 1, 70, now);
        assert_eq!(pacer.pop(now).map(|(slot, waiting)| (slot, waiting.header.sequence)), Some((ANN, 0)));
        now += LONGEST_WAIT;
        assert!(!pacer.is_full(ANN, now));
        now += Duration::from_millis(1);
        assert!(pacer.is_full(ANN, now));
        assert!(pacer.leave_out(ANN) && !pacer.leave_out(ANN));
        assert!(pacer.is_full(ANN, now), "the rest of a frame goes on");
        let until = now + Duration::from_secs(1);
        assert_eq!(run(&mut pacer, until, &mut now), [(BEA, 70), (ANN, 1), (ANN, 2)]);
        for sequence in 0..=MOST_BYTES as u64 / 1000 {
            assert!(!pacer.is_full(BEA, now));
            push(&mut pacer, BEA, 9, sequence, now);
        }
        assert!(pacer.is_full(BEA, now) && !pacer.is_full(ANN, now));
        pacer.forget(BEA);
        assert!(pacer.is_empty());
    }
}
