//! One participant of a LiveKit room.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::timeout_at;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::messages::{self, PeerConnection, Response};
use crate::member::{Member, ParticipantError, Publishing};
use crate::packet::Track;
use crate::sdp;
use crate::websocket::{SignallingError, WebSocket};

/// As its browser library pings; who falls silent is taken for gone.
const PING: Duration = Duration::from_secs(5);
/// Of the signalling: the last one with a peer connection for each direction.
const VERSION: u32 = 15;

/// From joining to leaving.
pub(crate) async fn live(member: &mut Member, mut leave: watch::Receiver<bool>) -> Result<(), ParticipantError> {
    let path = format!("/rtc?access_token={}&protocol={VERSION}&auto_subscribe=1&version=1.0", member.seat.token);
    let socket = WebSocket::open(&member.stage.server, &path, None).await?;
    let last_ping = Instant::now();
    let (publishing, unannounced, there_before) = (None, 0, vec![]);
    let mut participant = Participant { member, socket, last_ping, publishing, unannounced, there_before };
    let lived = participant.stay(&mut leave).await;
    participant.member.close_peers();
    // The server may be gone, and then there is nothing to leave.
    let _ = participant.socket.send(Message::binary(messages::leave())).await;
    participant.socket.close().await;
    lived
}

struct Participant<'a> {
    member: &'a mut Member,
    socket: WebSocket,
    last_ping: Instant,
    /// Until it is answered.
    publishing: Option<Publishing>,
    /// Tracks that the server has not taken note of; then we offer.
    unannounced: usize,
    /// Who was there when we came.
    there_before: Vec<String>,
}

impl Participant<'_> {
    async fn stay(&mut self, leave: &mut watch::Receiver<bool>) -> Result<(), ParticipantError> {
        loop {
            let response = tokio::select! {
                biased;
                _ = leave.wait_for(|leave| *leave) => return Ok(()),
                response = self.response() => response?,
            };
            self.on(response).await?;
        }
    }

    /// The next one; pings go on however long that takes. Can be given up without loss.
    async fn response(&mut self) -> Result<Response, SignallingError> {
        loop {
            if self.last_ping.elapsed() >= PING {
                self.last_ping = Instant::now();
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let milliseconds = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
                self.tell(messages::ping(milliseconds)).await?;
            }
            if let Ok(message) = timeout_at((self.last_ping + PING).into(), self.socket.next()).await {
                return Ok(Response::read(&message?.into_data()));
            }
        }
    }

    async fn on(&mut self, response: Response) -> Result<(), ParticipantError> {
        match response {
            Response::Join { others } => {
                self.member.joined();
                self.there_before = others;
                if let Some(publisher) = self.member.seat.publisher {
                    self.announce(publisher).await?;
                }
            }
            Response::TrackPublished => {
                self.unannounced = self.unannounced.saturating_sub(1);
                if let (0, Some(publishing)) = (self.unannounced, &self.publishing) {
                    let offer = messages::offer(&publishing.sdp);
                    self.tell(offer).await?;
                }
            }
            Response::Answer { sdp } => {
                if let Some(publishing) = self.publishing.take() {
                    self.member.publish(publishing, &sdp)?;
                }
            }
            Response::Offer { sdp, id } => {
                let (began, now) = (self.member.began, Instant::now());
                let there_before = &self.there_before;
                let since = |stream: &str| if there_before.iter().any(|there| there == stream) { began } else { now };
                let answer = self.member.receive_all(sdp::streams(&sdp), since, sdp).await?;
                self.tell(messages::answer(&answer.sdp, id)).await?;
            }
            Response::Trickle { peer, init } => {
                if let Some(candidate) = messages::candidate(&init) {
                    match (&mut self.publishing, peer) {
                        (Some(publishing), PeerConnection::Publisher) => publishing.add_candidate(&candidate),
                        _ => self.member.add_candidate(peer == PeerConnection::Publisher, candidate),
                    }
                }
            }
            Response::Leave { reason } => return Err(SignallingError::Closed(format!(": reason {reason}")).into()),
            Response::Other => {}
        }
        Ok(())
    }

    /// What we are going to publish: the server wants to know that before our offer.
    async fn announce(&mut self, publisher: u32) -> Result<(), ParticipantError> {
        self.publishing = Some(self.member.offer(publisher)?);
        let media = self.member.stage.media;
        for (track, is_sent) in [(Track::Audio, media.audio), (Track::Video, media.video)] {
            if is_sent {
                self.unannounced += 1;
                self.tell(messages::add_track(track, media.video_kbps)).await?;
            }
        }
        Ok(())
    }

    async fn tell(&mut self, request: Vec<u8>) -> Result<(), SignallingError> {
        self.socket.send(Message::binary(request)).await
    }
}
