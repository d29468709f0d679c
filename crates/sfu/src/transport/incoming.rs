//! What tells received packets apart: which kind and layer a source is, also where an SDP does not say it; and what of an
//! engine's packet goes on. It drives no engine and knows no session.

use std::sync::Arc;

use payload::vp8::PictureNumbers;
use str0m::Rtc;
use str0m::media::{Mid, Rid};
use str0m::rtp::{RtpPacket, Ssrc};

use super::dependency;
use super::link_loss::{LinkLoss, StreamPlace};
use crate::packet::{Extensions, MediaKind, Packet, SenderReport, Source};
use crate::redundancy;

/// Larger payloads do not fit a datagram; nobody sends them, and the engine's buffers are made for less than 2000.
const MAX_PAYLOAD: usize = 1500;
/// Incoming SSRCs remembered; a publisher has at most four.
const MAX_STREAMS: usize = 16;
/// Sources told apart by their payload type; a publisher that comes back has a transport of its own.
const MAX_LEARNT: usize = 8;

/// How received packets are told apart.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    pub(super) generation: u32,
    pub(super) audio: Option<Mid>,
    /// The payload type of redundant sound, if it was asked for.
    pub(super) red: Option<u8>,
    pub(super) rids: Vec<Rid>,
    streams: Vec<(Ssrc, MediaKind, usize)>,
    /// Payload types whose section announces no source and puts no name on its packets.
    pub(super) anonymous: Vec<(u8, Mid)>,
    /// Sources that were told apart by those.
    learnt: Vec<u32>,
    /// Of what comes.
    pub(super) loss: LinkLoss,
}

impl Incoming {
    /// Where a section says neither its sources nor writes its name on packets, their payload type tells them apart (RFC
    /// 9143 §9.2): GStreamer's webrtcbin offers sound so. The packet is not authenticated yet; what a wrong source leaves
    /// is an expectation.
    pub(super) fn learn(&mut self, rtc: &mut Rtc, datagram: &[u8]) {
        let header = rtp_header(datagram);
        self.loss.arrives(header.map(|(_, sequence, ssrc)| (ssrc, sequence)));
        if self.anonymous.is_empty() || self.learnt.len() == MAX_LEARNT {
            return;
        }
        let Some((pt, _, ssrc)) = header else {
            return;
        };
        let Some((_, mid)) = self.anonymous.iter().find(|(known, _)| *known == pt) else {
            return;
        };
        if !self.learnt.contains(&ssrc) {
            self.learnt.push(ssrc);
            rtc.direct_api().expect_stream_rx(ssrc.into(), None, *mid, None).suppress_nack(true);
        }
    }

    pub(super) fn packet(&mut self, rtc: &mut Rtc, packet: RtpPacket) -> Option<Packet> {
        if packet.payload.len() > MAX_PAYLOAD {
            return None;
        }
        let ssrc = packet.header.ssrc;
        let (kind, layer) = match self.streams.iter().find(|(s, ..)| *s == ssrc) {
            Some((_, kind, layer)) => (*kind, *layer),
            None => {
                let mut api = rtc.direct_api();
                let stream = api.stream_rx(&ssrc)?;
                let rid = stream.rid();
                let found = if Some(stream.mid()) == self.audio {
                    (MediaKind::Audio, 0)
                } else {
                    let layer = rid.and_then(|rid| self.rids.iter().position(|r| *r == rid));
                    (MediaKind::Video, layer.unwrap_or(0))
                };
                if self.streams.len() == MAX_STREAMS {
                    self.streams.clear();
                }
                self.streams.push((ssrc, found.0, found.1));
                found
            }
        };
        let place = if kind == MediaKind::Audio { StreamPlace::Audio } else { StreamPlace::Video(layer) };
        self.loss.taken(*ssrc, packet.header.sequence_number, place);
        let is_redundant = kind == MediaKind::Audio && Some(*packet.header.payload_type) == self.red;
        // Where there is only padding, nothing is repeated.
        let primary_at =
            if is_redundant && !packet.payload.is_empty() { redundancy::primary_at(&packet.payload)? } else { 0 };
        let values = &packet.header.ext_vals;
        let report = packet.last_sender_info.and_then(|info| {
            let ntp = info.ntp_time.duration_since(std::time::UNIX_EPOCH).ok()?;
            Some(SenderReport {
                ntp_nanos: i128::try_from(ntp.as_nanos()).ok()?,
                timestamp: info.rtp_time.numer() as u32,
            })
        });
        Some(Packet {
            kind,
            source: Source { generation: self.generation, layer, ssrc: *ssrc },
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            extensions: Extensions {
                audio_level: values.audio_level.map(|level| (level, values.voice_activity.unwrap_or(false))),
                video_orientation: values.video_orientation.map(|o| o as u8),
            },
            descriptor: dependency::of(values).map(Arc::new),
            payload: packet.payload,
            primary_at,
            arrival: packet.timestamp,
            report,
            key_frame_start: false,
            numbers: PictureNumbers::default(),
            frame: None,
            captured: None,
            kept: None,
        })
    }
}

/// Payload type, sequence number and source of a datagram that is RTP (RFC 7983, RFC 5761 §4).
fn rtp_header(datagram: &[u8]) -> Option<(u8, u16, u32)> {
    let header = datagram.first_chunk::<12>()?;
    let is_rtp = (128..=191).contains(&header[0]) && !(192..=223).contains(&header[1]);
    let sequence = u16::from_be_bytes([header[2], header[3]]);
    is_rtp.then(|| (header[1] & 0x7f, sequence, u32::from_be_bytes([header[8], header[9], header[10], header[11]])))
}
