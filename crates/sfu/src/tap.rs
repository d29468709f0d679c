//! A copy of what a publication receives, for somebody who is no peer connection: a recorder. It chooses like a
//! subscriber (one stream, changed at key frames, with all of its layers) but hands out packets as they came: whoever takes them needs the
//! publisher's own clock, and sees from their source where one stream ends and the next begins.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use protocol::id::{PublicationId, RouterId, TapId};
use protocol::media::VideoCodec;

use crate::Output;
use crate::consumer::Consumer;
use crate::layer_selector::LayerActivity;
use crate::packet::{MediaKind, Packet, SenderReport};

/// A packet on its way out of a tap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TapPacket {
    /// In which room: key frames are asked for there.
    pub router: RouterId,
    /// Which tap.
    pub tap: TapId,
    /// What is in it.
    pub codec: TapCodec,
    /// What its numbers belong to.
    pub source: TapSource,
    /// Goes on over changes of the source, in sound and pictures each. A hole is a loss.
    pub sequence: u64,
    /// RTP timestamp: 48 kHz for sound, 90 kHz for pictures.
    pub timestamp: u32,
    /// Last of a frame.
    pub marker: bool,
    /// How many quarter turns clockwise set the picture upright (the orientation extension of 3GPP TS 26.114).
    pub quarter_turns: Option<u8>,
    /// Of sound: how loud it is and whether somebody speaks, the octet of RFC 6464 §3.
    pub level: Option<u8>,
    /// RTP payload, shared with all subscribers but for the newest frame of redundant sound; empty for padding that came late.
    pub payload: Arc<[u8]>,
    /// When it came.
    pub arrival: Instant,
    /// The last report for this source.
    pub report: Option<SenderReport>,
}

/// How a payload is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TapCodec {
    /// Sound, RFC 7587.
    Opus,
    /// Pictures.
    Video(VideoCodec),
}

/// One stream of packets: timestamps and reports of two have nothing in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TapSource {
    /// Counts the publisher's transports; sender reports of different ones need not agree.
    pub generation: u32,
    /// Of the stream within it.
    pub ssrc: u32,
}

/// A tap of one publication.
#[derive(Debug)]
pub(crate) struct Tap {
    id: TapId,
    router: RouterId,
    publication: PublicationId,
    audio: bool,
    video: bool,
    codec: Option<VideoCodec>,
    /// Of its rewritten headers only the sequence numbers are used.
    consumer: Consumer,
}

impl Tap {
    pub(crate) fn new(id: TapId, router: RouterId, publication: PublicationId, audio: bool, video: bool) -> Self {
        let consumer = Consumer::new(publication, audio, None, [0; 2]);
        Self { id, router, publication, audio, video, codec: None, consumer }
    }

    pub(crate) fn id(&self) -> TapId {
        self.id
    }

    pub(crate) fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// What it copies is to be had there from now on, under the same numbers.
    pub(crate) fn move_to(&mut self, publication: PublicationId) {
        self.publication = publication;
        self.consumer.publication = publication;
    }

    /// The publication has a (new) transport.
    pub(crate) fn start(&mut self, codec: Option<VideoCodec>, layers: &[LayerActivity], generation: u32, now: Instant) {
        let codec = codec.filter(|_| self.video);
        if self.codec != codec {
            self.codec = codec;
            self.consumer = Consumer::new(self.publication, self.audio, codec, [0; 2]).whole();
        }
        self.consumer.start(layers, generation, now);
    }

    /// Puts what it gets of `packets` into `outputs`. Returns the layer a key frame is needed of, if it cannot go on
    /// without.
    pub(crate) fn forward(
        &mut self,
        packets: &[Packet],
        layers: &[LayerActivity],
        generation: u32,
        now: Instant,
        outputs: &mut VecDeque<Output>,
    ) -> Option<usize> {
        let (tap, router, codec) = (self.id, self.router, self.codec);
        self.consumer.forward(packets, layers, generation, now, |packet, header| {
            let codec = match packet.kind {
                MediaKind::Audio => Some(TapCodec::Opus),
                MediaKind::Video => codec.map(TapCodec::Video),
            };
            outputs.extend(codec.map(|codec| Output::Tap(copy(tap, router, codec, packet, header.sequence))));
        })
    }
}

fn copy(tap: TapId, router: RouterId, codec: TapCodec, packet: &Packet, sequence: u64) -> TapPacket {
    TapPacket {
        router,
        tap,
        codec,
        source: TapSource { generation: packet.source.generation, ssrc: packet.source.ssrc },
        sequence,
        timestamp: packet.timestamp,
        marker: packet.marker,
        quarter_turns: packet.extensions.video_orientation,
        level: packet.extensions.audio_level.map(|(level, voice)| u8::from(voice) << 7 | level.unsigned_abs() & 0x7f),
        payload: if packet.primary_at == 0 { Arc::clone(&packet.payload) } else { Arc::from(packet.primary()) },
        arrival: packet.arrival,
        report: packet.report,
    }
}
