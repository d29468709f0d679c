//! Which frames of one stream go to one subscriber: layers above what it should get are left out, and so is whatever cannot
//! be decoded without what was left out. So a layer comes back where its frames need nothing that is missing: more frames
//! per second at a point of synchronisation, a larger picture at a key frame. Frames that never came are no reason to
//! leave out others: they may still come.

use payload::dependency::Layer;

use crate::layered_frame::{Aim, LayeredFrame};

/// See the module. Bit n of each set stands for frame `newest - n`.
#[derive(Debug, Default)]
pub(crate) struct LayerFilter {
    newest: u64,
    /// What was decided on: a frame's packets share one fate.
    known: u128,
    left_out: u128,
    /// Those of them that left no hole in the numbers of pictures, and how many that were in all.
    closed: u128,
    closed_count: u64,
    /// The size that is forwarded, and the most frames per second.
    spatial: u8,
    temporal: u8,
    /// Another one was tried to go to, and its frames need what was left out.
    is_stuck: bool,
    /// Everything is taken.
    is_whole: bool,
}

impl LayerFilter {
    /// Takes everything, always.
    pub(crate) fn whole() -> Self {
        Self { is_whole: true, ..Self::default() }
    }

    /// A source begins, at a key frame.
    pub(crate) fn restart(&mut self, aim: Aim) {
        let Aim { spatial, temporal, .. } = aim;
        *self = Self { is_whole: self.is_whole, spatial, temporal, ..Self::default() };
    }

    /// The size of the picture that is forwarded.
    pub(crate) fn spatial(&self) -> u8 {
        self.spatial
    }

    /// The highest layer that is forwarded, if something may be left out.
    pub(crate) fn highest(&self) -> Option<Layer> {
        (!self.is_whole).then_some(Layer { spatial: self.spatial, temporal: self.temporal })
    }

    /// A smaller picture is not possible before a key frame.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is_stuck
    }

    /// Whether a packet of this frame is forwarded.
    pub(crate) fn takes(&mut self, frame: &LayeredFrame, aim: Aim) -> bool {
        if self.is_whole {
            self.spatial = aim.spatial;
            return true;
        }
        let ahead = frame.number.saturating_sub(self.newest);
        if ahead > 0 {
            self.advance(ahead);
            self.newest = frame.number;
            if frame.is_key {
                (self.spatial, self.is_stuck) = (aim.spatial, false);
            }
        }
        let age = self.newest - frame.number;
        let Some(bit) = age.try_into().ok().and_then(|age| 1_u128.checked_shl(age)) else {
            return false;
        };
        if self.known & bit != 0 {
            return self.left_out & bit == 0;
        }
        self.known |= bit;
        let is_taken = self.decide(frame, age as u32, aim);
        if !is_taken {
            self.left_out |= bit;
            if ahead > 0 {
                self.closed |= bit;
                self.closed_count += 1;
            }
        }
        is_taken
    }

    /// Frames before this one that its number is to be lowered by.
    pub(crate) fn left_out_before(&self, number: u64) -> u64 {
        let since = match self.newest.saturating_sub(number) {
            age @ 0..127 => self.closed & ((1 << (age + 1)) - 1),
            _ => self.closed,
        };
        self.closed_count - u64::from(since.count_ones())
    }

    fn decide(&mut self, frame: &LayeredFrame, age: u32, aim: Aim) -> bool {
        let missing = self.left_out.checked_shr(age + 1).unwrap_or(0);
        let is_decodable = frame.references & missing == 0;
        if aim.spatial >= self.spatial {
            self.is_stuck = false;
        } else if age == 0 && frame.spatial == aim.spatial && frame.temporal <= aim.temporal {
            self.is_stuck = !is_decodable;
            if is_decodable {
                self.spatial = aim.spatial;
            }
        }
        self.temporal = if self.is_stuck { 0 } else { aim.temporal };
        let is_of_use = frame.spatial == self.spatial || frame.spatial < self.spatial && !frame.is_skippable;
        is_of_use && frame.temporal <= self.temporal && is_decodable
    }

    fn advance(&mut self, frames: u64) {
        let shift = u32::try_from(frames).unwrap_or(u32::MAX);
        for set in [&mut self.known, &mut self.left_out, &mut self.closed] {
            *set = set.checked_shl(shift).unwrap_or(0);
        }
    }
}
