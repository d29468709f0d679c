//! How much there is of what people do, for metrics: participants, streams, how good their networks are, and how that is spread
//! over the media workers. Numbers only: nothing in it names a session or a person.

use protocol::id::WorkerId;
use serde::{Deserialize, Serialize};

use crate::session::Session;
use crate::{QualityLevel, Registry};

/// At one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MediaFigures {
    /// Whom others can see.
    pub participants: usize,
    /// What is published.
    pub published: Streams,
    /// What is received.
    pub received: Streams,
    /// Publishers by the level of their network, from [`QualityLevel::Broken`] on; those that are not rated are missing.
    pub qualities: [usize; QualityLevel::ALL.len()],
    /// What each worker that runs has to carry.
    pub workers: Vec<WorkerFigures>,
}

/// By what they carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Streams {
    /// Sound without a picture.
    pub audio: usize,
    /// A screen, with or without sound.
    pub screen: usize,
    /// Any other picture, with or without sound.
    pub video: usize,
}

/// Of one worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WorkerFigures {
    /// Which.
    pub worker: WorkerId,
    /// Sessions that are there: large ones are in several workers.
    pub sessions: usize,
    /// By which participants are placed: participants, and streams that they send and receive.
    pub load: usize,
}

impl Streams {
    fn count(&mut self, session: &Session, stream: &str) {
        let Some((_, stream)) = session.publisher_of(stream) else { return };
        let properties = &stream.description.properties;
        let count = match properties {
            _ if !properties.has_video => &mut self.audio,
            _ if properties.is_screen() => &mut self.screen,
            _ => &mut self.video,
        };
        *count += 1;
    }
}

impl Registry {
    /// See [`MediaFigures`].
    pub fn media_figures(&self) -> MediaFigures {
        let loads = self.cx.workers.loads(self.sessions.values());
        let workers = loads.into_iter().map(|(load, worker)| WorkerFigures { worker, sessions: 0, load });
        let mut figures = MediaFigures { workers: workers.collect(), ..MediaFigures::default() };
        for session in self.sessions.values() {
            let is_there = |worker| session.rooms().iter().any(|room| room.worker == worker);
            for worker in figures.workers.iter_mut().filter(|one| is_there(one.worker)) {
                worker.sessions += 1;
            }
            for (_, participant) in session.participants() {
                figures.participants += usize::from(!participant.is_hidden());
                for subscription in participant.subscriptions.values() {
                    figures.received.count(session, subscription.stream.as_str());
                }
                let Some(stream) = &participant.stream else { continue };
                figures.published.count(session, stream.id().as_str());
                if let Some(level) = participant.quality.level() {
                    figures.qualities[level as usize] += 1;
                }
            }
        }
        figures
    }
}
