//! Deadlines of many owners in one heap. An owner's deadline may move at will: the heap only remembers a time not later
//! than it, and who is woken too early is simply put back.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

use protocol::id::PublicationId;

use crate::slots::Slot;

/// Who is to be woken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Timer {
    Transport(Slot),
    Publication(PublicationId),
    Subscriber(Slot),
    /// Its pictures that wait for their turn.
    Pacer(Slot),
}

/// The heap.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Timer)>>,
    /// The earliest entry of each owner in the heap.
    earliest: HashMap<Timer, Instant>,
}

impl Timers {
    /// `timer` wants to be woken not later than `at`.
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        match self.earliest.get_mut(&timer) {
            Some(earliest) if *earliest <= at => {}
            Some(earliest) => {
                *earliest = at;
                self.heap.push(Reverse((at, timer)));
            }
            None => {
                self.earliest.insert(timer, at);
                self.heap.push(Reverse((at, timer)));
            }
        }
    }

    /// Forgets an owner.
    pub(crate) fn remove(&mut self, timer: Timer) {
        self.earliest.remove(&timer);
        // What is left in the heap is skipped when its time comes; sweep when most of it is dead.
        if self.heap.len() > 64 && self.heap.len() > 4 * self.earliest.len() {
            let earliest = &self.earliest;
            self.heap.retain(|Reverse((at, timer))| earliest.get(timer) == Some(at));
        }
    }

    /// When the next owner wants to be woken.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one owner that is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Timer> {
        while let Some(Reverse((at, timer))) = self.heap.peek().copied() {
            if at > now {
                return None;
            }
            self.heap.pop();
            if self.earliest.get(&timer) == Some(&at) {
                self.earliest.remove(&timer);
                return Some(timer);
            }
        }
        None
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_owner_is_woken_once_at_its_earliest_deadline() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let (a, b) = (Timer::Transport(Slot(1)), Timer::Transport(Slot(2)));
        let mut timers = Timers::default();
        timers.set(a, after(30));
        timers.set(a, after(10));
        timers.set(b, after(20));
        timers.set(a, after(40));
        assert_eq!(timers.next(), Some(after(10)));
        assert_eq!(timers.pop(after(25)), Some(a));
        assert_eq!(timers.pop(after(25)), Some(b));
        assert_eq!(timers.pop(after(100)), None);
    }

    #[test]
    fn removed_owners_do_not_pile_up() {
        let start = Instant::now();
        let mut timers = Timers::default();
        for n in 0..10_000 {
            timers.set(Timer::Transport(Slot(n)), start + Duration::from_secs(60));
            timers.remove(Timer::Transport(Slot(n)));
        }
        assert!(timers.len() <= 65);
    }
}
