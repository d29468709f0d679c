//! One stream as it is seen and heard in the composition: what is known of it, its latest picture, and its sound that has not been
//! mixed. Where those come from, a file or the network, it does not know.

use protocol::job::JobInput;
use protocol::transcoder::ComposedStream;

use super::caption::Caption;
use super::picture::{Fit, Picture, Scaler};
use super::sound::SoundQueue;

/// See the module.
#[derive(Debug)]
pub(crate) struct Figure {
    /// Tells it from the others.
    pub(crate) key: String,
    /// For the caption.
    pub(super) name: Option<String>,
    pub(super) is_screen: bool,
    has_audio: bool,
    pub(super) has_video: bool,
    audio_active: bool,
    pub(super) video_active: bool,
    pub(super) picture: Option<Picture>,
    /// The picture is another one than when it was drawn.
    pub(super) is_new: bool,
    pub(super) scaler: Option<Scaler>,
    pub(super) caption: Caption,
    pub(crate) sound: SoundQueue,
}

impl Figure {
    /// Of a recording.
    pub(crate) fn recorded(stream: ComposedStream) -> Self {
        Self {
            key: stream.file,
            name: stream.name,
            is_screen: stream.is_screen,
            has_audio: stream.has_audio,
            has_video: stream.has_video,
            audio_active: stream.audio_active,
            video_active: stream.video_active,
            picture: None,
            is_new: false,
            scaler: None,
            caption: Caption::default(),
            sound: SoundQueue::default(),
        }
    }

    /// As it comes.
    pub(crate) fn live(input: JobInput) -> Self {
        Self::recorded(ComposedStream {
            file: input.number.to_string(),
            at: 0,
            name: input.name,
            is_screen: input.is_screen,
            has_audio: input.audio,
            has_video: input.video,
            audio_active: input.audio_active,
            video_active: input.video_active,
        })
    }

    /// Another picture of it.
    pub(crate) fn show(&mut self, picture: Picture) {
        if self.video_active {
            self.picture = Some(picture);
            self.is_new = true;
        }
    }

    /// The camera is off: nothing is seen any more.
    pub(crate) fn switch(&mut self, audio_active: bool, video_active: bool) {
        self.audio_active = audio_active;
        self.video_active = video_active;
        if !video_active {
            self.picture = None;
            self.scaler = None;
        }
    }

    /// Shared screens are to be read, faces to be seen.
    pub(super) fn fit(&self) -> Fit {
        if self.is_screen { Fit::Contain } else { Fit::Cover }
    }

    /// Nobody hears who is seen.
    pub(super) fn is_muted(&self) -> bool {
        let is_heard = self.has_audio && self.audio_active;
        !is_heard && !self.is_screen
    }
}
