//! Reading request bodies, as leniently as the original and with errors that name the parameter and the rule.
//!
//! [`Body`] is a JSON object as it came; the functions here turn it into [`crate::model`] types, whose values are valid.
//! Nothing is looked up here: whether a session exists is the caller's question.
//!
//! What is forgiven: text after the object, repeated keys (the last one wins), a byte order mark, unknown keys, `null`
//! for any parameter (it counts as absent), and the numbers that [`connection`] and [`recording`] tell of.

pub use body::{Body, InvalidParameter, UnreadableBody};
pub use broadcast::{BroadcastStart, NewBroadcast, broadcast_start};
pub use connection::{
    ConnectionChange, IpCamera, NewConnection, NewToken, RequestedChange, WebRtcConnection, connection,
    connection_update, token,
};
pub use ice::{IceCredentials, RequestedIceServer};
pub use media_node::{MediaNodeChange, NewMediaNode, SpeechModel, media_node_status, new_media_node, speech_model};
pub use recording::{BadRecording, NewRecording, recording_start};
pub use restart::{NewSettings, settings};
pub use session::{NewSession, OfSession, SessionDefaults, session};
pub use signal::{Signal, signal};

mod body;
mod broadcast;
mod connection;
mod ice;
mod media_node;
mod recording;
mod restart;
mod session;
mod signal;
mod speakers;

/// The mandatory `session` parameter of tokens, signals and recordings.
pub fn session_id(body: &Body) -> Result<&str, InvalidParameter> {
    let fields = body.fields();
    fields.text("session")?.ok_or_else(|| fields.invalid("session", "is mandatory"))
}
