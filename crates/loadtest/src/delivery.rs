//! All legs together: what was delivered, and how soon.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::generator::{Outcome, no_delays};
use crate::picture_stream::PictureResult;
use crate::report::{Layers, Packets, Quantiles, Seams};

/// A leg that is there for less than this says nothing of which layer it could have had: where the way carries more than the
/// smallest one is found out first.
const LONG_ENOUGH: Duration = Duration::from_secs(3);

/// See the module.
pub(crate) struct Delivery {
    pub(crate) legs_with_media: u64,
    /// What legs tell of: the rest is left as it is.
    pub(crate) packets: Packets,
    pub(crate) seams: Seams,
    pub(crate) layers: Layers,
    pub(crate) first_packet_ms: Quantiles,
    pub(crate) first_picture_ms: Quantiles,
}

impl Delivery {
    /// Of all threads: whoever receives may be in another one than whoever sends. `layers`: how many each publisher sends.
    pub(crate) fn of(outcome: Outcome, mut packets: Packets, layers: usize) -> Self {
        let (mut first_packet, mut first_picture, mut first_best) = (no_delays(), no_delays(), no_delays());
        let record = |times: &mut Histogram<u64>, time: Option<Duration>| {
            if let Some(time) = time {
                times.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1));
            }
        };
        let mut seams = Seams::default();
        let mut layers = Layers { legs_at_end: vec![0; layers], packets: vec![0; layers], ..Layers::default() };
        let mut legs_with_media = 0;
        for leg in outcome.legs {
            legs_with_media += u64::from(leg.complete);
            let result = leg.result(&outcome.last);
            record(&mut first_packet, result.first_packet);
            record(&mut first_picture, result.first_picture);
            record(&mut first_best, result.first_best);
            packets.misdirected += result.misdirected;
            packets.lost_pictures += result.video.map_or(0, |video| video.missing);
            for track in [result.audio, result.video].into_iter().flatten() {
                packets.received += track.received;
                packets.lost += track.missing;
                packets.duplicated += track.duplicated;
                packets.late += track.late;
            }
            if let Some(pictures) = result.pictures {
                seams.add(pictures.seams);
                layers.add(pictures);
            }
        }
        layers.best_ms = Quantiles::of(&first_best);
        Self {
            legs_with_media,
            packets,
            seams,
            layers,
            first_packet_ms: Quantiles::of(&first_packet),
            first_picture_ms: Quantiles::of(&first_picture),
        }
    }
}

impl Layers {
    /// One more leg.
    fn add(&mut self, pictures: PictureResult) {
        if let Some(legs) = self.legs_at_end.get_mut(pictures.layer) {
            *legs += 1;
        }
        for (sum, packets) in self.packets.iter_mut().zip(pictures.packets) {
            *sum += packets;
        }
        self.switches += pictures.switches;
        self.cut_off += pictures.cut_off;
        self.most_switches = self.most_switches.max(pictures.switches);
        self.only_smallest += u64::from(pictures.highest == 0 && pictures.lasted >= LONG_ENOUGH);
    }
}

impl Seams {
    fn add(&mut self, other: Self) {
        self.timestamps += other.timestamps;
        self.key_frames += other.key_frames;
        self.picture_ids += other.picture_ids;
        self.torn += other.torn;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_that_never_rises_is_told_if_it_had_the_time() {
        let leg = |highest, seconds, switches| PictureResult {
            highest,
            layer: highest,
            lasted: Duration::from_secs(seconds),
            switches,
            ..PictureResult::default()
        };
        let mut layers = Layers { legs_at_end: vec![0; 3], packets: vec![0; 3], ..Layers::default() };
        for pictures in [leg(0, 10, 0), leg(0, 1, 0), leg(2, 10, 4), leg(1, 10, 1)] {
            layers.add(pictures);
        }
        assert_eq!((layers.only_smallest, layers.switches, layers.most_switches), (1, 5, 4));
        assert_eq!(layers.legs_at_end, [2, 1, 1]);
    }
}
