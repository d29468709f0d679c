//! A worker to which nobody listens.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use media::{AddressOptions, MediaNetwork, MediaSocket, PublicHost, TapSink, WorkerOptions, WorkerSockets};
use protocol::id::{MediaRequestId, PublicationId, RouterId, TransportId, WorkerId};
use protocol::media::{MediaEvent, MediaOperation};
use sfu::TapPacket;
use tokio::sync::watch;
use tokio::time::timeout;

/// Far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// More than the queue of events holds.
const REQUESTS: u64 = 20_000;

#[derive(Clone)]
struct Nobody;

impl TapSink for Nobody {
    fn take(&self, _: TapPacket) {}

    fn want_key_frame(&self, _: PublicationId) {}
}

#[tokio::test]
async fn a_full_backlog_of_events_stops_nothing_and_loses_no_answer() {
    let media = MediaSocket::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).unwrap();
    let addresses = AddressOptions {
        given: vec![],
        public: PublicHost::Unknown,
        translations: vec![],
        tcp_port: None,
        stun_servers: vec![],
    };
    let (_network, network) = watch::channel(MediaNetwork::now(&addresses, media.address()));
    let options = WorkerOptions {
        ice_lite: true,
        adapts: true,
        redundancy: true,
        statistics: None,
        turn_secret: None,
        turn_limits: turn::Limits { allocations: 0, allocations_per_user: 0 },
    };
    let mut running = media::start(options, vec![WorkerSockets { media, turn: None }], network, Nobody).unwrap();
    let router = RouterId { number: 1, worker: WorkerId(0) };
    running.handle.send(MediaOperation::CreateRouter.at(router)).unwrap();
    for number in 0..REQUESTS {
        let request = MediaRequestId(number);
        // Of a transport that does not exist.
        let command =
            MediaOperation::AcceptAnswer { request, transport: TransportId(7), answer: String::new() }.at(router);
        while running.handle.send(command.clone()).is_err() {
            tokio::task::yield_now().await;
        }
        // Every now and then it is asked for something else, and has not stopped.
        if number % 1000 == 999 {
            timeout(PATIENCE, running.relay.ask()).await.expect("an answer in time").expect("an answer");
        }
    }
    let mut settled = vec![];
    while settled.len() < REQUESTS as usize {
        match timeout(PATIENCE, running.events.recv()).await.expect("an event in time").expect("a worker") {
            MediaEvent::Failed { request, .. } => settled.push(request.0),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(settled, (0..REQUESTS).collect::<Vec<_>>(), "each once, in order");
}
