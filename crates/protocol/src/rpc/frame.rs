//! JSON-RPC frames: telling requests apart and writing answers.

use serde::Serialize;
use serde_json::Value;

use super::notification::ServerNotification;
use super::params::Params;
use super::reply::{ClientReply, RpcError};
use super::request::{ClientRequest, InvalidParams};

/// What a text frame of a client holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incoming {
    /// Keep-alive; answered by the socket itself.
    Ping {
        /// JSON-RPC id.
        id: i64,
        /// ms; only in the first ping of a socket. `Err` = not a number, to be answered with −1.
        interval: Result<Option<u64>, InvalidParams>,
    },
    /// Binds an earlier RPC session to this socket.
    Connect {
        /// JSON-RPC id.
        id: i64,
        /// The RPC session; absent = a new one.
        rpc_session: Option<String>,
    },
    /// Everything else.
    Request {
        /// JSON-RPC id.
        id: i64,
        /// Typed, or why it cannot be read.
        request: Result<ClientRequest, InvalidParams>,
    },
    /// A request without `id`: nothing is done, and an error without `id` says so ([`error_frame_without_id`]).
    WithoutId,
    /// No JSON object with a method, or an `id` that no answer could carry. Ignored.
    Noise,
}

/// Reads a text frame; never fails. As lenient as the original: `jsonrpc` and additional members are not looked at.
pub fn parse(text: &str) -> Incoming {
    let Ok(Value::Object(mut frame)) = serde_json::from_str(text) else { return Incoming::Noise };
    let Some(Value::String(method)) = frame.swap_remove("method") else { return Incoming::Noise };
    let id = match frame.swap_remove("id") {
        None => return Incoming::WithoutId,
        Some(id) => match whole_number(&id) {
            Some(id) => id,
            None => return Incoming::Noise,
        },
    };
    let params = Params::new(method, frame.swap_remove("params"));
    match (params, id) {
        (Ok(params), id) if params.method() == "ping" => Incoming::Ping { id, interval: interval(params) },
        (Ok(params), id) if params.method() == "connect" => connect(id, params),
        (Ok(params), id) => Incoming::Request { id, request: ClientRequest::read(params) },
        (Err(error), id) if error.method == "ping" => Incoming::Ping { id, interval: Err(error) },
        (Err(error), id) => Incoming::Request { id, request: Err(error) },
    }
}

/// `"500"` is 500 and 1.5 is 1, as in the original.
fn whole_number(id: &Value) -> Option<i64> {
    match id {
        // A cast of a float saturates.
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|float| float as i64)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn interval(mut params: Params) -> Result<Option<u64>, InvalidParams> {
    match params.optional_integer("interval")? {
        Some(interval) => match u64::try_from(interval) {
            Ok(interval) => Ok(Some(interval)),
            Err(_) => Err(params.invalid("interval", "must not be negative")),
        },
        None => Ok(None),
    }
}

fn connect(id: i64, mut params: Params) -> Incoming {
    match params.optional_text("sessionId") {
        Ok(rpc_session) => Incoming::Connect { id, rpc_session },
        Err(error) => Incoming::Request { id, request: Err(error) },
    }
}

/// `{"id":…,"result":{…,"sessionId":…},"jsonrpc":"2.0"}`.
pub fn reply_frame(id: i64, rpc_session: &str, reply: &ClientReply) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        id: i64,
        result: InSession<'a>,
        jsonrpc: &'static str,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct InSession<'a> {
        #[serde(flatten)]
        reply: &'a ClientReply,
        session_id: &'a str,
    }
    write(&Frame { id, result: InSession { reply, session_id: rpc_session }, jsonrpc: VERSION })
}

/// `{"id":…,"error":{"code":…,"message":…},"jsonrpc":"2.0"}`.
pub fn error_frame(id: i64, error: &RpcError) -> String {
    write(&ErrorFrame { id: Some(id), error: error.into(), jsonrpc: VERSION })
}

/// What answers [`Incoming::WithoutId`].
pub fn error_frame_without_id() -> String {
    let error = ErrorBody { code: -1, message: "A request needs an 'id'" };
    write(&ErrorFrame { id: None, error, jsonrpc: VERSION })
}

/// `{"id":…,"result":{"value":"pong"},"jsonrpc":"2.0"}`.
pub fn pong_frame(id: i64) -> String {
    format!(r#"{{"id":{id},"result":{{"value":"pong"}},"jsonrpc":"2.0"}}"#)
}

/// `{"method":…,"params":{…},"jsonrpc":"2.0"}`.
pub fn notification_frame(notification: &ServerNotification) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        #[serde(flatten)]
        notification: &'a ServerNotification,
        jsonrpc: &'static str,
    }
    write(&Frame { notification, jsonrpc: VERSION })
}

const VERSION: &str = "2.0";

#[derive(Serialize)]
struct ErrorFrame<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
    error: ErrorBody<'a>,
    jsonrpc: &'static str,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: i32,
    message: &'a str,
}

impl<'a> From<&'a RpcError> for ErrorBody<'a> {
    fn from(error: &'a RpcError) -> Self {
        Self { code: error.code.number(), message: &error.message }
    }
}

fn write(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("our own types have text keys only, nothing else can fail")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorCode;
    use crate::filter::FilterView;
    use crate::id::{ConnectionId, StreamId};
    use crate::rpc::StreamDescription;

    #[test]
    fn id_zero_is_a_request() {
        let ping = r#"{"jsonrpc":"2.0","method":"ping","params":{"interval":5000},"id":0}"#;
        assert_eq!(parse(ping), Incoming::Ping { id: 0, interval: Ok(Some(5000)) });
    }

    #[test]
    fn params_may_be_missing() {
        assert_eq!(parse(r#"{"method":"ping","id":1}"#), Incoming::Ping { id: 1, interval: Ok(None) });
        let leave = Incoming::Request { id: 2, request: Ok(ClientRequest::LeaveRoom) };
        assert_eq!(parse(r#"{"method":"leaveRoom","id":2}"#), leave);
        assert_eq!(parse(r#"{"method":"leaveRoom","id":2,"params":null}"#), leave);
    }

    #[test]
    fn ids_are_coerced() {
        for (id, read) in [("\"500\"", 500), ("1.5", 1), ("-3", -3), ("1e3", 1000), ("\"-7\"", -7)] {
            let text = format!(r#"{{"method":"ping","id":{id}}}"#);
            assert_eq!(parse(&text), Incoming::Ping { id: read, interval: Ok(None) }, "{id}");
        }
    }

    #[test]
    fn an_unusable_id_is_never_answered_but_a_missing_one_is() {
        for id in ["null", "\"abc\"", "\"1.5\"", "[]", "{}", "true"] {
            assert_eq!(parse(&format!(r#"{{"method":"ping","id":{id}}}"#)), Incoming::Noise, "{id}");
        }
        assert_eq!(parse(r#"{"method":"ping"}"#), Incoming::WithoutId);
        let answer: Value = serde_json::from_str(&error_frame_without_id()).unwrap();
        assert!(answer.get("id").is_none() && answer["error"]["code"] == -1);
    }

    #[test]
    fn noise_is_recognised() {
        for text in [
            "",
            "not json",
            "[]",
            r#"[{"method":"ping","id":1}]"#,
            "5",
            "null",
            "{}",
            r#"{"id":1}"#,
            r#"{"method":5,"id":1}"#,
        ] {
            assert_eq!(parse(text), Incoming::Noise, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(parse(&deep), Incoming::Noise);
    }

    #[test]
    fn params_that_are_no_object_are_answered_with_an_error() {
        for params in ["[]", "\"x\"", "5", "true"] {
            let text = format!(r#"{{"method":"echo","params":{params},"id":4}}"#);
            let Incoming::Request { id: 4, request: Err(error) } = parse(&text) else { panic!("{text}") };
            assert_eq!((error.method.as_str(), error.parameter.as_str()), ("echo", "params"));
        }
        assert!(matches!(parse(r#"{"method":"ping","params":[],"id":4}"#), Incoming::Ping { id: 4, interval: Err(_) }));
    }

    #[test]
    fn a_ping_with_a_bad_interval_is_answered_with_an_error() {
        for interval in ["\"x\"", "null", "{}", "-5"] {
            let text = format!(r#"{{"method":"ping","params":{{"interval":{interval}}},"id":4}}"#);
            assert!(matches!(parse(&text), Incoming::Ping { id: 4, interval: Err(_) }), "{text}");
        }
    }

    #[test]
    fn connect_names_the_rpc_session() {
        let text = r#"{"jsonrpc":"2.0","method":"connect","params":{"sessionId":"9k2v","reconnect":true},"id":24}"#;
        assert_eq!(parse(text), Incoming::Connect { id: 24, rpc_session: Some("9k2v".into()) });
        assert_eq!(parse(r#"{"method":"connect","id":1}"#), Incoming::Connect { id: 1, rpc_session: None });
    }

    #[test]
    fn the_session_comes_last_in_a_result() {
        let session = "9k2v";
        assert_eq!(
            reply_frame(15, session, &ClientReply::Empty {}),
            r#"{"id":15,"result":{"sessionId":"9k2v"},"jsonrpc":"2.0"}"#
        );
        assert_eq!(
            reply_frame(24, session, &ClientReply::Value { value: "reconnection successful" }),
            r#"{"id":24,"result":{"value":"reconnection successful","sessionId":"9k2v"},"jsonrpc":"2.0"}"#
        );
        assert_eq!(
            reply_frame(
                3,
                session,
                &ClientReply::Published { sdp_answer: "v=0".into(), id: "str_A".into(), created_at: 5 }
            ),
            r#"{"id":3,"result":{"sdpAnswer":"v=0","id":"str_A","createdAt":5,"sessionId":"9k2v"},"jsonrpc":"2.0"}"#
        );
    }

    #[test]
    fn errors_and_pongs_are_written_as_the_original_does() {
        let error = RpcError::new(ErrorCode::UserNotStreaming, "Participant 'con_A' is not streaming media");
        assert_eq!(
            error_frame(8, &error),
            r#"{"id":8,"error":{"code":105,"message":"Participant 'con_A' is not streaming media. Code: 105"},"jsonrpc":"2.0"}"#
        );
        assert_eq!(pong_frame(0), r#"{"id":0,"result":{"value":"pong"},"jsonrpc":"2.0"}"#);
    }

    #[test]
    fn notifications_have_neither_id_nor_session() {
        let left = ServerNotification::ParticipantLeft { connection_id: "con_A".into(), reason: "disconnect" };
        assert_eq!(
            notification_frame(&left),
            r#"{"method":"participantLeft","params":{"connectionId":"con_A","reason":"disconnect"},"jsonrpc":"2.0"}"#
        );
        let published = ServerNotification::ParticipantPublished {
            id: ConnectionId::from("con_A"),
            streams: [StreamDescription {
                id: StreamId::from("str_A"),
                created_at: 7,
                has_audio: true,
                has_video: false,
                audio_active: Some(true),
                video_active: None,
                type_of_video: Some(String::new()),
                frame_rate: None,
                video_dimensions: None,
                filter: FilterView(None),
            }],
        };
        assert_eq!(
            notification_frame(&published),
            r#"{"method":"participantPublished","params":{"id":"con_A","streams":[{"id":"str_A","createdAt":7,"hasAudio":true,"hasVideo":false,"audioActive":true,"typeOfVideo":"","filter":{}}]},"jsonrpc":"2.0"}"#
        );
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-zA-Z]{1,8}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            parse(&text);
        }

        #[test]
        fn no_json_makes_the_parser_panic(frame in json()) {
            parse(&frame.to_string());
        }

        #[test]
        fn every_method_survives_any_parameters(
            method in prop::sample::select(crate::rpc::request::METHODS),
            values in prop::collection::vec(json(), 24),
            present in any::<u32>(),
            id in any::<i64>(),
        ) {
            let keys = [
                "token", "session", "platform", "sdkVersion", "metadata", "secret", "recorder", "stt", "sdpOffer", "doLoopback",
                "hasAudio", "hasVideo", "typeOfVideo", "sender", "reconnect", "sdpAnswer", "endpointName", "candidate", "sdpMid",
                "sdpMLineIndex", "stream", "message", "newValue", "streamId",
            ];
            let params: serde_json::Map<String, Value> = keys.iter().zip(values).enumerate()
                .filter(|(index, _)| present & (1 << index) != 0)
                .map(|(_, (key, value))| ((*key).to_owned(), value))
                .collect();
            let frame = serde_json::json!({"jsonrpc": "2.0", "method": method, "params": params, "id": id});
            let answered = match parse(&frame.to_string()) {
                Incoming::Ping { id, .. } | Incoming::Connect { id, .. } | Incoming::Request { id, .. } => id,
                Incoming::WithoutId | Incoming::Noise => panic!("a request with an id was dropped"),
            };
            prop_assert_eq!(answered, id);
        }

        #[test]
        fn any_text_passes_through_frames_unchanged(text in ".*", id in any::<i64>()) {
            let asked = serde_json::json!({"method": "sendMessage", "params": {"message": text}, "id": id}).to_string();
            let request = ClientRequest::SendMessage { message: text.clone() };
            prop_assert_eq!(parse(&asked), Incoming::Request { id, request: Ok(request) });
            let told = notification_frame(&ServerNotification::SendMessage { data: Some(text.clone()), kind: None, from: None });
            let told: Value = serde_json::from_str(&told).unwrap();
            prop_assert_eq!(told["params"]["data"].as_str(), Some(text.as_str()));
            let error = error_frame(id, &RpcError::new(ErrorCode::Internal, &text));
            let error: Value = serde_json::from_str(&error).unwrap();
            prop_assert_eq!(error["id"].as_i64(), Some(id));
            prop_assert_eq!(error["error"]["message"].as_str(), Some(text.as_str()));
        }
    }
}
