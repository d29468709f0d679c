//! The folder of the recordings: one folder each, with a metadata file that says what it is. Which ids are taken is
//! decided from what is on the disk.
//!
//! Everything here waits for the disk. Recordings that other deployments of OpenVidu made are listed like our own.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::id::SessionId;
use protocol::recording::RecordingView;
use serde::{Deserialize, Serialize};

/// Before the names of recordings that are being deleted.
const DELETED: &str = ".deleted-";
/// Letters of a recording's id that come from its session's; names of files take 255.
const LONGEST_NAME: usize = 200;
/// A metadata file of the longest names has some 2 KB.
pub(super) const MAX_METADATA: u64 = 64 * 1024;

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    root: Arc<Path>,
    /// Ids of recordings that somebody works at.
    claims: Arc<Mutex<HashSet<String>>>,
}

/// Nobody else works at this recording until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    id: String,
    claims: Arc<Mutex<HashSet<String>>>,
}

/// The folder of one recording, held for as long as somebody works at it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    claim: Claim,
}

/// Why a recording is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// It was never there, or is gone.
    #[error("there is no such recording")]
    Unknown,
    /// It is recorded, processed or brought to where it is kept.
    #[error("the recording is in progress")]
    InProgress,
}

/// `.stream.<stem>`: what is known of one recorded stream, as long as its file is not in the archive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamNote {
    /// Of its file, which has an extension, too.
    pub name: String,
    pub connection_id: String,
    pub stream_id: String,
    pub client_data: String,
    pub server_data: String,
    /// ms since 1970, as the others 0 until the file is finished.
    pub start_time: u64,
    pub end_time: u64,
    /// ms.
    pub duration: u64,
    /// Bytes.
    pub size: u64,
    pub has_audio: bool,
    pub has_video: bool,
    /// Only of streams with pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_of_video: Option<String>,
    /// Packets that this server was too busy to write.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped_packets: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.claims).remove(&self.id);
    }
}

fn lock(claims: &Mutex<HashSet<String>>) -> MutexGuard<'_, HashSet<String>> {
    claims.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// The folder is made if it is missing; it must be writable.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let root: Arc<Path> = fs::canonicalize(root)?.into();
        let probe = root.join(format!(".madang-{}", std::process::id()));
        File::create(&probe)?;
        fs::remove_file(&probe)?;
        Ok(Self { root, claims: Arc::default() })
    }

    /// Where the folders of all recordings are.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A new folder for a recording: named like the session, or with the lowest number that is free.
    pub(super) fn reserve(&self, session: &SessionId) -> io::Result<Folder> {
        // Of a session's id, whatever its length, what file systems take in a name together with what is added to it.
        let name: String = session.as_str().chars().take(LONGEST_NAME).collect();
        let ids = std::iter::once(name.clone()).chain((1_u64..).map(|number| format!("{name}~{number}")));
        for id in ids {
            let Some(folder) = self.claim(&id) else { continue };
            match fs::create_dir(&folder.path) {
                Ok(()) => durable::sync_folder(&self.root)?,
                // An empty one may be used; what is in any other is somebody's.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if !fs::read_dir(&folder.path).is_ok_and(|mut entries| entries.next().is_none()) {
                        continue;
                    }
                }
                Err(error) => return Err(error),
            }
            return Ok(folder);
        }
        Err(io::Error::other("every number is taken"))
    }

    /// The folder of a recording, which need not exist; `None` if somebody works at it already.
    pub(super) fn claim(&self, id: &str) -> Option<Folder> {
        let is_free = lock(&self.claims).insert(id.to_owned());
        let claim = || Claim { id: id.to_owned(), claims: self.claims.clone() };
        is_free.then(|| Folder { path: self.root.join(id), claim: claim() })
    }

    /// All recordings, the latest first.
    pub fn list(&self) -> io::Result<Vec<RecordingView>> {
        let mut found: Vec<_> = self.ids()?.iter().filter_map(|id| self.get(id)).collect();
        found.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(found)
    }

    /// Folders that may be recordings.
    pub(super) fn ids(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.root)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter(|name| is_id(name)).collect())
    }

    /// One of them. What cannot be read is none.
    pub fn get(&self, id: &str) -> Option<RecordingView> {
        if !is_id(id) {
            return None;
        }
        let path = metadata_path(&self.root.join(id), id);
        match read_metadata(&path) {
            Ok(view) => view,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a recording cannot be read");
                None
            }
        }
    }

    /// A recording that is to be deleted.
    pub fn take(&self, id: &str) -> Result<Folder, DeleteError> {
        if !is_id(id) {
            return Err(DeleteError::Unknown);
        }
        let folder = self.claim(id).ok_or(DeleteError::InProgress)?;
        if metadata_path(&folder.path, id).is_file() { Ok(folder) } else { Err(DeleteError::Unknown) }
    }

    /// Makes a recording known whose files are elsewhere.
    pub(super) fn adopt(&self, id: &str, view: &RecordingView) -> io::Result<()> {
        let Some(folder) = is_id(id).then(|| self.claim(id)).flatten() else { return Ok(()) };
        fs::create_dir_all(&folder.path)?;
        durable::sync_folder(&self.root)?;
        folder.write(view)
    }

    /// Finishes what a crash has interrupted.
    pub(super) fn delete_leftovers(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(DELETED) {
                remove_all(&entry.path())?;
            }
        }
        Ok(())
    }
}

impl Folder {
    /// The recording's, which is the folder's name, too.
    pub fn id(&self) -> &str {
        &self.claim.id
    }

    /// Deletes a recording with everything in its folder.
    pub fn delete(self) -> io::Result<()> {
        // In one step, so that a crash does not leave half of it behind.
        let root = self.path.parent().unwrap_or(&self.path);
        let deleted = root.join(format!("{DELETED}{}", self.id()));
        remove_all(&deleted)?;
        fs::rename(&self.path, &deleted)?;
        durable::sync_folder(root)?;
        remove_all(&deleted)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Of a file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The metadata file, whole and on the disk when this returns.
    pub(super) fn write(&self, view: &RecordingView) -> io::Result<()> {
        self.put(&metadata_path(&self.path, self.id()), view)
    }

    /// The metadata file of something that was found.
    pub(super) fn read(&self) -> io::Result<Option<RecordingView>> {
        read_metadata(&metadata_path(&self.path, self.id()))
    }

    pub(super) fn note(&self, note: &StreamNote) -> io::Result<()> {
        self.put(&self.file(&format!(".stream.{}", note.name)), note)
    }

    /// Whatever streams are noted.
    pub(super) fn notes(&self) -> io::Result<Vec<StreamNote>> {
        let mut notes = vec![];
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(".stream.")
                && let Ok(note) = serde_json::from_slice(&fs::read(entry.path())?)
            {
                notes.push(note);
            }
        }
        notes.sort_by(|a: &StreamNote, b| a.name.cmp(&b.name));
        Ok(notes)
    }

    pub(super) fn forget(&self, note: &StreamNote) -> io::Result<()> {
        remove(&self.file(&format!(".stream.{}", note.name)))
    }

    /// Makes what was created, renamed or removed in it outlive a power cut.
    pub(super) fn sync(&self) -> io::Result<()> {
        durable::sync_folder(&self.path)
    }

    fn put(&self, path: &Path, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value)?;
        match durable::replace_shared(path, &text) {
            // That must be told even then. It fits where the old text is, which is in one block of the disk, too.
            Err(error) if error.kind() == io::ErrorKind::StorageFull && path.exists() => overwrite(path, &text),
            written => written,
        }
    }
}

/// Removes a file that may be gone.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(unless_gone)
}

fn remove_all(path: &Path) -> io::Result<()> {
    fs::remove_dir_all(path).or_else(unless_gone)
}

pub(super) fn unless_gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn overwrite(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

fn metadata_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(metadata_name(id))
}

/// Of the metadata file, in a recording's folder wherever that is.
pub(super) fn metadata_name(id: &str) -> String {
    format!(".recording.{id}")
}

fn read_metadata(path: &Path) -> io::Result<Option<RecordingView>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    Ok(Some(serde_json::from_reader(io::BufReader::new(io::Read::take(file, MAX_METADATA)))?))
}

/// One part of a path, and no hidden one.
fn is_id(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && !text.contains(['/', '\\', '\0'])
}
