//! What happens once or seldom on a transport and is worth telling: first packets, the first key frame, changes of the
//! layer, silence. It looks at packets on their way and changes nothing.

use protocol::media::{Layer, MediaKind, TransportObservation, TransportStatistics};

use crate::packet::Packet;
use crate::smoothness::Smoothness;

/// What has been seen of one transport.
#[derive(Debug, Default)]
pub(crate) struct Milestones {
    checked: bool,
    audio: bool,
    video: bool,
    key_frame: bool,
    /// The layer of the last picture that went to a subscriber.
    layer: Option<usize>,
    silent: bool,
    /// Pictures do not come although sound does.
    still: bool,
    /// Of a publisher's layers, as they came.
    smoothness: Vec<Smoothness>,
    /// Not told yet.
    observations: Vec<TransportObservation>,
}

impl Milestones {
    /// An authentic check came from the client. `true`: the first one.
    pub(crate) fn checked(&mut self) -> bool {
        !std::mem::replace(&mut self.checked, true)
    }

    /// A packet came from the publisher.
    pub(crate) fn came(&mut self, packet: &Packet) {
        if packet.kind == MediaKind::Video {
            let layer = packet.source.layer;
            if self.smoothness.len() <= layer {
                self.smoothness.resize_with(layer + 1, Smoothness::default);
            }
            // Padding counts: without it there would be holes.
            self.smoothness[layer].passed(packet.sequence, packet.marker, packet.key_frame_start, packet.arrival);
        }
        if !packet.payload.is_empty() {
            self.passed(packet);
        }
    }

    /// A packet of this layer went to the subscriber.
    pub(crate) fn went(&mut self, packet: &Packet, of: usize) {
        self.passed(packet);
        if packet.kind == MediaKind::Video && self.layer != Some(of) {
            self.layer = Some(of);
            self.observations.push(TransportObservation::LayerChanged { layer: layer(of) });
        }
    }

    fn passed(&mut self, packet: &Packet) {
        let seen = match packet.kind {
            MediaKind::Audio => &mut self.audio,
            MediaKind::Video => &mut self.video,
        };
        if !std::mem::replace(seen, true) {
            self.observations.push(TransportObservation::FirstPacket { kind: packet.kind });
        }
        if packet.key_frame_start && !std::mem::replace(&mut self.key_frame, true) {
            self.observations.push(TransportObservation::FirstKeyFrame);
        }
    }

    /// A publisher's statistics, which get what is known here. It has fallen silent if it sent something once and nothing in
    /// this period, and its picture stands still if that is so of pictures alone. `true`: it does, and a key frame may help.
    pub(crate) fn measured(&mut self, statistics: &mut TransportStatistics) -> bool {
        for stream in statistics.received.iter_mut().filter(|stream| stream.kind == MediaKind::Video) {
            let layer = stream.layer.map_or(0, |layer| usize::from(layer.spatial));
            stream.pictures = self.smoothness.get_mut(layer).map(Smoothness::take).unwrap_or_default();
        }
        let is_silent = (self.audio || self.video) && statistics.received.iter().all(|stream| stream.packets == 0);
        if is_silent && !self.silent {
            self.observations.push(TransportObservation::Silent);
        }
        self.silent = is_silent;
        let came = |kind| statistics.received.iter().any(|stream| stream.kind == kind && stream.packets > 0);
        let is_still = self.video && came(MediaKind::Audio) && !came(MediaKind::Video);
        if is_still && !self.still {
            self.observations.push(TransportObservation::Still);
        }
        self.still = is_still;
        is_still
    }

    /// The layer that goes to the subscriber.
    pub(crate) fn layer(&self) -> Option<Layer> {
        self.layer.map(layer)
    }

    /// Something is to be told.
    pub(crate) fn has_news(&self) -> bool {
        !self.observations.is_empty()
    }

    /// What is to be told, in order.
    pub(crate) fn take(&mut self) -> Vec<TransportObservation> {
        std::mem::take(&mut self.observations)
    }
}

/// There are a few at most.
pub(crate) fn layer(index: usize) -> Layer {
    Layer { spatial: u8::try_from(index).unwrap_or(u8::MAX) }
}
