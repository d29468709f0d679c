//! RecordingLosses sockets.

use std::time::Duration;

use protocol::rpc::ClientRequest;
use session::{Asker, Command, Effect};

use crate::call::{Call, GRACE, LINGER, ROOM, none};

const OK: &str = "value reconnection successful";

fn two() -> Call {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").publish("bob").subscribe("bob", "ann").hush();
    call
}

#[test]
fn who_comes_back_in_time_was_never_away() {
    let mut call = two();
    call.cut("ann").advance(GRACE - Duration::from_millis(1)).reconnect("ann");
    assert_eq!(call.inbox("ann"), [OK]);
    call.advance(GRACE * 3);
    none(call.inbox("bob"));
    assert_eq!(call.worker.publications.len(), 2);
    call.signal("ann", "{}");
    assert_eq!(call.inbox("ann"), ["signal None None from ann", "ok"]);
}

#[test]
fn what_was_missed_follows_the_answer_in_order() {
    let mut call = two();
    call.cut("ann").join("cid").publish("cid").signal("bob", r#"{"data":"1"}"#).leave("cid").reconnect("ann");
    let inbox = call.inbox("ann");
    assert_eq!(inbox[0], OK);
    assert!(inbox[1].starts_with("participantJoined"));
    assert_eq!(
        inbox[2..],
        ["participantPublished cid", r#"signal None Some("1") from bob"#, "participantLeft cid disconnect"]
    );
}

#[test]
fn the_last_one_that_stays_away_closes_the_session() {
    let mut call = Call::new();
    call.join("ann").cut("ann").advance(GRACE);
    assert!(!call.session_exists());
    assert!(call.worker.is_empty());
    let figures = call.registry.figures();
    assert_eq!((figures.clients, figures.sockets), (0, 0));
}

#[test]
fn an_rpc_session_that_nobody_has_is_refused() {
    let mut call = Call::new();
    call.open("eve");
    call.connect("eve", Some(&"unknownunknown".into()));
    assert_eq!(call.inbox("eve"), ["error reconnection error"]);
}

#[test]
fn connect_without_an_rpc_session_gives_one() {
    let mut call = Call::new();
    call.open("eve");
    call.connect("eve", None);
    call.connect("eve", None);
    assert_eq!(call.inbox("eve"), ["value OK", "value OK"]);
    assert_eq!(call.registry.figures().clients, 1);
}

#[test]
fn coming_back_works_while_the_old_socket_is_open_and_its_closing_evicts_nobody() {
    let mut call = two();
    let old = call.socket("ann");
    call.reconnect("ann");
    assert_eq!(call.inbox("ann"), [OK]);
    call.close_socket(old);
    call.advance(GRACE * 3);
    none(call.inbox("bob"));
    call.signal("bob", "{}");
    assert_eq!(call.inbox("ann"), ["signal None None from bob"]);
}

#[test]
fn the_old_socket_counts_as_one_that_never_joined() {
    let mut call = two();
    let old = call.socket("ann");
    call.reconnect("ann").hush();
    let command = openvidu::request::command(Ok(ClientRequest::LeaveRoom));
    call.registry.handle(Command::Socket { socket: old, request: 77, command }, call.now);
    let effect = call.registry.poll_effect();
    let Some(Effect::Reply { asker: Asker::Socket { socket, request: 77 }, result: Err(refusal), .. }) = effect else {
        panic!("{effect:?}")
    };
    assert_eq!((socket, openvidu::refusal::error(&refusal).code.number()), (old, 803));
    call.carry_out();
    none(call.inbox("bob"));
}

#[test]
fn connect_is_repeatable() {
    let mut call = two();
    let handle = call.handle("ann");
    call.cut("ann").reconnect("ann");
    call.connect("ann", Some(&handle));
    assert_eq!(call.inbox("ann"), [OK, OK]);
    call.cut("ann").reconnect("ann");
    assert_eq!(call.inbox("ann"), [OK]);
}

#[test]
fn who_misses_too_much_is_evicted() {
    let mut call = two();
    call.cut("ann");
    for _ in 0..1001 {
        call.signal("bob", "{}");
    }
    let inbox = call.inbox("bob");
    assert!(inbox.contains(&"participantEvicted ann networkDisconnect".to_owned()));
    let handle = call.handle("ann");
    call.open("ann");
    call.connect("ann", Some(&handle));
    assert_eq!(call.inbox("ann"), ["error reconnection error"]);
}

#[test]
fn who_misses_few_but_huge_signals_is_evicted() {
    let mut call = two();
    call.cut("ann");
    let message = format!(r#"{{"data":"{}"}}"#, "x".repeat(1 << 20));
    for _ in 0..5 {
        call.signal("bob", &message);
    }
    assert!(call.inbox("bob").contains(&"participantEvicted ann networkDisconnect".to_owned()));
}

#[test]
fn who_was_put_out_while_away_is_told_why_when_it_comes_back() {
    let mut call = two();
    call.cut("ann");
    let ann = call.connection("ann");
    call.registry.close_connection(ROOM, &ann, call.now).expect("exists");
    call.carry_out();
    call.reconnect("ann");
    assert_eq!(call.inbox("ann"), [OK, "participantEvicted ann forceDisconnectByServer"]);
    call.advance(LINGER);
    assert_eq!(call.inbox("ann"), ["closed"]);
}

#[test]
fn who_was_put_out_while_away_and_stays_away_is_forgotten() {
    let mut call = two();
    call.cut("ann");
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.carry_out();
    call.advance(GRACE.max(LINGER));
    assert_eq!(call.registry.figures().clients, 0);
}

#[test]
fn a_leaver_that_closes_its_socket_is_forgotten_at_once() {
    let mut call = two();
    call.leave("ann").cut("ann");
    assert_eq!(call.registry.figures().clients, 1);
    call.advance(LINGER);
    none(call.inbox("bob")[1..].to_vec());
}

#[test]
fn a_socket_that_takes_up_another_rpc_session_loses_its_own() {
    let mut call = two();
    let handle = call.handle("ann");
    call.connect("bob", Some(&handle));
    assert_eq!(call.inbox("bob"), [OK]);
    call.advance(GRACE);
    assert_eq!(
        call.inbox("bob"),
        ["participantLeft bob networkDisconnect", "participantEvicted bob networkDisconnect"]
    );
}

#[test]
fn subscriptions_asked_for_on_a_lost_socket_are_undone() {
    let mut call = two();
    call.media_waits();
    let stream = call.stream("bob");
    let before = call.worker.transports.len();
    call.request("ann", crate::message::prepare(&stream));
    call.cut("ann").media_answers();
    assert_eq!(call.worker.transports.len(), before);
    call.reconnect("ann");
    assert_eq!(call.inbox("ann"), [OK]);
}

#[test]
fn requests_left_behind_by_a_lost_socket_are_still_done_if_they_need_no_media() {
    let mut call = two();
    call.media_waits();
    let stream = call.stream("bob");
    call.request("ann", crate::message::prepare(&stream));
    call.request("ann", crate::message::prepare(&stream));
    call.request("ann", ClientRequest::LeaveRoom);
    call.cut("ann").media_answers();
    assert_eq!(call.inbox("bob"), ["participantLeft ann disconnect"]);
}

#[test]
fn a_socket_is_inside_only_while_its_client_is_in_a_session() {
    let mut call = Call::new();
    call.open("eve");
    call.connect("eve", None);
    assert!(call.inside.is_empty(), "a greeting lets nobody in");
    call.join("ann").join("bob");
    let first = call.socket("ann");
    assert_eq!(call.inside, [first, call.socket("bob")].into());
    call.reconnect("ann");
    let second = call.socket("ann");
    assert_eq!(call.inside, [second, call.socket("bob")].into(), "the former socket is a stranger's again");
    call.cut("ann");
    assert_eq!(call.inside, [call.socket("bob")].into());
    call.reconnect("ann");
    assert_eq!(call.inside, [call.socket("ann"), call.socket("bob")].into());
    call.leave("ann");
    assert_eq!(call.inside, [call.socket("bob")].into());
    // It has its socket for a while yet, and the name that it had: that is no way in.
    let handle = call.handle("ann");
    call.connect("ann", Some(&handle));
    assert_eq!(call.inside, [call.socket("bob")].into());
}
