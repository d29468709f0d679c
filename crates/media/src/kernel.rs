//! How a run of trains is handed to the kernel: on Linux by one system call (`sendmmsg`), with UDP GSO for those of several
//! datagrams, and everything reused that such a call needs; elsewhere one by one.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;

use crate::send_queue::Run;

#[cfg(target_os = "linux")]
pub(super) use linux::Messages;
#[cfg(not(target_os = "linux"))]
pub(super) use one_by_one::Messages;

/// For the kernel: an IPv6 socket that carries IPv4 too wants its addresses mapped.
fn destination(destination: SocketAddr, mapped: bool) -> SocketAddr {
    match destination.ip() {
        IpAddr::V4(ip) if mapped => SocketAddr::new(ip.to_ipv6_mapped().into(), destination.port()),
        _ => destination,
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::IoSlice;
    use std::os::fd::AsRawFd as _;

    use nix::cmsg_space;
    use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
    use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};

    use super::*;
    use crate::send_queue::BATCH;

    /// What the calls need, reused.
    #[derive(Default)]
    pub(crate) struct Messages {
        /// One for each set of control messages, because their length is fixed when it is made: without an address of ours,
        /// with one of IPv4, with one of IPv6; each without and with a length of datagrams.
        headers: [Option<MultiHeaders<SockaddrStorage>>; 6],
        destinations: Vec<Option<SockaddrStorage>>,
    }

    impl Messages {
        /// How many trains the kernel took. They leave from the address `source`, if one is given.
        pub(crate) fn send(
            &mut self,
            socket: &UdpSocket,
            mapped: bool,
            source: Option<IpAddr>,
            run: &Run<'_>,
        ) -> io::Result<usize> {
            self.destinations.clear();
            let destinations = run.trains().map(|(to, _)| Some(SockaddrStorage::from(destination(to, mapped))));
            self.destinations.extend(destinations);
            let mut contents = run.trains().map(|(_, contents)| contents);
            let slices: [_; BATCH] = std::array::from_fn(|_| [IoSlice::new(contents.next().unwrap_or_default())]);
            let slices = slices.iter().take(run.count);

            let (ipv4, ipv6) = match source {
                Some(IpAddr::V4(ip)) => (in_addr { s_addr: u32::from_ne_bytes(ip.octets()) }, [0; 16]),
                Some(IpAddr::V6(ip)) => (in_addr { s_addr: 0 }, ip.octets()),
                None => (in_addr { s_addr: 0 }, [0; 16]),
            };
            let ipv4 = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: ipv4, ipi_addr: in_addr { s_addr: 0 } };
            let ipv6 = in6_pktinfo { ipi6_ifindex: 0, ipi6_addr: in6_addr { s6_addr: ipv6 } };
            let segment = run.segment.unwrap_or_default() as u16;
            let length = ControlMessage::UdpGsoSegments(&segment);
            let (kind, address) = match source {
                None => (0, None),
                Some(IpAddr::V4(_)) => (1, Some(ControlMessage::Ipv4PacketInfo(&ipv4))),
                Some(IpAddr::V6(_)) => (2, Some(ControlMessage::Ipv6PacketInfo(&ipv6))),
            };
            // The address comes last, and may be left out.
            let both = [length, address.unwrap_or(length)];
            let control = &both[usize::from(run.segment.is_none())..1 + usize::from(address.is_some())];

            let headers = self.headers[kind * 2 + usize::from(run.segment.is_some())].get_or_insert_with(|| {
                let space = match (kind, run.segment.is_some()) {
                    (1, false) => cmsg_space!(in_pktinfo),
                    (1, true) => cmsg_space!(u16, in_pktinfo),
                    (2, false) => cmsg_space!(in6_pktinfo),
                    (2, true) => cmsg_space!(u16, in6_pktinfo),
                    (_, false) => vec![],
                    (_, true) => cmsg_space!(u16),
                };
                MultiHeaders::preallocate(BATCH, Some(space).filter(|space| !space.is_empty()))
            });
            let destinations = &self.destinations[..];
            let sent = sendmmsg(socket.as_raw_fd(), headers, slices, destinations, control, MsgFlags::empty())?;
            Ok(sent.count())
        }
    }
}

#[cfg(any(not(target_os = "linux"), test))]
pub(super) mod one_by_one {
    use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};

    use super::*;

    /// What the calls need.
    #[derive(Default)]
    pub(crate) struct Messages {
        state: Option<UdpSocketState>,
    }

    impl Messages {
        /// How many trains the kernel took. They leave from the address `source`, if one is given.
        pub(crate) fn send(
            &mut self,
            socket: &UdpSocket,
            mapped: bool,
            source: Option<IpAddr>,
            run: &Run<'_>,
        ) -> io::Result<usize> {
            if self.state.is_none() {
                self.state = Some(UdpSocketState::new(UdpSockRef::from(socket))?);
            }
            let Some(state) = &self.state else { return Ok(0) };
            for (sent, (to, contents)) in run.trains().enumerate() {
                let transmit = Transmit {
                    destination: destination(to, mapped),
                    ecn: None,
                    contents,
                    segment_size: run.segment.filter(|segment| *segment < contents.len()),
                    src_ip: source,
                };
                match socket.try_io(|| state.try_send(UdpSockRef::from(socket), &transmit)) {
                    Ok(()) => {}
                    // Told by the next call, if it is still so.
                    Err(_) if sent > 0 => return Ok(sent),
                    Err(error) => return Err(error),
                }
            }
            Ok(run.count)
        }
    }
}
