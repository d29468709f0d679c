//! What a worker tells of its transports, in order and nothing but what happened.

use protocol::media::{
    Layer, MediaKind, MediaPath, PathProtocol, Pictures, TransportObservation as Seen, TransportStatistics, VideoCodec,
};
use sfu::Protocol;

use crate::call::{Call, STATISTICS, browser, config, ms, sfu_address};

/// Without statistics, which come in between.
fn milestones(call: &Call, client: usize) -> Vec<Seen> {
    let all = call.observed(call.clients[client].transport).into_iter();
    all.filter(|what| !matches!(what, Seen::Statistics(_))).cloned().collect()
}

fn statistics(call: &Call, client: usize) -> Vec<TransportStatistics> {
    let all = call.observed(call.clients[client].transport).into_iter();
    all.filter_map(|what| if let Seen::Statistics(statistics) = what { Some(statistics.clone()) } else { None })
        .collect()
}

fn path(call: &Call, client: usize, protocol: PathProtocol) -> Seen {
    Seen::Path(MediaPath { protocol, local: sfu_address(), remote: call.clients[client].address, relayed: false })
}

#[test]
fn a_call_is_told_from_its_path_to_its_end() {
    for (protocol, told) in [(Protocol::Udp, PathProtocol::Udp), (Protocol::Tcp, PathProtocol::Tcp)] {
        let mut call = Call::new();
        call.protocol = protocol;
        let ann = call.publish(browser(), &["rdiv2", "rdiv1"]);
        let bob = call.subscribe(browser(), ann);
        call.connect();
        call.start_audio(ann);
        call.run(ms(200));
        for rid in ["rdiv2", "rdiv1"] {
            call.start_video(ann, VideoCodec::Vp8, Some(rid));
        }
        call.run(ms(1500));
        let published = milestones(&call, ann);
        let asked = |what: &Seen| matches!(what, Seen::KeyFrameRequested { .. });
        assert!(published.iter().any(asked), "{published:?}");
        let published: Vec<Seen> = published.into_iter().filter(|what| !asked(what)).collect();
        let first = |kind| Seen::FirstPacket { kind };
        let expected = [
            Seen::Checked,
            path(&call, ann, told),
            Seen::Connected,
            first(MediaKind::Audio),
            first(MediaKind::Video),
            Seen::FirstKeyFrame,
        ];
        assert_eq!(published, expected);
        let received = milestones(&call, bob);
        let expected = [
            Seen::Checked,
            path(&call, bob, told),
            Seen::Connected,
            first(MediaKind::Audio),
            first(MediaKind::Video),
            Seen::FirstKeyFrame,
            Seen::LayerChanged { layer: Layer { spatial: 1 } },
        ];
        assert_eq!(received, expected);
        call.clients[bob].closed = true;
        call.run(ms(60_000));
        assert_eq!(milestones(&call, bob).last(), Some(&Seen::Disconnected));
    }
}

#[test]
fn a_client_that_moves_has_another_path() {
    let mut call = Call::new();
    call.protocol = Protocol::Tcp;
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(1000));
    call.sfu.handle_closed(call.clients[bob].address, call.now);
    call.take_outputs();
    call.move_client(bob, ([203, 0, 113, 200], 5000).into());
    call.run(ms(5000));
    let expected = path(&call, bob, PathProtocol::Tcp);
    let paths: Vec<Seen> = milestones(&call, bob).into_iter().filter(|what| matches!(what, Seen::Path(_))).collect();
    assert_eq!((paths.len(), paths.last()), (2, Some(&expected)));
}

#[test]
fn statistics_come_in_time_and_say_what_was_sent() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &["rdiv2", "rdiv1"]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_audio(ann);
    for rid in ["rdiv2", "rdiv1"] {
        call.start_video(ann, VideoCodec::Vp8, Some(rid));
    }
    call.run(STATISTICS * 5 + ms(100));
    for client in [ann, bob] {
        let all = statistics(&call, client);
        assert!((4..=6).contains(&all.len()), "{}", all.len());
        let last = all.last().unwrap();
        assert!((1900..2300).contains(&last.period_ms), "{last:?}");
    }
    let last = statistics(&call, ann).pop().unwrap();
    let kinds: Vec<_> = last.received.iter().map(|stream| (stream.kind, stream.layer.map(|l| l.spatial))).collect();
    assert_eq!(kinds, [(MediaKind::Audio, None), (MediaKind::Video, Some(0)), (MediaKind::Video, Some(1))]);
    assert_eq!((last.layer, last.sent.len()), (None, 0));
    // 50 packets of sound in a second, and 30 frames of three packets.
    assert!((90..=110).contains(&last.received[0].packets), "{last:?}");
    for video in &last.received[1..] {
        assert!((160..=200).contains(&video.packets), "{video:?}");
        assert!(video.rate_bps > 10_000, "{video:?}");
    }
    let last = statistics(&call, bob).pop().unwrap();
    assert_eq!((last.layer, last.received.len()), (Some(Layer { spatial: 1 }), 0));
    assert_eq!(last.sent.iter().map(|stream| stream.kind).collect::<Vec<_>>(), [MediaKind::Audio, MediaKind::Video]);
    // Both ways take 20 ms in this network.
    let round_trip = last.round_trip_us.expect("the subscriber reports");
    assert!((39_000..80_000).contains(&round_trip), "{round_trip}");
    assert_eq!(last.sent[1].lost_permille, Some(0));
}

#[test]
fn losses_are_measured_on_the_way_where_they_happen() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(1000));
    call.loss = 0.1;
    call.run(STATISTICS * 5);
    let (published, received) = (statistics(&call, ann), statistics(&call, bob));
    assert!(published.iter().any(|one| one.received[0].nacks > 0), "{published:?}");
    assert!(received.iter().any(|one| one.sent[0].nacks > 0), "{received:?}");
    assert!(received.iter().any(|one| one.sent[0].lost_permille > Some(0)), "{received:?}");
    // What was lost and came again was lost on the way all the same.
    let lost: Vec<u16> = published.iter().filter_map(|one| one.received[0].lost_permille).skip(1).collect();
    let mean = lost.iter().map(|lost| u32::from(*lost)).sum::<u32>() / lost.len() as u32;
    assert!(lost.len() >= 4 && (60..=140).contains(&mean), "{lost:?}");
}

#[test]
fn a_picture_that_stands_still_is_counted_where_it_comes_in_and_where_it_goes_out() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    let camera = call.start_video(ann, VideoCodec::Vp8, None);
    call.run(STATISTICS * 3);
    let smooth = |call: &Call| {
        let (mut published, mut received) = (statistics(call, ann), statistics(call, bob));
        (published.pop().unwrap().received[0].pictures, received.pop().unwrap().sent[0].pictures)
    };
    let (came, went) = smooth(&call);
    for pictures in [came, went] {
        assert!((50..=70).contains(&pictures.frames) && pictures.freezes == 0, "{pictures:?}");
    }
    call.camera(ann, camera).muted = true;
    call.run(ms(1000));
    call.camera(ann, camera).muted = false;
    call.run(STATISTICS * 2);
    for client in [ann, bob] {
        let all = statistics(&call, client).into_iter();
        let all: Vec<_> = all.flat_map(|one| [one.received, one.sent].concat()).map(|one| one.pictures).collect();
        let sum = |of: fn(&Pictures) -> u32| all.iter().map(of).sum::<u32>();
        assert_eq!(sum(|one| one.freezes), 1, "{all:?}");
        assert!((1000..1150).contains(&sum(|one| one.frozen_ms)), "{all:?}");
    }
    for client in [ann, bob] {
        assert_eq!(statistics(&call, client).pop().unwrap().video_codec, Some(VideoCodec::Vp8));
    }
}

#[test]
fn a_publisher_that_falls_silent_is_told_once_for_each_silence() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.run(STATISTICS * 3);
    let silences = |call: &Call| milestones(call, ann).iter().filter(|what| **what == Seen::Silent).count();
    assert_eq!(silences(&call), 0, "it has not begun yet");
    let camera = call.start_video(ann, VideoCodec::Vp8, None);
    for expected in 1..=2 {
        call.camera(ann, camera).muted = false;
        call.run(STATISTICS * 2);
        assert_eq!(silences(&call), expected - 1);
        call.camera(ann, camera).muted = true;
        call.run(STATISTICS * 4);
        assert_eq!(silences(&call), expected);
    }
}

#[test]
fn a_picture_that_stops_while_sound_goes_on_is_told_and_asked_for() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.start_audio(ann);
    let camera = call.start_video(ann, VideoCodec::Vp8, None);
    call.run(STATISTICS * 2);
    let stills = |call: &Call| milestones(call, ann).iter().filter(|what| **what == Seen::Still).count();
    let asked = |call: &Call| call.clients[ann].key_frame_requests.len();
    assert_eq!(stills(&call), 0);
    let before = asked(&call);
    call.camera(ann, camera).muted = true;
    call.run(STATISTICS * 4);
    assert_eq!(stills(&call), 1);
    assert!(asked(&call) > before);
    assert!(!milestones(&call, ann).contains(&Seen::Silent));
    call.camera(ann, camera).muted = false;
    call.run(STATISTICS * 2);
    call.camera(ann, camera).muted = true;
    call.run(STATISTICS * 3);
    assert_eq!(stills(&call), 2);
}

#[test]
fn without_a_period_there_are_no_statistics() {
    let mut call = Call::with(sfu::Config { statistics: None, ..config() });
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(STATISTICS * 3);
    assert_eq!(statistics(&call, ann), []);
    assert!(milestones(&call, ann).contains(&Seen::FirstKeyFrame));
}
