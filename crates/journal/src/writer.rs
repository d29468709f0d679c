//! The thread that writes the journal.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::book::Book;
use crate::file::{JournalFile, append_line};
use crate::queue::{QUEUE, Shared};
use crate::record::{Change, Record};

/// Between two times that the disk is made to have it: what a power cut loses.
pub(crate) const SYNC_INTERVAL: Duration = Duration::from_secs(5);
/// Between two signs of life of a server in which nothing happens, and two attempts to write what could not be written.
const TOUCH_INTERVAL: Duration = Duration::from_secs(10);
/// A file that has grown by this, and to three times what was open, is written anew.
const LARGE: u64 = 1 << 20;

/// Writes until nobody can give records any more.
pub(crate) fn run(file: JournalFile, records: &Receiver<Record>, shared: &Shared) {
    let mut writer = Writer { file, book: Book::default(), lines: vec![], is_broken: false, is_synced: true };
    let (mut sync, mut touch) = (Instant::now() + SYNC_INTERVAL, Instant::now() + TOUCH_INTERVAL);
    loop {
        let pause = sync.min(touch).saturating_duration_since(Instant::now());
        let first = match records.recv_timeout(pause) {
            Ok(record) => Some(record),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        writer.take(first, records, shared);
        if sync <= Instant::now() {
            sync = Instant::now() + SYNC_INTERVAL;
            writer.sync();
        }
        if touch <= Instant::now() {
            touch = Instant::now() + TOUCH_INTERVAL;
            writer.touch();
        }
    }
    writer.take(None, records, shared);
    writer.sync();
}

struct Writer {
    file: JournalFile,
    book: Book,
    /// Those of one turn; kept for its room.
    lines: Vec<u8>,
    /// The file is not what the book is: it could not be written.
    is_broken: bool,
    is_synced: bool,
}

impl Writer {
    /// What waits, at once.
    fn take(&mut self, first: Option<Record>, records: &Receiver<Record>, shared: &Shared) {
        // Everything that was queued before something was missed is taken in this turn.
        let missed = shared.take_missed();
        self.lines.clear();
        for record in first.into_iter().chain(records.try_iter().take(QUEUE)) {
            shared.taken(&record);
            self.note(record);
        }
        for of in missed.sessions {
            self.note(Record { of, what: Change::Gone });
        }
        if missed.all {
            self.book.clear();
            self.replace();
        } else if !self.is_broken && !self.lines.is_empty() {
            self.write();
        }
    }

    fn note(&mut self, record: Record) {
        let of = record.of.clone();
        let written = append_line(&mut self.lines, &record);
        self.book.apply(record);
        if let Err(error) = written {
            tracing::error!(session = %of.session, %error, "a record of the journal cannot be written");
            self.book.strike(&of);
        }
    }

    fn write(&mut self) {
        if self.file.growth() + self.lines.len() as u64 > LARGE + 2 * self.file.base() {
            return self.replace();
        }
        self.is_synced = false;
        let appended = self.file.append(&self.lines);
        self.settle(appended);
    }

    fn replace(&mut self) {
        self.is_synced = true;
        let replaced = self.file.replace(&self.book);
        self.settle(replaced);
    }

    fn settle(&mut self, written: io::Result<()>) {
        match written {
            Ok(()) => self.is_broken = false,
            Err(error) => {
                // Once per failure.
                if !self.is_broken {
                    tracing::error!(%error, "the journal of sessions cannot be written: a crash now would not be told of");
                }
                self.is_broken = true;
                self.file.empty();
            }
        }
    }

    fn sync(&mut self) {
        if !self.is_synced {
            self.is_synced = true;
            if let Err(error) = self.file.sync() {
                tracing::warn!(%error, "the journal of sessions may not be on the disk");
            }
        }
    }

    fn touch(&mut self) {
        if self.is_broken {
            self.replace();
        } else if !self.book.is_empty() {
            self.file.touch();
        }
    }
}
