//! A slab with generations: small numbers for transports, so that a number in a datagram leads straight to its transport,
//! and one that is kept for too long leads nowhere instead of to a stranger.
//!
//! Not the crate `slotmap`: a transport is built with its number in its credentials, and only then put in its place.

/// Number of a transport: the place in its lower bits, how often that was used before in the upper ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Slot(pub(crate) u32);

impl Slot {
    /// Sixteen million transports are more than a worker's memory.
    const PLACE_BITS: u32 = 24;

    fn place(self) -> usize {
        (self.0 & ((1 << Self::PLACE_BITS) - 1)) as usize
    }

    /// The number of the one that is in this place after this one.
    fn successor(self) -> Self {
        Self(self.0.wrapping_add(1 << Self::PLACE_BITS))
    }
}

/// Values by [`Slot`]; the place of a value that is removed is used again.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    entries: Vec<Option<(Slot, T)>>,
    /// Numbers that values will have in the places that are free.
    free: Vec<Slot>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// The slot the next insert takes.
    pub(crate) fn next(&self) -> Slot {
        self.free.last().copied().unwrap_or(Slot(self.entries.len() as u32))
    }

    pub(crate) fn insert(&mut self, value: T) -> Slot {
        let slot = self.next();
        match self.free.pop().and_then(|slot| self.entries.get_mut(slot.place())) {
            Some(entry) => *entry = Some((slot, value)),
            None => self.entries.push(Some((slot, value))),
        }
        slot
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<T> {
        let entry = self.entries.get_mut(slot.place())?;
        let (_, value) = entry.take_if(|(present, _)| *present == slot)?;
        self.free.push(slot.successor());
        Some(value)
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&T> {
        let (present, value) = self.entries.get(slot.place())?.as_ref()?;
        (*present == slot).then_some(value)
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        let (present, value) = self.entries.get_mut(slot.place())?.as_mut()?;
        (*present == slot).then_some(value)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_numbers_are_not() {
        let mut slots = Slots::default();
        let (next, first) = (slots.next(), slots.insert("first"));
        assert_eq!(next, first);
        let other = slots.insert("other");
        assert_eq!(slots.remove(first), Some("first"));
        let (next, second) = (slots.next(), slots.insert("second"));
        assert_eq!((next, second.place()), (second, first.place()));
        assert_ne!(first, second);
        assert!(slots.get(first).is_none() && slots.get_mut(first).is_none() && slots.remove(first).is_none());
        assert_eq!((slots.get(second), slots.get(other), slots.len()), (Some(&"second"), Some(&"other"), 2));
        assert_eq!(slots.get(Slot(77)), None);
    }

    #[test]
    fn a_place_can_be_used_without_end() {
        let mut slots = Slots::default();
        for n in 0..1000 {
            let slot = slots.insert(n);
            assert_eq!((slot.place(), slots.remove(slot), slots.len()), (0, Some(n), 0));
        }
        assert_eq!(slots.entries.len(), 1);
    }
}
