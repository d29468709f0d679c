//! A media packet between two transports: what came in, and the header it gets for one destination. The payload is
//! shared by all destinations and never copied here.

use std::sync::Arc;
use std::time::Instant;

use payload::dependency::{self, Forwardable};
use payload::vp8::PictureNumbers;
pub(crate) use protocol::media::MediaKind;

use crate::layered_frame::LayeredFrame;

/// Where a packet is kept for whoever asks for it again. Counts packets, and wraps.
pub(crate) type Place = u32;

/// One continuous sequence of packets: a change of any part starts a new sequence number and timestamp space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Source {
    /// Which transport of the publication; grows with each replacement.
    pub(crate) generation: u32,
    /// Simulcast layer, 0 is the smallest.
    pub(crate) layer: usize,
    pub(crate) ssrc: u32,
}

/// Header extensions that are carried over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Extensions {
    /// -dBov and voice activity.
    pub(crate) audio_level: Option<(i8, bool)>,
    /// CVO rotation bits: without it phones appear sideways.
    pub(crate) video_orientation: Option<u8>,
}

/// A sender report's point in time (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderReport {
    /// Publisher's clock, nanoseconds since 1970.
    pub ntp_nanos: i128,
    /// The same in the units and with the offset of its RTP timestamps.
    pub timestamp: u32,
}

/// A packet of a publisher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Packet {
    pub(crate) kind: MediaKind,
    pub(crate) source: Source,
    /// Extended by the roll-over count.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) extensions: Extensions,
    /// The dependency descriptor; the producer reads it.
    pub(crate) descriptor: Option<Arc<Forwardable>>,
    /// Empty for padding.
    pub(crate) payload: Arc<[u8]>,
    /// Where in the payload the newest frame begins, if there are earlier ones before it (RED); else 0.
    pub(crate) primary_at: u16,
    pub(crate) arrival: Instant,
    /// The last one for this source.
    pub(crate) report: Option<SenderReport>,
    /// Filled in by the producer, as are the following two.
    pub(crate) key_frame_start: bool,
    /// Of VP8.
    pub(crate) numbers: PictureNumbers,
    /// In a stream with layers that can be left out.
    pub(crate) frame: Option<LayeredFrame>,
    /// When it was captured, on our clock; filled in by the producer once reports allow it.
    pub(crate) captured: Option<Instant>,
    /// Where the publication keeps it, if it may be asked for again.
    pub(crate) kept: Option<Place>,
}

#[cfg(any(test, feature = "fuzzing"))]
impl Packet {
    /// One of which no more is known than this.
    pub(crate) fn bare(kind: MediaKind, source: Source, sequence: u64, payload: &[u8], arrival: Instant) -> Self {
        Self {
            kind,
            source,
            sequence,
            timestamp: 0,
            marker: false,
            extensions: Default::default(),
            descriptor: None,
            payload: Arc::from(payload),
            primary_at: 0,
            arrival,
            report: None,
            key_frame_start: false,
            numbers: Default::default(),
            frame: None,
            captured: None,
            kept: None,
        }
    }
}

#[cfg(test)]
impl OutgoingHeader {
    /// One of which no more is known than this.
    pub(crate) fn bare(sequence: u64, timestamp: u32, now: Instant) -> Self {
        Self {
            sequence,
            timestamp,
            marker: false,
            is_empty: false,
            layer: 0,
            extensions: Extensions::default(),
            redundant: false,
            wallclock: now,
            vp8: None,
            described: None,
        }
    }
}

impl Packet {
    /// The payload without repeated frames.
    pub(crate) fn primary(&self) -> &[u8] {
        self.payload.get(usize::from(self.primary_at)..).unwrap_or_default()
    }

    /// Its layer among all of the picture: simulcast's, or within the one stream.
    pub(crate) fn layer(&self) -> usize {
        self.source.layer + self.frame.map_or(0, |frame| usize::from(frame.spatial))
    }
}

/// VP8 descriptor fields to overwrite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Vp8Rewrite {
    pub(crate) picture_id: Option<u16>,
    pub(crate) tl0_pic_idx: Option<u8>,
}

/// The header of a packet for one destination. Payload type, SSRC and mid belong to who sends it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OutgoingHeader {
    /// Starts below 65536, as the receiver assumes.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// Without a payload: what would be in it is left out, and the number has to be used.
    pub(crate) is_empty: bool,
    /// The layer that is forwarded: see [`Packet::layer`].
    pub(crate) layer: usize,
    pub(crate) extensions: Extensions,
    /// The frames before the newest one go with it, if the packet has some and the receiver reads them.
    pub(crate) redundant: bool,
    /// Point on our clock that belongs to `timestamp`: sender reports are made of it.
    pub(crate) wallclock: Instant,
    pub(crate) vp8: Option<Vp8Rewrite>,
    /// What its dependency descriptor says, if it has one.
    pub(crate) described: Option<dependency::Rewrite>,
}
