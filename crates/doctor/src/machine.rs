//! What a running server can say of its own process and machine, without asking anybody.

use std::path::{Path, PathBuf};

use settings::Config;

use super::finding::Finding;
use crate::SocketBuffers;

/// Connections, sockets and files of a small server with its call page.
const FEW: u64 = 1024;
/// A WebSocket for each participant, a TCP connection or two for those without UDP, and recorded files.
const ENOUGH: u64 = 4096;
const MEBIBYTE: u64 = 1024 * 1024;
/// Below it not even certificates and event files are safe.
const LEAST: u64 = 100 * MEBIBYTE;
/// An hour of one recorded stream has some 500 MB.
const FOR_RECORDINGS: u64 = 2048 * MEBIBYTE;

/// Every finding about this machine.
pub(super) fn examine(config: &Config, buffers: SocketBuffers) -> Vec<Finding> {
    vec![files(limit_of_files(), open_files()), self::buffers(buffers), disk(config)]
}

#[cfg(unix)]
fn limit_of_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn limit_of_files() -> Option<u64> {
    None
}

/// 0 where it cannot be seen.
fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn files(limit: Option<u64>, open: usize) -> Finding {
    match limit {
        Some(limit) if limit < ENOUGH || open as u64 * 10 > limit * 9 => {
            let usable = limit >= FEW && open as u64 * 10 <= limit * 9;
            Finding::FilesFew { limit, open, usable }
        }
        limit => Finding::FilesEnough { limit, open },
    }
}

fn buffers(granted: SocketBuffers) -> Finding {
    let bytes = granted.receive.min(granted.send);
    if bytes < granted.wanted {
        Finding::BuffersSmall { bytes, wanted: granted.wanted }
    } else {
        Finding::BuffersWhole { bytes }
    }
}

/// The worst of the folders that are in use.
fn disk(config: &Config) -> Finding {
    let mut folders = vec![(config.madang_data_dir.clone(), LEAST)];
    if config.openvidu_cdr {
        folders.push((config.openvidu_cdr_path.clone(), LEAST));
    }
    if config.openvidu_recording {
        folders.push((config.openvidu_recording_path.clone(), FOR_RECORDINGS));
    }
    let bad = folders.iter().filter_map(|(folder, wanted)| look(folder, *wanted));
    let worst = bad.max_by_key(|finding| finding.judge().1);
    worst.unwrap_or_else(|| Finding::DiskFine { folders: folders.into_iter().map(|(folder, _)| folder).collect() })
}

#[cfg(unix)]
fn look(folder: &Path, wanted: u64) -> Option<Finding> {
    use rustix::fs::{Access, access, statvfs};

    let path = existing(folder);
    let unusable = |error: rustix::io::Errno| Finding::DiskUnusable { path: path.clone(), error: error.to_string() };
    if !path.is_dir() {
        return Some(unusable(rustix::io::Errno::NOTDIR));
    }
    if let Err(error) = access(&path, Access::WRITE_OK | Access::EXEC_OK) {
        return Some(unusable(error));
    }
    match statvfs(&path) {
        Err(error) => Some(unusable(error)),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let mebibytes = free / MEBIBYTE;
            (free < wanted).then_some(Finding::DiskFull { path, mebibytes, at_all: free < LEAST })
        }
    }
}

#[cfg(not(unix))]
fn look(_: &Path, _: u64) -> Option<Finding> {
    None
}

/// The folder, or the nearest one above it that is there: it is made when something is written.
fn existing(folder: &Path) -> PathBuf {
    let above = folder.ancestors().find(|path| path.exists());
    match above {
        Some(path) if path.as_os_str().is_empty() => PathBuf::from("."),
        Some(path) => path.to_owned(),
        // Of a relative path nothing is there: it is made in the working directory.
        None => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use protocol::checkup::Verdict;

    use super::*;

    #[test]
    fn a_limit_is_judged_by_its_size_and_by_what_is_used_of_it() {
        let verdict = |limit, open| files(limit, open).judge().1;
        assert_eq!(verdict(None, 1_000_000), Verdict::Ok);
        assert_eq!(verdict(Some(20_000), 100), Verdict::Ok);
        assert_eq!(verdict(Some(20_000), 19_000), Verdict::Failed);
        assert_eq!(verdict(Some(1024), 100), Verdict::Warning);
        assert_eq!(verdict(Some(256), 10), Verdict::Failed);
    }

    #[test]
    fn buffers_are_whole_or_small() {
        let verdict = |receive, send| buffers(SocketBuffers { receive, send, wanted: 4_000_000 }).judge().1;
        assert_eq!(verdict(4_000_000, 8_000_000), Verdict::Ok);
        assert_eq!(verdict(212_992, 4_000_000), Verdict::Warning);
        assert_eq!(verdict(4_000_000, 212_992), Verdict::Warning);
    }

    #[test]
    fn folders_that_are_not_used_do_not_matter_and_the_worst_of_the_others_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let mut config = Config {
            madang_data_dir: folder.path().join("made/later"),
            openvidu_recording_path: file.join("recordings"),
            ..Config::default()
        };
        assert!(matches!(disk(&config), Finding::DiskFine { folders } if folders.len() == 1));
        config.openvidu_recording = true;
        assert!(matches!(disk(&config), Finding::DiskUnusable { path, .. } if path == file));
    }
}
