//! Buffers of what is sent, used again and again: a steady call allocates none.

/// Buffers kept: those of one turn of a large room. More are given back to the allocator.
const KEPT: usize = 1024;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Trains {
    free: Vec<Vec<u8>>,
}

impl Trains {
    /// An empty buffer.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.free.pop().unwrap_or_default()
    }

    /// One that was sent.
    pub(crate) fn reuse(&mut self, mut buffer: Vec<u8>) {
        if self.free.len() < KEPT {
            buffer.clear();
            self.free.push(buffer);
        }
    }
}
