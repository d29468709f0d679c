//! One client that receives. All transports that send to it share its network: what that carries is estimated once, from what
//! became of all that was sent, and divided among the streams. What follows from the division is done in `adaptation.rs`.

use std::time::{Duration, Instant};

use bandwidth::{Allocator, Bitrate, Budget, Class, ConsumerId, Estimator, LegId, Limits, PathState, ProbePlan};
use protocol::id::{RouterId, SubscriberId};

use crate::pacer::Pacer;
use crate::packet::Packet;
use crate::slots::{Slot, Slots};
use crate::transport::Departed;

/// Believed of a path before anything was heard of it: a picture in the beginning, on any network that is worth the name.
const START: Bitrate = Bitrate::kbps(1_000);
/// Found out beyond what is used, so that whoever comes next is seen at once.
const SPARE: Bitrate = Bitrate::kbps(2_500);
/// About what packets of pictures have, in bytes.
const FULL_SIZE: u64 = 1_000;
/// For a probe that cannot be sent as fast as it should, because nothing is connected.
const PATIENCE: Duration = Duration::from_millis(100);
/// A path that is full for so long is so because of those who have sent all the time.
const PART: Duration = Duration::from_millis(300);
/// A picture pauses only where nothing has been left for it for so long: an estimate that falls may be wrong, and it costs a key frame
/// to go on.
const RELUCTANCE: Duration = Duration::from_millis(1_200);
/// The same where little is missing, so that the wrong pictures would fill no queue soon.
const LONG_RELUCTANCE: Duration = Duration::from_secs(3);
/// The same where nothing but the estimate speaks for it: what is sent arrives, and soon. Others behind the same line may have made
/// it too low.
const LONGEST_RELUCTANCE: Duration = Duration::from_secs(12);
/// Sound suffers from a queue of this length, and from this share of packets lost.
const QUEUE: Duration = Duration::from_millis(200);
const LOST: f64 = 0.05;
/// Below this share of what is needed, much is missing.
const SHORT: f64 = 0.6;
/// Share of packets lost from which on repetitions are sent twice.
const LOSSY: f64 = 0.03;
/// The same for sound being sent with the frames before it, and below which, for so long, it no longer is.
const HARMFUL: f64 = 0.02;
const HARMLESS: f64 = 0.01;
const CALM: Duration = Duration::from_secs(10);
/// What so much is lost of is full, where that is all that is known.
const FULL: f64 = 0.2;
/// Sound may take this share of what the path carries with those frames: a path that is full loses more the more is sent.
const MOST_SOUND: f64 = 0.8;
/// The same where they are sent already.
const STILL_MOST_SOUND: f64 = 0.9;
/// Of what was believed in the beginning.
const LESS: f64 = 0.9;
const MORE: f64 = 1.2;
/// Of what is found out, for pictures to wait for their turn, and not to.
const NOT_ENOUGH: f64 = 0.8;
const ENOUGH: f64 = 0.95;
/// What takes longer than this at the pace of the path is much to be sent at once.
const BURST: Duration = Duration::from_millis(100);
/// A receiver that says nothing of arrivals for so long, although that was agreed on, never will.
const MUTE: Duration = Duration::from_secs(3);

/// Which client a leg belongs to, and which of its legs it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Membership {
    pub(crate) subscriber: Slot,
    pub(crate) leg: LegId,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Subscriber {
    /// Who it is.
    pub(crate) key: (RouterId, SubscriberId),
    pub(crate) estimator: Estimator,
    pub(crate) allocator: Allocator,
    pub(crate) legs: Vec<Leg>,
    pub(crate) probe: Option<Probe>,
    /// When layers were measured last. `None`: something is so new that it cannot wait.
    pub(crate) measured: Option<Instant>,
    /// When everything was divided last.
    pub(crate) divided: Option<Instant>,
    /// The first leg that the receiver can tell arrivals of is up since then.
    numbered_since: Option<Instant>,
    /// It has told some.
    pub(crate) was_heard: bool,
    /// The path seems to be full since then.
    full_since: Option<Instant>,
    /// It carries much less than is needed.
    is_short: bool,
    /// What is sent over it comes late, or does not.
    suffers: bool,
    /// Packets were last lost, often enough that sound suffers.
    lossy_at: Option<Instant>,
    /// Sound is sent with the frames before it.
    is_protected: bool,
    /// Pictures that wait for their turn, and when that is.
    pub(crate) pacer: Pacer,
    /// The path has no room to spare.
    is_tight: bool,
}

/// A transport to it.
#[derive(Debug)]
pub(crate) struct Leg {
    /// The peer.
    pub(crate) slot: Slot,
    id: LegId,
    pub(crate) audio: Option<ConsumerId>,
    pub(crate) video: Option<ConsumerId>,
    up_since: Option<Instant>,
    /// What its sound takes.
    pub(crate) sound: Sound,
    /// What its smallest picture takes, with the fewest frames.
    pub(crate) smallest: Bitrate,
    /// The largest layer that is within the client's lower limit: believed to be carried until it is known.
    pub(crate) believed: u8,
    /// The highest of its layers in time.
    pub(crate) most_frames: u8,
    /// It is known whether the path carries it.
    is_judged: bool,
    /// Nothing has been left for its picture since then.
    without_since: Option<Instant>,
    /// It pauses because of that.
    is_paused: bool,
}

/// What sound takes, and the frames that are sent again with it.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Sound {
    pub(crate) plain: Bitrate,
    pub(crate) repeated: Bitrate,
}

/// Packets on their way for no other reason than to see how they arrive.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) plan: ProbePlan,
    began: Instant,
    bytes: usize,
    packets: usize,
}

impl Subscriber {
    pub(crate) fn new(key: (RouterId, SubscriberId), now: Instant) -> Self {
        Self {
            key,
            estimator: Estimator::new(Limits { start: START, ..Limits::default() }, now),
            allocator: Allocator::new(),
            legs: Vec::new(),
            probe: None,
            measured: None,
            divided: None,
            numbered_since: None,
            was_heard: false,
            full_since: None,
            is_short: false,
            suffers: false,
            lossy_at: None,
            is_protected: false,
            pacer: Pacer::new(START),
            is_tight: false,
        }
    }

    /// Another transport. `pictures` says which class they are of, if there are some.
    pub(crate) fn add_leg(&mut self, own: Slot, slot: Slot, has_audio: bool, pictures: Option<Class>) -> Membership {
        let id = self.estimator.add_leg();
        let audio = has_audio.then(|| self.allocator.add(Class::Audio));
        let video = pictures.map(|class| self.allocator.add(class));
        self.legs.push(Leg {
            slot,
            id,
            audio,
            video,
            up_since: None,
            sound: Sound::default(),
            smallest: Bitrate::ZERO,
            believed: 0,
            most_frames: 0,
            is_judged: false,
            without_since: None,
            is_paused: false,
        });
        self.measured = None;
        Membership { subscriber: own, leg: id }
    }

    /// A transport is gone. `true`: it was the last one.
    pub(crate) fn remove_leg(&mut self, membership: Membership) -> bool {
        if let Some(at) = self.legs.iter().position(|leg| leg.id == membership.leg) {
            let leg = self.legs.swap_remove(at);
            self.estimator.remove_leg(leg.id);
            self.pacer.forget(leg.slot);
            leg.audio.into_iter().chain(leg.video).for_each(|consumer| self.allocator.remove(consumer));
        }
        self.legs.is_empty()
    }

    /// A transport is connected.
    pub(crate) fn leg_is_up(&mut self, membership: Membership, is_numbered: bool, now: Instant) {
        if let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == membership.leg) {
            leg.up_since.get_or_insert(now);
        }
        if is_numbered {
            self.numbered_since.get_or_insert(now);
        }
        self.measured = None;
    }

    /// Packets have left.
    fn sent(&mut self, leg: LegId, departed: &[Departed], now: Instant) {
        let cluster = self.probe.as_ref().map(|probe| probe.plan.cluster);
        for Departed { sequence, size } in departed {
            self.estimator.sent(leg, *sequence, *size, cluster, now);
        }
        if let Some(probe) = &mut self.probe {
            // Media is as good as what is sent for nothing else.
            probe.bytes += Departed::bytes(departed);
            probe.packets += departed.len();
        }
        if self.paces() {
            self.pacer.left(Departed::bytes(departed), now);
        }
    }

    /// Its pictures wait for their turn.
    pub(crate) fn paces(&self) -> bool {
        self.is_tight || !self.pacer.is_empty()
    }

    /// Looks whether the path has room to spare, and how fast pictures may leave if not.
    pub(crate) fn set_pace(&mut self, now: Instant) {
        let wanted = self.wanted();
        let enough = wanted.scaled(if self.is_tight { ENOUGH } else { NOT_ENOUGH });
        self.is_tight = self.estimator.knows_limit() && self.estimator.estimate(now) < enough;
        // What an outage makes of the estimate says nothing of how it will be after it.
        if self.estimator.state() != PathState::Silent {
            self.pacer.set_rate(self.estimator.pacing_rate(now), self.estimator.knows_limit());
        }
    }

    /// So much at once would fill the path's queue for long.
    pub(crate) fn is_much(&self, packets: &[Packet], now: Instant) -> bool {
        let bytes = packets.iter().map(|packet| packet.payload.len() as u64).sum::<u64>();
        self.numbered_since.is_some() && bytes > self.estimator.pacing_rate(now).bytes_in(BURST)
    }

    /// What is known of the path is worth dividing by. Where nobody tells it, everything is sent.
    pub(crate) fn is_measured(&self, now: Instant) -> bool {
        let waits = self.numbered_since.is_some_and(|since| now.saturating_duration_since(since) < MUTE);
        self.was_heard || waits
    }

    /// Bits a second that it could be sent over all legs; `None`: nobody can know.
    pub(crate) fn estimate(&self, now: Instant) -> Option<u64> {
        self.is_measured(now).then(|| self.estimator.estimate(now).as_bps())
    }

    pub(crate) fn budget(&self, now: Instant) -> Budget {
        Budget { bitrate: self.estimator.estimate(now), silent: self.estimator.state() == PathState::Silent }
    }

    /// Looks which legs the path was found to carry, or not to carry: the others' smallest pictures are sent whatever the estimate,
    /// which is a guess before much was sent.
    pub(crate) fn judge(&mut self, now: Instant) {
        let estimate = self.estimator.estimate(now);
        // Less was found than was believed.
        let is_full = self.estimator.state() == PathState::Silent || estimate < START.scaled(LESS);
        // Or more: before that, what fits does so by a guess.
        let was_found = estimate > START.scaled(MORE);
        self.full_since = is_full.then(|| self.full_since.unwrap_or(now));
        let mut lacking = Bitrate::ZERO;
        for leg in &mut self.legs {
            // Since it sends, and long enough that it is no matter of chance.
            let has_part = self.full_since.zip(leg.up_since).is_some_and(|(full, up)| now > full.max(up) + PART);
            let fits = leg.video.is_some_and(|video| self.allocator.target(video).is_some());
            leg.is_judged |= self.was_heard && (fits && was_found || has_part);
            // What is sent goes on while it fits, and what is not begins only with room to spare.
            let is_kept = fits || !leg.is_paused && leg.video.is_some_and(|video| self.allocator.fits(video));
            leg.without_since = (!is_kept).then(|| leg.without_since.unwrap_or(now));
            if !fits {
                lacking = lacking + leg.smallest;
            }
        }
        self.suffers = self.estimator.queueing(now) > QUEUE || self.estimator.loss() > LOST;
        self.is_short = estimate < (self.allocator.allocated() + lacking).scaled(SHORT);
    }

    /// A leg's picture has to pause, since not even the smallest one fits.
    pub(crate) fn must_pause(&self, leg: &Leg, now: Instant) -> bool {
        let reluctance = match (self.is_short, self.suffers) {
            (true, _) => RELUCTANCE,
            (false, true) => LONG_RELUCTANCE,
            (false, false) => LONGEST_RELUCTANCE,
        };
        let is_due = |since| leg.is_paused || now >= since + reluctance;
        leg.is_judged && leg.without_since.is_some_and(is_due)
    }

    /// How often a packet is sent that is asked for again: where much is lost, a repetition that is lost, too, comes too late.
    pub(crate) fn copies(&self) -> usize {
        if self.estimator.loss() >= LOSSY { 2 } else { 1 }
    }

    /// Looks whether sound should be sent with the frames before it: while packets are lost, and there is room, as far as anybody knows.
    pub(crate) fn protect(&mut self, now: Instant) {
        let loss = self.estimator.loss();
        if loss >= HARMFUL || self.lossy_at.is_some() && loss >= HARMLESS {
            self.lossy_at = Some(now);
        }
        self.lossy_at = self.lossy_at.filter(|at| now < *at + CALM);
        let sound = self.legs.iter().map(|leg| leg.sound.plain + leg.sound.repeated);
        let sound = sound.fold(Bitrate::ZERO, |sum, bitrate| sum + bitrate);
        let most = if self.is_protected { STILL_MOST_SOUND } else { MOST_SOUND };
        let has_room = match self.is_measured(now) {
            true => sound <= self.estimator.estimate(now).scaled(most),
            false => loss < FULL,
        };
        let protects = self.lossy_at.is_some() && has_room;
        if std::mem::replace(&mut self.is_protected, protects) != protects {
            // What sound takes has changed.
            self.measured = None;
        }
    }

    /// See [`Self::protect`].
    pub(crate) fn is_protected(&self) -> bool {
        self.is_protected
    }

    /// What should be found out about the path.
    pub(crate) fn want(&mut self) {
        self.estimator.set_wanted(self.wanted());
    }

    fn wanted(&self) -> Bitrate {
        let has_pictures = self.legs.iter().any(|leg| leg.video.is_some());
        let spare = if has_pictures { SPARE } else { Bitrate::ZERO };
        self.allocator.demand() + spare
    }
}

impl Leg {
    /// The layer that is sent whatever the estimate.
    pub(crate) fn least(&self) -> u8 {
        if self.is_judged { 0 } else { self.believed }
    }

    /// It is known whether the path carries it.
    pub(crate) fn is_judged(&self) -> bool {
        self.is_judged
    }

    /// Its picture is paused, whatever the path: when that goes on, nothing is known of how it will be.
    pub(crate) fn was_paused(&mut self) {
        self.is_judged = false;
        self.without_since = None;
    }

    /// Whether its picture pauses because there is no room for it.
    pub(crate) fn set_paused(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }
}

impl Probe {
    pub(crate) fn new(plan: ProbePlan, now: Instant) -> Self {
        Self { plan, began: now, bytes: 0, packets: 0 }
    }

    /// Bytes that should have left by now and have not. `None`: it is complete.
    pub(crate) fn due(&self, now: Instant) -> Option<usize> {
        let passed = now.saturating_duration_since(self.began);
        let Self { bytes, packets, .. } = *self;
        let (whole, fewest) = (self.plan.bytes as usize, self.plan.packets as usize);
        if bytes >= whole && packets >= fewest || passed > self.plan.duration * 4 + PATIENCE {
            return None;
        }
        let by_now = self.plan.target.as_bps() as u128 / 8 * (passed.as_micros() + 1_000) / 1_000_000;
        Some((by_now as usize).saturating_sub(bytes))
    }

    /// Its packets have to be small ones, or there would be too few of them.
    pub(crate) fn is_small(&self) -> bool {
        self.plan.bytes < u64::from(self.plan.packets) * FULL_SIZE
    }
}

/// Tells the client's estimator what has left on one of its legs.
pub(crate) fn account(
    membership: Option<Membership>,
    subscribers: &mut Slots<Subscriber>,
    departed: &mut Vec<Departed>,
    now: Instant,
) {
    if departed.is_empty() {
        return;
    }
    if let Some(membership) = membership
        && let Some(subscriber) = subscribers.get_mut(membership.subscriber)
    {
        subscriber.sent(membership.leg, departed, now);
    }
    departed.clear();
}
