//! Every reason to wake up later, as rows of one table. Not a clock: the time comes from outside.

use std::collections::{BTreeSet, HashMap};

use protocol::id::{JobId, MediaRequestId, PublicationId, RecordingKey, TransportId};

use crate::Time;
use crate::id::{ClientId, ParticipantId};

/// What becomes due.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Timer {
    /// The client lost its socket and did not come back.
    Grace(ClientId),
    /// The client was put out for having no socket, and did not come back.
    Return(ClientId),
    /// The client's connection ended some time ago: its socket goes too.
    Linger(ClientId),
    /// Time to look whether a client without a socket still has media.
    Caller(ClientId),
    /// The media worker did not answer.
    Media(MediaRequestId),
    /// The subscriber never answered our offer.
    Offer {
        /// The subscriber.
        client: ClientId,
        /// Whose stream was offered.
        publisher: ParticipantId,
        /// What was offered.
        transport: TransportId,
    },
    /// The client's publishing peer connection was lost and is not there again.
    CutOff(ClientId),
    /// The recorder did not get everything on disk.
    RecordingStart(RecordingKey),
    /// Nobody published, or came back.
    AutomaticStop(RecordingKey),
    /// Nothing of a session has come to its broadcast's target.
    BroadcastStart(JobId),
    /// A recogniser of speech has not begun.
    Recogniser(JobId),
    /// A recogniser that only a recording listens to has had time for its last words.
    LastWords(JobId),
    /// Somebody whose words are recorded could not be heard: time to try again.
    Unheard(RecordingKey),
    /// The session with this router has ended but for its recordings.
    Ending(u64),
    /// Time to look for sessions that nobody ever joined.
    Garbage,
    /// Time to look for guests who did not come.
    GuestPlaces,
    /// A camera whose stream somebody wants has not said what it sends.
    CameraDescription(PublicationId),
    /// A camera's job has failed some time ago.
    CameraJob(PublicationId),
}

/// The table: at most one deadline per timer.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Time, Timer)>,
    due: HashMap<Timer, Time>,
}

impl Timers {
    /// Sets or moves a deadline.
    pub(crate) fn set(&mut self, timer: Timer, at: Time) {
        if let Some(before) = self.due.insert(timer, at) {
            self.by_time.remove(&(before, timer));
        }
        self.by_time.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, timer: Timer) {
        if let Some(at) = self.due.remove(&timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    /// Takes the earliest one that is due.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        let &(at, timer) = self.by_time.first().filter(|(at, _)| *at <= now)?;
        self.by_time.remove(&(at, timer));
        self.due.remove(&timer);
        Some(timer)
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    pub(crate) fn count(&self) -> usize {
        self.due.len()
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.due.contains_key(&timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_moved_fires_once_and_late() {
        let mut timers = Timers::default();
        let media = Timer::Media(MediaRequestId(1));
        timers.set(media, Time::from_millis(10));
        timers.set(media, Time::from_millis(30));
        timers.set(Timer::Garbage, Time::from_millis(20));
        assert_eq!(timers.next(), Some(Time::from_millis(20)));
        assert_eq!(timers.pop_due(Time::from_millis(25)), Some(Timer::Garbage));
        assert_eq!(timers.pop_due(Time::from_millis(25)), None);
        assert_eq!(timers.pop_due(Time::from_millis(30)), Some(media));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_cancelled_deadline_never_fires() {
        let mut timers = Timers::default();
        timers.set(Timer::Garbage, Time::from_millis(20));
        timers.cancel(Timer::Garbage);
        assert!(!timers.is_set(Timer::Garbage));
        assert_eq!(timers.pop_due(Time::from_millis(99)), None);
    }
}
