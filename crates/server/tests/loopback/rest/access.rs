//! Address lists, seen through a proxy on this machine.

use testbed::rest::{Request, basic};
use testbed::server::TestServer;

async fn restricted() -> TestServer {
    TestServer::start_with(|config| {
        let only = |range: &str| settings::AccessList::Only(vec![range.parse().unwrap()]);
        config.allowed_access_to_restapi = only("198.51.100.0/24");
        config.allowed_access_to_dashboard = only("192.0.2.7");
    })
    .await
}

fn from(address: &str, request: Request) -> Request {
    request.header("X-Real-IP", address)
}

#[tokio::test]
async fn strangers_are_answered_403_whatever_they_ask_of_the_api() {
    let server = restricted().await;
    let mut connection = server.connect().await;
    for (method, path) in
        [("GET", "/sessions"), ("POST", "/sessions"), ("GET", "/config/openvidu-publicurl"), ("GET", "/openvidu/cdr")]
    {
        for request in [Request::new(method, path), Request::anonymous(method, path)] {
            // On one connection: what a refused request carried is not taken for the next one.
            let answer = connection.send(from("203.0.113.9", request.json("{\"customSessionId\":\"x\"}"))).await;
            assert_eq!(answer.status, 403, "{method} {path}");
            assert_eq!(answer.json()["status"], 403);
        }
    }
    assert_eq!(server.get("/sessions/x").await.status, 404, "nothing was made");
}

#[tokio::test]
async fn those_on_a_list_and_this_machine_are_let_in() {
    let server = restricted().await;
    for address in ["198.51.100.20", "192.0.2.7", "127.0.0.1", "::ffff:198.51.100.20"] {
        assert_eq!(server.send(from(address, Request::new("GET", "/sessions"))).await.status, 200, "{address}");
        assert_eq!(server.send(from(address, Request::anonymous("GET", "/sessions"))).await.status, 401, "{address}");
    }
    assert_eq!(server.get("/sessions").await.status, 200, "without a proxy");
}

#[tokio::test]
async fn participants_need_not_be_on_a_list() {
    let server = restricted().await;
    for path in ["/", "/openvidu/accept-certificate"] {
        assert_eq!(server.send(from("203.0.113.9", Request::anonymous("GET", path))).await.status, 200, "{path}");
    }
    let web_socket = from("203.0.113.9", Request::anonymous("GET", "/openvidu"));
    assert_eq!(server.send(web_socket).await.status, 400, "not a WebSocket, but let in");
}

#[tokio::test]
async fn a_header_that_the_proxy_passed_on_opens_nothing() {
    let server = restricted().await;
    for told in ["127.0.0.1", "198.51.100.20", "nonsense", ""] {
        let request = from("203.0.113.9", Request::new("GET", "/sessions")).header("X-Forwarded-For", told);
        assert_eq!(server.send(request).await.status, 403, "{told}");
    }
}

#[tokio::test]
async fn what_everybody_knows_as_secret_counts_from_this_machine_only() {
    let server = TestServer::start_with(|config| config.madang_allow_my_secret = false).await;
    assert_eq!(server.get("/sessions").await.status, 200);
    for (method, path) in [("GET", "/sessions"), ("POST", "/sessions"), ("GET", "/openvidu/cdr")] {
        let answer = server.send(from("192.0.2.1", Request::new(method, path))).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.text().contains("OPENVIDU_SECRET") && answer.text().contains("MADANG_ALLOW_MY_SECRET"));
        let answer = server.send(from("192.0.2.1", Request::anonymous(method, path))).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    assert_eq!(server.send(from("192.0.2.1", Request::anonymous("GET", "/"))).await.status, 200);
    let elsewhere = TestServer::start_with(|config| {
        config.madang_allow_my_secret = false;
        config.openvidu_secret = "another".parse().unwrap();
    })
    .await;
    let own = basic("OPENVIDUAPP:another");
    let request = from("192.0.2.1", Request::anonymous("GET", "/sessions")).header("Authorization", &own);
    assert_eq!(elsewhere.send(request).await.status, 200);
}

#[tokio::test]
async fn who_is_no_trusted_proxy_speaks_for_itself() {
    let server = TestServer::start_with(|config| {
        config.madang_trusted_proxies = "203.0.113.0/24".parse().unwrap();
        config.allowed_access_to_restapi = settings::AccessList::Only(vec!["198.51.100.0/24".parse().unwrap()]);
    })
    .await;
    // What comes straight from here is this machine, as always; what may come from anywhere is not.
    assert_eq!(server.get("/sessions").await.status, 200);
    for name in ["X-Real-IP", "X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "X-Scheme", "X-Forwarded-Ssl"] {
        let request = Request::new("GET", "/sessions").header(name, "198.51.100.20");
        assert_eq!(server.send(request).await.status, 403, "{name}");
    }
    let server = TestServer::start_with(|config| config.madang_trusted_proxies = "none".parse().unwrap()).await;
    let request = Request::anonymous("GET", "/config/openvidu-publicurl")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "evil.example.org");
    assert_eq!(server.send(request).await.text(), "http://127.0.0.1:15443/");
}
