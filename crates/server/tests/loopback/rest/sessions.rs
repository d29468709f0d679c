//! `/sessions`.

use futures_util::future::join_all;
use serde_json::{Value, json};
use testbed::rest::Request;
use testbed::server::TestServer;

const KEYS: &[&str] = &[
    "id",
    "object",
    "sessionId",
    "createdAt",
    "recording",
    "broadcasting",
    "mediaMode",
    "recordingMode",
    "defaultRecordingProperties",
    "customSessionId",
    "forcedVideoCodec",
    "allowTranscoding",
    "connections",
];

pub(crate) fn keys(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn an_unknown_session_is_not_found() {
    let server = TestServer::start().await;
    for request in [
        Request::new("GET", "/sessions/UNKNOWN"),
        Request::new("HEAD", "/sessions/UNKNOWN"),
        Request::new("DELETE", "/sessions/UNKNOWN"),
        Request::new("GET", "/sessions/UNKNOWN/connection"),
        Request::new("POST", "/sessions/UNKNOWN/connection").json(r#"{"role":5}"#),
    ] {
        let answer = server.send(request).await;
        assert!(answer.status == 404 && answer.is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_session_needs_no_parameters() {
    let server = TestServer::start().await;
    let nulls = r#"{"mediaMode":null,"recordingMode":null,"customSessionId":null,"defaultRecordingProperties":null,
        "forcedVideoCodec":null,"allowTranscoding":null,"mediaNode":null}"#;
    for request in [
        Request::new("POST", "/sessions"),
        Request::new("POST", "/sessions").json(""),
        Request::new("POST", "/sessions").json("null"),
        Request::new("POST", "/sessions").json("{}"),
        Request::new("POST", "/sessions").json(nulls),
    ] {
        let answer = server.send(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let session = answer.json();
        assert_eq!(keys(&session), KEYS);
        let id = session["id"].as_str().unwrap();
        assert!(id.len() == 14 && id.starts_with("ses_") && id.as_bytes()[4].is_ascii_uppercase(), "{id}");
        assert_eq!(session["customSessionId"], "");
        assert_eq!(session["forcedVideoCodec"], "MEDIA_SERVER_PREFERRED");
        assert_eq!(session["connections"], json!({"numberOfElements":0,"content":[]}));
    }
}

#[tokio::test]
async fn what_a_session_does_not_say_comes_from_the_settings() {
    let server = TestServer::start_with(|config| {
        config.openvidu_streams_forced_video_codec = protocol::model::ForcedVideoCodec::H264;
        config.openvidu_streams_allow_transcoding = true;
    });
    let server = server.await;
    let session = server.post("/sessions", "{}").await.json();
    assert_eq!((&session["forcedVideoCodec"], &session["allowTranscoding"]), (&json!("H264"), &json!(true)));
    assert_eq!(keys(&session), KEYS);
}

#[tokio::test]
async fn how_many_speakers_clients_get_is_shown_unless_it_is_all() {
    let server = TestServer::start_with(|config| (config.madang_last_n, config.madang_loudest) = (9, 3));
    let server = server.await;
    let session = server.post("/sessions", r#"{"lastN":4}"#).await.json();
    assert_eq!(keys(&session), [KEYS, &["lastN", "loudest"]].concat());
    assert_eq!((&session["lastN"], &session["loudest"]), (&json!(4), &json!(3)));
    let all = server.post("/sessions", r#"{"lastN":0,"loudest":0}"#).await.json();
    assert_eq!(keys(&all), KEYS);
}

#[tokio::test]
async fn bad_parameters_are_refused_even_if_the_session_exists() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    for bad in [
        r#""mediaMode":false"#,
        r#""recordingMode":false"#,
        r#""customSessionId":999"#,
        r#""customSessionId":"a b""#,
        r#""mediaMode":"NOT_EXISTS""#,
        r#""recordingMode":"NOT_EXISTS""#,
        r#""forcedVideoCodec":"X""#,
        r#""allowTranscoding":"no""#,
        r#""lastN":256"#,
        r#""loudest":"3""#,
        r#""defaultRecordingProperties":"x""#,
        r#""defaultRecordingProperties":{"frameRate":0}"#,
        r#""defaultRecordingProperties":{"hasAudio":false,"hasVideo":false}"#,
    ] {
        let answer = server.post("/sessions", &format!("{{\"customSessionId\":\"room\",{bad}}}")).await;
        assert!(answer.status == 400 && answer.is_described(), "{bad}: {answer:?}");
        assert_eq!(answer.json()["path"], "/openvidu/api/sessions");
    }
}

#[tokio::test]
async fn an_id_can_be_used_once_until_its_session_is_closed() {
    let server = TestServer::start().await;
    let created = server.create_session("room").await.json();
    assert_eq!(created["id"], "room");
    let again = server.post("/sessions", r#"{"customSessionId":"room"}"#).await;
    assert!(again.status == 409 && again.is_empty());
    assert_eq!(server.get("/sessions/room").await.json(), created);
    let closed = server.delete("/sessions/room").await;
    assert!(closed.status == 204 && closed.header("content-length").is_none() && closed.is_empty(), "{closed:?}");
    assert_eq!(server.get("/sessions/room").await.status, 404);
    server.create_session("room").await;
}

#[tokio::test]
async fn of_200_that_want_the_same_id_at_once_one_gets_it() {
    let server = TestServer::start().await;
    let create = || server.post("/sessions", r#"{"customSessionId":"wanted"}"#);
    let mut statuses: Vec<u16> =
        join_all((0..200).map(|_| create())).await.into_iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1..].iter().all(|status| *status == 409)), (200, true), "{statuses:?}");
}

#[tokio::test]
async fn pending_connections_are_listed_when_asked_for() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    server.create_connection("room", "{}").await;
    for (query, count) in [
        ("", 0),
        ("?pendingConnections=true", 1),
        ("?pendingConnections=YES", 1),
        ("?pendingConnections=", 0),
        ("?pendingConnections=off", 0),
        ("?webRtcStats=1&pendingConnections=on", 1),
    ] {
        let session = server.get(&format!("/sessions/room{query}")).await.json();
        assert_eq!(session["connections"]["numberOfElements"], count, "{query}");
        assert_eq!(session["connections"]["content"].as_array().unwrap().len(), count, "{query}");
        let list = server.get(&format!("/sessions{query}")).await.json();
        assert_eq!(keys(&list), ["numberOfElements", "content"]);
        assert_eq!(list["content"], json!([session]), "{query}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_refused_even_for_an_unknown_session() {
    let server = TestServer::start().await;
    for path in [
        "/sessions?webRtcStats=zz",
        "/sessions/UNKNOWN?pendingConnections=x",
        "/sessions/UNKNOWN/connection?webRtcStats=2",
    ] {
        let answer = server.get(path).await;
        assert!(answer.status == 400 && answer.is_described(), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_delete_may_pretend_to_be_a_form() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let request = Request::new("DELETE", "/sessions/room").header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(server.send(request).await.status, 204);
}

#[tokio::test]
async fn old_java_clients_are_told_the_codec_that_is_used() {
    let server = TestServer::start().await;
    let key = "forcedVideoCodecResolved";
    let agent = |request: Request, agent: &str| request.header("User-Agent", agent);
    let create = || Request::new("POST", "/sessions").json(r#"{"customSessionId":"old"}"#);
    let created = server.send(agent(create(), "Apache-HttpClient/4.5.13 (Java/17.0.1)")).await.json();
    assert_eq!((&created["forcedVideoCodec"], &created[key]), (&"MEDIA_SERVER_PREFERRED".into(), &"VP8".into()));
    let shown = server.send(agent(Request::new("GET", "/sessions/old"), "Apache-HttpClient/4.5.13")).await.json();
    assert_eq!(shown[key], "VP8");
    for newer in ["Apache-HttpClient/5.1.4 (Java/17.0.1)", "axios/1.7"] {
        let shown = server.send(agent(Request::new("GET", "/sessions/old"), newer)).await.json();
        assert!(shown.get(key).is_none());
    }
}
