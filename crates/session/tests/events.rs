//! The events of whole calls, against those recorded from an OpenVidu 2.32 server: the same actions must give the same
//! events in the same order, with the same reasons. Ids and times are our own.

mod call;

use std::collections::HashMap;

use call::{Call, Person};
use protocol::event::{Event, EventName};
use protocol::media::MediaFailure;
use protocol::model::MediaServer;
use protocol::rpc::ClientRequest;
use serde_json::Value;
use session::registry::ServerSignal;

const GOLDEN: &str = include_str!("../../../tests/golden/events.ndjson");

/// Events of one recorded scenario, as JSON texts.
fn recorded(scenario: &str) -> Vec<String> {
    let lines = GOLDEN.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events = lines.filter(|line| line["scenario"] == scenario);
    events.filter_map(|line| line["raw"].as_str().map(str::to_owned)).collect()
}

/// The texts with every id replaced by when it first appeared, and every time by 0. Times are checked on the way: what
/// ends began when its beginning was told.
fn neutral(texts: &[String]) -> Vec<String> {
    let mut names = HashMap::new();
    let mut began = HashMap::new();
    texts.iter().map(|text| neutral_event(text, &mut names, &mut began)).collect()
}

fn neutral_event(text: &str, names: &mut HashMap<String, String>, began: &mut HashMap<String, u64>) -> String {
    let mut event: Value = serde_json::from_str(text).unwrap();
    let kind = event["event"].as_str().unwrap().to_owned();
    let timestamp = event["timestamp"].as_u64().unwrap();
    let unique = event["uniqueSessionId"].as_str().unwrap().to_owned();
    let subject = format!("{}{}{}", event["connectionId"], event["streamId"], event["connection"]);
    match event.get("startTime").map(|start| start.as_u64().unwrap()) {
        Some(start) => {
            let told = began.remove(&subject).unwrap_or_else(|| panic!("{text} never began"));
            assert_eq!(start, told, "{text}");
            assert_eq!(event["duration"], (timestamp - start) / 1000, "{text}");
        }
        None if kind != "signalSent" => {
            assert!(began.insert(subject, timestamp).is_none(), "{text} began twice");
        }
        None => {}
    }
    let session = event["sessionId"].as_str().unwrap();
    let created_at = unique.strip_prefix(session).unwrap().strip_prefix('_').unwrap();
    if kind == "sessionCreated" {
        assert_eq!(created_at, timestamp.to_string());
    }
    for key in ["timestamp", "startTime", "duration", "uniqueSessionId"] {
        if let Some(value) = event.get_mut(key) {
            *value = 0.into();
        }
    }
    let id = |value: &mut Value| {
        if let Some(text) = value.as_str() {
            // A stream's id begins with what it is.
            let kind = if text.starts_with("str_") { &text[..7] } else { "" };
            let next = format!("{kind}#{}", names.len());
            *value = names.entry(text.to_owned()).or_insert(next).clone().into();
        }
    };
    let mut id = id;
    for key in ["sessionId", "connectionId", "participantId", "streamId", "receivingFrom", "from"] {
        if let Some(value) = event.get_mut(key) {
            id(value);
        }
    }
    if let Some(to) = event.get_mut("to") {
        to.as_array_mut().unwrap().iter_mut().for_each(id);
    }
    event.to_string()
}

#[track_caller]
fn assert_as_recorded(call: &Call, scenario: &str) {
    let recorded = neutral(&recorded(scenario));
    assert!(!recorded.is_empty(), "no such scenario");
    assert_eq!(neutral(&call.webhooks()), recorded);
}

/// Ann and Bob publish and receive each other, as the recorded scenarios begin.
fn two_people_in_a_call() -> (Call, Person, Person) {
    let mut call = Call::new();
    call.wait(700);
    let ann = call.enter("Golden A", "{\"clientData\":\"A\"}", "srvA");
    call.wait(900);
    let bob = call.enter("Golden B", "", "");
    call.wait(500);
    let camera = call.publish(ann, Call::camera());
    call.wait(2100);
    call.receive(bob, &camera);
    call.wait(800);
    let screen = call.publish(bob, Call::screen());
    call.wait(900);
    call.receive(ann, &screen);
    call.wait(750);
    (call, ann, bob)
}

#[test]
fn both_leave() {
    let (mut call, ann, bob) = two_people_in_a_call();
    call.ask(ann, ClientRequest::LeaveRoom);
    call.wait(400);
    call.ask(bob, ClientRequest::LeaveRoom);
    assert_as_recorded(&call, "leaveBoth");
}

#[test]
fn unsubscribing_unpublishing_and_closing_by_rest() {
    let (mut call, ann, bob) = two_people_in_a_call();
    let sender = call.connection(ann);
    call.ask(bob, ClientRequest::UnsubscribeFromVideo { sender });
    call.wait(400);
    call.ask(ann, ClientRequest::UnpublishVideo);
    call.wait(400);
    call.ask(bob, ClientRequest::UnpublishVideo);
    call.wait(3000);
    call.close();
    assert_as_recorded(&call, "unpublishUnsubscribe");
}

#[test]
fn the_application_ends_streams_and_connections() {
    let (mut call, ann, bob) = two_people_in_a_call();
    let stream = call.stream(bob);
    call.rest(|registry, session, now| registry.unpublish_stream(session, &stream, now).unwrap());
    call.wait(1000);
    for person in [bob, ann] {
        let connection = call.connection(person);
        call.rest(|registry, session, now| registry.close_connection(session, &connection, now).unwrap());
        call.wait(1000);
    }
    assert_as_recorded(&call, "forcedByServer");
}

#[test]
fn sockets_are_lost_for_good() {
    let (mut call, ann, bob) = two_people_in_a_call();
    call.cut(bob);
    call.wait(10_900);
    call.cut(ann);
    call.wait(10_900);
    assert_as_recorded(&call, "networkDisconnect");
}

#[test]
fn sound_alone_then_pictures_alone() {
    let mut call = Call::new();
    let ann = call.enter("Golden A", "{\"clientData\":\"A\"}", "srvA");
    call.enter("Golden B", "", "");
    let mut microphone = Call::camera();
    microphone.has_video = false;
    call.publish(ann, microphone);
    call.wait(800);
    call.ask(ann, ClientRequest::UnpublishVideo);
    let mut pictures = Call::camera();
    pictures.has_audio = false;
    call.publish(ann, pictures);
    call.wait(1100);
    call.close();
    assert_as_recorded(&call, "audioOnly");
}

#[test]
fn signals_from_clients_and_from_the_application() {
    let mut call = Call::new();
    let ann = call.enter("Golden A", "{\"clientData\":\"A\"}", "srvA");
    let bob = call.enter("Golden B", "", "");
    let other = call.connection(bob);
    for message in [
        r#"{"to":[],"data":"x","type":"signal:chat"}"#.to_owned(),
        // Named twice, told once.
        format!(r#"{{"to":["{other}","{other}"],"data":"x","type":"plain"}}"#),
        r#"{"to":[],"data":"x","type":"signal:signal"}"#.to_owned(),
        r#"{"to":[],"type":"signal:signal:x"}"#.to_owned(),
        // Without a type: no event.
        r#"{"to":[],"data":"x"}"#.to_owned(),
        format!(r#"{{"to":["{other}"],"data":"x","type":"signal:d"}}"#),
    ] {
        call.ask(ann, ClientRequest::SendMessage { message });
    }
    let (some, all) = (|text: &str| Some(text.to_owned()), vec![]);
    for signal in [
        ServerSignal { to: all.clone(), kind: None, data: None },
        ServerSignal { to: all.clone(), kind: some("chat"), data: some("d") },
        ServerSignal { to: all, kind: some("signal:chat"), data: None },
        ServerSignal { to: vec![Some(other)], kind: None, data: some("one") },
    ] {
        call.rest(|registry, session, now| registry.signal(session, signal, now).unwrap());
    }
    call.close();
    assert_as_recorded(&call, "signals");
}

#[test]
fn closing_a_session_that_nobody_joined() {
    let mut call = Call::new();
    call.wait(2364);
    call.close();
    assert_as_recorded(&call, "delivery-302");
}

/// What is told from here on, in short: name, direction, whose, why.
fn told_since(call: &mut Call, actions: impl FnOnce(&mut Call)) -> Vec<String> {
    let before = call.events().len();
    actions(call);
    call.events()[before..].iter().map(brief).collect()
}

fn brief(event: &Event) -> String {
    let fields = serde_json::to_value(event.webhook()).unwrap();
    let words = ["connection", "reason"].map(|key| fields.get(key).and_then(Value::as_str).unwrap_or("-"));
    format!("{} {}", event.name().as_str(), words.join(" "))
}

#[test]
fn a_session_collected_as_garbage_is_not_told() {
    let mut call = Call::new();
    assert_eq!(told_since(&mut call, |call| call.wait(3_600_000 + 900_000)), [""; 0]);
}

#[test]
fn coming_back_in_time_is_no_event() {
    let (mut call, ann, _) = two_people_in_a_call();
    let told = told_since(&mut call, |call| {
        call.cut(ann);
        call.wait(9_000);
        call.come_back(ann);
        call.wait(60_000);
    });
    assert_eq!(told, [""; 0]);
}

#[test]
fn a_new_peer_connection_for_the_same_stream_is_no_event() {
    let (mut call, ann, bob) = two_people_in_a_call();
    let stream = call.stream(ann);
    let told = told_since(&mut call, |call| {
        let again =
            |sdp_string, sdp_offer| ClientRequest::ReconnectStream { stream: stream.clone(), sdp_string, sdp_offer };
        call.ask(ann, again(Some("offer".to_owned()), None));
        call.ask(bob, again(None, Some("offer".to_owned())));
        call.ask(bob, ClientRequest::PrepareReceiveVideoFrom { sender: stream.clone(), reconnect: true });
        call.ask(bob, again(Some("answer".to_owned()), None));
    });
    assert_eq!(told, [""; 0]);
    let told = told_since(&mut call, |call| {
        let sender = call.connection(ann);
        call.ask(bob, ClientRequest::UnsubscribeFromVideo { sender });
    });
    assert_eq!(told, ["webrtcConnectionDestroyed INBOUND unsubscribe"]);
}

#[test]
fn a_reconnection_that_fails_ends_what_was_told() {
    let (mut call, ann, bob) = two_people_in_a_call();
    let sender = call.stream(ann);
    let told = told_since(&mut call, |call| {
        call.ask(bob, ClientRequest::PrepareReceiveVideoFrom { sender, reconnect: true });
        call.wait(60_000);
    });
    assert_eq!(told, ["webrtcConnectionDestroyed INBOUND unsubscribe"]);
}

#[test]
fn when_the_server_offers_a_subscription_begins_with_the_answer() {
    let mut call = Call::with(MediaServer::Mediasoup);
    let (ann, bob) = (call.enter("A", "", ""), call.enter("B", "", ""));
    let sender = call.publish(ann, Call::camera());
    let told = told_since(&mut call, |call| {
        call.ask(bob, ClientRequest::PrepareReceiveVideoFrom { sender: sender.clone(), reconnect: false });
    });
    assert_eq!(told, [""; 0]);
    let told = told_since(&mut call, |call| call.answer(bob, &sender));
    assert_eq!(told, ["webrtcConnectionCreated INBOUND -"]);
}

#[test]
fn what_fails_to_begin_is_not_told() {
    let mut call = Call::new();
    let (ann, bob) = (call.enter("A", "", ""), call.enter("B", "", ""));
    let told = told_since(&mut call, |call| {
        call.fail_media(Some(MediaFailure::BadSdp("empty".to_owned())));
        call.try_publish(ann, Call::camera());
        call.fail_media(None);
        let sender = call.publish(ann, Call::camera());
        call.fail_media(Some(MediaFailure::CodecNotOffered));
        call.receive(bob, &sender);
        call.ask(bob, ClientRequest::LeaveRoom);
    });
    assert_eq!(told, ["webrtcConnectionCreated OUTBOUND -", "participantLeft - disconnect"]);
}

#[test]
fn muting_does_not_show() {
    let mut call = Call::new();
    let ann = call.enter("A", "", "");
    let mut muted = Call::camera();
    muted.video_active = Some(false);
    call.publish(ann, muted);
    let change = |property: &str, new_value: &str| ClientRequest::StreamPropertyChanged {
        property: property.to_owned(),
        new_value: new_value.to_owned(),
        reason: "deviceRotated".to_owned(),
    };
    call.ask(ann, change("audioActive", "false"));
    call.ask(ann, change("videoDimensions", r#""{\"width\":1,\"height\":1}""#));
    call.ask(ann, ClientRequest::UnpublishVideo);
    let texts = call.webhooks();
    let [.., created, destroyed] = &texts[..] else { panic!("{texts:?}") };
    for text in [created, destroyed] {
        let fields: Value = serde_json::from_str(text).unwrap();
        assert_eq!((&fields["audioEnabled"], &fields["videoEnabled"]), (&true.into(), &true.into()));
        assert_eq!(fields["videoDimensions"], r#"{"width":640,"height":480}"#);
    }
}

#[test]
fn a_moderator_ends_streams_and_connections() {
    let (mut call, ann, bob) = two_people_in_a_call();
    let moderator = call.enter_as_moderator();
    let stream = call.stream(ann);
    let told = told_since(&mut call, |call| {
        call.ask(moderator, ClientRequest::ForceUnpublish { stream_id: stream });
        let connection_id = call.connection(bob);
        call.ask(moderator, ClientRequest::ForceDisconnect { connection_id });
        call.ask(ann, ClientRequest::LeaveRoom);
        call.ask(moderator, ClientRequest::LeaveRoom);
    });
    assert_eq!(
        told,
        [
            "webrtcConnectionDestroyed OUTBOUND forceUnpublishByUser",
            "webrtcConnectionDestroyed INBOUND forceUnpublishByUser",
            "webrtcConnectionDestroyed INBOUND forceDisconnectByUser",
            "webrtcConnectionDestroyed OUTBOUND forceDisconnectByUser",
            "participantLeft - forceDisconnectByUser",
            "participantLeft - disconnect",
            "participantLeft - disconnect",
            "sessionDestroyed - lastParticipantLeft",
        ]
    );
}

#[test]
fn the_hidden_recorder_causes_no_event_and_is_told_signals() {
    let mut call = Call::new();
    let ann = call.enter("A", "", "");
    let sender = call.publish(ann, Call::camera());
    let told = told_since(&mut call, |call| {
        let recorder = call.enter_hidden();
        call.receive(recorder, &sender);
        call.rest(|registry, session, now| registry.signal(session, ServerSignal::default(), now).unwrap());
    });
    assert_eq!(told, ["signalSent - -"]);
    let Some(Event::SignalSent(signal)) = call.events().last() else { panic!() };
    assert!(signal.to.iter().any(|to| to.as_str() == "RECORDER"));
    let told = told_since(&mut call, |call| call.ask(ann, ClientRequest::LeaveRoom));
    assert_eq!(
        told,
        [
            "webrtcConnectionDestroyed OUTBOUND disconnect",
            "participantLeft - disconnect",
            "sessionDestroyed - lastParticipantLeft",
        ]
    );
}

#[test]
fn a_lost_media_worker_ends_the_sessions_that_it_carried() {
    let (mut call, ..) = two_people_in_a_call();
    call.rest(|registry, _, now| registry.create_session(Call::properties("empty"), now).unwrap());
    let told = told_since(&mut call, |call| call.rest(|registry, _, now| registry.media_lost(now)));
    assert_eq!(told.len(), 7);
    assert!(told.iter().all(|told| told.ends_with(" nodeCrashed")), "{told:?}");
    assert_eq!(told[6], "sessionDestroyed - nodeCrashed");
    assert!(call.rest(|registry, _, _| registry.session("empty", Default::default())).is_some());
}

#[test]
fn a_server_that_stops_ends_every_session() {
    let (mut call, ..) = two_people_in_a_call();
    call.rest(|registry, _, now| registry.create_session(Call::properties("empty"), now).unwrap());
    let told = told_since(&mut call, |call| call.rest(|registry, _, now| registry.shut_down(now)));
    assert_eq!(told.len(), 8);
    assert!(told.iter().all(|told| told.ends_with(" openviduServerStopped")), "{told:?}");
    let created = call.events().iter().filter(|event| event.name() == EventName::SessionCreated).count();
    let destroyed = call.events().iter().filter(|event| event.name() == EventName::SessionDestroyed).count();
    assert_eq!((created, destroyed), (2, 2));
}

#[test]
fn a_slow_media_worker_is_waited_for_and_then_nothing_was_begun() {
    let mut call = Call::new();
    let ann = call.enter("A", "", "");
    let told = told_since(&mut call, |call| {
        call.stall_media();
        call.try_publish(ann, Call::camera());
        call.wait(60_000);
    });
    assert_eq!(told, [""; 0]);
}
