//! A call that can be scripted in a few lines: clients made of the WebRTC engine, a seeded network, cameras that answer
//! key frame requests, and a clock that jumps to whatever happens next.

use std::cmp::Ordering;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::camera::Camera;
use crate::dependency;
use protocol::id::{MediaRequestId, PublicationId, RouterId, SubscriberId, TapId, TransportId, WorkerId};
use protocol::media::{
    BitrateLimits, CodecChoice, Kinds, MediaEvent, MediaFailure, MediaOperation, Reception, TransportObservation,
    VideoCodec,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sfu::{Candidates, Config, Datagram, LocalPacket, Output, Protocol, Sfu, TapCodec, TapPacket, Transmit};
use str0m::bwe::BweKind;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol as EngineProtocol, Receive};
use str0m::rtp::ExtensionValues;
use str0m::{Candidate, Event, Input, Output as EngineOutput, Rtc, RtcConfig};

pub(crate) const ROUTER: RouterId = RouterId { number: 1, worker: WorkerId(5) };
/// The same room in another worker.
pub(crate) const BRANCH: RouterId = RouterId { number: 1, worker: WorkerId(6) };
/// Whoever receives, if it does not matter.
pub(crate) const SUBSCRIBER: SubscriberId = SubscriberId(1);
/// Between two statistics.
pub(crate) const STATISTICS: Duration = Duration::from_secs(2);
const DELAY: Duration = Duration::from_millis(20);
/// Of the engine, and of browsers: payload types of sound, alone and with the frames before it.
pub(crate) const OPUS: u8 = 111;
pub(crate) const RED: u8 = 63;

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn sfu_address() -> SocketAddr {
    ([192, 0, 2, 1], 40_000).into()
}

/// Of the other worker.
pub(crate) fn branch_address() -> SocketAddr {
    ([192, 0, 2, 1], 40_001).into()
}

pub(crate) fn config() -> Config {
    // The same number for both, as on a machine where one port is all that is open.
    Config {
        worker: ROUTER.worker,
        candidates: Candidates { udp: vec![sfu_address()], tcp: vec![sfu_address()] },
        ice_secret: sfu::IceSecret::new([9; 32]),
        ice_lite: true,
        adapts: true,
        redundancy: true,
        statistics: Some(STATISTICS),
    }
}

/// Of a client, by its place among all.
pub(crate) fn transport_of(client: usize) -> TransportId {
    TransportId(1000 + client as u64)
}

/// Of layers, from small to large, as openvidu-browser names them.
pub(crate) const RIDS: [&str; 3] = ["rdiv4", "rdiv2", "rdiv1"];

/// VP8 first, then whatever else there is.
pub(crate) fn any_codec() -> CodecChoice {
    CodecChoice::FirstOf { codecs: vec![VideoCodec::Vp8], or_any: true }
}

/// Which engine features a client has.
pub(crate) fn browser() -> RtcConfig {
    RtcConfig::new().set_rtp_mode(true)
}

/// A browser that sends and receives sound with the frames before it.
pub(crate) fn redundant_browser() -> RtcConfig {
    browser().enable_opus(true, true)
}

/// A browser that knows one video codec.
pub(crate) fn browser_with(codec: VideoCodec) -> RtcConfig {
    let config = browser().clear_codecs().enable_opus(true, false);
    match codec {
        VideoCodec::Vp8 => config.enable_vp8(true),
        VideoCodec::Vp9 => config.enable_vp9(true),
        VideoCodec::H264 => config.enable_h264(true),
        VideoCodec::Av1 => config.enable_av1(true).set_extension(12, dependency::extension()),
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
    pub(crate) marker: bool,
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
    /// NTP time and RTP timestamp of the sender reports received.
    pub(crate) reports: Vec<(MediaKind, SystemTime, u32)>,
    /// Requests to this publisher.
    pub(crate) key_frame_requests: Vec<(Instant, Option<Rid>)>,
    /// kbit/s that this publisher was told to keep to.
    pub(crate) asked: Vec<(Instant, u64)>,
    pub(crate) connected: bool,
    pub(crate) closed: bool,
    cameras: Vec<Camera>,
    pub(crate) audio: Option<Mid>,
    pub(crate) video: Option<Mid>,
    pub(crate) next: Instant,
}

/// A datagram under way: when it arrives, and its number.
struct Flight(Instant, u64, Transmit);

impl Ord for Flight {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Flight {}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

/// A narrow way towards clients, with a queue.
pub(crate) struct Link {
    /// Bits per second.
    pub(crate) rate: u64,
    /// Nothing gets through.
    pub(crate) is_cut: bool,
    free: Instant,
    pub(crate) dropped: u64,
}

/// What waits longer than this in a queue is dropped.
const QUEUE: Duration = Duration::from_millis(400);

impl Link {
    /// When so many bytes have left it; `None`: they are lost.
    fn carry(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        let begins = self.free.max(now);
        if self.is_cut || begins - now > QUEUE {
            self.dropped += 1;
            return None;
        }
        // With the headers of IP and UDP.
        self.free = begins + Duration::from_nanos((bytes as u64 + 28) * 8_000_000_000 / self.rate);
        Some(self.free)
    }
}

/// Network, clock, unit and clients.
pub(crate) struct Call {
    pub(crate) now: Instant,
    pub(crate) sfu: Sfu,
    /// Another worker with the same room; see [`Call::branch_off`].
    pub(crate) branch: Option<Sfu>,
    /// Where clients subscribe from now on.
    pub(crate) room: RouterId,
    /// So many of the next messages between the workers are lost.
    pub(crate) lost_between_workers: usize,
    /// Packets' messages that have gone from one worker to the other.
    pub(crate) piped: usize,
    pub(crate) clients: Vec<Client>,
    pub(crate) events: Vec<MediaEvent>,
    /// What came out of taps.
    pub(crate) tapped: Vec<TapPacket>,
    /// What comes out of this tap becomes the packets of that publication at once.
    pub(crate) filter: Option<(TapId, PublicationId)>,
    /// Publications that were to give a key frame, though no client publishes them.
    pub(crate) key_frames_wanted: Vec<PublicationId>,
    /// Share of datagrams lost, either way.
    pub(crate) loss: f64,
    /// Whose; if there is none, everybody's.
    pub(crate) lossy: Option<SocketAddr>,
    /// What whoever subscribes from now on wants, if it is not said.
    pub(crate) reception: Reception,
    /// Of whoever publishes from now on.
    pub(crate) limits: BitrateLimits,
    /// Narrow ways to clients, and which of them a client is behind.
    pub(crate) links: Vec<Link>,
    pub(crate) behind: HashMap<SocketAddr, usize>,
    /// Datagrams the unit has sent.
    pub(crate) sent: u64,
    /// How clients that are added from now on reach it.
    pub(crate) protocol: Protocol,
    in_flight: BinaryHeap<Reverse<Flight>>,
    sequence: u64,
    rng: StdRng,
    last_request: u64,
    by_address: HashMap<SocketAddr, usize>,
}

/// What a filter makes of it that turns pictures on their heads.
fn filtered(packet: &TapPacket) -> LocalPacket {
    LocalPacket {
        kind: match packet.codec {
            TapCodec::Opus => protocol::media::MediaKind::Audio,
            TapCodec::Video(_) => protocol::media::MediaKind::Video,
        },
        source: packet.source.generation,
        sequence: packet.sequence,
        timestamp: packet.timestamp.wrapping_add(1_000_000),
        marker: packet.marker,
        // All that it changes.
        quarter_turns: 2,
        level: packet.level,
        captured: None,
        payload: packet.payload.clone(),
    }
}

impl Call {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: Config) -> Self {
        let now = Instant::now();
        let mut call = Self {
            now,
            sfu: Sfu::new(config, [7; 32], now),
            branch: None,
            room: ROUTER,
            lost_between_workers: 0,
            piped: 0,
            clients: Vec::new(),
            events: Vec::new(),
            tapped: Vec::new(),
            filter: None,
            key_frames_wanted: Vec::new(),
            loss: 0.0,
            lossy: None,
            reception: Reception::default(),
            limits: BitrateLimits::default(),
            links: Vec::new(),
            behind: HashMap::new(),
            sent: 0,
            protocol: Protocol::Udp,
            in_flight: BinaryHeap::new(),
            sequence: 0,
            rng: StdRng::seed_from_u64(42),
            last_request: 0,
            by_address: HashMap::new(),
        };
        call.command(MediaOperation::CreateRouter);
        call
    }

    /// Opens the room in another worker, too: whoever subscribes from now on does so there.
    pub(crate) fn branch_off(&mut self) {
        let address = branch_address();
        let candidates = Candidates { udp: vec![address], tcp: vec![address] };
        let config = Config { worker: BRANCH.worker, candidates, ..config() };
        self.branch = Some(Sfu::new(config, [8; 32], self.now));
        self.room = BRANCH;
        self.command_at(BRANCH, MediaOperation::CreateRouter);
    }

    /// In the room that there is.
    pub(crate) fn command(&mut self, op: MediaOperation) {
        self.command_at(ROUTER, op);
    }

    pub(crate) fn command_at(&mut self, router: RouterId, op: MediaOperation) {
        let now = self.now;
        self.worker(router.worker).handle_command(op.at(router), now);
        self.take_outputs();
    }

    fn worker(&mut self, worker: WorkerId) -> &mut Sfu {
        match &mut self.branch {
            Some(branch) if worker == BRANCH.worker => branch,
            _ => &mut self.sfu,
        }
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
            | MediaEvent::Restarted { request, .. }
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
        rtc.add_local_candidate(candidate(self.protocol, address));
        self.by_address.insert(address, index);
        self.clients.push(Client {
            rtc,
            address,
            transport: transport_of(index),
            publication,
            received: Vec::new(),
            reports: Vec::new(),
            key_frame_requests: Vec::new(),
            asked: Vec::new(),
            connected: false,
            closed: false,
            cameras: Vec::new(),
            audio: None,
            video: None,
            next: self.now,
        });
        index
    }

    /// The offer of a client, with the given layers (none: no simulcast).
    pub(crate) fn offer(
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
        let (offer, pending) = self.offer(client, audio, video, rids, direction);
        let request = self.request_id();
        self.command(MediaOperation::Publish {
            request,
            publication,
            transport: self.clients[client].transport,
            offer,
            kinds: Kinds { audio, video },
            codecs: any_codec(),
            bitrate: self.limits,
            loopback,
        });
        let answer = self.sdp(request);
        let looped = looped_sources(&answer);
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap_or_else(|e| panic!("{e}: {answer}"));
        self.clients[client].rtc.sdp_api().accept_answer(pending, answer).unwrap();
        if let (Some((ssrc, rtx)), Some(mid), false) = (looped, self.clients[client].video, rids.is_empty()) {
            // The engine, unlike a browser, ignores the announced sources of a section with simulcast.
            let mut api = self.clients[client].rtc.direct_api();
            api.expect_stream_rx(ssrc.into(), Some(rtx.into()), mid, None);
        }
        self.clients[client].next = self.now;
        client
    }

    /// A client subscribes; the server offers.
    pub(crate) fn subscribe(&mut self, config: RtcConfig, publisher: usize) -> usize {
        self.subscribe_with(config, SUBSCRIBER, self.reception, publisher)
    }

    /// The same for somebody in particular, who does not want all.
    pub(crate) fn subscribe_wanting(&mut self, who: SubscriberId, reception: Reception, publisher: usize) -> usize {
        self.subscribe_with(browser(), who, reception, publisher)
    }

    /// The same for somebody in particular with a browser of their own.
    pub(crate) fn subscribe_as(&mut self, config: RtcConfig, who: SubscriberId, publisher: usize) -> usize {
        self.subscribe_with(config, who, Reception::default(), publisher)
    }

    pub(crate) fn subscribe_with(
        &mut self,
        config: RtcConfig,
        subscriber: SubscriberId,
        reception: Reception,
        publisher: usize,
    ) -> usize {
        let publication = self.clients[publisher].publication;
        let client = self.add_client(config, publication);
        let request = self.request_id();
        let transport = self.clients[client].transport;
        let (room, source) = (self.room, ROUTER.worker);
        let subscribe =
            MediaOperation::Subscribe { request, subscriber, reception, publication, source, transport, offer: None };
        self.command_at(room, subscribe);
        self.accept_offer(client, request);
        client
    }

    /// A client answers what it was offered in the room where it subscribes.
    pub(crate) fn accept_offer(&mut self, client: usize, request: MediaRequestId) {
        let offer = self.sdp(request);
        let offer = SdpOffer::from_sdp_string(&offer).unwrap_or_else(|e| panic!("{e}: {offer}"));
        let answer = self.clients[client].rtc.sdp_api().accept_offer(offer).unwrap().to_sdp_string();
        let (request, transport) = (self.request_id(), self.clients[client].transport);
        self.command_at(self.room, MediaOperation::AcceptAnswer { request, transport, answer });
        assert_eq!(self.settled(request), &MediaEvent::Accepted { request });
        self.clients[client].next = self.now;
    }

    /// A client subscribes with its own offer. The offer may be edited on its way.
    pub(crate) fn subscribe_offering(&mut self, config: RtcConfig, publisher: usize) -> Result<usize, MediaFailure> {
        let publication = self.clients[publisher].publication;
        let client = self.add_client(config, publication);
        let (offer, pending) = self.offer(client, true, true, &[], Direction::RecvOnly);
        let request = self.request_id();
        let subscribe = MediaOperation::Subscribe {
            request,
            subscriber: SUBSCRIBER,
            reception: Reception::default(),
            publication,
            source: ROUTER.worker,
            transport: self.clients[client].transport,
            offer: Some(offer),
        };
        self.command_at(self.room, subscribe);
        if let MediaEvent::Failed { why, .. } = self.settled(request) {
            return Err(why.clone());
        }
        let answer = self.sdp(request);
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap_or_else(|e| panic!("{e}: {answer}"));
        self.clients[client].rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.clients[client].next = self.now;
        Ok(client)
    }

    /// A narrow way, for [`Self::behind`].
    pub(crate) fn add_link(&mut self, rate: u64) -> usize {
        self.links.push(Link { rate, is_cut: false, free: self.now, dropped: 0 });
        self.links.len() - 1
    }

    /// Somebody is behind a narrow way.
    pub(crate) fn put_behind(&mut self, client: usize, link: usize) {
        self.behind.insert(self.clients[client].address, link);
    }

    /// The publisher's microphone is on.
    pub(crate) fn start_audio(&mut self, client: usize) {
        self.start_camera(client, None, None, ms(20), 1);
    }

    /// The same, each packet with the frame before it. Returns the index of the microphone.
    pub(crate) fn start_redundant_audio(&mut self, client: usize) -> usize {
        let microphone = self.start_camera(client, None, None, ms(20), 1);
        let camera = self.camera(client, microphone);
        camera.filler = 80;
        camera.red = Some(RED);
        microphone
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
        let camera = Camera::new(codec, rid, interval, packets, self.now, &mut self.rng);
        self.clients[client].cameras.push(camera);
        self.clients[client].cameras.len() - 1
    }

    /// Somebody with a microphone (some 40 kbit/s) and a camera with three layers, after a second: 130, 500 and 1,500 kbit/s.
    pub(crate) fn film_layers(&mut self) -> usize {
        let ann = self.publish(browser(), &RIDS);
        self.connect();
        self.start_audio(ann);
        self.camera(ann, 0).filler = 70;
        for (rid, (packets, filler)) in RIDS.into_iter().zip([(1, 500), (2, 1000), (6, 1000)]) {
            let index = self.start_video(ann, VideoCodec::Vp8, Some(rid));
            let camera = self.camera(ann, index);
            (camera.packets, camera.filler) = (packets, filler);
        }
        self.run(ms(1000));
        ann
    }

    pub(crate) fn camera(&mut self, client: usize, camera: usize) -> &mut Camera {
        &mut self.clients[client].cameras[camera]
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.drain_clients();
        self.take_outputs();
        let mut steps_at_once = 0;
        loop {
            let arrival = self.in_flight.peek().map(|Reverse(Flight(at, ..))| *at);
            let live = self.clients.iter().filter(|c| !c.closed);
            let engines = live.clone().map(|c| c.next).min();
            let cameras = live.filter(|c| c.connected).flat_map(|c| c.cameras.iter().map(|c| c.next)).min();
            let workers = [self.sfu.poll_timeout(), self.branch.as_mut().and_then(Sfu::poll_timeout)];
            let next = [arrival, engines, cameras].into_iter().chain(workers).flatten().min();
            let Some(next) = next.filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            steps_at_once = if next > self.now { 0 } else { steps_at_once + 1 };
            assert!(steps_at_once < 100_000, "a deadline stays");
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
        while self.in_flight.peek().is_some_and(|Reverse(Flight(at, ..))| *at <= now) {
            let Reverse(Flight(_, _, transmit)) = self.in_flight.pop().unwrap();
            let Transmit { protocol, source, destination, contents, .. } = transmit;
            let to_worker = [(sfu_address(), ROUTER), (branch_address(), BRANCH)];
            if let Some((_, room)) = to_worker.iter().find(|(address, _)| *address == destination) {
                let datagram = Datagram { protocol, source, destination, contents: &contents };
                self.worker(room.worker).handle_datagram(datagram, now);
                continue;
            }
            let Some(client) = self.by_address.get(&destination).map(|i| &mut self.clients[*i]) else {
                continue;
            };
            if client.closed {
                continue;
            }
            if let Ok(receive) = Receive::new(engine_protocol(protocol), source, destination, &contents) {
                let input = Input::Receive(now, receive);
                if client.rtc.accepts(&input) {
                    client.rtc.handle_input(input).unwrap();
                }
                client.next = now;
                self.drain_clients();
            }
        }
        for worker in std::iter::once(&mut self.sfu).chain(&mut self.branch) {
            if worker.poll_timeout().is_some_and(|at| at <= now) {
                worker.handle_timeout(now);
            }
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
                // One frame may be more than the engine takes at once.
                client.rtc.handle_input(Input::Timeout(now)).unwrap();
                client.next = now;
            }
        }
    }

    fn drain_clients(&mut self) {
        self.drain(0..self.clients.len());
    }

    fn drain(&mut self, clients: Range<usize>) {
        let now = self.now;
        let mut out = Vec::new();
        for client in &mut self.clients[clients] {
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
                        let protocol = match t.proto {
                            EngineProtocol::Udp => Protocol::Udp,
                            _ => Protocol::Tcp,
                        };
                        let (source, destination, segment) = (t.source, t.destination, contents.len());
                        out.push(Transmit { protocol, source, destination, contents, segment });
                    }
                    EngineOutput::Event(event) => client.event(event, now),
                }
            }
        }
        for transmit in out {
            self.fly(transmit);
        }
    }

    /// What a publisher sends in that time. It arrives nowhere, and for everybody else time stands still.
    pub(crate) fn film_for(&mut self, publisher: usize, duration: Duration) -> Vec<Transmit> {
        let begin = self.now;
        let under_way = std::mem::take(&mut self.in_flight);
        while self.now < begin + duration {
            self.now += ms(1);
            self.film(publisher);
            self.drain(publisher..publisher + 1);
        }
        self.now = begin;
        let mut sent = std::mem::replace(&mut self.in_flight, under_way).into_sorted_vec();
        sent.reverse();
        sent.into_iter().map(|Reverse(Flight(_, _, transmit))| transmit).collect()
    }

    /// Takes what the unit wants sent and told.
    pub(crate) fn take_outputs(&mut self) {
        loop {
            let output = self.sfu.poll_output().map(|output| (ROUTER.worker, output));
            let of_branch = |branch: &mut Sfu| branch.poll_output().map(|output| (BRANCH.worker, output));
            let Some((from, output)) = output.or_else(|| self.branch.as_mut().and_then(of_branch)) else {
                return;
            };
            match output {
                Output::Transmit(transmit) => {
                    let own = if from == ROUTER.worker { sfu_address() } else { branch_address() };
                    assert_eq!(transmit.source, own);
                    for datagram in transmit.datagrams() {
                        assert!(datagram.len() <= 1500);
                        self.sent += 1;
                        self.fly(Transmit { contents: datagram.to_vec(), segment: datagram.len(), ..transmit });
                    }
                    self.worker(from).reuse(transmit.contents);
                }
                Output::Event(event) => self.events.push(event),
                Output::Tap(packet) => {
                    if let Some((_, publication)) = self.filter.filter(|(tap, _)| *tap == packet.tap) {
                        let now = self.now;
                        self.sfu.handle_local(publication, [filtered(&packet)], now);
                    }
                    self.tapped.push(packet);
                }
                Output::KeyFrameWanted { publication } => {
                    self.key_frames_wanted.push(publication);
                    if let Some((tap, _)) = self.filter.filter(|(_, filtered)| *filtered == publication) {
                        let now = self.now;
                        self.sfu.handle_command(MediaOperation::RequestKeyFrame { tap }.at(ROUTER), now);
                    }
                }
                Output::Piped { to, message } => {
                    assert_ne!(to, from);
                    self.piped += usize::from(from == ROUTER.worker);
                    if self.lost_between_workers > 0 {
                        self.lost_between_workers -= 1;
                        continue;
                    }
                    let now = self.now;
                    self.worker(to).handle_piped(from, message, now);
                }
            }
        }
    }

    fn fly(&mut self, transmit: Transmit) {
        let is_lossy = self.lossy.is_none_or(|lossy| transmit.source == lossy || transmit.destination == lossy);
        if self.loss > 0.0 && is_lossy && self.rng.random_bool(self.loss) {
            return;
        }
        let now = self.now;
        let link = self.behind.get(&transmit.destination).and_then(|link| self.links.get_mut(*link));
        let Some(leaves) = link.map_or(Some(now), |link| link.carry(transmit.contents.len(), now)) else {
            return;
        };
        self.sequence += 1;
        self.in_flight.push(Reverse(Flight(leaves + DELAY, self.sequence, transmit)));
    }

    /// A client's address is gone, and it goes on from another.
    pub(crate) fn move_client(&mut self, client: usize, address: SocketAddr) {
        let protocol = self.protocol;
        let Client { rtc, address: old, next, .. } = &mut self.clients[client];
        assert!(rtc.direct_api().invalidate_candidate(&candidate(protocol, *old)));
        rtc.add_local_candidate(candidate(protocol, address));
        *next = self.now;
        self.by_address.remove(&std::mem::replace(old, address));
        self.by_address.insert(address, client);
    }

    pub(crate) fn is_connected(&self, client: usize) -> bool {
        self.has_seen(self.clients[client].transport, &TransportObservation::Connected)
    }

    pub(crate) fn has_seen(&self, transport: TransportId, what: &TransportObservation) -> bool {
        self.observed(transport).contains(&what)
    }

    /// What was seen of a transport, in order.
    pub(crate) fn observed(&self, of: TransportId) -> Vec<&TransportObservation> {
        let observation = |event| match event {
            &MediaEvent::Observed { router, transport, ref observation } if transport == of => {
                assert_eq!(router.number, ROUTER.number);
                Some(observation)
            }
            _ => None,
        };
        self.events.iter().filter_map(observation).collect()
    }

    pub(crate) fn video_of(&self, client: usize) -> Vec<&Received> {
        self.clients[client].received.iter().filter(|r| r.kind == MediaKind::Video).collect()
    }

    pub(crate) fn audio_of(&self, client: usize) -> Vec<&Received> {
        self.clients[client].received.iter().filter(|r| r.kind == MediaKind::Audio).collect()
    }
}

fn engine_protocol(protocol: Protocol) -> EngineProtocol {
    match protocol {
        Protocol::Udp => EngineProtocol::Udp,
        Protocol::Tcp => EngineProtocol::Tcp,
    }
}

fn candidate(protocol: Protocol, address: SocketAddr) -> Candidate {
    Candidate::host(address, engine_protocol(protocol)).unwrap()
}

/// Video source and its retransmission source in an answer.
fn looped_sources(sdp: &str) -> Option<(u32, u32)> {
    let group = sdp.lines().find_map(|l| l.strip_prefix("a=ssrc-group:FID "))?;
    let (ssrc, rtx) = group.split_once(' ')?;
    Some((ssrc.parse().ok()?, rtx.parse().ok()?))
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
            Event::EgressBitrateEstimate(BweKind::Remb { estimate, .. }) => {
                self.asked.push((now, (estimate.as_f64() / 1000.0).round() as u64));
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
                    marker: packet.header.marker,
                    extensions: packet.header.ext_vals,
                    payload: packet.payload,
                });
            }
            Event::SenderFeedback(feedback) => {
                let kind = if Some(feedback.mid) == self.video { MediaKind::Video } else { MediaKind::Audio };
                let info = feedback.sender_info;
                self.reports.push((kind, info.ntp_time, info.rtp_time.numer() as u32));
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
