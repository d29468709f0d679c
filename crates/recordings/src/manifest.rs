//! The manifest of a recording that is composed: what is to be made of its streams, and what happens to them. Whoever
//! composes follows it ([`protocol::transcoder`]).

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write};

use protocol::name;
use protocol::recording::RecordingView;
use protocol::transcoder::{self, ComposedStream, Entry, MANIFEST, Picture, VERSION};

use crate::store::{self, Folder, StreamNote};

/// One that is open. It is only ever appended to.
#[derive(Debug)]
pub(crate) struct Manifest(File);

impl Manifest {
    /// Of a new recording. `start` is ms since 1970, on the clock of the streams' files.
    pub(crate) fn begin(folder: &Folder, view: &RecordingView, start: u64, has_captions: bool) -> Result<Self, String> {
        let composition = plan(view, start, has_captions)?;
        let begin = || {
            let mut manifest = Self(open(folder, true)?);
            manifest.append(&Entry::Compose(composition))?;
            folder.sync()?;
            Ok(manifest)
        };
        begin().map_err(|error: io::Error| error.to_string())
    }

    /// Of one that was interrupted; there is none if that was so early that nobody knows what was to be made.
    pub(crate) fn resume(folder: &Folder) -> io::Result<Self> {
        let mut manifest = open(folder, false)?;
        // The last line may have been cut off.
        manifest.write_all(b"\n")?;
        Ok(Self(manifest))
    }

    /// Something happened. What matters is on the disk when this returns.
    pub(crate) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let line = serde_json::to_string(entry)?;
        // In one piece.
        self.0.write_all(format!("{line}\n").as_bytes())?;
        match entry {
            // Who switches a camera on and off all the time shall not keep the disk busy; how far it is, is said again.
            Entry::Change { .. } | Entry::Until { .. } => Ok(()),
            Entry::Compose(_) | Entry::Add(_) | Entry::Remove { .. } | Entry::End { .. } => self.0.sync_data(),
        }
    }
}

/// The entry for a stream whose file is `file`; with its name if that is shown.
pub(crate) fn added(
    note: &StreamNote,
    file: String,
    at: u64,
    [audio_active, video_active]: [bool; 2],
    has_captions: bool,
) -> Entry {
    Entry::Add(ComposedStream {
        file,
        at,
        name: name::shown(&note.client_data, &note.server_data).filter(|_| has_captions),
        is_screen: note.type_of_video.as_deref() == Some("SCREEN"),
        has_audio: note.has_audio,
        has_video: note.has_video,
        audio_active,
        video_active,
    })
}

/// Moves what happened to the time up to which everything is said to be known, if it is heard of so late.
pub(crate) fn not_before(entry: &mut Entry, until: u64) {
    match entry {
        Entry::Add(ComposedStream { at, .. })
        | Entry::Change { at, .. }
        | Entry::Remove { at, .. }
        | Entry::Until { at }
        | Entry::End { at } => *at = (*at).max(until),
        Entry::Compose(_) => {}
    }
}

/// Whether it is being composed, or would go on to be.
pub(crate) fn is_there(folder: &Folder) -> bool {
    folder.file(MANIFEST).is_file()
}

/// When a composition begins, ms since 1970.
pub(crate) fn start(folder: &Folder) -> io::Result<u64> {
    let mut first = String::new();
    BufReader::new(File::open(folder.file(MANIFEST))?).read_line(&mut first)?;
    match serde_json::from_str(&first)? {
        Entry::Compose(composition) => Ok(composition.start),
        _ => Err(io::Error::other("a manifest does not say when it begins")),
    }
}

/// It is not needed any more.
pub(crate) fn remove(folder: &Folder) -> io::Result<()> {
    store::remove(&folder.file(MANIFEST))
}

fn plan(view: &RecordingView, start: u64, has_captions: bool) -> Result<transcoder::Composition, String> {
    let picture = view.composition.as_ref().map(|composition| Picture::new(composition, has_captions)).transpose()?;
    Ok(transcoder::Composition {
        version: VERSION,
        start,
        output: format!("{}.{}", view.name, view.extension()),
        thumbnail: picture.as_ref().map(|_| format!("{}.jpg", view.id)),
        has_audio: view.has_audio,
        picture,
    })
}

fn open(folder: &Folder, is_new: bool) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(is_new).open(folder.file(MANIFEST))
}
