//! Sessions and connections as REST shows them.

use protocol::model::Role;
use protocol::rest::view::{
    ActiveConnectionView, ConnectionView, MediaNodeView, MediaOptionsView, PublisherView, RecordingPropertiesView,
    SessionView, SubscriberView, WebRtcView,
};
use session::snapshot::{
    ConnectionSnapshot, ParticipantSnapshot, PeerConnectionSnapshot, PublisherSnapshot, SessionSnapshot,
    SubscriberSnapshot,
};

use crate::token;

/// Where a client is on earth is looked up in another edition of the original.
const LOCATION: &str = "unknown";

/// A session.
pub fn session(session: SessionSnapshot) -> SessionView {
    let SessionSnapshot { id, created_at, properties, is_recorded, connections } = session;
    SessionView {
        id: id.clone(),
        object: "session",
        session_id: id,
        created_at: created_at.as_millis(),
        recording: is_recorded,
        broadcasting: false,
        media_mode: properties.media_mode,
        recording_mode: properties.recording_mode,
        default_recording_properties: RecordingPropertiesView(properties.default_recording_properties),
        custom_session_id: properties.custom_session_id,
        media_node: properties.media_node.map(|id| MediaNodeView { id }),
        forced_video_codec: properties.forced_video_codec,
        allow_transcoding: properties.allow_transcoding,
        connections: connections.into_iter().map(connection).collect::<Vec<_>>().into(),
    }
}

/// A connection.
pub fn connection(connection: ConnectionSnapshot) -> ConnectionView {
    let ConnectionSnapshot { id, session, created_at, properties, token, participant } = connection;
    let token = token.map(|token| token::shown(&token, &session));
    let active = participant.map(|participant| active(participant, id.as_str()));
    let view = ConnectionView {
        connection_id: id,
        session_id: session,
        created_at: created_at.as_millis(),
        record: None,
        // Who joined by secret is called one.
        role: Some(Role::Subscriber),
        kurento_options: None,
        custom_ice_servers: vec![],
        server_data: None,
        token,
        active,
    };
    match properties {
        Some(properties) => ConnectionView {
            record: Some(properties.record),
            role: Some(properties.role),
            kurento_options: properties.kurento_options,
            custom_ice_servers: properties.custom_ice_servers,
            server_data: Some(properties.data),
            ..view
        },
        None => view,
    }
}

fn active(participant: ParticipantSnapshot, connection: &str) -> ActiveConnectionView {
    ActiveConnectionView {
        active_at: participant.joined_at.as_millis(),
        location: LOCATION.to_owned(),
        ip: participant.ip,
        platform: participant.platform,
        client_data: participant.client_data,
        publishers: participant.publisher.into_iter().map(publisher).collect(),
        subscribers: participant.subscribers.into_iter().map(|received| subscriber(received, connection)).collect(),
    }
}

fn publisher(publisher: PublisherSnapshot) -> PublisherView {
    let PublisherSnapshot { stream, peer_connection } = publisher;
    let properties = stream.properties;
    PublisherView {
        created_at: stream.created_at.as_millis(),
        web_rtc: peer_connection.map(|peer_connection| web_rtc(peer_connection, stream.id.to_string())),
        stream_id: stream.id,
        media_options: MediaOptionsView {
            has_audio: properties.has_audio,
            audio_active: properties.audio_active.unwrap_or(true),
            has_video: properties.has_video,
            video_active: properties.video_active.unwrap_or(true),
            type_of_video: properties.type_of_video,
            frame_rate: properties.frame_rate,
            video_dimensions: properties.video_dimensions,
        },
    }
}

fn subscriber(subscriber: SubscriberSnapshot, connection: &str) -> SubscriberView {
    let SubscriberSnapshot { stream, created_at, peer_connection } = subscriber;
    SubscriberView {
        created_at: created_at.as_millis(),
        web_rtc: peer_connection.map(|peer_connection| web_rtc(peer_connection, format!("{connection}_{stream}"))),
        stream_id: stream,
    }
}

fn web_rtc(peer_connection: PeerConnectionSnapshot, name: String) -> WebRtcView {
    WebRtcView {
        webrtc_endpoint_name: name,
        remote_sdp: peer_connection.remote_sdp.to_string(),
        local_sdp: peer_connection.local_sdp.to_string(),
        client_ice_candidates: peer_connection.remote_candidates,
        server_ice_candidates: vec![],
        local_candidate: None,
        remote_candidate: None,
        events: vec![],
    }
}
