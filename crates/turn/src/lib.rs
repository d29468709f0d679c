//! STUN (RFC 8489) and TURN (RFC 8656) for clients that cannot reach us directly: a pure server without relay ports.
//!
//! A relay exists so that a client behind a firewall reaches *our* media. So the relayed address is virtual: what a client
//! sends through its allocation comes out of [`Server::handle`] as if it had been received from that address, and what is
//! sent to that address is put into a frame for the client by [`Server::frame`]. No other peer can be reached.
//!
//! [`client`] is the other side, for those who examine a server.
//!
//! There is no socket, clock or task here, and nothing of ICE: connectivity checks and media are none of its business.
//! TCP allocations (RFC 6062), reservations and mobility are not offered.

#![warn(missing_docs)]

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Instant;

mod address;
mod allocation;
mod allocations;
pub mod client;
mod credentials;
mod limiter;
mod message;
mod nonce;
mod quotas;
mod server;

pub use address::Space;
pub use allocation::{Traffic, Usage};
pub use credentials::{Credentials, SharedSecret};
pub use quotas::{Limits, Quotas};
pub use server::{Allocated, Frame, Handled, Server, Totals};

/// The realm of the long-term credentials, the one that OpenVidu's own deployments use.
pub const REALM: &str = "openvidu";

/// Ports of the echo service (RFC 862) behind the relay: what an allocation sends to them at one of our addresses comes
/// back to that allocation, so that any TURN client can test and measure the way through the relay. Nobody else reaches
/// it. Two ports, because test clients take one for RTP and the next for RTCP.
pub const ECHO_PORTS: RangeInclusive<u16> = 7..=8;

/// The time, as far as it matters: deadlines by one clock, the validity of credentials by the other.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Never goes back.
    pub instant: Instant,
    /// Seconds since 1970.
    pub unix_seconds: u64,
}

/// What carries a client's messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// One message a datagram.
    Udp,
    /// A connection, encrypted or not; somebody else has cut it into messages.
    Stream,
}

/// Who is at the other end: what RFC 8656 calls the 5-tuple.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Client {
    /// How its messages come.
    pub transport: Transport,
    /// Where from.
    pub remote: SocketAddr,
    /// To which of our addresses.
    pub local: SocketAddr,
}

/// How the server works.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose credentials are believed. Without it there is only STUN, and requests for a relay are not answered.
    pub secret: Option<SharedSecret>,
    /// The only addresses the relay leads to: those of our media.
    pub peers: Vec<SocketAddr>,
    /// What is in use, and may be at a time.
    pub quotas: Quotas,
    /// Where its relayed addresses are.
    pub space: Space,
}
