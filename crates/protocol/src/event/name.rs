//! The kinds of events.

use crate::model::words;

words! {
    /// A kind of event, as it stands in `OPENVIDU_WEBHOOK_EVENTS`.
    EventName {
        /// A session was created.
        SessionCreated = "sessionCreated",
        /// A session ended.
        SessionDestroyed = "sessionDestroyed",
        /// Somebody entered.
        ParticipantJoined = "participantJoined",
        /// Somebody left.
        ParticipantLeft = "participantLeft",
        /// A stream is published or received.
        WebrtcConnectionCreated = "webrtcConnectionCreated",
        /// It no longer is.
        WebrtcConnectionDestroyed = "webrtcConnectionDestroyed",
        /// A recording started, stopped, is ready or failed.
        RecordingStatusChanged = "recordingStatusChanged",
        /// A filter found something.
        FilterEventDispatched = "filterEventDispatched",
        /// A signal was sent.
        SignalSent = "signalSent",
        /// A media node came, went or broke.
        MediaNodeStatusChanged = "mediaNodeStatusChanged",
        /// Media nodes were added or removed because of load. Only in a cluster.
        Autoscaling = "autoscaling",
        /// A node was lost. Only in a cluster.
        NodeCrashed = "nodeCrashed",
        /// A lost node is back. Only in a cluster.
        NodeRecovered = "nodeRecovered",
        /// A broadcast is on the air.
        BroadcastStarted = "broadcastStarted",
        /// It no longer is.
        BroadcastStopped = "broadcastStopped",
        /// A node joined the cluster. Sent only if it is listed.
        HaNodeRegistered = "HANodeRegistered",
        /// A node left the cluster. Sent only if it is listed.
        HaNodeDeregistered = "HANodeDeregistered",
        /// A camera plays, or does not. Unknown to OpenVidu: sent only if it is listed.
        CameraStateChanged = "cameraStateChanged",
    }
}

impl EventName {
    /// What webhooks carry unless `OPENVIDU_WEBHOOK_EVENTS` says otherwise.
    pub const DEFAULT: &'static [Self] = &[
        Self::SessionCreated,
        Self::SessionDestroyed,
        Self::ParticipantJoined,
        Self::ParticipantLeft,
        Self::WebrtcConnectionCreated,
        Self::WebrtcConnectionDestroyed,
        Self::RecordingStatusChanged,
        Self::FilterEventDispatched,
        Self::SignalSent,
        Self::MediaNodeStatusChanged,
        Self::Autoscaling,
        Self::NodeCrashed,
        Self::NodeRecovered,
        Self::BroadcastStarted,
        Self::BroadcastStopped,
    ];
}
