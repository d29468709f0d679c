//! All legs together: what was delivered, and how soon.

use hdrhistogram::Histogram;

use crate::generator::{Outcome, no_delays};
use crate::report::{Packets, Quantiles};

/// See the module.
pub(crate) struct Delivery {
    pub(crate) legs_with_media: u64,
    /// What legs tell of: the rest is left as it is.
    pub(crate) packets: Packets,
    pub(crate) first_packet_ms: Quantiles,
    pub(crate) first_picture_ms: Quantiles,
}

impl Delivery {
    /// Of all threads: whoever receives may be in another one than whoever sends.
    pub(crate) fn of(outcome: &Outcome, mut packets: Packets) -> Self {
        let (mut first_packet, mut first_picture) = (no_delays(), no_delays());
        let record = |times: &mut Histogram<u64>, time: Option<std::time::Duration>| {
            if let Some(time) = time {
                times.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1));
            }
        };
        for leg in &outcome.legs {
            let result = leg.result(&outcome.last);
            record(&mut first_packet, result.first_packet);
            record(&mut first_picture, result.first_picture);
            packets.misdirected += result.misdirected;
            packets.lost_pictures += result.video.map_or(0, |video| video.missing);
            for track in [result.audio, result.video].into_iter().flatten() {
                packets.received += track.received;
                packets.lost += track.missing;
                packets.duplicated += track.duplicated;
                packets.late += track.late;
            }
        }
        Self {
            legs_with_media: outcome.legs.iter().filter(|leg| leg.complete).count() as u64,
            packets,
            first_packet_ms: Quantiles::of(&first_packet),
            first_picture_ms: Quantiles::of(&first_picture),
        }
    }
}
