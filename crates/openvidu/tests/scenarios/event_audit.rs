//! What applications have been told, and that it makes sense: nothing ends that did not begin, nobody publishes or
//! receives who is not there, and nothing is left when a session ends.

use std::collections::{HashMap, HashSet};

use protocol::event::{Closing, Event, EventStamp};

/// Checks every event as it comes.
#[derive(Default, Debug)]
pub(crate) struct EventAudit {
    pub(crate) events: Vec<Event>,
    sessions: HashMap<String, Open>,
}

/// A session that has not ended. Times are when something began.
#[derive(Default, Debug)]
struct Open {
    participants: HashMap<String, u64>,
    /// By stream and owner.
    connections: HashMap<(String, String), u64>,
    broadcast: Option<u64>,
}

impl EventAudit {
    pub(crate) fn hear(&mut self, event: Event) {
        match &event {
            Event::SessionCreated(stamp) => {
                assert_eq!(stamp.timestamp, stamp.session_created_at);
                assert!(self.sessions.insert(key(stamp), Open::default()).is_none(), "{event:?} twice");
            }
            Event::SessionDestroyed(closing) => {
                let open = self.sessions.remove(&key(&closing.stamp)).expect("a session that began");
                assert!(open.participants.is_empty(), "{event:?} with {:?}", open.participants);
                assert!(open.connections.is_empty(), "{event:?} with {:?}", open.connections);
                assert_eq!(open.broadcast, None, "{event:?} with a broadcast");
                assert_eq!(closing.start_time, closing.stamp.session_created_at);
            }
            Event::ParticipantJoined(joined) => {
                let id = joined.subject.connection.to_string();
                let began = self.open(&joined.stamp).participants.insert(id, joined.stamp.timestamp);
                assert!(began.is_none(), "{event:?} twice");
            }
            Event::ParticipantLeft(left) => {
                let open = self.open(&left.closing.stamp);
                let id = left.subject.connection.as_str();
                assert_since(&left.closing, open.participants.remove(id));
                assert!(!open.connections.keys().any(|(_, owner)| owner == id), "{event:?} with open streams");
            }
            Event::WebrtcConnectionCreated(created) => {
                let open = self.open(&created.stamp);
                let (stream, owner) = (created.subject.stream.to_string(), created.subject.owner.to_string());
                assert!(open.participants.contains_key(&owner), "{event:?} of nobody");
                let began = open.connections.insert((stream, owner), created.stamp.timestamp);
                assert!(began.is_none(), "{event:?} twice");
            }
            Event::WebrtcConnectionDestroyed(destroyed) => {
                let of = (destroyed.subject.stream.to_string(), destroyed.subject.owner.to_string());
                assert_since(&destroyed.closing, self.open(&destroyed.closing.stamp).connections.remove(&of));
            }
            Event::SignalSent(signal) => {
                self.open(&signal.stamp);
                let to: HashSet<_> = signal.to.iter().collect();
                assert_eq!(to.len(), signal.to.len(), "somebody is told of twice");
            }
            Event::BroadcastStarted(started) => {
                let former = self.open(&started.stamp).broadcast.replace(started.stamp.timestamp);
                assert_eq!(former, None, "{event:?} twice");
            }
            Event::BroadcastStopped(stopped) => {
                assert_since(&stopped.closing, self.open(&stopped.closing.stamp).broadcast.take());
            }
            Event::CameraStateChanged(changed) => {
                let publishes = (changed.stream_id.to_string(), changed.connection_id.to_string());
                let open = self.open(&changed.stamp);
                assert!(open.connections.contains_key(&publishes), "{event:?} of no camera");
            }
            Event::RecordingStatusChanged(_) | Event::FilterEventDispatched(_) => {}
            other => panic!("{other:?} cannot happen here"),
        }
        self.events.push(event);
    }

    fn open(&mut self, stamp: &EventStamp) -> &mut Open {
        self.sessions.get_mut(&key(stamp)).expect("an open session")
    }

    pub(crate) fn assert_nobody_is_left(&self) {
        for open in self.sessions.values() {
            assert!(open.participants.is_empty() && open.connections.is_empty(), "{open:?}");
        }
    }
}

fn key(stamp: &EventStamp) -> String {
    format!("{}_{}", stamp.session, stamp.session_created_at)
}

fn assert_since(closing: &Closing, began: Option<u64>) {
    assert_eq!(Some(closing.start_time), began, "{closing:?} began otherwise");
}
