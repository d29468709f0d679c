//! Receivers of other kinds than browsers of today, and what the estimator costs.

use std::time::{Duration, Instant};

use bandwidth::{Bitrate, Estimator, LegId, Limits, PathState};
use rtcp_types::prelude::*;
use rtcp_types::{Compound, Packet, TransportFeedback, Twcc, TwccPacketStatus};

fn kbps(bitrate: Bitrate) -> u64 {
    bitrate.as_bps() / 1000
}

#[test]
fn without_transport_wide_feedback_receivers_estimates_count() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut estimator = Estimator::new(Limits::default(), start);
    let (one, other) = (estimator.add_leg(), estimator.add_leg());
    estimator.sent(one, 0, 1000, None, at(0));
    estimator.remb(one, Bitrate::kbps(800), at(100));
    assert_eq!(kbps(estimator.estimate(at(100))), 800);
    // The other leg begins to send: of that nothing is known, then its own estimate is added.
    estimator.sent(other, 0, 1000, None, at(200));
    estimator.remb(other, Bitrate::kbps(700), at(1100));
    estimator.remb(one, Bitrate::kbps(900), at(1100));
    assert_eq!(kbps(estimator.estimate(at(1100))), 1600);
    estimator.remb(one, Bitrate::kbps(200), at(2100));
    assert_eq!(kbps(estimator.estimate(at(2100))), 900);
    assert_eq!(estimator.poll_probe(at(2100)), None, "who does not say what arrived cannot be asked");
    estimator.remove_leg(one);
    estimator.remb(other, Bitrate::kbps(500), at(3100));
    assert_eq!(kbps(estimator.estimate(at(3100))), 500);
    estimator.remb(one, Bitrate::kbps(5000), at(3200));
    assert_eq!(kbps(estimator.estimate(at(3200))), 500, "that leg is gone");
}

#[test]
fn with_receiver_reports_alone_loss_decides() {
    let start = Instant::now();
    let mut estimator = Estimator::new(Limits::default(), start);
    let leg = estimator.add_leg();
    estimator.set_wanted(Bitrate::kbps(1500));
    let mut now = start;
    let mut report = |estimator: &mut Estimator, seconds: u32, lost: u8| {
        for _ in 0..seconds {
            now += Duration::from_secs(1);
            estimator.receiver_report(leg, lost, 100, Some(Duration::from_millis(80)), now);
        }
        kbps(estimator.estimate(now))
    };
    let grown = report(&mut estimator, 60, 0);
    assert!((1500..1600).contains(&grown), "{grown}");
    assert_eq!(report(&mut estimator, 20, 13), grown, "5 % is neither");
    let fallen = report(&mut estimator, 10, 77);
    assert!(fallen < grown / 3, "{fallen}");
    assert_eq!(estimator.round_trip(), Some(Duration::from_millis(80)));
}

/// Reports numbers `from..until` as having arrived 20 ms after they were sent, one each millisecond.
fn report(from: u64, until: u64) -> Vec<u8> {
    let first = from * 1000 + 20_000;
    let reference = first / 64_000;
    let delta = |n: u64| if n == from { (first - reference * 64_000) / 250 } else { 4 };
    let statuses: Vec<_> = (from..until).map(|n| TwccPacketStatus::Received { delta: delta(n) as i16 }).collect();
    let fci = Twcc::builder(from as u16, reference as u32, 0, &statuses, None);
    let writer = TransportFeedback::builder(&fci).media_ssrc(1);
    let mut packet = vec![0; writer.calculate_size().unwrap()];
    writer.write_into_unchecked(&mut packet);
    packet
}

fn feed(estimator: &mut Estimator, leg: LegId, packet: &[u8], now: Instant) {
    for packet in Compound::parse(packet).unwrap() {
        if let Ok(Packet::TransportFeedback(feedback)) = packet {
            estimator.feedback(leg, &feedback.parse_fci::<Twcc<'_>>().unwrap(), now);
        }
    }
}

#[test]
fn nothing_is_allocated_once_it_runs() {
    let start = Instant::now();
    let mut estimator = Estimator::new(Limits::default(), start);
    assert!(estimator.memory() < 1000, "{}", estimator.memory());
    let leg = estimator.add_leg();
    estimator.set_wanted(Bitrate::kbps(3000));
    let run = |estimator: &mut Estimator, milliseconds: std::ops::Range<u64>| {
        for n in milliseconds.clone() {
            let now = start + Duration::from_millis(n);
            let cluster = estimator.poll_probe(now).map(|plan| plan.cluster);
            estimator.sent(leg, n as u16, 1200, cluster, now);
            if n >= 100 && n.is_multiple_of(50) {
                let packet = report(n - 100, n - 50);
                let allocated = allocation_counter::measure(|| feed(estimator, leg, &packet, now));
                assert!(milliseconds.start == 0 || allocated.count_total == 0, "{allocated:?}");
            }
        }
    };
    run(&mut estimator, 0..5000);
    assert_eq!(estimator.state(), PathState::Heard(bandwidth::Usage::Normal));
    let sent = allocation_counter::measure(|| {
        for n in 5000..5020_u64 {
            estimator.sent(leg, n as u16, 1200, None, start + Duration::from_millis(n));
        }
    });
    assert_eq!(sent.count_total, 0, "{sent:?}");
    run(&mut estimator, 5020..10_000);
    println!("{} bytes with one leg", estimator.memory());
    assert!(estimator.memory() < 8000, "{}", estimator.memory());
}

#[test]
fn many_legs_with_sound_alone_stay_small() {
    let start = Instant::now();
    let mut estimator = Estimator::new(Limits::default(), start);
    let legs: Vec<_> = (0..5).map(|_| estimator.add_leg()).collect();
    // Packets every 20 ms, whose numbers `report` takes for milliseconds.
    for n in 0..1000_u64 {
        for leg in &legs {
            estimator.sent(*leg, n as u16, 120, None, start + Duration::from_millis(n * 20));
            if n >= 10 && n.is_multiple_of(5) {
                feed(&mut estimator, *leg, &report(n - 10, n - 5), start + Duration::from_millis(n * 20));
            }
        }
    }
    println!("{} bytes with five legs", estimator.memory());
    assert!(estimator.memory() < 8000, "{}", estimator.memory());
}
