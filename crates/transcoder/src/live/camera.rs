//! Pulls a camera, or plays a file: its sound becomes Opus, its pictures stay as they are if browsers can take them, and
//! are encoded anew otherwise.
//!
//! [`source`] is one attempt, from the address to packets; here is when there is another one. A camera that cannot be reached, refuses, says
//! nothing or stops is tried again and again, later and later; a file plays once. What was announced stays: a camera that comes
//! back with another codec is encoded.

mod address;
mod source;

use std::time::{Duration, Instant};

use protocol::job::{CameraSpec, FromJob, MediaPacket, OutputVideo, ToJob};

use self::address::{Address, Kind};
use self::source::{Policy, Source, Trouble};
use super::link::Link;
use super::{Job, JobError};

/// Before the second attempt; doubled before each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Without a frame, at the beginning: time for RTSP to find out that UDP does not come through, and for a first key frame.
const PATIENCE_AT_FIRST: Duration = Duration::from_secs(25);
/// The same later.
const PATIENCE: Duration = Duration::from_secs(12);

/// See [`protocol::job::JobSpec::Camera`].
#[derive(Debug)]
pub(super) struct Camera {
    link: Link,
    address: Address,
    policy: Policy,
    play: Play,
    /// Attempts in a row that have come to nothing.
    failures: u32,
    /// Bits a second that pictures are to take, if that was said.
    bitrate: Option<u32>,
}

#[derive(Debug)]
enum Play {
    Running(Box<Attempt>),
    Paused {
        until: Instant,
    },
    /// A file has come to its end.
    Over,
}

#[derive(Debug)]
struct Attempt {
    source: Source,
    /// What the server was told of it.
    told: Option<OutputVideo>,
    /// Frames of whatever has to come, so far, and when that was another number.
    frames: u64,
    changed: Instant,
}

impl Camera {
    pub(super) fn new(spec: &CameraSpec, link: &Link) -> Result<Self, JobError> {
        let unusable = || JobError::Impossible("the address of the camera is none that can be opened".to_owned());
        let address = Address::read(&spec.uri).ok_or_else(unusable)?;
        let policy = Policy { passes: spec.passes_through, settled: None, network_cache: spec.network_cache };
        let play = Play::Paused { until: Instant::now() };
        Ok(Self { link: link.clone(), address, policy, play, failures: 0, bitrate: None })
    }

    /// With what is known by now of what its output must be.
    fn begin(&mut self) -> Result<(), JobError> {
        // The one before is to let go of the camera first: some have room for one only.
        self.play = Play::Over;
        let source = Source::open(&self.address, self.policy, &self.link)?;
        self.play = Play::Running(Box::new(Attempt { source, told: None, frames: 0, changed: Instant::now() }));
        Ok(())
    }

    fn fail(&mut self, why: &str) -> Result<(), JobError> {
        let why = self.address.redacted(why);
        if self.address.kind == Kind::File {
            return Err(JobError::Impossible(why));
        }
        self.failures += 1;
        let pause = FIRST_PAUSE.saturating_mul(1 << (self.failures - 1).min(8)).min(LONGEST_PAUSE);
        self.play = Play::Paused { until: Instant::now() + pause };
        self.link.tell(&FromJob::Interrupted { why });
        Ok(())
    }

    /// Looks after the attempt.
    fn watch(&mut self) -> Result<(), JobError> {
        let Play::Running(attempt) = &mut self.play else { return Ok(()) };
        let outcome = attempt.source.poll()?;
        if let Some(video) = attempt.source.video().filter(|video| attempt.told.as_ref() != Some(*video)).cloned() {
            self.policy.settled = Some(video.codec);
            attempt.source.settle(video.codec);
            if let Some(bps) = self.bitrate {
                attempt.source.set_bitrate(bps);
            }
            attempt.told = Some(video.clone());
            // One without sound is silent: it has been announced with sound.
            self.link.tell(&FromJob::Ready { audio: true, video: Some(video) });
        }
        let now = Instant::now();
        let frames = attempt.source.frames();
        if frames != attempt.frames {
            (attempt.frames, attempt.changed) = (frames, now);
            self.failures = 0;
        }
        let patience = if frames == 0 { PATIENCE_AT_FIRST } else { PATIENCE };
        match outcome {
            Some(Trouble::Over) if self.address.kind == Kind::File => self.play = Play::Over,
            Some(Trouble::Over) => self.fail("it has ended the stream")?,
            Some(Trouble::Broken(why)) => self.fail(&why)?,
            Some(Trouble::Reordered) => {
                self.policy.passes = false;
                self.begin()?;
            }
            None if now - attempt.changed > patience => self.fail("it sends nothing")?,
            None => {}
        }
        Ok(())
    }
}

impl Job for Camera {
    fn handle(&mut self, said: ToJob) -> Result<(), JobError> {
        match said {
            ToJob::KeyFrame => {
                if let Play::Running(attempt) = &self.play {
                    attempt.source.key_frame();
                }
            }
            ToJob::Bitrate { bps } => {
                self.bitrate = Some(bps);
                if let Play::Running(attempt) = &self.play {
                    attempt.source.set_bitrate(bps);
                }
            }
            ToJob::Settle { video } => {
                self.policy.settled = Some(video);
                if let Play::Running(attempt) = &mut self.play {
                    attempt.source.settle(video);
                    if attempt.source.video().is_some_and(|chosen| chosen.codec != video) {
                        self.begin()?;
                    }
                }
            }
            ToJob::Begin { .. }
            | ToJob::AddInput { .. }
            | ToJob::ChangeInput { .. }
            | ToJob::RemoveInput { .. }
            | ToJob::Finish
            | ToJob::Execute { .. } => {}
        }
        Ok(())
    }

    fn handle_media(&mut self, _: &MediaPacket<'_>) -> Result<(), JobError> {
        Ok(())
    }

    fn poll(&mut self) -> Result<(), JobError> {
        match &self.play {
            Play::Paused { until } if Instant::now() >= *until => self.begin(),
            Play::Running(_) => self.watch(),
            Play::Paused { .. } | Play::Over => Ok(()),
        }
    }
}
