//! Sums over all threads, and what the difference of two looks says about the server's process.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::generator::Generator;
use crate::layer::MAX_LAYERS;
use crate::report::ServerProcess;

/// Of all threads together.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) by_layer: [u64; MAX_LAYERS],
    pub(crate) missing: i64,
    pub(crate) complete: u64,
    pub(crate) key_frame_requests: u64,
    pub(crate) omitted: u64,
    pub(crate) lost_on_purpose: u64,
}

impl Counts {
    pub(crate) fn of(generators: &[Generator]) -> Self {
        let mut sum = Self::default();
        for generator in generators {
            let counters = &generator.counters;
            sum.sent += counters.sent.load(Ordering::Relaxed);
            sum.received += counters.received.load(Ordering::Relaxed);
            for (sum, counter) in sum.by_layer.iter_mut().zip(&counters.by_layer) {
                *sum += counter.load(Ordering::Relaxed);
            }
            sum.missing += counters.missing.load(Ordering::Relaxed);
            sum.complete += counters.complete.load(Ordering::Relaxed);
            sum.key_frame_requests += counters.key_frame_requests.load(Ordering::Relaxed);
            sum.omitted += counters.omitted.load(Ordering::Relaxed);
            sum.lost_on_purpose += counters.lost_on_purpose.load(Ordering::Relaxed);
        }
        sum
    }
}

/// What is compared at the end with the beginning.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) at: Instant,
    pub(crate) counts: Counts,
    pub(crate) cpu: Duration,
    pub(crate) own_cpu: Option<Duration>,
    pub(crate) memory_kb: u64,
}

/// Whose joining is told of.
#[derive(Clone, Copy)]
pub(crate) struct Newcomers {
    pub(crate) joins: u32,
    pub(crate) legs: u64,
}

/// Looked at before they joined and after, and at the beginning and the end of what was measured.
pub(crate) fn server_process([before, joined, begin, end]: [Look; 4], newcomers: Newcomers) -> ServerProcess {
    let packets = (end.counts.received - begin.counts.received).max(1);
    let cpu = end.cpu.saturating_sub(begin.cpu);
    let joining = joined.cpu.saturating_sub(before.cpu);
    ServerProcess {
        cpu_percent: per_cent(cpu, end.at.duration_since(begin.at).as_secs_f64()),
        microseconds_per_packet: cpu.as_secs_f64() * 1e6 / packets as f64,
        cpu_ms_per_join: joining.as_secs_f64() * 1e3 / f64::from(newcomers.joins.max(1)),
        memory_kb: end.memory_kb,
        memory_kb_per_join: end.memory_kb.saturating_sub(before.memory_kb) as f64 / f64::from(newcomers.joins.max(1)),
        memory_kb_per_leg: end.memory_kb.saturating_sub(before.memory_kb) as f64 / newcomers.legs.max(1) as f64,
    }
}

pub(crate) fn per_cent(used: Duration, seconds: f64) -> f64 {
    100.0 * used.as_secs_f64() / seconds.max(f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_packet_and_a_leg_cost_is_the_difference_of_two_looks() {
        let start = Instant::now();
        let look = |second: u64, cpu: u64, received: u64, memory_kb: u64| Look {
            at: start + Duration::from_secs(second),
            counts: Counts { received, ..Counts::default() },
            cpu: Duration::from_millis(cpu),
            own_cpu: None,
            memory_kb,
        };
        let looks = [
            look(0, 100, 0, 10_000),
            look(2, 150, 0, 20_000),
            look(3, 200, 1000, 20_000),
            look(13, 1200, 101_000, 30_000),
        ];
        let found = server_process(looks, Newcomers { joins: 50, legs: 100 });
        for (found, expected) in [
            (found.cpu_percent, 10.0),
            (found.microseconds_per_packet, 10.0),
            (found.cpu_ms_per_join, 1.0),
            (found.memory_kb_per_join, 400.0),
            (found.memory_kb_per_leg, 200.0),
        ] {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }
}
