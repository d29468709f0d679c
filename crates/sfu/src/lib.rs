//! Which packet goes where: a pure selective forwarding unit.
//!
//! [`Sfu`] takes datagrams, [`MediaCommand`]s and the current time, and gives [`Output`]s. It owns no socket, no thread
//! and no clock. It knows nothing of OpenVidu: a router is a room, a publication is what one client sends.
//!
//! Contract with the shell: after *every* `handle_*` call, take [`Sfu::poll_output`] until it is `None`; call
//! [`Sfu::handle_timeout`] once [`Sfu::poll_timeout`] has passed.

use std::net::SocketAddr;

use protocol::media::MediaEvent;

mod codec;
mod commands;
mod consumer;
mod demux;
mod forwarder;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod keyframe;
mod layer_selector;
mod packet;
mod publication;
mod sdp;
mod sender_clock;
mod sfu;
mod slots;
mod stun;
mod timers;
mod transport;

pub use sfu::Sfu;

/// How the worker is reached.
#[derive(Clone, Debug)]
pub struct Config {
    /// Offered as host candidates in every SDP. Never empty, never a wildcard address.
    pub candidates: Vec<SocketAddr>,
    /// ICE-lite (the default) or full ICE.
    pub ice_lite: bool,
}

/// A datagram from the network.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// Which of our addresses it came to.
    pub destination: SocketAddr,
    /// Payload.
    pub contents: &'a [u8],
}

/// A datagram to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// Which of our addresses it should leave from.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// Payload.
    pub contents: Vec<u8>,
}

/// What the shell has to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Send this.
    Transmit(Transmit),
    /// Tell the control side.
    Event(MediaEvent),
}
