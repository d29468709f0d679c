//! Why something ended.

use crate::model::words;

words! {
    /// Why something ended: the same words stand in events and in notifications to clients.
    Reason {
        /// The subscriber gave the stream up.
        Unsubscribe = "unsubscribe",
        /// The publisher ended the stream.
        Unpublish = "unpublish",
        /// The client left, or its page was closed.
        Disconnect = "disconnect",
        /// A moderator ended the stream.
        ForceUnpublishByUser = "forceUnpublishByUser",
        /// The application ended the stream.
        ForceUnpublishByServer = "forceUnpublishByServer",
        /// A moderator threw the client out.
        ForceDisconnectByUser = "forceDisconnectByUser",
        /// The application threw the client out.
        ForceDisconnectByServer = "forceDisconnectByServer",
        /// Nobody is left. Only of sessions, recordings and broadcasts.
        LastParticipantLeft = "lastParticipantLeft",
        /// The client's socket did not come back in time.
        NetworkDisconnect = "networkDisconnect",
        /// The media server is gone.
        MediaServerDisconnect = "mediaServerDisconnect",
        /// The media server came back without what it held.
        MediaServerReconnect = "mediaServerReconnect",
        /// The media node crashed.
        NodeCrashed = "nodeCrashed",
        /// The server is shutting down.
        OpenviduServerStopped = "openviduServerStopped",
        /// The application closed the session.
        SessionClosedByServer = "sessionClosedByServer",
        /// The application stopped the recording.
        RecordingStoppedByServer = "recordingStoppedByServer",
        /// The application stopped the broadcast.
        BroadcastStoppedByServer = "broadcastStoppedByServer",
        /// Nobody came back before a recording's countdown ended.
        AutomaticStop = "automaticStop",
    }
}

impl Reason {
    /// Why a session (with its recording and broadcast) ends when its last participant ends for this reason.
    #[must_use]
    pub const fn of_emptied_session(self) -> Self {
        match self {
            Self::Disconnect
            | Self::ForceDisconnectByUser
            | Self::ForceDisconnectByServer
            | Self::NetworkDisconnect => Self::LastParticipantLeft,
            other => other,
        }
    }
}
