//! The loop of one media thread: receive, decide (in [`Sfu`]), send. Between the network and the SFU stands the
//! [`turn::Server`], which takes what is for it and hands over in memory what it relays.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::id::WorkerId;
use protocol::media::{MediaCommand, MediaEvent, MediaPath, PathProtocol, TransportObservation};
use sfu::{Arrival, Datagram, Output, Protocol, Sfu, TapPacket, Transmit};
use stun::framing::Framing;
use tokio::sync::{mpsc, watch};
use turn::{Client, Handled, Space};

use super::connections::{Connection, Connections};
use super::ledger::Ledger;
use super::local_media::LocalMedia;
use super::neighbours::{Handed, Neighbours, Parcel};
use super::network::NetworkChanges;
use super::poller::{ERROR_PAUSE, Poller};
use super::pulse::PulseQuestions;
use super::relay_use::Questioned;
use super::reports::Reports;
use super::streams::{StreamEnds, StreamEvent};
use super::udp::{Ports, Received};
use crate::{MediaNetwork, TapSink, WorkerSockets};

/// Waiting is no finer; also what keeps a deadline that does not move from taking the whole core.
const TICK: Duration = Duration::from_millis(1);
/// Commands taken in one turn: each may take long.
const MOST_COMMANDS: usize = 8;
/// Messages of TCP connections, and of other workers, taken in one turn, so that none of them holds up the others.
const BATCH: usize = 64;
/// How the pure parts work.
pub(super) struct WorkerConfig {
    pub(super) sfu: sfu::Config,
    pub(super) turn: turn::Config,
}

/// What is asked of a worker, datagrams aside.
pub(super) struct WorkerInputs {
    pub(super) commands: mpsc::Receiver<MediaCommand>,
    pub(super) streams: mpsc::Receiver<StreamEvent>,
    pub(super) questioned: Questioned,
    pub(super) pulse: PulseQuestions,
    pub(super) neighbours: Neighbours,
    pub(super) local: mpsc::Receiver<LocalMedia>,
}

pub(super) struct Worker<Taps> {
    ports: Ports,
    config: WorkerConfig,
    network: NetworkChanges,
    inputs: WorkerInputs,
    /// One of the queues may hold more than was taken.
    has_more: bool,
    reports: Reports,
    taps: Taps,
    connections: Connections,
    ledger: Ledger,
    turn: turn::Server,
    /// `None` after it could not even be made.
    sfu: Option<Sfu>,
    poller: Poller,
    last_timeout: Instant,
}

impl<Taps: TapSink> Worker<Taps> {
    pub(super) fn new(
        sockets: WorkerSockets,
        config: WorkerConfig,
        network: watch::Receiver<MediaNetwork>,
        inputs: WorkerInputs,
        events: mpsc::Sender<MediaEvent>,
        taps: Taps,
    ) -> io::Result<Self> {
        let interfaces = network.borrow().interfaces.clone();
        let poller = Poller::new()?;
        let mut worker = Self {
            turn: turn::Server::new(config.turn.clone(), crate::random_seed(), Instant::now()),
            ports: Ports::new(sockets, &interfaces, poller.registry())?,
            config,
            network: NetworkChanges::of(network),
            inputs,
            // What waits already has woken nobody.
            has_more: true,
            reports: Reports::new(events),
            taps,
            connections: Connections::default(),
            ledger: Ledger::default(),
            sfu: None,
            poller,
            last_timeout: Instant::now(),
        };
        worker.new_sfu();
        Ok(worker)
    }

    /// Serves until the control side is gone.
    pub(super) fn run(mut self) {
        let mut received = Received::new();
        while self.turn(&mut received) {}
    }

    /// Waits until there is something to do, and does some of everything that there is to do: nobody holds up the others.
    /// `false`: nobody is there any more to do it for.
    fn turn(&mut self, received: &mut Received) -> bool {
        let busy = self.has_more || self.ports.are_readable();
        let deadline = self.deadline().into_iter().chain(self.connections.deadline()).min();
        let called = self.poller.wait(busy, deadline, |event| self.ports.happened(event));
        let waker = self.poller.waker();
        let mut context = Context::from_waker(&waker);
        // What wakes it from one of the queues has waited since the last look at all of them.
        let look = std::mem::take(&mut self.has_more) | called;
        if look && !self.take_inputs(&mut context) {
            return false;
        }
        self.receive(received);
        // Whatever woke it: a steady stream of datagrams must not hold up the timers.
        if self.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            self.last_timeout = Instant::now();
            self.relay(|turn| turn.handle_timeout(Instant::now()));
            self.step(|sfu, now| sfu.handle_timeout(now));
        }
        let (sfu, turn, now) = (self.sfu.as_ref(), &self.turn, Instant::now());
        let port = &self.ports.media;
        self.inputs.neighbours.sweep(now, |source| is_known(sfu, Protocol::Udp, source), |steps| port.steer(steps));
        let is_known = |connection: &Connection| match connection.framing {
            Framing::Ice => is_known(sfu, Protocol::Tcp, connection.ends.peer),
            Framing::Turn => turn.is_known(&turn_client(connection.ends)),
        };
        self.connections.sweep(now, is_known);
        self.send();
        if look {
            self.inputs.questioned.answer(&self.turn, &mut context);
            self.inputs.pulse.answer(&mut context);
        }
        self.reports.poll_send(&mut context)
    }

    /// Takes some of what waits in the queues. Those that are empty wake the worker when they are not any more. `false`: there
    /// will be no command any more.
    fn take_inputs(&mut self, context: &mut Context<'_>) -> bool {
        for taken in 0.. {
            if taken == MOST_COMMANDS {
                self.has_more = true;
                break;
            }
            match self.inputs.commands.poll_recv(context) {
                Poll::Ready(Some(command)) => self.command(command),
                Poll::Ready(None) => return false,
                Poll::Pending => break,
            }
        }
        while let Some(network) = self.network.poll_change(context) {
            self.moved(network);
        }
        self.stream_events(context);
        for taken in 0.. {
            if taken == BATCH {
                self.has_more = true;
                break;
            }
            let Poll::Ready(Some(LocalMedia { publication, packets })) = self.inputs.local.poll_recv(context) else {
                break;
            };
            self.guarded(|sfu| sfu.handle_local(publication, packets, Instant::now()));
        }
        // As with datagrams, a batch goes in before anything comes out.
        for taken in 0.. {
            if taken == BATCH {
                self.has_more = true;
                break;
            }
            let Some(handed) = self.inputs.neighbours.poll_handed(context) else { break };
            self.handed(handed);
        }
        self.drain();
        true
    }

    /// What another worker hands over.
    fn handed(&mut self, handed: Handed) {
        match handed {
            Handed::Arrived { from, parcel } => self.handed_datagrams(from, &parcel),
            Handed::Claimed { by, source } => self.inputs.neighbours.claimed(by, source),
            Handed::Disclaimed { by, source } => self.inputs.neighbours.disclaimed(by, source),
            Handed::Leaving(transmit) => self.transmit(transmit),
            Handed::Piped { from, message } => {
                self.guarded(|sfu| sfu.handle_piped(from, message, Instant::now()));
            }
            Handed::Lost { worker } => {
                self.guarded(|sfu| sfu.handle_lost(worker, Instant::now()));
            }
        }
    }

    /// Datagrams that came to another worker.
    fn handed_datagrams(&mut self, from: WorkerId, parcel: &Parcel) {
        let now = Instant::now();
        for (datagram, client) in parcel.datagrams() {
            let source = datagram.source;
            let Some(arrival) = self.guarded(|sfu| sfu.handle_datagram(datagram, now)) else { return };
            let is_check = sfu::worker_of_check(datagram.contents).is_some();
            match arrival {
                Arrival::Taken if is_check && is_known(self.sfu.as_ref(), Protocol::Udp, source) => {
                    self.inputs.neighbours.claim(from, source, true);
                    if let Some(client) = client {
                        self.inputs.neighbours.met(source, client);
                    }
                }
                Arrival::FromNobody => self.inputs.neighbours.claim(from, source, false),
                Arrival::Taken | Arrival::Unasked | Arrival::CheckFor(_) => {}
            }
        }
    }

    fn receive(&mut self, received: &mut Received) {
        let ports = [Some(self.ports.media.port), self.ports.turn.as_ref().map(|turn| turn.port)];
        for port in ports.into_iter().flatten() {
            match self.ports.at(port).receive(received) {
                Ok(()) => self.datagrams(received, port),
                Err(error) => {
                    tracing::trace!(%error, "not received");
                    thread::sleep(ERROR_PAUSE);
                }
            }
        }
    }

    /// Sends what has been gathered; the buffers go back to the SFU.
    fn send(&mut self) {
        for port in self.ports.each() {
            port.send();
            for buffer in port.queue.spent() {
                // It only keeps it.
                if let Some(sfu) = &mut self.sfu {
                    sfu.reuse(buffer);
                }
            }
        }
    }

    fn deadline(&mut self) -> Option<Instant> {
        let sfu = self.sfu.as_mut();
        let sfu = sfu.and_then(|sfu| catch_unwind(AssertUnwindSafe(|| sfu.poll_timeout())).ok()?);
        let deadline = sfu.into_iter().chain(self.turn.poll_timeout()).min()?;
        Some(deadline.max(self.last_timeout + TICK))
    }

    fn command(&mut self, command: MediaCommand) {
        if self.sfu.is_none() {
            self.new_sfu();
        }
        self.ledger.command(&command);
        self.step(|sfu, now| sfu.handle_command(command, now));
    }

    /// A whole batch goes in before anything comes out: the SFU then gives what goes to one destination in a row, and
    /// that leaves as one train.
    fn datagrams(&mut self, received: &Received, port: u16) {
        let now = turn_now();
        let is_media = port == self.ports.media.port;
        for (source, destination, contents) in received.datagrams() {
            // One that the kernel does not tell is to the SFU like one behind a NAT: it goes by the family.
            let destination = destination.unwrap_or(unspecified(source));
            let destination = SocketAddr::new(destination, port);
            if Space::of(source).is_some() {
                continue;
            }
            let client = Client { transport: turn::Transport::Udp, remote: source, local: destination };
            let protocol = Protocol::Udp;
            let (datagram, client) = match self.relay(|turn| turn.handle(client, contents, now)) {
                Some(Handled::NotOurs) if is_media => (Datagram { protocol, source, destination, contents }, None),
                Some(Handled::Relayed { source, destination, contents }) => {
                    (Datagram { protocol, source, destination, contents }, Some(client))
                }
                Some(Handled::Answer(answer)) => {
                    self.answer(client, [&answer, &[], &[]]);
                    continue;
                }
                Some(Handled::Nothing | Handled::NotOurs) | None => continue,
            };
            if !self.deliver(datagram, client, now.instant) {
                break;
            }
        }
        self.inputs.neighbours.post();
        self.drain();
    }

    /// To whom it is for, here or in another worker; `client` is behind the relay that it came through. `false`: nobody who was
    /// here before is here any more.
    fn deliver(&mut self, datagram: Datagram<'_>, client: Option<Client>, now: Instant) -> bool {
        let Some(arrival) = self.guarded(|sfu| sfu.handle_datagram(datagram, now)) else { return false };
        // With ICE-lite nobody here asks, and such an answer is a stranger's.
        if arrival != Arrival::Unasked || !self.config.sfu.ice_lite {
            self.inputs.neighbours.arrived(arrival, datagram, client);
        }
        true
    }

    /// The machine has other addresses than before.
    fn moved(&mut self, network: MediaNetwork) {
        let MediaNetwork { candidates, interfaces } = network;
        self.ports.set_local(&interfaces);
        self.config.sfu.candidates = candidates.clone();
        self.config.turn.peers.clone_from(&candidates.udp);
        self.relay(|turn| turn.set_peers(candidates.udp.clone()));
        self.step(|sfu, _| sfu.set_candidates(&candidates));
    }

    /// What happened on TCP connections. As with datagrams, a batch goes in before anything comes out.
    fn stream_events(&mut self, context: &mut Context<'_>) {
        let mut taken = 0;
        while taken < BATCH
            && let Poll::Ready(Some(event)) = self.inputs.streams.poll_recv(context)
        {
            self.stream(event);
            taken += 1;
        }
        self.has_more |= taken == BATCH;
        if taken > 0 {
            self.inputs.neighbours.post();
            self.drain();
        }
    }

    /// One event; what follows from it is left in the SFU.
    fn stream(&mut self, event: StreamEvent) {
        let now = Instant::now();
        match event {
            StreamEvent::Opened { stream, ends, framing, outbox } => {
                self.connections.open(stream, ends, framing, outbox, now);
            }
            StreamEvent::Message { stream, contents } => {
                let Some((ends, framing)) = self.connections.get(stream).map(|c| (c.ends, c.framing)) else {
                    return;
                };
                let client = turn_client(ends);
                match self.relay(|turn| turn.handle(client, &contents, turn_now())) {
                    Some(Handled::NotOurs) if framing == Framing::Ice => {
                        let StreamEnds { peer: source, local: destination } = ends;
                        let datagram = Datagram { protocol: Protocol::Tcp, source, destination, contents: &contents };
                        // The connection came to the worker that its first check is for.
                        self.guarded(|sfu| sfu.handle_datagram(datagram, now));
                    }
                    Some(Handled::Relayed { source, destination, contents }) => {
                        let datagram = Datagram { protocol: Protocol::Udp, source, destination, contents };
                        self.deliver(datagram, Some(client), now);
                    }
                    Some(Handled::Answer(answer)) => self.answer(client, [&answer, &[], &[]]),
                    Some(Handled::Nothing | Handled::NotOurs) | None => {}
                }
            }
            StreamEvent::Closed { stream } => {
                if let Some(ends) = self.connections.close(stream) {
                    self.relay(|turn| turn.closed(&turn_client(ends)));
                    self.guarded(|sfu| sfu.handle_closed(ends.peer, now));
                }
            }
        }
    }

    /// One input to the SFU, and everything that follows from it.
    fn step(&mut self, input: impl FnOnce(&mut Sfu, Instant)) {
        let now = Instant::now();
        if self.guarded(|sfu| input(sfu, now)).is_some() {
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.guarded(Sfu::poll_output).flatten() {
            match output {
                Output::Transmit(transmit) => self.transmit(transmit),
                Output::Event(event) => {
                    let event = self.behind_relay(event);
                    self.report(event);
                }
                Output::Tap(packet) => self.tap(packet),
                Output::KeyFrameWanted { publication } => self.taps.want_key_frame(publication),
                Output::Piped { to, message } => self.inputs.neighbours.pipe(to, message),
            }
        }
    }

    /// A defect of whoever takes copies loses a copy, and no call.
    fn tap(&mut self, packet: TapPacket) {
        if catch_unwind(AssertUnwindSafe(|| self.taps.take(packet))).is_err() {
            tracing::error!("whoever takes copies of packets panicked: one is lost");
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        let (source, destination) = (transmit.source, transmit.destination);
        let relay = Space::of(destination);
        let is_relayed = relay.is_some();
        if let Some(worker) = relay.filter(|space| *space != self.config.turn.space) {
            return self.inputs.neighbours.relay(WorkerId(worker.number().into()), transmit);
        }
        if transmit.protocol == Protocol::Udp && !is_relayed {
            let port = self.ports.at(source.port());
            port.queue.push(transmit);
            if port.queue.is_due() {
                self.send();
            }
            return;
        }
        for contents in transmit.datagrams() {
            if !is_relayed {
                self.connections.send(destination, contents);
                continue;
            }
            let frame = |turn: &mut turn::Server| turn.frame(destination, source, contents.len(), Instant::now());
            if let Some(frame) = self.relay(frame).flatten() {
                self.answer(frame.client, [frame.head(), contents, frame.padding()]);
            }
        }
        self.guarded(|sfu| sfu.reuse(transmit.contents));
    }

    /// To a client of the relay.
    fn answer(&mut self, client: Client, pieces: [&[u8]; 3]) {
        let Client { transport, remote: destination, local: source } = client;
        match transport {
            turn::Transport::Udp => {
                let port = self.ports.at(source.port());
                port.queue.push_pieces(source.ip(), destination, pieces);
                if port.queue.is_due() {
                    self.send();
                }
            }
            turn::Transport::Stream => self.connections.send(destination, &pieces.concat()),
        }
    }

    /// A defect of the relay ends its allocations, not the process: clients make new ones.
    fn relay<T>(&mut self, run: impl FnOnce(&mut turn::Server) -> T) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(|| run(&mut self.turn)));
        if result.is_err() {
            tracing::error!("the TURN server panicked and starts again");
            self.turn = turn::Server::new(self.config.turn.clone(), crate::random_seed(), Instant::now());
        }
        result.ok()
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
                self.inputs.pulse.panicked();
                self.settle();
                self.inputs.neighbours.lost();
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
        let config = self.config.sfu.clone();
        let routers: Vec<_> = self.ledger.restored().collect();
        let new = catch_unwind(AssertUnwindSafe(|| {
            let now = Instant::now();
            let mut sfu = Sfu::new(config, crate::random_seed(), now);
            sfu.set_time_of_day(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(), now);
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
        self.reports.push(event);
    }

    /// The SFU takes a relayed address for a client's: who watches wants to know where the client really is.
    fn behind_relay(&mut self, mut event: MediaEvent) -> MediaEvent {
        if let MediaEvent::Observed { observation: TransportObservation::Path(path), .. } = &mut event
            && Space::of(path.remote).is_some()
        {
            let relayed = path.remote;
            let allocation = |turn: &mut turn::Server| {
                turn.allocations().find(|allocation| allocation.relayed == relayed).map(|allocation| allocation.client)
            };
            let client = self.inputs.neighbours.behind(relayed);
            if let Some(client) = client.or_else(|| self.relay(allocation).flatten()) {
                let protocol = match client.transport {
                    turn::Transport::Udp => PathProtocol::Udp,
                    turn::Transport::Stream => PathProtocol::Tcp,
                };
                *path = MediaPath { protocol, local: path.local, remote: client.remote, relayed: true };
            }
        }
        event
    }
}

/// Whether a transport of this worker has authenticated it.
fn is_known(sfu: Option<&Sfu>, protocol: Protocol, source: SocketAddr) -> bool {
    sfu.is_some_and(|sfu| sfu.is_known(protocol, source))
}

fn turn_now() -> turn::Now {
    let unix_seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    turn::Now { instant: Instant::now(), unix_seconds }
}

fn turn_client(ends: StreamEnds) -> Client {
    Client { transport: turn::Transport::Stream, remote: ends.peer, local: ends.local }
}

fn unspecified(source: SocketAddr) -> IpAddr {
    match source {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests;
