//! forceDisconnect, forceUnpublish, filters, speech to text.

use protocol::model::{ConnectionProperties, KurentoOptions, Role};
use protocol::rpc::ClientRequest;

use crate::call::{Call, LINGER, ROOM, none};

fn force_disconnect(connection: &str) -> ClientRequest {
    ClientRequest::ForceDisconnect { connection_id: connection.to_owned() }
}

fn force_unpublish(stream: &str) -> ClientRequest {
    ClientRequest::ForceUnpublish { stream_id: stream.to_owned() }
}

#[test]
fn a_forced_disconnection_is_told_in_order() {
    let mut call = Call::new();
    call.join_as("mod", Role::Moderator).join("ann").join("bob").hush();
    let ann = call.connection("ann");
    call.request("mod", force_disconnect(&ann));
    let (left, evicted) = ("participantLeft ann forceDisconnectByUser", "participantEvicted ann forceDisconnectByUser");
    assert_eq!(call.inbox("mod"), [left, "ok", evicted]);
    assert_eq!(call.inbox("ann"), [evicted]);
    assert_eq!(call.inbox("bob"), [left, evicted]);
    let all_left = call.log.iter().rposition(|line| line.ends_with(left)).expect("told");
    let answered = call.log.iter().position(|line| line == "mod: ok").expect("answered");
    let first_evicted = call.log.iter().position(|line| line.ends_with(evicted)).expect("told");
    assert!(all_left < answered && answered < first_evicted);
    call.advance(LINGER);
    assert_eq!(call.inbox("ann"), ["closed"]);
}

#[test]
fn a_moderator_may_put_itself_out() {
    let mut call = Call::new();
    call.join_as("mod", Role::Moderator).join("bob").hush();
    let own = call.connection("mod");
    call.request("mod", force_disconnect(&own));
    assert_eq!(call.inbox("mod"), ["ok", "participantEvicted mod forceDisconnectByUser"]);
    assert_eq!(
        call.inbox("bob"),
        ["participantLeft mod forceDisconnectByUser", "participantEvicted mod forceDisconnectByUser"]
    );
}

#[test]
fn a_moderator_alone_that_puts_itself_out_closes_the_session() {
    let mut call = Call::new();
    call.join_as("mod", Role::Moderator).hush();
    let own = call.connection("mod");
    call.request("mod", force_disconnect(&own));
    assert_eq!(call.inbox("mod"), ["ok", "participantEvicted mod forceDisconnectByUser"]);
    assert!(!call.session_exists());
}

#[test]
fn only_moderators_force() {
    let mut call = Call::new();
    call.join("ann").join("bob").join_as("sub", Role::Subscriber).publish("ann").hush();
    let (ann, stream) = (call.connection("ann"), call.stream("ann"));
    for name in ["bob", "sub"] {
        call.request(name, force_disconnect(&ann));
        call.request(name, force_unpublish(&stream));
        assert_eq!(
            call.inbox(name),
            [
                "error Unable to force disconnect. The user does not have a valid token. Code: 401",
                "error Unable to force unpublish. The user does not have a valid token. Code: 401"
            ]
        );
    }
    none(call.inbox("ann"));
}

#[test]
fn forcing_who_is_not_there_is_an_error() {
    let mut call = Call::new();
    call.join_as("mod", Role::Moderator).join_by_secret("rec", true, false).hush();
    for connection in ["con_UNKNOWN", "RECORDER"] {
        call.request("mod", force_disconnect(connection));
        assert_eq!(call.inbox("mod"), ["error Connection not found when calling 'forceDisconnect'. Code: 102"]);
    }
    call.request("mod", force_unpublish("str_CAM_XXXX_con_UNKNOWN"));
    call.request("mod", force_unpublish("x"));
    assert_eq!(
        call.inbox("mod"),
        [
            format!("error Stream 'str_CAM_XXXX_con_UNKNOWN' does not exist in Session '{ROOM}'. Code: 105"),
            format!("error Stream 'x' does not exist in Session '{ROOM}'. Code: 105")
        ]
    );
}

#[test]
fn a_forced_unpublication_answers_first_and_tells_the_owner_too() {
    let mut call = Call::new();
    call.join_as("mod", Role::Moderator).join("ann").join("bob").publish("ann").subscribe("bob", "ann").hush();
    let stream = call.stream("ann");
    call.request("mod", force_unpublish(&stream));
    assert_eq!(call.log[0], "mod: ok");
    for name in ["mod", "ann", "bob"] {
        assert_eq!(call.last(name), "participantUnpublished ann forceUnpublishByUser");
    }
    assert!(call.worker.publications.is_empty() && call.worker.transports.is_empty());
    call.publish("ann");
    assert_eq!(call.last("bob"), "participantPublished ann");
}

#[test]
fn an_eviction_does_not_wait_for_the_victims_media() {
    let mut call = Call::new();
    call.join_as("mod", Role::Moderator).join("ann").hush().media_waits().publish("ann");
    let ann = call.connection("ann");
    call.request("mod", force_disconnect(&ann));
    assert_eq!(
        call.inbox("ann"),
        [
            format!("error User 'ann' was removed from session '{ROOM}' before its request was done. Code: 102"),
            "participantEvicted ann forceDisconnectByUser".to_owned()
        ]
    );
    call.media_answers();
    none(call.inbox("ann"));
    assert!(call.worker.publications.is_empty() && call.worker.transports.is_empty());
}

fn filter(method: &'static str, stream: &str) -> ClientRequest {
    ClientRequest::Filter { method, stream_id: stream.to_owned() }
}

#[test]
fn filters_are_refused_with_the_documented_codes() {
    let mut call = Call::new();
    let allowed = ConnectionProperties {
        kurento_options: Some(KurentoOptions {
            allowed_filters: vec!["GStreamerFilter".to_owned()],
            ..KurentoOptions::default()
        }),
        ..ConnectionProperties::default()
    };
    call.join_as("mod", Role::Moderator).join("ann").join_with("bob", allowed).publish("ann").publish("bob").hush();
    let (ann, bob) = (call.stream("ann"), call.stream("bob"));
    for (who, method, stream, code) in [
        ("ann", "applyFilter", &ann, 401),
        ("bob", "applyFilter", &bob, 406),
        ("bob", "applyFilter", &ann, 401),
        ("mod", "applyFilter", &ann, 406),
        ("ann", "removeFilter", &ann, 406),
        ("ann", "execFilterMethod", &ann, 406),
        ("ann", "execFilterMethod", &bob, 401),
        ("mod", "addFilterEventListener", &ann, 406),
        ("ann", "removeFilterEventListener", &bob, 401),
        ("mod", "removeFilterEventListener", &"str_CAM_x".to_owned(), 102),
    ] {
        call.request(who, filter(method, stream));
        assert!(call.last(who).ends_with(&format!("Code: {code}")), "{who} {method}: {}", call.last(who));
    }
}
