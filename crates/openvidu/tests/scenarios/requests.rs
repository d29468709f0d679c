//! The life of requests: order, answers, limits.

use protocol::rpc::{ClientRequest, InvalidParams};
use session::Command;

use crate::call::{Call, ROOM, none};
use crate::message::{join_room, prepare};

fn unknown() -> ClientRequest {
    ClientRequest::Unknown { method: "sessionStatus".to_owned() }
}

#[test]
fn nothing_but_join_room_is_allowed_before_it() {
    let mut call = Call::new();
    call.open("ann");
    let fault = || InvalidParams { method: "sendMessage".into(), parameter: "message".into(), rule: "is missing" };
    for content in [Ok(ClientRequest::Echo), Ok(ClientRequest::LeaveRoom), Ok(unknown()), Err(fault())] {
        call.raw_request("ann", content);
        let inbox = call.inbox("ann");
        assert!(inbox[0].starts_with("error No connection found for participant with privateId "), "{inbox:?}");
        assert!(
            inbox[0]
                .ends_with(". Method 'Session.connect()' must be the first operation called in any session. Code: 803"),
            "{inbox:?}"
        );
    }
}

#[test]
fn parameters_that_cannot_be_read_and_unknown_methods_are_answered() {
    let mut call = Call::new();
    call.join("ann").hush();
    let fault = InvalidParams { method: "sendMessage".into(), parameter: "message".into(), rule: "is missing" };
    call.raw_request("ann", Err(fault));
    call.request("ann", unknown());
    assert_eq!(
        call.inbox("ann"),
        [
            "error Parameter 'message' of method 'sendMessage' is missing",
            "error Method 'sessionStatus' does not exist. Code: 802"
        ]
    );
}

#[test]
fn requests_of_one_client_are_done_one_after_the_other() {
    let mut call = Call::new();
    call.join("ann").join("bob").hush().media_waits().publish("ann");
    call.signal("ann", r#"{"data":"after"}"#);
    call.request("ann", ClientRequest::UnpublishVideo);
    none(call.inbox("ann"));
    none(call.inbox("bob"));
    call.media_answers();
    assert_eq!(
        call.inbox("ann"),
        ["published answer-to-publisher", r#"signal None Some("after") from ann"#, "ok", "ok"]
    );
    assert_eq!(
        call.inbox("bob"),
        ["participantPublished ann", r#"signal None Some("after") from ann"#, "participantUnpublished ann unpublish"]
    );
}

#[test]
fn several_media_requests_queue_up() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").hush().media_waits();
    let stream = call.stream("ann");
    call.request("bob", prepare(&stream));
    call.publish("bob");
    assert_eq!(call.worker.pending.len(), 1);
    call.media_answers();
    assert_eq!(call.inbox("bob"), ["offer offer-to-subscriber", "published answer-to-publisher"]);
}

#[test]
fn an_echo_overtakes() {
    let mut call = Call::new();
    call.join("ann").hush().media_waits().publish("ann");
    call.request("ann", ClientRequest::VideoData);
    call.request("ann", ClientRequest::Echo);
    assert_eq!(call.inbox("ann"), ["ok"]);
    call.media_answers();
    assert_eq!(call.inbox("ann"), ["published answer-to-publisher", "ok"]);
}

#[test]
fn one_clients_media_holds_up_nobody_else() {
    let mut call = Call::new();
    call.join("ann").join("bob").hush().media_waits().publish("ann");
    call.signal("bob", "{}");
    assert_eq!(call.inbox("bob"), ["signal None None from bob", "ok"]);
    assert_eq!(call.inbox("ann"), ["signal None None from bob"]);
}

#[test]
fn the_queue_of_requests_is_bounded() {
    let mut call = Call::new();
    call.join("ann").hush().media_waits().publish("ann");
    for _ in 0..256 {
        call.request("ann", ClientRequest::VideoData);
    }
    none(call.inbox("ann"));
    call.request("ann", ClientRequest::VideoData);
    assert_eq!(call.inbox("ann"), ["error Too many requests are waiting to be processed. Code: 802"]);
    call.media_answers();
    assert_eq!(call.inbox("ann").len(), 257);
}

#[test]
fn few_but_huge_requests_do_not_wait_either() {
    let mut call = Call::new();
    call.join("ann").hush().media_waits().publish("ann");
    let message = format!(r#"{{"data":"{}"}}"#, "x".repeat(900_000));
    call.signal("ann", &message).signal("ann", &message);
    none(call.inbox("ann"));
    call.signal("ann", &message);
    assert_eq!(call.inbox("ann"), ["error Too many requests are waiting to be processed. Code: 802"]);
}

#[test]
fn a_request_on_a_socket_that_is_gone_is_nobodys() {
    let mut call = Call::new();
    call.join("ann").join("bob");
    let socket = call.socket("ann");
    call.cut("ann").hush();
    let command = openvidu::request::command(Ok(ClientRequest::LeaveRoom));
    call.registry.handle(Command::Socket { socket, request: 1, command }, call.now);
    call.registry.handle(Command::Resume { socket, request: 2, client: Some(call.handle("ann")) }, call.now);
    assert!(call.registry.poll_effect().is_none());
    none(call.inbox("bob"));
}

#[test]
fn after_a_refused_join_the_socket_may_try_again() {
    let mut call = Call::new();
    call.open("ann");
    call.request("ann", join_room("tok_wrong"));
    assert_eq!(
        call.inbox("ann"),
        [format!("error Unable to join session {ROOM}. Token tok_wrong is not valid. Code: 401")]
    );
    let token = call.token(Default::default());
    call.request("ann", join_room(&token));
    assert_eq!(call.inbox("ann"), ["joined"]);
}
