//! What is known of a connection, which every request on it carries.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::bound::Bound;
use crate::shares::Share;
use crate::wrong_secrets::ShownSecret;

/// How a request reached us; an extension of every request.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The other end of the TCP connection.
    pub(crate) peer: SocketAddr,
    /// Whether it is encrypted.
    pub(crate) tls: bool,
    /// Who has shown the secret on it.
    pub(crate) shown: ShownSecret,
    /// How much may still be read from it.
    pub(crate) bound: Bound,
    /// Keeps the connection counted, also after it has become a WebSocket.
    pub(crate) _place: Arc<ConnectionPlace>,
}

/// What is given back when the connection is gone.
#[derive(Debug)]
pub(crate) struct ConnectionPlace {
    pub(crate) _permit: OwnedSemaphorePermit,
    pub(crate) _share: Share,
    pub(crate) _alive: mpsc::Sender<()>,
}
