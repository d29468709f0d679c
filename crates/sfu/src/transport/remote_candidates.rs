//! Clients' candidates as an agent of full ICE takes them, which sends checks to wherever they say: so many of them, and none
//! that leads into this machine, to its links or to nobody in particular.

use std::net::IpAddr;

use str0m::Candidate;
use str0m::net::Protocol as EngineProtocol;

/// Of one peer connection: a browser with many interfaces has some twenty, and once more when its network changes.
const MOST: usize = 64;

/// How many more are taken.
#[derive(Debug)]
pub(super) struct RemoteCandidates {
    left: usize,
}

impl Default for RemoteCandidates {
    fn default() -> Self {
        Self { left: MOST }
    }
}

impl RemoteCandidates {
    /// Of a `candidate:…` line.
    pub(super) fn take(&mut self, line: &str) -> Option<Candidate> {
        let candidate = Candidate::from_sdp_string(line.trim()).ok()?;
        if candidate.proto() != EngineProtocol::Udp || !may_be_checked(candidate.addr().ip()) {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        Some(candidate)
    }
}

/// Where a client may be. That its own network is private is usual.
fn may_be_checked(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            !(ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast())
        }
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified() || ip.is_multicast()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(ip: &str, port: u16) -> String {
        format!("candidate:1 1 udp 2122260223 {ip} {port} typ host generation 0")
    }

    #[test]
    fn candidates_that_lead_into_this_machine_or_to_its_links_are_not_checked() {
        let mut candidates = RemoteCandidates::default();
        for ip in ["192.0.2.1", "192.168.0.7", "10.0.0.1", "2001:db8::1", "fd00::1"] {
            assert!(candidates.take(&line(ip, 4711)).is_some(), "{ip}");
        }
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "169.254.169.254",
            "fe80::1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "abc.local",
        ] {
            assert!(candidates.take(&line(ip, 4711)).is_none(), "{ip}");
        }
    }

    #[test]
    fn a_flood_of_candidates_is_bounded() {
        let mut candidates = RemoteCandidates::default();
        let taken = (1..=1000_u16).filter(|port| candidates.take(&line("192.0.2.1", *port)).is_some()).count();
        assert_eq!(taken, MOST);
    }
}
