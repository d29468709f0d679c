//! What the path to one client carries, over all its transports. See [`Estimator`].

use std::time::{Duration, Instant};

use rtcp_types::Twcc;

use crate::bitrate::Bitrate;
use crate::delay::Usage;
use crate::leg::Leg;
use crate::loss::{Loss, LossShare};
use crate::probing::{Cluster, ProbePlan, Prober, Prospect};
use crate::rate_control::{RateControl, Situation};
use crate::rate_window::RateWindow;

/// Packets of one feedback that are looked at: more are never in flight.
const MOST_PACKETS: usize = 4096;
/// Share of what arrives that must have seen a queue grow. All legs share the path, so all would see it; one of many that
/// does is noise.
const QUORUM: f64 = 0.25;
/// Less than this share of the estimate being sent, it says nothing about growth.
const LIMITED: f64 = 0.75;
/// Media may leave this much faster than the estimate: pacing smooths bursts, it does not hold back.
const PACING: f64 = 2.5;
/// The same once it is known where the path ends: what left faster would only wait there.
const PACING_NEAR: f64 = 1.25;
/// Microseconds without any feedback after which something is broken, beyond three round trips…
const SILENCE: u64 = 500_000;
/// …and then between one halving of what is sent and the next: what is not delivered fills queues,…
const HALVING: u64 = 400_000;
/// …while one packet in this time asks whether there is anybody.
const PING: u64 = 150_000;
/// Microseconds without clusters after a step down.
const AFTER_DECREASE: u64 = 800_000;
/// Of a queue, in microseconds, that forbids clusters.
const QUEUE: u64 = 120_000;
/// Times as much wanted as before is news: somebody has come, or wants to see more.
const MUCH_MORE: f64 = 1.5;
/// Nothing works with less, in bits per second.
const LEAST: Bitrate = Bitrate::kbps(5);
/// Round trip before it is known.
const ROUND_TRIP: u64 = 100_000;
/// Microseconds after which a leg that sends nothing does not matter for what receivers estimate.
const IDLE: u64 = 5_000_000;
/// Of the best rate that arrived, what is left of it after a second.
const FADING: f64 = 0.99;

/// Where an estimator begins, and where it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Believed before anything is known.
    pub start: Bitrate,
    /// Sound must fit: the estimate is never below.
    pub min: Bitrate,
    /// Never above.
    pub max: Bitrate,
}

impl Default for Limits {
    /// 300 kbit/s, between 30 kbit/s and 50 Mbit/s.
    fn default() -> Self {
        Self { start: Bitrate::kbps(300), min: Bitrate::kbps(30), max: Bitrate::kbps(50_000) }
    }
}

/// One transport of the client. Of a leg that was removed it means nothing any more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LegId {
    index: u32,
    generation: u32,
}

/// How the path is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathState {
    /// What the delays say.
    Heard(Usage),
    /// No feedback though packets were sent: an outage.
    Silent,
}

/// What the path to one client carries, from what all its transports sent and what was heard of it: transport-wide
/// feedback, receiver reports, REMB. Transports of a client share their bottleneck, so there is one estimate; each has
/// its own numbers and its own clock at the other end, which is kept by leg.
///
/// Time is an argument and must not go backwards. [`Self::sent`] is O(1) and allocates nothing in the long run; feedback
/// is O(packets that it speaks of).
#[derive(Clone, Debug)]
pub struct Estimator {
    epoch: Instant,
    limits: Limits,
    legs: Vec<(u32, Option<Leg>)>,
    control: RateControl,
    loss: LossShare,
    prober: Prober,
    /// Without probes, which say nothing of what is used.
    sending: RateWindow,
    /// Nobody would gain by more than this.
    wanted: Bitrate,
    round_trip: Option<u64>,
    /// It came with a receiver report, which is exact: feedback waits at the receiver.
    exact: bool,
    /// Transport-wide feedback has come.
    transport_wide: bool,
    /// The first packet since the last feedback.
    unheard: Option<u64>,
    /// An outage: since when, and the rate before it.
    silent: Option<(u64, f64)>,
    /// Times of sending between which a cluster made its own queue.
    cluster_span: (u64, u64),
    usage: Usage,
    /// The best rate that arrived lately, fading, and when it was looked at.
    carried: (f64, u64),
}

impl Estimator {
    /// Limits in the wrong order are put right: `min` counts, which is 5 kbit/s at least, then `max`.
    pub fn new(limits: Limits, now: Instant) -> Self {
        let min = limits.min.max(LEAST);
        let max = limits.max.max(min);
        let limits = Limits { start: limits.start.clamp(min, max), min, max };
        Self {
            epoch: now,
            limits,
            legs: Vec::new(),
            control: RateControl::new(limits.start.as_f64(), (limits.min.as_f64(), limits.max.as_f64())),
            loss: LossShare::default(),
            prober: Prober::new(),
            sending: RateWindow::default(),
            wanted: Bitrate::ZERO,
            round_trip: None,
            exact: false,
            transport_wide: false,
            unheard: None,
            silent: None,
            cluster_span: (0, 0),
            usage: Usage::Normal,
            carried: (0.0, 0),
        }
    }

    /// A transport of this client begins to send.
    pub fn add_leg(&mut self) -> LegId {
        let free = self.legs.iter().position(|(_, leg)| leg.is_none());
        let index = free.unwrap_or_else(|| {
            self.legs.push((0, None));
            self.legs.len() - 1
        });
        let (generation, leg) = &mut self.legs[index];
        *generation = generation.wrapping_add(1);
        *leg = Some(Leg::default());
        LegId { index: index as u32, generation: *generation }
    }

    /// It is gone, with its history.
    pub fn remove_leg(&mut self, leg: LegId) {
        if leg_mut(&mut self.legs, leg).is_some() {
            self.legs[leg.index as usize].1 = None;
        }
        if self.legs.iter().all(|(_, leg)| leg.is_none()) {
            self.unheard = None;
        }
    }

    /// A packet left, of `size` bytes with all headers that are counted everywhere alike. `sequence` is its transport-wide
    /// number; the packets of a leg have consecutive ones. `cluster` is that of the [`ProbePlan`] being carried out.
    pub fn sent(&mut self, leg: LegId, sequence: u16, size: usize, cluster: Option<Cluster>, now: Instant) {
        let now = self.micros(now);
        let Some(leg) = leg_mut(&mut self.legs, leg) else {
            return;
        };
        let size = u16::try_from(size).unwrap_or(u16::MAX);
        let number = cluster.map_or(0, Cluster::number);
        leg.history.push(sequence, size, number, now);
        leg.used = Some(now);
        if number == 0 {
            self.sending.add(now, u32::from(size));
        }
        if leg.heard.is_some() && self.unheard.is_none() {
            self.unheard = Some(now);
        }
        if number != 0 {
            let round_trip = self.round_trip.unwrap_or(ROUND_TRIP);
            self.prober.sent(number, size, now, round_trip);
            self.extend_cluster_span(size, now);
        }
    }

    /// Transport-wide feedback of a leg has come.
    pub fn feedback(&mut self, leg: LegId, twcc: &Twcc<'_>, now: Instant) {
        let now = self.micros(now);
        if leg_mut(&mut self.legs, leg).is_none() {
            return;
        }
        self.heard(now);
        let Some(leg) = leg_mut(&mut self.legs, leg) else {
            return;
        };
        leg.heard = Some(now);
        let mut fastest: Option<u64> = None;
        for (sequence, arrival) in leg.clock.read(twcc).take(MOST_PACKETS) {
            let Some(packet) = leg.history.resolve(sequence, arrival.is_some(), now) else {
                continue;
            };
            let Some(arrival) = arrival else {
                self.loss.add(packet.sent, true);
                self.prober.lost(packet.cluster);
                continue;
            };
            if packet.was_lost {
                self.loss.found();
            } else {
                self.loss.add(packet.sent, false);
            }
            let answered = now - packet.sent;
            fastest = Some(fastest.map_or(answered, |fastest| fastest.min(answered)));
            let in_span = (self.cluster_span.0..=self.cluster_span.1).contains(&packet.sent);
            let arrival = leg.arrived(&packet, arrival, !in_span);
            self.prober.received(packet.cluster, packet.size, arrival);
        }
        if let Some(fastest) = fastest.filter(|_| !self.exact) {
            self.round_trip = Some(self.round_trip.map_or(fastest, |known| (known * 7 + fastest) / 8));
        }
        self.adjust(now);
    }

    /// A receiver report of one stream of a leg (RFC 3550 §6.4.1): the share in 256ths that was lost of the `packets` sent
    /// since the report before, and the round trip, if it tells one. Its loss counts where no transport-wide feedback
    /// tells it better.
    pub fn receiver_report(
        &mut self,
        leg: LegId,
        fraction_lost: u8,
        packets: u32,
        round_trip: Option<Duration>,
        now: Instant,
    ) {
        let now = self.micros(now);
        if leg_mut(&mut self.legs, leg).is_none() {
            return;
        }
        if let Some(round_trip) = round_trip {
            let exact = (round_trip.as_micros() as u64).min(10_000_000);
            let known = self.round_trip.filter(|_| self.exact);
            self.round_trip = Some(known.map_or(exact, |known| (known * 3 + exact) / 4));
            self.exact = true;
        }
        if self.transport_wide {
            return;
        }
        let lost = u64::from(packets) * u64::from(fraction_lost) / 256;
        self.loss.add_many(now, lost as u32, packets);
        let Some(verdict) = self.loss.end_period(now, false) else {
            return;
        };
        match verdict {
            Loss::Heavy(share) => self.control.lost(share, None),
            Loss::Noticeable => {}
            // Nothing can be measured, so growth is tried, up to what somebody would gain by.
            Loss::Little if self.control.rate() < self.wanted.as_f64() => self.control.set(self.control.rate() * 1.05),
            Loss::Little => {}
        }
    }

    /// The receiver of a leg estimates that its streams should take no more than this.
    pub fn remb(&mut self, leg: LegId, bitrate: Bitrate, now: Instant) {
        let now = self.micros(now);
        let Some(leg) = leg_mut(&mut self.legs, leg) else {
            return;
        };
        leg.set_remb(bitrate, now);
        if !self.transport_wide
            && let Some(bound) = self.bound(now)
        {
            let bound = bound.as_f64();
            self.control.set(if self.loss.verdict() == Loss::Little { bound } else { bound.min(self.control.rate()) });
        }
    }

    /// How much would be used if it were there: no more is looked for. [`crate::Allocator::demand`] knows.
    pub fn set_wanted(&mut self, wanted: Bitrate) {
        if wanted > self.wanted.scaled(MUCH_MORE) {
            self.prober.hurry();
        }
        self.wanted = wanted;
    }

    /// What may be sent, over all legs.
    pub fn estimate(&self, now: Instant) -> Bitrate {
        let rate = Bitrate::from_f64(self.control.rate());
        let bound = self.bound(self.micros(now)).unwrap_or(self.limits.max);
        rate.min(bound).clamp(self.limits.min, self.limits.max)
    }

    /// The path was found to carry no more than about what is estimated.
    pub fn knows_limit(&self) -> bool {
        self.control.knows_limit() || self.prober.found_end()
    }

    /// How fast packets may leave that are there. Never a reason to make sound wait.
    pub fn pacing_rate(&self, now: Instant) -> Bitrate {
        self.estimate(now).scaled(if self.knows_limit() { PACING_NEAR } else { PACING })
    }

    /// See [`PathState`].
    pub fn state(&self) -> PathState {
        if self.silent.is_some() { PathState::Silent } else { PathState::Heard(self.usage) }
    }

    /// As well as it is known.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip.map(Duration::from_micros)
    }

    /// Share of packets that did not arrive, in the last period of about half a second.
    pub fn loss(&self) -> f64 {
        self.loss.share()
    }

    /// How long packets wait on the path, as far as feedback tells.
    pub fn queueing(&self, now: Instant) -> Duration {
        Duration::from_micros(self.shortest_queue(self.micros(now)))
    }

    /// Bytes of memory, its own included.
    pub fn memory(&self) -> usize {
        let legs: usize = self.legs.iter().filter_map(|(_, leg)| leg.as_ref()).map(Leg::memory).sum();
        size_of::<Self>() + legs
    }

    /// When [`Self::handle_timeout`] and [`Self::poll_probe`] are due at the latest. May be past.
    pub fn next_timeout(&self) -> Option<Instant> {
        if !self.transport_wide {
            return None;
        }
        let silence = self.unheard.map(|first| match self.silent {
            Some((halved, _)) => halved + HALVING,
            None => first + self.silence(),
        });
        let wanting = self.silent.is_some() || self.wanted.as_f64() > self.control.rate();
        let probe = wanting.then(|| self.prober.deadline());
        let next = [silence, probe].into_iter().flatten().min()?;
        Some(self.epoch + Duration::from_micros(next))
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.micros(now);
        let Some(first) = self.unheard else {
            return;
        };
        let silence = self.silence();
        match &mut self.silent {
            None if now.saturating_sub(first) >= silence => {
                self.silent = Some((now, self.control.rate()));
                self.control.set(self.control.rate() / 2.0);
            }
            Some((halved, _)) if now.saturating_sub(*halved) >= HALVING => {
                *halved = now;
                self.control.set(self.control.rate() / 2.0);
            }
            _ => {}
        }
    }

    /// A cluster that is to be sent from now on, if one is due.
    pub fn poll_probe(&mut self, now: Instant) -> Option<ProbePlan> {
        let now = self.micros(now);
        // Who does not say what arrived cannot be asked.
        if !self.transport_wide {
            return None;
        }
        if self.silent.is_some() {
            return self.prober.ping(self.limits.min.as_f64(), now, PING);
        }
        let prospect = self.prospect(now);
        self.prober.order(&prospect, now)
    }

    fn micros(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.epoch);
        passed.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(passed.subsec_micros()))
    }

    fn silence(&self) -> u64 {
        SILENCE + 3 * self.round_trip.unwrap_or(ROUND_TRIP).min(500_000)
    }

    /// Feedback ends an outage.
    fn heard(&mut self, now: u64) {
        self.transport_wide = true;
        self.unheard = None;
        if let Some((_, before)) = self.silent.take() {
            self.prober.recover(before, now);
            self.loss.forget(now);
            self.legs.iter_mut().filter_map(|(_, leg)| leg.as_mut()).for_each(Leg::restart_delay);
        }
    }

    /// The queue that a cluster makes is not the path's.
    fn extend_cluster_span(&mut self, size: u16, now: u64) {
        let drain = (f64::from(size) * 8e6 / self.control.rate()) as u64;
        let (from, until) = self.cluster_span;
        self.cluster_span = if now <= until { (from, until + drain) } else { (now, now + drain) };
    }

    fn adjust(&mut self, now: u64) {
        let legs = || self.legs.iter().filter_map(|(_, leg)| leg.as_ref());
        self.usage = vote(legs().filter_map(|leg| leg.vote(now)));
        let arriving =
            legs().filter_map(|leg| leg.arriving(now)).reduce(|(steady, recent), leg| (steady + leg.0, recent + leg.1));
        let queueing = self.shortest_queue(now);
        let sending = self.sending.until(now).unwrap_or(0.0);
        let situation = Situation {
            arriving,
            round_trip: self.round_trip.unwrap_or(ROUND_TRIP),
            queueing,
            sending,
            application_limited: sending < LIMITED * self.control.rate(),
            lossy: self.loss.verdict() != Loss::Little,
        };
        let below = sending < LIMITED * self.carried(arriving, now);
        if let Some(Loss::Heavy(share)) = self.loss.end_period(now, below) {
            self.control.lost(share, arriving.map(|(steady, _)| steady));
            self.prober.hold(now + AFTER_DECREASE);
        }
        if self.control.update(self.usage, &situation, now) {
            self.prober.hold(now + AFTER_DECREASE);
        }
        let prospect = self.prospect(now);
        if let Some(found) = self.prober.result(&prospect, now) {
            // Media that arrives is carried, whatever a cluster says.
            self.control.set(found.max(arriving.map_or(0.0, |(steady, _)| steady).min(self.control.rate())));
        }
    }

    /// All legs share the path: what is more on one of them is its own.
    fn shortest_queue(&self, now: u64) -> u64 {
        self.legs.iter().filter_map(|(_, leg)| leg.as_ref()?.queueing(now)).min().unwrap_or(0)
    }

    fn carried(&mut self, arriving: Option<(f64, f64)>, now: u64) -> f64 {
        let (best, at) = self.carried;
        let faded = best * FADING.powf(now.saturating_sub(at) as f64 / 1e6);
        self.carried = (faded.max(arriving.map_or(0.0, |(steady, _)| steady)), now);
        self.carried.0
    }

    fn prospect(&self, now: u64) -> Prospect {
        let queueing = self.shortest_queue(now);
        let most = self.bound(now).unwrap_or(self.limits.max).min(self.limits.max);
        Prospect {
            estimate: self.control.rate(),
            wanted: self.wanted.as_f64(),
            most: most.as_f64(),
            calm: self.usage != Usage::Overuse && queueing < QUEUE && !matches!(self.loss.verdict(), Loss::Heavy(_)),
        }
    }

    /// The sum of what receivers estimate, if all legs that send have such an estimate.
    fn bound(&self, now: u64) -> Option<Bitrate> {
        let mut bound = None;
        for (_, leg) in &self.legs {
            let Some(leg) = leg else { continue };
            match leg.remb(now) {
                Some(remb) => bound = Some(bound.unwrap_or(Bitrate::ZERO) + remb),
                None if leg.used.is_some_and(|used| now.saturating_sub(used) < IDLE) => return None,
                None => {}
            }
        }
        bound
    }
}

fn leg_mut(legs: &mut [(u32, Option<Leg>)], id: LegId) -> Option<&mut Leg> {
    let (generation, leg) = legs.get_mut(id.index as usize)?;
    leg.as_mut().filter(|_| *generation == id.generation)
}

/// Legs weigh as much as arrives over them.
fn vote(votes: impl Iterator<Item = (Usage, f64)>) -> Usage {
    let (mut all, mut over, mut under) = (0.0, 0.0, 0.0);
    for (usage, weight) in votes {
        // One that has not been measured yet has a voice, too.
        let weight = weight.max(1.0);
        all += weight;
        match usage {
            Usage::Overuse => over += weight,
            Usage::Underuse => under += weight,
            Usage::Normal => {}
        }
    }
    match all * QUORUM {
        quorum if over > quorum => Usage::Overuse,
        quorum if under > quorum => Usage::Underuse,
        _ => Usage::Normal,
    }
}
