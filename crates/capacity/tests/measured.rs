//! The model beside the measurements that it was fitted to (`make bench-capacity KEEP=--write`).

use capacity::costs::{ERROR, FITTED};
use capacity::{Call, Need, Recording, Video};
use serde::Deserialize;

#[derive(Deserialize)]
struct Measured {
    shape: String,
    workers: u32,
    rooms: u32,
    publishers: u32,
    subscribers: u32,
    video_kbps: u64,
    audio_bits_per_second: u64,
    /// Of the rounds, the least first.
    processor_us_per_second: Vec<f64>,
    idle_kb: Vec<f64>,
    more_kb: Vec<f64>,
}

impl Measured {
    fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("measured.json")).unwrap()
    }

    /// Of all its rooms.
    fn need(&self) -> Need {
        let video = Video { bits_per_second: self.video_kbps * 1000, frame_rate: 30, simulcast: false };
        let call = Call {
            participants: self.publishers + self.subscribers,
            publishers: self.publishers,
            video: (self.video_kbps > 0).then_some(video),
            audio_bits_per_second: self.audio_bits_per_second,
            relayed: 0.0,
            recording: Recording::None,
        };
        let Need { media_cores, memory_bytes, .. } = Need::of(&call, &FITTED, self.workers);
        let rooms = f64::from(self.rooms);
        let busy = f64::from(self.rooms.min(self.workers)) * FITTED.processor.busy_worker / 1e6;
        Need { media_cores: rooms * media_cores + busy, memory_bytes: rooms * memory_bytes, ..Need::default() }
    }
}

/// Those up to the median: what else a machine does only ever adds.
fn faster_half(rounds: &[f64]) -> f64 {
    let half = &rounds[..=(rounds.len() - 1) / 2];
    half.iter().sum::<f64>() / half.len() as f64
}

fn median(rounds: &[f64]) -> f64 {
    rounds[rounds.len() / 2]
}

#[test]
fn processor_time_is_as_it_was_measured_within_the_error_that_is_told() {
    for measured in Measured::all() {
        let seen = faster_half(&measured.processor_us_per_second) / 1e6;
        let error = measured.need().media_cores / seen - 1.0;
        assert!(error.abs() <= ERROR, "{} on {} workers: {:+.0} %", measured.shape, measured.workers, error * 100.0);
    }
}

#[test]
fn memory_is_as_it_was_measured_within_the_error_that_is_told() {
    for measured in Measured::all() {
        let seen = (median(&measured.idle_kb) + median(&measured.more_kb)) * 1000.0;
        let error = (measured.need().memory_bytes + FITTED.memory.base(measured.workers)) / seen - 1.0;
        assert!(error.abs() <= ERROR, "{} on {} workers: {:+.0} %", measured.shape, measured.workers, error * 100.0);
    }
}

#[test]
fn there_is_a_measurement_of_each_kind() {
    let all = Measured::all();
    assert!(all.iter().any(|measured| measured.workers == 1) && all.iter().any(|measured| measured.workers > 1));
    assert!(
        all.iter().any(|measured| measured.video_kbps == 0) && all.iter().any(|measured| measured.subscribers > 100)
    );
}
