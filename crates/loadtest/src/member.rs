//! What a participant has, whatever it speaks with its server: a seat, its peer connections, and the account of what it did.
//! How it joins, publishes, subscribes and leaves is said by the module of its protocol.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use client::ServerAddress;

use crate::LoadTestError;
use crate::bundle::Bundle;
use crate::generator::{Generator, NewOffer, PeerId};
use crate::ledger::Ledger;
use crate::options::MediaOptions;
use crate::peer::{Identity, Offer, Peer, PeerError};
use crate::playback::Clips;
use crate::source::Source;
use crate::target::Protocol;
use crate::websocket::SignallingError;

/// What all participants share.
pub(crate) struct Stage {
    pub(crate) server: ServerAddress,
    pub(crate) protocol: Protocol,
    pub(crate) identity: Identity,
    pub(crate) generators: Vec<Generator>,
    pub(crate) media: MediaOptions,
    /// What of it comes from files.
    pub(crate) clips: Clips,
    pub(crate) ledgers: Ledgers,
    pub(crate) tally: Tally,
}

/// What publishers send from files, by what the server calls them: who receives it learns from signalling whose it is.
#[derive(Debug, Default)]
pub(crate) struct Ledgers(Mutex<HashMap<String, Arc<Ledger>>>);

impl Ledgers {
    fn insert(&self, endpoint: &str, ledger: Arc<Ledger>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(endpoint.to_owned(), ledger);
    }

    fn of(&self, endpoint: &str) -> Option<Arc<Ledger>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(endpoint).cloned()
    }
}

/// What participants have done, in numbers.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Joins that were begun.
    pub(crate) attempted: AtomicU64,
    pub(crate) joined: AtomicU64,
    /// Publishers whose media can flow.
    pub(crate) publishing: AtomicU64,
    /// Streams that somebody has begun to receive.
    pub(crate) legs: AtomicU64,
    /// Of the peer connections: decides which thread carries the next one.
    peers: AtomicU64,
}

/// Who it is.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) session: String,
    /// Empty where a server asks for none.
    pub(crate) token: String,
    /// Of what is received.
    pub(crate) room: u32,
    /// Its number in the whole test, if it publishes.
    pub(crate) publisher: Option<u32>,
}

/// Why a participant did not get through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParticipantError {
    #[error(transparent)]
    Signalling(#[from] SignallingError),
    #[error("no peer connection: {0}")]
    Peer(#[from] PeerError),
    /// To come again.
    #[error("no token: {0}")]
    Token(#[from] LoadTestError),
}

/// A peer connection, and the thread that carries it.
type Carried = (usize, PeerId);

/// See the module.
pub(crate) struct Member {
    pub(crate) stage: Arc<Stage>,
    pub(crate) seat: Seat,
    /// When it began to join.
    pub(crate) began: Instant,
    published: Option<Carried>,
    /// Those that carry one stream each, by what their server calls it.
    received: HashMap<String, Carried>,
    bundle: Option<CarriedBundle>,
}

/// The one that carries all streams, if the server does it so, and which these are.
struct CarriedBundle {
    carried: Carried,
    streams: BTreeSet<String>,
}

/// A publisher's peer connection until its offer is answered.
pub(crate) struct Publishing {
    peer: Peer,
    offer: Offer,
    ledger: Option<Arc<Ledger>>,
    /// What is offered.
    pub(crate) sdp: String,
}

impl Publishing {
    /// As browsers tell a server of it.
    pub(crate) fn candidate(&self) -> String {
        self.peer.candidate()
    }

    /// Of the server, before its answer.
    pub(crate) fn add_candidate(&mut self, candidate: &str) {
        self.peer.add_candidate(candidate);
    }
}

/// The answer to an offer, and the candidate that goes with it.
pub(crate) struct Answer {
    pub(crate) sdp: String,
    pub(crate) candidate: String,
}

impl Member {
    /// It begins to join.
    pub(crate) fn new(stage: Arc<Stage>, seat: Seat) -> Self {
        stage.tally.attempted.fetch_add(1, Ordering::Relaxed);
        Self { stage, seat, began: Instant::now(), published: None, received: HashMap::new(), bundle: None }
    }

    /// The server has taken it in.
    pub(crate) fn joined(&self) {
        self.stage.tally.joined.fetch_add(1, Ordering::Relaxed);
    }

    /// What the publisher of this number would send.
    pub(crate) fn offer(&self, publisher: u32) -> Result<Publishing, PeerError> {
        let media = self.stage.media;
        let (room, now) = (self.seat.room, Instant::now());
        let mut source = Source::new(room, publisher, media, now);
        let ledger = self.stage.clips.ledger(room, publisher);
        if let Some(ledger) = &ledger {
            source = source.playing(&self.stage.clips, ledger, now);
        }
        let (peer, offer, sdp) = Peer::publishing(&self.stage.identity, source, media)?;
        Ok(Publishing { peer, offer, ledger, sdp })
    }

    /// The server calls this publisher `endpoint`; must be said before anybody can know of what it publishes.
    pub(crate) fn announce(&self, endpoint: &str, publishing: &Publishing) {
        if let Some(ledger) = &publishing.ledger {
            self.stage.ledgers.insert(endpoint, Arc::clone(ledger));
        }
    }

    /// The server's answer is there: from now on media is sent.
    pub(crate) fn publish(&mut self, publishing: Publishing, answer: &str) -> Result<(), PeerError> {
        let Publishing { mut peer, offer, .. } = publishing;
        peer.answered(offer, answer)?;
        let connected = peer.once_connected();
        self.published = Some(self.carry(peer));
        let stage = Arc::clone(&self.stage);
        tokio::spawn(async move {
            if connected.await.is_ok() {
                stage.tally.publishing.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(())
    }

    /// On a peer connection of its own the stream that `offer` has, of the publisher that the server calls `endpoint`. ICE begins at
    /// once, as in browsers.
    pub(crate) fn receive(
        &mut self,
        stream: &str,
        endpoint: &str,
        began: Instant,
        offer: &str,
    ) -> Result<Answer, PeerError> {
        let mut bundle = Bundle::new(self.seat.room, self.stage.media);
        bundle.expect_of(began, self.stage.ledgers.of(endpoint));
        let (peer, sdp) = Peer::receiving(&self.stage.identity, bundle, self.stage.media, offer)?;
        let candidate = peer.candidate();
        let carried = self.carry(peer);
        self.received.insert(stream.to_owned(), carried);
        self.stage.tally.legs.fetch_add(1, Ordering::Relaxed);
        Ok(Answer { sdp, candidate })
    }

    /// On the one peer connection for all of them the `streams` that `offer` has; `began` says since when one that is new is
    /// wanted. The answer.
    pub(crate) async fn receive_all(
        &mut self,
        streams: BTreeSet<String>,
        began: impl Fn(&str) -> Instant,
        offer: String,
    ) -> Result<Answer, PeerError> {
        let known = self.bundle.as_ref().map(|bundle| &bundle.streams);
        let is_new = |stream: &&String| known.is_none_or(|known| !known.contains(*stream));
        let wanted: Vec<Instant> = streams.iter().filter(is_new).map(|stream| began(stream)).collect();
        self.stage.tally.legs.fetch_add(wanted.len() as u64, Ordering::Relaxed);
        if let Some(CarriedBundle { carried: (thread, id), streams: known }) = &mut self.bundle {
            known.extend(streams);
            let sdp = self.stage.generators[*thread].offer_again(*id, NewOffer { sdp: offer, wanted }).await?;
            return Ok(Answer { sdp, candidate: String::new() });
        }
        let mut bundle = Bundle::new(self.seat.room, self.stage.media);
        wanted.into_iter().for_each(|began| bundle.expect(began));
        let (peer, sdp) = Peer::receiving(&self.stage.identity, bundle, self.stage.media, &offer)?;
        let candidate = peer.candidate();
        self.bundle = Some(CarriedBundle { carried: self.carry(peer), streams });
        Ok(Answer { sdp, candidate })
    }

    /// A candidate of the server, for what is published, or for what is received on one peer connection; nothing if there is none.
    pub(crate) fn add_candidate(&self, of_published: bool, candidate: String) {
        let carried = if of_published { self.published } else { self.bundle.as_ref().map(|bundle| bundle.carried) };
        if let Some((thread, id)) = carried {
            self.stage.generators[thread].add_candidate(id, candidate);
        }
    }

    /// Those received on peer connections of their own.
    pub(crate) fn received(&self) -> impl Iterator<Item = &String> {
        self.received.keys()
    }

    /// The stream is gone, and its peer connection with it.
    pub(crate) fn forget(&mut self, stream: &str) {
        if let Some((thread, id)) = self.received.remove(stream) {
            self.stage.generators[thread].close(id);
        }
    }

    pub(crate) fn close_peers(&mut self) {
        let bundle = self.bundle.take().map(|bundle| bundle.carried);
        let received = self.received.drain().map(|(_, carried)| carried);
        for (thread, id) in received.chain(bundle).chain(self.published.take()) {
            self.stage.generators[thread].close(id);
        }
    }

    fn carry(&self, peer: Peer) -> Carried {
        let count = self.stage.tally.peers.fetch_add(1, Ordering::Relaxed);
        // Less than the number of threads.
        let thread = usize::try_from(count).unwrap_or(0) % self.stage.generators.len();
        (thread, self.stage.generators[thread].adopt(peer))
    }
}
