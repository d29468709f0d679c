//! Relayed addresses. They exist in this process only: unique for an allocation, and from blocks that nobody sends from,
//! so that they cannot be taken for the address of a client who is here directly.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// 254.77.0.0/16 and those after it, one for each space, of the block that was never assigned (RFC 1112 §4): browsers pair
/// them like any address.
const IPV4_PREFIX: [u8; 2] = [254, 77];
/// The discard prefix 100::/64 (RFC 6666).
const IPV6_PREFIX: [u16; 4] = [0x100, 0, 0, 0];
/// Where the first space is in it.
const IPV6_SPACE: u16 = 1;
/// Dynamic ports (RFC 6335 §6).
const FIRST_PORT: u16 = 0xc000;

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

/// The relayed addresses of one [`Server`](crate::Server): those of others in the same process are in other spaces.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Space(u8);

impl Space {
    /// How many there are.
    pub const COUNT: u8 = 64;

    /// `None` beyond [`Self::COUNT`].
    pub fn new(number: u8) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The one that an address is in, if it is a relayed one. A datagram from the network that claims to come from there is
    /// forged.
    pub fn of(address: SocketAddr) -> Option<Self> {
        match address.ip() {
            IpAddr::V4(ip) => {
                let [first, second, ..] = ip.octets();
                let number = second.checked_sub(IPV4_PREFIX[1]).filter(|_| first == IPV4_PREFIX[0])?;
                Self::new(number)
            }
            IpAddr::V6(ip) => {
                let [prefix @ .., _, _, space, _] = ip.segments();
                let number = space.checked_sub(IPV6_SPACE).filter(|_| prefix == IPV6_PREFIX)?;
                Self::new(u8::try_from(number).ok()?)
            }
        }
    }
}

/// The address of a slot; successive uses of a slot differ by the port.
pub(crate) fn relayed(space: Space, slot: u16, generation: u16, family: AddressFamily) -> SocketAddr {
    let port = FIRST_PORT | generation;
    let [high, low] = slot.to_be_bytes();
    match family {
        AddressFamily::V4 => (Ipv4Addr::new(IPV4_PREFIX[0], IPV4_PREFIX[1] + space.0, high, low), port).into(),
        AddressFamily::V6 => {
            (Ipv6Addr::new(IPV6_PREFIX[0], 0, 0, 0, 0, 0, IPV6_SPACE + u16::from(space.0), slot), port).into()
        }
    }
}

/// Of a relayed address.
pub(crate) fn slot(relayed: SocketAddr) -> u16 {
    match relayed.ip() {
        IpAddr::V4(ip) => u16::from_be_bytes([ip.octets()[2], ip.octets()[3]]),
        IpAddr::V6(ip) => ip.segments()[7],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_slot_and_is_nobody_elses() {
        for family in [AddressFamily::V4, AddressFamily::V6] {
            for space in [0, 1, Space::COUNT - 1].map(|number| Space::new(number).unwrap()) {
                for number in [0, 1, 255, 256, u16::MAX] {
                    let address = relayed(space, number, 3, family);
                    assert_eq!((slot(address), AddressFamily::of(address.ip())), (number, family));
                    assert_eq!(Space::of(address), Some(space));
                    assert!(address.port() >= FIRST_PORT);
                }
                assert_ne!(relayed(space, 1, 0, family), relayed(space, 1, 1, family));
            }
        }
        let real = ["127.0.0.1:1", "203.0.113.5:50000", "254.76.0.0:1", "254.141.0.0:1", "255.77.0.0:1", "[::1]:1"];
        for real in real.into_iter().chain(["[fd00::1]:1", "[100:0:0:1::1]:1", "[100::]:1", "[100::41:0]:1"]) {
            assert_eq!(Space::of(real.parse().unwrap()), None, "{real}");
        }
        assert_eq!(Space::new(Space::COUNT), None);
    }
}
