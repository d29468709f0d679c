//! What `madang doctor` finds out about a server, leg by leg: as `--json` prints it and as the REST API answers it.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One of the ways and conditions that a call stands on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Leg {
    /// The server answers and accepts the secret.
    Server,
    /// The public name or address leads to this server.
    Address,
    /// Its TCP port can be reached.
    Port,
    /// The certificate that is served.
    Certificate,
    /// The WebSocket of clients.
    WebSocket,
    /// What a proxy in front passes on.
    Proxy,
    /// Media over UDP.
    Udp,
    /// Media over TCP.
    Tcp,
    /// The relay over UDP.
    TurnUdp,
    /// The relay over TCP.
    TurnTcp,
    /// The relay inside TLS.
    TurnTls,
    /// The clocks.
    Clock,
    /// How many connections and files the server may have open.
    Files,
    /// The buffers of the UDP ports.
    Buffers,
    /// The folders that the server writes into.
    Disk,
    /// The bucket that recordings are kept in.
    Bucket,
}

/// How it stands with a leg.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It was not tried; the finding says why.
    Skipped,
    /// It works.
    Ok,
    /// It works, but not for everybody or not for ever.
    Warning,
    /// It does not work.
    Failed,
}

/// What was found out about one leg.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// Which.
    pub leg: Leg,
    /// How it stands with it.
    pub verdict: Verdict,
    /// What was seen, in plain words.
    pub finding: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub advice: Option<String>,
}

/// Everything that was found out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Checkup {
    /// Whether nothing has failed.
    pub healthy: bool,
    /// Address of the server that was examined.
    pub server: String,
    /// ms since 1970.
    pub time: u64,
    /// By leg.
    pub checks: Vec<Check>,
}

impl Checkup {
    /// Of these.
    pub fn new(server: String, time: u64, mut checks: Vec<Check>) -> Self {
        checks.sort_by_key(|check| check.leg);
        let healthy = checks.iter().all(|check| check.verdict != Verdict::Failed);
        Self { healthy, server, time, checks }
    }
}

/// Where a server sends clients, and what it knows of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelfDescription {
    /// Different for each server and each start: by it a server is known when it is met by another address.
    pub mark: String,
    /// Its clock, ms since 1970.
    pub time: u64,
    /// Where clients are sent.
    pub public_url: String,
    /// Whether that was set. If not, it is what the request was addressed to.
    pub address_is_set: bool,
    /// Whether something else stands at that address, and this server behind it.
    pub behind_proxy: bool,
    /// Where media is received over UDP.
    #[schema(value_type = Vec<String>)]
    pub udp: Vec<SocketAddr>,
    /// Where media is received over TCP.
    #[schema(value_type = Vec<String>)]
    pub tcp: Vec<SocketAddr>,
    /// Which relay clients are told of.
    pub relay: Relay,
    /// How to reach it, with a user that is valid for a minute.
    pub turn: Vec<TurnAddress>,
    /// SHA-256 of the newest certificate that it has, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub certificate: Option<String>,
    /// What it finds in itself.
    pub checks: Vec<Check>,
}

/// Which TURN server clients are told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Relay {
    /// The one inside.
    Own,
    /// Another one, whose secret the server shares.
    Other,
    /// A list of servers that the operator has set.
    Listed,
    /// None.
    Off,
}

/// One way to a TURN server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TurnAddress {
    /// RFC 7065.
    pub url: String,
    /// User name.
    pub username: String,
    /// Password.
    pub credential: String,
}

impl std::fmt::Debug for TurnAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurnAddress").field("url", &self.url).finish_non_exhaustive()
    }
}

/// How a caller's request looks from here; for everybody.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RequestAsSeen {
    /// See [`SelfDescription::mark`].
    pub mark: String,
    /// The server's clock, ms since 1970.
    pub time: u64,
    /// `http[s]://host[:port]` as the request and the proxies before it say.
    pub origin: String,
    /// The caller's address.
    pub client: String,
    /// Whether a proxy has told whom it speaks for.
    pub forwarded: bool,
}
