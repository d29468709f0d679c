//! Messages that passed through a session.

use serde::Serialize;

use super::EventStamp;
use crate::id::{ConnectionId, StreamId};

/// `signalSent`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SignalSent {
    /// Where and when.
    #[serde(flatten)]
    pub stamp: EventStamp,
    /// The sender; null when it came from REST.
    pub from: Option<ConnectionId>,
    /// Everybody it went to, each once.
    pub to: Vec<ConnectionId>,
    /// From a client without its leading `signal:`, from REST verbatim.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Verbatim.
    pub data: Option<String>,
}

impl SignalSent {
    /// The type of a client's signal as events show it: one leading `signal:` is taken off.
    pub fn kind_from_client(kind: &str) -> &str {
        kind.strip_prefix("signal:").unwrap_or(kind)
    }
}

/// `filterEventDispatched`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterEvent {
    /// Where and when.
    #[serde(flatten)]
    pub stamp: EventStamp,
    /// The publisher.
    pub participant_id: ConnectionId,
    /// The publisher again.
    pub connection_id: ConnectionId,
    /// The filtered stream.
    pub stream_id: StreamId,
    /// Such as `ZBarFilter`.
    pub filter_type: String,
    /// Such as `CodeFound`.
    pub event_type: String,
    /// What was found, as [`crate::filter::printed`] writes it.
    pub data: String,
}
