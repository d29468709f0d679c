//! The deprecated `/tokens`.

use serde_json::json;
use testbed::rest::HOST;
use testbed::server::TestServer;

use super::sessions::keys;

#[tokio::test]
async fn a_token_is_a_connection_in_short() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let answer =
        server.post("/tokens", r#"{"session":"room","role":"SUBSCRIBER","data":"dd","record":"ignored"}"#).await;
    let token = answer.json();
    assert_eq!(keys(&token), ["id", "token", "createdAt", "connectionId", "session", "data", "role"]);
    assert_eq!(
        (&token["data"], &token["role"], &token["session"]),
        (&json!("dd"), &json!("SUBSCRIBER"), &json!("room"))
    );
    assert_eq!(token["id"], token["token"]);
    assert!(token["id"].as_str().unwrap().starts_with(&format!("ws://{HOST}?sessionId=room&token=tok_")));
    let id = token["connectionId"].as_str().unwrap();
    let connection = server.get(&format!("/sessions/room/connection/{id}")).await.json();
    assert_eq!((&connection["token"], &connection["serverData"]), (&token["token"], &json!("dd")));

    let options = r#"{"session":"room","kurentoOptions":{"videoMaxRecvBandwidth":300}}"#;
    let token = server.post("/tokens", options).await.json();
    assert_eq!(token["kurentoOptions"], json!({"videoMaxRecvBandwidth":300}));
}

#[tokio::test]
async fn a_token_needs_a_session_and_good_parameters() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    for (body, status, path) in [
        ("{}", 400, "/openvidu/api/tokens"),
        (r#"{"session":5}"#, 400, "/openvidu/api/tokens"),
        (r#"{"session":"UNKNOWN","role":5}"#, 404, "/openvidu/api/tokens"),
        (r#"{"session":"room","role":"X"}"#, 400, "/openvidu/api/sessions/room/connection"),
        (r#"{"session":"room","data":5}"#, 400, "/openvidu/api/sessions/room/connection"),
        (r#"{"session":"room","kurentoOptions":"x"}"#, 400, "/openvidu/api/sessions/room/connection"),
        (r#"{"session":"room","type":"IPCAM"}"#, 400, "/openvidu/api/sessions/room/connection"),
        ("", 400, "/openvidu/api/tokens"),
        ("null", 400, "/openvidu/api/tokens"),
    ] {
        let answer = server.post("/tokens", body).await;
        assert!(answer.status == status && answer.is_described(), "{body}: {answer:?}");
        assert_eq!(answer.json()["path"], path, "{body}");
    }
}
