//! What is seen of media, named as applications know it: which session, whose connection, which stream; and what of it is
//! remembered for those who ask later. Nothing follows from it here.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use protocol::id::{ConnectionId, PublicationId, RouterId, SessionId, StreamId, TransportId};
use protocol::media::{MediaCommand, MediaOperation, MediaPath, TransportObservation, TransportStatistics};
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::refusal::MediaDirection;

/// What is remembered of what happened on a peer connection: a call's beginning, and what was last.
const REMEMBERED_MILESTONES: usize = 32;

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

/// What is known of a peer connection, for whoever asks.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MediaCondition {
    /// ICE and DTLS are up.
    pub is_connected: bool,
    /// They were, and are not any more.
    pub is_cut: bool,
    /// The way that media takes.
    pub path: Option<MediaPath>,
    /// The last ones, and when they came.
    pub statistics: Option<(Time, TransportStatistics)>,
    /// Of all statistics so far.
    pub totals: MediaTotals,
    /// What happened once or seldom, the oldest first, and not more than the last of it.
    pub milestones: VecDeque<MediaMilestone>,
}

/// What is counted from the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MediaTotals {
    /// Of payload, both ways.
    pub bytes: u64,
    /// Both ways.
    pub packets: u64,
    /// What was lost and asked for.
    pub nacks: u64,
    /// By whoever receives what this peer connection carries.
    pub key_frame_requests: u64,
    /// Of the picture.
    pub freezes: u64,
    /// How long those lasted, in milliseconds.
    pub frozen_ms: u64,
}

/// Something that happened, and when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MediaMilestone {
    /// When.
    pub at: Time,
    /// Never statistics, nor a check, nor a request for a key frame.
    pub what: TransportObservation,
}

impl MediaCondition {
    /// The last statistics are not older than this, and the client has sent something or told what it has received.
    pub(crate) fn is_heard(&self, now: Time, recently: Duration) -> bool {
        self.statistics.as_ref().is_some_and(|(at, statistics)| {
            let came = statistics.received.iter().any(|stream| stream.packets > 0);
            let reported = statistics.sent.iter().any(|stream| stream.lost_permille.is_some());
            self.is_connected && now < *at + recently && (came || reported)
        })
    }

    fn saw(&mut self, what: &TransportObservation, now: Time) {
        match what {
            TransportObservation::Path(path) => self.path = Some(*path),
            TransportObservation::Connected => (self.is_connected, self.is_cut) = (true, false),
            TransportObservation::Disconnected => (self.is_connected, self.is_cut) = (false, true),
            TransportObservation::Checked | TransportObservation::KeyFrameRequested { .. } => return,
            TransportObservation::Statistics(statistics) => {
                self.totals.add(statistics);
                self.statistics = Some((now, statistics.clone()));
                return;
            }
            TransportObservation::FirstPacket { .. }
            | TransportObservation::FirstKeyFrame
            | TransportObservation::LayerChanged { .. }
            | TransportObservation::Silent
            | TransportObservation::Still => {}
        }
        if self.milestones.len() == REMEMBERED_MILESTONES {
            self.milestones.pop_front();
        }
        self.milestones.push_back(MediaMilestone { at: now, what: what.clone() });
    }
}

impl MediaTotals {
    fn add(&mut self, statistics: &TransportStatistics) {
        for stream in statistics.received.iter().chain(&statistics.sent) {
            self.bytes += stream.bytes;
            self.packets += u64::from(stream.packets);
            self.nacks += u64::from(stream.nacks);
            self.key_frame_requests += u64::from(stream.key_frame_requests);
            self.freezes += u64::from(stream.pictures.freezes);
            self.frozen_ms += u64::from(stream.pictures.frozen_ms);
        }
    }
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
    condition: MediaCondition,
}

impl MediaLegs {
    /// A peer connection has been negotiated. A publisher's takes the place of the one it had.
    pub(crate) fn open(&mut self, router: RouterId, transport: TransportId, publication: PublicationId, leg: MediaLeg) {
        if leg.direction == MediaDirection::Publishing {
            let is_replaced =
                |open: &OpenLeg| open.publication == publication && open.leg.direction == MediaDirection::Publishing;
            self.open.retain(|_, open| !is_replaced(open));
        }
        self.open.insert(transport, OpenLeg { router, publication, leg, condition: MediaCondition::default() });
    }

    /// Something was seen of it. Whose it is; `None` for one that is closed, or is not that room's.
    pub(crate) fn saw(
        &mut self,
        router: RouterId,
        transport: TransportId,
        what: &TransportObservation,
        now: Time,
    ) -> Option<&MediaLeg> {
        let open = self.open.get_mut(&transport).filter(|open| open.router == router)?;
        open.condition.saw(what, now);
        Some(&open.leg)
    }

    /// How it is; `None` for one that is not negotiated, or closed.
    pub(crate) fn condition(&self, transport: TransportId) -> Option<&MediaCondition> {
        self.open.get(&transport).map(|open| &open.condition)
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
