//! CPU and memory of a process on this machine, as Linux tells of them. Elsewhere nothing is known.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// What a process has used since it was first looked at. Threads that came and went between two looks are not seen.
#[derive(Debug)]
pub(crate) struct ProcessMeter {
    folder: PathBuf,
    /// Nanoseconds on a CPU by thread, also of threads that are gone; and what it was when first seen.
    threads: HashMap<String, u64>,
    used: Duration,
}

impl ProcessMeter {
    /// `None`: there is no such process, or it cannot be looked at.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let mut meter = Self { folder, threads: HashMap::new(), used: Duration::ZERO };
        meter.threads = meter.times().ok().filter(|times| !times.is_empty())?;
        Some(meter)
    }

    /// CPU time, user's and system's.
    pub(crate) fn used(&mut self) -> Duration {
        for (thread, now) in self.times().unwrap_or_default() {
            let before = self.threads.insert(thread, now).unwrap_or(0);
            self.used += Duration::from_nanos(now.saturating_sub(before));
        }
        self.used
    }

    /// Resident memory.
    pub(crate) fn memory_kb(&self) -> u64 {
        let status = std::fs::read_to_string(self.folder.join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// By thread. The first number of `schedstat` is the time on a CPU in nanoseconds.
    fn times(&self) -> std::io::Result<HashMap<String, u64>> {
        let threads = std::fs::read_dir(self.folder.join("task"))?.filter_map(Result::ok);
        let time = |thread: std::fs::DirEntry| {
            let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((thread.file_name().into_string().ok()?, text.split_whitespace().next()?.parse().ok()?))
        };
        Ok(threads.filter_map(time).collect())
    }
}

/// Datagrams that this machine has dropped since it was started because a socket was full: not the server's fault if the
/// receiver is here.
pub(crate) fn dropped_datagrams() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/net/snmp").ok()?;
    let mut lines = text.lines().filter(|line| line.starts_with("Udp:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let column = names.split_whitespace().position(|name| name == "RcvbufErrors")?;
    values.split_whitespace().nth(column)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_of_this_process_are_seen() {
        let mut meter = ProcessMeter::of(std::process::id()).unwrap();
        let before = meter.used();
        let worker =
            std::thread::spawn(|| (0..20_000_000_u64).fold(0, |sum: u64, next| std::hint::black_box(sum ^ next)));
        // Until it shows: the figure moves when the kernel charges for the time.
        while meter.used() == before && !worker.is_finished() {}
        worker.join().unwrap();
        assert!(meter.memory_kb() > 100);
        assert!(ProcessMeter::of(u32::MAX).is_none());
        assert!(dropped_datagrams().is_some());
    }
}
