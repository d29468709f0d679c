//! The slope of the delays, and the threshold that it is held against.

use super::Usage;
use super::groups::Step;

/// Delays that the line goes through.
const WINDOW: usize = 20;
/// Of a smoothed delay, the share that is older.
const SMOOTHING: f64 = 0.9;
/// What a slope (milliseconds of delay per millisecond) is multiplied with to be held against the threshold: more of it the
/// more delays there are behind it, up to so many.
const GAIN: f64 = 4.0;
const MOST_STEPS: f64 = 60.0;
/// Milliseconds that the slope must be too steep.
const SUSTAINED: f64 = 10.0;
/// The threshold, its limits and how fast it follows up and down, per millisecond (draft-ietf-rmcat-gcc-02 §5.4, with the
/// numbers that go with a fitted line). It must follow, or loss-based flows starve us, and we starve each other.
const THRESHOLD: f64 = 12.5;
const THRESHOLDS: (f64, f64) = (6.0, 600.0);
const UP: f64 = 0.0087;
const DOWN: f64 = 0.039;
/// Above the threshold by more than this is a spike, which it does not follow.
const SPIKE: f64 = 15.0;
/// Milliseconds of a step at most, for the threshold: a pause does not make it run away.
const LONGEST_STEP: f64 = 100.0;

/// One delay: when, and how much, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Delay {
    at: f64,
    smoothed: f64,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Trend {
    /// Of the first step: later ones count from there, in milliseconds.
    origin: Option<u64>,
    last: f64,
    delays: [Delay; WINDOW],
    steps: u32,
    accumulated: f64,
    smoothed: f64,
    slope: f64,
    threshold: f64,
    too_steep: Option<(f64, u32)>,
    usage: Usage,
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            origin: None,
            last: 0.0,
            delays: [Delay::default(); WINDOW],
            steps: 0,
            accumulated: 0.0,
            smoothed: 0.0,
            slope: 0.0,
            threshold: THRESHOLD,
            too_steep: None,
            usage: Usage::Normal,
        }
    }
}

impl Trend {
    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    /// Begins anew, but with the threshold that has been found.
    pub(crate) fn restart(&mut self) {
        *self = Self { threshold: self.threshold, ..Self::default() };
    }

    pub(crate) fn add(&mut self, step: Step) {
        let origin = *self.origin.get_or_insert(step.at);
        let at = step.at.saturating_sub(origin) as f64 / 1e3;
        let passed = (at - self.last).clamp(0.0, LONGEST_STEP);
        self.last = at;
        self.accumulated += (step.arrival as f64 - step.sent as f64) / 1e3;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        self.delays[self.steps as usize % WINDOW] = Delay { at, smoothed: self.smoothed };
        self.steps = self.steps.saturating_add(1);
        let before = self.slope;
        if self.steps as usize >= WINDOW {
            self.slope = fitted_slope(&self.delays);
        }
        let weighed = f64::from(self.steps).min(MOST_STEPS) * self.slope * GAIN;
        self.usage = if weighed > self.threshold {
            // The step before it was too steep already, on average half of it.
            let (since, seen) = self.too_steep.map_or((at - passed / 2.0, 1), |(since, seen)| (since, seen + 1));
            self.too_steep = Some((since, seen));
            if at - since > SUSTAINED && seen > 1 && self.slope >= before { Usage::Overuse } else { self.usage }
        } else {
            self.too_steep = None;
            if weighed < -self.threshold { Usage::Underuse } else { Usage::Normal }
        };
        self.follow(weighed.abs(), passed);
    }

    fn follow(&mut self, weighed: f64, passed: f64) {
        let above = weighed - self.threshold;
        if above > SPIKE {
            return;
        }
        let speed = if above > 0.0 { UP } else { DOWN };
        self.threshold = (self.threshold + speed * above * passed).clamp(THRESHOLDS.0, THRESHOLDS.1);
    }
}

/// Least squares. Without any time between them, delays have no slope.
fn fitted_slope(delays: &[Delay; WINDOW]) -> f64 {
    let mean = |of: fn(&Delay) -> f64| delays.iter().map(of).sum::<f64>() / WINDOW as f64;
    let (at, delay) = (mean(|delay| delay.at), mean(|delay| delay.smoothed));
    let (covariance, variance) = delays.iter().fold((0.0, 0.0), |(covariance, variance), point| {
        let distance = point.at - at;
        (covariance + distance * (point.smoothed - delay), variance + distance * distance)
    });
    if variance > 0.0 { covariance / variance } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The usages seen with packets every 20 ms, each later than the one before by `more` microseconds.
    fn usages(trend: &mut Trend, begin: &mut u64, steps: usize, more: impl Fn(usize) -> i64) -> Vec<Usage> {
        let step = |n| {
            let arrival = 20_000_u64.saturating_add_signed(more(n));
            *begin += arrival;
            trend.add(Step { sent: 20_000, arrival, at: *begin });
            trend.usage()
        };
        (0..steps).map(step).collect()
    }

    #[test]
    fn growing_delay_is_overuse_and_shrinking_is_underuse() {
        let (mut trend, mut at) = (Trend::default(), 1_000_000);
        let noise = |n: usize| if n.is_multiple_of(2) { 2_000 } else { -2_000 };
        assert!(usages(&mut trend, &mut at, 200, noise).iter().all(|usage| *usage == Usage::Normal));
        let growing = usages(&mut trend, &mut at, 30, |n| 4_000 + noise(n));
        let first = growing.iter().position(|usage| *usage == Usage::Overuse).expect("a growing queue is seen");
        assert!(first < 15, "after {first} steps");
        let shrinking = usages(&mut trend, &mut at, 60, |_| -4_000);
        assert_eq!(shrinking.last(), Some(&Usage::Underuse));
        assert_eq!(usages(&mut trend, &mut at, 60, |_| 0).last(), Some(&Usage::Normal));
    }

    #[test]
    fn the_threshold_follows_what_is_usual_on_a_path() {
        let (mut trend, mut at) = (Trend::default(), 0);
        let before = trend.threshold;
        usages(&mut trend, &mut at, 300, |_| 0);
        assert!(trend.threshold < before && trend.threshold >= THRESHOLDS.0);
    }
}
