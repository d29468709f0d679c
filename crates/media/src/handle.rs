//! A running worker, and the ways to it.

use std::io;
use std::thread;

use protocol::id::WorkerId;
use protocol::media::{MediaCommand, MediaEvent, MediaFailure};
use tokio::sync::{mpsc, watch};

use crate::pulse::Pulse;
use crate::relay_use::RelayQuestions;
use crate::streams::Streams;
use crate::worker::{Worker, WorkerConfig, WorkerInputs};
use crate::{MediaNetwork, TapSink, WorkerOptions, WorkerSockets};

/// A worker that is this far behind stands still: then requests fail at once.
const COMMAND_CAPACITY: usize = 16 * 1024;
const EVENT_CAPACITY: usize = 16 * 1024;

/// A running worker.
#[derive(Debug)]
pub struct RunningWorker {
    /// For commands.
    pub handle: MediaHandle,
    /// For TCP connections that carry media.
    pub streams: Streams,
    /// For questions about the relay.
    pub relay: RelayQuestions,
    /// For questions whether it is alive.
    pub pulse: Pulse,
    /// What it reports. The end of this queue is the end of the worker.
    pub events: mpsc::Receiver<MediaEvent>,
    /// Ends once the handle is dropped.
    pub thread: thread::JoinHandle<()>,
}

/// The way to a worker.
#[derive(Debug)]
pub struct MediaHandle {
    worker: WorkerId,
    commands: mpsc::Sender<MediaCommand>,
}

impl MediaHandle {
    /// To no worker, but to a queue of one: for tests of those who give commands.
    pub fn detached() -> (Self, mpsc::Receiver<MediaCommand>) {
        let (commands, queue) = mpsc::channel(1);
        (Self { worker: WorkerId(0), commands }, queue)
    }

    /// Which worker it leads to.
    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// For requests that matter only as long as there is a worker: it does not keep the worker running.
    pub fn weak(&self) -> mpsc::WeakSender<MediaCommand> {
        self.commands.downgrade()
    }

    /// Hands over a command. If the worker stands still, the error is what settles the command, if it has to be settled.
    pub fn send(&self, command: MediaCommand) -> Result<(), Option<MediaEvent>> {
        self.commands.try_send(command).map_err(|error| {
            let command = match error {
                mpsc::error::TrySendError::Full(command) | mpsc::error::TrySendError::Closed(command) => command,
            };
            tracing::error!("the media worker takes no commands");
            command.op.request().map(|request| MediaEvent::Failed { request, why: MediaFailure::Internal })
        })
    }
}

/// Starts the worker's thread.
pub fn start(
    options: WorkerOptions,
    sockets: WorkerSockets,
    network: watch::Receiver<MediaNetwork>,
    taps: impl TapSink,
) -> io::Result<RunningWorker> {
    let WorkerOptions { worker, ice_lite, statistics, turn_secret, turn_limits } = options;
    let (commands, to_worker) = mpsc::channel(COMMAND_CAPACITY);
    let (from_worker, events) = mpsc::channel(EVENT_CAPACITY);
    let candidates = network.borrow().candidates.clone();
    let config = WorkerConfig {
        turn: turn::Config { secret: turn_secret, peers: candidates.udp.clone(), limits: turn_limits },
        sfu: sfu::Config { worker, candidates, ice_lite, statistics },
    };
    let (streams, from_streams) = Streams::new();
    let (relay, questioned) = RelayQuestions::new();
    let (pulse, asked) = Pulse::new();
    let inputs = WorkerInputs { commands: to_worker, streams: from_streams, questioned, pulse: asked };
    let thread = thread::Builder::new().name(format!("media-{}", worker.0)).spawn(move || {
        match Worker::new(sockets, config, network, inputs, from_worker, taps) {
            Ok(worker) => worker.run(),
            Err(error) => tracing::error!(%error, "the media worker cannot use its UDP port"),
        }
    })?;
    Ok(RunningWorker { handle: MediaHandle { worker, commands }, streams, relay, pulse, events, thread })
}
