//! Whether an address leads into the operator's own network: this machine, a private network, or a link.

use std::net::{IpAddr, ToSocketAddrs as _};

/// Whether a host (a name, or an address with or without brackets) is inside, by any of its addresses. Names are looked up;
/// one that nobody knows leads nowhere.
pub fn leads_inside(host: &str, port: u16) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(ip) => is_inside(ip),
        Err(_) => (bare, port).to_socket_addrs().is_ok_and(|mut found| found.any(|address| is_inside(address.ip()))),
    }
}

fn is_inside(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            // Between customers and their carrier, where clouds have services of their own (RFC 6598).
            let is_shared = first == 100 && (64..128).contains(&second);
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || is_shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_operators_network_reaches_is_inside() {
        for host in [
            "127.0.0.1",
            "localhost",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "0.0.0.0",
            "::1",
            "[::1]",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(leads_inside(host, 80), "{host}");
        }
        for host in ["203.0.113.5", "172.32.0.1", "100.128.0.1", "[2001:db8::1]", "::ffff:203.0.113.5"] {
            assert!(!leads_inside(host, 80), "{host}");
        }
    }
}
