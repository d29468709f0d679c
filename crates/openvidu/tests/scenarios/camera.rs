//! IP cameras: participants without a client.

use std::time::Duration;

use openvidu::view;
use protocol::event::Event;
use protocol::id::{ConnectionId, JobId, PublicationId};
use protocol::job::{CameraSpec, FromJob, JobCommand, JobEnd, JobNews, JobSpec, ToJob};
use protocol::media::{LocalFormats, MediaOperation, OutputVideo, VideoCodec};
use protocol::model::{ForcedVideoCodec, OutputMode, RecordingMode, Role, SessionProperties};
use protocol::rpc::ClientRequest;
use serde_json::{Value, json};
use session::Settings;
use session::command::{CameraProperties, ConnectionUpdate};
use session::registry::{NotFound, UnpublishRefusal};
use session::snapshot::Include;

use crate::call::{Call, LINGER, ROOM, none, session_properties, settings};
use crate::message::{prepare, receive_with_answer};

const URI: &str = "rtsp://eve:secret@127.0.0.1:554/live/stream-1.sdp";

fn camera() -> CameraProperties {
    CameraProperties {
        data: "D".to_owned(),
        record: true,
        uri: URI.to_owned(),
        adaptative_bitrate: true,
        only_play_with_subscribers: true,
        network_cache: 2000,
        ice_servers: vec![],
        ip: Some("127.0.0.1".to_owned()),
    }
}

fn connect(call: &mut Call, camera: CameraProperties) -> ConnectionId {
    connect_in(call, ROOM, camera)
}

fn connect_in(call: &mut Call, room: &str, camera: CameraProperties) -> ConnectionId {
    let id = call.registry.connect_camera(room, camera, call.now).expect("the session exists");
    call.names.push((id.to_string(), "cam".to_owned()));
    call.carry_out();
    id
}

fn connection(call: &Call, id: &ConnectionId) -> Value {
    let found = call.registry.connection(ROOM, id.as_str()).expect("it is there");
    serde_json::to_value(view::connection(found)).expect("serialises")
}

fn stream(call: &Call, id: &ConnectionId) -> String {
    connection(call, id)["publishers"][0]["streamId"].as_str().expect("it publishes").to_owned()
}

fn subscribe(call: &mut Call, name: &str, id: &ConnectionId) {
    let stream = stream(call, id);
    call.request(name, prepare(&stream));
    call.request(name, receive_with_answer(&stream));
}

fn unsubscribe(call: &mut Call, name: &str, id: &ConnectionId) {
    call.request(name, ClientRequest::UnsubscribeFromVideo { sender: id.to_string() });
}

fn job(call: &Call) -> JobId {
    let [(job, JobSpec::Camera(_))] = &call.running_jobs()[..] else { panic!("{:?}", call.running_jobs()) };
    *job
}

fn spec(call: &Call) -> CameraSpec {
    let [(_, JobSpec::Camera(spec))] = &call.running_jobs()[..] else { panic!("{:?}", call.running_jobs()) };
    spec.clone()
}

fn settled(call: &Call) -> Vec<VideoCodec> {
    let codec = |command: &JobCommand| match command {
        JobCommand::Tell { message: ToJob::Settle { video }, .. } => Some(*video),
        _ => None,
    };
    call.jobs.iter().filter_map(codec).collect()
}

fn described(call: &Call) -> Vec<Option<LocalFormats>> {
    let formats = |command: &protocol::media::MediaCommand| match &command.op {
        MediaOperation::PublishLocal { formats, .. } => Some(formats.clone()),
        _ => None,
    };
    call.worker.commands.iter().filter_map(formats).collect()
}

fn formats(codec: VideoCodec, parameters: &str) -> Option<LocalFormats> {
    Some(LocalFormats { audio: true, video: Some(OutputVideo { codec, parameters: parameters.to_owned() }) })
}

fn ready(call: &mut Call, codec: VideoCodec, parameters: &str) {
    let video = Some(OutputVideo { codec, parameters: parameters.to_owned() });
    let job = job(call);
    call.job_reports(job, JobNews::Said(FromJob::Ready { audio: true, video }));
}

#[test]
fn a_camera_joins_and_publishes_at_once() {
    let mut call = Call::new();
    call.join("ann").hush();
    let id = connect(&mut call, camera());
    assert!(id.as_str().starts_with("ipc_IPCAM_rtsp_") && id.as_str().ends_with("_127_0_0_1_554_live_stream1_sdp"));
    assert_eq!(call.inbox("ann"), ["participantJoined cam D", "participantPublished cam"]);
    let events: Vec<_> = call.events.events.iter().rev().take(2).cloned().collect();
    let [Event::WebrtcConnectionCreated(created), Event::ParticipantJoined(joined)] = &events[..] else {
        panic!("{events:?}")
    };
    let told = serde_json::to_value(&*created.subject).expect("serialises");
    assert_eq!(
        (&told["rtspUri"], &told["adaptativeBitrate"], &told["networkCache"], &told["onlyPlayWithSubscribers"]),
        (&json!(URI), &json!(true), &json!(2000), &json!(true))
    );
    assert_eq!((&told["videoSource"], &told["videoFramerate"]), (&json!("IPCAM"), &Value::Null));
    assert_eq!((joined.subject.platform.as_str(), joined.subject.client_data.as_str()), ("IPCAM", ""));
    // Who comes later sees it, too.
    call.join("bob");
    let others = &call.joined("bob").value;
    let seen = others.iter().find(|other| other.id == id).expect("it is there").stream.clone().expect("it publishes");
    assert_eq!((seen.type_of_video.as_deref(), seen.frame_rate, seen.video_dimensions), (Some("IPCAM"), None, None));
    assert!(seen.id.as_str().starts_with("str_IPC_") && seen.id.as_str().ends_with(id.as_str()));
    none(call.running_jobs());
}

#[test]
fn rest_shows_what_a_camera_was_made_with() {
    let mut call = Call::new();
    let id = connect(&mut call, camera());
    let (now, shown) = (call.now.as_millis(), connection(&call, &id));
    let stream = stream(&call, &id);
    assert_eq!(
        shown,
        json!({
            "id": id, "object": "connection", "status": "active", "connectionId": id, "sessionId": ROOM, "createdAt": now,
            "activeAt": now, "location": "unknown", "ip": "127.0.0.1", "platform": "IPCAM", "token": null, "type": "IPCAM",
            "record": true, "role": null, "kurentoOptions": null, "customIceServers": [], "rtspUri": URI,
            "adaptativeBitrate": true, "onlyPlayWithSubscribers": true, "networkCache": 2000, "serverData": "D",
            "clientData": null, "publishers": [{"createdAt": now, "streamId": stream, "rtspUri": URI, "mediaOptions": {
                "hasAudio": true, "audioActive": true, "hasVideo": true, "videoActive": true, "typeOfVideo": "IPCAM",
                "frameRate": null, "videoDimensions": null, "filter": {}, "adaptativeBitrate": true,
                "onlyPlayWithSubscribers": true, "networkCache": 2000
            }}], "subscribers": []
        })
    );
    let keys: Vec<_> = shown["publishers"][0].as_object().expect("an object").keys().cloned().collect();
    assert_eq!(keys, ["createdAt", "streamId", "rtspUri", "mediaOptions"]);
    assert_eq!(shown["publishers"][0]["mediaOptions"].as_object().map(serde_json::Map::len), Some(11));
}

#[test]
fn a_camera_is_pulled_while_somebody_wants_it() {
    let mut call = Call::new();
    call.join("ann").join("bob");
    let id = connect(&mut call, camera());
    none(call.running_jobs());
    subscribe(&mut call, "ann", &id);
    let spec = spec(&call);
    assert_eq!(spec, CameraSpec { uri: URI.to_owned(), passes_through: true, network_cache: 2000 });
    let first = job(&call);
    subscribe(&mut call, "bob", &id);
    unsubscribe(&mut call, "ann", &id);
    // A new peer connection is no reason to begin anew.
    subscribe(&mut call, "bob", &id);
    assert_eq!(job(&call), first);
    call.leave("bob");
    none(call.running_jobs());
    subscribe(&mut call, "ann", &id);
    assert_ne!(job(&call), first);
}

#[test]
fn one_that_is_always_pulled_begins_at_once_and_goes_on() {
    let mut call = Call::new();
    call.join("ann");
    let id = connect(&mut call, CameraProperties { only_play_with_subscribers: false, ..camera() });
    let first = job(&call);
    subscribe(&mut call, "ann", &id);
    call.leave("ann");
    assert_eq!(job(&call), first);
    call.registry.close_connection(ROOM, id.as_str(), call.now).expect("it is there");
    call.carry_out();
    none(call.running_jobs());
    assert!(!call.session_exists(), "it was the last one");
}

#[test]
fn what_adapts_is_passed_on_only_where_it_is_live() {
    for (uri, adapts, passes) in [
        ("rtsp://h/a", true, true),
        ("rtsps://h/a", false, true),
        ("file:///a.mp4", true, false),
        ("file:///a.mp4", false, true),
        ("http://h/a", true, false),
    ] {
        let mut call = Call::new();
        let camera = CameraProperties {
            uri: uri.to_owned(),
            adaptative_bitrate: adapts,
            only_play_with_subscribers: false,
            ..camera()
        };
        connect(&mut call, camera);
        assert_eq!(spec(&call).passes_through, passes, "{uri} {adapts}");
    }
}

#[test]
fn who_subscribes_gets_what_the_camera_sends() {
    let mut call = Call::new();
    call.join("ann");
    let id = connect(&mut call, camera());
    subscribe(&mut call, "ann", &id);
    assert_eq!(described(&call), [None]);
    ready(&mut call, VideoCodec::H264, "a");
    assert_eq!(described(&call), [None, formats(VideoCodec::H264, "a")]);
    // One that is started anew shall send the same.
    assert_eq!(settled(&call), [VideoCodec::H264]);
    ready(&mut call, VideoCodec::H264, "a");
    assert_eq!(described(&call).len(), 2);
    ready(&mut call, VideoCodec::H264, "b");
    assert_eq!(described(&call).last(), Some(&formats(VideoCodec::H264, "b")));
    // Pulled again, it is settled from the beginning.
    unsubscribe(&mut call, "ann", &id);
    subscribe(&mut call, "ann", &id);
    assert_eq!(settled(&call), [VideoCodec::H264; 2]);
    call.advance(Duration::from_secs(10));
    assert_eq!(settled(&call).len(), 2);
}

#[test]
fn nobody_waits_long_for_a_camera_that_says_nothing() {
    let mut call = Call::new();
    call.join("ann");
    let id = connect(&mut call, CameraProperties { only_play_with_subscribers: false, ..camera() });
    call.advance(Duration::from_secs(60));
    assert_eq!(described(&call), [None], "nobody wants it");
    subscribe(&mut call, "ann", &id);
    call.advance(Duration::from_millis(2999));
    assert_eq!(described(&call), [None]);
    call.advance(Duration::from_millis(1));
    assert_eq!(described(&call), [None, formats(VideoCodec::Vp8, "")]);
    assert_eq!(settled(&call), [VideoCodec::Vp8]);
    // What it says now is too late.
    ready(&mut call, VideoCodec::H264, "a");
    assert_eq!(described(&call).len(), 2);
    ready(&mut call, VideoCodec::Vp8, "");
    assert_eq!((described(&call).len(), settled(&call).len()), (2, 1));
}

#[test]
fn a_forced_codec_is_what_cameras_send() {
    use VideoCodec::{H264, Vp8, Vp9};
    for (forced, passes, first, told, late) in [
        (ForcedVideoCodec::Vp8, false, formats(Vp8, ""), vec![Vp8], Vp8),
        (ForcedVideoCodec::Vp9, false, formats(Vp9, "profile-id=0"), vec![Vp9], Vp9),
        (ForcedVideoCodec::H264, true, None, vec![H264], H264),
        (ForcedVideoCodec::None, true, None, vec![], Vp8),
    ] {
        let mut call = Call::new();
        call.registry.close_session(ROOM, call.now).expect("exists");
        call.carry_out();
        let custom_session_id = ROOM.to_owned();
        let properties = SessionProperties { forced_video_codec: forced, custom_session_id, ..session_properties() };
        call.create_session_with(properties);
        connect(&mut call, CameraProperties { only_play_with_subscribers: false, ..camera() });
        assert_eq!(spec(&call).passes_through, passes, "{forced:?}");
        assert_eq!(described(&call).last(), Some(&first), "{forced:?}");
        assert_eq!(settled(&call), told, "{forced:?}");
        // And if it says nothing, too.
        call.join("ann");
        let id = call.registry.connections(ROOM, Include::default()).expect("exists")[0].id.clone();
        subscribe(&mut call, "ann", &id);
        call.advance(Duration::from_secs(3));
        let codec = described(&call).last().cloned().flatten().and_then(|formats| formats.video).map(|it| it.codec);
        assert_eq!(codec, Some(late), "{forced:?}");
    }
}

#[test]
fn a_camera_without_media_is_recorded_and_its_recording_wants_it() {
    let mut call = Call::new();
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.carry_out();
    let mut properties = SessionProperties {
        recording_mode: RecordingMode::Always,
        custom_session_id: ROOM.to_owned(),
        ..session_properties()
    };
    properties.default_recording_properties.output_mode = OutputMode::Individual;
    call.create_session_with(properties);
    connect(&mut call, camera());
    let is_recorded = |call: &Call| call.registry.session(ROOM, Include::default()).expect("exists").is_recorded;
    assert!(is_recorded(&call));
    let pulled = job(&call);
    call.advance(Duration::from_secs(60));
    assert!(is_recorded(&call), "although nothing has come");
    assert_eq!(job(&call), pulled);
    assert_eq!(described(&call).last(), Some(&formats(VideoCodec::Vp8, "")));
}

#[test]
fn a_cameras_stream_ends_with_its_connection_only() {
    let mut call = Call::new();
    call.join_as("mod", Role::Moderator).join("ann");
    let id = connect(&mut call, camera());
    let stream = stream(&call, &id);
    subscribe(&mut call, "ann", &id);
    call.hush();
    assert_eq!(call.registry.unpublish_stream(ROOM, &stream, call.now), Err(UnpublishRefusal::OfCamera));
    let unknown = UnpublishRefusal::NotFound(NotFound::Stream);
    assert_eq!(call.registry.unpublish_stream(ROOM, "str_IPC_AAAA_ipc_IPCAM_x", call.now), Err(unknown));
    call.request("mod", ClientRequest::ForceUnpublish { stream_id: stream });
    let refused = "error The stream of an IP camera cannot be unpublished: close its connection. Code: 10";
    assert_eq!(call.inbox("mod"), [refused]);
    call.request("mod", ClientRequest::ForceDisconnect { connection_id: id.to_string() });
    let (left, evicted) = ("participantLeft cam forceDisconnectByUser", "participantEvicted cam forceDisconnectByUser");
    assert_eq!(call.inbox("mod"), [left, "ok", evicted]);
    assert_eq!(call.inbox("ann"), [left, evicted]);
    none(call.running_jobs());
    assert!(call.worker.publications.is_empty());
    let ended: Vec<_> = call.events.events.iter().rev().take(3).map(|event| event.name().as_str()).collect();
    assert_eq!(ended, ["participantLeft", "webrtcConnectionDestroyed", "webrtcConnectionDestroyed"]);
}

#[test]
fn a_session_is_open_as_long_as_a_camera_is_in_it() {
    let mut call = Call::new();
    call.join("ann");
    let id = connect(&mut call, camera());
    subscribe(&mut call, "ann", &id);
    call.leave("ann").advance(LINGER);
    assert!(call.session_exists());
    none(call.running_jobs());
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.carry_out();
    let figures = call.registry.figures();
    assert!(call.worker.is_empty() && figures.jobs == 0 && figures.timers <= 1, "{figures:?}");
}

#[test]
fn what_becomes_of_a_camera_is_shown() {
    let mut call = Call::new();
    call.join("ann");
    let id = connect(&mut call, camera());
    subscribe(&mut call, "ann", &id);
    ready(&mut call, VideoCodec::H264, "a");
    let interrupted = JobNews::Said(FromJob::Interrupted { why: "it sends nothing".to_owned() });
    let running = job(&call);
    call.job_reports(running, interrupted.clone()).job_reports(running, interrupted);
    let sessions = call.registry.session(ROOM, Include { pending_connections: false, web_rtc_stats: true });
    let shown = serde_json::to_value(view::session(sessions.expect("exists"))).expect("serialises");
    let all = shown["connections"]["content"].as_array().expect("a list");
    let publisher = &all.iter().find(|one| one["type"] == "IPCAM").expect("the camera")["publishers"][0];
    assert_eq!((publisher.get("localSdp"), &publisher["events"][0]["type"]), (None, &json!("UriEndpointStateChanged")));
    let events = publisher["events"].as_array().expect("a list");
    let states: Vec<_> = events.iter().map(|event| event["state"].as_str().expect("a text")).collect();
    assert_eq!(states, ["CONNECTING", "START", "INTERRUPTED"]);
    assert_eq!(events[2]["reason"], "it sends nothing");
    let told: Vec<_> =
        call.events.events.iter().filter(|event| matches!(event, Event::CameraStateChanged(_))).collect();
    assert_eq!(told.len(), 3);
    let last = serde_json::to_value(told[2].webhook()).expect("serialises");
    assert_eq!(
        last,
        json!({
            "sessionId": ROOM, "uniqueSessionId": last["uniqueSessionId"], "timestamp": call.now.as_millis(), "connectionId": id,
            "streamId": stream(&call, &id), "state": "INTERRUPTED", "reason": "it sends nothing", "event": "cameraStateChanged"
        })
    );
}

#[test]
fn who_does_not_ask_for_the_states_of_cameras_is_not_told() {
    let mut call = Call::with(Settings { camera_states: false, ..settings() });
    connect(&mut call, CameraProperties { only_play_with_subscribers: false, ..camera() });
    ready(&mut call, VideoCodec::H264, "a");
    assert!(call.events.events.iter().all(|event| !matches!(event, Event::CameraStateChanged(_))));
}

/// Where what is pulled is published now, by job.
fn outputs(call: &Call) -> Vec<(JobId, PublicationId)> {
    let mut outputs = vec![];
    for command in &call.jobs {
        match command {
            JobCommand::AddOutput { job, publication, .. } => outputs.push((*job, *publication)),
            JobCommand::RemoveOutput { job, publication } => outputs.retain(|it| it != &(*job, *publication)),
            JobCommand::Stop { job } => outputs.retain(|it| it.0 != *job),
            _ => {}
        }
    }
    outputs
}

#[test]
fn sessions_with_one_camera_share_its_pull() {
    let mut call = Call::new();
    call.create_session("other");
    call.join("ann");
    let own = connect(&mut call, camera());
    let always = CameraProperties { only_play_with_subscribers: false, ..camera() };
    let others = connect_in(&mut call, "other", always.clone());
    let pulled = job(&call);
    subscribe(&mut call, "ann", &own);
    assert_eq!((job(&call), outputs(&call).len()), (pulled, 2), "it is pulled already");
    // What it says is for both; who comes later is told what has been said.
    ready(&mut call, VideoCodec::H264, "a");
    assert_eq!(described(&call), [None, None, formats(VideoCodec::H264, "a"), formats(VideoCodec::H264, "a")]);
    assert_eq!(settled(&call), [VideoCodec::H264]);
    let third = connect_in(&mut call, "other", always);
    assert_eq!(described(&call).last(), Some(&formats(VideoCodec::H264, "a")));
    assert_eq!((job(&call), outputs(&call).len()), (pulled, 3));
    // The last one ends it.
    call.registry.close_connection("other", others.as_str(), call.now).expect("it is there");
    call.registry.close_connection("other", third.as_str(), call.now).expect("it is there");
    call.carry_out();
    assert_eq!((job(&call), outputs(&call).len()), (pulled, 1));
    unsubscribe(&mut call, "ann", &own);
    none(call.running_jobs());
    none(outputs(&call));
}

#[test]
fn what_cameras_differ_in_is_pulled_for_each() {
    let always = || CameraProperties { only_play_with_subscribers: false, ..camera() };
    let file = || CameraProperties { uri: "file:///a.mp4".to_owned(), ..always() };
    for (first, second, pulls) in [
        (always(), CameraProperties { data: "E".to_owned(), record: false, ..always() }, 1),
        (always(), CameraProperties { network_cache: 200, ..always() }, 2),
        (always(), CameraProperties { uri: URI.replace("eve", "ann"), ..always() }, 2),
        (file(), file(), 2),
    ] {
        let mut call = Call::new();
        connect(&mut call, first);
        connect(&mut call, second);
        assert_eq!(call.running_jobs().len(), pulls);
    }
    // And what their sessions have been told.
    for (forced, said, pulls) in [
        (ForcedVideoCodec::Vp8, VideoCodec::H264, 2),
        (ForcedVideoCodec::H264, VideoCodec::H264, 1),
        (ForcedVideoCodec::H264, VideoCodec::Vp8, 2),
    ] {
        let mut call = Call::new();
        connect(&mut call, always());
        ready(&mut call, said, "a");
        let custom_session_id = "other".to_owned();
        let properties = SessionProperties { forced_video_codec: forced, custom_session_id, ..session_properties() };
        call.create_session_with(properties);
        connect_in(&mut call, "other", always());
        assert_eq!(call.running_jobs().len(), pulls, "{forced:?} {said:?}");
    }
}

#[test]
fn a_pull_that_ends_is_tried_again_once_for_all() {
    let mut call = Call::new();
    call.create_session("other");
    let always = CameraProperties { only_play_with_subscribers: false, ..camera() };
    let own = connect(&mut call, always.clone());
    connect_in(&mut call, "other", always);
    let first = job(&call);
    call.job_reports(first, JobNews::Ended(JobEnd::Failed("no good".to_owned())));
    call.jobs.push(JobCommand::Stop { job: first });
    none(call.running_jobs());
    call.advance(Duration::from_secs(61));
    assert_ne!(job(&call), first);
    assert_eq!(outputs(&call).len(), 2);
    call.registry.close_connection(ROOM, own.as_str(), call.now).expect("it is there");
    call.registry.close_session("other", call.now).expect("it is there");
    call.carry_out();
    none(call.running_jobs());
}

#[test]
fn a_filter_takes_the_place_of_a_camera_and_gives_it_back() {
    let mut call = Call::new();
    call.join_as("mod", Role::Moderator).join("ann");
    let id = connect(&mut call, camera());
    let name = stream(&call, &id);
    subscribe(&mut call, "ann", &id);
    let pull = job(&call);
    ready(&mut call, VideoCodec::H264, "a");
    let [(_, publication)] = outputs(&call)[..] else { panic!("{:?}", outputs(&call)) };
    call.hush();
    let options = Some(r#"{"command":"videobalance saturation=0.0"}"#.to_owned());
    let kind = "GStreamerFilter".to_owned();
    call.request("mod", ClientRequest::ApplyFilter { stream_id: name.clone(), kind, options });
    let [(_, JobSpec::Camera(_)), (filter, JobSpec::Filter { .. })] = call.running_jobs()[..] else { panic!() };
    // Until its first picture all see the camera as it is.
    let [(_, first), (_, behind)] = outputs(&call)[..] else { panic!("{:?}", outputs(&call)) };
    assert_eq!(first, publication);
    let is_tapped = |command: &protocol::media::MediaCommand| matches!(command.op, MediaOperation::SetTap { publication, .. } if publication == behind);
    assert!(call.worker.commands.iter().any(is_tapped));
    assert_eq!(described(&call).last(), Some(&formats(VideoCodec::H264, "a")));
    let video = Some(OutputVideo { codec: VideoCodec::H264, parameters: "f".to_owned() });
    call.job_reports(filter, JobNews::Said(FromJob::Ready { audio: true, video }));
    assert_eq!(call.last("mod"), "ok");
    assert_eq!(outputs(&call), [(pull, behind), (filter, publication)]);
    assert_eq!(described(&call).last(), Some(&formats(VideoCodec::H264, "f")));
    assert!(call.inbox("ann")[0].ends_with("applyFilter"));
    // What becomes of the camera then is the filter's business.
    let before = described(&call).len();
    let video = Some(OutputVideo { codec: VideoCodec::H264, parameters: "b".to_owned() });
    call.job_reports(pull, JobNews::Said(FromJob::Ready { audio: true, video }));
    assert_eq!(described(&call)[before..], [formats(VideoCodec::H264, "b")]);
    // A filter alone wants no camera, and has it when somebody does.
    unsubscribe(&mut call, "ann", &id);
    assert_eq!(outputs(&call), [(filter, publication)]);
    subscribe(&mut call, "ann", &id);
    let (pull, again) = outputs(&call)[1];
    assert_eq!(again, behind);
    call.request("mod", ClientRequest::RemoveFilter { stream_id: name });
    assert_eq!(outputs(&call), [(pull, publication)]);
    assert_eq!(described(&call).last(), Some(&formats(VideoCodec::H264, "b")));
    assert_eq!(call.worker.publications.len(), 1);
    call.registry.close_connection(ROOM, id.as_str(), call.now).expect("it is there");
    call.carry_out();
    none(call.running_jobs());
    assert!(call.worker.publications.is_empty());
}

#[test]
fn a_job_that_cannot_be_is_tried_again_but_not_a_file() {
    let overloaded = || JobNews::Ended(JobEnd::Overloaded("as many as may".to_owned()));
    let failed = || JobNews::Ended(JobEnd::Failed("no such file".to_owned()));
    for (uri, end, again) in [
        (URI, overloaded(), true),
        (URI, failed(), true),
        ("file:///a", overloaded(), true),
        ("file:///a", failed(), false),
    ] {
        let mut call = Call::new();
        let uri = uri.to_owned();
        connect(&mut call, CameraProperties { only_play_with_subscribers: false, uri, ..camera() });
        let first = job(&call);
        call.job_reports(first, end.clone());
        let begun = |call: &Call| call.jobs.iter().filter(|it| matches!(it, JobCommand::Start { .. })).count();
        call.advance(Duration::from_secs(59));
        assert_eq!(begun(&call), 1);
        call.advance(Duration::from_secs(2));
        assert_eq!(begun(&call), 1 + usize::from(again), "{end:?}");
    }
}

#[test]
fn whether_a_camera_is_recorded_can_change_and_its_role_cannot() {
    let mut call = Call::new();
    let id = connect(&mut call, camera());
    let update = ConnectionUpdate { role: Some(Role::Moderator), record: Some(false), ..ConnectionUpdate::default() };
    call.registry.update_connection(ROOM, id.as_str(), update, call.now).expect("it is there");
    let shown = connection(&call, &id);
    assert_eq!((&shown["role"], &shown["record"]), (&Value::Null, &json!(false)));
}
