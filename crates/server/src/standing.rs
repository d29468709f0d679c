//! Whether a socket's client is in a session. Strangers may take little: a share of their network, short messages, and some
//! time. The control loop says when that changes; the socket's task holds the client to it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::bound::Bound;
use crate::network::Network;
use crate::shares::{Share, Shares};

/// The longest message of a stranger. What the original takes fits.
pub(crate) const MAX_STRANGERS_MESSAGE: usize = 64 * 1024;
/// How much more than the longest message is read, so that the client gets to see the 1009; beyond it the connection may just
/// break.
pub(crate) const READ_FACTOR: usize = 2;
/// What is read of one message of a stranger.
const STRANGERS_READ: u64 = (READ_FACTOR * MAX_STRANGERS_MESSAGE) as u64;

/// Of one socket. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Standing(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    network: Network,
    shares: Shares,
    /// Held by strangers.
    share: Mutex<Option<Share>>,
    /// Lifted for those in a session.
    bound: Bound,
    departed: Notify,
}

impl Standing {
    /// Of a socket that was just opened, with its share of `shares`.
    pub(crate) fn of_stranger(network: Network, shares: Shares, share: Share, bound: Bound) -> Self {
        bound.set(STRANGERS_READ);
        Self(Arc::new(Shared { network, shares, share: Mutex::new(Some(share)), bound, departed: Notify::new() }))
    }

    /// The client is in a session: its socket counts no longer among those that wait.
    pub(crate) fn entered(&self) {
        self.0.bound.lift();
        self.hold(None);
    }

    /// It no longer is.
    pub(crate) fn departed(&self) {
        // Whatever the network has already: the socket is open.
        self.hold(Some(self.0.shares.take_beyond_limit(self.0.network)));
        self.0.bound.set(STRANGERS_READ);
        self.0.departed.notify_one();
    }

    pub(crate) fn is_inside(&self) -> bool {
        self.0.bound.is_lifted()
    }

    /// Completes once the client has departed.
    pub(crate) async fn departure(&self) {
        self.0.departed.notified().await;
    }

    /// A message has come to its end: the next one may be as long.
    pub(crate) fn message_ended(&self) {
        self.0.bound.renew(STRANGERS_READ);
        self.0.bound.message_ended();
    }

    /// The WebSocket's own ping or pong, of so many bytes without its head, which may stand between the parts of a message.
    pub(crate) fn control_frame_ended(&self, payload: usize) {
        /// With the mask that every frame of a client has (RFC 6455 §5.2).
        const HEAD: u64 = 6;
        self.0.bound.aside_ended(HEAD + payload as u64);
    }

    /// Whether a message had to be left unread.
    pub(crate) fn has_read_all_it_may(&self) -> bool {
        self.0.bound.is_used_up()
    }

    fn hold(&self, share: Option<Share>) {
        *self.0.share.lock().unwrap_or_else(PoisonError::into_inner) = share;
    }
}

#[cfg(test)]
mod tests {
    use settings::LOCALHOST;

    use super::*;

    #[test]
    fn who_departs_is_a_stranger_again() {
        let (network, shares, bound) = (Network::from(LOCALHOST), Shares::default(), Bound::default());
        let share = shares.take(network, 1).unwrap();
        let standing = Standing::of_stranger(network, shares.clone(), share, bound.clone());
        assert!(!standing.is_inside() && shares.take(network, 1).is_none());
        standing.entered();
        assert!(standing.is_inside() && bound.is_lifted());
        let other = shares.take(network, 1).expect("its share is free");
        standing.departed();
        assert!(!standing.is_inside() && !bound.is_lifted());
        drop(other);
        assert!(shares.take(network, 1).is_none(), "it has a share again");
        drop(standing);
        assert!(shares.take(network, 1).is_some());
    }
}
