//! `/recordings`, and the files below `/openvidu/recordings`. Media comes from no one here: individual recordings of
//! people who do not publish have a beginning and an end, too.

use std::fs;
use std::path::PathBuf;

use futures_util::future::{join, join_all};
use protocol::model::MediaServer;
use serde_json::{Value, json};
use server::{Config, Limits, Server};
use testbed::eventually_async;
use testbed::rest::{Request, RestAnswer};
use testbed::server::TestServer;

use super::participants::Participant;
use super::sessions::keys;
use super::streams::recorded;

/// A server that records into a folder of its own.
struct Recording {
    server: TestServer,
    folder: tempfile::TempDir,
}

impl Recording {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = TestServer::start_with(|config| {
            config.openvidu_recording = true;
            config.openvidu_recording_path = folder.path().join("recordings");
            // Whatever has been built: there is nothing to compose with here.
            config.madang_transcoder = folder.path().join("madang-transcoder").display().to_string();
            change(config);
        })
        .await;
        Self { server, folder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("recordings").join(path)
    }

    async fn record(&self, fields: &str) -> RestAnswer {
        self.server.post("/recordings/start", &individual(fields)).await
    }

    async fn stop(&self, id: &str) -> RestAnswer {
        self.server.send(Request::new("POST", &format!("/recordings/stop/{id}"))).await
    }
}

fn individual(fields: &str) -> String {
    format!("{{\"session\":\"room\",\"outputMode\":\"INDIVIDUAL\"{fields}}}")
}

/// What [`individual`] makes of `room`.
const KEYS: [&str; 12] = [
    "id",
    "object",
    "name",
    "outputMode",
    "sessionId",
    "createdAt",
    "size",
    "duration",
    "url",
    "hasAudio",
    "hasVideo",
    "status",
];

#[tokio::test]
async fn recording_is_not_implemented_once_the_body_is_understood() {
    let server = TestServer::start().await;
    for request in [
        Request::new("GET", "/recordings"),
        Request::new("GET", "/recordings/x"),
        Request::new("GET", "/recordings/start"),
        Request::new("DELETE", "/recordings/x"),
        Request::new("POST", "/recordings/start").json("{}"),
        Request::new("POST", "/recordings/start").json(r#"{"session":5}"#),
        Request::new("POST", "/recordings/stop/x"),
        Request::new("POST", "/recordings/stop/x").header("Content-Type", "application/x-www-form-urlencoded"),
    ] {
        let answer = server.send(request).await;
        assert!(answer.status == 501 && answer.is_empty(), "{answer:?}");
    }
    for body in ["", "null", "[]", "{"] {
        assert_eq!(server.post("/recordings/start", body).await.status, 400);
    }
    assert_eq!(server.send(Request::new("POST", "/recordings/stop").json("{}")).await.status, 405);
    assert_eq!(server.delete("/recordings").await.status, 405);
}

#[tokio::test]
async fn a_start_is_refused_in_the_order_of_the_original() {
    let recording = Recording::start().await;
    let server = &recording.server;
    server.create_session("unused").await;
    server.create_session("room").await;
    server.post("/sessions", r#"{"customSessionId":"relayed","mediaMode":"RELAYED"}"#).await;
    let _ann = Participant::join(server, "room", "{}", "ann").await;
    let bad = r#""hasAudio":false,"hasVideo":false"#;
    for (body, status) in [
        (String::new(), 400),
        ("[]".to_owned(), 400),
        (format!("{{{bad}}}"), 400),
        (format!("{{\"session\":5,{bad}}}"), 400),
        (format!("{{\"session\":\"UNKNOWN\",{bad}}}"), 404),
        (format!("{{\"session\":\"relayed\",{bad}}}"), 409),
        (format!("{{\"session\":\"unused\",{bad}}}"), 406),
        (format!("{{\"session\":\"room\",{bad}}}"), 422),
        (r#"{"session":"room","frameRate":0}"#.to_owned(), 422),
        (r#"{"session":"room","resolution":"1x1"}"#.to_owned(), 422),
        (r#"{"session":"room","shmSize":1}"#.to_owned(), 422),
        (r#"{"session":"room","name":"a b"}"#.to_owned(), 400),
        (individual(r#","hasAudio":"x""#), 400),
        (individual(r#","recordingLayout":"X""#), 400),
        (r#"{"session":"room"}"#.to_owned(), 501),
        (r#"{"session":"room","outputMode":"COMPOSED_QUICK_START"}"#.to_owned(), 501),
        (r#"{"session":"room","recordingLayout":"CUSTOM"}"#.to_owned(), 501),
        (r#"{"session":"room","recordingLayout":"CUSTOM","customLayout":"builtin:speaker"}"#.to_owned(), 501),
    ] {
        let answer = server.post("/recordings/start", &body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert_eq!(answer.is_empty(), matches!(status, 404 | 406 | 409), "{body}: {answer:?}");
    }
    assert_eq!(server.get("/sessions/room").await.json()["recording"], false);
    for id in ["x", "room"] {
        let answer = recording.stop(id).await;
        assert!(answer.status == 404 && answer.is_empty(), "{answer:?}");
        assert_eq!(server.get(&format!("/recordings/{id}")).await.status, 404);
        assert_eq!(server.delete(&format!("/recordings/{id}")).await.status, 404);
    }
    assert_eq!(server.get("/recordings").await.text(), r#"{"count":0,"items":[]}"#);
    assert!(fs::read_dir(recording.path("")).unwrap().next().is_none(), "nothing is left of what was refused");
}

#[tokio::test]
async fn a_recording_is_started_shown_stopped_and_deleted() {
    let recording = Recording::start().await;
    let server = &recording.server;
    server.create_session("room").await;
    let mut ann = Participant::join(server, "room", "{}", "ann").await;
    let started = recording.record(r#","name":"mine","resolution":"1x1""#).await;
    assert_eq!(started.status, 200, "{started:?}");
    let started = started.json();
    assert_eq!(keys(&started), KEYS);
    assert_eq!(
        (&started["id"], &started["name"], &started["status"]),
        (&json!("room"), &json!("mine"), &json!("started"))
    );
    assert_eq!(started["url"], Value::Null);
    assert_eq!(ann.notified("recordingStarted").await, json!({"id": "room", "name": "mine"}));
    assert_eq!(server.get("/sessions/room").await.json()["recording"], true);
    assert_eq!(server.get("/recordings/room").await.json(), started);
    let again = recording.record("").await;
    assert!(again.status == 409 && again.is_empty(), "{again:?}");
    let in_use = server.delete("/recordings/room").await;
    assert!(in_use.status == 409 && in_use.is_empty(), "{in_use:?}");
    let late = Participant::join(server, "room", "{}", "late").await;
    assert_ne!(late.id, ann.id);
    let nodes = server.get("/openvidu/api/media-nodes?recordings=true").await.json();
    assert_eq!(nodes["content"][0]["recordingIds"], json!(["room"]));

    let stopped = recording.stop("room").await.json();
    assert_eq!(keys(&stopped), KEYS);
    let url = format!("http://{}/openvidu/recordings/room/mine.zip", testbed::rest::HOST);
    assert_eq!((&stopped["status"], &stopped["url"]), (&json!("ready"), &json!(url)));
    let told = ann.notified("recordingStopped").await;
    assert_eq!(told, json!({"id": "room", "name": "mine", "reason": "recordingStoppedByServer"}));
    assert_eq!(recording.stop("room").await.status, 404, "once is enough");
    assert_eq!(server.get("/sessions/room").await.json()["recording"], false);
    assert_eq!(recording.record("").await.json()["id"], "room~1");
    assert_eq!(recording.stop("room~1").await.status, 200);
    let list = server.get("/recordings").await.json();
    let ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!((&list["count"], ids), (&json!(2), vec![json!("room~1"), json!("room")]));
    assert_eq!(server.get("/recordings/room").await.json(), stopped);
    assert_eq!(server.delete("/recordings/room").await.status, 204);
    assert_eq!(server.delete("/recordings/room").await.status, 404);
    assert!(!recording.path("room").exists());
}

#[tokio::test]
async fn of_many_starts_at_once_one_succeeds() {
    let recording = Recording::start().await;
    recording.server.create_session("room").await;
    let _ann = Participant::join(&recording.server, "room", "{}", "ann").await;
    let mut answers: Vec<_> =
        join_all((0..10).map(|_| recording.record(""))).await.into_iter().map(|answer| answer.status).collect();
    answers.sort_unstable();
    assert_eq!(answers, [vec![200], vec![409; 9]].concat());
    assert_eq!(recording.stop("room").await.status, 200);
}

#[tokio::test]
async fn a_recording_that_only_starts_is_not_stopped_and_fails_with_its_session() {
    let recording = Recording::start_with(|config| {
        config.openvidu_enterprise_media_server = MediaServer::Kurento;
        config.openvidu_cdr = true;
        config.openvidu_cdr_path = config.openvidu_recording_path.with_file_name("cdr");
    })
    .await;
    let server = &recording.server;
    server.create_session("room").await;
    let mut ann = Participant::join(server, "room", "{}", "ann").await;
    // Published, but no media will ever come.
    let published = ann.request("publishVideo", recorded("publishVideo")).await;
    assert!(published["result"]["id"].is_string(), "{published}");
    let meanwhile = async {
        let starting = eventually_async("the recording is shown", async || {
            Some(server.get("/recordings/room").await).filter(|answer| answer.status == 200)
        });
        let starting = starting.await.json();
        assert_eq!(starting["status"], "starting");
        let answer = recording.stop("room").await;
        assert!(answer.status == 406 && answer.is_empty(), "{answer:?}");
        assert_eq!(server.delete("/recordings/room").await.status, 409);
        assert_eq!(server.delete("/sessions/room").await.status, 204);
    };
    let (started, ()) = join(recording.record(""), meanwhile).await;
    assert!(started.status == 500 && started.is_described(), "{started:?}");
    // Whoever closes a session hears of it when its recording is settled.
    let left = server.get("/recordings/room").await.json();
    assert_eq!((&left["status"], left["url"].is_string()), (&json!("failed"), true));
    let files: Vec<_> = fs::read_dir(recording.path("room")).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(recording.stop("room").await.status, 404);
    assert_eq!(told(server, 2).await, ["stopped sessionClosedByServer", "failed sessionClosedByServer"]);
    assert_eq!(server.post("/sessions", r#"{"customSessionId":"room"}"#).await.status, 200);
}

/// What applications were told of recordings, once it is so much.
async fn told(server: &TestServer, count: usize) -> Vec<String> {
    let names = server.get("/openvidu/cdr").await.json();
    let file = format!("/openvidu/cdr/{}", names[0].as_str().expect("a file"));
    eventually_async("so many events", async || {
        let answer = server.get(&file).await;
        Some(answer.text().lines().filter_map(status).collect::<Vec<_>>()).filter(|events| events.len() >= count)
    })
    .await
}

fn status(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).unwrap();
    let event = event.get("recordingStatusChanged")?;
    let status = event["status"].as_str().unwrap();
    Some(event["reason"].as_str().map_or_else(|| status.to_owned(), |reason| format!("{status} {reason}")))
}

#[tokio::test]
async fn the_last_one_to_leave_ends_the_recording_at_once_if_nobody_is_waited_for() {
    let recording = Recording::start_with(|config| {
        config.openvidu_recording_autostop_timeout = 0;
        config.openvidu_cdr = true;
        config.openvidu_cdr_path = config.openvidu_recording_path.with_file_name("cdr");
    })
    .await;
    recording.server.create_session("room").await;
    let _ann = Participant::join(&recording.server, "room", "{}", "ann").await;
    assert_eq!(recording.record("").await.status, 200);
    let expected = ["started", "stopped automaticStop", "ready automaticStop"];
    assert_eq!(told(&recording.server, 3).await, expected);
    assert_eq!(recording.server.get("/recordings/room").await.json()["status"], "ready");
}

#[tokio::test]
async fn no_more_is_recorded_than_is_allowed() {
    let recording = Recording::start_with(|config| config.madang_recorded_streams = 1).await;
    let server = &recording.server;
    for session in ["room", "other"] {
        server.create_session(session).await;
    }
    let _ann = Participant::join(server, "room", "{}", "ann").await;
    let _bob = Participant::join(server, "other", "{}", "bob").await;
    assert_eq!(recording.record("").await.status, 200);
    let start = r#"{"session":"other","outputMode":"INDIVIDUAL"}"#;
    let refused = server.post("/recordings/start", start).await;
    assert!(refused.status == 503 && refused.is_described(), "{refused:?}");
    assert!(refused.text().contains("MADANG_RECORDED_STREAMS"), "{refused:?}");
    assert_eq!(recording.stop("room").await.status, 200);
    assert_eq!(server.post("/recordings/start", start).await.status, 200);
}

#[tokio::test]
async fn one_recording_after_the_other_starts_and_stops() {
    let recording = Recording::start().await;
    recording.server.create_session("room").await;
    let _ann = Participant::join(&recording.server, "room", "{}", "ann").await;
    let cycles = 50;
    for n in 0..cycles {
        let id = if n == 0 { "room".to_owned() } else { format!("room~{n}") };
        let started = recording.record("").await;
        assert_eq!((started.status, &started.json()["id"]), (200, &json!(id)));
        assert_eq!(recording.stop(&id).await.json()["status"], "ready");
    }
    let list = recording.server.get("/recordings").await.json();
    assert_eq!(list["count"], cycles);
}

#[tokio::test]
async fn recordings_of_other_deployments_are_listed_with_where_they_are_now() {
    let recording = Recording::start().await;
    let server = &recording.server;
    let text = r#"{"id":"old","object":"recording","name":"named","outputMode":"COMPOSED","resolution":"1280x720","frameRate":25,"recordingLayout":"BEST_FIT","sessionId":"old","uniqueSessionId":"old_1718000000000","createdAt":1718000010000,"size":1048576,"duration":12.32,"url":"https://elsewhere/x","hasAudio":true,"hasVideo":true,"status":"ready"}"#;
    for (folder, file) in [("old", ".recording.old"), ("empty", "file"), (".hidden", ".recording..hidden")] {
        fs::create_dir(recording.path(folder)).unwrap();
        fs::write(recording.path(folder).join(file), text).unwrap();
    }
    fs::write(recording.path("stray"), text).unwrap();
    let shown = server.get("/recordings/old").await;
    let url = format!("http://{}/openvidu/recordings/old/named.mp4", testbed::rest::HOST);
    let expected = text.replace(r#""uniqueSessionId":"old_1718000000000","#, "").replace("https://elsewhere/x", &url);
    assert_eq!(shown.text(), expected);
    assert_eq!(server.get("/recordings").await.text(), format!("{{\"count\":1,\"items\":[{expected}]}}"));
    for path in
        ["/recordings/empty", "/recordings/.hidden", "/recordings/stray", "/recordings/..", "/recordings/%2e%2e"]
    {
        assert_eq!(server.get(path).await.status, 404, "{path}");
        assert_eq!(server.delete(path).await.status, 404, "{path}");
    }
    // Ids go on behind it.
    server.create_session("old").await;
    let _ann = Participant::join(server, "old", "{}", "ann").await;
    let started = server.post("/recordings/start", r#"{"session":"old","outputMode":"INDIVIDUAL"}"#).await;
    assert_eq!(started.json()["id"], "old~1");
}

#[tokio::test]
async fn files_are_served_whole_and_in_ranges() {
    let recording = Recording::start().await;
    let server = &recording.server;
    fs::create_dir(recording.path("html")).unwrap();
    fs::write(recording.path("html/clip.mp4"), "0123456789").unwrap();
    fs::write(recording.path("html/.recording.html"), "{}").unwrap();
    let file = "/openvidu/recordings/html/clip.mp4";
    let get = |headers: &[(&str, &str)]| {
        let request =
            headers.iter().fold(Request::new("GET", file), |request, (name, value)| request.header(name, value));
        server.send(request)
    };
    let whole = get(&[]).await;
    assert_eq!((whole.status, whole.text(), whole.header("content-type")), (200, "0123456789", Some("video/mp4")));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    let (tag, date) = (whole.header("etag").unwrap(), whole.header("last-modified").unwrap());
    for (headers, status, text) in [
        (vec![("Range", "bytes=2-4")], 206, "234"),
        (vec![("Range", "bytes=7-")], 206, "789"),
        (vec![("Range", "bytes=-2")], 206, "89"),
        (vec![("Range", "bytes=2-4"), ("If-Range", tag)], 206, "234"),
        (vec![("Range", "bytes=2-4"), ("If-Range", date)], 206, "234"),
        (vec![("Range", "bytes=2-4"), ("If-Range", "\"other\"")], 200, "0123456789"),
        (vec![("If-None-Match", tag)], 304, ""),
    ] {
        let answer = get(&headers).await;
        assert_eq!((answer.status, answer.text()), (status, text), "{headers:?}: {answer:?}");
    }
    let beyond = get(&[("Range", "bytes=10-")]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */10")));
    let head = server.send(Request::new("HEAD", file)).await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("10")));
    for path in ["/openvidu/recordings/html/.recording.html", "/openvidu/recordings/html/%2erecording.html"] {
        let metadata = server.get(path).await;
        assert_eq!((metadata.text(), metadata.header("content-type")), ("{}", Some("application/octet-stream")));
    }
    for path in
        ["html/", "html", "", "html/none", "../secret", "%2e%2e/secret", "..%2fsecret", "html/..%5c..%5csecret", "%00"]
    {
        let answer = server.get(&format!("/openvidu/recordings/{path}")).await;
        assert!(answer.status == 404 && answer.is_described(), "{path}: {answer:?}");
    }
    assert_eq!(server.send(Request::new("PUT", file)).await.status, 405);
}

#[tokio::test]
async fn files_need_the_password_unless_they_are_public() {
    for public in [false, true] {
        let recording = Recording::start_with(|config| config.openvidu_recording_public_access = public).await;
        fs::create_dir(recording.path("x")).unwrap();
        fs::write(recording.path("x/x.mp4"), "media").unwrap();
        let status = async |method, path| recording.server.send(Request::anonymous(method, path)).await.status;
        let expected = if public { 200 } else { 401 };
        assert_eq!(status("GET", "/openvidu/recordings/x/x.mp4").await, expected);
        assert_eq!(status("HEAD", "/openvidu/recordings/x/x.mp4").await, expected);
        assert_eq!(status("DELETE", "/openvidu/recordings/x/x.mp4").await, 401);
        assert_eq!(status("GET", "/recordings").await, 401);
        assert_eq!(status("GET", "/openvidu/recordings/../api/sessions").await, if public { 404 } else { 401 });
        assert_eq!(recording.server.get("/openvidu/recordings/x/x.mp4").await.text(), "media");
    }
}

#[tokio::test]
async fn the_configuration_tells_of_recordings() {
    let recording = Recording::start().await;
    let config = recording.server.get("/config").await.json();
    let keys = keys(&config);
    let first = keys.iter().position(|key| *key == "OPENVIDU_RECORDING").unwrap();
    let expected = [
        "OPENVIDU_RECORDING",
        "OPENVIDU_RECORDING_VERSION",
        "OPENVIDU_RECORDING_PATH",
        "OPENVIDU_RECORDING_PUBLIC_ACCESS",
        "OPENVIDU_RECORDING_NOTIFICATION",
        "OPENVIDU_RECORDING_CUSTOM_LAYOUT",
        "OPENVIDU_RECORDING_AUTOSTOP_TIMEOUT",
        "OPENVIDU_WEBHOOK",
    ];
    assert_eq!(keys[first..][..expected.len()], expected);
    assert_eq!(
        (&config["OPENVIDU_RECORDING"], &config["OPENVIDU_RECORDING_AUTOSTOP_TIMEOUT"]),
        (&json!(true), &json!(120))
    );
    assert_eq!(config["OPENVIDU_RECORDING_PATH"], format!("{}/", recording.path("").display()).replace("//", "/"));
    assert_eq!(recording.server.get("/config/openvidu-recording").await.text(), "true");
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    let config = Config {
        server_port: 0,
        madang_udp_port: 0,
        coturn_port: 0,
        madang_data_dir: folder.path().to_owned(),
        openvidu_recording: true,
        openvidu_recording_path: path.clone(),
        ..Config::default()
    };
    let error = Server::start_with(config, Limits::default()).await.expect_err("there is a file").to_string();
    assert!(error.contains(path.to_str().unwrap()) && error.contains("OPENVIDU_RECORDING_PATH"), "{error}");
}
