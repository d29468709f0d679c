//! `/recordings`: 501 in a deployment that does not record, once the body has been understood.
//!
//! Starts and stops are answered when the recording runs or is processed; what is finished is read from the disk.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::model::{OutputMode, RecordingProperties};
use protocol::recording::{RecordingFailure, RecordingView};
use protocol::rest::request::{self, BadRecording, NewRecording};
use recordings::{DeleteError, Store, Unavailable};
use serde::Serialize;
use session::command::ApplicationCommand;
use session::question::{CheckSubtitles, FindRecording, ListRecordings, RecordingDefaults};
use session::{RecordingStartFailure, Refusal, Reply, SpeechRefusal, StartRefusal, StopRefusal};
use utoipa::ToSchema;

use crate::control::CallResult;
use crate::control::Control;
use crate::http::error::{ApiError, ErrorView, ServerStopping};
use crate::http::request::body::{BodyRefusals, MandatoryBody};
use crate::http::request::caller::Caller;
use crate::http::request::path::Path;
use crate::state::{RecordingFiles, RecordingPrograms};

/// Named in errors.
const API: &str = "/openvidu/api/recordings";
const START: &str = "/openvidu/api/recordings/start";
const STOP: &str = "/openvidu/api/recordings/stop";

/// openvidu-java-client waits for 30 s; what takes longer is answered as `stopped`.
const PROCESSING_PATIENCE: Duration = Duration::from_secs(25);

/// Start a recording
///
/// Answered once it runs: with `INDIVIDUAL`, once every stream is being recorded; composed, once its file is there.
#[utoipa::path(
    post,
    path = "/openvidu/api/recordings/start",
    operation_id = "startRecording",
    tag = "Recordings",
    request_body = NewRecording,
    responses(
        (status = 200, description = "It runs", body = RecordingView, links(
            ("stop" = (operation_id = "stopRecording", parameters(("recording" = "$response.body#/id")))),
            ("recording" = (operation_id = "getRecording", parameters(("recording" = "$response.body#/id")))),
            ("delete" = (operation_id = "deleteRecording", parameters(("recording" = "$response.body#/id")))),
        )),
        (status = 404, description = "No such session"),
        (status = 406, description = "Nobody is in the session"),
        (status = 409, description = "The session is being recorded already, or is not meant to be (mediaMode RELAYED)"),
        (status = 422, description = "A parameter is out of range", body = ErrorView),
        (status = 500, description = "It failed to start", body = ErrorView),
        (status = 501, description = "This deployment does not record, or (told by an error) not like this"),
        (status = 503, description = "As much is recorded as may be, or the server is stopping", body = ErrorView),
        BodyRefusals,
    ),
)]
pub(crate) async fn start(
    State(control): State<Control>,
    State(files): State<RecordingFiles>,
    State(programs): State<RecordingPrograms>,
    Caller(origin): Caller,
    MandatoryBody(body): MandatoryBody,
) -> Result<Json<RecordingView>, ApiError> {
    store(&files)?;
    let invalid = |error| ApiError::bad_request(error, START);
    let session = request::session_id(&body).map_err(invalid)?.to_owned();
    let defaults = control.look_up(RecordingDefaults { session: session.clone() }).await?;
    let properties = request::recording_start(&body, &defaults.map_err(refuse_start)?).map_err(|bad| match bad {
        BadRecording::Invalid(error) => invalid(error),
        BadRecording::OutOfRange(error) => ApiError::described(StatusCode::UNPROCESSABLE_ENTITY, error, START),
    })?;
    if properties.output_mode != OutputMode::Individual {
        can_compose(&programs, &properties)?;
    }
    let start = ApplicationCommand::StartRecording { session, properties: Box::new(properties) };
    match control.ask(start).await? {
        Err(Refusal::StartRecording(refusal)) => Err(refuse_start(refusal)),
        result => Ok(Json(recording(result, START)?.published(&origin.http()))),
    }
}

fn can_compose(programs: &RecordingPrograms, properties: &RecordingProperties) -> Result<(), ApiError> {
    let is_page = properties.composition().is_some_and(|composition| composition.is_page());
    let layouts = if is_page { programs.layouts.availability() } else { Ok(()) };
    layouts.and_then(|()| programs.transcoder.availability()).map_err(|unavailable| {
        let status = match unavailable {
            Unavailable::Missing(_) | Unavailable::NoBrowser(_) => StatusCode::NOT_IMPLEMENTED,
            Unavailable::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        };
        ApiError::described(status, unavailable, START)
    })
}

/// Whether there can be the subtitles that recordings shall have: told before anything begins.
pub(crate) async fn can_have_subtitles(
    control: &Control,
    properties: &RecordingProperties,
    parameter: &str,
    path: &str,
) -> Result<(), ApiError> {
    // Nearly always.
    if properties.subtitles.is_none() {
        return Ok(());
    }
    let checked = control.look_up(CheckSubtitles { properties: properties.clone() }).await?;
    checked.map_err(|refusal| refuse_subtitles(&refusal, parameter, path))
}

fn refuse_subtitles(refusal: &SpeechRefusal, parameter: &str, path: &str) -> ApiError {
    let refuse = |status, rule: String| ApiError::described(status, format!("Parameter '{parameter}' {rule}"), path);
    match refusal {
        SpeechRefusal::UnknownLanguage { language, .. } => refuse(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("must be a language that is recognised here (OPENVIDU_PRO_SPEECH_TO_TEXT), not '{language}'"),
        ),
        SpeechRefusal::NotLoaded { language } => refuse(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("must be a language that is loaded (POST /openvidu/api/speech-to-text/load), not '{language}'"),
        ),
        _ => refuse(
            StatusCode::NOT_IMPLEMENTED,
            "needs speech to text, which is off (OPENVIDU_PRO_SPEECH_TO_TEXT)".to_owned(),
        ),
    }
}

fn refuse_start(refusal: StartRefusal) -> ApiError {
    match refusal {
        StartRefusal::UnknownSession => ApiError::Empty(StatusCode::NOT_FOUND),
        StartRefusal::NotNow => ApiError::Empty(StatusCode::CONFLICT),
        StartRefusal::NobodyThere => ApiError::Empty(StatusCode::NOT_ACCEPTABLE),
        StartRefusal::Overloaded => ApiError::described(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many streams are being recorded (setting MADANG_RECORDED_STREAMS)",
            START,
        ),
        StartRefusal::Subtitles(refusal) => refuse_subtitles(&refusal, "subtitles", START),
    }
}

fn recording(result: CallResult, path: &str) -> Result<RecordingView, ApiError> {
    match result {
        Ok(Reply::Recording(view)) => Ok(*view),
        Err(Refusal::RecordingFailed(failure)) => {
            let status = match &failure {
                RecordingStartFailure::Overloaded
                | RecordingStartFailure::Recorder(RecordingFailure::Overloaded(_)) => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            Err(ApiError::described(status, openvidu::refusal::recording_start_failure(&failure), path))
        }
        unexpected => {
            tracing::error!(?unexpected, "no answer to a question about a recording");
            Err(ApiError::described(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error", path))
        }
    }
}

/// Stop a recording
///
/// Answered once it is processed, or after 25 s with the status `stopped`.
#[utoipa::path(
    post,
    path = "/openvidu/api/recordings/stop/{recording}",
    operation_id = "stopRecording",
    tag = "Recordings",
    params(("recording" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "It is over", body = RecordingView),
        (status = 404, description = "No recording with this id is in progress"),
        (status = 406, description = "It is only starting"),
        (status = 500, description = "It failed to stop", body = ErrorView),
        (status = 501, description = "This deployment does not record"),
        ServerStopping,
    ),
)]
pub(crate) async fn stop(
    State(control): State<Control>,
    State(files): State<RecordingFiles>,
    Caller(origin): Caller,
    Path(id): Path<String>,
) -> Result<Json<RecordingView>, ApiError> {
    store(&files)?;
    let asked = id.clone();
    let stopped = control.ask(ApplicationCommand::StopRecording { recording: asked });
    let view = match tokio::time::timeout(PROCESSING_PATIENCE, stopped).await {
        Ok(stopped) => match stopped? {
            Err(Refusal::StopRecording(StopRefusal::Unknown)) => return Err(ApiError::Empty(StatusCode::NOT_FOUND)),
            Err(Refusal::StopRecording(StopRefusal::Starting)) => {
                return Err(ApiError::Empty(StatusCode::NOT_ACCEPTABLE));
            }
            result => recording(result, STOP)?,
        },
        Err(_) => find(&control, &files, id).await?,
    };
    Ok(Json(view.published(&origin.http())))
}

/// List all recordings
#[utoipa::path(
    get,
    path = "/openvidu/api/recordings",
    operation_id = "listRecordings",
    tag = "Recordings",
    responses(
        (status = 200, description = "The recordings, in progress or not, the latest first", body = Recordings),
        (status = 500, description = "Their folder cannot be read", body = ErrorView),
        (status = 501, description = "This deployment does not record"),
        ServerStopping,
    ),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    State(files): State<RecordingFiles>,
    Caller(origin): Caller,
) -> Result<Json<Recordings>, ApiError> {
    let store = store(&files)?.clone();
    let mut items = on_disk(move || store.list()).await?.map_err(unreadable)?;
    for live in control.look_up(ListRecordings).await? {
        // What it is now is known better than on the disk.
        match items.iter_mut().find(|item| item.id == live.id) {
            Some(item) => *item = live,
            None => items.push(live),
        }
    }
    let items: Vec<_> = items.into_iter().map(|item| item.published(&origin.http())).collect();
    Ok(Json(Recordings { count: items.len(), items }))
}

/// Get a recording
#[utoipa::path(
    get,
    path = "/openvidu/api/recordings/{recording}",
    operation_id = "getRecording",
    tag = "Recordings",
    params(("recording" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The recording", body = RecordingView),
        (status = 404, description = "No such recording"),
        (status = 501, description = "This deployment does not record"),
        ServerStopping,
    ),
)]
pub(crate) async fn show(
    State(control): State<Control>,
    State(files): State<RecordingFiles>,
    Caller(origin): Caller,
    Path(id): Path<String>,
) -> Result<Json<RecordingView>, ApiError> {
    Ok(Json(find(&control, &files, id).await?.published(&origin.http())))
}

/// The same where a route has no place for the id.
pub(crate) async fn show_start(
    control: State<Control>,
    files: State<RecordingFiles>,
    caller: Caller,
) -> Result<Json<RecordingView>, ApiError> {
    show(control, files, caller, Path("start".to_owned())).await
}

/// Delete a recording
///
/// With all its files.
#[utoipa::path(
    delete,
    path = "/openvidu/api/recordings/{recording}",
    operation_id = "deleteRecording",
    tag = "Recordings",
    params(("recording" = String, Path, description = "Its id")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "No such recording"),
        (status = 409, description = "It is in progress, or being processed"),
        (status = 500, description = "Its files cannot be deleted", body = ErrorView),
        (status = 501, description = "This deployment does not record"),
    ),
)]
pub(crate) async fn delete(
    State(files): State<RecordingFiles>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let store = store(&files)?.clone();
    let folder = on_disk(move || store.take(&id)).await?.map_err(|error| match error {
        DeleteError::Unknown => ApiError::Empty(StatusCode::NOT_FOUND),
        DeleteError::InProgress => ApiError::Empty(StatusCode::CONFLICT),
    })?;
    // First there: what is left here makes another try possible.
    if let Some(bucket) = &files.bucket {
        bucket.delete(folder.id()).await.map_err(unreadable)?;
    }
    on_disk(move || folder.delete()).await?.map_err(unreadable)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The same where a route has no place for the id.
pub(crate) async fn delete_start(files: State<RecordingFiles>) -> Result<StatusCode, ApiError> {
    delete(files, Path("start".to_owned())).await
}

/// `{"count":n,"items":[…]}`: other words than other lists have.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Recordings {
    count: usize,
    items: Vec<RecordingView>,
}

fn store(files: &RecordingFiles) -> Result<&Store, ApiError> {
    files.store.as_ref().ok_or(ApiError::Empty(StatusCode::NOT_IMPLEMENTED))
}

async fn find(control: &Control, files: &RecordingFiles, id: String) -> Result<RecordingView, ApiError> {
    let store = store(files)?.clone();
    if let Some(live) = control.look_up(FindRecording { recording: id.clone() }).await? {
        return Ok(live);
    }
    on_disk(move || store.get(&id)).await?.ok_or(ApiError::Empty(StatusCode::NOT_FOUND))
}

/// Disks may take their time.
async fn on_disk<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(read).await.map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> ApiError {
    ApiError::described(StatusCode::INTERNAL_SERVER_ERROR, error, API)
}
