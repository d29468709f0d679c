//! The shell of the media workers: UDP ports, TCP connections that carry media, addresses, the relay, and the thread in which
//! the pure [`sfu::Sfu`] and [`turn::Server`] run.
//!
//! It is *not* where anything about packets is decided: it carries datagrams, commands and events, and gives the time. It
//! knows nothing of sessions, of settings and where they come from, and of HTTP: whoever has a TCP connection that begins
//! like ICE or TURN hands it over ([`Streams::carry`]), and whoever wants copies of packets takes them ([`TapSink`]).
//!
//! # The life of a datagram
//! 1. The kernel: one call takes up to a batch of datagrams from the port (`udp`), each with the address that it came to.
//!    Over TCP a task for each connection cuts messages out of the stream (`streams`) and queues them for the thread.
//! 2. The relay sees it first: what is for it is answered, what it relays is unwrapped and goes on as from the
//!    allocation's virtual address. From such an address nothing real is believed.
//!    Either is of this worker's clients only; what is for a transport of another worker is handed over (`neighbours`), until the
//!    kernel knows better where that client's datagrams belong (`steering`).
//! 3. [`sfu::Sfu::handle_datagram`]: whose it is, decryption, which subscribers get it. A whole batch goes in before
//!    anything comes out, so that what leaves for one destination leaves in a row.
//! 4. [`sfu::Output::Transmit`], a train of equal datagrams, waits in its port's queue (`send_queue`) for the end of the turn,
//!    through the relay if the destination is virtual, or goes into the outbox of a TCP connection; [`sfu::Output::Tap`] to
//!    the [`TapSink`]; events to `reports`.
//! 5. At the end of the turn one call takes all that one port sends, straight from the buffers of the SFU, which gets them back
//!    (`kernel`).
//!
//! # Threads and queues
//! One thread for each worker, without an asynchronous runtime: it sleeps in one system call for its ports, its deadlines and
//! its queues (`poller`). One task for each TCP connection, in the caller's runtime.
//!
//! | Queue | Bound | When full |
//! |---|---|---|
//! | commands to a worker | 16 384 | the command fails at once: whoever waits is told so |
//! | events of a worker | 16 384, and 1 024 observations beside it | statistics are dropped first (from three quarters on), then other observations; what settles a command waits, there is one for each command |
//! | messages from one worker to another | 1 024; datagrams of a turn are one | dropped, as by a network |
//! | packets of local publications, to a worker | 256 batches | dropped, as by a network |
//! | messages of all TCP connections of a worker | 1 024 | connections are not read: TCP slows the sender |
//! | to one TCP connection | 256 KiB | the message is dropped whole, as by a network |
//! | to the kernel, UDP | its buffer, and 1 MiB for each port beside it | the train is dropped, as by a network |
//! | questions about the relay | 16 | not answered |
//! | questions whether it is alive | 16 | whoever asks waits |

mod candidates;
mod connections;
mod handle;
mod kernel;
mod ledger;
mod local_media;
mod neighbours;
mod network;
mod options;
mod poller;
mod pulse;
mod reflexive;
mod relay_use;
mod reports;
mod send_queue;
mod socket;
mod steering;
mod streams;
mod tap_sink;
mod udp;
mod worker;

pub use handle::{MAX_WORKERS, MediaHandle, RunningWorkers, WeakMediaHandle, start};
pub use local_media::{LocalMedia, LocalSource};
pub use network::{MediaNetwork, follow_network};
pub use options::{AddressOptions, PublicHost, StunServer, TranslatedAddress, WorkerOptions};
pub use pulse::Pulse;
pub use relay_use::{RelayQuestions, RelayUse};
pub use socket::{MediaSocket, SocketBuffers, WorkerSockets, bind_port};
pub use streams::{StreamEnd, StreamEnds, Streams};
pub use tap_sink::TapSink;

/// For generators of what nobody may guess.
fn random_seed() -> [u8; 32] {
    rand::random()
}
