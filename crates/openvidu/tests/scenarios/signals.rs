//! Signals of clients and of the application.

use std::time::Duration;

use protocol::event::Event;
use protocol::rpc::ClientRequest;
use session::command::ServerSignal;
use session::registry::SignalRefusal;
use session::{Flow, Settings, SignalLimits};

use crate::call::{Call, ROOM, none, settings};
use protocol::model::Role;

fn three() -> Call {
    let mut call = Call::new();
    call.join("ann").join("bob").join_as("cid", Role::Subscriber).hush();
    call
}

#[test]
fn a_signal_to_all_reaches_the_sender_and_the_recorder_too() {
    let mut call = three();
    call.join_by_secret("rec", true, false).hush();
    call.signal("cid", r#"{"to":[],"data":"hi","type":"signal:chat"}"#);
    let line = r#"signal Some("signal:chat") Some("hi") from cid"#;
    assert_eq!(call.inbox("ann"), [line]);
    assert_eq!(call.inbox("rec"), [line]);
    assert_eq!(call.inbox("cid"), [line, "ok"]);
    assert_eq!(call.log.last().map(String::as_str), Some("cid: ok"));
}

#[test]
fn a_directed_signal_reaches_each_addressee_once() {
    let mut call = three();
    let (bob, ann) = (call.connection("bob"), call.connection("ann"));
    call.signal("ann", &format!(r#"{{"to":["{bob}","{bob}"],"data":"x","type":"plain"}}"#));
    assert_eq!(call.inbox("bob"), [r#"signal Some("plain") Some("x") from ann"#]);
    assert_eq!(call.inbox("ann"), ["ok"]);
    none(call.inbox("cid"));
    call.signal("ann", &format!(r#"{{"to":["{ann}"]}}"#));
    assert_eq!(call.inbox("ann"), ["signal None None from ann", "ok"]);
}

#[test]
fn one_unknown_addressee_spoils_a_signal() {
    let mut call = three();
    let bob = call.connection("bob");
    let pending = call.registry.create_connection(ROOM, Default::default(), "wss://x", call.now).expect("exists");
    for to in [format!(r#"["{bob}","con_UNKNOWN"]"#), r#"[""]"#.into(), "[5]".into(), format!(r#"["{pending}"]"#)] {
        call.signal("ann", &format!(r#"{{"to":{to},"data":"x"}}"#));
        assert_eq!(
            call.inbox("ann"),
            [r#"error Signal "to" field invalid format: some connectionId does not exist in this session. Code: 601"#]
        );
    }
    call.signal("ann", r#"{"to":[null]}"#);
    assert_eq!(call.inbox("ann"), [r#"error Signal "to" field invalid format: null. Code: 601"#]);
    none(call.inbox("bob"));
}

#[test]
fn what_is_no_signal_is_code_600() {
    let mut call = three();
    for text in ["not json", "[]", "", "null", r#"{"to":"x"}"#] {
        call.signal("ann", text);
        assert_eq!(
            call.inbox("ann"),
            [format!("error Provided signal object '{text}' has not a valid JSON format. Code: 600")]
        );
    }
    call.signal("ann", r#"{"data":{"a":1}}"#);
    assert_eq!(call.inbox("ann"), ["error Member 'data' of the signal must be a string"]);
    none(call.inbox("bob"));
}

#[test]
fn the_applications_signal_has_no_sender_and_goes_as_it_is() {
    let mut call = three();
    let bob = call.connection("bob");
    let signal =
        ServerSignal { to: vec![Some(bob.clone()), Some(bob)], kind: Some("chat".into()), data: Some(String::new()) };
    assert_eq!(call.registry.signal(ROOM, signal, call.now), Ok(()));
    call.carry_out();
    assert_eq!(call.inbox("bob"), [r#"signal Some("chat") Some("") from server"#]);
    none(call.inbox("ann"));
    assert_eq!(call.registry.signal(ROOM, ServerSignal::default(), call.now), Ok(()));
    call.carry_out();
    assert_eq!(call.inbox("ann"), ["signal None None from server"]);
}

#[test]
fn the_applications_signal_is_refused_where_nobody_hears_it() {
    let mut call = Call::new();
    let send = |call: &mut Call, session: &str, to: Vec<Option<String>>| {
        call.registry.signal(session, ServerSignal { to, ..ServerSignal::default() }, call.now)
    };
    assert_eq!(send(&mut call, "nowhere", vec![]), Err(SignalRefusal::UnknownSession));
    assert_eq!(send(&mut call, ROOM, vec![None]), Err(SignalRefusal::NobodyThere));
    call.join("ann").hush();
    let ann = Some(call.connection("ann"));
    assert_eq!(send(&mut call, ROOM, vec![ann.clone(), None]), Err(SignalRefusal::UnknownAddressee));
    assert_eq!(send(&mut call, ROOM, vec![ann, Some("con_X".into())]), Err(SignalRefusal::UnknownAddressee));
    none(call.inbox("ann"));
}

const LIMITS: SignalLimits = SignalLimits {
    longest: 1000,
    signals: Flow { burst: 3, per_second: 1 },
    bytes: Flow { burst: 2000, per_second: 500 },
};
const TOO_MANY: &str = "error Too many signals: a connection may send 1 per second (3 at once) with 500 bytes per second \
                        (2000 at once). Code: 802";

fn limited() -> Call {
    let mut call = Call::with(Settings { signals: Some(LIMITS), ..settings() });
    call.join("ann").join("bob").hush();
    call
}

fn reported(call: &Call) -> usize {
    call.events.events.iter().filter(|event| matches!(event, Event::SignalSent(_))).count()
}

#[test]
fn who_signals_too_often_is_refused_and_stays_and_others_are_not_concerned() {
    let mut call = limited();
    let message = r#"{"data":"x","type":"signal:chat"}"#;
    for _ in 0..5 {
        call.signal("ann", message);
    }
    let inbox = call.inbox("ann");
    assert_eq!(inbox.iter().filter(|line| *line == "ok").count(), 3);
    assert_eq!(inbox.iter().filter(|line| *line == TOO_MANY).count(), 2);
    assert_eq!(call.inbox("bob").len(), 3);
    assert_eq!(reported(&call), 3, "what is refused is told to nobody");
    call.signal("bob", message);
    assert!(call.inbox("bob").contains(&"ok".to_owned()));
    call.hush().advance(Duration::from_secs(1)).signal("ann", message);
    assert!(call.inbox("ann").contains(&"ok".to_owned()));
}

#[test]
fn a_signal_that_is_too_long_is_refused_with_the_rule() {
    let mut call = limited();
    let connection = call.connection("bob");
    let fill = LIMITS.longest - connection.len() - "t".len();
    let message = |length: usize| format!(r#"{{"to":["{connection}"],"type":"t","data":"{}"}}"#, "x".repeat(length));
    call.signal("ann", &message(fill));
    assert_eq!(call.inbox("ann"), ["ok"]);
    call.hush().signal("ann", &message(fill + 1));
    assert_eq!(
        call.inbox("ann"),
        ["error Signal is too long: type, data and addressees have 1001 bytes, and may have 1000. Code: 600"]
    );
    none(call.inbox("bob"));
    // Nor do many long ones get through.
    call.signal("ann", &message(fill)).signal("ann", &message(fill));
    assert_eq!(call.inbox("ann"), ["ok", TOO_MANY]);
}

#[test]
fn changes_of_a_stream_are_heard_by_everybody_and_count_as_signals() {
    let mut call = limited();
    call.publish("ann").hush();
    for _ in 0..4 {
        let (property, new_value) = ("videoActive".to_owned(), "false".to_owned());
        call.request("ann", ClientRequest::StreamPropertyChanged { property, new_value, reason: String::new() });
    }
    assert_eq!(call.inbox("ann"), ["ok", "ok", "ok", TOO_MANY]);
}

#[test]
fn what_the_application_sends_is_not_limited() {
    let mut call = limited();
    for _ in 0..10 {
        let signal = ServerSignal { data: Some("x".repeat(5000)), ..ServerSignal::default() };
        assert_eq!(call.registry.signal(ROOM, signal, call.now), Ok(()));
        call.carry_out();
    }
    assert_eq!(call.inbox("bob").len(), 10);
}
