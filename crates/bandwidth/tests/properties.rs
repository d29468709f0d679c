//! What must be so whatever comes.

use std::time::{Duration, Instant};

use bandwidth::{Allocator, Bitrate, Budget, Class, ConsumerId, Estimator, Layer, LayerRate, Limits, Remb, Wish};
use proptest::prelude::*;
use rtcp_types::Twcc;
use rtcp_types::prelude::*;

#[derive(Clone, Debug)]
enum Event {
    Pass(u32),
    Sent { leg: usize, packets: u8, size: u16 },
    Feedback { leg: usize, information: Vec<u8> },
    Report { leg: usize, lost: u8, packets: u32, round_trip: Option<u32> },
    Remb { leg: usize, bitrate: u64 },
    Replace { leg: usize },
    Want(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let leg = 0..3_usize;
    prop_oneof![
        4 => (0..400_000_u32).prop_map(Event::Pass),
        1 => any::<u32>().prop_map(Event::Pass),
        6 => (leg.clone(), 0..40_u8, any::<u16>()).prop_map(|(leg, packets, size)| Event::Sent { leg, packets, size }),
        6 => (leg.clone(), feedback()).prop_map(|(leg, information)| Event::Feedback { leg, information }),
        1 => (leg.clone(), proptest::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(leg, information)| Event::Feedback { leg, information }),
        1 => (leg.clone(), any::<u8>(), any::<u32>(), any::<Option<u32>>())
            .prop_map(|(leg, lost, packets, round_trip)| Event::Report { leg, lost, packets, round_trip }),
        1 => (leg.clone(), any::<u64>()).prop_map(|(leg, bitrate)| Event::Remb { leg, bitrate }),
        1 => leg.prop_map(|leg| Event::Replace { leg }),
        1 => any::<u64>().prop_map(Event::Want),
    ]
}

/// Of numbers that were sent, with deltas of any size.
fn feedback() -> impl Strategy<Value = Vec<u8>> {
    let chunks = proptest::collection::vec(any::<u16>(), 1..4);
    (0..200_u16, 1..60_u16, 0..300_u32, chunks, proptest::collection::vec(any::<u8>(), 0..80)).prop_map(
        |(base, count, reference, chunks, deltas)| {
            let mut information = base.to_be_bytes().to_vec();
            information.extend(count.to_be_bytes());
            information.extend((reference << 8).to_be_bytes());
            chunks.iter().for_each(|chunk| information.extend(chunk.to_be_bytes()));
            information.extend(deltas);
            information
        },
    )
}

proptest! {
    #[test]
    fn the_estimate_is_within_its_limits(
        events in proptest::collection::vec(event(), 1..120),
        limits in (any::<u64>(), any::<u64>(), any::<u64>()),
    ) {
        let limits = Limits { start: Bitrate::bps(limits.0), min: Bitrate::bps(limits.1 >> 20), max: Bitrate::bps(limits.2) };
        let min = limits.min.max(Bitrate::kbps(5));
        let max = limits.max.max(min);
        let mut now = Instant::now();
        let mut estimator = Estimator::new(limits, now);
        let mut legs = [(); 3].map(|()| (estimator.add_leg(), 0_u16));
        for event in events {
            match event {
                Event::Pass(micros) => now += Duration::from_micros(micros.into()),
                Event::Sent { leg, packets, size } => for _ in 0..packets {
                    let cluster = estimator.poll_probe(now).map(|plan| plan.cluster);
                    let (id, sequence) = &mut legs[leg];
                    estimator.sent(*id, *sequence, size.into(), cluster, now);
                    *sequence = sequence.wrapping_add(1);
                },
                Event::Feedback { leg, information } => {
                    let _ = Remb::parse(&information);
                    if let Ok(twcc) = Twcc::parse(&information) {
                        estimator.feedback(legs[leg].0, &twcc, now);
                    }
                }
                Event::Report { leg, lost, packets, round_trip } => {
                    let round_trip = round_trip.map(|micros| Duration::from_micros(micros.into()));
                    estimator.receiver_report(legs[leg].0, lost, packets, round_trip, now);
                }
                Event::Remb { leg, bitrate } => estimator.remb(legs[leg].0, Bitrate::bps(bitrate), now),
                Event::Replace { leg } => {
                    estimator.remove_leg(legs[leg].0);
                    legs[leg] = (estimator.add_leg(), 0);
                }
                Event::Want(bitrate) => estimator.set_wanted(Bitrate::bps(bitrate)),
            }
            if estimator.next_timeout().is_some_and(|due| due <= now) {
                estimator.handle_timeout(now);
            }
            let estimate = estimator.estimate(now);
            prop_assert!(min <= estimate && estimate <= max, "{estimate} is not from {min} to {max}");
            prop_assert!(estimator.pacing_rate(now) >= estimate);
            prop_assert!((0.0..=1.0).contains(&estimator.loss()));
            prop_assert!(estimator.memory() < 600_000);
        }
    }
}

#[derive(Clone, Debug)]
struct Consumed {
    class: Class,
    wish: Wish,
    layers: Vec<LayerRate>,
}

fn consumed() -> impl Strategy<Value = Consumed> {
    let class = prop_oneof![Just(Class::Audio), Just(Class::Screen), Just(Class::Camera), Just(Class::Camera)];
    let layer = (0..3_u8, 0..3_u8, 1..3_000_u64, proptest::bool::weighted(0.8)).prop_map(
        |(spatial, temporal, kilobits, active)| LayerRate {
            layer: Layer { spatial, temporal },
            bitrate: Bitrate::kbps(kilobits),
            active,
        },
    );
    let limit =
        prop_oneof![Just(Layer::BEST), (0..3_u8, 0..3_u8).prop_map(|(spatial, temporal)| Layer { spatial, temporal })];
    let most = proptest::option::of((1..3_000_u64).prop_map(Bitrate::kbps));
    let wish = (0..3_u8, limit, most, proptest::bool::weighted(0.1)).prop_map(|(priority, limit, most, paused)| Wish {
        priority,
        limit,
        most,
        paused,
    });
    (class, wish, proptest::collection::vec(layer, 0..6)).prop_map(|(class, wish, layers)| Consumed {
        class,
        wish,
        layers,
    })
}

fn set(allocator: &mut Allocator, id: ConsumerId, consumed: &Consumed, now: Instant) {
    allocator.set_wish(id, consumed.wish);
    allocator.set_layers(id, &consumed.layers, now);
}

fn audio(consumed: &[(ConsumerId, Consumed)]) -> Bitrate {
    let top = |consumed: &Consumed| {
        let active = consumed.layers.iter().filter(|layer| layer.active);
        active.map(|layer| layer.bitrate).max().unwrap_or(Bitrate::ZERO)
    };
    consumed.iter().filter(|(_, consumed)| consumed.class == Class::Audio).map(|(_, consumed)| top(consumed)).sum()
}

proptest! {
    /// Rates are smoothed only while layers stay, so here each has a consumer of its own from the start.
    #[test]
    fn no_more_is_given_than_there_is_but_to_sound(
        consumed in proptest::collection::vec(consumed(), 0..9),
        budgets in proptest::collection::vec((0..12_000_u64, 0..3_000_u64, any::<bool>()), 1..30),
    ) {
        let mut now = Instant::now();
        let mut allocator = Allocator::new();
        let all: Vec<_> = consumed.into_iter().map(|consumed| {
            let id = allocator.add(consumed.class);
            set(&mut allocator, id, &consumed, now);
            (id, consumed)
        }).collect();
        for (kilobits, milliseconds, silent) in budgets {
            now += Duration::from_millis(milliseconds);
            let before: Vec<_> = all.iter().map(|(id, _)| allocator.target(*id)).collect();
            let bitrate = Bitrate::kbps(kilobits);
            let changed = allocator.update(Budget { bitrate, silent }, now).to_vec();
            prop_assert!(allocator.allocated() <= bitrate.max(audio(&all)));
            for ((id, consumed), before) in all.iter().zip(before) {
                let target = allocator.target(*id);
                prop_assert_eq!(changed.contains(id), target != before);
                prop_assert!(!consumed.wish.paused || target.is_none());
                if let Some(target) = target {
                    prop_assert!(consumed.layers.iter().any(|layer| layer.active && layer.layer == target));
                } else if consumed.class == Class::Audio {
                    prop_assert!(consumed.wish.paused || !consumed.layers.iter().any(|layer| layer.active));
                }
            }
        }
    }

    /// Of two that are alike, the one of higher priority does not get less; nobody's second layer is in the way of anybody's
    /// first.
    #[test]
    fn priorities_and_first_layers_count(
        rates in (50..300_u64, 100..600_u64, 100..3_000_u64),
        priorities in proptest::collection::vec(0..4_u8, 2..9),
        budget in 0..12_000_u64,
        seconds in 0..10_u64,
    ) {
        let now = Instant::now();
        let mut allocator = Allocator::new();
        let steps = [rates.0, rates.0 + rates.1, rates.0 + rates.1 + rates.2];
        let layers: Vec<_> = (0..3_u8).zip(steps).map(|(spatial, kilobits)| LayerRate {
            layer: Layer { spatial, temporal: 0 },
            bitrate: Bitrate::kbps(kilobits),
            active: true,
        }).collect();
        let all: Vec<_> = priorities.into_iter().map(|priority| {
            let id = allocator.add(Class::Camera);
            set(&mut allocator, id, &Consumed {
                class: Class::Camera,
                wish: Wish { priority, ..Wish::default() },
                layers: layers.clone(),
            }, now);
            (priority, id)
        }).collect();
        let budget = Budget { bitrate: Bitrate::kbps(budget), silent: false };
        allocator.update(budget, now);
        allocator.update(budget, now + Duration::from_secs(seconds));
        let got = |id| allocator.target(id).map_or(0, |layer| layer.spatial + 1);
        for (one, first) in &all {
            for (other, second) in &all {
                prop_assert!(one <= other || got(*first) >= got(*second));
            }
        }
        // One step up must leave headroom of 15 %.
        let served = all.iter().filter(|(_, id)| got(*id) > 0).count() as u64;
        prop_assert!(served == all.len() as u64 || (served + 1) * rates.0 * 1150 > budget.bitrate.as_bps());
    }

    /// With nothing new, everything has its place soon, and stays there.
    #[test]
    fn what_does_not_change_does_not_move(
        consumed in proptest::collection::vec(consumed(), 0..9),
        budgets in proptest::collection::vec(0..12_000_u64, 1..6),
    ) {
        let mut now = Instant::now();
        let mut allocator = Allocator::new();
        for consumed in &consumed {
            let id = allocator.add(consumed.class);
            set(&mut allocator, id, consumed, now);
        }
        let mut last = Budget { bitrate: Bitrate::ZERO, silent: false };
        for kilobits in budgets {
            now += Duration::from_secs(1);
            last.bitrate = Bitrate::kbps(kilobits);
            allocator.update(last, now);
        }
        for step in 0..200 {
            now += Duration::from_secs(1);
            let changed = allocator.update(last, now).len();
            prop_assert!(step < 100 || changed == 0);
        }
        prop_assert_eq!(allocator.next_timeout(), None);
    }
}
