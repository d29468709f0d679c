//! A bottleneck: a token bucket with a queue before it, then delay and random loss. Time comes in ticks.

use std::collections::VecDeque;

/// Microseconds.
pub(crate) const TICK: u64 = 500;

/// Numbers that look random and are the same every time.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 to 1.
    pub(crate) fn throw(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Of whom a packet is: client, leg, number there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parcel {
    pub(crate) client: usize,
    pub(crate) leg: usize,
    pub(crate) sequence: u64,
    pub(crate) size: usize,
    pub(crate) sent: u64,
    /// What it carries, for whoever counts.
    pub(crate) tag: Option<(usize, usize)>,
}

#[derive(Debug)]
pub(crate) struct Link {
    /// Bits per second, bytes of the queue and of the bucket, microseconds one way, share.
    pub(crate) rate: f64,
    pub(crate) queue_limit: usize,
    pub(crate) burst: f64,
    pub(crate) delay: u64,
    pub(crate) loss: f64,
    /// Of each packet's delay, up to so many microseconds; order is kept.
    pub(crate) jitter: u64,
    /// Share of feedback that is lost on its way back.
    pub(crate) answers_lost: f64,
    /// Nothing goes either way.
    pub(crate) down: bool,
    tokens: f64,
    queued: usize,
    queue: VecDeque<Parcel>,
    underway: VecDeque<(u64, Parcel)>,
    dice: Dice,
    /// Longest stay in the queue since it was last asked, in microseconds.
    pub(crate) longest: u64,
}

impl Link {
    pub(crate) fn new(rate: f64) -> Self {
        Self {
            rate,
            // 300 ms, and at least what a home router has.
            queue_limit: ((rate * 0.3 / 8.0) as usize).max(15_000),
            burst: 3000.0,
            delay: 25_000,
            loss: 0.0,
            jitter: 0,
            answers_lost: 0.0,
            down: false,
            tokens: 0.0,
            queued: 0,
            queue: VecDeque::new(),
            underway: VecDeque::new(),
            dice: Dice::new(7),
            longest: 0,
        }
    }

    pub(crate) fn send(&mut self, parcel: Parcel) {
        if !self.down && self.queued + parcel.size <= self.queue_limit {
            self.queued += parcel.size;
            self.queue.push_back(parcel);
        }
    }

    pub(crate) fn loses_answer(&mut self) -> bool {
        self.down || self.dice.throw() < self.answers_lost
    }

    /// What arrives in this tick.
    pub(crate) fn tick(&mut self, now: u64, mut arrive: impl FnMut(Parcel)) {
        self.tokens = (self.tokens + self.rate * TICK as f64 / 8e6).min(self.burst);
        while let Some(parcel) = self.queue.front().copied().filter(|parcel| parcel.size as f64 <= self.tokens) {
            self.queue.pop_front();
            self.queued -= parcel.size;
            self.tokens -= parcel.size as f64;
            self.longest = self.longest.max(now - parcel.sent);
            if self.dice.throw() >= self.loss {
                let jitter = (self.dice.throw() * self.jitter as f64) as u64;
                let at = (now + self.delay + jitter).max(self.underway.back().map_or(0, |(at, _)| *at));
                self.underway.push_back((at, parcel));
            }
        }
        if self.down {
            self.queue.clear();
            self.underway.clear();
            self.queued = 0;
        }
        while self.underway.front().is_some_and(|(at, _)| *at <= now) {
            self.underway.pop_front().into_iter().for_each(|(_, parcel)| arrive(parcel));
        }
    }
}
