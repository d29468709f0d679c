//! The events of whole calls, against those recorded from an OpenVidu 2.32 server: the same actions must give the same
//! events in the same order, with the same reasons. Ids and times are our own.

use std::collections::HashMap;
use std::time::Duration;

use protocol::event::{Event, EventName};
use protocol::id::WorkerId;
use protocol::media::{MediaEvent, MediaFailure};
use protocol::model::{ConnectionProperties, Role};
use protocol::rpc::{ClientRequest, PublishVideo};
use serde_json::Value;
use session::command::ServerSignal;
use session::snapshot::Include;

use crate::call::{Call, ROOM, none};
use crate::message::{camera, join_room, prepare, receive_with_answer, receive_with_offer};

const GOLDEN: &str = include_str!("../../../../tests/golden/events.ndjson");

/// Events of one recorded scenario, as JSON texts.
fn recorded(scenario: &str) -> Vec<String> {
    let lines = GOLDEN.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events = lines.filter(|line| line["scenario"] == scenario);
    events.filter_map(|line| line["raw"].as_str().map(str::to_owned)).collect()
}

/// The texts with every id replaced by when it first appeared, and every time by 0. (Times are checked by
/// [`crate::told`], and their form in `protocol`.)
fn neutral(texts: &[String]) -> Vec<String> {
    let mut names = HashMap::new();
    texts.iter().map(|text| neutral_event(text, &mut names)).collect()
}

fn neutral_event(text: &str, names: &mut HashMap<String, String>) -> String {
    let mut event: Value = serde_json::from_str(text).unwrap();
    for key in ["timestamp", "startTime", "duration", "uniqueSessionId", "ip"] {
        if let Some(value) = event.get_mut(key) {
            *value = 0.into();
        }
    }
    let mut id = |value: &mut Value| {
        if let Some(text) = value.as_str() {
            // A stream's id begins with what it is.
            let kind = if text.starts_with("str_") { &text[..7] } else { "" };
            let next = format!("{kind}#{}", names.len());
            *value = names.entry(text.to_owned()).or_insert(next).clone().into();
        }
    };
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
    assert_eq!(neutral(&webhooks(call)), recorded);
}

fn webhooks(call: &Call) -> Vec<String> {
    call.events.events.iter().map(|event| serde_json::to_string(&event.webhook()).unwrap()).collect()
}

fn enter(call: &mut Call, name: &str, client_data: &str, server_data: &str) {
    let properties = ConnectionProperties { data: server_data.to_owned(), ..ConnectionProperties::default() };
    let token = call.token(properties);
    call.open(name);
    let ClientRequest::JoinRoom(mut request) = join_room(&token) else { unreachable!() };
    request.platform = format!("Golden {name}");
    request.metadata = client_data.to_owned();
    call.request(name, ClientRequest::JoinRoom(request));
}

fn enter_both(call: &mut Call) {
    enter(call, "A", "{\"clientData\":\"A\"}", "srvA");
    enter(call, "B", "", "");
}

fn publish(call: &mut Call, name: &str, stream: PublishVideo) {
    call.request(name, ClientRequest::PublishVideo(Box::new(stream)));
}

/// Says nothing of its size and rate.
fn screen() -> PublishVideo {
    PublishVideo { type_of_video: Some("SCREEN".to_owned()), frame_rate: None, video_dimensions: None, ..camera() }
}

fn receive(call: &mut Call, name: &str, publisher: &str) {
    let sender = call.stream(publisher);
    call.request(name, receive_with_offer(&sender));
}

fn unsubscribe(call: &mut Call, name: &str, publisher: &str) {
    let sender = call.connection(publisher);
    call.request(name, ClientRequest::UnsubscribeFromVideo { sender });
}

fn close(call: &mut Call) {
    call.registry.close_session(ROOM, call.now).unwrap();
    call.carry_out();
}

fn wait(call: &mut Call, millis: u64) {
    call.advance(Duration::from_millis(millis));
}

/// A and B publish and receive each other, as the recorded scenarios begin.
fn two_people_in_a_call() -> Call {
    let mut call = Call::new();
    wait(&mut call, 700);
    enter_both(&mut call);
    wait(&mut call, 500);
    publish(&mut call, "A", camera());
    wait(&mut call, 2100);
    receive(&mut call, "B", "A");
    wait(&mut call, 800);
    publish(&mut call, "B", screen());
    wait(&mut call, 900);
    receive(&mut call, "A", "B");
    wait(&mut call, 750);
    call
}

#[test]
fn both_leave() {
    let mut call = two_people_in_a_call();
    call.leave("A");
    wait(&mut call, 400);
    call.leave("B");
    assert_as_recorded(&call, "leaveBoth");
}

#[test]
fn unsubscribing_unpublishing_and_closing_by_rest() {
    let mut call = two_people_in_a_call();
    unsubscribe(&mut call, "B", "A");
    wait(&mut call, 400);
    call.request("A", ClientRequest::UnpublishVideo);
    wait(&mut call, 400);
    call.request("B", ClientRequest::UnpublishVideo);
    wait(&mut call, 3000);
    close(&mut call);
    assert_as_recorded(&call, "unpublishUnsubscribe");
}

#[test]
fn the_application_ends_streams_and_connections() {
    let mut call = two_people_in_a_call();
    let stream = call.stream("B");
    call.registry.unpublish_stream(ROOM, &stream, call.now).unwrap();
    call.carry_out();
    for name in ["B", "A"] {
        wait(&mut call, 1000);
        let connection = call.connection(name);
        call.registry.close_connection(ROOM, &connection, call.now).unwrap();
        call.carry_out();
    }
    assert_as_recorded(&call, "forcedByServer");
}

#[test]
fn sockets_are_lost_for_good() {
    let mut call = two_people_in_a_call();
    call.cut("B");
    wait(&mut call, 10_900);
    call.cut("A");
    wait(&mut call, 10_900);
    assert_as_recorded(&call, "networkDisconnect");
}

#[test]
fn sound_alone_then_pictures_alone() {
    let mut call = Call::new();
    enter_both(&mut call);
    publish(&mut call, "A", PublishVideo { has_video: false, ..camera() });
    wait(&mut call, 800);
    call.request("A", ClientRequest::UnpublishVideo);
    publish(&mut call, "A", PublishVideo { has_audio: false, ..camera() });
    wait(&mut call, 1100);
    close(&mut call);
    assert_as_recorded(&call, "audioOnly");
}

#[test]
fn signals_from_clients_and_from_the_application() {
    let mut call = Call::new();
    enter_both(&mut call);
    let other = call.connection("B");
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
        call.signal("A", &message);
    }
    let some = |text: &str| Some(text.to_owned());
    for (to, kind, data) in [
        (vec![], None, None),
        (vec![], some("chat"), some("d")),
        (vec![], some("signal:chat"), None),
        (vec![Some(other)], None, some("one")),
    ] {
        call.registry.signal(ROOM, ServerSignal { to, kind, data }, call.now).unwrap();
        call.carry_out();
    }
    close(&mut call);
    assert_as_recorded(&call, "signals");
}

#[test]
fn closing_a_session_that_nobody_joined() {
    let mut call = Call::new();
    wait(&mut call, 2364);
    close(&mut call);
    assert_as_recorded(&call, "delivery-302");
}

/// What is told from here on, in short: name, direction, why.
fn told_since(call: &mut Call, actions: impl FnOnce(&mut Call)) -> Vec<String> {
    let before = call.events.events.len();
    actions(call);
    call.events.events[before..].iter().map(brief).collect()
}

fn brief(event: &Event) -> String {
    let fields = serde_json::to_value(event.webhook()).unwrap();
    let words = ["connection", "reason"].map(|key| fields.get(key).and_then(Value::as_str).unwrap_or("-"));
    format!("{} {}", event.name().as_str(), words.join(" "))
}

#[test]
fn a_session_collected_as_garbage_is_not_told() {
    let mut call = Call::new();
    none(told_since(&mut call, |call| wait(call, 3_600_000 + 900_000)));
    assert!(!call.session_exists());
}

#[test]
fn coming_back_in_time_is_no_event() {
    let mut call = two_people_in_a_call();
    none(told_since(&mut call, |call| {
        call.cut("A");
        wait(call, 9_000);
        call.reconnect("A");
        wait(call, 60_000);
    }));
}

#[test]
fn a_new_peer_connection_for_the_same_stream_is_no_event() {
    let mut call = two_people_in_a_call();
    let stream = call.stream("A");
    none(told_since(&mut call, |call| {
        let again = |sdp_string: Option<&str>, sdp_offer: Option<&str>| ClientRequest::ReconnectStream {
            stream: stream.clone(),
            sdp_string: sdp_string.map(str::to_owned),
            sdp_offer: sdp_offer.map(str::to_owned),
        };
        call.request("A", again(Some("offer"), None));
        call.request("B", again(None, Some("offer")));
        call.request("B", prepare(&stream));
        call.request("B", again(Some("answer"), None));
    }));
    let told = told_since(&mut call, |call| unsubscribe(call, "B", "A"));
    assert_eq!(told, ["webrtcConnectionDestroyed INBOUND unsubscribe"]);
}

#[test]
fn a_reconnection_that_fails_ends_what_was_told() {
    let mut call = two_people_in_a_call();
    let stream = call.stream("A");
    let told = told_since(&mut call, |call| {
        call.request("B", prepare(&stream));
        wait(call, 60_000);
    });
    assert_eq!(told, ["webrtcConnectionDestroyed INBOUND unsubscribe"]);
}

#[test]
fn when_the_server_offers_a_subscription_begins_with_the_answer() {
    let mut call = Call::new();
    call.join("A").join("B").publish("A");
    let stream = call.stream("A");
    none(told_since(&mut call, |call| {
        call.request("B", prepare(&stream));
    }));
    let told = told_since(&mut call, |call| {
        call.request("B", receive_with_answer(&stream));
    });
    assert_eq!(told, ["webrtcConnectionCreated INBOUND -"]);
}

#[test]
fn what_fails_to_begin_is_not_told() {
    let mut call = Call::new();
    call.join("A").join("B").publish("A").media_waits();
    let told = told_since(&mut call, |call| {
        call.publish("B").media_fails(MediaFailure::BadSdp("empty".to_owned()));
        receive(call, "B", "A");
        call.media_fails(MediaFailure::CodecNotOffered);
        // And one that the worker never answers.
        call.publish("B");
        wait(call, 60_000);
        call.leave("B");
    });
    assert_eq!(told, ["participantLeft - disconnect"]);
}

#[test]
fn muting_does_not_show() {
    let mut call = Call::new();
    call.join("A");
    publish(&mut call, "A", PublishVideo { video_active: Some(false), ..camera() });
    for (property, new_value) in [("audioActive", "false"), ("videoDimensions", r#""{\"width\":1,\"height\":1}""#)] {
        let (property, new_value, reason) = (property.to_owned(), new_value.to_owned(), String::new());
        call.request("A", ClientRequest::StreamPropertyChanged { property, new_value, reason });
    }
    call.request("A", ClientRequest::UnpublishVideo);
    let texts = webhooks(&call);
    let [.., created, destroyed] = &texts[..] else { panic!("{texts:?}") };
    for text in [created, destroyed] {
        let fields: Value = serde_json::from_str(text).unwrap();
        assert_eq!((&fields["audioEnabled"], &fields["videoEnabled"]), (&true.into(), &true.into()));
        assert_eq!(fields["videoDimensions"], r#"{"width":640,"height":480}"#);
    }
}

#[test]
fn a_moderator_ends_streams_and_connections() {
    let mut call = two_people_in_a_call();
    call.join_as("M", Role::Moderator);
    let (stream_id, connection_id) = (call.stream("A"), call.connection("B"));
    let told = told_since(&mut call, |call| {
        call.request("M", ClientRequest::ForceUnpublish { stream_id });
        call.request("M", ClientRequest::ForceDisconnect { connection_id });
        call.leave("A").leave("M");
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
fn the_hidden_recorder_causes_no_event_but_is_an_addressee() {
    let mut call = Call::new();
    call.join("A").publish("A");
    let told = told_since(&mut call, |call| {
        call.join_by_secret("R", true, false);
        receive(call, "R", "A");
        call.registry.signal(ROOM, ServerSignal::default(), call.now).unwrap();
        call.carry_out();
    });
    assert_eq!(told, ["signalSent - -"]);
    let Some(Event::SignalSent(signal)) = call.events.events.last() else { panic!() };
    assert!(signal.to.iter().any(|to| to.as_str() == "RECORDER"));
    let told = told_since(&mut call, |call| {
        call.leave("A");
    });
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
fn a_visible_insider_counts_as_a_participant() {
    let mut call = Call::new();
    let told = told_since(&mut call, |call| {
        call.join_by_secret("D", false, false);
        call.leave("D");
    });
    assert_eq!(
        told,
        ["participantJoined - -", "participantLeft - disconnect", "sessionDestroyed - lastParticipantLeft"]
    );
}

#[test]
fn a_lost_media_worker_ends_the_sessions_that_it_carried() {
    let mut call = two_people_in_a_call();
    call.create_session("empty");
    let told = told_since(&mut call, |call| {
        call.registry.handle_media(MediaEvent::WorkerLost { worker: WorkerId(0) }, call.now);
        call.carry_out();
    });
    assert_eq!(told.len(), 7);
    assert!(told.iter().all(|told| told.ends_with(" nodeCrashed")), "{told:?}");
    assert_eq!(told[6], "sessionDestroyed - nodeCrashed");
    assert!(call.registry.session("empty", Include::default()).is_some());
}

#[test]
fn a_server_that_stops_ends_every_session() {
    let mut call = two_people_in_a_call();
    call.create_session("empty");
    let told = told_since(&mut call, |call| {
        call.registry.shut_down(call.now);
        call.carry_out();
    });
    assert_eq!(told.len(), 8);
    assert!(told.iter().all(|told| told.ends_with(" openviduServerStopped")), "{told:?}");
    let count = |name| call.events.events.iter().filter(|event| event.name() == name).count();
    assert_eq!((count(EventName::SessionCreated), count(EventName::SessionDestroyed)), (2, 2));
}
