//! `POST /sessions`.

use utoipa::openapi::schema::Type;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::schema::{object, one, optional, optional_object, reference, word};
use super::body::{Body, Fields, InvalidParameter};
use super::recording::{NewRecordingDefaults, recording_defaults};
use super::speakers::{speaker_limits, with_speaker_limits};
use crate::model::{ForcedVideoCodec, MediaMode, RecordingMode, SessionProperties};

/// What a deployment sets for sessions that do not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionDefaults {
    /// `OPENVIDU_STREAMS_FORCED_VIDEO_CODEC`.
    pub forced_video_codec: ForcedVideoCodec,
    /// `OPENVIDU_STREAMS_ALLOW_TRANSCODING`.
    pub allow_transcoding: bool,
    /// `MADANG_LAST_N`.
    pub last_n: u8,
    /// `MADANG_LOUDEST`.
    pub loudest: u8,
}

/// What the session shall be like.
pub fn session(body: &Body, defaults: &SessionDefaults) -> Result<SessionProperties, InvalidParameter> {
    let fields = body.fields();
    let custom_session_id = fields.text("customSessionId")?.unwrap_or_default();
    if !custom_session_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        return Err(fields.invalid("customSessionId", "must match [a-zA-Z0-9_-]+"));
    }
    let (last_n, loudest) = speaker_limits(&fields)?;
    Ok(SessionProperties {
        media_mode: fields.word("mediaMode")?.unwrap_or(MediaMode::Routed),
        recording_mode: fields.word("recordingMode")?.unwrap_or(RecordingMode::Manual),
        custom_session_id: custom_session_id.to_owned(),
        default_recording_properties: match fields.object("defaultRecordingProperties")? {
            Some(fields) => recording_defaults(&fields)?,
            None => Default::default(),
        },
        forced_video_codec: fields.word("forcedVideoCodec")?.unwrap_or(defaults.forced_video_codec),
        allow_transcoding: fields.boolean("allowTranscoding")?.unwrap_or(defaults.allow_transcoding),
        media_node: fields.object("mediaNode")?.map(|node| media_node(&node)).transpose()?.flatten(),
        last_n: last_n.unwrap_or(defaults.last_n),
        loudest: loudest.unwrap_or(defaults.loudest),
    })
}

/// The form of the body that [`session`] reads, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub enum NewSession {}

impl ToSchema for NewSession {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((NewRecordingDefaults::name().into(), NewRecordingDefaults::schema()));
    }
}

impl PartialSchema for NewSession {
    fn schema() -> RefOr<Schema> {
        let id = "The application's own id; empty for a generated one";
        let codec = "The one video codec of the session; if absent, what the deployment sets";
        let transcoding = "Let clients without that codec in; if absent, what the deployment sets";
        let defaults = "Parameters of recordings that do not say themselves";
        let object = one(Type::Object)
            .description(Some("What a session shall be like. `null` counts as absent"))
            .property("customSessionId", optional(Type::String, id).pattern(Some("^[a-zA-Z0-9_-]*$")))
            .property("mediaMode", word(MediaMode::WORDS, "Media is routed all the same"))
            .property("recordingMode", word(RecordingMode::WORDS, "`MANUAL` if absent"))
            .property("defaultRecordingProperties", optional_object(reference::<NewRecordingDefaults>(), defaults))
            .property("forcedVideoCodec", word(ForcedVideoCodec::WORDS, codec))
            .property("allowTranscoding", optional(Type::Boolean, transcoding))
            .property("mediaNode", media_node_schema());
        with_speaker_limits(object, "If absent, what the deployment sets").into()
    }
}

/// The form of a body that names a session and nothing else, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub enum OfSession {}

impl ToSchema for OfSession {}

impl PartialSchema for OfSession {
    fn schema() -> RefOr<Schema> {
        object([("session", String::schema())]).into()
    }
}

pub(super) fn media_node_schema() -> RefOr<Schema> {
    optional_object(object([("id", String::schema())]), "There is but one; any id will do")
}

/// `{"id":…}`; there is but one node, so that any id will do and an empty one is none.
pub(super) fn media_node(fields: &Fields<'_>) -> Result<Option<String>, InvalidParameter> {
    let id = fields.text("id")?.ok_or_else(|| fields.invalid("id", "is mandatory"))?;
    Ok((!id.is_empty()).then(|| id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: SessionDefaults =
        SessionDefaults { forced_video_codec: ForcedVideoCodec::Vp9, allow_transcoding: true, last_n: 9, loudest: 3 };

    fn read(body: &str) -> Result<SessionProperties, String> {
        session(&Body::optional(body.as_bytes()).unwrap(), &DEFAULTS).map_err(|error| error.to_string())
    }

    #[test]
    fn absent_parameters_come_from_the_deployment() {
        let properties = read("").unwrap();
        assert_eq!((properties.forced_video_codec, properties.allow_transcoding), (ForcedVideoCodec::Vp9, true));
        assert_eq!((properties.last_n, properties.loudest), (9, 3));
        let nulls = r#"{"mediaMode":null,"recordingMode":null,"customSessionId":null,"defaultRecordingProperties":null,
            "forcedVideoCodec":null,"allowTranscoding":null,"mediaNode":null,"lastN":null,"loudest":null,"unknown":[]}"#;
        assert_eq!(read(nulls), Ok(properties));
    }

    #[test]
    fn every_parameter_is_checked() {
        for (parameter, values) in [
            ("mediaMode", &["false", "5", "\"\"", "\"routed\"", "[]"][..]),
            ("recordingMode", &["true", "\"NOT_EXISTS\"", "\"\"", "{}"]),
            ("customSessionId", &["999", "true", "[]", "\"a b\"", "\"a/b\"", "\"a~b\"", "\"a\\n\"", "\"ä\""]),
            ("defaultRecordingProperties", &["\"x\"", "5", "true", "[]"]),
            ("forcedVideoCodec", &["\"X\"", "\"\"", "\"AV1\"", "8"]),
            ("allowTranscoding", &["\"no\"", "\"true\"", "1"]),
            ("lastN", &["-1", "256", "\"4\"", "true"]),
            ("loudest", &["-1", "1e9", "\"3\"", "[]"]),
            ("mediaNode", &["\"x\"", "5", "[]", "{}", "{\"id\":null}", "{\"id\":5}"]),
        ] {
            for value in values {
                let error = read(&format!("{{\"{parameter}\":{value}}}")).expect_err(value);
                assert!(error.starts_with(&format!("Parameter '{parameter}")), "{parameter} {value}: {error}");
            }
        }
    }

    #[test]
    fn an_empty_media_node_is_none() {
        assert_eq!(read(r#"{"mediaNode":{"id":""}}"#).unwrap().media_node, None);
        assert_eq!(read(r#"{"mediaNode":{"id":"n"}}"#).unwrap().media_node.as_deref(), Some("n"));
    }
}
