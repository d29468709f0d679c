//! Recordings that are kept in a bucket, on a real S3 server.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use server::Config;
use settings::{RecordingStorage, Secret};
use tempfile::TempDir;
use testbed::eventually_async;
use testbed::rest::{Request, RestAnswer};
use testbed::s3::S3Service;
use testbed::server::TestServer;

use super::participants::Participant;

/// A disk of recordings, and a service with a bucket.
struct Places {
    folder: TempDir,
    service: S3Service,
}

impl Places {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = S3Service::start(&folder.path().join("s3")).await;
        Self { folder, service }
    }

    fn here(&self, path: &str) -> PathBuf {
        self.folder.path().join("recordings").join(path)
    }

    /// What is in a folder of the bucket.
    fn there(&self, id: &str) -> Vec<String> {
        names(&self.folder.path().join("s3/recordings").join(id))
    }

    /// A server that keeps its recordings there.
    async fn server(&self, change: impl FnOnce(&mut Config)) -> TestServer {
        let account = self.service.account();
        let secret = |text: &str| text.parse::<Secret>().unwrap();
        TestServer::start_with(|config| {
            config.openvidu_recording = true;
            config.openvidu_recording_path = self.here("");
            config.openvidu_pro_recording_storage = RecordingStorage::S3;
            config.openvidu_pro_aws_s3_bucket = account.bucket.to_owned();
            config.openvidu_pro_aws_s3_service_endpoint = account.endpoint;
            config.openvidu_pro_aws_s3_with_path_style_access = true;
            config.openvidu_pro_aws_region = account.region.to_owned();
            config.openvidu_pro_aws_access_key = secret(account.key);
            config.openvidu_pro_aws_secret_key = secret(account.secret);
            change(config);
        })
        .await
    }
}

/// Empty if there is no such folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Records a session in which somebody is who does not publish. Returns the answer to the recording's end.
async fn record(server: &TestServer) -> Value {
    server.create_session("room").await;
    let _ann = Participant::join(server, "room", "{}", "ann").await;
    let start = r#"{"session":"room","outputMode":"INDIVIDUAL","name":"mine"}"#;
    let started = server.post("/recordings/start", start).await.json();
    let id = started["id"].as_str().unwrap_or_else(|| panic!("{started}"));
    let stopped = server.send(Request::new("POST", &format!("/recordings/stop/{id}"))).await.json();
    assert_eq!(stopped["status"], "stopped", "{stopped}");
    stopped
}

/// Waits until a recording is ready.
async fn ready(server: &TestServer, id: &str) -> Value {
    eventually_async("it is ready", async || {
        let answer = server.get(&format!("/recordings/{id}")).await;
        (answer.status == 200).then(|| answer.json()).filter(|recording| recording["status"] == "ready")
    })
    .await
}

async fn file(server: &TestServer, method: &str, path: &str, headers: &[(&str, &str)]) -> RestAnswer {
    let request = Request::new(method, &format!("/openvidu/recordings/{path}"));
    server.send(headers.iter().fold(request, |request, (name, value)| request.header(name, value))).await
}

#[tokio::test]
async fn a_recording_is_ready_once_it_is_in_the_bucket() {
    let places = Places::new().await;
    let server = places.server(|_| {}).await;
    places.service.be_silent_for(Some("mine.zip"));
    record(&server).await;
    places.service.fell_silent().await;
    let waiting = server.get("/recordings/room").await.json();
    assert_eq!((&waiting["status"], waiting["duration"].as_f64()), (&json!("stopped"), Some(0.0)));
    assert_eq!(server.delete("/recordings/room").await.status, 409, "it is on its way");
    assert_eq!(file(&server, "GET", "room/mine.zip", &[]).await.status, 200, "still from here");
    drop(server);

    // Somebody else goes on.
    places.service.be_silent_for(None);
    let server = places.server(|_| {}).await;
    let recording = ready(&server, "room").await;
    assert_eq!(recording["url"], format!("http://{}/openvidu/recordings/room/mine.zip", testbed::rest::HOST));
    assert_eq!(places.there("room"), [".recording.room", "mine.zip"]);
    // A crash before the rest is removed must not find less than there is.
    eventually_async("it is not here as well", async || {
        (names(&places.here("room")) == [".recording.room"]).then_some(())
    })
    .await;

    let whole = file(&server, "GET", "room/mine.zip", &[]).await;
    assert_eq!((whole.status, whole.header("Content-Type")), (200, Some("application/zip")));
    let length: usize = whole.header("Content-Length").unwrap().parse().unwrap();
    assert!(whole.body.starts_with(b"PK") && whole.body.len() == length, "{whole:?}");
    let part = file(&server, "GET", "room/mine.zip", &[("Range", "bytes=1-4")]).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &whole.body[1..5]));
    assert_eq!(part.header("Content-Range").unwrap(), format!("bytes 1-4/{length}"));
    let etag = whole.header("ETag").unwrap();
    let same = file(&server, "GET", "room/mine.zip", &[("Range", "bytes=-3"), ("If-Range", etag)]).await;
    assert_eq!((same.status, same.body.as_slice()), (206, &whole.body[length - 3..]));
    let other = file(&server, "GET", "room/mine.zip", &[("Range", "bytes=-3"), ("If-Range", "\"other\"")]).await;
    assert_eq!((other.status, other.body.len()), (200, length));
    let behind = file(&server, "GET", "room/mine.zip", &[("Range", "bytes=99999-")]).await;
    assert_eq!((behind.status, behind.header("Content-Range").unwrap()), (416, format!("bytes */{length}").as_str()));
    let head = file(&server, "HEAD", "room/mine.zip", &[]).await;
    assert_eq!((head.status, head.header("Content-Length").unwrap()), (200, length.to_string().as_str()));
    for missing in ["room/other.zip", "room", "room/", "x/mine.zip", "room/../room/mine.zip", "room//mine.zip"] {
        assert_eq!(file(&server, "GET", missing, &[]).await.status, 404, "{missing}");
    }

    assert_eq!(server.delete("/recordings/room").await.status, 204);
    assert!(places.there("room").is_empty() && !places.here("room").exists());
    assert_eq!(file(&server, "GET", "room/mine.zip", &[]).await.status, 404);
}

#[tokio::test]
async fn what_is_in_the_bucket_is_known_on_a_new_disk() {
    let places = Places::new().await;
    let server = places.server(|config| config.madang_recording_local_copy = true).await;
    record(&server).await;
    let recording = ready(&server, "room").await;
    assert_eq!(names(&places.here("room")), [".recording.room", "mine.zip"], "here, too");
    drop(server);
    fs::remove_dir_all(places.here("")).unwrap();
    // Neither is a recording.
    let bucket = places.folder.path().join("s3/recordings");
    fs::write(bucket.join("notes.txt"), "of somebody").unwrap();
    fs::create_dir(bucket.join("broken")).unwrap();
    fs::write(bucket.join("broken/.recording.broken"), "{").unwrap();

    let server = places.server(|_| {}).await;
    assert_eq!(ready(&server, "room").await, recording);
    assert_eq!(server.get("/recordings").await.json()["count"], 1);
    assert_eq!(places.service.count("GET /recordings/room/.recording.room"), 1, "listed from here");
    assert_eq!(file(&server, "GET", "room/mine.zip", &[]).await.status, 200);
    assert_eq!(record(&server).await["id"], "room~1");
    ready(&server, "room~1").await;
    assert_eq!(places.there("room~1"), [".recording.room~1", "mine.zip"]);
}

#[tokio::test]
async fn a_bucket_that_refuses_loses_nothing() {
    let places = Places::new().await;
    let server = places.server(|config| config.openvidu_pro_aws_secret_key = "wrong".parse().unwrap()).await;
    record(&server).await;
    assert_eq!(file(&server, "GET", "room/mine.zip", &[]).await.status, 200);
    drop(server);
    // The operator sets it right.
    let server = places.server(|_| {}).await;
    ready(&server, "room").await;
    assert_eq!(places.there("room"), [".recording.room", "mine.zip"]);
}

#[tokio::test]
async fn a_recording_that_waits_for_a_bucket_is_ready_where_there_is_none_any_more() {
    let places = Places::new().await;
    let server = places.server(|config| config.openvidu_pro_aws_secret_key = "wrong".parse().unwrap()).await;
    record(&server).await;
    drop(server);
    let server = places.server(|config| config.openvidu_pro_recording_storage = RecordingStorage::Local).await;
    ready(&server, "room").await;
    assert_eq!(names(&places.here("room")), [".recording.room", "mine.zip"]);
}

/// What the doctor says of the bucket.
async fn looked_at(places: &Places, language: &str, change: impl FnOnce(&mut Config)) -> Value {
    let server = places.server(change).await;
    let request = Request::new("GET", "/openvidu/api/doctor").header("Accept-Language", language);
    let description = server.send(request).await.json();
    let checks = description["checks"].as_array().unwrap();
    checks.iter().find(|check| check["leg"] == "bucket").unwrap_or_else(|| panic!("{description}")).clone()
}

#[tokio::test]
async fn the_doctor_tries_the_bucket_out() {
    let places = Places::new().await;
    let good = looked_at(&places, "en", |_| {}).await;
    assert_eq!(good["verdict"], "ok", "{good}");
    for key in ["PUT /recordings/.madang-doctor-", "GET /recordings/.madang-doctor-", "POST /recordings?delete"] {
        assert_eq!(places.service.count(key), 1, "{key}");
    }
    let guessed = |config: &mut Config| config.openvidu_pro_aws_secret_key = "guessed".parse().unwrap();
    let wrong = looked_at(&places, "en", guessed).await;
    let words = wrong.to_string();
    assert_eq!(wrong["verdict"], "failed", "{wrong}");
    assert!(words.contains("cannot be listed") && words.contains("OPENVIDU_PRO_AWS_ACCESS_KEY"), "{wrong}");
    assert!(!words.contains("guessed"), "{wrong}");
    let unknown = looked_at(&places, "ko", |config| config.openvidu_pro_aws_s3_bucket = "nobodys".to_owned()).await;
    assert_eq!(unknown["verdict"], "failed", "{unknown}");
    assert!(unknown.to_string().contains("버킷 nobodys의 목록을 볼 수 없습니다"), "{unknown}");
}
