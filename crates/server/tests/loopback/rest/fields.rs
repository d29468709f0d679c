//! Every parameter of every request with a body, in every JSON type.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use testbed::rest::Request;
use testbed::server::TestServer;

/// One value of every JSON type, and numbers at the edge of what can be written.
const VALUES: &[(&str, &str)] = &[
    ("null", "null"),
    ("boolean", "true"),
    ("number", "5"),
    ("number", "-0"),
    ("number", "1.5"),
    ("number", "18446744073709551616"),
    ("number", "-9223372036854775809"),
    ("number", "1e308"),
    ("string", "\"x\""),
    ("string", "\"\""),
    ("string", "\"\\u0000\""),
    ("array", "[]"),
    ("array", "[[[]]]"),
    ("object", "{}"),
    ("object", "{\"\":{}}"),
];

/// Each with the types that it may have.
type Parameters = &'static [(&'static str, &'static [&'static str])];

/// Method, path, the smallest body, and each parameter (dots lead into objects). Values of a right type may still break a
/// rule.
const REQUESTS: &[(&str, &str, &str, Parameters)] = &[
    (
        "POST",
        "/sessions",
        "{}",
        &[
            ("mediaMode", &["string"]),
            ("recordingMode", &["string"]),
            ("customSessionId", &["string"]),
            ("forcedVideoCodec", &["string"]),
            ("allowTranscoding", &["boolean"]),
            ("mediaNode", &["object"]),
            ("mediaNode.id", &["string"]),
            ("defaultRecordingProperties", &["object"]),
            ("defaultRecordingProperties.name", &["string"]),
            ("defaultRecordingProperties.hasAudio", &["boolean"]),
            ("defaultRecordingProperties.hasVideo", &["boolean"]),
            ("defaultRecordingProperties.outputMode", &["string"]),
            ("defaultRecordingProperties.recordingLayout", &["string"]),
            ("defaultRecordingProperties.customLayout", &["string"]),
            ("defaultRecordingProperties.resolution", &["string"]),
            ("defaultRecordingProperties.frameRate", &["number"]),
            ("defaultRecordingProperties.shmSize", &["number"]),
            ("defaultRecordingProperties.ignoreFailedStreams", &["boolean"]),
            ("defaultRecordingProperties.mediaNode", &["string", "object"]),
        ],
    ),
    ("POST", "/sessions/room/connection", "{}", CONNECTION),
    ("POST", "/tokens", "{\"session\":\"room\"}", TOKEN),
    ("PATCH", "/sessions/room/connection/CONNECTION", "{}", &[("role", &["string"]), ("record", &["boolean"])]),
    (
        "POST",
        "/signal",
        "{\"session\":\"room\"}",
        &[("session", &["string"]), ("to", &["array"]), ("type", &["string"]), ("data", &["string"])],
    ),
];

const CONNECTION: Parameters = &[
    ("type", &["string"]),
    ("role", &["string"]),
    ("data", &["string"]),
    ("record", &["boolean"]),
    ("kurentoOptions", &["object"]),
    ("kurentoOptions.videoMaxRecvBandwidth", &["number", "string"]),
    ("kurentoOptions.videoMinRecvBandwidth", &["number", "string"]),
    ("kurentoOptions.videoMaxSendBandwidth", &["number", "string"]),
    ("kurentoOptions.videoMinSendBandwidth", &["number", "string"]),
    ("kurentoOptions.allowedFilters", &["array"]),
    ("customIceServers", &["array"]),
];

const TOKEN: Parameters = &[
    ("session", &["string"]),
    ("type", &["string"]),
    ("role", &["string"]),
    ("data", &["string"]),
    ("kurentoOptions", &["object"]),
    ("kurentoOptions.videoMaxRecvBandwidth", &["number", "string"]),
    ("kurentoOptions.allowedFilters", &["array"]),
    ("customIceServers", &["array"]),
];

/// `body` with the parameter set to what is written.
fn with(body: &str, parameter: &str, value: &str) -> String {
    let nested = parameter.rsplit('.').fold(value.to_owned(), |inner, name| format!("{{\"{name}\":{inner}}}"));
    // Texts, because not every number can be represented. Of repeated keys the last one counts.
    match body.strip_suffix('}') {
        Some("{") => nested,
        Some(rest) => format!("{rest},{}", &nested[1..]),
        None => unreachable!("bodies are objects"),
    }
}

async fn room(server: &TestServer) -> String {
    server.create_session("room").await;
    server.create_connection("room", "{}").await["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_parameter_of_a_wrong_type_is_named() {
    let server = TestServer::start().await;
    let connection = room(&server).await;
    let mut client = server.connect().await;
    for (method, path, smallest, parameters) in REQUESTS {
        let path = path.replace("CONNECTION", &connection);
        for (parameter, types) in *parameters {
            for (kind, value) in VALUES {
                let body = with(smallest, parameter, value);
                let answer = client.send(Request::new(method, &path).json(&body)).await;
                let case = format!("{method} {path} {body}: {} {}", answer.status, answer.text());
                if *kind == "null" {
                    let expected: &[u16] =
                        if ["session", "mediaNode.id"].contains(parameter) { &[400] } else { &[200, 406] };
                    assert!(expected.contains(&answer.status), "{case}");
                } else if types.contains(kind) {
                    assert!([200, 400, 404, 406].contains(&answer.status), "{case}");
                } else {
                    assert!(answer.status == 400 && answer.is_described(), "{case}");
                    assert!(answer.text().contains(&format!("'{parameter}")), "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn numbers_that_no_machine_has_are_bad_requests() {
    let server = TestServer::start().await;
    for number in ["1e999", "-1e999", "01", "+1", "1.", ".5", "0x10", "NaN", "Infinity", "1e"] {
        let body = format!("{{\"defaultRecordingProperties\":{{\"frameRate\":{number}}}}}");
        let answer = server.post("/sessions", &body).await;
        assert!(answer.status == 400 && answer.is_described(), "{number}: {answer:?}");
    }
}

#[tokio::test]
async fn elements_of_lists_are_named_with_their_place() {
    let server = TestServer::start().await;
    room(&server).await;
    for (path, body, name) in [
        ("/sessions/room/connection", r#"{"customIceServers":[{"url":"stun:a"},5]}"#, "customIceServers[1]"),
        ("/sessions/room/connection", r#"{"customIceServers":[{}]}"#, "customIceServers[0].url"),
        ("/sessions/room/connection", r#"{"customIceServers":[{"url":5}]}"#, "customIceServers[0].url"),
        (
            "/sessions/room/connection",
            r#"{"kurentoOptions":{"allowedFilters":[[]]}}"#,
            "kurentoOptions.allowedFilters[0]",
        ),
        ("/signal", r#"{"session":"room","to":["a",{}]}"#, "to[1]"),
    ] {
        let answer = server.post(path, body).await;
        assert!(answer.status == 400 && answer.text().contains(&format!("'{name}'")), "{body}: {answer:?}");
    }
}

#[test]
fn any_object_is_answered_with_a_documented_status() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(TestServer::start());
    let connection = runtime.block_on(room(&server));
    // Without a file of failures: the seed is printed.
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let requests = prop::sample::select(REQUESTS);
    TestRunner::new(config)
        .run(
            &requests.prop_flat_map(|request| object(request.3).prop_map(move |body| (request, body))),
            |(request, body)| {
                let path = request.1.replace("CONNECTION", &connection);
                let sent = Request::new(request.0, &path).json(&body.to_string());
                let answer = runtime.block_on(server.send(sent));
                prop_assert!([200, 400, 404, 406, 409].contains(&answer.status), "{body}: {answer:?}");
                Ok(())
            },
        )
        .unwrap();
    assert_eq!(runtime.block_on(server.get("/sessions/room")).status, 200);
}

/// Objects in which known parameters are as likely as any others, with values of any type and depth.
fn object(parameters: Parameters) -> impl Strategy<Value = Value> {
    let known = prop::sample::select(parameters).prop_map(|(name, _)| name.rsplit('.').next().unwrap().to_owned());
    let words = prop::sample::select(
        &["WEBRTC", "IPCAM", "ROUTED", "ALWAYS", "MODERATOR", "VP9", "COMPOSED", "room", "stun:a"][..],
    );
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        words.prop_map(Value::from),
    ];
    let name = prop_oneof![3 => known, 1 => ".{0,8}"];
    let names = name.clone().boxed();
    let value = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(names.clone(), inner, 0..4).prop_map(|members| json!(members)),
        ]
    });
    btree_map(name, value, 0..6).prop_map(|members| json!(members))
}
