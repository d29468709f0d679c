//! Peer connections. Every client connection carries media one way, so there are two kinds behind one type:
//! [`Receiving`] from a publisher and [`Sending`] to a subscriber. This module and its children are the only place that
//! names the WebRTC engine; the rest of the crate sees packets, headers and events, so the sending kind can get a
//! leaner inside without anybody noticing. Nothing is decided here: not what is forwarded, not when a key frame is due.

mod candidates;
mod dtls;
mod engine;
mod incoming;
mod receiving;
mod remote_candidates;
mod sending;
mod statistics;
mod trains;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use candidates::LocalCandidates;
pub(crate) use engine::Leg;
pub(crate) use receiving::Receiving;
pub(crate) use sending::Sending;

use protocol::media::{MediaPath, TransportStatistics};
use stun::TransactionId;

use crate::ice;
use crate::packet::Packet;
use crate::slots::Slot;
use crate::transport::trains::Trains;
use crate::{Candidates, Config, Datagram, Output, Transmit};

/// Our ICE credentials of one transport.
#[derive(Clone)]
pub(crate) struct IceCredentials {
    pub(crate) ufrag: String,
    pub(crate) pwd: String,
}

/// What all transports of a worker have in common.
pub(crate) struct Shared {
    identity: dtls::Identity,
    ice_lite: bool,
    /// Between two statistics.
    statistics: Option<Duration>,
    candidates: Arc<LocalCandidates>,
}

impl fmt::Debug for Shared {
    /// Without the private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("ice_lite", &self.ice_lite)
            .field("candidates", &self.candidates.lines())
            .finish()
    }
}

impl Shared {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            identity: dtls::Identity::of_process(),
            ice_lite: config.ice_lite,
            statistics: config.statistics,
            candidates: Arc::new(LocalCandidates::new(&config.candidates)),
        }
    }

    /// For transports made from now on.
    pub(crate) fn set_candidates(&mut self, candidates: &Candidates) {
        self.candidates = Arc::new(LocalCandidates::new(candidates));
    }

    /// Those of a transport that is made now.
    pub(crate) fn candidates(&self) -> Arc<LocalCandidates> {
        self.candidates.clone()
    }

    pub(crate) fn ice_lite(&self) -> bool {
        self.ice_lite
    }

    /// `candidate:…` lines.
    pub(crate) fn candidate_lines(&self) -> &[String] {
        self.candidates.lines()
    }

    pub(crate) fn fingerprint(&self) -> &str {
        &self.identity.fingerprint
    }
}

/// What a transport reports.
#[derive(Debug)]
pub(crate) enum TransportEvent {
    /// What is encrypted leaves by another path than before.
    Path(MediaPath),
    /// ICE and DTLS are up.
    Connected,
    /// ICE consent was lost, DTLS was closed, or the transport failed.
    Disconnected,
    /// From the publisher.
    Packet(Packet),
    /// The subscriber needs a key frame.
    KeyFrameRequested,
    /// A period is over.
    Statistics(TransportStatistics),
}

/// Where transports put what they produce.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) events: VecDeque<(Slot, TransportEvent)>,
    /// Checks that were sent; an ICE-lite agent sends none.
    pub(crate) checks: Vec<(Slot, TransactionId)>,
    note_checks: bool,
    pub(crate) trains: Trains,
}

impl Sink {
    pub(crate) fn new(note_checks: bool) -> Self {
        Self {
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            checks: Vec::new(),
            note_checks,
            trains: Trains::default(),
        }
    }

    fn event(&mut self, slot: Slot, event: TransportEvent) {
        self.events.push_back((slot, event));
    }

    fn transmit(&mut self, slot: Slot, transmit: Transmit) {
        if self.note_checks
            && let Some(transaction) = ice::outgoing_request(&transmit.contents)
        {
            self.checks.push((slot, transaction));
        }
        self.outputs.push_back(Output::Transmit(transmit));
    }
}

/// A peer connection.
#[derive(Debug)]
pub(crate) enum Transport {
    /// From a publisher.
    Receiving(Receiving),
    /// To a subscriber.
    Sending(Sending),
}

impl Transport {
    fn engine(&self) -> &engine::Engine {
        match self {
            Self::Receiving(receiving) => &receiving.engine,
            Self::Sending(sending) => &sending.engine,
        }
    }

    fn engine_mut(&mut self) -> &mut engine::Engine {
        match self {
            Self::Receiving(receiving) => &mut receiving.engine,
            Self::Sending(sending) => &mut sending.engine,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.engine().deadline()
    }

    /// Whether a STUN message is authentic.
    pub(crate) fn accepts(&self, datagram: Datagram<'_>, now: Instant) -> bool {
        self.engine().accepts(datagram, now)
    }

    pub(crate) fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Instant, sink: &mut Sink) {
        self.engine_mut().handle_datagram(datagram, now, sink);
    }

    /// A TCP connection of the client has ended.
    pub(crate) fn remove_remote(&mut self, source: SocketAddr, now: Instant, sink: &mut Sink) {
        self.engine_mut().remove_remote(source, now, sink);
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, sink: &mut Sink) {
        self.engine_mut().handle_timeout(now, sink);
    }

    pub(crate) fn add_remote_candidate(&mut self, shared: &Shared, line: &str, now: Instant, sink: &mut Sink) {
        self.engine_mut().add_remote_candidate(shared, line, now, sink);
    }

    /// Sends what `write` puts on the leg.
    pub(crate) fn send(&mut self, now: Instant, sink: &mut Sink, write: impl FnOnce(&mut Leg<'_>)) {
        match self {
            Self::Receiving(receiving) => receiving.send(now, sink, write),
            Self::Sending(sending) => sending.send(now, sink, write),
        }
    }

    /// Asks for a key frame of a layer; a sending transport has nobody to ask.
    pub(crate) fn request_key_frame(&mut self, layer: usize, now: Instant, sink: &mut Sink) {
        if let Self::Receiving(receiving) = self {
            receiving.request_key_frame(layer, now, sink);
        }
    }

    pub(crate) fn close(self, now: Instant, sink: &mut Sink) {
        match self {
            Self::Receiving(receiving) => receiving.engine.close(now, sink),
            Self::Sending(sending) => sending.engine.close(now, sink),
        }
    }
}
