//! What no client should send. The server answers, and goes on.

use testbed::rest::{HOST, Request, RestAnswer, basic};
use testbed::server::TestServer;
use tokio::io::AsyncWriteExt as _;

const BODIES_ARE_READ_BY: &[&str] =
    &["/sessions", "/sessions/room/connection", "/tokens", "/signal", "/recordings/start"];

async fn assert_alive(server: &TestServer) {
    assert_eq!(server.get("/config").await.status, 200);
}

fn is_described(answer: &RestAnswer, status: u16) -> bool {
    answer.status == status && answer.is_described()
}

#[tokio::test]
async fn malformed_json_is_a_bad_request() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let deep = format!("{{\"a\":{}", "[".repeat(200_000));
    for path in BODIES_ARE_READ_BY {
        for body in ["{", "{bad", "[]", "5", "\"x\"", "true", "{'a':1}", "{/* */}", "{\"a\":}", "\0", &deep] {
            let answer = server.post(path, body).await;
            assert!(is_described(&answer, 400), "{path} {body:.20}: {answer:?}");
        }
        for body in [&b"{\"session\":\"\xff\xfe\"}"[..], b"\xff", b"{\"a\":\"\\ud800\"}", b"\x1f\x8b\x08\x00"] {
            let request = Request::new("POST", path).header("Content-Type", "application/json").body(body);
            assert!(is_described(&server.send(request).await, 400), "{path} {body:?}");
        }
    }
    assert_alive(&server).await;
}

#[tokio::test]
async fn what_the_original_forgives_is_forgiven() {
    let server = TestServer::start().await;
    for (index, body) in [
        "{\"customSessionId\":\"ID\"} trailing }}",
        "{\"customSessionId\":5,\"customSessionId\":\"ID\"}",
        "\u{feff}{\"customSessionId\":\"ID\"}",
        "{\"unknown\":[{}],\"customSessionId\":\"ID\"}",
    ]
    .iter()
    .enumerate()
    {
        let id = format!("room{index}");
        let answer = server.post("/sessions", &body.replace("ID", &id)).await;
        assert_eq!((answer.status, &answer.json()["id"]), (200, &id.into()), "{body}");
    }
    for content_type in ["application/json;charset=utf-8", "Application/JSON", "application/vnd.x+json"] {
        let request = Request::new("POST", "/sessions").header("Content-Type", content_type).body("{}");
        assert_eq!(server.send(request).await.status, 200, "{content_type}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_claim_to_be_json_is_not_read() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    for path in BODIES_ARE_READ_BY {
        for content_type in
            ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data"]
        {
            let request = Request::new("POST", path).header("Content-Type", content_type).body("{}");
            assert!(is_described(&server.send(request).await, 415), "{path} {content_type}");
        }
        assert!(is_described(&server.send(Request::new("POST", path).body("{}")).await, 415), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = TestServer::start().await;
    for (method, path, allowed) in [
        ("DELETE", "/sessions", "GET,HEAD,POST"),
        ("PUT", "/sessions/x", "GET,HEAD,DELETE"),
        ("GET", "/tokens", "POST"),
        ("PATCH", "/sessions/x", "GET,HEAD,DELETE"),
        ("POST", "/sessions/x/stream/y", "DELETE"),
        ("POST", "/config", "GET,HEAD"),
        ("BREW", "/signal", "POST"),
        ("TRACE", "/signal", "POST"),
    ] {
        let answer = server.send(Request::new(method, path)).await;
        assert!(is_described(&answer, 405), "{method} {path}: {answer:?}");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_does_not_count() {
    let server = TestServer::start().await;
    let created =
        server.send(Request::raw("POST", "/openvidu/api/sessions/").json(r#"{"customSessionId":"room"}"#)).await;
    assert_eq!(created.status, 401);
    let with_secret = |method, path| Request::new(method, path);
    let post = with_secret("POST", "/openvidu/api/sessions/").json(r#"{"customSessionId":"room"}"#);
    assert_eq!(server.send(post).await.status, 200);
    for (method, path, body) in [
        ("GET", "/openvidu/api/sessions/", None),
        ("GET", "/openvidu/api/sessions/room/", None),
        ("GET", "/openvidu/api/sessions/room/?webRtcStats=false", None),
        ("POST", "/openvidu/api/sessions/room/connection/", Some("{}")),
        ("GET", "/openvidu/api/config/openvidu-publicurl/", None),
    ] {
        let request = with_secret(method, path);
        let request = body.map_or(request.clone(), |body| request.json(body));
        assert_eq!(server.send(request).await.status, 200, "{method} {path}");
    }
    assert_eq!(server.send(Request::anonymous("GET", "/config/openvidu-publicurl/")).await.status, 200);
}

#[tokio::test]
async fn strange_paths_are_not_found() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    for path in [
        "/openvidu/api/Sessions",
        "/openvidu/api/sessions//room",
        "/openvidu//api/sessions",
        "/openvidu/api/./sessions",
        "/openvidu/api/x/../sessions",
        "/openvidu/api/sessions/..",
        "/openvidu/api/sessions;a=b",
        "/openvidu/api/sessions/room//",
        "/openvidu/api/sessions%2Froom",
        "/openvidu/api/sessions/room%2Fconnection",
        "/openvidu/api/sessions/%2e%2e",
        "/openvidu/api/sessions/%00",
        "/openvidu/api%2fsessions",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
        "/assets/../../Cargo.toml",
        "/openvidu/recordings/../../../etc/passwd",
        "/call/token/",
        "/assets/",
        "/index.html/",
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!([401, 404].contains(&server.send(Request::anonymous("GET", path)).await.status), "{path}");
    }
    assert_eq!(server.get("/sessions/%FF").await.status, 400);
    assert_alive(&server).await;
}

#[tokio::test]
async fn a_large_body_is_refused_and_the_connection_goes_on() {
    let server = TestServer::start().await;
    let body = vec![b'x'; 10 * 1024 * 1024];
    let mut client = server.connect().await;
    for path in ["/sessions", "/signal", "/config", "/openvidu/api/nothing"] {
        let request = Request::new("POST", path).header("Content-Type", "application/json").body(body.clone());
        assert!(is_described(&client.send(request).await, 413), "{path}");
        assert_eq!(client.send(Request::anonymous("POST", path).body(body.clone())).await.status, 401, "{path}");
    }
    assert_eq!(client.send(Request::new("GET", "/config")).await.status, 200);
}

#[tokio::test]
async fn a_large_body_in_pieces_is_refused_too() {
    let server = TestServer::start().await;
    let credentials = basic("OPENVIDUAPP:MY_SECRET");
    let mut bytes = format!(
        "POST /openvidu/api/sessions HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {credentials}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for _ in 0..300 {
        bytes.extend(b"4000\r\n");
        bytes.extend([b' '; 0x4000]);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    assert!(is_described(&server.connect().await.exchange(&bytes, false).await, 413));
}

#[tokio::test]
async fn a_body_that_ends_early_hurts_nobody() {
    let server = TestServer::start().await;
    let credentials = basic("OPENVIDUAPP:MY_SECRET");
    for authorization in ["", &format!("Authorization: {credentials}\r\n")] {
        let mut stream = tokio::net::TcpStream::connect(server.server.address()).await.unwrap();
        let head = format!(
            "POST /openvidu/api/sessions HTTP/1.1\r\nHost: {HOST}\r\n{authorization}Content-Length: 99\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
    }
    assert_alive(&server).await;
}

#[tokio::test]
async fn garbage_instead_of_http_hurts_nobody() {
    let server = TestServer::start().await;
    for bytes in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"\x16\x03\x01\xff\xff",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = tokio::net::TcpStream::connect(server.server.address()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
    }
    assert_alive(&server).await;
}
