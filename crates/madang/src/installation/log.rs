//! The log file of a server without systemd: bounded by moving it aside, read and followed by `./openvidu logs`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Where lines are appended. What is written goes to the operating system at once.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    length: u64,
    /// Of one of the two files that there are at most.
    limit: u64,
}

impl Log {
    /// `room`: bytes for everything that is kept.
    pub(super) fn open(path: &Path, room: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append_to(path)?;
        let length = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, length, limit: room.div_ceil(2) })
    }

    /// Appends a whole line. A full file becomes the older one first.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.length > 0 && self.length + line.len() as u64 > self.limit {
            fs::rename(&self.path, older(&self.path))?;
            self.file = append_to(&self.path)?;
            self.length = 0;
        }
        self.file.write_all(line)?;
        self.length += line.len() as u64;
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path)
}

fn older(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}

/// Everything that is kept, and then, if it is to be followed, what comes, for ever.
pub(super) fn show(path: &Path, follow: bool, out: &mut impl Write) -> io::Result<()> {
    copy_if_there(&older(path), out)?;
    let mut reading = LogReader { path: path.to_owned(), file: None, at: 0 };
    reading.copy(out)?;
    if !follow {
        return Ok(());
    }
    loop {
        thread::sleep(LOOK);
        reading.copy(out)?;
    }
}

/// The last `bytes` of what is kept, from the beginning of a line.
pub(super) fn tail(path: &Path, bytes: usize) -> io::Result<String> {
    // One more, to tell a whole line from the rest of one.
    let wanted = bytes as u64 + 1;
    let mut all = vec![];
    for part in [older(path), path.to_owned()] {
        let Some(mut file) = open_if_there(&part)? else { continue };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(wanted)))?;
        file.take(wanted).read_to_end(&mut all)?;
    }
    let from = all.len().saturating_sub(bytes);
    let cut = &all[from..];
    let line = if from == 0 { 0 } else { cut.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1) };
    Ok(String::from_utf8_lossy(&cut[line..]).into_owned())
}

/// What was appended after the first `length` bytes.
pub(super) fn since(path: &Path, length: u64) -> io::Result<String> {
    let mut text = vec![];
    let at = if self::length(path) < length { 0 } else { length };
    let mut reading = LogReader { path: path.to_owned(), file: open_if_there(path)?, at };
    reading.copy(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// How long it is now.
pub(super) fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

fn copy_if_there(path: &Path, out: &mut impl Write) -> io::Result<()> {
    if let Some(mut file) = open_if_there(path)? {
        io::copy(&mut file, out)?;
    }
    Ok(())
}

fn open_if_there(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// A log that is being read while it grows.
struct LogReader {
    path: PathBuf,
    file: Option<File>,
    at: u64,
}

impl LogReader {
    /// What came since the last time; also when the file was moved aside meanwhile.
    fn copy(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.copy_rest(out)?;
        let Some(newest) = open_if_there(&self.path)? else { return Ok(()) };
        let same = match &self.file {
            Some(file) => is_same(file, &newest)?,
            None => false,
        };
        if !same {
            // What the old one got between the two looks.
            self.copy_rest(out)?;
            (self.file, self.at) = (Some(newest), 0);
            self.copy_rest(out)?;
        }
        Ok(())
    }

    fn copy_rest(&mut self, out: &mut impl Write) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.seek(SeekFrom::Start(self.at))?;
        self.at += io::copy(file, out)?;
        out.flush()
    }
}

fn is_same(one: &File, other: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &Path) -> String {
        let mut text = vec![];
        show(path, false, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn the_log_never_takes_more_than_its_room_and_keeps_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/openvidu.log");
        let mut log = Log::open(&path, 200).unwrap();
        for number in 0..100 {
            log.append(format!("line {number:04}\n").as_bytes()).unwrap();
            assert!(length(&path) + length(&older(&path)) <= 200);
        }
        let text = shown(&path);
        assert!(text.ends_with("line 0098\nline 0099\n") && text.len() > 100, "{text}");
        // Also across a restart, and with a line that is longer than all the room.
        let mut log = Log::open(&path, 200).unwrap();
        log.append(&[b'x'; 300]).unwrap();
        log.append(b"next\n").unwrap();
        assert!(shown(&path).ends_with("xnext\n"));
    }

    #[test]
    fn the_tail_begins_with_a_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("openvidu.log");
        assert_eq!(tail(&path, 10).unwrap(), "");
        let mut log = Log::open(&path, 20).unwrap();
        for line in ["first\n", "second\n", "third\n"] {
            log.append(line.as_bytes()).unwrap();
        }
        assert_eq!(tail(&path, 1000).unwrap(), "second\nthird\n");
        assert_eq!(tail(&path, 9).unwrap(), "third\n");
        fs::write(&path, "a long line\nend\n").unwrap();
        assert_eq!(tail(&path, 6).unwrap(), "end\n");
    }

    #[test]
    fn a_reader_misses_nothing_when_the_file_is_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("openvidu.log");
        let mut log = Log::open(&path, 24).unwrap();
        let mut reading = LogReader { path: path.clone(), file: None, at: 0 };
        let mut text = vec![];
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            log.append(line.as_bytes()).unwrap();
            if line == "two\n" {
                reading.copy(&mut text).unwrap();
            }
        }
        reading.copy(&mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "one\ntwo\nthree\nfour\n");
        assert_eq!(since(&path, 6).unwrap(), "four\n");
    }
}
