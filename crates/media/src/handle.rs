//! Running workers, and the ways to them.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use protocol::id::WorkerId;
use protocol::media::{MediaCommand, MediaEvent, MediaFailure};
use tokio::sync::{mpsc, watch};

use crate::local_media::LocalSource;
use crate::neighbours::Neighbours;
use crate::pulse::Pulse;
use crate::relay_use::RelayQuestions;
use crate::streams::Streams;
use crate::worker::{Worker, WorkerConfig, WorkerInputs};
use crate::{MediaNetwork, TapSink, WorkerOptions, WorkerSockets};

/// A worker that is this far behind stands still: then requests fail at once.
const COMMAND_CAPACITY: usize = 16 * 1024;
const EVENT_CAPACITY: usize = 16 * 1024;
/// The most workers: each has a space of relayed addresses.
pub const MAX_WORKERS: u16 = turn::Space::COUNT as u16;

/// Running workers.
#[derive(Debug)]
pub struct RunningWorkers {
    /// For commands.
    pub handle: MediaHandle,
    /// For TCP connections that carry media.
    pub streams: Streams,
    /// For packets that are made on this machine.
    pub local: LocalSource,
    /// For questions about the relay.
    pub relay: RelayQuestions,
    /// For questions whether they are alive.
    pub pulse: Pulse,
    /// What they report. A worker that ends reports [`MediaEvent::WorkerLost`]; the end of this queue is the end of all.
    pub events: mpsc::Receiver<MediaEvent>,
    /// They end once the handle is dropped.
    pub threads: Vec<thread::JoinHandle<()>>,
}

/// The way to workers.
#[derive(Debug)]
pub struct MediaHandle {
    /// Of each, by number.
    commands: Vec<mpsc::Sender<MediaCommand>>,
}

/// The same for those who do not keep the workers running.
#[derive(Clone, Debug)]
pub struct WeakMediaHandle {
    commands: Arc<[mpsc::WeakSender<MediaCommand>]>,
}

impl MediaHandle {
    /// To no worker, but to a queue of one: for tests of those who give commands.
    pub fn detached() -> (Self, mpsc::Receiver<MediaCommand>) {
        let (commands, queue) = mpsc::channel(1);
        (Self { commands: vec![commands] }, queue)
    }

    /// Which workers it leads to.
    pub fn workers(&self) -> impl Iterator<Item = WorkerId> + use<> {
        (0..self.commands.len()).map(|number| WorkerId(number as u16))
    }

    /// For requests that matter only as long as there are workers.
    pub fn weak(&self) -> WeakMediaHandle {
        WeakMediaHandle { commands: self.commands.iter().map(mpsc::Sender::downgrade).collect() }
    }

    /// Hands a command to the worker that its router is in. If that stands still, the error is what settles the command, if it
    /// has to be settled.
    pub fn send(&self, command: MediaCommand) -> Result<(), Option<MediaEvent>> {
        let sent = match self.commands.get(usize::from(command.router.worker.0)) {
            Some(commands) => commands.try_send(command).map_err(mpsc::error::TrySendError::into_inner),
            None => Err(command),
        };
        sent.map_err(|command| {
            tracing::error!(worker = command.router.worker.0, "the media worker takes no commands");
            command.op.request().map(|request| MediaEvent::Failed { request, why: MediaFailure::Internal })
        })
    }
}

impl WeakMediaHandle {
    /// Hands over a command, if its worker is there and takes it.
    pub fn send(&self, command: MediaCommand) {
        let commands = self.commands.get(usize::from(command.router.worker.0));
        if let Some(commands) = commands.and_then(mpsc::WeakSender::upgrade) {
            // A worker that takes none has other worries.
            let _ = commands.try_send(command);
        }
    }
}

/// Starts a thread for each worker: there are as many as `sockets`, and those are of the same ports.
pub fn start(
    options: WorkerOptions,
    sockets: Vec<WorkerSockets>,
    network: watch::Receiver<MediaNetwork>,
    taps: impl TapSink + Clone,
) -> io::Result<RunningWorkers> {
    let WorkerOptions { ice_lite, adapts, redundancy, statistics, turn_secret, turn_limits } = options;
    let count = u16::try_from(sockets.len()).unwrap_or(u16::MAX).min(MAX_WORKERS);
    let ice_secret = sfu::IceSecret::new(crate::random_seed());
    let quotas = turn::Quotas::new(turn_limits);
    let (from_workers, events) = mpsc::channel(EVENT_CAPACITY);
    let (streams, from_streams) = Streams::new(count);
    let (relay, questioned) = RelayQuestions::new(count);
    let (pulse, asked) = Pulse::new(count);
    let neighbours = Neighbours::all(count, Instant::now());
    let (local, made) = LocalSource::new(count);
    let (mut commands, mut threads) = (vec![], vec![]);
    let inputs = from_streams.into_iter().zip(questioned).zip(asked).zip(neighbours).zip(made);
    for ((number, sockets), ((((streams, questioned), pulse), neighbours), local)) in (0..).zip(sockets).zip(inputs) {
        let (to_worker, from_control) = mpsc::channel(COMMAND_CAPACITY);
        commands.push(to_worker);
        let inputs = WorkerInputs { commands: from_control, streams, questioned, pulse, neighbours, local };
        let candidates = network.borrow().candidates.clone();
        let (worker, space) = (WorkerId(number), turn::Space::new(number as u8).unwrap_or_default());
        let config = WorkerConfig {
            turn: turn::Config {
                secret: turn_secret.clone(),
                peers: candidates.udp.clone(),
                quotas: quotas.clone(),
                space,
            },
            sfu: sfu::Config {
                worker,
                candidates,
                ice_secret: ice_secret.clone(),
                ice_lite,
                adapts,
                redundancy,
                statistics,
            },
        };
        let (network, taps, events) = (network.clone(), taps.clone(), from_workers.clone());
        let thread = thread::Builder::new().name(format!("media-{number}")).spawn(move || {
            let _lost = LastWord { worker, events: events.clone() };
            match Worker::new(sockets, config, network, inputs, events, taps) {
                Ok(worker) => worker.run(),
                Err(error) => tracing::error!(%error, "the media worker cannot use its UDP port"),
            }
        })?;
        threads.push(thread);
    }
    Ok(RunningWorkers { handle: MediaHandle { commands }, streams, local, relay, pulse, events, threads })
}

/// Reports the end of a worker, however it ends.
struct LastWord {
    worker: WorkerId,
    events: mpsc::Sender<MediaEvent>,
}

impl Drop for LastWord {
    fn drop(&mut self) {
        // Nobody listens any more when the server stops; and the thread must end, which is noticed, whether this is or not.
        let _ = self.events.try_send(MediaEvent::WorkerLost { worker: self.worker });
    }
}
