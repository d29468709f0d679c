//! Forces files to the disk: once a second while they grow, and before they are told to be finished. It has a thread of
//! its own, because a disk may take its time, and packets do not wait.

use std::fs::File;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use std::{io, thread};

use tokio::sync::mpsc;

use super::WriterEvent;

const INTERVAL: Duration = Duration::from_secs(1);
/// Files that begin and end while the disk is busy.
const CAPACITY: usize = 4096;

pub(super) enum Job {
    /// From now on, as long as somebody writes it.
    Growing(Weak<File>),
    /// For the last time; then tell.
    Ended(Arc<File>, WriterEvent),
}

pub(super) struct Syncing {
    pub(super) jobs: SyncSender<Job>,
    /// Ends once the sender is dropped.
    pub(super) thread: thread::JoinHandle<()>,
}

pub(super) fn start(events: mpsc::Sender<WriterEvent>) -> io::Result<Syncing> {
    let (jobs, queue) = sync_channel(CAPACITY);
    let thread = thread::Builder::new().name("writer-sync".to_owned()).spawn(move || run(&queue, &events))?;
    Ok(Syncing { jobs, thread })
}

fn run(jobs: &Receiver<Job>, events: &mpsc::Sender<WriterEvent>) {
    let mut growing: Vec<Weak<File>> = Vec::new();
    let mut due = Instant::now() + INTERVAL;
    loop {
        match jobs.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(Job::Growing(file)) => growing.push(file),
            Ok(Job::Ended(file, event)) => {
                if let Err(error) = file.sync_all() {
                    tracing::error!(%error, "a recorded file may not be on the disk");
                }
                // Whoever reads them has gone only if the whole server ends.
                let _ = events.blocking_send(event);
            }
            Err(RecvTimeoutError::Timeout) => {
                growing.retain(|file| file.strong_count() > 0);
                growing.iter().filter_map(Weak::upgrade).for_each(|file| force(&file));
                due = Instant::now() + INTERVAL;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn force(file: &File) {
    if let Err(error) = file.sync_data() {
        // It shows again when the file is written or ends.
        tracing::debug!(%error, "a growing file was not forced to the disk");
    }
}
