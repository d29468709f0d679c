//! Answers that differ between versions of OpenVidu, with and without `MADANG_COMPATIBILITY`.

use serde_json::json;
use settings::Compatibility;
use testbed::rest::{Request, RestAnswer};
use testbed::server::TestServer;

/// What no handler takes: a request, the clear status, and what `Allow` lists.
fn unhandled() -> Vec<(Request, u16, Option<&'static str>)> {
    let request = Request::new;
    vec![
        (request("DELETE", "/sessions"), 405, Some("GET,HEAD,POST")),
        (request("GET", "/tokens"), 405, Some("POST")),
        (request("POST", "/recordings/stop").json("{}"), 405, Some("GET,HEAD,DELETE")),
        (request("DELETE", "/recordings"), 405, Some("GET,HEAD")),
        (request("GET", "/openvidu/api"), 404, None),
        (request("GET", "/openvidu/api/Sessions"), 404, None),
        (request("GET", "/sessions//"), 404, None),
        (request("GET", "/dashboard/nothing"), 404, None),
        (request("GET", "/openvidu/recordings/x/x.mp4"), 404, None),
        (request("GET", "/openvidu/cdr/CDR.2020-01-01_00-00-00.log"), 404, None),
        (request("POST", "/sessions").json("{"), 400, None),
        (request("POST", "/sessions").json("[]"), 400, None),
        (request("POST", "/sessions/UNKNOWN/connection").json("{"), 400, None),
        (request("POST", "/tokens").json(""), 400, None),
        (request("POST", "/signal").json("null"), 400, None),
        (request("POST", "/recordings/start").json(" "), 400, None),
        (request("POST", "/sessions").header("Content-Type", "text/plain").body("{}"), 415, None),
        (request("POST", "/signal").body("{}"), 415, None),
        (request("GET", "/sessions?pendingConnections=x"), 400, None),
        (request("GET", "/sessions/UNKNOWN?webRtcStats=2"), 400, None),
        (request("GET", "/sessions").header("Accept", "text/html"), 406, None),
        (request("GET", "/config").header("Accept", "application/json;q=0, */*"), 406, None),
    ]
}

/// What handlers refuse is the same for all versions.
fn handled() -> Vec<(Request, u16)> {
    let request = Request::new;
    vec![
        (request("GET", "/sessions/UNKNOWN"), 404),
        (request("POST", "/sessions").json(r#"{"mediaMode":5}"#), 400),
        (request("POST", "/signal").json("{}"), 400),
        (request("GET", "/sessions/UNKNOWN/connection/x"), 400),
        (request("GET", "/recordings"), 501),
        // A refusal is told whatever is accepted, and a text and nothing at all have no type to refuse.
        (request("GET", "/sessions/UNKNOWN").header("Accept", "text/html"), 404),
        (request("POST", "/signal").json("{}").header("Accept", "text/html"), 400),
        (request("GET", "/config/openvidu-version").header("Accept", "application/json"), 200),
        (request("GET", "/sessions").header("Accept", "application/json, text/plain, */*"), 200),
        (Request::anonymous("GET", "/openvidu/api/nothing"), 401),
        (request("OPTIONS", "/sessions"), 200),
    ]
}

fn is_blurred(answer: &RestAnswer) -> bool {
    answer.status == 403
        && answer.is_empty()
        && answer.header("content-length") == Some("0")
        && answer.header("www-authenticate").is_none()
}

#[tokio::test]
async fn each_mistake_has_its_own_status_unless_2_32_is_asked_for() {
    let clear = TestServer::start().await;
    let blurred = TestServer::start_with(|config| config.madang_compatibility = Compatibility::V2_32).await;
    for (request, status, allow) in unhandled() {
        let answer = clear.send(request.clone()).await;
        assert!(answer.status == status && answer.is_described(), "{request:?}: {answer:?}");
        assert_eq!(answer.header("allow"), allow, "{request:?}");
        let answer = blurred.send(request.clone()).await;
        assert!(is_blurred(&answer), "{request:?}: {answer:?}");
        assert_eq!(answer.header("allow"), allow, "{request:?}");
        assert!(answer.header("vary").is_some() && answer.header("x-frame-options").is_some(), "{answer:?}");
    }
    for (request, status) in handled() {
        assert_eq!(clear.send(request.clone()).await.status, status, "{request:?}");
        assert_eq!(blurred.send(request.clone()).await.status, status, "{request:?}");
    }
}

#[tokio::test]
async fn a_blurred_refusal_can_be_read_by_other_origins_and_keeps_the_connection() {
    let server = TestServer::start_with(|config| config.madang_compatibility = Compatibility::V2_32).await;
    let mut client = server.connect().await;
    let refused = Request::new("GET", "/openvidu/api/nothing").header("Origin", "https://app.example.org");
    let answer = client.send(refused).await;
    assert!(is_blurred(&answer) && answer.header("access-control-allow-origin") == Some("*"), "{answer:?}");
    assert_eq!(client.send(Request::new("GET", "/config")).await.status, 200);
}

#[tokio::test]
async fn connections_are_updated_whatever_the_version() {
    let server = TestServer::start_with(|config| config.madang_compatibility = Compatibility::V2_32).await;
    server.create_session("room").await;
    let id = server.create_connection("room", "{}").await["id"].as_str().unwrap().to_owned();
    let path = format!("/sessions/room/connection/{id}");
    assert_eq!(server.send(Request::new("PATCH", &path).json(r#"{"record":false}"#)).await.status, 200);
}

#[tokio::test]
async fn clients_of_2_20_are_shown_no_codec_that_they_do_not_know() {
    let server = TestServer::start_with(|config| config.madang_compatibility = Compatibility::V2_20).await;
    let created = server.create_session("room").await.json();
    assert_eq!(created["forcedVideoCodec"], "VP8");
    assert_eq!(server.get("/sessions/room").await.json()["forcedVideoCodec"], "VP8");
    assert_eq!(server.get("/sessions").await.json()["content"][0]["forcedVideoCodec"], "VP8");
    let none = server.post("/sessions", r#"{"forcedVideoCodec":"NONE"}"#).await.json();
    assert_eq!((&none["forcedVideoCodec"], none.get("forcedVideoCodecResolved")), (&json!("NONE"), None));
}
