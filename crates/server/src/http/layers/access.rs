//! Which addresses may use the REST API and the dashboard. Looked at before anything else of a request.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use if_addrs::{IfAddr, Interface};
use settings::{AccessList, AddressRange, Config, PublicHost};

use crate::client_address::Sender;
use crate::http::error::ApiError;
use crate::http::layers::intake;

const RESTAPI: [&str; 3] = ["/openvidu/api", "/openvidu/cdr", "/metrics"];
const DASHBOARD: [&str; 2] = ["/openvidu/info", "/dashboard"];

/// The lists, complete.
#[derive(Debug)]
pub(crate) struct Access {
    restapi: AccessList,
    dashboard: AccessList,
    /// For the body of a request that is refused.
    patience: Duration,
}

impl Access {
    /// As they are set.
    pub(crate) fn new(config: &Config, patience: Duration) -> Self {
        Self::with_local(config, &local_ranges(), patience)
    }

    /// `local`: who may always use the REST API, so that a list does not lock out this machine's own applications.
    fn with_local(config: &Config, local: &[AddressRange], patience: Duration) -> Self {
        let mut restapi = config.allowed_access_to_restapi.clone();
        if let AccessList::Only(listed) = &mut restapi {
            listed.extend_from_slice(local);
            if let PublicHost::Ip(ip) = config.domain_or_public_ip {
                listed.push(AddressRange::host(ip));
            }
            if let AccessList::Only(dashboard) = &config.allowed_access_to_dashboard {
                listed.extend_from_slice(dashboard);
            }
        }
        Self { restapi, dashboard: config.allowed_access_to_dashboard.clone(), patience }
    }

    /// Of these, every one must be on the list for `path`. `None` = nobody knows who it is.
    fn admits(&self, clients: Option<&[IpAddr]>, path: &str) -> bool {
        let list = if RESTAPI.iter().any(|root| is_below(path, root)) {
            &self.restapi
        } else if DASHBOARD.iter().any(|root| is_below(path, root)) {
            &self.dashboard
        } else {
            return true;
        };
        let AccessList::Only(listed) = list else { return true };
        let is_listed = |client: &IpAddr| listed.iter().any(|range| range.contains(*client));
        clients.is_some_and(|clients| clients.iter().all(is_listed))
    }
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Lets a request through, or answers 403.
pub(crate) async fn check(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let sender = Sender::of(request.extensions());
    let path = request.uri().path();
    // Where a proxy lets one of its headers through as the client wrote it, the other one still tells the truth.
    if access.admits(sender.possible(), path) {
        return next.run(request).await;
    }
    let refusal = ApiError::described(StatusCode::FORBIDDEN, "Your address may not use this", path);
    intake::discard(request.into_body(), access.patience).await;
    refusal.into_response()
}

/// This machine, and the networks its interfaces are in as far as these are private.
fn local_ranges() -> Vec<AddressRange> {
    let interfaces = if_addrs::get_if_addrs()
        .inspect_err(|error| tracing::warn!(%error, "cannot list the network interfaces"))
        .unwrap_or_default();
    local(&interfaces)
}

fn local(interfaces: &[Interface]) -> Vec<AddressRange> {
    let loopback = [AddressRange::new(Ipv4Addr::LOCALHOST.into(), 8), AddressRange::host(Ipv6Addr::LOCALHOST.into())];
    loopback.into_iter().chain(interfaces.iter().map(around)).collect()
}

/// Of a public address, its neighbours are strangers.
fn around(interface: &Interface) -> AddressRange {
    match &interface.addr {
        IfAddr::V4(own) if own.ip.is_private() => {
            AddressRange::new(own.ip.into(), own.netmask.to_bits().leading_ones())
        }
        IfAddr::V6(own) if own.ip.is_unique_local() => {
            AddressRange::new(own.ip.into(), own.netmask.to_bits().leading_ones())
        }
        own => AddressRange::host(own.ip()),
    }
}

#[cfg(test)]
mod tests {
    use if_addrs::{Ifv4Addr, Ifv6Addr};

    use super::*;

    fn only(ranges: &[&str]) -> AccessList {
        AccessList::Only(ranges.iter().map(|range| range.parse().unwrap()).collect())
    }

    fn access(restapi: AccessList, dashboard: AccessList) -> Access {
        let config = Config {
            allowed_access_to_restapi: restapi,
            allowed_access_to_dashboard: dashboard,
            domain_or_public_ip: "203.0.113.5".parse().unwrap(),
            ..Config::default()
        };
        Access::with_local(&config, &["127.0.0.0/8".parse().unwrap()], Duration::ZERO)
    }

    fn admits(access: &Access, client: &str, path: &str) -> bool {
        access.admits(Some(&[client.parse().unwrap()]), path)
    }

    #[test]
    fn without_lists_everybody_may() {
        let access = access(AccessList::All, AccessList::All);
        assert!(admits(&access, "192.0.2.1", "/openvidu/api/sessions") && admits(&access, "192.0.2.1", "/dashboard"));
    }

    #[test]
    fn the_api_is_open_to_its_list_the_dashboards_and_this_machine() {
        let access = access(only(&["198.51.100.0/24"]), only(&["192.0.2.7"]));
        for path in ["/openvidu/api", "/openvidu/api/sessions", "/openvidu/cdr/x.log", "/metrics"] {
            for client in ["198.51.100.9", "192.0.2.7", "127.0.0.1", "203.0.113.5"] {
                assert!(admits(&access, client, path), "{client} {path}");
            }
            assert!(!admits(&access, "192.0.2.8", path) && !admits(&access, "2001:db8::1", path), "{path}");
        }
        for path in ["/", "/openvidu", "/openvidu/apis", "/openvidu/recordings/x.mp4", "/openvidu/accept-certificate"] {
            assert!(admits(&access, "192.0.2.8", path), "{path}");
        }
    }

    #[test]
    fn whoever_contradicts_the_proxy_is_a_stranger() {
        let access = access(only(&["198.51.100.0/24"]), AccessList::All);
        let [listed, stranger] = ["198.51.100.9", "192.0.2.8"].map(|ip| ip.parse::<IpAddr>().unwrap());
        assert!(access.admits(Some(&[listed, listed]), "/openvidu/api"));
        assert!(!access.admits(Some(&[listed, stranger]), "/openvidu/api"));
        assert!(!access.admits(None, "/openvidu/api"));
        assert!(access.admits(None, "/openvidu"), "no list holds here");
    }

    #[test]
    fn nobody_is_added_to_the_dashboards_list() {
        let access = access(AccessList::All, only(&["192.0.2.7"]));
        for path in ["/dashboard", "/dashboard/main.js", "/openvidu/info"] {
            assert!(admits(&access, "192.0.2.7", path) && !admits(&access, "127.0.0.1", path), "{path}");
        }
        assert!(admits(&access, "192.0.2.8", "/openvidu/api/sessions"));
    }

    fn interface(addr: IfAddr) -> Interface {
        Interface { name: "eth0".to_owned(), addr, index: None }
    }

    fn v4(ip: [u8; 4], netmask: [u8; 4]) -> Interface {
        interface(IfAddr::V4(Ifv4Addr { ip: ip.into(), netmask: netmask.into(), prefixlen: 0, broadcast: None }))
    }

    fn interfaces() -> Vec<Interface> {
        let ip = "fd00:1::5".parse().unwrap();
        let netmask = "ffff:ffff:ffff:ffff::".parse().unwrap();
        let v6 = interface(IfAddr::V6(Ifv6Addr { ip, netmask, prefixlen: 64, broadcast: None }));
        vec![v4([192, 168, 1, 5], [255, 255, 255, 0]), v4([203, 0, 113, 5], [255, 255, 255, 0]), v6]
    }

    #[test]
    fn private_neighbours_are_local_and_public_ones_are_strangers() {
        let local = local(&interfaces());
        let is_local = |ip: &str| local.iter().any(|range| range.contains(ip.parse().unwrap()));
        for ip in ["127.0.0.1", "127.9.9.9", "::1", "192.168.1.77", "203.0.113.5", "fd00:1::77"] {
            assert!(is_local(ip), "{ip}");
        }
        for ip in ["192.168.2.1", "203.0.113.6", "fd00:2::1", "2001:db8::1", "10.0.0.1"] {
            assert!(!is_local(ip), "{ip}");
        }
    }
}
