//! A slab: small stable numbers for transports, so that a number in a datagram leads straight to its transport.

/// Index of a transport.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Slot(pub(crate) u32);

/// Values by [`Slot`]; a freed slot is used again.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    entries: Vec<Option<T>>,
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
        match self.free.pop() {
            Some(slot) => {
                self.entries[slot.0 as usize] = Some(value);
                slot
            }
            None => {
                self.entries.push(Some(value));
                Slot(self.entries.len() as u32 - 1)
            }
        }
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<T> {
        let value = self.entries.get_mut(slot.0 as usize)?.take()?;
        self.free.push(slot);
        Some(value)
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&T> {
        self.entries.get(slot.0 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.entries.get_mut(slot.0 as usize)?.as_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }
}
