//! What one stream gets, and how it got there: the memory that keeps layers from flapping.

use std::time::{Duration, Instant};

use super::ladder::Ladder;
use super::{Class, HOLD, Layer, LayerRate, Wish};
use crate::bitrate::Bitrate;

/// A fall within this time of a rise says that the rise was a mistake…
const MISTAKE: Duration = Duration::from_secs(8);
/// …so that the next one waits so many times as long, up to this…
const LONGER: u32 = 3;
const LONGEST_HOLD: Duration = Duration::from_secs(30);
/// …until none was a mistake for so long, or there is so much more than there was then: another path, in effect.
const FORGIVEN: Duration = Duration::from_secs(45);
const ANOTHER: f64 = 1.6;
/// After an outage, what was before it comes back without waiting, if there is enough within this time.
const RESTORE: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Consumer {
    class: Class,
    wish: Wish,
    ladder: Ladder,
    target: Option<Layer>,
    /// It was given something, or refused, since it is wanted: from then on, rising waits.
    settled: bool,
    /// Since when it could rise.
    fits: Option<Instant>,
    /// When it rose last and what there was for pictures then, if that was no mistake yet.
    rose: Option<(Instant, f64)>,
    hold: Duration,
    /// The last rise that was one: when that was seen, and what there had been.
    mistaken: Option<(Instant, f64)>,
    before_outage: Option<(Layer, Option<Instant>)>,
    /// The step that there would be without headroom.
    most: usize,
}

impl Consumer {
    pub(super) fn new(class: Class) -> Self {
        Self {
            class,
            wish: Wish::default(),
            ladder: Ladder::default(),
            target: None,
            settled: false,
            fits: None,
            rose: None,
            hold: HOLD,
            mistaken: None,
            before_outage: None,
            most: 0,
        }
    }

    pub(super) fn class(&self) -> Class {
        self.class
    }

    pub(super) fn priority(&self) -> u8 {
        self.wish.priority
    }

    pub(super) fn target(&self) -> Option<Layer> {
        self.target
    }

    /// Something of it fits, with or without headroom.
    pub(super) fn fits(&self) -> bool {
        self.most > 0
    }

    pub(super) fn set_layers(&mut self, layers: &[LayerRate], now: Instant) {
        self.ladder.set(layers, now);
        self.ladder.build(self.class, &self.wish, self.target);
    }

    pub(super) fn set_wish(&mut self, wish: Wish) {
        // Who asks for more wants it now.
        if self.wish.paused != wish.paused || wish.limit > self.wish.limit {
            self.settled = false;
        }
        self.wish = wish;
        self.ladder.build(self.class, &self.wish, self.target);
    }

    /// Of what is wanted and allowed.
    pub(super) fn best(&self) -> Option<Layer> {
        self.ladder.layer(self.ladder.len())
    }

    /// How many steps it could get.
    pub(super) fn steps(&self) -> usize {
        if self.wish.paused { 0 } else { self.ladder.len() }
    }

    /// The one that it gets, 0 is nothing.
    pub(super) fn step(&self) -> usize {
        self.ladder.step_of(self.target).min(self.steps())
    }

    pub(super) fn rate(&self, step: usize) -> Bitrate {
        self.ladder.rate(step)
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        self.fits.map(|since| since + self.hold)
    }

    /// Nothing arrives any more.
    pub(super) fn remember(&mut self) {
        self.before_outage = self.target.map(|target| (target, None));
    }

    /// It does again.
    pub(super) fn restore_until(&mut self, now: Instant) {
        if let Some((_, until)) = &mut self.before_outage {
            *until = Some(now + RESTORE);
        }
    }

    /// There is less than before, though perhaps for others: if this one rose lately, that was why.
    pub(super) fn regret(&mut self, now: Instant) {
        if let Some((_, budget)) = self.rose.take_if(|(rose, _)| now.saturating_duration_since(*rose) < MISTAKE) {
            self.hold = (self.hold * LONGER).min(LONGEST_HOLD);
            self.mistaken = Some((now, budget));
        }
    }

    /// Goes to between `least`, which has headroom, and `most`, which fits into the `budget` of all pictures. True if it gets
    /// something else than before.
    pub(super) fn settle(&mut self, least: usize, most: usize, budget: f64, now: Instant) -> bool {
        self.most = most;
        let step = self.step();
        let restored = match self.before_outage {
            Some((layer, Some(until))) if now < until => most.min(self.ladder.step_of(Some(layer))),
            Some((_, Some(_))) => {
                self.before_outage = None;
                0
            }
            _ => 0,
        };
        let wanted = step.clamp(least.min(most), most).max(restored);
        let waits = wanted > step && wanted > restored && self.settled;
        if !waits {
            self.fits = None;
        } else {
            if self
                .mistaken
                .is_some_and(|(last, then)| now.saturating_duration_since(last) > FORGIVEN || budget > then * ANOTHER)
            {
                (self.hold, self.mistaken) = (HOLD, None);
            }
            let since = *self.fits.get_or_insert(now);
            if now.saturating_duration_since(since) < self.hold {
                return self.go_to(step);
            }
            self.fits = None;
            self.rose = Some((now, budget));
        }
        self.settled |= self.steps() > 0;
        self.go_to(wanted)
    }

    /// All of it, whatever there is.
    pub(super) fn settle_whole(&mut self) -> bool {
        self.go_to(self.steps())
    }

    fn go_to(&mut self, step: usize) -> bool {
        let target = self.ladder.layer(step);
        let changed = target != self.target;
        self.target = target;
        changed
    }
}
