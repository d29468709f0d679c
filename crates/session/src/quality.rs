//! How good the way of what a participant sends is, as one of a few levels that everybody in the session is told when it
//! changes. It rates the link (losses, delay, jitter), not the picture: a slow camera has an excellent network.
//!
//! The score is the rating of the E-model (ITU-T G.107) in its usual short form for packets, and the levels are the bands of
//! ITU-T G.109. No clock: how much time has passed is what the statistics say of themselves. A level falls at once when the score
//! is clearly below its band, and rises only after several scores in a row that are above it, so that one that lies on a
//! border is not told over and over.

use std::time::Duration;

use protocol::media::{MediaKind, StreamStatistics, TransportObservation, TransportStatistics};
use serde::{Deserialize, Serialize};

use crate::client::Seat;
use crate::context::Context;
use crate::id::ParticipantId;
use crate::observation::MediaLeg;
use crate::refusal::MediaDirection;
use crate::session::Session;
use crate::stream::Stream;
use crate::timer::Timer;
use crate::{Noticed, Notification, Registry, Time};

/// How far below its band a score makes a level fall, in points: a few thousandths of loss are chance.
const MARGIN: f64 = 1.0;
/// So many scores in a row make a level rise.
const RISES_AFTER: u8 = 3;
/// Periods of statistics are some milliseconds longer or shorter than they should be.
const TOLERANCE: f64 = 0.9;
/// Fewer packets say nothing: a share of them is chance.
const ENOUGH_PACKETS: u32 = 10;
/// A client that ends its stream closes its peer connection first: what it has to say about that is on its way.
const FAREWELL: Duration = Duration::from_secs(2);
/// Of a network that loses and delays nothing (G.107, default values).
const BEST_SCORE: f64 = 93.2;

/// From nothing to excellent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum QualityLevel {
    /// Nothing comes any more, though it should.
    Broken,
    /// Below what G.109 rates as poor.
    Bad,
    /// Low: many would complain.
    Poor,
    /// Medium: some would.
    Fair,
    /// High.
    Good,
    /// Best: as in a local network.
    Excellent,
}

impl QualityLevel {
    /// All of them, from the worst to the best.
    pub const ALL: [Self; 6] = [Self::Broken, Self::Bad, Self::Poor, Self::Fair, Self::Good, Self::Excellent];

    fn of_score(score: f64) -> Self {
        match score {
            90.0.. => Self::Excellent,
            80.0.. => Self::Good,
            70.0.. => Self::Fair,
            60.0.. => Self::Poor,
            _ => Self::Bad,
        }
    }
}

/// A level that is another one now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct QualityChange {
    pub(crate) new: QualityLevel,
    /// None: the first one.
    pub(crate) old: Option<QualityLevel>,
}

/// Of one participant.
#[derive(Clone, Default, Debug)]
pub(crate) struct Quality {
    level: Option<QualityLevel>,
    collected: Collected,
    /// Scores in a row above the level's band, and the lowest of them.
    rising: Option<(u8, f64)>,
}

/// What came in since the last score.
#[derive(Clone, Default, Debug)]
struct Collected {
    millis: u64,
    packets: u32,
    /// Packets that should have come, as far as that is known, and of these the lost ones.
    expected: f64,
    lost: f64,
    /// The worst ones.
    jitter_us: u32,
    round_trip_us: u32,
}

impl Quality {
    pub(crate) fn level(&self) -> Option<QualityLevel> {
        self.level
    }

    /// Statistics of what the participant sends. Once they cover `interval`, they make a score.
    pub(crate) fn measured(&mut self, statistics: &TransportStatistics, interval: Duration) -> Option<QualityChange> {
        self.collected.add(statistics);
        if (self.collected.millis as f64) < interval.as_millis() as f64 * TOLERANCE {
            return None;
        }
        let collected = std::mem::take(&mut self.collected);
        if collected.packets < ENOUGH_PACKETS {
            return None;
        }
        self.scored(collected.score())
    }

    /// Nothing comes any more.
    pub(crate) fn broke(&mut self) -> Option<QualityChange> {
        self.collected = Collected::default();
        self.rising = None;
        self.change(QualityLevel::Broken)
    }

    fn scored(&mut self, score: f64) -> Option<QualityChange> {
        let new = QualityLevel::of_score(score);
        let level = match self.level {
            None | Some(QualityLevel::Broken) => new,
            Some(level) if new > level => {
                let (count, lowest) = self.rising.map_or((1, score), |(count, lowest)| (count + 1, score.min(lowest)));
                if count < RISES_AFTER {
                    self.rising = Some((count, lowest));
                    return None;
                }
                QualityLevel::of_score(lowest)
            }
            Some(level) => QualityLevel::of_score(score + MARGIN).min(level),
        };
        self.rising = None;
        self.change(level)
    }

    fn change(&mut self, new: QualityLevel) -> Option<QualityChange> {
        let old = self.level.replace(new);
        (old != Some(new)).then_some(QualityChange { new, old })
    }
}

impl Collected {
    fn add(&mut self, statistics: &TransportStatistics) {
        self.millis += u64::from(statistics.period_ms);
        self.round_trip_us = self.round_trip_us.max(statistics.round_trip_us.unwrap_or_default());
        for stream in &statistics.received {
            self.packets = self.packets.saturating_add(stream.packets);
            if let Some(permille) = stream.lost_permille.filter(|_| stream.packets > 0) {
                // Retransmissions are counted among the packets; what is weighed by them hardly changes for that.
                let packets = f64::from(stream.packets);
                self.expected += packets;
                self.lost += packets * f64::from(permille) / 1000.0;
            }
        }
        // The packets of one picture leave together and arrive one after the other: sound measures better.
        let jitter = |kind| {
            let streams = statistics.received.iter().filter(move |stream| stream.kind == kind && stream.packets > 0);
            streams.filter_map(|stream: &StreamStatistics| stream.jitter_us).max()
        };
        let jitter = jitter(MediaKind::Audio).or_else(|| jitter(MediaKind::Video));
        self.jitter_us = self.jitter_us.max(jitter.unwrap_or_default());
    }

    /// 0 to [`BEST_SCORE`].
    fn score(&self) -> f64 {
        let millis = |micros: u32| f64::from(micros) / 1000.0;
        // One way, with what a jitter buffer and a codec add.
        let delay = millis(self.round_trip_us) / 2.0 + 2.0 * millis(self.jitter_us) + 10.0;
        let impaired = if delay < 160.0 { delay / 40.0 } else { (delay - 120.0) / 10.0 };
        let lost_percent = if self.expected > 0.0 { 100.0 * self.lost / self.expected } else { 0.0 };
        (BEST_SCORE - impaired - 2.5 * lost_percent).max(0.0)
    }
}

impl Stream {
    /// Whether packets come all the time if nothing is wrong. Screens are sent when something on them changes.
    fn never_pauses(&self) -> bool {
        let properties = &self.description.properties;
        let sound = properties.has_audio && properties.audio_active.unwrap_or(true);
        let camera = properties.type_of_video.as_deref() == Some("CAMERA");
        sound || properties.has_video && camera && properties.video_active.unwrap_or(true)
    }
}

impl Registry {
    /// Tells everybody in the session of a publisher's network, if it is another one now.
    pub(crate) fn rate(&mut self, leg: &MediaLeg, what: &TransportObservation, now: Time) {
        let Some(interval) = self.cx.settings.network_quality else { return };
        if leg.direction != MediaDirection::Publishing {
            return;
        }
        let Some(session) = self.sessions.get_mut(&leg.session) else { return };
        let Some(who) = session.visible(leg.connection.as_str()) else { return };
        let Some(participant) = session.participant_mut(who) else { return };
        let change = match what {
            TransportObservation::Statistics(statistics) => participant.quality.measured(statistics, interval),
            TransportObservation::Silent if participant.stream.as_ref().is_some_and(Stream::never_pauses) => {
                participant.quality.broke()
            }
            TransportObservation::Disconnected => {
                self.cx.timers.set(Timer::CutOff(participant.client), now + FAREWELL);
                None
            }
            _ => None,
        };
        session.tell_quality(who, change, &mut self.cx);
    }

    /// A publisher was lost some time ago.
    pub(crate) fn rate_cut_off(&mut self, seat: &Seat) {
        let Some(session) = self.sessions.get_mut(&seat.session) else { return };
        let Some(participant) = session.participant_mut(seat.participant) else { return };
        let Some(stream) = &participant.stream else { return };
        let condition = self.cx.legs.condition(stream.peer_connection.transport);
        if condition.is_some_and(|condition| !condition.is_connected) {
            let change = participant.quality.broke();
            session.tell_quality(seat.participant, change, &mut self.cx);
        }
    }
}

impl Session {
    fn tell_quality(&self, who: ParticipantId, change: Option<QualityChange>, cx: &mut Context) {
        let (Some(QualityChange { new, old }), Some(participant)) = (change, self.participant(who)) else { return };
        let connection = participant.connection.clone();
        cx.notice(&self.id, &connection, Noticed::QualityChanged(new));
        tracing::debug!(session = %self.id, %connection, ?new, ?old, "the network of a publisher has changed");
        self.broadcast(None, Notification::NetworkQualityChanged { connection, new, old }, cx);
    }
}

#[cfg(test)]
mod tests {
    use protocol::media::Pictures;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(5);

    fn stream(kind: MediaKind, lost_permille: u16, jitter_ms: u32) -> StreamStatistics {
        StreamStatistics {
            kind,
            layer: None,
            rate_bps: 40_000,
            bytes: 25_000,
            packets: 250,
            lost_permille: Some(lost_permille),
            jitter_us: Some(jitter_ms * 1000),
            nacks: 0,
            key_frame_requests: 0,
            pictures: Pictures::default(),
        }
    }

    fn statistics(lost_permille: u16, jitter_ms: u32, round_trip_ms: u32) -> TransportStatistics {
        TransportStatistics {
            period_ms: 5000,
            round_trip_us: Some(round_trip_ms * 1000),
            received: vec![stream(MediaKind::Audio, lost_permille, jitter_ms)],
            ..Default::default()
        }
    }

    /// The levels that are told one after the other, for losses in thousandths.
    fn told(quality: &mut Quality, losses: &[u16]) -> Vec<QualityLevel> {
        let told = losses.iter().filter_map(|lost| quality.measured(&statistics(*lost, 2, 20), INTERVAL));
        told.map(|change| change.new).collect()
    }

    #[test]
    fn networks_have_the_level_that_people_would_give_them() {
        for (network, level) in [
            ((0, 1, 1), QualityLevel::Excellent),
            ((5, 5, 60), QualityLevel::Excellent),
            ((20, 5, 60), QualityLevel::Good),
            ((0, 20, 250), QualityLevel::Good),
            ((60, 10, 100), QualityLevel::Fair),
            ((0, 30, 450), QualityLevel::Fair),
            ((110, 10, 100), QualityLevel::Poor),
            ((300, 10, 100), QualityLevel::Bad),
            ((0, 100, 1500), QualityLevel::Bad),
            ((1000, 0, 0), QualityLevel::Bad),
        ] {
            let (lost, jitter, round_trip) = network;
            let change = Quality::default().measured(&statistics(lost, jitter, round_trip), INTERVAL);
            assert_eq!(change, Some(QualityChange { new: level, old: None }), "{network:?}");
        }
    }

    #[test]
    fn it_is_told_first_once_and_then_when_it_changes() {
        let mut quality = Quality::default();
        assert_eq!(told(&mut quality, &[0, 0, 0, 3, 0, 150]), [QualityLevel::Excellent, QualityLevel::Bad]);
        let change = quality.broke();
        assert_eq!(change, Some(QualityChange { new: QualityLevel::Broken, old: Some(QualityLevel::Bad) }));
        assert_eq!(quality.broke(), None);
        assert_eq!(told(&mut quality, &[0]), [QualityLevel::Excellent], "who is back is rated at once");
    }

    #[test]
    fn it_falls_at_once_and_rises_after_three_good_scores() {
        let mut quality = Quality::default();
        assert_eq!(told(&mut quality, &[0, 60]), [QualityLevel::Excellent, QualityLevel::Fair]);
        assert_eq!(told(&mut quality, &[0, 0, 60, 0, 0]), [], "a burst of losses begins it anew");
        assert_eq!(told(&mut quality, &[0]), [QualityLevel::Excellent]);
        assert_eq!(told(&mut quality, &[60, 0, 30, 0]), [QualityLevel::Fair, QualityLevel::Good], "the worst of three");
    }

    #[test]
    fn what_lies_on_a_border_is_not_told_over_and_over() {
        // Excellent ends at 12 thousandths.
        let mut quality = Quality::default();
        let flapping: Vec<u16> = (0..1000).map(|n| if n % 2 == 0 { 10 } else { 14 }).collect();
        assert_eq!(told(&mut quality, &flapping), [QualityLevel::Excellent]);
        let flapping: Vec<u16> = (0..1000).map(|n| if n % 3 == 0 { 30 } else { 8 }).collect();
        assert_eq!(told(&mut quality, &flapping), [QualityLevel::Good]);
    }

    #[test]
    fn it_waits_until_an_interval_is_over_and_takes_its_worst_moment_for_delays() {
        let mut quality = Quality::default();
        let interval = Duration::from_secs(10);
        assert_eq!(quality.measured(&statistics(0, 2, 900), interval), None);
        let change = quality.measured(&TransportStatistics { period_ms: 4900, ..statistics(0, 2, 20) }, interval);
        assert_eq!(change.map(|change| change.new), Some(QualityLevel::Bad));
    }

    #[test]
    fn the_jitter_of_pictures_counts_only_without_sound() {
        let [sound, picture] = [stream(MediaKind::Audio, 0, 1), stream(MediaKind::Video, 0, 200)];
        for (received, level) in [(vec![sound, picture], QualityLevel::Excellent), (vec![picture], QualityLevel::Poor)]
        {
            let statistics = TransportStatistics { received, ..statistics(0, 0, 0) };
            let change = Quality::default().measured(&statistics, INTERVAL);
            assert_eq!(change.map(|change| change.new), Some(level));
        }
    }

    #[test]
    fn who_sends_nothing_is_not_rated() {
        let mut quality = Quality::default();
        let silent = TransportStatistics { received: vec![], ..statistics(0, 0, 0) };
        assert_eq!((0..10).find_map(|_| quality.measured(&silent, INTERVAL)), None);
    }
}
