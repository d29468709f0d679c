//! What applications are told: the events that CDR files and webhooks are made of, in the order in which things happen.
//!
//! Hidden participants (the page that a recording films, the client that transcribes) cause none. Texts and delivery are
//! others' business.

use std::sync::Arc;

use protocol::event::{
    self, Closed, Closing, Direction, Event, Opened, PublishedVideo, Reason, Stamp, WebRtcConnection,
};
use protocol::id::{ConnectionId, SessionId};
use protocol::rpc::StreamDescription;

use crate::connection::{Access, Participant};
use crate::session::Session;
use crate::{Effect, Registry, Time};

/// Where nobody looks up addresses.
const UNKNOWN_LOCATION: &str = "unknown";

/// A WebRTC connection that applications know of: they are told of its end with the same words.
#[derive(Clone, Debug)]
pub(crate) struct Announced {
    pub(crate) connection: Arc<WebRtcConnection>,
    pub(crate) since: Time,
}

impl Announced {
    /// A stream as its publisher described it; later changes do not show.
    pub(crate) fn published(owner: &ConnectionId, stream: &StreamDescription, since: Time) -> Self {
        let connection = WebRtcConnection {
            stream: stream.id.clone(),
            owner: owner.clone(),
            direction: Direction::Outbound { camera: None },
            audio: stream.has_audio,
            video: stream.has_video.then(|| PublishedVideo {
                source: stream.type_of_video.clone(),
                framerate: stream.frame_rate,
                dimensions: stream.video_dimensions.clone(),
            }),
        };
        Self { connection: Arc::new(connection), since }
    }

    /// The same stream on its way to a subscriber.
    pub(crate) fn received_by(&self, owner: &ConnectionId, since: Time) -> Self {
        let published = &*self.connection;
        let connection = WebRtcConnection {
            owner: owner.clone(),
            direction: Direction::Inbound { from: published.owner.clone() },
            ..published.clone()
        };
        Self { connection: Arc::new(connection), since }
    }
}

impl Session {
    pub(crate) fn stamp(&self, now: Time) -> Stamp {
        Stamp { session: self.id.clone(), session_created_at: self.created_at.as_millis(), timestamp: now.as_millis() }
    }

    fn closing(&self, since: Time, reason: Reason, now: Time) -> Closing {
        Closing { stamp: self.stamp(now), start_time: since.as_millis(), reason: Some(reason) }
    }

    pub(crate) fn destroyed(&self, reason: Reason, now: Time) -> Event {
        Event::SessionDestroyed(self.closing(self.created_at, reason, now))
    }
}

impl Participant {
    fn as_told(&self) -> Arc<event::Participant> {
        let server_data = match &self.access {
            Access::Token { properties, .. } => properties.data.clone(),
            Access::Secret(_) => String::new(),
        };
        Arc::new(event::Participant {
            connection: self.connection.clone(),
            location: UNKNOWN_LOCATION.to_owned(),
            ip: self.ip.clone(),
            platform: self.platform.clone(),
            client_data: self.client_data.clone(),
            server_data,
        })
    }
}

impl Registry {
    pub(crate) fn emit(&mut self, event: Event) {
        self.clients.effects.push_back(Effect::Event(event));
    }

    pub(crate) fn emit_joined(&mut self, session: &SessionId, participant: &Participant, now: Time) {
        if participant.is_hidden() {
            return;
        }
        if let Some(stamp) = self.sessions.get(session).map(|session| session.stamp(now)) {
            self.emit(Event::ParticipantJoined(Opened { stamp, subject: participant.as_told() }));
        }
    }

    pub(crate) fn emit_left(&mut self, session: &SessionId, participant: &Participant, reason: Reason, now: Time) {
        if participant.is_hidden() {
            return;
        }
        let closing = self.sessions.get(session).map(|session| session.closing(participant.active_at, reason, now));
        if let Some(closing) = closing {
            self.emit(Event::ParticipantLeft(Closed { closing, subject: participant.as_told() }));
        }
    }

    pub(crate) fn emit_created(&mut self, session: &SessionId, announced: &Announced) {
        if let Some(stamp) = self.sessions.get(session).map(|session| session.stamp(announced.since)) {
            self.emit(Event::WebrtcConnectionCreated(Opened { stamp, subject: announced.connection.clone() }));
        }
    }

    pub(crate) fn emit_destroyed(&mut self, session: &SessionId, announced: Announced, reason: Reason, now: Time) {
        let closing = self.sessions.get(session).map(|session| session.closing(announced.since, reason, now));
        if let Some(closing) = closing {
            self.emit(Event::WebrtcConnectionDestroyed(Closed { closing, subject: announced.connection }));
        }
    }
}
