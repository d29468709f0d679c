//! The state machine: messages of clients in, answers and what they relay out.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use stun::{Key, Message, MessageWriter, TransactionId, binding};

use crate::address::AddressFamily;
use crate::allocation::{Allocation, Usage};
use crate::allocations::{Allocations, NewAllocation};
use crate::credentials;
use crate::limiter::Limiter;
use crate::message::{self, Request, attribute, kind};
use crate::nonce::Nonces;
use crate::quotas::QuotaReached;
use crate::{Client, Config, ECHO_PORTS, Now, REALM, SharedSecret, Transport};

/// What an allocation gets unless it asks for more; also the least.
const LIFETIME: Duration = Duration::from_secs(600);
const MAX_LIFETIME: Duration = Duration::from_secs(3600);
const UDP: u8 = 17;
/// RFC 8656 §12 ends at 0x4fff; clients of RFC 5766 may take more.
const CHANNELS: RangeInclusive<u16> = 0x4000..=0x7ffe;
/// The longest head of a frame: a Data indication with an IPv6 address.
const MAX_HEAD: usize = 48;
/// What a length field can say, with everything around it.
const MAX_CONTENTS: usize = 65_000;

/// The error codes in use (RFC 8489 §14.8, RFC 8656 §19).
mod code {
    pub(super) const BAD_REQUEST: u16 = 400;
    pub(super) const UNAUTHORIZED: u16 = 401;
    pub(super) const FORBIDDEN: u16 = 403;
    pub(super) const UNKNOWN_ATTRIBUTE: u16 = 420;
    pub(super) const ALLOCATION_MISMATCH: u16 = 437;
    pub(super) const STALE_NONCE: u16 = 438;
    pub(super) const FAMILY_NOT_SUPPORTED: u16 = 440;
    pub(super) const WRONG_CREDENTIALS: u16 = 441;
    pub(super) const UNSUPPORTED_TRANSPORT: u16 = 442;
    pub(super) const FAMILY_MISMATCH: u16 = 443;
    pub(super) const QUOTA_REACHED: u16 = 486;
    pub(super) const INSUFFICIENT_CAPACITY: u16 = 508;
}

/// What to do with a client's message.
#[derive(PartialEq, Eq, Debug)]
pub enum Handled<'a> {
    /// It is neither STUN for us nor TURN: for the demultiplexer of media.
    NotOurs,
    /// It was dropped, or needs no answer.
    Nothing,
    /// Send this back to the client.
    Answer(Vec<u8>),
    /// The client has sent this through the relay.
    Relayed {
        /// The relayed address: answers go there, by way of [`Server::frame`].
        source: SocketAddr,
        /// Which of our media's addresses it is for.
        destination: SocketAddr,
        /// The datagram.
        contents: &'a [u8],
    },
}

/// What stands before and after a datagram on its way to a client.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// To whom.
    pub client: Client,
    head: [u8; MAX_HEAD],
    head_length: usize,
    padding: usize,
}

impl Frame {
    /// What comes before the datagram.
    pub fn head(&self) -> &[u8] {
        self.head.get(..self.head_length).unwrap_or_default()
    }

    /// What comes after it. Channel data in a connection needs more, which whoever writes the connection adds.
    pub fn padding(&self) -> &'static [u8] {
        [0; 3].get(..self.padding).unwrap_or_default()
    }

    fn new(client: Client, head: &[u8], padding: usize) -> Option<Self> {
        let mut frame = Self { client, head: [0; MAX_HEAD], head_length: head.len(), padding };
        frame.head.get_mut(..head.len())?.copy_from_slice(head);
        Some(frame)
    }

    /// All in one piece.
    pub fn around(&self, contents: &[u8]) -> Vec<u8> {
        [self.head(), contents, self.padding()].concat()
    }
}

/// What has happened since the start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    /// Allocations made.
    pub allocations: u64,
    /// Authenticated requests that were refused.
    pub refused: u64,
    /// Requests of strangers that were answered by a challenge or an error.
    pub challenged: u64,
    /// Requests of strangers that were not answered, because their source asked too often.
    pub unanswered: u64,
    /// What went through allocations that have ended.
    pub ended: Usage,
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.allocations += other.allocations;
        self.refused += other.refused;
        self.challenged += other.challenged;
        self.unanswered += other.unanswered;
        self.ended += other.ended;
    }
}

/// An allocation, for those who watch.
#[derive(Clone, Copy, Debug)]
pub struct Allocated<'a> {
    /// Whose credentials it was made with.
    pub user: &'a str,
    /// Whose it is.
    pub client: Client,
    /// The virtual address.
    pub relayed: SocketAddr,
    /// What went through it so far.
    pub usage: Usage,
}

/// A STUN and TURN server.
#[derive(Debug)]
pub struct Server {
    secret: Option<SharedSecret>,
    peers: Vec<SocketAddr>,
    nonces: Nonces,
    limiter: Limiter,
    rng: StdRng,
    allocations: Allocations,
    totals: Totals,
}

/// Why a request is refused before it is known whose it is.
#[derive(Clone, Copy, Debug)]
enum Stranger {
    BadRequest,
    Unauthorized,
    StaleNonce,
}

/// Who sent a request.
struct User<'a> {
    name: &'a str,
    key: Key,
    /// How long its allocations may last from now on.
    longest: Duration,
}

/// The attributes of a success response, or the error code.
type RequestOutcome = Result<Granted, u16>;

#[derive(Default)]
struct Granted {
    relayed: Option<SocketAddr>,
    lifetime: Option<Duration>,
}

impl Server {
    /// `seed` makes nonces and transactions: unpredictable in production, fixed in tests.
    pub fn new(config: Config, seed: [u8; 32], now: Instant) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let nonce_seed = rng.random();
        Self {
            secret: config.secret,
            peers: config.peers,
            nonces: Nonces::new(&nonce_seed, now),
            limiter: Limiter::new(now),
            rng,
            allocations: Allocations::new(config.quotas, config.space),
            totals: Totals::default(),
        }
    }

    /// Our media has other addresses now. What is bound to former ones leads nowhere.
    pub fn set_peers(&mut self, peers: Vec<SocketAddr>) {
        self.peers = peers;
    }

    /// A message of a client: one datagram, or one message of a connection.
    pub fn handle<'a>(&mut self, client: Client, bytes: &'a [u8], now: Now) -> Handled<'a> {
        match bytes.first() {
            Some(0..=3) => self.stun(client, bytes, now),
            Some(0x40..=0x7f) => self.channel_data(&client, bytes, now.instant).unwrap_or(Handled::Nothing),
            _ => Handled::NotOurs,
        }
    }

    /// What our media at `peer` sends to `relayed`, `length` bytes: how it gets to the client. `None` if there is no
    /// allocation any more or it has not permitted this.
    pub fn frame(&mut self, relayed: SocketAddr, peer: SocketAddr, length: usize, now: Instant) -> Option<Frame> {
        let allocation = self.allocations.relayed_mut(relayed)?;
        let frame = frame(allocation, &mut self.rng, peer, length, now)?;
        allocation.serve(now);
        Some(frame)
    }

    /// A connection has ended, and what was allocated over it (RFC 8656 §7.1 leaves it no other way).
    pub fn closed(&mut self, client: &Client) {
        if let Some(allocation) = self.allocations.remove(client) {
            self.ended(&allocation, "its connection has ended");
        }
    }

    /// Deadlines have passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(allocation) = self.allocations.expire(now) {
            self.ended(&allocation, "it was not refreshed");
        }
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.allocations.next_deadline()
    }

    /// Whether there is an allocation of this client.
    pub fn is_known(&self, client: &Client) -> bool {
        self.allocations.get(client).is_some()
    }

    /// What has happened so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The allocations there are.
    pub fn allocations(&self) -> impl Iterator<Item = Allocated<'_>> {
        self.allocations.iter().map(|allocation| Allocated {
            user: &allocation.user,
            client: allocation.client,
            relayed: allocation.relayed,
            usage: allocation.usage,
        })
    }

    /// Nothing is held for anybody.
    pub fn is_empty(&self) -> bool {
        self.allocations.is_empty()
    }

    fn stun<'a>(&mut self, client: Client, bytes: &'a [u8], now: Now) -> Handled<'a> {
        let Some(message) = Message::parse(bytes) else {
            return Handled::NotOurs;
        };
        match message.kind {
            kind::BINDING if message.is_plain_binding() => {
                if !self.admits(&client, now.instant) {
                    return Handled::Nothing;
                }
                Handled::Answer(binding::response(message.transaction, client.remote))
            }
            kind::ALLOCATE | kind::REFRESH | kind::CREATE_PERMISSION | kind::CHANNEL_BIND if self.secret.is_some() => {
                self.request(client, &message, now).map_or(Handled::Nothing, Handled::Answer)
            }
            kind::SEND_INDICATION => {
                let sent = message::send_indication(&message);
                sent.and_then(|(peer, contents)| self.relay(&client, peer, contents, now.instant))
                    .unwrap_or(Handled::Nothing)
            }
            _ => Handled::NotOurs,
        }
    }

    fn channel_data<'a>(&mut self, client: &Client, bytes: &'a [u8], now: Instant) -> Option<Handled<'a>> {
        let (number, contents) = message::channel_data(bytes)?;
        let peer = self.allocations.get(client)?.peer(number, now)?;
        self.relay(client, peer, contents, now)
    }

    /// What a client sends to a peer.
    fn relay<'a>(
        &mut self,
        client: &Client,
        peer: SocketAddr,
        contents: &'a [u8],
        now: Instant,
    ) -> Option<Handled<'a>> {
        let is_media = self.peers.contains(&peer);
        if !is_media && !self.is_echo(peer) {
            return None;
        }
        let allocation = self.allocations.get_mut(client)?;
        if !allocation.permits(peer.ip(), now) || allocation.expires <= now {
            return None;
        }
        allocation.usage.received.count(contents.len());
        let relayed = allocation.relayed;
        // Media is told from STUN by its first byte alone (RFC 7983).
        let question = if contents.first() == Some(&0) { Message::parse(contents) } else { None };
        if let Some(question) = question.filter(Message::is_plain_binding) {
            let answer = binding::response(question.transaction, relayed);
            let frame = frame(allocation, &mut self.rng, peer, answer.len(), now)?;
            return Some(Handled::Answer(frame.around(&answer)));
        }
        if is_media {
            return Some(Handled::Relayed { source: relayed, destination: peer, contents });
        }
        let frame = frame(allocation, &mut self.rng, peer, contents.len(), now)?;
        Some(Handled::Answer(frame.around(contents)))
    }

    fn request(&mut self, client: Client, message: &Message<'_>, now: Now) -> Option<Vec<u8>> {
        let request = Request::read(message);
        let fingerprint = request.as_ref().is_ok_and(|request| request.fingerprint);
        let user = match &request {
            Ok(request) => self.authenticate(&client, message, request, now),
            Err(_) => Err(Stranger::BadRequest),
        };
        let (request, user) = match (&request, user) {
            (Ok(request), Ok(user)) => (request, user),
            (_, Err(stranger)) => return self.challenge(&client, message, stranger, fingerprint, now.instant),
            (Err(_), Ok(_)) => return None,
        };
        let outcome = if request.unknown.is_empty() {
            self.perform(client, message, request, &user, now.instant)
        } else {
            Err(code::UNKNOWN_ATTRIBUTE)
        };
        let answer = match outcome {
            Ok(granted) => {
                let mut answer = MessageWriter::new(message.kind | kind::SUCCESS, message.transaction);
                if let Some(relayed) = granted.relayed {
                    answer = answer.xor_address(attribute::XOR_RELAYED_ADDRESS, relayed);
                    answer = answer.xor_address(attribute::XOR_MAPPED_ADDRESS, client.remote);
                }
                if let Some(lifetime) = granted.lifetime {
                    answer = answer.attribute(attribute::LIFETIME, &(lifetime.as_secs() as u32).to_be_bytes());
                }
                answer
            }
            Err(code) => {
                self.totals.refused += 1;
                tracing::debug!(client = %client.remote, user = user.name, code, "TURN request refused");
                let mut answer = MessageWriter::new(message.kind | kind::ERROR, message.transaction).error_code(code);
                if code == code::UNKNOWN_ATTRIBUTE {
                    let types: Vec<u8> = request.unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
                    answer = answer.attribute(attribute::UNKNOWN_ATTRIBUTES, &types);
                }
                answer
            }
        };
        Some(answer.sign(&user.key).finish(fingerprint))
    }

    /// RFC 8489 §9.2.4.
    fn authenticate<'a>(
        &self,
        client: &Client,
        message: &Message<'_>,
        request: &Request<'a>,
        now: Now,
    ) -> Result<User<'a>, Stranger> {
        let secret = self.secret.as_ref().ok_or(Stranger::Unauthorized)?;
        let integrity = request.integrity.ok_or(Stranger::Unauthorized)?;
        let (Some(name), Some(realm), Some(nonce)) = (request.username, request.realm, request.nonce) else {
            return Err(Stranger::BadRequest);
        };
        if !self.nonces.accepts(nonce, client, now.instant) {
            return Err(Stranger::StaleNonce);
        }
        let name = std::str::from_utf8(name).map_err(|_| Stranger::Unauthorized)?;
        let expiry = credentials::expiry(name).ok_or(Stranger::Unauthorized)?;
        let is_valid = expiry > now.unix_seconds;
        let key = match self.allocations.get(client) {
            // A call may outlast the credentials it began with. What nobody uses ends with them.
            Some(allocation) if *allocation.user == *name && (is_valid || allocation.is_in_use(now.instant)) => {
                allocation.key.clone()
            }
            _ if is_valid => secret.key(name),
            _ => return Err(Stranger::Unauthorized),
        };
        if realm != REALM.as_bytes() || !message.is_signed(&integrity, &key) {
            return Err(Stranger::Unauthorized);
        }
        let guest = credentials::is_guest(name);
        let longest = if guest { Duration::from_secs(expiry.saturating_sub(now.unix_seconds)) } else { MAX_LIFETIME };
        Ok(User { name, key, longest })
    }

    /// Answers who has proved nothing, if its source does not ask too often: the source may be forged.
    fn challenge(
        &mut self,
        client: &Client,
        message: &Message<'_>,
        stranger: Stranger,
        fingerprint: bool,
        now: Instant,
    ) -> Option<Vec<u8>> {
        if !self.admits(client, now) {
            return None;
        }
        self.totals.challenged += 1;
        let answer = MessageWriter::new(message.kind | kind::ERROR, message.transaction);
        let answer = match stranger {
            Stranger::BadRequest => answer.error_code(code::BAD_REQUEST),
            Stranger::Unauthorized | Stranger::StaleNonce => {
                let stale = matches!(stranger, Stranger::StaleNonce);
                answer
                    .error_code(if stale { code::STALE_NONCE } else { code::UNAUTHORIZED })
                    .attribute(attribute::REALM, REALM.as_bytes())
                    .attribute(attribute::NONCE, self.nonces.issue(client, now).as_bytes())
            }
        };
        Some(answer.finish(fingerprint))
    }

    /// Whether somebody who has proved nothing is answered. The other end of a connection is who it says it is.
    fn admits(&mut self, client: &Client, now: Instant) -> bool {
        let admits = client.transport == Transport::Stream || self.limiter.admits(client.remote.ip(), now);
        self.totals.unanswered += u64::from(!admits);
        admits
    }

    fn perform(
        &mut self,
        client: Client,
        message: &Message<'_>,
        request: &Request<'_>,
        user: &User<'_>,
        now: Instant,
    ) -> RequestOutcome {
        if message.kind == kind::ALLOCATE {
            return self.allocate(client, message.transaction, request, user, now);
        }
        let allocation = self.allocations.get_mut(&client).filter(|allocation| allocation.expires > now);
        let allocation = allocation.ok_or(code::ALLOCATION_MISMATCH)?;
        if *allocation.user != *user.name {
            return Err(code::WRONG_CREDENTIALS);
        }
        let family = AddressFamily::of(allocation.relayed.ip());
        if request.peers.iter().any(|peer| AddressFamily::of(peer.ip()) != family) {
            return Err(code::FAMILY_MISMATCH);
        }
        match message.kind {
            kind::REFRESH => self.refresh(&client, family, request, user, now),
            kind::CREATE_PERMISSION => self.create_permission(&client, request, now),
            _ => self.bind_channel(&client, request, now),
        }
    }

    fn allocate(
        &mut self,
        client: Client,
        transaction: TransactionId,
        request: &Request<'_>,
        user: &User<'_>,
        now: Instant,
    ) -> RequestOutcome {
        // Whose deadline nobody has acted on yet is no obstacle.
        self.handle_timeout(now);
        if let Some(allocation) = self.allocations.get(&client) {
            if allocation.transaction != transaction || *allocation.user != *user.name {
                return Err(code::ALLOCATION_MISMATCH);
            }
            let lifetime = allocation.expires.saturating_duration_since(now);
            return Ok(Granted { relayed: Some(allocation.relayed), lifetime: Some(lifetime) });
        }
        match request.transport {
            Some(UDP) => {}
            Some(_) => return Err(code::UNSUPPORTED_TRANSPORT),
            None => return Err(code::BAD_REQUEST),
        }
        if request.reservation_token || request.even_port == Some(true) {
            return Err(code::INSUFFICIENT_CAPACITY);
        }
        let family = match request.family {
            None => self.default_family().ok_or(code::INSUFFICIENT_CAPACITY)?,
            Some(value) => {
                let family = message::family(value).filter(|family| self.has(*family));
                family.ok_or(code::FAMILY_NOT_SUPPORTED)?
            }
        };
        let lifetime = lifetime(request).min(user.longest);
        let new = NewAllocation {
            client,
            user: user.name,
            key: user.key.clone(),
            transaction,
            family,
            even_port: request.even_port.is_some(),
            expires: now + lifetime,
        };
        let relayed = self.allocations.insert(new).map_err(|full| match full {
            QuotaReached::OfUser => code::QUOTA_REACHED,
            QuotaReached::OfServer => code::INSUFFICIENT_CAPACITY,
        })?;
        self.totals.allocations += 1;
        tracing::debug!(client = %client.remote, user = user.name, %relayed, "TURN allocation made");
        Ok(Granted { relayed: Some(relayed), lifetime: Some(lifetime) })
    }

    fn refresh(
        &mut self,
        client: &Client,
        family: AddressFamily,
        request: &Request<'_>,
        user: &User<'_>,
        now: Instant,
    ) -> RequestOutcome {
        if request.family.is_some_and(|value| message::family(value) != Some(family)) {
            return Err(code::FAMILY_MISMATCH);
        }
        if request.lifetime == Some(0) {
            if let Some(allocation) = self.allocations.remove(client) {
                self.ended(&allocation, "its client has deleted it");
            }
            return Ok(Granted { lifetime: Some(Duration::ZERO), ..Granted::default() });
        }
        let lifetime = lifetime(request).min(user.longest);
        self.allocations.refresh(client, now + lifetime);
        Ok(Granted { lifetime: Some(lifetime), ..Granted::default() })
    }

    fn create_permission(&mut self, client: &Client, request: &Request<'_>, now: Instant) -> RequestOutcome {
        if request.peers.is_empty() {
            return Err(code::BAD_REQUEST);
        }
        if !request.peers.iter().all(|peer| self.is_ours(peer.ip())) {
            return Err(code::FORBIDDEN);
        }
        let allocation = self.allocations.get_mut(client).ok_or(code::ALLOCATION_MISMATCH)?;
        for peer in &request.peers {
            allocation.permit(peer.ip(), now);
        }
        Ok(Granted::default())
    }

    fn bind_channel(&mut self, client: &Client, request: &Request<'_>, now: Instant) -> RequestOutcome {
        let (Some(number), [peer]) = (request.channel, &request.peers[..]) else {
            return Err(code::BAD_REQUEST);
        };
        if !CHANNELS.contains(&number) {
            return Err(code::BAD_REQUEST);
        }
        if !self.peers.contains(peer) && !self.is_echo(*peer) {
            return Err(code::FORBIDDEN);
        }
        let allocation = self.allocations.get_mut(client).ok_or(code::ALLOCATION_MISMATCH)?;
        allocation.bind(number, *peer, now).map_err(|_| code::BAD_REQUEST)?;
        Ok(Granted::default())
    }

    fn is_ours(&self, ip: IpAddr) -> bool {
        self.peers.iter().any(|peer| peer.ip() == ip)
    }

    fn is_echo(&self, peer: SocketAddr) -> bool {
        ECHO_PORTS.contains(&peer.port()) && self.is_ours(peer.ip())
    }

    fn has(&self, family: AddressFamily) -> bool {
        self.peers.iter().any(|peer| AddressFamily::of(peer.ip()) == family)
    }

    /// Browsers do not say which they want: IPv4, unless all our media is elsewhere.
    fn default_family(&self) -> Option<AddressFamily> {
        [AddressFamily::V4, AddressFamily::V6].into_iter().find(|family| self.has(*family))
    }

    fn ended(&mut self, allocation: &Allocation, why: &str) {
        self.totals.ended += allocation.usage;
        let Usage { received, sent } = allocation.usage;
        let (client, user) = (allocation.client.remote, &*allocation.user);
        tracing::debug!(%client, user, received = received.bytes, sent = sent.bytes, why, "TURN allocation ended");
    }
}

fn lifetime(request: &Request<'_>) -> Duration {
    let asked = request.lifetime.map_or(LIFETIME, |seconds| Duration::from_secs(seconds.into()));
    asked.clamp(LIFETIME, MAX_LIFETIME)
}

fn frame(
    allocation: &mut Allocation,
    rng: &mut StdRng,
    peer: SocketAddr,
    length: usize,
    now: Instant,
) -> Option<Frame> {
    if length > MAX_CONTENTS || allocation.expires <= now || !allocation.permits(peer.ip(), now) {
        return None;
    }
    let client = allocation.client;
    let frame = match allocation.channel(peer, now) {
        Some(number) => {
            let [a, b] = number.to_be_bytes();
            let [high, low] = (length as u16).to_be_bytes();
            Frame::new(client, &[a, b, high, low], 0)
        }
        None => {
            let indication = MessageWriter::new(kind::DATA_INDICATION, rng.random());
            let head =
                indication.xor_address(attribute::XOR_PEER_ADDRESS, peer).finish_before_value(attribute::DATA, length);
            Frame::new(client, &head, length.next_multiple_of(4) - length)
        }
    };
    allocation.usage.sent.count(length);
    frame
}

#[cfg(test)]
mod tests;
