//! Files of single streams while they are written: one thread takes the packets of all taps from the media worker and
//! gives them to one [`StreamFile`] each; another one sees to it that the disk has them.
//!
//! Packets may come before the order to write them: nobody has to see to it that one of the two is first. See [`early`] for
//! how many are held.
//!
//! The media worker never waits: when the queue is full, packets are dropped, and every file tells how many. An error
//! of the disk ends the file it happened to, with a reason, and keeps what is in it. What is written is the operating
//! system's at once, so that a crash of this process loses a second at most; once a second everything is forced to the
//! disk, and at the end before a file counts as finished, so that a power cut loses two.
//!
//! Which streams are recorded, where to, and what becomes of the files is decided elsewhere.

mod clock;
mod early;
mod ended;
mod file;
mod queue;
mod stream_writer;
mod sync;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::{io, thread};

use muxing::{FileSummary, RepairError, Time};
use protocol::id::TapId;
use protocol::media::MediaCommand;
use tokio::sync::mpsc;

pub(crate) use clock::Clock;
#[cfg(test)]
pub(crate) use early::MAX_EARLY;

pub use queue::{Inputs, Overloaded, TapQueue, WriterHandle, queue};

/// Events for the control side. There are three a file at most.
const EVENT_CAPACITY: usize = 4096;

/// A file shall be written, until [`WriterHandle::stop`]; to be called also when its tap ended by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartFile {
    /// Whose packets.
    pub tap: TapId,
    /// Where; nothing may be there. The folder exists.
    pub path: PathBuf,
    /// Write sound.
    pub audio: bool,
    /// Write pictures.
    pub video: bool,
    /// Of the stream's file before, if there was one: this one goes on after it, in time. It ends now if it has not.
    pub after: Option<TapId>,
}

/// What becomes of a file; `Finished` or `Failed` comes once, and last. And how far all of them are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriterEvent {
    /// Its first frames are written.
    Running {
        /// Which.
        tap: TapId,
    },
    /// It is whole, and on the disk. Its size is 0 if no frame came: then there is no file.
    Finished {
        /// Which.
        tap: TapId,
        /// What is in it.
        summary: FileSummary,
    },
    /// What came before this was given to its files, which write it within two seconds.
    Marked {
        /// When it was asked for.
        at: Time,
    },
    /// It ended before it should.
    Failed {
        /// Which.
        tap: TapId,
        /// For the operator.
        why: String,
        /// The disk is to blame: other files on it will fail, too.
        disk: bool,
        /// What is in it nevertheless.
        summary: Option<FileSummary>,
    },
}

/// A running writer.
#[derive(Debug)]
pub struct Writer {
    /// For whoever decides what is recorded.
    pub handle: WriterHandle,
    /// What becomes of files.
    pub events: mpsc::Receiver<WriterEvent>,
    /// Ends once every [`WriterHandle`] and the [`TapQueue`] are dropped and the files are finished.
    pub thread: thread::JoinHandle<()>,
}

/// Starts the threads. Key frames are asked for by `media`, which must not keep media workers running.
pub fn start(
    handle: WriterHandle,
    inputs: Inputs,
    media: impl Fn(MediaCommand) + Send + 'static,
) -> io::Result<Writer> {
    start_with(handle, inputs, media, file::create)
}

fn start_with(
    handle: WriterHandle,
    inputs: Inputs,
    media: impl Fn(MediaCommand) + Send + 'static,
    create: file::Create,
) -> io::Result<Writer> {
    let (told, events) = mpsc::channel(EVENT_CAPACITY);
    let syncing = sync::start(told.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let writer = stream_writer::StreamWriter::new(inputs, Box::new(media), told, syncing.jobs, create);
    let thread = thread::Builder::new().name("writer".to_owned()).spawn(move || {
        runtime.block_on(writer.run());
        // The writer has dropped its end of the queue: what is left is forced to the disk.
        let _ = syncing.thread.join();
    })?;
    Ok(Writer { handle, events, thread })
}

/// Makes a file whole that was cut off, on the disk too. Takes as long as reading its index.
pub fn repair_file(path: &Path) -> Result<FileSummary, RepairError> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let summary = muxing::repair(&mut file)?;
    file.set_len(summary.size)?;
    file.sync_all()?;
    Ok(summary)
}
