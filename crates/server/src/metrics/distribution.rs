//! How values are distributed over fixed bounds.

/// Shares of packets: what people hear begins at some hundredths.
pub(super) const LOSS: [f64; 8] = [0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25];
/// Seconds: from a local network to where a conversation is no longer one.
pub(super) const ROUND_TRIP: [f64; 8] = [0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6];
/// Seconds: a jitter buffer takes some tens of milliseconds.
pub(super) const JITTER: [f64; 8] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16];

/// Counts values by bound.
#[derive(Clone, Debug)]
pub(super) struct Distribution {
    pub(super) bounds: &'static [f64; 8],
    /// Up to each bound, and last beyond.
    pub(super) counts: [u64; 9],
    pub(super) sum: f64,
}

impl Distribution {
    pub(super) const fn over(bounds: &'static [f64; 8]) -> Self {
        Self { bounds, counts: [0; 9], sum: 0.0 }
    }

    pub(super) fn add(&mut self, value: f64) {
        let index = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        self.counts[index] += 1;
        self.sum += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_up_to_the_bound_that_it_does_not_exceed() {
        let mut distribution = Distribution::over(&LOSS);
        for value in [0.0, 0.01, 0.011, 0.9] {
            distribution.add(value);
        }
        assert_eq!(distribution.counts, [1, 0, 0, 1, 1, 0, 0, 0, 1]);
        assert!((distribution.sum - 0.921).abs() < 1e-9);
    }
}
