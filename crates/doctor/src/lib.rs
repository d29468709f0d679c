//! Finds out which leg of a call's way to a server does not bear, and says what to do about it.
//!
//! [`command`] is `madang doctor`, which looks from wherever it is run; the REST API lets a server look at itself
//! ([`OwnServer`]), and the page `/openvidu/doctor` looks from inside a browser. What there is to find is [`finding`]; each leg
//! has a file of its own. Nothing is mended here, no session is made, and nothing changes but that a tiny object comes and
//! goes in the bucket of recordings, if there is one.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use futures_util::{SinkExt as _, StreamExt as _};
use http::Method;
use protocol::checkup::{Leg, Relay, RequestAsSeen, SelfDescription, TurnAddress};
use rand::Rng as _;
use rand::distr::Alphanumeric;
use rustls::pki_types::CertificateDer;
use settings::Config;
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};
use turn::SharedSecret;

use ::bucket::Bucket;
use certificate::Trust;
use connection::{PATIENCE, RequestAuthor, ServerAddress, ServerConnection, Unreachable};
pub use finding::Finding;
pub use language::Language;

mod bucket;
mod certificate;
mod clock;
pub mod command;
mod connection;
mod english;
mod finding;
mod korean;
mod language;
mod machine;
mod media;
mod relay;

/// Where everybody is told how its request looks from here.
pub const SEEN: &str = "/openvidu/doctor/seen";
/// Where those with the secret are told the rest.
pub const API: &str = "/openvidu/api/doctor";
/// Where a server offers what its own certificate is signed by: DER.
pub const AUTHORITY: &str = "/trust/madang.crt";

/// What a running server knows of itself and tells those who examine it.
#[derive(Debug)]
pub struct OwnServer {
    /// See [`SelfDescription::mark`].
    mark: String,
    facts: OwnFacts,
    /// Held while it looks at its bucket, where the object has one name.
    at_bucket: tokio::sync::Mutex<()>,
}

/// What does not change while a server runs.
#[derive(Debug)]
pub struct OwnFacts {
    /// Which relay clients are told of.
    pub relay: Relay,
    /// What they are told of it, unless it is on a list of the operator's.
    pub turn: Option<TurnServer>,
    /// Of the UDP port.
    pub buffers: SocketBuffers,
    /// Where its certificate comes from.
    pub certificate: certificates::Options,
    /// What its own certificate is signed by, if it was signed here.
    pub authority: Option<CertificateDer<'static>>,
}

/// A TURN server and the secret that its users' passwords are made from.
#[derive(Clone, Debug)]
pub struct TurnServer {
    /// Its ways (RFC 7065).
    pub uris: Vec<String>,
    /// It shares this one.
    pub secret: SharedSecret,
}

/// The kernel's buffers of a UDP port, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketBuffers {
    /// What was granted.
    pub receive: usize,
    /// What was granted.
    pub send: usize,
    /// What was asked for, each.
    pub wanted: usize,
}

impl OwnServer {
    /// With a mark that no other server has.
    pub fn new(facts: OwnFacts) -> Self {
        Self { mark: random(16), facts, at_bucket: tokio::sync::Mutex::default() }
    }

    /// How a request looks from here.
    pub fn seen(&self, origin: String, client: IpAddr, forwarded: bool) -> RequestAsSeen {
        RequestAsSeen { mark: self.mark.clone(), time: now(), origin, client: client.to_string(), forwarded }
    }

    /// Which relay clients are told of.
    pub fn relay(&self) -> Relay {
        self.facts.relay
    }

    /// A new user of the relay for a minute.
    pub fn turn_addresses(&self) -> Vec<TurnAddress> {
        let Some(TurnServer { uris, secret }) = &self.facts.turn else { return vec![] };
        let user = secret.issue_for_guest(now() / 1000, &random(8));
        let address = |url: &String| TurnAddress {
            url: url.clone(),
            username: user.username.clone(),
            credential: user.password.clone(),
        };
        uris.iter().map(address).collect()
    }

    /// Whether recordings can be kept in this bucket.
    pub async fn look_at_bucket(&self, bucket: &Bucket) -> Finding {
        let _alone = self.at_bucket.lock().await;
        bucket::examine(bucket, &format!(".madang-doctor-{}", self.mark), bucket::PATIENCE).await
    }

    /// For those with the secret. `udp` and `tcp`: where clients are told to send media. Takes some milliseconds for the
    /// disk.
    pub fn describe(
        &self,
        config: &Config,
        (udp, tcp): (Vec<SocketAddr>, Vec<SocketAddr>),
        public_url: String,
        listed: Vec<TurnAddress>,
        language: Language,
    ) -> SelfDescription {
        let mut findings = machine::examine(config, self.facts.buffers);
        let certificate = match certificates::newest(&self.facts.certificate) {
            Ok(newest) => newest.map(|certificate| certificate::fingerprint(&certificate)),
            Err(error) => {
                findings.push(Finding::FilesUnusable { error: error.to_string() });
                None
            }
        };
        SelfDescription {
            mark: self.mark.clone(),
            time: now(),
            public_url,
            address_is_set: config.domain_or_public_ip.for_url().is_some(),
            behind_proxy: config.https_port() != config.server_port,
            udp,
            tcp,
            relay: self.facts.relay,
            turn: if self.facts.relay == Relay::Listed { listed } else { self.turn_addresses() },
            certificate,
            checks: findings.iter().map(|finding| finding.in_words(language)).collect(),
        }
    }

    /// What the server at `description` looks like from itself.
    ///
    /// # Errors
    /// Its public URL is none.
    pub async fn look_at_oneself(&self, description: &SelfDescription) -> Result<Vec<Finding>, String> {
        let place = ServerAddress::parse(&description.public_url)?;
        let trust = Trust::new(&[], self.facts.authority.as_slice());
        Ok(examine(description, &place, &trust).await)
    }
}

/// Every leg that can be looked at from here; `place` is where clients are sent.
async fn examine(server: &SelfDescription, place: &ServerAddress, trust: &Trust) -> Vec<Finding> {
    let ((front, udp), tcp, relay) = tokio::join!(
        async { tokio::join!(front(server, place, trust), media::udp(&server.udp)) },
        media::tcp(&server.tcp),
        relay::examine(server, trust),
    );
    let mut findings = front;
    findings.extend([udp, tcp]);
    findings.extend(relay);
    findings
}

/// What stands before signalling: the name, the port, the certificate, a proxy.
async fn front(server: &SelfDescription, place: &ServerAddress, trust: &Trust) -> Vec<Finding> {
    let (addresses, line) = match reach(place).await {
        Ok(reached) => reached,
        Err(why) => return not_reached(place, why),
    };
    let mut findings = vec![Finding::PortOpen { address: line.peer }];
    let newest = server.certificate.as_deref().filter(|_| !server.behind_proxy);
    findings.push(if place.secure {
        certificate::judge(&line.chain, &place.host, newest, trust, SystemTime::now())
    } else {
        Finding::PlainHttp
    });
    let seen = seen(line, place).await.filter(|seen| seen.mark == server.mark);
    let Some(seen) = seen else {
        findings.push(Finding::LeadsElsewhere { url: place.url() });
        findings.extend(not_tried([Leg::WebSocket, Leg::Proxy], Leg::Address));
        return findings;
    };
    findings.push(address(server, place, &addresses));
    findings.push(proxy(server, place, &seen));
    findings.push(web_socket(place).await);
    findings
}

/// What one leg keeps the others from being tried.
fn not_reached(place: &ServerAddress, why: Unreachable) -> Vec<Finding> {
    let host = place.host.clone();
    let (because, finding) = match why {
        Unreachable::Unresolved(error) => (Leg::Address, Finding::Unresolved { host, error }),
        Unreachable::Tls(error) => (Leg::Certificate, Finding::CertificateBroken { error }),
        why => (Leg::Port, Finding::PortClosed { host, port: place.port, why }),
    };
    let legs = [Leg::Address, Leg::Port, Leg::Certificate, Leg::WebSocket, Leg::Proxy];
    let others = legs.into_iter().filter(|leg| *leg != because);
    not_tried(others, because).chain([finding]).collect()
}

fn not_tried(legs: impl IntoIterator<Item = Leg>, because: Leg) -> impl Iterator<Item = Finding> {
    legs.into_iter().map(move |leg| Finding::NotTried { leg, because })
}

async fn reach(place: &ServerAddress) -> Result<(Vec<IpAddr>, ServerConnection), Unreachable> {
    let mut addresses: Vec<IpAddr> = place.addresses().await?.iter().map(|address| address.ip()).collect();
    addresses.dedup();
    Ok((addresses, place.open().await?))
}

/// `None` if whoever answers is no server of ours.
async fn seen(line: ServerConnection, place: &ServerAddress) -> Option<RequestAsSeen> {
    let answer = line.ask(place, Method::GET, SEEN, &RequestAuthor::ANYBODY).await.ok()?;
    serde_json::from_slice(&answer.body).ok()
}

fn address(server: &SelfDescription, place: &ServerAddress, addresses: &[IpAddr]) -> Finding {
    if addresses.iter().any(|ip| !is_local(*ip)) && server.udp.iter().all(|media| is_local(media.ip())) {
        return Finding::MediaAddressesPrivate { host: place.host.clone(), offered: server.udp.clone() };
    }
    if !server.address_is_set && addresses.iter().all(IpAddr::is_loopback) {
        return Finding::AddressUnset;
    }
    Finding::LeadsHere { url: place.url(), addresses: addresses.to_vec() }
}

fn proxy(server: &SelfDescription, place: &ServerAddress, seen: &RequestAsSeen) -> Finding {
    // Where the address is set, tokens do not follow what a proxy tells.
    if !server.address_is_set && seen.origin != place.url() {
        return Finding::OriginLost { used: place.url(), seen: seen.origin.clone() };
    }
    match (seen.forwarded, server.behind_proxy) {
        (true, _) => Finding::HeadersPassed,
        (false, true) => Finding::ClientsUnknown { seen: seen.client.clone() },
        (false, false) => Finding::NoProxy,
    }
}

/// Opens one as clients do, and has a ping of theirs answered.
async fn web_socket(place: &ServerAddress) -> Finding {
    let url = place.url().replacen("http", "ws", 1) + "/openvidu";
    let line = match place.open().await {
        Ok(line) => line,
        Err(why) => return Finding::WebSocketFails { url, why },
    };
    match timeout(PATIENCE, ping(line, &url)).await {
        Ok(Ok(())) => Finding::WebSocketWorks { url },
        Ok(Err(WebSocketError::Http(response))) => Finding::UpgradeRefused { url, status: response.status().as_u16() },
        Ok(Err(WebSocketError::Io(error))) => Finding::WebSocketFails { url, why: error.into() },
        Ok(Err(error)) => Finding::WebSocketFails { url, why: Unreachable::Failed(error.to_string()) },
        Err(_) => Finding::WebSocketFails { url, why: Unreachable::Silent },
    }
}

async fn ping(line: ServerConnection, url: &str) -> Result<(), WebSocketError> {
    const PING: &str = r#"{"jsonrpc":"2.0","method":"ping","params":{"interval":5000},"id":1}"#;

    /// Whoever answers may be anybody.
    const MAX_MESSAGE: usize = 64 * 1024;

    let limits = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    let url = format!("{url}?sessionId=doctor");
    let (mut socket, _) = client_async_with_config(url, line.stream, Some(limits)).await?;
    socket.send(Message::text(PING)).await?;
    while let Some(message) = socket.next().await {
        if message?.to_text().is_ok_and(|text| text.contains("pong")) {
            let _ = socket.close(None).await;
            return Ok(());
        }
    }
    Err(WebSocketError::ConnectionClosed)
}

/// Whether only machines of one network reach it, or only itself (RFC 1918, RFC 4193).
fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local(),
    }
}

/// ms since 1970.
fn now() -> u64 {
    u64::try_from(clock::now()).unwrap_or_default()
}

fn random(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}
