//! Ports of this machine: how they are opened, and what the kernel grants for them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// Some 30 ms of a full gigabit; the kernel may grant less (`net.core.rmem_max`).
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// A bound UDP port, before a worker has it.
#[derive(Debug)]
pub struct MediaSocket {
    pub(crate) socket: std::net::UdpSocket,
    pub(crate) address: SocketAddr,
    buffers: SocketBuffers,
}

/// The kernel's buffers of a UDP port, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketBuffers {
    /// Granted for what comes.
    pub receive: usize,
    /// Granted for what goes.
    pub send: usize,
    /// What was asked for, each.
    pub wanted: usize,
}

impl MediaSocket {
    /// Opens the port. `::` takes IPv4 too, or only IPv4 where there is no IPv6. The error comes with the address that
    /// was tried last.
    pub fn bind(ip: IpAddr, port: u16) -> Result<Self, (SocketAddr, io::Error)> {
        let (socket, address) = bind_port(ip, port, Type::DGRAM, Protocol::UDP)?;
        for granted in [socket.set_recv_buffer_size(SOCKET_BUFFER), socket.set_send_buffer_size(SOCKET_BUFFER)] {
            if let Err(error) = granted {
                tracing::warn!(%error, "the UDP port has a small buffer");
            }
        }
        // Linux grants twice what it is asked for, for its own bookkeeping, and tells it so (socket(7)).
        let net = |told: io::Result<usize>| if cfg!(target_os = "linux") { told.map(|told| told / 2) } else { told };
        let failed = |cause| (address, cause);
        let buffers = SocketBuffers {
            receive: net(socket.recv_buffer_size()).map_err(failed)?,
            send: net(socket.send_buffer_size()).map_err(failed)?,
            wanted: SOCKET_BUFFER,
        };
        let socket = std::net::UdpSocket::from(socket);
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address, buffers })
    }

    /// Opens the port of TURN, if it is to be had: it is one way among others.
    pub fn bind_turn(ip: IpAddr, port: u16) -> Option<Self> {
        let opened = Self::bind(ip, port);
        if let Err((address, error)) = &opened {
            tracing::warn!(%address, %error, "no TURN over UDP (setting COTURN_PORT)");
        }
        opened.ok()
    }

    /// Where it is bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the kernel granted.
    pub fn buffers(&self) -> SocketBuffers {
        self.buffers
    }
}

/// The UDP ports of a worker.
#[derive(Debug)]
pub struct WorkerSockets {
    /// For media, and for all else that comes there.
    pub media: MediaSocket,
    /// For TURN.
    pub turn: Option<MediaSocket>,
}

/// A bound, non-blocking socket: of UDP, or of the TCP port, which carries media too. Of TCP nothing listens yet.
pub fn bind_port(
    ip: IpAddr,
    port: u16,
    kind: Type,
    protocol: Protocol,
) -> Result<(Socket, SocketAddr), (SocketAddr, io::Error)> {
    let address = SocketAddr::new(ip, port);
    let bind = |address: SocketAddr| {
        let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
        if address.is_ipv6() {
            socket.set_only_v6(!address.ip().is_unspecified())?;
        }
        if kind == Type::STREAM {
            // Or a restart would have to wait for the last connections to be forgotten.
            socket.set_reuse_address(true)?;
        }
        socket.bind(&address.into())?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    match bind(address) {
        Ok(socket) => Ok((socket, address)),
        Err(error) if ip.is_ipv6() && ip.is_unspecified() && no_ipv6(&error) => {
            let address = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
            bind(address).map(|socket| (socket, address)).map_err(|cause| (address, cause))
        }
        Err(cause) => Err((address, cause)),
    }
}

fn no_ipv6(error: &io::Error) -> bool {
    /// Has no `ErrorKind` of its own; the number is Linux's.
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}
