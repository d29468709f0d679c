//! The way of commands from the control side to the director. Nobody waits for a place in it.

use protocol::recording::{RecordingCommand, RecordingReport};
use tokio::sync::mpsc;

use crate::writer::Clock;

/// Commands that may wait, at least.
const MIN_CAPACITY: usize = 4096;
const MAX_CAPACITY: usize = 1 << 20;

/// The control side's end.
#[derive(Debug)]
pub struct RecordingCommands {
    /// `None` if this server does not record.
    director: Option<ToDirector>,
}

/// A command on its way.
#[derive(Debug)]
pub(crate) struct TimedCommand {
    /// When it was given, ms since 1970 on the clock of the files: so long may it have waited for the disk.
    pub(crate) at: u64,
    pub(crate) command: RecordingCommand,
}

#[derive(Debug)]
struct ToDirector {
    commands: mpsc::Sender<TimedCommand>,
    clock: Clock,
}

pub(crate) fn queue(clock: Clock, max_streams: usize) -> (RecordingCommands, mpsc::Receiver<TimedCommand>) {
    // What ends must get through even while the disk stands still: each stream that began causes one more command at most, and
    // each recording three. Of four parts, one is for those that ran before, one for what begins, two for its end.
    let capacity = max_streams.saturating_mul(16).clamp(MIN_CAPACITY, MAX_CAPACITY);
    let (commands, receiver) = mpsc::channel(capacity);
    (RecordingCommands { director: Some(ToDirector { commands, clock }) }, receiver)
}

impl RecordingCommands {
    /// Of a server that does not record.
    pub fn off() -> Self {
        Self { director: None }
    }

    /// ms since 1970 on the clock of the files; 0 if this server does not record.
    pub fn now(&self) -> u64 {
        self.director.as_ref().map_or(0, |director| director.clock.now().as_millis() as u64)
    }

    /// Hands over a command that was given at `at`; if that is impossible, returns what is to be reported at once.
    pub fn send(&self, command: RecordingCommand, at: u64) -> Option<RecordingReport> {
        let Some(ToDirector { commands, .. }) = &self.director else {
            return refused(&command, "this server does not record");
        };
        let can_be_refused = matches!(
            command,
            RecordingCommand::Begin { .. }
                | RecordingCommand::Add { .. }
                | RecordingCommand::Change { .. }
                | RecordingCommand::Words { .. }
                | RecordingCommand::WordsMissing { .. }
        );
        if can_be_refused && commands.capacity() < commands.max_capacity() / 4 * 3 {
            return refused(&command, "the disk of the recordings is too far behind");
        }
        match commands.try_send(TimedCommand { at, command }) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(order) | mpsc::error::TrySendError::Closed(order)) => {
                refused(&order.command, "recordings have come to a standstill")
            }
        }
    }
}

fn refused(command: &RecordingCommand, why: &str) -> Option<RecordingReport> {
    match command {
        RecordingCommand::Begin { recording, .. } | RecordingCommand::End { recording, .. } => {
            Some(RecordingReport::Ended { recording: *recording, result: Err(why.into()) })
        }
        RecordingCommand::Add { recording, tap, .. } => {
            Some(RecordingReport::StreamFailed { recording: *recording, tap: *tap, why: why.to_owned() })
        }
        RecordingCommand::Change { .. }
        | RecordingCommand::Words { .. }
        | RecordingCommand::WordsMissing { .. }
        | RecordingCommand::WordsComplete { .. }
        | RecordingCommand::Remove { .. }
        | RecordingCommand::Started { .. } => None,
    }
}
