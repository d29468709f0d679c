//! The connection to a target: made, watched, and made anew when it is lost, for as long as somebody is willing to wait.
//!
//! What the target is too slow for waits in a queue of some seconds. Is that full, pictures are left out up to a key frame that is
//! made when there is room again, and sound for as long as there is none; all of it is counted. A target that takes nothing for
//! [`STALL`] counts as lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::AppSrc;

use super::target::Target;
use crate::stage::StageOutput;

/// What waits, of both kinds.
const WAITING: Duration = Duration::from_secs(3);
/// Blocks of sound a second, at most.
const BLOCKS: u64 = 47;
/// Buffers that have come to the sink once something must have left it: it keeps some itself, and the first are headers.
const FLOWING: u64 = 9;
/// A connection takes no longer than this.
const CONNECT: Duration = Duration::from_secs(12);
/// See the module.
const STALL: Duration = Duration::from_secs(10);
/// For what waits to be sent at the end, and once more for taking leave.
const LEAVE: gst::ClockTime = gst::ClockTime::from_mseconds(700);
/// Before the next attempt; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// A connection that lasts so long was a good one.
const GOOD: Duration = Duration::from_secs(3);

/// What happens to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum EgressNews {
    /// The target gets something. Told once.
    Flows,
    /// It gets nothing any more, and is tried again.
    Interrupted(String),
    /// It has never got anything, or not for too long.
    GivenUp(String),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Egress {
    target: Target,
    /// If there are pictures.
    frame_rate: Option<u32>,
    has_sound: bool,
    patience: Duration,
    phase: Phase,
    /// Something came to the target once.
    has_flowed: bool,
    /// Since when it gets nothing, if it has got something.
    interrupted: Option<Instant>,
    pause: Duration,
    dropped: u64,
}

#[derive(Debug)]
enum Phase {
    Idle { until: Instant },
    Open(Connection),
}

#[derive(Debug)]
struct Connection {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    sink: gst::Element,
    pictures: Option<Lane>,
    sound: Option<Lane>,
    /// Buffers that came to the sink.
    arrived: Arc<AtomicU64>,
    seen: u64,
    /// When it came to `seen`.
    progress: Instant,
    opened: Instant,
    /// Since when something leaves it.
    flows: Option<Instant>,
    /// Of the first picture, or sound: where its time begins.
    base: Option<Duration>,
    wants_key_frame: bool,
}

#[derive(Debug)]
struct Lane {
    source: AppSrc,
    has_caps: bool,
    /// Buffers.
    most: u64,
    /// Of pictures: nothing can be decoded until one comes.
    awaits_key_frame: bool,
}

impl Egress {
    /// Connects with the first [`Egress::poll`].
    pub(super) fn new(
        target: Target,
        frame_rate: Option<u32>,
        has_sound: bool,
        patience: Duration,
        now: Instant,
    ) -> Self {
        let phase = Phase::Idle { until: now };
        let (has_flowed, interrupted) = (false, None);
        Self { target, frame_rate, has_sound, patience, phase, has_flowed, interrupted, pause: FIRST_PAUSE, dropped: 0 }
    }

    /// What has happened.
    pub(super) fn poll(&mut self, now: Instant) -> Option<EgressNews> {
        match &mut self.phase {
            Phase::Idle { until } if *until > now => None,
            Phase::Idle { .. } => match Connection::open(&self.target, self.frame_rate, self.has_sound, now) {
                Ok(connection) => {
                    self.phase = Phase::Open(connection);
                    None
                }
                Err(why) => self.lost(why, now),
            },
            Phase::Open(connection) => {
                if let Some(why) = connection.failure(now) {
                    return self.lost(why, now);
                }
                let flows = connection.flows?;
                if now.saturating_duration_since(flows) > GOOD {
                    (self.pause, self.interrupted) = (FIRST_PAUSE, None);
                }
                (!std::mem::replace(&mut self.has_flowed, true)).then_some(EgressNews::Flows)
            }
        }
    }

    /// Whether there is a connection, or about to be.
    pub(super) fn takes_media(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    /// Whether the next picture is to be decodable by itself.
    pub(super) fn take_key_frame_request(&mut self) -> bool {
        match &mut self.phase {
            Phase::Open(connection) => std::mem::take(&mut connection.wants_key_frame),
            Phase::Idle { .. } => false,
        }
    }

    /// Pictures and blocks that there was no room for, since this was asked.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// An encoded picture, in the order of their times.
    pub(super) fn push_picture(&mut self, time: Duration, output: StageOutput) {
        let Phase::Open(connection) = &mut self.phase else { return };
        let Some(lane) = &mut connection.pictures else { return };
        let is_key = !output.buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let waiting = lane.source.current_level_buffers();
        lane.awaits_key_frame |= waiting >= lane.most;
        if lane.awaits_key_frame {
            let has_room = waiting <= lane.most / 4;
            if !(is_key && has_room) {
                connection.wants_key_frame |= has_room && !is_key;
                self.dropped += u64::from(connection.base.is_some());
                return;
            }
            lane.awaits_key_frame = false;
        }
        let base = *connection.base.get_or_insert(time);
        lane.push(time.saturating_sub(base), output);
    }

    /// The same of sound, which waits for the first picture.
    pub(super) fn push_sound(&mut self, time: Duration, output: StageOutput) {
        let Phase::Open(connection) = &mut self.phase else { return };
        let Some(lane) = &mut connection.sound else { return };
        if connection.pictures.is_none() {
            connection.base.get_or_insert(time);
        }
        let Some(since_base) = connection.base.and_then(|base| time.checked_sub(base)) else { return };
        if lane.source.current_level_buffers() >= lane.most {
            self.dropped += 1;
            return;
        }
        lane.push(since_base, output);
    }

    /// Sends what waits, and takes leave; within a second.
    pub(super) fn finish(self) {
        if let Phase::Open(connection) = self.phase {
            connection.finish();
        }
    }

    fn lost(&mut self, why: String, now: Instant) -> Option<EgressNews> {
        if let Phase::Open(connection) = std::mem::replace(&mut self.phase, Phase::Idle { until: now + self.pause }) {
            connection.close();
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if !self.has_flowed {
            return Some(EgressNews::GivenUp(why));
        }
        match self.interrupted {
            None => {
                self.interrupted = Some(now);
                if self.patience.is_zero() {
                    Some(EgressNews::GivenUp(why))
                } else {
                    Some(EgressNews::Interrupted(why))
                }
            }
            Some(since) if now.saturating_duration_since(since) >= self.patience => Some(EgressNews::GivenUp(why)),
            Some(_) => None,
        }
    }
}

impl Connection {
    fn open(target: &Target, frame_rate: Option<u32>, has_sound: bool, now: Instant) -> Result<Self, String> {
        let description = target.description(frame_rate.is_some(), has_sound);
        let pipeline = gst::parse::launch(&description).map_err(|error| error.to_string())?;
        let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| "no pipeline".to_owned())?;
        let missing = |what: &str| format!("there is no {what}");
        let sink = pipeline.by_name("sink").ok_or_else(|| missing("sink"))?;
        let bus = pipeline.bus().ok_or_else(|| missing("bus"))?;
        let lane = |name: &str, per_second: u64, awaits_key_frame: bool| -> Result<Lane, String> {
            let source = pipeline.by_name(name).and_then(|source| source.downcast::<AppSrc>().ok());
            let source = source.ok_or_else(|| missing(name))?;
            Ok(Lane { source, has_caps: false, most: per_second * WAITING.as_secs(), awaits_key_frame })
        };
        let pictures = frame_rate.map(|rate| lane("pictures", rate.into(), true)).transpose()?;
        let sound = has_sound.then(|| lane("sound", BLOCKS, false)).transpose()?;
        let arrived = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&arrived);
        let input = sink.static_pad("sink").ok_or_else(|| missing("pad"))?;
        input.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
        target.address(&sink);
        let connection = Self {
            pipeline,
            bus,
            sink,
            pictures,
            sound,
            arrived,
            seen: 0,
            progress: now,
            opened: now,
            flows: None,
            base: None,
            wants_key_frame: true,
        };
        if connection.pipeline.set_state(gst::State::Playing).is_err() {
            let why = connection.complaint().unwrap_or_else(|| "Input/output error".to_owned());
            connection.close();
            return Err(why);
        }
        Ok(connection)
    }

    /// Why it is of no use any more.
    fn failure(&mut self, now: Instant) -> Option<String> {
        if let Some(why) = self.complaint() {
            return Some(why);
        }
        let arrived = self.arrived.load(Ordering::Relaxed);
        if arrived != self.seen {
            (self.seen, self.progress) = (arrived, now);
        }
        if arrived >= FLOWING {
            self.flows.get_or_insert(now);
        }
        let timed_out = || Some("Connection timed out".to_owned());
        match self.flows {
            None if now.saturating_duration_since(self.opened) > CONNECT => timed_out(),
            Some(_) if now.saturating_duration_since(self.progress) > STALL => timed_out(),
            _ => None,
        }
    }

    /// What the elements say. The sink's own word counts; others only say that it has stopped.
    fn complaint(&self) -> Option<String> {
        let mut other = None;
        while let Some(message) = self.bus.pop() {
            match message.view() {
                gst::MessageView::Error(error) => {
                    let why = words(&error.error().to_string());
                    if error.src().is_some_and(|source| *source == self.sink) {
                        return Some(why);
                    }
                    other.get_or_insert(why);
                }
                gst::MessageView::Eos(_) => drop(other.get_or_insert("End of file".to_owned())),
                _ => {}
            }
        }
        other
    }

    fn finish(self) {
        for lane in self.pictures.iter().chain(&self.sound) {
            // It tells so if it has ended already.
            let _ = lane.source.end_of_stream();
        }
        let over = [gst::MessageType::Eos, gst::MessageType::Error];
        if self.flows.is_some() && self.bus.timed_pop_filtered(LEAVE, &over).is_some() {
            let (closed, closing) = std::sync::mpsc::channel::<()>();
            self.close_and(move || drop(closed));
            let _ = closing.recv_timeout(Duration::from_millis(LEAVE.mseconds()));
        }
    }

    /// A sink may hang in what it does: nobody waits for it.
    fn close(self) {
        self.close_and(|| {});
    }

    fn close_and(self, then: impl FnOnce() + Send + 'static) {
        let closing = thread::Builder::new().name("closing".to_owned()).spawn(move || {
            let _ = self.pipeline.set_state(gst::State::Null);
            then();
        });
        if let Err(error) = closing {
            eprintln!("a connection cannot be closed: {error}");
        }
    }
}

impl Lane {
    fn push(&mut self, time: Duration, output: StageOutput) {
        if !self.has_caps {
            self.source.set_caps(Some(&output.caps));
            self.has_caps = true;
        }
        let mut buffer = output.buffer;
        let time = gst::ClockTime::from_nseconds(time.as_nanos() as u64);
        let own = buffer.make_mut();
        own.set_pts(time);
        own.set_dts(time);
        // Of one that is closed the bus tells.
        let _ = self.source.push_buffer(buffer);
    }
}

/// The reason in words that ffmpeg has for it, with what was said behind them unless that is the same.
fn words(said: &str) -> String {
    let known =
        ["Connection refused", "No route to host", "Network is unreachable", "Connection reset by peer", "Broken pipe"];
    if let Some(word) = known.into_iter().find(|word| said.contains(word)) {
        return word.to_owned();
    }
    if said.contains("timed out") {
        return "Connection timed out".to_owned();
    }
    format!("Input/output error ({said})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_in_the_words_of_ffmpeg() {
        for (said, told) in [
            ("Connection refused: Could not connect to 127.0.0.1: Connection refused", "Connection refused"),
            ("Failed to connect: Socket I/O timed out", "Connection timed out"),
            (
                "Failed to connect: Error resolving “not.exists”: Name or service not known",
                "Input/output error (Failed to connect: Error resolving “not.exists”: Name or service not known)",
            ),
        ] {
            assert_eq!(words(said), told);
        }
    }
}
