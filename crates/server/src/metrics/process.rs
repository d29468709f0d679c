//! What the operating system counts of this process, as every program's metrics tell it. Read when somebody asks; on systems
//! without `/proc` there is nothing.

use std::collections::BTreeMap;
use std::fs;

/// Of a second, in `/proc`: the same on every Linux, whatever the kernel's own clock does.
const TICKS: f64 = 100.0;

/// At one moment.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct ProcessFigures {
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: u64,
    pub(super) open_files: usize,
    /// As many as may be open; `None`: any number.
    pub(super) most_files: Option<u64>,
    /// Of media workers' threads, by number. Several servers in one process have the same numbers.
    pub(super) workers: BTreeMap<u16, f64>,
}

impl ProcessFigures {
    pub(super) fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let threads = fs::read_dir("/proc/self/task").ok()?.filter_map(Result::ok);
        let mut workers = BTreeMap::new();
        for thread in threads {
            // A thread may have ended meanwhile.
            let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            if let (Some(worker), Some(seconds)) = (worker(&stat), cpu_seconds(&stat)) {
                *workers.entry(worker).or_default() += seconds;
            }
        }
        let open_files = fs::read_dir("/proc/self/fd").ok()?.count();
        let most_files = fs::read_to_string("/proc/self/limits").ok().and_then(|limits| most_files(&limits));
        let (cpu_seconds, resident_bytes) = (cpu_seconds(&stat)?, resident_bytes(&status)?);
        Some(Self { cpu_seconds, resident_bytes, open_files, most_files, workers })
    }
}

/// The number in a media worker's thread's name: `pid (media-0) S …`.
fn worker(stat: &str) -> Option<u16> {
    let (name, _) = stat.split_once('(')?.1.rsplit_once(')')?;
    name.strip_prefix("media-")?.parse().ok()
}

/// `Max open files  1024  4096  files`: the first number counts.
fn most_files(limits: &str) -> Option<u64> {
    let numbers = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    numbers.split_whitespace().next()?.parse().ok()
}

/// `VmRSS:  1234 kB`.
fn resident_bytes(status: &str) -> Option<u64> {
    let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    size.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// `utime` and `stime` (proc_pid_stat(5)), behind a name that may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map_while(|field| field.parse::<u64>().ok());
    Some((times.next()? + times.next()?) as f64 / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_behind_any_name() {
        let line = "42 (media-7) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0";
        assert_eq!((worker(line), cpu_seconds(line)), (Some(7), Some(2.0)));
        let line = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 51 0";
        assert_eq!((worker(line), cpu_seconds(line)), (None, Some(2.01)));
        assert_eq!((worker("nonsense"), cpu_seconds("42 (x) S 1 2")), (None, None));
    }

    #[test]
    fn this_process_has_figures() {
        assert_eq!(resident_bytes("VmPeak:\t 9 kB\nVmRSS:\t    1234 kB\n"), Some(1234 * 1024));
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n";
        assert_eq!((most_files(limits), most_files("Max open files  unlimited  unlimited  files")), (Some(1024), None));
        let figures = ProcessFigures::read().expect("there is /proc");
        assert!(figures.resident_bytes > 1 << 20 && figures.open_files > 2, "{figures:?}");
    }
}
