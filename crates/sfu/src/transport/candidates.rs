//! Our own addresses as the engine and the SDP want them. Those of clients are learnt from their checks.

use std::fmt::Display;
use std::net::SocketAddr;

use str0m::Candidate;
use str0m::net::TcpType;

use crate::{Candidates, Protocol};

/// What the transports made at one time are reached at.
#[derive(Debug)]
pub(crate) struct LocalCandidates {
    addresses: Candidates,
    candidates: Vec<Candidate>,
    lines: Vec<String>,
}

impl LocalCandidates {
    pub(super) fn new(addresses: &Candidates) -> Self {
        let udp = addresses.udp.iter().filter_map(|address| usable(*address, Candidate::host(*address, "udp")));
        // The engine gives these less priority than any of UDP.
        let passive = |address| Candidate::builder().tcp().host(address).tcptype(TcpType::Passive).build();
        let tcp = addresses.tcp.iter().filter_map(|address| usable(*address, passive(*address)));
        let candidates: Vec<Candidate> = udp.chain(tcp).collect();
        let lines = candidates.iter().map(|c| c.to_sdp_string().trim_start_matches("a=").to_owned()).collect();
        Self { addresses: addresses.clone(), candidates, lines }
    }

    pub(super) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// `candidate:…` lines.
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The engine knows the announced addresses only; behind a 1:1 NAT datagrams come to another one.
    pub(crate) fn announced(&self, protocol: Protocol, destination: SocketAddr) -> SocketAddr {
        let addresses = match protocol {
            Protocol::Udp => &self.addresses.udp,
            Protocol::Tcp => &self.addresses.tcp,
        };
        if addresses.contains(&destination) {
            return destination;
        }
        let same_family = addresses.iter().find(|address| address.is_ipv4() == destination.is_ipv4());
        same_family.copied().unwrap_or(destination)
    }
}

fn usable(address: SocketAddr, candidate: Result<Candidate, impl Display>) -> Option<Candidate> {
    candidate.inspect_err(|error| tracing::warn!(%address, %error, "address cannot be a candidate")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn candidates() -> LocalCandidates {
        LocalCandidates::new(&Candidates {
            udp: vec![address("203.0.113.5:40000"), address("[2001:db8::5]:40000")],
            tcp: vec![address("203.0.113.5:443")],
        })
    }

    #[test]
    fn tcp_is_offered_last_and_with_less_priority() {
        let candidates = candidates();
        let [udp4, udp6, tcp] = candidates.lines() else { panic!("three addresses") };
        assert!(udp4.ends_with(" 203.0.113.5 40000 typ host") && udp6.ends_with(" 2001:db8::5 40000 typ host"));
        assert!(tcp.contains(" 1 tcp ") && tcp.ends_with(" 203.0.113.5 443 typ host tcptype passive"), "{tcp}");
        let priorities: Vec<u32> =
            candidates.lines().iter().map(|line| line.split(' ').nth(3).unwrap().parse().unwrap()).collect();
        assert!(priorities[2] < priorities[0].min(priorities[1]), "{priorities:?}");
    }

    #[test]
    fn what_comes_to_another_address_goes_by_protocol_and_family() {
        let candidates = candidates();
        let announced = |protocol, destination| candidates.announced(protocol, address(destination)).to_string();
        assert_eq!(announced(Protocol::Udp, "[2001:db8::5]:40000"), "[2001:db8::5]:40000");
        assert_eq!(announced(Protocol::Udp, "10.0.0.5:40000"), "203.0.113.5:40000");
        assert_eq!(announced(Protocol::Tcp, "10.0.0.5:4443"), "203.0.113.5:443");
        assert_eq!(announced(Protocol::Tcp, "[2001:db8::5]:4443"), "[2001:db8::5]:4443", "nothing of its family");
    }
}
