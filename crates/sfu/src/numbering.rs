//! Numbers that go on without a hole of our making, whatever is left out of what came: sequence numbers, and VP8's picture
//! numbers; and without a jump those of frames that dependency descriptors tell. What was lost on the way stays a hole, so that it can be asked for and fits when it comes late.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use payload::vp8::PictureNumbers;

use crate::packet::Vp8Rewrite;

/// Runs of packets that were left out and are remembered, so that a late packet from before them is numbered right.
const REMEMBERED: usize = 64;

/// Maps the sequence numbers of the current source to outgoing ones.
#[derive(Debug)]
pub(crate) struct Sequences {
    next: u64,
    /// Of the current source: what came before is not forwarded.
    base: u64,
    /// Incoming minus outgoing at `base`; may wrap.
    offset: u64,
    highest: u64,
    /// Runs that were left out since `base`, and how many packets those are.
    left_out: VecDeque<RangeInclusive<u64>>,
    count: u64,
}

impl Sequences {
    /// Outgoing numbers begin with this one.
    pub(crate) fn new(first: u64) -> Self {
        Self { next: first, base: 0, offset: 0, highest: 0, left_out: VecDeque::new(), count: 0 }
    }

    /// Another source begins here.
    pub(crate) fn rebase(&mut self, incoming: u64) {
        self.base = incoming;
        self.offset = incoming.wrapping_sub(self.next);
        self.highest = incoming.saturating_sub(1);
        self.left_out.clear();
        self.count = 0;
    }

    /// The number of a packet that is forwarded.
    pub(crate) fn map(&mut self, incoming: u64) -> Option<u64> {
        let before = match self.left_out.back() {
            Some(last) if incoming <= *last.end() => self.left_out_before(incoming)?,
            _ => self.count,
        };
        if incoming < self.base {
            return None;
        }
        self.highest = self.highest.max(incoming);
        let outgoing = incoming.wrapping_sub(self.offset).wrapping_sub(before);
        self.next = self.next.max(outgoing + 1);
        Some(outgoing)
    }

    /// A packet is left out. If later ones have left a hole for it already, that is its number: something has to fill it.
    pub(crate) fn leave_out(&mut self, incoming: u64) -> Option<u64> {
        if incoming <= self.highest {
            return self.map(incoming);
        }
        let follows = incoming == self.highest + 1;
        self.highest = incoming;
        self.count += 1;
        match self.left_out.back_mut() {
            Some(last) if follows && *last.end() + 1 == incoming => *last = *last.start()..=incoming,
            _ => self.left_out.push_back(incoming..=incoming),
        }
        if self.left_out.len() > REMEMBERED
            && let Some(oldest) = self.left_out.pop_front()
        {
            let length = oldest.end() - oldest.start() + 1;
            self.base = oldest.end() + 1;
            self.offset = self.offset.wrapping_add(length);
            self.count -= length;
        }
        None
    }

    /// How many were left out before a packet; nothing if it is one of them.
    fn left_out_before(&self, incoming: u64) -> Option<u64> {
        let before = self.left_out.partition_point(|run| *run.end() < incoming);
        let is_left_out = self.left_out.get(before).is_some_and(|run| run.contains(&incoming));
        let count = self.left_out.range(..before).map(|run| run.end() - run.start() + 1).sum();
        (!is_left_out).then_some(count)
    }
}

/// Continuous PictureID and TL0PICIDX.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    picture_offset: u16,
    tl0_offset: u8,
    last_picture: Option<u16>,
    last_tl0: Option<u8>,
}

impl Pictures {
    /// Another source begins with these.
    pub(crate) fn rebase(&mut self, numbers: PictureNumbers) {
        if let (Some(last), Some(id)) = (self.last_picture, numbers.picture_id) {
            self.picture_offset = last.wrapping_add(1).wrapping_sub(id.value);
        }
        if let (Some(last), Some(tl0)) = (self.last_tl0, numbers.tl0_pic_idx) {
            self.tl0_offset = last.wrapping_add(1).wrapping_sub(tl0);
        }
    }

    /// What a packet has to say instead, if that is something else. So many pictures before it were left out.
    pub(crate) fn rewrite(&mut self, numbers: PictureNumbers, left_out: u64) -> Option<Vp8Rewrite> {
        let offset = self.picture_offset.wrapping_sub(left_out as u16);
        let picture_id = numbers.picture_id.map(|id| {
            let out = id.value.wrapping_add(offset) & id.mask;
            let ahead = |last: u16| out.wrapping_sub(last) & id.mask <= id.mask / 2;
            if self.last_picture.is_none_or(ahead) {
                self.last_picture = Some(out);
            }
            out
        });
        let tl0_pic_idx = numbers.tl0_pic_idx.map(|tl0| {
            let out = tl0.wrapping_add(self.tl0_offset);
            if self.last_tl0.is_none_or(|last| out.wrapping_sub(last) < 0x80) {
                self.last_tl0 = Some(out);
            }
            out
        });
        let unchanged = offset == 0 && self.tl0_offset == 0;
        let empty = picture_id.is_none() && tl0_pic_idx.is_none();
        (!unchanged && !empty).then_some(Vp8Rewrite { picture_id, tl0_pic_idx })
    }
}

/// Continuous numbers of frames, as dependency descriptors have them. What was left out may leave a hole.
#[derive(Debug, Default)]
pub(crate) struct FrameNumbers {
    offset: u16,
    last: Option<u16>,
}

impl FrameNumbers {
    /// Another source begins with this one.
    pub(crate) fn rebase(&mut self, number: u16) {
        if let Some(last) = self.last {
            self.offset = last.wrapping_add(1).wrapping_sub(number);
        }
    }

    /// What a packet says instead.
    pub(crate) fn rewrite(&mut self, number: u16) -> u16 {
        let out = number.wrapping_add(self.offset);
        if self.last.is_none_or(|last| out.wrapping_sub(last) < 0x8000) {
            self.last = Some(out);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_left_out_leaves_no_hole_and_a_loss_does() {
        let mut sequences = Sequences::new(100);
        sequences.rebase(10);
        assert_eq!(sequences.map(10), Some(100));
        assert_eq!(sequences.leave_out(11), None);
        assert_eq!(sequences.leave_out(12), None);
        assert_eq!(sequences.map(15), Some(103), "13 and 14 are lost");
        assert_eq!(sequences.leave_out(14), Some(102), "its hole has to be filled");
        assert_eq!(sequences.map(13), Some(101), "and this one is repaired");
        assert_eq!(sequences.map(12), None, "this one was left out");
        assert_eq!(sequences.map(9), None, "from before");
        assert_eq!(sequences.map(16), Some(104));
    }

    proptest! {
        #[test]
        fn each_number_belongs_to_one_packet_whatever_the_order(
            kept in proptest::collection::vec(any::<bool>(), 1..500),
            delays in proptest::collection::vec(0usize..6, 500),
        ) {
            let mut order: Vec<usize> = (0..kept.len()).collect();
            order.sort_by_key(|at| at + delays[*at]);
            let mut sequences = Sequences::new(0);
            sequences.rebase(order[0] as u64);
            let mut out = Vec::new();
            for at in order {
                let number = at as u64;
                let mapped = if kept[at] { sequences.map(number) } else { sequences.leave_out(number) };
                out.extend(mapped.map(|outgoing| (number, outgoing)));
            }
            out.sort_unstable();
            // All orders are kept, and nothing is missing.
            for (expected, (_, outgoing)) in out.iter().enumerate() {
                prop_assert_eq!(*outgoing, expected as u64);
            }
        }
    }
}
