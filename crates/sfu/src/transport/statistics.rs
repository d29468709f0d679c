//! The engine's statistics, which count from the beginning, as those of a period.

use std::time::Instant;

use protocol::media::{MediaKind, Pictures, StreamStatistics, TransportStatistics};
use str0m::media::{Mid, Rid};
use str0m::stats::{MediaEgressStats, MediaIngressStats, PeerStats};

use super::link_loss::{LinkLoss, StreamPlace};
use crate::milestones::layer;

/// A publisher has at most four streams, a subscriber two.
const MAX_STREAMS: usize = 8;

/// Collects what the engine says of one transport.
#[derive(Debug)]
pub(super) struct Meter {
    measured: Instant,
    /// Which of the media is sound.
    audio: Option<Mid>,
    streams: Vec<(StreamName, Counts)>,
    /// What is being put together.
    report: Option<TransportStatistics>,
    period: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct StreamName {
    from_client: bool,
    mid: Mid,
    rid: Option<Rid>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Counts {
    bytes: u64,
    packets: u64,
    nacks: u64,
    key_frame_requests: u64,
}

impl Meter {
    pub(super) fn new(now: Instant) -> Self {
        Self { measured: now, audio: None, streams: Vec::new(), report: None, period: 0.0 }
    }

    pub(super) fn expect_audio(&mut self, mid: Mid) {
        self.audio = Some(mid);
    }

    /// The engine begins with these; those of streams follow.
    pub(super) fn peer(&mut self, stats: &PeerStats) {
        let period = stats.timestamp.saturating_duration_since(self.measured);
        self.measured = self.measured.max(stats.timestamp);
        self.period = period.as_secs_f64();
        let pair = stats.selected_candidate_pair.as_ref();
        let round_trip = stats.rtt.or_else(|| pair?.current_round_trip_time);
        self.report = Some(TransportStatistics {
            period_ms: saturating(period.as_millis()),
            round_trip_us: round_trip.map(|time| saturating(time.as_micros())),
            estimate_bps: stats.bwe_tx.map(|rate| rate.as_u64()),
            ..TransportStatistics::default()
        });
    }

    /// `rids` are the publisher's layers, from small to large.
    pub(super) fn received(&mut self, stats: &MediaIngressStats, rids: &[Rid], loss: &mut LinkLoss) {
        let name = StreamName { from_client: true, mid: stats.mid, rid: stats.rid };
        let counts = Counts {
            bytes: stats.bytes,
            packets: stats.packets,
            nacks: stats.nacks,
            key_frame_requests: stats.plis + stats.firs,
        };
        let index = stats.rid.and_then(|rid| rids.iter().position(|known| *known == rid));
        let is_audio = Some(stats.mid) == self.audio;
        let lost = loss.take(if is_audio { StreamPlace::Audio } else { StreamPlace::Video(index.unwrap_or(0)) });
        let stream = self.stream(name, counts, lost, Some(stats.jitter));
        let stream = stream.map(|stream| StreamStatistics { layer: index.map(layer), ..stream });
        if let Some(report) = &mut self.report {
            report.received.extend(stream);
            // An ICE-lite agent sends no checks; clients answer its reports (RFC 3611 §4.5).
            report.round_trip_us = report.round_trip_us.or(stats.rtt.map(|time| saturating(time.as_micros())));
        }
    }

    pub(super) fn sent(&mut self, stats: &MediaEgressStats) {
        let name = StreamName { from_client: false, mid: stats.mid, rid: stats.rid };
        let counts = Counts {
            bytes: stats.bytes,
            packets: stats.packets,
            nacks: stats.nacks,
            key_frame_requests: stats.plis + stats.firs,
        };
        let stream =
            self.stream(name, counts, stats.loss.map(permille), stats.remote.as_ref().map(|remote| remote.jitter));
        if let Some(report) = &mut self.report {
            report.sent.extend(stream);
        }
    }

    /// What was collected, once the engine has said all.
    pub(super) fn take(&mut self) -> Option<TransportStatistics> {
        let mut report = self.report.take()?;
        // The engine's order is none.
        let order = |stream: &StreamStatistics| (stream.kind, stream.layer);
        report.received.sort_by_key(order);
        report.sent.sort_by_key(order);
        Some(report)
    }

    fn stream(
        &mut self,
        name: StreamName,
        counts: Counts,
        lost_permille: Option<u16>,
        jitter: Option<u32>,
    ) -> Option<StreamStatistics> {
        let before = match self.streams.iter().position(|(known, _)| *known == name) {
            Some(index) => std::mem::replace(&mut self.streams[index].1, counts),
            None if self.streams.len() < MAX_STREAMS => {
                self.streams.push((name, counts));
                Counts::default()
            }
            None => return None,
        };
        let kind = if Some(name.mid) == self.audio { MediaKind::Audio } else { MediaKind::Video };
        let ticks_per_second = match kind {
            MediaKind::Audio => 48_000,
            MediaKind::Video => 90_000,
        };
        let bytes = counts.bytes.saturating_sub(before.bytes);
        Some(StreamStatistics {
            kind,
            layer: None,
            rate_bps: if self.period > 0.0 { (8.0 * bytes as f64 / self.period) as u64 } else { 0 },
            bytes,
            packets: saturating(counts.packets.saturating_sub(before.packets)),
            lost_permille,
            jitter_us: jitter.map(|ticks| saturating(u64::from(ticks) * 1_000_000 / ticks_per_second)),
            nacks: saturating(counts.nacks.saturating_sub(before.nacks)),
            key_frame_requests: saturating(counts.key_frame_requests.saturating_sub(before.key_frame_requests)),
            pictures: Pictures::default(),
        })
    }
}

fn permille(share: f32) -> u16 {
    (share.clamp(0.0, 1.0) * 1000.0).round() as u16
}

fn saturating(value: impl TryInto<u32>) -> u32 {
    value.try_into().unwrap_or(u32::MAX)
}
