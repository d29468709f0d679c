//! Events against those recorded from an OpenVidu 2.32 server: each is rebuilt as a value of our types, and both of
//! its texts must come out byte for byte.

use std::sync::Arc;

use protocol::event::{
    Broadcast, CameraSource, Closing, Composition, Direction, Event, EventClosed, EventName, EventOpened, EventStamp,
    MediaNodeStatus, MediaNodeStatusChanged, Participant, PublishedVideo, Reason, RecordingEvent, RecordingStatus,
    SignalSent, WebRtcConnection,
};
use protocol::model::{OutputMode, RecordingLayout};
use serde_json::Value;

const GOLDEN: &str = include_str!("../../../tests/golden/events.ndjson");

fn text(fields: &Value, key: &str) -> Option<String> {
    fields[key].as_str().map(str::to_owned)
}

fn stamp(fields: &Value) -> EventStamp {
    let session = fields["sessionId"].as_str().unwrap();
    let unique = fields["uniqueSessionId"].as_str().unwrap();
    EventStamp {
        session: session.into(),
        session_created_at: unique.strip_prefix(session).unwrap()[1..].parse().unwrap(),
        timestamp: fields["timestamp"].as_u64().unwrap(),
    }
}

fn closing(fields: &Value) -> Closing {
    Closing {
        stamp: stamp(fields),
        start_time: fields["startTime"].as_u64().unwrap(),
        reason: fields.get("reason").map(|reason| reason.as_str().unwrap().parse().unwrap()),
    }
}

fn participant(fields: &Value) -> Arc<Participant> {
    Arc::new(Participant {
        connection: fields["connectionId"].as_str().unwrap().into(),
        location: text(fields, "location").unwrap(),
        ip: text(fields, "ip").unwrap(),
        platform: text(fields, "platform").unwrap(),
        client_data: text(fields, "clientData").unwrap(),
        server_data: text(fields, "serverData").unwrap(),
    })
}

fn web_rtc_connection(fields: &Value) -> Arc<WebRtcConnection> {
    Arc::new(WebRtcConnection {
        stream: fields["streamId"].as_str().unwrap().into(),
        owner: fields["connectionId"].as_str().unwrap().into(),
        direction: match fields["connection"].as_str().unwrap() {
            "OUTBOUND" => Direction::Outbound { camera: None },
            "INBOUND" => Direction::Inbound { from: fields["receivingFrom"].as_str().unwrap().into() },
            other => panic!("{other}"),
        },
        audio: fields["audioEnabled"].as_bool().unwrap(),
        video: fields["videoEnabled"].as_bool().unwrap().then(|| PublishedVideo {
            source: text(fields, "videoSource"),
            framerate: fields["videoFramerate"].as_i64(),
            dimensions: text(fields, "videoDimensions"),
        }),
    })
}

fn rebuilt(fields: &Value) -> Event {
    match fields["event"].as_str().unwrap().parse().unwrap() {
        EventName::SessionCreated => Event::SessionCreated(stamp(fields)),
        EventName::SessionDestroyed => Event::SessionDestroyed(closing(fields)),
        EventName::ParticipantJoined => {
            Event::ParticipantJoined(EventOpened { stamp: stamp(fields), subject: participant(fields) })
        }
        EventName::ParticipantLeft => {
            Event::ParticipantLeft(EventClosed { closing: closing(fields), subject: participant(fields) })
        }
        EventName::WebrtcConnectionCreated => {
            Event::WebrtcConnectionCreated(EventOpened { stamp: stamp(fields), subject: web_rtc_connection(fields) })
        }
        EventName::WebrtcConnectionDestroyed => Event::WebrtcConnectionDestroyed(EventClosed {
            closing: closing(fields),
            subject: web_rtc_connection(fields),
        }),
        EventName::SignalSent => Event::SignalSent(SignalSent {
            stamp: stamp(fields),
            from: fields["from"].as_str().map(Into::into),
            to: fields["to"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().into()).collect(),
            kind: text(fields, "type"),
            data: text(fields, "data"),
        }),
        other => panic!("{other:?} was never recorded"),
    }
}

#[test]
fn every_recorded_webhook_is_written_byte_for_byte() {
    let mut seen = 0;
    for line in GOLDEN.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(raw) = line["raw"].as_str() else { continue };
        let event = rebuilt(&serde_json::from_str(raw).unwrap());
        assert_eq!(serde_json::to_string(&event.webhook()).unwrap(), raw);
        seen += 1;
    }
    assert!(seen > 80, "the samples are gone");
}

#[test]
fn a_cdr_line_holds_the_fields_of_the_webhook_under_the_name_of_the_event() {
    for line in GOLDEN.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(raw) = line["raw"].as_str() else { continue };
        let event = rebuilt(&serde_json::from_str(raw).unwrap());
        let name = event.name().as_str();
        let fields = raw.replace(&format!(",\"event\":\"{name}\"}}"), "}");
        assert_eq!(serde_json::to_string(&event).unwrap(), format!("{{\"{name}\":{fields}}}"));
    }
}

fn at(timestamp: u64) -> EventStamp {
    EventStamp { session: "room-7".into(), session_created_at: 1_718_000_000_000, timestamp }
}

fn cdr(event: &Event) -> String {
    serde_json::to_string(event).unwrap()
}

#[test]
fn a_composed_recording_shows_its_composition_and_a_reason_once_it_stopped() {
    let mut event = RecordingEvent {
        stamp: at(1_718_000_042_320),
        start_time: 1_718_000_010_000,
        duration: 32.3,
        reason: Some(Reason::RecordingStoppedByServer),
        id: "room-7".to_owned(),
        name: "room-7".to_owned(),
        output_mode: OutputMode::Composed,
        composition: Some(Composition {
            resolution: "1280x720".to_owned(),
            frame_rate: 25,
            recording_layout: RecordingLayout::BestFit,
            custom_layout: String::new(),
        }),
        has_audio: true,
        has_video: true,
        size: 1_048_576,
        status: RecordingStatus::Ready,
    };
    assert_eq!(
        cdr(&Event::RecordingStatusChanged(event.clone())),
        concat!(
            r#"{"recordingStatusChanged":{"sessionId":"room-7","uniqueSessionId":"room-7_1718000000000","timestamp":"#,
            r#"1718000042320,"startTime":1718000010000,"duration":32.3,"reason":"recordingStoppedByServer","id":"room-7","#,
            r#""name":"room-7","outputMode":"COMPOSED","resolution":"1280x720","frameRate":25,"recordingLayout":"BEST_FIT","#,
            r#""hasAudio":true,"hasVideo":true,"size":1048576,"status":"ready"}}"#
        )
    );

    event.reason = None;
    event.output_mode = OutputMode::Individual;
    event.composition = None;
    event.duration = 0.0;
    event.status = RecordingStatus::Started;
    let started = cdr(&Event::RecordingStatusChanged(event));
    assert!(started.contains(r#""duration":0.0,"id":"#), "{started}");
    let started: Value = serde_json::from_str(&started).unwrap();
    assert_eq!(started["recordingStatusChanged"].as_object().unwrap().len(), 12);
}

#[test]
fn an_ip_camera_shows_where_it_is_fetched_from_and_no_framerate() {
    let camera = WebRtcConnection {
        stream: "str_IPC_Ab1c_con_1".into(),
        owner: "con_1".into(),
        direction: Direction::Outbound {
            camera: Some(CameraSource {
                rtsp_uri: "rtsp://127.0.0.1/a".to_owned(),
                adaptive_bitrate: true,
                network_cache: 2000,
                only_play_with_subscribers: false,
            }),
        },
        audio: true,
        video: Some(PublishedVideo { source: Some("IPCAM".to_owned()), framerate: None, dimensions: None }),
    };
    let event = Event::WebrtcConnectionCreated(EventOpened { stamp: at(5), subject: Arc::new(camera) });
    assert!(
        cdr(&event).contains(concat!(
            r#""connection":"OUTBOUND","rtspUri":"rtsp://127.0.0.1/a","adaptativeBitrate":true,"networkCache":2000,"#,
            r#""onlyPlayWithSubscribers":false,"videoSource":"IPCAM","videoFramerate":null,"videoDimensions":null,"#
        )),
        "{}",
        cdr(&event)
    );
}

#[test]
fn a_client_given_up_as_unreachable_has_no_reason() {
    let closing = Closing { stamp: at(1_718_000_009_999), start_time: 1_718_000_008_000, reason: None };
    assert_eq!(
        cdr(&Event::SessionDestroyed(closing)),
        concat!(
            r#"{"sessionDestroyed":{"sessionId":"room-7","uniqueSessionId":"room-7_1718000000000","#,
            r#""timestamp":1718000009999,"startTime":1718000008000,"duration":1}}"#
        )
    );
}

#[test]
fn a_broadcast_shows_its_address_and_why_it_stopped() {
    let broadcast = Arc::new(Broadcast {
        broadcast_url: "rtmp://127.0.0.1/live".to_owned(),
        composition: None,
        has_audio: true,
        has_video: false,
    });
    let closing = Closing { stamp: at(9), start_time: 8, reason: Some(Reason::BroadcastStoppedByServer) };
    let stopped = Event::BroadcastStopped(EventClosed { closing, subject: broadcast });
    assert!(
        cdr(&stopped).ends_with(concat!(
            r#""startTime":8,"duration":0,"reason":"broadcastStoppedByServer","broadcastUrl":"rtmp://127.0.0.1/live","#,
            r#""hasAudio":true,"hasVideo":false}}"#
        )),
        "{}",
        cdr(&stopped)
    );
}

#[test]
fn a_media_node_belongs_to_no_session() {
    let event = Event::MediaNodeStatusChanged(MediaNodeStatusChanged {
        timestamp: 5,
        id: "media_1".to_owned(),
        environment_id: None,
        ip: "127.0.0.1".to_owned(),
        uri: "ws://127.0.0.1:8888/kurento".to_owned(),
        new_status: MediaNodeStatus::Running,
        old_status: None,
        cluster_id: "madang".to_owned(),
    });
    assert_eq!(
        cdr(&event),
        concat!(
            r#"{"mediaNodeStatusChanged":{"timestamp":5,"id":"media_1","environmentId":null,"ip":"127.0.0.1","#,
            r#""uri":"ws://127.0.0.1:8888/kurento","newStatus":"running","oldStatus":null,"clusterId":"madang"}}"#
        )
    );
}

#[test]
fn a_session_emptied_by_its_last_participant_says_so() {
    assert_eq!(Reason::ForceDisconnectByServer.of_emptied_session(), Reason::LastParticipantLeft);
    assert_eq!(Reason::SessionClosedByServer.of_emptied_session(), Reason::SessionClosedByServer);
}

#[test]
fn one_prefix_is_taken_off_the_type_of_a_client_signal() {
    assert_eq!(SignalSent::kind_from_client("signal:chat"), "chat");
    assert_eq!(SignalSent::kind_from_client("signal:signal:x"), "signal:x");
    assert_eq!(SignalSent::kind_from_client("signal"), "signal");
}
