//! Whether the parts that every call depends on are alive: the control loop and the media workers. They are asked, with a time
//! limit, since one that stands still looks like a living one from outside.
//!
//! What follows from the answer is up to whoever asks: `/health`, and the program's watchdog.

use std::fmt;
use std::time::Duration;

use media::Pulse;
use tokio::time::timeout;

use crate::control::Control;

/// How long each may take to answer: far more than it ever does, and less than load balancers wait.
const LIMIT: Duration = Duration::from_secs(2);

/// The ways to ask. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Vitals {
    control: Control,
    media: Pulse,
}

/// Who did not answer in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Silent {
    /// Nobody can enter, leave or be told anything.
    pub control: bool,
    /// Nothing is carried.
    pub media: bool,
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let silent = [(self.control, "the control loop"), (self.media, "a media worker")];
        let silent: Vec<_> = silent.iter().filter(|(silent, _)| *silent).map(|(_, who)| *who).collect();
        write!(f, "{} did not answer within {} s", silent.join(" and "), LIMIT.as_secs())
    }
}

impl Vitals {
    pub(crate) fn new(control: Control, media: Pulse) -> Self {
        Self { control, media }
    }

    /// How often a media worker has panicked.
    pub(crate) fn worker_panics(&self) -> u64 {
        self.media.panics()
    }

    /// Asks all of them at once.
    pub(crate) async fn check(&self) -> Result<(), Silent> {
        let control = timeout(LIMIT, self.control.call(|_, _| ()));
        let media = timeout(LIMIT, self.media.ask());
        let (control, media) = tokio::join!(control, media);
        let silent = Silent { control: !matches!(control, Ok(Ok(()))), media: !matches!(media, Ok(true)) };
        if silent.control || silent.media { Err(silent) } else { Ok(()) }
    }
}
