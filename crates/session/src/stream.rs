//! A published stream: what others know of it and what carries it.

use protocol::id::{PublicationId, StreamId};
use protocol::rest::view::{MediaOptionsView, PublisherView};
use protocol::rpc::{EmptyObject, PublishVideo, StreamDescription};

use crate::Time;
use crate::event::Announced;
use crate::peer_connection::PeerConnection;

/// A connection publishes at most one.
#[derive(Debug)]
pub(crate) struct Stream {
    /// As announced; properties that change later are kept up to date for those who join later.
    pub(crate) description: StreamDescription,
    pub(crate) publication: PublicationId,
    /// The publisher receives its own stream back.
    pub(crate) loopback: bool,
    pub(crate) peer_connection: PeerConnection,
    /// As applications were told of it.
    pub(crate) announced: Announced,
}

/// The part of a stream id that says what it is: the first letters of the publisher's own word.
pub(crate) fn kind(request: &PublishVideo) -> String {
    if !request.has_video {
        return "MIC".to_owned();
    }
    request.type_of_video.as_deref().unwrap_or_default().chars().take(3).collect()
}

/// What the publisher said of itself, as is.
pub(crate) fn describe(id: StreamId, created_at: Time, request: &PublishVideo) -> StreamDescription {
    StreamDescription {
        id,
        created_at: created_at.as_millis(),
        has_audio: request.has_audio,
        has_video: request.has_video,
        audio_active: request.audio_active,
        video_active: request.video_active,
        type_of_video: request.type_of_video.clone(),
        frame_rate: request.frame_rate,
        video_dimensions: request.video_dimensions.clone(),
        filter: EmptyObject,
    }
}

impl Stream {
    pub(crate) fn id(&self) -> &StreamId {
        &self.description.id
    }

    /// Keeps what later joiners must know. `value` is the JSON text of what the publisher sent.
    pub(crate) fn set_property(&mut self, property: &str, value: &str) {
        match property {
            "audioActive" => self.description.audio_active = mute_state(value).or(self.description.audio_active),
            "videoActive" => self.description.video_active = mute_state(value).or(self.description.video_active),
            "videoDimensions" => {
                if let Ok(dimensions) = serde_json::from_str::<String>(value) {
                    self.description.video_dimensions = Some(dimensions);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn view(&self, web_rtc: bool) -> PublisherView {
        let description = &self.description;
        PublisherView {
            created_at: description.created_at,
            web_rtc: web_rtc.then(|| self.peer_connection.view(description.id.to_string())),
            stream_id: description.id.clone(),
            media_options: MediaOptionsView {
                has_audio: description.has_audio,
                audio_active: description.audio_active.unwrap_or(true),
                has_video: description.has_video,
                video_active: description.video_active.unwrap_or(true),
                type_of_video: description.type_of_video.clone(),
                frame_rate: description.frame_rate,
                video_dimensions: description.video_dimensions.clone(),
            },
        }
    }
}

/// Clients 2.23 send the label of a new track under the name of the mute state: that is none.
fn mute_state(value: &str) -> Option<bool> {
    match value.trim() {
        "true" | "\"true\"" => Some(true),
        "false" | "\"false\"" => Some(false),
        _ => None,
    }
}
