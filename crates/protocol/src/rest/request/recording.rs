//! `POST /recordings/start`, and `defaultRecordingProperties`.
//!
//! Numbers lose their fraction. What only composed recordings with video have is not range-checked for others.

use serde_json::Value;
use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::schema::{any_of, object, one, optional, values, word};
use super::body::{Body, Fields, InvalidParameter, narrow};
use super::session::{self, media_node_schema};
use crate::model::{OutputMode, RecordingLayout, RecordingProperties};

/// Below it, the browser that composes cannot run.
pub(super) const MIN_SHM_SIZE: i64 = 134_217_728;

/// The form of the body that [`recording_start`] reads, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub enum NewRecording {}

impl ToSchema for NewRecording {}

impl PartialSchema for NewRecording {
    fn schema() -> RefOr<Schema> {
        let number = || any_of([Type::Number, Type::Null]);
        one(Type::Object)
            .description(Some("What shall be recorded. What is absent or `null` is as the session's defaults say"))
            .property("session", String::schema())
            .required("session")
            .property(
                "name",
                optional(Type::String, "Of the file, without extension")
                    .pattern(Some(NAME))
                    .max_length(Some(LONGEST_NAME)),
            )
            .property("hasAudio", optional(Type::Boolean, "Record sound"))
            .property("hasVideo", optional(Type::Boolean, "Record pictures"))
            .property("outputMode", word(OutputMode::WORDS, "Composed or individual"))
            .property("recordingLayout", word(RecordingLayout::WORDS, "Composed only"))
            .property("customLayout", optional(Type::String, "With layout `CUSTOM`: folder or address of the page"))
            .property("resolution", optional(Type::String, "Composed only").pattern(Some(RESOLUTION)))
            .property("frameRate", number().minimum(Some(1)).exclusive_maximum(Some(121)))
            .property("shmSize", number().minimum(Some(MIN_SHM_SIZE as isize)))
            .property("ignoreFailedStreams", optional(Type::Boolean, "Individual only"))
            .property("mediaNode", media_node_or_id_schema())
            .property("subtitles", subtitles_schema())
            .into()
    }
}

/// Why a recording cannot be like this.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadRecording {
    /// A parameter has the wrong type or form.
    Invalid(InvalidParameter),
    /// A parameter is out of range.
    OutOfRange(InvalidParameter),
}

/// How a session shall be recorded, whose `defaults` fill in what is absent.
pub fn recording_start(body: &Body, defaults: &RecordingProperties) -> Result<RecordingProperties, BadRecording> {
    let fields = body.fields();
    let mut properties = read(&fields, defaults).map_err(BadRecording::Invalid)?;
    let composes = |mode| mode != OutputMode::Individual;
    if composes(properties.output_mode) && composes(defaults.output_mode) {
        // Whether to compose quickly was decided with the session.
        properties.output_mode = defaults.output_mode;
    }
    check(&fields, &properties).map_err(BadRecording::OutOfRange)?;
    Ok(properties)
}

/// The form that [`recording_defaults`] reads, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub(super) enum NewRecordingDefaults {}

impl ToSchema for NewRecordingDefaults {}

impl PartialSchema for NewRecordingDefaults {
    fn schema() -> RefOr<Schema> {
        let all = one(Type::Object)
            .property(
                "name",
                optional(Type::String, "Of the file, without extension")
                    .pattern(Some(NAME))
                    .max_length(Some(LONGEST_NAME)),
            )
            .property("hasAudio", optional(Type::Boolean, "Record sound; `true` if absent"))
            .property("hasVideo", optional(Type::Boolean, "Record pictures; `true` if absent"))
            .property("outputMode", word(OutputMode::WORDS, "`COMPOSED` if absent"))
            .property("recordingLayout", word(RecordingLayout::WORDS, "Composed only; `BEST_FIT` if absent"))
            .property("resolution", optional(Type::String, "Composed only; `1280x720` if absent"))
            .property("frameRate", optional(Type::Number, "Composed only, frames per second; 25 if absent"))
            .property("shmSize", optional(Type::Number, "Composed only, bytes of shared memory; 512 MiB if absent"))
            .property("customLayout", optional(Type::String, "With layout `CUSTOM`: folder or address of the page"))
            .property("ignoreFailedStreams", optional(Type::Boolean, "Individual only; `false` if absent"))
            .property("mediaNode", media_node_or_id_schema())
            .property("subtitles", subtitles_schema());
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
        let without_words = any_of([Type::String, Type::Null]).max_length(Some(0));
        let words_are_heard = AnyOfBuilder::new()
            .item(one(Type::Object).property("hasAudio", yes()))
            .item(one(Type::Object).property("subtitles", without_words));
        AllOfBuilder::new().item(all).item(rules).item(words_are_heard).into()
    }
}

pub(super) fn media_node_or_id_schema() -> RefOr<Schema> {
    AnyOfBuilder::new().item(one(Type::String)).item(media_node_schema()).into()
}

fn subtitles_schema() -> ObjectBuilder {
    optional(Type::String, "Language of its subtitles, as clients name it; empty: none")
        .max_length(Some(LONGEST_LANGUAGE))
}

/// Letters of a language's name. Which there are is the deployment's choice.
const LONGEST_LANGUAGE: usize = 64;
/// A file is called so, with an extension or a mark, and names of files take 255.
const LONGEST_NAME: usize = 200;
/// See [`read`].
const NAME: &str = "^[a-zA-Z0-9_~-]*$";
/// See [`is_resolution`].
pub(super) const RESOLUTION: &str = "^(1[0-9]{3}|[1-9][0-9]{2})x(1[0-9]{3}|[1-9][0-9]{2})$";

pub(super) fn recording_defaults(fields: &Fields<'_>) -> Result<RecordingProperties, InvalidParameter> {
    let properties = read(fields, &RecordingProperties::default())?;
    check(fields, &properties)?;
    Ok(properties)
}

/// Types and forms.
fn read(fields: &Fields<'_>, defaults: &RecordingProperties) -> Result<RecordingProperties, InvalidParameter> {
    let text = |name, default: &String| Ok(fields.text(name)?.map_or_else(|| default.clone(), str::to_owned));
    let name = fields.text("name")?.filter(|name| !name.is_empty()).unwrap_or(&defaults.name);
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-~".contains(&byte)) {
        return Err(fields.invalid("name", "must match [a-zA-Z0-9_-~]+"));
    }
    if name.len() > LONGEST_NAME {
        return Err(fields
            .invalid("name", format_args!("must have at most {LONGEST_NAME} characters, since files are called so")));
    }
    let mut properties = RecordingProperties {
        name: name.to_owned(),
        has_audio: fields.boolean("hasAudio")?.unwrap_or(defaults.has_audio),
        has_video: fields.boolean("hasVideo")?.unwrap_or(defaults.has_video),
        output_mode: fields.word("outputMode")?.unwrap_or(defaults.output_mode),
        recording_layout: fields.word("recordingLayout")?.unwrap_or(defaults.recording_layout),
        resolution: text("resolution", &defaults.resolution)?,
        frame_rate: fields.integer("frameRate")?.map_or(defaults.frame_rate, narrow),
        shm_size: fields.integer("shmSize")?.unwrap_or(defaults.shm_size),
        custom_layout: text("customLayout", &defaults.custom_layout)?,
        ignore_failed_streams: fields.boolean("ignoreFailedStreams")?.unwrap_or(defaults.ignore_failed_streams),
        media_node: media_node(fields)?.or_else(|| defaults.media_node.clone()),
        subtitles: fields.text("subtitles")?.map(str::to_owned).or_else(|| defaults.subtitles.clone()),
    };
    if properties.subtitles.as_ref().is_some_and(|language| language.chars().count() > LONGEST_LANGUAGE) {
        let rule = format_args!("must have at most {LONGEST_LANGUAGE} characters");
        return Err(fields.invalid("subtitles", rule));
    }
    if properties.recording_layout != RecordingLayout::Custom {
        properties.custom_layout.clear();
    }
    Ok(properties)
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

/// Ranges.
fn check(fields: &Fields<'_>, properties: &RecordingProperties) -> Result<(), InvalidParameter> {
    check_media(fields, properties.has_audio, properties.has_video)?;
    let is_asked_for = |language: &str| !language.is_empty();
    if !properties.has_audio && fields.text("subtitles")?.is_some_and(is_asked_for) {
        return Err(fields.invalid("subtitles", "needs 'hasAudio': words are heard in what is recorded"));
    }
    if properties.output_mode != OutputMode::Individual && properties.has_video {
        check_composition(fields, &properties.resolution, properties.frame_rate.into(), properties.shm_size)?;
    }
    Ok(())
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

    fn defaults(properties: &str) -> Result<RecordingProperties, String> {
        let body = Body::optional(format!("{{\"defaultRecordingProperties\":{properties}}}").as_bytes()).unwrap();
        let defaults = SessionDefaults {
            forced_video_codec: ForcedVideoCodec::None,
            allow_transcoding: false,
            last_n: 0,
            loudest: 0,
        };
        session(&body, &defaults).map(|session| session.default_recording_properties).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_lose_their_fraction_and_may_be_large() {
        let properties = defaults(r#"{"frameRate":25.5,"shmSize":3000000000}"#).unwrap();
        assert_eq!((properties.frame_rate, properties.shm_size), (25, 3_000_000_000));
    }

    #[test]
    fn every_parameter_is_checked() {
        let long = format!("\"{}\"", "x".repeat(LONGEST_NAME + 1));
        for (parameter, values) in [
            ("name", &["5", "\"notalphanumeric@\"", "\"a b\"", "[]", long.as_str()][..]),
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
            ("subtitles", &["5", "true", "[]", long.as_str()]),
        ] {
            for value in values {
                let error = defaults(&format!("{{\"{parameter}\":{value}}}")).expect_err(value);
                let name = format!("Parameter 'defaultRecordingProperties.{parameter}");
                assert!(error.starts_with(&name), "{parameter} {value}: {error}");
            }
        }
    }

    #[test]
    fn something_must_be_recorded() {
        assert!(defaults(r#"{"hasAudio":false,"hasVideo":false}"#).is_err());
        assert!(defaults(r#"{"hasAudio":false}"#).is_ok());
    }

    #[test]
    fn ranges_of_composed_video_do_not_concern_other_recordings() {
        assert!(defaults(r#"{"outputMode":"INDIVIDUAL","resolution":"1x1","frameRate":0,"shmSize":1}"#).is_ok());
        assert!(defaults(r#"{"hasVideo":false,"resolution":"1x1"}"#).is_ok());
        assert!(defaults(r#"{"outputMode":"INDIVIDUAL","resolution":5}"#).is_err());
    }

    #[test]
    fn a_custom_layout_needs_the_layout_custom() {
        assert_eq!(defaults(r#"{"customLayout":"mine"}"#).unwrap().custom_layout, "");
        assert_eq!(defaults(r#"{"customLayout":"mine","recordingLayout":"CUSTOM"}"#).unwrap().custom_layout, "mine");
    }

    #[test]
    fn a_start_takes_the_rest_from_the_session_and_tells_ranges_from_forms() {
        let defaults = RecordingProperties {
            name: "mine".to_owned(),
            has_audio: false,
            frame_rate: 30,
            output_mode: OutputMode::ComposedQuickStart,
            ..RecordingProperties::default()
        };
        let start = |fields: &str| {
            let body = Body::mandatory(format!("{{\"session\":\"s\"{fields}}}").as_bytes()).unwrap();
            recording_start(&body, &defaults)
        };
        assert_eq!(start("").unwrap(), defaults);
        let changed = start(r#","name":"","outputMode":"COMPOSED","hasAudio":true,"resolution":"640x480""#).unwrap();
        let expected = RecordingProperties { has_audio: true, resolution: "640x480".to_owned(), ..defaults.clone() };
        assert_eq!(changed, expected, "the session decides how to compose");
        assert_eq!(start(r#","outputMode":"INDIVIDUAL""#).unwrap().output_mode, OutputMode::Individual);
        for fields in [r#","hasVideo":false"#, r#","frameRate":0"#, r#","resolution":"1x1""#, r#","shmSize":1"#] {
            assert!(matches!(start(fields), Err(BadRecording::OutOfRange(_))), "{fields}");
        }
        for fields in [r#","name":"a b""#, r#","frameRate":"25""#, r#","outputMode":"X""#, r#","resolution":5"#] {
            assert!(matches!(start(fields), Err(BadRecording::Invalid(_))), "{fields}");
        }
        assert!(start(r#","outputMode":"INDIVIDUAL","hasAudio":true,"resolution":"1x1""#).is_ok());
    }

    #[test]
    fn subtitles_are_in_a_language_or_in_none_and_need_sound() {
        let session = RecordingProperties { subtitles: Some("ko-KR".to_owned()), ..RecordingProperties::default() };
        let start = |fields: &str| {
            let body = Body::mandatory(format!("{{\"session\":\"s\"{fields}}}").as_bytes()).unwrap();
            recording_start(&body, &session).map(|properties| properties.subtitles)
        };
        assert_eq!(start("").unwrap().as_deref(), Some("ko-KR"));
        assert_eq!(start(r#","subtitles":"en-US""#).unwrap().as_deref(), Some("en-US"));
        assert_eq!(start(r#","subtitles":"""#).unwrap().as_deref(), Some(""), "none this time");
        assert!(start(r#","hasAudio":false"#).is_ok(), "nobody has asked for them now");
        let silent = start(r#","hasAudio":false,"subtitles":"en-US""#).unwrap_err();
        assert!(matches!(&silent, BadRecording::OutOfRange(error) if error.to_string().contains("'hasAudio'")));
        assert_eq!(defaults("{}").unwrap().subtitles, None);
    }

    #[test]
    fn a_media_node_is_a_text_or_an_object() {
        assert_eq!(defaults(r#"{"mediaNode":"n"}"#).unwrap().media_node.as_deref(), Some("n"));
        assert_eq!(defaults(r#"{"mediaNode":{"id":"n"}}"#).unwrap().media_node.as_deref(), Some("n"));
    }
}
