//! What happens to people and is told to nobody but those who look later for why a call went as it did.

use std::time::Duration;

use protocol::model::Role;
use session::{Attempt, Noticed, Refusal, Whom};

use crate::call::{Call, ROOM};

/// What was noticed of somebody, by names of kinds.
fn noticed(call: &mut Call, name: &str) -> Vec<String> {
    let connection = call.connection(name);
    let of = |whom: &Whom| matches!(whom, Whom::Connection(own) if own.as_str() == connection);
    let kind = |what: &Noticed| {
        let words = format!("{what:?}");
        words.split([' ', '(']).next().unwrap_or_default().to_owned()
    };
    std::mem::take(&mut call.noticed).iter().filter(|it| of(&it.whom)).map(|it| kind(&it.what)).collect()
}

#[test]
fn the_way_of_somebody_is_told_from_the_token_on() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").subscribe("bob", "ann");
    call.cut("bob").reconnect("bob");
    let all = call.noticed.clone();
    assert_eq!(noticed(&mut call, "ann"), ["Invited", "Entered", "Published", "Negotiating"]);
    call.noticed = all;
    assert_eq!(noticed(&mut call, "bob"), ["Invited", "Entered", "Negotiating", "SocketLost", "SocketBack"]);
}

#[test]
fn what_is_refused_is_told_with_what_was_wanted() {
    let mut call = Call::new();
    call.join_as("ann", Role::Subscriber).publish("ann");
    let last = call.noticed.last().expect("something");
    let Noticed::Refused { attempt, refusal } = &last.what else { panic!("{last:?}") };
    assert_eq!((attempt, &**refusal), (&Attempt::Publish, &Refusal::MayNotPublish));
}

#[test]
fn hidden_participants_are_not_told_of() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    call.noticed.clear();
    call.join_by_secret("film", true, false).subscribe("film", "ann").cut("film").advance(Duration::from_secs(30));
    assert_eq!(call.noticed, []);
}

#[test]
fn a_pass_lets_one_viewer_in_once_and_soon() {
    let mut call = Call::new();
    call.join("ann");
    let pass = call.registry.make_view(ROOM, call.now).expect("the room is there");
    call.join_by_pass("viewer", pass.expose());
    assert!(call.has_joined("viewer") && !call.is_in("viewer"), "it is there, and nobody sees it");
    call.join_by_pass("second", pass.expose());
    assert!(!call.has_joined("second"));
    let late = call.registry.make_view(ROOM, call.now).expect("the room is there");
    call.advance(Duration::from_secs(61)).join_by_pass("late", late.expose());
    assert!(!call.has_joined("late"));
    assert!(call.registry.make_view("elsewhere", call.now).is_err());
}
