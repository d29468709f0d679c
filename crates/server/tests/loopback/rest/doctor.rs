//! What those who examine the server are told.

use std::net::SocketAddr;

use server::Limits;
use server::limits::Rate;
use settings::TurnAddress;
use testbed::rest::Request;
use testbed::server::TestServer;
use tokio::net::UdpSocket;

const SEEN: &str = "/openvidu/doctor/seen";
const WAYS: &str = "/openvidu/doctor/ways";

#[tokio::test]
async fn the_server_describes_and_examines_itself_for_those_with_the_secret() {
    let server = TestServer::start().await;
    let description = server.get("/openvidu/api/doctor").await.json();
    assert_eq!(description["relay"], "own");
    let user = description["turn"][0]["username"].as_str().unwrap();
    assert!(user.contains(":guest-"), "valid for a minute: {user}");
    let report = server.send(Request::new("POST", "/openvidu/api/doctor")).await;
    assert_eq!((report.status, &report.json()["healthy"]), (200, &true.into()), "{}", report.text());
    let legs: Vec<_> = report.json()["checks"].as_array().unwrap().iter().map(|check| check["leg"].clone()).collect();
    for leg in ["address", "port", "web-socket", "udp", "tcp", "turn-udp", "turn-tcp", "files", "buffers", "disk"] {
        assert!(legs.contains(&leg.into()), "{leg}: {legs:?}");
    }
    let korean = Request::new("POST", "/openvidu/api/doctor").header("Accept-Language", "ko");
    assert!(server.send(korean).await.text().contains("버퍼"));
    for method in ["GET", "POST"] {
        assert_eq!(server.send(Request::anonymous(method, "/openvidu/api/doctor")).await.status, 401);
    }
}

/// The first examination waits for a relay that says nothing.
#[tokio::test]
async fn the_server_is_examined_once_at_a_time() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let relay: SocketAddr = silent.local_addr().unwrap();
    let server = TestServer::start_with(|config| {
        config.coturn_ip = TurnAddress::Ip(relay.ip());
        config.coturn_port = relay.port();
        config.coturn_shared_secret_key = "shared".parse().unwrap();
    })
    .await;
    let first = server.send(Request::new("POST", "/openvidu/api/doctor"));
    let second = async {
        silent.recv_from(&mut [0; 512]).await.unwrap();
        server.send(Request::new("POST", "/openvidu/api/doctor")).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status, second.status), (200, 409));
    assert_eq!(first.json()["healthy"], false, "{}", first.text());
    let turn = first.json()["checks"].as_array().unwrap().iter().find(|check| check["leg"] == "turn-udp").cloned();
    assert_eq!(turn.unwrap()["verdict"], "failed");
}

#[tokio::test]
async fn everybody_is_told_how_the_request_looks() {
    let server = TestServer::start().await;
    let direct = server.send(Request::anonymous("GET", SEEN)).await.json();
    assert_eq!((&direct["client"], &direct["forwarded"]), (&"127.0.0.1".into(), &false.into()));
    let through_proxy = Request::anonymous("GET", SEEN)
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "call.example.org")
        .header("X-Real-IP", "203.0.113.7");
    let seen = server.send(through_proxy).await.json();
    assert_eq!(seen["origin"], "https://call.example.org");
    assert_eq!((&seen["client"], &seen["forwarded"]), (&"203.0.113.7".into(), &true.into()));
    assert_eq!(seen["mark"], direct["mark"]);
    let other = TestServer::start().await;
    assert_ne!(other.send(Request::anonymous("GET", SEEN)).await.json()["mark"], seen["mark"]);
}

#[tokio::test]
async fn strangers_get_a_user_of_our_own_relay_now_and_then_and_never_of_another_one() {
    let guests = Rate { burst: 2, interval: std::time::Duration::from_secs(3600) };
    let server = TestServer::start_limited(|_| {}, Limits { guests, ..Limits::default() }).await;
    for _ in 0..2 {
        let ways = server.send(Request::anonymous("POST", WAYS)).await.json();
        assert!(ways["turn"][0]["username"].as_str().unwrap().contains(":guest-"), "{ways}");
    }
    let refused = server.send(Request::anonymous("POST", WAYS)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("3600")));

    let elsewhere = TestServer::start_with(|config| {
        config.coturn_ip = TurnAddress::Ip([192, 0, 2, 1].into());
        config.coturn_shared_secret_key = "shared".parse().unwrap();
    })
    .await;
    let ways = elsewhere.send(Request::anonymous("POST", WAYS)).await.json();
    assert_eq!((&ways["relay"], ways["turn"].as_array().unwrap().len()), (&"other".into(), 0));
}

#[tokio::test]
async fn the_page_is_there_for_everybody_or_for_nobody() {
    let server = TestServer::start().await;
    for (path, words) in [
        ("/openvidu/doctor", "<html lang=\"en\">"),
        ("/openvidu/doctor?lang=ko", "<html lang=\"ko\">"),
        ("/openvidu/doctor/page.js", "RTCPeerConnection"),
        ("/openvidu/doctor/page.css", "data-verdict"),
    ] {
        let answer = server.send(Request::anonymous("GET", path)).await;
        assert!(answer.status == 200 && answer.text().contains(words), "{path}: {answer:?}");
    }
    let page = server.send(Request::anonymous("GET", "/openvidu/doctor").header("Accept-Language", "ko-KR")).await;
    assert!(page.text().contains("<html lang=\"ko\">"));
    assert!(page.header("content-security-policy").unwrap().contains("script-src 'self'"));
    let closed = TestServer::start_with(|config| config.madang_doctor_page = false).await;
    for (method, path) in [("GET", "/openvidu/doctor"), ("GET", "/openvidu/doctor/page.js"), ("POST", WAYS)] {
        assert_eq!(closed.send(Request::anonymous(method, path)).await.status, 401, "{path}");
    }
    assert_eq!(closed.send(Request::anonymous("GET", SEEN)).await.status, 200, "madang doctor needs it");
}
