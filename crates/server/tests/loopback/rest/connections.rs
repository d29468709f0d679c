//! `/sessions/{session}/connection` and `/stream`.

use serde_json::{Value, json};
use testbed::rest::{HOST, Request};
use testbed::server::TestServer;

use super::sessions::keys;

const KEYS: &[&str] = &[
    "id",
    "object",
    "status",
    "connectionId",
    "sessionId",
    "createdAt",
    "type",
    "record",
    "role",
    "kurentoOptions",
    "customIceServers",
    "rtspUri",
    "adaptativeBitrate",
    "onlyPlayWithSubscribers",
    "networkCache",
    "serverData",
    "token",
    "activeAt",
    "location",
    "ip",
    "platform",
    "clientData",
    "publishers",
    "subscribers",
];

async fn server_with_a_session() -> TestServer {
    let server = TestServer::start().await;
    server.create_session("room").await;
    server
}

#[tokio::test]
async fn a_pending_connection_has_24_keys() {
    let server = server_with_a_session().await;
    let body = r#"{"role":"MODERATOR","data":"D","record":false,"kurentoOptions":{"videoMaxSendBandwidth":"700"}}"#;
    let connection = server.create_connection("room", body).await;
    assert_eq!(keys(&connection), KEYS);
    let token = connection["token"].as_str().unwrap();
    assert!(token.starts_with(&format!("ws://{HOST}?sessionId=room&token=tok_")), "{token}");
    for (key, value) in [
        ("object", json!("connection")),
        ("status", json!("pending")),
        ("sessionId", json!("room")),
        ("type", json!("WEBRTC")),
        ("record", json!(false)),
        ("role", json!("MODERATOR")),
        ("serverData", json!("D")),
        ("kurentoOptions", json!({"videoMaxSendBandwidth":700})),
        ("customIceServers", json!([])),
        ("publishers", Value::Null),
        ("ip", Value::Null),
    ] {
        assert_eq!(connection[key], value, "{key}");
    }
    let id = connection["id"].as_str().unwrap();
    assert_eq!(server.get(&format!("/sessions/room/connection/{id}")).await.json(), connection);
    let list = json!({"numberOfElements":1,"content":[connection]});
    assert_eq!(server.get("/sessions/room/connection").await.json(), list);
    let without_pending = server.get("/sessions/room/connection?pendingConnections=false").await.json();
    assert_eq!(without_pending["numberOfElements"], 0);
}

#[tokio::test]
async fn bad_parameters_are_refused_with_their_name() {
    let server = server_with_a_session().await;
    for (name, value) in [
        ("role", "5"),
        ("role", "\"ADMIN\""),
        ("role", "\"\""),
        ("data", "5"),
        ("record", "\"true\""),
        ("type", "\"webrtc\""),
        ("kurentoOptions", "\"x\""),
        ("customIceServers", "{}"),
        ("customIceServers", r#"[{"url":"stun:a_b"}]"#),
    ] {
        let answer = server.post("/sessions/room/connection", &format!("{{\"{name}\":{value}}}")).await;
        assert!(answer.status == 400 && answer.is_described(), "{name} {value}: {answer:?}");
        let error = answer.json();
        assert!(error["message"].as_str().unwrap().contains(name), "{error}");
        assert_eq!(error["path"], "/openvidu/api/sessions/room/connection");
    }
}

#[tokio::test]
async fn the_body_is_read_before_the_session_is_looked_up() {
    let server = TestServer::start().await;
    let answer = server.post("/sessions/UNKNOWN/connection", "{").await;
    assert!(answer.status == 400 && answer.is_described());
}

#[tokio::test]
async fn what_is_unknown_has_the_status_of_the_original() {
    let server = server_with_a_session().await;
    for (method, path, status) in [
        ("GET", "/sessions/UNKNOWN/connection/con_X", 400),
        ("DELETE", "/sessions/UNKNOWN/connection/con_X", 400),
        ("DELETE", "/sessions/UNKNOWN/stream/str_X", 400),
        ("GET", "/sessions/room/connection/con_X", 404),
        ("DELETE", "/sessions/room/connection/con_X", 404),
        ("DELETE", "/sessions/room/stream/str_X", 404),
    ] {
        let answer = server.send(Request::new(method, path)).await;
        assert!(answer.status == status && answer.is_empty(), "{method} {path}: {answer:?}");
    }
    for path in ["/sessions/UNKNOWN/connection/con_X", "/sessions/room/connection/con_X"] {
        let answer = server.send(Request::new("PATCH", path).json(r#"{"role":5}"#)).await;
        assert!(answer.status == 404 && answer.is_empty(), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_closed_connection_is_gone() {
    let server = server_with_a_session().await;
    let id = server.create_connection("room", "{}").await["id"].as_str().unwrap().to_owned();
    let path = format!("/sessions/room/connection/{id}");
    assert_eq!(server.delete(&path).await.status, 204);
    assert_eq!(server.get(&path).await.status, 404);
    assert_eq!(server.delete(&path).await.status, 404);
}

#[tokio::test]
async fn an_update_answers_the_whole_connection() {
    let server = server_with_a_session().await;
    let connection = server.create_connection("room", "{}").await;
    let path = format!("/sessions/room/connection/{}", connection["id"].as_str().unwrap());
    let patch = |body: &str| server.send(Request::new("PATCH", &path).json(body));
    assert_eq!(patch("{}").await.json(), connection);
    let changed = patch(r#"{"role":"SUBSCRIBER","record":false,"data":5}"#).await.json();
    assert_eq!(keys(&changed), KEYS);
    assert_eq!((&changed["role"], &changed["record"]), (&json!("SUBSCRIBER"), &json!(false)));
    assert_eq!(server.get(&path).await.json(), changed);
    for bad in [r#"{"role":"ADMIN"}"#, r#"{"role":5}"#, r#"{"record":"x"}"#, "[]", ""] {
        let answer = patch(bad).await;
        assert!(answer.status == 400 && answer.is_described(), "{bad}: {answer:?}");
    }
}

#[tokio::test]
async fn how_many_speakers_a_connection_gets_is_shown_where_it_was_set() {
    let server = server_with_a_session().await;
    let connection = server.create_connection("room", r#"{"lastN":4,"loudest":null}"#).await;
    assert_eq!(keys(&connection), [KEYS, &["lastN"]].concat());
    let path = format!("/sessions/room/connection/{}", connection["id"].as_str().unwrap());
    let patch = |body: &str| server.send(Request::new("PATCH", &path).json(body));
    let changed = patch(r#"{"lastN":0,"loudest":3.0,"pinned":[]}"#).await.json();
    assert_eq!((&changed["lastN"], &changed["loudest"], changed.get("pinned")), (&json!(0), &json!(3), None));
    assert_eq!(patch("{}").await.json(), changed);
    for bad in
        [r#"{"lastN":-1}"#, r#"{"lastN":2.5}"#, r#"{"loudest":"3"}"#, r#"{"pinned":"str_x"}"#, r#"{"pinned":[5]}"#]
    {
        let answer = patch(bad).await;
        assert!(answer.status == 400 && answer.is_described(), "{bad}: {answer:?}");
    }
    let answer = patch(r#"{"pinned":["str_CAM_AAAA_con_AAAAAAAAAA"]}"#).await;
    assert!(answer.status == 404 && answer.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn a_shared_secret_is_shown_as_credentials_only() {
    let server = server_with_a_session().await;
    let body = r#"{"customIceServers":[{"url":"turn:turn.example.com","staticAuthSecret":"hush-hush"}]}"#;
    let answer = server.post("/sessions/room/connection", body).await;
    assert!(!answer.text().contains("hush-hush"));
    let servers = &answer.json()["customIceServers"];
    assert_eq!(keys(&servers[0]), ["url", "username", "credential"]);
    let (expiry, label) = servers[0]["username"].as_str().unwrap().split_once(':').unwrap();
    assert!(expiry.parse::<u64>().unwrap() > 1_700_000_000 && label.len() == 8);
}

#[tokio::test]
async fn a_camera_is_validated_and_then_in_the_session_whether_it_answers_or_not() {
    let server = server_with_a_session().await;
    for bad in [
        r#"{"type":"IPCAM"}"#,
        r#"{"type":"IPCAM","rtspUri":"ftp://x/y"}"#,
        r#"{"type":"IPCAM","rtspUri":5}"#,
        r#"{"type":"IPCAM","rtspUri":"rtsp://x/y","adaptativeBitrate":123}"#,
        r#"{"type":"IPCAM","rtspUri":"file:///etc/passwd"}"#,
    ] {
        let answer = server.post("/sessions/room/connection", bad).await;
        assert!(answer.status == 400 && answer.is_described(), "{bad}: {answer:?}");
        let answer = server.post("/sessions/UNKNOWN/connection", bad).await;
        assert!(answer.status == 404 && answer.is_empty(), "{bad}: {answer:?}");
    }
    let good = r#"{"type":"IPCAM","rtspUri":"rtsp://127.0.0.1:9/x","role":5,"networkCache":50.9,"data":"D"}"#;
    let answer = server.post("/sessions/UNKNOWN/connection", good).await;
    assert!(answer.status == 404 && answer.is_empty(), "{answer:?}");
    let camera = server.post("/sessions/room/connection", good).await;
    assert_eq!(camera.status, 200, "{camera:?}");
    let camera = camera.json();
    assert_eq!(
        (&camera["type"], &camera["status"], &camera["ip"]),
        (&json!("IPCAM"), &json!("active"), &json!("127.0.0.1"))
    );
    assert_eq!(
        (&camera["role"], &camera["networkCache"], &camera["serverData"]),
        (&json!(null), &json!(50), &json!("D"))
    );
    let session = server.get("/sessions/room").await.json();
    assert_eq!(session["connections"]["content"], json!([camera]));
    let stream = camera["publishers"][0]["streamId"].as_str().unwrap();
    let answer = server.send(Request::new("DELETE", &format!("/sessions/room/stream/{stream}"))).await;
    assert!(answer.status == 405 && answer.is_empty(), "{answer:?}");
    // The same one a second time is another one.
    let other = server.post("/sessions/room/connection", good).await.json();
    assert_ne!(other["id"], camera["id"]);
    for connection in [&camera, &other] {
        let path = format!("/sessions/room/connection/{}", connection["id"].as_str().unwrap());
        assert_eq!(server.send(Request::new("DELETE", &path)).await.status, 204);
    }
    assert_eq!(server.get("/sessions/room").await.status, 404, "nobody is left");
}

#[tokio::test]
async fn files_are_played_out_of_folders_that_were_set() {
    let (recordings, films, elsewhere) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folders = (recordings.path().to_owned(), films.path().to_owned());
    let server = TestServer::start_with(move |config| {
        config.openvidu_recording_path = folders.0;
        config.madang_camera_folders = vec![folders.1];
    });
    let server = server.await;
    server.create_session("room").await;
    std::fs::write(elsewhere.path().join("secret"), "").unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("secret"), films.path().join("link")).unwrap();
    std::fs::write(films.path().join("a film"), "").unwrap();
    let (recordings, films) = (recordings.path().display(), films.path().display());
    for (uri, status) in [
        (format!("file://{recordings}/a/b.mp4"), 200),
        (format!("file://{films}/a%20film"), 200),
        (format!("file:{films}/none"), 200),
        (format!("file://{films}/link"), 400),
        (format!("file://{films}/../secret"), 400),
        (format!("file://{films}/%2e%2e/secret"), 400),
        (format!("file://{films}x/a"), 400),
        ("file:///etc/passwd".to_owned(), 400),
        ("file://localhost".to_owned(), 400),
        ("file:a".to_owned(), 400),
    ] {
        let body = json!({"type": "IPCAM", "rtspUri": uri}).to_string();
        let answer = server.post("/sessions/room/connection", &body).await;
        assert_eq!(answer.status, status, "{uri}: {answer:?}");
        assert!(status == 200 || answer.text().contains("MADANG_CAMERA_FOLDERS"), "{uri}: {answer:?}");
    }
}

#[tokio::test]
async fn a_token_points_to_where_the_caller_found_the_server() {
    let server = server_with_a_session().await;
    let post = || Request::new("POST", "/sessions/room/connection").json("{}");
    for (request, origin) in [
        (post().header("Host", "192.168.0.7:4443"), "ws://192.168.0.7:4443"),
        (post().header("Host", "call.example.org"), "ws://call.example.org"),
        (
            post().header("X-Forwarded-Proto", "https").header("X-Forwarded-Host", "a.example.org"),
            "wss://a.example.org",
        ),
        (post().header("Host", "evil/\"<"), ""),
    ] {
        let answer = server.send(request).await.json();
        let token = answer["token"].as_str().unwrap();
        let fallback = format!("ws://localhost:{}", server.server.address().port());
        let origin = if origin.is_empty() { &fallback } else { origin };
        assert!(token.starts_with(&format!("{origin}?sessionId=room&token=tok_")), "{token}");
    }
}

#[tokio::test]
async fn a_public_name_overrides_what_the_caller_used() {
    let server = TestServer::start_with(|config| {
        config.domain_or_public_ip = "ov.example.org".parse().unwrap();
        config.https_port = Some(443);
    });
    let server = server.await;
    server.create_session("room").await;
    let connection = server.create_connection("room", "{}").await;
    assert!(connection["token"].as_str().unwrap().starts_with("wss://ov.example.org?sessionId=room&token=tok_"));
    let config = server.get("/config").await.json();
    assert_eq!(config["OPENVIDU_PUBLICURL"], "https://ov.example.org");
    assert_eq!(config["DOMAIN_OR_PUBLIC_IP"], "ov.example.org");
}
