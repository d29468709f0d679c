//! Leaving, being put out, the end of sessions.

use std::time::Duration;

use protocol::model::ConnectionProperties;
use protocol::rpc::ClientRequest;

use crate::call::{Call, LINGER, ROOM, none};
use crate::message::{join_room, prepare, publish_video};

#[test]
fn who_leaves_is_answered_and_the_others_are_told_once() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").hush().leave("ann");
    assert_eq!(call.log, ["bob: participantLeft ann disconnect", "ann: ok"]);
}

#[test]
fn the_socket_of_who_left_is_closed_after_a_while() {
    let mut call = Call::new();
    call.join("ann").join("bob").hush().leave("ann");
    call.advance(LINGER - Duration::from_millis(1));
    assert_eq!(call.inbox("ann"), ["ok"]);
    call.advance(Duration::from_millis(1));
    assert_eq!(call.inbox("ann"), ["closed"]);
    none(call.inbox("bob")[1..].to_vec());
}

#[test]
fn after_leaving_only_an_echo_is_answered_well() {
    let mut call = Call::new();
    call.join("ann").join("bob").leave("ann").hush();
    call.request("ann", ClientRequest::Echo);
    call.request("ann", ClientRequest::LeaveRoom);
    assert_eq!(
        call.inbox("ann"),
        ["ok".to_owned(), format!("error User 'ann' not found in session '{ROOM}'. Code: 102")]
    );
}

#[test]
fn a_leaver_takes_its_media_along() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").publish("bob").subscribe("bob", "ann").subscribe("ann", "bob");
    assert_eq!((call.worker.publications.len(), call.worker.transports.len()), (2, 4));
    call.leave("ann");
    assert_eq!((call.worker.publications.len(), call.worker.transports.len()), (1, 1));
}

#[test]
fn the_last_one_to_leave_closes_the_session() {
    let mut call = Call::new();
    call.join("ann").join("bob").leave("ann");
    assert!(call.session_exists());
    let token = call.token(ConnectionProperties::default());
    call.leave("bob");
    assert!(!call.session_exists());
    assert!(call.worker.is_empty());
    call.open("cid");
    call.request("cid", join_room(&token));
    assert_eq!(call.inbox("cid"), [format!("error Unable to join session. Session {ROOM} cannot be found. Code: 202")]);
}

#[test]
fn hidden_participants_keep_no_session_open() {
    let mut call = Call::new();
    call.join("ann").join_by_secret("rec", true, false).join_by_secret("stt", false, true).hush().leave("ann");
    assert!(!call.session_exists());
    assert_eq!(
        call.inbox("rec"),
        ["participantLeft ann disconnect", "participantEvicted rec lastParticipantLeft", "closed"]
    );
    assert_eq!(call.inbox("stt"), ["participantLeft ann disconnect", "participantEvicted stt lastParticipantLeft"]);
    assert_eq!(call.inbox("ann"), ["ok"]);
}

#[test]
fn who_joined_by_secret_and_is_visible_keeps_a_session_open() {
    let mut call = Call::new();
    call.join("ann").join_by_secret("eve", false, false).leave("ann");
    assert!(call.session_exists());
}

#[test]
fn the_recorder_leaves_unseen_and_its_socket_is_closed_at_once() {
    let mut call = Call::new();
    call.join("ann").join_by_secret("rec", true, false).hush().leave("rec");
    assert_eq!(call.inbox("rec"), ["ok", "closed"]);
    none(call.inbox("ann"));
    assert!(call.session_exists());
}

#[test]
fn what_the_recorder_asked_for_before_it_was_gone_is_answered() {
    let mut call = Call::new();
    call.join("ann").publish("ann").join_by_secret("rec", true, false).hush().media_waits();
    let stream = call.stream("ann");
    call.request("rec", prepare(&stream));
    call.leave("rec").signal("rec", "{}").media_answers();
    let gone = format!("error User 'rec' not found in session '{ROOM}'. Code: 102");
    assert_eq!(call.inbox("rec"), ["offer offer-to-subscriber", "ok", &gone, "closed"]);
}

#[test]
fn closing_a_session_goes_participant_by_participant() {
    let mut call = Call::new();
    call.join("ann").join("bob").join("cid").publish("ann").hush();
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.carry_out();
    let evicted = |name: &str| format!("participantEvicted {name} sessionClosedByServer");
    let left = |name: &str| format!("participantLeft {name} sessionClosedByServer");
    assert_eq!(call.inbox("ann"), [evicted("ann")]);
    assert_eq!(call.inbox("bob"), [left("ann"), evicted("ann"), evicted("bob")]);
    assert_eq!(call.inbox("cid"), [left("ann"), evicted("ann"), left("bob"), evicted("bob"), evicted("cid")]);
    assert!(call.worker.is_empty());
    call.advance(LINGER);
    assert_eq!(call.inbox("cid"), ["closed"]);
    assert!(call.registry.close_session(ROOM, call.now).is_err());
}

#[test]
fn a_request_that_waits_for_media_is_answered_when_its_session_is_closed() {
    let mut call = Call::new();
    call.join("ann").join("bob").hush().media_waits();
    call.request("ann", publish_video());
    call.request("ann", ClientRequest::VideoData);
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.carry_out();
    let inbox = call.inbox("ann");
    assert_eq!(
        inbox[0],
        format!("error User 'ann' was removed from session '{ROOM}' before its request was done. Code: 102")
    );
    assert_eq!(inbox[1], "participantEvicted ann sessionClosedByServer");
    assert!(inbox.contains(&format!("error User 'ann' not found in session '{ROOM}'. Code: 102")));
    assert!(!call.is_waiting("ann"));
    call.media_answers();
    none(call.inbox("ann"));
    assert!(call.worker.is_empty());
}

#[test]
fn sessions_that_nobody_ever_joined_are_collected() {
    let mut call = Call::new();
    call.create_session("used");
    call.advance(Duration::from_secs(3599));
    assert!(call.session_exists());
    call.advance(Duration::from_secs(901));
    assert!(!call.session_exists());
    assert_eq!(call.registry.figures().timers, 0);
}

#[test]
fn sessions_in_use_are_never_collected() {
    let mut call = Call::new();
    call.join("ann").advance(Duration::from_secs(100_000));
    assert!(call.session_exists());
}
