//! What recording does to a call of the real program: how long packets take through it, and what it costs, with and
//! without recording in turns; and how long recordings take to start.
//!
//!     cargo build --release && cargo run --release -p madang --example recorded_call [streams seconds rounds starts]
//!
//! Everybody in the call sends 1 Mbit/s of pictures and some sound, and receives everybody else, over UDP on loopback. A
//! packet's time runs from the publisher's engine being given it to the subscriber's giving it out, so that the
//! encryption on both sides and the threads of this program are in it. Times depend on the machine and on what else it
//! does: compare the columns of one run.

mod program;

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use program::{Client, Madang, micros};
use serde_json::{Value, json};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const ROOM: &str = "recorded-call";
const SOUND: Duration = Duration::from_millis(20);
const PICTURE: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// Of a picture, and bytes of each: 1 Mbit/s.
const PACKETS: usize = 4;
const PACKET: usize = 1040;
/// After a change, before anything is measured.
const SETTLING: Duration = Duration::from_secs(2);
/// Clients ping; who falls silent is taken for gone.
const PING: Duration = Duration::from_secs(3);

/// Where the times in packets begin.
static BEGIN: OnceLock<Instant> = OnceLock::new();

/// What subscribers have received since it was last looked at.
type Delays = Arc<Mutex<Vec<Duration>>>;

// Requests below wait in this thread; clients must ping meanwhile.
#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let mut argument = |default| arguments.next().unwrap_or(default);
    let (streams, seconds, rounds, starts) = (argument(4), argument(10), argument(5), argument(50));
    BEGIN.get_or_init(Instant::now);
    let server = Madang::start(|folder| {
        vec![("OPENVIDU_RECORDING", "true".to_owned()), ("OPENVIDU_RECORDING_PATH", format!("{folder}/recordings"))]
    });
    let mut rest = server.connect();
    assert_eq!(rest.request("POST", "/sessions", &json!({ "customSessionId": ROOM }).to_string()).0, 200);
    let delays = Delays::default();
    let call = Call::open(&server, &mut rest, streams, &delays).await;
    println!("{streams} streams of 1 Mbit/s, each received by {}; {seconds} s a time", streams - 1);
    let window = Duration::from_secs(seconds as u64);
    let (mut without, mut with) = (Figures::default(), Figures::default());
    for _ in 0..rounds {
        without.measure(&server, &delays, window).await;
        start(&mut rest, "INDIVIDUAL").expect("individual recordings need nothing");
        with.measure(&server, &delays, window).await;
        stop(&mut rest);
    }
    println!("                                 not recorded     recorded    more, per round (least, most)");
    compare("a packet's time, median", "µs", &without.median, &with.median);
    compare("99th percentile", "µs", &without.late, &with.late);
    let per_stream = |shares: &[f64]| shares.iter().map(|share| share / streams as f64).collect::<Vec<_>>();
    let (bare, recorded) = (per_stream(&without.cpu), per_stream(&with.cpu));
    compare("of a core, per stream", "%", &bare, &recorded);
    println!("packets received: {} and {}", without.packets, with.packets);
    for mode in ["INDIVIDUAL", "COMPOSED"] {
        let Some(times) = (0..starts).map(|_| timed_start(&mut rest, mode)).collect::<Option<Vec<_>>>() else {
            println!("{mode}: not available here");
            continue;
        };
        let mut sorted = times;
        sorted.sort_unstable();
        println!(
            "{mode}: {starts} starts, from the request to the answer: median {:.0} ms, worst {:.0} ms",
            micros(&sorted, 50) / 1000.0,
            micros(&sorted, 100) / 1000.0
        );
    }
    call.close();
}

/// Nothing if this machine cannot.
fn start(rest: &mut Client, mode: &str) -> Option<()> {
    let body = json!({ "session": ROOM, "outputMode": mode, "resolution": "1280x720", "frameRate": 25 });
    let (status, answer) = rest.request("POST", "/recordings/start", &body.to_string());
    assert!(status == 200 || status == 501, "{status} {}", String::from_utf8_lossy(&answer));
    (status == 200).then_some(())
}

/// The latest one, which is also removed.
fn stop(rest: &mut Client) {
    let (_, list) = rest.request("GET", "/recordings", "");
    let list: Value = serde_json::from_slice(&list).expect("JSON");
    let running = list["items"].as_array().expect("a list").iter().find(|item| item["status"] == "started");
    let id = running.and_then(|item| item["id"].as_str()).expect("a recording that runs");
    let (status, answer) = rest.request("POST", &format!("/recordings/stop/{id}"), "");
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    assert_eq!(rest.request("DELETE", &format!("/recordings/{id}"), "").0, 204);
}

fn timed_start(rest: &mut Client, mode: &str) -> Option<Duration> {
    let before = Instant::now();
    start(rest, mode)?;
    let taken = before.elapsed();
    stop(rest);
    Some(taken)
}

/// One value for each round.
#[derive(Default)]
struct Figures {
    median: Vec<f64>,
    late: Vec<f64>,
    /// % of a core.
    cpu: Vec<f64>,
    packets: usize,
}

impl Figures {
    async fn measure(&mut self, server: &Madang, delays: &Delays, window: Duration) {
        tokio::time::sleep(SETTLING).await;
        delays.lock().expect("no panic").clear();
        let (begin, cpu) = (Instant::now(), server.cpu());
        tokio::time::sleep(window).await;
        let (taken, used) = (begin.elapsed(), server.cpu().saturating_sub(cpu));
        let mut sorted = std::mem::take(&mut *delays.lock().expect("no panic"));
        sorted.sort_unstable();
        self.packets += sorted.len();
        self.median.push(micros(&sorted, 50));
        self.late.push(micros(&sorted, 99));
        self.cpu.push(100.0 * used.as_secs_f64() / taken.as_secs_f64());
    }
}

/// Medians over the rounds, and the median, the least and the most of what recording adds in one.
fn compare(name: &str, unit: &str, without: &[f64], with: &[f64]) {
    let more: Vec<f64> = without.iter().zip(with).map(|(without, with)| with - without).collect();
    let sorted = |values: &[f64]| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    let median = |values: &[f64]| sorted(values)[values.len() / 2];
    let more = sorted(&more);
    println!(
        "{name:<26} {:>12.2} {unit:<2} {:>9.2} {unit:<2} {:>9.2} ({:.2}, {:.2})",
        median(without),
        median(with),
        median(&more),
        more[0],
        more[more.len() - 1]
    );
}

/// Everybody in it, until it is closed.
struct Call {
    is_over: Arc<AtomicBool>,
    peers: Vec<thread::JoinHandle<()>>,
}

impl Call {
    async fn open(server: &Madang, rest: &mut Client, streams: usize, delays: &Delays) -> Self {
        let mut call = Self { is_over: Arc::default(), peers: vec![] };
        let (connected, arrivals) = channel();
        let mut people = vec![];
        let mut published = vec![];
        for _ in 0..streams {
            let mut person = Person::join(server, rest).await;
            let mut publisher = Peer::new(delays);
            let mut api = publisher.rtc.sdp_api();
            let audio = api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
            let video = api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
            let (offer, pending) = api.apply().expect("an offer");
            let answer = person
                .request(
                    "publishVideo",
                    json!({"sdpOffer": offer.to_sdp_string(), "doLoopback": false, "hasAudio": true, "hasVideo": true,
                        "audioActive": true, "videoActive": true, "typeOfVideo": "CAMERA"}),
                )
                .await;
            let sdp = SdpAnswer::from_sdp_string(answer["sdpAnswer"].as_str().expect("an answer")).expect("SDP");
            publisher.rtc.sdp_api().accept_answer(pending, sdp).expect("an answer to the offer");
            publisher.camera = Some(Camera::new(audio, video));
            published.push(answer["id"].as_str().expect("a stream").to_owned());
            people.push(person);
            call.run(publisher, &connected);
        }
        for (index, person) in people.iter_mut().enumerate() {
            for (_, stream) in published.iter().enumerate().filter(|(other, _)| *other != index) {
                let offer =
                    person.request("prepareReceiveVideoFrom", json!({"sender": stream, "reconnect": false})).await;
                let mut subscriber = Peer::new(delays);
                let offer = SdpOffer::from_sdp_string(offer["sdpOffer"].as_str().expect("an offer")).expect("SDP");
                let answer = subscriber.rtc.sdp_api().accept_offer(offer).expect("an answer").to_sdp_string();
                person.request("receiveVideoFrom", json!({"sender": stream, "sdpAnswer": answer})).await;
                call.run(subscriber, &connected);
            }
        }
        people.into_iter().for_each(|person| drop(tokio::spawn(person.stay())));
        let peers = call.peers.len();
        let all = tokio::task::spawn_blocking(move || all_connected(&arrivals, peers));
        all.await.expect("everybody connects");
        call
    }

    fn run(&mut self, peer: Peer, connected: &Sender<()>) {
        let (is_over, connected) = (self.is_over.clone(), connected.clone());
        self.peers.push(thread::spawn(move || peer.run(&is_over, &connected)));
    }

    fn close(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.peers.into_iter().for_each(|peer| peer.join().expect("no panic"));
    }
}

fn all_connected(arrivals: &Receiver<()>, peers: usize) {
    (0..peers).for_each(|_| arrivals.recv_timeout(Duration::from_secs(30)).expect("a connection in time"));
}

/// Somebody's signalling.
struct Person {
    socket: WebSocketStream<TcpStream>,
    next: u64,
}

impl Person {
    async fn join(server: &Madang, rest: &mut Client) -> Self {
        let (_, connection) = rest.request("POST", &format!("/sessions/{ROOM}/connection"), "{}");
        let connection: Value = serde_json::from_slice(&connection).expect("JSON");
        let stream = TcpStream::connect(("127.0.0.1", server.port())).await.expect("a connection");
        let url = format!("ws://127.0.0.1:{}/openvidu?sessionId={ROOM}", server.port());
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.expect("a WebSocket");
        let mut person = Self { socket, next: 0 };
        person
            .request(
                "joinRoom",
                json!({"token": connection["token"], "session": ROOM, "platform": "example", "sdkVersion": "2.32.2",
                    "metadata": "", "secret": "", "recorder": false, "stt": false}),
            )
            .await;
        person
    }

    /// The result; notifications do not matter here.
    async fn request(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let frame = json!({"jsonrpc": "2.0", "method": method, "params": params, "id": self.next});
        self.socket.send(Message::text(frame.to_string())).await.expect("an open socket");
        loop {
            let frame = self.socket.next().await.expect("an answer").expect("an open socket");
            let mut frame: Value = serde_json::from_str(frame.to_text().expect("text")).expect("JSON");
            if frame["id"] == self.next {
                assert!(frame["error"].is_null(), "{method}: {frame}");
                return frame["result"].take();
            }
        }
    }

    /// Reads what comes, and pings.
    async fn stay(mut self) {
        let mut pings = tokio::time::interval(PING);
        let ping =
            json!({"jsonrpc": "2.0", "method": "ping", "params": {"interval": PING.as_millis() as u64}, "id": 0});
        loop {
            let sent = tokio::select! {
                frame = self.socket.next() => if frame.is_some_and(|frame| frame.is_ok()) { Ok(()) } else { return },
                _ = pings.tick() => self.socket.send(Message::text(ping.to_string())).await,
            };
            if sent.is_err() {
                return;
            }
        }
    }
}

/// One connection for media.
struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    camera: Option<Camera>,
    delays: Delays,
    is_connected: bool,
}

impl Peer {
    fn new(delays: &Delays) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        let config = RtcConfig::new().set_rtp_mode(true).clear_codecs().enable_opus(true, false).enable_vp8(true);
        let mut rtc = config.build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).expect("a candidate"));
        Self { rtc, socket, address, camera: None, delays: delays.clone(), is_connected: false }
    }

    fn run(mut self, is_over: &AtomicBool, connected: &Sender<()>) {
        let mut datagram = vec![0; 2000];
        while !is_over.load(Ordering::Relaxed) {
            let now = Instant::now();
            if let Some(camera) = self.camera.as_mut().filter(|_| self.is_connected) {
                camera.film(&mut self.rtc, now);
            }
            self.rtc.handle_input(Input::Timeout(now)).expect("a live engine");
            let engine = self.poll(connected);
            let camera = self.camera.as_ref().filter(|_| self.is_connected).map(Camera::next);
            let due = camera.map_or(engine, |camera| engine.min(camera));
            let wait = due.saturating_duration_since(Instant::now()).clamp(Duration::from_micros(1), PICTURE);
            self.socket.set_read_timeout(Some(wait)).expect("a socket");
            let Ok((length, source)) = self.socket.recv_from(&mut datagram) else { continue };
            if let Ok(receive) = Receive::new(Protocol::Udp, source, self.address, &datagram[..length]) {
                self.rtc.handle_input(Input::Receive(Instant::now(), receive)).expect("a live engine");
            }
        }
    }

    /// Until there is nothing to do; when there is again.
    fn poll(&mut self, connected: &Sender<()>) -> Instant {
        loop {
            match self.rtc.poll_output().expect("a live engine") {
                Output::Timeout(at) => return at,
                Output::Transmit(transmit) => {
                    let _ = self.socket.send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(Event::Connected) => {
                    self.is_connected = true;
                    let _ = connected.send(());
                }
                Output::Event(Event::KeyframeRequest(_)) => {
                    if let Some(camera) = &mut self.camera {
                        camera.is_key_frame_due = true;
                    }
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    if let Some((_, end)) = packet.payload.split_last_chunk() {
                        let delay = since_begin().saturating_sub(Duration::from_nanos(u64::from_be_bytes(*end)));
                        self.delays.lock().expect("no panic").push(delay);
                    }
                }
                Output::Event(_) => {}
            }
        }
    }
}

fn since_begin() -> Duration {
    BEGIN.get().expect("it is set first").elapsed()
}

/// A camera and a microphone whose packets end with the time at which they were made.
struct Camera {
    audio: Line,
    video: Line,
    picture: u16,
    is_key_frame_due: bool,
}

struct Line {
    mid: Mid,
    sequence: u64,
    timestamp: u32,
    next: Instant,
}

impl Camera {
    fn new(audio: Mid, video: Mid) -> Self {
        let line = |mid| Line { mid, sequence: 1, timestamp: 0, next: Instant::now() };
        Self { audio: line(audio), video: line(video), picture: 0, is_key_frame_due: true }
    }

    fn next(&self) -> Instant {
        self.audio.next.min(self.video.next)
    }

    fn film(&mut self, rtc: &mut Rtc, now: Instant) {
        if self.audio.next <= now {
            self.audio.advance(SOUND, 48_000);
            self.audio.write(rtc, now, vec![0x78; 80], true);
        }
        if self.video.next <= now {
            self.video.advance(PICTURE, 90_000);
            self.picture = self.picture.wrapping_add(1) & 0x7fff;
            let is_key = std::mem::take(&mut self.is_key_frame_due);
            for n in 0..PACKETS {
                let payload = vp8(self.picture, n == 0, is_key);
                self.video.write(rtc, now, payload, n + 1 == PACKETS);
            }
        }
    }
}

/// RFC 7741: what parsers read, and noise.
fn vp8(picture: u16, is_first: bool, is_key: bool) -> Vec<u8> {
    let [high, low] = (0x8000 | picture).to_be_bytes();
    let mut payload = vec![0x80 | u8::from(is_first) << 4, 0x80, high, low, u8::from(!is_key)];
    if is_key && is_first {
        // 1280x720.
        payload.extend([0, 0, 0x9d, 0x01, 0x2a, 0, 5, 0xd0, 2]);
    }
    payload.resize(PACKET - size_of::<u64>(), 0xaa);
    payload
}

impl Line {
    fn advance(&mut self, step: Duration, rate: u128) {
        self.next += step;
        self.timestamp = self.timestamp.wrapping_add((step.as_nanos() * rate / 1_000_000_000) as u32);
    }

    fn write(&mut self, rtc: &mut Rtc, now: Instant, mut payload: Vec<u8>, is_last: bool) {
        self.sequence += 1;
        payload.extend((since_begin().as_nanos() as u64).to_be_bytes());
        let pt: Pt = rtc.media(self.mid).expect("it was negotiated").remote_pts()[0];
        let mut api = rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.mid, None).expect("it was negotiated");
        stream.write_rtp(
            RtpWrite::new(pt, self.sequence.into(), self.timestamp, now, payload)
                .marker(is_last)
                .nackable(true)
                .ext_vals(ExtensionValues::default()),
        );
        rtc.handle_input(Input::Timeout(now)).expect("a live engine");
    }
}
