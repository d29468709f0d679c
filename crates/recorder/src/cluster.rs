//! The frames of up to a second, as they stand in the file. They are gathered here and written at once, in the order
//! of their times.

use crate::ebml::{push_id, push_size, push_wide_size};
use crate::matroska::{CLUSTER, SIMPLE_BLOCK, TIMESTAMP};

/// A track by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TrackNumber {
    Audio = 1,
    Video = 2,
}

/// A frame on the file's timeline.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) track: TrackNumber,
    /// Milliseconds since the file's beginning.
    pub(crate) time: u64,
    pub(crate) key: bool,
    pub(crate) data: Vec<u8>,
}

/// Blocks of at most this are one cluster.
pub(crate) const MAX_BYTES: usize = 4 << 20;
/// A block's time is told relative to its cluster's, in 16 bits.
const MAX_SPAN: u64 = 30_000;

/// What is gathered.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    blocks: Vec<Block>,
    bytes: usize,
}

impl Cluster {
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Whether `block` can be in this one.
    pub(crate) fn fits(&self, block: &Block) -> bool {
        let near = |other: &Block| other.time.abs_diff(block.time) < MAX_SPAN;
        self.bytes + block.data.len() <= MAX_BYTES && self.blocks.iter().all(near)
    }

    pub(crate) fn push(&mut self, block: Block) {
        self.bytes += block.data.len();
        self.blocks.push(block);
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The element; nothing is gathered any more.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.blocks.sort_by_key(|block| block.time);
        let start = self.blocks.first().map_or(0, |block| block.time);
        let mut content = Vec::with_capacity(self.bytes + 16 * (self.blocks.len() + 2));
        push_id(&mut content, TIMESTAMP);
        push_size(&mut content, 8);
        content.extend_from_slice(&start.to_be_bytes());
        for block in self.blocks.drain(..) {
            push_id(&mut content, SIMPLE_BLOCK);
            push_size(&mut content, block.data.len() as u64 + 4);
            content.push(0x80 | block.track as u8);
            content.extend_from_slice(&((block.time - start) as i16).to_be_bytes());
            content.push(if block.key { 0x80 } else { 0 });
            content.extend_from_slice(&block.data);
        }
        self.bytes = 0;
        let mut cluster = Vec::with_capacity(content.len() + 12);
        push_id(&mut cluster, CLUSTER);
        push_wide_size(&mut cluster, content.len() as u64);
        cluster.append(&mut content);
        cluster
    }
}
