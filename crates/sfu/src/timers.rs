//! Deadlines of many owners in one heap. An owner's deadline may move at will: the heap only remembers a time not later than it,
//! and an entry is moved when it comes to the front, so that a deadline that is put off again and again wakes nobody.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::hash_map::Entry;
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
    deadlines: HashMap<Timer, Deadline>,
}

/// Of one owner.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    wanted: Instant,
    /// Of its earliest entry in the heap, which is not later.
    queued: Instant,
}

impl Timers {
    /// `timer` wants to be woken at `at`, whatever it wanted before.
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.put(timer, at, |_| at);
    }

    /// `timer` wants to be woken not later than `at`.
    pub(crate) fn hasten(&mut self, timer: Timer, at: Instant) {
        self.put(timer, at, |wanted| wanted.min(at));
    }

    fn put(&mut self, timer: Timer, at: Instant, wanted: impl FnOnce(Instant) -> Instant) {
        match self.deadlines.entry(timer) {
            Entry::Occupied(mut entry) => {
                let deadline = entry.get_mut();
                deadline.wanted = wanted(deadline.wanted);
                if deadline.wanted >= deadline.queued {
                    return;
                }
                deadline.queued = at;
            }
            Entry::Vacant(entry) => {
                entry.insert(Deadline { wanted: at, queued: at });
            }
        }
        self.heap.push(Reverse((at, timer)));
    }

    /// Forgets an owner.
    pub(crate) fn remove(&mut self, timer: Timer) {
        self.deadlines.remove(&timer);
        // What is left in the heap is skipped when its time comes; sweep when most of it is dead.
        if self.heap.len() > 64 && self.heap.len() > 4 * self.deadlines.len() {
            let deadlines = &self.deadlines;
            self.heap
                .retain(|Reverse((at, timer))| deadlines.get(timer).is_some_and(|deadline| deadline.queued == *at));
        }
    }

    /// When the next owner wants to be woken.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        loop {
            let mut first = self.heap.peek_mut()?;
            let Reverse((at, timer)) = *first;
            match self.deadlines.get_mut(&timer).filter(|deadline| deadline.queued == at) {
                Some(deadline) if deadline.wanted == at => return Some(at),
                // It was put off.
                Some(deadline) => {
                    deadline.queued = deadline.wanted;
                    first.0.0 = deadline.wanted;
                }
                None => {
                    PeekMut::pop(first);
                }
            }
        }
    }

    /// Takes one owner that is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Timer> {
        self.next().filter(|at| *at <= now)?;
        let Reverse((_, timer)) = self.heap.pop()?;
        self.deadlines.remove(&timer);
        Some(timer)
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
        timers.hasten(a, after(30));
        timers.hasten(a, after(10));
        timers.hasten(b, after(20));
        timers.hasten(a, after(40));
        assert_eq!(timers.next(), Some(after(10)));
        assert_eq!(timers.pop(after(25)), Some(a));
        assert_eq!(timers.pop(after(25)), Some(b));
        assert_eq!(timers.pop(after(100)), None);
    }

    #[test]
    fn a_deadline_that_was_put_off_wakes_nobody_before_the_new_one() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let (a, b) = (Timer::Transport(Slot(1)), Timer::Transport(Slot(2)));
        let mut timers = Timers::default();
        timers.set(b, after(50));
        (10..=40).for_each(|ms| timers.set(a, after(ms)));
        assert_eq!(timers.len(), 2);
        assert_eq!(timers.next(), Some(after(40)));
        timers.set(a, after(60));
        assert_eq!(timers.pop(after(55)), Some(b));
        assert_eq!(timers.pop(after(55)), None);
        // And back again.
        timers.set(a, after(30));
        assert_eq!(timers.next(), Some(after(30)));
        assert_eq!(timers.pop(after(55)), Some(a));
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
