//! Whether anybody watches what a publisher sends, as far as it matters to the publisher: what follows from it is in `uplink.rs`.

use protocol::id::PublicationId;

use crate::consumer::Consumer;
use crate::sfu::Sfu;
use crate::slots::Slot;
use crate::tap::Tap;
use crate::transport::Transport;

impl Sfu {
    /// Tells a publisher what it should send, as far as that is due, or somebody wants more or less than before.
    pub(crate) fn review_uplink(&mut self, id: PublicationId) {
        let Some(publication) = self.publications.get(&id) else {
            return;
        };
        let Some(slot) = publication.transport else {
            return;
        };
        let consumer = |slot: &Slot| self.peers.get(*slot)?.consumer.as_ref();
        let taken = publication.consumers.iter().filter_map(consumer).chain(publication.taps.iter().map(Tap::consumer));
        // What is wanted in other workers is not known here.
        let is_watched = !publication.downstream.is_empty() || taken.into_iter().any(Consumer::wants_large_picture);
        if let Some(peer) = self.peers.get_mut(slot)
            && let Transport::Receiving(receiving) = &mut peer.transport
        {
            receiving.review_uplink(is_watched, self.now, &mut self.sink);
            self.schedule(slot);
        }
    }
}
