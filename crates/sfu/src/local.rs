//! Publications whose packets are made on this machine, by somebody who is no peer connection: a camera that is pulled, or what a
//! filter makes of a client's media. To subscribers they are like any other. Who makes the packets, and of what, is not known here.

use std::sync::Arc;
use std::time::Instant;

use protocol::id::{PublicationId, RouterId, TapId};
use protocol::media::{LocalFormats, MediaKind, VideoCodec};

use crate::packet::{Extensions, Packet, SenderReport, Source};
use crate::pipe::{Description, Piped, Place, Upstream};
use crate::publication::Publication;
use crate::sdp::{AudioFormat, VideoFormat};
use crate::sfu::Sfu;
use crate::transport::Transport;

/// A packet of a local publication.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalPacket {
    /// Sound or pictures.
    pub kind: MediaKind,
    /// Another one means: sequence and timestamps have begun anew.
    pub source: u32,
    /// Goes on by one from packet to packet of a kind and source; extended beyond 16 bits.
    pub sequence: u64,
    /// RTP timestamp: 48 kHz for sound, 90 kHz for pictures.
    pub timestamp: u32,
    /// Last of a frame.
    pub marker: bool,
    /// How many quarter turns clockwise set the picture upright.
    pub quarter_turns: u8,
    /// Of sound: how loud it is and whether somebody speaks, the octet of RFC 6464 §3.
    pub level: Option<u8>,
    /// When it was captured, nanoseconds since 1970 on one clock for sound and pictures.
    pub captured: Option<i128>,
    /// RTP payload.
    pub payload: Arc<[u8]>,
}

impl LocalPacket {
    fn into_packet(self, generation: u32, arrival: Instant) -> Packet {
        let Self { kind, source, sequence, timestamp, marker, quarter_turns, level, captured, payload } = self;
        let level = level.map(|octet| (-((octet & 0x7f) as i8), octet & 0x80 != 0));
        let turns = (quarter_turns & 3 > 0).then_some(quarter_turns & 3);
        Packet {
            kind,
            // Sound and pictures have sources of their own.
            source: Source { generation, layer: 0, ssrc: source << 1 | u32::from(kind == MediaKind::Video) },
            sequence,
            timestamp,
            marker,
            extensions: Extensions { audio_level: level, video_orientation: turns },
            descriptor: None,
            payload,
            primary_at: 0,
            arrival,
            report: captured.map(|ntp_nanos| SenderReport { ntp_nanos, timestamp }),
            key_frame_start: false,
            numbers: Default::default(),
            frame: None,
            captured: None,
            kept: None,
        }
    }
}

impl Sfu {
    /// Packets of a local publication have been made. Those of one that is not (any more) are dropped.
    pub fn handle_local(&mut self, id: PublicationId, packets: impl IntoIterator<Item = LocalPacket>, now: Instant) {
        self.now = self.now.max(now);
        for packet in packets {
            let Some(publication) = self.publications.get_mut(&id).filter(|publication| publication.is_local()) else {
                return;
            };
            let mut packet = packet.into_packet(publication.generation, self.now);
            if publication.annotate(&mut packet) {
                self.queue(id, packet);
            }
        }
        self.settle();
    }

    pub(crate) fn publish_local(&mut self, router: RouterId, id: PublicationId, formats: Option<LocalFormats>) {
        let now = self.now;
        let Some(publications) = self.routers.get_mut(&router) else {
            return;
        };
        let new = || Publication::from_elsewhere(router, Upstream::at(Place::Local), now);
        let publication = self.publications.entry(id).or_insert_with(new);
        if publication.router != router || !publication.is_local() {
            return;
        }
        publications.insert(id);
        let Some(LocalFormats { audio, video }) = formats else {
            return;
        };
        let (audio, video) = (audio.then(opus), video.map(|video| format(video.codec, video.parameters)));
        self.change_source(id, audio, video);
    }

    /// See [`protocol::media::MediaOperation::Interpose`].
    pub(crate) fn interpose(&mut self, router: RouterId, id: PublicationId, behind: PublicationId, taps: &[TapId]) {
        self.forward();
        let Some(publication) = self.publications.get_mut(&id).filter(|it| it.router == router) else {
            return;
        };
        if publication.upstream.is_some() || self.publications.contains_key(&behind) {
            return;
        }
        let mut raw = Publication::new(router, self.now);
        if let Some(publication) = self.publications.get_mut(&id) {
            raw.describe(&publication.description(), self.now);
            raw.transport = publication.transport.take();
            raw.taps.extend(publication.taps.extract_if(.., |tap| taps.contains(&tap.id())));
            publication.upstream = Some(Upstream { is_described: true, ..Upstream::at(Place::Local) });
            publication.behind = Some(behind);
        }
        for tap in &mut raw.taps {
            tap.move_to(behind);
            self.taps.insert(tap.id(), behind);
        }
        if let Some(peer) = raw.transport.and_then(|slot| self.peers.get_mut(slot)) {
            peer.publication = behind;
        }
        self.publications.insert(behind, raw);
        self.routers.entry(router).or_default().insert(behind);
        let formats = self.publications.get(&id).map(|it| (it.audio.clone(), it.video.clone()));
        if let Some((audio, video)) = formats {
            self.change_source(id, audio, video);
        }
        self.wake_publication(behind);
        self.review_uplink(behind);
    }

    /// See [`protocol::media::MediaOperation::Withdraw`].
    pub(crate) fn withdraw(&mut self, router: RouterId, id: PublicationId) {
        self.forward();
        let Some(publication) = self.publications.get_mut(&id).filter(|it| it.router == router) else {
            return;
        };
        let Some(behind) = publication.behind.take() else {
            return;
        };
        publication.upstream = None;
        let generation = publication.generation.wrapping_add(1);
        let Some(raw) = self.publications.get_mut(&behind) else {
            return;
        };
        let transport = raw.transport.take();
        let description = Description { generation, ..raw.description() };
        self.close_publication(behind);
        if let Some(peer) = transport.and_then(|slot| self.peers.get_mut(slot)) {
            peer.publication = id;
            if let Transport::Receiving(receiving) = &mut peer.transport {
                receiving.set_generation(generation);
            }
        }
        if let Some(publication) = self.publications.get_mut(&id) {
            publication.transport = transport;
        }
        self.publish_description(id, &description);
        self.review_uplink(id);
    }

    /// A local publication consists of this from now on.
    fn change_source(&mut self, id: PublicationId, audio: Option<AudioFormat>, video: Option<VideoFormat>) {
        let Some(publication) = self.publications.get_mut(&id) else {
            return;
        };
        if let Some(upstream) = &mut publication.upstream {
            upstream.is_described = true;
        }
        // What has been announced is offered to whoever comes later, also while nothing of it is made.
        let audio = audio.or(publication.audio.clone());
        let layers = usize::from(video.is_some());
        let generation = publication.generation.wrapping_add(1);
        self.publish_description(id, &Description { generation, audio, video, layers });
    }

    /// Tells everybody what it is from now on.
    fn publish_description(&mut self, id: PublicationId, description: &Description) {
        self.describe(id, description);
        let downstream = self.publications.get(&id).map(|publication| publication.downstream.clone());
        for worker in downstream.unwrap_or_default() {
            self.pipe(worker, id, Piped::Description(description.clone()));
        }
    }
}

/// As browsers name them. Whoever receives it may have agreed on other numbers.
fn opus() -> AudioFormat {
    AudioFormat { pt: 111, stereo: true, fec: true, dtx: true, red: None }
}

fn format(codec: VideoCodec, fmtp: String) -> VideoFormat {
    let pt = match codec {
        VideoCodec::Vp8 => 96,
        VideoCodec::Vp9 => 98,
        VideoCodec::H264 => 102,
        VideoCodec::Av1 => 45,
    };
    VideoFormat { codec, pt, rtx: Some(pt + 1), fmtp }
}
