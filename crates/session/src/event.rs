//! What applications are told: the events that CDR files and webhooks are made of, in the order in which things happen.
//!
//! Hidden participants (the page that a recording films, the client that transcribes) cause none. Texts and delivery are
//! others' business.

use std::sync::Arc;

use protocol::event::{
    self, CameraSource, Closing, Direction, Event, EventClosed, EventOpened, EventStamp, PublishedVideo, Reason,
    WebRtcConnection,
};
use protocol::id::ConnectionId;

use crate::Time;
use crate::command::CameraProperties;
use crate::connection::Participant;
use crate::context::Context;
use crate::reply::StreamDescription;
use crate::session::Session;

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
        let properties = &stream.properties;
        let connection = WebRtcConnection {
            stream: stream.id.clone(),
            owner: owner.clone(),
            direction: Direction::Outbound { camera: None },
            audio: properties.has_audio,
            video: properties.has_video.then(|| PublishedVideo {
                source: properties.type_of_video.clone(),
                framerate: properties.frame_rate,
                dimensions: properties.video_dimensions.clone(),
            }),
        };
        Self { connection: Arc::new(connection), since }
    }

    /// A camera's stream.
    pub(crate) fn pulled(
        owner: &ConnectionId,
        stream: &StreamDescription,
        camera: &CameraProperties,
        since: Time,
    ) -> Self {
        let published = Self::published(owner, stream, since);
        let camera = CameraSource {
            rtsp_uri: camera.uri.clone(),
            adaptive_bitrate: camera.adaptative_bitrate,
            network_cache: u32::try_from(camera.network_cache).unwrap_or_default(),
            only_play_with_subscribers: camera.only_play_with_subscribers,
        };
        let direction = Direction::Outbound { camera: Some(camera) };
        let connection = WebRtcConnection { direction, ..(*published.connection).clone() };
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
    pub(crate) fn stamp(&self, now: Time) -> EventStamp {
        EventStamp {
            session: self.id.clone(),
            session_created_at: self.created_at.as_millis(),
            timestamp: now.as_millis(),
        }
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
        Arc::new(event::Participant {
            connection: self.connection.clone(),
            location: UNKNOWN_LOCATION.to_owned(),
            ip: self.ip.clone(),
            platform: self.platform.clone(),
            client_data: self.data.client.clone(),
            server_data: self.data.server.clone(),
        })
    }
}

impl Session {
    pub(crate) fn emit_joined(&self, participant: &Participant, cx: &mut Context, now: Time) {
        if !participant.is_hidden() {
            let opened = EventOpened { stamp: self.stamp(now), subject: participant.as_told() };
            cx.effects.event(Event::ParticipantJoined(opened));
        }
    }

    pub(crate) fn emit_left(&self, participant: &Participant, reason: Reason, cx: &mut Context, now: Time) {
        if !participant.is_hidden() {
            let closing = self.closing(participant.active_at, reason, now);
            cx.effects.event(Event::ParticipantLeft(EventClosed { closing, subject: participant.as_told() }));
        }
    }

    pub(crate) fn emit_created(&self, announced: &Announced, cx: &mut Context) {
        let opened = EventOpened { stamp: self.stamp(announced.since), subject: announced.connection.clone() };
        cx.effects.event(Event::WebrtcConnectionCreated(opened));
    }

    pub(crate) fn emit_destroyed(&self, announced: Announced, reason: Reason, cx: &mut Context, now: Time) {
        let closing = self.closing(announced.since, reason, now);
        cx.effects.event(Event::WebrtcConnectionDestroyed(EventClosed { closing, subject: announced.connection }));
    }
}
