//! Live work on media: the process is one job ([`protocol::job`]) from the first message of its socket to the end of that.
//!
//! Here are the main loop and the choice of the job; [`link`] is the socket, [`input`] makes frames of packets that come and
//! [`output`] packets of frames that go, both over a [`pipeline`] of GStreamer. Each kind of job has a file beside these, which
//! says only what is done in between. A job knows no session and no recording, and all that it knows of the server is its socket.

mod broadcast;
mod camera;
mod filter;
mod input;
mod link;
mod output;
mod pipeline;
mod recognise;
mod transcode;

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use protocol::job::{FromJob, JobSpec, LONGEST, MediaPacket, ToJob};

use self::link::{Incoming, Link};

/// The longest time between two calls of [`Job::poll`].
const TICK: Duration = Duration::from_millis(10);
/// Between two signs of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// Why a job ends by itself.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Another process could not do it either.
    #[error("{0}")]
    Impossible(String),
    /// Another process may do better.
    #[error("{0}")]
    Broken(String),
}

/// One kind of work, driven by the main loop alone.
trait Job {
    /// The server says something.
    fn handle(&mut self, said: ToJob) -> Result<(), JobError>;

    /// A packet of an input.
    fn handle_media(&mut self, packet: &MediaPacket<'_>) -> Result<(), JobError>;

    /// Every few milliseconds: what has happened, and what is due.
    fn poll(&mut self) -> Result<(), JobError>;
}

/// Begins what is specified.
fn begin(spec: JobSpec, link: &Link) -> Result<Box<dyn Job>, JobError> {
    match spec {
        JobSpec::Transcode { from: _, to, audio } => Ok(Box::new(transcode::Transcode::new(to, audio, link)?)),
        JobSpec::Filter { filter, video, audio, images } => {
            Ok(Box::new(filter::Filter::new(&filter, video, audio, images.map(Into::into), link)?))
        }
        JobSpec::Camera(spec) => Ok(Box::new(camera::Camera::new(&spec, link)?)),
        JobSpec::Broadcast(spec) => Ok(Box::new(broadcast::Broadcast::new(spec, link)?)),
        JobSpec::Recognise(spec) => Ok(Box::new(recognise::Recogniser::new(&spec, link)?)),
    }
}

/// Does the job whose socket this is. An error says that another process may do better; what none could do has been told to the
/// server.
pub fn run(socket: OwnedFd) -> Result<(), JobError> {
    let broken = |error: std::io::Error| JobError::Broken(format!("the server's socket: {error}"));
    let link = Link::new(socket, TICK).map_err(broken)?;
    match serve(&link, broken) {
        Err(JobError::Impossible(why)) => {
            link.tell(&FromJob::Failed { why });
            Ok(())
        }
        other => other,
    }
}

fn serve(link: &Link, broken: impl Fn(std::io::Error) -> JobError + Copy) -> Result<(), JobError> {
    let mut buffer = Box::new([0; LONGEST]);
    let mut job: Option<Box<dyn Job>> = None;
    let mut polled = Instant::now();
    // At once: the server hears that we are there.
    let mut told: Option<Instant> = None;
    loop {
        match (link.read(&mut buffer).map_err(broken)?, &mut job) {
            (Incoming::End, _) => return Ok(()),
            (Incoming::Said(said), Some(job)) => job.handle(*said)?,
            (Incoming::Media(packet), Some(job)) => job.handle_media(&packet)?,
            (Incoming::Said(said), none) => match *said {
                ToJob::Begin { spec } => *none = Some(begin(spec, link)?),
                _ => eprintln!("the server says something before it has begun the job"),
            },
            (Incoming::Media(_) | Incoming::Nothing, _) => {}
        }
        let now = Instant::now();
        if let Some(job) = job.as_mut().filter(|_| now - polled >= TICK) {
            job.poll()?;
            polled = now;
        }
        if told.is_none_or(|told| now - told >= SIGN_OF_LIFE) {
            link.tell(&FromJob::Working { dropped: link.dropped() });
            told = Some(now);
        }
    }
}
