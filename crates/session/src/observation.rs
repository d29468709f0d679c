//! What is seen of media, named as applications know it: which session, whose connection, which stream. Nothing follows
//! from it here.

use std::collections::HashMap;

use protocol::id::{ConnectionId, PublicationId, RouterId, SessionId, StreamId, TransportId};
use protocol::media::{MediaCommand, MediaOperation, TransportObservation};

use crate::refusal::MediaDirection;

/// Something that happened on a peer connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaObservation {
    /// Whose peer connection it is, and of which stream.
    pub leg: MediaLeg,
    /// What happened.
    pub what: TransportObservation,
}

/// One peer connection of a client: it carries one stream, one way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaLeg {
    /// In which session.
    pub session: SessionId,
    /// Whose it is.
    pub connection: ConnectionId,
    /// What it carries.
    pub stream: StreamId,
    /// Which way.
    pub direction: MediaDirection,
}

/// The peer connections of which media workers may report something.
#[derive(Debug, Default)]
pub(crate) struct MediaLegs {
    open: HashMap<TransportId, OpenLeg>,
}

#[derive(Debug)]
struct OpenLeg {
    router: RouterId,
    publication: PublicationId,
    leg: MediaLeg,
}

impl MediaLegs {
    /// A peer connection has been negotiated. A publisher's takes the place of the one it had.
    pub(crate) fn open(&mut self, router: RouterId, transport: TransportId, publication: PublicationId, leg: MediaLeg) {
        if leg.direction == MediaDirection::Publishing {
            let is_replaced =
                |open: &OpenLeg| open.publication == publication && open.leg.direction == MediaDirection::Publishing;
            self.open.retain(|_, open| !is_replaced(open));
        }
        self.open.insert(transport, OpenLeg { router, publication, leg });
    }

    /// Whose it is; `None` for one that is closed, or is not that room's.
    pub(crate) fn find(&self, router: RouterId, transport: TransportId) -> Option<&MediaLeg> {
        self.open.get(&transport).filter(|open| open.router == router).map(|open| &open.leg)
    }

    /// Forgets what ends with a command that is on its way to a worker.
    pub(crate) fn sent(&mut self, command: &MediaCommand) {
        match &command.op {
            MediaOperation::CloseTransport { transport } => drop(self.open.remove(transport)),
            MediaOperation::ClosePublication { publication } => {
                self.open.retain(|_, open| open.publication != *publication);
            }
            MediaOperation::CloseRouter => self.open.retain(|_, open| open.router != command.router),
            _ => {}
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }
}
