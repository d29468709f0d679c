//! The estimate alone, with sources that take all of it.

use crate::World;

/// Seconds from now until the estimate is at least `share` of `rate`.
fn time_to(world: &mut World, rate: f64, share: f64, limit: f64) -> f64 {
    let begin = world.now;
    let mut reached = None;
    world.run_with(limit, |world| {
        if reached.is_none() && world.clients[0].estimate(world.now) >= share * rate {
            reached = Some((world.now - begin) as f64 / 1e6);
        }
    });
    reached.unwrap_or(f64::INFINITY)
}

#[test]
fn it_finds_what_a_link_carries_within_seconds() {
    for legs in [1, 4] {
        for rate in [300e3, 1e6, 3e6] {
            let mut world = World::new(rate);
            world.add_greedy(legs);
            let time = time_to(&mut world, rate, 0.8, 4.0);
            world.link.longest = 0;
            let share = world.mean_share(0, rate, 30.0);
            let queue = world.link.longest / 1000;
            println!("{rate} bit/s, {legs} legs: 80 % after {time} s, then {share:.2} of it, queue up to {queue} ms");
            assert!(time < 3.0, "{time}");
            assert!((0.75..1.1).contains(&share), "{share}");
        }
    }
}

#[test]
fn a_sudden_drop_makes_a_queue_that_ends_soon() {
    let mut world = World::new(3e6);
    // A deep buffer: 1.5 s at what will be left.
    world.link.queue_limit = 56_000;
    world.add_greedy(1);
    world.run(15.0);
    world.link.rate = 300e3;
    world.run(3.0);
    world.link.longest = 0;
    let share = world.mean_share(0, 300e3, 10.0);
    let queue = world.link.longest / 1000;
    println!("after the drop: {share:.2} of the rest, queue up to {queue} ms from 3 s on");
    assert!(queue < 400, "{queue} ms");
    assert!((0.6..1.1).contains(&share), "{share}");
    world.link.rate = 3e6;
    let time = time_to(&mut world, 3e6, 0.8, 10.0);
    println!("80 % of it {time} s after all is as before");
    assert!(time < 5.0, "{time}");
}

#[test]
fn an_outage_costs_less_than_a_second_after_its_end() {
    for rate in [500e3, 3e6] {
        let mut world = World::new(rate);
        world.add_greedy(2);
        world.run(15.0);
        let before = world.mean_share(0, rate, 2.0);
        world.link.down = true;
        world.run(3.0);
        let during = world.clients[0].estimate(world.now) / rate;
        world.link.down = false;
        let time = time_to(&mut world, rate * before, 0.8, 5.0);
        println!("{rate} bit/s: {before:.2} before, {during:.2} at the end of the outage, back after {time} s");
        assert!(during < 0.2, "sending goes down while nothing is heard: {during}");
        assert!(time < 1.0, "{time}");
    }
}

#[test]
fn random_loss_does_not_make_it_collapse() {
    for loss in [0.02, 0.05, 0.10] {
        let mut world = World::new(2e6);
        world.link.loss = loss;
        world.add_greedy(1);
        world.run(10.0);
        let share = world.mean_share(0, 2e6, 60.0);
        println!("{} % lost: {share:.2}", loss * 100.0);
        assert!(share > if loss > 0.06 { 0.3 } else { 0.55 }, "{share}");
    }
}

#[test]
fn jitter_is_no_queue() {
    let mut world = World::new(2e6);
    world.link.jitter = 20_000;
    world.add_greedy(2);
    world.run(10.0);
    let share = world.mean_share(0, 2e6, 60.0);
    println!("20 ms of jitter: {share:.2}");
    assert!(share > 0.6, "{share}");
}

#[test]
fn it_makes_room_for_others_and_takes_it_back() {
    let mut world = World::new(2e6);
    world.add_greedy(1);
    world.run(10.0);
    world.cross = 1e6;
    world.run(5.0);
    let share = world.mean_share(0, 1e6, 20.0);
    world.cross = 0.0;
    world.run(5.0);
    let alone = world.mean_share(0, 2e6, 20.0);
    println!("beside 1 Mbit/s: {share:.2} of the other one; alone again: {alone:.2}");
    assert!((0.6..1.2).contains(&share), "{share}");
    assert!(alone > 0.75, "{alone}");
}

#[test]
fn clients_behind_one_line_share_it() {
    let mut world = World::new(1e6);
    (0..3).for_each(|_| world.add_greedy(2));
    world.run(20.0);
    let before: Vec<u64> = world.clients.iter().map(|client| client.arrived.iter().sum()).collect();
    world.run(60.0);
    let rates: Vec<f64> = world
        .clients
        .iter()
        .zip(before)
        .map(|(client, before)| (client.arrived.iter().sum::<u64>() - before) as f64 * 8.0 / 60.0)
        .collect();
    println!("{rates:.0?}");
    assert!(rates.iter().sum::<f64>() > 0.75e6);
    assert!(rates.iter().all(|rate| *rate > 0.16e6), "{rates:?}");
}

#[test]
fn a_path_that_drops_instead_of_queueing_is_found_by_its_loss() {
    let mut world = World::new(1e6);
    world.link.queue_limit = 4_000;
    world.link.burst = 4_000.0;
    world.add_greedy(1);
    world.run(15.0);
    let sent = |world: &World| world.clients[0].arrived.iter().sum::<u64>() as f64 * 8.0;
    let before = sent(&world);
    let share = world.mean_share(0, 1e6, 60.0);
    let arrived = (sent(&world) - before) / 60e6;
    println!("queue of 32 ms: estimate {share:.2} of it, {arrived:.2} arrives");
    assert!((0.7..1.2).contains(&share), "{share}");
    assert!(arrived > 0.65, "{arrived}");
}

#[test]
fn lost_feedback_is_no_lost_media() {
    let mut world = World::new(2e6);
    world.link.answers_lost = 0.3;
    world.add_greedy(2);
    world.run(10.0);
    let share = world.mean_share(0, 2e6, 60.0);
    println!("30 % of feedback lost: {share:.2}");
    // What is not told of counts as not carried.
    assert!(share > 0.5, "{share}");
}

#[test]
fn far_away_is_as_good() {
    let mut world = World::new(2e6);
    world.link.delay = 150_000;
    world.add_greedy(2);
    let time = time_to(&mut world, 2e6, 0.8, 8.0);
    let share = world.mean_share(0, 2e6, 60.0);
    println!("300 ms of round trip: 80 % after {time} s, then {share:.2}");
    assert!(time < 6.0, "{time}");
    assert!((0.7..1.1).contains(&share), "{share}");
}
