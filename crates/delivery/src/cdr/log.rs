//! The file that lines are appended to: one per day and start of the server, and one more whenever it has become large; the
//! oldest are removed.
//!
//! It is told the time, and knows nothing of queues and events.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Zoned;
use jiff::civil::{Date, Time};
use tracing::{info, warn};

use super::files;

/// Bytes from which on a file is not continued.
const LARGE: u64 = 512 * 1024 * 1024;
/// Files kept, the current one included.
const MAX_FILES: usize = 30;
/// Bytes kept in all; the current file is never removed.
const MAX_BYTES: u64 = 20 * 1024 * 1024 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
    /// Second part of every name: tells apart the files of a day with several starts, and those that became too large.
    started: Time,
    bytes: u64,
    /// First part of the current name.
    day: Date,
    file: File,
    /// The last line may have been written in part (disk full); the next one must not continue it.
    torn: bool,
}

impl Log {
    /// `now` in the time zone that days are counted in.
    pub(super) fn open(folder: &Path, now: &Zoned) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (day, started) = (now.date(), now.time());
        let file = create(folder, day, started)?;
        let bytes = file.metadata()?.len();
        let log = Self { folder: folder.to_owned(), started, bytes, day, file, torn: false };
        log.prune();
        Ok(log)
    }

    /// Appends a line that ends in a line feed. It is in the hands of the operating system when this returns.
    pub(super) fn append(&mut self, line: &[u8], now: &Zoned) -> io::Result<()> {
        // Within one second there is only one name.
        let is_large = self.bytes >= LARGE && name(now.date(), now.time()) != name(self.day, self.started);
        if now.date() != self.day || is_large {
            let started = if is_large { now.time() } else { self.started };
            self.file = create(&self.folder, now.date(), started)?;
            (self.day, self.started) = (now.date(), started);
            self.bytes = self.file.metadata()?.len();
            self.torn = false;
            self.prune();
        }
        if self.torn {
            self.file.write_all(b"\n")?;
        }
        self.torn = true;
        self.file.write_all(line)?;
        self.torn = false;
        self.bytes += line.len() as u64;
        Ok(())
    }

    fn prune(&self) {
        let current = name(self.day, self.started);
        let Ok(mut names) = files::list(&self.folder) else { return };
        names.retain(|name| *name != current);
        // Newest first: names sort by time.
        names.reverse();
        let mut bytes = 0;
        for (older, name) in names.iter().enumerate() {
            let path = self.folder.join(name);
            bytes += fs::metadata(&path).map_or(0, |file| file.len());
            if older + 2 <= MAX_FILES && bytes <= MAX_BYTES {
                continue;
            }
            match fs::remove_file(&path) {
                Ok(()) => info!(file = name, "old CDR file removed"),
                Err(error) => warn!(file = name, %error, "old CDR file cannot be removed"),
            }
        }
    }
}

fn name(day: Date, started: Time) -> String {
    format!("CDR.{}_{}.log", day.strftime("%Y-%m-%d"), started.strftime("%H-%M-%S"))
}

fn create(folder: &Path, day: Date, started: Time) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(folder.join(name(day, started)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Zoned {
        text.parse().unwrap()
    }

    #[test]
    fn a_new_day_begins_a_new_file_with_the_time_of_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), &at("2026-11-20T23:59:58[UTC]")).unwrap();
        log.append(b"one\n", &at("2026-11-20T23:59:59[UTC]")).unwrap();
        log.append(b"two\n", &at("2026-11-21T00:00:00[UTC]")).unwrap();
        log.append(b"three\n", &at("2026-11-21T12:00:00[UTC]")).unwrap();
        let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("CDR.2026-11-20_23-59-58.log"), "one\n");
        assert_eq!(read("CDR.2026-11-21_23-59-58.log"), "two\nthree\n");
    }

    #[test]
    fn a_restart_begins_a_new_file() {
        let folder = tempfile::tempdir().unwrap();
        Log::open(folder.path(), &at("2026-11-20T10:00:00[UTC]")).unwrap();
        Log::open(folder.path(), &at("2026-11-20T10:00:01[UTC]")).unwrap();
        assert_eq!(files::list(folder.path()).unwrap(), ["CDR.2026-11-20_10-00-00.log", "CDR.2026-11-20_10-00-01.log"]);
    }

    #[test]
    fn the_thirty_newest_files_are_kept_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes.txt"), "keep").unwrap();
        for day in 1..=31 {
            fs::write(folder.path().join(format!("CDR.2026-10-{day:02}_10-00-00.log")), "x\n").unwrap();
        }
        Log::open(folder.path(), &at("2026-11-01T10:00:00[UTC]")).unwrap();
        let names = files::list(folder.path()).unwrap();
        assert_eq!(names.len(), MAX_FILES);
        assert_eq!(names[0], "CDR.2026-10-03_10-00-00.log");
        assert_eq!(names[29], "CDR.2026-11-01_10-00-00.log");
        assert!(folder.path().join("notes.txt").exists());
    }

    #[test]
    fn old_files_go_when_all_together_are_too_large() {
        let folder = tempfile::tempdir().unwrap();
        for day in 1..=3 {
            // Sparse: takes no room on the disk.
            let file = File::create(folder.path().join(format!("CDR.2026-10-0{day}_10-00-00.log"))).unwrap();
            file.set_len(MAX_BYTES / 2).unwrap();
        }
        Log::open(folder.path(), &at("2026-11-01T10:00:00[UTC]")).unwrap();
        assert_eq!(
            files::list(folder.path()).unwrap(),
            ["CDR.2026-10-02_10-00-00.log", "CDR.2026-10-03_10-00-00.log", "CDR.2026-11-01_10-00-00.log"]
        );
    }

    #[test]
    fn a_large_file_is_followed_by_another_of_the_same_day() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), &at("2026-11-20T10:00:00[UTC]")).unwrap();
        log.append(b"one\n", &at("2026-11-20T10:00:00[UTC]")).unwrap();
        log.bytes = LARGE;
        log.append(b"two\n", &at("2026-11-20T10:00:00[UTC]")).unwrap();
        log.append(b"three\n", &at("2026-11-20T11:00:00[UTC]")).unwrap();
        log.append(b"four\n", &at("2026-11-20T12:00:00[UTC]")).unwrap();
        log.append(b"five\n", &at("2026-11-21T09:00:00[UTC]")).unwrap();
        let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("CDR.2026-11-20_10-00-00.log"), "one\ntwo\n");
        assert_eq!(read("CDR.2026-11-20_11-00-00.log"), "three\nfour\n");
        assert_eq!(read("CDR.2026-11-21_11-00-00.log"), "five\n");
    }

    #[test]
    fn a_line_after_a_torn_one_begins_on_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let now = at("2026-11-20T10:00:00[UTC]");
        let mut log = Log::open(folder.path(), &now).unwrap();
        log.file.write_all(b"{\"torn").unwrap();
        log.torn = true;
        log.append(b"{}\n", &now).unwrap();
        log.append(b"{}\n", &now).unwrap();
        let text = fs::read_to_string(folder.path().join("CDR.2026-11-20_10-00-00.log")).unwrap();
        assert_eq!(text, "{\"torn\n{}\n{}\n");
    }
}
