//! The UDP sockets of a worker, with what the kernel offers to make datagrams cheap: many per call in, runs of trains out,
//! and the address of ours that a datagram came to.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use mio::event::Event;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};

use crate::kernel::Messages;
use crate::send_queue::SendQueue;
use crate::steering::{self, Step};
use crate::{MediaSocket, WorkerSockets};

/// With receive offload, one buffer holds several datagrams.
const BUFFER: usize = 64 * 1024;

/// The port of media and, if there is one, that of TURN.
pub(super) struct Ports {
    pub(super) media: Udp,
    pub(super) turn: Option<Udp>,
}

impl Ports {
    pub(super) fn new(sockets: WorkerSockets, local: &[IpAddr], registry: &Registry) -> io::Result<Self> {
        let turn = sockets.turn.map(|socket| Udp::new(socket, local.to_vec(), registry)).transpose()?;
        Ok(Self { media: Udp::new(sockets.media, local.to_vec(), registry)?, turn })
    }

    /// The machine has these addresses now.
    pub(super) fn set_local(&mut self, local: &[IpAddr]) {
        for port in self.each() {
            port.local = local.to_vec();
        }
    }

    /// The one that has this port; that of media if none has.
    pub(super) fn at(&mut self, port: u16) -> &mut Udp {
        self.turn.as_mut().filter(|turn| turn.port == port).unwrap_or(&mut self.media)
    }

    /// All of them.
    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut Udp> {
        [Some(&mut self.media), self.turn.as_mut()].into_iter().flatten()
    }

    /// There may be datagrams.
    pub(super) fn are_readable(&self) -> bool {
        self.media.is_readable || self.turn.as_ref().is_some_and(|turn| turn.is_readable)
    }

    /// The kernel tells something of one of them.
    pub(super) fn happened(&mut self, event: &Event) {
        if let Some(port) = self.each().find(|port| port.token() == event.token()) {
            port.is_readable |= event.is_readable() || event.is_error();
            port.is_writable |= event.is_writable();
        }
    }
}

pub(super) struct Udp {
    pub(super) port: u16,
    pub(super) queue: SendQueue,
    socket: UdpSocket,
    registry: Registry,
    state: UdpSocketState,
    messages: Messages,
    /// An IPv6 socket that carries IPv4 too wants its addresses mapped.
    mapped: bool,
    /// The kernel refuses to send from others.
    local: Vec<IpAddr>,
    /// There may be datagrams: the kernel tells it once, and again after all have been taken.
    is_readable: bool,
    /// There may be room again.
    is_writable: bool,
    /// The kernel tells when there is room again. Only then: it would tell it for each datagram that has left.
    awaits_room: bool,
}

/// What one call received; reused.
pub(super) struct Received {
    buffers: Vec<Vec<u8>>,
    meta: [RecvMeta; BATCH_SIZE],
    count: usize,
}

impl Received {
    pub(super) fn new() -> Self {
        Self { buffers: vec![vec![0; BUFFER]; BATCH_SIZE], meta: [RecvMeta::default(); BATCH_SIZE], count: 0 }
    }

    /// Source, our address if known, contents.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, Option<IpAddr>, &[u8])> {
        self.meta[..self.count].iter().zip(&self.buffers).flat_map(|(meta, buffer)| {
            let source = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let destination = meta.dst_ip.map(|ip| ip.to_canonical());
            buffer[..meta.len].chunks(meta.stride.max(1)).map(move |contents| (source, destination, contents))
        })
    }
}

impl Udp {
    /// Tells the kernel whose datagrams are for which of those who share the port.
    pub(super) fn steer(&self, steps: &[Step]) {
        steering::install(&self.socket, steps);
    }

    fn new(socket: MediaSocket, local: Vec<IpAddr>, registry: &Registry) -> io::Result<Self> {
        let MediaSocket { socket, address, .. } = socket;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        without_timestamps(&socket);
        let mut udp = Self {
            port: address.port(),
            queue: SendQueue::new(state.max_gso_segments()),
            socket: UdpSocket::from_std(socket),
            registry: registry.try_clone()?,
            state,
            messages: Messages::default(),
            mapped: address.is_ipv6(),
            local,
            is_readable: false,
            is_writable: false,
            awaits_room: false,
        };
        let token = udp.token();
        registry.register(&mut udp.socket, token, Interest::READABLE)?;
        Ok(udp)
    }

    fn token(&self) -> Token {
        Token(self.port.into())
    }

    /// Takes the datagrams that are there, if any.
    pub(super) fn receive(&mut self, received: &mut Received) -> io::Result<()> {
        received.count = 0;
        if !self.is_readable {
            return Ok(());
        }
        let Received { buffers, meta, count } = received;
        let mut slices = buffers.iter_mut();
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(slices.next().map(Vec::as_mut_slice).unwrap_or_default()));
        let Self { socket, state, .. } = self;
        match socket.try_io(|| state.recv(UdpSockRef::from(&*socket), &mut slices, meta)) {
            Ok(received) => {
                *count = received;
                // Fewer than there was room for: these were all, and the kernel tells of the next one.
                self.is_readable = received == BATCH_SIZE;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_readable = false;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Sends what has been gathered, or keeps it for a moment while the kernel's buffer is full. Never waits: everybody's
    /// media stands behind this.
    pub(super) fn send(&mut self) {
        if self.queue.is_blocked() && !std::mem::take(&mut self.is_writable) {
            return;
        }
        let Self { socket, messages, mapped, local, queue, port, .. } = self;
        let lost = queue.flush(|run| {
            let source = Some(run.source).filter(|ip| local.contains(ip));
            messages.send(socket, *mapped, source, run)
        });
        if let Some(trains) = lost {
            tracing::debug!(
                port,
                trains,
                "lost while the kernel took nothing: the network is slower than what is sent"
            );
        }
        self.await_room();
    }

    fn await_room(&mut self) {
        let blocked = self.queue.is_blocked();
        if blocked == self.awaits_room {
            return;
        }
        let interest = if blocked { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        let token = self.token();
        match self.registry.reregister(&mut self.socket, token, interest) {
            Ok(()) => self.awaits_room = blocked,
            // The next turn tries again.
            Err(error) => {
                tracing::error!(%error, "the media worker cannot wait for room");
                self.is_writable = true;
            }
        }
    }
}

/// The library asks for the time at which each datagram came, which nobody here wants to know.
#[cfg(target_os = "linux")]
fn without_timestamps(socket: &std::net::UdpSocket) {
    use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};
    if let Err(error) = setsockopt(socket, ReceiveTimestampns, &false) {
        tracing::debug!(%error, "the kernel goes on telling the time of datagrams");
    }
}

#[cfg(not(target_os = "linux"))]
fn without_timestamps(_: &std::net::UdpSocket) {}

#[cfg(test)]
mod tests;
