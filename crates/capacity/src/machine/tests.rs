use super::*;
use crate::costs::FITTED;
use crate::{Recording, Video};

fn call(participants: u32, publishers: u32) -> Call {
    let video = Some(Video { bits_per_second: 1_500_000, frame_rate: 30, simulcast: false });
    let recording = Recording::None;
    Call { participants, publishers, video, audio_bits_per_second: 40_000, relayed: 0.0, recording }
}

fn video(change: impl FnOnce(&mut Video)) -> Call {
    let mut call = call(7, 7);
    if let Some(video) = &mut call.video {
        change(video);
    }
    call
}

fn machine(cores: u32) -> Machine {
    Machine { cores, memory_bytes: None, network_bits_per_second: None }
}

#[test]
fn more_of_anything_needs_no_less() {
    let few = call(7, 7);
    let more = [
        call(8, 7),
        call(8, 8),
        video(|video| video.bits_per_second = 2_500_000),
        video(|video| video.frame_rate = 60),
        video(|video| video.simulcast = true),
        Call { relayed: 0.5, ..few },
        Call { recording: Recording::Individual, ..few },
        Call { recording: Recording::Composed, ..few },
    ];
    let base = Need::of(&few, &FITTED, 2);
    for more in more {
        let need = Need::of(&more, &FITTED, 2);
        let grown = [
            (need.cores(), base.cores()),
            (need.memory_bytes, base.memory_bytes),
            (need.received_bits_per_second, base.received_bits_per_second),
            (need.sent_bits_per_second, base.sent_bits_per_second),
        ];
        assert!(grown.iter().all(|(more, few)| more >= few), "{more:?}: {need:?}");
        assert!(grown.iter().any(|(more, few)| more > few), "{more:?}");
        assert!(machine(2).sessions(&more, &FITTED).most <= machine(2).sessions(&few, &FITTED).most, "{more:?}");
    }
}

#[test]
fn what_there_is_least_of_is_the_limit() {
    let call = call(7, 7);
    let need = Need::of(&call, &FITTED, 4);
    // Room for exactly so many, with a little more.
    let for_sessions = |each: f64, share: f64, sessions: f64| Some((each * (sessions + 0.5) / share) as u64);
    let network = for_sessions(need.sent_bits_per_second, NETWORK_SHARE, 3.0);
    let narrow = Machine { network_bits_per_second: network, ..machine(4) };
    assert_eq!(narrow.sessions(&call, &FITTED), Room { most: 3, limit: Some(Limit::NetworkOut) });
    let bytes = need.memory_bytes * 2.5 + FITTED.memory.base(4);
    let small = Machine { memory_bytes: Some((bytes / MEMORY_SHARE) as u64), ..narrow };
    assert_eq!(small.sessions(&call, &FITTED), Room { most: 2, limit: Some(Limit::Memory) });
    let nothing = Machine { memory_bytes: Some(1_000_000), ..narrow };
    assert_eq!(nothing.sessions(&call, &FITTED), Room { most: 0, limit: Some(Limit::Memory) });
    let Room { most, limit } = machine(4).sessions(&call, &FITTED);
    assert_eq!(limit, Some(Limit::Worker), "all workers alike, and no session on two");
    assert_eq!(most, 4 * machine(4).sessions_of_worker(&call, &FITTED).most);
}

#[test]
fn what_fits_is_within_the_shares_and_one_more_is_not() {
    for cores in [1, 2, 8, 100] {
        let all = Machine { memory_bytes: Some(2_000_000_000), network_bits_per_second: Some(1_000_000_000), cores };
        for call in [call(2, 2), call(7, 7), call(50, 1), Call { recording: Recording::Composed, ..call(4, 4) }] {
            let most = all.sessions(&call, &FITTED).most;
            assert!(most > 0);
            let used = |sessions| {
                let of = all.use_by(&call, &FITTED, sessions);
                let network = of.network_in.unwrap().max(of.network_out.unwrap());
                (of.processor / PROCESSOR_SHARE).max(of.memory.unwrap() / MEMORY_SHARE).max(network / NETWORK_SHARE)
            };
            assert!(used(most) <= 1.0, "{call:?} on {cores}: {}", used(most));
            let whole_workers = all.sessions(&call, &FITTED).limit == Some(Limit::Worker);
            assert!(whole_workers || used(most + 1) > 1.0, "{call:?} on {cores}: {}", used(most + 1));
        }
    }
}

#[test]
fn the_largest_session_fits_and_a_larger_one_does_not() {
    let two = machine(2);
    for call in [call(7, 7), call(20, 2)] {
        let Room { most, limit } = two.participants(&call, &FITTED);
        assert_eq!(limit, Some(Limit::Worker));
        let most = u32::try_from(most).unwrap();
        assert!(two.sessions(&call.with_participants(most), &FITTED).most >= 1);
        assert_eq!(two.sessions(&call.with_participants(most + 1), &FITTED).most, 0);
    }
    let tiny = Machine { network_bits_per_second: Some(1_000_000), ..two };
    assert_eq!(tiny.participants(&call(7, 2), &FITTED).most, 0, "nobody could hear the other one");
}

#[test]
fn more_cores_make_more_and_larger_sessions() {
    let (two, four) = (machine(2), machine(4));
    let call = call(7, 7);
    assert!(four.sessions(&call, &FITTED).most > two.sessions(&call, &FITTED).most);
    assert!(four.participants(&call, &FITTED).most > two.participants(&call, &FITTED).most);
    // One that is too large for a worker is on several.
    let large = call.with_participants(40);
    assert_eq!(machine(64).sessions_of_worker(&large, &FITTED).most, 0);
    assert!(machine(64).sessions(&large, &FITTED).most > 0);
}
