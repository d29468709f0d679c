//! The way of commands from the control side to the director. Nobody waits for a place in it.

use protocol::recording::{RecordingCommand, RecordingReport};
use tokio::sync::mpsc;

use crate::writer::WriterHandle;

/// Commands that may wait, at least.
const MIN_CAPACITY: usize = 4096;
const MAX_CAPACITY: usize = 1 << 20;

/// The control side's end.
#[derive(Debug)]
pub struct Queue {
    /// `None` if this server does not record.
    way: Option<Way>,
}

/// A command on its way.
#[derive(Debug)]
pub(super) struct Order {
    /// When it was given, ms since 1970 on the clock of the files: so long may it have waited for the disk.
    pub(super) at: u64,
    pub(super) command: RecordingCommand,
}

#[derive(Debug)]
struct Way {
    commands: mpsc::Sender<Order>,
    writer: WriterHandle,
}

pub(super) fn queue(writer: WriterHandle, max_streams: usize) -> (Queue, mpsc::Receiver<Order>) {
    // What ends must get through even while the disk stands still: each stream and each recording that began causes two
    // more commands at most. Of four parts, one is for those that ran before, one for what begins, two for its end.
    let capacity = max_streams.saturating_mul(16).clamp(MIN_CAPACITY, MAX_CAPACITY);
    let (commands, receiver) = mpsc::channel(capacity);
    (Queue { way: Some(Way { commands, writer }) }, receiver)
}

impl Queue {
    /// Of a server that does not record.
    pub fn off() -> Self {
        Self { way: None }
    }

    /// ms since 1970 on the clock of the files; 0 if this server does not record.
    pub fn now(&self) -> u64 {
        self.way.as_ref().map_or(0, |way| way.writer.now().as_millis() as u64)
    }

    /// Hands over a command that was given at `at`; if that is impossible, returns what is to be reported at once.
    pub fn send(&self, command: RecordingCommand, at: u64) -> Option<RecordingReport> {
        let Some(Way { commands, .. }) = &self.way else {
            return refused(&command, "this server does not record");
        };
        let can_be_refused = matches!(
            command,
            RecordingCommand::Begin { .. } | RecordingCommand::Add { .. } | RecordingCommand::Change { .. }
        );
        if can_be_refused && commands.capacity() < commands.max_capacity() / 4 * 3 {
            return refused(&command, "the disk of the recordings is too far behind");
        }
        match commands.try_send(Order { at, command }) {
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
        RecordingCommand::Change { .. } | RecordingCommand::Remove { .. } | RecordingCommand::Started { .. } => None,
    }
}
