//! The account of what is open (sessions, who is in them, their WebRTC connections, recordings that run, broadcasts), on the disk: so that
//! after a crash the next start can tell applications what was lost, with the events that they would have been told.
//!
//! It is made of the same events that applications get, and decides nothing. It is not where sessions come back to life (there is
//! no media left to give back to them), and what becomes of recordings' files is the business of the crate `recordings`, which
//! also tells applications of it.
//!
//! * [`record`]: one thing that began or ended, and its line in the file. [`book`]: all that is open, pure.
//! * `writer`: the thread that appends lines, and writes the whole book anew when the file has grown; `file`: the file.
//! * [`Journal`] is the way in; it never waits.
//!
//! # What can be lost
//! * A line is the operating system's at once: a crash of the process, `kill -9` included, loses what waits in the queue, which
//!   is nothing unless the disk stands still. A power cut loses the last [`SYNC_INTERVAL`](writer::SYNC_INTERVAL).
//! * What finds no place in the queue, or on the disk, is not told after a crash; nothing is ever told to be lost that had ended
//!   in good order.
//! * What was lost is told once, when the next start hands it to whoever delivers events. If that one crashes before they are
//!   delivered, they are not told again.

mod book;
mod file;
mod queue;
mod record;
mod writer;

use std::path::Path;
use std::time::SystemTime;
use std::{io, thread};

pub use book::Lost;
pub use queue::Journal;

use book::Book;
use file::JournalFile;

/// The journal of a folder, held by this process and by no other, with what the last one has left.
#[derive(Debug)]
pub struct OpenJournal {
    file: JournalFile,
    lost: Lost,
}

impl OpenJournal {
    /// Reads what is there.
    ///
    /// # Errors
    /// Whatever the disk says; [`io::ErrorKind::ResourceBusy`] if another process has this journal.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let file = JournalFile::open(folder)?;
        let lost = file.read(SystemTime::now())?;
        Ok(Self { file, lost })
    }

    /// What was open when the last process ended, if it did not end in good order. To be told before [`OpenJournal::start`],
    /// which forgets it.
    pub fn take_lost(&mut self) -> Lost {
        std::mem::take(&mut self.lost)
    }

    /// Begins an empty one, and the thread that writes it.
    ///
    /// # Errors
    /// There is no thread to be had, or the file cannot be written.
    pub fn start(self) -> io::Result<Journal> {
        let mut file = self.file;
        file.replace(&Book::default())?;
        let (journal, records, shared, alive) = queue::ends();
        thread::Builder::new().name("journal".to_owned()).spawn(move || {
            writer::run(file, &records, &shared);
            drop(alive);
        })?;
        Ok(journal)
    }
}
