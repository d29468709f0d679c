//! One peer connection of an emulated participant: the engine of a client (ICE, DTLS-SRTP) on a socket of its own, and what is
//! sent or received on it. It neither waits nor knows of threads: [`crate::generator`] says when something has come.
//!
//! Every peer connection needs a socket of its own, as in browsers: a server tells them apart by the address they send from.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use socket2::{Domain, Socket, Type};
use str0m::bwe::BweKind;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::media::{Direction, MediaKind, Mid, Pt, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::sync::oneshot;

use crate::bundle::Bundle;
use crate::layer::MAX_LAYERS;
use crate::options::{MediaOptions, PictureCodec};
use crate::packet::{MediaPacket, Track};
use crate::reception::Received;
use crate::sdp;
use crate::source::Source;

/// Of each socket: a burst of pictures must fit while the thread is elsewhere. The kernel may give less.
const SOCKET_BUFFER: usize = 1 << 20;
/// Longer datagrams are nothing that we know.
const MAX_DATAGRAM: usize = 2000;
/// What publishers call what they send (RFC 8830); their tracks have the names of [`Track`].
const STREAM: &str = "load-test";
/// Datagrams of one socket in a row, before others have their turn.
const MAX_BATCH: usize = 256;

/// What all peer connections have in common: a certificate takes longer to make than all the rest.
pub(crate) struct Identity {
    crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
    /// Where media leaves this machine.
    local: IpAddr,
}

impl Identity {
    /// `server`: where signalling goes; media is expected to take the same way.
    pub(crate) fn new(server: IpAddr) -> Result<Self, String> {
        let crypto = str0m::crypto::from_feature_flags();
        let certificate = crypto.dtls_provider.generate_certificate().ok_or("no certificate can be made")?;
        Ok(Self { crypto: Arc::new(crypto), certificate, local: address_towards(server) })
    }
}

/// Ours, as that host sees it. Nothing is sent.
fn address_towards(server: IpAddr) -> IpAddr {
    let any = if server.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let found = std::net::UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((server, 9))?;
        socket.local_addr()
    });
    found.map_or_else(|_| Ipv4Addr::LOCALHOST.into(), |address| address.ip())
}

/// What happens on it, for whoever counts.
#[derive(Debug, Default)]
pub(crate) struct Happenings {
    pub(crate) connected: bool,
    pub(crate) sent: u64,
    /// What was due and was not sent: this process was late, or a socket full.
    pub(crate) omitted: u64,
    /// Datagrams, either way.
    pub(crate) lost_on_purpose: u64,
    pub(crate) received: u64,
    /// Those of pictures, by layer.
    pub(crate) by_layer: [u64; MAX_LAYERS],
    pub(crate) missing: i64,
    pub(crate) key_frame_requests: u64,
    /// From sending to receiving, of each packet.
    pub(crate) delays: Vec<Duration>,
}

/// What it is there for.
pub(crate) enum Purpose {
    Publish(Box<Source>),
    Receive(Bundle),
}

/// See the module.
pub(crate) struct Peer {
    rtc: Rtc,
    pub(crate) socket: UdpSocket,
    /// As the engine knows it.
    local: SocketAddr,
    pub(crate) purpose: Purpose,
    media: MediaOptions,
    /// Of what is sent, by track.
    outgoing: [Option<(Mid, Pt)>; 2],
    /// RTP's, by track and layer.
    sequence: [[u64; MAX_LAYERS]; 2],
    /// When the engine wants to be called.
    deadline: Instant,
    /// Told once, when media can flow.
    connected: Option<oneshot::Sender<()>>,
}

/// What was offered and is not answered yet.
pub(crate) struct Offer {
    pending: SdpPendingOffer,
    mids: [Option<Mid>; 2],
}

impl Peer {
    /// One that sends, and what it offers. It can be used once it is [`answered`](Self::answered).
    pub(crate) fn publishing(
        identity: &Identity,
        source: Source,
        media: MediaOptions,
    ) -> Result<(Self, Offer, String), PeerError> {
        let mut peer = Self::new(identity, Purpose::Publish(Box::new(source)), media)?;
        let mut changes = peer.rtc.sdp_api();
        let mut add = |kind, track: Track, layers| {
            let (stream, track) = (STREAM.to_owned(), track.name().to_owned());
            changes.add_media(kind, Direction::SendOnly, Some(stream), Some(track), layers)
        };
        let mids = [
            media.audio.then(|| add(MediaKind::Audio, Track::Audio, None)),
            media.video.then(|| add(MediaKind::Video, Track::Video, simulcast(media))),
        ];
        let (offer, pending) = changes.apply().ok_or(PeerError::Silent)?;
        Ok((peer, Offer { pending, mids }, offer.to_sdp_string()))
    }

    pub(crate) fn answered(&mut self, offer: Offer, answer: &str) -> Result<(), PeerError> {
        // Who does not take layers would get the first one alone, which is the smallest.
        if self.media.video && self.media.simulcast && !answer.contains("\na=simulcast:recv ") {
            return Err(PeerError::NoSimulcast);
        }
        if let (Some(kbps), Purpose::Publish(source)) = (sdp::most_kbps(answer), &mut self.purpose) {
            source.limit(kbps);
        }
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|error| PeerError::Sdp(error.to_string()))?;
        self.rtc.sdp_api().accept_answer(offer.pending, answer).map_err(|error| PeerError::Sdp(error.to_string()))?;
        for track in Track::ALL {
            let Some(mid) = offer.mids[track as usize] else { continue };
            let pt = self.rtc.media(mid).and_then(|media| media.remote_pts().first().copied());
            self.outgoing[track as usize] = Some((mid, pt.ok_or(PeerError::NoCodec)?));
        }
        Ok(())
    }

    /// One that receives what the server offers, and its answer.
    pub(crate) fn receiving(
        identity: &Identity,
        bundle: Bundle,
        media: MediaOptions,
        offer: &str,
    ) -> Result<(Self, String), PeerError> {
        let mut peer = Self::new(identity, Purpose::Receive(bundle), media)?;
        let answer = peer.accept(offer)?;
        Ok((peer, answer))
    }

    /// The server offers again, with one more stream for each of `wanted`, which says since when; the answer.
    pub(crate) fn offered_again(&mut self, offer: &str, wanted: &[Instant]) -> Result<String, PeerError> {
        if let Purpose::Receive(bundle) = &mut self.purpose {
            wanted.iter().for_each(|began| bundle.expect(*began));
        }
        self.accept(offer)
    }

    fn accept(&mut self, offer: &str) -> Result<String, PeerError> {
        let offer = SdpOffer::from_sdp_string(offer).map_err(|error| PeerError::Sdp(error.to_string()))?;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|error| PeerError::Sdp(error.to_string()))?;
        Ok(answer.to_sdp_string())
    }

    /// Of the server, as SDP has it (`candidate:…`). What the engine has no use for, such as TCP, is left out.
    pub(crate) fn add_candidate(&mut self, candidate: &str) {
        match Candidate::from_sdp_string(candidate) {
            Ok(candidate) => self.rtc.add_remote_candidate(candidate),
            Err(error) => tracing::debug!(%error, "a candidate is left out"),
        }
    }

    fn new(identity: &Identity, purpose: Purpose, media: MediaOptions) -> Result<Self, PeerError> {
        let (socket, port) = socket(identity.local)?;
        let local = SocketAddr::new(identity.local, port);
        let now = Instant::now();
        let mut rtc = RtcConfig::new()
            .set_crypto_provider(Arc::clone(&identity.crypto))
            .set_dtls_cert(identity.certificate.clone())
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_vp8(media.codec == PictureCodec::Vp8)
            .enable_h264(media.codec == PictureCodec::H264)
            .enable_opus(true, false)
            .build(now);
        let candidate = Candidate::host(local, "udp").map_err(|error| PeerError::Sdp(error.to_string()))?;
        rtc.add_local_candidate(candidate);
        Ok(Self {
            rtc,
            socket,
            local,
            purpose,
            media,
            outgoing: [None; 2],
            // Streams of their own begin somewhere else each.
            sequence: [[0, 1000, 2000]; 2],
            deadline: now,
            connected: None,
        })
    }

    /// As browsers tell a server of it.
    pub(crate) fn candidate(&self) -> String {
        let (address, port) = (self.local.ip(), self.local.port());
        format!("candidate:1 1 udp 2122260223 {address} {port} typ host generation 0")
    }

    /// Answers once, when media can flow; never if it fails.
    pub(crate) fn once_connected(&mut self) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        self.connected = Some(tell);
        told
    }

    /// When it must be called next, whatever comes.
    pub(crate) fn deadline(&self) -> Instant {
        match &self.purpose {
            // Before that nothing could be sent.
            Purpose::Publish(source) if self.rtc.is_connected() => {
                source.deadline().map_or(self.deadline, |due| due.min(self.deadline))
            }
            _ => self.deadline,
        }
    }

    /// Time has passed: what is due is sent.
    pub(crate) fn pass(&mut self, now: Instant, happenings: &mut Happenings) {
        if let Purpose::Publish(source) = &mut self.purpose
            && self.rtc.is_connected()
        {
            let (rtc, sequence, outgoing) = (&mut self.rtc, &mut self.sequence, &self.outgoing);
            let layers = self.media.layers();
            source.packets(now, |packet| {
                if let Some((mid, pt)) = outgoing[packet.track as usize] {
                    let sequence = &mut sequence[packet.track as usize][packet.layer];
                    *sequence += 1;
                    let rid =
                        layers.get(packet.layer).and_then(|layer| layer.rid).filter(|_| packet.track == Track::Video);
                    write(rtc, Destination { mid, rid, pt }, *sequence, packet, now);
                    happenings.sent += 1;
                }
            });
            happenings.omitted += std::mem::take(&mut source.omitted);
        }
        // An engine that has failed is silent; what is missing then tells of it.
        let _ = self.rtc.handle_input(Input::Timeout(now));
        self.drain(now, happenings);
    }

    /// The socket has something. Whether that was all of it: else it must be called again.
    pub(crate) fn receive(&mut self, buffer: &mut [u8; MAX_DATAGRAM], happenings: &mut Happenings) -> bool {
        for _ in 0..MAX_BATCH {
            let (length, source) = match self.socket.recv_from(buffer) {
                Ok(received) => received,
                // Also told of here: that something sent before has reached nobody.
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => continue,
                Err(_) => return true,
            };
            if self.media.loss.strikes() {
                happenings.lost_on_purpose += 1;
                continue;
            }
            let now = Instant::now();
            let Ok(contents) = buffer[..length].try_into() else { continue };
            let receive = Receive { proto: Protocol::Udp, source, destination: self.local, contents };
            let _ = self.rtc.handle_input(Input::Receive(now, receive));
            self.drain(now, happenings);
        }
        false
    }

    fn drain(&mut self, now: Instant, happenings: &mut Happenings) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(deadline)) => {
                    self.deadline = deadline;
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    if self.media.loss.strikes() {
                        happenings.lost_on_purpose += 1;
                    } else if self.socket.send_to(&transmit.contents, transmit.destination).is_err() {
                        happenings.omitted += 1;
                    }
                }
                Ok(Output::Event(event)) => self.on_event(event, now, happenings),
                Err(error) => {
                    tracing::debug!(%error, "a peer connection has failed");
                    self.deadline = now + Duration::from_secs(3600);
                    return;
                }
            }
        }
    }

    fn on_event(&mut self, event: Event, now: Instant, happenings: &mut Happenings) {
        match (event, &mut self.purpose) {
            (Event::Connected, _) => {
                happenings.connected = true;
                if let Some(connected) = self.connected.take() {
                    // Who waited may have left.
                    let _ = connected.send(());
                }
            }
            (Event::KeyframeRequest(request), Purpose::Publish(source)) => {
                happenings.key_frame_requests += 1;
                source.want_key_frame(request.rid.as_deref());
            }
            (Event::EgressBitrateEstimate(BweKind::Remb { estimate, .. }), Purpose::Publish(source)) => {
                source.limit(u32::try_from(estimate.as_u64() / 1000).unwrap_or(u32::MAX));
            }
            (Event::RtpPacket(packet), Purpose::Receive(bundle)) => {
                // Opus has a clock of its own; there are no other codecs.
                let is_sound = packet.time.frequency() == str0m::media::Frequency::FORTY_EIGHT_KHZ;
                let track = if is_sound { Track::Audio } else { Track::Video };
                let received = Received {
                    track,
                    sequence: *packet.seq_no,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload: &packet.payload,
                };
                let receipt = bundle.take(received, now);
                happenings.missing += receipt.missing;
                if let Some(delay) = receipt.delay {
                    happenings.received += 1;
                    happenings.delays.push(delay);
                }
                if let Some(count) = receipt.layer.and_then(|layer| happenings.by_layer.get_mut(layer)) {
                    *count += 1;
                }
            }
            _ => {}
        }
    }

    /// How many legs have got, for the first time, everything that is wanted of them.
    pub(crate) fn newly_complete(&mut self) -> u64 {
        let Purpose::Receive(bundle) = &mut self.purpose else { return 0 };
        bundle.newly_complete()
    }
}

/// What is offered of a picture that is sent in several sizes.
fn simulcast(media: MediaOptions) -> Option<Simulcast> {
    let rids = media.layers().iter().filter_map(|layer| layer.rid);
    media.simulcast.then(|| Simulcast { send: rids.map(SimulcastLayer::new).collect(), recv: vec![] })
}

/// Which stream of a peer connection.
struct Destination {
    mid: Mid,
    rid: Option<&'static str>,
    pt: Pt,
}

fn write(rtc: &mut Rtc, to: Destination, sequence: u64, packet: MediaPacket, now: Instant) {
    let Destination { mid, rid, pt } = to;
    let mut api = rtc.direct_api();
    let Some(stream) = api.stream_tx_by_mid(mid, rid.map(Into::into)) else { return };
    let is_video = packet.track == Track::Video;
    let rtp = RtpWrite::new(pt, sequence.into(), packet.timestamp, now, packet.payload);
    // The engine writes the level only together with the voice activity.
    let voice_activity = packet.level.map(|_| true);
    let extensions = ExtensionValues { audio_level: packet.level, voice_activity, ..ExtensionValues::default() };
    stream.write_rtp(rtp.marker(packet.marker).nackable(is_video).ext_vals(extensions));
}

/// Bound to every address: the kernel chooses by the way to the server.
fn socket(local: IpAddr) -> io::Result<(UdpSocket, u16)> {
    let (domain, any) = match local {
        IpAddr::V4(_) => (Domain::IPV4, IpAddr::from(Ipv4Addr::UNSPECIFIED)),
        IpAddr::V6(_) => (Domain::IPV6, Ipv6Addr::UNSPECIFIED.into()),
    };
    let socket = Socket::new(domain, Type::DGRAM, None)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(any, 0).into())?;
    let socket = std::net::UdpSocket::from(socket);
    let port = socket.local_addr()?.port();
    Ok((UdpSocket::from_std(socket), port))
}

/// Room for one datagram.
pub(crate) fn datagram_buffer() -> Box<[u8; MAX_DATAGRAM]> {
    Box::new([0; MAX_DATAGRAM])
}

/// Why there is no peer connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    #[error("no UDP socket: {0}")]
    Socket(#[from] io::Error),
    #[error("the server's SDP: {0}")]
    Sdp(String),
    #[error("the server takes neither VP8 nor Opus from here")]
    NoCodec,
    #[error("the server does not take several sizes of a picture (simulcast)")]
    NoSimulcast,
    #[error("there is neither sound nor a picture to send")]
    Silent,
    #[error("its thread has ended")]
    Gone,
}
