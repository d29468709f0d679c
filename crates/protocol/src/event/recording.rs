//! Recordings and broadcasts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EventStamp, Reason};
use crate::model::{OutputMode, RecordingLayout, RecordingProperties, words};

words! {
    /// How far a recording is.
    RecordingStatus {
        /// It was asked for and does not run yet. Fires no event.
        Starting = "starting",
        /// It runs.
        Started = "started",
        /// It ended and is being processed.
        Stopped = "stopped",
        /// It can be fetched.
        #[serde(alias = "available")]
        Ready = "ready",
        /// There is nothing to fetch.
        Failed = "failed",
    }
}

/// `recordingStatusChanged`.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordingEvent {
    /// Where and when; with status `started` the same time as `start_time`.
    #[serde(flatten)]
    pub stamp: EventStamp,
    /// When the recording was created, ms since 1970.
    pub start_time: u64,
    /// Seconds of media; 0 until it is processed.
    pub duration: f64,
    /// Why it stopped; absent when it starts or fails to start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Which recording.
    pub id: String,
    /// Its file name.
    pub name: String,
    /// Composed or individual.
    pub output_mode: OutputMode,
    /// Set if it is composed and has pictures.
    #[serde(flatten)]
    pub composition: Option<Composition>,
    /// Has sound.
    pub has_audio: bool,
    /// Has pictures.
    pub has_video: bool,
    /// Bytes; 0 until it is processed.
    pub size: u64,
    /// How far it is.
    pub status: RecordingStatus,
}

/// How pictures are put together.
// As a schema its keys need not be there: where there is no composition they are missing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Composition {
    /// `WIDTHxHEIGHT`.
    #[schema(required = false)]
    pub resolution: String,
    /// Frames per second.
    #[serde(default = "frame_rate")]
    pub frame_rate: i32,
    /// Which arrangement.
    #[serde(default = "layout")]
    pub recording_layout: RecordingLayout,
    /// The application's page, with layout CUSTOM.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub custom_layout: String,
}

/// The custom layout that needs no page; no folder of an application's is called like this. It has no word of its own:
/// clients of OpenVidu read answers with words that they do not know as errors, lists of recordings included.
const SPEAKER: &str = "builtin:speaker";

impl Composition {
    /// The picture is that of a page of the application's.
    pub fn is_page(&self) -> bool {
        self.recording_layout == RecordingLayout::Custom && self.custom_layout != SPEAKER
    }
}

/// Of recordings from before it was told.
fn frame_rate() -> i32 {
    RecordingProperties::default().frame_rate
}

fn layout() -> RecordingLayout {
    RecordingProperties::default().recording_layout
}

/// What is broadcast, in `broadcastStarted` and `broadcastStopped`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Broadcast {
    /// Where it goes.
    pub broadcast_url: String,
    /// Set if it has pictures.
    #[serde(flatten)]
    pub composition: Option<Composition>,
    /// Has sound.
    pub has_audio: bool,
    /// Has pictures.
    pub has_video: bool,
}
