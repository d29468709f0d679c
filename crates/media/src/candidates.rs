//! Which addresses are offered to clients for media.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sfu::Candidates;

use crate::{AddressOptions, PublicHost, TranslatedAddress};

/// Where this machine reaches itself.
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Each one costs clients connectivity checks; machines with many containers have dozens of bridges.
const MOST: usize = 12;

/// Browsers open a connection to each one for every stream, used or not.
const MOST_TCP: usize = 4;

/// Addresses of the media port at `bound`, best first; never empty, never unspecified. `found` are public addresses that
/// others have told.
pub(super) fn candidates(
    options: &AddressOptions,
    bound: SocketAddr,
    interfaces: &[IpAddr],
    found: &[IpAddr],
) -> Candidates {
    let selected = select(&options.given, &options.public, found, bound.ip(), interfaces);
    let ips = outside(&selected, &options.translations);
    let at = |port| ips.iter().map(move |ip| SocketAddr::new(*ip, port));
    Candidates {
        udp: at(bound.port()).collect(),
        tcp: options.tcp_port.map(|port| at(port).take(MOST_TCP).collect()).unwrap_or_default(),
    }
}

/// With public addresses in place of the private ones they belong to.
fn outside(selected: &[IpAddr], pairs: &[TranslatedAddress]) -> Vec<IpAddr> {
    let mut known = vec![];
    for ip in selected {
        let ip = pairs.iter().find(|pair| pair.private == *ip).map_or(*ip, |pair| pair.public);
        if !known.contains(&ip) {
            known.push(ip);
        }
    }
    known
}

fn select(
    given: &[IpAddr],
    public: &PublicHost,
    found: &[IpAddr],
    bound: IpAddr,
    interfaces: &[IpAddr],
) -> Vec<IpAddr> {
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
    let is_carried = |ip: &IpAddr| is_offered(*ip) && (ip.is_ipv4() || bound.is_ipv6());
    // Whoever listens on loopback only is reached through somebody else, if at all.
    if !bound.is_loopback() {
        found.iter().copied().filter(is_carried).for_each(&mut add);
    }
    if bound.is_unspecified() {
        interfaces.iter().copied().filter(is_carried).for_each(&mut add);
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
        // Global unicast, 2000::/3, and addresses of private networks (RFC 4193).
        IpAddr::V6(ip) => ip.segments()[0] & 0xe000 == 0x2000 || ip.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

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
        let selected = select(&[], &PublicHost::Unknown, &[], ANY, &interfaces());
        assert_eq!(selected, ips(&["10.0.0.5", "2001:db8::5", "127.0.0.1"]));
        assert_eq!(select(&[], &PublicHost::Unknown, &[], ANY, &[]), ips(&["127.0.0.1"]));
    }

    #[test]
    fn a_public_address_comes_first_and_loopback_not_at_all() {
        let public = PublicHost::Ip("203.0.113.5".parse().unwrap());
        assert_eq!(select(&[], &public, &[], ANY, &interfaces()), ips(&["203.0.113.5", "10.0.0.5", "2001:db8::5"]));
    }

    #[test]
    fn a_public_name_gives_no_address_but_is_no_development_server() {
        let public = PublicHost::Name("call.example.org".into());
        assert_eq!(select(&[], &public, &[], ANY, &interfaces()), ips(&["10.0.0.5", "2001:db8::5"]));
        assert_eq!(select(&[], &public, &[], ANY, &[]), ips(&["127.0.0.1"]), "never empty");
    }

    #[test]
    fn behind_a_nat_what_others_told_comes_before_what_the_machine_has() {
        let public = PublicHost::Name("call.example.org".into());
        let found = ips(&["203.0.113.5", "2001:db8::5", "127.0.0.1", "0.0.0.0"]);
        let selected = select(&[], &public, &found, ANY, &interfaces());
        assert_eq!(selected, ips(&["203.0.113.5", "2001:db8::5", "10.0.0.5"]));
        let ipv4 = Ipv4Addr::UNSPECIFIED.into();
        assert_eq!(select(&[], &public, &found, ipv4, &interfaces()), ips(&["203.0.113.5", "10.0.0.5"]));
        let proxied = Ipv4Addr::LOCALHOST.into();
        assert_eq!(select(&[], &public, &found, proxied, &interfaces()), ips(&["127.0.0.1"]));
    }

    #[test]
    fn a_network_with_private_ipv6_addresses_only_works() {
        let interfaces = ips(&["::1", "fe80::1", "fd00::5"]);
        let public = PublicHost::Name("call.lan".into());
        assert_eq!(select(&[], &public, &[], ANY, &interfaces), ips(&["fd00::5"]));
    }

    #[test]
    fn what_is_set_replaces_what_is_found() {
        let given = ips(&["198.51.100.7"]);
        assert_eq!(select(&given, &PublicHost::Unknown, &ips(&["203.0.113.5"]), ANY, &interfaces()), given);
    }

    #[test]
    fn an_address_behind_nat_is_offered_as_it_is_known_outside() {
        let pair = |private: &str, public: &str| TranslatedAddress {
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
        assert_eq!(select(&[], &PublicHost::Unknown, &[], bound, &interfaces()), ips(&["127.0.0.1"]));
    }

    #[test]
    fn a_port_without_ipv6_offers_none() {
        let bound = Ipv4Addr::UNSPECIFIED.into();
        assert_eq!(select(&[], &PublicHost::Unknown, &[], bound, &interfaces()), ips(&["10.0.0.5", "127.0.0.1"]));
    }
}
