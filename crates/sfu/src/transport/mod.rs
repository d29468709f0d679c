//! Peer connections. Every client connection carries media one way, so there are two kinds behind one type:
//! [`Receiving`] from a publisher, which is the WebRTC engine's, and [`Sending`] to a subscriber, which is ours but for ICE
//! and DTLS: there lies the cost of a forwarding unit, one packet in and many out. This module and its children are the
//! only place that names the engine. Nothing is decided here: not what is forwarded, not when a key frame is due.

mod agreed;
mod candidates;
mod connection;
mod dependency;
mod dtls;
mod engine;
mod incoming;
mod link_loss;
mod receiving;
mod remote_candidates;
mod rtcp;
mod sending;
mod srtp;
mod statistics;
mod stream;
mod trains;
mod wall_clock;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use agreed::{answered_streams, offered_streams};
pub(crate) use candidates::LocalCandidates;
pub(crate) use receiving::Receiving;
pub(crate) use rtcp::{PathFeedback, read_path};
pub(crate) use sending::Sending;
pub(crate) use stream::StreamFormat;
pub(crate) use wall_clock::WallClock;

use protocol::media::{IceCredentials, MediaPath, PathProtocol, TransportStatistics};
use str0m::IceCreds;
use str0m::net::{Protocol as EngineProtocol, Transmit as EngineTransmit};
use stun::TransactionId;

use engine::EngineLeg;
use sending::TrainLeg;
use trains::Trains;

use crate::ice;
use crate::packet::{OutgoingHeader, Packet};
use crate::slots::Slot;
use crate::{Candidates, Config, Datagram, Output, Protocol, Transmit};

/// What all transports of a worker have in common.
pub(crate) struct Shared {
    identity: dtls::Identity,
    ice_lite: bool,
    /// Between two statistics.
    statistics: Option<Duration>,
    candidates: Arc<LocalCandidates>,
    clock: WallClock,
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
    pub(crate) fn new(config: &Config, now: Instant) -> Self {
        Self {
            identity: dtls::Identity::of_process(),
            ice_lite: config.ice_lite,
            statistics: config.statistics,
            candidates: Arc::new(LocalCandidates::new(&config.candidates)),
            clock: WallClock::new(now, Duration::ZERO),
        }
    }

    /// What time of day it is: for transports made from now on.
    pub(crate) fn set_clock(&mut self, clock: WallClock) {
        self.clock = clock;
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
    /// The subscriber says how it receives a stream.
    Reception(Report),
    /// The subscriber says how its path is: RTCP in the clear.
    PathFeedback(Vec<u8>),
    /// Packets of the picture have not reached the subscriber: their numbers.
    Missing(Vec<u16>),
    /// A period is over.
    Statistics(TransportStatistics),
}

/// What a receiver's report of a stream says of the path (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    /// In 256ths, of so many packets since the report before.
    pub(crate) lost: u8,
    pub(crate) packets: u32,
    /// If it answers a sender's report.
    pub(crate) round_trip: Option<Duration>,
}

/// A packet that left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Departed {
    /// Its transport-wide number.
    pub(crate) sequence: u16,
    /// Bytes, with its header.
    pub(crate) size: usize,
}

impl Departed {
    /// Of several.
    pub(crate) fn bytes(departed: &[Self]) -> usize {
        departed.iter().map(|departed| departed.size).sum()
    }
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
    /// What has left since it was last looked at, of those packets whose arrival is reported.
    pub(crate) departed: Vec<Departed>,
}

impl Sink {
    pub(crate) fn new(note_checks: bool) -> Self {
        Self {
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            checks: Vec::new(),
            note_checks,
            trains: Trains::default(),
            departed: Vec::new(),
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

/// Sealed datagrams to one destination; one datagram, if there is no `segment`.
fn train(path: MediaPath, contents: Vec<u8>, segment: Option<usize>) -> Output {
    let protocol = match path.protocol {
        PathProtocol::Udp => Protocol::Udp,
        PathProtocol::Tcp => Protocol::Tcp,
    };
    let segment = segment.unwrap_or(contents.len());
    Output::Transmit(Transmit { protocol, source: path.local, destination: path.remote, contents, segment })
}

/// The engine answers by the way it was reached, and we give it these two only.
fn protocol(protocol: EngineProtocol) -> Protocol {
    match protocol {
        EngineProtocol::Udp => Protocol::Udp,
        EngineProtocol::Tcp | EngineProtocol::SslTcp | EngineProtocol::Tls => Protocol::Tcp,
    }
}

/// What the engine, or its ICE agent, wants sent.
fn datagram(transmit: EngineTransmit) -> Transmit {
    let EngineTransmit { proto, source, destination, contents } = transmit;
    let contents: Vec<u8> = contents.into();
    Transmit { protocol: protocol(proto), source, destination, segment: contents.len(), contents }
}

fn credentials(credentials: &IceCredentials) -> IceCreds {
    IceCreds { ufrag: credentials.ufrag.clone(), pass: credentials.password.clone() }
}

fn path_protocol(protocol: Protocol) -> PathProtocol {
    match protocol {
        Protocol::Udp => PathProtocol::Udp,
        Protocol::Tcp => PathProtocol::Tcp,
    }
}

fn engine_protocol(protocol: Protocol) -> EngineProtocol {
    match protocol {
        Protocol::Udp => EngineProtocol::Udp,
        Protocol::Tcp => EngineProtocol::Tcp,
    }
}

/// What of a subscriber's RTCP is understood, for the fuzz target.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn hear(plain: &[u8]) -> usize {
    let mut heard = 0;
    rtcp::read(plain, |_| heard += 1);
    heard
}

/// A peer connection.
#[derive(Debug)]
pub(crate) enum Transport {
    /// From a publisher.
    Receiving(Box<Receiving>),
    /// To a subscriber.
    Sending(Sending),
}

impl Transport {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Receiving(receiving) => receiving.deadline(),
            Self::Sending(sending) => sending.deadline(),
        }
    }

    /// Whether a STUN message is authentic.
    pub(crate) fn accepts(&self, datagram: Datagram<'_>, now: Instant) -> bool {
        match self {
            Self::Receiving(receiving) => receiving.engine.accepts(datagram, now),
            Self::Sending(sending) => sending.accepts(&datagram),
        }
    }

    pub(crate) fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Instant, sink: &mut Sink) {
        match self {
            Self::Receiving(receiving) => receiving.engine.handle_datagram(datagram, now, sink),
            Self::Sending(sending) => sending.handle_datagram(&datagram, now, sink),
        }
    }

    /// A TCP connection of the client has ended.
    pub(crate) fn remove_remote(&mut self, source: SocketAddr, now: Instant, sink: &mut Sink) {
        match self {
            Self::Receiving(receiving) => receiving.engine.remove_remote(source, now, sink),
            Self::Sending(sending) => sending.remove_remote(source, now, sink),
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, sink: &mut Sink) {
        match self {
            Self::Receiving(receiving) => receiving.engine.handle_timeout(now, sink),
            Self::Sending(sending) => sending.handle_timeout(now, sink),
        }
    }

    pub(crate) fn add_remote_candidate(&mut self, shared: &Shared, line: &str, now: Instant, sink: &mut Sink) {
        match self {
            Self::Receiving(receiving) => receiving.engine.add_remote_candidate(shared, line, now, sink),
            Self::Sending(sending) => sending.add_remote_candidate(shared, line, now, sink),
        }
    }

    /// ICE begins anew, with these credentials of ours and of the client's.
    pub(crate) fn restart_ice(
        &mut self,
        ours: &IceCredentials,
        theirs: &IceCredentials,
        now: Instant,
        sink: &mut Sink,
    ) {
        match self {
            Self::Receiving(receiving) => receiving.engine.restart_ice(ours, theirs, now, sink),
            Self::Sending(sending) => sending.restart_ice(ours, theirs, now, sink),
        }
    }

    /// Sends what `write` puts on the leg.
    pub(crate) fn send(&mut self, now: Instant, sink: &mut Sink, write: impl FnOnce(&mut Leg<'_, '_>)) {
        match self {
            Self::Receiving(receiving) => receiving.send(now, sink, |leg| write(&mut Leg::LoopBack(leg))),
            Self::Sending(sending) => sending.send(now, sink, |leg| write(&mut Leg::Subscriber(leg))),
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
            Self::Sending(sending) => sending.close(now, sink),
        }
    }
}

/// Where packets for one destination are written.
pub(crate) enum Leg<'a, 'b> {
    /// Back to the publisher, on the transport that it sends on: seldom, and so left to the engine.
    LoopBack(&'a mut EngineLeg<'b>),
    /// To a subscriber.
    Subscriber(&'a mut TrainLeg<'b>),
}

impl Leg<'_, '_> {
    /// Sends a packet. Without a stream of its kind it is dropped.
    pub(crate) fn write(&mut self, packet: &Packet, header: OutgoingHeader) {
        match self {
            Self::LoopBack(leg) => leg.write(packet, header),
            Self::Subscriber(leg) => leg.write(packet, header),
        }
    }
}
