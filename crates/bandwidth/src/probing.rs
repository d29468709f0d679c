//! Clusters of packets that are sent faster than the estimate, to see whether they arrive as fast.
//!
//! A ramp of short clusters goes up from the estimate, each twice the one before, until one does not arrive as it was sent or
//! enough is found for what is wanted. Then longer clusters confirm what the short ones measured, since shapers let short
//! bursts through that they do not carry for long: again each at most twice the one before, so that one that finds the
//! shaper makes a short queue. Only what was confirmed is told.

use std::num::NonZeroU8;
use std::time::Duration;

use crate::bitrate::Bitrate;

/// Multiples of the estimate: the very first cluster, and the first of later ramps.
const FIRST: f64 = 3.0;
const STEP: f64 = 2.0;
/// A cluster must be this far above the estimate to be worth it.
const WORTHWHILE: f64 = 1.1;
/// Beyond what is wanted, for what measuring loses.
const MARGIN: f64 = 1.1;
/// Of the target, what must arrive.
const ARRIVED: f64 = 0.85;
/// Arrives less than this share of the sending rate, the link is full, and a little less is what it carries.
const FULL: f64 = 0.9;
const OF_FULL: f64 = 0.95;
const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_millis(100);
/// Less than this many packets measures nothing.
const FEWEST_PACKETS: u32 = 5;
/// Of the packets, what must have arrived to be measured.
const ENOUGH: f64 = 0.7;
/// Microseconds until the next ramp, after one that found something, doubled with each that did not, up to the last: full
/// quality is to be back within five seconds.
const INTERVAL: u64 = 1_000_000;
const LONGEST_INTERVAL: u64 = 2_500_000;
/// Microseconds from the order of a cluster, and from its last packet beyond the round trip, after which it is lost.
const UNSENT: u64 = 500_000;
const UNHEARD: u64 = 400_000;
/// Arrivals further apart than this measure something else.
const LONGEST_ARRIVAL: u64 = 1_000_000;

/// Which cluster a packet belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cluster(NonZeroU8);

impl Cluster {
    pub(crate) fn number(self) -> u8 {
        self.0.get()
    }
}

/// What is to be sent now: media as it comes, and padding or repetitions for the rest. It is done when it has both
/// `packets` and `bytes`; spread over several transports or on one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProbePlan {
    /// To be named with each packet that is sent while the plan is carried out, media included.
    pub cluster: Cluster,
    /// How fast, with everything.
    pub target: Bitrate,
    /// How long that takes.
    pub duration: Duration,
    /// At least so many; small ones where the target is low.
    pub packets: u32,
    /// At least so many, as they are counted in [`crate::Estimator::sent`].
    pub bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Ramp,
    Confirm,
    /// After an outage: is it as it was?
    Recover,
    /// Only to hear anything.
    Ping,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    packets: u32,
    bytes: u64,
    /// Time and size of the first and of the last.
    first: Option<(u64, u64)>,
    last: (u64, u64),
}

impl Tally {
    fn add(&mut self, at: u64, size: u16) {
        let size = u64::from(size);
        self.packets += 1;
        self.bytes += size;
        if self.first.is_none_or(|(first, _)| at < first) {
            self.first = Some((at, size));
        }
        if at >= self.last.0 {
            self.last = (at, size);
        }
    }

    fn microseconds(&self) -> u64 {
        self.first.map_or(0, |(first, _)| self.last.0 - first)
    }
}

#[derive(Clone, Copy, Debug)]
struct Running {
    plan: ProbePlan,
    stage: Stage,
    sent: Tally,
    received: Tally,
    lost: u32,
    deadline: u64,
}

impl Running {
    fn is_sent(&self) -> bool {
        self.sent.packets >= self.plan.packets && self.sent.bytes >= self.plan.bytes
    }

    /// Bits per second, `None` if too little arrived.
    fn measured(&self) -> Option<f64> {
        if f64::from(self.received.packets) < f64::from(self.sent.packets) * ENOUGH || self.received.packets < 2 {
            return None;
        }
        let arrival = self.received.microseconds();
        if arrival > LONGEST_ARRIVAL {
            return None;
        }
        // What the first packet took is not between arrivals, nor what the last one took between departures.
        let rate = |bytes: u64, time: u64| bytes as f64 * 8e6 / time.max(1) as f64;
        let first = self.received.first.map_or(0, |(_, size)| size);
        let arriving = rate(self.received.bytes - first, arrival);
        let sending = rate(self.sent.bytes - self.sent.last.1, self.sent.microseconds());
        let rate = if arriving < FULL * sending.min(self.plan.target.as_f64()) { OF_FULL * arriving } else { arriving };
        Some(rate.min(sending).min(self.plan.target.as_f64()))
    }
}

/// What is known when a cluster could be ordered. In bits per second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prospect {
    pub(crate) estimate: f64,
    /// Beyond this, nobody would gain.
    pub(crate) wanted: f64,
    pub(crate) most: f64,
    /// Neither overuse, nor a queue, nor loss.
    pub(crate) calm: bool,
}

/// See the module. All times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prober {
    number: NonZeroU8,
    running: Option<Running>,
    /// What to order next, if not the first cluster of a ramp.
    following: Option<(Stage, f64)>,
    /// The best that was measured in this ramp.
    best: f64,
    /// The last cluster did not arrive as it was sent.
    found_end: bool,
    ramps: u32,
    next: u64,
    interval: u64,
}

impl Prober {
    pub(crate) fn new() -> Self {
        Self {
            number: NonZeroU8::MIN,
            running: None,
            following: None,
            best: 0.0,
            found_end: false,
            ramps: 0,
            next: 0,
            interval: INTERVAL,
        }
    }

    /// The path carries no more than about what was found.
    pub(crate) fn found_end(&self) -> bool {
        self.found_end
    }

    /// When to ask again, if not before.
    pub(crate) fn deadline(&self) -> u64 {
        self.running.map_or(self.next, |running| running.deadline)
    }

    pub(crate) fn order(&mut self, prospect: &Prospect, now: u64) -> Option<ProbePlan> {
        if let Some(running) = self.running {
            if now < running.deadline {
                return None;
            }
            self.running = None;
            self.fail(now);
        }
        let most = (prospect.wanted * MARGIN).min(prospect.most);
        if let Some((stage, target)) = self.following.take() {
            if stage == Stage::Recover || prospect.calm {
                let length = if stage == Stage::Confirm { LONG } else { SHORT };
                return Some(self.start(stage, target.min(most.max(prospect.estimate)), length, now));
            }
            self.fail(now);
        }
        if now < self.next || !prospect.calm || prospect.wanted.min(prospect.most) <= prospect.estimate {
            return None;
        }
        let step = if self.ramps == 0 { FIRST } else { STEP };
        self.ramps += 1;
        self.best = 0.0;
        Some(self.start(Stage::Ramp, (prospect.estimate * step).min(most), SHORT, now))
    }

    /// A single packet, to hear whether anything comes through.
    pub(crate) fn ping(&mut self, rate: f64, now: u64, wait: u64) -> Option<ProbePlan> {
        if self.running.is_some_and(|running| now < running.deadline) {
            return None;
        }
        let plan = self.start(Stage::Ping, rate, Duration::ZERO, now);
        let running = self.running.as_mut()?;
        running.plan = ProbePlan { packets: 1, bytes: 1, ..plan };
        running.deadline = now + wait;
        Some(running.plan)
    }

    /// There is an answer after an outage: whether the path carries `rate` as it did is asked at once.
    pub(crate) fn recover(&mut self, rate: f64, now: u64) {
        (self.running, self.next, self.interval) = (None, now, INTERVAL);
        self.following = Some((Stage::Recover, rate));
    }

    /// The next ramp need not wait.
    pub(crate) fn hurry(&mut self) {
        (self.next, self.interval) = (0, INTERVAL);
    }

    /// What has gone up has to come down: no cluster for a while.
    pub(crate) fn hold(&mut self, until: u64) {
        self.following = None;
        self.next = self.next.max(until);
    }

    pub(crate) fn sent(&mut self, cluster: u8, size: u16, now: u64, round_trip: u64) {
        if let Some(running) = self.running.as_mut().filter(|running| running.plan.cluster.number() == cluster) {
            running.sent.add(now, size);
            if running.stage != Stage::Ping {
                running.deadline = now + round_trip + UNHEARD;
            }
        }
    }

    pub(crate) fn received(&mut self, cluster: u8, size: u16, arrival: u64) {
        if let Some(running) = self.running.as_mut().filter(|running| running.plan.cluster.number() == cluster) {
            running.received.add(arrival, size);
        }
    }

    pub(crate) fn lost(&mut self, cluster: u8) {
        if let Some(running) = self.running.as_mut().filter(|running| running.plan.cluster.number() == cluster) {
            running.lost += 1;
        }
    }

    /// After feedback: a rate that the path was found to carry.
    pub(crate) fn result(&mut self, prospect: &Prospect, now: u64) -> Option<f64> {
        let running = self.running?;
        if !running.is_sent() || running.received.packets + running.lost < running.sent.packets {
            return None;
        }
        self.running = None;
        let target = running.plan.target.as_f64();
        let measured = running.measured().unwrap_or(0.0);
        let arrived = measured >= ARRIVED * target;
        let better = measured > prospect.estimate;
        // What is confirmed may be what the path was found to end at.
        let tells_end = match running.stage {
            Stage::Ping => false,
            Stage::Confirm => !arrived,
            Stage::Recover | Stage::Ramp => true,
        };
        if tells_end && measured > 0.0 {
            self.found_end = !arrived;
        }
        match running.stage {
            Stage::Ping => None,
            Stage::Recover => {
                self.next = now;
                better.then_some(measured)
            }
            Stage::Confirm => {
                if arrived && target * WORTHWHILE < self.best {
                    self.following = Some((Stage::Confirm, self.best.min(target * STEP)));
                } else if arrived || measured > prospect.estimate * WORTHWHILE {
                    (self.interval, self.next) = (INTERVAL, now + INTERVAL);
                } else {
                    self.fail(now);
                }
                // This long, even bad news is news.
                (measured > 0.0 && (better || !arrived)).then_some(measured)
            }
            Stage::Ramp => {
                self.best = self.best.max(measured);
                let most = (prospect.wanted * MARGIN).min(prospect.most);
                if arrived && target * WORTHWHILE < most {
                    self.following = Some((Stage::Ramp, (target * STEP).min(most)));
                } else if self.best > prospect.estimate * WORTHWHILE {
                    self.following = Some((Stage::Confirm, self.best.min(prospect.estimate * STEP)));
                } else {
                    self.fail(now);
                }
                None
            }
        }
    }

    fn fail(&mut self, now: u64) {
        self.next = now + self.interval;
        self.interval = (self.interval * 2).min(LONGEST_INTERVAL);
    }

    fn start(&mut self, stage: Stage, target: f64, duration: Duration, now: u64) -> ProbePlan {
        let cluster = Cluster(self.number);
        self.number = self.number.checked_add(1).unwrap_or(NonZeroU8::MIN);
        let target = Bitrate::from_f64(target);
        let bytes = target.bytes_in(duration).max(1);
        let plan = ProbePlan { cluster, target, duration, packets: FEWEST_PACKETS, bytes };
        self.running = Some(Running {
            plan,
            stage,
            sent: Tally::default(),
            received: Tally::default(),
            lost: 0,
            deadline: now + UNSENT,
        });
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROSPECT: Prospect = Prospect { estimate: 3e5, wanted: 3e6, most: 1e7, calm: true };

    /// Sends a plan over a link of so many bits per second.
    fn carry_out(prober: &mut Prober, plan: &ProbePlan, prospect: &Prospect, link: f64, now: &mut u64) -> Option<f64> {
        let packets = plan.packets.max(plan.bytes.div_ceil(1200) as u32);
        let size = plan.bytes.div_ceil(u64::from(packets)) as u16;
        let mut free = 0.0_f64;
        for n in 0..packets {
            let at = *now + u64::from(n) * plan.target.time_for(u64::from(size)).as_micros() as u64;
            prober.sent(plan.cluster.number(), size, at, 50_000);
            free = free.max(at as f64) + f64::from(size) * 8e6 / link;
            prober.received(plan.cluster.number(), size, free as u64);
        }
        *now += 200_000;
        prober.result(prospect, *now)
    }

    #[test]
    fn a_ramp_ends_where_the_link_does() {
        let mut prober = Prober::new();
        let mut now = 0;
        let mut targets = Vec::new();
        let mut found = PROSPECT.estimate;
        while let Some(plan) = prober.order(&Prospect { estimate: found, ..PROSPECT }, now) {
            targets.push(plan.target.as_bps());
            let prospect = Prospect { estimate: found, ..PROSPECT };
            if let Some(news) = carry_out(&mut prober, &plan, &prospect, 1.5e6, &mut now) {
                found = news;
            }
        }
        assert_eq!(targets[..2], [900_000, 1_800_000]);
        assert!(prober.found_end());
        assert!((1.2e6..=1.5e6).contains(&found), "{found} after {targets:?}");
    }

    #[test]
    fn nothing_is_ordered_that_nobody_needs() {
        let mut prober = Prober::new();
        assert!(prober.order(&Prospect { wanted: 3e5, ..PROSPECT }, 0).is_none());
        assert!(prober.order(&Prospect { calm: false, ..PROSPECT }, 0).is_none());
        let plan = prober.order(&Prospect { wanted: 5e5, ..PROSPECT }, 0).unwrap();
        assert_eq!(plan.target, Bitrate::kbps(550));
        assert!(plan.packets >= 5 && plan.bytes == 550_000 / 50 / 8);
    }

    #[test]
    fn ramps_that_find_nothing_become_rarer_but_not_rare() {
        let mut prober = Prober::new();
        let (mut now, mut orders) = (0, 0);
        while now < 60_000_000 {
            match prober.order(&PROSPECT, now) {
                Some(plan) => {
                    orders += 1;
                    assert_eq!(carry_out(&mut prober, &plan, &PROSPECT, 2.9e5, &mut now), None);
                }
                None => now += 10_000,
            }
        }
        assert!((15..30).contains(&orders), "{orders}");
    }
}
