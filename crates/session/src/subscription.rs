//! What one participant receives of another.

use protocol::id::{ConnectionId, StreamId};
use protocol::rest::view::SubscriberView;

use crate::Time;
use crate::event::Announced;
use crate::peer_connection::PeerConnection;

/// One received stream.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) stream: StreamId,
    pub(crate) created_at: Time,
    pub(crate) state: SubscriptionState,
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
    pub(crate) fn view(&self, subscriber: &ConnectionId, web_rtc: bool) -> SubscriberView {
        SubscriberView {
            created_at: self.created_at.as_millis(),
            web_rtc: web_rtc.then(|| self.peer_connection.view(format!("{subscriber}_{}", self.stream))),
            stream_id: self.stream.clone(),
        }
    }
}
