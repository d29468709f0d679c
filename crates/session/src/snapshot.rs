//! What is shown of sessions to those who look at them from outside. Hidden participants are never shown.

use std::sync::Arc;

use protocol::id::{ConnectionId, SessionId, StreamId};
use protocol::model::{ConnectionProperties, SessionProperties};
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::camera::CameraChange;
use crate::command::CameraProperties;
use crate::connection::{Access, Insider, Participant, PendingConnection};
use crate::observation::{MediaCondition, MediaLegs};
use crate::peer_connection::PeerConnection;
use crate::quality::QualityLevel;
use crate::reply::StreamDescription;
use crate::session::Session;
use crate::stream::Stream;
use crate::subscription::Subscription;

/// What a snapshot of a session or of its connections shall hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Include {
    /// Connections whose token is unused.
    pub pending_connections: bool,
    /// SDP and ICE details of each publisher and subscriber.
    pub web_rtc_stats: bool,
}

/// A session at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionSnapshot {
    /// Which.
    pub id: SessionId,
    /// When it was made.
    pub created_at: Time,
    /// What it was made with.
    pub properties: SessionProperties,
    /// A recording is starting or running.
    pub is_recorded: bool,
    /// It is being broadcast.
    pub is_broadcast: bool,
    /// Who is there, in the order of joining, then, when asked for, who may come.
    pub connections: Vec<ConnectionSnapshot>,
}

/// A connection at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConnectionSnapshot {
    /// Which.
    pub id: ConnectionId,
    /// In which session.
    pub session: SessionId,
    /// When that was made.
    pub session_created_at: Time,
    /// When it was made.
    pub created_at: Time,
    /// What it may do; none for those who joined by secret.
    pub properties: Option<ConnectionProperties>,
    /// What it joins, or has joined, with.
    pub token: Option<Token>,
    /// Once its client has joined.
    pub participant: Option<ParticipantSnapshot>,
    /// If it is a camera.
    pub camera: Option<CameraSnapshot>,
}

/// A camera at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CameraSnapshot {
    /// What it was made with.
    pub properties: CameraProperties,
    /// What became of it, the oldest first, and not more than the last of it; when asked for.
    pub changes: Vec<CameraChange>,
}

/// What lets one client in, once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// `tok_…`: a secret.
    pub value: String,
    /// How the application that made it had reached us; none if nobody made it.
    pub origin: Option<String>,
    /// It says that its client finds virtual backgrounds here.
    pub virtual_background: bool,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// A participant at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ParticipantSnapshot {
    /// When it joined.
    pub joined_at: Time,
    /// Its address.
    pub ip: String,
    /// What it runs on.
    pub platform: String,
    /// What it said when joining.
    pub client_data: String,
    /// How good its network is, if it publishes and that is rated.
    pub network_quality: Option<QualityLevel>,
    /// What it publishes.
    pub publisher: Option<PublisherSnapshot>,
    /// What it receives.
    pub subscribers: Vec<SubscriberSnapshot>,
}

/// A published stream at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PublisherSnapshot {
    /// What others know of it.
    pub stream: StreamDescription,
    /// When asked for.
    pub peer_connection: Option<PeerConnectionSnapshot>,
}

/// A received stream at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubscriberSnapshot {
    /// Which stream.
    pub stream: StreamId,
    /// Since when.
    pub created_at: Time,
    /// When asked for.
    pub peer_connection: Option<PeerConnectionSnapshot>,
}

/// A WebRTC connection at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PeerConnectionSnapshot {
    /// The client's SDP; empty while it has not answered our offer.
    pub remote_sdp: Arc<str>,
    /// Ours.
    pub local_sdp: Arc<str>,
    /// Trickled by the client.
    pub remote_candidates: Vec<String>,
    /// How its media goes.
    pub condition: MediaCondition,
}

impl Session {
    pub(crate) fn snapshot(&self, include: Include, legs: &MediaLegs) -> SessionSnapshot {
        SessionSnapshot {
            id: self.id.clone(),
            created_at: self.created_at,
            properties: self.properties.clone(),
            is_recorded: self.recording.is_some(),
            is_broadcast: self.is_broadcast(),
            connections: self.connection_snapshots(include, legs),
        }
    }

    pub(crate) fn connection_snapshots(&self, include: Include, legs: &MediaLegs) -> Vec<ConnectionSnapshot> {
        let active = self
            .participants()
            .filter(|(_, participant)| !participant.is_hidden())
            .map(|(_, participant)| participant.snapshot(self, include, legs));
        let pending = self.pending().map(|pending| pending.snapshot(self));
        if include.pending_connections { active.chain(pending).collect() } else { active.collect() }
    }

    pub(crate) fn connection_snapshot(
        &self,
        connection: &str,
        include: Include,
        legs: &MediaLegs,
    ) -> Option<ConnectionSnapshot> {
        if let Some(pending) = self.pending_id(connection) {
            return self.pending_by_id(pending).map(|pending| pending.snapshot(self));
        }
        let participant = self.participant(self.visible(connection)?)?;
        Some(participant.snapshot(self, include, legs))
    }
}

impl PendingConnection {
    fn snapshot(&self, session: &Session) -> ConnectionSnapshot {
        ConnectionSnapshot {
            id: self.connection.clone(),
            session: session.id.clone(),
            session_created_at: session.created_at,
            created_at: self.created_at,
            properties: Some(self.properties.clone()),
            token: Some(self.token.clone()),
            participant: None,
            camera: None,
        }
    }
}

impl Participant {
    fn snapshot(&self, session: &Session, include: Include, legs: &MediaLegs) -> ConnectionSnapshot {
        let (properties, token) = match &self.access {
            Access::Token { properties, token } => (Some(properties.clone()), Some(token.clone())),
            Access::Secret(Insider::Visible { token }) => (None, Some(token.clone())),
            Access::Secret(Insider::Hidden(_)) | Access::Page(_) | Access::Viewer | Access::Camera(_) => (None, None),
        };
        let camera = match &self.access {
            Access::Camera(camera) => {
                let changes = camera.changes.iter().filter(|_| include.web_rtc_stats).cloned().collect();
                Some(CameraSnapshot { properties: camera.properties.clone(), changes })
            }
            Access::Token { .. } | Access::Secret(_) | Access::Page(_) | Access::Viewer => None,
        };
        let subscriptions = self.subscriptions.values();
        let participant = ParticipantSnapshot {
            joined_at: self.active_at,
            ip: self.ip.clone(),
            platform: self.platform.clone(),
            client_data: self.data.client.clone(),
            network_quality: self.quality.level(),
            publisher: self.stream.as_ref().map(|stream| stream.snapshot(include, legs)),
            subscribers: subscriptions.map(|subscription| subscription.snapshot(include, legs)).collect(),
        };
        ConnectionSnapshot {
            id: self.connection.clone(),
            session: session.id.clone(),
            session_created_at: session.created_at,
            created_at: self.created_at,
            properties,
            token,
            participant: Some(participant),
            camera,
        }
    }
}

impl Stream {
    fn snapshot(&self, include: Include, legs: &MediaLegs) -> PublisherSnapshot {
        let peer_connection = self.peer_connection.snapshot(include, legs);
        PublisherSnapshot { stream: self.description.clone(), peer_connection }
    }
}

impl Subscription {
    fn snapshot(&self, include: Include, legs: &MediaLegs) -> SubscriberSnapshot {
        SubscriberSnapshot {
            stream: self.stream.clone(),
            created_at: self.created_at,
            peer_connection: self.peer_connection.snapshot(include, legs),
        }
    }
}

impl PeerConnection {
    fn snapshot(&self, include: Include, legs: &MediaLegs) -> Option<PeerConnectionSnapshot> {
        include.web_rtc_stats.then(|| PeerConnectionSnapshot {
            remote_sdp: self.remote_sdp.clone(),
            local_sdp: self.local_sdp.clone(),
            remote_candidates: self.candidates().to_vec(),
            condition: legs.condition(self.transport).cloned().unwrap_or_default(),
        })
    }
}
