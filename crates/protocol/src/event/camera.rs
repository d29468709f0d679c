//! How an IP camera is.

use serde::Serialize;

use super::EventStamp;
use crate::id::{ConnectionId, StreamId};
use crate::model::words;

/// `cameraStateChanged`: a camera plays, or does not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CameraStateChanged {
    /// Where and when.
    #[serde(flatten)]
    pub stamp: EventStamp,
    /// The camera's.
    pub connection_id: ConnectionId,
    /// What it publishes.
    pub stream_id: StreamId,
    /// How it is now.
    pub state: CameraStatus,
    /// Why it does not play. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

words! {
    /// The states of a camera, as the original's media server names those of what it plays.
    CameraStatus {
        /// It is not pulled: nobody wants it.
        Stop = "STOP",
        /// It has been asked for its stream.
        Connecting = "CONNECTING",
        /// It plays.
        Start = "START",
        /// It does not play, and is tried again.
        Interrupted = "INTERRUPTED",
    }
}
