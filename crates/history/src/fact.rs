//! What a chronicle is told.

use std::sync::Arc;

use protocol::event::{Event, EventStamp};
use protocol::media::TransportObservation;
use session::{MediaObservation, Notice};

use crate::incident::Incident;

/// Something that happened, as those say it who know.
#[derive(Clone, PartialEq, Debug)]
pub enum Fact {
    /// What applications are told, too.
    Event(Event),
    /// What nobody is told.
    Notice(Notice),
    /// What was seen of media.
    Media(Arc<MediaObservation>),
    /// A session that nobody joined is gone.
    Collected(EventStamp),
    /// Something outside of sessions.
    Incident(Incident),
}

impl Fact {
    /// Others of its kind follow soon, which say the same more recently.
    pub(crate) fn is_repeated(&self) -> bool {
        matches!(self, Self::Media(seen) if matches!(seen.what, TransportObservation::Statistics(_)))
    }
}
