//! A rule that panics: who is told, and who is not.

use protocol::event::{Event, Reason};
use protocol::media::MediaFailure;
use session::Defect;
use session::snapshot::Include;

use crate::call::{Call, GRACE, MEDIA_TIMEOUT, ROOM, session_properties};

/// A rule looks at a session and panics.
fn panic_about(call: &mut Call, session: &str) -> Defect {
    let defect = call.registry.guarded(call.now, |registry, _| {
        assert!(registry.session(session, Include::default()).is_none(), "a defect, on purpose");
    });
    call.carry_out();
    defect.expect_err("it panicked")
}

fn ends(call: &Call) -> Vec<(String, Option<Reason>)> {
    let end = |event: &Event| match event {
        Event::WebrtcConnectionDestroyed(closed) => Some((closed.subject.owner.to_string(), closed.closing.reason)),
        Event::ParticipantLeft(closed) => Some((closed.subject.connection.to_string(), closed.closing.reason)),
        Event::SessionDestroyed(closing) => Some((closing.stamp.session.to_string(), closing.reason)),
        _ => None,
    };
    call.events.events.iter().filter_map(end).collect()
}

#[test]
fn the_session_that_it_was_about_ends_and_everybody_is_told() {
    let mut call = Call::new();
    call.create_session("other");
    call.join("ann").publish("ann").join("bob").subscribe("bob", "ann").join_room("cat", "other");
    let (ann, bob) = (call.connection("ann"), call.connection("bob"));
    for name in ["ann", "bob", "cat"] {
        call.inbox(name);
    }
    let defect = panic_about(&mut call, ROOM);
    assert_eq!(defect.session.as_ref().map(|session| session.as_str()), Some(ROOM));
    let expected = [&bob, &ann, &ann, &bob, &ROOM.to_owned()].map(|who| (who.clone(), Some(Reason::NodeCrashed)));
    assert_eq!(ends(&call), expected);
    for name in ["ann", "bob"] {
        assert!(call.last(name).contains("nodeCrashed"), "{}", call.last(name));
    }
    assert!(!call.session_exists());
    assert_eq!(call.worker.routers.len(), 1, "its room is closed");
    assert_eq!(call.inbox("cat"), Vec::<String>::new(), "the others hear nothing of it");
    // Both can go on, those who were put out with a new session of the same name.
    call.create_session(ROOM);
    call.join("dan").publish("dan").join_room("eve", "other");
    call.assert_no_ghosts();
}

#[test]
fn a_panic_about_no_session_ends_none() {
    let mut call = Call::new();
    call.join("ann");
    let defect = call.registry.guarded(call.now, |_, _| panic!("a defect, on purpose"));
    assert_eq!(defect, Err::<(), _>(Defect { session: None }));
    call.carry_out();
    assert!(call.session_exists() && call.is_in("ann"));
}

#[test]
fn requests_and_clients_that_waited_are_done_with() {
    let mut call = Call::new();
    call.create_session("other");
    call.join("ann").publish("ann").join("bob").join_room("cat", "other").media_waits();
    call.publish("bob").publish("cat");
    call.cut("ann");
    panic_about(&mut call, ROOM);
    // What media says of them is too late, and changes nothing.
    call.media_fails(MediaFailure::Internal).media_answers();
    assert!(call.has_published("cat"), "{}", call.last("cat"));
    call.advance(GRACE + MEDIA_TIMEOUT);
    let figures = call.registry.figures();
    assert_eq!((figures.sessions, figures.media_requests, figures.publications), (1, 0, 1));
    call.assert_no_ghosts();
}

#[test]
fn what_was_done_before_the_panic_is_carried_out() {
    let mut call = Call::new();
    call.create_session("other");
    call.join("ann").join_room("bob", "other");
    let defect = call.registry.guarded(call.now, |registry, now| {
        registry.shut_down(now);
        registry.create_session(session_properties(), now).expect("a free id");
        panic!("a defect, on purpose");
    });
    assert!(defect.expect_err("it panicked").session.is_some(), "the one that was made last");
    call.carry_out();
    assert_eq!(call.registry.figures().sessions, 0);
    let ended = ends(&call).into_iter().filter(|(_, reason)| *reason == Some(Reason::OpenviduServerStopped));
    assert_eq!(ended.count(), 4, "two of each");
}
