//! What can be seen of a transport while it lives: for dashboards, metrics and whoever asks why a picture stands still.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Layer, MediaKind, VideoCodec};

/// What happened on a transport.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TransportObservation {
    /// The first ICE check of the client's that is authentic has come: its datagrams reach us.
    Checked,
    /// Encrypted packets leave by this path from now on.
    Path(MediaPath),
    /// ICE and DTLS are up.
    Connected,
    /// ICE consent was lost or DTLS closed; the transport stays until it is closed by command.
    Disconnected,
    /// The first packet of this kind came from the publisher, or went to the subscriber.
    FirstPacket {
        /// Sound or pictures.
        kind: MediaKind,
    },
    /// A receiver can begin to decode: the first key frame came from the publisher, or went to the subscriber.
    FirstKeyFrame,
    /// The subscriber gets another layer from now on.
    LayerChanged {
        /// The new one.
        layer: Layer,
    },
    /// The publisher was asked for a key frame, by whomever. Requests are merged: there are only a few in a second.
    KeyFrameRequested {
        /// Of this layer.
        layer: Layer,
    },
    /// How well it goes, now and then.
    Statistics(TransportStatistics),
    /// Nothing came from the publisher for a whole period of statistics, though something had before. Told once for
    /// each silence.
    Silent,
    /// The same of the publisher's pictures alone: sound goes on. It is asked for a key frame. Cameras that are switched off and
    /// screens on which nothing moves look like this, too.
    Still,
}

/// A pair of addresses and what carries datagrams between them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MediaPath {
    /// What carries them.
    pub protocol: PathProtocol,
    /// Ours, as it is offered.
    pub local: SocketAddr,
    /// The client's, as we see it; of a relay of ours, that of the relay's client.
    pub remote: SocketAddr,
    /// Through our own relay.
    pub relayed: bool,
}

/// What carries datagrams.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum PathProtocol {
    /// The network itself.
    Udp,
    /// A connection that the client has opened.
    Tcp,
}

/// What happened on a transport since the last statistics, or since it was connected.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TransportStatistics {
    /// How long that is, in milliseconds.
    pub period_ms: u32,
    /// To the client and back, in microseconds; unknown where neither side reports.
    pub round_trip_us: Option<u32>,
    /// Bits in a second that the client could be sent; unknown without an estimator.
    pub estimate_bps: Option<u64>,
    /// What the subscriber gets; nothing for publishers.
    pub layer: Option<Layer>,
    /// Why the subscriber gets no picture although there is one, as far as that is our doing.
    pub pause: Option<PicturePause>,
    /// Of the picture, if there is one. Sound is Opus.
    pub video_codec: Option<VideoCodec>,
    /// From the client.
    pub received: Vec<StreamStatistics>,
    /// To the client.
    pub sent: Vec<StreamStatistics>,
}

/// Why a picture is not sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum PicturePause {
    /// It is not wanted.
    Unwanted,
    /// In a big room others are chosen.
    NotChosen,
    /// The client's network does not carry it.
    Bandwidth,
}

/// One RTP stream in a period. Retransmissions count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StreamStatistics {
    /// What it is.
    pub kind: MediaKind,
    /// Of a publisher's simulcast.
    pub layer: Option<Layer>,
    /// Bits in a second.
    pub rate_bps: u64,
    /// Bytes of payload in the period.
    pub bytes: u64,
    /// Packets in the period.
    pub packets: u32,
    /// Thousandths of the packets that were lost on the way, whether or not they came again: what the link is like. Of what is
    /// sent, as the receiver's reports say; unknown where nothing was to come.
    pub lost_permille: Option<u16>,
    /// In microseconds, as the receiver measures it.
    pub jitter_us: Option<u32>,
    /// Requests of the receiver for what was lost.
    pub nacks: u32,
    /// Key frames that the receiver asked for.
    pub key_frame_requests: u32,
    /// Of pictures, how they could be shown by whoever gets what passed here.
    pub pictures: Pictures,
}

/// How smooth a picture was in a period: estimated from when its frames were complete, as they came in or went out. What is
/// lost between us and a subscriber is not seen in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Pictures {
    /// Complete frames.
    pub frames: u32,
    /// How often the next frame came so late that a person sees it, as `freezeCount` in W3C's WebRTC statistics counts.
    pub freezes: u32,
    /// How long those lasted, in milliseconds.
    pub frozen_ms: u32,
}
