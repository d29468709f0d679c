//! Which packet goes where: a pure selective forwarding unit.
//!
//! [`Sfu`] takes datagrams, [`MediaCommand`]s and the current time, and gives [`Output`]s. It owns no socket, no thread
//! and no clock. It knows nothing of OpenVidu: a router is a room, a publication is what one client sends.
//!
//! Contract with the shell: after *every* `handle_*` call, take [`Sfu::poll_output`] until it is `None`; call
//! [`Sfu::handle_timeout`] once [`Sfu::poll_timeout`] has passed.

#![warn(missing_docs)]

use std::net::SocketAddr;
use std::time::Duration;

use protocol::id::{PublicationId, WorkerId};
use protocol::media::MediaEvent;

mod adaptation;
mod codec;
mod commands;
mod consumer;
mod demux;
mod forwarder;
mod frames;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod ice;
mod keyframe;
mod layer_filter;
mod layer_selector;
mod layered_frame;
mod local;
mod milestones;
mod numbering;
mod pacer;
mod packet;
mod peer;
mod pipe;
mod piping;
mod publication;
mod ranking;
mod rates;
mod redundancy;
mod refusal;
mod retransmission;
mod sdp;
mod selecting;
mod selection;
mod sender_clock;
mod sfu;
mod slots;
mod smoothness;
mod subscriber;
mod subscription;
mod tap;
mod timers;
mod transport;
mod uplink;
mod voice;
mod watching;

pub use demux::worker_of_check;
pub use local::LocalPacket;
pub use packet::SenderReport;
pub use pipe::PipeMessage;
pub use refusal::IceSecret;
pub use sfu::Sfu;
pub use tap::{TapCodec, TapPacket, TapSource};

/// How the worker is reached.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which worker this is: the user names that it gives out say so, and it takes no checks for others.
    pub worker: WorkerId,
    /// Offered in every SDP.
    pub candidates: Candidates,
    /// Where passwords of ICE come from: the same for a worker that takes another one's place.
    pub ice_secret: IceSecret,
    /// ICE-lite (the default) or full ICE.
    pub ice_lite: bool,
    /// Subscribers get what their networks carry, and not everything.
    pub adapts: bool,
    /// Publishers that can are asked for sound with each frame sent twice (RED), and subscribers that can get it so while their
    /// networks lose packets.
    pub redundancy: bool,
    /// Between two statistics of a transport; `None`: there are none.
    pub statistics: Option<Duration>,
}

/// Our addresses, as clients see them: host candidates, best first. Never a wildcard address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Candidates {
    /// Never empty.
    pub udp: Vec<SocketAddr>,
    /// Where clients that cannot use UDP may open a connection (passive candidates, RFC 6544).
    pub tcp: Vec<SocketAddr>,
}

/// What carries datagrams.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    /// The network itself.
    Udp,
    /// A connection that the client has opened, with frames for datagrams (RFC 4571).
    Tcp,
}

/// A datagram from the network.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// How it came.
    pub protocol: Protocol,
    /// Who sent it.
    pub source: SocketAddr,
    /// Which of our addresses it came to.
    pub destination: SocketAddr,
    /// Payload.
    pub contents: &'a [u8],
}

/// What became of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// It was for a transport here, or is of no use to anybody.
    Taken,
    /// A connectivity check for a transport of that worker.
    CheckFor(WorkerId),
    /// The response to a check that no transport here has sent.
    Unasked,
    /// No transport here knows who sent it.
    FromNobody,
}

/// A datagram to send, or a train of them, which the kernel takes in one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// How it leaves.
    pub protocol: Protocol,
    /// Which of our addresses it should leave from.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// Payload. Whoever has sent it gives the buffer back to [`Sfu::reuse`].
    pub contents: Vec<u8>,
    /// Each datagram of the train has so many bytes, but for the last one, which may have fewer. Never 0.
    pub segment: usize,
}

impl Transmit {
    /// The datagrams of the train.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.contents.chunks(self.segment.max(1))
    }
}

/// What the shell has to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Send this.
    Transmit(Transmit),
    /// Tell the control side.
    Event(MediaEvent),
    /// Hand to whoever set the tap.
    Tap(TapPacket),
    /// Ask whoever makes the packets of a local publication ([`protocol::media::MediaOperation::PublishLocal`]) for a key frame.
    KeyFrameWanted {
        /// Which.
        publication: PublicationId,
    },
    /// Hand to another worker, for its [`Sfu::handle_piped`].
    Piped {
        /// Which.
        to: WorkerId,
        /// What it is told.
        message: PipeMessage,
    },
}
