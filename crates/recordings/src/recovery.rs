//! What a crash has left of recordings, as it is found on the disk. What becomes of it is the director's.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use protocol::event::{EventStamp, Reason, RecordingEvent, RecordingStatus};
use protocol::recording::RecordingView;

use crate::manifest;
use crate::premises::Premises;
use crate::processing::{self, Part};
use crate::store::Folder;
use crate::subtitles;

/// Goes through all recordings, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Those that were not looked at; nothing if it has not begun.
    ids: Option<Vec<String>>,
}

/// A recording that is to be finished, or only brought to where it is kept.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) folder: Arc<Folder>,
    pub(crate) view: RecordingView,
    /// What its metadata file said.
    pub(crate) status: RecordingStatus,
    /// Nothing if it is whole.
    pub(crate) parts: Option<Vec<Part>>,
}

impl Search {
    /// The next one that was interrupted. Waits for the disk.
    pub(crate) fn next(&mut self, premises: &Premises) -> Option<Finding> {
        let ids = self.ids.get_or_insert_with(|| begin(premises));
        while let Some(id) = ids.pop() {
            // Whatever has begun meanwhile is held by somebody.
            let Some(folder) = premises.store.claim(&id) else { continue };
            // Held no longer because the server ends: the next one finds it as it is, and tells of it.
            if premises.stop.load(Ordering::Relaxed) {
                return None;
            }
            match look(premises, folder) {
                Ok(None) => {}
                Ok(found) => return found,
                Err(error) => tracing::error!(recording = %id, %error, "an interrupted recording cannot be finished"),
            }
        }
        None
    }
}

fn begin(premises: &Premises) -> Vec<String> {
    if let Err(error) = premises.store.delete_leftovers() {
        tracing::warn!(%error, "what is left of deleted recordings stays");
    }
    let mut ids = premises.store.ids().unwrap_or_else(|error| {
        tracing::error!(%error, "the recordings cannot be listed");
        vec![]
    });
    // They are taken from the end: those of a session in the order in which they were made.
    ids.sort_by(|a, b| b.cmp(a));
    ids
}

fn look(premises: &Premises, folder: Folder) -> io::Result<Option<Finding>> {
    let Ok(Some(mut view)) = folder.read() else { return Ok(None) };
    let notes = folder.notes()?;
    let status = view.status;
    let is_whole = || {
        let file = folder.file(&format!("{}.{}", view.name, view.extension()));
        file.is_file() && !manifest::is_there(&folder)
    };
    match status {
        RecordingStatus::Ready => {
            if folder.file(&format!("{}.{}", view.name, view.extension())).is_file() {
                // The crash came before what is in the archive was removed.
                notes.iter().for_each(|note| processing::remove(&folder, note));
                manifest::remove(&folder)?;
                subtitles::remove(&folder)?;
            }
            return Ok(None);
        }
        // It was on its way to where it is kept.
        RecordingStatus::Stopped if notes.is_empty() && is_whole() => {
            if premises.destination.is_none() {
                view.status = RecordingStatus::Ready;
                folder.write(&view)?;
            }
            return Ok(Some(Finding { folder: Arc::new(folder), view, status, parts: None }));
        }
        // With files, it is worth another try: there may be room on the disk now.
        RecordingStatus::Failed if notes.is_empty() => return Ok(None),
        // What is there waits for something that can compose it.
        _ if manifest::is_there(&folder) && !premises.transcoder.is_there() => return Ok(None),
        _ => {}
    }
    tracing::warn!(recording = folder.id(), status = status.as_str(), "finishing an interrupted recording");
    if matches!(status, RecordingStatus::Starting | RecordingStatus::Started) {
        view.status = RecordingStatus::Stopped;
        folder.write(&view)?;
    }
    let parts = notes.into_iter().map(|note| Part { note, summary: None }).collect();
    Ok(Some(Finding { folder: Arc::new(folder), view, status, parts: Some(parts) }))
}

/// What applications are told of it.
pub(crate) fn event(view: &RecordingView) -> RecordingEvent {
    RecordingEvent {
        stamp: EventStamp {
            session: view.session_id.as_str().into(),
            session_created_at: session_created_at(view),
            timestamp: now(),
        },
        start_time: view.created_at,
        duration: view.duration,
        reason: Some(Reason::NodeCrashed),
        id: view.id.clone(),
        name: view.name.clone(),
        output_mode: view.output_mode,
        composition: view.composition.clone(),
        has_audio: view.has_audio,
        has_video: view.has_video,
        size: view.size,
        status: view.status,
    }
}

fn session_created_at(view: &RecordingView) -> u64 {
    let unique = view.unique_session_id.as_deref().and_then(|id| id.rsplit_once('_'));
    unique.and_then(|(_, time)| time.parse().ok()).unwrap_or(view.created_at)
}

/// ms since 1970, by the clock on the wall: as applications know it.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
