//! A call that can be scripted in a few lines: clients made of the WebRTC engine, a seeded network, cameras that answer
//! key frame requests, and a clock that jumps to whatever happens next.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::id::{MediaRequestId, PublicationId, RouterId, TransportId};
use protocol::media::{CodecChoice, MediaCommand, MediaEvent, MediaFailure, VideoCodec};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sfu::{Config, Datagram, Output, Sfu, Transmit};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite, SeqNo};
use str0m::{Candidate, Event, Input, Output as EngineOutput, Rtc, RtcConfig};

pub(crate) const ROUTER: RouterId = RouterId(1);
const DELAY: Duration = Duration::from_millis(20);

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn sfu_address() -> SocketAddr {
    ([192, 0, 2, 1], 40_000).into()
}

pub(crate) fn config() -> Config {
    Config { candidates: vec![sfu_address()], ice_lite: true }
}

/// VP8 first, then whatever else there is.
pub(crate) fn any_codec() -> CodecChoice {
    CodecChoice::FirstOf { codecs: vec![VideoCodec::Vp8], or_any: true }
}

/// Which engine features a client has.
pub(crate) fn browser() -> RtcConfig {
    RtcConfig::new().set_rtp_mode(true)
}

/// A browser that knows one video codec.
pub(crate) fn browser_with(codec: VideoCodec) -> RtcConfig {
    let config = browser().clear_codecs().enable_opus(true, false);
    match codec {
        VideoCodec::Vp8 => config.enable_vp8(true),
        VideoCodec::Vp9 => config.enable_vp9(true),
        VideoCodec::H264 => config.enable_h264(true),
        VideoCodec::Av1 => config.enable_av1(true),
    }
}

/// A packet that a client received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) at: Instant,
    pub(crate) kind: MediaKind,
    pub(crate) pt: u8,
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) extensions: ExtensionValues,
    pub(crate) payload: Arc<[u8]>,
}

/// A peer connection of a client.
pub(crate) struct Client {
    pub(crate) rtc: Rtc,
    pub(crate) address: SocketAddr,
    pub(crate) transport: TransportId,
    pub(crate) publication: PublicationId,
    pub(crate) received: Vec<Received>,
    /// Requests to this publisher.
    pub(crate) key_frame_requests: Vec<(Instant, Option<Rid>)>,
    pub(crate) connected: bool,
    pub(crate) closed: bool,
    cameras: Vec<Camera>,
    pub(crate) audio: Option<Mid>,
    pub(crate) video: Option<Mid>,
    next: Instant,
}

/// Makes frames of one layer, or audio.
pub(crate) struct Camera {
    pub(crate) rid: Option<Rid>,
    pub(crate) codec: Option<VideoCodec>,
    pub(crate) interval: Duration,
    pub(crate) packets: usize,
    pub(crate) muted: bool,
    /// Every so many frames a padding packet follows.
    pub(crate) padding_every: Option<u64>,
    next: Instant,
    frame: u64,
    sequence: u64,
    timestamp: u32,
    picture_id: u16,
    tl0: u8,
    key_frame_due: bool,
}

/// Network, clock, unit and clients.
pub(crate) struct Call {
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    pub(crate) sfu: Sfu,
    pub(crate) clients: Vec<Client>,
    pub(crate) events: Vec<MediaEvent>,
    /// Share of datagrams lost, either way.
    pub(crate) loss: f64,
    /// Datagrams the unit has sent.
    pub(crate) sent: u64,
    in_flight: BinaryHeap<Reverse<(Instant, u64, SocketAddr, SocketAddr, Vec<u8>)>>,
    sequence: u64,
    rng: StdRng,
    last_request: u64,
    by_address: HashMap<SocketAddr, usize>,
}

impl Call {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: Config) -> Self {
        let now = Instant::now();
        let mut call = Self {
            now,
            start: now,
            sfu: Sfu::new(config, [7; 32], now),
            clients: Vec::new(),
            events: Vec::new(),
            loss: 0.0,
            sent: 0,
            in_flight: BinaryHeap::new(),
            sequence: 0,
            rng: StdRng::seed_from_u64(42),
            last_request: 0,
            by_address: HashMap::new(),
        };
        call.command(MediaCommand::CreateRouter { router: ROUTER });
        call
    }

    pub(crate) fn command(&mut self, command: MediaCommand) {
        self.sfu.handle_command(command, self.now);
        self.take_outputs();
    }

    pub(crate) fn request_id(&mut self) -> MediaRequestId {
        self.last_request += 1;
        MediaRequestId(self.last_request)
    }

    /// The event that settled a request.
    pub(crate) fn settled(&self, id: MediaRequestId) -> &MediaEvent {
        let matches = |event: &&MediaEvent| match event {
            MediaEvent::Answered { request, .. }
            | MediaEvent::Offered { request, .. }
            | MediaEvent::Accepted { request }
            | MediaEvent::Failed { request, .. } => *request == id,
            _ => false,
        };
        let mut found = self.events.iter().filter(matches);
        let event = found.next().expect("a request is settled at once");
        assert!(found.next().is_none(), "a request is settled once");
        event
    }

    pub(crate) fn failure(&self, id: MediaRequestId) -> MediaFailure {
        match self.settled(id) {
            MediaEvent::Failed { why, .. } => why.clone(),
            other => panic!("expected a failure, got {other:?}"),
        }
    }

    pub(crate) fn sdp(&self, id: MediaRequestId) -> String {
        match self.settled(id) {
            MediaEvent::Answered { sdp, .. } | MediaEvent::Offered { sdp, .. } => sdp.clone(),
            other => panic!("expected SDP, got {other:?}"),
        }
    }

    pub(crate) fn add_client(&mut self, config: RtcConfig, publication: PublicationId) -> usize {
        let index = self.clients.len();
        let address: SocketAddr = ([203, 0, 113, 1 + (index / 50_000) as u8], 10_000 + (index % 50_000) as u16).into();
        let mut rtc = config.build(self.now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        self.by_address.insert(address, index);
        self.clients.push(Client {
            rtc,
            address,
            transport: TransportId(1000 + index as u64),
            publication,
            received: Vec::new(),
            key_frame_requests: Vec::new(),
            connected: false,
            closed: false,
            cameras: Vec::new(),
            audio: None,
            video: None,
            next: self.now,
        });
        index
    }

    /// The offer of a publisher with the given layers (none: no simulcast).
    pub(crate) fn publish_offer(
        &mut self,
        client: usize,
        audio: bool,
        video: bool,
        rids: &[&str],
        direction: Direction,
    ) -> (String, SdpPendingOffer) {
        let client = &mut self.clients[client];
        let mut api = client.rtc.sdp_api();
        if audio {
            client.audio = Some(api.add_media(MediaKind::Audio, direction, None, None, None));
        }
        if video {
            let simulcast = (!rids.is_empty())
                .then(|| Simulcast { send: rids.iter().map(|r| SimulcastLayer::new(r)).collect(), recv: Vec::new() });
            client.video = Some(api.add_media(MediaKind::Video, direction, None, None, simulcast));
        }
        let (offer, pending) = api.apply().unwrap();
        (offer.to_sdp_string(), pending)
    }

    /// A client publishes audio and video.
    pub(crate) fn publish(&mut self, config: RtcConfig, rids: &[&str]) -> usize {
        let publication = PublicationId(self.clients.len() as u64);
        self.publish_as(publication, config, (true, true), rids, false)
    }

    pub(crate) fn publish_as(
        &mut self,
        publication: PublicationId,
        config: RtcConfig,
        (audio, video): (bool, bool),
        rids: &[&str],
        loopback: bool,
    ) -> usize {
        let client = self.add_client(config, publication);
        let direction = if loopback { Direction::SendRecv } else { Direction::SendOnly };
        let (offer, pending) = self.publish_offer(client, audio, video, rids, direction);
        let request = self.request_id();
        self.command(MediaCommand::Publish {
            request,
            router: ROUTER,
            publication,
            transport: self.clients[client].transport,
            offer,
            codecs: any_codec(),
            loopback,
        });
        let answer = self.sdp(request);
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap_or_else(|e| panic!("{e}: {answer}"));
        self.clients[client].rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.clients[client].next = self.now;
        client
    }

    /// A client subscribes; the server offers.
    pub(crate) fn subscribe(&mut self, config: RtcConfig, publisher: usize) -> usize {
        let publication = self.clients[publisher].publication;
        let client = self.add_client(config, publication);
        let request = self.request_id();
        let transport = self.clients[client].transport;
        self.command(MediaCommand::Subscribe { request, router: ROUTER, publication, transport, offer: None });
        let offer = self.sdp(request);
        let offer = SdpOffer::from_sdp_string(&offer).unwrap_or_else(|e| panic!("{e}: {offer}"));
        let answer = self.clients[client].rtc.sdp_api().accept_offer(offer).unwrap().to_sdp_string();
        let request = self.request_id();
        self.command(MediaCommand::AcceptAnswer { request, transport, answer });
        assert_eq!(self.settled(request), &MediaEvent::Accepted { request });
        self.clients[client].next = self.now;
        client
    }

    /// A client subscribes with its own offer. The offer may be edited on its way.
    pub(crate) fn subscribe_offering(&mut self, config: RtcConfig, publisher: usize) -> Result<usize, MediaFailure> {
        let publication = self.clients[publisher].publication;
        let client = self.add_client(config, publication);
        let mut api = self.clients[client].rtc.sdp_api();
        api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        let request = self.request_id();
        self.command(MediaCommand::Subscribe {
            request,
            router: ROUTER,
            publication,
            transport: self.clients[client].transport,
            offer: Some(offer.to_sdp_string()),
        });
        if let MediaEvent::Failed { why, .. } = self.settled(request) {
            return Err(why.clone());
        }
        let answer = self.sdp(request);
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap_or_else(|e| panic!("{e}: {answer}"));
        self.clients[client].rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.clients[client].next = self.now;
        Ok(client)
    }

    /// The publisher's microphone is on.
    pub(crate) fn start_audio(&mut self, client: usize) {
        self.start_camera(client, None, None, ms(20), 1);
    }

    /// The publisher's camera is on. Returns the index of the layer's camera.
    pub(crate) fn start_video(&mut self, client: usize, codec: VideoCodec, rid: Option<&str>) -> usize {
        self.start_camera(client, Some(codec), rid, ms(33), 3)
    }

    fn start_camera(
        &mut self,
        client: usize,
        codec: Option<VideoCodec>,
        rid: Option<&str>,
        interval: Duration,
        packets: usize,
    ) -> usize {
        let camera = Camera {
            rid: rid.map(Into::into),
            codec,
            interval,
            packets,
            muted: false,
            padding_every: None,
            next: self.now,
            frame: 0,
            sequence: self.rng.random_range(0..60_000),
            timestamp: self.rng.random(),
            picture_id: self.rng.random_range(0..0x8000),
            tl0: self.rng.random(),
            key_frame_due: true,
        };
        self.clients[client].cameras.push(camera);
        self.clients[client].cameras.len() - 1
    }

    pub(crate) fn camera(&mut self, client: usize, camera: usize) -> &mut Camera {
        &mut self.clients[client].cameras[camera]
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.drain_clients();
        self.take_outputs();
        loop {
            let arrival = self.in_flight.peek().map(|Reverse((at, ..))| *at);
            let live = self.clients.iter().filter(|c| !c.closed);
            let engines = live.clone().map(|c| c.next).min();
            let cameras = live.filter(|c| c.connected).flat_map(|c| c.cameras.iter().map(|c| c.next)).min();
            let next = [arrival, engines, cameras, self.sfu.poll_timeout()].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            self.step();
        }
    }

    /// Lets time pass until everybody is connected.
    pub(crate) fn connect(&mut self) {
        let deadline = self.now + Duration::from_secs(10);
        while self.clients.iter().any(|c| !c.connected && !c.closed) {
            assert!(self.now < deadline, "not connected in ten seconds");
            self.run(ms(10));
        }
    }

    fn step(&mut self) {
        let now = self.now;
        while self.in_flight.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Reverse((_, _, source, destination, contents)) = self.in_flight.pop().unwrap();
            if destination == sfu_address() {
                self.sfu.handle_datagram(Datagram { source, destination, contents: &contents }, now);
                continue;
            }
            let Some(client) = self.by_address.get(&destination).map(|i| &mut self.clients[*i]) else {
                continue;
            };
            if client.closed {
                continue;
            }
            if let Ok(receive) = Receive::new(Protocol::Udp, source, destination, &contents) {
                let input = Input::Receive(now, receive);
                if client.rtc.accepts(&input) {
                    client.rtc.handle_input(input).unwrap();
                }
                client.next = now;
                self.drain_clients();
            }
        }
        if self.sfu.poll_timeout().is_some_and(|at| at <= now) {
            self.sfu.handle_timeout(now);
        }
        self.take_outputs();
        for index in 0..self.clients.len() {
            self.film(index);
        }
        self.drain_clients();
    }

    fn film(&mut self, index: usize) {
        let now = self.now;
        let client = &mut self.clients[index];
        if !client.connected || client.closed {
            return;
        }
        let (audio, video) = (client.audio, client.video);
        for camera in &mut client.cameras {
            while camera.next <= now {
                let mid = if camera.codec.is_some() { video } else { audio }.expect("the section was offered");
                camera.shoot(&mut client.rtc, mid, now);
                camera.next += camera.interval;
                // One frame may be more than the engine takes at once.
                client.rtc.handle_input(Input::Timeout(now)).unwrap();
                client.next = now;
            }
        }
    }

    fn drain_clients(&mut self) {
        let now = self.now;
        let mut out = Vec::new();
        for client in &mut self.clients {
            if client.closed || client.next > now {
                continue;
            }
            client.rtc.handle_input(Input::Timeout(now)).unwrap();
            loop {
                match client.rtc.poll_output().unwrap() {
                    EngineOutput::Timeout(at) => {
                        client.next = at.max(now + Duration::from_micros(100));
                        break;
                    }
                    EngineOutput::Transmit(t) => {
                        let contents: Vec<u8> = t.contents.into();
                        out.push(Transmit { source: t.source, destination: t.destination, contents });
                    }
                    EngineOutput::Event(event) => client.event(event, now),
                }
            }
        }
        for transmit in out {
            self.fly(transmit);
        }
    }

    /// Takes what the unit wants sent and told.
    pub(crate) fn take_outputs(&mut self) {
        while let Some(output) = self.sfu.poll_output() {
            match output {
                Output::Transmit(transmit) => {
                    assert_eq!(transmit.source, sfu_address());
                    assert!(transmit.contents.len() <= 1500);
                    self.sent += 1;
                    self.fly(transmit);
                }
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    fn fly(&mut self, transmit: Transmit) {
        if self.loss > 0.0 && self.rng.random_bool(self.loss) {
            return;
        }
        self.sequence += 1;
        self.in_flight.push(Reverse((
            self.now + DELAY,
            self.sequence,
            transmit.source,
            transmit.destination,
            transmit.contents,
        )));
    }

    pub(crate) fn is_connected(&self, client: usize) -> bool {
        let id = self.clients[client].transport;
        self.events.contains(&MediaEvent::Connected { transport: id })
    }

    pub(crate) fn video_of(&self, client: usize) -> Vec<&Received> {
        self.clients[client].received.iter().filter(|r| r.kind == MediaKind::Video).collect()
    }

    pub(crate) fn audio_of(&self, client: usize) -> Vec<&Received> {
        self.clients[client].received.iter().filter(|r| r.kind == MediaKind::Audio).collect()
    }
}

impl Client {
    fn event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Connected => self.connected = true,
            Event::MediaAdded(media) => match media.kind {
                MediaKind::Audio => self.audio = Some(media.mid),
                MediaKind::Video => self.video = Some(media.mid),
            },
            Event::KeyframeRequest(request) => {
                assert_ne!(request.kind, KeyframeRequestKind::Fir);
                self.key_frame_requests.push((now, request.rid));
                for camera in self.cameras.iter_mut().filter(|c| c.codec.is_some() && c.rid == request.rid) {
                    camera.key_frame_due = true;
                }
            }
            Event::RtpPacket(packet) => {
                let mut api = self.rtc.direct_api();
                let stream = api.stream_rx(&packet.header.ssrc).expect("a packet is of a stream");
                let kind = if Some(stream.mid()) == self.video { MediaKind::Video } else { MediaKind::Audio };
                self.received.push(Received {
                    at: now,
                    kind,
                    pt: *packet.header.payload_type,
                    sequence: *packet.seq_no,
                    timestamp: packet.header.timestamp,
                    extensions: packet.header.ext_vals,
                    payload: packet.payload,
                });
            }
            Event::Closed => self.closed = true,
            _ => {}
        }
    }

    /// Asks for a key frame, as a decoder does.
    pub(crate) fn request_key_frame(&mut self, now: Instant) {
        let mid = self.video.unwrap();
        self.rtc.direct_api().stream_rx_by_mid(mid, None).unwrap().request_keyframe(KeyframeRequestKind::Pli);
        self.next = now;
    }
}

impl Camera {
    fn shoot(&mut self, rtc: &mut Rtc, mid: Mid, now: Instant) {
        let clock_rate = if self.codec.is_some() { 90_000 } else { 48_000 };
        self.timestamp =
            self.timestamp.wrapping_add((self.interval.as_micros() as u64 * clock_rate / 1_000_000) as u32);
        if self.muted {
            return;
        }
        let pt: Pt = rtc.media(mid).unwrap().remote_pts()[0];
        self.frame += 1;
        let key = std::mem::take(&mut self.key_frame_due);
        if self.codec.is_some() {
            self.picture_id = self.picture_id.wrapping_add(1) & 0x7fff;
            self.tl0 = self.tl0.wrapping_add(1);
        }
        for n in 0..self.packets {
            let payload = self.payload(key, n);
            self.write(rtc, mid, pt, now, payload, n + 1 == self.packets);
            rtc.handle_input(Input::Timeout(now)).unwrap();
        }
        if self.padding_every.is_some_and(|every| self.frame.is_multiple_of(every)) {
            self.write(rtc, mid, pt, now, Vec::new(), false);
        }
    }

    fn write(&mut self, rtc: &mut Rtc, mid: Mid, pt: Pt, now: Instant, payload: Vec<u8>, marker: bool) {
        self.sequence += 1;
        let mut extensions = ExtensionValues::default();
        match self.codec {
            None => {
                extensions.audio_level = Some(-30);
                extensions.voice_activity = Some(true);
            }
            Some(_) => extensions.video_orientation = Some(str0m::rtp::VideoOrientation::Deg90),
        }
        let mut api = rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, self.rid).expect("the layer was negotiated");
        let sequence: SeqNo = self.sequence.into();
        stream.write_rtp(
            RtpWrite::new(pt, sequence, self.timestamp, now, payload)
                .marker(marker)
                .nackable(self.codec.is_some())
                .ext_vals(extensions),
        );
    }

    fn payload(&self, key: bool, packet: usize) -> Vec<u8> {
        let first = packet == 0;
        let mut payload = match self.codec {
            None => vec![0x78],
            Some(VideoCodec::Vp8) => {
                let [high, low] = (0x8000 | self.picture_id).to_be_bytes();
                vec![0x80 | u8::from(first) << 4, 0xe0, high, low, self.tl0, 0x20, u8::from(!key)]
            }
            Some(VideoCodec::Vp9) => {
                let [high, low] = (0x8000 | self.picture_id).to_be_bytes();
                vec![0x80 | u8::from(!key) << 6 | u8::from(first) << 3, high, low]
            }
            Some(VideoCodec::H264) => match (key, first) {
                (true, true) => vec![0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 2, 0x68, 0xce],
                (true, false) => vec![0x7c, 0x05],
                (false, _) => vec![0x5c, 0x01],
            },
            Some(VideoCodec::Av1) => vec![0x10 | u8::from(key && first) << 3, 0x30],
        };
        payload.extend([0xaa; 600]);
        payload.extend((self.frame as u32).to_be_bytes());
        payload.push(packet as u8);
        payload.push(self.rid.map_or(0, |rid| rid.as_bytes()[rid.len() - 1]));
        payload
    }
}

/// What a camera wrote at the end of a payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    pub(crate) frame: u32,
    pub(crate) packet: u8,
    /// Last character of the rid.
    pub(crate) layer: u8,
}

pub(crate) fn stamp(payload: &[u8]) -> Stamp {
    let end = payload.len();
    Stamp {
        frame: u32::from_be_bytes(payload[end - 6..end - 2].try_into().unwrap()),
        packet: payload[end - 2],
        layer: payload[end - 1],
    }
}
