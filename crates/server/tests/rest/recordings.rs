//! `/recordings` of a server that does not record.

use protocol::model::MediaServer;

use crate::client::{Request, TestServer};
use crate::participants::Participant;
use crate::streams::recorded;

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
async fn a_session_that_shall_always_be_recorded_tells_that_it_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(|config| {
        config.openvidu_enterprise_media_server = MediaServer::Kurento;
        config.openvidu_recording = true;
        config.openvidu_cdr = true;
        config.openvidu_cdr_path = folder.path().to_owned();
    })
    .await;
    let body = r#"{"customSessionId":"room","recordingMode":"ALWAYS","defaultRecordingProperties":{"outputMode":"INDIVIDUAL"}}"#;
    assert_eq!(server.post("/sessions", body).await.status, 200);
    let mut ann = Participant::join(&server, "room", "{}", "ann").await;
    let published = ann.request("publishVideo", recorded("publishVideo")).await;
    assert!(published["result"]["id"].is_string(), "{published}");
    assert_eq!(server.get("/sessions/room").await.json()["recording"], false);

    let names = server.get("/openvidu/cdr").await.json();
    let file = format!("/openvidu/cdr/{}", names[0].as_str().expect("a file"));
    let told = async {
        loop {
            let answer = server.get(&file).await;
            if let Some(line) = answer.text().lines().find(|line| line.contains("recordingStatusChanged")) {
                return line.to_owned();
            }
        }
    };
    let told = tokio::time::timeout(std::time::Duration::from_secs(30), told).await.expect("an event");
    assert!(told.contains(r#""id":"room","name":"room","outputMode":"INDIVIDUAL""#), "{told}");
    assert!(told.ends_with(r#""status":"failed"}}"#) && !told.contains("reason"), "{told}");
}
