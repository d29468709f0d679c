//! Very many requests at once, and every method on every route.

use std::sync::Arc;

use testbed::rest::{Request, basic};
use testbed::server::TestServer;

/// Every path with the methods that it has.
const ROUTES: &[(&str, &[&str])] = &[
    ("/sessions", &["GET", "HEAD", "POST"]),
    ("/sessions/x", &["GET", "HEAD", "DELETE"]),
    ("/sessions/x/connection", &["GET", "HEAD", "POST"]),
    ("/sessions/x/connection/y", &["GET", "HEAD", "PATCH", "DELETE"]),
    ("/sessions/x/stream/y", &["DELETE"]),
    ("/tokens", &["POST"]),
    ("/signal", &["POST"]),
    ("/config", &["GET", "HEAD"]),
    ("/config/openvidu-publicurl", &["GET", "HEAD"]),
    ("/config/openvidu-recording", &["GET", "HEAD"]),
    ("/config/openvidu-cdr", &["GET", "HEAD"]),
    ("/recordings", &["GET", "HEAD"]),
    ("/recordings/stop/x", &["POST"]),
    ("/recordings/x", &["GET", "HEAD", "DELETE"]),
    ("/openvidu/cdr", &["GET", "HEAD"]),
    ("/openvidu/accept-certificate", &["GET", "HEAD"]),
    ("/call/token", &["POST"]),
    ("/", &["GET", "HEAD"]),
];

#[tokio::test]
async fn every_route_refuses_every_method_that_it_does_not_have() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    for (path, methods) in ROUTES {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "BREW", "get"] {
            let answer = client.send(Request::new(method, path)).await;
            assert_eq!(answer.status == 405, !methods.contains(&method), "{method} {path}: {answer:?}");
            if answer.status == 405 {
                let mut allowed: Vec<_> = answer.header("allow").unwrap_or_default().split(',').collect();
                let mut expected = methods.to_vec();
                allowed.sort_unstable();
                expected.sort_unstable();
                assert_eq!(allowed, expected, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_thousand_requests_at_once_are_all_answered_and_one_creates_the_session() {
    let server = Arc::new(TestServer::start().await);
    let mut requests = vec![];
    for number in 0..1000 {
        let server = server.clone();
        requests.push(tokio::spawn(async move {
            let same = "{\"customSessionId\":\"same\"}";
            let (request, expected): (_, &[u16]) = match number % 8 {
                0 => (Request::new("POST", "/sessions").json(same), &[200, 409]),
                1 => (Request::new("POST", "/sessions").json("{}"), &[200]),
                2 => (Request::new("GET", "/sessions"), &[200]),
                3 => (Request::new("GET", "/sessions/same"), &[200, 404]),
                4 => (Request::new("POST", "/sessions/same/connection").json("{}"), &[200, 404]),
                5 => (Request::new("DELETE", "/sessions/nothing"), &[404]),
                6 => (Request::anonymous("GET", "/config"), &[401]),
                _ => {
                    let wrong = Request::new("GET", "/config").header("Authorization", &basic("OPENVIDUAPP:WRONG"));
                    (wrong, &[401, 429])
                }
            };
            let answer = server.send(request).await;
            assert!(expected.contains(&answer.status), "{number}: {answer:?}");
            (number % 8 == 0 && answer.status == 200, number % 8 == 1)
        }));
    }
    let (mut same, mut others) = (0, 0);
    for request in requests {
        let (created_same, created_other) = request.await.unwrap();
        same += usize::from(created_same);
        others += usize::from(created_other);
    }
    assert_eq!(same, 1);
    assert_eq!(server.get("/sessions").await.json()["numberOfElements"], others + 1);
}
