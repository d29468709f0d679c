//! Sound over bad networks: with the frames before it (RED, RFC 2198) to whom it helps, alone to everybody else, and with the
//! pauses of who is silent (DTX).

use payload::red::Redundant;
use protocol::id::{PublicationId, SubscriberId, TapId};
use protocol::media::{MediaOperation, TransportObservation, VideoCodec};
use sfu::Config;

use crate::call::{Call, OPUS, RED, Received, browser, config, ms, redundant_browser};
use crate::camera::stamp;

/// The frame that a packet is there for.
fn frame(received: &Received) -> u32 {
    match received.pt {
        RED => stamp(Redundant::read(&received.payload).unwrap().primary()).frame,
        _ => stamp(&received.payload).frame,
    }
}

/// Every frame that a listener can play, with its timestamp: those before it in redundant packets, too.
fn playable(received: &[&Received]) -> Vec<(u32, u32)> {
    let mut frames = Vec::new();
    for packet in received {
        if packet.pt == RED {
            let redundant = Redundant::read(&packet.payload).unwrap();
            assert_eq!(redundant.payload_type(), OPUS);
            frames.extend(redundant.earlier().map(|earlier| {
                assert_eq!(earlier.payload_type, OPUS);
                (stamp(earlier.frame).frame, packet.timestamp.wrapping_sub(earlier.age.into()))
            }));
        }
        frames.push((frame(packet), packet.timestamp));
    }
    frames.sort_unstable();
    frames.dedup();
    frames
}

#[track_caller]
fn in_step(frames: &[(u32, u32)]) {
    for pair in frames.windows(2) {
        let (frames, ticks) = (pair[1].0 - pair[0].0, pair[1].1.wrapping_sub(pair[0].1));
        assert_eq!(ticks, frames * 960, "{pair:?}");
    }
}

fn types(received: &[&Received]) -> (usize, usize) {
    let of = |pt| received.iter().filter(|packet| packet.pt == pt).count();
    assert_eq!(of(OPUS) + of(RED), received.len());
    (of(OPUS), of(RED))
}

#[test]
fn who_does_not_read_redundant_sound_gets_its_newest_frames() {
    // Without adaptation everything is sent to whoever can take it.
    let mut call = Call::with(Config { adapts: false, ..config() });
    let ann = call.publish(redundant_browser(), &[]);
    let [bob, eve] = [call.subscribe(browser(), ann), call.subscribe(redundant_browser(), ann)];
    let dan = call.subscribe_offering(redundant_browser(), ann).unwrap();
    let joe = call.subscribe_offering(browser(), ann).unwrap();
    call.connect();
    call.start_redundant_audio(ann);
    call.run(ms(2000));
    for (plain, redundant) in [(bob, eve), (joe, dan)] {
        let (plain, redundant) = (call.audio_of(plain), call.audio_of(redundant));
        assert!(plain.len() > 90, "{}", plain.len());
        assert_eq!(types(&plain), (plain.len(), 0));
        assert_eq!(types(&redundant), (0, redundant.len()));
        for received in [&plain, &redundant] {
            assert!(received.windows(2).all(|w| w[1].sequence == w[0].sequence + 1));
            assert!(received.windows(2).all(|w| w[1].timestamp == w[0].timestamp.wrapping_add(960)));
            assert!(received.windows(2).all(|w| frame(w[1]) == frame(w[0]) + 1));
            assert!(received.iter().all(|r| r.extensions.audio_level == Some(-30)), "whoever speaks is still seen");
        }
        in_step(&playable(&redundant));
    }
}

#[test]
fn what_a_publisher_loses_is_put_back_for_everybody() {
    let mut call = Call::new();
    let ann = call.publish(redundant_browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    let publication = call.clients[ann].publication;
    call.command(MediaOperation::SetTap { tap: TapId(1), publication, audio: true, video: false });
    call.start_redundant_audio(ann);
    call.run(ms(500));
    call.lossy = Some(call.clients[ann].address);
    call.loss = 0.05;
    call.run(ms(20_000));
    let sound = call.audio_of(bob);
    in_step(&sound.iter().map(|packet| (frame(packet), packet.timestamp)).collect::<Vec<_>>());
    let sent = frame(sound[sound.len() - 1]) - frame(sound[0]) + 1;
    let came = sound.len() as u32;
    // What is lost twice in a row, one packet in four hundred, is lost.
    assert!(sent > 1000 && came < sent && (sent - came) * 200 < sent, "{came} of {sent}");
    assert!(sound.windows(2).all(|w| w[1].sequence > w[0].sequence), "in order");
    let recorded: Vec<_> = call.tapped.iter().map(|packet| stamp(&packet.payload).frame).collect();
    assert!(recorded.windows(2).all(|w| w[1] > w[0]));
    assert!(recorded.len() as u32 * 200 > sent * 199, "{} of {sent}", recorded.len());
}

#[test]
fn a_subscriber_gets_redundant_sound_while_packets_are_lost() {
    let mut call = Call::new();
    let ann = call.publish(redundant_browser(), &[]);
    let here = call.subscribe_as(redundant_browser(), SubscriberId(1), ann);
    let there = call.subscribe_as(redundant_browser(), SubscriberId(2), ann);
    call.connect();
    call.start_redundant_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(5000));
    for client in [here, there] {
        let sound = call.audio_of(client);
        assert_eq!(types(&sound), (sound.len(), 0), "nothing is lost");
    }
    call.lossy = Some(call.clients[there].address);
    call.loss = 0.05;
    call.run(ms(3000));
    let begin = call.audio_of(there).len();
    call.run(ms(20_000));
    let sound = call.audio_of(here);
    assert_eq!(types(&sound), (sound.len(), 0), "only who needs it");
    let sound = &call.audio_of(there)[begin..];
    let (plain, redundant) = types(sound);
    assert!(redundant > 700 && plain * 20 < redundant, "{plain} {redundant}");
    let frames = playable(sound);
    in_step(&frames);
    let all = frames[frames.len() - 1].0 - frames[0].0 + 1;
    assert!((all as usize - frames.len()) * 100 < all as usize, "{} of {all}", frames.len());
    assert!(sound.len() * 100 < all as usize * 98, "{} of {all} packets came", sound.len());
    call.loss = 0.0;
    call.run(ms(15_000));
    let begin = call.audio_of(there).len();
    call.run(ms(2000));
    let sound = &call.audio_of(there)[begin..];
    assert_eq!(types(sound), (sound.len(), 0), "it is over");
}

#[test]
fn a_narrow_path_is_not_made_narrower() {
    let mut call = Call::new();
    let ann = call.publish(redundant_browser(), &[]);
    let bob = call.subscribe_as(redundant_browser(), SubscriberId(1), ann);
    call.connect();
    // Sound takes 50 kbit/s, and 80 with the frames before it.
    let link = call.add_link(90_000);
    call.put_behind(bob, link);
    call.start_redundant_audio(ann);
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(10_000));
    let begin = call.audio_of(bob).len();
    call.run(ms(10_000));
    let sound = &call.audio_of(bob)[begin..];
    let (plain, redundant) = types(sound);
    assert!(redundant * 20 < plain, "{plain} {redundant}");
    assert!(sound.len() > 480, "{}", sound.len());
}

/// Who gets no pictures has nothing that could be left out, and tells nobody when packets arrive. What is lost it reports at any rate.
#[test]
fn sound_alone_is_not_numbered_and_helped_by_what_is_reported() {
    let mut call = Call::new();
    let ann = call.publish_as(PublicationId(1), redundant_browser(), (true, false), &[], false);
    let bob = call.subscribe_as(redundant_browser(), SubscriberId(1), ann);
    call.connect();
    call.start_redundant_audio(ann);
    call.run(ms(5000));
    let sound = call.audio_of(bob);
    assert_eq!(types(&sound), (sound.len(), 0), "nothing is lost");
    assert!(sound.iter().all(|packet| packet.extensions.transport_cc.is_none() && packet.extensions.mid.is_some()));
    call.lossy = Some(call.clients[bob].address);
    call.loss = 0.05;
    call.run(ms(10_000));
    let begin = call.audio_of(bob).len();
    call.run(ms(20_000));
    let sound = &call.audio_of(bob)[begin..];
    let (plain, redundant) = types(sound);
    assert!(redundant > 700 && plain * 20 < redundant, "{plain} {redundant}");
    // A path that is full is not filled with more.
    call.loss = 0.4;
    call.run(ms(10_000));
    let begin = call.audio_of(bob).len();
    call.run(ms(20_000));
    let (plain, redundant) = types(&call.audio_of(bob)[begin..]);
    assert!(redundant * 10 < plain, "{plain} {redundant}");
}

#[test]
fn redundant_sound_goes_on_over_a_reconnection_without_it() {
    let mut call = Call::with(Config { adapts: false, ..config() });
    let ann = call.publish(redundant_browser(), &[]);
    let publication = call.clients[ann].publication;
    let bob = call.subscribe(redundant_browser(), ann);
    call.connect();
    call.start_redundant_audio(ann);
    call.run(ms(1000));
    let again = call.publish_as(publication, browser(), (true, true), &[], false);
    call.run(ms(1000));
    let before = call.audio_of(bob).len();
    call.start_audio(again);
    call.run(ms(1000));
    let sound = call.audio_of(bob);
    assert!(sound[..before].iter().all(|packet| packet.pt == RED));
    assert!(sound[before..].len() > 40 && sound[before..].iter().all(|packet| packet.pt == OPUS));
    assert!(sound.windows(2).all(|w| w[1].sequence == w[0].sequence + 1));
}

#[test]
fn redundant_sound_is_looped_back_plain() {
    let mut call = Call::new();
    let publication = PublicationId(1);
    let ann = call.publish_as(publication, redundant_browser(), (true, true), &[], true);
    call.connect();
    call.start_redundant_audio(ann);
    call.run(ms(1000));
    let sound = call.audio_of(ann);
    assert!(sound.len() > 40, "{}", sound.len());
    assert_eq!(types(&sound), (sound.len(), 0));
    assert!(sound.windows(2).all(|w| frame(w[1]) == frame(w[0]) + 1));
}

/// Who is silent sends a packet now and then, under the next number and at its own time (RFC 7587 §3.1.3).
#[test]
fn silence_is_neither_loss_nor_failure() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    call.start_audio(ann);
    for _ in 0..30 {
        call.camera(ann, 0).muted = false;
        call.run(ms(20));
        call.camera(ann, 0).muted = true;
        call.run(ms(380));
    }
    let sound = call.audio_of(bob);
    assert!(sound.len() >= 30, "{}", sound.len());
    assert!(sound.windows(2).all(|w| w[1].sequence == w[0].sequence + 1), "nothing is missing");
    let pauses: Vec<u32> = sound.windows(2).map(|w| w[1].timestamp.wrapping_sub(w[0].timestamp)).collect();
    assert!(pauses.iter().all(|ticks| ticks % 960 == 0), "{pauses:?}");
    assert!(pauses.iter().filter(|ticks| **ticks >= 18 * 960).count() >= 28, "{pauses:?}");
    let arrivals = sound.windows(2).map(|w| w[1].at - w[0].at);
    for (pause, arrival) in pauses.iter().zip(arrivals) {
        let pause = ms(u64::from(*pause) / 48);
        assert!(arrival.abs_diff(pause) < ms(5), "{pause:?} {arrival:?}");
    }
    let [publisher, subscriber] = [ann, bob].map(|client| call.clients[client].transport);
    assert!(!call.has_seen(publisher, &TransportObservation::Silent));
    for transport in [publisher, subscriber] {
        for observation in call.observed(transport) {
            let TransportObservation::Statistics(statistics) = observation else { continue };
            let streams = statistics.received.iter().chain(&statistics.sent);
            assert!(streams.filter_map(|stream| stream.lost_permille).all(|lost| lost == 0), "{statistics:?}");
        }
    }
}
