//! The frames of up to a second, as they stand in the file. They are gathered here and written at once, in the order
//! of their times.

use crate::ebml::{push_id, push_size, wide_size};
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

/// What stands around a block's data, and before the first block, at most.
const BLOCK_OVERHEAD: usize = 13;
const CLUSTER_OVERHEAD: usize = 22;

/// What is gathered.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    blocks: Vec<Block>,
    bytes: usize,
    /// The earliest and the latest time.
    span: Option<(u64, u64)>,
}

impl Cluster {
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Whether `block` can be in this one.
    pub(crate) fn fits(&self, block: &Block) -> bool {
        let (first, last) = self.with(block);
        self.bytes + block.data.len() <= MAX_BYTES && last - first < MAX_SPAN
    }

    pub(crate) fn push(&mut self, block: Block) {
        self.span = Some(self.with(&block));
        self.bytes += block.data.len();
        self.blocks.push(block);
    }

    fn with(&self, block: &Block) -> (u64, u64) {
        let (first, last) = self.span.unwrap_or((block.time, block.time));
        (first.min(block.time), last.max(block.time))
    }

    /// The latest time; 0 without a block.
    pub(crate) fn latest(&self) -> u64 {
        self.span.map_or(0, |(_, last)| last)
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The element; nothing is gathered any more.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let Self { mut blocks, bytes, span } = std::mem::take(self);
        blocks.sort_by_key(|block| block.time);
        let start = span.map_or(0, |(first, _)| first);
        let mut cluster = Vec::with_capacity(bytes + BLOCK_OVERHEAD * blocks.len() + CLUSTER_OVERHEAD);
        push_id(&mut cluster, CLUSTER);
        let size_at = cluster.len();
        cluster.extend_from_slice(&wide_size(0));
        let content_at = cluster.len();
        push_id(&mut cluster, TIMESTAMP);
        push_size(&mut cluster, 8);
        cluster.extend_from_slice(&start.to_be_bytes());
        for block in blocks {
            push_id(&mut cluster, SIMPLE_BLOCK);
            push_size(&mut cluster, block.data.len() as u64 + 4);
            cluster.push(0x80 | block.track as u8);
            cluster.extend_from_slice(&((block.time - start) as i16).to_be_bytes());
            cluster.push(if block.key { 0x80 } else { 0 });
            cluster.extend_from_slice(&block.data);
        }
        let size = (cluster.len() - content_at) as u64;
        cluster[size_at..content_at].copy_from_slice(&wide_size(size));
        cluster
    }
}
