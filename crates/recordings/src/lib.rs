//! Recordings: what sessions decide about them becomes folders, files, archives and reports.
//!
//! **Who owns what.** Whether a recording may begin, what is in it, when it ends and who is told is the crate `session`'s. Its
//! life on the disk is the [`director`]'s, and nobody else's: everything below carries out what that has decided, and tells it
//! what happened.
//!
//! * [`commands`]: the sessions' end; it never waits for a disk.
//! * [`director`]: a state machine, which is given what happens and the time, and says what is to be done.
//! * [`stage`]: one thread that does it.
//! * [`writer`]: two threads that write the files of single streams.
//! * [`processes`]: programs that help: one that composes, and a browser that shows a page.
//! * [`manifest`]: what a composed recording is to be made of. [`layouts`]: pages of the application's, which are recorded
//!   instead of the streams.
//! * [`processing`]: what becomes of the files once a recording is over: a ZIP ([`archive`]), or the composed file.
//! * [`subtitles`]: what is said in a recording, written down as it comes, and the files of subtitles that are made of it.
//! * [`store`]: the folder of all recordings, finished or not; also what REST lists and deletes. [`upload`]: the last step
//!   where recordings are kept in a bucket. [`recovery`]: what a crash has left.
//!
//! It is not the place for HTTP, settings or certificates, nor for what OpenVidu calls anything: what it needs of them comes in
//! as values.

mod archive;
mod commands;
mod director;
mod inside;
mod layouts;
mod manifest;
mod premises;
mod processes;
mod processing;
mod recovery;
mod stage;
mod store;
mod subtitles;
mod upload;
pub mod writer;

use std::{io, thread};

use tokio::sync::mpsc;

pub use commands::RecordingCommands;
pub use inside::leads_inside;
pub use layouts::{LayoutOptions, Layouts, TrustedKey};
pub use premises::Premises;
pub use processes::{Transcoder, Unavailable};
pub use stage::RecordingNews;
pub use store::{DeleteError, Folder, Store};
pub use upload::Destination;

use crate::writer::Writer;
use stage::Stage;

/// Reports on their way to the control side, which takes them at once.
const NEWS_CAPACITY: usize = 1024;
/// Recordings that are processed at the same time, and the search for interrupted ones: they share a disk.
const WORKERS: usize = 4;

/// Recordings at work.
#[derive(Debug)]
pub struct RunningRecordings {
    /// The way of commands.
    pub commands: RecordingCommands,
    /// What the control side hears.
    pub news: mpsc::Receiver<RecordingNews>,
    /// Ends soon after [`RunningRecordings::commands`] was dropped. What is not processed by then is left to the next start.
    pub thread: thread::JoinHandle<()>,
    /// The writer's.
    pub writer: thread::JoinHandle<()>,
}

/// Starts the thread. `max_streams`: recorded at a time.
pub fn start(premises: Premises, writer: Writer, max_streams: usize) -> io::Result<RunningRecordings> {
    let (commands, received) = commands::queue(writer.handle.clock(), max_streams);
    let (tell, news) = mpsc::channel(NEWS_CAPACITY);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(WORKERS).build()?;
    let stage = Stage::new(premises, writer.handle, writer.events, tell);
    // When the runtime is dropped, it waits for the workers, who were told to stop.
    let thread =
        thread::Builder::new().name("recordings".to_owned()).spawn(move || runtime.block_on(stage.run(received)))?;
    Ok(RunningRecordings { commands, news, thread, writer: writer.thread })
}
