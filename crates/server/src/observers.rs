//! For those who watch how media goes: dashboards, metrics, whoever asks why a picture stands still. They come and go and
//! may be slow: nothing waits for them, and nothing is kept for those who come later.

use std::sync::Arc;

use protocol::media::TransportObservation;
use session::MediaObservation;
use session::refusal::MediaDirection;
use tokio::sync::broadcast;

/// What a slow watcher may be behind; it misses what is older, and is told so.
const CAPACITY: usize = 1024;

/// The way of observations from the control loop to all who watch. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MediaObservers(broadcast::Sender<Arc<MediaObservation>>);

impl Default for MediaObservers {
    fn default() -> Self {
        Self(broadcast::channel(CAPACITY).0)
    }
}

impl MediaObservers {
    /// Everything that is observed from now on, in order.
    pub fn watch(&self) -> broadcast::Receiver<Arc<MediaObservation>> {
        self.0.subscribe()
    }

    pub(crate) fn tell(&self, observation: Arc<MediaObservation>) {
        log(&observation);
        // Nobody may be watching.
        let _ = self.0.send(observation);
    }
}

fn log(MediaObservation { leg, what }: &MediaObservation) {
    let (session, connection, stream) = (&leg.session, &leg.connection, &leg.stream);
    let way = match leg.direction {
        MediaDirection::Publishing => "published",
        MediaDirection::Subscribing => "received",
    };
    match what {
        TransportObservation::Statistics(statistics) => {
            tracing::trace!(%session, %connection, %stream, way, ?statistics, "media");
        }
        what => tracing::debug!(%session, %connection, %stream, way, ?what, "media"),
    }
}

#[cfg(test)]
mod tests {
    use protocol::media::TransportObservation;
    use session::MediaLeg;
    use tokio::sync::broadcast::error::TryRecvError;

    use super::*;

    #[test]
    fn who_is_too_slow_misses_the_oldest_and_holds_up_nobody() {
        let observers = MediaObservers::default();
        let leg = MediaLeg {
            session: "ses".into(),
            connection: "con".into(),
            stream: "str".into(),
            direction: MediaDirection::Publishing,
        };
        let tell = |what| observers.tell(Arc::new(MediaObservation { leg: leg.clone(), what }));
        tell(TransportObservation::Connected);
        let (mut slow, mut quick) = (observers.watch(), observers.watch());
        for n in 0..2 * CAPACITY {
            tell(TransportObservation::Silent);
            assert!(quick.try_recv().is_ok(), "{n}");
        }
        assert_eq!(slow.try_recv().err(), Some(TryRecvError::Lagged(CAPACITY as u64)));
        assert_eq!(slow.try_recv().unwrap().what, TransportObservation::Silent);
        assert_eq!(quick.try_recv().err(), Some(TryRecvError::Empty));
    }
}
