//! The packet path: datagram → transport → publication → each subscriber's forwarder → transport → datagram. What the
//! control side asks for is in `commands.rs`.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use protocol::id::{PublicationId, RouterId, SubscriberId, TapId, TransportId, WorkerId};
use protocol::media::{MediaCommand, MediaEvent, TransportObservation};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::consumer::Consumer;
use crate::demux::{Demux, Route};
use crate::keyframe;
use crate::milestones;
use crate::packet::{MediaKind, Packet};
use crate::peer::Peer;
use crate::pipe::{Piped, Place};
use crate::publication::Publication;
use crate::refusal::IceSecret;
use crate::selection::BigRoom;
use crate::slots::{Slot, Slots};
use crate::subscriber::{self, Subscriber};
use crate::tap::Tap;
use crate::timers::{Timer, Timers};
use crate::transport::{Report, Shared, Sink, Transport, TransportEvent, WallClock};
use crate::{Arrival, Candidates, Config, Datagram, Output, Protocol, Transmit};

/// Packets collected for one publication before they are forwarded even if nobody takes the outputs.
const MAX_PENDING: usize = 256;

/// One media worker's rooms and peer connections.
///
/// Packets of several [`Sfu::handle_datagram`] calls are collected and forwarded subscriber by subscriber when the
/// outputs are taken, so that datagrams to one destination leave one after the other.
#[derive(Debug)]
pub struct Sfu {
    pub(crate) worker: WorkerId,
    pub(crate) shared: Shared,
    pub(crate) rng: StdRng,
    pub(crate) ice_secret: IceSecret,
    pub(crate) now: Instant,
    pub(crate) demux: Demux,
    pub(crate) timers: Timers,
    pub(crate) sink: Sink,
    pub(crate) peers: Slots<Peer>,
    pub(crate) by_transport: HashMap<TransportId, Slot>,
    /// Clients that receive, with all that is sent to each.
    pub(crate) subscribers: Slots<Subscriber>,
    pub(crate) adapts: bool,
    /// Sound is asked for as RED.
    pub(crate) redundancy: bool,
    pub(crate) by_subscriber: HashMap<(RouterId, SubscriberId), Slot>,
    pub(crate) routers: HashMap<RouterId, BTreeSet<PublicationId>>,
    /// Of those, the ones where somebody wants some publications only.
    pub(crate) big_rooms: HashMap<RouterId, BigRoom>,
    pub(crate) publications: HashMap<PublicationId, Publication>,
    pub(crate) taps: HashMap<TapId, PublicationId>,
    /// Publications with pending packets.
    dirty: Vec<PublicationId>,
    /// Publications of other workers that perhaps nobody receives here any more.
    pub(crate) deserted: Vec<PublicationId>,
}

impl Sfu {
    /// `seed` feeds ICE credentials and SSRCs: unpredictable in production, fixed in tests.
    pub fn new(config: Config, seed: [u8; 32], now: Instant) -> Self {
        let shared = Shared::new(&config, now);
        Self {
            worker: config.worker,
            sink: Sink::new(!shared.ice_lite()),
            shared,
            rng: StdRng::from_seed(seed),
            ice_secret: config.ice_secret,
            now,
            demux: Demux::new(config.worker),
            timers: Timers::default(),
            peers: Slots::default(),
            by_transport: HashMap::new(),
            subscribers: Slots::default(),
            adapts: config.adapts,
            redundancy: config.redundancy,
            by_subscriber: HashMap::new(),
            routers: HashMap::new(),
            big_rooms: HashMap::new(),
            publications: HashMap::new(),
            taps: HashMap::new(),
            dirty: Vec::new(),
            deserted: Vec::new(),
        }
    }

    /// A datagram arrived. What is not [`Arrival::Taken`] has had no effect.
    pub fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Instant) -> Arrival {
        self.now = self.now.max(now);
        let now = self.now;
        let Datagram { protocol, source, destination, contents } = datagram;
        let (slot, is_check) = match self.demux.route((protocol, source), contents) {
            Route::Check(ufrag) if self.peers.get(ufrag.slot).is_none_or(|peer| peer.ufrag != ufrag) => {
                if self.peers.get(ufrag.slot).is_none_or(|peer| peer.former_ufrag != Some(ufrag)) {
                    self.refuse(datagram);
                }
                return Arrival::Taken;
            }
            Route::Check(ufrag) => (ufrag.slot, true),
            Route::Known(slot) => (slot, false),
            Route::Elsewhere(worker) => return Arrival::CheckFor(worker),
            Route::Unasked => return Arrival::Unasked,
            Route::Nobody => return Arrival::FromNobody,
            Route::Garbage => return Arrival::Taken,
        };
        let Some(peer) = self.peers.get_mut(slot) else {
            return Arrival::Taken;
        };
        let datagram = Datagram { destination: peer.candidates.announced(protocol, destination), ..datagram };
        if is_check {
            if !peer.transport.accepts(datagram, now) {
                return Arrival::Taken;
            }
            self.demux.learn((protocol, source), slot);
        }
        let is_reached = is_check && peer.milestones.checked();
        peer.transport.handle_datagram(datagram, now, &mut self.sink);
        if is_reached {
            self.observe(slot, TransportObservation::Checked);
        }
        self.schedule(slot);
        self.settle();
        Arrival::Taken
    }

    /// A check for a transport that is gone.
    fn refuse(&mut self, check: Datagram<'_>) {
        if let Some(contents) = self.ice_secret.refuse(check.contents) {
            let Datagram { protocol, source: destination, destination: source, .. } = check;
            let segment = contents.len();
            self.sink.outputs.push_back(Output::Transmit(Transmit {
                protocol,
                source,
                destination,
                contents,
                segment,
            }));
        }
    }

    /// A TCP connection from `source` has ended: its transport goes on over the next one, or another path.
    pub fn handle_closed(&mut self, source: SocketAddr, now: Instant) {
        self.now = self.now.max(now);
        let Some(slot) = self.demux.forget_address((Protocol::Tcp, source)) else {
            return;
        };
        if let Some(peer) = self.peers.get_mut(slot) {
            peer.transport.remove_remote(source, self.now, &mut self.sink);
            self.schedule(slot);
            self.settle();
        }
    }

    /// Whether a transport has authenticated `source` and still exists.
    pub fn is_known(&self, protocol: Protocol, source: SocketAddr) -> bool {
        self.demux.owner((protocol, source)).is_some()
    }

    /// It is `unix` since 1970. Sender reports tell the time of day; before this call they count from when it was made.
    pub fn set_time_of_day(&mut self, unix: Duration, now: Instant) {
        self.shared.set_clock(WallClock::new(now, unix));
    }

    /// From now on other addresses are offered; transports that exist keep theirs.
    pub fn set_candidates(&mut self, candidates: &Candidates) {
        self.shared.set_candidates(candidates);
    }

    /// The control side asks for something.
    pub fn handle_command(&mut self, command: MediaCommand, now: Instant) {
        self.now = self.now.max(now);
        self.command(command);
        self.settle();
    }

    /// Deadlines have passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        let now = self.now;
        // One turn wakes each owner at most once, so that a transport which wants to be woken again at once cannot
        // hold up the others.
        let mut due = Vec::new();
        while let Some(timer) = self.timers.pop(now) {
            due.push(timer);
        }
        for timer in due {
            match timer {
                Timer::Transport(slot) => self.wake_transport(slot),
                Timer::Publication(publication) => self.wake_publication(publication),
                Timer::Subscriber(subscriber) => self.wake_subscriber(subscriber),
                Timer::Pacer(subscriber) => self.let_out(subscriber),
            }
        }
        self.settle();
    }

    /// The next deadline.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        if self.dirty.is_empty() { self.timers.next() } else { Some(self.now) }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        if !self.dirty.is_empty() {
            self.forward();
        }
        self.sink.outputs.pop_front()
    }

    /// Takes back the buffer of what was sent.
    pub fn reuse(&mut self, buffer: Vec<u8>) {
        self.sink.trains.reuse(buffer);
    }

    /// Nothing is held for anybody: no transport, address, publication or room.
    pub fn is_empty(&self) -> bool {
        self.peers.len() == 0
            && self.by_transport.is_empty()
            && self.by_subscriber.is_empty()
            && self.routers.is_empty()
            && self.big_rooms.is_empty()
            && self.publications.is_empty()
            && self.taps.is_empty()
            && self.demux.is_empty()
    }

    pub(crate) fn emit(&mut self, event: MediaEvent) {
        self.sink.outputs.push_back(Output::Event(event));
    }

    /// Tells what happened on a transport.
    pub(crate) fn observe(&mut self, slot: Slot, observation: TransportObservation) {
        if let Some(peer) = self.peers.get(slot) {
            let event = MediaEvent::Observed { router: peer.router, transport: peer.id, observation };
            self.emit(event);
        }
    }

    /// Tells what was noticed on a transport's way of packets.
    pub(crate) fn tell_milestones(&mut self, slot: Slot) {
        let observations = self.peers.get_mut(slot).map(|peer| peer.milestones.take()).unwrap_or_default();
        for observation in observations {
            self.observe(slot, observation);
        }
    }

    fn wake_transport(&mut self, slot: Slot) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(slot) else {
            return;
        };
        if peer.offer.as_ref().is_some_and(|offer| offer.expires <= now) {
            tracing::debug!(transport = peer.id.0, "offer was not answered");
            self.remove_peer(slot);
            return;
        }
        let is_due = matches!(&peer.transport, Transport::Receiving(receiving) if receiving.uplink_is_due(now));
        let publication = peer.publication;
        if peer.transport.deadline().is_some_and(|at| at <= now) {
            peer.transport.handle_timeout(now, &mut self.sink);
        }
        if is_due {
            self.review_uplink(publication);
        }
        self.schedule(slot);
    }

    /// Puts the next deadline of a transport on the heap.
    pub(crate) fn schedule(&mut self, slot: Slot) {
        if let Some(at) = self.peers.get(slot).and_then(Peer::deadline) {
            self.timers.set(Timer::Transport(slot), at);
        }
    }

    /// Asks again for the key frames somebody still waits for.
    pub(crate) fn wake_publication(&mut self, id: PublicationId) {
        let now = self.now;
        let Some(publication) = self.publications.get_mut(&id) else {
            return;
        };
        if publication.upstream.as_ref().is_some_and(|upstream| !upstream.is_described) {
            self.ask_upstream(id);
            return;
        }
        let consumers = publication.consumers.iter().filter_map(|slot| self.peers.get(*slot)?.consumer.as_ref());
        let consumers = consumers.chain(publication.taps.iter().map(Tap::consumer));
        let awaited: Vec<Option<usize>> = consumers.filter_map(|c| c.awaits(now)).collect();
        let waiting = !awaited.is_empty();
        for layer in awaited {
            publication.want_key_frame(layer);
        }
        self.request_key_frames(id);
        if waiting {
            self.timers.hasten(Timer::Publication(id), now + keyframe::SPACING);
        }
    }

    /// Sends the key frame requests that are due and plans the next.
    pub(crate) fn request_key_frames(&mut self, id: PublicationId) {
        let now = self.now;
        let Some(publication) = self.publications.get_mut(&id) else {
            return;
        };
        let upstream = publication.upstream.as_ref().map(|upstream| upstream.place);
        let publisher = publication.transport.filter(|slot| self.peers.get(*slot).is_some());
        if upstream.is_none() && publisher.is_none() {
            return;
        }
        let due = publication.due_requests(now);
        if let Some(at) = publication.next_request() {
            self.timers.hasten(Timer::Publication(id), at);
        }
        for layer in due {
            match upstream {
                Some(Place::Worker(worker)) => self.pipe(worker, id, Piped::KeyFrameWanted { layer }),
                Some(Place::Local) => self.sink.outputs.push_back(Output::KeyFrameWanted { publication: id }),
                None => {}
            }
            if let Some(slot) = publisher {
                self.ask_publisher(slot, layer);
            }
        }
    }

    fn ask_publisher(&mut self, slot: Slot, layer: usize) {
        if let Some(peer) = self.peers.get_mut(slot) {
            peer.transport.request_key_frame(layer, self.now, &mut self.sink);
            self.schedule(slot);
            self.observe(slot, TransportObservation::KeyFrameRequested { layer: milestones::layer(layer) });
        }
    }

    /// Acts on what the transports have reported.
    pub(crate) fn settle(&mut self) {
        while let Some((slot, event)) = self.sink.events.pop_front() {
            self.transport_event(slot, event);
        }
        for (slot, transaction) in std::mem::take(&mut self.sink.checks) {
            if self.peers.get(slot).is_some() {
                self.demux.sent(slot, transaction);
            }
        }
        if !self.deserted.is_empty() {
            self.leave_deserted();
        }
    }

    fn transport_event(&mut self, slot: Slot, event: TransportEvent) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(slot) else {
            return;
        };
        let publication_id = peer.publication;
        match event {
            TransportEvent::Packet(packet) => self.collect(slot, publication_id, packet),
            TransportEvent::Path(path) => self.observe(slot, TransportObservation::Path(path)),
            TransportEvent::Connected => {
                self.observe(slot, TransportObservation::Connected);
                self.leg_is_up(slot);
                self.start_consumer(slot, now);
            }
            TransportEvent::Statistics(mut statistics) => {
                let is_still = match peer.transport {
                    Transport::Receiving(_) => peer.milestones.measured(&mut statistics),
                    Transport::Sending(_) => {
                        statistics.layer = peer.milestones.layer();
                        statistics.pause = peer.consumer.as_ref().and_then(Consumer::pause);
                        let subscriber = peer.membership.and_then(|own| self.subscribers.get(own.subscriber));
                        statistics.estimate_bps = subscriber.and_then(|subscriber| subscriber.estimate(now));
                        false
                    }
                };
                if is_still && let Some(publication) = self.publications.get_mut(&publication_id) {
                    publication.want_key_frame(None);
                    self.request_key_frames(publication_id);
                }
                let publication = self.publications.get(&publication_id);
                statistics.video_codec = publication.and_then(|it| it.video.as_ref()).map(|video| video.codec);
                self.observe(slot, TransportObservation::Statistics(statistics));
                self.tell_milestones(slot);
            }
            TransportEvent::Disconnected => {
                if let Some(consumer) = &mut peer.consumer {
                    consumer.connected = false;
                }
                self.observe(slot, TransportObservation::Disconnected);
            }
            TransportEvent::Missing(missing) => {
                let subscriber = peer.membership.and_then(|membership| self.subscribers.get(membership.subscriber));
                let copies = subscriber.map_or(1, Subscriber::copies);
                if let (Transport::Sending(sending), Some(publication)) =
                    (&mut peer.transport, self.publications.get(&publication_id))
                {
                    sending.repeat(&missing, copies, &publication.kept, now, &mut self.sink);
                    self.account(slot);
                }
            }
            TransportEvent::Reception(report) => {
                let membership = peer.membership;
                if let Some(membership) = membership
                    && let Some(subscriber) = self.subscribers.get_mut(membership.subscriber)
                {
                    let Report { lost, packets, round_trip } = report;
                    subscriber.estimator.receiver_report(membership.leg, lost, packets, round_trip, now);
                }
            }
            TransportEvent::PathFeedback(plain) => self.hear_of_path(slot, plain),
            TransportEvent::KeyFrameRequested => {
                let Some(consumer) = peer.consumer.as_ref().filter(|consumer| consumer.takes_video()) else {
                    return;
                };
                // With loop-back not always what it publishes.
                let (layer, id) = (consumer.video_layer(), consumer.publication);
                if let Some(publication) = self.publications.get_mut(&id) {
                    publication.want_key_frame(layer);
                    self.request_key_frames(id);
                }
            }
        }
    }

    /// A subscriber is connected: it needs a picture at once.
    fn start_consumer(&mut self, slot: Slot, now: Instant) {
        let Some(peer) = self.peers.get_mut(slot) else {
            return;
        };
        let Some(consumer) = &mut peer.consumer else {
            return;
        };
        let id = consumer.publication;
        let Some(publication) = self.publications.get(&id) else {
            return;
        };
        consumer.start(&publication.layers, publication.generation, now);
        self.resume_pictures(slot);
        self.wake_publication(id);
    }

    /// Who begins shortly after a key frame is sent that, with all that followed, without another one being asked for.
    pub(crate) fn resume_pictures(&mut self, slot: Slot) {
        let now = self.now;
        let Some((peer, publication)) = self.peers.get_mut(slot).and_then(|peer| {
            let publication = self.publications.get(&peer.consumer.as_ref()?.publication)?;
            Some((peer, publication))
        }) else {
            return;
        };
        let consumer = peer.consumer.as_ref().filter(|consumer| consumer.connected && consumer.takes_video());
        let recent = consumer.and_then(Consumer::video_layer);
        let recent = recent.map(|layer| publication.since_key_frame(layer, now)).unwrap_or_default();
        if recent.is_empty() {
            return;
        }
        let membership = peer.membership;
        let subscriber = membership.and_then(|own| self.subscribers.get_mut(own.subscriber));
        let paced = subscriber.and_then(|subscriber| {
            peer.is_paced |= subscriber.is_much(&recent, now);
            peer.is_paced.then_some((slot, &mut subscriber.pacer))
        });
        peer.hand_on(&recent, &publication.layers, publication.generation, now, &mut self.sink, paced);
        let is_paced = peer.is_paced;
        self.account(slot);
        self.tell_milestones(slot);
        self.schedule(slot);
        if let Some(membership) = membership.filter(|_| is_paced) {
            if let Some(subscriber) = self.subscribers.get_mut(membership.subscriber) {
                subscriber.set_pace(now);
            }
            self.let_out(membership.subscriber);
        }
    }

    fn collect(&mut self, slot: Slot, id: PublicationId, packet: Packet) {
        let Some(publication) = self.publications.get_mut(&id).filter(|p| p.transport == Some(slot)) else {
            return;
        };
        // Nothing is allocated unless something was lost.
        let mut restored = Vec::new();
        let is_new = publication.redundancy.is_new(&packet, |earlier| restored.push(earlier));
        for earlier in restored {
            self.take(slot, id, earlier);
        }
        if is_new {
            self.take(slot, id, packet);
        }
    }

    fn take(&mut self, slot: Slot, id: PublicationId, mut packet: Packet) {
        let Some(publication) = self.publications.get_mut(&id) else {
            return;
        };
        if !publication.annotate(&mut packet) {
            return;
        }
        let milestones = self.peers.get_mut(slot).map(|peer| &mut peer.milestones);
        let has_news = milestones.is_some_and(|milestones| {
            milestones.came(&packet);
            milestones.has_news()
        });
        self.queue(id, packet);
        if has_news {
            self.tell_milestones(slot);
        }
    }

    /// Collects a packet that has been annotated, if it is for anybody.
    pub(crate) fn queue(&mut self, id: PublicationId, mut packet: Packet) {
        if packet.kind == MediaKind::Audio && !self.big_rooms.is_empty() {
            self.listen(id, &packet);
        }
        let Some(publication) = self.publications.get_mut(&id).filter(|publication| publication.is_wanted()) else {
            return;
        };
        if packet.kind == MediaKind::Video && !publication.consumers.is_empty() {
            packet.kept = Some(publication.kept.push(&packet));
        }
        if publication.pending.is_empty() {
            self.dirty.push(id);
        }
        publication.pending.push(packet);
        if publication.pending.len() >= MAX_PENDING {
            self.forward();
        }
    }

    /// Forwards what was collected, subscriber by subscriber.
    pub(crate) fn forward(&mut self) {
        let now = self.now;
        let (mut noticed, mut paced_now) = (Vec::new(), Vec::new());
        for id in std::mem::take(&mut self.dirty) {
            let Some(publication) = self.publications.get_mut(&id) else {
                continue;
            };
            let mut packets = std::mem::take(&mut publication.pending);
            let mut wanted = Vec::new();
            // First, so that the others are at work at the same time.
            let piped = |to: &WorkerId| Piped::Packets(packets.clone()).of(id).to(*to);
            self.sink.outputs.extend(publication.downstream.iter().map(piped));
            let takes_any = publication.audience.takes_any(&packets);
            for slot in publication.consumers.iter().filter(|_| takes_any) {
                let Some(peer) = self.peers.get_mut(*slot) else {
                    continue;
                };
                if !peer.consumer.as_ref().is_some_and(|consumer| consumer.connected) {
                    continue;
                }
                let (layers, generation) = (&publication.layers, publication.generation);
                let pacing = peer.membership.filter(|_| peer.is_paced).map(|membership| membership.subscriber);
                let paced = pacing.and_then(|own| Some((*slot, &mut self.subscribers.get_mut(own)?.pacer)));
                wanted.extend(peer.hand_on(&packets, layers, generation, now, &mut self.sink, paced));
                subscriber::account(peer.membership, &mut self.subscribers, &mut self.sink.departed, now);
                paced_now.extend(pacing);
                if peer.subscriber.is_some() && peer.milestones.has_news() {
                    noticed.push(*slot);
                }
                if let Some(at) = peer.deadline() {
                    self.timers.set(Timer::Transport(*slot), at);
                }
            }
            for tap in &mut publication.taps {
                let (layers, generation) = (&publication.layers, publication.generation);
                wanted.extend(tap.forward(&packets, layers, generation, now, &mut self.sink.outputs));
            }
            for layer in &wanted {
                publication.want_key_frame(Some(*layer));
            }
            packets.clear();
            publication.pending = packets;
            if !wanted.is_empty() {
                self.request_key_frames(id);
            }
        }
        for slot in noticed {
            self.tell_milestones(slot);
        }
        paced_now.sort_unstable();
        paced_now.dedup();
        for subscriber in paced_now {
            self.let_out(subscriber);
        }
        self.settle();
    }
}
