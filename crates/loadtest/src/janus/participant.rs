//! One participant of a `VideoRoom`.

use std::collections::HashMap;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::api::{Api, Handle};
use super::rooms::number;
use crate::member::{Member, ParticipantError};
use crate::websocket::SignallingError;

/// From joining to leaving.
pub(crate) async fn live(member: &mut Member, mut leave: watch::Receiver<bool>) -> Result<(), ParticipantError> {
    let api = Api::open(&member.stage.server).await?;
    let room = number(&member.seat.session);
    let mut participant = Participant { member, api, room, handles: HashMap::new() };
    let lived = participant.stay(&mut leave).await;
    participant.member.close_peers();
    participant.api.close().await;
    lived
}

struct Participant<'a> {
    member: &'a mut Member,
    api: Api,
    room: u64,
    /// Of what is received, by feed.
    handles: HashMap<String, Handle>,
}

impl Participant<'_> {
    async fn stay(&mut self, leave: &mut watch::Receiver<bool>) -> Result<(), ParticipantError> {
        let handle = self.api.attach().await?;
        let body = json!({ "request": "join", "ptype": "publisher", "room": self.room });
        let joined = self.api.ask(handle, "join", body, None).await?.data;
        self.member.joined();
        if let Some(publisher) = self.member.seat.publisher {
            self.publish(handle, publisher).await?;
        }
        self.subscribe_to(&joined, self.member.began).await?;
        loop {
            let event = tokio::select! {
                biased;
                _ = leave.wait_for(|leave| *leave) => return Ok(()),
                event = self.api.event() => event?,
            };
            self.subscribe_to(&event, Instant::now()).await?;
            if let Some(feed) = gone(&event) {
                self.forget(&feed).await?;
            }
        }
    }

    async fn publish(&mut self, handle: Handle, publisher: u32) -> Result<(), ParticipantError> {
        let publishing = self.member.offer(publisher)?;
        let method = "publish";
        let jsep = json!({ "type": "offer", "sdp": publishing.sdp, "trickle": false });
        let answer = self.api.ask(handle, method, json!({ "request": method }), Some(jsep)).await?;
        let sdp = answer.sdp.ok_or(SignallingError::Unreadable { method, field: "jsep.sdp" })?;
        self.member.publish(publishing, &sdp)?;
        Ok(())
    }

    /// Everybody whom `told` names as one who publishes.
    async fn subscribe_to(&mut self, told: &Value, began: Instant) -> Result<(), ParticipantError> {
        for feed in publishers(told) {
            if !self.handles.contains_key(&feed.to_string()) {
                self.subscribe(feed, began).await?;
            }
        }
        Ok(())
    }

    async fn subscribe(&mut self, feed: u64, began: Instant) -> Result<(), ParticipantError> {
        let handle = self.api.attach().await?;
        let method = "join as a subscriber";
        let body =
            json!({ "request": "join", "ptype": "subscriber", "room": self.room, "streams": [{ "feed": feed }] });
        let attached = self.api.ask(handle, method, body, None).await?;
        let offer = attached.sdp.ok_or(SignallingError::Unreadable { method, field: "jsep.sdp" })?;
        let stream = feed.to_string();
        let answer = self.member.receive(&stream, &stream, began, &offer)?;
        self.handles.insert(stream, handle);
        let jsep = json!({ "type": "answer", "sdp": answer.sdp, "trickle": false });
        self.api.ask(handle, "start", json!({ "request": "start" }), Some(jsep)).await?;
        Ok(())
    }

    async fn forget(&mut self, feed: &str) -> Result<(), ParticipantError> {
        self.member.forget(feed);
        if let Some(handle) = self.handles.remove(feed) {
            self.api.detach(handle).await?;
        }
        Ok(())
    }
}

fn publishers(told: &Value) -> impl Iterator<Item = u64> {
    told["publishers"].as_array().into_iter().flatten().filter_map(|publisher| publisher["id"].as_u64())
}

/// Who has stopped to publish, or left.
fn gone(event: &Value) -> Option<String> {
    // Of our own it says "ok".
    [&event["unpublished"], &event["leaving"]].into_iter().find_map(Value::as_u64).map(|feed| feed.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_publishes_and_who_has_gone_is_read_from_what_is_told() {
        let joined = json!({ "videoroom": "joined", "publishers": [{ "id": 12, "streams": [] }, { "id": 13 }] });
        assert_eq!(publishers(&joined).collect::<Vec<_>>(), [12, 13]);
        assert_eq!(gone(&joined), None);
        let left = json!({ "videoroom": "event", "leaving": 12 });
        assert_eq!((publishers(&left).count(), gone(&left).as_deref()), (0, Some("12")));
        assert_eq!(gone(&json!({ "unpublished": 13 })).as_deref(), Some("13"));
        assert_eq!(gone(&json!({ "unpublished": "ok" })), None);
    }
}
