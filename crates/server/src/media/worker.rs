//! The loop of one media thread: receive, decide (in [`Sfu`]), send.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use protocol::framing::Framing;
use protocol::media::{MediaCommand, MediaEvent};
use sfu::{Datagram, Output, Protocol, Sfu};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use super::connections::Connections;
use super::ledger::Ledger;
use super::streams::{Ends, StreamEvent};
use super::transmitter::Transmitter;
use super::udp::{Received, Udp};
use super::{MediaSocket, Network};
use crate::recorder::TapQueue;

/// The clock of the runtime is no finer; also what keeps a deadline that does not move from taking the whole core.
const TICK: Duration = Duration::from_millis(1);
/// Messages of TCP connections taken in one turn, so that neither they nor datagrams hold up the others.
const BATCH: usize = 64;
/// After the port itself failed.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

pub(super) struct Worker {
    udp: Udp,
    config: sfu::Config,
    network: watch::Receiver<Network>,
    commands: mpsc::Receiver<MediaCommand>,
    events: mpsc::Sender<MediaEvent>,
    streams: mpsc::Receiver<StreamEvent>,
    taps: TapQueue,
    connections: Connections,
    /// Events that the control loop had no room for.
    backlog: VecDeque<MediaEvent>,
    ledger: Ledger,
    /// `None` after it could not even be made.
    sfu: Option<Sfu>,
    transmitter: Transmitter,
    last_timeout: Instant,
}

impl Worker {
    pub(super) fn new(
        socket: MediaSocket,
        config: sfu::Config,
        network: watch::Receiver<Network>,
        commands: mpsc::Receiver<MediaCommand>,
        events: mpsc::Sender<MediaEvent>,
        streams: mpsc::Receiver<StreamEvent>,
        taps: TapQueue,
    ) -> io::Result<Self> {
        let interfaces = network.borrow().interfaces.clone();
        let mut worker = Self {
            udp: Udp::new(socket, interfaces)?,
            config,
            network,
            commands,
            events,
            streams,
            taps,
            connections: Connections::default(),
            backlog: VecDeque::new(),
            ledger: Ledger::default(),
            sfu: None,
            transmitter: Transmitter::default(),
            last_timeout: Instant::now(),
        };
        worker.new_sfu();
        Ok(worker)
    }

    /// Serves until the control side is gone.
    pub(super) async fn run(mut self) {
        let mut received = Received::new();
        loop {
            let deadline = self.deadline().into_iter().chain(self.connections.deadline()).min();
            let timeout = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            let room_for_events = async {
                if self.backlog.is_empty() { std::future::pending().await } else { self.events.reserve().await.is_ok() }
            };
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command).await,
                    None => return,
                },
                Ok(()) = self.network.changed() => self.moved().await,
                result = self.udp.receive(&mut received) => match result {
                    Ok(()) => self.datagrams(&received).await,
                    Err(error) => {
                        tracing::trace!(%error, "not received");
                        tokio::time::sleep(ERROR_PAUSE).await;
                    }
                },
                // The server keeps the other end for as long as it gives commands.
                Some(event) = self.streams.recv() => self.stream(event).await,
                room = room_for_events => if !room { return },
                () = timeout => {}
            }
            for _ in 0..BATCH {
                match self.streams.try_recv() {
                    Ok(event) => self.stream(event).await,
                    Err(_) => break,
                }
            }
            // Here and not in its own branch: a steady stream of datagrams must not hold up the timers.
            if self.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
                self.last_timeout = Instant::now();
                self.step(|sfu, now| sfu.handle_timeout(now)).await;
            }
            let sfu = &self.sfu;
            let is_known = |peer| sfu.as_ref().is_some_and(|sfu| sfu.is_known(Protocol::Tcp, peer));
            self.connections.sweep(Instant::now(), is_known);
            self.transmitter.flush(&self.udp).await;
            self.send_backlog();
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let sfu = self.sfu.as_ref()?;
        let deadline = catch_unwind(AssertUnwindSafe(|| sfu.poll_timeout())).ok()??;
        Some(deadline.max(self.last_timeout + TICK))
    }

    async fn command(&mut self, command: MediaCommand) {
        if self.sfu.is_none() {
            self.new_sfu();
        }
        self.ledger.command(&command);
        self.step(|sfu, now| sfu.handle_command(command, now)).await;
    }

    /// A whole batch goes in before anything comes out: the SFU then gives what goes to one destination in a row, and
    /// that leaves as one train.
    async fn datagrams(&mut self, received: &Received) {
        let now = Instant::now();
        // All candidates are the one port at several addresses.
        let port = self.config.candidates.udp.first().map_or(0, SocketAddr::port);
        for (source, destination, contents) in received.datagrams() {
            // One that the kernel does not tell is to the SFU like one behind a NAT: it goes by the family.
            let destination = destination.unwrap_or(unspecified(source));
            let destination = SocketAddr::new(destination, port);
            let datagram = Datagram { protocol: Protocol::Udp, source, destination, contents };
            if self.guarded(|sfu| sfu.handle_datagram(datagram, now)).is_none() {
                return;
            }
        }
        self.drain().await;
    }

    /// The machine has other addresses than before.
    async fn moved(&mut self) {
        let Network { candidates, interfaces } = self.network.borrow_and_update().clone();
        self.udp.set_local(interfaces);
        self.config.candidates = candidates.clone();
        self.step(|sfu, _| sfu.set_candidates(&candidates)).await;
    }

    /// What happened on a TCP connection.
    async fn stream(&mut self, event: StreamEvent) {
        let now = Instant::now();
        match event {
            StreamEvent::Opened { stream, ends, framing, outbox } => {
                self.connections.open(stream, ends, framing, outbox, now);
            }
            StreamEvent::Message { stream, contents } => {
                let Some((ends, framing)) = self.connections.get(stream).map(|c| (c.ends, c.framing)) else {
                    return;
                };
                match framing {
                    Framing::Ice => {
                        let Ends { peer: source, local: destination } = ends;
                        let datagram = Datagram { protocol: Protocol::Tcp, source, destination, contents: &contents };
                        self.step(|sfu, now| sfu.handle_datagram(datagram, now)).await;
                    }
                    // No relay: whoever asks for its address is told it.
                    Framing::Turn => {
                        if let Some(answer) = sfu::binding_response(&contents, ends.peer) {
                            self.connections.send(ends.peer, &answer);
                        }
                    }
                }
            }
            StreamEvent::Closed { stream } => {
                if let Some(peer) = self.connections.close(stream) {
                    self.step(|sfu, now| sfu.handle_closed(peer, now)).await;
                }
            }
        }
    }

    /// One input to the SFU, and everything that follows from it.
    async fn step(&mut self, input: impl FnOnce(&mut Sfu, Instant)) {
        let now = Instant::now();
        if self.guarded(|sfu| input(sfu, now)).is_some() {
            self.drain().await;
        }
    }

    async fn drain(&mut self) {
        while let Some(output) = self.guarded(Sfu::poll_output).flatten() {
            match output {
                Output::Transmit(transmit) => match transmit.protocol {
                    Protocol::Udp => self.transmitter.push(&transmit, &self.udp).await,
                    Protocol::Tcp => self.connections.send(transmit.destination, &transmit.contents),
                },
                Output::Event(event) => self.report(event),
                Output::Tap(packet) => self.taps.send(packet),
            }
        }
    }

    /// A defect of the SFU ends its calls, not the process: clients reconnect their streams to the new one.
    fn guarded<T>(&mut self, run: impl FnOnce(&mut Sfu) -> T) -> Option<T> {
        let Some(sfu) = &mut self.sfu else {
            self.settle();
            return None;
        };
        match catch_unwind(AssertUnwindSafe(|| run(sfu))) {
            Ok(value) => Some(value),
            Err(_) => {
                tracing::error!("the media worker panicked and starts again");
                self.settle();
                self.new_sfu();
                None
            }
        }
    }

    fn settle(&mut self) {
        for event in self.ledger.settle() {
            self.report(event);
        }
    }

    fn new_sfu(&mut self) {
        let config = self.config.clone();
        let routers: Vec<_> = self.ledger.routers().collect();
        let new = catch_unwind(AssertUnwindSafe(|| {
            let now = Instant::now();
            let mut sfu = Sfu::new(config, crate::random_seed(), now);
            for command in routers {
                sfu.handle_command(command, now);
                // Nothing follows from an empty room.
                while sfu.poll_output().is_some() {}
            }
            sfu
        }));
        self.sfu = new.inspect_err(|_| tracing::error!("the media worker cannot start")).ok();
    }

    fn report(&mut self, event: MediaEvent) {
        self.ledger.event(&event);
        self.backlog.push_back(event);
        self.send_backlog();
    }

    fn send_backlog(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => return self.backlog.push_front(event),
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        }
    }
}

fn unspecified(source: SocketAddr) -> IpAddr {
    match source {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}
