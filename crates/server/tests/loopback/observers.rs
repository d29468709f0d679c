//! What those learn who watch the media of a running server: a call over real sockets, from its path to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::media::{MediaKind, PathProtocol, TransportObservation as Seen};
use serde_json::{Value, json};
use session::MediaObservation;
use session::refusal::MediaDirection;
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind as EngineKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use tokio::sync::broadcast;
use tokio::time::{sleep_until, timeout};

use testbed::PATIENCE;
use testbed::server::TestServer;
use testbed::signalling::SignallingClient;

use crate::rest::metrics::Exposed;

const FRAME: Duration = Duration::from_millis(20);

/// A camera with a peer connection.
struct Publisher {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    video: Mid,
    connected: bool,
    frames: u32,
    next_frame: Instant,
}

impl Publisher {
    /// Publishes by a client that has joined.
    async fn publish(client: &mut SignallingClient<tokio::net::TcpStream>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let mut rtc = RtcConfig::new().set_rtp_mode(true).clear_codecs().enable_vp8(true).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).unwrap());
        let mut api = rtc.sdp_api();
        let video = api.add_media(EngineKind::Video, Direction::SendOnly, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        let answer = client.request("publishVideo", publishing(&offer.to_sdp_string())).await;
        let answer = answer["result"]["sdpAnswer"].as_str().expect("an answer").to_owned();
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer).unwrap()).unwrap();
        Self { rtc, socket, address, video, connected: false, frames: 0, next_frame: Instant::now() }
    }

    /// Films until something is seen for which `done` is true; everything up to that.
    async fn film(
        &mut self,
        watch: &mut broadcast::Receiver<Arc<MediaObservation>>,
        done: impl Fn(&Seen) -> bool,
    ) -> Vec<Arc<MediaObservation>> {
        let (mut seen, mut datagram) = (vec![], vec![0; 2000]);
        let filming = async {
            loop {
                let wake = self.poll().await;
                tokio::select! {
                    received = self.socket.recv_from(&mut datagram) => {
                        let (length, source) = received.unwrap();
                        let receive = Receive::new(Protocol::Udp, source, self.address, &datagram[..length]);
                        if let Ok(receive) = receive {
                            self.rtc.handle_input(Input::Receive(Instant::now(), receive)).unwrap();
                        }
                    }
                    observation = watch.recv() => {
                        seen.push(observation.unwrap());
                        if seen.last().is_some_and(|last| done(&last.what)) {
                            return;
                        }
                    }
                    () = sleep_until(wake.into()) => {}
                }
            }
        };
        timeout(PATIENCE, filming).await.expect("it is seen in time");
        seen
    }

    /// What is due now; when something will be again.
    async fn poll(&mut self) -> Instant {
        let now = Instant::now();
        if self.connected && self.next_frame <= now {
            self.next_frame = now + FRAME;
            self.frames += 1;
            let pt = self.rtc.media(self.video).unwrap().remote_pts()[0];
            // Every picture is a key frame of VP8 without any extension.
            let picture = vec![0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 64, 0, 48, 0];
            let write = RtpWrite::new(pt, u64::from(self.frames).into(), self.frames * 1800, now, picture);
            let mut api = self.rtc.direct_api();
            api.stream_tx_by_mid(self.video, None).unwrap().write_rtp(write.marker(true));
        }
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) => return if self.connected { at.min(self.next_frame) } else { at },
                Output::Transmit(transmit) => {
                    let _ = self.socket.send_to(&transmit.contents, transmit.destination).await;
                }
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(_) => {}
            }
        }
    }
}

fn publishing(offer: &str) -> Value {
    json!({
        "sdpOffer": offer, "doLoopback": false, "hasAudio": false, "hasVideo": true, "audioActive": false,
        "videoActive": true, "typeOfVideo": "CAMERA", "frameRate": 30, "videoDimensions": "{\"width\":64,\"height\":48}",
    })
}

#[tokio::test]
async fn a_call_is_seen_in_order_under_the_names_that_applications_know() {
    let server = TestServer::start().await;
    server.create_session("watched").await;
    let mut watch = server.server.control().observers().watch();
    let (mut client, joined) = server.joined("watched", "ann").await;
    let mut ann = Publisher::publish(&mut client).await;
    let seen =
        ann.film(&mut watch, |what| matches!(what, Seen::Statistics(statistics) if !statistics.received.is_empty()));
    let seen = seen.await;
    let milestones: Vec<&Seen> =
        seen.iter().map(|one| &one.what).filter(|what| !matches!(what, Seen::Statistics(_))).collect();
    let [Seen::Checked, Seen::Path(path), rest @ ..] = &milestones[..] else { panic!("{milestones:?}") };
    assert_eq!(
        (path.protocol, path.local, path.remote),
        (PathProtocol::Udp, server.server.media_address(), ann.address)
    );
    assert!(!path.relayed);
    let first = Seen::FirstPacket { kind: MediaKind::Video };
    assert_eq!(rest, [&Seen::Connected, &first, &Seen::FirstKeyFrame]);
    for one in &seen {
        assert_eq!(
            (one.leg.session.as_str(), one.leg.connection.as_str()),
            ("watched", joined["id"].as_str().unwrap())
        );
        assert!(one.leg.stream.as_str().ends_with(one.leg.connection.as_str()), "{:?}", one.leg);
        assert_eq!(one.leg.direction, MediaDirection::Publishing);
    }
    let Some(Seen::Statistics(statistics)) = seen.last().map(|last| &last.what) else { panic!("{seen:?}") };
    let [video] = &statistics.received[..] else { panic!("{statistics:?}") };
    assert!(video.kind == MediaKind::Video && video.packets > 0 && video.rate_bps > 0, "{video:?}");
    let exposed = Exposed::read(server.get("/metrics").await.text());
    assert!(exposed.value("madang_media_packets_total{direction=\"in\",kind=\"video\"}") >= f64::from(video.packets));
    assert_eq!(exposed.value("madang_media_paths_total{protocol=\"udp\",relayed=\"false\"}"), 1.0);
    assert!(exposed.value("madang_media_loss_ratio_count{direction=\"in\",kind=\"video\"}") >= 1.0);
    let session = server.get("/sessions/watched?webRtcStats=true").await.json();
    let publisher = &session["connections"]["content"][0]["publishers"][0];
    let remote = format!("127.0.0.1 {} typ prflx", ann.address.port());
    assert!(publisher["remoteCandidate"].as_str().expect("it is known").ends_with(&remote), "{publisher}");
    let shown = &publisher["statistics"]["received"][0];
    assert_eq!((&shown["codec"], &shown["loss"]), (&json!("VP8"), &json!(0.0)), "{publisher}");
    // Fifty pictures in a second, each a whole one.
    let frames = shown["frameRate"].as_f64().expect("there are pictures");
    assert!(frames > 5.0 && frames <= 60.0 && shown["bitrate"].as_u64() > Some(0), "{publisher}");
    client.request("leaveRoom", json!({})).await;
    server.server.stop().await;
}
