//! What this process uses at present: differences between two looks of one who looks again and again.

use std::time::Instant;

use super::Metrics;
use super::process::ProcessFigures;

/// At the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    last: Option<Look>,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    cpu_seconds: f64,
    /// From and to clients.
    bytes: [u64; 2],
}

/// Since the look before.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Used {
    /// Cores.
    pub(crate) cpu: f64,
    /// Bytes, now.
    pub(crate) memory: u64,
    pub(crate) received_bps: u64,
    pub(crate) sent_bps: u64,
}

impl Usage {
    /// The first look tells of memory only.
    pub(crate) fn take(&mut self, metrics: &Metrics, now: Instant) -> Used {
        let process = ProcessFigures::read();
        let (cpu_seconds, memory) = process.map_or((0.0, 0), |process| (process.cpu_seconds, process.resident_bytes));
        let look = Look { at: now, cpu_seconds, bytes: metrics.bytes() };
        let Some(last) = self.last.replace(look) else { return Used { memory, ..Used::default() } };
        let seconds = now.duration_since(last.at).as_secs_f64().max(0.001);
        let bps = |way: usize| (look.bytes[way].saturating_sub(last.bytes[way]) as f64 * 8.0 / seconds) as u64;
        Used { cpu: (cpu_seconds - last.cpu_seconds) / seconds, memory, received_bps: bps(0), sent_bps: bps(1) }
    }
}
