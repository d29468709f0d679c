//! One continuous stream for one subscriber, made of whatever sources feed it: sequence numbers, timestamps and VP8
//! picture numbers go on without a jump over layer switches and a publisher's reconnection. It chooses no layer (see
//! [`crate::layer_selector`]) and does not know who sends: it turns a packet into a header, or into nothing.

use std::time::Instant;

use payload::dependency::Rewrite;

use crate::layer_filter::LayerFilter;
use crate::layered_frame::{Aim, LayeredFrame};
use crate::numbering::{FrameNumbers, Pictures, Sequences};
use crate::packet::{MediaKind, OutgoingHeader, Packet, Source};

/// State of one outgoing stream.
#[derive(Debug)]
pub(crate) struct Forwarder {
    clock_rate: u32,
    is_vp8: bool,
    current: Option<Source>,
    sequences: Sequences,
    timestamp_offset: u32,
    last: Option<Sent>,
    pictures: Pictures,
    frame_numbers: FrameNumbers,
    /// Dependency descriptors tell which decode targets there are: from when some are left out to the next key frame without that.
    tells_targets: bool,
    /// Of the current source.
    filter: LayerFilter,
}

/// The newest packet that was forwarded.
#[derive(Clone, Copy, Debug)]
struct Sent {
    timestamp: u32,
    arrival: Instant,
    captured: Option<Instant>,
    generation: u32,
}

impl Forwarder {
    /// `first_sequence` is where the outgoing numbers start: below 32768, so that the receiver cannot miss the first
    /// roll-over (RFC 3711 §3.3.1).
    pub(crate) fn new(clock_rate: u32, is_vp8: bool, first_sequence: u16) -> Self {
        Self {
            clock_rate,
            is_vp8,
            current: None,
            sequences: Sequences::new(u64::from(first_sequence & 0x7fff)),
            timestamp_offset: 0,
            last: None,
            pictures: Pictures::default(),
            frame_numbers: FrameNumbers::default(),
            tells_targets: false,
            filter: LayerFilter::default(),
        }
    }

    /// Of the current source, nothing is left out.
    pub(crate) fn whole(self) -> Self {
        Self { filter: LayerFilter::whole(), ..self }
    }

    /// What is being forwarded.
    pub(crate) fn current(&self) -> Option<Source> {
        self.current
    }

    /// The layer that is being forwarded, among all layers of the picture.
    pub(crate) fn layer(&self) -> Option<usize> {
        self.current.map(|source| source.layer + usize::from(self.filter.spatial()))
    }

    /// It cannot go to the layer that it should get before there is a key frame.
    pub(crate) fn is_stuck(&self) -> bool {
        self.filter.is_stuck()
    }

    /// Nothing is forwarded for a while: what comes after it is a new beginning without a hole.
    pub(crate) fn interrupt(&mut self) {
        self.current = None;
    }

    /// The header of `packet` for this destination, if it is to get it. `aim` is what it should get; video changes over
    /// to another stream at the next key frame of that, audio at once.
    pub(crate) fn forward(&mut self, packet: &Packet, aim: Option<Aim>) -> Option<OutgoingHeader> {
        if self.current != Some(packet.source) {
            let aim = aim.filter(|aim| aim.stream == packet.source.layer);
            let wanted = aim.is_some() && self.current.is_none_or(|c| c.generation <= packet.source.generation);
            let can_start = match packet.kind {
                MediaKind::Audio => !packet.payload.is_empty(),
                MediaKind::Video => packet.key_frame_start,
            };
            if !wanted || !can_start {
                return None;
            }
            self.switch(packet, aim?);
        }
        let is_left_out = self.leaves_out(packet, aim);
        let is_empty = is_left_out || packet.payload.is_empty();
        let sequence =
            if is_empty { self.sequences.leave_out(packet.sequence)? } else { self.sequences.map(packet.sequence)? };
        let timestamp = packet.timestamp.wrapping_add(self.timestamp_offset);
        if self.last.is_none_or(|last| timestamp.wrapping_sub(last.timestamp) as i32 >= 0) {
            self.last = Some(Sent {
                timestamp,
                arrival: packet.arrival,
                captured: packet.captured,
                generation: packet.source.generation,
            });
        }
        let vp8 = if self.is_vp8 && !is_empty {
            let left_out = packet.frame.map_or(0, |frame| self.filter.left_out_before(frame.number));
            self.pictures.rewrite(packet.numbers, left_out)
        } else {
            None
        };
        let described = if is_empty { None } else { self.describe(packet) };
        let is_last = |frame: LayeredFrame| frame.is_end && frame.spatial == self.filter.spatial();
        Some(OutgoingHeader {
            sequence,
            timestamp,
            marker: !is_left_out && (packet.marker || packet.frame.is_some_and(is_last)),
            is_empty,
            layer: packet.source.layer + usize::from(self.filter.spatial()),
            extensions: packet.extensions,
            redundant: false,
            wallclock: packet.captured.unwrap_or(packet.arrival),
            vp8,
            described,
        })
    }

    /// What the dependency descriptor says. Once decode targets are left out each packet tells which there are, so that no loss can
    /// hide it (AV1 RTP payload specification §A.4); a key frame without that says that there are all.
    fn describe(&mut self, packet: &Packet) -> Option<Rewrite> {
        let descriptor = packet.descriptor.as_ref()?;
        let highest = self.filter.highest().filter(|_| packet.frame.is_some());
        let has_above = highest.is_some_and(|highest| descriptor.has_above(highest));
        self.tells_targets = has_above || self.tells_targets && !packet.key_frame_start;
        Some(Rewrite {
            frame_number: self.frame_numbers.rewrite(descriptor.frame_number()),
            highest: highest.filter(|_| self.tells_targets),
        })
    }

    /// Whether a packet of the current source is above what this destination should get.
    fn leaves_out(&mut self, packet: &Packet, aim: Option<Aim>) -> bool {
        let (Some(frame), Some(aim)) = (&packet.frame, aim) else {
            return false;
        };
        // While a smaller stream is waited for, the larger one is as cheap as it can be.
        let temporal = if aim.stream < packet.source.layer { 0 } else { aim.temporal };
        !self.filter.takes(frame, Aim { temporal, ..aim })
    }

    fn switch(&mut self, packet: &Packet, aim: Aim) {
        self.current = Some(packet.source);
        self.filter.restart(aim);
        self.sequences.rebase(packet.sequence);
        if let Some(last) = self.last {
            let elapsed = match (last.captured, packet.captured) {
                (Some(then), Some(now)) if last.generation == packet.source.generation => {
                    now.saturating_duration_since(then)
                }
                _ => packet.arrival.saturating_duration_since(last.arrival),
            };
            let ticks = elapsed.as_nanos() * u128::from(self.clock_rate) / 1_000_000_000;
            // At least a millisecond: two frames must not share a timestamp.
            let ticks = (ticks as u32).max(self.clock_rate / 1000);
            self.timestamp_offset = last.timestamp.wrapping_add(ticks).wrapping_sub(packet.timestamp);
        }
        if self.is_vp8 {
            self.pictures.rebase(packet.numbers);
        }
        if let Some(descriptor) = &packet.descriptor {
            self.frame_numbers.rebase(descriptor.frame_number());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::packet::Vp8Rewrite;

    fn packet(source: Source, sequence: u64, timestamp: u32, key: bool, arrival: Instant, payload: &[u8]) -> Packet {
        let numbers = payload::vp8::picture_numbers(payload);
        let packet = Packet::bare(MediaKind::Video, source, sequence, payload, arrival);
        Packet { timestamp, marker: true, key_frame_start: key, numbers, ..packet }
    }

    fn to(stream: usize) -> Option<Aim> {
        Some(Aim { stream, spatial: 0, temporal: u8::MAX })
    }

    fn source(layer: usize) -> Source {
        Source { generation: 1, layer, ssrc: 7 + layer as u32 }
    }

    fn vp8(picture_id: u16, tl0: u8) -> [u8; 7] {
        [0x90, 0xe0, 0x80 | (picture_id >> 8) as u8, picture_id as u8, tl0, 0x20, 0x01]
    }

    #[test]
    fn nothing_is_forwarded_before_a_key_frame() {
        let now = Instant::now();
        let mut forwarder = Forwarder::new(90_000, true, 100);
        assert_eq!(forwarder.forward(&packet(source(0), 5, 0, false, now, &vp8(1, 1)), to(0)), None);
        let first = forwarder.forward(&packet(source(0), 6, 0, true, now, &vp8(1, 1)), to(0)).unwrap();
        assert_eq!(first.sequence, 100);
    }

    #[test]
    fn a_switch_leaves_no_jump_in_sequence_timestamp_or_picture() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let mut forwarder = Forwarder::new(90_000, true, 0);
        forwarder.forward(&packet(source(0), 1000, 50_000, true, ms(0), &vp8(0x7fff, 255)), to(0)).unwrap();
        let before =
            forwarder.forward(&packet(source(0), 1001, 53_000, false, ms(33), &vp8(0x0000, 0)), to(0)).unwrap();
        assert_eq!(before.vp8, None);
        assert_eq!(forwarder.forward(&packet(source(1), 70_000, 9, false, ms(60), &vp8(90, 9)), to(1)), None);
        let after = forwarder.forward(&packet(source(1), 70_001, 9, true, ms(66), &vp8(91, 10)), to(1)).unwrap();
        assert_eq!(after.sequence, before.sequence + 1);
        assert_eq!(after.timestamp, before.timestamp + 2970);
        assert_eq!(after.vp8, Some(Vp8Rewrite { picture_id: Some(1), tl0_pic_idx: Some(1) }));
        let late = forwarder.forward(&packet(source(0), 1002, 56_000, false, ms(67), &vp8(1, 0)), to(1));
        assert_eq!(late, None, "the old layer is over");
    }

    #[test]
    fn padding_leaves_no_hole_and_a_loss_does() {
        let now = Instant::now();
        let mut forwarder = Forwarder::new(90_000, false, 0);
        let mut feed = |sequence, key, payload: &[u8]| {
            forwarder.forward(&packet(source(0), sequence, 0, key, now, payload), to(0)).map(|h| h.sequence)
        };
        assert_eq!(feed(10, true, &[1]), Some(0));
        assert_eq!(feed(11, false, &[]), None);
        assert_eq!(feed(13, false, &[1]), Some(2), "12 is lost");
        assert_eq!(feed(12, false, &[1]), Some(1), "and repaired");
        assert_eq!(feed(15, false, &[1]), Some(4));
        assert_eq!(feed(14, false, &[]), Some(3), "overtaken padding fills its hole");
    }

    proptest! {
        #[test]
        fn outgoing_sequences_are_unique_and_without_holes_of_our_making(
            kinds in proptest::collection::vec(0u8..10, 1..400),
        ) {
            let now = Instant::now();
            let mut forwarder = Forwarder::new(90_000, false, 500);
            let mut layer = 0;
            let mut incoming = [40_000u64, 123, 9_000_000];
            let mut expected = 500;
            let mut out = Vec::new();
            for (n, kind) in kinds.into_iter().enumerate() {
                incoming[layer] += 1;
                let key = n == 0 || kind == 0;
                if kind == 0 && n % 3 != layer {
                    layer = n % 3;
                    incoming[layer] += 17;
                }
                let payload: &[u8] = if kind == 1 && n > 0 { &[] } else { &[1] };
                let p = packet(source(layer), incoming[layer], n as u32 * 3000, key, now, payload);
                if let Some(header) = forwarder.forward(&p, to(layer)) {
                    prop_assert_eq!(header.sequence, expected);
                    expected += 1;
                    out.push(header.sequence);
                } else {
                    prop_assert!(payload.is_empty());
                }
            }
        }
    }
}
