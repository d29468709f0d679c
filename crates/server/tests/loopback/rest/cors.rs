//! Requests from pages of other origins.

use testbed::rest::{HOST, Request, RestAnswer};
use testbed::server::TestServer;

const ORIGIN: &str = "https://app.example.org";
const ALLOW_ORIGIN: &str = "access-control-allow-origin";

fn is_empty_200(answer: &RestAnswer) -> bool {
    answer.status == 200 && answer.is_empty() && answer.header("content-length") == Some("0")
}

#[tokio::test]
async fn a_preflight_is_answered_without_credentials_whatever_the_path() {
    let server = TestServer::start().await;
    for path in ["/sessions", "/openvidu/api/nothing", "/nothing", "/call/token"] {
        let preflight = Request::anonymous("OPTIONS", path)
            .header("Origin", ORIGIN)
            .header("Access-Control-Request-Method", "POST");
        let answer = server.send(preflight.clone()).await;
        assert!(is_empty_200(&answer), "{path}: {answer:?}");
        assert_eq!(answer.header(ALLOW_ORIGIN), Some("*"));
        assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
        assert_eq!(answer.header("access-control-allow-headers"), None);
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        let answer =
            server.send(preflight.header("Access-Control-Request-Headers", "authorization,content-type")).await;
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization, content-type"));
    }
}

#[tokio::test]
async fn options_that_is_no_preflight_needs_credentials_and_lists_the_methods() {
    let server = TestServer::start().await;
    assert_eq!(server.send(Request::anonymous("OPTIONS", "/sessions").header("Origin", ORIGIN)).await.status, 401);
    for (path, allowed) in [
        ("/sessions", "GET,HEAD,POST,OPTIONS"),
        ("/sessions/x", "GET,HEAD,DELETE,OPTIONS"),
        ("/tokens", "POST,OPTIONS"),
    ] {
        let answer = server.send(Request::new("OPTIONS", path)).await;
        assert!(is_empty_200(&answer), "{path}: {answer:?}");
        assert_eq!(answer.header("allow"), Some(allowed));
    }
    assert_eq!(server.send(Request::new("OPTIONS", "/openvidu/api/nothing")).await.status, 404);
}

#[tokio::test]
async fn every_answer_may_be_read_by_any_origin_but_our_own_is_not_told_so() {
    let server = TestServer::start().await;
    for origin in [ORIGIN, "null", "https://127.0.0.1:15443", "http://127.0.0.1"] {
        for (request, status) in [
            (Request::new("GET", "/config"), 200),
            (Request::anonymous("GET", "/config"), 401),
            (Request::new("GET", "/sessions/UNKNOWN"), 404),
            (Request::new("PUT", "/sessions"), 405),
            (Request::new("POST", "/tokens").json("{"), 400),
        ] {
            let answer = server.send(request.header("Origin", origin)).await;
            assert_eq!((answer.status, answer.header(ALLOW_ORIGIN)), (status, Some("*")), "{origin}");
        }
    }
    let own = Request::new("GET", "/config").header("Origin", &format!("http://{HOST}"));
    assert_eq!(server.send(own).await.header(ALLOW_ORIGIN), None);
    assert_eq!(server.get("/config").await.header(ALLOW_ORIGIN), None);
}

#[tokio::test]
async fn caches_are_told_what_answers_depend_on() {
    let server = TestServer::start().await;
    for request in [
        Request::new("GET", "/config"),
        Request::anonymous("GET", "/config"),
        Request::new("GET", "/openvidu/api/nothing"),
        Request::anonymous("GET", "/"),
    ] {
        let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        assert_eq!(server.send(request).await.header("vary"), Some(vary));
    }
}
