//! `defaultRecordingProperties`.
//!
//! Numbers lose their fraction. What only composed recordings with video have is not range-checked for others.

use serde_json::Value;

use super::body::{Fields, InvalidParameter, narrow};
use super::session;
use crate::model::{OutputMode, RecordingLayout, RecordingProperties};

/// Below it, the browser that composes cannot run.
pub(super) const MIN_SHM_SIZE: i64 = 134_217_728;

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
    if !properties.has_audio && !properties.has_video {
        return Err(fields.invalid("hasVideo", "and 'hasAudio' must not both be false"));
    }
    if properties.output_mode != OutputMode::Individual && properties.has_video {
        if !is_resolution(&properties.resolution) {
            return Err(fields.invalid("resolution", "must be WIDTHxHEIGHT, each from 100 to 1999"));
        }
        if !(1..=120).contains(&properties.frame_rate) {
            return Err(fields.invalid("frameRate", "must be from 1 to 120"));
        }
        if properties.shm_size < MIN_SHM_SIZE {
            return Err(fields.invalid("shmSize", format_args!("must be at least {MIN_SHM_SIZE}")));
        }
    }
    if properties.recording_layout != RecordingLayout::Custom {
        properties.custom_layout.clear();
    }
    Ok(properties)
}

pub(super) fn is_resolution(text: &str) -> bool {
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
