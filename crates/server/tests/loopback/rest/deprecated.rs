//! Paths from before 2.16.

use testbed::rest::{Request, basic};
use testbed::server::TestServer;

/// Old path, new path. The answers are compared, so that they must not have a time or an id of their own.
const MOVED: &[(&str, &str, &str)] = &[
    ("GET", "/api/sessions?pendingConnections=true", "/openvidu/api/sessions?pendingConnections=true"),
    ("GET", "/api/sessions/room", "/openvidu/api/sessions/room"),
    ("GET", "/api/sessions/UNKNOWN/connection", "/openvidu/api/sessions/UNKNOWN/connection"),
    ("GET", "/api/recordings", "/openvidu/api/recordings"),
    ("GET", "/config", "/openvidu/api/config"),
    ("GET", "/config/openvidu-version", "/openvidu/api/config/openvidu-version"),
    ("GET", "/cdr", "/openvidu/cdr"),
    ("GET", "/cdr/CDR.2026-01-02_03-04-05.log", "/openvidu/cdr/CDR.2026-01-02_03-04-05.log"),
    ("GET", "/info", "/openvidu/info"),
    ("GET", "/accept-certificate", "/openvidu/accept-certificate"),
];

/// What a request names that is found nowhere, by its new path.
const NOT_THERE: &[(&str, &str)] = &[
    ("/recordings/x/x.mp4", "/openvidu/recordings/x/x.mp4"),
    ("/layouts/custom/x/index.html", "/openvidu/layouts/x/index.html"),
    ("/api/nothing", "/openvidu/api/nothing"),
];

async fn server(folder: &tempfile::TempDir, supported: bool) -> TestServer {
    std::fs::write(folder.path().join("CDR.2026-01-02_03-04-05.log"), "{}\n").unwrap();
    TestServer::start_with(|config| {
        config.support_deprecated_api = supported;
        config.openvidu_cdr_path = folder.path().to_owned();
    })
    .await
}

fn raw(method: &str, path: &str) -> Request {
    Request::raw(method, path).header("Authorization", &basic("OPENVIDUAPP:MY_SECRET"))
}

#[tokio::test]
async fn an_old_path_means_its_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder, true).await;
    server.create_session("room").await;
    for (method, old, new) in MOVED {
        let (theirs, ours) = (server.send(raw(method, old)).await, server.send(raw(method, new)).await);
        assert_ne!(ours.status, 401, "{new}");
        assert_eq!((theirs.status, theirs.text()), (ours.status, ours.text()), "{old}");
        assert_eq!(theirs.header("content-type"), ours.header("content-type"), "{old}");
    }
    for (old, new) in NOT_THERE {
        let answer = server.send(raw("GET", old)).await;
        assert_eq!((answer.status, &answer.json()["path"]), (404, &(*new).into()), "{old}");
    }
}

#[tokio::test]
async fn a_client_of_2_15_makes_a_token_and_sends_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder, true).await;
    let post = |path: &str, body: &str| server.send(raw("POST", path).json(body));
    assert_eq!(post("/api/sessions", r#"{"customSessionId":"old"}"#).await.json()["id"], "old");
    assert_eq!(post("/api/sessions", r#"{"customSessionId":"old"}"#).await.status, 409);
    let token = post("/api/tokens", r#"{"session":"old","role":"PUBLISHER"}"#).await.json();
    assert!(token["id"].as_str().unwrap().contains("?sessionId=old&token=tok_"));
    assert_eq!(post("/api/signal", r#"{"session":"old"}"#).await.status, 406);
    assert_eq!(post("/api/recordings/start", r#"{"session":"old"}"#).await.status, 501);
    assert_eq!(server.send(raw("DELETE", "/api/sessions/old")).await.status, 204);
}

#[tokio::test]
async fn an_old_path_is_as_closed_as_its_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder, true).await;
    for path in ["/api/sessions", "/config", "/cdr", "/cdr/CDR.2026-01-02_03-04-05.log", "/recordings/x/x.mp4"] {
        assert_eq!(server.send(Request::raw("GET", path)).await.status, 401, "{path}");
    }
    let wrong = basic("OPENVIDUAPP:WRONG");
    for path in ["/config/openvidu-publicurl", "/accept-certificate"] {
        assert_eq!(server.send(Request::raw("GET", path)).await.status, 200, "{path}");
        assert_eq!(server.send(Request::raw("GET", path).header("Authorization", &wrong)).await.status, 401, "{path}");
    }
    let preflight = Request::raw("OPTIONS", "/api/sessions").header("Origin", "https://app.example.org");
    assert_eq!(server.send(preflight.header("Access-Control-Request-Method", "POST")).await.status, 200);
}

#[tokio::test]
async fn without_the_setting_an_old_path_is_unknown_and_told_where_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder, false).await;
    for (method, old, new) in MOVED {
        assert_eq!(server.send(Request::raw(method, old)).await.status, 401, "{old}");
        let answer = server.send(raw(method, old)).await;
        assert_eq!(answer.status, 404, "{old}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        let new = new.split('?').next().unwrap();
        assert!(message.contains(new) && message.contains("SUPPORT_DEPRECATED_API"), "{message}");
    }
}
