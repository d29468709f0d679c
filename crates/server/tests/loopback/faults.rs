//! Defects, on purpose, in a running server: who is told, what goes on, and who notices when nothing does.

use std::panic::panic_any;
use std::sync::mpsc;

use serde_json::{Value, json};
use server::Silent;
use session::snapshot::Include;
use testbed::server::TestServer;
use testbed::{PATIENCE, eventually};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const HEALTH: &str = "/openvidu/api/health";

/// The events of the one CDR file, by name.
fn events(folder: &std::path::Path) -> Vec<(String, Value)> {
    let file = std::fs::read_dir(folder).unwrap().next().expect("a file").unwrap().path();
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Map<_, _>>(line).unwrap());
    lines.map(|line| line.into_iter().next().unwrap()).collect()
}

#[tokio::test]
async fn a_panic_in_the_control_loop_closes_the_session_concerned_and_no_other() {
    let cdr = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(|config| {
        config.openvidu_cdr = true;
        config.openvidu_cdr_path = cdr.path().to_owned();
    })
    .await;
    for session in ["broken", "sound"] {
        server.create_session(session).await;
    }
    let (mut ann, joined) = server.joined("broken", "ann").await;
    let (mut bob, _) = server.joined("sound", "bob").await;

    let answer = server.server.control().call(|registry, _| {
        let session = registry.session("broken", Include::default());
        assert!(session.is_none(), "a defect, on purpose");
    });
    assert!(answer.await.is_err(), "whoever asked is told that nothing came of it");

    // Clients, REST and applications hear of it.
    let evicted = ann.notification("participantEvicted").await;
    assert_eq!((&evicted["connectionId"], &evicted["reason"]), (&joined["id"], &json!("nodeCrashed")));
    assert_eq!(server.get("/sessions/broken").await.status, 404);
    eventually("applications are told", || {
        let events = events(cdr.path());
        let is_end = |(name, event): &&(String, Value)| {
            name == "sessionDestroyed" && event["sessionId"] == "broken" && event["reason"] == "nodeCrashed"
        };
        events.iter().find(is_end).map(drop)
    });
    let names: Vec<_> = events(cdr.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[names.len() - 2..], ["participantLeft", "sessionDestroyed"]);

    // The others go on, and so does whoever comes back.
    let answer =
        bob.request("sendMessage", json!({"message": json!({"to": [], "data": "x", "type": "t"}).to_string()}));
    assert!(answer.await["result"].is_object());
    assert_eq!(bob.notification("sendMessage").await["data"], "x");
    server.create_session("broken").await;
    let _again = server.joined("broken", "ann").await;
    assert_eq!(server.get(HEALTH).await.status, 200);
}

#[tokio::test]
async fn a_panic_about_somebody_in_no_session_closes_nothing() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (mut ann, _) = server.joined("room", "ann").await;
    let answer = server.server.control().call::<()>(|_, _| panic!("a defect, on purpose"));
    assert_eq!(answer.await, Err(server::Stopped));
    assert!(ann.request("echo", json!({})).await["result"].is_object());
    assert_eq!(server.get("/sessions/room").await.status, 200);
}

/// Makes the control loop stand still until what is returned first is dropped.
async fn block(server: &TestServer) -> (mpsc::Sender<()>, JoinHandle<Result<(), server::Stopped>>) {
    let (go_on, told) = mpsc::channel::<()>();
    let (stands, standing) = oneshot::channel();
    let control = server.server.control().clone();
    let stand = move || {
        let _ = stands.send(());
        while told.recv().is_ok() {}
    };
    let blocked = tokio::spawn(async move { control.call(move |_, _| stand()).await });
    standing.await.expect("it takes calls");
    (go_on, blocked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_loop_that_stands_still_is_not_healthy() {
    let server = TestServer::start().await;
    let (go_on, blocked) = block(&server).await;
    let health = server.get(HEALTH).await;
    let down = json!({"status": "DOWN", "disconnectedMediaNodes": []});
    assert_eq!((health.status, health.json()), (503, down), "its media worker is there");
    assert_eq!(server.server.check().await, Err(Silent { control: true, media: false }));
    drop(go_on);
    assert_eq!(blocked.await.unwrap(), Ok(()));
    assert_eq!(server.get(HEALTH).await.status, 200);
    assert_eq!(server.server.check().await, Ok(()));
}

/// What a panic leaves behind, and panics again when that is thrown away: nothing is prepared for it.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a defect, on purpose");
    }
}

#[tokio::test]
async fn a_control_loop_that_ends_is_noticed_and_the_server_still_stops() {
    let server = TestServer::start().await;
    assert!(server.server.control().call(|_, _| panic_any(Bomb)).await.is_err());
    assert_eq!(timeout(PATIENCE, server.server.failed()).await.expect("it is noticed"), "the thread control");
    let health = server.get(HEALTH).await;
    assert_eq!((health.status, &health.json()["status"]), (503, &json!("DOWN")));
    timeout(server::STOP_DEADLINE, server.server.stop()).await.expect("it has a deadline");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_control_loop_stands_still_stops_all_the_same() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (_ann, _) = server.joined("room", "ann").await;
    let (go_on, blocked) = block(&server).await;
    assert!(server.server.check().await.is_err());
    timeout(PATIENCE, server.server.stop()).await.expect("it has a deadline for all of it");
    drop(go_on);
    assert_eq!(blocked.await.unwrap(), Ok(()));
}
