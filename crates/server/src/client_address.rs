//! Who sent a request. A proxy of ours, which has a local address, tells whom it speaks for; anybody else could make that up.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};

use crate::connection::Connection;
use crate::network::Network;

impl Network {
    /// Who sent a request.
    pub(crate) fn of_request(peer: SocketAddr, headers: &HeaderMap) -> Self {
        Self::from(client_address(peer, headers))
    }
}

/// Where a request comes from. A proxy that says nothing, or things that do not fit together, counts itself: by some of
/// them one of the two headers comes through as the client wrote it.
pub(crate) fn client_address(peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
    match possible_clients(peer, headers).as_deref() {
        Some([one]) => *one,
        Some([one, other]) if one == other => *one,
        _ => peer.ip().to_canonical(),
    }
}

/// Everybody a request may come from: whom each header of a proxy of ours names, or else the other end of its connection.
/// `None` = a header cannot be read.
pub(crate) fn possible_clients(peer: SocketAddr, headers: &HeaderMap) -> Option<Vec<IpAddr>> {
    let peer = peer.ip().to_canonical();
    if !Network::from(peer).is_local() {
        return Some(vec![peer]);
    }
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let real_ip = header("x-real-ip");
    // Every proxy adds whom it saw at the end: only the last one was written by ours.
    let forwarded_for = header("x-forwarded-for").and_then(|list| list.rsplit(',').next());
    let told = [real_ip, forwarded_for].into_iter().flatten();
    let told: Vec<IpAddr> =
        told.map(|ip| ip.trim().parse::<IpAddr>().ok().map(|ip| ip.to_canonical())).collect::<Option<_>>()?;
    Some(if told.is_empty() { vec![peer] } else { told })
}

impl<S: Sync> FromRequestParts<S> for Network {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of_parts(&parts.headers, &parts.extensions))
    }
}

impl Network {
    /// The same from what every request carries.
    pub(crate) fn of_parts(headers: &HeaderMap, extensions: &Extensions) -> Self {
        let connection = extensions.get::<Connection>().expect("the port adds it to every request");
        Self::of_request(connection.peer, headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(ip: &str) -> Network {
        Network::from(ip.parse::<IpAddr>().unwrap())
    }

    fn seen(peer: &str, headers: &[(&'static str, &str)]) -> Network {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Network::of_request(SocketAddr::new(peer.parse().unwrap(), 1), &headers)
    }

    #[test]
    fn a_proxy_of_ours_tells_whom_it_speaks_for() {
        for headers in [
            &[("x-real-ip", "192.0.2.1")][..],
            &[("x-forwarded-for", "192.0.2.1")],
            &[("x-forwarded-for", "made, up, 192.0.2.1")],
            &[("x-real-ip", "192.0.2.1"), ("x-forwarded-for", "198.51.100.7, 192.0.2.1")],
        ] {
            assert_eq!(seen("127.0.0.1", headers), network("192.0.2.1"), "{headers:?}");
            assert_eq!(seen("203.0.113.5", headers), network("203.0.113.5"), "not ours: {headers:?}");
        }
    }

    #[test]
    fn what_a_proxy_may_only_have_passed_on_is_not_believed() {
        for headers in [
            &[][..],
            &[("x-real-ip", "nonsense")],
            &[("x-real-ip", "")],
            &[("x-real-ip", "192.0.2.1"), ("x-forwarded-for", "192.0.2.2")],
            &[("x-forwarded-for", "192.0.2.1, ")],
        ] {
            assert_eq!(seen("10.0.0.1", headers), network("10.0.0.1"), "{headers:?}");
        }
    }
}
