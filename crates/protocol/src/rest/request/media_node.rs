//! `/media-nodes` and what else names a media node.

use utoipa::openapi::schema::Type;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::schema::{object, one, optional, values};
use super::body::{Body, InvalidParameter};
use super::session::media_node;
use crate::event::MediaNodeStatus;

/// The form of the body that [`new_media_node`] reads, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub enum NewMediaNode {}

impl ToSchema for NewMediaNode {}

impl PartialSchema for NewMediaNode {
    fn schema() -> RefOr<Schema> {
        one(Type::Object)
            .description(Some("`null` counts as absent"))
            .property("uri", optional(Type::String, "Of its WebSocket").pattern(Some(r"^wss?://[^/?#\s]\S*$")))
            .property("environmentId", optional(Type::String, "What the provider calls the machine"))
            .into()
    }
}

/// `POST /media-nodes`: the address of the node to take in; none where the deployment could start machines itself.
pub fn new_media_node(body: &Body) -> Result<Option<String>, InvalidParameter> {
    let fields = body.fields();
    fields.text("environmentId")?;
    let uri = fields.text("uri")?;
    let is_web_socket = |uri: &str| {
        let host = uri.strip_prefix("ws://").or_else(|| uri.strip_prefix("wss://"));
        host.is_some_and(|host| {
            !host.is_empty() && !host.starts_with(['/', '?', '#']) && !uri.contains(char::is_whitespace)
        })
    };
    match uri {
        Some(uri) if !is_web_socket(uri) => {
            Err(fields.invalid("uri", "must be a WebSocket URL such as ws://host:8888/kurento"))
        }
        uri => Ok(uri.map(str::to_owned)),
    }
}

/// The form of the body that [`media_node_status`] reads, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub enum MediaNodeChange {}

impl ToSchema for MediaNodeChange {}

impl PartialSchema for MediaNodeChange {
    fn schema() -> RefOr<Schema> {
        let only_happen = [MediaNodeStatus::Failed, MediaNodeStatus::Terminated].map(MediaNodeStatus::as_str);
        let wishes = MediaNodeStatus::WORDS.iter().copied().filter(|word| !only_happen.contains(word));
        object([("status", values(wishes).into())]).into()
    }
}

/// `PATCH /media-nodes/{id}`: the status wished for. Those that only happen cannot be wished for.
pub fn media_node_status(body: &Body) -> Result<MediaNodeStatus, InvalidParameter> {
    let fields = body.fields();
    match fields.word("status")? {
        Some(MediaNodeStatus::Failed | MediaNodeStatus::Terminated) => {
            Err(fields.invalid("status", "cannot be set to this value"))
        }
        Some(status) => Ok(status),
        None => Err(fields.invalid("status", "is mandatory")),
    }
}

/// `POST /speech-to-text/load` and `…/unload`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpeechModel {
    /// Language, or the name of a model.
    pub lang: String,
    /// Where it shall be.
    pub media_node: String,
}

impl ToSchema for SpeechModel {}

impl PartialSchema for SpeechModel {
    fn schema() -> RefOr<Schema> {
        let text = || RefOr::from(Schema::from(one(Type::String).min_length(Some(1))));
        object([("lang", text()), ("mediaNode", object([("id", text())]).into())]).into()
    }
}

/// Both are mandatory.
pub fn speech_model(body: &Body) -> Result<SpeechModel, InvalidParameter> {
    let fields = body.fields();
    let missing = |name| fields.invalid(name, "is mandatory");
    let lang = fields.text("lang")?.filter(|lang| !lang.is_empty()).ok_or_else(|| missing("lang"))?.to_owned();
    let node = fields.object("mediaNode")?.ok_or_else(|| missing("mediaNode"))?;
    let media_node = media_node(&node)?.ok_or_else(|| node.invalid("id", "is mandatory"))?;
    Ok(SpeechModel { lang, media_node })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Body {
        Body::optional(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_node_has_a_web_socket_address_or_none() {
        let read = |text: &str| new_media_node(&body(text)).map_err(|error| error.name);
        assert_eq!(read(r#"{"instanceType":"t3.medium","volumeSize":50}"#), Ok(None));
        assert_eq!(read(r#"{"uri":"ws://10.0.0.5:8888/kurento","environmentId":"x"}"#).unwrap().unwrap().len(), 26);
        for bad in ["\"http://h/\"", "\"ws://\"", "\"ws:///x\"", "\"ws://a b\"", "5", "\"\""] {
            assert_eq!(read(&format!("{{\"uri\":{bad}}}")), Err("uri".into()), "{bad}");
        }
        assert_eq!(read(r#"{"environmentId":5}"#), Err("environmentId".into()));
    }

    #[test]
    fn a_status_must_be_one_that_can_be_wished_for() {
        let read = |text: &str| media_node_status(&body(text)).ok();
        assert_eq!(read(r#"{"status":"running"}"#), Some(MediaNodeStatus::Running));
        for bad in ["{}", r#"{"status":5}"#, r#"{"status":"RUNNING"}"#, r#"{"status":"failed"}"#, r#"{"status":null}"#]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_model_needs_a_language_and_a_node() {
        let read = |text: &str| speech_model(&body(text)).map_err(|error| error.name);
        assert!(read(r#"{"lang":"en-US","mediaNode":{"id":"media_x"}}"#).is_ok());
        for (bad, name) in [
            (r#"{"mediaNode":{"id":"x"}}"#, "lang"),
            (r#"{"lang":"","mediaNode":{"id":"x"}}"#, "lang"),
            (r#"{"lang":5,"mediaNode":{"id":"x"}}"#, "lang"),
            (r#"{"lang":"en-US"}"#, "mediaNode"),
            (r#"{"lang":"en-US","mediaNode":"x"}"#, "mediaNode"),
            (r#"{"lang":"en-US","mediaNode":{}}"#, "mediaNode.id"),
            (r#"{"lang":"en-US","mediaNode":{"id":""}}"#, "mediaNode.id"),
        ] {
            assert_eq!(read(bad).map(drop), Err(name.into()), "{bad}");
        }
    }
}
