//! What is asked for when a client wants to receive a publication: it may have to wait until the publication is known here.

use protocol::id::{MediaRequestId, PublicationId, RouterId, SubscriberId, TransportId};
use protocol::media::Reception;

/// A client wants to receive something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SubscriptionWish {
    pub(crate) request: MediaRequestId,
    pub(crate) router: RouterId,
    pub(crate) publication: PublicationId,
    pub(crate) subscriber: SubscriberId,
    pub(crate) transport: TransportId,
    pub(crate) reception: Reception,
}
