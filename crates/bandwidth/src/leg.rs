//! One transport of the client: its own numbers, its own clock at the other end, and what its delays say.

use crate::bitrate::Bitrate;
use crate::delay::{Groups, Trend, Usage};
use crate::feedback::ArrivalClock;
use crate::history::{History, Resolved};
use crate::rate_window::RateWindow;

/// Microseconds after which the fastest way through the network is looked for anew: routes change, clocks drift.
const BASE_AGE: u64 = 30_000_000;
/// Microseconds that the receiver's clock may run away from ours between two packets before it is taken for another one.
const JUMP: i64 = 3_000_000;
/// Microseconds for which what a leg said counts.
const FRESH: u64 = 1_000_000;
/// And what its receiver estimates, which it repeats about every second.
const REMB_FRESH: u64 = 5_000_000;

/// See the module. All times in microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leg {
    pub(crate) history: History,
    pub(crate) clock: ArrivalClock,
    /// When it was last heard of, by transport-wide feedback.
    pub(crate) heard: Option<u64>,
    /// When it last sent.
    pub(crate) used: Option<u64>,
    remb: Option<(Bitrate, u64)>,
    /// Made by the first feedback: a leg without costs less.
    reception: Option<Box<Reception>>,
}

/// What is known of how it is received.
#[derive(Clone, Debug, Default)]
struct Reception {
    rate: RateWindow,
    groups: Groups,
    trend: Trend,
    /// Of the packet before: arrival minus sending, and its time.
    last: Option<(i64, u64)>,
    /// The smallest of those differences, in this period and the one before it, and when this one began.
    base: Option<(i64, i64, u64)>,
    /// By how much the latest packet was slower than the fastest.
    queueing: u64,
}

impl Leg {
    /// A packet arrived. Gives its arrival on a clock that all legs share, within what the network's fastest packets say;
    /// `measured` is false for what left together with a probe, which makes a queue of its own.
    pub(crate) fn arrived(&mut self, packet: &Resolved, arrival: u64, measured: bool) -> u64 {
        let reception = self.reception.get_or_insert_default();
        let way = difference(arrival, packet.sent);
        if reception.last.is_some_and(|(last, _)| (way - last).abs() > JUMP) {
            **reception = Reception::default();
        }
        reception.last = Some((way, packet.sent));
        let base = reception.base(way, packet.sent);
        reception.queueing = (way - base).unsigned_abs();
        reception.rate.add(arrival, u32::from(packet.size));
        if !measured {
            reception.groups = Groups::default();
        } else if let Some(step) = reception.groups.add(packet.sent, arrival) {
            reception.trend.add(step);
        }
        packet.sent.saturating_add(reception.queueing)
    }

    /// What its delays say, and how much it weighs; `None` if that is too long ago.
    pub(crate) fn vote(&self, now: u64) -> Option<(Usage, f64)> {
        let reception = self.fresh(now)?;
        Some((reception.trend.usage(), reception.rate.steady().unwrap_or(0.0)))
    }

    /// Bits per second that arrive: over half a second, and over the last fifth of one.
    pub(crate) fn arriving(&self, now: u64) -> Option<(f64, f64)> {
        let reception = self.fresh(now)?;
        Some((reception.rate.steady()?, reception.rate.recent()?))
    }

    /// Microseconds that its packets waited in queues, as last heard.
    pub(crate) fn queueing(&self, now: u64) -> Option<u64> {
        self.fresh(now).map(|reception| reception.queueing)
    }

    /// Forgets what it heard of delays, but not of rates and routes.
    pub(crate) fn restart_delay(&mut self) {
        if let Some(reception) = &mut self.reception {
            reception.groups = Groups::default();
            reception.trend.restart();
        }
    }

    pub(crate) fn remb(&self, now: u64) -> Option<Bitrate> {
        self.remb.filter(|(_, at)| now.saturating_sub(*at) < REMB_FRESH).map(|(bitrate, _)| bitrate)
    }

    pub(crate) fn set_remb(&mut self, bitrate: Bitrate, now: u64) {
        self.remb = Some((bitrate, now));
    }

    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.history.memory() + self.reception.as_ref().map_or(0, |_| size_of::<Reception>())
    }

    fn fresh(&self, now: u64) -> Option<&Reception> {
        self.heard.filter(|heard| now.saturating_sub(*heard) < FRESH)?;
        self.reception.as_deref()
    }
}

impl Reception {
    fn base(&mut self, way: i64, sent: u64) -> i64 {
        let (current, before, began) = self.base.unwrap_or((way, way, sent));
        let current = current.min(way);
        let next = if sent.saturating_sub(began) > BASE_AGE { (way, current, sent) } else { (current, before, began) };
        self.base = Some(next);
        next.0.min(next.1)
    }
}

/// From one clock to another: clocks that are ages apart are as good as a moderate age apart.
fn difference(arrival: u64, sent: u64) -> i64 {
    const AGE: i128 = 1 << 60;
    (i128::from(arrival) - i128::from(sent)).clamp(-AGE, AGE) as i64
}
