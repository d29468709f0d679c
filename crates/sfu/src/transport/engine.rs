//! The one place where the WebRTC engine is driven. Its contract is that every mutation is followed by polling until it
//! names a deadline; [`Engine::drive`] is the only way to mutate it, so the contract cannot be broken. A panic inside
//! ends this transport and no other.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use str0m::bwe::Bitrate;
use str0m::change::DirectApi;
use str0m::format::{Codec, CodecConfig, CodecSpec, FormatParams, PayloadParams};
use str0m::media::{Frequency, KeyframeRequestKind, MediaKind as EngineKind, Mid, Pt, Rid};
use str0m::net::{Protocol as EngineProtocol, Receive};
use str0m::rtp::{Extension, ExtensionMap, ExtensionValues, RtpWrite, Vp8Descriptor, Vp8Patch};
use str0m::{Candidate, CandidateKind, Event, IceCreds, Input, Output as EngineOutput, Rtc, RtcConfig, RtcError};

use protocol::media::{IceCredentials, MediaPath, VideoCodec};

use super::dependency;
use super::incoming::Incoming;
use super::remote_candidates::RemoteCandidates;
use super::statistics::Meter;
use super::{Shared, Sink, TransportEvent, credentials, datagram, engine_protocol, path_protocol};
use crate::ice;
use crate::packet::{MediaKind, OutgoingHeader, Packet, Vp8Rewrite};
use crate::sdp::{AudioFormat, RemoteTransport, Setup, VideoFormat};
use crate::slots::Slot;
use crate::{Datagram, Transmit};

/// Sent packets kept for retransmission, of loop-back: a second of 720p.
const VIDEO_RTX_PACKETS: usize = 512;
const VIDEO_RTX_AGE: std::time::Duration = std::time::Duration::from_secs(1);
/// Audio is not retransmitted.
const AUDIO_RTX_PACKETS: usize = 1;
/// Share of retransmissions above which they stop: a hostile NACK must not multiply traffic, a lossy Wi-Fi must work.
const RTX_SHARE: Option<f32> = Some(0.5);
/// What is sent on a transport: the stream of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutgoingStream {
    pub(super) pt: u8,
    pub(super) ssrc: u32,
}

/// Everything negotiated that the engine must know before it is built.
#[derive(Debug, Default)]
pub(super) struct Formats<'a> {
    pub(super) audio: Option<&'a AudioFormat>,
    pub(super) video: Option<&'a VideoFormat>,
    pub(super) extensions: Vec<(u8, &'a str)>,
}

/// A transport's engine.
pub(super) struct Engine {
    slot: Slot,
    /// `None` after it failed.
    rtc: Option<Box<Rtc>>,
    deadline: Option<Instant>,
    ice: bool,
    dtls: bool,
    /// By which what is encrypted leaves.
    path: Option<MediaPath>,
    incoming: Incoming,
    remote_candidates: RemoteCandidates,
    meter: Meter,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("slot", &self.slot).field("connected", &self.is_connected()).finish()
    }
}

impl Engine {
    pub(super) fn new(shared: &Shared, slot: Slot, own: &IceCredentials, formats: &Formats<'_>, now: Instant) -> Self {
        let mut extensions = ExtensionMap::empty();
        for (id, uri) in &formats.extensions {
            if let Some(extension) = extension(uri) {
                extensions.set(*id, extension);
            }
        }
        let mut parameters = Vec::new();
        let audio = formats.audio.into_iter().flat_map(|format| [Some(format.pt), format.red]);
        parameters.extend(audio.flatten().map(opus));
        parameters.extend(formats.video.map(video));
        let mut config = RtcConfig::new()
            .set_crypto_provider(shared.identity.crypto.clone())
            .set_dtls_cert(shared.identity.certificate.clone())
            .set_ice_lite(shared.ice_lite)
            .set_local_ice_credentials(credentials(own))
            .set_rtcp_report_interval_audio(std::time::Duration::from_secs(1))
            .set_stats_interval(shared.statistics)
            .set_extension_map(extensions)
            .set_rtp_mode(true);
        *config.codec_config() = CodecConfig::new_from_payload_params(parameters);
        let mut rtc = config.build(now);
        for candidate in shared.candidates.candidates() {
            rtc.add_local_candidate(candidate.clone());
        }
        Self {
            slot,
            rtc: Some(Box::new(rtc)),
            deadline: None,
            ice: false,
            dtls: false,
            path: None,
            incoming: Incoming::default(),
            remote_candidates: RemoteCandidates::default(),
            meter: Meter::new(now),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.ice && self.dtls && self.rtc.is_some()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Applies a change, then takes everything out until the engine waits.
    fn drive(&mut self, now: Instant, sink: &mut Sink, change: impl FnOnce(&mut Rtc) -> Result<(), RtcError>) {
        let Some(mut rtc) = self.rtc.take() else {
            return;
        };
        let was_connected = self.ice && self.dtls;
        // What a panic leaves half done is dropped with the engine.
        let result = catch_unwind(AssertUnwindSafe(|| {
            change(&mut rtc)?;
            self.drain(&mut rtc, now, sink)
        }));
        match result {
            Ok(Ok(true)) => self.rtc = Some(rtc),
            Ok(Ok(false)) => tracing::debug!(slot = self.slot.0, "transport was closed by its peer"),
            Ok(Err(error)) => tracing::debug!(slot = self.slot.0, %error, "transport failed"),
            Err(_) => {
                tracing::error!(slot = self.slot.0, "defect in a transport: it is dropped");
                // Its parts may be inconsistent, so that dropping them can panic again.
                let _ = catch_unwind(AssertUnwindSafe(move || drop(rtc)));
            }
        }
        let failed = self.rtc.is_none();
        if failed {
            self.deadline = None;
        }
        match (was_connected, self.is_connected()) {
            (false, true) => sink.event(self.slot, TransportEvent::Connected),
            (true, false) => sink.event(self.slot, TransportEvent::Disconnected),
            (false, false) if failed => sink.event(self.slot, TransportEvent::Disconnected),
            _ => {}
        }
    }

    /// `false` once the engine is of no more use.
    fn drain(&mut self, rtc: &mut Rtc, now: Instant, sink: &mut Sink) -> Result<bool, RtcError> {
        loop {
            match rtc.poll_output()? {
                EngineOutput::Timeout(at) => {
                    self.deadline = Some(at.max(now));
                    if let Some(statistics) = self.meter.take() {
                        sink.event(self.slot, TransportEvent::Statistics(statistics));
                    }
                    return Ok(rtc.is_alive());
                }
                EngineOutput::Transmit(transmit) => {
                    let transmit = datagram(transmit);
                    self.note_path(&transmit, sink);
                    sink.transmit(self.slot, transmit);
                }
                EngineOutput::Event(event) => match event {
                    Event::Connected => self.dtls = true,
                    Event::IceConnectionStateChange(state) => self.ice = state.is_connected(),
                    Event::RtpPacket(packet) => {
                        if let Some(packet) = self.incoming.packet(rtc, packet) {
                            sink.event(self.slot, TransportEvent::Packet(packet));
                        }
                    }
                    Event::PeerStats(stats) => self.meter.peer(&stats),
                    Event::MediaIngressStats(stats) => {
                        self.meter.received(&stats, &self.incoming.rids, &mut self.incoming.loss);
                    }
                    Event::MediaEgressStats(stats) => self.meter.sent(&stats),
                    Event::KeyframeRequest(_) => sink.event(self.slot, TransportEvent::KeyFrameRequested),
                    Event::Closed => return Ok(false),
                    _ => {}
                },
            }
        }
    }

    /// Checks go everywhere, what is encrypted only where ICE has found a way.
    fn note_path(&mut self, transmit: &Transmit, sink: &mut Sink) {
        let path = MediaPath {
            protocol: path_protocol(transmit.protocol),
            local: transmit.source,
            remote: transmit.destination,
            relayed: false,
        };
        if self.path != Some(path) && !ice::is_stun(&transmit.contents) {
            self.path = Some(path);
            sink.event(self.slot, TransportEvent::Path(path));
        }
    }

    /// Whether the datagram is an authenticated STUN message for this transport.
    pub(super) fn accepts(&self, datagram: Datagram<'_>, now: Instant) -> bool {
        let Some(rtc) = &self.rtc else {
            return false;
        };
        receive(datagram).is_some_and(|r| rtc.accepts(&Input::Receive(now, r)))
    }

    pub(super) fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Instant, sink: &mut Sink) {
        let Some(receive) = receive(datagram) else {
            return;
        };
        if let Some(rtc) = &mut self.rtc {
            self.incoming.learn(rtc, datagram.contents);
        }
        self.drive(now, sink, |rtc| {
            // An error here is about the datagram, which anybody can send; what breaks the transport shows when polled.
            if let Err(error) = rtc.handle_input(Input::Receive(now, receive)) {
                tracing::trace!(%error, "datagram dropped");
            }
            Ok(())
        });
    }

    /// A TCP connection of the client has ended: what was sent on it needs another path.
    pub(super) fn remove_remote(&mut self, source: SocketAddr, now: Instant, sink: &mut Sink) {
        // It was learnt from a check, so that is what it is to the engine; the other values do not matter.
        let kind = CandidateKind::PeerReflexive;
        let candidate = Candidate::from_parts(String::new(), 1, EngineProtocol::Tcp, 1, source, kind, None, None, None);
        self.drive(now, sink, |rtc| {
            rtc.direct_api().invalidate_candidate(&candidate);
            rtc.handle_input(Input::Timeout(now))
        });
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, sink: &mut Sink) {
        self.drive(now, sink, |rtc| rtc.handle_input(Input::Timeout(now)));
    }

    /// The other side is known: ICE and DTLS start.
    pub(super) fn set_remote(
        &mut self,
        shared: &Shared,
        remote: &RemoteTransport,
        we_offered: bool,
        now: Instant,
        sink: &mut Sink,
    ) {
        let candidates = if shared.ice_lite { &[][..] } else { &remote.candidates[..] };
        let candidates: Vec<Candidate> =
            candidates.iter().filter_map(|line| self.remote_candidates.take(line)).collect();
        self.drive(now, sink, |rtc| {
            let mut api = rtc.direct_api();
            api.set_ice_controlling(we_offered && !shared.ice_lite);
            api.set_remote_ice_credentials(IceCreds { ufrag: remote.ufrag.clone(), pass: remote.pwd.clone() });
            api.set_remote_fingerprint(str0m::config::Fingerprint {
                hash_func: "sha-256".to_owned(),
                bytes: remote.fingerprint.to_vec(),
            });
            api.start_dtls(remote.setup == Setup::Passive)?;
            for candidate in candidates {
                rtc.add_remote_candidate(candidate);
            }
            rtc.handle_input(Input::Timeout(now))
        });
    }

    /// The engine has no restart of its own without an offer. With new credentials it takes the client's new checks; the former way is
    /// forgotten once nothing comes by it any more, and since nothing but reports goes that way, nobody waits for that.
    pub(super) fn restart_ice(
        &mut self,
        ours: &IceCredentials,
        theirs: &IceCredentials,
        now: Instant,
        sink: &mut Sink,
    ) {
        self.drive(now, sink, |rtc| {
            let mut api = rtc.direct_api();
            api.set_local_ice_credentials(credentials(ours));
            api.set_remote_ice_credentials(credentials(theirs));
            rtc.handle_input(Input::Timeout(now))
        });
    }

    /// A trickled candidate; an ICE-lite agent needs none, it answers where it is asked from.
    pub(super) fn add_remote_candidate(&mut self, shared: &Shared, line: &str, now: Instant, sink: &mut Sink) {
        if shared.ice_lite {
            return;
        }
        let Some(candidate) = self.remote_candidates.take(line) else {
            return;
        };
        self.drive(now, sink, |rtc| {
            rtc.add_remote_candidate(candidate);
            rtc.handle_input(Input::Timeout(now))
        });
    }

    /// What comes from now on has it in its source.
    pub(super) fn set_generation(&mut self, generation: u32) {
        self.incoming.generation = generation;
    }

    /// What is received: mids, layers and announced sources.
    pub(super) fn expect(
        &mut self,
        generation: u32,
        audio: Option<Expected<'_>>,
        video: Option<Expected<'_>>,
        twcc: bool,
    ) {
        self.set_generation(generation);
        let Some(rtc) = &mut self.rtc else {
            return;
        };
        let mut api = rtc.direct_api();
        for (kind, expected) in [(EngineKind::Audio, audio), (EngineKind::Video, video)] {
            let Some(expected) = expected else {
                continue;
            };
            let mid: Mid = expected.mid.into();
            let media = api.declare_media(mid, kind);
            if kind == EngineKind::Audio {
                self.incoming.audio = Some(mid);
                self.incoming.red = expected.red;
                self.meter.expect_audio(mid);
            }
            for rid in expected.rids {
                media.expect_rid_rx(rid.as_str().into());
                self.incoming.rids.push(rid.as_str().into());
            }
            if expected.sources.is_empty() && !expected.named {
                let types = [Some(expected.pt), expected.red].into_iter().flatten();
                self.incoming.anonymous.extend(types.map(|pt| (pt, mid)));
            }
            let rid = expected.rids.first().map(|r| r.as_str().into());
            for (ssrc, rtx) in expected.sources {
                let stream = api.expect_stream_rx((*ssrc).into(), rtx.map(Into::into), mid, rid);
                stream.suppress_nack(rtx.is_none());
            }
        }
        if twcc {
            api.enable_twcc_feedback();
        }
    }

    /// What is sent. On a transport that also receives, the media are declared already.
    pub(super) fn declare_stream(&mut self, mid: &str, kind: MediaKind, stream: OutgoingStream, rtx: Option<u32>) {
        let Some(rtc) = &mut self.rtc else {
            return;
        };
        let mid: Mid = mid.into();
        let engine_kind = match kind {
            MediaKind::Audio => EngineKind::Audio,
            MediaKind::Video => EngineKind::Video,
        };
        if kind == MediaKind::Audio {
            self.meter.expect_audio(mid);
        }
        let is_declared = rtc.media(mid).is_some();
        let mut api = rtc.direct_api();
        if !is_declared {
            api.declare_media(mid, engine_kind);
        }
        let tx = api.declare_stream_tx(stream.ssrc.into(), rtx.map(Into::into), mid, None);
        match kind {
            MediaKind::Audio => tx.set_rtx_cache(AUDIO_RTX_PACKETS, VIDEO_RTX_AGE, None),
            MediaKind::Video => tx.set_rtx_cache(VIDEO_RTX_PACKETS, VIDEO_RTX_AGE, RTX_SHARE),
        }
    }

    /// Asks the publisher for a key frame of a layer.
    pub(super) fn request_key_frame(&mut self, video_mid: &str, layer: usize, now: Instant, sink: &mut Sink) {
        let rid = self.incoming.rids.get(layer).copied();
        self.drive(now, sink, |rtc| {
            if let Some(stream) = rtc.direct_api().stream_rx_by_mid(video_mid.into(), rid) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
            rtc.handle_input(Input::Timeout(now))
        });
    }

    /// Tells the publisher how many kbit/s it shall send at most (REMB). `false`: nothing of its picture has come yet.
    pub(super) fn limit(&mut self, video_mid: &str, most: u32, now: Instant, sink: &mut Sink) -> bool {
        let mut is_told = false;
        let rids: Vec<Option<Rid>> = self.incoming.rids.iter().copied().map(Some).chain([None]).collect();
        self.drive(now, sink, |rtc| {
            let mut api = rtc.direct_api();
            // It is about all that the client sends, whichever stream it names.
            for rid in rids {
                if let Some(stream) = api.stream_rx_by_mid(video_mid.into(), rid) {
                    stream.request_remb(Bitrate::kbps(most.into()));
                    is_told = true;
                    break;
                }
            }
            if is_told { rtc.handle_input(Input::Timeout(now)) } else { Ok(()) }
        });
        is_told
    }

    /// Sends the packets that `write` puts on the [`EngineLeg`].
    pub(super) fn send(
        &mut self,
        audio: Option<OutgoingStream>,
        video: Option<OutgoingStream>,
        now: Instant,
        sink: &mut Sink,
        write: impl FnOnce(&mut EngineLeg<'_>),
    ) {
        self.drive(now, sink, |rtc| {
            let mut leg = EngineLeg { api: rtc.direct_api(), audio, video, written: false };
            write(&mut leg);
            if leg.written { rtc.handle_input(Input::Timeout(now)) } else { Ok(()) }
        });
    }

    /// Says goodbye (RTCP BYE, DTLS close).
    pub(super) fn close(mut self, now: Instant, sink: &mut Sink) {
        if self.is_connected() {
            self.drive(now, sink, |rtc| {
                rtc.handle_input(Input::Timeout(now))?;
                rtc.close()
            });
        }
    }
}

/// What is expected of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) mid: &'a str,
    pub(super) rids: &'a [String],
    pub(super) sources: &'a [(u32, Option<u32>)],
    pub(super) pt: u8,
    /// Payload type of redundant sound.
    pub(super) red: Option<u8>,
    /// Packets say to which section they belong.
    pub(super) named: bool,
}

/// Where packets of a loop-back are written.
pub(crate) struct EngineLeg<'a> {
    api: DirectApi<'a>,
    audio: Option<OutgoingStream>,
    video: Option<OutgoingStream>,
    written: bool,
}

impl EngineLeg<'_> {
    /// Queues a packet. Without a stream of its kind it is dropped.
    pub(super) fn write(&mut self, packet: &Packet, header: OutgoingHeader) {
        let kind = packet.kind;
        // What is sent back has no use for repetitions.
        let payload = match packet.primary_at {
            _ if header.is_empty => Arc::default(),
            0 => Arc::clone(&packet.payload),
            _ => packet.primary().into(),
        };
        let stream = match kind {
            MediaKind::Audio => self.audio,
            MediaKind::Video => self.video,
        };
        let Some(stream) = stream else {
            return;
        };
        let Some(tx) = self.api.stream_tx(&stream.ssrc.into()) else {
            return;
        };
        let mut extensions = ExtensionValues {
            audio_level: header.extensions.audio_level.map(|(level, _)| level),
            voice_activity: header.extensions.audio_level.map(|(_, voice)| voice),
            video_orientation: header.extensions.video_orientation.map(Into::into),
            ..Default::default()
        };
        dependency::put(packet, &header, &mut extensions);
        let mut rtp = RtpWrite::new(
            stream.pt.into(),
            header.sequence.into(),
            header.timestamp,
            header.wallclock,
            Arc::clone(&payload),
        )
        .marker(header.marker)
        .nackable(kind == MediaKind::Video)
        .ext_vals(extensions);
        if let Some(patch) = header.vp8.and_then(|rewrite| vp8_patch(rewrite, &payload)) {
            rtp = rtp.vp8_patch(patch);
        }
        tx.write_rtp(rtp);
        self.written = true;
    }
}

fn receive(datagram: Datagram<'_>) -> Option<Receive<'_>> {
    Receive::new(engine_protocol(datagram.protocol), datagram.source, datagram.destination, datagram.contents).ok()
}

/// Host names (`.local`), TCP and the empty end-of-candidates line are skipped.
fn extension(uri: &str) -> Option<Extension> {
    [
        Extension::AudioLevel,
        Extension::AbsoluteSendTime,
        Extension::TransportSequenceNumber,
        Extension::RtpMid,
        Extension::RtpStreamId,
        Extension::RepairedRtpStreamId,
        Extension::VideoOrientation,
    ]
    .into_iter()
    .find(|e| e.as_uri() == uri)
    .or_else(|| dependency::extension(uri))
}

/// Redundant sound is to the engine a second Opus: it hands on payloads as they came.
fn opus(pt: u8) -> PayloadParams {
    let spec = CodecSpec {
        codec: Codec::Opus,
        clock_rate: Frequency::FORTY_EIGHT_KHZ,
        channels: Some(2),
        format: FormatParams::default(),
    };
    PayloadParams::new(Pt::from(pt), None, spec)
}

fn video(format: &VideoFormat) -> PayloadParams {
    let codec = match format.codec {
        VideoCodec::Vp8 => Codec::Vp8,
        VideoCodec::Vp9 => Codec::Vp9,
        VideoCodec::H264 => Codec::H264,
        VideoCodec::Av1 => Codec::Av1,
    };
    let spec = CodecSpec { codec, clock_rate: Frequency::NINETY_KHZ, channels: None, format: FormatParams::default() };
    PayloadParams::new(Pt::from(format.pt), format.rtx.map(Pt::from), spec)
}

fn vp8_patch(rewrite: Vp8Rewrite, payload: &[u8]) -> Option<Vp8Patch> {
    let mut patch = Vp8Descriptor::parse(payload).ok()?.patch();
    if let Some(picture_id) = rewrite.picture_id {
        patch = patch.picture_id(picture_id);
    }
    if let Some(tl0_pic_idx) = rewrite.tl0_pic_idx {
        patch = patch.tl0_pic_idx(tl0_pic_idx);
    }
    patch.build().ok()
}
