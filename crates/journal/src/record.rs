//! One thing that began or ended, and its line in the file: JSON, in which participants and connections are as in events.

use std::sync::Arc;

use protocol::event::{Broadcast, Event, EventStamp, Participant, RecordingStatus, WebRtcConnection};
use protocol::id::{ConnectionId, SessionId, StreamId};
use serde::{Deserialize, Serialize};

/// Which session: when it was created tells apart those with the same id.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct SessionKey {
    pub(crate) created_at: u64,
    pub(crate) session: SessionId,
}

impl From<&EventStamp> for SessionKey {
    fn from(stamp: &EventStamp) -> Self {
        Self { created_at: stamp.session_created_at, session: stamp.session.clone() }
    }
}

/// Cheap to make of an event: what is large in it is shared.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) of: SessionKey,
    pub(crate) what: Change,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Change {
    Created,
    Joined {
        since: u64,
        who: Arc<Participant>,
    },
    Connected {
        since: u64,
        what: Arc<WebRtcConnection>,
    },
    RecordingStarted {
        id: String,
    },
    RecordingEnded {
        id: String,
    },
    BroadcastStarted {
        since: u64,
        what: Arc<Broadcast>,
    },
    BroadcastStopped,
    Disconnected {
        stream: StreamId,
        owner: ConnectionId,
    },
    Left {
        who: ConnectionId,
    },
    /// Or nothing is known of it any more.
    Gone,
}

impl Record {
    /// `None`: it changes nothing about what is open.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let (stamp, what) = match event {
            Event::SessionCreated(stamp) => (stamp, Change::Created),
            Event::SessionDestroyed(closing) => (&closing.stamp, Change::Gone),
            Event::ParticipantJoined(opened) => {
                (&opened.stamp, Change::Joined { since: opened.stamp.timestamp, who: Arc::clone(&opened.subject) })
            }
            Event::ParticipantLeft(closed) => {
                (&closed.closing.stamp, Change::Left { who: closed.subject.connection.clone() })
            }
            Event::WebrtcConnectionCreated(opened) => {
                (&opened.stamp, Change::Connected { since: opened.stamp.timestamp, what: Arc::clone(&opened.subject) })
            }
            Event::WebrtcConnectionDestroyed(closed) => {
                let (stream, owner) = (closed.subject.stream.clone(), closed.subject.owner.clone());
                (&closed.closing.stamp, Change::Disconnected { stream, owner })
            }
            Event::RecordingStatusChanged(recording) => {
                let id = recording.id.clone();
                let what = match recording.status {
                    RecordingStatus::Started => Change::RecordingStarted { id },
                    _ => Change::RecordingEnded { id },
                };
                (&recording.stamp, what)
            }
            Event::BroadcastStarted(opened) => {
                let (since, what) = (opened.stamp.timestamp, Arc::clone(&opened.subject));
                (&opened.stamp, Change::BroadcastStarted { since, what })
            }
            Event::BroadcastStopped(closed) => (&closed.closing.stamp, Change::BroadcastStopped),
            _ => return None,
        };
        Some(Self { of: stamp.into(), what })
    }

    /// Roughly, in bytes: what a client may say of itself above all.
    pub(crate) fn weight(&self) -> usize {
        const OVERHEAD: usize = 200;
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let words = match &self.what {
            Change::Joined { who, .. } => {
                who.ip.len() + who.platform.len() + who.client_data.len() + who.server_data.len() + who.location.len()
            }
            Change::Connected { what, .. } => {
                what.video.as_ref().map_or(0, |video| length(&video.source) + length(&video.dimensions))
            }
            Change::BroadcastStarted { what, .. } => what.broadcast_url.len(),
            _ => 0,
        };
        OVERHEAD + self.of.session.as_str().len() + words
    }
}
