//! Which addresses are offered to clients for media.

use std::net::{IpAddr, SocketAddr};

use sfu::Candidates;

use crate::config::address::PublicAddress;
use crate::config::{Config, LOCALHOST, PublicHost};

/// Each one costs clients connectivity checks; machines with many containers have dozens of bridges.
const MOST: usize = 12;

/// Browsers open a connection to each one for every stream, used or not.
const MOST_TCP: usize = 4;

/// Addresses of the media port at `bound`; never empty, never unspecified.
pub(crate) fn candidates(config: &Config, bound: SocketAddr) -> Candidates {
    let interfaces: Vec<IpAddr> = if_addrs::get_if_addrs()
        .inspect_err(|error| tracing::warn!(%error, "cannot list the network interfaces"))
        .unwrap_or_default()
        .into_iter()
        .map(|interface| interface.ip())
        .collect();
    let selected = select(&config.madang_media_addresses.0, &config.domain_or_public_ip, bound.ip(), &interfaces);
    let ips = outside(&selected, &config.media_nodes_public_ips);
    let at = |port| ips.iter().map(move |ip| SocketAddr::new(*ip, port));
    Candidates {
        udp: at(bound.port()).collect(),
        tcp: config.ice_tcp_port().map(|port| at(port).take(MOST_TCP).collect()).unwrap_or_default(),
    }
}

/// With public addresses in place of the private ones they belong to.
fn outside(selected: &[IpAddr], pairs: &[PublicAddress]) -> Vec<IpAddr> {
    let mut known = vec![];
    for ip in selected {
        let ip = pairs.iter().find(|pair| pair.private == *ip).map_or(*ip, |pair| pair.public);
        if !known.contains(&ip) {
            known.push(ip);
        }
    }
    known
}

fn select(given: &[IpAddr], public: &PublicHost, bound: IpAddr, interfaces: &[IpAddr]) -> Vec<IpAddr> {
    if !given.is_empty() {
        return given.to_vec();
    }
    let mut selected = vec![];
    let mut add = |ip: IpAddr| {
        if !selected.contains(&ip) && selected.len() < MOST {
            selected.push(ip);
        }
    };
    if let PublicHost::Ip(ip) = public {
        add(*ip);
    }
    if bound.is_unspecified() {
        interfaces.iter().copied().filter(|ip| is_offered(*ip) && (ip.is_ipv4() || bound.is_ipv6())).for_each(&mut add);
        // Without a public name this is a development server, used from the same machine.
        if !public.is_public() {
            add(LOCALHOST);
        }
    } else {
        add(bound);
    }
    if selected.is_empty() {
        selected.push(LOCALHOST);
    }
    selected
}

fn is_offered(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        // Global unicast, 2000::/3.
        IpAddr::V6(ip) => ip.segments()[0] & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    const ANY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

    fn interfaces() -> Vec<IpAddr> {
        ips(&["127.0.0.1", "::1", "10.0.0.5", "169.254.1.1", "fe80::1", "2001:db8::5"])
    }

    #[test]
    fn a_development_server_is_reached_over_loopback_too() {
        let selected = select(&[], &PublicHost::Unset, ANY, &interfaces());
        assert_eq!(selected, ips(&["10.0.0.5", "2001:db8::5", "127.0.0.1"]));
        assert_eq!(select(&[], &PublicHost::Unset, ANY, &[]), ips(&["127.0.0.1"]));
    }

    #[test]
    fn a_public_address_comes_first_and_loopback_not_at_all() {
        let public = PublicHost::Ip("203.0.113.5".parse().unwrap());
        assert_eq!(select(&[], &public, ANY, &interfaces()), ips(&["203.0.113.5", "10.0.0.5", "2001:db8::5"]));
    }

    #[test]
    fn a_public_name_gives_no_address_but_is_no_development_server() {
        let public = PublicHost::Name("call.example.org".into());
        assert_eq!(select(&[], &public, ANY, &interfaces()), ips(&["10.0.0.5", "2001:db8::5"]));
        assert_eq!(select(&[], &public, ANY, &[]), ips(&["127.0.0.1"]), "never empty");
    }

    #[test]
    fn what_is_set_replaces_what_is_found() {
        let given = ips(&["198.51.100.7"]);
        assert_eq!(select(&given, &PublicHost::Unset, ANY, &interfaces()), given);
    }

    #[test]
    fn an_address_behind_nat_is_offered_as_it_is_known_outside() {
        let pair = |private: &str, public: &str| PublicAddress {
            private: private.parse().unwrap(),
            public: public.parse().unwrap(),
        };
        let pairs = [pair("10.0.0.5", "203.0.113.5"), pair("10.9.9.9", "203.0.113.9")];
        assert_eq!(outside(&ips(&["10.0.0.5", "2001:db8::5"]), &pairs), ips(&["203.0.113.5", "2001:db8::5"]));
        assert_eq!(outside(&ips(&["203.0.113.5", "10.0.0.5"]), &pairs), ips(&["203.0.113.5"]), "once only");
    }

    #[test]
    fn a_port_bound_to_one_address_offers_that_one() {
        let bound = "127.0.0.1".parse().unwrap();
        assert_eq!(select(&[], &PublicHost::Unset, bound, &interfaces()), ips(&["127.0.0.1"]));
    }

    #[test]
    fn a_port_without_ipv6_offers_none() {
        let bound = Ipv4Addr::UNSPECIFIED.into();
        assert_eq!(select(&[], &PublicHost::Unset, bound, &interfaces()), ips(&["10.0.0.5", "127.0.0.1"]));
    }
}
