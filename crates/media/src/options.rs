//! What can be chosen. Where it is set, and what it is called there, is not known here.

use std::net::IpAddr;
use std::time::Duration;

use turn::SharedSecret;

/// How workers work.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// ICE-lite, or full ICE.
    pub ice_lite: bool,
    /// Subscribers get what their networks carry, and not everything.
    pub adapts: bool,
    /// Sound is taken with each frame twice, and goes on so to whom it helps.
    pub redundancy: bool,
    /// Between two statistics of a transport.
    pub statistics: Option<Duration>,
    /// Whose credentials the relay believes; `None`: it is off.
    pub turn_secret: Option<SharedSecret>,
    /// What the relay gives to all, and to one user.
    pub turn_limits: turn::Limits,
}

/// What is known beforehand of the addresses at which clients reach this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressOptions {
    /// These and no others; empty: whatever is found.
    pub given: Vec<IpAddr>,
    /// How the world knows this machine.
    pub public: PublicHost,
    /// What addresses of this machine are called outside of a 1:1 NAT.
    pub translations: Vec<TranslatedAddress>,
    /// Where ICE over TCP is taken, if anywhere.
    pub tcp_port: Option<u16>,
    /// Who is asked how others see this machine.
    pub stun_servers: Vec<StunServer>,
}

/// How the world knows this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PublicHost {
    /// Not at all.
    Unknown,
    /// By an address.
    Ip(IpAddr),
    /// By a name, which is resolved now and then.
    Name(String),
}

impl PublicHost {
    /// Whether clients on other machines can use it. Without it this is a development server, used from the same machine.
    pub(crate) fn is_public(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Ip(ip) => !ip.is_loopback(),
            Self::Name(name) => name != "localhost",
        }
    }
}

/// An address behind a 1:1 NAT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TranslatedAddress {
    /// As the network interface has it.
    pub private: IpAddr,
    /// As others reach it.
    pub public: IpAddr,
}

/// Somebody who tells us our public address, over UDP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StunServer {
    /// A name or an address.
    pub host: String,
    /// Of UDP.
    pub port: u16,
}
