//! The one queue into the writer: commands and packets in the order in which they were given.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use muxing::Time;
use protocol::id::{PublicationId, TapId};
use sfu::TapPacket;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::StartFile;
use super::clock::Clock;

/// Two seconds of a hundred streams, some 20 MB.
const CAPACITY: usize = 16 * 1024;
/// Places that packets leave to commands: a file must end even when packets are too many.
const FOR_COMMANDS: usize = 1024;

#[derive(Debug)]
pub(super) enum Input {
    Start(StartFile),
    Stop(TapId),
    /// With the time at which it was given.
    Mark(Time),
    Packet(TapPacket),
}

/// Packets that found no room, by tap. The lock is taken when that happens and when a file ends.
type Overflow = Arc<Mutex<HashMap<TapId, u64>>>;

/// Both ends of the queue.
pub fn queue() -> (WriterHandle, TapQueue, Inputs) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let overflow = Overflow::default();
    let taps = TapQueue { sender: sender.clone(), overflow: Arc::clone(&overflow) };
    let clock = Clock::new();
    (WriterHandle { sender, clock }, taps, Inputs { receiver, overflow, clock })
}

/// For whoever decides what is recorded. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WriterHandle {
    sender: mpsc::Sender<Input>,
    clock: Clock,
}

/// The writer takes no commands: it stands still, or has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the recorder is too far behind")]
pub struct Overloaded;

impl WriterHandle {
    /// A file begins with the packets that came for it before, up to some seconds of them. Never waits.
    pub fn start(&self, file: StartFile) -> Result<(), Overloaded> {
        self.sender.try_send(Input::Start(file)).map_err(|_| Overloaded)
    }

    /// The time of the files.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Of the files.
    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Asks for [`super::WriterEvent::Marked`] once everything that is queued was written, but for what files keep back.
    pub fn mark(&self) -> Result<(), Overloaded> {
        self.sender.try_send(Input::Mark(self.clock.now())).map_err(|_| Overloaded)
    }

    /// A file ends with the packets that are queued. Never waits. Those of a writer that has ended have ended, too.
    pub fn stop(&self, tap: TapId) -> Result<(), Overloaded> {
        match self.sender.try_send(Input::Stop(tap)) {
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Overloaded),
        }
    }
}

/// For the media worker.
#[derive(Clone, Debug)]
pub struct TapQueue {
    sender: mpsc::Sender<Input>,
    overflow: Overflow,
}

impl media::TapSink for TapQueue {
    fn take(&self, packet: TapPacket) {
        self.send(packet);
    }

    fn want_key_frame(&self, _: PublicationId) {}
}

impl TapQueue {
    /// Hands over a packet, or counts it as dropped. Never waits.
    pub fn send(&self, packet: TapPacket) {
        let tap = packet.tap;
        if self.sender.capacity() > FOR_COMMANDS && self.sender.try_send(Input::Packet(packet)).is_ok() {
            return;
        }
        if !self.sender.is_closed() {
            count(&self.overflow, tap);
        }
    }
}

fn count(overflow: &Overflow, tap: TapId) {
    *overflow.lock().unwrap_or_else(PoisonError::into_inner).entry(tap).or_default() += 1;
}

/// For the writer.
#[derive(Debug)]
pub struct Inputs {
    receiver: mpsc::Receiver<Input>,
    overflow: Overflow,
    pub(super) clock: Clock,
}

impl Inputs {
    /// Waits for at least one input; none comes once every sender is gone.
    pub(super) async fn take(&mut self, inputs: &mut Vec<Input>, most: usize) -> usize {
        self.receiver.recv_many(inputs, most).await
    }

    /// One more packet without room.
    pub(super) fn overflow(&self, tap: TapId) {
        count(&self.overflow, tap);
    }

    /// Packets of a tap dropped since the last time.
    pub(super) fn take_overflow(&self, tap: TapId) -> u64 {
        self.overflow.lock().unwrap_or_else(PoisonError::into_inner).remove(&tap).unwrap_or(0)
    }

    /// The taps of which packets were dropped since the last time. While something is queued it is too early to say what
    /// is of no use.
    pub(super) fn overflowed(&self) -> Vec<TapId> {
        if !self.receiver.is_empty() {
            return vec![];
        }
        self.overflow.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}
