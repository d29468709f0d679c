//! What the estimator and the allocator cost: `cargo run --release -p bandwidth --example cost`. Prints nanoseconds.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bandwidth::{Allocator, Bitrate, Budget, Class, Estimator, Layer, LayerRate, Limits};
use rtcp_types::prelude::*;
use rtcp_types::{Twcc, TwccPacketStatus};

const PACKETS: u64 = 5_000_000;
/// In one feedback.
const REPORTED: u64 = 50;

fn main() {
    let start = Instant::now();
    let mut estimator = Estimator::new(Limits::default(), start);
    let legs: Vec<_> = (0..8).map(|_| estimator.add_leg()).collect();
    let (mut sending, mut hearing) = (Duration::ZERO, Duration::ZERO);
    let mut n = 0;
    while n < PACKETS {
        let began = Instant::now();
        for _ in 0..REPORTED {
            let now = start + Duration::from_micros(n * 100);
            for leg in &legs {
                estimator.sent(*leg, n as u16, 1200, None, now);
            }
            n += 1;
        }
        sending += began.elapsed();
        let first = (n - REPORTED) * 100 + 20_000;
        let reference = first / 64_000;
        let delta = |k: u64| if k == 0 { (first - reference * 64_000) / 250 } else { k & 1 };
        let statuses: Vec<_> = (0..REPORTED).map(|k| TwccPacketStatus::Received { delta: delta(k) as i16 }).collect();
        let fci = Twcc::builder((n - REPORTED) as u16, reference as u32 & 0xff_ffff, 0, &statuses, None);
        let mut information = vec![0; fci.calculate_size().expect("a reference time of 24 bits")];
        fci.write_into_unchecked(&mut information);
        let twcc = Twcc::parse(&information).expect("what was written is read");
        let now = start + Duration::from_micros(n * 100 + 20_000);
        let began = Instant::now();
        for leg in &legs {
            estimator.feedback(*leg, &twcc, now);
        }
        hearing += began.elapsed();
    }
    let packets = (n * legs.len() as u64) as f64;
    println!("sent: {:.1} ns for each packet", sending.as_nanos() as f64 / packets);
    println!("feedback: {:.1} ns for each packet, {REPORTED} at a time", hearing.as_nanos() as f64 / packets);
    println!("memory with {} legs: {} bytes", legs.len(), estimator.memory());
    println!("estimate: {}", estimator.estimate(start + Duration::from_micros(n * 100)));

    let mut allocator = Allocator::new();
    let layers = [100, 300, 1500].map(Bitrate::kbps);
    for _ in 0..50 {
        let id = allocator.add(Class::Camera);
        let layers = layers.iter().zip(0..).map(|(bitrate, spatial)| LayerRate {
            layer: Layer { spatial, temporal: 0 },
            bitrate: *bitrate,
            active: true,
        });
        allocator.set_layers(id, &layers.collect::<Vec<_>>(), start);
    }
    let rounds = 20_000;
    let began = Instant::now();
    for round in 0..rounds {
        let budget = Budget { bitrate: Bitrate::kbps(5_000 + round % 1000), silent: false };
        black_box(allocator.update(budget, start + Duration::from_millis(round * 10)));
    }
    println!("allocator: {:.0} ns for 50 cameras", began.elapsed().as_nanos() as f64 / rounds as f64);
}
