//! Real sockets on loopback.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use sfu::{Protocol, Transmit};

use super::*;
use crate::poller::Poller;

/// Far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Bench {
    poller: Poller,
    ports: Ports,
    client: std::net::UdpSocket,
}

impl Bench {
    /// A port at `ip`, and somebody at `client`.
    fn new(ip: IpAddr, client: IpAddr) -> Self {
        let media = MediaSocket::bind(ip, 0).expect("a free port");
        let poller = Poller::new().expect("a poller");
        let sockets = WorkerSockets { media, turn: None };
        let local = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let ports = Ports::new(sockets, &local, poller.registry()).expect("ports");
        let client = std::net::UdpSocket::bind((client, 0)).expect("a free port");
        client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { poller, ports, client }
    }

    /// From the port, as the client knows it, to the client.
    fn train(&self, contents: Vec<u8>, segment: usize) -> Transmit {
        let destination = self.client.local_addr().expect("an address");
        let source = SocketAddr::new(destination.ip(), self.ports.media.port);
        Transmit { protocol: Protocol::Udp, source, destination, contents, segment }
    }

    /// What the client gets next, and from where.
    fn next(&self) -> (Vec<u8>, SocketAddr) {
        let mut contents = vec![0; 2000];
        let (length, source) = self.client.recv_from(&mut contents).expect("a datagram");
        contents.truncate(length);
        (contents, source)
    }

    /// Sends a train and single datagrams, and looks at what comes.
    fn exchange(&mut self) {
        let train = [[1; 1000], [2; 1000]].concat();
        let sent = [self.train([&train[..], &[3; 10]].concat(), 1000), self.train(vec![4; 900], 900)];
        let source = sent[0].source;
        for transmit in sent {
            self.ports.media.queue.push(transmit);
        }
        self.ports.media.send();
        for (first, length) in [(1, 1000), (2, 1000), (3, 10), (4, 900)] {
            assert_eq!(self.next(), (vec![first; length], source));
        }
        assert_eq!(self.ports.media.queue.spent().count(), 2);
    }

    /// Waits until the port has something.
    fn receive(&mut self) -> Vec<(SocketAddr, Option<IpAddr>, Vec<u8>)> {
        let mut received = Received::new();
        while !self.ports.are_readable() {
            self.poller.wait(false, Some(std::time::Instant::now() + PATIENCE), |event| self.ports.happened(event));
        }
        self.ports.media.receive(&mut received).expect("datagrams");
        received.datagrams().map(|(source, destination, contents)| (source, destination, contents.to_vec())).collect()
    }
}

const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

#[test]
fn trains_and_datagrams_leave_whole_in_order_and_from_the_address_that_clients_know() {
    Bench::new(IPV4, IPV4).exchange();
    // Of any address: without being told, the kernel would choose.
    Bench::new(Ipv4Addr::UNSPECIFIED.into(), IPV4).exchange();
    if std::net::UdpSocket::bind((IPV6, 0)).is_ok() {
        Bench::new(IPV6, IPV6).exchange();
        Bench::new(Ipv6Addr::UNSPECIFIED.into(), IPV6).exchange();
        Bench::new(Ipv6Addr::UNSPECIFIED.into(), IPV4).exchange();
    }
}

#[test]
fn a_kernel_without_trains_gets_datagrams() {
    let mut bench = Bench::new(IPV4, IPV4);
    bench.ports.media.queue = SendQueue::new(1);
    bench.exchange();
}

/// As on other systems than Linux.
#[test]
fn trains_leave_by_calls_of_their_own_where_one_call_cannot_take_several() {
    let mut bench = Bench::new(IPV4, IPV4);
    let mut messages = crate::kernel::one_by_one::Messages::default();
    let mut queue = SendQueue::new(1);
    queue.push(bench.train([[1; 1000], [2; 1000]].concat(), 1000));
    let lost = queue.flush(|run| messages.send(&bench.ports.media.socket, false, Some(IPV4), run));
    assert_eq!(lost, None);
    for first in [1, 2] {
        assert_eq!(bench.next().0, vec![first; 1000]);
    }
    bench.exchange();
}

#[test]
fn the_kernel_tells_of_datagrams_again_after_all_have_been_taken() {
    let mut bench = Bench::new(IPV4, IPV4);
    let port = SocketAddr::new(IPV4, bench.ports.media.port);
    let source = bench.client.local_addr().expect("an address");
    for round in 0..3 {
        bench.client.send_to(&[round; 7], port).expect("sent");
        assert_eq!(bench.receive(), [(source, Some(IPV4), vec![round; 7])]);
        assert!(!bench.ports.are_readable());
    }
    // More than one call takes: it does not wait to be told again.
    for number in 0..=BATCH_SIZE {
        bench.client.send_to(&vec![number as u8; number + 1], port).expect("sent");
    }
    let mut lengths = vec![];
    while lengths.len() <= BATCH_SIZE {
        lengths.extend(bench.receive().into_iter().map(|(.., contents)| contents.len()));
    }
    assert_eq!(lengths, (1..=BATCH_SIZE + 1).collect::<Vec<_>>());
}
