//! Dependency descriptors on their way to subscribers of AV1: without them, Chromium shows nothing of a stream in sizes.

use std::collections::HashSet;
use std::time::Instant;

use payload::dependency::Descriptor;
use protocol::id::{PublicationId, SubscriberId};
use protocol::media::{LayerLimit, Legs, MediaOperation, Reception, VideoCodec};

use crate::call::{Call, browser, browser_with, ms};
use crate::dependency::Described;
use crate::scalable::Structure;

const SIZES: Structure = Structure { spatial: 3, temporal: 3, is_key_only: true, is_flexible: true };

/// A packet, as its receiver understands it.
struct Read {
    at: Instant,
    timestamp: u32,
    marker: bool,
    descriptor: Descriptor,
    /// The decode targets that there are.
    active: u32,
}

/// What a receiver makes of all that came, which asks for nothing else than Chromium does: the structure of a key frame to read the
/// others by, whole frames, and all that these need.
fn understood(call: &Call, client: usize) -> Vec<Read> {
    let mut video = call.video_of(client);
    video.sort_by_key(|packet| packet.sequence);
    video.dedup_by_key(|packet| packet.sequence);
    let (mut structure, mut active, mut frames) = (None, 0, HashSet::new());
    let mut read = Vec::new();
    for packet in video.into_iter().filter(|packet| !packet.payload.is_empty()) {
        let Described(bytes) = packet.extensions.user_values.get::<Described>().expect("a descriptor");
        let descriptor = Descriptor::read(bytes, structure.as_ref()).expect("its structure came before");
        structure = descriptor.structure.clone().or(structure);
        active = descriptor.active.unwrap_or(active);
        let number = descriptor.frame_number;
        for back in (0..128).filter(|back| descriptor.references >> back & 1 == 1) {
            assert!(frames.contains(&number.wrapping_sub(1 + back)), "{number} needs what is {back} before");
        }
        if descriptor.ends_frame {
            frames.insert(number);
        }
        read.push(Read { at: packet.at, timestamp: packet.timestamp, marker: packet.marker, descriptor, active });
    }
    for pair in read.windows(2) {
        let (before, now) = (&pair[0].descriptor, &pair[1].descriptor);
        assert_eq!(before.ends_frame, now.begins_frame, "frames are whole");
        let step = now.frame_number.wrapping_sub(before.frame_number);
        assert!(step < 200 && (step > 0) == now.begins_frame, "{} {}", before.frame_number, now.frame_number);
        let is_last = pair[0].timestamp != pair[1].timestamp;
        assert_eq!(pair[0].marker, is_last, "the last packet of picture says so: {before:?} {now:?}");
    }
    read
}

fn film(call: &mut Call, client: usize, structure: Structure) {
    let camera = call.start_video(client, VideoCodec::Av1, None);
    let camera = call.camera(client, camera);
    (camera.packets, camera.filler, camera.structure) = (2, 250, structure);
}

fn limit(call: &mut Call, client: usize, spatial: u8, temporal: u8) {
    let limit = LayerLimit { spatial: Some(spatial), temporal: Some(temporal) };
    let legs = Legs::Transport(call.clients[client].transport);
    call.command(MediaOperation::ChangeReception { legs, reception: Reception { limit, ..Reception::default() } });
}

/// Of three sizes and three layers in time, those up to one.
fn up_to(spatial: u8, temporal: u8) -> u32 {
    let targets = (0..9).filter(|target| target / 3 <= u32::from(spatial) && target % 3 <= u32::from(temporal));
    targets.fold(0, |all, target| all | 1 << target)
}

#[test]
fn descriptors_go_on_and_tell_which_decode_targets_there_are() {
    for structure in [SIZES, Structure { is_key_only: false, ..SIZES }] {
        let mut call = Call::new();
        let ann = call.publish(browser_with(VideoCodec::Av1), &[]);
        call.connect();
        film(&mut call, ann, structure);
        let bob = call.subscribe(browser_with(VideoCodec::Av1), ann);
        call.connect();
        call.run(ms(1000));
        for (spatial, temporal) in [(2, 2), (0, 2), (2, 2), (1, 1), (1, 0), (1, 2), (2, 1), (2, 2)] {
            limit(&mut call, bob, spatial, temporal);
            call.run(ms(1500));
            let begin = call.now;
            call.run(ms(1000));
            let read = understood(&call, bob);
            let now: Vec<_> = read.iter().filter(|packet| packet.at > begin).collect();
            assert!(now.len() > 15, "{spatial} {temporal}: {}", now.len());
            assert!(now.iter().all(|packet| packet.active == up_to(spatial, temporal)), "{spatial} {temporal}");
            assert_eq!(now.iter().map(|packet| packet.descriptor.spatial).max(), Some(spatial));
            assert_eq!(now.iter().map(|packet| packet.descriptor.temporal).max(), Some(temporal));
        }
        // Whoever comes later begins with a structure, too, and what another one does not get does not matter.
        limit(&mut call, bob, 0, 0);
        let carol = call.subscribe_as(browser_with(VideoCodec::Av1), SubscriberId(7), ann);
        call.connect();
        call.run(ms(3000));
        let read = understood(&call, carol);
        assert!(read.len() > 100 && read.last().unwrap().active == up_to(2, 2), "{}", read.len());
    }
}

#[test]
fn what_is_sent_again_has_the_descriptor_that_was_lost() {
    let mut call = Call::new();
    let ann = call.publish(browser_with(VideoCodec::Av1), &[]);
    call.connect();
    film(&mut call, ann, SIZES);
    let bob = call.subscribe(browser_with(VideoCodec::Av1), ann);
    call.connect();
    call.run(ms(500));
    call.loss = 0.03;
    for (spatial, temporal) in [(2, 2), (0, 1), (1, 2), (2, 2), (0, 2), (2, 0)] {
        limit(&mut call, bob, spatial, temporal);
        call.run(ms(1500));
    }
    call.loss = 0.0;
    call.run(ms(1000));
    let count = understood(&call, bob).len();
    assert!(count > 300, "{count}");
}

#[test]
fn numbers_of_frames_go_on_with_another_transport_of_the_publisher() {
    let mut call = Call::new();
    let publication = PublicationId(1);
    let publish = |call: &mut Call| {
        let client = call.publish_as(publication, browser_with(VideoCodec::Av1), (true, true), &[], false);
        call.connect();
        film(call, client, SIZES);
        client
    };
    let ann = publish(&mut call);
    let bob = call.subscribe(browser_with(VideoCodec::Av1), ann);
    call.connect();
    call.run(ms(6000));
    let before = understood(&call, bob).len();
    publish(&mut call);
    call.run(ms(1000));
    assert!(understood(&call, bob).len() > before + 30);
}

#[test]
fn whoever_does_not_take_descriptors_gets_the_stream_without() {
    let mut call = Call::new();
    let ann = call.publish(browser_with(VideoCodec::Av1), &[]);
    call.connect();
    film(&mut call, ann, Structure::new(1, 3));
    let plain = browser().clear_codecs().enable_opus(true, false).enable_av1(true);
    let bob = call.subscribe(plain, ann);
    call.connect();
    call.run(ms(1500));
    let video = call.video_of(bob);
    assert!(video.len() > 60);
    assert!(video.iter().all(|packet| packet.extensions.user_values.get::<Described>().is_none()));
    assert!(video.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1));
}

#[test]
fn a_publisher_that_is_sent_its_own_stream_gets_its_descriptors() {
    let mut call = Call::new();
    let ann = call.publish_as(PublicationId(1), browser_with(VideoCodec::Av1), (true, true), &[], true);
    call.connect();
    film(&mut call, ann, SIZES);
    call.run(ms(1500));
    let count = understood(&call, ann).len();
    assert!(count > 80, "{count}");
}

#[test]
fn descriptors_cross_to_another_worker() {
    let mut call = Call::new();
    let ann = call.publish(browser_with(VideoCodec::Av1), &[]);
    call.connect();
    film(&mut call, ann, SIZES);
    call.branch_off();
    let bob = call.subscribe(browser_with(VideoCodec::Av1), ann);
    call.connect();
    call.run(ms(3000));
    let read = understood(&call, bob);
    assert!(read.len() > 100 && read.last().unwrap().active == up_to(2, 2), "{}", read.len());
}
