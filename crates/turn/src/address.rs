//! Relayed addresses. They exist in this process only: unique for an allocation, and from blocks that nobody sends from,
//! so that they cannot be taken for the address of a client who is here directly.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// 254.77.0.0/16 of the block that was never assigned (RFC 1112 §4): browsers pair it like any address.
const IPV4_PREFIX: [u8; 2] = [254, 77];
/// The discard prefix 100::/64 (RFC 6666).
const IPV6_PREFIX: [u16; 4] = [0x100, 0, 0, 0];
/// Dynamic ports (RFC 6335 §6).
const FIRST_PORT: u16 = 0xc000;

/// How many there are at a time.
pub(crate) const SLOTS: usize = 1 << 16;

/// IP address family of a relayed address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AddressFamily {
    V4,
    V6,
}

impl AddressFamily {
    pub(crate) fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// Whether it is one of the relayed addresses: a datagram from the network that claims to come from there is forged.
pub fn is_virtual(address: SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(ip) => ip.octets()[..2] == IPV4_PREFIX,
        IpAddr::V6(ip) => ip.segments()[..4] == IPV6_PREFIX,
    }
}

/// The address of a slot; successive uses of a slot differ by the port.
pub(crate) fn relayed(slot: u16, generation: u16, family: AddressFamily) -> SocketAddr {
    let port = FIRST_PORT | generation;
    let [high, low] = slot.to_be_bytes();
    match family {
        AddressFamily::V4 => (Ipv4Addr::new(IPV4_PREFIX[0], IPV4_PREFIX[1], high, low), port).into(),
        AddressFamily::V6 => (Ipv6Addr::new(IPV6_PREFIX[0], 0, 0, 0, 0, 0, 1, slot), port).into(),
    }
}

pub(crate) fn slot(relayed: SocketAddr) -> Option<u16> {
    if !is_virtual(relayed) {
        return None;
    }
    Some(match relayed.ip() {
        IpAddr::V4(ip) => u16::from_be_bytes([ip.octets()[2], ip.octets()[3]]),
        IpAddr::V6(ip) => ip.segments()[7],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_slot_and_is_nobody_elses() {
        for family in [AddressFamily::V4, AddressFamily::V6] {
            for number in [0, 1, 255, 256, u16::MAX] {
                let address = relayed(number, 3, family);
                assert_eq!((slot(address), AddressFamily::of(address.ip())), (Some(number), family));
                assert!(is_virtual(address) && address.port() >= FIRST_PORT);
            }
            assert_ne!(relayed(1, 0, family), relayed(1, 1, family));
        }
        for real in ["127.0.0.1:1", "203.0.113.5:50000", "254.78.0.0:1", "[::1]:1", "[fd00::1]:1", "[100:0:0:1::1]:1"] {
            assert!(!is_virtual(real.parse().unwrap()), "{real}");
        }
    }
}
