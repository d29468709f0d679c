//! One participant, as OpenVidu's browser library is one.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::signalling::{Notification, Signalling};
use crate::member::{Member, ParticipantError};
use crate::websocket::SignallingError;

/// From joining to leaving.
pub(crate) async fn live(member: &mut Member, mut leave: watch::Receiver<bool>) -> Result<(), ParticipantError> {
    let mut signalling = Signalling::open(&member.stage.server, &member.seat.session).await?;
    let joined = signalling.join(&member.seat.session, &member.seat.token).await?;
    member.joined();
    let mut participant = Participant { member, signalling };
    let lived = participant.stay(&joined, &mut leave).await;
    participant.member.close_peers();
    participant.signalling.leave().await;
    lived
}

struct Participant<'a> {
    member: &'a mut Member,
    signalling: Signalling,
}

impl Participant<'_> {
    async fn stay(&mut self, joined: &Value, leave: &mut watch::Receiver<bool>) -> Result<(), ParticipantError> {
        if let Some(publisher) = self.member.seat.publisher {
            let own = joined["id"].as_str().unwrap_or_default();
            self.publish(publisher, own).await?;
        }
        for other in joined["value"].as_array().into_iter().flatten() {
            self.subscribe_to(other, self.member.began).await?;
        }
        loop {
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
                let gone = |stream: &&String| !of.is_empty() && stream.ends_with(of);
                let streams: Vec<_> = self.member.received().filter(gone).cloned().collect();
                for stream in streams {
                    self.member.forget(&stream);
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn publish(&mut self, publisher: u32, own: &str) -> Result<(), ParticipantError> {
        let media = self.member.stage.media;
        let publishing = self.member.offer(publisher)?;
        self.member.announce(own, &publishing);
        let candidate = publishing.candidate();
        let mut params = json!({
            "sdpOffer": publishing.sdp, "doLoopback": false, "hasAudio": media.audio, "hasVideo": media.video,
            "audioActive": media.audio, "videoActive": media.video, "frameRate": media.frame_rate,
            "videoDimensions": "{\"width\":1280,\"height\":720}",
        });
        if media.video {
            params["typeOfVideo"] = "CAMERA".into();
        }
        let answer = self.signalling.request("publishVideo", params).await?;
        let unreadable = SignallingError::Unreadable { method: "publishVideo", field: "sdpAnswer" };
        self.member.publish(publishing, answer["sdpAnswer"].as_str().ok_or(unreadable)?)?;
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
        let answer = self.member.receive(stream, endpoint, began, offer)?;
        self.tell_candidate(endpoint, answer.candidate).await?;
        self.signalling.request("receiveVideoFrom", json!({ "sender": stream, "sdpAnswer": answer.sdp })).await?;
        Ok(())
    }

    /// As browsers do, although a server that is ICE-lite has no use for it.
    async fn tell_candidate(&mut self, endpoint: &str, candidate: String) -> Result<(), ParticipantError> {
        let params = json!({ "endpointName": endpoint, "candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0 });
        self.signalling.tell("onIceCandidate", params).await?;
        Ok(())
    }
}
