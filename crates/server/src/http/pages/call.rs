//! `POST /call/token`: lets the visitors of our own page into rooms. Anybody may ask, without a secret.
//!
//! It opens nothing but rooms that it made itself: a session of an application stays closed even if its id looks like one
//! of ours, and even if one of ours had that id before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openvidu::view;
use protocol::model::{ConnectionProperties, MediaMode, RecordingMode, RecordingProperties, Role, SessionProperties};
use serde::{Deserialize, Serialize};
use session::snapshot::Include;
use session::{Registry, Time};

use crate::App;
use crate::allowance::Allowance;
use crate::http::api::ice;
use crate::http::error::ApiError;
use crate::http::request::caller::Caller;
use crate::limits::Rate;
use crate::network::Network;

/// Named in errors.
const PATH: &str = "/call/token";
/// Characters in a room's or a visitor's name.
const MAX_NAME: usize = 64;
/// People in one room, with those who asked but did not come.
const MAX_PLACES: usize = 200;
/// Rooms at a time.
const MAX_ROOMS: usize = 1000;

/// The rooms that the page made, and who asked for how many places.
#[derive(Debug)]
pub(crate) struct Rooms {
    /// Session id and when it was created, by which a later session with the same id is told apart. Two sessions within
    /// one millisecond are told apart by [`Rooms::forget`].
    made: Mutex<HashMap<String, u64>>,
    allowance: Allowance,
}

impl Rooms {
    pub(crate) fn new(places: Rate) -> Self {
        Self { made: Mutex::default(), allowance: Allowance::new(places) }
    }

    /// To be called when an application has made a session.
    pub(crate) fn forget(&self, session: &str) {
        self.lock().remove(session);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        // Whoever panicked meanwhile can have left out one room, but not made up one.
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Request {
    room: String,
    #[serde(default)]
    name: String,
}

#[derive(Serialize)]
pub(crate) struct Answer {
    token: String,
}

/// Makes the room if there is none, and a place in it.
pub(crate) async fn token(
    Extension(rooms): Extension<Arc<Rooms>>,
    State(app): State<Arc<App>>,
    network: Network,
    Caller(origin): Caller,
    body: Bytes,
) -> Result<Json<Answer>, ApiError> {
    let asked = rooms.allowance.spend(network, Instant::now());
    asked.map_err(|retry_after| ApiError::too_many("requests for a place", retry_after, PATH))?;
    let request: Request = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(format_args!("The body must be {{\"room\":…,\"name\":…}}: {error}"), PATH)
    })?;
    let room = request.room.trim();
    if !is_name(room) || room.is_empty() {
        return Err(ApiError::bad_request(format_args!("'room' must have 1 to {MAX_NAME} printable characters"), PATH));
    }
    let name = request.name.trim();
    if !is_name(name) {
        return Err(ApiError::bad_request(
            format_args!("'name' must have at most {MAX_NAME} printable characters"),
            PATH,
        ));
    }
    let place = Place {
        session: format!("call-{}", URL_SAFE_NO_PAD.encode(room)),
        app: app.clone(),
        data: serde_json::json!({ "name": name }).to_string(),
        origin: origin.web_socket(),
    };
    let token = app.control.call(move |registry, now| place.take(&mut rooms.lock(), registry, now));
    token.await?.map(|token| Json(Answer { token })).map_err(|refusal| {
        let status = match refusal {
            Refusal::Foreign => StatusCode::FORBIDDEN,
            Refusal::Full | Refusal::TooManyRooms => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Gone => StatusCode::CONFLICT,
        };
        ApiError::described(status, refusal, PATH)
    })
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control)
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("This room belongs to an application")]
    Foreign,
    #[error("This room is full")]
    Full,
    #[error("There are too many rooms")]
    TooManyRooms,
    #[error("The room was just closed, try again")]
    Gone,
}

/// What is asked for.
struct Place {
    session: String,
    app: Arc<App>,
    data: String,
    origin: String,
}

impl Place {
    fn take(self, rooms: &mut HashMap<String, u64>, registry: &mut Registry, now: Time) -> Result<String, Refusal> {
        self.enter_room(rooms, registry, now)?;
        let mut properties = ConnectionProperties { role: Role::Publisher, data: self.data, ..Default::default() };
        ice::fill_in(&mut properties, &self.app.config, now);
        let connection =
            registry.create_connection(&self.session, properties, &self.origin, now).map_err(|_| Refusal::Gone)?;
        let connection = registry.connection(&self.session, connection.as_str()).map_err(|_| Refusal::Gone)?;
        view::connection(connection).token.ok_or(Refusal::Gone)
    }

    fn enter_room(&self, rooms: &mut HashMap<String, u64>, registry: &mut Registry, now: Time) -> Result<(), Refusal> {
        let everybody = Include { pending_connections: true, web_rtc_stats: false };
        if let Some(session) = registry.session(&self.session, everybody) {
            return match rooms.get(&self.session) {
                Some(created_at) if *created_at == session.created_at.as_millis() => {
                    if session.connections.len() < MAX_PLACES { Ok(()) } else { Err(Refusal::Full) }
                }
                _ => Err(Refusal::Foreign),
            };
        }
        if rooms.len() >= MAX_ROOMS {
            rooms.retain(|room, _| registry.session(room, Include::default()).is_some());
            if rooms.len() >= MAX_ROOMS {
                return Err(Refusal::TooManyRooms);
            }
        }
        let properties = SessionProperties {
            media_mode: MediaMode::Routed,
            recording_mode: RecordingMode::Manual,
            custom_session_id: self.session.clone(),
            default_recording_properties: RecordingProperties::default(),
            forced_video_codec: self.app.config.openvidu_streams_forced_video_codec,
            allow_transcoding: self.app.config.openvidu_streams_allow_transcoding,
            media_node: None,
        };
        registry.create_session(properties, now).map_err(|_| Refusal::Gone)?;
        let session = registry.session(&self.session, Include::default()).ok_or(Refusal::Gone)?;
        rooms.insert(self.session.clone(), session.created_at.as_millis());
        Ok(())
    }
}
