//! Sessions and connections as REST shows them. Hidden participants are never shown.

use protocol::model::Role;
use protocol::rest::view::{ActiveConnectionView, ConnectionView, MediaNodeView, RecordingPropertiesView, SessionView};

use crate::connection::{Access, Insider, Participant, PendingConnection};
use crate::registry::Include;
use crate::session::Session;

/// Where a client is on earth is looked up in another edition of the original.
const LOCATION: &str = "unknown";

impl Session {
    pub(crate) fn view(&self, include: Include) -> SessionView {
        let properties = &self.properties;
        SessionView {
            id: self.id.clone(),
            object: "session",
            session_id: self.id.clone(),
            created_at: self.created_at.as_millis(),
            recording: self.recording.is_some(),
            broadcasting: false,
            media_mode: properties.media_mode,
            recording_mode: properties.recording_mode,
            default_recording_properties: RecordingPropertiesView(properties.default_recording_properties.clone()),
            custom_session_id: properties.custom_session_id.clone(),
            media_node: properties.media_node.clone().map(|id| MediaNodeView { id }),
            forced_video_codec: properties.forced_video_codec,
            allow_transcoding: properties.allow_transcoding,
            connections: self.connection_views(include).into(),
        }
    }

    /// Active ones first.
    pub(crate) fn connection_views(&self, include: Include) -> Vec<ConnectionView> {
        let active = self
            .participants()
            .filter(|(_, participant)| !participant.is_hidden())
            .map(|(_, participant)| self.active_view(participant, include));
        let pending = self.pending().map(|pending| self.pending_view(pending));
        if include.pending_connections { active.chain(pending).collect() } else { active.collect() }
    }

    pub(crate) fn connection_view(&self, connection: &str, include: Include) -> Option<ConnectionView> {
        if let Some(pending) = self.pending_id(connection) {
            return self.pending_by_id(pending).map(|pending| self.pending_view(pending));
        }
        let participant = self.participant(self.visible(connection)?)?;
        Some(self.active_view(participant, include))
    }

    fn pending_view(&self, pending: &PendingConnection) -> ConnectionView {
        let properties = &pending.properties;
        ConnectionView {
            connection_id: pending.connection.clone(),
            session_id: self.id.clone(),
            created_at: pending.created_at.as_millis(),
            record: Some(properties.record),
            role: Some(properties.role),
            kurento_options: properties.kurento_options.clone(),
            custom_ice_servers: properties.custom_ice_servers.clone(),
            server_data: Some(properties.data.clone()),
            token: Some(pending.token_url.clone()),
            active: None,
        }
    }

    fn active_view(&self, participant: &Participant, include: Include) -> ConnectionView {
        let web_rtc = include.web_rtc_stats;
        let subscriptions = participant.subscriptions.values();
        let active = ActiveConnectionView {
            active_at: participant.active_at.as_millis(),
            location: LOCATION.to_owned(),
            ip: participant.ip.clone(),
            platform: participant.platform.clone(),
            client_data: participant.client_data.clone(),
            publishers: participant.stream.iter().map(|stream| stream.view(web_rtc)).collect(),
            subscribers: subscriptions.map(|received| received.view(&participant.connection, web_rtc)).collect(),
        };
        let view = ConnectionView {
            connection_id: participant.connection.clone(),
            session_id: self.id.clone(),
            created_at: participant.created_at.as_millis(),
            record: None,
            role: Some(Role::Subscriber),
            kurento_options: None,
            custom_ice_servers: vec![],
            server_data: None,
            token: None,
            active: Some(active),
        };
        match &participant.access {
            Access::Token { properties, url } => ConnectionView {
                record: Some(properties.record),
                role: Some(properties.role),
                kurento_options: properties.kurento_options.clone(),
                custom_ice_servers: properties.custom_ice_servers.clone(),
                server_data: Some(properties.data.clone()),
                token: Some(url.clone()),
                ..view
            },
            Access::Secret(Insider::Visible { token }) => ConnectionView { token: Some(token.clone()), ..view },
            Access::Secret(Insider::Recorder | Insider::SpeechToText) => view,
        }
    }
}
