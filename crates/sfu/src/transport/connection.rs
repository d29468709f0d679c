//! How a transport that sends reaches its client: ICE (RFC 8445) finds the way, DTLS (RFC 5764) the keys. Both are the
//! engine's building blocks, used alone. No media goes through here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use is::stun::{StunMessage, StunPacket};
use is::{Candidate, CandidateKind, IceAgent, IceAgentEvent, IceCreds};
use protocol::media::{IceCredentials, MediaPath};
use str0m_proto::Protocol as EngineProtocol;
use str0m_proto::crypto::dtls::{DtlsInstance, DtlsOutput};
use str0m_proto::crypto::{CryptoError, DtlsVersion};

use super::remote_candidates::RemoteCandidates;
use super::srtp::Keys;
use super::{Shared, Sink, TransportEvent, credentials, datagram, engine_protocol, path_protocol, protocol};
use crate::Datagram;
use crate::ice;
use crate::sdp::{RemoteTransport, Setup};
use crate::slots::Slot;

/// Room for a record, or for a client's certificate, which may be longer.
const RECORD: usize = 2000;
/// The longest certificate: what a handshake message of many records may carry, and more than anybody has.
const MAX_CERTIFICATE: usize = 64 * 1024;
/// A handshake that wants to be woken at once is woken so much later, or it would take the whole core.
const BREATH: Duration = Duration::from_millis(1);
/// A client that begins ICE anew has found a way by then, as it has to in the beginning (RFC 8445 §8.1 leaves it to agents), or has
/// gone: an agent without candidates would wait for ever.
const RESTART: Duration = Duration::from_secs(30);

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("DTLS: {0}")]
    Dtls(String),
    #[error("a=fingerprint: the certificate is another one")]
    Fingerprint,
    #[error("closed by the client")]
    Closed,
    #[error("the handshake gave no keys")]
    Keys,
}

/// See the module.
pub(super) struct Connection {
    slot: Slot,
    agent: IceAgent,
    handshake: Box<dyn DtlsInstance>,
    /// Of the client's certificate, once its description is known.
    fingerprint: Option<[u8; 32]>,
    is_verified: bool,
    remote_candidates: RemoteCandidates,
    /// Where to send, once ICE has found a way.
    path: Option<MediaPath>,
    has_ice: bool,
    has_keys: bool,
    handshake_deadline: Option<Instant>,
    /// ICE was begun anew: until then the former way is good.
    restart_deadline: Option<Instant>,
}

impl Connection {
    pub(super) fn new(shared: &Shared, slot: Slot, own: &IceCredentials, now: Instant) -> Result<Self, CryptoError> {
        let crypto = &shared.identity.crypto;
        let mut agent = IceAgent::with_hmac(credentials(own), crypto.sha1_hmac_provider);
        agent.set_ice_lite(shared.ice_lite);
        for candidate in shared.candidates.candidates() {
            agent.add_local_candidate(candidate.clone());
        }
        let certificate = &shared.identity.certificate;
        Ok(Self {
            slot,
            agent,
            handshake: crypto.dtls_provider.new_dtls(certificate, now, DtlsVersion::Dtls12, None)?,
            fingerprint: None,
            is_verified: false,
            remote_candidates: RemoteCandidates::default(),
            path: None,
            has_ice: false,
            has_keys: false,
            handshake_deadline: None,
            restart_deadline: None,
        })
    }

    /// There is a way, and what goes there can be sealed.
    pub(super) fn is_up(&self) -> bool {
        self.has_ice && self.has_keys
    }

    pub(super) fn path(&self) -> Option<MediaPath> {
        self.path
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.agent.nominated_pair_rtt()
    }

    pub(super) fn deadline(&mut self) -> Option<Instant> {
        [self.agent.poll_timeout(), self.handshake_deadline, self.restart_deadline].into_iter().flatten().min()
    }

    /// Whether the datagram is an authenticated STUN message for this transport.
    pub(super) fn accepts(&self, datagram: &Datagram<'_>) -> bool {
        self.path.is_some_and(|path| path.remote == datagram.source)
            || StunMessage::parse(datagram.contents).is_ok_and(|message| self.agent.accepts_message(&message))
    }

    /// The other side is known: ICE and DTLS start.
    pub(super) fn set_remote(&mut self, shared: &Shared, remote: &RemoteTransport, we_offered: bool) {
        self.agent.set_controlling(we_offered && !shared.ice_lite);
        self.agent.set_remote_credentials(IceCreds { ufrag: remote.ufrag.clone(), pass: remote.pwd.clone() });
        self.fingerprint = Some(remote.fingerprint);
        self.handshake.set_active(remote.setup == Setup::Passive);
        for line in &remote.candidates {
            self.add_remote_candidate(shared, line);
        }
    }

    /// The client asks by other credentials from now on. What is sent goes where it went until there is another way.
    pub(super) fn restart_ice(&mut self, ours: &IceCredentials, theirs: &IceCredentials, now: Instant) {
        self.agent.ice_restart(credentials(ours), true);
        self.agent.set_remote_credentials(credentials(theirs));
        self.restart_deadline = self.has_ice.then_some(now + RESTART);
    }

    /// A trickled candidate; an ICE-lite agent needs none, it answers where it is asked from.
    pub(super) fn add_remote_candidate(&mut self, shared: &Shared, line: &str) {
        if !shared.ice_lite
            && let Some(candidate) = self.remote_candidates.take(line)
        {
            self.agent.add_remote_candidate(candidate);
        }
    }

    /// A TCP connection of the client has ended: what was sent on it needs another path.
    pub(super) fn remove_remote(&mut self, source: SocketAddr) {
        // It was learnt from a check, so that is what it is to the agent; the other values do not matter.
        let kind = CandidateKind::PeerReflexive;
        let candidate = Candidate::from_parts(String::new(), 1, EngineProtocol::Tcp, 1, source, kind, None, None, None);
        self.agent.invalidate_candidate(&candidate);
    }

    /// A check, or the answer to one of ours.
    pub(super) fn handle_check(&mut self, datagram: &Datagram<'_>, now: Instant) {
        if let Ok(message) = StunMessage::parse(datagram.contents) {
            let proto = engine_protocol(datagram.protocol);
            let (source, destination) = (datagram.source, datagram.destination);
            self.agent.handle_packet(now, StunPacket { proto, source, destination, message });
        }
    }

    /// A DTLS record. What is wrong with it concerns the datagram, which anybody can send.
    pub(super) fn handle_record(&mut self, record: &[u8], now: Instant) -> Result<(), ConnectionError> {
        if self.fingerprint.is_none() {
            return Ok(());
        }
        // A client may begin before ICE has settled on a way. The library must be told the time before anything else.
        if self.handshake_deadline.is_none() {
            self.wake_handshake(now)?;
        }
        if let Err(error) = self.handshake.handle_packet(record) {
            tracing::trace!(%error, "DTLS record dropped");
        }
        Ok(())
    }

    fn wake_handshake(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.handshake_deadline = Some(now + BREATH);
        self.handshake.handle_timeout(now).map_err(|error| ConnectionError::Dtls(error.to_string()))
    }

    /// Does what is due and sends what follows. Keys come once.
    pub(super) fn poll(&mut self, now: Instant, sink: &mut Sink) -> Result<Option<Keys>, ConnectionError> {
        self.agent.handle_timeout(now);
        while let Some(event) = self.agent.poll_event() {
            match event {
                IceAgentEvent::IceConnectionStateChange(state) if state.is_connected() => {
                    (self.has_ice, self.restart_deadline) = (true, None);
                }
                // Nothing is known of the former way while another one is looked for.
                IceAgentEvent::IceConnectionStateChange(_) => self.has_ice = self.restart_deadline.is_some(),
                IceAgentEvent::NominatedSend { proto, source, destination } => {
                    let protocol = path_protocol(protocol(proto));
                    let path = MediaPath { protocol, local: source, remote: destination, relayed: false };
                    if self.path.replace(path) != Some(path) {
                        sink.event(self.slot, TransportEvent::Path(path));
                    }
                }
                IceAgentEvent::IceRestart(_) | IceAgentEvent::DiscoveredRecv { .. } => {}
            }
        }
        if self.restart_deadline.is_some_and(|deadline| deadline <= now) {
            (self.has_ice, self.restart_deadline) = (false, None);
        }
        while let Some(transmit) = self.agent.poll_transmit() {
            let transmit = datagram(transmit);
            debug_assert!(ice::is_stun(&transmit.contents));
            sink.transmit(self.slot, transmit);
        }
        // Without a way its records would have to wait; it does not begin before.
        match self.path {
            Some(path) => self.poll_handshake(path, now, sink),
            None => Ok(None),
        }
    }

    fn poll_handshake(
        &mut self,
        path: MediaPath,
        now: Instant,
        sink: &mut Sink,
    ) -> Result<Option<Keys>, ConnectionError> {
        if self.fingerprint.is_none() {
            return Ok(None);
        }
        if self.handshake_deadline.is_none_or(|at| at <= now) {
            self.wake_handshake(now)?;
        }
        let mut keys = None;
        let mut buffer = vec![0; RECORD];
        loop {
            match self.handshake.poll_output(&mut buffer) {
                DtlsOutput::Packet(record) => sink.outputs.push_back(super::train(path, record.to_vec(), None)),
                DtlsOutput::PeerCert(certificate) => {
                    if self.fingerprint.is_none_or(|expected| digest(&SHA256, certificate).as_ref() != expected) {
                        return Err(ConnectionError::Fingerprint);
                    }
                    self.is_verified = true;
                }
                DtlsOutput::KeyingMaterial(material, profile) => {
                    keys = Keys::new(profile, &material, self.handshake.is_active());
                }
                DtlsOutput::BufferTooSmall { needed } if needed <= MAX_CERTIFICATE => buffer.resize(needed, 0),
                DtlsOutput::BufferTooSmall { .. } => return Err(ConnectionError::Fingerprint),
                DtlsOutput::Connected => {}
                DtlsOutput::CloseNotify => return Err(ConnectionError::Closed),
                DtlsOutput::Timeout(at) => {
                    self.handshake_deadline = Some(at.max(now + BREATH));
                    break;
                }
                // Data that nobody agreed on, and what a newer library tells.
                _ => {}
            }
        }
        match keys {
            Some(keys) if self.is_verified => {
                self.has_keys = true;
                Ok(Some(keys))
            }
            Some(_) => Err(ConnectionError::Keys),
            None => Ok(None),
        }
    }

    /// The records of a goodbye.
    pub(super) fn close(&mut self, sink: &mut Sink) {
        let Some(path) = self.path else {
            return;
        };
        if self.handshake.close().is_err() {
            return;
        }
        let mut buffer = [0; RECORD];
        while let DtlsOutput::Packet(record) = self.handshake.poll_output(&mut buffer) {
            sink.outputs.push_back(super::train(path, record.to_vec(), None));
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::WorkerId;
    use protocol::media::PathProtocol;

    use super::*;
    use crate::{Candidates, Config};

    /// What a handshake wants to send now.
    fn records(handshake: &mut dyn DtlsInstance) -> Vec<Vec<u8>> {
        let mut buffer = vec![0; RECORD];
        let mut records = Vec::new();
        while let DtlsOutput::Packet(record) = handshake.poll_output(&mut buffer) {
            records.push(record.to_vec());
        }
        records
    }

    #[test]
    fn a_client_that_begins_before_there_is_a_way_is_answered_when_there_is_one() {
        let now = Instant::now();
        let address: SocketAddr = "192.0.2.1:40000".parse().unwrap();
        let candidates = Candidates { udp: vec![address], tcp: vec![] };
        let config = Config {
            worker: WorkerId(0),
            candidates,
            ice_secret: crate::IceSecret::new([9; 32]),
            ice_lite: true,
            adapts: true,
            redundancy: true,
            statistics: None,
        };
        let shared = Shared::new(&config, now);
        let credentials = IceCredentials { ufrag: "ours".to_owned(), password: "a password of ours here".to_owned() };
        let mut connection = Connection::new(&shared, Slot(1), &credentials, now).unwrap();
        let remote = RemoteTransport {
            ufrag: "theirs".to_owned(),
            pwd: "a password of theirs here".to_owned(),
            fingerprint: [7; 32],
            setup: Setup::Active,
            candidates: vec![],
        };
        connection.set_remote(&shared, &remote, true);
        let crypto = &shared.identity.crypto;
        let certificate = &shared.identity.certificate;
        let mut client = crypto.dtls_provider.new_dtls(certificate, now, DtlsVersion::Dtls12, None).unwrap();
        client.set_active(true);
        client.handle_timeout(now).unwrap();
        for record in records(client.as_mut()) {
            connection.handle_record(&record, now).unwrap();
        }
        let mut sink = Sink::new(false);
        assert!(connection.poll(now, &mut sink).unwrap().is_none());
        assert!(sink.outputs.is_empty(), "there is no way yet");
        let path = MediaPath { protocol: PathProtocol::Udp, local: address, remote: address, relayed: false };
        connection.path = Some(path);
        connection.poll(now, &mut sink).unwrap();
        assert!(!sink.outputs.is_empty(), "the hello is answered");
    }
}
