//! Who may do what.

use testbed::rest::{Request, basic};
use testbed::server::TestServer;

const PATHS: &[(&str, &str)] = &[
    ("GET", "/sessions"),
    ("POST", "/sessions"),
    ("DELETE", "/sessions/x"),
    ("POST", "/tokens"),
    ("POST", "/signal"),
    ("GET", "/config"),
    ("POST", "/config/openvidu-publicurl"),
    ("GET", "/recordings"),
    ("GET", "/openvidu/api"),
    ("GET", "/openvidu/api/nothing"),
    ("GET", "/nothing"),
    ("GET", "/dashboard/"),
    ("GET", "/openvidu/cdr"),
    ("GET", "/openvidu/recordings/x/x.mp4"),
    ("GET", "/openvidu/layouts/index.html"),
    ("OPTIONS", "/sessions"),
    ("BREW", "/sessions"),
];

#[tokio::test]
async fn without_or_with_wrong_credentials_everything_is_refused_with_a_challenge() {
    let server = TestServer::start().await;
    for (method, path) in PATHS {
        let anonymous = Request::anonymous(method, path);
        for request in [
            anonymous.clone(),
            anonymous.clone().header("Authorization", &basic("OPENVIDUAPP:WRONG")),
            anonymous.clone().header("Authorization", &basic("SOMEBODY:MY_SECRET")),
            anonymous.clone().header("Authorization", "Basic %%%"),
            anonymous.clone().header("Authorization", "Bearer MY_SECRET"),
        ] {
            let answer = server.send(request).await;
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"Realm\""));
            assert!(answer.is_empty() && answer.header("content-length") == Some("0"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn scripts_in_browsers_get_no_challenge() {
    let server = TestServer::start().await;
    let answer = server.send(Request::anonymous("GET", "/config").header("X-Requested-With", "XMLHttpRequest")).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, None));
}

#[tokio::test]
async fn a_client_that_was_refused_repeats_the_request_on_the_same_connection() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    // A body that could be taken for the next request if it were not read.
    let body = format!("{{\"customSessionId\":\"x\"}}{}", "GET / HTTP/1.1\r\n\r\n".repeat(10_000));
    let refused = client.send(Request::anonymous("POST", "/sessions").json(&body)).await;
    assert_eq!((refused.status, refused.header("connection")), (401, None));
    assert_eq!(client.send(Request::new("POST", "/sessions").json(&body)).await.status, 200);
    assert_eq!(client.send(Request::new("POST", "/sessions").json(&body)).await.status, 409);
}

#[tokio::test]
async fn a_bad_body_without_credentials_is_refused_for_the_credentials() {
    let server = TestServer::start().await;
    assert_eq!(server.send(Request::anonymous("POST", "/sessions").json("{bad")).await.status, 401);
}

#[tokio::test]
async fn the_public_url_is_public_but_not_for_wrong_credentials() {
    let server = TestServer::start().await;
    let path = "/config/openvidu-publicurl";
    let answer = server.send(Request::anonymous("GET", path)).await;
    assert_eq!((answer.status, answer.text()), (200, "http://127.0.0.1:15443/"));
    assert_eq!(answer.header("content-type"), Some("text/plain;charset=UTF-8"));
    let head = server.send(Request::anonymous("HEAD", path)).await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("23")));
    let wrong = Request::anonymous("GET", path).header("Authorization", &basic("OPENVIDUAPP:WRONG"));
    assert_eq!(server.send(wrong).await.status, 401);
    assert_eq!(server.send(Request::anonymous("GET", path).header("Authorization", "Bearer x")).await.status, 200);
}

#[tokio::test]
async fn user_and_scheme_may_have_any_letter_case() {
    let server = TestServer::start().await;
    let credentials = basic("openviduapp:MY_SECRET").replace("Basic", "bAsIc");
    let request = Request::anonymous("GET", "/config").header("Authorization", &credentials);
    assert_eq!(server.send(request).await.status, 200);
}

#[tokio::test]
async fn the_page_that_accepts_the_certificate_is_public() {
    let server = TestServer::start().await;
    let answer = server.send(Request::anonymous("GET", "/openvidu/accept-certificate")).await;
    assert!(answer.status == 200 && answer.text().contains("history.back()"));
}
