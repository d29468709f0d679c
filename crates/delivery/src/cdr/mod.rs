//! Call detail records: every event of every session, one JSON object per line, in files that roll daily.
//!
//! [`Cdr`] is the way in: a bounded queue to a thread of its own, so that a slow disk never slows a call. Each line is
//! handed to the operating system at once; what was taken from the queue survives a crash of this process. When the
//! queue is full, the new event is dropped and that is logged; so are signals beyond their `share` of the disk. [`files`] is
//! the way out, for the REST paths.
//! Events are not filtered here; their text is `protocol`'s.

pub mod files;
mod log;
mod share;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use std::{io, thread};

use jiff::Zoned;
use protocol::event::Event;
use tokio::sync::oneshot;
use tracing::{error, warn};

use crate::guard::guarded;
use crate::losses::Losses;
use crate::room::{Amount, Room, Waiting};
use log::Log;
use share::SignalShare;

/// Events waiting for the disk: minutes of a busy server.
const QUEUE: Amount = Amount { events: 10_000, bytes: 16 << 20 };

/// The writer of CDR files.
#[derive(Debug)]
pub struct Cdr {
    queue: SyncSender<Waiting>,
    room: Room,
    /// Resolves when the thread has ended.
    ended: oneshot::Receiver<()>,
    dropped: Losses,
}

impl Cdr {
    /// Creates the folder if it is missing, and today's file.
    pub fn start(folder: &Path) -> io::Result<Self> {
        let log = Log::open(folder, &Zoned::now())?;
        let (queue, events) = sync_channel(QUEUE.events);
        let (alive, ended) = oneshot::channel();
        thread::Builder::new().name("cdr".to_owned()).spawn(move || {
            write(log, &events);
            drop(alive);
        })?;
        Ok(Self { queue, room: Room::new(QUEUE), ended, dropped: Losses::default() })
    }

    /// Queues an event. Never waits.
    pub fn send(&mut self, event: &Arc<Event>) {
        let dropped = match self.room.enter(event) {
            Ok(waiting) => match self.queue.try_send(waiting) {
                Ok(()) => return,
                Err(_) => None,
            },
            Err(full) => Some(full),
        };
        if let Some(events) = self.dropped.count(Instant::now()) {
            warn!(events, limit = ?dropped, "the disk is behind with the CDR: new events were dropped");
        }
    }

    /// Writes what is queued, for `limit` at most.
    pub async fn close(self, limit: Duration) {
        drop(self.queue);
        if self.dropped.untold() > 0 {
            warn!(events = self.dropped.untold(), "CDR events were dropped");
        }
        // The sender is dropped without a message: an error is what is waited for.
        if tokio::time::timeout(limit, self.ended).await.is_err() {
            warn!("CDR events were still queued at the end");
        }
    }
}

fn write(mut log: Log, events: &Receiver<Waiting>) {
    let mut failing = false;
    let (mut signals, mut beyond_share) = (SignalShare::default(), Losses::default());
    each(events, |waiting| {
        let event = &waiting.event;
        let mut line = match serde_json::to_vec(event.as_ref()) {
            Ok(line) => line,
            Err(error) => {
                error!(event = event.name().as_str(), %error, "event cannot be written");
                return;
            }
        };
        line.push(b'\n');
        let now = Zoned::now();
        if let Event::SignalSent(signal) = event.as_ref()
            && !signals.take(signal.from.as_ref(), line.len(), now.date())
        {
            if let Some(signals) = beyond_share.count(Instant::now()) {
                warn!(signals, limits = share::LIMITS, "signals are left out of the CDR: there were too many today");
            }
            return;
        }
        match log.append(&line, &now) {
            Ok(()) => failing = false,
            // Once per failure: a full disk must not also fill the log.
            Err(error) if !failing => {
                error!(%error, "CDR file cannot be written: events are lost");
                failing = true;
            }
            Err(_) => {}
        }
    });
}

/// A defect met with one event loses that event.
fn each(events: &Receiver<Waiting>, mut write: impl FnMut(&Waiting)) {
    for waiting in events {
        if guarded(|| write(&waiting)).is_none() {
            error!(event = waiting.event.name().as_str(), "writing an event of the CDR panicked: it is lost");
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
    fn a_panic_loses_one_event_and_those_behind_it_are_written() {
        let (queue, events) = sync_channel(3);
        let room = Room::new(QUEUE);
        for session in ["a", "b", "c"] {
            queue.send(room.enter(&created(session)).ok().unwrap()).unwrap();
        }
        drop(queue);
        let mut written = vec![];
        each(&events, |waiting| {
            assert_ne!(waiting.event, created("b"), "a defect, on purpose");
            written.push(waiting.event.clone());
        });
        assert_eq!(written, [created("a"), created("c")]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in-the-way");
        std::fs::write(&file, "").unwrap();
        assert!(Cdr::start(&file.join("cdr")).is_err());
    }
}
