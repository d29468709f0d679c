//! What inputs of strangers go through: one module for each fuzz target, whose `run` takes one input and panics if anything
//! is not as it must be for any input.

pub mod arrivals;
pub mod datagram;
pub mod dependency_descriptor;
pub mod feedback;
pub mod followed_file;
pub mod live_webm;
pub mod payload_header;
pub mod recorded_file;
pub mod recorded_packets;
pub mod redundant_sound;
pub mod rpc_frame;
pub mod sdp_fragment;
pub mod sdp_offer;
pub mod signalling;
pub mod stream;
pub mod stun_answer;
pub mod turn;

use protocol::id::{MediaRequestId, PublicationId, RouterId, SubscriberId, TransportId};
use protocol::media::{MediaCommand, MediaOperation, Reception};

/// Somebody wants to receive what is published in the same worker.
fn subscribe(
    router: RouterId,
    request: MediaRequestId,
    publication: PublicationId,
    transport: TransportId,
    offer: Option<&str>,
) -> MediaCommand {
    let subscribe = MediaOperation::Subscribe {
        request,
        publication,
        source: router.worker,
        subscriber: SubscriberId(1),
        transport,
        reception: Reception::default(),
        offer: offer.map(str::to_owned),
    };
    subscribe.at(router)
}
