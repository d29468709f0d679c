//! The UDP sockets of a worker, with what the kernel offers to make datagrams cheap: many per call in, trains of equal
//! ones out, and the address of ours that a datagram came to.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::unsent::{Train, Unsent};
use crate::{MediaSocket, WorkerSockets};

/// With receive offload, one buffer holds several datagrams.
const BUFFER: usize = 64 * 1024;

/// The port of media and, if there is one, that of TURN.
pub(super) struct Ports {
    pub(super) media: Udp,
    pub(super) turn: Option<Udp>,
}

impl Ports {
    /// Must be called inside the worker's runtime.
    pub(super) fn new(sockets: WorkerSockets, local: &[IpAddr]) -> io::Result<Self> {
        let turn = sockets.turn.map(|socket| Udp::new(socket, local.to_vec())).transpose()?;
        Ok(Self { media: Udp::new(sockets.media, local.to_vec())?, turn })
    }

    /// The machine has these addresses now.
    pub(super) fn set_local(&mut self, local: &[IpAddr]) {
        for port in [Some(&mut self.media), self.turn.as_mut()].into_iter().flatten() {
            port.local = local.to_vec();
        }
    }

    /// The one that has this port; that of media if none has.
    pub(super) fn at(&self, port: u16) -> &Udp {
        self.turn.as_ref().filter(|turn| turn.port == port).unwrap_or(&self.media)
    }

    /// The same, to send.
    pub(super) fn at_mut(&mut self, port: u16) -> &mut Udp {
        self.turn.as_mut().filter(|turn| turn.port == port).unwrap_or(&mut self.media)
    }

    /// Waits until there may be room for what could not be sent; for ever if there is nothing.
    pub(super) async fn room(&self) {
        match &self.turn {
            Some(turn) => tokio::select! {
                () = self.media.room() => {}
                () = turn.room() => {}
            },
            None => self.media.room().await,
        }
    }

    /// Sends what could not be sent before, as far as there is room now.
    pub(super) fn send_rest(&mut self) {
        for port in [Some(&mut self.media), self.turn.as_mut()].into_iter().flatten() {
            if port.has_unsent() {
                port.send_rest();
            }
        }
    }
}

pub(super) struct Udp {
    pub(super) port: u16,
    socket: UdpSocket,
    state: UdpSocketState,
    /// An IPv6 socket that carries IPv4 too wants its addresses mapped.
    mapped: bool,
    /// The kernel refuses to send from others.
    local: Vec<IpAddr>,
    unsent: Unsent,
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
    fn new(socket: MediaSocket, local: Vec<IpAddr>) -> io::Result<Self> {
        let MediaSocket { socket, address, .. } = socket;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let socket = UdpSocket::from_std(socket)?;
        Ok(Self { port: address.port(), socket, state, mapped: address.is_ipv6(), local, unsent: Unsent::default() })
    }

    /// Waits until there may be datagrams.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Takes the datagrams that are there. [`io::ErrorKind::WouldBlock`]: there are none.
    pub(super) fn receive(&self, received: &mut Received) -> io::Result<()> {
        received.count = 0;
        let Received { buffers, meta, count } = received;
        let mut slices = buffers.iter_mut();
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(slices.next().map(Vec::as_mut_slice).unwrap_or_default()));
        let receive = || {
            *count = self.state.recv(UdpSockRef::from(&self.socket), &mut slices, meta)?;
            // Fewer than there was room for: these were all. The runtime learns it here, or a second call would have to
            // ask the kernel for nothing before the worker sleeps.
            if *count < BATCH_SIZE { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        };
        match self.socket.try_io(Interest::READABLE, receive) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && *count > 0 => {}
            other => other?,
        }
        Ok(())
    }

    /// How many datagrams one train may have.
    pub(super) fn longest_train(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Sends a train, or keeps it for a moment while the kernel's buffer is full. Never waits: everybody's media stands behind
    /// this one.
    pub(super) fn send(&mut self, train: &Train<'_>) {
        let Self { socket, state, mapped, local, unsent, .. } = self;
        unsent.send(train, |train| try_send(socket, state, *mapped, local, train));
    }

    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Waits until there may be room for what could not be sent; for ever if there is nothing.
    pub(super) async fn room(&self) {
        // An error would be one of the runtime: without it nothing is received either.
        if !self.has_unsent() || self.socket.writable().await.is_err() {
            std::future::pending().await
        }
    }

    /// Sends what could not be sent before, as far as there is room now.
    pub(super) fn send_rest(&mut self) {
        let Self { socket, state, mapped, local, unsent, port } = self;
        if let Some(trains) = unsent.flush(|train| try_send(socket, state, *mapped, local, train)) {
            tracing::debug!(
                port,
                trains,
                "lost while the kernel took nothing: the network is slower than what is sent"
            );
        }
    }
}

fn try_send(
    socket: &UdpSocket,
    state: &UdpSocketState,
    mapped: bool,
    local: &[IpAddr],
    train: &Train<'_>,
) -> io::Result<()> {
    let Train { source, destination, contents, segment } = *train;
    let destination = match destination.ip() {
        IpAddr::V4(ip) if mapped => SocketAddr::new(ip.to_ipv6_mapped().into(), destination.port()),
        _ => destination,
    };
    let transmit = Transmit {
        destination,
        ecn: None,
        contents,
        segment_size: (segment < contents.len()).then_some(segment),
        src_ip: Some(source).filter(|ip| local.contains(ip)),
    };
    socket.try_io(Interest::WRITABLE, || state.try_send(UdpSockRef::from(socket), &transmit))
}
