//! Subscriptions that have lost their media together with the publisher's: after a media worker has started anew, or when both
//! were cut off at once. Clients renew a peer connection that they see broken, but only once; whoever did that before the
//! publisher was there again got nothing, and would look at a picture that stands still for ever. So once a publisher has
//! a new peer connection, those who have lost theirs are offered the stream anew.

use crate::client::Origin;
use crate::command::ClientCommand;
use crate::context::Context;
use crate::id::ParticipantId;
use crate::session::Session;
use crate::{Registry, Time};

impl Session {
    /// A publisher's media comes again.
    pub(crate) fn offer_again(&self, publisher: ParticipantId, cx: &mut Context) {
        for (_, other) in self.participants() {
            let Some(subscription) = other.subscriptions.get(&publisher) else { continue };
            let condition = cx.legs.condition(subscription.peer_connection.transport);
            if condition.is_some_and(|condition| condition.is_cut) {
                cx.offers_due.push_back((other.client, subscription.stream.clone()));
            }
        }
    }
}

impl Registry {
    /// Makes the next of those offers, when it is its turn among what the client itself has asked for.
    pub(crate) fn offer_next(&mut self, now: Time) -> bool {
        let Some((client, stream)) = self.cx.offers_due.pop_front() else { return false };
        let command = ClientCommand::RequestOffer { stream: stream.as_str().to_owned() };
        self.queue(Origin { client, asker: None }, command, now);
        true
    }
}
