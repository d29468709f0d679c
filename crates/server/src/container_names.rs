//! Names of this server that only containers know: an application server in one finds us by them, but the browsers that it
//! hands our answers to do not. Where nobody has said how clients find us (DOMAIN_OR_PUBLIC_IP), that is a developer's
//! machine, and `localhost` leads there.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use if_addrs::Interface;

/// Docker's and Podman's names of the machine around a container.
const MACHINE: [&str; 4] =
    ["host.docker.internal", "gateway.docker.internal", "host.containers.internal", "host.lima.internal"];
/// Interfaces of bridges that containers are behind begin like this.
const BRIDGES: [&str; 5] = ["docker", "br-", "podman", "cni", "lxcbr"];

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ContainerNames {
    /// Of this machine in networks of containers.
    inner: Vec<IpAddr>,
    /// Of this machine in others.
    outer: Vec<IpAddr>,
    /// What others on the network may call it.
    host_name: Option<String>,
}

impl ContainerNames {
    /// As its interfaces are now.
    pub(crate) fn of_this_machine() -> Self {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let is_container = ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists());
        // Only Linux has the file; elsewhere containers have a machine of their own, too.
        let host_name = fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
        Self::new(&interfaces, is_container, host_name)
    }

    fn new(interfaces: &[Interface], is_container: bool, host_name: Option<String>) -> Self {
        let is_inner = |interface: &&Interface| {
            let bridge = BRIDGES.iter().any(|prefix| interface.name.starts_with(prefix));
            bridge || (is_container && !interface.is_loopback())
        };
        let (inner, outer): (Vec<_>, Vec<_>) = interfaces.iter().partition(is_inner);
        let addresses = |interfaces: Vec<&Interface>| interfaces.into_iter().map(Interface::ip).collect();
        Self { inner: addresses(inner), outer: addresses(outer), host_name: host_name.filter(|_| !is_container) }
    }

    /// Whether browsers on this machine find it as `localhost` only. `host` as it stands in a URL.
    pub(crate) fn has(&self, host: &str) -> bool {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return self.inner.contains(&ip) || (is_docker_gateway(ip) && !self.outer.contains(&ip));
        }
        let is = |name: &str| host.eq_ignore_ascii_case(name);
        // A service's name in a file of docker-compose. Names in a domain are the network's, and so may be this machine's own.
        MACHINE.iter().any(|name| is(name)) || (!host.contains('.') && !self.host_name.as_deref().is_some_and(is))
    }
}

/// What the machine is called in the networks that Docker makes unless it is told otherwise: the first address of 172.17.0.0/16
/// to 172.31.0.0/16.
fn is_docker_gateway(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if matches!(ip.octets(), [172, 17..=31, 0, 1]))
}

#[cfg(test)]
mod tests {
    use if_addrs::{IfAddr, Ifv4Addr};

    use super::*;

    fn interface(name: &str, ip: [u8; 4]) -> Interface {
        let addr = Ifv4Addr { ip: ip.into(), netmask: [255, 255, 0, 0].into(), prefixlen: 16, broadcast: None };
        Interface { name: name.to_owned(), addr: IfAddr::V4(addr), index: None }
    }

    #[test]
    fn containers_names_of_a_machine_are_known_and_its_own_ones_are_not() {
        let interfaces = [
            interface("lo", [127, 0, 0, 1]),
            interface("eth0", [192, 168, 0, 7]),
            interface("docker0", [172, 17, 0, 1]),
            interface("br-0f1e", [10, 99, 0, 1]),
        ];
        let names = ContainerNames::new(&interfaces, false, Some("desk".to_owned()));
        for host in [
            "openvidu",
            "OpenVidu-server",
            "host.docker.internal",
            "172.17.0.1",
            "172.18.0.1",
            "10.99.0.1",
            "localhost",
        ] {
            assert!(names.has(host), "{host}");
        }
        for host in
            ["desk", "DESK", "desk.local", "call.example.org", "192.168.0.7", "127.0.0.1", "[::1]", "172.17.0.2"]
        {
            assert!(!names.has(host), "{host}");
        }
    }

    #[test]
    fn in_a_container_its_own_addresses_are_such_names() {
        let interfaces = [interface("lo", [127, 0, 0, 1]), interface("eth0", [172, 18, 0, 5])];
        let names = ContainerNames::new(&interfaces, true, Some("openvidu".to_owned()));
        assert!(names.has("172.18.0.5") && names.has("openvidu"));
        assert!(!names.has("127.0.0.1") && !names.has("192.168.0.7"));
    }

    #[test]
    fn an_address_of_the_network_stays_though_it_looks_like_dockers() {
        let names = ContainerNames::new(&[interface("eth0", [172, 20, 0, 1])], false, None);
        assert!(!names.has("172.20.0.1") && names.has("172.21.0.1"));
    }
}
