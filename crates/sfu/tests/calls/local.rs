//! Publications whose packets are made on this machine: by a camera that nobody's client is, or by a filter between a publisher and its
//! subscribers.

use std::time::Duration;

use protocol::id::{PublicationId, TapId};
use protocol::media::{LocalFormats, MediaKind, MediaOperation, OutputVideo, Reception, VideoCodec};
use sfu::LocalPacket;
use str0m::rtp::VideoOrientation;

use crate::call::{BRANCH, Call, RIDS, ROUTER, SUBSCRIBER, browser, ms};
use crate::simulcast::assert_continuous;

const TAP: TapId = TapId(7);
const BEHIND: PublicationId = PublicationId(99);
/// More than the network takes for what has left.
const IN_FLIGHT: Duration = Duration::from_millis(100);
const CAMERA: PublicationId = PublicationId(50);

fn formats() -> Option<LocalFormats> {
    let video = OutputVideo { codec: VideoCodec::Vp8, parameters: String::new() };
    Some(LocalFormats { audio: true, video: Some(video) })
}

/// Puts a filter that turns pictures between a publisher and its subscribers.
fn interpose(call: &mut Call, publication: PublicationId) {
    call.command(MediaOperation::SetTap { tap: TAP, publication, audio: true, video: true });
    call.run(ms(300));
    call.filter = Some((TAP, publication));
    call.command(MediaOperation::Interpose { publication, behind: BEHIND, taps: vec![TAP] });
    call.command(MediaOperation::PublishLocal { publication, formats: formats() });
}

/// Packets of pictures and of sound that somebody got in that time.
fn received(call: &mut Call, client: usize, duration: Duration) -> (usize, usize) {
    let before = (call.video_of(client).len(), call.audio_of(client).len());
    call.run(duration);
    (call.video_of(client).len() - before.0, call.audio_of(client).len() - before.1)
}

/// A publisher that is sent back what it publishes has a new transport; both it and somebody else go on.
fn reconnects(call: &mut Call, publisher: usize, other: usize) -> usize {
    let publication = call.clients[publisher].publication;
    let again = call.publish_as(publication, browser(), (true, true), &[], true);
    call.clients[publisher].closed = true;
    call.connect();
    call.start_audio(again);
    call.start_video(again, VideoCodec::Vp8, None);
    call.run(ms(500));
    for client in [other, again] {
        let (video, audio) = received(call, client, ms(1000));
        assert!(video > 70 && audio > 40, "{video} {audio}");
    }
    again
}

/// Whether the last that somebody got has been through the filter.
fn is_turned(call: &Call, client: usize) -> bool {
    let orientations = call.video_of(client).into_iter().rev().filter_map(|packet| packet.extensions.video_orientation);
    orientations.map(|orientation| orientation == VideoOrientation::Deg180).next() == Some(true)
}

#[test]
fn a_filter_comes_and_goes_and_subscribers_see_one_stream() {
    for rids in [&[][..], &RIDS[..]] {
        let mut call = Call::new();
        let ann = call.publish(browser(), rids);
        let bob = call.subscribe(browser(), ann);
        call.connect();
        call.start_audio(ann);
        match rids {
            [] => {
                call.start_video(ann, VideoCodec::Vp8, None);
            }
            rids => rids.iter().for_each(|rid| {
                call.start_video(ann, VideoCodec::Vp8, Some(rid));
            }),
        }
        call.run(ms(2000));
        let publication = call.clients[ann].publication;
        interpose(&mut call, publication);
        call.run(ms(500));
        let (video, audio) = received(&mut call, bob, ms(2000));
        assert!(video > 150 && audio > 95, "{video} {audio}");
        assert!(is_turned(&call, bob), "it is the filter that they come through");
        let carol = call.subscribe(browser(), ann);
        call.connect();
        call.run(ms(2000));
        assert!(call.video_of(carol).len() > 100, "who comes later gets it, too");
        call.command(MediaOperation::Withdraw { publication });
        call.run(ms(500));
        let tapped = call.tapped.len();
        let (video, audio) = received(&mut call, bob, ms(2000));
        assert!(video > 150 && audio > 95, "{video} {audio}");
        assert!(!is_turned(&call, bob));
        assert_eq!(call.tapped.len(), tapped, "the tap has ended");
        assert_continuous(&call.video_of(bob));
        assert!(call.audio_of(bob).iter().all(|packet| packet.extensions.audio_level == Some(-30)));
        call.command(MediaOperation::CloseRouter);
        call.run(ms(100));
        assert!(call.sfu.is_empty());
    }
}

#[test]
fn a_publisher_that_reconnects_goes_on_behind_its_filter_and_is_sent_back_what_that_makes() {
    let mut call = Call::new();
    let publication = PublicationId(1);
    let ann = call.publish_as(publication, browser(), (true, true), &[], true);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    interpose(&mut call, publication);
    let (video, _) = received(&mut call, ann, ms(2000));
    assert!(video > 100, "{video}");
    let again = reconnects(&mut call, ann, bob);
    call.filter = None;
    call.run(IN_FLIGHT);
    assert_eq!(received(&mut call, bob, ms(500)), (0, 0));
    assert_eq!(received(&mut call, again, ms(500)), (0, 0));
    let transport = call.clients[again].transport;
    call.command(MediaOperation::CloseTransport { transport });
    call.command(MediaOperation::ClosePublication { publication });
    call.command(MediaOperation::CloseRouter);
    assert!(call.sfu.is_empty());
}

#[test]
fn a_publisher_that_is_sent_back_reconnects_and_everybody_goes_on() {
    let mut call = Call::new();
    let publication = PublicationId(1);
    let ann = call.publish_as(publication, browser(), (true, true), &[], true);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(1000));
    reconnects(&mut call, ann, bob);
}

#[test]
fn a_filter_works_for_subscribers_in_another_worker() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.start_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.branch_off();
    let bob = call.subscribe(browser(), ann);
    call.connect();
    let publication = call.clients[ann].publication;
    interpose(&mut call, publication);
    call.run(ms(500));
    let (video, audio) = received(&mut call, bob, ms(1000));
    assert!(video > 70 && audio > 40, "{video} {audio}");
    call.command(MediaOperation::Withdraw { publication });
    call.run(ms(500));
    let (video, audio) = received(&mut call, bob, ms(1000));
    assert!(video > 70 && audio > 40, "{video} {audio}");
    assert_continuous(&call.video_of(bob));
}

/// A frame of a camera that gives nothing but key frames.
fn shot(number: u64) -> LocalPacket {
    // A descriptor without extensions; a key frame of 16 by 16.
    let mut payload = vec![0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 16, 0, 16, 0];
    payload.extend([number as u8; 300]);
    LocalPacket {
        kind: MediaKind::Video,
        source: 3,
        sequence: number,
        timestamp: number as u32 * 3000,
        marker: true,
        quarter_turns: 0,
        level: None,
        captured: Some(1_000_000_000 * i128::from(number) / 30),
        payload: payload.into(),
    }
}

#[test]
fn who_subscribes_to_a_camera_waits_until_it_is_known_what_it_gives() {
    for elsewhere in [false, true] {
        let mut call = Call::new();
        if elsewhere {
            call.branch_off();
        }
        call.command(MediaOperation::PublishLocal { publication: CAMERA, formats: None });
        let bob = call.add_client(browser(), CAMERA);
        let (request, transport) = (call.request_id(), call.clients[bob].transport);
        let room = if elsewhere { BRANCH } else { ROUTER };
        let (subscriber, reception, source) = (SUBSCRIBER, Reception::default(), ROUTER.worker);
        let subscribe = MediaOperation::Subscribe {
            request,
            subscriber,
            reception,
            publication: CAMERA,
            source,
            transport,
            offer: None,
        };
        let events = call.events.len();
        call.command_at(room, subscribe);
        call.run(ms(3000));
        assert_eq!(call.events.len(), events, "it is not answered");
        call.command(MediaOperation::PublishLocal { publication: CAMERA, formats: formats() });
        call.run(ms(1000));
        call.accept_offer(bob, request);
        call.connect();
        call.run(IN_FLIGHT);
        assert!(call.key_frames_wanted.contains(&CAMERA));
        for number in 0..60 {
            let now = call.now;
            call.sfu.handle_local(CAMERA, [shot(number)], now);
            call.run(ms(33));
        }
        assert!(call.video_of(bob).len() >= 58, "{}", call.video_of(bob).len());
        let wanted = call.key_frames_wanted.len();
        call.run(ms(3000));
        assert_eq!(call.key_frames_wanted.len(), wanted, "there was one");
        call.command(MediaOperation::ClosePublication { publication: CAMERA });
        call.command(MediaOperation::CloseRouter);
        call.run(ms(100));
        assert!(call.sfu.is_empty());
    }
}

#[test]
fn what_is_not_local_cannot_be_fed_and_what_is_cannot_be_published() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    let publication = call.clients[ann].publication;
    call.command(MediaOperation::PublishLocal { publication, formats: formats() });
    let now = call.now;
    call.sfu.handle_local(publication, [shot(1)], now);
    call.run(ms(100));
    assert!(call.video_of(bob).is_empty());
    call.start_video(ann, VideoCodec::Vp8, None);
    let (video, _) = received(&mut call, bob, ms(1000));
    assert!(video > 50, "{video}");
    // Nor is there anything between it and its subscribers that could be withdrawn.
    call.command(MediaOperation::Withdraw { publication });
    let (video, _) = received(&mut call, bob, ms(500));
    assert!(video > 30, "{video}");
}
