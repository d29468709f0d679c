//! How sessions end and begin anew, also when several calls want different things at once.

use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::json;
use testbed::server::TestServer;

use super::participants::Participant;

/// Longer than a session that nobody joins may live.
const HOURS: Duration = Duration::from_secs(3 * 3600);

async fn hours_pass(server: &TestServer) {
    let control = server.server.control();
    control.call(|registry, now| registry.handle_timeout(now + HOURS)).await.unwrap();
}

#[tokio::test]
async fn a_session_that_nobody_joins_is_collected_and_its_id_is_free() {
    let server = TestServer::start().await;
    server.create_session("unused").await;
    let pending = server.create_connection("unused", "{}").await["id"].as_str().unwrap().to_owned();
    server.create_session("used").await;
    let _ann = Participant::join(&server, "used", "{}", "ann").await;
    hours_pass(&server).await;
    assert_eq!(server.get("/sessions/unused").await.status, 404);
    assert_eq!(server.get(&format!("/sessions/unused/connection/{pending}")).await.status, 400);
    assert_eq!(server.post("/sessions/unused/connection", "{}").await.status, 404);
    assert_eq!(server.get("/sessions").await.json()["content"][0]["id"], "used");
    server.create_session("unused").await;
    let anew = server.get("/sessions/unused?pendingConnections=true").await.json();
    assert_eq!(anew["connections"]["numberOfElements"], 0);
}

#[tokio::test]
async fn the_collector_can_be_switched_off() {
    let server = TestServer::start_with(|config| config.openvidu_sessions_garbage_interval = 0).await;
    server.create_session("unused").await;
    hours_pass(&server).await;
    assert_eq!(server.get("/sessions/unused").await.status, 200);
}

#[tokio::test]
async fn a_connection_made_while_its_session_closes_is_gone_with_it_or_refused() {
    let server = TestServer::start().await;
    for round in 0..10 {
        let room = format!("room{round}");
        server.create_session(&room).await;
        let path = format!("/sessions/{room}/connection");
        let connect = || server.post(&path, "{}");
        let (closed, connected) =
            join(server.delete(&format!("/sessions/{room}")), join_all((0..8).map(|_| connect()))).await;
        assert_eq!(closed.status, 204);
        for answer in connected {
            match answer.status {
                200 => {
                    let id = answer.json()["id"].as_str().unwrap().to_owned();
                    assert_eq!(server.get(&format!("{path}/{id}")).await.status, 400);
                }
                404 => assert!(answer.is_empty(), "{answer:?}"),
                _ => panic!("{answer:?}"),
            }
        }
        assert_eq!(server.post(&path, "{}").await.status, 404);
    }
}

#[tokio::test]
async fn of_many_that_create_and_close_at_once_every_success_counts() {
    let server = TestServer::start().await;
    let create = || server.post("/sessions", r#"{"customSessionId":"room"}"#);
    let close = || server.delete("/sessions/room");
    let (created, closed) = join(join_all((0..60).map(|_| create())), join_all((0..60).map(|_| close()))).await;
    assert!(created.iter().all(|answer| matches!(answer.status, 200 | 409)), "{created:?}");
    assert!(closed.iter().all(|answer| matches!(answer.status, 204 | 404)), "{closed:?}");
    let exists = usize::from(server.get("/sessions/room").await.status == 200);
    let count = |answers: &[testbed::rest::RestAnswer], status| answers.iter().filter(|a| a.status == status).count();
    assert_eq!(count(&created, 200), count(&closed, 204) + exists);
}

#[tokio::test]
async fn of_many_that_record_at_once_none_does_where_recording_is_off() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let _ann = Participant::join(&server, "room", "{}", "ann").await;
    let start = || server.post("/recordings/start", r#"{"session":"room"}"#);
    for answer in join_all((0..20).map(|_| start())).await {
        assert!(answer.status == 501 && answer.is_empty(), "{answer:?}");
    }
    assert_eq!(server.get("/sessions/room").await.json()["recording"], false);
}

#[tokio::test]
async fn a_session_that_would_be_recorded_always_works_without_a_recorder() {
    let server = TestServer::start().await;
    let properties = r#"{"customSessionId":"room","recordingMode":"ALWAYS","defaultRecordingProperties":{"outputMode":"INDIVIDUAL"}}"#;
    let created = server.post("/sessions", properties).await.json();
    assert_eq!((&created["recordingMode"], &created["recording"]), (&json!("ALWAYS"), &json!(false)));
    let ann = Participant::join(&server, "room", "{}", "ann").await;
    let session = server.get("/sessions/room").await.json();
    assert_eq!((&session["recording"], &session["connections"]["content"][0]["id"]), (&json!(false), &json!(ann.id)));
}
