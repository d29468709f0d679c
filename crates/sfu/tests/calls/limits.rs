//! Limits of what pictures take: what publishers are asked for, and what of it subscribers get.

use std::time::Instant;

use protocol::id::SubscriberId;
use protocol::media::{BitrateLimits, LayerLimit, Legs, MediaOperation, Reception, VideoCodec};

use crate::call::{Call, browser, ms};
use crate::camera::stamp;

fn held_to(least: u32, most: u32) -> Reception {
    Reception { bitrate: BitrateLimits::kbps(least, most), ..Reception::default() }
}

/// Layers of the pictures that came since then, each as often as it was changed to.
fn layers(call: &Call, client: usize, from: Instant) -> String {
    let video = call.video_of(client);
    let since = video.iter().filter(|packet| packet.at >= from);
    let mut layers: Vec<u8> = since.map(|packet| stamp(&packet.payload).layer).collect();
    layers.dedup();
    String::from_utf8(layers).unwrap()
}

fn last_asked(call: &Call, publisher: usize) -> Option<u64> {
    call.clients[publisher].asked.last().map(|(_, kbps)| *kbps)
}

#[test]
fn a_publisher_is_told_its_limit_again_and_again() {
    let mut call = Call::new();
    call.limits = BitrateLimits::kbps(300, 700);
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(11_000));
    let asked = &call.clients[ann].asked;
    assert!((4..=6).contains(&asked.len()), "{asked:?}");
    assert!(asked.iter().all(|(_, kbps)| *kbps == 700), "{asked:?}");
}

#[test]
fn a_publisher_without_a_limit_is_told_nothing() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(20_000));
    assert_eq!(last_asked(&call, ann), None);
}

#[test]
fn one_subscriber_is_held_to_its_limit_and_others_get_the_best() {
    let mut call = Call::new();
    call.limits = BitrateLimits::kbps(300, 1500);
    let ann = call.film_layers();
    let held = call.subscribe_wanting(SubscriberId(1), held_to(300, 600), ann);
    let free = call.subscribe_wanting(SubscriberId(2), Reception::default(), ann);
    let least = call.subscribe_wanting(SubscriberId(3), held_to(0, 20), ann);
    call.connect();
    call.run(ms(4000));
    let from = call.now;
    call.run(ms(30_000));
    assert_eq!(layers(&call, held, from), "2", "the best within the limit");
    assert_eq!(layers(&call, free, from), "1");
    assert_eq!(layers(&call, least, from), "4", "rather than nothing");
    let asked = &call.clients[ann].asked;
    assert!(asked.iter().all(|(_, kbps)| *kbps == 1500 + 750), "the publisher is not asked for less: {asked:?}");
}

#[test]
fn a_limit_that_changes_is_kept_from_then_on() {
    let mut call = Call::new();
    let ann = call.film_layers();
    let bob = call.subscribe_wanting(SubscriberId(1), held_to(0, 600), ann);
    call.connect();
    call.run(ms(4000));
    for (most, layer) in [(0, "1"), (200, "4"), (1500, "1")] {
        let legs = Legs::Subscriber(SubscriberId(1));
        call.command(MediaOperation::ChangeReception { legs, reception: held_to(0, most) });
        call.run(ms(3000));
        let from = call.now;
        call.run(ms(3000));
        assert_eq!(layers(&call, bob, from), layer, "{most} kbit/s");
    }
}

#[test]
fn a_single_picture_is_sent_although_it_takes_more() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    let bob = call.subscribe_wanting(SubscriberId(1), held_to(0, 100), ann);
    call.connect();
    call.run(ms(5000));
    // Three packets every 33 ms.
    assert!(call.video_of(bob).len() > 400, "{}", call.video_of(bob).len());
}

#[test]
fn who_tells_nothing_of_its_path_is_held_to_its_limit_too() {
    let mut call = Call::new();
    let ann = call.film_layers();
    let bare = browser().clear_codecs().enable_opus(true, false).enable_vp8(true);
    let deaf = bare.set_extension_map(str0m::rtp::ExtensionMap::empty());
    call.reception = held_to(0, 600);
    let bob = call.subscribe(deaf, ann);
    call.connect();
    call.run(ms(4000));
    let from = call.now;
    call.run(ms(4000));
    assert_eq!(layers(&call, bob, from), "2");
}

#[test]
fn the_lower_limit_is_believed_until_the_network_is_known() {
    let first_layers = |least| {
        let mut call = Call::new();
        let publishers = [call.film_layers(), call.film_layers(), call.film_layers(), call.film_layers()];
        let viewers = publishers.map(|ann| call.subscribe_wanting(SubscriberId(1), held_to(least, 0), ann));
        call.connect();
        let from = call.now;
        call.run(ms(250));
        viewers.map(|viewer| layers(&call, viewer, from))
    };
    assert!(first_layers(0).iter().any(|layers| layers == "4"), "a guess does not do for all");
    let believed = first_layers(600);
    assert!(believed.iter().all(|layers| !layers.contains('4')), "{believed:?}");
}

#[test]
fn the_lower_limit_does_not_ruin_sound_where_the_network_is_narrow() {
    let mut call = Call::new();
    let ann = call.film_layers();
    let link = call.add_link(100_000);
    let phone = call.subscribe_wanting(SubscriberId(1), held_to(600, 1000), ann);
    call.put_behind(phone, link);
    call.connect();
    call.run(ms(6000));
    let from = call.now;
    call.run(ms(15_000));
    let audio = call.audio_of(phone).iter().filter(|packet| packet.at >= from).count();
    assert!(audio > 710, "{audio} of 750");
}

#[test]
fn layers_that_nobody_watches_are_not_asked_for() {
    let mut call = Call::new();
    call.limits = BitrateLimits::kbps(300, 1000);
    let ann = call.film_layers();
    call.run(ms(5000));
    assert_eq!(last_asked(&call, ann), Some(1750), "somebody may come soon");
    call.run(ms(8000));
    assert_eq!(last_asked(&call, ann), Some(300));
    let bob = call.subscribe_wanting(SubscriberId(1), Reception::default(), ann);
    call.run(ms(25));
    assert_eq!(last_asked(&call, ann), Some(1750), "before the subscriber is connected");
    call.connect();
    call.run(ms(15_000));
    assert_eq!(last_asked(&call, ann), Some(1750));
    // Neither a picture that is paused nor one that is small on the screen needs the others.
    let small = LayerLimit { spatial: Some(0), temporal: None };
    for unwatched in
        [Reception { video_paused: true, ..Reception::default() }, Reception { limit: small, ..Reception::default() }]
    {
        let transport = call.clients[bob].transport;
        let change = |call: &mut Call, reception| {
            call.command(MediaOperation::ChangeReception { legs: Legs::Transport(transport), reception });
        };
        change(&mut call, unwatched);
        call.run(ms(14_000));
        assert_eq!(last_asked(&call, ann), Some(300));
        change(&mut call, Reception::default());
        call.run(ms(25));
        assert_eq!(last_asked(&call, ann), Some(1750));
    }
}

#[test]
fn who_watches_in_another_worker_counts() {
    let mut call = Call::new();
    let ann = call.film_layers();
    call.run(ms(14_000));
    assert_eq!(last_asked(&call, ann), Some(300));
    call.branch_off();
    call.subscribe(browser(), ann);
    call.connect();
    call.run(ms(20_000));
    assert_eq!(last_asked(&call, ann), Some(100_000));
}
