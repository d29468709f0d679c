//! Everything that the doctor can find, as data: `english` and `korean` put it into words.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::SystemTime;

use protocol::checkup::{Leg, Relay, Verdict};

use super::connection::Unreachable;

/// Something that was found, good or bad.
#[allow(missing_docs, reason = "each is put into words in two languages")]
#[derive(Clone, Debug)]
pub enum Finding {
    /// It answers, and the secret is right.
    Answers {
        url: String,
    },
    NotReached {
        url: String,
        why: Unreachable,
    },
    /// Something else answers there.
    NotMadang {
        url: String,
        status: u16,
    },
    SecretWrong {
        url: String,
    },
    /// The address of the doctor is not on the list.
    AccessDenied {
        url: String,
    },
    /// It would have gone to who knows whom.
    SecretHeldBack {
        url: String,
    },

    LeadsHere {
        url: String,
        addresses: Vec<IpAddr>,
    },
    /// Nothing is set: clients are sent to where the application found the server.
    AddressUnset,
    Unresolved {
        host: String,
        error: String,
    },
    LeadsElsewhere {
        url: String,
    },
    /// Clients elsewhere are offered nothing that they can reach.
    MediaAddressesPrivate {
        host: String,
        offered: Vec<SocketAddr>,
    },

    PortOpen {
        address: SocketAddr,
    },
    PortClosed {
        host: String,
        port: u16,
        why: Unreachable,
    },

    Trusted {
        name: String,
        days: u64,
        authority: Authority,
    },
    PlainHttp,
    Expired {
        until: SystemTime,
    },
    NotYetValid {
        from: SystemTime,
    },
    WrongName {
        name: String,
        holds: Vec<String>,
    },
    Untrusted {
        alone: bool,
    },
    CertificateBroken {
        error: String,
    },
    ExpiresSoon {
        days: u64,
    },
    NotNewest,
    FilesUnusable {
        error: String,
    },

    WebSocketWorks {
        url: String,
    },
    UpgradeRefused {
        url: String,
        status: u16,
    },
    WebSocketFails {
        url: String,
        why: Unreachable,
    },

    NoProxy,
    HeadersPassed,
    OriginLost {
        used: String,
        seen: String,
    },
    ClientsUnknown {
        seen: String,
    },

    UdpWorks {
        answered: Vec<SocketAddr>,
        silent: Vec<SocketAddr>,
    },
    UdpSilent {
        asked: Vec<SocketAddr>,
    },
    LargeLost {
        address: SocketAddr,
    },
    Lossy {
        address: SocketAddr,
        sent: usize,
        lost: usize,
    },

    TcpWorks {
        address: SocketAddr,
    },
    TcpOff,
    TcpSilent {
        address: SocketAddr,
        why: Unreachable,
    },

    TurnWorks {
        leg: Leg,
        url: String,
    },
    TurnNotOffered {
        leg: Leg,
        relay: Relay,
    },
    TurnSilent {
        leg: Leg,
        url: String,
        why: Unreachable,
        others: bool,
    },
    TurnRefused {
        leg: Leg,
        url: String,
        code: u16,
    },
    TurnDropsDatagrams {
        leg: Leg,
        url: String,
    },

    /// By a time server, or by the clock of the doctor's machine.
    ClockRight {
        ms: i64,
        by: Option<String>,
    },
    ClockUnknown {
        by: String,
    },
    ClockWrong {
        ms: i64,
        by: Option<String>,
    },

    FilesEnough {
        limit: Option<u64>,
        open: usize,
    },
    FilesFew {
        limit: u64,
        open: usize,
        usable: bool,
    },

    BuffersWhole {
        bytes: usize,
    },
    BuffersSmall {
        bytes: usize,
        wanted: usize,
    },

    DiskFine {
        folders: Vec<PathBuf>,
    },
    DiskUnusable {
        path: PathBuf,
        error: String,
    },
    DiskFull {
        path: PathBuf,
        mebibytes: u64,
        at_all: bool,
    },

    BucketWorks {
        bucket: String,
    },
    BucketRefuses {
        bucket: String,
        access: Access,
        error: String,
    },
    BucketSilent {
        bucket: String,
    },

    /// Another leg stands before it.
    NotTried {
        leg: Leg,
        because: Leg,
    },
}

/// Who vouches for a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Authority {
    /// One that browsers or this machine trust.
    Public,
    /// One that the doctor was told to trust.
    Given,
    /// The server's own.
    Own,
}

/// What recordings need of their bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    List,
    Write,
    Read,
    Delete,
}

impl Finding {
    /// Which leg it is about, and how that one stands.
    pub(super) fn judge(&self) -> (Leg, Verdict) {
        use Verdict::{Failed, Ok, Skipped, Warning};

        match self {
            Self::Answers { .. } => (Leg::Server, Ok),
            Self::NotReached { .. }
            | Self::NotMadang { .. }
            | Self::SecretWrong { .. }
            | Self::AccessDenied { .. }
            | Self::SecretHeldBack { .. } => (Leg::Server, Failed),
            Self::LeadsHere { .. } => (Leg::Address, Ok),
            Self::AddressUnset => (Leg::Address, Skipped),
            Self::Unresolved { .. } | Self::LeadsElsewhere { .. } => (Leg::Address, Failed),
            Self::MediaAddressesPrivate { .. } => (Leg::Address, Warning),
            Self::PortOpen { .. } => (Leg::Port, Ok),
            Self::PortClosed { .. } => (Leg::Port, Failed),
            Self::Trusted { authority: Authority::Public | Authority::Given, .. } => (Leg::Certificate, Ok),
            Self::Trusted { authority: Authority::Own, .. } => (Leg::Certificate, Warning),
            Self::PlainHttp => (Leg::Certificate, Skipped),
            Self::ExpiresSoon { .. } => (Leg::Certificate, Warning),
            Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::WrongName { .. }
            | Self::Untrusted { .. }
            | Self::CertificateBroken { .. }
            | Self::NotNewest
            | Self::FilesUnusable { .. } => (Leg::Certificate, Failed),
            Self::WebSocketWorks { .. } => (Leg::WebSocket, Ok),
            Self::UpgradeRefused { .. } | Self::WebSocketFails { .. } => (Leg::WebSocket, Failed),
            Self::NoProxy => (Leg::Proxy, Skipped),
            Self::HeadersPassed => (Leg::Proxy, Ok),
            Self::OriginLost { .. } => (Leg::Proxy, Failed),
            Self::ClientsUnknown { .. } => (Leg::Proxy, Warning),
            Self::UdpWorks { .. } => (Leg::Udp, Ok),
            Self::UdpSilent { .. } | Self::LargeLost { .. } => (Leg::Udp, Failed),
            Self::Lossy { .. } => (Leg::Udp, Warning),
            Self::TcpWorks { .. } => (Leg::Tcp, Ok),
            Self::TcpOff => (Leg::Tcp, Skipped),
            Self::TcpSilent { .. } => (Leg::Tcp, Failed),
            Self::TurnWorks { leg, .. } => (*leg, Ok),
            // Where nothing is offered for the operator's own reasons.
            Self::TurnNotOffered { leg, relay: Relay::Off } => (*leg, Warning),
            Self::TurnNotOffered { leg: Leg::TurnUdp, relay: Relay::Own } => (Leg::TurnUdp, Warning),
            Self::TurnNotOffered { leg, .. } => (*leg, Skipped),
            // Who gets UDP through does not need the relay; it is offered to be tried.
            Self::TurnSilent { leg: Leg::TurnUdp, others: true, .. } => (Leg::TurnUdp, Warning),
            Self::TurnSilent { leg, .. } | Self::TurnRefused { leg, .. } | Self::TurnDropsDatagrams { leg, .. } => {
                (*leg, Failed)
            }
            Self::ClockRight { .. } => (Leg::Clock, Ok),
            Self::ClockUnknown { .. } => (Leg::Clock, Skipped),
            Self::ClockWrong { .. } => (Leg::Clock, Failed),
            Self::FilesEnough { .. } => (Leg::Files, Ok),
            Self::FilesFew { usable, .. } => (Leg::Files, if *usable { Warning } else { Failed }),
            Self::BuffersWhole { .. } => (Leg::Buffers, Ok),
            Self::BuffersSmall { .. } => (Leg::Buffers, Warning),
            Self::DiskFine { .. } => (Leg::Disk, Ok),
            Self::DiskUnusable { .. } => (Leg::Disk, Failed),
            Self::DiskFull { at_all, .. } => (Leg::Disk, if *at_all { Failed } else { Warning }),
            Self::BucketWorks { .. } => (Leg::Bucket, Ok),
            Self::BucketRefuses { .. } | Self::BucketSilent { .. } => (Leg::Bucket, Failed),
            Self::NotTried { leg, .. } => (*leg, Skipped),
        }
    }
}
