//! `POST /broadcast/start`. Its recording-like parameters are those of `defaultRecordingProperties`; what only recordings
//! have is ignored, because openvidu-java-client sends it along.

use utoipa::openapi::schema::Type;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::schema::{any_of, one, optional, word};
use super::body::{Body, InvalidParameter};
use super::recording::{MIN_SHM_SIZE, RESOLUTION, check_composition, check_media, media_node, media_node_or_id_schema};
use super::session_id;
use crate::event::{Broadcast, Composition};
use crate::model::{RecordingLayout, RecordingProperties};

/// What shall be broadcast to where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BroadcastStart {
    /// Which session.
    pub session: String,
    /// What goes where: any scheme that a broadcaster may know.
    pub broadcast: Broadcast,
    /// A value of the right type that is out of range; it is told after what is wrong with the session.
    pub out_of_range: Option<InvalidParameter>,
}

/// The form of the body that [`broadcast_start`] reads, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub enum NewBroadcast {}

impl ToSchema for NewBroadcast {}

impl PartialSchema for NewBroadcast {
    fn schema() -> RefOr<Schema> {
        let number = || any_of([Type::Number, Type::Null]);
        one(Type::Object)
            .description(Some("What shall be broadcast to where. `null` counts as absent"))
            .property("session", String::schema())
            .required("session")
            .property("broadcastUrl", one(Type::String).pattern(Some(URL)))
            .required("broadcastUrl")
            .property("hasAudio", optional(Type::Boolean, "`true` if absent"))
            .property("hasVideo", optional(Type::Boolean, "`true` if absent"))
            .property("recordingLayout", word(RecordingLayout::WORDS, "`BEST_FIT` if absent"))
            .property("customLayout", optional(Type::String, "With layout `CUSTOM`: folder or address of the page"))
            .property("resolution", optional(Type::String, "`1280x720` if absent").pattern(Some(RESOLUTION)))
            .property("frameRate", number().minimum(Some(1)).exclusive_maximum(Some(121)))
            .property("shmSize", number().minimum(Some(MIN_SHM_SIZE as isize)))
            .property("mediaNode", media_node_or_id_schema())
            .into()
    }
}

/// Types first: a mistyped parameter is refused even for a session that does not exist.
pub fn broadcast_start(body: &Body) -> Result<BroadcastStart, InvalidParameter> {
    let session = session_id(body)?.to_owned();
    let fields = body.fields();
    let url = fields.text("broadcastUrl")?.ok_or_else(|| fields.invalid("broadcastUrl", "is mandatory"))?;
    if !is_url(url) {
        return Err(fields.invalid("broadcastUrl", "must be a URL such as rtmp://host/path"));
    }
    let has_audio = fields.boolean("hasAudio")?.unwrap_or(true);
    let has_video = fields.boolean("hasVideo")?.unwrap_or(true);
    let defaults = RecordingProperties::default();
    let resolution = fields.text("resolution")?.unwrap_or(&defaults.resolution);
    let frame_rate = fields.integer("frameRate")?.unwrap_or(defaults.frame_rate.into());
    let shm_size = fields.integer("shmSize")?.unwrap_or(defaults.shm_size);
    let layout = fields.word::<RecordingLayout>("recordingLayout")?.unwrap_or(defaults.recording_layout);
    let custom_layout = fields.text("customLayout")?.filter(|_| layout == RecordingLayout::Custom);
    media_node(&fields)?;
    let checked = check_media(&fields, has_audio, has_video)
        .and_then(|()| check_composition(&fields, resolution, frame_rate, shm_size));
    let composition = has_video.then(|| Composition {
        resolution: resolution.to_owned(),
        frame_rate: frame_rate.try_into().unwrap_or(i32::MAX),
        recording_layout: layout,
        custom_layout: custom_layout.unwrap_or_default().to_owned(),
    });
    let broadcast = Broadcast { broadcast_url: url.to_owned(), composition, has_audio, has_video };
    Ok(BroadcastStart { session, broadcast, out_of_range: checked.err() })
}

/// See [`is_url`].
const URL: &str = r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#\s\x00-\x1f\x7f-\x9f][^\s\x00-\x1f\x7f-\x9f]*$";

/// `scheme://host…` without blanks (RFC 3986 §3).
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let has_host = rest.starts_with(|first: char| !"/?#".contains(first));
    is_scheme && has_host && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parameters: &str) -> Result<BroadcastStart, String> {
        let body = format!("{{\"session\":\"s\",\"broadcastUrl\":\"rtmp://h/x\"{parameters}}}");
        broadcast_start(&Body::mandatory(body.as_bytes()).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_clients_send_is_understood() {
        let java = r#","name":"","hasAudio":true,"hasVideo":true,"outputMode":"COMPOSED","recordingLayout":"BEST_FIT",
            "resolution":"1280x720","frameRate":25,"shmSize":536870912,"ignoreFailedStreams":false,"mediaNode":null"#;
        assert_eq!(read(java).unwrap().out_of_range, None);
        for url in ["rtmps://h:443/app/key?x=1", "srt://[::1]:9000", "rtsp://u:p@h/x"] {
            assert_eq!(read(&format!(r#","broadcastUrl":"{url}""#)).unwrap().broadcast.broadcast_url, url);
        }
    }

    #[test]
    fn types_are_told_at_once_and_ranges_later() {
        for (name, value) in [
            ("session", "5"),
            ("session", "null"),
            ("broadcastUrl", "5"),
            ("broadcastUrl", "null"),
            ("broadcastUrl", "\"\""),
            ("broadcastUrl", "\"h/x\""),
            ("broadcastUrl", "\"rtmp:///x\""),
            ("broadcastUrl", "\"rtmp://a b\""),
            ("broadcastUrl", "\"9://h\""),
            ("hasAudio", "\"x\""),
            ("hasVideo", "1"),
            ("resolution", "5"),
            ("frameRate", "\"25\""),
            ("shmSize", "{}"),
            ("recordingLayout", "\"X\""),
            ("customLayout", "5"),
            ("mediaNode", "{}"),
            ("mediaNode", "5"),
        ] {
            let error = read(&format!(",\"{name}\":{value}")).expect_err(value);
            assert!(error.starts_with(&format!("Parameter '{name}")), "{error}");
        }
        for (name, parameters) in [
            ("hasVideo", r#","hasAudio":false,"hasVideo":false"#),
            ("resolution", r#","resolution":"1920x2000""#),
            ("frameRate", r#","frameRate":121"#),
            ("shmSize", r#","shmSize":1"#),
        ] {
            assert_eq!(read(parameters).unwrap().out_of_range.expect(parameters).name, name);
        }
    }
}
