//! The file, in the hands of one process at a time: a line for everything that began or ended.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::book::{Book, Lost};
use crate::record::Record;

const FILE: &str = "sessions.journal";
const LOCK: &str = "sessions.journal.lock";
/// More than this was not written by us.
const MOST_BYTES: u64 = 512 << 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct JournalFile {
    path: PathBuf,
    /// What is appended to, once something is.
    file: Option<File>,
    /// Bytes that it was made with, and that were appended since.
    base: u64,
    growth: u64,
    /// Held as long as this process lives: a lock that can be had belongs to nobody who lives.
    _lock: File,
}

impl JournalFile {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: folder.join(FILE), file: None, base: 0, growth: 0, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(ErrorKind::ResourceBusy.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// What the last process has left open.
    pub(crate) fn read(&self, now: SystemTime) -> io::Result<Lost> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Lost::default()),
            file => file?,
        };
        let metadata = file.metadata()?;
        if metadata.len() > MOST_BYTES {
            return Err(io::Error::new(ErrorKind::InvalidData, "the file is larger than it can be"));
        }
        let (mut book, mut unread) = (Book::default(), 0);
        for line in BufReader::new(file).split(b'\n') {
            match serde_json::from_slice::<Record>(&line?) {
                Ok(record) => book.apply(record),
                Err(_) => unread += 1,
            }
        }
        // The last one may have been cut off by a power cut.
        if unread > 1 {
            tracing::warn!(lines = unread, "parts of the journal of sessions cannot be read");
        }
        // It is touched now and then while something is open.
        let at = metadata.modified().map_or(now, |touched| touched.min(now));
        let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Ok(Lost::new(book, u64::try_from(at).unwrap_or(u64::MAX)))
    }

    /// Makes it hold this and nothing else, on the disk.
    pub(crate) fn replace(&mut self, book: &Book) -> io::Result<()> {
        let mut text = vec![];
        book.records().try_for_each(|record| append_line(&mut text, &record))?;
        let text = String::from_utf8(text).map_err(io::Error::other)?;
        // Whatever comes of it, nothing is appended to the former one.
        self.file = None;
        durable::replace(&self.path, &text)?;
        self.file = Some(OpenOptions::new().append(true).open(&self.path)?);
        (self.base, self.growth) = (text.len() as u64, 0);
        Ok(())
    }

    /// In the hands of the operating system when this returns.
    pub(crate) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let file = self.file.as_mut().ok_or(ErrorKind::NotFound)?;
        file.write_all(lines)?;
        self.growth += lines.len() as u64;
        Ok(())
    }

    /// Nothing is better than what is not true any more.
    pub(crate) fn empty(&mut self) {
        self.file = None;
        let emptied = OpenOptions::new().write(true).truncate(true).open(&self.path);
        if let Err(error) = emptied
            && error.kind() != ErrorKind::NotFound
        {
            tracing::error!(%error, "the journal of sessions may tell of sessions that have ended");
        }
    }

    /// It is being written, though nothing happens.
    pub(crate) fn touch(&self) {
        let touched = self.file.as_ref().map(|file| file.set_modified(SystemTime::now()));
        if let Some(Err(error)) = touched {
            tracing::debug!(%error, "the journal of sessions cannot be touched");
        }
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }

    /// Bytes that it was made with.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// Bytes that were appended since.
    pub(crate) fn growth(&self) -> u64 {
        self.growth
    }
}

pub(crate) fn append_line(lines: &mut Vec<u8>, record: &Record) -> io::Result<()> {
    serde_json::to_writer(&mut *lines, record)?;
    lines.push(b'\n');
    Ok(())
}
