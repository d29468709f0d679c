//! `POST /call/token`: lets the visitors of our own page into rooms. Anybody may ask, without a secret; what they get is
//! decided in the crate `session`.

use std::sync::Arc;
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
use session::command::ApplicationCommand;
use session::{GuestRefusal, Refusal, Reply};

use crate::allowance::Allowance;
use crate::control::Control;
use crate::http::error::ApiError;
use crate::http::pages::feedback::Feedbacks;
use crate::http::request::caller::Caller;
use crate::ice_servers;
use crate::limits::Rate;
use crate::network::Network;
use crate::options;
use crate::program;
use crate::state::Settings;

/// Where it is.
pub(crate) const TOKEN: &str = "/call/token";
/// Characters in a room's or a visitor's name.
const MAX_NAME: usize = 64;

/// Who asked for how many places.
#[derive(Debug)]
pub(crate) struct Places(Allowance);

impl Places {
    pub(crate) fn new(places: Rate) -> Self {
        Self(Allowance::new(places))
    }
}

#[derive(Deserialize)]
struct PlaceRequest {
    room: String,
    #[serde(default)]
    name: String,
}

#[derive(Serialize)]
pub(crate) struct PlaceView {
    token: String,
    /// In which captions can be had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    languages: Vec<String>,
    /// For [`feedback`](super::feedback), if it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    feedback: Option<String>,
}

/// Makes the room if there is none, and a place in it.
pub(crate) async fn token(
    Extension(places): Extension<Arc<Places>>,
    Extension(feedbacks): Extension<Arc<Feedbacks>>,
    State(control): State<Control>,
    State(settings): State<Settings>,
    network: Network,
    Caller(origin): Caller,
    body: Bytes,
) -> Result<Json<PlaceView>, ApiError> {
    let asked = places.0.spend(network, Instant::now());
    asked.map_err(|retry_after| ApiError::too_many("requests for a place", retry_after, TOKEN))?;
    let request: PlaceRequest = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(format_args!("The body must be {{\"room\":…,\"name\":…}}: {error}"), TOKEN)
    })?;
    let room = request.room.trim();
    if !is_name(room) || room.is_empty() {
        return Err(ApiError::bad_request(
            format_args!("'room' must have 1 to {MAX_NAME} printable characters"),
            TOKEN,
        ));
    }
    let name = request.name.trim();
    if !is_name(name) {
        return Err(ApiError::bad_request(
            format_args!("'name' must have at most {MAX_NAME} printable characters"),
            TOKEN,
        ));
    }
    let properties = SessionProperties {
        media_mode: MediaMode::Routed,
        recording_mode: RecordingMode::Manual,
        custom_session_id: format!("call-{}", URL_SAFE_NO_PAD.encode(room)),
        default_recording_properties: RecordingProperties::default(),
        forced_video_codec: settings.openvidu_streams_forced_video_codec,
        allow_transcoding: settings.openvidu_streams_allow_transcoding,
        media_node: None,
        last_n: settings.madang_last_n,
        loudest: settings.madang_loudest,
    };
    let data = serde_json::json!({ "name": name }).to_string();
    // Behind a local address everybody may stand.
    let asker = (!network.is_local()).then(|| network.address());
    let mut place = ConnectionProperties { role: Role::Publisher, data, ..Default::default() };
    ice_servers::fill_in(&mut place, &settings, control.now());
    let (room, place, origin) = (Box::new(properties), Box::new(place), origin.web_socket());
    let connection = match control.ask(ApplicationCommand::TakeGuestPlace { room, place, origin, asker }).await? {
        Ok(Reply::Connection(connection)) => view::connection(*connection),
        Err(Refusal::GuestPlace(refusal)) => return Err(refused(refusal)),
        Ok(_) | Err(_) => return Err(refused(GuestRefusal::Ending)),
    };
    let token = connection.token.ok_or_else(|| refused(GuestRefusal::Ending))?;
    let feedback = feedbacks.pass(&connection.session_id, &connection.connection_id, program::now());
    Ok(Json(PlaceView { token, languages: options::speech_languages(&settings), feedback }))
}

fn refused(refusal: GuestRefusal) -> ApiError {
    let text = str::to_owned;
    let (status, message) = match refusal {
        GuestRefusal::NotAGuestRoom => (StatusCode::FORBIDDEN, text("This room belongs to an application")),
        GuestRefusal::RoomFull => (StatusCode::SERVICE_UNAVAILABLE, text("This room is full")),
        GuestRefusal::TooManyRooms => (StatusCode::SERVICE_UNAVAILABLE, text("There are too many rooms")),
        GuestRefusal::Ending => (StatusCode::CONFLICT, text("The room was just closed, try again")),
        GuestRefusal::ShareOfPlaces { most, kept } => {
            let message = format!(
                "Nobody has come to {most} places that were asked for from this address, which is as many as may be; they \
                 are free again {} s after they were asked for",
                kept.as_secs()
            );
            (StatusCode::TOO_MANY_REQUESTS, message)
        }
        GuestRefusal::ShareOfRooms { most } => {
            let message = format!("{most} rooms were made from this address, which is as many as may be at a time");
            (StatusCode::TOO_MANY_REQUESTS, message)
        }
    };
    ApiError::described(status, message, TOKEN)
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control)
}
