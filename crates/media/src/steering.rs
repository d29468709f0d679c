//! What the kernel is told of the workers' clients, so that the datagrams of busy ones come to the worker that they are for and
//! need not be handed over: a table of addresses, as a classic BPF program on the ports that the workers share
//! (`SO_ATTACH_REUSEPORT_CBPF`, which needs no rights). Whoever is not in it goes where the kernel's hash says.
//!
//! It is advice only: where the kernel takes no such program, or sends somebody to the wrong worker all the same because two
//! addresses have the same key, datagrams are handed over in memory as before.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use protocol::id::WorkerId;

/// Programs have at most 4,096 instructions; each address costs five.
const MOST: usize = 800;

/// Where clients are steered to; one for all workers of a port.
#[derive(Clone, Debug, Default)]
pub(super) struct Steering {
    table: Arc<Mutex<Table>>,
}

/// By key: what tells one client from another in the program.
type Table = BTreeMap<u32, (SocketAddr, WorkerId)>;

impl Steering {
    /// These are clients of those workers, whatever the kernel thinks. `install` takes the whole program.
    pub(super) fn steer(&self, clients: impl Iterator<Item = (SocketAddr, WorkerId)>, install: impl Fn(&[Step])) {
        self.change(install, |table| {
            for (client, worker) in clients {
                if table.len() < MOST || table.contains_key(&key(client)) {
                    table.insert(key(client), (client, worker));
                }
            }
        });
    }

    /// Forgets those clients of a worker that it does not know any more.
    pub(super) fn sweep(&self, own: WorkerId, is_known: impl Fn(SocketAddr) -> bool, install: impl Fn(&[Step])) {
        self.change(install, |table| table.retain(|_, (client, worker)| *worker != own || is_known(*client)));
    }

    /// A worker is gone, and its port with it: the kernel counts the others' anew.
    pub(super) fn give_up(&self, install: impl Fn(&[Step])) {
        self.change(install, BTreeMap::clear);
    }

    fn change(&self, install: impl Fn(&[Step]), change: impl FnOnce(&mut Table)) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let before = table.clone();
        change(&mut table);
        if *table != before {
            let owners: Vec<_> = table.iter().map(|(key, (_, worker))| (*key, *worker)).collect();
            install(&program(&owners));
        }
    }
}

/// The same number as the program's beginning computes.
fn key(client: SocketAddr) -> u32 {
    let address = match client.ip() {
        IpAddr::V4(ip) => ip.to_bits(),
        IpAddr::V6(ip) => {
            let words = ip.to_bits();
            (0..4).fold(0, |key, word| key ^ (words >> (32 * word)) as u32)
        }
    };
    address ^ (u32::from(client.port()).wrapping_mul(SPREAD))
}

/// Makes ports of one address differ in all bits of the key.
const SPREAD: u32 = 0x9e37_79b1;
/// Whoever is in no table.
const ANY: u32 = u32::MAX;

/// One instruction of classic BPF: code, jumps, operand (`struct sock_filter`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Step {
    pub(super) code: u16,
    pub(super) if_true: u8,
    pub(super) if_false: u8,
    pub(super) operand: u32,
}

impl Step {
    const fn new(code: u16, operand: u32) -> Self {
        Self { code, if_true: 0, if_false: 0, operand }
    }

    const fn jump(code: u16, operand: u32, if_true: u8, if_false: u8) -> Self {
        Self { code, if_true, if_false, operand }
    }
}

/// Codes of `linux/filter.h` and `linux/bpf_common.h`: class, size or operation, mode or source.
mod code {
    pub(super) const LOAD_WORD: u16 = 0x20;
    pub(super) const LOAD_HALF: u16 = 0x28;
    pub(super) const LOAD_BYTE: u16 = 0x30;
    pub(super) const STORE: u16 = 0x02;
    pub(super) const LOAD_KEPT_INTO_X: u16 = 0x61;
    pub(super) const COPY_INTO_X: u16 = 0x07;
    pub(super) const XOR_X: u16 = 0xac;
    pub(super) const MULTIPLY: u16 = 0x24;
    pub(super) const JUMP: u16 = 0x05;
    pub(super) const IF_EQUAL: u16 = 0x15;
    pub(super) const IF_AT_LEAST: u16 = 0x35;
    pub(super) const RETURN: u16 = 0x06;
}

/// The program that finds the worker of who sent a datagram. `owners` are in the order of their keys.
fn program(owners: &[(u32, WorkerId)]) -> Vec<Step> {
    if owners.is_empty() {
        return vec![Step::new(code::RETURN, ANY)];
    }
    /// Where the IP header begins (`SKF_NET_OFF`); the program's data begin behind the UDP header.
    const IP: u32 = (-0x10_0000_i32) as u32;
    let xor_word = |at| [Step::new(code::LOAD_WORD, IP + at), Step::new(code::XOR_X, 0)];
    let port = |at| [Step::new(code::LOAD_HALF, IP + at), Step::new(code::MULTIPLY, SPREAD), Step::new(code::STORE, 0)];
    // IPv4 without options: the source is at 12, the port at 20.
    let ip4 = [&port(20)[..], &[Step::new(code::LOAD_KEPT_INTO_X, 0)], &xor_word(12)].concat();
    // IPv6 without extension headers: at 8 to 23, and 40.
    let fold = |at| [&[Step::new(code::COPY_INTO_X, 0)][..], &xor_word(at)].concat();
    let load = [Step::new(code::LOAD_KEPT_INTO_X, 0)];
    let ip6 = [&port(40)[..], &load, &xor_word(8), &fold(12), &fold(16), &fold(20)].concat();
    let jump_over = |steps: &[Step]| Step::new(code::JUMP, steps.len() as u32);
    let not_ip6 = [Step::new(code::RETURN, ANY)];
    let by_family = [
        &[Step::new(code::LOAD_BYTE, IP), Step::jump(code::IF_EQUAL, 0x45, 0, ip4.len() as u8 + 1)][..],
        &ip4,
        &[Step::new(code::JUMP, (2 + not_ip6.len() + ip6.len()) as u32)],
        // The lower half of the byte is the traffic class's.
        &[Step::jump(code::IF_AT_LEAST, 0x60, 0, 1), jump_over(&not_ip6)],
        &not_ip6,
        &ip6,
    ]
    .concat();
    [by_family, search(owners)].concat()
}

fn search(owners: &[(u32, WorkerId)]) -> Vec<Step> {
    if let [(key, worker)] = owners {
        return vec![
            Step::jump(code::IF_EQUAL, *key, 0, 1),
            Step::new(code::RETURN, worker.0.into()),
            Step::new(code::RETURN, ANY),
        ];
    }
    let (lower, upper) = owners.split_at(owners.len() / 2);
    let (below, above) = (search(lower), search(upper));
    // The short jumps of conditions do not reach over large halves.
    let skip = Step::new(code::JUMP, below.len() as u32);
    let pivot = upper.first().map_or(0, |(key, _)| *key);
    [&[Step::jump(code::IF_AT_LEAST, pivot, 0, 1), skip][..], &below, &above].concat()
}

/// Gives a program to the kernel, for all ports that are shared with this one.
#[cfg(target_os = "linux")]
pub(super) fn install(socket: &impl std::os::fd::AsFd, steps: &[Step]) {
    use nix::libc::{sock_filter, sock_fprog};
    use nix::sys::socket::{setsockopt, sockopt::AttachReusePortCbpf};

    let filter = |step: &Step| sock_filter { code: step.code, jt: step.if_true, jf: step.if_false, k: step.operand };
    let mut filters: Vec<sock_filter> = steps.iter().map(filter).collect();
    // The kernel copies what the pointer leads to, as long as this call lasts.
    let program = sock_fprog { len: filters.len() as u16, filter: filters.as_mut_ptr() };
    if let Err(error) = setsockopt(socket, AttachReusePortCbpf, &program) {
        tracing::debug!(%error, "the kernel takes no advice about whose datagrams are for which thread");
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn install<Socket>(_: &Socket, _: &[Step]) {}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};

    use super::*;
    use crate::MediaSocket;

    const FIRST: WorkerId = WorkerId(0);
    const SECOND: WorkerId = WorkerId(1);

    /// How many datagrams of one client each come to the two workers of a port.
    fn arrive(clients: &[UdpSocket], ports: [&MediaSocket; 2], ip: IpAddr) -> [usize; 2] {
        let address = SocketAddr::new(ip, ports[0].address().port());
        clients.iter().for_each(|client| assert_eq!(client.send_to(b"hello", address).unwrap(), 5));
        // What was sent over loopback is there when the call returns.
        ports.map(|port| (0..).take_while(|_| port.socket.recv_from(&mut [0; 9]).is_ok()).count())
    }

    fn steered(listen: IpAddr, ip: IpAddr, count: usize) {
        let first = MediaSocket::bind(listen, 0).unwrap();
        let second = first.share().unwrap();
        let ports = [&first, &second];
        let clients: Vec<_> = (0..count).map(|_| UdpSocket::bind((ip, 0)).unwrap()).collect();
        let addresses: Vec<_> = clients.iter().map(|client| client.local_addr().unwrap()).collect();
        let hashed = arrive(&clients, ports, ip);
        assert!(hashed.iter().all(|count| *count > 0), "{hashed:?}");

        let steering = Steering::default();
        let install = |steps: &[Step]| install(&first.socket, steps);
        steering.steer(addresses.iter().map(|address| (*address, SECOND)), install);
        assert_eq!(arrive(&clients, ports, ip), [0, count]);
        let (some, others) = addresses.split_at(count / 4);
        steering.steer(some.iter().map(|address| (*address, FIRST)), install);
        assert_eq!(arrive(&clients, ports, ip), [some.len(), others.len()]);
        // One who is not known any more goes where the hash says; a worker forgets no clients but its own.
        steering.sweep(SECOND, |_| false, install);
        let [to_first, to_second] = arrive(&clients, ports, ip);
        assert!(to_first > some.len() && to_second > 0, "{to_first} {to_second}");
        assert_eq!(arrive(&clients[..some.len()], ports, ip), [some.len(), 0]);
        steering.give_up(install);
        assert_eq!(arrive(&clients, ports, ip), hashed);
    }

    #[test]
    fn the_kernel_takes_clients_to_their_workers() {
        steered(Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into(), 100);
        if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            steered(Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into(), 64);
            steered(Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::LOCALHOST.into(), 64);
        }
    }

    #[test]
    fn a_program_fits_however_many_there_are_and_is_installed_when_it_changes() {
        let (steering, programs) = (Steering::default(), RefCell::new(Vec::new()));
        let install = |steps: &[Step]| programs.borrow_mut().push(steps.to_vec());
        let client = |number: u32| (SocketAddr::from((Ipv4Addr::from(number), 40_000)), SECOND);
        steering.steer((0..2000).map(client), install);
        steering.steer((0..100).map(client), install);
        assert_eq!(programs.borrow().len(), 1);
        assert!((3000..=4096).contains(&programs.borrow()[0].len()), "{}", programs.borrow()[0].len());
        steering.sweep(FIRST, |_| false, install);
        assert_eq!(programs.borrow().len(), 1, "they are the other's");
        let port = MediaSocket::bind(Ipv4Addr::LOCALHOST.into(), 0).unwrap();
        let _shared = port.share().unwrap();
        super::install(&port.socket, &programs.borrow()[0]);
    }
}
