//! How many bits a second the parts of a publication take: its sound, and each layer of its picture. It measures what came from
//! the publisher, and knows nothing of who gets it.

use std::time::{Duration, Instant};

use crate::packet::{MediaKind, Packet};

/// Length of a bucket; a rate is of all that are full.
const BUCKET: Duration = Duration::from_millis(200);
const BUCKETS: usize = 5;
/// Of a packet, beside its payload: its header with extensions, and what seals it.
const OVERHEAD: usize = 50;

/// Layers in time that are told apart; what is above counts as the last one.
const TEMPORAL: usize = 4;

/// Of one publication.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    audio: Meter,
    /// Of the sound, what was sent before.
    redundancy: Meter,
    video: Vec<Layers>,
}

/// Of one size of the picture.
#[derive(Clone, Copy, Debug, Default)]
struct Layers {
    all: [Meter; TEMPORAL],
    /// Of those, what larger pictures do not need.
    skippable: [Meter; TEMPORAL],
}

/// Bytes of about the last second.
#[derive(Clone, Copy, Debug, Default)]
struct Meter {
    buckets: [u32; BUCKETS],
    /// The one that is being filled, and when that began.
    current: usize,
    began: Option<Instant>,
    /// Buckets that are full and count.
    full: usize,
}

impl Rates {
    /// For a picture of so many layers; there may be more of them later.
    pub(crate) fn new(layers: usize) -> Self {
        let (audio, redundancy) = Default::default();
        Self { audio, redundancy, video: vec![Layers::default(); layers] }
    }

    /// A packet came.
    pub(crate) fn add(&mut self, packet: &Packet) {
        let (bytes, at) = (packet.primary().len() + OVERHEAD, packet.arrival);
        if packet.primary_at > 0 {
            self.redundancy.add(packet.primary_at.into(), at);
        }
        if packet.kind == MediaKind::Audio {
            return self.audio.add(bytes, at);
        }
        let layer = packet.layer();
        if layer >= self.video.len() {
            self.video.resize(layer + 1, Layers::default());
        }
        let layers = &mut self.video[layer];
        let temporal = packet.frame.map_or(0, |frame| usize::from(frame.temporal).min(TEMPORAL - 1));
        layers.all[temporal].add(bytes, at);
        if packet.frame.is_some_and(|frame| frame.is_skippable) {
            layers.skippable[temporal].add(bytes, at);
        }
    }

    /// Of the sound.
    pub(crate) fn audio(&mut self, now: Instant) -> u64 {
        self.audio.rate(now)
    }

    /// Of what is sent with it a second time.
    pub(crate) fn redundancy(&mut self, now: Instant) -> u64 {
        self.redundancy.rate(now)
    }

    /// Of one size of the picture: what all takes that has to be sent for it, with one layer in time, with two, and so on, for as
    /// many as there are. `is_scaled`: smaller sizes are layers of the same stream.
    pub(crate) fn video(&mut self, layer: usize, is_scaled: bool, now: Instant) -> ([u64; TEMPORAL], usize) {
        let mut rates = [0; TEMPORAL];
        let mut count = 1;
        let lowest = if is_scaled { 0 } else { layer };
        for (number, layers) in self.video.iter_mut().enumerate().take(layer + 1).skip(lowest) {
            for (temporal, sum) in rates.iter_mut().enumerate() {
                let all = layers.all[temporal].rate(now);
                let skippable = if number < layer { layers.skippable[temporal].rate(now) } else { 0 };
                if all > 0 {
                    count = count.max(temporal + 1);
                }
                *sum += all.saturating_sub(skippable);
            }
        }
        for temporal in 1..TEMPORAL {
            rates[temporal] += rates[temporal - 1];
        }
        (rates, count)
    }
}

impl Meter {
    fn add(&mut self, bytes: usize, now: Instant) {
        self.advance(now);
        self.buckets[self.current] = self.buckets[self.current].saturating_add(bytes as u32);
    }

    /// Bits per second. Before a bucket is full, as if what came so far were all of one.
    fn rate(&mut self, now: Instant) -> u64 {
        self.advance(now);
        let bytes: u64 = self.buckets.iter().map(|bytes| u64::from(*bytes)).sum();
        let began = self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        let time = (BUCKET * self.full as u32 + began).max(BUCKET);
        bytes * 8_000_000 / time.as_micros() as u64
    }

    fn advance(&mut self, now: Instant) {
        let mut began = *self.began.get_or_insert(now);
        let passed = now.saturating_duration_since(began).as_micros() / BUCKET.as_micros();
        for _ in 0..passed.min(BUCKETS as u128) {
            self.current = (self.current + 1) % BUCKETS;
            self.buckets[self.current] = 0;
            self.full = (self.full + 1).min(BUCKETS - 1);
        }
        began += BUCKET * passed as u32;
        self.began = Some(began);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_is_measured_and_its_end_forgotten() {
        let start = Instant::now();
        let mut meter = Meter::default();
        assert_eq!(meter.rate(start), 0);
        for ms in (0..5000).step_by(10) {
            meter.add(1250, start + Duration::from_millis(ms));
            // The first packet of a bucket weighs more the fewer buckets there are.
            let rate = meter.rate(start + Duration::from_millis(ms + 9));
            assert!(ms < 200 || (950_000..1_100_000).contains(&rate), "{rate} at {ms}");
        }
        assert_eq!(meter.rate(start + Duration::from_secs(7)), 0);
        meter.add(1250, start + Duration::from_secs(1000));
        assert!(meter.rate(start + Duration::from_secs(1000)) <= 50_000);
    }
}
