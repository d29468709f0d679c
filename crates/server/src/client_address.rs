//! Who sent a request. A proxy that is trusted (MADANG_TRUSTED_PROXIES) tells whom it speaks for; anybody else could make
//! that up.
//!
//! Found out once for each request, by [`crate::forwarding`]; everybody else asks for the [`Sender`].

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use settings::TrustedProxies;

use crate::forwarded;
use crate::network::Network;

/// Who sent a request, as far as it is known; an extension of every request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sender {
    /// Everybody it may come from. `None` = nobody knows.
    possible: Option<Arc<[IpAddr]>>,
    /// Whose limits it counts against.
    address: IpAddr,
    /// What `X-Real-IP` says, which the original shows as a participant's address.
    named: Named,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Named {
    /// There is no such header, or nobody believes it.
    Nobody,
    /// It holds no address.
    Unreadable,
    Address(IpAddr),
}

impl Sender {
    /// Of a request whose headers a trusted proxy has written.
    pub(crate) fn behind(proxy: SocketAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        let proxy = proxy.ip().to_canonical();
        let possible = told(headers, trusted).map(|told| if told.is_empty() { vec![proxy] } else { told });
        // A proxy that says nothing, or things that do not fit together, counts itself: by some of them one of the headers
        // comes through as the client wrote it.
        let address = match possible.as_deref() {
            Some([one, others @ ..]) if others.iter().all(|other| other == one) => *one,
            _ => proxy,
        };
        let named = match forwarded::whole(headers, forwarded::REAL_IP) {
            None => Named::Nobody,
            Some(value) => address_in(&value).map_or(Named::Unreadable, Named::Address),
        };
        Self { possible: possible.map(Into::into), address, named }
    }

    /// Of a request that came straight from there.
    pub(crate) fn direct(peer: SocketAddr) -> Self {
        let peer = peer.ip().to_canonical();
        Self { possible: Some([peer].into()), address: peer, named: Named::Nobody }
    }

    /// Of one that speaks for others although nobody trusts it.
    pub(crate) fn pretended(peer: SocketAddr) -> Self {
        Self { possible: None, ..Self::direct(peer) }
    }

    /// Of a request on its way to a handler.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().expect("a layer around everything adds it").clone()
    }

    /// Everybody it may come from. `None` = nobody knows.
    pub(crate) fn possible(&self) -> Option<&[IpAddr]> {
        self.possible.as_deref()
    }

    /// Where it comes from; the proxy, if that does not say.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    /// Certainly this machine.
    pub(crate) fn is_this_machine(&self) -> bool {
        self.possible().is_some_and(|possible| possible.iter().all(IpAddr::is_loopback))
    }

    /// A participant's address as REST and events show it: an address, or nothing if nobody knows it.
    pub(crate) fn shown(&self, peer: SocketAddr) -> String {
        match self.named {
            Named::Address(ip) => ip.to_string(),
            Named::Nobody => peer.ip().to_canonical().to_string(),
            Named::Unreadable => String::new(),
        }
    }
}

/// Whom each header names. `None` = one of them cannot be read.
fn told(headers: &HeaderMap, trusted: &TrustedProxies) -> Option<Vec<IpAddr>> {
    let real_ip = forwarded::whole(headers, forwarded::REAL_IP).map(|value| address_in(&value));
    let [list, elements] = [forwarded::FORWARDED_FOR, forwarded::FORWARDED].map(|name| forwarded::whole(headers, name));
    let hops = [list.as_deref().map(hops), elements.as_deref().and_then(forwarded_hops)];
    let clients = hops.into_iter().flatten().map(|hops| client_of(&hops, trusted));
    real_ip.into_iter().chain(clients).collect()
}

/// Every proxy adds whom it saw at the end: what stands before the first that is not trusted, seen from there, was made up
/// by that one.
fn client_of(hops: &[&str], trusted: &TrustedProxies) -> Option<IpAddr> {
    let mut client = None;
    for hop in hops.iter().rev() {
        let ip = address_in(hop)?;
        client = Some(ip);
        if !trusted.has(ip) {
            break;
        }
    }
    client
}

fn hops(list: &str) -> Vec<&str> {
    list.split(',').collect()
}

/// `for` of each element (RFC 7239 §4), if any has one.
fn forwarded_hops(value: &str) -> Option<Vec<&str>> {
    let hops: Vec<_> = value.split(',').filter_map(|element| forwarded::parameter(element, "for")).collect();
    (!hops.is_empty()).then_some(hops)
}

/// An address, perhaps with a port, as proxies write it.
fn address_in(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let unbracketed = text.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let ip = unbracketed.unwrap_or(text).parse::<IpAddr>().ok();
    let ip = ip.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    ip.map(|ip| ip.to_canonical())
}

impl<S: Sync> FromRequestParts<S> for Sender {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

impl<S: Sync> FromRequestParts<S> for Network {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Sender::of(&parts.extensions).network())
    }
}

impl Sender {
    /// Whose limits it counts against.
    pub(crate) fn network(&self) -> Network {
        Network::from(self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "127.0.0.1";

    fn sender(headers: &[(&'static str, &str)]) -> Sender {
        let trusted = "loopback, 10.0.0.0/8".parse().unwrap();
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Sender::behind(SocketAddr::new(PROXY.parse().unwrap(), 1), &headers, &trusted)
    }

    fn address(headers: &[(&'static str, &str)]) -> String {
        sender(headers).address().to_string()
    }

    #[test]
    fn a_trusted_proxy_tells_whom_it_speaks_for() {
        for headers in [
            &[("x-real-ip", "192.0.2.1")][..],
            &[("x-forwarded-for", "192.0.2.1")],
            &[("x-forwarded-for", "made, up, 192.0.2.1")],
            &[("x-forwarded-for", "198.51.100.7, 192.0.2.1, 10.1.2.3")],
            &[("x-forwarded-for", "192.0.2.1:4711")],
            &[("forwarded", "for=192.0.2.1;proto=https")],
            &[("forwarded", "for=unknown, For=\"192.0.2.1:80\";by=10.0.0.1, for=10.0.0.1")],
            &[("forwarded", "proto=https"), ("x-real-ip", "192.0.2.1")],
            &[("x-real-ip", "192.0.2.1"), ("x-forwarded-for", "198.51.100.7, 192.0.2.1")],
        ] {
            assert_eq!(address(headers), "192.0.2.1", "{headers:?}");
        }
        assert_eq!(address(&[("forwarded", "for=\"[2001:db8::1]:4711\"")]), "2001:db8::1");
        assert_eq!(address(&[("x-forwarded-for", "10.0.0.7, 10.0.0.8")]), "10.0.0.7", "all of them are trusted");
    }

    #[test]
    fn what_a_proxy_may_only_have_passed_on_is_not_believed() {
        for headers in [
            &[][..],
            &[("x-real-ip", "nonsense")],
            &[("x-real-ip", "")],
            &[("x-real-ip", "192.0.2.1"), ("x-forwarded-for", "192.0.2.2")],
            &[("x-real-ip", "192.0.2.1"), ("forwarded", "for=192.0.2.2")],
            &[("x-forwarded-for", "192.0.2.1, ")],
            &[("forwarded", "for=_hidden")],
        ] {
            assert_eq!(address(headers), PROXY, "{headers:?}");
        }
        assert_eq!(sender(&[("x-real-ip", "nonsense")]).possible(), None);
        assert_eq!(
            sender(&[("x-real-ip", "192.0.2.1"), ("x-forwarded-for", "192.0.2.2")]).possible().unwrap().len(),
            2
        );
    }

    #[test]
    fn a_participant_is_shown_with_an_address_or_none() {
        let peer = SocketAddr::new(PROXY.parse().unwrap(), 1);
        let shown = |headers: &[(&'static str, &str)]| sender(headers).shown(peer);
        assert_eq!(shown(&[("x-real-ip", " 192.0.2.1 ")]), "192.0.2.1");
        assert_eq!(shown(&[("x-real-ip", "::ffff:192.0.2.1")]), "192.0.2.1");
        assert_eq!(shown(&[("x-forwarded-for", "192.0.2.1")]), PROXY, "the original does not read it");
        for nonsense in ["<script>", "", "192.0.2", "192.0.2.1, 192.0.2.2"] {
            assert_eq!(shown(&[("x-real-ip", nonsense)]), "", "{nonsense}");
        }
    }

    #[test]
    fn only_who_is_certainly_here_is_this_machine() {
        let peer = SocketAddr::new(PROXY.parse().unwrap(), 1);
        assert!(Sender::direct(peer).is_this_machine() && sender(&[("x-real-ip", "::1")]).is_this_machine());
        assert!(!sender(&[("x-real-ip", "192.0.2.1")]).is_this_machine());
        assert!(!sender(&[("x-real-ip", "127.0.0.1"), ("x-forwarded-for", "192.0.2.1")]).is_this_machine());
        assert!(!sender(&[("x-real-ip", "nonsense")]).is_this_machine());
        assert!(!Sender::pretended(peer).is_this_machine() && Sender::pretended(peer).possible().is_none());
        assert!(!Sender::direct(SocketAddr::new("10.0.0.1".parse().unwrap(), 1)).is_this_machine());
    }
}
