//! What is seen of media and told to observers, and which sessions end with a media worker.

use protocol::event::Event;
use protocol::id::{RouterId, SubscriberId, WorkerId};
use protocol::media::{
    Layer, MediaEvent, MediaKind, MediaOperation, MediaPath, PathProtocol, TransportObservation, TransportStatistics,
};
use protocol::rpc::ClientRequest;
use session::refusal::MediaDirection;
use session::snapshot::Include;
use session::{MediaObservation, Settings};

use crate::call::{Call, ROOM, settings};
use crate::subscribe::reconnect;
use crate::worker::observed;

fn path() -> TransportObservation {
    TransportObservation::Path(MediaPath {
        protocol: PathProtocol::Udp,
        local: ([192, 0, 2, 1], 40_000).into(),
        remote: ([198, 51, 100, 7], 5_000).into(),
        relayed: false,
    })
}

/// Reports everything that a worker sees of the latest transport, in the order in which it happens.
fn watch(call: &mut Call, what: &[TransportObservation]) -> Vec<MediaObservation> {
    let transport = call.worker.latest_transport();
    for what in what {
        call.registry.handle_media(observed(transport, what.clone()), call.now);
        call.carry_out();
    }
    std::mem::take(&mut call.observed)
}

#[test]
fn observers_follow_a_call_in_order_and_by_the_names_that_applications_know() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann");
    let (ann, bob, stream) = (call.connection("ann"), call.connection("bob"), call.stream("ann"));
    let layer = Layer { spatial: 2 };
    let sent = [
        path(),
        TransportObservation::Connected,
        TransportObservation::FirstPacket { kind: MediaKind::Audio },
        TransportObservation::FirstPacket { kind: MediaKind::Video },
        TransportObservation::FirstKeyFrame,
        TransportObservation::KeyFrameRequested { layer },
        TransportObservation::Statistics(TransportStatistics { period_ms: 5000, ..Default::default() }),
        TransportObservation::Silent,
        TransportObservation::Disconnected,
    ];
    let told = watch(&mut call, &sent);
    assert_eq!(told.iter().map(|told| told.what.clone()).collect::<Vec<_>>(), sent);
    for told in &told {
        assert_eq!((told.leg.session.as_str(), told.leg.connection.as_str()), (ROOM, ann.as_str()));
        assert_eq!((told.leg.stream.as_str(), told.leg.direction), (stream.as_str(), MediaDirection::Publishing));
    }
    call.subscribe("bob", "ann");
    let received = [TransportObservation::Connected, TransportObservation::LayerChanged { layer }];
    let told = watch(&mut call, &received);
    assert_eq!(told.iter().map(|told| told.what.clone()).collect::<Vec<_>>(), received);
    assert_eq!((told[0].leg.connection.as_str(), told[0].leg.stream.as_str()), (bob.as_str(), stream.as_str()));
    assert_eq!(told[0].leg.direction, MediaDirection::Subscribing);
}

#[test]
fn of_what_is_closed_nothing_is_told_and_nothing_is_kept() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann");
    let former = call.worker.latest_transport();
    let stream = call.stream("ann");
    call.request("ann", reconnect(&stream, Some("new offer"), None));
    call.registry.handle_media(observed(former, TransportObservation::Connected), call.now);
    call.carry_out();
    assert_eq!(call.observed, [], "another transport has taken its place");
    assert_eq!(watch(&mut call, &[TransportObservation::Connected]).len(), 1);
    call.subscribe("bob", "ann");
    assert_eq!(call.registry.figures().media_legs, 2);
    call.request("ann", ClientRequest::UnpublishVideo);
    assert_eq!(call.registry.figures().media_legs, 0);
    assert_eq!(watch(&mut call, &[TransportObservation::Disconnected]), []);
    call.publish("ann").subscribe("bob", "ann");
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.carry_out();
    assert_eq!(call.registry.figures().media_legs, 0);
}

#[test]
fn a_transport_of_another_room_is_nobodys() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    let (router, transport) = call.worker.latest_transport();
    let elsewhere = RouterId { number: router.number + 1000, ..router };
    call.registry.handle_media(observed((elsewhere, transport), TransportObservation::Connected), call.now);
    call.carry_out();
    assert_eq!(call.observed, []);
}

#[test]
fn all_that_one_client_receives_names_the_same_subscriber() {
    let mut call = Call::new();
    for name in ["ann", "bob", "cat"] {
        call.join(name).publish(name);
    }
    call.subscribe("cat", "ann").subscribe("cat", "bob").subscribe("ann", "bob");
    let mut legs: Vec<SubscriberId> = call.worker.subscribers.values().copied().collect();
    legs.sort_unstable();
    assert_eq!(legs.len(), 3);
    legs.dedup();
    assert_eq!(legs.len(), 2);
}

#[test]
fn rooms_are_opened_where_there_is_least_to_do() {
    let workers = vec![WorkerId(0), WorkerId(1)];
    let mut call = Call::with(Settings { media_workers: workers, ..settings() });
    for room in ["second", "third", "fourth"] {
        call.create_session(room);
    }
    // Three participants, with two streams that all the others receive, outweigh two pairs that say nothing.
    for name in ["ann", "bob", "cat"] {
        call.join(name);
    }
    call.publish("ann").publish("bob");
    for (subscriber, publisher) in [("bob", "ann"), ("cat", "ann"), ("ann", "bob"), ("cat", "bob")] {
        call.subscribe(subscriber, publisher);
    }
    for (name, room) in [("dan", "second"), ("dora", "second"), ("eve", "third"), ("ed", "third")] {
        call.join_room(name, room);
    }
    let in_worker = |call: &Call, worker| call.worker.routers.iter().filter(|r| r.worker == WorkerId(worker)).count();
    assert_eq!((in_worker(&call, 0), in_worker(&call, 1)), (1, 2));
    // Once they have gone, there is least to do where they were.
    for name in ["ann", "bob", "cat"] {
        call.leave(name);
    }
    call.join_room("fay", "fourth");
    assert_eq!((in_worker(&call, 0), in_worker(&call, 1)), (1, 2));
}

#[test]
fn a_lost_worker_takes_only_its_own_sessions_and_new_ones_go_to_those_that_are_left() {
    let workers = vec![WorkerId(0), WorkerId(1)];
    let mut call = Call::with(Settings { media_workers: workers, ..settings() });
    // One room each in turn: ROOM and `third` are in the first worker.
    for room in ["second", "third", "fourth", "unused"] {
        call.create_session(room);
    }
    call.join("ann");
    for (name, room) in [("bob", "second"), ("cat", "third"), ("dan", "fourth")] {
        call.join_room(name, room);
    }
    let in_worker = |call: &Call, worker| call.worker.routers.iter().filter(|r| r.worker == WorkerId(worker)).count();
    assert_eq!((in_worker(&call, 0), in_worker(&call, 1)), (2, 2));
    call.events.events.clear();
    call.registry.handle_media(MediaEvent::WorkerLost { worker: WorkerId(0) }, call.now);
    call.carry_out();
    let ended = call.events.events.iter().filter(|event| matches!(event, Event::SessionDestroyed(_))).count();
    assert_eq!(ended, 2);
    for (room, there) in [(ROOM, false), ("second", true), ("third", false), ("fourth", true), ("unused", true)] {
        assert_eq!(call.registry.session(room, Include::default()).is_some(), there, "{room}");
    }
    assert_eq!((in_worker(&call, 0), in_worker(&call, 1)), (0, 2));
    call.join_room("eve", "unused");
    assert_eq!(in_worker(&call, 1), 3, "a room that was not open yet has gone elsewhere");
    call.create_session("new");
    call.join_room("fay", "new");
    assert_eq!(in_worker(&call, 1), 4);
}

#[test]
fn a_large_session_is_in_several_workers_and_ends_with_each_of_them() {
    let workers = [0, 1, 2].map(WorkerId).to_vec();
    let mut call = Call::with(Settings { media_workers: workers, session_span: 6, ..settings() });
    let rooms = |call: &Call| {
        let mut rooms: Vec<_> = call.worker.routers.iter().map(|router| router.worker.0).collect();
        rooms.sort_unstable();
        rooms
    };
    // Three people who may receive one stream fill a worker.
    call.join("p0").publish("p0");
    for name in ["p1", "p2", "p3", "p4"] {
        call.join(name).subscribe(name, "p0");
    }
    assert_eq!(rooms(&call), [0, 1]);
    let subscribed = call.worker.commands.iter().filter_map(|command| match &command.op {
        MediaOperation::Subscribe { source, .. } => Some((command.router.worker.0, source.0)),
        _ => None,
    });
    assert_eq!(subscribed.collect::<Vec<_>>(), [(0, 0), (0, 0), (1, 0), (1, 0)]);
    for name in ["p5", "p6", "p7", "p8", "p9"] {
        call.join(name);
    }
    assert_eq!(rooms(&call), [0, 1, 2]);
    // Whoever publishes there is received here.
    call.publish("p4").subscribe("p1", "p4").subscribe("p9", "p4");
    assert_eq!(call.worker.transports.len(), 8);
    call.request("p4", ClientRequest::UnpublishVideo);
    assert_eq!(call.worker.transports.len(), 5);
    call.leave("p0");
    assert!(call.worker.transports.is_empty() && call.worker.publications.is_empty());
    call.registry.handle_media(MediaEvent::WorkerLost { worker: WorkerId(2) }, call.now);
    call.carry_out();
    assert!(!call.session_exists() && call.worker.is_empty());
}

#[test]
fn the_end_of_a_session_closes_all_its_rooms() {
    let workers = [0, 1].map(WorkerId).to_vec();
    let mut call = Call::with(Settings { media_workers: workers, session_span: 1, ..settings() });
    for name in ["ann", "bob"] {
        call.join(name).publish(name);
    }
    call.subscribe("ann", "bob").subscribe("bob", "ann");
    assert_eq!(call.worker.routers.len(), 2);
    for name in ["ann", "bob"] {
        call.leave(name);
    }
    assert!(call.worker.is_empty());
}
