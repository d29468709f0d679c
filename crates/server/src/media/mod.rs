//! Media workers: the UDP ports, the TCP connections that carry media, and the thread in which the pure [`sfu::Sfu`] and
//! [`turn::Server`] run.
//!
//! Here is no rule about packets: it only carries datagrams, commands and events, and gives the time.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::Duration;

use protocol::id::WorkerId;
use protocol::media::{MediaCommand, MediaEvent, MediaFailure};
use recordings::writer::TapQueue;
use settings::{Config, IceMode};
use socket2::{Protocol, Type};
use tokio::sync::{mpsc, watch};

use crate::ports;
pub(crate) use network::{Network, follow};
pub(crate) use relay_use::{RelayQuestions, RelayUse};
pub(crate) use streams::{Ends, Streams};

mod candidates;
mod connections;
mod ledger;
mod network;
mod reflexive;
mod relay_use;
mod reports;
mod streams;
mod transmitter;
mod udp;
mod worker;

/// A worker that is this far behind stands still: then requests fail at once.
const COMMAND_CAPACITY: usize = 16 * 1024;
const EVENT_CAPACITY: usize = 16 * 1024;
/// Between two statistics of a transport: often enough to see what a person in the call notices, seldom enough that those of
/// some thousand transports cost nothing that could be measured.
const STATISTICS: Duration = Duration::from_secs(5);
/// Some 30 ms of a full gigabit; the kernel may grant less (`net.core.rmem_max`).
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// The bound UDP port, before a worker has it.
#[derive(Debug)]
pub(crate) struct MediaSocket {
    socket: std::net::UdpSocket,
    address: SocketAddr,
    buffers: Buffers,
}

/// The kernel's buffers of a UDP port, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Buffers {
    /// What was granted.
    pub(crate) receive: usize,
    /// What was granted.
    pub(crate) send: usize,
    /// What was asked for, each.
    pub(crate) wanted: usize,
}

impl MediaSocket {
    /// Where it is bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the kernel granted.
    pub(crate) fn buffers(&self) -> Buffers {
        self.buffers
    }
}

/// The UDP ports of a worker.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// For media, and for all else that comes there.
    pub(crate) media: MediaSocket,
    /// For TURN.
    pub(crate) turn: Option<MediaSocket>,
}

/// Opens the UDP port of TURN, if it is to be had: it is one way among others.
pub(crate) fn bind_turn(ip: IpAddr, port: u16) -> Option<MediaSocket> {
    let opened = bind(ip, port);
    if let Err((address, error)) = &opened {
        tracing::warn!(%address, %error, "no TURN over UDP (setting COTURN_PORT)");
    }
    opened.ok()
}

/// Opens the port. `::` takes IPv4 too, or only IPv4 where there is no IPv6.
pub(crate) fn bind(ip: IpAddr, port: u16) -> Result<MediaSocket, (SocketAddr, io::Error)> {
    let (socket, address) = ports::bind(ip, port, Type::DGRAM, Protocol::UDP)?;
    for granted in [socket.set_recv_buffer_size(SOCKET_BUFFER), socket.set_send_buffer_size(SOCKET_BUFFER)] {
        if let Err(error) = granted {
            tracing::warn!(%error, "the UDP port has a small buffer");
        }
    }
    // Linux grants twice what it is asked for, for its own bookkeeping, and tells it so (socket(7)).
    let net = |told: io::Result<usize>| if cfg!(target_os = "linux") { told.map(|told| told / 2) } else { told };
    let failed = |cause| (address, cause);
    let buffers = Buffers {
        receive: net(socket.recv_buffer_size()).map_err(failed)?,
        send: net(socket.send_buffer_size()).map_err(failed)?,
        wanted: SOCKET_BUFFER,
    };
    let socket = std::net::UdpSocket::from(socket);
    let address = socket.local_addr().map_err(failed)?;
    Ok(MediaSocket { socket, address, buffers })
}

/// A running worker.
pub(crate) struct Worker {
    /// For commands.
    pub(crate) handle: MediaHandle,
    /// For TCP connections that carry media.
    pub(crate) streams: Streams,
    /// For questions about the relay.
    pub(crate) relay: RelayQuestions,
    /// What it reports.
    pub(crate) events: mpsc::Receiver<MediaEvent>,
    /// Ends once the handle is dropped.
    pub(crate) thread: thread::JoinHandle<()>,
}

/// The way to a worker.
#[derive(Debug)]
pub(crate) struct MediaHandle {
    worker: WorkerId,
    commands: mpsc::Sender<MediaCommand>,
}

impl MediaHandle {
    /// To no worker, but to a queue.
    #[cfg(test)]
    pub(crate) fn detached() -> (Self, mpsc::Receiver<MediaCommand>) {
        let (commands, queue) = mpsc::channel(1);
        (Self { worker: WorkerId(0), commands }, queue)
    }

    /// Which worker it leads to.
    pub(crate) fn worker(&self) -> WorkerId {
        self.worker
    }

    /// For requests that matter only as long as there is a worker: it does not keep the worker running.
    pub(crate) fn weak(&self) -> mpsc::WeakSender<MediaCommand> {
        self.commands.downgrade()
    }

    /// Hands over a command. If the worker stands still, the error is what settles the command, if it has to be settled.
    pub(crate) fn send(&self, command: MediaCommand) -> Result<(), Option<MediaEvent>> {
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
pub(crate) fn start(
    worker: WorkerId,
    sockets: Sockets,
    config: &Config,
    network: watch::Receiver<Network>,
    taps: TapQueue,
    turn_secret: Option<turn::SharedSecret>,
) -> io::Result<Worker> {
    let (commands, to_worker) = mpsc::channel(COMMAND_CAPACITY);
    let (from_worker, events) = mpsc::channel(EVENT_CAPACITY);
    let candidates = network.borrow().candidates.clone();
    let limits = turn::Limits {
        allocations: config.madang_turn_allocations as usize,
        allocations_per_user: config.madang_turn_client_allocations as usize,
    };
    let config = worker::Config {
        turn: turn::Config { secret: turn_secret, peers: candidates.udp.clone(), limits },
        sfu: sfu::Config {
            worker,
            candidates,
            ice_lite: config.madang_ice == IceMode::Lite,
            statistics: Some(STATISTICS),
        },
    };
    let (streams, from_streams) = Streams::new();
    let (relay, questioned) = RelayQuestions::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let inputs = worker::Inputs { commands: to_worker, streams: from_streams, questioned };
    let thread = thread::Builder::new().name(format!("media-{}", worker.0)).spawn(move || {
        runtime.block_on(async {
            match worker::Worker::new(sockets, config, network, inputs, from_worker, taps) {
                Ok(worker) => worker.run().await,
                Err(error) => tracing::error!(%error, "the media worker cannot use its UDP port"),
            }
        });
    })?;
    Ok(Worker { handle: MediaHandle { worker, commands }, streams, relay, events, thread })
}
