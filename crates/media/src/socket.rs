//! Ports of this machine: how they are opened, and what the kernel grants for them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

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
        let failed = |cause| (address, cause);
        let buffers = with_buffers(&socket).map_err(failed)?;
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

    /// The same port once more, for another worker: the kernel gives each of them the datagrams of some clients. A port that is
    /// shared is not to be had for other programs either: this one had it to itself first.
    pub fn share(&self) -> io::Result<Self> {
        let own = SockRef::from(&self.socket);
        own.set_reuse_port(true)?;
        let socket = Socket::new(Domain::for_address(self.address), Type::DGRAM, Some(Protocol::UDP))?;
        if self.address.is_ipv6() {
            socket.set_only_v6(own.only_v6()?)?;
        }
        socket.set_reuse_port(true)?;
        socket.bind(&self.address.into())?;
        socket.set_nonblocking(true)?;
        Ok(Self { buffers: with_buffers(&socket)?, socket: socket.into(), address: self.address })
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

/// Asks for room in the kernel; what it grants.
fn with_buffers(socket: &Socket) -> io::Result<SocketBuffers> {
    for granted in [socket.set_recv_buffer_size(SOCKET_BUFFER), socket.set_send_buffer_size(SOCKET_BUFFER)] {
        if let Err(error) = granted {
            tracing::warn!(%error, "the UDP port has a small buffer");
        }
    }
    // Linux grants twice what it is asked for, for its own bookkeeping, and tells it so (socket(7)).
    let net = |told: usize| if cfg!(target_os = "linux") { told / 2 } else { told };
    Ok(SocketBuffers {
        receive: net(socket.recv_buffer_size()?),
        send: net(socket.send_buffer_size()?),
        wanted: SOCKET_BUFFER,
    })
}

/// The UDP ports of a worker.
#[derive(Debug)]
pub struct WorkerSockets {
    /// For media, and for all else that comes there.
    pub media: MediaSocket,
    /// For TURN.
    pub turn: Option<MediaSocket>,
}

impl WorkerSockets {
    /// The same ports once more, for another worker.
    pub fn share(&self) -> io::Result<Self> {
        let turn = self.turn.as_ref().map(MediaSocket::share).transpose()?;
        Ok(Self { media: self.media.share()?, turn })
    }
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv6Addr, UdpSocket};

    use super::*;

    /// Whether both of a shared port are sent something by some of many clients, and nothing is lost.
    fn is_shared(ip: IpAddr, to: IpAddr) -> bool {
        const CLIENTS: usize = 64;
        let first = MediaSocket::bind(ip, 0).unwrap();
        let second = first.share().unwrap();
        assert_eq!(first.address(), second.address());
        let clients: Vec<_> = (0..CLIENTS).map(|_| UdpSocket::bind((to, 0)).unwrap()).collect();
        let address = SocketAddr::new(to, first.address().port());
        clients.iter().for_each(|client| assert_eq!(client.send_to(b"hello", address).unwrap(), 5));
        // What was sent over loopback is there when the call returns.
        let count = |of: &MediaSocket| (0..).take_while(|_| of.socket.recv_from(&mut [0; 9]).is_ok()).count();
        let counts = [count(&first), count(&second)];
        counts.iter().sum::<usize>() == CLIENTS && !counts.contains(&0)
    }

    #[test]
    fn the_kernel_spreads_clients_over_the_workers_of_a_port() {
        let (v4, any) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv4Addr::UNSPECIFIED));
        assert!(is_shared(v4, v4));
        assert!(is_shared(any, v4));
        if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            assert!(is_shared(Ipv6Addr::UNSPECIFIED.into(), v4));
            assert!(is_shared(Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::LOCALHOST.into()));
        }
    }

    #[test]
    fn a_port_that_workers_share_is_no_other_programs() {
        let first = MediaSocket::bind(Ipv4Addr::LOCALHOST.into(), 0).unwrap();
        let _second = first.share().unwrap();
        let (_, error) = MediaSocket::bind(Ipv4Addr::LOCALHOST.into(), first.address().port()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
