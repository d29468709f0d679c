//! What each stream of a client gets of what its path carries. See [`Allocator`].

mod consumer;
mod ladder;
mod rounds;

use std::time::{Duration, Instant};

use crate::bitrate::Bitrate;
use consumer::Consumer;
use rounds::Entry;

/// More is taken only if this much more is there: rates and estimates move.
const HEADROOM: f64 = 1.15;

/// How long it must have been there, at first.
const HOLD: Duration = Duration::from_millis(500);

/// What a stream shows. Earlier classes are served whole before later ones get anything but sound.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// Sound: sent always.
    Audio,
    /// A shared screen.
    Screen,
    /// A face.
    Camera,
}

/// A quality of one stream; a larger picture is better than more frames.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Layer {
    /// Size of the picture, 0 is the smallest.
    pub spatial: u8,
    /// Frames per second, 0 is the fewest.
    pub temporal: u8,
}

impl Layer {
    /// Above all that there are.
    pub const BEST: Self = Self { spatial: u8::MAX, temporal: u8::MAX };
}

/// What a layer takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LayerRate {
    /// Which.
    pub layer: Layer,
    /// Measured, of everything that has to be sent for it: with scalable coding, of the layers below, too.
    pub bitrate: Bitrate,
    /// Whether the publisher sends it now.
    pub active: bool,
}

/// What the client wants of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Within a class, more is served first.
    pub priority: u8,
    /// The best layer that is of use, in both directions. If there is nothing as low, the lowest.
    pub limit: Layer,
    /// What the stream may take over some seconds. If there is nothing that takes so little, the lowest.
    pub most: Option<Bitrate>,
    /// Nothing is wanted.
    pub paused: bool,
}

impl Default for Wish {
    /// Everything, at the lowest priority.
    fn default() -> Self {
        Self { priority: 0, limit: Layer::BEST, most: None, paused: false }
    }
}

/// What there is to divide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// [`crate::Estimator::estimate`].
    pub bitrate: Bitrate,
    /// [`crate::PathState::Silent`]: the path is gone, not narrow, and what was sent may be sent again when it is back.
    pub silent: bool,
}

/// A stream of the client, of one class. Of one that was removed it means nothing any more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ConsumerId {
    index: u32,
    generation: u32,
}

/// Divides what a client's path carries among all that it consumes, whichever transports that goes over.
///
/// Sound is sent whatever there is. Then come screens, then cameras; within a class everybody's lowest layer, in the order
/// of priority, then the next ones of the highest priority, one for each in turn, then those of the next priority.
///
/// Down goes at once what does not fit. Up goes only what fits with headroom and has done so for a while, which becomes
/// longer each time that rising was followed by a fall. What was sent before an outage is sent after it without waiting.
#[derive(Clone, Debug, Default)]
pub struct Allocator {
    consumers: Vec<(u32, Option<Consumer>)>,
    silent: bool,
    changed: Vec<ConsumerId>,
    /// Consumers with pictures in the order in which they are served.
    entries: Vec<Entry>,
}

impl Allocator {
    /// Of a client that consumes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another stream. It gets nothing until its layers are known and [`Self::update`] was called.
    pub fn add(&mut self, class: Class) -> ConsumerId {
        let free = self.consumers.iter().position(|(_, consumer)| consumer.is_none());
        let index = free.unwrap_or_else(|| {
            self.consumers.push((0, None));
            self.consumers.len() - 1
        });
        let (generation, consumer) = &mut self.consumers[index];
        *generation = generation.wrapping_add(1);
        *consumer = Some(Consumer::new(class));
        ConsumerId { index: index as u32, generation: *generation }
    }

    /// It is gone.
    pub fn remove(&mut self, id: ConsumerId) {
        if self.consumer_mut(id).is_some() {
            self.consumers[id.index as usize].1 = None;
        }
    }

    /// What the stream's layers take, measured about every second; sound has one. Rates count at once when they rise, and
    /// slowly when they fall.
    pub fn set_layers(&mut self, id: ConsumerId, layers: &[LayerRate], now: Instant) {
        if let Some(consumer) = self.consumer_mut(id) {
            consumer.set_layers(layers, now);
        }
    }

    /// What the client wants of it.
    pub fn set_wish(&mut self, id: ConsumerId, wish: Wish) {
        if let Some(consumer) = self.consumer_mut(id) {
            consumer.set_wish(wish);
        }
    }

    /// Divides anew, whenever the estimate, layers or wishes have changed and at [`Self::next_timeout`]. Gives those whose
    /// target is another one than before.
    pub fn update(&mut self, budget: Budget, now: Instant) -> &[ConsumerId] {
        self.changed.clear();
        if budget.silent && !self.silent {
            self.each(|consumer| consumer.remember());
        } else if !budget.silent && self.silent {
            self.each(|consumer| consumer.restore_until(now));
        }
        self.silent = budget.silent;
        let pictures = budget.bitrate.saturating_sub(self.audio()).as_f64();
        self.line_up();
        rounds::divide(&mut self.entries, pictures, &self.consumers, |entry| &mut entry.full);
        rounds::divide(&mut self.entries, pictures / HEADROOM, &self.consumers, |entry| &mut entry.reserved);
        let fell = self.entries.iter().any(|entry| {
            let consumer = self.consumers[entry.index].1.as_ref();
            consumer.is_some_and(|consumer| entry.full < consumer.step())
        });
        if fell && !budget.silent {
            self.each(|consumer| consumer.regret(now));
        }
        for entry in &self.entries {
            if let (generation, Some(consumer)) = &mut self.consumers[entry.index]
                && consumer.settle(entry.reserved.min(entry.full), entry.full, pictures, now)
            {
                self.changed.push(ConsumerId { index: entry.index as u32, generation: *generation });
            }
        }
        for (index, (generation, consumer)) in self.consumers.iter_mut().enumerate() {
            if let Some(consumer) = consumer
                && consumer.class() == Class::Audio
                && consumer.settle_whole()
            {
                self.changed.push(ConsumerId { index: index as u32, generation: *generation });
            }
        }
        &self.changed
    }

    /// What to send of it: `None` is nothing.
    pub fn target(&self, id: ConsumerId) -> Option<Layer> {
        self.consumer(id)?.target()
    }

    /// Something of it would fit, though without room to spare: enough to go on, not to begin.
    pub fn fits(&self, id: ConsumerId) -> bool {
        self.consumer(id).is_some_and(Consumer::fits)
    }

    /// What would be sent of it if the path carried everything; `None` if nothing of it is known.
    pub fn best(&self, id: ConsumerId) -> Option<Layer> {
        self.consumer(id)?.best()
    }

    /// When something may rise that waits.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.consumers.iter().filter_map(|(_, consumer)| consumer.as_ref()?.timeout()).min()
    }

    /// What all that is sent takes.
    pub fn allocated(&self) -> Bitrate {
        self.consumers.iter().filter_map(|(_, consumer)| consumer.as_ref()).map(|c| c.rate(c.step())).sum()
    }

    /// What the estimator should look for: enough for everybody's best, if anybody lacks it, and else what is sent.
    pub fn demand(&self) -> Bitrate {
        let pictures = || {
            let consumers = self.consumers.iter().filter_map(|(_, consumer)| consumer.as_ref());
            consumers.filter(|consumer| consumer.class() != Class::Audio)
        };
        if pictures().all(|consumer| consumer.step() >= consumer.steps()) {
            return self.allocated();
        }
        let best: Bitrate = pictures().map(|consumer| consumer.rate(consumer.steps())).sum();
        self.audio() + best.scaled(HEADROOM * 1.02)
    }

    fn audio(&self) -> Bitrate {
        let consumers = self.consumers.iter().filter_map(|(_, consumer)| consumer.as_ref());
        consumers.filter(|consumer| consumer.class() == Class::Audio).map(|c| c.rate(c.steps())).sum()
    }

    fn line_up(&mut self) {
        self.entries.clear();
        for (index, (_, consumer)) in self.consumers.iter().enumerate() {
            if let Some(consumer) = consumer
                && consumer.class() != Class::Audio
            {
                let (class, priority) = (consumer.class(), consumer.priority());
                self.entries.push(Entry { index, class, priority, full: 0, reserved: 0 });
            }
        }
        self.entries.sort_unstable_by_key(|entry| (entry.class, u8::MAX - entry.priority, entry.index));
    }

    fn each(&mut self, change: impl FnMut(&mut Consumer)) {
        self.consumers.iter_mut().filter_map(|(_, consumer)| consumer.as_mut()).for_each(change);
    }

    fn consumer(&self, id: ConsumerId) -> Option<&Consumer> {
        let (generation, consumer) = self.consumers.get(id.index as usize)?;
        consumer.as_ref().filter(|_| *generation == id.generation)
    }

    fn consumer_mut(&mut self, id: ConsumerId) -> Option<&mut Consumer> {
        let (generation, consumer) = self.consumers.get_mut(id.index as usize)?;
        consumer.as_mut().filter(|_| *generation == id.generation)
    }
}
