//! Signals of clients and of the application.

use session::command::ServerSignal;
use session::registry::SignalRefusal;

use crate::call::{Call, ROOM, none};
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
