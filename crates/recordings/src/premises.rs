//! What recordings are given: where they are, and what helps with them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use protocol::event::RecordingStatus;

use crate::layouts::Layouts;
use crate::processes::Transcoder;
use crate::store::Store;
use crate::upload::Destination;

/// Where recordings are, what helps with them, and whether to go on with them.
#[derive(Clone, Debug)]
pub struct Premises {
    /// Where recordings grow.
    pub store: Store,
    /// Where they are kept once they are whole, if not there.
    pub destination: Option<Destination>,
    /// Where clients find this server, as far as is known without their asking.
    pub public_url: String,
    /// What composes them.
    pub transcoder: Transcoder,
    /// Composed pictures say who is who.
    pub has_captions: bool,
    /// The pages that some of them show.
    pub layouts: Layouts,
    /// Set at the end.
    pub stop: Arc<AtomicBool>,
}

impl Premises {
    /// What a recording is once it is processed.
    pub(crate) fn finished(&self) -> RecordingStatus {
        if self.destination.is_none() { RecordingStatus::Ready } else { RecordingStatus::Stopped }
    }
}
