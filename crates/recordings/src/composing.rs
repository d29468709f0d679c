//! A recording that is composed while it goes on: its manifest, and the process that makes one file of its streams by it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::time::Duration;

use protocol::model::RecordingLayout;
use protocol::recording::RecordingView;
use protocol::transcoder::{self, ComposedStream, Entry, Layout, MANIFEST, Picture, VERSION};

use crate::processes::{Composition, Made, Progress, Slot, Transcoder};
use crate::store::{self, Folder, StreamNote};
use crate::{Place, name};

/// Until a frame that the writer was given is in its file, and the file's clock has settled.
const WRITTEN_AFTER: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug)]
pub(super) struct Composing {
    manifest: File,
    composition: Composition,
}

impl Composing {
    /// Begins with a new recording. `start` is ms since 1970, on the clock of the streams' files.
    pub(super) fn begin(
        place: &Place,
        slot: Slot,
        folder: &Folder,
        view: &RecordingView,
        start: u64,
        tell: impl Fn(Progress) + Send + 'static,
    ) -> Result<Self, String> {
        let mut manifest = open(folder, true).map_err(|error| error.to_string())?;
        append(&mut manifest, &Entry::Compose(plan(view, start, place.has_captions)?))
            .map_err(|error| error.to_string())?;
        folder.sync().map_err(|error| error.to_string())?;
        let composition = Composition::start(slot, folder.path(), tell);
        Ok(Self { manifest, composition: composition.map_err(|error| error.to_string())? })
    }

    /// Goes on with one that was interrupted; nothing if it was so early that nobody knows what was to be made.
    pub(super) fn resume(transcoder: &Transcoder, folder: &Folder) -> Result<Self, String> {
        let manifest = open(folder, false).and_then(|mut manifest| {
            // The last line may have been cut off.
            manifest.write_all(b"\n")?;
            Ok(manifest)
        });
        let manifest = manifest.map_err(|error| error.to_string())?;
        let composition = Composition::start(transcoder.extra_slot(), folder.path(), |_| {});
        Ok(Self { manifest, composition: composition.map_err(|error| error.to_string())? })
    }

    /// Something happened to the streams in it.
    pub(super) fn happened(&mut self, entry: &Entry) -> io::Result<()> {
        match entry {
            // Who switches a camera on and off all the time shall not keep the disk busy.
            Entry::Change { .. } => write(&mut self.manifest, entry)?,
            _ => append(&mut self.manifest, entry)?,
        }
        self.composition.wake();
        Ok(())
    }

    /// Everything that came before `marked`, ms since 1970, was given to its files.
    pub(super) fn given_until(&mut self, marked: u64) {
        self.written_until(marked.saturating_sub(WRITTEN_AFTER.as_millis() as u64));
    }

    /// Everything that was captured before `at`, ms since 1970, is in its files.
    pub(super) fn written_until(&mut self, at: u64) {
        // It is said again before long.
        if write(&mut self.manifest, &Entry::Until { at }).is_ok() {
            self.composition.wake();
        }
    }

    /// Completes once the file is there, or cannot be.
    pub(super) async fn made(self) -> Result<Made, String> {
        self.composition.made().await
    }
}

/// The entry for a stream whose file is `file`; with its name if that is shown.
pub(super) fn added(
    place: &Place,
    note: &StreamNote,
    file: String,
    at: u64,
    [audio_active, video_active]: [bool; 2],
) -> Entry {
    Entry::Add(ComposedStream {
        file,
        at,
        name: name::shown(&note.client_data, &note.server_data).filter(|_| place.has_captions),
        is_screen: note.type_of_video.as_deref() == Some("SCREEN"),
        has_audio: note.has_audio,
        has_video: note.has_video,
        audio_active,
        video_active,
    })
}

/// Whether it is being composed, or would go on to be.
pub(super) fn is_begun(folder: &Folder) -> bool {
    folder.file(MANIFEST).is_file()
}

/// Removes what was needed to compose it.
pub(super) fn forget(folder: &Folder) -> io::Result<()> {
    store::remove(&folder.file(MANIFEST))
}

/// Of its thumbnail.
pub(super) fn thumbnail(view: &RecordingView) -> String {
    format!("{}.jpg", view.id)
}

/// The transcoder's layout for what was asked for.
fn layout(composition: &protocol::event::Composition) -> Layout {
    match composition.recording_layout {
        RecordingLayout::BestFit => Layout::BestFit,
        RecordingLayout::PictureInPicture => Layout::PictureInPicture,
        RecordingLayout::VerticalPresentation => Layout::VerticalPresentation,
        RecordingLayout::HorizontalPresentation => Layout::HorizontalPresentation,
        RecordingLayout::Custom if composition.is_page() => Layout::Custom,
        RecordingLayout::Custom => Layout::Speaker,
    }
}

/// What composed pictures shall look like.
pub(super) fn picture(composition: &protocol::event::Composition, has_captions: bool) -> Result<Picture, String> {
    let sides = composition.resolution.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    let (width, height) = sides.ok_or_else(|| format!("{} is no resolution", composition.resolution))?;
    let frame_rate = u32::try_from(composition.frame_rate).map_err(|error| error.to_string())?;
    let layout = layout(composition);
    // A page shows what it likes.
    Ok(Picture { width, height, frame_rate, layout, has_captions: has_captions && layout != Layout::Custom })
}

fn plan(view: &RecordingView, start: u64, has_captions: bool) -> Result<transcoder::Composition, String> {
    let picture = view.composition.as_ref().map(|composition| picture(composition, has_captions)).transpose()?;
    Ok(transcoder::Composition {
        version: VERSION,
        start,
        output: format!("{}.{}", view.name, view.extension()),
        thumbnail: picture.as_ref().map(|_| thumbnail(view)),
        has_audio: view.has_audio,
        picture,
    })
}

fn open(folder: &Folder, is_new: bool) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(is_new).open(folder.file(MANIFEST))
}

/// On the disk when this returns.
fn append(manifest: &mut File, entry: &Entry) -> io::Result<()> {
    write(manifest, entry)?;
    manifest.sync_data()
}

fn write(manifest: &mut File, entry: &Entry) -> io::Result<()> {
    let line = serde_json::to_string(entry)?;
    // In one piece.
    manifest.write_all(format!("{line}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_of_the_application_is_a_page_unless_it_is_the_speaker_built_in() {
        let of = |recording_layout, custom_layout: &str| {
            layout(&protocol::event::Composition {
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
}
