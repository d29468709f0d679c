//! The way of a worker's events to the control side. Nothing waits: what finds no place in the queue stays here, and of that
//! which nobody has to act on only so much; statistics, which come again, are the first to go.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use protocol::media::{MediaEvent, TransportObservation};
use tokio::sync::mpsc::error::{SendError, TrySendError};
use tokio::sync::mpsc::{self, OwnedPermit};

/// Statistics leave this many places of the queue to others.
const NOT_FOR_STATISTICS: usize = 4 * 1024;
/// Observations kept here; what settles a command is kept always, and there is one for each command taken.
const MOST_OBSERVATIONS: usize = 1024;

/// Events on their way.
pub(super) struct Reports {
    queue: mpsc::Sender<MediaEvent>,
    /// Those that the queue had no room for.
    backlog: VecDeque<MediaEvent>,
    /// Of the backlog.
    observations: usize,
    /// Since this was last said.
    dropped: u64,
    /// While something waits for room.
    room: Option<Pin<Box<Reservation>>>,
}

type Reservation = dyn Future<Output = Result<OwnedPermit<MediaEvent>, SendError<()>>> + Send;

impl Reports {
    pub(super) fn new(queue: mpsc::Sender<MediaEvent>) -> Self {
        Self { queue, backlog: VecDeque::new(), observations: 0, dropped: 0, room: None }
    }

    /// Something waits for room in the queue.
    pub(super) fn is_waiting(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Sends what there is room for; when there is room for more, the worker is woken. `false`: nobody listens any more.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> bool {
        self.send();
        while self.is_waiting() {
            let room = self.room.get_or_insert_with(|| Box::pin(self.queue.clone().reserve_owned()));
            match room.as_mut().poll(context) {
                // The place is given back, and taken by what is first.
                Poll::Ready(Ok(_place)) => self.room = None,
                Poll::Ready(Err(_)) => return false,
                Poll::Pending => return true,
            }
            self.send();
        }
        self.room = None;
        true
    }

    pub(super) fn push(&mut self, event: MediaEvent) {
        let is_wanted = match &event {
            MediaEvent::Observed { observation: TransportObservation::Statistics(_), .. } => {
                self.backlog.is_empty() && self.queue.capacity() > NOT_FOR_STATISTICS
            }
            MediaEvent::Observed { .. } => self.observations < MOST_OBSERVATIONS,
            _ => true,
        };
        if !is_wanted {
            self.dropped += 1;
            return;
        }
        self.observations += usize::from(is_observation(&event));
        self.backlog.push_back(event);
        self.send();
    }

    /// Sends what there is room for.
    pub(super) fn send(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            let observations = usize::from(is_observation(&event));
            match self.queue.try_send(event) {
                Ok(()) | Err(TrySendError::Closed(_)) => self.observations -= observations,
                Err(TrySendError::Full(event)) => return self.backlog.push_front(event),
            }
        }
        if self.dropped > 0 {
            tracing::warn!(dropped = self.dropped, "the control side is behind: some of what media does was not told");
            self.dropped = 0;
        }
    }
}

fn is_observation(event: &MediaEvent) -> bool {
    matches!(event, MediaEvent::Observed { .. })
}

#[cfg(test)]
mod tests {
    use protocol::id::{MediaRequestId, RouterId, TransportId, WorkerId};
    use protocol::media::TransportStatistics;

    use super::*;

    fn observed(observation: TransportObservation) -> MediaEvent {
        let router = RouterId { number: 1, worker: WorkerId(0) };
        MediaEvent::Observed { router, transport: TransportId(1), observation }
    }

    fn statistics() -> MediaEvent {
        observed(TransportObservation::Statistics(TransportStatistics::default()))
    }

    fn accepted(request: u64) -> MediaEvent {
        MediaEvent::Accepted { request: MediaRequestId(request) }
    }

    fn drain(reports: &mut Reports, events: &mut mpsc::Receiver<MediaEvent>) -> Vec<MediaEvent> {
        let mut all = vec![];
        while let Ok(event) = events.try_recv() {
            all.push(event);
            reports.send();
        }
        all
    }

    #[test]
    fn statistics_go_first_then_other_observations_and_settlements_never() {
        let capacity = NOT_FOR_STATISTICS + 10;
        let (queue, mut events) = mpsc::channel(capacity);
        let mut reports = Reports::new(queue);
        (0..100).for_each(|_| reports.push(statistics()));
        assert_eq!(events.len(), 10, "they leave room");
        let connected = || observed(TransportObservation::Connected);
        (0..20_000).for_each(|_| reports.push(connected()));
        (0..20_000).for_each(|request| reports.push(accepted(request)));
        (0..100).for_each(|_| reports.push(connected()));
        reports.push(statistics());
        assert!(reports.is_waiting());
        let told = drain(&mut reports, &mut events);
        let count = |wanted: &MediaEvent| told.iter().filter(|event| *event == wanted).count();
        assert_eq!((count(&statistics()), count(&connected())), (10, NOT_FOR_STATISTICS + MOST_OBSERVATIONS));
        let settled: Vec<_> = told.iter().filter(|event| !is_observation(event)).cloned().collect();
        assert_eq!(settled, (0..20_000).map(accepted).collect::<Vec<_>>(), "all of them, in order");
        assert!(!reports.is_waiting() && reports.observations == 0 && reports.dropped == 0);
        reports.push(statistics());
        assert_eq!(events.len(), 1, "all is well again");
    }
}
