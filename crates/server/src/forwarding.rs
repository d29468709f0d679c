//! Finds out who sent a request, and takes what only a trusted proxy may say out of everybody else's: around everything, so
//! that nobody behind it has to ask again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use settings::TrustedProxies;

use crate::client_address::Sender;
use crate::connection::Connection;
use crate::forwarded;
use crate::network::Network;

/// Who is believed.
#[derive(Debug)]
pub(crate) struct Forwarding {
    trusted: TrustedProxies,
    /// The operator has been told of one that is not.
    was_told: AtomicBool,
}

impl Forwarding {
    pub(crate) fn new(trusted: TrustedProxies) -> Arc<Self> {
        Arc::new(Self { trusted, was_told: AtomicBool::new(false) })
    }

    /// Leaves the headers alone if they can be believed.
    fn sender(&self, peer: SocketAddr, headers: &mut axum::http::HeaderMap) -> Sender {
        if self.trusted.has(peer.ip()) {
            return Sender::behind(peer, headers, &self.trusted);
        }
        if !forwarded::speaks_for_others(headers) {
            return Sender::direct(peer);
        }
        forwarded::remove(headers);
        // A stranger makes it up. Who is near may be a proxy that the operator has forgotten: then this is everybody, whom
        // no list of addresses must let in as one of ours.
        if !Network::from(peer.ip()).is_local() {
            return Sender::direct(peer);
        }
        if !self.was_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                proxy = %peer.ip().to_canonical(),
                "this address speaks for others (X-Real-IP, X-Forwarded-…) and is not believed: if it is your proxy, name \
                 it in MADANG_TRUSTED_PROXIES"
            );
        }
        Sender::pretended(peer)
    }
}

/// Adds the [`Sender`].
pub(crate) async fn attribute(State(forwarding): State<Arc<Forwarding>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Connection>().expect("the port adds it to every request").peer;
    let sender = forwarding.sender(peer, request.headers_mut());
    request.extensions_mut().insert(sender);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    fn seen(peer: &str, trusted: &str) -> (Sender, HeaderMap) {
        let forwarding = Forwarding::new(trusted.parse().unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(forwarded::REAL_IP, "192.0.2.1".parse().unwrap());
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        headers.insert("host", "h".parse().unwrap());
        let sender = forwarding.sender(SocketAddr::new(peer.parse().unwrap(), 1), &mut headers);
        (sender, headers)
    }

    #[test]
    fn only_who_is_trusted_speaks_for_others() {
        for (peer, trusted, believed) in [
            ("127.0.0.1", "loopback", true),
            ("::1", "loopback", true),
            ("::ffff:127.0.0.1", "loopback", true),
            ("172.18.0.3", "loopback", false),
            ("203.0.113.5", "loopback", false),
            ("172.18.0.3", "172.18.0.0/16", true),
            ("172.18.0.3", "private", true),
            ("127.0.0.1", "private", false),
            ("203.0.113.5", "loopback, 203.0.113.5", true),
            ("127.0.0.1", "none", false),
        ] {
            let (sender, headers) = seen(peer, trusted);
            assert_eq!(sender.address().to_string() == "192.0.2.1", believed, "{peer} {trusted}");
            assert_eq!(headers.len(), if believed { 3 } else { 1 }, "{peer} {trusted}");
        }
    }

    #[test]
    fn a_forgotten_proxy_is_nobody_whom_a_list_could_let_in() {
        assert_eq!(seen("172.18.0.3", "loopback").0.possible(), None);
        assert!(seen("203.0.113.5", "loopback").0.possible().is_some(), "a stranger is himself");
    }
}
