//! When a frame was captured, on the caller's clock: sound and pictures of a stream on one timeline, over changes of
//! the source and reconnections.
//!
//! Sender reports tie the timestamps of sound and pictures to the publisher's clock. That clock is tied to ours by the
//! least delay seen lately, so that it may drift. Before the first report a source's own timestamps are tied to our
//! clock in the same way. What is computed so is the *true* time of a frame. Frames are given times that run as evenly
//! as their timestamps do and are led slowly to the true ones, so that neither a report nor a late packet makes a jump.
//! After a pause or a change of the source there is nothing to be even with: such a frame has its true time at once.

use std::collections::VecDeque;
use std::time::Duration;

use crate::lane::Stamp;
use crate::{Codec, SenderReport, Source};

/// Nanoseconds since 1970.
pub(crate) type Nanos = i64;

const MILLISECOND: Nanos = 1_000_000;
const SECOND: Nanos = 1_000_000_000;
/// Least delays are of the last one to two of these: long enough for a fast packet to be in it, short enough that a
/// drift of 100 ppm stays within a few milliseconds.
const BUCKET: Nanos = 10 * SECOND;
/// A frame that seems to have travelled longer than this shows that a clock has jumped.
const LONGEST_DELAY: Nanos = 5 * SECOND;
/// Two frames further apart than this have a pause between them.
const PAUSE: Nanos = 300 * MILLISECOND;
/// Larger errors are put right at once.
const JUMP: Nanos = 500 * MILLISECOND;
/// Smaller ones by this share of the time that passes: 50 ms a second are not noticed.
const CORRECTION: Nanos = 20;
/// Later points in time (in the year 2100) are not computed with.
const LATEST: Nanos = 4_102_444_800 * SECOND;
/// Connections of the publisher whose clock is remembered: a late frame may belong to the last but one.
const CONNECTIONS: usize = 2;

/// The time of one stream. Given to its next file it goes on there: no file begins before the one before has ended.
#[derive(Debug, Default)]
pub struct StreamTime {
    timeline: Timeline,
    audio: Track,
    video: Track,
    /// Of the file before.
    end: Nanos,
    /// Pictures are not before this.
    pictures_from: Nanos,
}

/// The publisher's clocks.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// By generation: our clock minus the publisher's.
    connections: VecDeque<(u32, LeastDelay)>,
}

/// The clock of one kind of media.
#[derive(Debug, Default)]
pub(crate) struct Track {
    source: Option<Source>,
    /// Without the wrap.
    ticks: i64,
    timestamp: u32,
    /// Our clock minus its own ticks.
    delay: LeastDelay,
    last: Option<Nanos>,
}

impl StreamTime {
    /// The time of a frame in this file. Sound that was captured before it is left out; pictures may be needed by later
    /// ones, and hurry through its beginning.
    pub(crate) fn place(&mut self, stamp: &Stamp) -> Option<Nanos> {
        if stamp.codec == Codec::Opus {
            let time = self.timeline.place(&mut self.audio, stamp);
            return (time >= self.end).then_some(time);
        }
        let time = self.timeline.place(&mut self.video, stamp).max(self.pictures_from);
        self.pictures_from = time.saturating_add(MILLISECOND);
        Some(time)
    }

    /// The file ends here.
    pub(crate) fn end(&mut self, at: Nanos) {
        (self.end, self.pictures_from) = (at, at);
    }
}

impl Timeline {
    /// The time of a frame; in a track always at least a millisecond after the one before.
    pub(crate) fn place(&mut self, track: &mut Track, stamp: &Stamp) -> Nanos {
        let rate = stamp.codec.clock_rate().into();
        let is_new = track.source != Some(stamp.source);
        if is_new {
            *track = Track { source: Some(stamp.source), last: track.last, ..Track::default() };
            track.timestamp = stamp.timestamp;
        }
        let step = track.step(stamp.timestamp, rate);
        let true_time = self.true_time(track, stamp, rate);
        let Some(last) = track.last else {
            track.last = Some(true_time);
            return true_time;
        };
        let even = last.saturating_add(step);
        let error = true_time.saturating_sub(even);
        let is_even = !is_new && (0..PAUSE).contains(&step) && error.abs() <= JUMP;
        let limit = step / CORRECTION;
        let time = if is_even { even + error.clamp(-limit, limit) } else { true_time };
        let time = time.max(last.saturating_add(MILLISECOND));
        track.last = Some(time);
        time
    }

    fn true_time(&mut self, track: &mut Track, stamp: &Stamp, rate: i64) -> Nanos {
        let arrival = nanos(stamp.arrival);
        // Kept up even while reports are used: they may stop.
        let by_ticks = track.delay.map(in_nanos(track.ticks, rate), arrival);
        let theirs = stamp.report.and_then(|report| captured(report, stamp.timestamp, rate));
        match theirs {
            Some(theirs) => self.connection(stamp.source.generation).map(theirs, arrival),
            None => by_ticks,
        }
    }

    fn connection(&mut self, generation: u32) -> &mut LeastDelay {
        let known = self.connections.iter().position(|(g, _)| *g == generation);
        let index = known.unwrap_or_else(|| {
            self.connections.push_back((generation, LeastDelay::default()));
            if self.connections.len() > CONNECTIONS {
                self.connections.pop_front();
            }
            self.connections.len() - 1
        });
        &mut self.connections[index].1
    }
}

impl Track {
    /// Takes note of a timestamp; the time since the one before.
    fn step(&mut self, timestamp: u32, rate: i64) -> Nanos {
        let step = i64::from(timestamp.wrapping_sub(self.timestamp) as i32);
        self.timestamp = timestamp;
        self.ticks += step;
        in_nanos(step, rate)
    }
}

/// How two clocks differ, by the least delay of what was sent on the one and arrived on the other.
#[derive(Debug, Default)]
struct LeastDelay {
    began: Nanos,
    present: Option<Nanos>,
    before: Option<Nanos>,
}

impl LeastDelay {
    /// The point on our clock for `theirs`: not after its arrival, and not implausibly long before.
    fn map(&mut self, theirs: Nanos, arrival: Nanos) -> Nanos {
        let sample = arrival.saturating_sub(theirs);
        if self.least().is_some_and(|least| sample.saturating_sub(least) > LONGEST_DELAY) {
            *self = Self::default();
        }
        let age = arrival.saturating_sub(self.began);
        if age >= BUCKET {
            // After a long pause neither is of any use: the clocks have drifted.
            self.before = self.present.take().filter(|_| age < 2 * BUCKET);
            self.began = arrival;
        }
        self.present = Some(self.present.map_or(sample, |present| present.min(sample)));
        theirs.saturating_add(self.least().unwrap_or(sample))
    }

    fn least(&self) -> Option<Nanos> {
        self.present.into_iter().chain(self.before).min()
    }
}

fn captured(report: SenderReport, timestamp: u32, rate: i64) -> Option<Nanos> {
    let ticks = i64::from(timestamp.wrapping_sub(report.timestamp) as i32);
    let ntp = Nanos::try_from(report.ntp_nanos).ok().filter(|ntp| (0..LATEST).contains(ntp))?;
    Some(ntp + in_nanos(ticks, rate))
}

fn in_nanos(ticks: i64, rate: i64) -> Nanos {
    let nanos = i128::from(ticks) * i128::from(SECOND) / i128::from(rate);
    nanos.clamp(i128::from(Nanos::MIN), i128::from(Nanos::MAX)) as Nanos
}

fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Nanos = 1_800_000_000 * SECOND;
    /// The publisher's clock is elsewhere.
    const THEIR_OFFSET: Nanos = 123_456 * SECOND;

    /// A publisher's stream of one kind, with a drifting clock and sender reports.
    struct Sender {
        codec: Codec,
        source: Source,
        first_timestamp: u32,
        /// Parts per million its clocks are fast.
        drift: i64,
        reports_from: Nanos,
        reported: Option<SenderReport>,
    }

    impl Sender {
        fn new(codec: Codec, generation: u32, first_timestamp: u32) -> Self {
            let source = Source { generation, ssrc: codec.clock_rate() };
            Self { codec, source, first_timestamp, drift: 0, reports_from: 0, reported: None }
        }

        fn timestamp(&self, at: Nanos) -> u32 {
            let ticks = self.drifted(at) as i128 * i128::from(self.codec.clock_rate()) / SECOND as i128;
            self.first_timestamp.wrapping_add(ticks as u32)
        }

        fn drifted(&self, at: Nanos) -> Nanos {
            at + at / 1_000_000 * self.drift
        }

        /// What was captured at `at` (since the start) and came `delay` later.
        fn stamp(&mut self, at: Nanos, delay: Nanos) -> Stamp {
            let due = self.reported.is_none() || at % (5 * SECOND) < 40 * MILLISECOND;
            if at >= self.reports_from && due {
                let ntp_nanos = (START + THEIR_OFFSET + self.drifted(at)) as i128;
                self.reported = Some(SenderReport { ntp_nanos, timestamp: self.timestamp(at) });
            }
            Stamp {
                codec: self.codec,
                source: self.source,
                timestamp: self.timestamp(at),
                arrival: Duration::from_nanos((START + at + delay) as u64),
                report: self.reported,
                quarter_turns: None,
            }
        }
    }

    /// How far the file's times are from the true ones, per frame, in ms: (when, sound, error).
    fn errors(
        seconds: i64,
        audio: &mut Sender,
        video: &mut Sender,
        mut delay: impl FnMut(Nanos, bool) -> Option<Nanos>,
    ) -> Vec<(i64, bool, i64)> {
        let mut timeline = Timeline::default();
        let mut tracks = [Track::default(), Track::default()];
        let mut out = Vec::new();
        let mut last = [0; 2];
        for n in 0..seconds * 100 {
            let at = n * 10 * MILLISECOND;
            for (index, sender, every) in [(0, &mut *audio, 2), (1, &mut *video, 4)] {
                if n % every != 0 {
                    continue;
                }
                let Some(delay) = delay(at, index == 0) else {
                    continue;
                };
                let time = timeline.place(&mut tracks[index], &sender.stamp(at, delay));
                assert!(time >= last[index] + MILLISECOND);
                last[index] = time;
                out.push((at / MILLISECOND, index == 0, (time - START - at) / MILLISECOND));
            }
        }
        out
    }

    fn noise(at: Nanos) -> Nanos {
        (at / MILLISECOND).wrapping_mul(2_654_435_761).rem_euclid(40) * MILLISECOND
    }

    #[test]
    fn sound_and_pictures_are_in_step_although_pictures_take_longer() {
        let mut audio = Sender::new(Codec::Opus, 1, u32::MAX - 50_000);
        let mut video = Sender::new(Codec::Vp8, 1, u32::MAX - 700_000);
        audio.reports_from = 2 * SECOND;
        video.reports_from = SECOND;
        let delay = |at, is_audio| Some(noise(at) + if is_audio { 20 } else { 90 } * MILLISECOND);
        let errors = errors(60, &mut audio, &mut video, delay);
        for (at, is_audio, error) in &errors {
            assert!((0..=130).contains(error), "{error} ms at {at}");
            if *at > 6000 {
                assert!((18..=30).contains(error), "{error} ms at {at}, sound: {is_audio}");
            }
        }
    }

    #[test]
    fn a_drifting_clock_is_followed_for_hours() {
        for drift in [-200, 200] {
            let mut audio = Sender::new(Codec::Opus, 1, 7);
            let mut video = Sender::new(Codec::H264, 1, u32::MAX);
            (audio.drift, video.drift) = (drift, drift);
            let delay = |at, is_audio: bool| Some(noise(at) + if is_audio { 20 } else { 60 } * MILLISECOND);
            let errors = errors(7200, &mut audio, &mut video, delay);
            let worst = errors.iter().filter(|(at, ..)| *at > 10_000).map(|(.., error)| error.abs()).max();
            assert!(worst.unwrap() <= 40, "{worst:?}");
        }
    }

    #[test]
    fn without_reports_arrivals_are_what_there_is() {
        let mut audio = Sender::new(Codec::Opus, 1, 7);
        let mut video = Sender::new(Codec::Vp9, 1, 8);
        (audio.reports_from, video.reports_from) = (Nanos::MAX, Nanos::MAX);
        for (at, _, error) in errors(60, &mut audio, &mut video, |at, _| Some(noise(at) + 20 * MILLISECOND)) {
            assert!((15..=60).contains(&error), "{error} ms at {at}");
        }
    }

    #[test]
    fn after_a_pause_the_time_is_true_at_once() {
        let mut audio = Sender::new(Codec::Opus, 1, 7);
        let mut video = Sender::new(Codec::Vp8, 1, 8);
        let delay = |at: Nanos, is_audio: bool| {
            // Microphone off from 10 to 40 s, and the network is slow until then.
            let is_muted = is_audio && (10 * SECOND..40 * SECOND).contains(&at);
            (!is_muted).then_some(if at < 30 * SECOND { 150 } else { 20 } * MILLISECOND)
        };
        for (at, is_audio, error) in errors(60, &mut audio, &mut video, delay) {
            if is_audio && at >= 40_000 {
                assert_eq!(error, 20, "at {at}");
            }
        }
    }

    #[test]
    fn a_reconnection_goes_on_at_its_true_time() {
        let mut timeline = Timeline::default();
        let mut track = Track::default();
        let mut first = Sender::new(Codec::Vp8, 1, 1000);
        let mut second = Sender::new(Codec::Vp8, 2, 4_000_000_000);
        second.reports_from = 25 * SECOND;
        for n in 0..100 {
            timeline.place(&mut track, &first.stamp(n * 40 * MILLISECOND, 30 * MILLISECOND));
        }
        for n in 0..100 {
            let at = 20 * SECOND + n * 40 * MILLISECOND;
            let time = timeline.place(&mut track, &second.stamp(at, 30 * MILLISECOND));
            assert_eq!((time - START - at) / MILLISECOND, 30);
        }
    }

    #[test]
    fn timestamps_that_start_anew_are_noticed() {
        let mut timeline = Timeline::default();
        let mut track = Track::default();
        let mut sender = Sender::new(Codec::Opus, 1, 1000);
        sender.reports_from = Nanos::MAX;
        for n in 0..200 {
            if n == 100 {
                sender.first_timestamp = 3_000_000_000;
            }
            let at = n * 20 * MILLISECOND;
            let time = timeline.place(&mut track, &sender.stamp(at, 30 * MILLISECOND));
            let error = (time - START - at) / MILLISECOND;
            assert!((30..=31).contains(&error), "{error} ms at frame {n}");
        }
    }

    proptest! {
        #[test]
        fn times_grow_and_stay_near_arrivals_whatever_is_claimed(
            frames in proptest::collection::vec((any::<u32>(), proptest::option::of(any::<(i64, u32)>()), 0u32..3), 1..100),
        ) {
            let mut timeline = Timeline::default();
            let mut track = Track::default();
            let mut last = 0;
            for (n, (timestamp, report, ssrc)) in frames.iter().enumerate() {
                let arrival = START + n as i64 * 40 * MILLISECOND;
                let stamp = Stamp {
                    codec: Codec::Vp8,
                    source: Source { generation: 1, ssrc: *ssrc },
                    timestamp: *timestamp,
                    arrival: Duration::from_nanos(arrival as u64),
                    report: report.map(|(ntp, timestamp)| SenderReport { ntp_nanos: i128::from(ntp), timestamp }),
                    quarter_turns: None,
                };
                let time = timeline.place(&mut track, &stamp);
                prop_assert!(time > last);
                prop_assert!(time <= arrival + n as i64 * MILLISECOND + JUMP);
                prop_assert!(time >= arrival - LONGEST_DELAY - JUMP);
                last = time;
            }
        }
    }
}
