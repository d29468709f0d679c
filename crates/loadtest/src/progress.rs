//! How far a test is, in one line.

use std::fmt;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// What it is doing.
    pub phase: &'static str,
    /// Since it does that.
    pub seconds: u64,
    pub joined: u64,
    pub participants: u64,
    pub legs_with_media: u64,
    pub legs: u64,
    /// Packets in the last second.
    pub received_per_second: f64,
    pub missing: i64,
    /// Of the last second.
    pub delay_p99_ms: f64,
    pub server_cpu_percent: Option<f64>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phase, seconds, joined, participants, legs_with_media, legs, .. } = self;
        write!(f, "{phase} {seconds:>3} s  joined {joined}/{participants}  legs {legs_with_media}/{legs}")?;
        write!(f, "  {:.0} packets/s", self.received_per_second)?;
        write!(f, "  missing {}  p99 {:.1} ms", self.missing, self.delay_p99_ms)?;
        if let Some(cpu) = self.server_cpu_percent {
            write!(f, "  server {cpu:.0} %")?;
        }
        Ok(())
    }
}
