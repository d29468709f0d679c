//! One client behind a link: what it is sent, by whose leave, and what it says of that.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bandwidth::{
    Allocator, Budget, Class, Cluster, ConsumerId, Estimator, Layer, LayerRate, LegId, Limits, PathState, ProbePlan,
};
use rtcp_types::prelude::*;
use rtcp_types::{Compound, Packet, TransportFeedback, Twcc, TwccPacketStatus};

use super::link::{Dice, Link, Parcel};

const PACKET: usize = 1200;
/// Microseconds between two feedbacks of a leg.
const FEEDBACK: u64 = 100_000;

/// What is sent over a leg besides probes.
pub(crate) enum Source {
    /// Takes whatever there is.
    Greedy { credit: f64 },
    /// Packets of sound every 20 ms, of so many bytes.
    Sound { size: usize, id: ConsumerId },
    /// Frames of the layer that the allocator chose: kilobits per second of each, 30 frames per second.
    Pictures { rates: Vec<u64>, id: ConsumerId, noise: f64, sent_layer: Option<usize>, switches: u32 },
}

pub(crate) struct Client {
    pub(crate) estimator: Estimator,
    pub(crate) allocator: Allocator,
    pub(crate) sources: Vec<(usize, Source)>,
    /// Bytes that arrived of each source.
    pub(crate) arrived: Vec<u64>,
    index: usize,
    epoch: Instant,
    legs: Vec<ClientLeg>,
    plan: Option<(ProbePlan, u64, u32, u64)>,
    dice: Dice,
}

struct ClientLeg {
    id: LegId,
    sequence: u64,
    /// Its clock at the receiver.
    offset: u64,
    arrivals: Vec<(u64, u64)>,
    next_report: u64,
    counter: u8,
    underway: VecDeque<(u64, Vec<u8>)>,
}

impl Client {
    pub(crate) fn new(index: usize, epoch: Instant, limits: Limits) -> Self {
        Self {
            estimator: Estimator::new(limits, epoch),
            allocator: Allocator::new(),
            sources: Vec::new(),
            arrived: Vec::new(),
            index,
            epoch,
            legs: Vec::new(),
            plan: None,
            dice: Dice::new(index as u64 + 11),
        }
    }

    pub(crate) fn add_leg(&mut self) -> usize {
        let at = self.legs.len() as u64;
        self.legs.push(ClientLeg {
            id: self.estimator.add_leg(),
            sequence: 65_000 + at * 100,
            offset: 1_000_000_000 * (at + 1),
            arrivals: Vec::new(),
            next_report: 0,
            counter: 0,
            underway: VecDeque::new(),
        });
        self.legs.len() - 1
    }

    pub(crate) fn add_greedy(&mut self) {
        let leg = self.add_leg();
        self.add_source(leg, Source::Greedy { credit: 0.0 });
    }

    pub(crate) fn add_sound(&mut self, leg: usize) {
        let id = self.allocator.add(Class::Audio);
        self.add_source(leg, Source::Sound { size: 100, id });
    }

    pub(crate) fn add_pictures(&mut self, leg: usize, class: Class, rates: &[u64], noise: f64) -> usize {
        let id = self.allocator.add(class);
        let rates = rates.to_vec();
        self.add_source(leg, Source::Pictures { rates, id, noise, sent_layer: None, switches: 0 });
        self.sources.len() - 1
    }

    fn add_source(&mut self, leg: usize, source: Source) {
        self.sources.push((leg, source));
        self.arrived.push(0);
    }

    /// The layer that is sent of a source, and how often that changed.
    pub(crate) fn layer(&self, source: usize) -> (Option<usize>, u32) {
        match &self.sources[source].1 {
            Source::Pictures { sent_layer, switches, .. } => (*sent_layer, *switches),
            _ => (None, 0),
        }
    }

    fn at(&self, micros: u64) -> Instant {
        self.epoch + Duration::from_micros(micros)
    }

    pub(crate) fn estimate(&self, now: u64) -> f64 {
        self.estimator.estimate(self.at(now)).as_bps() as f64
    }

    pub(crate) fn arrive(&mut self, parcel: Parcel, now: u64) {
        if let Some((source, _)) = parcel.tag {
            self.arrived[source] += parcel.size as u64;
        }
        let leg = &mut self.legs[parcel.leg];
        leg.arrivals.push((parcel.sequence, now + leg.offset));
    }

    pub(crate) fn tick(&mut self, now: u64, link: &mut Link) {
        self.feed_back(now, link);
        let at = self.at(now);
        if self.estimator.next_timeout().is_some_and(|due| due <= at) {
            self.estimator.handle_timeout(at);
        }
        if now.is_multiple_of(10_000) && self.has_streams() {
            self.divide(now);
        }
        if let Some(plan) = self.estimator.poll_probe(at) {
            self.plan = Some((plan, now, 0, 0));
        }
        for source in 0..self.sources.len() {
            self.run_source(source, now, link);
        }
        self.run_plan(now, link);
    }

    fn has_streams(&self) -> bool {
        self.sources.iter().any(|(_, source)| !matches!(source, Source::Greedy { .. }))
    }

    fn divide(&mut self, now: u64) {
        let at = self.at(now);
        if now.is_multiple_of(1_000_000) {
            for (_, source) in &self.sources {
                match source {
                    Source::Greedy { .. } => {}
                    Source::Sound { size, id } => {
                        let bitrate = bandwidth::Bitrate::bps(*size as u64 * 8 * 50);
                        let layer = Layer { spatial: 0, temporal: 0 };
                        self.allocator.set_layers(*id, &[LayerRate { layer, bitrate, active: true }], at);
                    }
                    Source::Pictures { rates, id, noise, .. } => {
                        let measured = |(spatial, rate): (usize, &u64)| {
                            let noisy = 1.0 + noise * (2.0 * self.dice.throw() - 1.0);
                            let bitrate = bandwidth::Bitrate::kbps(*rate).scaled(noisy);
                            let layer = Layer { spatial: spatial as u8, temporal: 0 };
                            LayerRate { layer, bitrate, active: true }
                        };
                        let layers: Vec<_> = rates.iter().enumerate().map(measured).collect();
                        self.allocator.set_layers(*id, &layers, at);
                    }
                }
            }
        }
        let budget =
            Budget { bitrate: self.estimator.estimate(at), silent: self.estimator.state() == PathState::Silent };
        self.allocator.update(budget, at);
        self.estimator.set_wanted(self.allocator.demand());
        for (_, source) in &mut self.sources {
            if let Source::Pictures { id, sent_layer, switches, .. } = source {
                let target = self.allocator.target(*id).map(|layer| usize::from(layer.spatial));
                if target != *sent_layer {
                    *sent_layer = target;
                    *switches += 1;
                }
            }
        }
    }

    fn run_source(&mut self, at: usize, now: u64, link: &mut Link) {
        let estimate = self.estimate(now);
        let greedy = self.sources.iter().filter(|(_, source)| matches!(source, Source::Greedy { .. })).count();
        let leg = self.sources[at].0;
        let (size, layer) = match &mut self.sources[at].1 {
            Source::Greedy { credit } => {
                let share = estimate / greedy as f64 * super::link::TICK as f64 / 8e6;
                *credit = (*credit + share).min(3.0 * PACKET as f64);
                let size = if *credit >= PACKET as f64 { PACKET } else { 0 };
                *credit -= size as f64;
                (size, 0)
            }
            Source::Sound { size, .. } => (if now.is_multiple_of(20_000) { *size } else { 0 }, 0),
            Source::Pictures { rates, noise, sent_layer, .. } => {
                // Publishers do not begin frames together.
                let frame = (now + at as u64 * 7_000).is_multiple_of(33_000);
                match sent_layer.filter(|_| frame) {
                    Some(layer) => {
                        let noisy = 1.0 + *noise * (2.0 * self.dice.throw() - 1.0);
                        ((rates[layer] as f64 * 33.0 / 8.0 * noisy) as usize, layer)
                    }
                    None => (0, 0),
                }
            }
        };
        let mut left = size;
        while left > 0 {
            let size = left.clamp(40, PACKET);
            self.send(leg, size, Some((at, layer)), now, link);
            left = left.saturating_sub(size);
        }
    }

    fn run_plan(&mut self, now: u64, link: &mut Link) {
        while let Some((plan, began, packets, bytes)) = self.plan {
            if packets >= plan.packets && bytes >= plan.bytes {
                self.plan = None;
                return;
            }
            let due = plan.target.bytes_in(Duration::from_micros(now - began));
            if bytes > due {
                return;
            }
            let size = (plan.bytes / u64::from(plan.packets)).clamp(50, PACKET as u64) as usize;
            self.send(0, size, None, now, link);
        }
    }

    fn send(&mut self, leg: usize, size: usize, tag: Option<(usize, usize)>, now: u64, link: &mut Link) {
        let at = self.at(now);
        let cluster: Option<Cluster> = self.plan.as_mut().map(|(plan, _, packets, bytes)| {
            *packets += 1;
            *bytes += size as u64;
            plan.cluster
        });
        let leg_at = &mut self.legs[leg];
        let sequence = leg_at.sequence;
        leg_at.sequence += 1;
        if leg_at.next_report == 0 {
            leg_at.next_report = sequence;
        }
        self.estimator.sent(leg_at.id, sequence as u16, size, cluster, at);
        link.send(Parcel { client: self.index, leg, sequence, size, sent: now, tag });
    }

    /// Each leg reports every tenth of a second what has arrived since; that takes the way back.
    fn feed_back(&mut self, now: u64, link: &mut Link) {
        let at = self.at(now);
        for (index, leg) in self.legs.iter_mut().enumerate() {
            if (now + index as u64 * 17_000).is_multiple_of(FEEDBACK) && !leg.arrivals.is_empty() {
                let packet = leg.report();
                if !link.loses_answer() {
                    leg.underway.push_back((now + link.delay, packet));
                }
            }
            while leg.underway.front().is_some_and(|(due, _)| *due <= now) {
                let Some((_, packet)) = leg.underway.pop_front() else { break };
                for packet in Compound::parse(&packet).unwrap() {
                    let Packet::TransportFeedback(feedback) = packet.unwrap() else { panic!("no feedback") };
                    self.estimator.feedback(leg.id, &feedback.parse_fci::<Twcc<'_>>().unwrap(), at);
                }
            }
        }
    }
}

impl ClientLeg {
    fn report(&mut self) -> Vec<u8> {
        self.arrivals.sort_unstable();
        let (last, first_at) = (self.arrivals.last().unwrap().0, self.arrivals[0].1);
        let base = self.next_report.min(self.arrivals[0].0);
        let reference = first_at / 64_000;
        let mut before = reference * 256;
        let mut statuses = vec![TwccPacketStatus::NotReceived; (last - base + 1) as usize];
        for (sequence, at) in self.arrivals.drain(..) {
            let ticks = at / 250;
            let delta = i16::try_from(ticks as i64 - before as i64).unwrap();
            before = ticks;
            statuses[(sequence - base) as usize] = TwccPacketStatus::Received { delta };
        }
        self.next_report = last + 1;
        self.counter = self.counter.wrapping_add(1);
        let fci = Twcc::builder(base as u16, reference as u32 & 0xff_ffff, self.counter, &statuses, None);
        assert_eq!(fci.packet_status_count(), statuses.len());
        let writer = TransportFeedback::builder(&fci).media_ssrc(1);
        let mut packet = vec![0; writer.calculate_size().unwrap()];
        writer.write_into_unchecked(&mut packet);
        packet
    }
}
