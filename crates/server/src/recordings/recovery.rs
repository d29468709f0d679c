//! Recordings that a crash has interrupted: they are finished while the server is already at work, and applications hear
//! of it. Their ids stay taken all the while.

use std::io;
use std::sync::atomic::Ordering;

use protocol::event::{Reason, RecordingEvent, RecordingStatus, Stamp};
use protocol::recording::RecordingView;
use tokio::sync::mpsc;

use super::composing;
use super::processing::{self, Failure, Part, Processed, Work};
use super::store::Folder;
use super::{Place, Told};
use crate::program;

/// Looks through all recordings and finishes those that are not, one after the other.
pub(super) fn run(place: &Place, tell: &mpsc::Sender<Told>, processed: &mpsc::Sender<Processed>) {
    if let Err(error) = place.store.delete_leftovers() {
        tracing::warn!(%error, "what is left of deleted recordings stays");
    }
    let ids = match place.store.ids() {
        Ok(ids) => ids,
        Err(error) => return tracing::error!(%error, "the recordings cannot be listed"),
    };
    for id in ids {
        if place.stop.load(Ordering::Relaxed) {
            return;
        }
        // Whatever has begun meanwhile is held by somebody.
        let Some(folder) = place.store.claim(&id) else { continue };
        if let Err(error) = recover(place, folder, tell, processed) {
            tracing::error!(recording = %id, %error, "an interrupted recording cannot be finished");
        }
    }
}

fn recover(
    place: &Place,
    folder: Folder,
    tell: &mpsc::Sender<Told>,
    processed: &mpsc::Sender<Processed>,
) -> io::Result<()> {
    let Ok(Some(mut view)) = folder.read() else { return Ok(()) };
    let notes = folder.notes()?;
    let found = view.status;
    let is_whole = || {
        let file = folder.file(&format!("{}.{}", view.name, view.extension()));
        file.is_file() && !composing::is_begun(&folder)
    };
    match found {
        RecordingStatus::Ready => {
            if folder.file(&format!("{}.{}", view.name, view.extension())).is_file() {
                // The crash came before what is in the archive was removed.
                notes.iter().for_each(|note| processing::remove(&folder, note));
                composing::forget(&folder)?;
            }
            return Ok(());
        }
        // It was on its way to where it is kept.
        RecordingStatus::Stopped if notes.is_empty() && is_whole() => {
            if place.kept.is_none() {
                view.status = RecordingStatus::Ready;
                folder.write(&view)?;
            }
            let _ = processed.blocking_send(Processed { folder, view });
            return Ok(());
        }
        // With files, it is worth another try: there may be room on the disk now.
        RecordingStatus::Failed if notes.is_empty() => return Ok(()),
        // What is there waits for something that can compose it.
        _ if composing::is_begun(&folder) && !place.transcoder.is_there() => return Ok(()),
        _ => {}
    }
    tracing::warn!(recording = folder.id(), status = found.as_str(), "finishing an interrupted recording");
    if matches!(found, RecordingStatus::Starting | RecordingStatus::Started) {
        view.status = RecordingStatus::Stopped;
        folder.write(&view)?;
        announce(tell, &view);
    }
    let parts: Vec<_> = notes.into_iter().map(|note| Part { note, summary: None }).collect();
    let view = RecordingView { status: RecordingStatus::Failed, ..view };
    match (Work { folder, view: view.clone(), parts, composing: None }).finish(place, false) {
        Ok(finished) => {
            let _ = processed.blocking_send(finished);
            return Ok(());
        }
        Err(Failure::Interrupted) => return Ok(()),
        Err(failure) => {
            tracing::error!(recording = %view.id, %failure, "an interrupted recording failed");
            if found == RecordingStatus::Failed {
                return Ok(());
            }
        }
    }
    announce(tell, &view);
    Ok(())
}

fn announce(tell: &mpsc::Sender<Told>, view: &RecordingView) {
    // Nobody listens any more only if the server stops.
    let _ = tell.blocking_send(recovered(view));
}

/// What applications are told of it.
pub(super) fn recovered(view: &RecordingView) -> Told {
    Told::Recovered(Box::new(RecordingEvent {
        stamp: Stamp {
            session: view.session_id.as_str().into(),
            session_created_at: session_created_at(view),
            timestamp: program::now(),
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
    }))
}

fn session_created_at(view: &RecordingView) -> u64 {
    let unique = view.unique_session_id.as_deref().and_then(|id| id.rsplit_once('_'));
    unique.and_then(|(_, time)| time.parse().ok()).unwrap_or(view.created_at)
}
