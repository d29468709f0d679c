//! The layers of a stream as steps, each better and dearer than the one before.

use std::time::{Duration, Instant};

use super::{Class, Layer, LayerRate, Wish};
use crate::bitrate::Bitrate;

/// How long it takes until most of a change of a rate counts: at once it would be noise, too late it would be a queue.
const RISE: Duration = Duration::from_millis(300);
const FALL: Duration = Duration::from_secs(4);
/// Of a larger picture than the smallest, only so many of the best temporal layers are steps: to most eyes a small picture
/// that moves is better than a large one that stutters. A screen is read: there, size is all.
const SMOOTH: usize = 2;
/// What a stream may take at most is compared with what its layers take over so long: key frames and scenes come and go.
const USUAL: Duration = Duration::from_secs(5);
/// Encoders do not keep to a rate exactly, so that a layer is taken up to this much above the limit,…
const TAKEN: f64 = 1.15;
/// …and given up only further above.
const KEPT: f64 = 1.3;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Ladder {
    measured: Vec<Measured>,
    updated: Option<Instant>,
    steps: Vec<(Layer, Bitrate)>,
}

#[derive(Clone, Copy, Debug)]
struct Measured {
    layer: Layer,
    bitrate: Bitrate,
    /// The same over [`USUAL`].
    usual: Bitrate,
    active: bool,
}

impl Ladder {
    pub(super) fn set(&mut self, layers: &[LayerRate], now: Instant) {
        let passed = self.updated.replace(now).map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        let old = std::mem::take(&mut self.measured);
        self.measured.extend(layers.iter().map(|new| {
            let LayerRate { layer, bitrate, active } = *new;
            let known = old.iter().find(|known| known.layer == layer && known.active && active);
            let Some(known) = known else { return Measured { layer, bitrate, usual: bitrate, active } };
            let approach = |old: Bitrate, time: Duration| {
                let weight = 1.0 - (-passed.as_secs_f64() / time.as_secs_f64()).exp();
                Bitrate::from_f64(old.as_f64() + weight * (bitrate.as_f64() - old.as_f64()))
            };
            let time = if bitrate > known.bitrate { RISE } else { FALL };
            let (rate, usual) = (approach(known.bitrate, time), approach(known.usual, USUAL));
            Measured { layer, bitrate: rate, usual, active }
        }));
    }

    /// Makes the steps up to what is wished; `current` is the layer that is sent now.
    pub(super) fn build(&mut self, class: Class, wish: &Wish, current: Option<Layer>) {
        let limit = wish.limit;
        self.steps.clear();
        let active = || self.measured.iter().filter(|layer| layer.active);
        let within = |layer: Layer| layer.spatial <= limit.spatial && layer.temporal <= limit.temporal;
        let Some(lowest) = active().map(|rate| rate.layer).min() else {
            return;
        };
        let smallest = lowest.spatial;
        let frames = active().filter(|rate| within(rate.layer)).map(|rate| rate.layer.temporal).max().unwrap_or(0);
        let smooth = |layer: Layer| {
            class == Class::Screen || layer.spatial == smallest || usize::from(frames - layer.temporal) < SMOOTH
        };
        self.steps.extend(
            active().filter(|rate| within(rate.layer) && smooth(rate.layer)).map(|rate| (rate.layer, rate.bitrate)),
        );
        if self.steps.is_empty() {
            self.steps.extend(active().find(|rate| rate.layer == lowest).map(|rate| (rate.layer, rate.bitrate)));
        }
        // What is better and not dearer replaces what is not as good.
        self.steps.sort_unstable_by_key(|(layer, rate)| (*rate, *layer));
        let mut best: Option<Layer> = None;
        self.steps.retain(|(layer, _)| {
            let better = best.is_none_or(|best| *layer > best);
            if better {
                best = Some(*layer);
            }
            better
        });
        if let Some(most) = wish.most {
            self.keep_to(most, current);
        }
    }

    /// Leaves out what takes more than that, but for the first step.
    fn keep_to(&mut self, most: Bitrate, current: Option<Layer>) {
        let fits = |layer: Layer| {
            let bound = most.scaled(if current.is_some_and(|current| layer <= current) { KEPT } else { TAKEN });
            self.measured.iter().any(|measured| measured.layer == layer && measured.usual <= bound)
        };
        let fitting = self.steps.iter().skip(1).take_while(|(layer, _)| fits(*layer)).count();
        self.steps.truncate(fitting + 1);
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Step 0 is nothing.
    pub(super) fn rate(&self, step: usize) -> Bitrate {
        step.checked_sub(1).and_then(|at| self.steps.get(at)).map_or(Bitrate::ZERO, |(_, rate)| *rate)
    }

    pub(super) fn layer(&self, step: usize) -> Option<Layer> {
        step.checked_sub(1).and_then(|at| self.steps.get(at)).map(|(layer, _)| *layer)
    }

    /// The highest step that is not above `layer`; if all are, the lowest.
    pub(super) fn step_of(&self, layer: Option<Layer>) -> usize {
        let Some(layer) = layer else { return 0 };
        let step = self.steps.iter().rposition(|(step, _)| *step <= layer).map_or(1, |at| at + 1);
        step.min(self.steps.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(spatial: u8, temporal: u8, kilobits: u64) -> LayerRate {
        LayerRate { layer: Layer { spatial, temporal }, bitrate: Bitrate::kbps(kilobits), active: true }
    }

    fn steps(class: Class, limit: Layer, layers: &[LayerRate]) -> Vec<(u8, u8)> {
        let mut ladder = Ladder::default();
        ladder.set(layers, Instant::now());
        ladder.build(class, &Wish { limit, ..Wish::default() }, None);
        ladder.steps.iter().map(|(layer, _)| (layer.spatial, layer.temporal)).collect()
    }

    #[test]
    fn steps_become_better_and_dearer() {
        let layers = [
            rate(0, 0, 60),
            rate(0, 1, 90),
            rate(0, 2, 150),
            rate(1, 0, 200),
            rate(1, 1, 300),
            rate(1, 2, 500),
            rate(2, 2, 450),
        ];
        assert_eq!(steps(Class::Camera, Layer::BEST, &layers), [(0, 0), (0, 1), (0, 2), (1, 1), (2, 2)]);
        assert_eq!(steps(Class::Screen, Layer { spatial: 1, temporal: 0 }, &layers), [(0, 0), (1, 0)]);
        let silent = layers.map(|layer| LayerRate { active: layer.layer.spatial == 2, ..layer });
        assert_eq!(steps(Class::Camera, Layer { spatial: 0, temporal: 2 }, &silent), [(2, 2)]);
        assert_eq!(steps(Class::Camera, Layer::BEST, &[]), []);
    }

    #[test]
    fn a_rate_rises_fast_and_falls_slowly() {
        let mut ladder = Ladder::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        ladder.set(&[rate(0, 0, 100)], at(0));
        ladder.set(&[rate(0, 0, 200)], at(1000));
        ladder.build(Class::Camera, &Wish::default(), None);
        assert!(ladder.rate(1) > Bitrate::kbps(190));
        ladder.set(&[rate(0, 0, 100)], at(2000));
        ladder.build(Class::Camera, &Wish::default(), None);
        assert!(ladder.rate(1) > Bitrate::kbps(165));
    }

    #[test]
    fn what_takes_too_much_is_left_out_but_for_the_smallest() {
        let start = Instant::now();
        let mut ladder = Ladder::default();
        ladder.set(&[rate(0, 0, 150), rate(1, 0, 500), rate(2, 0, 1100)], start);
        let mut steps = |most, current: Option<u8>| {
            let wish = Wish { most: Some(Bitrate::kbps(most)), ..Wish::default() };
            ladder.build(Class::Camera, &wish, current.map(|spatial| Layer { spatial, temporal: 0 }));
            ladder.steps.len()
        };
        assert_eq!(steps(1000, None), 3, "as good as kept to");
        assert_eq!(steps(900, None), 2);
        assert_eq!(steps(900, Some(1)), 2);
        assert_eq!(steps(900, Some(2)), 3, "what is sent is not given up for little");
        assert_eq!(steps(800, Some(2)), 2);
        assert_eq!(steps(300, Some(2)), 1);
        assert_eq!(steps(50, None), 1, "rather than nothing");
    }

    #[test]
    fn a_key_frame_does_not_break_a_limit() {
        let wish = Wish { most: Some(Bitrate::kbps(1000)), ..Wish::default() };
        let best = Some(Layer { spatial: 1, temporal: 0 });
        let mut ladder = Ladder::default();
        let mut now = Instant::now();
        let mut measure = |ladder: &mut Ladder, kilobits, current| {
            now += Duration::from_millis(500);
            ladder.set(&[rate(0, 0, 300), rate(1, 0, kilobits)], now);
            ladder.build(Class::Camera, &wish, current);
            ladder.steps.len()
        };
        for kilobits in [950, 950, 1700, 1700, 950, 950, 950, 950] {
            assert_eq!(measure(&mut ladder, kilobits, best), 2);
        }
        let gone = (0..20).position(|_| measure(&mut ladder, 1700, best) == 1);
        assert!(gone.is_some_and(|steps| steps > 3), "given up after {gone:?} measurements");
        let back = (0..40).position(|_| measure(&mut ladder, 950, None) == 2);
        assert!(back.is_some_and(|steps| steps > 3), "back after {back:?} measurements");
    }
}
