//! Call detail records: every event of every session, one JSON object per line, in files that roll daily.
//!
//! [`Cdr`] is the way in: a bounded queue to a thread of its own, so that a slow disk never slows a call. Each line is
//! handed to the operating system at once; what was taken from the queue survives a crash of this process. When the
//! queue is full, the new event is dropped and that is logged. [`files`] is the way out, for the REST paths.
//! Events are not filtered here; their text is `protocol`'s.

pub mod files;
mod log;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use std::{io, thread};

use jiff::Zoned;
use protocol::event::Event;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use log::Log;

/// Events waiting for the disk: some 5 MB, minutes of a busy server.
const QUEUE: usize = 10_000;

/// The writer of CDR files.
#[derive(Debug)]
pub struct Cdr {
    queue: SyncSender<Arc<Event>>,
    /// Resolves when the thread has ended.
    ended: oneshot::Receiver<()>,
    /// Events dropped since the queue was last seen with room.
    overflowing: u64,
}

impl Cdr {
    /// Creates the folder if it is missing, and today's file.
    pub fn start(folder: &Path) -> io::Result<Self> {
        let log = Log::open(folder, &Zoned::now())?;
        let (queue, events) = sync_channel(QUEUE);
        let (alive, ended) = oneshot::channel();
        thread::Builder::new().name("cdr".to_owned()).spawn(move || {
            write(log, &events);
            drop(alive);
        })?;
        Ok(Self { queue, ended, overflowing: 0 })
    }

    /// Queues an event. Never waits.
    pub fn send(&mut self, event: &Arc<Event>) {
        if self.queue.try_send(Arc::clone(event)).is_ok() {
            if self.overflowing > 0 {
                info!(dropped = self.overflowing, "CDR queue has room again");
                self.overflowing = 0;
            }
            return;
        }
        if self.overflowing == 0 {
            warn!("CDR queue is full: new events are dropped");
        }
        self.overflowing += 1;
    }

    /// Writes what is queued, for `limit` at most.
    pub async fn close(self, limit: Duration) {
        drop(self.queue);
        // The sender is dropped without a message: an error is what is waited for.
        if tokio::time::timeout(limit, self.ended).await.is_err() {
            warn!("CDR events were still queued at the end");
        }
    }
}

fn write(mut log: Log, events: &Receiver<Arc<Event>>) {
    let mut failing = false;
    for event in events {
        let mut line = match serde_json::to_vec(event.as_ref()) {
            Ok(line) => line,
            Err(error) => {
                error!(event = event.name().as_str(), %error, "event cannot be written");
                continue;
            }
        };
        line.push(b'\n');
        match log.append(&line, &Zoned::now()) {
            Ok(()) => failing = false,
            // Once per failure: a full disk must not also fill the log.
            Err(error) if !failing => {
                error!(%error, "CDR file cannot be written: events are lost");
                failing = true;
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::event::EventStamp;

    use super::*;

    fn created(session: &str) -> Arc<Event> {
        Arc::new(Event::SessionCreated(EventStamp { session: session.into(), session_created_at: 7, timestamp: 7 }))
    }

    #[tokio::test]
    async fn each_event_is_one_line_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut cdr = Cdr::start(folder.path()).unwrap();
        for session in ["a", "b", "c"] {
            cdr.send(&created(session));
        }
        cdr.close(Duration::from_secs(10)).await;

        let names = files::list(folder.path()).unwrap();
        assert_eq!(names.len(), 1);
        let text = std::fs::read_to_string(folder.path().join(&names[0])).unwrap();
        let expected: Vec<String> = ["a", "b", "c"]
            .map(|id| {
                format!(r#"{{"sessionCreated":{{"sessionId":"{id}","uniqueSessionId":"{id}_7","timestamp":7}}}}"#)
            })
            .into();
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in-the-way");
        std::fs::write(&file, "").unwrap();
        assert!(Cdr::start(&file.join("cdr")).is_err());
    }
}
