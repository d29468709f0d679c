//! Finds out which leg of a call's way to a server does not bear, and says what to do about it.
//!
//! [`command`] is `madang doctor`, which looks from wherever it is run; the REST API lets a server look at itself
//! ([`Desk`]), and the page `/openvidu/doctor` looks from inside a browser. What there is to find is [`finding`]; each leg
//! has a file of its own. Nothing is mended here, no session is made, and nothing changes but that a tiny object comes and
//! goes in the bucket of recordings, if there is one.

use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use ::bucket::Bucket;
use axum::http::Method;
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::checkup::{Leg, Relay, Seen, SelfDescription, TurnAddress};
use rand::Rng as _;
use rand::distr::Alphanumeric;
use rustls::pki_types::CertificateDer;
use session::TurnServer;
use settings::Config;
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};

use crate::App;
use crate::allowance::Allowance;
use crate::limits::Rate;
use crate::media::{Buffers, Network as MediaNetwork};
use crate::network::Network;
use crate::program::now;
use certificate::Trust;
pub(crate) use finding::Finding;
pub use finding::Language;
use line::{Asker, Line, PATIENCE, Place, Unreachable};

mod bucket;
mod certificate;
mod clock;
pub mod command;
mod english;
pub(crate) mod finding;
mod korean;
mod line;
mod machine;
mod media;
mod prompt;
mod relay;

/// Where everybody is told how its request looks from here.
pub(crate) const SEEN: &str = "/openvidu/doctor/seen";
/// Where those with the secret are told the rest.
pub(crate) const API: &str = "/openvidu/api/doctor";

/// What a running server keeps for those who examine it.
#[derive(Debug)]
pub(crate) struct Desk {
    /// See [`SelfDescription::mark`].
    mark: String,
    turn: Option<TurnServer>,
    relay: Relay,
    buffers: Buffers,
    /// What this server's own certificate is signed by, if it was signed here.
    authority: Option<CertificateDer<'static>>,
    /// Users of the relay for those without the secret.
    guests: Allowance,
    /// Held while the server looks at itself.
    pub(crate) alone: tokio::sync::Mutex<()>,
    /// Held while it looks at its bucket, where the object has one name.
    at_bucket: tokio::sync::Mutex<()>,
}

impl Desk {
    /// `turn`: what clients are told; `own`: whether it is inside.
    pub(crate) fn new(
        config: &Config,
        turn: Option<TurnServer>,
        own: bool,
        buffers: Buffers,
        authority: Option<CertificateDer<'static>>,
        guests: Rate,
    ) -> Self {
        let relay = match &turn {
            _ if !config.openvidu_webrtc_ice_servers.is_empty() => Relay::Listed,
            _ if own => Relay::Own,
            Some(_) => Relay::Other,
            None => Relay::Off,
        };
        let guests = Allowance::new(guests);
        let (alone, at_bucket) = (tokio::sync::Mutex::default(), tokio::sync::Mutex::default());
        Self { mark: random(16), turn, relay, buffers, authority, guests, alone, at_bucket }
    }

    /// How a request looks from here.
    pub(crate) fn seen(&self, origin: String, client: IpAddr, forwarded: bool) -> Seen {
        Seen { mark: self.mark.clone(), time: now(), origin, client: client.to_string(), forwarded }
    }

    /// Which relay clients are told of.
    pub(crate) fn relay(&self) -> Relay {
        self.relay
    }

    /// A user of the relay inside, for somebody without the secret: only now and then, and not of other relays, which lead
    /// anywhere. `Err`: in how long there is another one.
    pub(crate) fn guest(&self, network: Network) -> Result<Vec<TurnAddress>, std::time::Duration> {
        if self.relay != Relay::Own {
            return Ok(vec![]);
        }
        self.guests.spend(network, Instant::now())?;
        Ok(self.turn_addresses())
    }

    fn turn_addresses(&self) -> Vec<TurnAddress> {
        let Some(TurnServer { uris, secret }) = &self.turn else { return vec![] };
        let user = secret.issue_for_guest(now() / 1000, &random(8));
        let address = |url: &String| TurnAddress {
            url: url.clone(),
            username: user.username.clone(),
            credential: user.password.clone(),
        };
        uris.iter().map(address).collect()
    }

    /// Whether recordings can be kept in this bucket.
    pub(crate) async fn look_at_bucket(&self, bucket: &Bucket) -> Finding {
        let _alone = self.at_bucket.lock().await;
        bucket::examine(bucket, &format!(".madang-doctor-{}", self.mark), bucket::PATIENCE).await
    }

    /// For those with the secret. Takes some milliseconds for the disk.
    pub(crate) fn describe(
        &self,
        config: &Config,
        network: &MediaNetwork,
        public_url: String,
        listed: Vec<TurnAddress>,
        language: Language,
    ) -> SelfDescription {
        let mut findings = machine::examine(config, self.buffers);
        let certificate = match certificates::newest(&crate::options::certificates(config)) {
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
            udp: network.candidates.udp.clone(),
            tcp: network.candidates.tcp.clone(),
            relay: self.relay,
            turn: if self.relay == Relay::Listed { listed } else { self.turn_addresses() },
            certificate,
            checks: findings.iter().map(|finding| finding.told(language)).collect(),
        }
    }
}

/// What the server at `description` looks like from itself.
pub(crate) async fn look_at_oneself(app: &App, description: &SelfDescription) -> Result<Vec<Finding>, String> {
    let place = Place::parse(&description.public_url)?;
    let trust = Trust::new(&[], app.doctor.authority.as_slice());
    Ok(examine(description, &place, &trust).await)
}

/// Every leg that can be looked at from here; `place` is where clients are sent.
async fn examine(server: &SelfDescription, place: &Place, trust: &Trust) -> Vec<Finding> {
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
async fn front(server: &SelfDescription, place: &Place, trust: &Trust) -> Vec<Finding> {
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
fn not_reached(place: &Place, why: Unreachable) -> Vec<Finding> {
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

async fn reach(place: &Place) -> Result<(Vec<IpAddr>, Line), Unreachable> {
    let mut addresses: Vec<IpAddr> = place.addresses().await?.iter().map(|address| address.ip()).collect();
    addresses.dedup();
    Ok((addresses, place.open().await?))
}

/// `None` if whoever answers is no server of ours.
async fn seen(line: Line, place: &Place) -> Option<Seen> {
    let answer = line.ask(place, Method::GET, SEEN, &Asker::ANYBODY).await.ok()?;
    serde_json::from_slice(&answer.body).ok()
}

fn address(server: &SelfDescription, place: &Place, addresses: &[IpAddr]) -> Finding {
    let is_local = |ip: IpAddr| Network::from(ip).is_local();
    if addresses.iter().any(|ip| !is_local(*ip)) && server.udp.iter().all(|media| is_local(media.ip())) {
        return Finding::MediaAddressesPrivate { host: place.host.clone(), offered: server.udp.clone() };
    }
    if !server.address_is_set && addresses.iter().all(IpAddr::is_loopback) {
        return Finding::AddressUnset;
    }
    Finding::LeadsHere { url: place.url(), addresses: addresses.to_vec() }
}

fn proxy(server: &SelfDescription, place: &Place, seen: &Seen) -> Finding {
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
async fn web_socket(place: &Place) -> Finding {
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

async fn ping(line: Line, url: &str) -> Result<(), WebSocketError> {
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

fn random(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}
