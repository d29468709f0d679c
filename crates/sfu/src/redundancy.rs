//! Sound that comes with the frames before it (RED, RFC 2198): what was lost between the publisher and here is put back in place
//! out of the packet that follows, before it is forwarded. So it is whole for everybody, recordings too, whether or not they read
//! such packets themselves. Which subscribers are sent the packets as they came is decided in `subscriber.rs`.

use std::sync::Arc;

use payload::red::Redundant;

use crate::packet::{MediaKind, Packet, Source};

/// Packets looked back on. What comes later than that is of no use to a listener.
const REMEMBERED: u64 = u64::BITS as u64;

/// Of a publication's sound.
#[derive(Debug, Default)]
pub(crate) struct Redundancy {
    known: Option<Known>,
}

/// What has come, or was put back.
#[derive(Clone, Copy, Debug)]
struct Known {
    source: Source,
    highest: u64,
    /// The timestamp of that packet.
    timestamp: u32,
    /// Bit n is the packet n before the highest one.
    seen: u64,
    /// Something was put back: from then on it matters what comes late.
    restores: bool,
}

impl Redundancy {
    /// Takes note of a packet. `false`: it is there already, because it was put back, and must not be forwarded again: two
    /// packets under one number would be sealed with one nonce.
    pub(crate) fn is_new(&mut self, packet: &Packet, mut restore: impl FnMut(Packet)) -> bool {
        if packet.kind != MediaKind::Audio {
            return true;
        }
        let Some(known) = self.known.as_mut().filter(|known| known.source == packet.source) else {
            let (source, highest, timestamp) = (packet.source, packet.sequence, packet.timestamp);
            self.known = Some(Known { source, highest, timestamp, seen: 1, restores: false });
            return true;
        };
        let Some(ahead) = packet.sequence.checked_sub(known.highest).filter(|ahead| *ahead > 0) else {
            return known.take_late(packet.sequence);
        };
        known.seen = known.seen.checked_shl(ahead.try_into().unwrap_or(u32::MAX)).unwrap_or(0) | 1;
        if ahead > 1 {
            known.restore(packet, ahead - 1, &mut restore);
        }
        known.highest = packet.sequence;
        known.timestamp = packet.timestamp;
        true
    }
}

impl Known {
    fn take_late(&mut self, sequence: u64) -> bool {
        let back = self.highest - sequence;
        if back >= REMEMBERED {
            return !self.restores;
        }
        let bit = 1 << back;
        let is_new = self.seen & bit == 0;
        self.seen |= bit;
        is_new
    }

    /// `missing` packets right before `packet` have not come. The frames in it are those of the packets before it, the last one
    /// of the packet right before it: senders repeat what they have sent, one frame a packet.
    fn restore(&mut self, packet: &Packet, missing: u64, restore: &mut impl FnMut(Packet)) {
        let Some(redundant) = packet.redundant() else {
            return;
        };
        let count = redundant.earlier().count() as u64;
        for (index, earlier) in redundant.earlier().enumerate() {
            let back = count - index as u64;
            // Not of a frame that came, and not of one that the sender had left out, so that it counts otherwise than we do.
            let since = packet.timestamp.wrapping_sub(self.timestamp);
            let fits = u32::from(earlier.age) < since && earlier.age > 0;
            if back > missing || back >= REMEMBERED || !fits || earlier.frame.is_empty() {
                continue;
            }
            self.seen |= 1 << back;
            self.restores = true;
            restore(Packet {
                sequence: packet.sequence - back,
                timestamp: packet.timestamp.wrapping_sub(earlier.age.into()),
                marker: false,
                payload: Arc::from(earlier.frame),
                primary_at: 0,
                ..packet.clone()
            });
        }
    }
}

impl Packet {
    /// The frames in it, if it has several.
    fn redundant(&self) -> Option<Redundant<'_>> {
        if self.primary_at == 0 { None } else { Redundant::read(&self.payload).ok() }
    }
}

/// Where the newest frame begins in a payload of redundant sound. `None`: it cannot be read.
pub(crate) fn primary_at(payload: &[u8]) -> Option<u16> {
    let redundant = Redundant::read(payload).ok()?;
    u16::try_from(redundant.primary_at()).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    /// The frame of a packet says which one it is.
    fn packet(sequence: u64, depth: u64) -> Packet {
        let mut payload = Vec::new();
        for back in (1..=depth).rev() {
            let age = (960 * back) as u16;
            payload.extend([0x80 | 111, (age >> 6) as u8, (age << 2) as u8, 8]);
        }
        payload.push(111);
        (0..=depth).rev().for_each(|back| payload.extend((sequence - back).to_be_bytes()));
        let primary_at = if depth > 0 { primary_at(&payload).unwrap() } else { 0 };
        let payload = if depth > 0 { payload } else { payload.split_off(1) };
        let source = Source { generation: 1, layer: 0, ssrc: 7 };
        let packet = Packet::bare(MediaKind::Audio, source, sequence, &payload, Instant::now());
        Packet { timestamp: (sequence * 960) as u32, primary_at, ..packet }
    }

    /// Numbers in the order in which they would be forwarded.
    fn forwarded(arrivals: &[u64], depth: u64) -> Vec<u64> {
        let mut redundancy = Redundancy::default();
        let mut out = Vec::new();
        for sequence in arrivals {
            let packet = packet(*sequence, depth);
            let is_new = redundancy.is_new(&packet, |restored| {
                assert_eq!(restored.timestamp, (restored.sequence * 960) as u32);
                assert_eq!(restored.payload.as_ref(), restored.sequence.to_be_bytes());
                out.push(restored.sequence);
            });
            out.extend(is_new.then_some(*sequence));
        }
        out
    }

    #[test]
    fn what_was_lost_is_put_back_in_order() {
        assert_eq!(forwarded(&[100, 101, 103, 104, 105], 1), [100, 101, 102, 103, 104, 105]);
        assert_eq!(forwarded(&[100, 103, 104], 1), [100, 102, 103, 104], "one frame is all there is");
        assert_eq!(forwarded(&[100, 103, 104], 2), [100, 101, 102, 103, 104]);
        assert_eq!(forwarded(&[100, 103, 104], 0), [100, 103, 104]);
        assert_eq!(forwarded(&[100, 1000, 1001], 1), [100, 999, 1000, 1001]);
    }

    #[test]
    fn what_was_put_back_is_not_forwarded_again() {
        assert_eq!(forwarded(&[100, 102, 101, 103], 1), [100, 101, 102, 103]);
        assert_eq!(forwarded(&[100, 102, 101, 103], 0), [100, 102, 101, 103], "late, and wanted");
        assert_eq!(forwarded(&[100, 102, 200, 101], 1), [100, 101, 102, 199, 200], "too late to be sure");
    }

    /// Nothing is sent in silence, and the frame before a packet is an old one.
    #[test]
    fn a_pause_is_no_loss() {
        let mut redundancy = Redundancy::default();
        redundancy.is_new(&packet(100, 1), |_| panic!());
        let mut after = packet(101, 1);
        after.timestamp += 48_000;
        assert!(redundancy.is_new(&after, |_| panic!()));
        // One is lost after it, whose frame is repeated by the next: 20 ms older, and younger than the one that came.
        let mut later = packet(103, 1);
        later.timestamp += 48_000;
        let mut restored = Vec::new();
        assert!(redundancy.is_new(&later, |packet| restored.push((packet.sequence, packet.timestamp))));
        assert_eq!(restored, [(102, 102 * 960 + 48_000)]);
        // A frame that is as old as the one that came is that one.
        let mut odd = packet(105, 1);
        odd.timestamp = 103 * 960 + 48_000 + 960;
        assert!(redundancy.is_new(&odd, |_| panic!()));
    }

    proptest! {
        #[test]
        fn no_number_is_forwarded_twice(
            steps in proptest::collection::vec((0u64..5, 0u64..4), 1..200),
        ) {
            let mut next = 1000;
            let mut arrivals: Vec<u64> = Vec::new();
            for (skip, back) in steps {
                next += 1 + skip;
                let late = next - back;
                let arrival = if arrivals.contains(&late) { next } else { late };
                if !arrivals.contains(&arrival) {
                    arrivals.push(arrival);
                }
            }
            let mut out = forwarded(&arrivals, 2);
            let count = out.len();
            out.sort_unstable();
            out.dedup();
            prop_assert_eq!(out.len(), count);
        }
    }
}
