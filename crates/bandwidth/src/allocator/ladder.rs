//! The layers of a stream as steps, each better and dearer than the one before.

use std::time::{Duration, Instant};

use super::{Class, Layer, LayerRate};
use crate::bitrate::Bitrate;

/// How long it takes until most of a change of a rate counts: at once it would be noise, too late it would be a queue.
const RISE: Duration = Duration::from_millis(300);
const FALL: Duration = Duration::from_secs(4);
/// Of a larger picture than the smallest, only so many of the best temporal layers are steps: to most eyes a small picture
/// that moves is better than a large one that stutters. A screen is read: there, size is all.
const SMOOTH: usize = 2;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Ladder {
    measured: Vec<LayerRate>,
    updated: Option<Instant>,
    steps: Vec<(Layer, Bitrate)>,
}

impl Ladder {
    pub(super) fn set(&mut self, layers: &[LayerRate], now: Instant) {
        let passed = self.updated.replace(now).map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        let old = std::mem::take(&mut self.measured);
        self.measured.extend(layers.iter().map(|new| {
            let known = old.iter().find(|known| known.layer == new.layer && known.active && new.active);
            let Some(known) = known else { return *new };
            let (old, new_rate) = (known.bitrate.as_f64(), new.bitrate.as_f64());
            let time = if new_rate > old { RISE } else { FALL };
            let weight = 1.0 - (-passed.as_secs_f64() / time.as_secs_f64()).exp();
            LayerRate { bitrate: Bitrate::from_f64(old + weight * (new_rate - old)), ..*new }
        }));
    }

    /// Makes the steps up to `limit`.
    pub(super) fn build(&mut self, class: Class, limit: Layer) {
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
        ladder.build(class, limit);
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
        ladder.build(Class::Camera, Layer::BEST);
        assert!(ladder.rate(1) > Bitrate::kbps(190));
        ladder.set(&[rate(0, 0, 100)], at(2000));
        ladder.build(Class::Camera, Layer::BEST);
        assert!(ladder.rate(1) > Bitrate::kbps(165));
    }
}
