//! Whose limits a caller counts against: one IPv4 address, or one IPv6 network of the size that one customer gets.

use std::net::{IpAddr, Ipv6Addr};

/// The part of an IPv6 address that names a network (RFC 4291 §2.5.4): its owner has every address in it.
const IPV6_NETWORK: u128 = !(u64::MAX as u128);

/// An IPv4 address or an IPv6 /64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Network(IpAddr);

impl Network {
    /// Its first address.
    pub(crate) fn address(self) -> IpAddr {
        self.0
    }

    /// This machine or a private network (RFC 1918, RFC 4193): many may stand behind it.
    pub(crate) fn is_local(self) -> bool {
        match self.0 {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
            // The network of `::1`.
            IpAddr::V6(ip) => ip.is_unspecified() || ip.is_unique_local(),
        }
    }
}

impl From<IpAddr> for Network {
    fn from(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) & IPV6_NETWORK).into(),
            ip => ip,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(ip: &str) -> Network {
        Network::from(ip.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn whoever_has_one_ipv6_address_has_the_network() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn local_is_what_proxies_of_ours_have() {
        for ip in ["127.0.0.1", "::1", "10.1.2.3", "172.17.0.1", "192.168.0.9", "fd00::1", "::ffff:10.0.0.1"] {
            assert!(network(ip).is_local(), "{ip}");
        }
        for ip in ["192.0.2.1", "2001:db8::1", "100.64.0.1", "fe80::1", "::ffff:192.0.2.1"] {
            assert!(!network(ip).is_local(), "{ip}");
        }
    }
}
