//! Sessions, connections and streams as the application sees and changes them.

use std::time::Duration;

use openvidu::view;
use protocol::media::{
    Layer, MediaKind, MediaPath, PathProtocol, Pictures, StreamStatistics, TransportObservation, TransportStatistics,
    VideoCodec,
};
use protocol::model::{ConnectionProperties, Role, SessionProperties};
use protocol::rpc::ClientRequest;
use serde_json::{Value, json};
use session::command::ConnectionUpdate;
use session::registry::{NotFound, SessionExists};
use session::snapshot::Include;

use crate::call::{Call, ROOM, none, session_properties};
use crate::message::join_room;
use crate::worker::observed;

const PENDING: Include = Include { pending_connections: true, web_rtc_stats: false };
const STATS: Include = Include { pending_connections: false, web_rtc_stats: true };

fn session(call: &Call, include: Include) -> Value {
    serde_json::to_value(view::session(call.registry.session(ROOM, include).expect("exists"))).expect("serialises")
}

fn connection(call: &Call, id: &str) -> Value {
    serde_json::to_value(view::connection(call.registry.connection(ROOM, id).expect("exists"))).expect("serialises")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn a_session_has_the_keys_that_clients_compare() {
    let call = Call::new();
    assert_eq!(
        session(&call, Include::default()),
        json!({
            "id": ROOM, "object": "session", "sessionId": ROOM, "createdAt": call.now.as_millis(), "recording": false,
            "broadcasting": false, "mediaMode": "ROUTED", "recordingMode": "MANUAL",
            "defaultRecordingProperties": {
                "name": "", "hasAudio": true, "hasVideo": true, "outputMode": "COMPOSED",
                "recordingLayout": "BEST_FIT", "resolution": "1280x720", "frameRate": 25, "shmSize": 536870912
            },
            "customSessionId": ROOM, "forcedVideoCodec": "MEDIA_SERVER_PREFERRED", "allowTranscoding": false,
            "connections": {"numberOfElements": 0, "content": []}
        })
    );
}

#[test]
fn a_session_id_is_the_applications_or_generated() {
    let mut call = Call::new();
    let taken = SessionProperties { custom_session_id: ROOM.into(), ..session_properties() };
    assert_eq!(call.registry.create_session(taken, call.now), Err(SessionExists));
    let id = call.registry.create_session(session_properties(), call.now).expect("generated");
    assert!(id.as_str().starts_with("ses_") && id.as_str().len() == 14);
    assert_ne!(call.registry.create_session(session_properties(), call.now), Ok(id));
}

#[test]
fn sessions_in_use_are_listed_first() {
    let mut call = Call::new();
    call.create_session("b");
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.create_session(ROOM);
    call.join("ann");
    let ids: Vec<_> = call.registry.session_ids().iter().map(ToString::to_string).collect();
    assert_eq!(ids, [ROOM, "b"]);
}

#[test]
fn very_many_old_sessions_are_collected_in_several_turns() {
    let mut call = Call::new();
    call.registry.close_session(ROOM, call.now).expect("exists");
    for _ in 0..1000 {
        call.registry.create_session(session_properties(), call.now).expect("generated");
    }
    let old = call.now + Duration::from_secs(3600);
    let mut turns = 0;
    while let Some(due) = call.registry.poll_timeout() {
        let before = call.registry.figures().sessions;
        call.registry.handle_timeout(due);
        let collected = before - call.registry.figures().sessions;
        assert!(collected == 0 || due >= old, "not old yet");
        assert!(collected < 500, "{collected} in one turn");
        turns += usize::from(collected > 0);
    }
    assert_eq!(call.registry.figures().sessions, 0);
    assert!(turns > 1);
}

#[test]
fn a_pending_connection_shows_what_it_was_given() {
    let mut call = Call::new();
    let properties = ConnectionProperties { data: "D".into(), role: Role::Moderator, ..Default::default() };
    let id = call.registry.create_connection(ROOM, properties, "ws://localhost:4443", call.now).expect("exists");
    let view = connection(&call, id.as_str());
    assert_eq!(
        keys(&view),
        [
            "id",
            "object",
            "status",
            "connectionId",
            "sessionId",
            "createdAt",
            "type",
            "record",
            "role",
            "kurentoOptions",
            "customIceServers",
            "rtspUri",
            "adaptativeBitrate",
            "onlyPlayWithSubscribers",
            "networkCache",
            "serverData",
            "token",
            "activeAt",
            "location",
            "ip",
            "platform",
            "clientData",
            "publishers",
            "subscribers"
        ]
    );
    assert_eq!(
        (&view["status"], &view["role"], &view["serverData"]),
        (&json!("pending"), &json!("MODERATOR"), &json!("D"))
    );
    assert!(view["token"].as_str().expect("a text").starts_with("ws://localhost:4443?sessionId=room&token=tok_"));
    assert_eq!(view["publishers"], Value::Null);
    assert_eq!(session(&call, Include::default())["connections"]["numberOfElements"], 0);
    assert_eq!(session(&call, PENDING)["connections"]["numberOfElements"], 1);
}

#[test]
fn an_active_connection_shows_what_it_does() {
    let mut call = Call::new();
    let token = call.token(ConnectionProperties { data: "server".into(), ..Default::default() });
    call.advance(Duration::from_secs(5)).open("ann");
    let ClientRequest::JoinRoom(mut request) = join_room(&token) else { unreachable!() };
    request.metadata = "client".into();
    call.request("ann", ClientRequest::JoinRoom(request));
    call.join("bob").publish("ann").publish("bob").subscribe("ann", "bob");
    let view = connection(&call, &call.connection("ann"));
    assert_eq!(view["status"], "active");
    assert_eq!(view["token"], token);
    assert_eq!(view["createdAt"].as_u64().expect("a number") + 5000, view["activeAt"].as_u64().expect("a number"));
    assert_eq!((&view["ip"], &view["location"]), (&json!("192.0.2.7"), &json!("unknown")));
    assert_eq!((&view["platform"], &view["clientData"]), (&json!("Chrome 126 on Linux"), &json!("client")));
    let now = call.now.as_millis();
    assert_eq!(
        view["publishers"],
        json!([{"createdAt": now, "streamId": call.stream("ann"), "mediaOptions": {
            "hasAudio": true, "audioActive": true, "hasVideo": true, "videoActive": true, "typeOfVideo": "CAMERA",
            "frameRate": 30, "videoDimensions": "{\"width\":640,\"height\":480}", "filter": {}
        }}])
    );
    assert_eq!(view["subscribers"], json!([{"createdAt": now, "streamId": call.stream("bob")}]));
}

#[test]
fn who_joined_by_secret_shows_a_bare_token_and_no_data() {
    let mut call = Call::new();
    call.join_by_secret("eve", false, false);
    let view = connection(&call, &call.connection("eve"));
    assert!(view["token"].as_str().expect("a text").starts_with("tok_"));
    assert_eq!(
        (&view["record"], &view["serverData"], &view["role"]),
        (&Value::Null, &Value::Null, &json!("SUBSCRIBER"))
    );
}

#[test]
fn web_rtc_stats_show_both_sdps_and_the_clients_candidates() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").subscribe("bob", "ann");
    let ann = call.connection("ann");
    call.request("ann", crate::message::candidate(&ann, "candidate:1"));
    let content = session(&call, STATS)["connections"]["content"].clone();
    let publisher = &content[0]["publishers"][0];
    assert_eq!(keys(publisher)[..4], ["createdAt", "webrtcEndpointName", "remoteSdp", "localSdp"]);
    assert_eq!(publisher["webrtcEndpointName"], call.stream("ann"));
    assert_eq!(
        (&publisher["remoteSdp"], &publisher["localSdp"]),
        (&json!("offer-of-publisher"), &json!("answer-to-publisher"))
    );
    assert_eq!(publisher["clientIceCandidates"], json!(["candidate:1"]));
    let subscriber = &content[1]["subscribers"][0];
    assert_eq!(subscriber["webrtcEndpointName"], format!("{}_{}", call.connection("bob"), call.stream("ann")));
    assert_eq!(
        (&subscriber["remoteSdp"], &subscriber["localSdp"]),
        (&json!("answer-of-subscriber"), &json!("offer-to-subscriber"))
    );
    assert_eq!(keys(&session(&call, Include::default())["connections"]["content"][0]["publishers"][0]).len(), 3);
}

#[test]
fn web_rtc_stats_show_the_pair_and_how_media_goes() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann");
    let publishing = call.worker.latest_transport();
    let content = session(&call, STATS)["connections"]["content"].clone();
    assert_eq!(content[0]["publishers"][0]["statistics"], Value::Null, "nothing is known yet");
    call.subscribe("bob", "ann");
    let subscribing = call.worker.latest_transport();
    let path = MediaPath {
        protocol: PathProtocol::Udp,
        local: ([192, 0, 2, 1], 40_000).into(),
        remote: ([198, 51, 100, 7], 5_000).into(),
        relayed: false,
    };
    let tcp = MediaPath { protocol: PathProtocol::Tcp, relayed: true, ..path };
    let video = StreamStatistics {
        kind: MediaKind::Video,
        layer: Some(Layer { spatial: 1 }),
        rate_bps: 800_000,
        bytes: 500_000,
        packets: 500,
        lost_permille: Some(25),
        jitter_us: Some(3_500),
        nacks: 4,
        key_frame_requests: 1,
        pictures: Pictures { frames: 149, freezes: 1, frozen_ms: 400 },
    };
    let period = TransportStatistics {
        period_ms: 5000,
        round_trip_us: Some(20_250),
        video_codec: Some(VideoCodec::Vp8),
        ..TransportStatistics::default()
    };
    let received = TransportStatistics { received: vec![video], ..period.clone() };
    let layer = Some(Layer { spatial: 1 });
    let sent = TransportStatistics { sent: vec![StreamStatistics { layer: None, ..video }], layer, ..period };
    for (transport, what) in [
        (publishing, TransportObservation::Path(path)),
        (publishing, TransportObservation::Connected),
        (publishing, TransportObservation::FirstPacket { kind: MediaKind::Video }),
        (publishing, TransportObservation::Statistics(received.clone())),
        (publishing, TransportObservation::Statistics(received)),
        (subscribing, TransportObservation::Path(tcp)),
        (subscribing, TransportObservation::LayerChanged { layer: Layer { spatial: 1 } }),
        (subscribing, TransportObservation::Statistics(sent)),
    ] {
        call.now = call.now + Duration::from_millis(10);
        call.registry.handle_media(observed(transport, what), call.now);
        call.carry_out();
    }
    let content = session(&call, STATS)["connections"]["content"].clone();
    let publisher = &content[0]["publishers"][0];
    assert_eq!(publisher["localCandidate"], "candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host");
    assert_eq!(publisher["remoteCandidate"], "candidate:1 1 udp 1862270975 198.51.100.7 5000 typ prflx");
    let begun = publisher["createdAt"].as_u64().expect("a number");
    let room = session(&call, STATS);
    let events = publisher["events"].as_array().expect("a list");
    assert_eq!(events.len(), 3);
    assert_eq!(
        events[2],
        json!({
            "type": "MediaFlowOutStateChanged", "timestamp": begun + 30,
            "uniqueSessionId": format!("room_{}", room["createdAt"]), "msSinceEndpointCreation": 30,
            "state": "FLOWING", "mediaType": "VIDEO",
        })
    );
    let stream = json!({
        "kind": "video", "codec": "VP8", "layer": 1, "bitrate": 800_000, "packets": 500, "loss": 0.025, "jitter": 3.5,
        "nacks": 4, "keyFrameRequests": 1, "frameRate": 29.8, "freezes": 1, "frozenTime": 400,
    });
    assert_eq!(
        publisher["statistics"],
        json!({
            "connected": true, "protocol": "udp", "relayed": false, "networkQuality": 4, "measuredAt": begun + 50,
            "period": 5000, "roundTripTime": 20.25, "estimatedBitrate": null, "layer": null, "videoPaused": null,
            "received": [stream], "sent": [],
            "totals": {
                "bytes": 1_000_000, "packets": 1000, "nacks": 8, "keyFrameRequests": 2, "freezes": 2, "frozenTime": 800,
            },
        })
    );
    let subscriber = &content[1]["subscribers"][0];
    let statistics = &subscriber["statistics"];
    assert_eq!((&statistics["protocol"], &statistics["relayed"]), (&json!("tcp"), &json!(true)));
    assert_eq!((&statistics["layer"], &statistics["networkQuality"]), (&json!(1), &Value::Null));
    assert_eq!((&statistics["sent"][0]["bitrate"], &statistics["received"]), (&json!(800_000), &json!([])));
    assert_eq!(subscriber["events"][1]["layer"], 1);
    assert_eq!(subscriber["remoteCandidate"], "candidate:1 1 tcp 16777215 198.51.100.7 5000 typ relay tcptype active");
}

#[test]
fn what_does_not_exist_is_not_found() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    let now = call.now;
    let registry = &mut call.registry;
    assert!(registry.session("x", Include::default()).is_none());
    assert_eq!(registry.connection("x", "con_x"), Err(NotFound::Session));
    assert_eq!(registry.connection(ROOM, "con_x"), Err(NotFound::Connection));
    assert_eq!(registry.connections("x", PENDING), Err(NotFound::Session));
    assert_eq!(registry.close_connection("x", "con_x", now), Err(NotFound::Session));
    assert_eq!(registry.close_connection(ROOM, "con_x", now), Err(NotFound::Connection));
    assert_eq!(registry.update_connection(ROOM, "con_x", ConnectionUpdate::default(), now), Err(NotFound::Connection));
    assert_eq!(registry.unpublish_stream("x", "str_x", now), Err(NotFound::Session.into()));
    assert_eq!(registry.unpublish_stream(ROOM, "str_CAM_x", now), Err(NotFound::Stream.into()));
    assert_eq!(registry.create_connection("x", Default::default(), "", now), Err(NotFound::Session));
    assert_eq!(registry.close_session("x", now), Err(NotFound::Session));
}

#[test]
fn deleting_a_pending_connection_voids_its_token() {
    let mut call = Call::new();
    let id = call.registry.create_connection(ROOM, Default::default(), "wss://x", call.now).expect("exists");
    let made = call.registry.connection(ROOM, id.as_str()).expect("exists");
    let token = view::connection(made).token.expect("has one");
    assert_eq!(call.registry.close_connection(ROOM, id.as_str(), call.now), Ok(()));
    assert_eq!(call.registry.close_connection(ROOM, id.as_str(), call.now), Err(NotFound::Connection));
    call.open("ann");
    call.request("ann", join_room(&token));
    assert!(call.last("ann").ends_with("Code: 401"));
}

#[test]
fn deleting_an_active_connection_evicts_it() {
    let mut call = Call::new();
    call.join("ann").join("bob").hush();
    let ann = call.connection("ann");
    call.registry.close_connection(ROOM, &ann, call.now).expect("exists");
    call.carry_out();
    let (left, evicted) =
        ("participantLeft ann forceDisconnectByServer", "participantEvicted ann forceDisconnectByServer");
    assert_eq!(call.inbox("ann"), [evicted]);
    assert_eq!(call.inbox("bob"), [left, evicted]);
    let bob = call.connection("bob");
    call.registry.close_connection(ROOM, &bob, call.now).expect("exists");
    assert!(!call.session_exists());
}

#[test]
fn deleting_a_stream_tells_everybody_the_owner_too() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").hush();
    let stream = call.stream("ann");
    call.registry.unpublish_stream(ROOM, &stream, call.now).expect("exists");
    call.carry_out();
    let line = "participantUnpublished ann forceUnpublishByServer";
    assert_eq!((call.inbox("ann"), call.inbox("bob")), (vec![line.to_owned()], vec![line.to_owned()]));
    assert_eq!(call.registry.unpublish_stream(ROOM, &stream, call.now), Err(NotFound::Stream.into()));
}

#[test]
fn a_changed_role_is_told_to_its_owner_and_counts_from_the_next_request_on() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").hush();
    let ann = call.connection("ann");
    let update = ConnectionUpdate { role: Some(Role::Subscriber), record: Some(false), ..Default::default() };
    let view = view::connection(call.registry.update_connection(ROOM, &ann, update.clone(), call.now).expect("exists"));
    call.carry_out();
    assert_eq!((view.role, view.record), (Some(Role::Subscriber), Some(false)));
    assert_eq!(
        call.inbox("ann"),
        ["connectionPropertyChanged role SUBSCRIBER", "connectionPropertyChanged record false"]
    );
    none(call.inbox("bob"));
    assert_eq!(call.worker.publications.len(), 1);
    call.request("ann", ClientRequest::UnpublishVideo);
    call.publish("ann");
    assert!(call.last("ann").ends_with("Code: 401"));
    call.hush();
    call.registry.update_connection(ROOM, &ann, update, call.now).expect("exists");
    call.carry_out();
    none(call.inbox("ann"));
}

#[test]
fn a_pending_connection_can_be_changed_too() {
    let mut call = Call::new();
    let id = call.registry.create_connection(ROOM, Default::default(), "wss://x", call.now).expect("exists");
    let update = ConnectionUpdate { role: Some(Role::Moderator), ..Default::default() };
    let updated = call.registry.update_connection(ROOM, id.as_str(), update, call.now).expect("exists");
    let view = view::connection(updated);
    call.open("ann");
    call.request("ann", join_room(&view.token.expect("has one")));
    assert_eq!(call.joined("ann").role, Role::Moderator);
}
