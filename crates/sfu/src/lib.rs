//! Which packet goes where: a pure selective forwarding unit.
//!
//! [`Sfu`] takes datagrams, [`MediaCommand`]s and the current time, and gives [`Output`]s. It owns no socket, no thread
//! and no clock. It knows nothing of OpenVidu: a router is a room, a publication is what one client sends.
//!
//! Contract with the shell: after *every* `handle_*` call, take [`Sfu::poll_output`] until it is `None`; call
//! [`Sfu::handle_timeout`] once [`Sfu::poll_timeout`] has passed.

use std::net::SocketAddr;
use std::time::Instant;

use protocol::media::{MediaCommand, MediaEvent};

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

/// One media worker's rooms and peer connections.
#[derive(Debug)]
pub struct Sfu {}

impl Sfu {
    /// `seed` feeds ICE credentials and SSRCs: unpredictable in production, fixed in tests.
    pub fn new(config: Config, seed: [u8; 32], now: Instant) -> Self {
        let _ = (config, seed, now);
        todo!()
    }

    /// A datagram arrived. Garbage is dropped in silence.
    pub fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Instant) {
        let _ = (datagram, now);
        todo!()
    }

    /// The control side asks for something.
    pub fn handle_command(&mut self, command: MediaCommand, now: Instant) {
        let _ = (command, now);
        todo!()
    }

    /// Deadlines have passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        todo!()
    }
}
