//! Recordings: what the control side decides about them becomes folders, files, archives and reports.
//!
//! * [`queue`]: the control side's end; it never waits for a disk.
//! * [`director`]: one thread that carries out what is asked, with the help of the [`crate::writer`], which writes the
//!   files of single streams.
//! * [`composing`]: composed recordings are recorded like individual ones, and meanwhile made one file of.
//! * [`layouts`]: pages of the application's, which are recorded instead of the streams.
//! * [`name`]: what participants are called in their pictures.
//! * [`processing`]: what becomes of the files once a recording is over: a ZIP, or the composed file's sources.
//! * [`store`]: the folder of all recordings, finished or not; also what REST lists and deletes.
//! * [`upload`]: the last step where recordings are kept in a bucket.
//! * [`recovery`]: recordings that a crash has interrupted are finished at the next start.
//!
//! When a recording starts and ends, what is in it and who is told is decided in the crate `session`.

mod archive;
mod composing;
mod director;
mod layouts;
mod name;
mod processes;
mod processing;
mod queue;
mod recovery;
mod store;
#[cfg(test)]
mod tests;
mod upload;
pub mod writer;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::{io, thread};

use bucket::Bucket;
use protocol::event::{RecordingEvent, RecordingStatus};
use protocol::recording::RecordingReport;
use tokio::sync::{Semaphore, mpsc};

use crate::writer::Writer;
use director::Director;
pub use layouts::{LayoutOptions, Layouts, TrustedKey};
pub use processes::{Transcoder, Unavailable};
pub use queue::Queue;
pub use store::{DeleteError, Folder, Store};

/// Reports on their way to the control side, which takes them at once.
const REPORT_CAPACITY: usize = 1024;
/// Recordings that are processed at the same time, and the recovery: they share a disk.
const WORKERS: usize = 4;
/// Recordings that are uploaded at the same time; each takes the memory of one part of a file.
const UPLOADS: usize = 4;

/// For the control side.
#[derive(Debug)]
pub enum Told {
    /// Of a recording of this run.
    Report(RecordingReport),
    /// Of a recording that a crash has interrupted: for applications.
    Recovered(Box<RecordingEvent>),
}

/// What carries out commands.
#[derive(Debug)]
pub struct Running {
    /// The way of commands.
    pub queue: Queue,
    /// What the control side hears.
    pub told: mpsc::Receiver<Told>,
    /// Ends soon after the [`Queue`] was dropped. What is not processed by then is left to the next start.
    pub thread: thread::JoinHandle<()>,
    /// The writer's.
    pub writer: thread::JoinHandle<()>,
}

/// Where finished recordings are kept, if not where they were made.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where to.
    pub bucket: Arc<Bucket>,
    /// They stay here, too.
    pub local_copy: bool,
    /// One is taken by each upload: of all that wait, few are on their way.
    turns: Arc<Semaphore>,
}

impl Kept {
    /// `local_copy`: they stay here, too.
    pub fn new(bucket: Arc<Bucket>, local_copy: bool) -> Self {
        Self { bucket, local_copy, turns: Arc::new(Semaphore::new(UPLOADS)) }
    }
}

/// Starts the thread.
pub fn start(place: Place, writer: Writer, max_streams: usize) -> io::Result<Running> {
    let (queue, commands) = queue::queue(writer.handle.clone(), max_streams);
    let (tell, told) = mpsc::channel(REPORT_CAPACITY);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(WORKERS).build()?;
    let director = Director::new(place, writer.handle, writer.events, tell);
    // When the runtime is dropped, it waits for the workers, who were told to stop.
    let thread =
        thread::Builder::new().name("recordings".to_owned()).spawn(move || runtime.block_on(director.run(commands)))?;
    Ok(Running { queue, told, thread, writer: writer.thread })
}

/// Where recordings are, what composes them, and whether to go on with them.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where recordings grow.
    pub store: Store,
    /// Where they are kept once they are whole, if not there.
    pub kept: Option<Kept>,
    /// Where clients find this server, as far as is known without their asking.
    pub public_url: String,
    /// What composes them.
    pub transcoder: Transcoder,
    /// Composed pictures say who is who.
    pub has_captions: bool,
    /// The pages that some of them show.
    pub layouts: Layouts,
    /// Set at the end.
    pub stop: Arc<AtomicBool>,
}

impl Place {
    /// What a recording is once it is processed.
    fn finished(&self) -> RecordingStatus {
        if self.kept.is_none() { RecordingStatus::Ready } else { RecordingStatus::Stopped }
    }
}
