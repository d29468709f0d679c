//! HTTP as nobody should speak it: what is refused, and that a connection ends rather than be misunderstood.

use testbed::rest::{HOST, basic};
use testbed::server::TestServer;

/// Everybody may ask for it.
const PUBLIC: &str = "/openvidu/api/config/openvidu-publicurl";

fn credentials() -> String {
    format!("Authorization: {}\r\n", basic("OPENVIDUAPP:MY_SECRET"))
}

/// Bodies end without a line feed, so that the next answer begins anywhere.
fn statuses(said: &str) -> Vec<&str> {
    said.match_indices("HTTP/1.").map(|(start, version)| &said[start + version.len() + 2..][..3]).collect()
}

/// Sends these bytes on a connection of their own and reads to its end; the statuses of what was answered.
async fn answered(server: &TestServer, bytes: &[u8]) -> Vec<String> {
    let said = server.connect().await.last_words(bytes).await;
    statuses(&said).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_old_version_of_http_is_served_and_the_connection_ends() {
    let server = TestServer::start().await;
    let said = server.connect().await.last_words(format!("GET {PUBLIC} HTTP/1.0\r\n\r\n").as_bytes()).await;
    assert!(said.starts_with("HTTP/1.0 200 ") && said.contains("://"), "{said}");
}

#[tokio::test]
async fn newer_versions_are_not_spoken() {
    let server = TestServer::start().await;
    for opening in
        ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"]
    {
        let answered = answered(&server, opening.as_bytes()).await;
        assert!(answered.is_empty() || answered == ["400"], "{opening:?}: {answered:?}");
    }
    // An upgrade is an offer that need not be taken: Java's client makes it with every request.
    let h2c = format!(
        "GET {PUBLIC} HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n\r\n"
    );
    assert_eq!(server.connect().await.exchange(h2c.as_bytes(), false).await.status, 200);
}

/// What two servers in a row could take for different requests.
#[tokio::test]
async fn a_body_of_doubtful_length_ends_the_connection() {
    let server = TestServer::start().await;
    let head = format!("POST /openvidu/api/sessions HTTP/1.1\r\nHost: {HOST}\r\n{}", credentials());
    let json = "Content-Type: application/json\r\n";
    let smuggled = format!(
        "POST /openvidu/api/sessions HTTP/1.1\r\nHost: {HOST}\r\n{}{json}Content-Length: 29\r\n\r\n\
         {{\"customSessionId\":\"smuggled\"}}",
        credentials()
    );
    for lengths in [
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 2, 3\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: 0x2\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length : 2\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: chunked\r\n x\r\n",
    ] {
        let bytes = format!("{head}{json}{lengths}\r\n{{}}{smuggled}");
        assert_eq!(answered(&server, bytes.as_bytes()).await, ["400"], "{lengths:?}");
    }
    // The chunks count (RFC 9112 §6.3), and nothing after them.
    for lengths in
        ["Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"]
    {
        let bytes = format!("{head}{json}{lengths}\r\n2\r\n{{}}\r\n0\r\n\r\n{smuggled}");
        assert_eq!(answered(&server, bytes.as_bytes()).await, ["200"], "{lengths:?}");
    }
    let bytes = format!("{}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", head.replace("1.1", "1.0"));
    assert_eq!(answered(&server, bytes.as_bytes()).await, ["400"], "chunks in HTTP/1.0");
    assert_eq!(server.get("/sessions/smuggled").await.status, 404);
}

#[tokio::test]
async fn chunks_that_are_none_end_the_connection() {
    let server = TestServer::start().await;
    for chunks in
        ["x\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n", "fffffffffffffffff\r\n{}", "2\r\n{}}}\r\n0\r\n\r\n", "2\n{}0\n\n"]
    {
        let bytes = format!(
            "POST /openvidu/api/sessions HTTP/1.1\r\nHost: {HOST}\r\n{}Content-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\n{chunks}",
            credentials()
        );
        assert_eq!(answered(&server, bytes.as_bytes()).await, ["400"], "{chunks:?}");
    }
}

#[tokio::test]
async fn heads_are_bounded() {
    let server = TestServer::start().await;
    let many = "X: y\r\n".repeat(200);
    let long = format!("X: {}\r\n", "y".repeat(40_000));
    for headers in [&many, &long] {
        let bytes = format!("GET {PUBLIC} HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n");
        assert_eq!(answered(&server, bytes.as_bytes()).await, ["431"]);
    }
    let endless = [b"GET /", "x".repeat(100_000).as_bytes()].concat();
    let answered = answered(&server, &endless).await;
    assert!(answered == ["414"] || answered == ["431"], "{answered:?}");
    // What fits is looked at.
    let path = format!("/openvidu/api/sessions/{}", "x".repeat(20_000));
    assert_eq!(server.get(&path).await.status, 404);
}

#[tokio::test]
async fn request_lines_and_headers_must_be_legal() {
    let server = TestServer::start().await;
    for line in [
        &b"GET /openvidu/api/config?x=\xff HTTP/1.1\r\n\r\n"[..],
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET /openvidu/api/config?\0 HTTP/1.1\r\n\r\n",
        b"GET openvidu/api/config HTTP/1.1\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1 x\r\n\r\n",
        b"GE(T / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX y: z\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n X: y\r\n\r\n",
    ] {
        assert_eq!(answered(&server, line).await, ["400"], "{}", line.escape_ascii());
    }
    // Legal, but nothing of ours.
    for line in ["CONNECT example.org:443", "OPTIONS *", "GET http://example.org/", "GET //example.org/%2e%2e"] {
        let bytes = format!("{line} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        assert_eq!(answered(&server, bytes.as_bytes()).await.len(), 1, "{line}");
    }
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let server = TestServer::start().await;
    for (version, hosts, status) in [
        ("1.1", "Host: a\r\nHost: b\r\n", "400"),
        ("1.1", "Host: a\r\nhost: a\r\n", "400"),
        ("1.1", "", "400"),
        ("1.0", "Host: a\r\nHost: b\r\n", "400"),
        ("1.0", "", "200"),
        ("1.1", "Host: a\r\n", "200"),
    ] {
        let bytes = format!("GET {PUBLIC} HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n");
        assert_eq!(answered(&server, bytes.as_bytes()).await, [status], "{version} {hosts:?}");
    }
}

#[tokio::test]
async fn repeated_and_unknown_headers_do_no_harm() {
    let server = TestServer::start().await;
    let right = credentials();
    let wrong = format!("Authorization: {}\r\n", basic("OPENVIDUAPP:WRONG"));
    for (headers, status) in [
        (format!("{right}X-Unknown: \u{e9}\r\nX-Unknown: y\r\n"), 200),
        (format!("{right}{right}"), 200),
        // The first one counts, whatever follows.
        (format!("{right}{wrong}"), 200),
        (format!("{wrong}{right}"), 401),
        (format!("{right}Content-Type: a\r\nContent-Type: b\r\n"), 200),
        (format!("{right}Expect: 200-maybe\r\n"), 200),
        (format!("{right}X-Real-IP: nonsense\r\nX-Forwarded-For: ,,,\r\nX-Forwarded-Proto: gopher\r\n"), 200),
    ] {
        let bytes = format!("GET /openvidu/api/config HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n");
        assert_eq!(server.connect().await.exchange(bytes.as_bytes(), false).await.status, status, "{headers}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = TestServer::start().await;
    let mut bytes = String::new();
    for number in 0..100 {
        bytes += &format!("GET /openvidu/api/sessions/room{number} HTTP/1.1\r\nHost: {HOST}\r\n{}\r\n", credentials());
        let body = format!("{{\"customSessionId\":\"room{number}\"}}");
        bytes += &format!(
            "POST /openvidu/api/sessions HTTP/1.1\r\nHost: {HOST}\r\n{}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            credentials(),
            body.len()
        );
    }
    bytes += &format!("GET {PUBLIC} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    let expected: Vec<_> = (0..100).flat_map(|_| ["404", "200"]).chain(["200"]).collect();
    assert_eq!(answered(&server, bytes.as_bytes()).await, expected);
}
