//! What the server and a transcoder process tell each other about a composed recording.
//!
//! A composition is a function of its folder: the streams' files and a *manifest*, which says what is to be made of them.
//! The server appends a line of JSON for whatever happens ([`Entry`]); the same line goes to the transcoder's standard
//! input, which wakes it. The first entry is [`Entry::Compose`]. Nothing is ever changed or taken back, so whoever opens
//! the folder later, after a crash, makes the same of it. The transcoder reports by lines on its standard output
//! ([`Report`]).

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::event::Composition as Described;
use crate::model::RecordingLayout;
use crate::recording::Measured;

/// Of the entries and reports. A transcoder refuses a manifest of another version.
pub const VERSION: u32 = 1;

/// The manifest's name in a recording's folder.
pub const MANIFEST: &str = ".composition";

/// A line of the manifest. Times are ms since 1970, on the clock of the streams' files; entries are in their order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "camelCase")]
pub enum Entry {
    /// What is to be made; first, and only there.
    Compose(Composition),
    /// A stream is in it from now on.
    Add(ComposedStream),
    /// A stream's microphone or camera was switched on or off.
    #[serde(rename_all = "camelCase")]
    Change {
        /// Of [`ComposedStream::file`].
        file: String,
        at: u64,
        /// The microphone is on.
        audio_active: bool,
        /// The camera is on.
        video_active: bool,
    },
    /// A stream is in it no longer.
    Remove {
        /// Of [`ComposedStream::file`].
        file: String,
        at: u64,
    },
    /// Everything captured before this is in the files, and every entry before this is in the manifest.
    Until { at: u64 },
    /// It is over, and the files are finished.
    End { at: u64 },
}

/// What is to be made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Composition {
    /// [`VERSION`].
    pub version: u32,
    /// When it begins, ms since 1970.
    pub start: u64,
    /// Name of the file to make, in the same folder: `.mp4` with pictures, `.webm` without.
    pub output: String,
    /// Name of the still picture to make of it, if one is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// There is to be sound in it.
    pub has_audio: bool,
    /// There are to be pictures in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
}

/// What composed pictures look like.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Picture {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures a second.
    pub frame_rate: u32,
    /// Who goes where.
    pub layout: Layout,
    /// Tiles say who it is, and whether the microphone or the camera is off. Transcoders that do not know this leave it
    /// out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_captions: bool,
}

impl Picture {
    /// As applications describe it.
    ///
    /// # Errors
    /// What of it cannot be read.
    pub fn new(described: &Described, has_captions: bool) -> Result<Self, String> {
        let sides = described.resolution.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        let (width, height) = sides.ok_or_else(|| format!("{} is no resolution", described.resolution))?;
        let frame_rate = u32::try_from(described.frame_rate).map_err(|error| error.to_string())?;
        let layout = Layout::of(described);
        // A page shows what it likes.
        Ok(Self { width, height, frame_rate, layout, has_captions: has_captions && layout != Layout::Custom })
    }
}

impl Layout {
    fn of(described: &Described) -> Self {
        match described.recording_layout {
            RecordingLayout::BestFit => Self::BestFit,
            RecordingLayout::PictureInPicture => Self::PictureInPicture,
            RecordingLayout::VerticalPresentation => Self::VerticalPresentation,
            RecordingLayout::HorizontalPresentation => Self::HorizontalPresentation,
            RecordingLayout::Custom if described.is_page() => Self::Custom,
            RecordingLayout::Custom => Self::Speaker,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Who goes where in a composed picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Layout {
    /// As large as possible, all of the same size; shared screens large, the others beside them.
    BestFit,
    /// A shared screen, or else who came first, fills the picture; the others lie over it in a row.
    PictureInPicture,
    /// A shared screen, or else who came first, is large; the others in a column beside it.
    VerticalPresentation,
    /// The same with the others in a row below it.
    HorizontalPresentation,
    /// Who speaks is large; the others in a column beside it.
    Speaker,
    /// Each fills the picture, the latest above the others: a page that shows everybody.
    Custom,
}

/// A stream that is to be composed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComposedStream {
    /// Name of its file in the folder; new in this manifest. The file may come later, or never.
    pub file: String,
    /// When, ms since 1970.
    pub at: u64,
    /// Whose it is, for the caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// It is a shared screen.
    pub is_screen: bool,
    /// It has sound.
    pub has_audio: bool,
    /// It has pictures.
    pub has_video: bool,
    /// The microphone is on.
    pub audio_active: bool,
    /// The camera is on.
    pub video_active: bool,
}

/// A line on the transcoder's standard output.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "camelCase")]
pub enum Report {
    /// The output file is there, and begun.
    Running,
    /// Everything before this is in the output file, on the disk. Told about once a second of media.
    Composed {
        /// ms since 1970.
        until: u64,
        /// What this process could not put into it so far.
        #[serde(default)]
        lost: CompositionLosses,
    },
    /// The file is whole, and on the disk.
    Finished {
        /// What is in it.
        measured: Measured,
        /// What this process could not put into it.
        lost: CompositionLosses,
    },
    /// It is at work, although nothing new is in the file. Told every few seconds, so that it is known not to hang.
    Working,
    /// The input ended before the recording did; what there is so far can be played, and continued.
    Suspended,
    /// Nothing can be made of the folder, now or later.
    Failed {
        /// For the operator.
        why: String,
    },
}

/// What the streams' files had but the composition has not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompositionLosses {
    /// Pictures and packets of sound that no decoder took.
    pub undecodable: u64,
    /// Files that could not be read on.
    pub unreadable_files: u64,
}

impl AddAssign for CompositionLosses {
    fn add_assign(&mut self, more: Self) {
        self.undecodable += more.undecodable;
        self.unreadable_files += more.unreadable_files;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_of_the_application_is_a_page_unless_it_is_the_speaker_built_in() {
        let of = |recording_layout, custom_layout: &str| {
            Layout::of(&Described {
                resolution: "640x360".to_owned(),
                frame_rate: 25,
                recording_layout,
                custom_layout: custom_layout.to_owned(),
            })
        };
        assert_eq!(of(RecordingLayout::HorizontalPresentation, "builtin:speaker"), Layout::HorizontalPresentation);
        assert_eq!(of(RecordingLayout::Custom, "builtin:speaker"), Layout::Speaker);
        for page in ["", "mine", "speaker", "https://example.com/speaker"] {
            assert_eq!(of(RecordingLayout::Custom, page), Layout::Custom, "{page}");
        }
    }

    fn entry(json: &str) -> Entry {
        let entry = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&entry).unwrap(), json, "it is written as it is read");
        entry
    }

    #[test]
    fn entries_are_lines_of_json() {
        let Entry::Compose(composition) = entry(
            r#"{"entry":"compose","version":1,"start":5,"output":"a.mp4","thumbnail":"a.jpg","hasAudio":true,"picture":{"width":320,"height":180,"frameRate":25,"layout":"BEST_FIT"}}"#,
        ) else {
            panic!("it was to be the beginning");
        };
        let picture = composition.picture.unwrap();
        assert_eq!((picture.layout, picture.has_captions), (Layout::BestFit, false));
        let Entry::Add(stream) = entry(
            r#"{"entry":"add","file":"a","at":7,"name":"홍길동","isScreen":false,"hasAudio":true,"hasVideo":true,"audioActive":true,"videoActive":true}"#,
        ) else {
            panic!("it was to be added");
        };
        assert_eq!(stream.name.as_deref(), Some("홍길동"));
        entry(
            r#"{"entry":"add","file":"a","at":7,"isScreen":false,"hasAudio":true,"hasVideo":true,"audioActive":true,"videoActive":true}"#,
        );
        entry(r#"{"entry":"change","file":"a","at":7,"audioActive":false,"videoActive":true}"#);
        assert_eq!(entry(r#"{"entry":"until","at":9}"#), Entry::Until { at: 9 });
    }

    #[test]
    fn reports_are_lines_of_json() {
        let measured = Measured { size: 1, duration: 2.5, has_audio: true, ..Measured::default() };
        let report = Report::Finished { measured, lost: CompositionLosses::default() };
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(
            json,
            r#"{"report":"finished","measured":{"size":1,"duration":2.5,"hasAudio":true,"hasVideo":false},"lost":{"undecodable":0,"unreadableFiles":0}}"#
        );
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
        // As transcoders said it that did not count so early.
        let report: Report = serde_json::from_str(r#"{"report":"composed","until":5}"#).unwrap();
        assert_eq!(report, Report::Composed { until: 5, lost: CompositionLosses::default() });
    }
}
