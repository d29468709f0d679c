//! Client → server methods with their parameters. How single values are coerced is in [`super::params`].

use serde_json::Value;

use super::params::{MISSING, Params, as_boolean, as_integer, as_text};

/// A request other than `ping` and `connect`, which belong to the socket and not to a participant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientRequest {
    /// Enters a session with a token (or the deployment's secret).
    JoinRoom(Box<JoinRoom>),
    /// Leaves it.
    LeaveRoom,
    /// Publishes the caller's one stream.
    PublishVideo(Box<PublishVideo>),
    /// Ends it.
    UnpublishVideo,
    /// Asks for an offer to receive a stream.
    PrepareReceiveVideoFrom {
        /// Stream id.
        sender: String,
        /// Drop the existing subscription first.
        reconnect: bool,
    },
    /// Receives a stream: the answer to an offer, or an offer.
    ReceiveVideoFrom {
        /// Stream id.
        sender: String,
        /// The client's SDP; absent = an error to be answered.
        sdp: Option<SubscribeSdp>,
    },
    /// Ends a subscription.
    UnsubscribeFromVideo {
        /// *Connection* id of the publisher.
        sender: String,
    },
    /// Ours alone: whether the caller wants the picture of a stream that it receives, or only its sound. OpenVidu's clients switch
    /// their own tracks off instead, and go on receiving.
    SubscribeToVideo {
        /// Stream id.
        sender: String,
        /// Whether it wants it.
        value: bool,
    },
    /// Trickled candidate.
    OnIceCandidate {
        /// Own connection id = the publishing peer connection; else the publisher's.
        endpoint_name: String,
        /// May be empty.
        candidate: String,
    },
    /// A new peer connection for an existing publication or subscription.
    ReconnectStream {
        /// Stream id.
        stream: String,
        /// `sdpString`: an offer of the publisher, or the answer of a subscriber.
        sdp_string: Option<String>,
        /// `sdpOffer`: the offer of a subscriber.
        sdp_offer: Option<String>,
    },
    /// Sends a signal.
    SendMessage {
        /// JSON text, see [`super::Signal`].
        message: String,
    },
    /// Tells the others that a property of the caller's stream changed.
    StreamPropertyChanged {
        /// Any name.
        property: String,
        /// JSON *text* of the value that was sent.
        new_value: String,
        /// Any text.
        reason: String,
    },
    /// A moderator throws somebody out.
    ForceDisconnect {
        /// Whom.
        connection_id: String,
    },
    /// A moderator ends a stream.
    ForceUnpublish {
        /// Which.
        stream_id: String,
    },
    /// A client's own report on its video; answered and otherwise ignored.
    VideoData,
    /// Is anybody there?
    Echo,
    /// `applyFilter`.
    ApplyFilter {
        /// Which stream.
        stream_id: String,
        /// `type`: `GStreamerFilter`…
        kind: String,
        /// JSON text of an object, unread: whether it may be applied comes first.
        options: Option<String>,
    },
    /// `execFilterMethod`.
    ExecFilterMethod {
        /// Which stream.
        stream_id: String,
        /// `setElementProperty`…
        method: String,
        /// An object.
        params: Value,
    },
    /// `removeFilter`.
    RemoveFilter {
        /// Which stream.
        stream_id: String,
    },
    /// `addFilterEventListener`.
    AddFilterEventListener {
        /// Which stream.
        stream_id: String,
        /// `CodeFound`…
        event_type: String,
    },
    /// `removeFilterEventListener`.
    RemoveFilterEventListener {
        /// Which stream.
        stream_id: String,
        /// `CodeFound`…
        event_type: String,
    },
    /// Asks for the words of somebody.
    SubscribeToSpeechToText {
        /// Of whom.
        connection_id: String,
        /// BCP 47, or the name of a model.
        lang: String,
    },
    /// No longer.
    UnsubscribeFromSpeechToText {
        /// Of whom.
        connection_id: String,
    },
    /// A method that does not exist; it gets an error, where the original stays silent.
    Unknown {
        /// Its name.
        method: String,
    },
}

/// `joinRoom`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinRoom {
    /// Full token URL (or the bare `tok_…`).
    pub token: String,
    /// Session id.
    pub session: String,
    /// Free text such as `Chrome 126.0.0.0 on Linux 64-bit`.
    pub platform: String,
    /// Absent in 2.20; may be no semver.
    pub sdk_version: Option<String>,
    /// Client data.
    pub metadata: String,
    /// The deployment's secret, or anything.
    pub secret: String,
    /// The composed recorder's page (only with the secret).
    pub recorder: bool,
    /// The speech-to-text client (only with the secret).
    pub stt: bool,
}

/// `publishVideo`. What the publisher says of itself is relayed as is, also when it does not fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublishVideo {
    /// SDP offer.
    pub sdp_offer: String,
    /// Send the stream back on the same peer connection.
    pub do_loopback: bool,
    /// Sound is offered.
    pub has_audio: bool,
    /// Pictures are offered.
    pub has_video: bool,
    /// Initially unmuted?
    pub audio_active: Option<bool>,
    /// Initially unmuted?
    pub video_active: Option<bool>,
    /// `CAMERA`, `SCREEN`, `CUSTOM`, or any text; required with video (the parser sees to it).
    pub type_of_video: Option<String>,
    /// −1 = unset.
    pub frame_rate: Option<i64>,
    /// JSON text, unread.
    pub video_dimensions: Option<String>,
    /// A filter to begin with, or why it cannot be read. What is no object is none.
    pub filter: Option<Result<PublishedFilter, &'static str>>,
}

/// A filter that a stream is published with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublishedFilter {
    /// `type`: `GStreamerFilter`…
    pub kind: String,
    /// An object.
    pub options: Value,
}

/// The SDP of `receiveVideoFrom`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SubscribeSdp {
    /// `sdpOffer`: the client offers.
    Offer(String),
    /// `sdpAnswer`: the client answers our offer.
    Answer(String),
}

/// Parameters that cannot be read; the code is −1.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Parameter '{parameter}' of method '{method}' {rule}")]
pub struct InvalidParams {
    /// The method called.
    pub method: String,
    /// The parameter at fault.
    pub parameter: String,
    /// What it must be, e.g. "is missing".
    pub rule: &'static str,
}

/// Every method that is known, those of the socket too.
#[cfg(test)]
pub(super) const METHODS: &[&str] = &[
    "ping",
    "connect",
    "joinRoom",
    "leaveRoom",
    "publishVideo",
    "unpublishVideo",
    "prepareReceiveVideoFrom",
    "receiveVideoFrom",
    "unsubscribeFromVideo",
    "subscribeToVideo",
    "onIceCandidate",
    "reconnectStream",
    "sendMessage",
    "streamPropertyChanged",
    "forceDisconnect",
    "forceUnpublish",
    "videoData",
    "echo",
    "applyFilter",
    "execFilterMethod",
    "removeFilter",
    "addFilterEventListener",
    "removeFilterEventListener",
    "subscribeToSpeechToText",
    "unsubscribeFromSpeechToText",
];

impl ClientRequest {
    /// By which method it was asked; `None` for one that is not known.
    pub fn method(&self) -> Option<&'static str> {
        Some(match self {
            Self::JoinRoom(_) => "joinRoom",
            Self::LeaveRoom => "leaveRoom",
            Self::PublishVideo(_) => "publishVideo",
            Self::UnpublishVideo => "unpublishVideo",
            Self::PrepareReceiveVideoFrom { .. } => "prepareReceiveVideoFrom",
            Self::ReceiveVideoFrom { .. } => "receiveVideoFrom",
            Self::UnsubscribeFromVideo { .. } => "unsubscribeFromVideo",
            Self::OnIceCandidate { .. } => "onIceCandidate",
            Self::ReconnectStream { .. } => "reconnectStream",
            Self::SendMessage { .. } => "sendMessage",
            Self::StreamPropertyChanged { .. } => "streamPropertyChanged",
            Self::ForceDisconnect { .. } => "forceDisconnect",
            Self::ForceUnpublish { .. } => "forceUnpublish",
            Self::VideoData => "videoData",
            Self::Echo => "echo",
            Self::ApplyFilter { .. } => "applyFilter",
            Self::ExecFilterMethod { .. } => "execFilterMethod",
            Self::RemoveFilter { .. } => "removeFilter",
            Self::AddFilterEventListener { .. } => "addFilterEventListener",
            Self::RemoveFilterEventListener { .. } => "removeFilterEventListener",
            Self::SubscribeToSpeechToText { .. } => "subscribeToSpeechToText",
            Self::UnsubscribeFromSpeechToText { .. } => "unsubscribeFromSpeechToText",
            Self::SubscribeToVideo { .. } => "subscribeToVideo",
            Self::Unknown { .. } => return None,
        })
    }

    /// Reads any method but `ping` and `connect`.
    pub(super) fn read(mut params: Params) -> Result<Self, InvalidParams> {
        Ok(match params.method() {
            "joinRoom" => Self::JoinRoom(Box::new(JoinRoom::read(&mut params)?)),
            "leaveRoom" => Self::LeaveRoom,
            "publishVideo" => Self::PublishVideo(Box::new(PublishVideo::read(&mut params)?)),
            "unpublishVideo" => Self::UnpublishVideo,
            "prepareReceiveVideoFrom" => Self::PrepareReceiveVideoFrom {
                sender: params.text("sender")?,
                reconnect: params.boolean("reconnect")?,
            },
            "receiveVideoFrom" => Self::ReceiveVideoFrom {
                sender: params.text("sender")?,
                sdp: match (params.optional_text("sdpOffer")?, params.optional_text("sdpAnswer")?) {
                    (Some(offer), _) => Some(SubscribeSdp::Offer(offer)),
                    (None, Some(answer)) => Some(SubscribeSdp::Answer(answer)),
                    (None, None) => None,
                },
            },
            "unsubscribeFromVideo" => Self::UnsubscribeFromVideo { sender: params.text("sender")? },
            "subscribeToVideo" => {
                Self::SubscribeToVideo { sender: params.text("sender")?, value: params.boolean("value")? }
            }
            "onIceCandidate" => {
                // Not needed, since every client bundles; but the original wants them.
                params.text("sdpMid")?;
                params.integer("sdpMLineIndex")?;
                Self::OnIceCandidate {
                    endpoint_name: params.text("endpointName")?,
                    candidate: params.text("candidate")?,
                }
            }
            "reconnectStream" => Self::ReconnectStream {
                stream: params.text("stream")?,
                sdp_string: params.optional_text("sdpString")?,
                sdp_offer: params.optional_text("sdpOffer")?,
            },
            "sendMessage" => Self::SendMessage { message: params.text("message")? },
            "streamPropertyChanged" => {
                // The caller's own stream is meant whatever stands there.
                params.text("streamId")?;
                Self::StreamPropertyChanged {
                    property: params.text("property")?,
                    new_value: params.value("newValue")?.to_string(),
                    reason: params.text("reason")?,
                }
            }
            "forceDisconnect" => Self::ForceDisconnect { connection_id: params.text("connectionId")? },
            "forceUnpublish" => Self::ForceUnpublish { stream_id: params.text("streamId")? },
            "videoData" => {
                for number in ["height", "width"] {
                    params.integer(number)?;
                }
                for flag in ["videoActive", "audioActive"] {
                    params.boolean(flag)?;
                }
                Self::VideoData
            }
            "echo" => Self::Echo,
            "applyFilter" => Self::ApplyFilter {
                stream_id: params.text("streamId")?,
                kind: params.text("type")?,
                options: params.lenient("options", as_json_text),
            },
            "execFilterMethod" => Self::ExecFilterMethod {
                stream_id: params.text("streamId")?,
                method: params.text("method")?,
                params: {
                    let text =
                        params.lenient("params", as_json_text).ok_or_else(|| params.invalid("params", MISSING))?;
                    let object = serde_json::from_str(&text).ok().filter(Value::is_object);
                    object.ok_or_else(|| params.invalid("params", "must be a JSON object"))?
                },
            },
            "removeFilter" => Self::RemoveFilter { stream_id: params.text("streamId")? },
            "addFilterEventListener" => Self::AddFilterEventListener {
                stream_id: params.text("streamId")?,
                event_type: params.text("eventType")?,
            },
            "removeFilterEventListener" => Self::RemoveFilterEventListener {
                stream_id: params.text("streamId")?,
                event_type: params.text("eventType")?,
            },
            "subscribeToSpeechToText" => Self::SubscribeToSpeechToText {
                connection_id: params.text("connectionId")?,
                lang: params.text("lang")?,
            },
            "unsubscribeFromSpeechToText" => {
                Self::UnsubscribeFromSpeechToText { connection_id: params.text("connectionId")? }
            }
            _ => Self::Unknown { method: params.into_method() },
        })
    }
}

/// Clients send the text; an object is as good.
fn as_json_text(value: Value) -> Option<String> {
    match value {
        Value::Object(_) => Some(value.to_string()),
        other => as_text(other),
    }
}

impl PublishedFilter {
    fn read(filter: Value) -> Option<Result<Self, &'static str>> {
        let Value::Object(mut filter) = filter else { return None };
        let Some(Value::String(kind)) = filter.swap_remove("type") else {
            return Some(Err("'type' is missing, or no text"));
        };
        let Some(options) = filter.swap_remove("options").filter(Value::is_object) else {
            return Some(Err("'options' is missing, or no object"));
        };
        Some(Ok(Self { kind, options }))
    }
}

impl JoinRoom {
    fn read(params: &mut Params) -> Result<Self, InvalidParams> {
        Ok(Self {
            token: params.text("token")?,
            session: params.text("session")?,
            platform: params.text("platform")?,
            // The original consumes the token and fails when it is no version.
            sdk_version: params.lenient("sdkVersion", as_text).filter(|version| is_version(version)),
            metadata: params.text("metadata")?,
            secret: params.text("secret")?,
            recorder: params.optional_boolean("recorder")?.unwrap_or(false),
            stt: params.optional_boolean("stt")?.unwrap_or(false),
        })
    }
}

impl PublishVideo {
    /// Bytes of what a publisher says of its pictures. Clients send some thirty; everybody who joins is told, and it stands in
    /// events.
    pub const LONGEST_DESCRIPTION: usize = 1000;

    fn read(params: &mut Params) -> Result<Self, InvalidParams> {
        let has_video = params.boolean("hasVideo")?;
        let type_of_video = params.optional_text("typeOfVideo")?;
        if has_video && type_of_video.is_none() {
            return Err(params.invalid("typeOfVideo", "is missing"));
        }
        let video_dimensions = params.lenient("videoDimensions", as_text);
        for (name, text) in [("typeOfVideo", &type_of_video), ("videoDimensions", &video_dimensions)] {
            if text.as_ref().is_some_and(|text| text.len() > Self::LONGEST_DESCRIPTION) {
                return Err(params.invalid(name, "may have 1000 bytes at most"));
            }
        }
        Ok(Self {
            sdp_offer: params.text("sdpOffer")?,
            do_loopback: params.boolean("doLoopback")?,
            has_audio: params.boolean("hasAudio")?,
            has_video,
            audio_active: params.lenient("audioActive", as_boolean),
            video_active: params.lenient("videoActive", as_boolean),
            type_of_video,
            frame_rate: params.lenient("frameRate", as_integer),
            video_dimensions,
            filter: params.lenient("filter", PublishedFilter::read),
        })
    }
}

/// `major.minor.patch`, perhaps with a suffix.
fn is_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = core.split('.');
    numbers.by_ref().take(3).filter(|number| number.parse::<u32>().is_ok()).count() == 3 && numbers.next().is_none()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(method: &str, params: &str) -> Result<ClientRequest, InvalidParams> {
        let params: Value = serde_json::from_str(params).unwrap();
        ClientRequest::read(Params::new(method.to_owned(), Some(params))?)
    }

    fn join(params: &str) -> JoinRoom {
        match read("joinRoom", params) {
            Ok(ClientRequest::JoinRoom(join)) => *join,
            other => panic!("{other:?}"),
        }
    }

    const PUBLISH: &str = r#""doLoopback":false,"hasAudio":true,"hasVideo":true,"sdpOffer":"v=0""#;

    fn publish(more: &str) -> PublishVideo {
        match read("publishVideo", &format!("{{{PUBLISH},{more}}}")) {
            Ok(ClientRequest::PublishVideo(publish)) => *publish,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_client_of_2_20_joins_without_a_version() {
        let joined = join(r#"{"token":"t","session":"s","platform":"p","metadata":"","secret":"","recorder":false}"#);
        assert_eq!((joined.sdk_version, joined.recorder, joined.stt), (None, false, false));
    }

    #[test]
    fn a_version_that_is_none_is_ignored() {
        for (version, read) in [
            ("\"2.32.2\"", Some("2.32.2")),
            ("\"2.22.0-beta1\"", Some("2.22.0-beta1")),
            ("\"x\"", None),
            ("\"2.32\"", None),
            ("null", None),
            ("5", None),
            ("{}", None),
        ] {
            let text = format!(
                r#"{{"token":"t","session":"s","platform":"p","metadata":"","secret":"","sdkVersion":{version}}}"#
            );
            assert_eq!(join(&text).sdk_version.as_deref(), read, "{version}");
        }
    }

    #[test]
    fn values_are_coerced() {
        let joined =
            join(r#"{"token":1,"session":2.5,"platform":true,"metadata":false,"secret":"","recorder":"TRUE","stt":1}"#);
        assert_eq!((joined.token.as_str(), joined.session.as_str()), ("1", "2.5"));
        assert_eq!((joined.platform.as_str(), joined.metadata.as_str()), ("true", "false"));
        assert_eq!((joined.recorder, joined.stt), (true, false));
        let candidate = |index: &str| {
            read(
                "onIceCandidate",
                &format!(r#"{{"endpointName":"con_A","candidate":"","sdpMid":0,"sdpMLineIndex":{index}}}"#),
            )
        };
        assert!(candidate("\"0\"").is_ok() && candidate("0.9").is_ok());
        for bad in ["\"x\"", "null", "[]", "true"] {
            assert_eq!(candidate(bad).unwrap_err().parameter, "sdpMLineIndex");
        }
    }

    #[test]
    fn errors_name_the_parameter_and_the_method() {
        let error = read("forceDisconnect", "{}").unwrap_err().to_string();
        assert_eq!(error, "Parameter 'connectionId' of method 'forceDisconnect' is missing");
        let error = read("sendMessage", r#"{"message":{}}"#).unwrap_err().to_string();
        assert_eq!(error, "Parameter 'message' of method 'sendMessage' must be a text");
    }

    #[test]
    fn what_a_publisher_says_of_itself_is_taken_as_it_is() {
        let published = publish(r#""typeOfVideo":"FOO","frameRate":29.97,"videoDimensions":"notjson""#);
        assert_eq!(published.type_of_video.as_deref(), Some("FOO"));
        assert_eq!(published.frame_rate, Some(29));
        assert_eq!(published.video_dimensions.as_deref(), Some("notjson"));
        let published = publish(
            r#""typeOfVideo":"","videoDimensions":{"width":1},"audioActive":null,"filter":{"type":"x","options":{}}"#,
        );
        let filter = PublishedFilter { kind: "x".to_owned(), options: Value::Object(serde_json::Map::new()) };
        let expected = (None, None, Some(Ok(filter)));
        assert_eq!((published.video_dimensions, published.audio_active, published.filter), expected);
    }

    #[test]
    fn what_a_publisher_says_of_its_pictures_is_short() {
        for name in ["typeOfVideo", "videoDimensions"] {
            let of = |length: usize| {
                let text = "x".repeat(length);
                read("publishVideo", &format!(r#"{{{PUBLISH},"typeOfVideo":"CAMERA","{name}":"{text}"}}"#))
            };
            assert!(of(1000).is_ok());
            let error = of(1001).unwrap_err().to_string();
            assert_eq!(error, format!("Parameter '{name}' of method 'publishVideo' may have 1000 bytes at most"));
        }
    }

    #[test]
    fn video_needs_its_type() {
        assert_eq!(read("publishVideo", &format!("{{{PUBLISH}}}")).unwrap_err().parameter, "typeOfVideo");
        let audio_only = r#"{"doLoopback":false,"hasAudio":true,"hasVideo":false,"sdpOffer":"v=0"}"#;
        assert!(read("publishVideo", audio_only).is_ok());
    }

    #[test]
    fn a_subscriber_answers_or_offers() {
        let sdp = |more: &str| match read("receiveVideoFrom", &format!(r#"{{"sender":"str_A"{more}}}"#)) {
            Ok(ClientRequest::ReceiveVideoFrom { sdp, .. }) => sdp,
            other => panic!("{other:?}"),
        };
        assert_eq!(sdp(r#","sdpAnswer":"a""#), Some(SubscribeSdp::Answer("a".into())));
        assert_eq!(sdp(r#","sdpOffer":"o""#), Some(SubscribeSdp::Offer("o".into())));
        assert_eq!(sdp(""), None);
    }

    #[test]
    fn a_changed_property_keeps_its_json_text() {
        let new_value = |value: &str| {
            let text = format!(r#"{{"streamId":"s","property":"p","newValue":{value},"reason":"r"}}"#);
            match read("streamPropertyChanged", &text) {
                Ok(ClientRequest::StreamPropertyChanged { new_value, .. }) => new_value,
                other => panic!("{other:?}"),
            }
        };
        for value in ["true", "null", "5", r#""{\"width\":480,\"height\":640}""#, r#"{"label":"cam 2"}"#] {
            assert_eq!(new_value(value), value);
        }
    }

    #[test]
    fn an_unknown_method_is_a_request_too() {
        assert_eq!(read("sessionStatus", "{}"), Ok(ClientRequest::Unknown { method: "sessionStatus".into() }));
    }
}
