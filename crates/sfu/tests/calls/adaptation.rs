//! What subscribers get on narrow networks: as good a picture as is carried, sound always, and the best again soon after.

use std::time::{Duration, Instant};

use protocol::id::SubscriberId;
use protocol::media::{PicturePause, Reception, TransportObservation, TransportStatistics, VideoCodec};

use crate::call::{Call, RIDS, Received, browser, config, ms};
use crate::camera::stamp;

/// See [`Call::film_layers`].
fn filmed() -> (Call, usize) {
    let mut call = Call::new();
    let ann = call.film_layers();
    (call, ann)
}

/// Somebody with a camera of one layer of 1 Mbit/s.
fn simply_filmed() -> (Call, usize) {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    call.connect();
    call.start_audio(ann);
    call.camera(ann, 0).filler = 70;
    let index = call.start_video(ann, VideoCodec::Vp8, None);
    let camera = call.camera(ann, index);
    (camera.packets, camera.filler) = (4, 1000);
    call.run(ms(1000));
    (call, ann)
}

fn subscribe(call: &mut Call, who: u64, publisher: usize, link: Option<usize>) -> usize {
    let client = call.subscribe_wanting(SubscriberId(who), Reception::default(), publisher);
    if let Some(link) = link {
        call.put_behind(client, link);
    }
    client
}

fn since<'a>(received: &[&'a Received], from: Instant) -> Vec<&'a Received> {
    received.iter().copied().filter(|packet| packet.at >= from).collect()
}

/// Share of a second in which pictures of this layer came, of those seconds since then.
fn layer_share(call: &Call, client: usize, layer: u8, from: Instant) -> f64 {
    let video = call.video_of(client);
    let video = since(&video, from);
    let of_layer = video.iter().filter(|packet| stamp(&packet.payload).layer == layer).count();
    of_layer as f64 / video.len().max(1) as f64
}

/// The longest time without a whole new picture.
fn longest_freeze(call: &Call, client: usize, from: Instant) -> Duration {
    let video = call.video_of(client);
    let video = since(&video, from);
    let mut last = from;
    let mut longest = Duration::ZERO;
    for packet in &video {
        longest = longest.max(packet.at.saturating_duration_since(last));
        last = packet.at;
    }
    longest.max(call.now.saturating_duration_since(last))
}

/// Sound of the last seconds: how much of it came, and its longest delay beyond an even stream's.
fn sound(call: &Call, client: usize, from: Instant) -> f64 {
    let audio = call.audio_of(client);
    let expected = call.now.saturating_duration_since(from).as_millis() as f64 / 20.0;
    since(&audio, from).len() as f64 / expected
}

/// The longest delay of sound that came since then, beyond the shortest there has ever been.
fn sound_delay(call: &Call, client: usize, from: Instant) -> Duration {
    let audio = call.audio_of(client);
    let frame = |packet: &Received| ms(20) * stamp(&packet.payload).frame;
    let shortest = audio.iter().map(|packet| packet.at - frame(packet)).min().expect("there is sound");
    let since = audio.iter().filter(|packet| packet.at >= from);
    since.map(|packet| packet.at - frame(packet) - shortest).max().unwrap_or_default()
}

fn mark(call: &Call) -> Instant {
    call.now
}

#[test]
fn a_narrow_viewer_keeps_a_moving_picture_and_sound_while_another_keeps_the_best() {
    let (mut call, ann) = filmed();
    let link = call.add_link(300_000);
    let phone = subscribe(&mut call, 1, ann, Some(link));
    let desk = subscribe(&mut call, 2, ann, None);
    call.connect();
    call.run(ms(5000));
    let from = mark(&call);
    call.run(ms(20_000));
    assert!(sound(&call, phone, from) > 0.97, "sound {}", sound(&call, phone, from));
    assert!(layer_share(&call, phone, b'4', from) > 0.95, "{}", layer_share(&call, phone, b'4', from));
    assert!(longest_freeze(&call, phone, from) < ms(700), "{:?}", longest_freeze(&call, phone, from));
    assert!(layer_share(&call, desk, b'1', from) > 0.98, "{}", layer_share(&call, desk, b'1', from));
    assert!(longest_freeze(&call, desk, from) < ms(200));
}

#[test]
fn the_best_picture_comes_soon_where_the_network_is_wide() {
    let (mut call, ann) = filmed();
    let desk = subscribe(&mut call, 1, ann, None);
    call.connect();
    let from = mark(&call);
    call.run(ms(3000));
    let video = call.video_of(desk);
    let best = video.iter().find(|packet| stamp(&packet.payload).layer == b'1').expect("the best layer");
    let first = video[0].at.saturating_duration_since(from);
    let best = best.at.saturating_duration_since(from);
    assert!(first < ms(300) && best < ms(1800), "first {first:?}, best {best:?}");
}

#[test]
fn sound_survives_where_no_picture_fits() {
    for publisher in [filmed, simply_filmed] {
        let (mut call, ann) = publisher();
        let link = call.add_link(100_000);
        let phone = subscribe(&mut call, 1, ann, Some(link));
        call.connect();
        call.run(ms(6000));
        let from = mark(&call);
        call.run(ms(15_000));
        let share = sound(&call, phone, from);
        assert!(share > 0.95, "{share}");
    }
}

#[test]
fn the_best_layer_is_back_soon_after_the_network_has_recovered() {
    let (mut call, ann) = filmed();
    let link = call.add_link(5_000_000);
    let phone = subscribe(&mut call, 1, ann, Some(link));
    call.connect();
    call.run(ms(5000));
    call.links[link].rate = 300_000;
    call.run(ms(10_000));
    let from = mark(&call);
    assert!(layer_share(&call, phone, b'4', from - ms(3000)) > 0.9);
    call.links[link].rate = 5_000_000;
    call.run(ms(5000));
    let late = mark(&call);
    call.run(ms(1000));
    assert!(layer_share(&call, phone, b'1', late) > 0.9, "{}", layer_share(&call, phone, b'1', late));
}

/// What was told of a client's transport last.
fn measured(call: &Call, client: usize) -> TransportStatistics {
    let told = call.observed(call.clients[client].transport).into_iter().rev().find_map(|what| match what {
        TransportObservation::Statistics(statistics) => Some(statistics.clone()),
        _ => None,
    });
    told.expect("it is measured")
}

#[test]
fn a_single_picture_pauses_before_it_ruins_the_sound_and_comes_back_by_itself() {
    let (mut call, ann) = simply_filmed();
    let link = call.add_link(3_000_000);
    let phone = subscribe(&mut call, 1, ann, Some(link));
    call.connect();
    call.run(ms(4000));
    call.links[link].rate = 200_000;
    call.run(ms(4000));
    let from = mark(&call);
    call.run(ms(6000));
    assert!(sound(&call, phone, from) > 0.95, "{}", sound(&call, phone, from));
    let told = measured(&call, phone);
    assert_eq!(told.pause, Some(PicturePause::Bandwidth));
    assert!((30_000..300_000).contains(&told.estimate_bps.unwrap()), "{:?}", told.estimate_bps);
    call.links[link].rate = 3_000_000;
    call.run(ms(5000));
    let late = mark(&call);
    call.run(ms(2000));
    let told = measured(&call, phone);
    assert_eq!(told.pause, None);
    assert!(told.estimate_bps.unwrap() > 1_000_000, "{:?}", told.estimate_bps);
    let video = call.video_of(phone);
    assert!(since(&video, late).len() > 150, "{}", since(&video, late).len());
}

/// What sound is delayed by at most after each of ten key frames, sorted: somebody watches over a line that is full.
fn delays_behind_key_frames(rate: u64) -> Vec<Duration> {
    let (mut call, ann) = filmed();
    for camera in 1..=3 {
        call.camera(ann, camera).key_frame_factor = 10;
    }
    let link = call.add_link(rate);
    let phone = subscribe(&mut call, 1, ann, Some(link));
    call.connect();
    call.run(ms(8000));
    let mut delays: Vec<Duration> = (0..10)
        .map(|_| {
            let from = mark(&call);
            call.clients[phone].request_key_frame(from);
            call.run(ms(2000));
            sound_delay(&call, phone, from)
        })
        .collect();
    delays.sort();
    delays
}

#[test]
fn sound_does_not_wait_behind_key_frames() {
    // Sent at once, they keep the line busy for 67 and 134 ms.
    let delays = delays_behind_key_frames(600_000);
    assert!(delays[5] < ms(45), "{delays:?}");
    let delays = delays_behind_key_frames(300_000);
    assert!(delays[5] < ms(100), "{delays:?}");
}

/// Somebody who watches one camera begins to watch two more, whose last pictures are there: how long sound waits at most, and
/// when the first of their pictures come.
fn delay_behind_replays(rate: u64) -> (Duration, [Duration; 2]) {
    let (mut call, ann) = filmed();
    let others = [call.film_layers(), call.film_layers()];
    for who in [ann, others[0], others[1]] {
        for camera in 1..=3 {
            call.camera(who, camera).key_frame_factor = 10;
        }
    }
    let link = call.add_link(rate);
    let phone = subscribe(&mut call, 1, ann, Some(link));
    call.connect();
    call.run(ms(8000));
    for other in others {
        subscribe(&mut call, 2, other, None);
    }
    call.connect();
    call.run(ms(300));
    let from = mark(&call);
    let legs = others.map(|other| subscribe(&mut call, 1, other, Some(link)));
    call.connect();
    call.run(ms(3000));
    let first = legs.map(|leg| call.video_of(leg)[0].at - from);
    (sound_delay(&call, phone, from), first)
}

#[test]
fn sound_does_not_wait_behind_what_somebody_who_begins_is_sent() {
    let (delay, first) = delay_behind_replays(1_000_000);
    assert!(delay < ms(80), "{delay:?}");
    assert!(first.iter().all(|first| *first < ms(800)), "{first:?}");
}

/// Three viewers who come one after the other behind a line of 1 Mbit/s: of each, what share of a time its picture stood still.
fn frozen_behind_one_line(apart: Duration, time: Duration) -> [f64; 3] {
    let (mut call, ann) = filmed();
    for camera in 1..=3 {
        call.camera(ann, camera).key_frame_factor = 6;
    }
    let link = call.add_link(1_000_000);
    let viewers = [1, 2, 3].map(|who| {
        let viewer = subscribe(&mut call, who, ann, Some(link));
        call.connect();
        call.run(apart);
        viewer
    });
    call.run(ms(8000));
    let from = mark(&call);
    call.run(time);
    viewers.map(|viewer| {
        let video = call.video_of(viewer);
        let times: Vec<Instant> = since(&video, from).iter().map(|packet| packet.at).chain([call.now]).collect();
        let gaps = times.windows(2).map(|pair| pair[1].saturating_duration_since(pair[0]));
        let frozen: Duration = gaps.filter(|gap| *gap > ms(300)).sum();
        frozen.as_secs_f64() / time.as_secs_f64()
    })
}

#[test]
#[ignore = "takes long; for docs/benchmarks.md: cargo test --release -p sfu --test calls pacing -- --ignored --nocapture"]
fn figures_of_pacing() {
    for rate in [300_000, 600_000, 1_000_000] {
        println!("{rate} bit/s, sound behind key frames: {:?}", delays_behind_key_frames(rate));
        println!("{rate} bit/s, sound behind replays, first pictures: {:?}", delay_behind_replays(rate));
    }
    let frozen: Vec<_> = (0..12).map(|seed| frozen_behind_one_line(ms(137 * seed + 10), ms(60_000))).collect();
    let worst = frozen.iter().flatten().copied().fold(0.0, f64::max);
    let mean = frozen.iter().flatten().sum::<f64>() / 36.0;
    println!(
        "three viewers, 1 Mbit/s, stood still: {:.1} % in the mean, {:.1} % at worst",
        mean * 100.0,
        worst * 100.0
    );
}

#[test]
fn three_viewers_behind_one_line_share_it() {
    let (mut call, ann) = filmed();
    let link = call.add_link(1_000_000);
    let viewers: Vec<_> = (1..=3).map(|who| subscribe(&mut call, who, ann, Some(link))).collect();
    call.connect();
    call.run(ms(8000));
    let from = mark(&call);
    call.run(ms(20_000));
    let bytes = |call: &Call, viewer: usize| {
        let received = call.clients[viewer].received.iter().filter(|packet| packet.at >= from);
        received.map(|packet| packet.payload.len()).sum::<usize>() as f64
    };
    let each: Vec<f64> = viewers.iter().map(|viewer| bytes(&call, *viewer) * 8.0 / 20_000.0).collect();
    let (least, most) = (each.iter().copied().fold(f64::MAX, f64::min), each.iter().copied().fold(0.0, f64::max));
    assert!(least > 0.3 * most, "{each:?} kbit/s");
    for viewer in &viewers {
        assert!(sound(&call, *viewer, from) > 0.9, "{}", sound(&call, *viewer, from));
        assert!(longest_freeze(&call, *viewer, from) < ms(2500), "{:?}", longest_freeze(&call, *viewer, from));
    }
}

#[test]
fn an_outage_costs_little_more_than_itself() {
    let (mut call, ann) = filmed();
    let link = call.add_link(5_000_000);
    let phone = subscribe(&mut call, 1, ann, Some(link));
    call.connect();
    call.run(ms(5000));
    call.links[link].is_cut = true;
    call.run(ms(3000));
    call.links[link].is_cut = false;
    let end = mark(&call);
    call.run(ms(4000));
    let video = call.video_of(phone);
    let first = since(&video, end)[0].at.saturating_duration_since(end);
    assert!(first < ms(1000), "{first:?}");
    assert!(layer_share(&call, phone, b'1', mark(&call) - ms(1000)) > 0.9);
}

#[test]
fn nothing_that_does_not_fit_is_sent_again_and_again() {
    let (mut call, ann) = filmed();
    let link = call.add_link(400_000);
    let phone = subscribe(&mut call, 1, ann, Some(link));
    call.connect();
    call.run(ms(10_000));
    let before = call.links[link].dropped;
    let layers = |call: &Call| {
        let mut layers: Vec<u8> = call.video_of(phone).iter().map(|packet| stamp(&packet.payload).layer).collect();
        layers.dedup();
        layers.len()
    };
    let changes = layers(&call);
    call.run(ms(60_000));
    let (dropped, changes) = (call.links[link].dropped - before, layers(&call) - changes);
    assert!(dropped < 60, "{dropped} datagrams in a minute");
    assert!(changes <= 4, "{changes} changes in a minute");
}

#[test]
fn everything_is_sent_where_that_is_what_the_operator_wants() {
    let mut call = Call::with(sfu::Config { adapts: false, ..config() });
    let ann = call.publish(browser(), &RIDS);
    call.connect();
    for rid in RIDS {
        call.start_video(ann, VideoCodec::Vp8, Some(rid));
    }
    let link = call.add_link(300_000);
    let phone = subscribe(&mut call, 1, ann, Some(link));
    call.connect();
    call.run(ms(3000));
    let from = mark(&call);
    call.run(ms(3000));
    assert!(call.links[link].dropped > 100 && layer_share(&call, phone, b'1', from) > 0.99);
}
