//! What one participant receives of another.

use protocol::id::RouterId;
use protocol::id::StreamId;
use protocol::media::{MediaOperation, VideoCodec};

use crate::Time;
use crate::context::Context;
use crate::event::Announced;
use crate::id::{ClientId, ParticipantId};
use crate::peer_connection::PeerConnection;
use crate::timer::Timer;

/// One received stream.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) stream: StreamId,
    /// Its pictures are transcoded to this, because the subscriber does not take them as they are.
    pub(crate) codec: Option<VideoCodec>,
    pub(crate) created_at: Time,
    pub(crate) state: SubscriptionState,
    /// The subscriber wants no picture at present, as it says.
    pub(crate) without_picture: bool,
    pub(crate) peer_connection: PeerConnection,
    /// As applications were told of it: once it is established, unless the subscriber is hidden.
    pub(crate) announced: Option<Announced>,
}

/// How far the negotiation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SubscriptionState {
    /// We offered and wait for the client's answer.
    Offered,
    /// Both sides agree.
    Established,
}

impl Subscription {
    /// It ends: the media worker closes its transport.
    pub(crate) fn release(&self, router: RouterId, subscriber: ClientId, publisher: ParticipantId, cx: &mut Context) {
        self.cancel_offer(subscriber, publisher, cx);
        cx.effects.media(router, MediaOperation::CloseTransport { transport: self.peer_connection.transport });
    }

    pub(crate) fn cancel_offer(&self, client: ClientId, publisher: ParticipantId, cx: &mut Context) {
        let transport = self.peer_connection.transport;
        cx.timers.cancel(Timer::Offer { client, publisher, transport });
    }
}
