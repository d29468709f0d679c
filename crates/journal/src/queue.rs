//! The way into the journal, for whoever must not wait.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::event::{Event, EventStamp};
use tokio::sync::oneshot;

use crate::record::{Change, Record, SessionKey};

/// Records waiting for the disk.
pub(crate) const QUEUE: usize = 10_000;
/// The same in bytes, roughly: what clients say of themselves is in them.
const QUEUE_BYTES: usize = 8 << 20;
/// Sessions that are remembered one by one to have missed something; beyond that, all have.
const MOST_MISSED: usize = 10_000;

/// The writer of the journal.
#[derive(Debug)]
pub struct Journal {
    queue: SyncSender<Record>,
    shared: Arc<Shared>,
    /// Resolves when the thread has ended.
    ended: oneshot::Receiver<()>,
    is_overflowing: bool,
}

/// What both ends know.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Of what is in the queue.
    bytes: AtomicUsize,
    missed: Mutex<Missed>,
}

/// Sessions of which something found no room. What is not known well enough is struck out.
#[derive(Debug, Default)]
pub(crate) struct Missed {
    pub(crate) sessions: BTreeSet<SessionKey>,
    pub(crate) all: bool,
}

impl Shared {
    /// Since this was asked last.
    pub(crate) fn take_missed(&self) -> Missed {
        std::mem::take(&mut self.missed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn taken(&self, record: &Record) {
        self.bytes.fetch_sub(record.weight(), Ordering::Relaxed);
    }

    fn miss(&self, session: SessionKey) {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        if missed.sessions.len() < MOST_MISSED {
            missed.sessions.insert(session);
        } else {
            missed.all = true;
        }
    }
}

/// Both ends, what they share, and what the reading one drops when it has ended.
pub(crate) fn ends() -> (Journal, Receiver<Record>, Arc<Shared>, oneshot::Sender<()>) {
    let (queue, records) = sync_channel(QUEUE);
    let (alive, ended) = oneshot::channel();
    let shared = Arc::<Shared>::default();
    (Journal { queue, shared: Arc::clone(&shared), ended, is_overflowing: false }, records, shared, alive)
}

impl Journal {
    /// Takes note of an event, if it is one that begins or ends something. Never waits.
    pub fn note(&mut self, event: &Event) {
        if let Some(record) = Record::of(event) {
            self.send(record);
        }
    }

    /// A session is gone without an event.
    pub fn gone(&mut self, session: &EventStamp) {
        self.send(Record { of: session.into(), what: Change::Gone });
    }

    fn send(&mut self, record: Record) {
        let weight = record.weight();
        let of = record.of.clone();
        let has_room = self.shared.bytes.fetch_add(weight, Ordering::Relaxed) + weight <= QUEUE_BYTES;
        if has_room && self.queue.try_send(record).is_ok() {
            self.is_overflowing = false;
            return;
        }
        self.shared.bytes.fetch_sub(weight, Ordering::Relaxed);
        if !self.is_overflowing {
            tracing::warn!("the journal of sessions is behind: some would not be told of after a crash");
            self.is_overflowing = true;
        }
        self.shared.miss(of);
    }

    /// Writes what is queued, for `limit` at most.
    pub async fn close(self, limit: Duration) {
        drop(self.queue);
        // The sender is dropped without a message: an error is what is waited for.
        if tokio::time::timeout(limit, self.ended).await.is_err() {
            tracing::warn!("the journal of sessions was still being written at the end");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::book::Book;
    use crate::file::JournalFile;
    use crate::writer;

    fn created(session: &str) -> Event {
        Event::SessionCreated(EventStamp { session: session.into(), session_created_at: 7, timestamp: 7 })
    }

    /// What would be told after a crash, once the writer has taken everything.
    fn lost(journal: Journal, records: &Receiver<Record>, folder: &std::path::Path) -> Vec<String> {
        let Journal { queue, shared, .. } = journal;
        drop(queue);
        let mut file = JournalFile::open(folder).unwrap();
        file.replace(&Book::default()).unwrap();
        writer::run(file, records, &shared);
        let lost = JournalFile::open(folder).unwrap().read(SystemTime::now()).unwrap();
        lost.sessions().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_session_that_missed_something_is_not_told_to_be_lost_and_others_are() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, records, _shared, _alive) = ends();
        journal.note(&created("known"));
        journal.note(&created("doubtful"));
        for number in 2..QUEUE {
            journal.note(&created(&format!("room-{number}")));
        }
        // Nobody writes: there is no room for its end.
        journal.gone(&EventStamp { session: "doubtful".into(), session_created_at: 7, timestamp: 9 });
        journal.note(&created("late"));
        let lost = lost(journal, &records, folder.path());
        assert_eq!(lost.len(), QUEUE - 1);
        let is_told = |session: &str| lost.iter().any(|lost| lost == session);
        assert_eq!([is_told("known"), is_told("doubtful"), is_told("late")], [true, false, false]);
    }

    #[test]
    fn what_clients_say_of_themselves_fills_no_memory() {
        let (mut journal, _records, _shared, _alive) = ends();
        let large = "x".repeat(1 << 20);
        for number in 0..100 {
            let participant = protocol::event::Participant {
                connection: "con_A".into(),
                location: String::new(),
                ip: String::new(),
                platform: String::new(),
                client_data: large.clone(),
                server_data: String::new(),
            };
            let stamp =
                EventStamp { session: format!("room-{number}").as_str().into(), session_created_at: 7, timestamp: 7 };
            journal
                .note(&Event::ParticipantJoined(protocol::event::EventOpened { stamp, subject: participant.into() }));
        }
        assert!(journal.shared.bytes.load(Ordering::Relaxed) <= QUEUE_BYTES);
        assert_eq!(journal.shared.take_missed().sessions.len(), 100 - QUEUE_BYTES / (large.len() + 300));
    }

    #[test]
    fn if_too_many_have_missed_something_none_is_told_to_be_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, records, _shared, _alive) = ends();
        for number in 0..QUEUE + MOST_MISSED + 1 {
            journal.note(&created(&format!("room-{number}")));
        }
        assert_eq!(lost(journal, &records, folder.path()), Vec::<String>::new());
    }
}
