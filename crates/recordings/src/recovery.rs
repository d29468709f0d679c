//! Recordings that a crash has interrupted: they are finished while the server is already at work, and applications hear
//! of it. Their ids stay taken all the while.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use protocol::event::{Reason, RecordingEvent, RecordingStatus, Stamp};
use protocol::model::OutputMode;
use protocol::recording::RecordingView;
use tokio::sync::mpsc;

use crate::composing;
use crate::processing::{self, Failure, Part, Processed, Work};
use crate::store::Folder;
use crate::{Place, Told};

/// What a crash has left of a recording.
enum Found {
    /// It is where it shall be, or nobody knows what it is.
    Nothing,
    /// Only to be brought to where it is kept.
    Whole(Processed),
    Interrupted(Interrupted),
}

/// A recording that is to be finished.
struct Interrupted {
    work: Work,
    /// What its metadata file said.
    status: RecordingStatus,
}

/// Looks through all recordings and finishes those that are not: archives first, then one composition after the other.
pub(super) async fn run(place: Place, tell: mpsc::Sender<Told>, processed: mpsc::Sender<Processed>) {
    let mut compositions = vec![];
    for id in ids(&place).await {
        match found(&place, id).await {
            Found::Nothing => {}
            Found::Whole(whole) => drop(processed.send(whole).await),
            Found::Interrupted(interrupted) => {
                if matches!(interrupted.status, RecordingStatus::Starting | RecordingStatus::Started) {
                    announce(&tell, &interrupted.work.view).await;
                }
                if interrupted.work.view.output_mode == OutputMode::Individual {
                    interrupted.finish(&place, &tell, &processed).await;
                } else {
                    compositions.push(interrupted);
                }
            }
        }
    }
    for composition in compositions {
        composition.finish(&place, &tell, &processed).await;
    }
}

async fn ids(place: &Place) -> Vec<String> {
    let store = place.store.clone();
    let ids = processing::on_worker(move || {
        if let Err(error) = store.delete_leftovers() {
            tracing::warn!(%error, "what is left of deleted recordings stays");
        }
        store.ids()
    });
    ids.await.and_then(|ids| Ok(ids?)).unwrap_or_else(|failure| {
        tracing::error!(%failure, "the recordings cannot be listed");
        vec![]
    })
}

async fn found(place: &Place, id: String) -> Found {
    let (place, asked) = (place.clone(), id.clone());
    // Whatever has begun meanwhile is held by somebody.
    let look = move || place.store.claim(&asked).map_or(Ok(Found::Nothing), |folder| look(&place, folder));
    let found = processing::on_worker(look).await;
    found.and_then(|found| Ok(found?)).unwrap_or_else(|failure| {
        tracing::error!(recording = %id, %failure, "an interrupted recording cannot be finished");
        Found::Nothing
    })
}

fn look(place: &Place, folder: Folder) -> io::Result<Found> {
    let Ok(Some(mut view)) = folder.read() else { return Ok(Found::Nothing) };
    let notes = folder.notes()?;
    let status = view.status;
    let is_whole = || {
        let file = folder.file(&format!("{}.{}", view.name, view.extension()));
        file.is_file() && !composing::is_begun(&folder)
    };
    match status {
        RecordingStatus::Ready => {
            if folder.file(&format!("{}.{}", view.name, view.extension())).is_file() {
                // The crash came before what is in the archive was removed.
                notes.iter().for_each(|note| processing::remove(&folder, note));
                composing::forget(&folder)?;
            }
            return Ok(Found::Nothing);
        }
        // It was on its way to where it is kept.
        RecordingStatus::Stopped if notes.is_empty() && is_whole() => {
            if place.kept.is_none() {
                view.status = RecordingStatus::Ready;
                folder.write(&view)?;
            }
            return Ok(Found::Whole(Processed { folder, view }));
        }
        // With files, it is worth another try: there may be room on the disk now.
        RecordingStatus::Failed if notes.is_empty() => return Ok(Found::Nothing),
        // What is there waits for something that can compose it.
        _ if composing::is_begun(&folder) && !place.transcoder.is_there() => return Ok(Found::Nothing),
        _ => {}
    }
    tracing::warn!(recording = folder.id(), status = status.as_str(), "finishing an interrupted recording");
    if matches!(status, RecordingStatus::Starting | RecordingStatus::Started) {
        view.status = RecordingStatus::Stopped;
        folder.write(&view)?;
    }
    let parts = notes.into_iter().map(|note| Part { note, summary: None }).collect();
    Ok(Found::Interrupted(Interrupted { work: Work { folder, view, parts, composing: None }, status }))
}

impl Interrupted {
    async fn finish(self, place: &Place, tell: &mpsc::Sender<Told>, processed: &mpsc::Sender<Processed>) {
        let failed = RecordingView { status: RecordingStatus::Failed, ..self.work.view.clone() };
        match self.work.finish(place, false).await {
            Ok(finished) => drop(processed.send(finished).await),
            Err(Failure::Interrupted) => {}
            Err(failure) => {
                tracing::error!(recording = %failed.id, %failure, "an interrupted recording failed");
                if self.status != RecordingStatus::Failed {
                    announce(tell, &failed).await;
                }
            }
        }
    }
}

async fn announce(tell: &mpsc::Sender<Told>, view: &RecordingView) {
    // Nobody listens any more only if the server stops.
    let _ = tell.send(recovered(view)).await;
}

/// What applications are told of it.
pub(super) fn recovered(view: &RecordingView) -> Told {
    Told::Recovered(Box::new(RecordingEvent {
        stamp: Stamp {
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
    }))
}

fn session_created_at(view: &RecordingView) -> u64 {
    let unique = view.unique_session_id.as_deref().and_then(|id| id.rsplit_once('_'));
    unique.and_then(|(_, time)| time.parse().ok()).unwrap_or(view.created_at)
}

/// ms since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
