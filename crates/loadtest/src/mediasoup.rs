//! The small application in front of mediasoup (`bench/peers/mediasoup/server.mjs`), which has no signalling of its own: JSON over a
//! WebSocket. As with its client library a participant has one peer connection to send on and one to receive everything on.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::member::{Member, ParticipantError, Publishing};
use crate::sdp;
use crate::websocket::{SignallingError, WebSocket};

#[derive(Serialize, PartialEq, Debug)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ToServer<'a> {
    Join {
        room: &'a str,
    },
    /// An offer.
    Publish {
        sdp: &'a str,
    },
    /// An answer.
    Receive {
        sdp: &'a str,
    },
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(tag = "type", rename_all = "lowercase")]
enum FromServer {
    Joined {
        /// What was there already.
        streams: Vec<String>,
    },
    /// The answer.
    Published {
        sdp: String,
    },
    /// An offer: everything that there is to receive. None follows before it is answered.
    Receive {
        sdp: String,
    },
    /// Of the peer connection to receive on, once the server has our answer.
    Candidate {
        candidate: String,
    },
    Refused {
        why: String,
    },
}

/// From joining to leaving.
pub(crate) async fn live(member: &mut Member, mut leave: watch::Receiver<bool>) -> Result<(), ParticipantError> {
    let mut socket = WebSocket::open(&member.stage.server, "/", None).await?;
    let lived = stay(member, &mut socket, &mut leave).await;
    member.close_peers();
    socket.close().await;
    lived
}

async fn stay(
    member: &mut Member,
    socket: &mut WebSocket,
    leave: &mut watch::Receiver<bool>,
) -> Result<(), ParticipantError> {
    tell(socket, &ToServer::Join { room: &member.seat.session }).await?;
    let mut publishing: Option<Publishing> = None;
    let mut there_before = vec![];
    loop {
        let message = tokio::select! {
            biased;
            _ = leave.wait_for(|leave| *leave) => return Ok(()),
            message = socket.next() => message?,
        };
        match read(&message)? {
            FromServer::Joined { streams } => {
                member.joined();
                there_before = streams;
                if let Some(publisher) = member.seat.publisher {
                    let offer = publishing.insert(member.offer(publisher)?);
                    tell(socket, &ToServer::Publish { sdp: &offer.sdp }).await?;
                }
            }
            FromServer::Published { sdp } => {
                if let Some(publishing) = publishing.take() {
                    member.publish(publishing, &sdp)?;
                }
            }
            FromServer::Receive { sdp } => {
                let (began, now) = (member.began, Instant::now());
                let since = |stream: &str| if there_before.iter().any(|there| there == stream) { began } else { now };
                let answer = member.receive_all(sdp::streams(&sdp), since, sdp).await?;
                tell(socket, &ToServer::Receive { sdp: &answer.sdp }).await?;
            }
            FromServer::Candidate { candidate } => member.add_candidate(false, candidate),
            FromServer::Refused { why } => return Err(SignallingError::Refused { method: "a message", why }.into()),
        }
    }
}

async fn tell(socket: &mut WebSocket, message: &ToServer<'_>) -> Result<(), SignallingError> {
    // Nothing in it could fail.
    let text = serde_json::to_string(message).unwrap_or_default();
    socket.send(Message::text(text)).await
}

fn read(message: &Message) -> Result<FromServer, SignallingError> {
    serde_json::from_slice(&message.clone().into_data()).map_err(|error| {
        SignallingError::Closed(format!(" after a message that is none of the application's: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_written_and_read_as_the_application_has_them() {
        let join = serde_json::to_value(ToServer::Join { room: "r" }).unwrap();
        assert_eq!(join, serde_json::json!({ "type": "join", "room": "r" }));
        let answer = serde_json::to_value(ToServer::Receive { sdp: "v=0" }).unwrap();
        assert_eq!(answer, serde_json::json!({ "type": "receive", "sdp": "v=0" }));
        let joined = read(&Message::text(r#"{"type":"joined","streams":["a"]}"#)).unwrap();
        assert_eq!(joined, FromServer::Joined { streams: vec!["a".to_owned()] });
        let candidate = read(&Message::text(r#"{"type":"candidate","candidate":"candidate:1"}"#)).unwrap();
        assert_eq!(candidate, FromServer::Candidate { candidate: "candidate:1".to_owned() });
        assert!(read(&Message::text("{}")).is_err());
        assert!(read(&Message::binary(vec![0xff])).is_err());
    }
}
