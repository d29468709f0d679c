//! A published stream: what others know of it and what carries it.

use protocol::id::{PublicationId, StreamId};
use protocol::media::Kinds;

use crate::command::{StreamChangeMeaning, StreamProperties};
use crate::event::Announced;
use crate::peer_connection::PeerConnection;
use crate::reply::StreamDescription;
use crate::transcoding::Transcoding;

/// A connection publishes at most one.
#[derive(Debug)]
pub(crate) struct Stream {
    /// As announced; properties that change later are kept up to date for those who join later.
    pub(crate) description: StreamDescription,
    pub(crate) publication: PublicationId,
    /// The same in other codecs.
    pub(crate) transcodings: Vec<Transcoding>,
    /// The publisher receives its own stream back.
    pub(crate) loopback: bool,
    pub(crate) peer_connection: PeerConnection,
    /// As applications were told of it.
    pub(crate) announced: Announced,
}

/// What a publisher says it sends. Who says that it sends nothing is taken to have said nothing.
pub(crate) fn kinds(properties: &StreamProperties) -> Kinds {
    match (properties.has_audio, properties.has_video) {
        (false, false) => Kinds { audio: true, video: true },
        (audio, video) => Kinds { audio, video },
    }
}

/// What a publisher says, without what it does not send: clients on phones say that there is a picture also where there
/// is no camera, and a subscriber that is told of a picture refuses an offer without one, sound and all.
pub(crate) fn carried(mut properties: StreamProperties, kinds: Kinds) -> StreamProperties {
    if properties.has_audio && !kinds.audio {
        properties.audio_active = None;
    }
    if properties.has_video && !kinds.video {
        properties = StreamProperties { video_active: None, type_of_video: None, video_dimensions: None, ..properties };
    }
    StreamProperties { has_audio: kinds.audio, has_video: kinds.video, ..properties }
}

/// The part of a stream id that says what it is: the first letters of the publisher's own word.
pub(crate) fn kind(properties: &StreamProperties) -> String {
    if !properties.has_video {
        return "MIC".to_owned();
    }
    properties.type_of_video.as_deref().unwrap_or_default().chars().take(3).collect()
}

impl Stream {
    pub(crate) fn id(&self) -> &StreamId {
        &self.description.id
    }

    /// Keeps what later joiners must know.
    pub(crate) fn change(&mut self, meaning: StreamChangeMeaning) {
        let properties = &mut self.description.properties;
        match meaning {
            StreamChangeMeaning::AudioActive(active) => properties.audio_active = Some(active),
            StreamChangeMeaning::VideoActive(active) => properties.video_active = Some(active),
            StreamChangeMeaning::VideoDimensions(dimensions) => properties.video_dimensions = Some(dimensions),
        }
    }
}
