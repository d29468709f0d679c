//! Estimator and allocator together: what viewers see.

use bandwidth::Class;

use crate::World;

/// Kilobits per second of a publisher's simulcast layers.
const SIMULCAST: [u64; 3] = [100, 300, 1500];

/// A viewer with as many publishers, each over its own transport, as OpenVidu's clients have it.
fn viewer(world: &mut World, publishers: usize, rates: &[u64]) -> Vec<usize> {
    let client = world.add_client();
    let add = |_| {
        let leg = client.add_leg();
        client.add_sound(leg);
        client.add_pictures(leg, Class::Camera, rates, 0.2)
    };
    (0..publishers).map(add).collect()
}

/// Seconds until the source is sent in this layer or a better one.
fn time_to_layer(world: &mut World, source: usize, layer: usize, limit: f64) -> f64 {
    let begin = world.now;
    let mut reached = None;
    world.run_with(limit, |world| {
        if reached.is_none() && world.clients[0].layer(source).0 >= Some(layer) {
            reached = Some((world.now - begin) as f64 / 1e6);
        }
    });
    reached.unwrap_or(f64::INFINITY)
}

/// Share of the next seconds in which the source was sent in exactly this layer, and how often the layer changed.
fn stay(world: &mut World, client: usize, source: usize, layer: Option<usize>, seconds: f64) -> (f64, u32) {
    let before = world.clients[client].layer(source).1;
    let (mut there, mut all) = (0, 0);
    world.run_with(seconds, |world| {
        there += u32::from(world.clients[client].layer(source).0 == layer);
        all += 1;
    });
    (f64::from(there) / f64::from(all), world.clients[client].layer(source).1 - before)
}

/// Share of the sound that arrives during the next seconds.
fn sound(world: &mut World, client: usize, source: usize, seconds: f64) -> f64 {
    let before = world.clients[client].arrived[source];
    world.run(seconds);
    (world.clients[client].arrived[source] - before) as f64 / (seconds * 50.0 * 100.0)
}

#[test]
fn a_viewer_gets_the_best_layer_that_fits_and_keeps_it() {
    for (rate, layer) in [(250e3, 0), (600e3, 1), (3e6, 2)] {
        let mut world = World::new(rate);
        let source = viewer(&mut world, 1, &SIMULCAST)[0];
        let time = time_to_layer(&mut world, source, layer, 10.0);
        world.link.longest = 0;
        let (share, switches) = stay(&mut world, 0, source, Some(layer), 180.0);
        let queue = world.link.longest / 1000;
        println!(
            "{rate} bit/s: layer {layer} after {time} s, {share:.3} of the time, {switches} switches in 180 s, queue up to {queue} ms"
        );
        assert!(time < 3.0, "{time}");
        assert!(share > 0.9, "{share}");
        assert!(switches <= 6, "{switches}");
    }
}

#[test]
fn many_publishers_share_what_there_is() {
    let mut world = World::new(2e6);
    let sources = viewer(&mut world, 6, &SIMULCAST);
    world.run(20.0);
    let before: u32 = sources.iter().map(|source| world.clients[0].layer(*source).1).sum();
    let mut lowest = usize::MAX;
    world.run_with(120.0, |world| {
        let layers = sources.iter().map(|source| world.clients[0].layer(*source).0);
        lowest = lowest.min(layers.map(|layer| layer.map_or(0, |layer| layer + 1)).min().unwrap());
    });
    let switches: u32 = sources.iter().map(|source| world.clients[0].layer(*source).1).sum::<u32>() - before;
    let layers: Vec<_> = sources.iter().map(|source| world.clients[0].layer(*source).0).collect();
    println!("six of 100/300/1500 on 2 Mbit/s: {layers:?}, {switches} switches in 120 s");
    assert!(lowest >= 1, "nobody's picture pauses");
    assert!(switches <= 24, "{switches}");
}

#[test]
fn the_full_layer_is_back_soon_after_a_narrow_stretch() {
    let mut world = World::new(3e6);
    let source = viewer(&mut world, 1, &SIMULCAST)[0];
    world.run(20.0);
    assert_eq!(world.clients[0].layer(source).0, Some(2));
    for (stretch, burst) in [(10.0, 3000.0), (30.0, 3000.0), (30.0, 12_000.0)] {
        world.link.rate = 300e3;
        world.link.burst = burst;
        world.run(3.0);
        world.link.longest = 0;
        let heard = sound(&mut world, 0, source - 1, stretch);
        let queue = world.link.longest / 1000;
        let narrow = world.clients[0].layer(source).0;
        world.link.rate = 3e6;
        let time = time_to_layer(&mut world, source, 2, 15.0);
        println!(
            "300 kbit/s for {stretch} s, bursts of {burst} bytes: layer {narrow:?}, queue up to {queue} ms, {heard:.2} of the sound; full layer {time} s after"
        );
        assert!(time < 5.0, "{time}");
        assert!(heard > 0.9, "{heard}");
        world.run(20.0);
    }
}

#[test]
fn after_an_outage_the_layer_is_as_before() {
    for rates in [&SIMULCAST[..], &[900][..]] {
        let mut world = World::new(3e6);
        let source = viewer(&mut world, 2, rates)[1];
        world.run(20.0);
        let best = world.clients[0].layer(source).0;
        world.link.down = true;
        world.run(3.0);
        world.link.down = false;
        let time = time_to_layer(&mut world, source, best.unwrap(), 10.0);
        println!("{} layers: back after {time} s", rates.len());
        assert!(time < 1.0, "{time}");
    }
}

#[test]
fn sound_survives_where_pictures_do_not() {
    let mut world = World::new(100e3);
    let source = viewer(&mut world, 1, &[500])[0];
    world.run(5.0);
    let heard = sound(&mut world, 0, source - 1, 60.0);
    let (paused, switches) = stay(&mut world, 0, source, None, 60.0);
    println!("100 kbit/s: {heard:.3} of the sound, pictures paused {paused:.3} of the time, {switches} switches");
    assert!(heard > 0.97, "{heard}");
    assert!(paused > 0.95, "{paused}");
    world.link.rate = 1e6;
    let time = time_to_layer(&mut world, source, 0, 15.0);
    println!("with 1 Mbit/s, pictures are back after {time} s");
    assert!(time < 5.0, "{time}");
}

#[test]
fn viewers_behind_one_line_share_it() {
    let mut world = World::new(1e6);
    let sources: Vec<_> = (0..3).map(|_| viewer(&mut world, 1, &[80, 200, 900])[0]).collect();
    world.run(20.0);
    let before: Vec<u64> = world.clients.iter().map(|client| client.arrived.iter().sum()).collect();
    let began: u32 = (0..3).map(|viewer| world.clients[viewer].layer(sources[viewer]).1).sum();
    world.run(120.0);
    let rate = |(client, before): (&crate::client::Client, u64)| {
        (client.arrived.iter().sum::<u64>() - before) as f64 * 8.0 / 120.0
    };
    let rates: Vec<f64> = world.clients.iter().zip(before).map(rate).collect();
    let switches: u32 = (0..3).map(|viewer| world.clients[viewer].layer(sources[viewer]).1).sum::<u32>() - began;
    println!("{rates:.0?}, {switches} switches in 120 s");
    assert!(rates.iter().all(|rate| *rate > 0.12e6), "{rates:?}");
    assert!(switches <= 30, "{switches}");
}

#[test]
fn layers_do_not_flap_on_a_rough_path() {
    let mut world = World::new(800e3);
    world.link.jitter = 15_000;
    world.link.loss = 0.01;
    let source = viewer(&mut world, 1, &SIMULCAST)[0];
    world.run(20.0);
    let (share, switches) = stay(&mut world, 0, source, Some(1), 240.0);
    println!("800 kbit/s, 15 ms of jitter, 1 % lost: layer 1 for {share:.3} of the time, {switches} switches in 240 s");
    assert!(share > 0.85, "{share}");
    assert!(switches <= 16, "{switches}");
}
