//! Recordings: what the control side asks of the recorder, what the recorder reports, and how a recording looks in REST
//! and on disk.
//!
//! Like [`crate::media`], plain data between two sides that know little of each other: when a recording runs and what is
//! in it is decided by sessions; ids, files and their repair are the recorder's.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::event::{Composition, RecordingStatus};
use crate::id::{ConnectionId, RecordingKey, SessionId, StreamId, TapId};
use crate::model::{OutputMode, RecordingProperties};
use crate::speech::Spoken;

/// What the recorder shall do. Ordered per recording; what belongs to an unknown recording is ignored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecordingCommand {
    /// A recording begins: find it an id and a place. [`RecordingReport::Named`] follows, or [`RecordingReport::Ended`].
    Begin {
        /// New.
        recording: RecordingKey,
        /// What is recorded.
        session: SessionId,
        /// When the session was created, ms since 1970.
        session_created_at: u64,
        /// When the recording was, ms since 1970.
        created_at: u64,
        /// How; every absent property is filled in.
        properties: RecordingProperties,
        /// If it shows a page: what lets that in.
        page_pass: Option<PagePass>,
    },
    /// A stream is in it from now on; its packets come by the tap.
    Add {
        recording: RecordingKey,
        /// New; never used again.
        tap: TapId,
        /// What comes.
        stream: RecordedStream,
    },
    /// A stream's microphone or camera was switched on or off.
    Change {
        recording: RecordingKey,
        /// Of [`RecordingCommand::Add`].
        tap: TapId,
        /// The microphone is on.
        audio_active: bool,
        /// The camera is on.
        video_active: bool,
    },
    /// The stream is in it no longer.
    Remove {
        recording: RecordingKey,
        /// Of [`RecordingCommand::Add`].
        tap: TapId,
    },
    /// Somebody has said something, for its subtitles.
    Words {
        recording: RecordingKey,
        /// Of [`RecordingCommand::Add`]; none if it shows a page.
        tap: Option<TapId>,
        /// Who.
        name: Option<String>,
        text: String,
        spoken: Spoken,
    },
    /// Somebody is not listened to for a while: words are missing in its subtitles.
    WordsMissing { recording: RecordingKey },
    /// No more words come. Of a recording with subtitles, and after its [`RecordingCommand::End`].
    WordsComplete { recording: RecordingKey },
    /// It runs: from here on its files say so.
    Started { recording: RecordingKey },
    /// It is over, with everything in it. Settled by one [`RecordingReport::Ended`].
    End {
        recording: RecordingKey,
        /// It is worth nothing, because it never ran.
        failed: bool,
    },
}

/// Lets the page that one recording shows into the session, in the place of the deployment's secret: as its recorder, for as
/// long as it is recorded. A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct PagePass(String);

impl PagePass {
    const PREFIX: &str = "pag_";
    /// Letters and digits behind it.
    const LENGTH: usize = 32;

    /// Of so many letters and digits by chance; [`None`] if there are more or less of them, or anything else.
    pub fn new(chance: &str) -> Option<Self> {
        let pass = format!("{}{chance}", Self::PREFIX);
        Self::is_like(&pass).then_some(Self(pass))
    }

    /// Whether a text may be one, whoever made it up.
    pub fn is_like(text: &str) -> bool {
        let rest = text.strip_prefix(Self::PREFIX).unwrap_or_default();
        rest.len() == Self::LENGTH && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }

    /// As it stands in a page's address.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PagePass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PagePass(…)")
    }
}

/// One published stream in a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordedStream {
    /// Whose.
    pub connection: ConnectionId,
    pub stream: StreamId,
    /// What the client said of itself.
    pub client_data: String,
    /// What the application said of it.
    pub server_data: String,
    /// Its sound is recorded.
    pub has_audio: bool,
    /// Its pictures are recorded.
    pub has_video: bool,
    /// The microphone is on.
    pub audio_active: bool,
    /// The camera is on.
    pub video_active: bool,
    /// `CAMERA`…, as the publisher said.
    pub type_of_video: Option<String>,
}

/// Why there is no recording.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum RecordingFailure {
    /// As much is recorded at this time as may be.
    #[error("{0}")]
    Overloaded(String),
    /// It did not work.
    #[error("{0}")]
    Broken(String),
}

impl From<&str> for RecordingFailure {
    fn from(why: &str) -> Self {
        Self::Broken(why.to_owned())
    }
}

impl From<String> for RecordingFailure {
    fn from(why: String) -> Self {
        Self::Broken(why)
    }
}

/// What the recorder reports.
#[derive(Clone, PartialEq, Debug)]
pub enum RecordingReport {
    /// It has an id and a place.
    Named {
        recording: RecordingKey,
        /// Unique on disk.
        id: String,
        /// File name without extension.
        name: String,
    },
    /// Media of a stream (or, without `tap`, of a composed recording) is on disk.
    Running {
        recording: RecordingKey,
        /// Of which stream.
        tap: Option<TapId>,
    },
    /// A stream cannot be recorded.
    StreamFailed {
        recording: RecordingKey,
        /// Of which stream.
        tap: TapId,
        why: String,
    },
    /// Nothing can be recorded any more: end it.
    Broken { recording: RecordingKey, why: String },
    /// It is processed, but not yet where it is kept: it cannot be fetched. Only of a recording that is over.
    Processed {
        recording: RecordingKey,
        /// What there is.
        measured: Measured,
    },
    /// It is ready, or lost. The last report about it.
    Ended {
        recording: RecordingKey,
        /// What there is, or why there is nothing.
        result: Result<Measured, RecordingFailure>,
    },
}

/// What a finished recording turned out to be.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Bytes.
    pub size: u64,
    /// Seconds.
    pub duration: f64,
    /// There is sound in it.
    pub has_audio: bool,
    /// There are pictures in it.
    pub has_video: bool,
    /// What is not.
    #[serde(default, skip_serializing_if = "RecordingLosses::is_nothing")]
    pub lost: RecordingLosses,
}

/// What should be in a recording and is not. Packets that never reached this server do not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LostMedia)]
pub struct RecordingLosses {
    /// Packets that the server was too busy to write.
    #[serde(default)]
    pub dropped_packets: u64,
    /// Composed: pictures and packets of sound that no decoder took.
    #[serde(default)]
    pub undecodable: u64,
    /// Composed: streams' files that could not be read on.
    #[serde(default)]
    pub unreadable_files: u64,
    /// With subtitles: how often somebody was not listened to for a while.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    pub unheard: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl RecordingLosses {
    /// Everything is there.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A recording in REST, and with `unique_session_id` in its metadata file. Keys and their order are the original's; what
/// its older versions did not write is made up.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Recording)]
pub struct RecordingView {
    /// Its folder's name.
    pub id: String,
    /// `"recording"`.
    #[serde(default = "object")]
    pub object: String,
    /// Its file's name without extension.
    pub name: String,
    /// Composed or individual.
    pub output_mode: OutputMode,
    /// Set if it is composed and has pictures.
    #[serde(flatten)]
    #[schema(value_type = Composition)]
    pub composition: Option<Composition>,
    /// What was recorded.
    pub session_id: String,
    /// `<sessionId>_<ms of its creation>`; on disk only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub unique_session_id: Option<String>,
    /// Of recordings that other deployments made: where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    pub media_node: Option<Value>,
    /// ms since 1970.
    pub created_at: u64,
    /// Bytes of media; 0 until it is processed.
    #[serde(default)]
    pub size: u64,
    /// Seconds; 0 until it is processed.
    #[serde(default)]
    pub duration: f64,
    /// Where to fetch it; null until it is processed.
    #[serde(default)]
    #[schema(required = true)]
    pub url: Option<String>,
    /// There is (to be) sound in it.
    #[serde(default = "yes")]
    pub has_audio: bool,
    /// There are (to be) pictures in it.
    #[serde(default = "yes")]
    pub has_video: bool,
    /// Not in the original: the language of its subtitles. Absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub subtitles: Option<String>,
    /// How far it is.
    pub status: RecordingStatus,
    /// Not in the original: what it lacks. Absent if it lacks nothing, or is not processed yet.
    #[serde(default, skip_serializing_if = "RecordingLosses::is_nothing")]
    #[schema(required = false)]
    pub lost: RecordingLosses,
}

fn object() -> String {
    "recording".to_owned()
}

fn yes() -> bool {
    true
}

impl RecordingView {
    /// The same as others shall see it, who reach this server at `public_url`.
    #[must_use]
    pub fn published(mut self, public_url: &str) -> Self {
        let is_over = !matches!(self.status, RecordingStatus::Starting | RecordingStatus::Started);
        let file = || format!("{public_url}/openvidu/recordings/{}/{}.{}", self.id, self.name, self.extension());
        self.url = is_over.then(file);
        self.unique_session_id = None;
        self
    }

    /// Of its file: composed pictures, composed sound, or a ZIP.
    pub fn extension(&self) -> &'static str {
        match self.output_mode {
            OutputMode::Individual => "zip",
            OutputMode::Composed | OutputMode::ComposedQuickStart if self.has_pictures() => "mp4",
            OutputMode::Composed | OutputMode::ComposedQuickStart => "webm",
        }
    }

    fn has_pictures(&self) -> bool {
        self.composition.is_some()
    }
}

impl RecordingProperties {
    /// What REST and events say of the arrangement of pictures.
    pub fn composition(&self) -> Option<Composition> {
        (self.output_mode != OutputMode::Individual && self.has_video).then(|| Composition {
            resolution: self.resolution.clone(),
            frame_rate: self.frame_rate,
            recording_layout: self.recording_layout,
            custom_layout: self.custom_layout.clone(),
        })
    }
}
