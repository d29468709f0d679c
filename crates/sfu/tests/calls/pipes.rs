//! A room in two workers: whoever receives in the other one gets what those get who are in the publisher's.

use std::collections::BTreeSet;

use protocol::id::{PublicationId, TransportId};
use protocol::media::{Legs, MediaEvent, MediaFailure, MediaOperation, Reception, TransportObservation, VideoCodec};

use crate::call::{BRANCH, Call, RIDS, ROUTER, SUBSCRIBER, browser, ms};
use crate::camera::stamp;
use crate::simulcast::{assert_continuous, layers};

/// Ann with sound and a picture, Bob beside her, and the room open in another worker.
fn two_workers() -> (Call, usize, usize) {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.branch_off();
    (call, ann, bob)
}

/// Frames and packets of the picture that somebody got.
fn pictures(call: &Call, client: usize) -> BTreeSet<(u32, u8)> {
    call.video_of(client).iter().map(|packet| stamp(&packet.payload)).map(|stamp| (stamp.frame, stamp.packet)).collect()
}

fn unsubscribe(call: &mut Call, client: usize) {
    let transport = call.clients[client].transport;
    call.command_at(BRANCH, MediaOperation::CloseTransport { transport });
    call.clients[client].closed = true;
}

#[test]
fn packets_cross_once_and_everybody_there_gets_all_of_them() {
    let (mut call, ann, bob) = two_workers();
    call.run(ms(1000));
    assert_eq!(call.piped, 0, "nobody is there");
    let others: Vec<_> = (0..5).map(|_| call.subscribe(browser(), ann)).collect();
    call.connect();
    call.run(ms(3000));
    let first = others.iter().flat_map(|other| pictures(&call, *other).first().copied()).max().unwrap();
    let since = |call: &Call, client| pictures(call, client).range(first..).copied().collect::<Vec<_>>();
    let expected = since(&call, bob);
    assert!(expected.len() > 200, "{}", expected.len());
    for other in &others {
        assert_continuous(&call.video_of(*other));
        assert_eq!(since(&call, *other), expected);
        assert!(call.audio_of(*other).len() > 140);
    }
    let (before, filmed) = (call.piped, 3 * call.camera(ann, 1).frame);
    call.run(ms(1000));
    let (crossed, filmed) = (call.piped - before, 3 * call.camera(ann, 1).frame - filmed);
    assert!(crossed as u64 <= filmed + 60, "{crossed} messages for {filmed} packets: once, not once for each");
}

#[test]
fn what_is_lost_on_the_way_to_a_subscriber_is_repeated_where_it_is() {
    let (mut call, ann, bob) = two_workers();
    let cat = call.subscribe(browser(), ann);
    call.connect();
    call.run(ms(1000));
    call.loss = 0.1;
    call.run(ms(4000));
    call.loss = 0.0;
    call.run(ms(1000));
    for client in [bob, cat] {
        let got = pictures(&call, client).len() as f64;
        let sent = (3 * call.camera(ann, 1).frame) as f64;
        assert!(got > 0.85 * sent, "{got} of {sent}");
    }
}

#[test]
fn key_frames_that_both_workers_want_are_asked_for_once() {
    let (mut call, ann, bob) = two_workers();
    let cat = call.subscribe(browser(), ann);
    call.connect();
    call.run(ms(2000));
    let before = call.clients[ann].key_frame_requests.len();
    let now = call.now;
    for client in [bob, cat] {
        call.clients[client].request_key_frame(now);
    }
    call.run(ms(300));
    assert_eq!(call.clients[ann].key_frame_requests.len(), before + 1);
}

#[test]
fn layers_and_pauses_are_each_subscribers_own() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &RIDS);
    call.connect();
    for rid in RIDS {
        call.start_video(ann, VideoCodec::Vp8, Some(rid));
    }
    call.branch_off();
    let best = call.subscribe(browser(), ann);
    let limit = protocol::media::LayerLimit { spatial: Some(0), temporal: None };
    let least = call.subscribe_wanting(SUBSCRIBER, Reception { limit, ..Reception::default() }, ann);
    call.connect();
    call.run(ms(3000));
    assert_eq!(layers(&call.video_of(best)).last(), Some(&b'1'));
    assert_eq!(layers(&call.video_of(least)), b"4");
    let legs = Legs::Transport(call.clients[best].transport);
    let reception = Reception { video_paused: true, ..Reception::default() };
    call.command_at(BRANCH, MediaOperation::ChangeReception { legs, reception });
    call.run(ms(100));
    let before = (call.video_of(best).len(), call.video_of(least).len());
    call.run(ms(1000));
    assert_eq!(call.video_of(best).len(), before.0);
    assert!(call.video_of(least).len() > before.1 + 60);
}

#[test]
fn a_publisher_who_comes_back_is_seen_in_the_other_worker_too() {
    let (mut call, ann, _) = two_workers();
    let cat = call.subscribe(browser(), ann);
    call.connect();
    call.run(ms(1000));
    let publication = call.clients[ann].publication;
    call.clients[ann].closed = true;
    let again = call.publish_as(publication, browser(), (true, true), &[], false);
    call.start_video(again, VideoCodec::Vp8, None);
    call.connect();
    call.run(ms(2000));
    assert!(call.camera(again, 0).frame > 50);
    let video = call.video_of(cat);
    assert_continuous(&video);
    let late = video.iter().filter(|packet| packet.at > call.now - ms(500)).count();
    assert!(late > 30, "{late}");
}

#[test]
fn whatever_message_is_lost_the_picture_comes() {
    for lost in 1..6 {
        let (mut call, ann, _) = two_workers();
        // The question what it is, then its answer, and so on.
        call.lost_between_workers = if lost == 1 { 1 } else { 0 };
        let publication = call.clients[ann].publication;
        let cat = call.add_client(browser(), publication);
        let transport = call.clients[cat].transport;
        let request = call.request_id();
        let (source, reception) = (ROUTER.worker, Reception::default());
        let offer = None;
        call.command_at(
            BRANCH,
            MediaOperation::Subscribe {
                request,
                publication,
                source,
                subscriber: SUBSCRIBER,
                transport,
                reception,
                offer,
            },
        );
        call.run(ms(1000));
        call.accept_offer(cat, request);
        call.lost_between_workers = lost;
        call.connect();
        call.run(ms(3000));
        assert!(call.video_of(cat).len() > 100, "{lost} messages lost: {}", call.video_of(cat).len());
        // The news of a new transport.
        call.clients[ann].closed = true;
        let again = call.publish_as(publication, browser(), (true, true), &[], false);
        call.start_video(again, VideoCodec::Vp8, None);
        call.lost_between_workers = lost;
        call.connect();
        let before = call.video_of(cat).len();
        call.run(ms(3000));
        assert!(call.video_of(cat).len() > before + 100, "{lost} messages lost");
    }
}

#[test]
fn a_pipe_is_closed_with_its_last_subscriber_and_opened_again() {
    let (mut call, ann, _) = two_workers();
    let (cat, dan) = (call.subscribe(browser(), ann), call.subscribe(browser(), ann));
    call.connect();
    call.run(ms(1000));
    unsubscribe(&mut call, cat);
    let before = call.video_of(dan).len();
    call.run(ms(500));
    assert!(call.video_of(dan).len() > before + 30);
    // That it is not wanted any more gets lost, and is said again.
    call.lost_between_workers = 1;
    unsubscribe(&mut call, dan);
    call.run(ms(200));
    let before = call.piped;
    call.run(ms(1000));
    assert_eq!(call.piped, before);
    let eva = call.subscribe(browser(), ann);
    call.connect();
    call.run(ms(1500));
    assert!(call.video_of(eva).len() > 60);
}

#[test]
fn the_end_of_a_publication_is_its_end_everywhere() {
    let (mut call, ann, _) = two_workers();
    let cat = call.subscribe(browser(), ann);
    call.connect();
    let publication = call.clients[ann].publication;
    call.command(MediaOperation::ClosePublication { publication });
    call.run(ms(500));
    let before = (call.video_of(cat).len(), call.piped);
    call.run(ms(500));
    assert_eq!((call.video_of(cat).len(), call.piped), before);
    for room in [ROUTER, BRANCH] {
        call.command_at(room, MediaOperation::CloseRouter);
    }
    assert!(call.sfu.is_empty() && call.branch.as_ref().unwrap().is_empty());
}

#[test]
fn what_is_not_there_is_refused() {
    let (mut call, ann, _) = two_workers();
    let mut ask = |room, publication, source| {
        let request = call.request_id();
        let transport = TransportId(90_000 + request.0);
        let (subscriber, reception, offer) = (SUBSCRIBER, Reception::default(), None);
        let subscribe =
            MediaOperation::Subscribe { request, publication, source, subscriber, transport, reception, offer };
        call.command_at(room, subscribe);
        call.failure(request)
    };
    assert_eq!(ask(BRANCH, PublicationId(77), ROUTER.worker), MediaFailure::UnknownPublication);
    assert_eq!(ask(BRANCH, PublicationId(77), BRANCH.worker), MediaFailure::UnknownPublication);
    let elsewhere = protocol::id::RouterId { number: 2, ..BRANCH };
    assert_eq!(ask(elsewhere, PublicationId(77), ROUTER.worker), MediaFailure::UnknownRouter);
    call.command_at(elsewhere, MediaOperation::CreateRouter);
    // Rooms do not see into each other through pipes either.
    let (request, publication) = (call.request_id(), call.clients[ann].publication);
    let (source, subscriber, transport) = (ROUTER.worker, SUBSCRIBER, TransportId(1));
    let (reception, offer) = (Reception::default(), None);
    let subscribe = MediaOperation::Subscribe { request, publication, source, subscriber, transport, reception, offer };
    call.command_at(elsewhere, subscribe);
    assert_eq!(call.failure(request), MediaFailure::UnknownPublication);
    for room in [BRANCH, elsewhere] {
        call.command_at(room, MediaOperation::CloseRouter);
    }
    assert!(call.branch.as_ref().unwrap().is_empty());
}

#[test]
fn whoever_waits_for_a_worker_that_says_nothing_can_give_up() {
    let (mut call, ann, _) = two_workers();
    call.lost_between_workers = usize::MAX;
    let (request, publication, transport) = (call.request_id(), call.clients[ann].publication, TransportId(1));
    let (source, subscriber, reception) = (ROUTER.worker, SUBSCRIBER, Reception::default());
    let subscribe =
        MediaOperation::Subscribe { request, publication, source, subscriber, transport, reception, offer: None };
    call.command_at(BRANCH, subscribe);
    call.run(ms(2000));
    call.command_at(BRANCH, MediaOperation::CloseTransport { transport });
    assert_eq!(call.failure(request), MediaFailure::UnknownTransport);
    call.command_at(BRANCH, MediaOperation::CloseRouter);
    assert!(call.branch.as_ref().unwrap().is_empty());
}

#[test]
fn a_lost_worker_takes_with_it_what_came_from_there() {
    let (mut call, ann, bob) = two_workers();
    let cat = call.subscribe(browser(), ann);
    call.connect();
    call.run(ms(1000));
    let now = call.now;
    call.branch.as_mut().unwrap().handle_lost(ROUTER.worker, now);
    call.take_outputs();
    assert!(call.has_seen(call.clients[cat].transport, &TransportObservation::Disconnected));
    call.command_at(BRANCH, MediaOperation::CloseRouter);
    assert!(call.branch.as_ref().unwrap().is_empty());
    call.sfu.handle_lost(BRANCH.worker, now);
    call.run(ms(200));
    let before = (call.piped, call.video_of(bob).len());
    call.run(ms(500));
    assert_eq!(call.piped, before.0);
    assert!(call.video_of(bob).len() > before.1);
    assert!(!call.events.iter().any(|event| matches!(event, MediaEvent::Failed { .. })));
}
