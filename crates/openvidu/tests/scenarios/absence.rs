//! Who lost the network for longer than its place is kept, and comes back without joining anew.

use std::time::Duration;

use protocol::media::{TransportObservation, TransportStatistics};
use protocol::rpc::ClientRequest;
use session::Settings;

use crate::call::{Call, GRACE, LINGER, RETURN, ROOM, none, settings};
use crate::message::prepare;
use crate::quality::loses;
use crate::subscribe::reconnect;
use crate::worker::observed;

const OK: &str = "value reconnection successful";
const REFUSED: [&str; 1] = ["error reconnection error"];

/// Ann and bob publish and receive each other; ann has been put out.
fn without_ann() -> Call {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").publish("bob").subscribe("bob", "ann").subscribe("ann", "bob");
    call.hush().cut("ann").advance(GRACE);
    assert_eq!(
        call.inbox("bob"),
        ["participantLeft ann networkDisconnect", "participantEvicted ann networkDisconnect"]
    );
    assert_eq!((call.worker.publications.len(), call.worker.transports.len()), (1, 1));
    call
}

#[test]
fn who_comes_back_late_is_there_again_with_the_same_connection_and_stream() {
    let mut call = without_ann();
    let stream = call.stream("ann");
    call.advance(RETURN - Duration::from_millis(1)).reconnect("ann");
    assert_eq!(call.inbox("ann"), [OK]);
    let inbox = call.inbox("bob");
    assert!(inbox[0].starts_with("participantJoined ann") && inbox.len() == 1, "{inbox:?}");
    // What its client does by itself now.
    call.request("ann", reconnect(&stream, Some("new offer"), None));
    assert_eq!(call.inbox("ann"), ["published answer-to-publisher"]);
    assert_eq!(call.inbox("bob"), ["participantPublished ann"]);
    assert_eq!(call.stream("ann"), stream);
    let sender = call.stream("bob");
    call.request("ann", prepare(&sender));
    call.request("ann", reconnect(&sender, Some("answer"), None));
    assert_eq!(call.inbox("ann"), ["offer offer-to-subscriber", "ok"]);
    call.subscribe("bob", "ann").hush();
    call.signal("bob", "{}");
    assert_eq!(call.inbox("ann"), ["signal None None from bob"]);
    call.request("ann", ClientRequest::UnpublishVideo);
    assert_eq!(call.inbox("bob"), ["signal None None from bob", "ok", "participantUnpublished ann unpublish"]);
}

#[test]
fn what_happened_meanwhile_is_told_but_not_that_it_was_put_out() {
    let mut call = Call::new();
    call.join("ann").join("bob").join("cid").publish("bob").hush().cut("ann");
    call.signal("bob", r#"{"data":"1"}"#);
    call.advance(GRACE).leave("cid").join("dan").publish("dan");
    call.request("bob", ClientRequest::UnpublishVideo);
    call.publish("bob").reconnect("ann");
    let mut expected = vec![OK, r#"signal None Some("1") from bob"#];
    expected.extend(["participantUnpublished bob unpublish", "participantPublished bob"]);
    expected.extend(["participantLeft cid disconnect", "participantJoined dan", "participantPublished dan"]);
    let inbox = call.inbox("ann");
    assert_eq!(inbox.len(), expected.len(), "{inbox:?}");
    assert!(inbox.iter().zip(expected).all(|(line, expected)| line.starts_with(expected)), "{inbox:?}");
}

#[test]
fn who_stays_away_for_good_is_forgotten() {
    let mut call = without_ann();
    assert_eq!(call.registry.figures().clients, 2);
    call.advance(RETURN);
    assert_eq!(call.registry.figures().clients, 1);
    call.reconnect("ann");
    assert_eq!(call.inbox("ann"), REFUSED);
    none(call.inbox("bob"));
}

#[test]
fn nobody_comes_back_into_another_session_of_the_same_name() {
    let mut call = without_ann();
    call.leave("bob");
    call.create_session(ROOM);
    call.reconnect("ann");
    assert_eq!(call.inbox("ann"), REFUSED);
    call.advance(LINGER);
    assert_eq!(call.registry.figures().clients, 0);
}

#[test]
fn with_no_time_to_return_nobody_does() {
    let mut call = Call::with(Settings { return_window: Duration::ZERO, ..settings() });
    call.join("ann").join("bob").cut("ann").advance(GRACE).reconnect("ann");
    assert_eq!(call.last("ann"), REFUSED[0]);
}

#[test]
fn who_has_lost_only_its_socket_stays_as_long_as_its_media_comes() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann");
    let transport = call.worker.latest_transport();
    let see = |call: &mut Call, what| {
        call.registry.handle_media(observed(transport, what), call.now);
        call.carry_out();
    };
    see(&mut call, TransportObservation::Connected);
    call.hush().cut("ann");
    for _ in 0..4 {
        see(&mut call, loses(0));
        call.advance(GRACE / 2);
    }
    let inbox = call.inbox("bob");
    assert!(inbox.iter().all(|line| line.starts_with("networkQuality")), "{inbox:?}");
    see(&mut call, TransportObservation::Statistics(TransportStatistics::default()));
    call.advance(GRACE / 2);
    assert_eq!(call.last("bob"), "participantEvicted ann networkDisconnect");
}

#[test]
fn media_alone_keeps_nobody_for_ever() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann");
    let transport = call.worker.latest_transport();
    call.registry.handle_media(observed(transport, TransportObservation::Connected), call.now);
    call.cut("ann");
    for _ in 0..RETURN.as_secs() / 5 + 1 {
        call.registry.handle_media(observed(transport, loses(0)), call.now);
        call.advance(Duration::from_secs(5));
    }
    assert_eq!(call.last("bob"), "participantEvicted ann networkDisconnect");
}

#[test]
fn who_lost_a_stream_with_its_publisher_is_offered_it_again() {
    let mut call = Call::new();
    call.join("ann").join("bob").join("cid").publish("ann").subscribe("bob", "ann");
    let bobs = call.worker.latest_transport();
    call.subscribe("cid", "ann").hush();
    // As when a media worker starts anew; cid's client has been quicker.
    call.registry.handle_media(observed(bobs, TransportObservation::Connected), call.now);
    call.registry.handle_media(observed(bobs, TransportObservation::Disconnected), call.now);
    call.carry_out();
    let stream = call.stream("ann");
    call.request("ann", reconnect(&stream, Some("new offer"), None));
    assert_eq!(call.inbox("ann"), ["published answer-to-publisher"]);
    assert_eq!(call.inbox("bob"), ["forciblyReconnectSubscriber ann ann's offer-to-subscriber"]);
    none(call.inbox("cid"));
    call.request("bob", reconnect(&stream, Some("answer"), None));
    assert_eq!(call.inbox("bob"), ["ok"]);
    // Once.
    call.request("ann", reconnect(&stream, Some("newer offer"), None));
    none(call.inbox("bob"));
}
