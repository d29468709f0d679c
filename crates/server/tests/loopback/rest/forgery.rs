//! What a page of somebody else makes a browser send, with the password that this browser knows.

use testbed::rest::{Request, RestAnswer};
use testbed::server::TestServer;

const EVIL: &str = "https://evil.example.org";
const FORM: &str = "application/x-www-form-urlencoded";

async fn sessions(server: &TestServer) -> u64 {
    server.get("/sessions").await.json()["numberOfElements"].as_u64().unwrap()
}

fn is_refused(answer: &RestAnswer, status: u16) -> bool {
    answer.status == status && answer.is_described()
}

#[tokio::test]
async fn a_form_or_a_script_of_another_origin_changes_nothing() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let post = |path: &str| Request::new("POST", path).header("Origin", EVIL);
    let navigated =
        |request: Request| request.header("Sec-Fetch-Site", "cross-site").header("Sec-Fetch-Mode", "navigate");
    for path in ["/openvidu/api/restart", "/sessions", "/sessions/room/connection", "/signal", "/call/token"] {
        for body in ["{}", "customSessionId=x", "{\"customSessionId\":\"=\"}"] {
            for kind in [FORM, "multipart/form-data; boundary=x", "text/plain", "Text/Plain; charset=utf-8"] {
                let answer = server.send(post(path).header("Content-Type", kind).body(body)).await;
                assert!(is_refused(&answer, 415), "{path} {kind}: {answer:?}");
            }
            assert!(is_refused(&server.send(post(path).body(body)).await, 403), "{path}: no type");
        }
        for forged in [post(path), navigated(post(path)), post(path).header("Content-Type", FORM)] {
            assert!(is_refused(&server.send(forged).await, 403), "{path}: no body");
        }
        let site = Request::new("POST", path).header("Sec-Fetch-Site", "same-site");
        assert!(is_refused(&server.send(site).await, 403), "{path}: without Origin");
        assert!(is_refused(&server.send(navigated(post(path)).json("{}")).await, 403), "{path}");
    }
    assert_eq!(sessions(&server).await, 1);
    // Wrong credentials come first, as everywhere.
    let anonymous = Request::anonymous("POST", "/sessions").header("Origin", EVIL);
    assert_eq!(server.send(anonymous.header("Content-Type", FORM).body("x=y")).await.status, 401);
}

#[tokio::test]
async fn a_page_whose_script_has_the_password_goes_on_working() {
    let server = TestServer::start().await;
    let scripted = |method: &str, path: &str| {
        let request = Request::new(method, path).header("Origin", "http://localhost:8080");
        request.header("Sec-Fetch-Site", "same-site").header("Sec-Fetch-Mode", "cors")
    };
    let created = server.send(scripted("POST", "/sessions").json(r#"{"customSessionId":"room"}"#)).await;
    assert_eq!(created.status, 200, "{created:?}");
    let connection = server.send(scripted("POST", "/sessions/room/connection").json("{}")).await;
    let id = connection.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/sessions/room/connection/{id}");
    assert_eq!(server.send(scripted("PATCH", &path).json(r#"{"role":"MODERATOR"}"#)).await.status, 200);
    assert_eq!(server.send(scripted("DELETE", &path)).await.status, 204);
    // openvidu-node-client in a page ends a recording without a body.
    let stop = server.send(scripted("POST", "/recordings/stop/room")).await;
    assert!(![403, 415].contains(&stop.status), "{stop:?}");
    assert_eq!(server.send(scripted("DELETE", "/sessions/room")).await.status, 204);
}

/// openvidu-node-client claims a form's type where it sends nothing.
#[tokio::test]
async fn programs_without_a_page_go_on_working() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let request = |method: &str, path: &str| Request::new(method, path).header("Content-Type", FORM);
    assert_eq!(server.send(request("POST", "/sessions")).await.status, 200);
    assert_eq!(server.send(request("GET", "/sessions/room")).await.status, 200);
    let stop = server.send(request("POST", "/recordings/stop/room")).await;
    assert!(![403, 415].contains(&stop.status), "{stop:?}");
    assert_eq!(server.send(request("DELETE", "/sessions/room")).await.status, 204);
    let own = Request::anonymous("POST", "/call/token").header("Origin", "http://127.0.0.1:15443");
    assert_eq!(server.send(own.json(r#"{"room":"r"}"#)).await.status, 200);
}
