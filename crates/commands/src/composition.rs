//! How a session is put together into one picture and its sound, for a recording and for a broadcast alike.

use clap::Args;
use protocol::model::RecordingLayout;

use crate::body::Body;
use crate::words::words;

/// See the module.
#[derive(Args, Clone, PartialEq, Debug, Default)]
pub(crate) struct Composition {
    /// How people are arranged
    #[arg(long, value_parser = words(RecordingLayout::WORDS), ignore_case = true)]
    pub(crate) layout: Option<String>,
    /// With the layout CUSTOM: folder or address of the page
    #[arg(long, value_name = "PAGE")]
    pub(crate) custom_layout: Option<String>,
    /// Of the picture, such as 1280x720
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    pub(crate) resolution: Option<String>,
    /// Pictures in a second, 1 to 120
    #[arg(long, value_name = "NUMBER")]
    pub(crate) frame_rate: Option<u32>,
    /// Without sound
    #[arg(long)]
    pub(crate) no_audio: bool,
    /// Without pictures
    #[arg(long)]
    pub(crate) no_video: bool,
}

impl Composition {
    pub(crate) fn said_in(&self, body: Body) -> Body {
        body.with("recordingLayout", self.layout.as_deref())
            .with("customLayout", self.custom_layout.as_deref())
            .with("resolution", self.resolution.as_deref())
            .with("frameRate", self.frame_rate)
            .with("hasAudio", self.no_audio.then_some(false))
            .with("hasVideo", self.no_video.then_some(false))
    }
}
