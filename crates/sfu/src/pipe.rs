//! Publications whose subscribers are in several workers. The packets cross to each other worker once, through a *pipe*, however
//! many receive them there; what comes out of it is treated like what comes from a publisher: with a store of retransmissions,
//! layers and requests for key frames of that worker's own. Requests go back through the pipe and are merged with the others'.
//!
//! Whoever carries the messages keeps the order of what one worker tells another, and may lose some: a description that is
//! missing is asked for again, and packets that nobody wants any more are declined again.
//!
//! Here is what is said; when, is in `piping.rs`.

use protocol::id::{PublicationId, WorkerId};

use crate::Output;
use crate::packet::Packet;
use crate::sdp::{AudioFormat, VideoFormat};
use crate::subscription::SubscriptionWish;

/// What one worker tells another about a publication.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PipeMessage {
    pub(crate) publication: PublicationId,
    pub(crate) content: Piped,
}

/// The first three come from subscribers' workers, the others from the publisher's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Piped {
    /// It is wanted, and what it is.
    Open {
        /// The room's number, in both workers.
        room: u64,
    },
    /// It is not wanted (any more).
    Close,
    /// Somebody cannot go on without one.
    KeyFrameWanted {
        /// Of this layer.
        layer: usize,
    },
    /// What it is from now on.
    Description(Description),
    /// What was collected in one turn.
    Packets(Vec<Packet>),
    /// There is none (any more).
    Ended,
}

impl Piped {
    pub(crate) fn of(self, publication: PublicationId) -> PipeMessage {
        PipeMessage { publication, content: self }
    }
}

impl PipeMessage {
    pub(crate) fn to(self, to: WorkerId) -> Output {
        Output::Piped { to, message: self }
    }
}

/// See [`Upstream`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Another worker: it comes through a pipe.
    Worker(WorkerId),
    /// This machine: see `local.rs`.
    Local,
}

/// What one has to know of a publication to subscribe to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Description {
    /// Of its packets' source; another one is another description.
    pub(crate) generation: u32,
    pub(crate) audio: Option<AudioFormat>,
    pub(crate) video: Option<VideoFormat>,
    /// Simulcast layers; one without simulcast, none without video.
    pub(crate) layers: usize,
}

/// Where the packets of a publication come from whose publisher is not here.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) place: Place,
    pub(crate) is_described: bool,
    /// Subscribers who wait for the description, with their offers.
    pub(crate) waiting: Vec<(SubscriptionWish, Option<String>)>,
}

impl Upstream {
    /// Nothing is known of it yet.
    pub(crate) fn at(place: Place) -> Self {
        Self { place, is_described: false, waiting: Vec::new() }
    }

    /// The other worker.
    pub(crate) fn worker(&self) -> Option<WorkerId> {
        match self.place {
            Place::Worker(worker) => Some(worker),
            Place::Local => None,
        }
    }
}
