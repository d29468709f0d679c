//! `defaultRecordingProperties`.
//!
//! Numbers lose their fraction. What only composed recordings with video have is not range-checked for others.

use serde_json::Value;
use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::schema::{any_of, object, one, optional, values, word};
use super::body::{Fields, InvalidParameter, narrow};
use super::session::{self, media_node_schema};
use crate::model::{OutputMode, RecordingLayout, RecordingProperties};

/// Below it, the browser that composes cannot run.
pub(super) const MIN_SHM_SIZE: i64 = 134_217_728;

/// The form of the body of `POST /recordings/start`, for the OpenAPI document. It is not read beyond being an object as
/// long as nothing is recorded.
#[derive(Clone, Copy, Debug)]
pub enum NewRecording {}

impl ToSchema for NewRecording {}

impl PartialSchema for NewRecording {
    fn schema() -> RefOr<Schema> {
        one(Type::Object).into()
    }
}

/// The form that [`recording_defaults`] reads, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub(super) enum NewRecordingDefaults {}

impl ToSchema for NewRecordingDefaults {}

impl PartialSchema for NewRecordingDefaults {
    fn schema() -> RefOr<Schema> {
        let all = one(Type::Object)
            .property("name", optional(Type::String, "Of the file, without extension").pattern(Some(NAME)))
            .property("hasAudio", optional(Type::Boolean, "Record sound; `true` if absent"))
            .property("hasVideo", optional(Type::Boolean, "Record pictures; `true` if absent"))
            .property("outputMode", word(OutputMode::WORDS, "`COMPOSED` if absent"))
            .property("recordingLayout", word(RecordingLayout::WORDS, "Composed only; `BEST_FIT` if absent"))
            .property("resolution", optional(Type::String, "Composed only; `1280x720` if absent"))
            .property("frameRate", optional(Type::Number, "Composed only, frames per second; 25 if absent"))
            .property("shmSize", optional(Type::Number, "Composed only, bytes of shared memory; 512 MiB if absent"))
            .property("customLayout", optional(Type::String, "With layout `CUSTOM`: folder or address of the page"))
            .property("ignoreFailedStreams", optional(Type::Boolean, "Individual only; `false` if absent"))
            .property("mediaNode", media_node_or_id_schema());
        let yes = || values([Value::Bool(true), Value::Null]);
        let sound_only = object([("hasVideo", values([false]).into())]).property("hasAudio", yes());
        let individual = object([("outputMode", values([OutputMode::Individual.as_str()]).into())]);
        let composed = one(Type::Object)
            .property("resolution", any_of([Type::String, Type::Null]).pattern(Some(RESOLUTION)))
            // Fractions are cut off before the range is looked at.
            .property("frameRate", any_of([Type::Number, Type::Null]).minimum(Some(1)).exclusive_maximum(Some(121)))
            .property("shmSize", any_of([Type::Number, Type::Null]).minimum(Some(MIN_SHM_SIZE as isize)));
        let rules = AnyOfBuilder::new()
            .item(sound_only)
            .item(individual.property("hasVideo", yes()))
            .item(composed.property("hasVideo", yes()));
        AllOfBuilder::new().item(all).item(rules).into()
    }
}

pub(super) fn media_node_or_id_schema() -> RefOr<Schema> {
    AnyOfBuilder::new().item(one(Type::String)).item(media_node_schema()).into()
}

/// See [`check`].
const NAME: &str = "^[a-zA-Z0-9_~-]*$";
/// See [`is_resolution`].
pub(super) const RESOLUTION: &str = "^(1[0-9]{3}|[1-9][0-9]{2})x(1[0-9]{3}|[1-9][0-9]{2})$";

pub(super) fn recording_defaults(fields: &Fields<'_>) -> Result<RecordingProperties, InvalidParameter> {
    let defaults = RecordingProperties::default();
    let properties = RecordingProperties {
        name: fields.text("name")?.unwrap_or_default().to_owned(),
        has_audio: fields.boolean("hasAudio")?.unwrap_or(defaults.has_audio),
        has_video: fields.boolean("hasVideo")?.unwrap_or(defaults.has_video),
        output_mode: fields.word("outputMode")?.unwrap_or(defaults.output_mode),
        recording_layout: fields.word("recordingLayout")?.unwrap_or(defaults.recording_layout),
        resolution: fields.text("resolution")?.map_or(defaults.resolution, str::to_owned),
        frame_rate: fields.integer("frameRate")?.map_or(defaults.frame_rate, narrow),
        shm_size: fields.integer("shmSize")?.unwrap_or(defaults.shm_size),
        custom_layout: fields.text("customLayout")?.unwrap_or_default().to_owned(),
        ignore_failed_streams: fields.boolean("ignoreFailedStreams")?.unwrap_or(defaults.ignore_failed_streams),
        media_node: media_node(fields)?,
    };
    check(fields, properties)
}

/// An id, or an object with one.
pub(super) fn media_node(fields: &Fields<'_>) -> Result<Option<String>, InvalidParameter> {
    match fields.get("mediaNode") {
        Some(Value::String(id)) => Ok((!id.is_empty()).then(|| id.clone())),
        Some(Value::Object(_)) => {
            Ok(fields.object("mediaNode")?.map(|node| session::media_node(&node)).transpose()?.flatten())
        }
        Some(_) => Err(fields.invalid("mediaNode", "must be a string or an object")),
        None => Ok(None),
    }
}

fn check(fields: &Fields<'_>, mut properties: RecordingProperties) -> Result<RecordingProperties, InvalidParameter> {
    if !properties.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-~".contains(&byte)) {
        return Err(fields.invalid("name", "must match [a-zA-Z0-9_-~]+"));
    }
    check_media(fields, properties.has_audio, properties.has_video)?;
    if properties.output_mode != OutputMode::Individual && properties.has_video {
        check_composition(fields, &properties.resolution, properties.frame_rate.into(), properties.shm_size)?;
    }
    if properties.recording_layout != RecordingLayout::Custom {
        properties.custom_layout.clear();
    }
    Ok(properties)
}

/// There must be something to record or to send.
pub(super) fn check_media(fields: &Fields<'_>, has_audio: bool, has_video: bool) -> Result<(), InvalidParameter> {
    if has_audio || has_video {
        Ok(())
    } else {
        Err(fields.invalid("hasVideo", "and 'hasAudio' must not both be false"))
    }
}

/// What can be composed.
pub(super) fn check_composition(
    fields: &Fields<'_>,
    resolution: &str,
    frame_rate: i64,
    shm_size: i64,
) -> Result<(), InvalidParameter> {
    if !is_resolution(resolution) {
        return Err(fields.invalid("resolution", "must be WIDTHxHEIGHT, each from 100 to 1999"));
    }
    if !(1..=120).contains(&frame_rate) {
        return Err(fields.invalid("frameRate", "must be from 1 to 120"));
    }
    if shm_size < MIN_SHM_SIZE {
        return Err(fields.invalid("shmSize", format_args!("must be at least {MIN_SHM_SIZE}")));
    }
    Ok(())
}

fn is_resolution(text: &str) -> bool {
    let side = |text: &str| {
        let digits = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        digits && text.parse().is_ok_and(|side: u16| (100..2000).contains(&side))
    };
    text.split_once('x').is_some_and(|(width, height)| side(width) && side(height))
}

#[cfg(test)]
mod tests {
    use super::super::{Body, SessionDefaults, session};
    use super::*;
    use crate::model::ForcedVideoCodec;

    fn read(properties: &str) -> Result<RecordingProperties, String> {
        let body = Body::optional(format!("{{\"defaultRecordingProperties\":{properties}}}").as_bytes()).unwrap();
        let defaults = SessionDefaults { forced_video_codec: ForcedVideoCodec::None, allow_transcoding: false };
        session(&body, &defaults).map(|session| session.default_recording_properties).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_lose_their_fraction_and_may_be_large() {
        let properties = read(r#"{"frameRate":25.5,"shmSize":3000000000}"#).unwrap();
        assert_eq!((properties.frame_rate, properties.shm_size), (25, 3_000_000_000));
    }

    #[test]
    fn every_parameter_is_checked() {
        for (parameter, values) in [
            ("name", &["5", "\"notalphanumeric@\"", "\"a b\"", "[]"][..]),
            ("hasAudio", &["\"x\"", "1"]),
            ("hasVideo", &["\"true\"", "{}"]),
            ("outputMode", &["1", "\"NOT_EXISTS\"", "\"\""]),
            ("recordingLayout", &["\"X\"", "5"]),
            ("customLayout", &["5", "{}"]),
            (
                "resolution",
                &["999", "\"1920x2000\"", "\"99x1080\"", "\"1280X720\"", "\"\"", "\"+128x720\"", "\"0100x100\""],
            ),
            ("frameRate", &["0", "121", "0.9", "true", "\"25\""]),
            ("shmSize", &["134217727", "\"x\"", "-1"]),
            ("ignoreFailedStreams", &["\"x\""]),
            ("mediaNode", &["5", "[]", "{}", "{\"id\":5}"]),
        ] {
            for value in values {
                let error = read(&format!("{{\"{parameter}\":{value}}}")).expect_err(value);
                let name = format!("Parameter 'defaultRecordingProperties.{parameter}");
                assert!(error.starts_with(&name), "{parameter} {value}: {error}");
            }
        }
    }

    #[test]
    fn something_must_be_recorded() {
        assert!(read(r#"{"hasAudio":false,"hasVideo":false}"#).is_err());
        assert!(read(r#"{"hasAudio":false}"#).is_ok());
    }

    #[test]
    fn ranges_of_composed_video_do_not_concern_other_recordings() {
        assert!(read(r#"{"outputMode":"INDIVIDUAL","resolution":"1x1","frameRate":0,"shmSize":1}"#).is_ok());
        assert!(read(r#"{"hasVideo":false,"resolution":"1x1"}"#).is_ok());
        assert!(read(r#"{"outputMode":"INDIVIDUAL","resolution":5}"#).is_err());
    }

    #[test]
    fn a_custom_layout_needs_the_layout_custom() {
        assert_eq!(read(r#"{"customLayout":"mine"}"#).unwrap().custom_layout, "");
        assert_eq!(read(r#"{"customLayout":"mine","recordingLayout":"CUSTOM"}"#).unwrap().custom_layout, "mine");
    }

    #[test]
    fn a_media_node_is_a_text_or_an_object() {
        assert_eq!(read(r#"{"mediaNode":"n"}"#).unwrap().media_node.as_deref(), Some("n"));
        assert_eq!(read(r#"{"mediaNode":{"id":"n"}}"#).unwrap().media_node.as_deref(), Some("n"));
    }
}
