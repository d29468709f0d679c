//! Defects, on purpose, at each boundary of a worker: what is lost, and what goes on.

use protocol::id::{MediaRequestId, PublicationId, RouterId, TapId, TransportId, WorkerId};
use protocol::media::{BitrateLimits, CodecChoice, Kinds, MediaFailure, MediaOperation};
use sfu::{TapCodec, TapSource};
use socket2::SockRef;

use super::*;
use crate::local_media::LocalSource;
use crate::pulse::Pulse;
use crate::relay_use::RelayQuestions;
use crate::streams::Streams;
use crate::{AddressOptions, MediaSocket, PublicHost};

mod full_socket;

/// Takes copies of packets, and has a defect.
struct FaultyTaps;

impl TapSink for FaultyTaps {
    fn take(&self, _: TapPacket) {
        panic!("a defect, on purpose");
    }

    fn want_key_frame(&self, _: PublicationId) {}
}

/// A worker on loopback, before it runs, and the other ends of its queues.
struct Bench {
    worker: Worker<FaultyTaps>,
    commands: mpsc::Sender<MediaCommand>,
    events: mpsc::Receiver<MediaEvent>,
    pulse: Pulse,
    _network: watch::Sender<MediaNetwork>,
    _others: (Streams, RelayQuestions),
}

const BOTH: Kinds = Kinds { audio: true, video: true };
const ROUTER: RouterId = RouterId { number: 1, worker: WorkerId(0) };

fn bench() -> Bench {
    bench_with(1024 * 1024)
}

/// With so much room in the kernel for what it sends.
fn bench_with(send_buffer: usize) -> Bench {
    let media = MediaSocket::bind(Ipv4Addr::LOCALHOST.into(), 0).expect("a free port");
    SockRef::from(&media.socket).set_send_buffer_size(send_buffer).expect("a buffer");
    let addresses = AddressOptions {
        given: vec![Ipv4Addr::LOCALHOST.into()],
        public: PublicHost::Unknown,
        translations: vec![],
        tcp_port: None,
        stun_servers: vec![],
    };
    let (change, network) = watch::channel(MediaNetwork::now(&addresses, media.address()));
    let candidates = network.borrow().candidates.clone();
    let secret = turn::SharedSecret::new("secret");
    let limits = turn::Limits { allocations: 10, allocations_per_user: 10 };
    let config = WorkerConfig {
        turn: turn::Config {
            secret: Some(secret),
            peers: candidates.udp.clone(),
            quotas: turn::Quotas::new(limits),
            space: Space::default(),
        },
        sfu: sfu::Config {
            worker: WorkerId(0),
            candidates,
            ice_secret: sfu::IceSecret::new([9; 32]),
            ice_lite: true,
            adapts: true,
            redundancy: true,
            statistics: None,
        },
    };
    let (commands, to_worker) = mpsc::channel(16);
    let (from_worker, events) = mpsc::channel(64);
    let (streams, mut from_streams) = Streams::new(1);
    let (relay, mut questioned) = RelayQuestions::new(1);
    let (pulse, mut asked) = Pulse::new(1);
    let inputs = WorkerInputs {
        commands: to_worker,
        streams: from_streams.remove(0),
        questioned: questioned.remove(0),
        pulse: asked.remove(0),
        neighbours: Neighbours::all(1, Instant::now()).remove(0),
        local: LocalSource::new(1).1.remove(0),
    };
    let sockets = WorkerSockets { media, turn: None };
    let worker = Worker::new(sockets, config, network, inputs, from_worker, FaultyTaps).expect("a worker");
    Bench { worker, commands, events, pulse, _network: change, _others: (streams, relay) }
}

/// Runs a worker in this thread while `others` do what they do in another one; they end it by dropping its commands.
fn while_it_runs<T: Send>(worker: Worker<FaultyTaps>, others: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let others = scope.spawn(move || runtime.block_on(others));
        worker.run();
        others.join().expect("no panic")
    })
}

fn publish(number: u64) -> MediaCommand {
    let operation = MediaOperation::Publish {
        request: MediaRequestId(number),
        publication: PublicationId(number),
        transport: TransportId(number),
        offer: "no SDP".to_owned(),
        kinds: BOTH,
        codecs: CodecChoice::Offered,
        bitrate: BitrateLimits::default(),
        loopback: false,
    };
    operation.at(ROUTER)
}

#[tokio::test]
async fn a_panic_of_the_sfu_ends_its_transports_and_the_worker_goes_on() {
    let Bench { mut worker, commands, mut events, pulse, .. } = bench();
    worker.command(MediaOperation::CreateRouter.at(ROUTER));
    // One that is connected, and one that waits for its answer.
    for number in [1, 2] {
        worker.ledger.command(&publish(number));
    }
    let observed = |observation| MediaEvent::Observed { router: ROUTER, transport: TransportId(1), observation };
    worker.report(observed(TransportObservation::Connected));
    worker.report(MediaEvent::Answered { request: MediaRequestId(1), sdp: String::new(), kinds: BOTH });
    worker.step(|_, _| panic!("a defect, on purpose"));
    worker.reports.send();
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).skip(2).collect();
    let failed = MediaEvent::Failed { request: MediaRequestId(2), why: MediaFailure::Internal };
    assert_eq!(told, [failed, observed(TransportObservation::Disconnected)]);

    // It serves on, and its rooms are there: an offer that cannot be read is refused for that and nothing else.
    let asked = pulse.clone();
    while_it_runs(worker, async move {
        commands.send(publish(3)).await.expect("it takes commands");
        let Some(MediaEvent::Failed { why: MediaFailure::BadSdp(_), .. }) = events.recv().await else {
            panic!("the offer should be looked at");
        };
        assert!(asked.ask().await);
        drop(commands);
    });
    assert!(!pulse.ask().await, "nobody is there any more");
}

#[tokio::test]
async fn a_panic_of_the_relay_ends_its_allocations_and_no_call() {
    let Bench { mut worker, mut events, .. } = bench();
    worker.command(MediaOperation::CreateRouter.at(ROUTER));
    worker.ledger.command(&publish(1));
    assert_eq!(worker.relay(|_| panic!("a defect, on purpose")), None::<()>);
    assert_eq!(worker.relay(|turn| turn.allocations().count()), Some(0), "a new one is there");
    let client = Client {
        transport: turn::Transport::Udp,
        remote: ([127, 0, 0, 1], 9).into(),
        local: ([127, 0, 0, 1], 3478).into(),
    };
    let binding = stun::binding::request([7; 12]);
    let answered = worker.relay(|turn| matches!(turn.handle(client, &binding, turn_now()), Handled::Answer(_)));
    assert_eq!(answered, Some(true), "and answers");
    worker.reports.send();
    assert_eq!(events.try_recv().ok(), None, "whoever waits for media still does");
}

#[tokio::test]
async fn a_panic_of_whoever_takes_copies_loses_a_copy() {
    let Bench { mut worker, mut events, .. } = bench();
    worker.tap(TapPacket {
        router: ROUTER,
        tap: TapId(1),
        codec: TapCodec::Opus,
        source: TapSource { generation: 0, ssrc: 1 },
        sequence: 0,
        timestamp: 0,
        marker: false,
        quarter_turns: None,
        level: None,
        payload: [].into(),
        arrival: Instant::now(),
        report: None,
    });
    assert_eq!(events.try_recv().ok(), None);
    worker.command(publish(1));
    worker.reports.send();
    assert!(matches!(events.try_recv(), Ok(MediaEvent::Failed { .. })), "it serves on");
}

#[tokio::test]
async fn a_worker_that_stands_still_has_no_pulse() {
    let Bench { worker, pulse, .. } = bench();
    let asked = tokio::spawn(async move { pulse.ask().await });
    tokio::task::yield_now().await;
    assert!(!asked.is_finished(), "its loop does not turn");
    drop(worker);
    assert!(!asked.await.expect("no panic"), "it has ended without an answer");
}
