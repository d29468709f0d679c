//! Sessions and connections as REST shows them.

use protocol::filter::FilterView;
use protocol::model::Role;
use protocol::rest::view::{
    ActiveConnectionView, CameraView, ConnectionView, MediaNodeView, MediaOptionsView, PublisherView,
    RecordingPropertiesView, SessionView, SubscriberView,
};
use session::QualityLevel;
use session::refusal::MediaDirection;
use session::snapshot::{
    CameraSnapshot, ConnectionSnapshot, ParticipantSnapshot, PublisherSnapshot, SessionSnapshot, SubscriberSnapshot,
};

use crate::token;
use crate::web_rtc::{self, Endpoint};

/// Where a client is on earth is looked up in another edition of the original.
const LOCATION: &str = "unknown";

/// A session.
pub fn session(session: SessionSnapshot) -> SessionView {
    let SessionSnapshot { id, created_at, properties, is_recorded, is_broadcast, connections } = session;
    SessionView {
        id: id.clone(),
        object: "session",
        session_id: id,
        created_at: created_at.as_millis(),
        recording: is_recorded,
        broadcasting: is_broadcast,
        media_mode: properties.media_mode,
        recording_mode: properties.recording_mode,
        default_recording_properties: RecordingPropertiesView(properties.default_recording_properties),
        custom_session_id: properties.custom_session_id,
        media_node: properties.media_node.map(|id| MediaNodeView { id }),
        forced_video_codec: properties.forced_video_codec,
        allow_transcoding: properties.allow_transcoding,
        connections: connections.into_iter().map(connection).collect::<Vec<_>>().into(),
        last_n: Some(properties.last_n).filter(|limit| *limit > 0),
        loudest: Some(properties.loudest).filter(|limit| *limit > 0),
    }
}

/// A connection.
pub fn connection(connection: ConnectionSnapshot) -> ConnectionView {
    let ConnectionSnapshot { id, session, session_created_at, created_at, properties, token, participant, camera } =
        connection;
    let token = token.map(|token| token::shown(&token, &session));
    let unique_session_id = format!("{session}_{}", session_created_at.as_millis());
    let active = participant.map(|participant| active(participant, camera.as_ref(), id.as_str(), &unique_session_id));
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
        last_n: None,
        loudest: None,
        pinned: vec![],
        camera: camera.as_ref().map(camera_view),
    };
    if let Some(CameraSnapshot { properties, changes: _ }) = camera {
        return ConnectionView {
            record: Some(properties.record),
            role: None,
            custom_ice_servers: properties.ice_servers,
            server_data: Some(properties.data),
            ..view
        };
    }
    match properties {
        Some(properties) => ConnectionView {
            record: Some(properties.record),
            role: Some(properties.role),
            kurento_options: properties.kurento_options,
            custom_ice_servers: properties.custom_ice_servers,
            server_data: Some(properties.data),
            last_n: properties.last_n,
            loudest: properties.loudest,
            pinned: properties.pinned,
            ..view
        },
        None => view,
    }
}

fn camera_view(camera: &CameraSnapshot) -> CameraView {
    let properties = &camera.properties;
    CameraView {
        rtsp_uri: properties.uri.clone(),
        adaptative_bitrate: properties.adaptative_bitrate,
        only_play_with_subscribers: properties.only_play_with_subscribers,
        network_cache: properties.network_cache,
    }
}

fn active(
    participant: ParticipantSnapshot,
    camera: Option<&CameraSnapshot>,
    connection: &str,
    unique_session_id: &str,
) -> ActiveConnectionView {
    let quality = participant.network_quality;
    let subscribers = participant.subscribers.into_iter();
    let publishers = participant.publisher.into_iter();
    ActiveConnectionView {
        active_at: participant.joined_at.as_millis(),
        location: LOCATION.to_owned(),
        ip: match camera {
            Some(camera) => camera.properties.ip.clone(),
            None => Some(participant.ip),
        },
        platform: participant.platform,
        client_data: camera.is_none().then_some(participant.client_data),
        publishers: publishers.map(|it| publisher(it, camera, quality, unique_session_id)).collect(),
        subscribers: subscribers.map(|received| subscriber(received, connection, unique_session_id)).collect(),
    }
}

fn publisher(
    publisher: PublisherSnapshot,
    camera: Option<&CameraSnapshot>,
    quality: Option<QualityLevel>,
    unique_session_id: &str,
) -> PublisherView {
    let PublisherSnapshot { stream, peer_connection } = publisher;
    let endpoint = Endpoint {
        name: stream.id.to_string(),
        created_at: stream.created_at,
        unique_session_id,
        direction: MediaDirection::Publishing,
        quality,
    };
    let web_rtc = peer_connection.map(|peer_connection| match camera {
        Some(camera) => web_rtc::of_camera(&camera.changes, endpoint),
        None => web_rtc::view(peer_connection, endpoint),
    });
    let properties = stream.properties;
    PublisherView {
        created_at: stream.created_at.as_millis(),
        web_rtc,
        stream_id: stream.id,
        rtsp_uri: camera.map(|camera| camera.properties.uri.clone()),
        media_options: MediaOptionsView {
            has_audio: properties.has_audio,
            audio_active: properties.audio_active.unwrap_or(true),
            has_video: properties.has_video,
            video_active: properties.video_active.unwrap_or(true),
            type_of_video: properties.type_of_video,
            frame_rate: properties.frame_rate,
            video_dimensions: properties.video_dimensions,
            filter: FilterView(stream.filter),
            camera: camera.map(camera_view),
        },
    }
}

fn subscriber(subscriber: SubscriberSnapshot, connection: &str, unique_session_id: &str) -> SubscriberView {
    let SubscriberSnapshot { stream, created_at, peer_connection } = subscriber;
    let endpoint = Endpoint {
        name: format!("{connection}_{stream}"),
        created_at,
        unique_session_id,
        direction: MediaDirection::Subscribing,
        quality: None,
    };
    SubscriberView {
        created_at: created_at.as_millis(),
        web_rtc: peer_connection.map(|peer_connection| web_rtc::view(peer_connection, endpoint)),
        stream_id: stream,
    }
}
