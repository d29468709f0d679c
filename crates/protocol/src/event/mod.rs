//! What happened in a session, as applications learn of it: lines of the CDR file and bodies of webhooks.
//!
//! Both carry the same fields in the same order and differ in the envelope: the CDR line is
//! `{"sessionCreated":{…}}` (`Serialize` of [`Event`]), the webhook `{…,"event":"sessionCreated"}` ([`Event::webhook`]).
//! Applications compare these texts, so key order and the difference between `null` and an absent key are part of the
//! contract. When an event happens is decided by the session crate; how it is delivered, by the server.

mod camera;
mod name;
mod participant;
mod reason;
mod recording;
mod signal;
mod stamp;
mod web_rtc_connection;

pub use camera::{CameraStateChanged, CameraStatus};
pub use name::EventName;
pub use participant::Participant;
pub use reason::Reason;
pub use recording::{Broadcast, Composition, RecordingEvent, RecordingStatus};
pub use signal::{FilterEvent, SignalSent};
pub use stamp::{Closing, EventStamp};
pub use web_rtc_connection::{CameraSource, Direction, PublishedVideo, WebRtcConnection};

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::id::SessionId;

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident($content:ty),)+) => {
        /// Something that happened; serialises to a CDR line.
        #[derive(Clone, PartialEq, Debug, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub enum Event { $($(#[$doc])* $variant($content),)+ }

        impl Event {
            /// Which kind it is.
            pub const fn name(&self) -> EventName {
                match self { $(Self::$variant(_) => EventName::$variant,)+ }
            }
        }

        impl Serialize for Webhook<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0 { $(Event::$variant(content) => {
                    Body { content, event: EventName::$variant }.serialize(serializer)
                })+ }
            }
        }
    };
}

events! {
    /// First event of a session: at its creation, not at the first join.
    SessionCreated(EventStamp),
    /// Last event of a session. Not sent when a session that nobody joined is collected as garbage.
    SessionDestroyed(Closing),
    /// Somebody entered.
    ParticipantJoined(EventOpened<Participant>),
    /// Somebody left; began with the join.
    ParticipantLeft(EventClosed<Participant>),
    /// A stream is published or received.
    WebrtcConnectionCreated(EventOpened<WebRtcConnection>),
    /// It no longer is.
    WebrtcConnectionDestroyed(EventClosed<WebRtcConnection>),
    /// A recording started, stopped, is ready or failed.
    RecordingStatusChanged(RecordingEvent),
    /// A filter with a listener found something.
    FilterEventDispatched(FilterEvent),
    /// A signal was sent.
    SignalSent(SignalSent),
    /// The media node came, went or broke.
    MediaNodeStatusChanged(MediaNodeStatusChanged),
    /// A node was lost with everything that it carried.
    NodeCrashed(NodeCrashed),
    /// A broadcast is on the air.
    BroadcastStarted(EventOpened<Broadcast>),
    /// It no longer is.
    BroadcastStopped(EventClosed<Broadcast>),
    /// A camera plays, or does not. Sent only if it is listed.
    CameraStateChanged(CameraStateChanged),
}

impl Event {
    /// The event as the body of a webhook: the same fields, then `"event":"<name>"`.
    pub const fn webhook(&self) -> Webhook<'_> {
        Webhook(self)
    }
}

/// See [`Event::webhook`].
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a>(&'a Event);

#[derive(Serialize)]
struct Body<'a, T> {
    #[serde(flatten)]
    content: &'a T,
    event: EventName,
}

/// Something began.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct EventOpened<T> {
    /// Where and when.
    #[serde(flatten)]
    pub stamp: EventStamp,
    /// What: kept by the session and repeated when it ends.
    #[serde(flatten)]
    pub subject: Arc<T>,
}

/// Something ended.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct EventClosed<T> {
    /// Where, since when, until when and why.
    #[serde(flatten)]
    pub closing: Closing,
    /// What, as it was when it began.
    #[serde(flatten)]
    pub subject: Arc<T>,
}

/// `mediaNodeStatusChanged`. It belongs to no session.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaNodeStatusChanged {
    /// ms since 1970.
    pub timestamp: u64,
    /// `media_…`.
    pub id: String,
    /// The provider's id of the machine; null on premise.
    pub environment_id: Option<String>,
    /// Its address.
    pub ip: String,
    /// Its control address.
    pub uri: String,
    /// What it is now.
    pub new_status: MediaNodeStatus,
    /// What it was; null the first time.
    pub old_status: Option<MediaNodeStatus>,
    /// Which cluster.
    pub cluster_id: String,
}

/// `nodeCrashed`. It belongs to no session; the ends of those that it names follow.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeCrashed {
    /// ms since 1970.
    pub timestamp: u64,
    /// `media_…`.
    pub id: String,
    /// The provider's id of the machine; null on premise.
    pub environment_id: Option<String>,
    /// Its address.
    pub ip: String,
    /// Its control address.
    pub uri: String,
    /// What it did.
    pub node_role: NodeRole,
    /// Sessions that were open.
    pub session_ids: Vec<SessionId>,
    /// Recordings that ran.
    pub recording_ids: Vec<String>,
    /// Broadcasts that were on the air.
    pub broadcasts: Vec<String>,
    /// Which cluster.
    pub cluster_id: String,
}

crate::model::words! {
    /// What a node does.
    NodeRole {
        /// It carries media.
        MediaNode = "medianode",
        /// It has the sessions.
        MasterNode = "masternode",
    }
}

crate::model::words! {
    /// The states of a media node.
    MediaNodeStatus {
        /// Being started.
        Launching = "launching",
        /// Its start was called off.
        Canceled = "canceled",
        /// Broken.
        Failed = "failed",
        /// At work.
        Running = "running",
        /// Takes nothing new and goes when its last session does.
        WaitingIdleToTerminate = "waiting-idle-to-terminate",
        /// Going.
        Terminating = "terminating",
        /// Gone.
        Terminated = "terminated",
    }
}
