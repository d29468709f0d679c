//! What is sent to a client follows what its path carries: layers rise and fall, pictures pause before sound suffers, and what is
//! not known of the path is found out. What the path carries, and how it is divided, is decided in the crate `bandwidth`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bandwidth::{Bitrate, Class, Layer, LayerRate, Wish};
use protocol::id::PublicationId;

use crate::consumer::{Allotment, Consumer};
use crate::layer_selector::LayerActivity;
use crate::pacer::Waiting;
use crate::peer::Peer;
use crate::publication::Publication;
use crate::sfu::Sfu;
use crate::slots::{Slot, Slots};
use crate::subscriber::{Probe, Sound, Subscriber, account};
use crate::timers::Timer;
use crate::transport::{Departed, PathFeedback, Transport, read_path};

/// Between two measurements of what layers take.
const MEASURE: Duration = Duration::from_millis(500);
/// Between two divisions that follow from feedback.
const DIVIDE: Duration = Duration::from_millis(50);
/// Between two parts of a probe.
const STEP: Duration = Duration::from_millis(2);
/// A layer without packets for so long is not sent any more.
const ACTIVE: Duration = Duration::from_secs(2);

impl Sfu {
    /// Somebody subscribes: over a network that others of its transports may use already.
    pub(crate) fn add_leg(&mut self, slot: Slot) {
        let Some(peer) = self.peers.get_mut(slot).filter(|_| self.adapts) else {
            return;
        };
        let (Some(who), Some(consumer)) = (peer.subscriber, &peer.consumer) else {
            return;
        };
        let key = (peer.router, who);
        let subscribers = &mut self.subscribers;
        let own = *self.by_subscriber.entry(key).or_insert_with(|| subscribers.insert(Subscriber::new(key, self.now)));
        let class = if consumer.reception().is_screen { Class::Screen } else { Class::Camera };
        if let Some(subscriber) = subscribers.get_mut(own) {
            let pictures = consumer.has_video().then_some(class);
            peer.membership = Some(subscriber.add_leg(own, slot, consumer.has_audio(), pictures));
        }
    }

    /// Its transport is gone.
    pub(crate) fn remove_leg(&mut self, peer: &Peer) {
        let Some(membership) = peer.membership else {
            return;
        };
        let is_last = self.subscribers.get_mut(membership.subscriber).is_some_and(|s| s.remove_leg(membership));
        if is_last && let Some(subscriber) = self.subscribers.remove(membership.subscriber) {
            self.by_subscriber.remove(&subscriber.key);
            self.timers.remove(Timer::Subscriber(membership.subscriber));
            self.timers.remove(Timer::Pacer(membership.subscriber));
        }
    }

    /// Its transport is connected.
    pub(crate) fn leg_is_up(&mut self, slot: Slot) {
        let Some((membership, peer)) = self.peers.get(slot).and_then(|peer| Some((peer.membership?, peer))) else {
            return;
        };
        let is_numbered = matches!(&peer.transport, Transport::Sending(sending) if sending.is_numbered());
        if let Some(subscriber) = self.subscribers.get_mut(membership.subscriber) {
            subscriber.leg_is_up(membership, is_numbered, self.now);
        }
        self.wake_subscriber(membership.subscriber);
    }

    /// Something has left for that peer.
    pub(crate) fn account(&mut self, slot: Slot) {
        let membership = self.peers.get(slot).and_then(|peer| peer.membership);
        account(membership, &mut self.subscribers, &mut self.sink.departed, self.now);
    }

    /// Something of what a client gets is wanted otherwise than before.
    pub(crate) fn divide_soon(&mut self, slot: Slot) {
        let membership = self.peers.get(slot).and_then(|peer| peer.membership);
        if let Some(subscriber) = membership.and_then(|membership| self.subscribers.get_mut(membership.subscriber)) {
            subscriber.measured = None;
        }
        if let Some(membership) = membership {
            self.timers.hasten(Timer::Subscriber(membership.subscriber), self.now);
        }
    }

    /// A client says how its path is.
    pub(crate) fn hear_of_path(&mut self, slot: Slot, plain: Vec<u8>) {
        let now = self.now;
        let membership = self.peers.get(slot).and_then(|peer| peer.membership);
        if let Some(membership) = membership
            && let Some(subscriber) = self.subscribers.get_mut(membership.subscriber)
        {
            let leg = membership.leg;
            subscriber.was_heard = true;
            read_path(&plain, |feedback| match feedback {
                PathFeedback::Arrivals(arrivals) => subscriber.estimator.feedback(leg, &arrivals, now),
                PathFeedback::Estimate(bitrate) => subscriber.estimator.remb(leg, bitrate, now),
            });
            let due = subscriber.divided.map_or(now, |divided| divided + DIVIDE);
            if due <= now {
                self.wake_subscriber(membership.subscriber);
            } else {
                self.timers.hasten(Timer::Subscriber(membership.subscriber), due);
            }
        }
        self.sink.trains.reuse(plain);
    }

    /// Measures, divides anew, and probes, as far as each is due.
    pub(crate) fn wake_subscriber(&mut self, own: Slot) {
        let now = self.now;
        let Some(subscriber) = self.subscribers.get_mut(own) else {
            return;
        };
        subscriber.estimator.handle_timeout(now);
        if subscriber.measured.is_none_or(|measured| measured + MEASURE <= now) {
            subscriber.measured = Some(now);
            measure(subscriber, &self.peers, &mut self.publications, now);
        }
        subscriber.divided = Some(now);
        let budget = subscriber.budget(now);
        subscriber.allocator.update(budget, now);
        subscriber.judge(now);
        subscriber.protect(now);
        subscriber.want();
        subscriber.set_pace(now);
        self.apply(own);
        self.probe(own);
        self.plan(own);
    }

    /// Gives each leg what was found for it.
    fn apply(&mut self, own: Slot) {
        let now = self.now;
        let Some(subscriber) = self.subscribers.get_mut(own) else {
            return;
        };
        let is_measured = subscriber.is_measured(now);
        let paces = subscriber.paces();
        let mut changed = Vec::new();
        for index in 0..subscriber.legs.len() {
            let leg = &subscriber.legs[index];
            let Some(peer) = self.peers.get_mut(leg.slot) else {
                continue;
            };
            peer.is_paced = paces;
            let Some(consumer) = &mut peer.consumer else {
                continue;
            };
            consumer.redundant = subscriber.is_protected();
            let Some(video) = leg.video else {
                continue;
            };
            let Some(publication) = self.publications.get(&peer.publication) else {
                continue;
            };
            let is_limited = consumer.reception().bitrate.most().is_some();
            let up_to = |layer: Layer| Allotment::UpTo { spatial: layer.spatial, temporal: layer.temporal };
            let all_frames = |spatial| up_to(Layer { spatial, temporal: u8::MAX });
            // The most frames that there are: also those of a layer that begins in a moment.
            let allotted = |layer: Layer| match layer.temporal >= leg.most_frames {
                true => all_frames(layer.spatial),
                false => up_to(layer),
            };
            let allotment = match subscriber.allocator.target(video) {
                _ if !is_measured => {
                    let best = subscriber.allocator.best(video).filter(|_| is_limited);
                    best.map_or(Allotment::Everything, allotted)
                }
                Some(layer) if layer.spatial < leg.least() => all_frames(leg.least()),
                Some(layer) => allotted(layer),
                None if subscriber.must_pause(leg, now) => Allotment::Nothing,
                None if leg.is_judged() => up_to(Layer { spatial: 0, temporal: 0 }),
                None => all_frames(leg.least()),
            };
            if consumer.allotment() != allotment {
                if allotment == Allotment::Nothing {
                    subscriber.pacer.leave_out(leg.slot);
                }
                consumer.allot(allotment, &publication.layers, publication.generation, now);
                changed.push(peer.publication);
            }
            subscriber.legs[index].set_paused(allotment == Allotment::Nothing);
            // What is paused is there at once when it is wanted again.
            if !consumer.wants_video() {
                subscriber.legs[index].was_paused();
            }
        }
        for publication in changed {
            self.wake_publication(publication);
        }
    }

    /// Sends a client's pictures whose turn it is.
    pub(crate) fn let_out(&mut self, own: Slot) {
        let now = self.now;
        while let Some((slot, waiting)) = self.subscribers.get_mut(own).and_then(|subscriber| subscriber.pacer.pop(now))
        {
            self.send_waiting(slot, &waiting);
        }
        if let Some(at) = self.subscribers.get(own).and_then(|subscriber| subscriber.pacer.next(now)) {
            self.timers.set(Timer::Pacer(own), at);
        }
    }

    /// How many bytes that were.
    fn send_waiting(&mut self, slot: Slot, waiting: &Waiting) -> usize {
        let Some(peer) = self.peers.get_mut(slot) else {
            return 0;
        };
        peer.let_out(&waiting.packet, waiting.header, self.now, &mut self.sink);
        let sent = Departed::bytes(&self.sink.departed);
        account(peer.membership, &mut self.subscribers, &mut self.sink.departed, self.now);
        if peer.milestones.has_news() {
            self.tell_milestones(slot);
        }
        self.schedule(slot);
        sent
    }

    /// Sends of a probe what is due.
    fn probe(&mut self, own: Slot) {
        let now = self.now;
        let Some(subscriber) = self.subscribers.get_mut(own) else {
            return;
        };
        if subscriber.probe.is_none() {
            subscriber.probe = subscriber.estimator.poll_probe(now).map(|plan| Probe::new(plan, now));
        }
        let Some(probe) = &mut subscriber.probe else {
            return;
        };
        let is_small = probe.is_small();
        let Some(due) = probe.due(now) else {
            subscriber.probe = None;
            return;
        };
        let legs: Vec<Slot> = subscriber.legs.iter().filter(|leg| leg.video.is_some()).map(|leg| leg.slot).collect();
        let mut sent = 0;
        // Pictures that wait are as good as what is sent for nothing else.
        while sent < due
            && let Some((slot, waiting)) = self.subscribers.get_mut(own).and_then(|subscriber| subscriber.pacer.take())
        {
            sent += self.send_waiting(slot, &waiting);
        }
        for slot in legs {
            if sent >= due {
                break;
            }
            let Some(peer) = self.peers.get_mut(slot) else {
                continue;
            };
            let Some(publication) = self.publications.get(&peer.publication) else {
                continue;
            };
            if let Transport::Sending(sending) = &mut peer.transport {
                sending.probe(due - sent, is_small, &publication.kept, now, &mut self.sink);
                sent += Departed::bytes(&self.sink.departed);
                account(peer.membership, &mut self.subscribers, &mut self.sink.departed, now);
                self.schedule(slot);
            }
        }
    }

    /// When it is to be woken next.
    fn plan(&mut self, own: Slot) {
        let now = self.now;
        let Some(subscriber) = self.subscribers.get(own) else {
            return;
        };
        let probe = subscriber.probe.as_ref().map(|_| now + STEP);
        let measure = subscriber.measured.map_or(now, |measured| measured + MEASURE);
        let others = [subscriber.estimator.next_timeout(), subscriber.allocator.next_timeout(), Some(measure)];
        // Whoever wants to be woken again and again is not woken more often than this.
        let others = others.into_iter().flatten().map(|at| at.max(now + STEP));
        if let Some(at) = others.chain(probe).min() {
            self.timers.set(Timer::Subscriber(own), at);
        }
    }
}

/// Tells the allocator what everything takes that the client may get, and what of it the client wants.
fn measure(
    subscriber: &mut Subscriber,
    peers: &Slots<Peer>,
    publications: &mut HashMap<PublicationId, Publication>,
    now: Instant,
) {
    let is_protected = subscriber.is_protected();
    for leg in &mut subscriber.legs {
        let peer = peers.get(leg.slot);
        let Some((id, consumer)) = peer.and_then(|peer| Some((peer.publication, peer.consumer.as_ref()?))) else {
            continue;
        };
        let Some(publication) = publications.get_mut(&id) else {
            continue;
        };
        if let Some(audio) = leg.audio {
            let is_heard = consumer.choice().sound;
            let sound = if is_heard { Sound::of(publication, now) } else { Sound::default() };
            leg.sound = sound;
            // Nobody tells when packets of sound alone arrive: the estimate is of what is beside them.
            let shared = if leg.video.is_some() { sound } else { Sound::default() };
            subscriber.allocator.set_layers(audio, &[shared.layer(is_protected)], now);
        }
        if let Some(video) = leg.video {
            let layers = pictures(publication, now);
            leg.most_frames = layers.iter().map(|layer| layer.layer.temporal).max().unwrap_or(0);
            let smallest = layers.iter().find(|layer| layer.active && consumer.wants_video());
            leg.smallest = smallest.map_or(Bitrate::ZERO, |layer| layer.bitrate);
            let least = Bitrate::kbps(consumer.reception().bitrate.least().into());
            let is_whole = |layer: &&LayerRate| layer.active && layer.layer.temporal == leg.most_frames;
            let within = layers.iter().filter(is_whole).rfind(|layer| layer.bitrate <= least);
            leg.believed = within.map_or(0, |layer| layer.layer.spatial);
            subscriber.allocator.set_layers(video, &layers, now);
            subscriber.allocator.set_wish(video, wish(consumer));
        }
    }
}

impl Sound {
    fn of(publication: &mut Publication, now: Instant) -> Self {
        let rates = &mut publication.rates;
        Self { plain: Bitrate::bps(rates.audio(now)), repeated: Bitrate::bps(rates.redundancy(now)) }
    }

    fn layer(self, is_protected: bool) -> LayerRate {
        let bitrate = if is_protected { self.plain + self.repeated } else { self.plain };
        LayerRate { layer: Layer { spatial: 0, temporal: 0 }, bitrate, active: true }
    }
}

fn pictures(publication: &mut Publication, now: Instant) -> Vec<LayerRate> {
    let is_active = |activity: &LayerActivity| activity.last_packet.is_some_and(|at| at + ACTIVE > now);
    // Where all are silent any of them costs nothing, and what comes next is to be seen.
    let all_are_silent = !publication.layers.iter().any(is_active);
    let mut rated = Vec::new();
    for (index, activity) in publication.layers.iter().enumerate() {
        let (rates, count) = publication.rates.video(index, activity.spatial > 0, now);
        rated.extend((0_u8..).zip(&rates[..count]).map(|(temporal, rate)| LayerRate {
            layer: Layer { spatial: u8::try_from(index).unwrap_or(u8::MAX), temporal },
            bitrate: Bitrate::bps(*rate),
            active: all_are_silent || is_active(activity),
        }));
    }
    rated
}

fn wish(consumer: &Consumer) -> Wish {
    let reception = consumer.reception();
    let limit = reception.limit;
    let most = |limit: Option<u8>| limit.unwrap_or(u8::MAX);
    Wish {
        priority: reception.priority,
        limit: Layer { spatial: most(limit.spatial), temporal: most(limit.temporal) },
        most: reception.bitrate.most().map(|kbps| Bitrate::kbps(kbps.into())),
        paused: !consumer.wants_video(),
    }
}
