//! One emulated participant: joins, publishes, subscribes to whoever publishes, as OpenVidu's browser library does, until it is
//! told to leave. Media is carried elsewhere ([`crate::generator`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::LoadTestError;
use crate::generator::{Generator, PeerId};
use crate::options::MediaOptions;
use crate::peer::{Identity, Peer, PeerError};
use crate::reception::Reception;
use crate::server::ServerAddress;
use crate::signalling::{Notification, Signalling, SignallingError};
use crate::source::Source;

/// What all participants share.
pub(crate) struct Stage {
    pub(crate) server: ServerAddress,
    pub(crate) identity: Identity,
    pub(crate) generators: Vec<Generator>,
    pub(crate) media: MediaOptions,
    pub(crate) tally: Tally,
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

struct Participant {
    stage: Arc<Stage>,
    seat: Seat,
    signalling: Signalling,
    /// By stream.
    subscriptions: HashMap<String, Carried>,
    published: Option<Carried>,
}

/// The whole life of one, until `leave` says so.
pub(crate) async fn take_part(
    stage: Arc<Stage>,
    seat: Seat,
    mut leave: watch::Receiver<bool>,
) -> Result<(), ParticipantError> {
    let began = Instant::now();
    stage.tally.attempted.fetch_add(1, Ordering::Relaxed);
    let mut signalling = Signalling::open(&stage.server, &seat.session).await?;
    let joined = signalling.join(&seat.session, &seat.token).await?;
    stage.tally.joined.fetch_add(1, Ordering::Relaxed);
    let mut participant = Participant { stage, seat, signalling, subscriptions: HashMap::new(), published: None };
    let lived = participant.live(&joined, began, &mut leave).await;
    participant.close_peers();
    participant.signalling.leave().await;
    lived
}

impl Participant {
    async fn live(
        &mut self,
        joined: &Value,
        began: Instant,
        leave: &mut watch::Receiver<bool>,
    ) -> Result<(), ParticipantError> {
        if let Some(publisher) = self.seat.publisher {
            let own = joined["id"].as_str().unwrap_or_default();
            self.publish(publisher, own).await?;
        }
        for other in joined["value"].as_array().into_iter().flatten() {
            self.subscribe_to(other, began).await?;
        }
        loop {
            // Whoever told us to leave may be gone: that is the same.
            let notification = tokio::select! {
                biased;
                _ = leave.wait_for(|leave| *leave) => return Ok(()),
                notification = self.signalling.notification() => notification?,
            };
            self.on(notification).await?;
        }
    }

    async fn on(&mut self, Notification { method, params }: Notification) -> Result<(), ParticipantError> {
        match method.as_str() {
            "participantPublished" => self.subscribe_to(&params, Instant::now()).await?,
            "participantUnpublished" | "participantLeft" => {
                let of = params["connectionId"].as_str().unwrap_or_default();
                // A stream's id ends with that of its connection.
                let gone = |stream: &String| !of.is_empty() && stream.ends_with(of);
                let streams: Vec<_> = self.subscriptions.keys().filter(|stream| gone(stream)).cloned().collect();
                for stream in streams {
                    self.unsubscribe(&stream);
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn publish(&mut self, publisher: u32, own: &str) -> Result<(), ParticipantError> {
        let media = self.stage.media;
        let source = Source::new(self.seat.room, publisher, media, Instant::now());
        let (mut peer, pending, offer) = Peer::publishing(&self.stage.identity, source, media)?;
        let connected = peer.once_connected();
        let candidate = peer.candidate();
        let mut params = json!({
            "sdpOffer": offer, "doLoopback": false, "hasAudio": media.audio, "hasVideo": media.video,
            "audioActive": media.audio, "videoActive": media.video, "frameRate": media.frame_rate,
            "videoDimensions": "{\"width\":1280,\"height\":720}",
        });
        if media.video {
            params["typeOfVideo"] = "CAMERA".into();
        }
        let answer = self.signalling.request("publishVideo", params).await?;
        let unreadable = SignallingError::Unreadable { method: "publishVideo", field: "sdpAnswer" };
        peer.answered(pending, answer["sdpAnswer"].as_str().ok_or(unreadable)?)?;
        self.published = Some(self.carry(peer));
        let stage = Arc::clone(&self.stage);
        tokio::spawn(async move {
            if connected.await.is_ok() {
                stage.tally.publishing.fetch_add(1, Ordering::Relaxed);
            }
        });
        self.tell_candidate(own, candidate).await?;
        Ok(())
    }

    /// To what `other` publishes, if anything.
    async fn subscribe_to(&mut self, other: &Value, began: Instant) -> Result<(), ParticipantError> {
        let endpoint = other["id"].as_str().unwrap_or_default();
        for stream in other["streams"].as_array().into_iter().flatten() {
            let Some(stream) = stream["id"].as_str() else { continue };
            self.subscribe(stream, endpoint, began).await?;
        }
        Ok(())
    }

    async fn subscribe(&mut self, stream: &str, endpoint: &str, began: Instant) -> Result<(), ParticipantError> {
        let method = "prepareReceiveVideoFrom";
        let params = json!({ "sender": stream, "reconnect": false });
        let prepared = self.signalling.request(method, params).await?;
        let offer = prepared["sdpOffer"].as_str().ok_or(SignallingError::Unreadable { method, field: "sdpOffer" })?;
        let reception = Reception::new(self.seat.room, began);
        let (peer, answer) = Peer::receiving(&self.stage.identity, reception, self.stage.media, offer)?;
        let candidate = peer.candidate();
        // Browsers begin with ICE at once, too.
        let carried = self.carry(peer);
        self.stage.tally.legs.fetch_add(1, Ordering::Relaxed);
        self.subscriptions.insert(stream.to_owned(), carried);
        self.tell_candidate(endpoint, candidate).await?;
        self.signalling.request("receiveVideoFrom", json!({ "sender": stream, "sdpAnswer": answer })).await?;
        Ok(())
    }

    /// As browsers do, although a server that is ICE-lite has no use for it.
    async fn tell_candidate(&mut self, endpoint: &str, candidate: String) -> Result<(), ParticipantError> {
        let params = json!({ "endpointName": endpoint, "candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0 });
        self.signalling.tell("onIceCandidate", params).await?;
        Ok(())
    }

    fn carry(&self, peer: Peer) -> Carried {
        let count = self.stage.tally.peers.fetch_add(1, Ordering::Relaxed);
        // Less than the number of threads.
        let thread = usize::try_from(count).unwrap_or(0) % self.stage.generators.len();
        (thread, self.stage.generators[thread].adopt(peer))
    }

    fn unsubscribe(&mut self, stream: &str) {
        if let Some((thread, id)) = self.subscriptions.remove(stream) {
            self.stage.generators[thread].close(id);
        }
    }

    fn close_peers(&mut self) {
        for (thread, id) in self.subscriptions.drain().map(|(_, carried)| carried).chain(self.published.take()) {
            self.stage.generators[thread].close(id);
        }
    }
}
