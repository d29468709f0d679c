//! WHIP and WHEP on the wire: what is refused and how, and the life of a resource. Whether media goes is for real clients to see
//! (`e2e/tests/whip.test.mjs`).

use serde_json::Value;
use testbed::rest::{Request, RestAnswer};
use testbed::server::TestServer;

const SENDING: &str = include_str!("../../../../sfu/tests/calls/clients/chromium.sdp");
const RECEIVING: &str = include_str!("../../../../sfu/tests/calls/clients/chromium_receiving.sdp");
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

fn offer(path: &str, token: &str, sdp: &str) -> Request {
    Request::raw("POST", path)
        .header("Authorization", &format!("Bearer {token}"))
        .header("Content-Type", "application/sdp")
        .header("User-Agent", "Test/1.0")
        .body(sdp)
}

fn of_resource(method: &str, location: &str, token: &str) -> Request {
    Request::raw(method, location).header("Authorization", &format!("Bearer {token}"))
}

fn change(location: &str, token: &str, condition: Option<&str>, fragment: &str) -> Request {
    let request = of_resource("PATCH", location, token).header("Content-Type", FRAGMENT).body(fragment);
    match condition {
        Some(condition) => request.header("If-Match", condition),
        None => request,
    }
}

fn location(answer: &RestAnswer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("location").expect("a resource").to_owned()
}

/// A server with a session, in which somebody publishes by WHIP.
async fn published() -> (TestServer, String, String) {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let token = server.token("room", "PUBLISHER").await;
    let answer = server.send(offer("/whip/room", &token, SENDING)).await;
    let location = location(&answer);
    (server, location, token)
}

async fn connections(server: &TestServer) -> Vec<Value> {
    server.get("/sessions/room/connection").await.json()["content"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_offer_becomes_a_connection_and_its_end_takes_it_away() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let relay = r#"{"customIceServers":[{"url":"turn:t.example.org:3478","username":"u","credential":"c"}]}"#;
    let token = server.create_connection("room", relay).await["token"].as_str().unwrap().to_owned();
    let answer = server.send(offer("/whip/room", &token, SENDING)).await;
    let location = location(&answer);
    assert_eq!(answer.header("content-type"), Some("application/sdp"));
    assert_eq!((answer.header("etag"), answer.header("accept-patch")), (Some("\"0\""), Some(FRAGMENT)));
    let link =
        "<turn:t.example.org:3478>; rel=\"ice-server\"; username=\"u\"; credential=\"c\"; credential-type=\"password\"";
    assert_eq!(answer.header("link"), Some(link));
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(["Location", "Link", "ETag"].iter().all(|name| exposed.contains(name)), "{exposed}");
    assert!(answer.text().contains("a=recvonly") && answer.text().contains("a=candidate:"), "{}", answer.text());

    let there = connections(&server).await;
    let [connection] = &there[..] else { panic!("{there:?}") };
    assert_eq!((&connection["status"], &connection["platform"]), (&"active".into(), &"Test/1.0".into()));
    assert_eq!(connection["publishers"][0]["mediaOptions"]["typeOfVideo"], "CUSTOM");
    assert!(location.ends_with(connection["connectionId"].as_str().unwrap()), "{location}");

    let again = server.send(offer("/whip/room", &token, SENDING)).await;
    assert!(again.status == 409 && again.is_described(), "{again:?}");
    assert_eq!(server.send(of_resource("DELETE", &location, &token)).await.status, 200);
    assert!(server.get("/sessions/room/connection").await.status == 404, "nobody is there any more");
    assert_eq!(server.send(of_resource("DELETE", &location, &token)).await.status, 404);
}

#[tokio::test]
async fn a_player_takes_the_only_stream_or_the_one_it_names() {
    let (server, publisher, _) = published().await;
    let stream = connections(&server).await[0]["publishers"][0]["streamId"].as_str().unwrap().to_owned();
    for path in ["/whep/room".to_owned(), format!("/whep/room/{stream}")] {
        let url = server.token("room", "SUBSCRIBER").await;
        // The value alone does, too, with what an address has behind it.
        let token = url.split_once("token=").unwrap().1;
        let answer = server.send(offer(&path, token, RECEIVING)).await;
        let location = location(&answer);
        assert!(answer.text().contains("a=sendonly") && location.starts_with("/whep/room/connection/con_"));
        let there = connections(&server).await;
        let player = there.iter().find(|it| location.ends_with(it["connectionId"].as_str().unwrap())).unwrap();
        assert_eq!(player["subscribers"][0]["streamId"], stream.as_str());
        assert_eq!(server.send(of_resource("DELETE", &location, token)).await.status, 200);
    }
    let token = server.token("room", "SUBSCRIBER").await;
    let unknown = server.send(offer("/whep/room/str_CAM_x_con_y", &token, RECEIVING)).await;
    assert!(unknown.status == 404 && unknown.is_described() && unknown.header("retry-after").is_some(), "{unknown:?}");
    assert_eq!(server.send(offer("/whep/room", &token, RECEIVING)).await.status, 201, "the token was not used up");
    assert!(publisher.starts_with("/whip/room/connection/con_"));
}

#[tokio::test]
async fn what_is_wrong_has_its_own_status_and_leaves_the_token_alone() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let (publisher, subscriber) = (server.token("room", "PUBLISHER").await, server.token("room", "SUBSCRIBER").await);
    let no_opus = SENDING.replace("opus/48000", "speex/48000");
    for (request, status) in [
        (offer("/whip/nowhere", &publisher, SENDING), 404),
        (offer("/whip/room", "tok_guessed", SENDING), 401),
        (Request::raw("POST", "/whip/room").header("Content-Type", "application/sdp").body(SENDING), 401),
        (offer("/whip/room", &publisher, SENDING).header("Content-Type", "application/json"), 415),
        (offer("/whip/room", &publisher, "{}"), 400),
        (offer("/whip/room", &publisher, RECEIVING), 422),
        (offer("/whip/room", &publisher, &no_opus), 422),
        (offer("/whip/room", &subscriber, SENDING), 403),
        (offer("/whep/room", &subscriber, SENDING), 422),
        (offer("/whep/room", &subscriber, RECEIVING), 404),
        (offer("/whip/room", &publisher, &format!("{SENDING}{}", "x".repeat(64 * 1024))), 413),
        (Request::raw("GET", "/whip/room"), 405),
        (Request::raw("PUT", "/whep/room/str_x"), 405),
        (Request::raw("POST", "/whip/room/connection/con_x"), 405),
        (of_resource("DELETE", "/whip/room/connection/con_x", &publisher), 404),
        (of_resource("PATCH", "/whip/room/connection/con_x", &publisher), 404),
    ] {
        let answer = server.send(request.clone()).await;
        assert!(answer.status == status && answer.is_described(), "{status}: {request:?} {answer:?}");
        let challenge = (status == 401).then_some("Bearer realm=\"Madang\"");
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    assert_eq!(server.send(offer("/whip/room", &publisher, SENDING)).await.status, 201);
    assert_eq!(server.send(offer("/whep/room", &subscriber, RECEIVING)).await.status, 201);
}

#[tokio::test]
async fn candidates_and_new_credentials_need_the_entity_tag_of_what_there_is() {
    let (server, location, token) = published().await;
    let trickled = "a=ice-ufrag:ufrag\r\na=ice-pwd:passwordpasswordpassword\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
        a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n";
    let anew = trickled.replace("ufrag:ufrag", "ufrag:another").replace("pwd:password", "pwd:secret");
    let other = server.token("room", "PUBLISHER").await;
    for (request, status) in [
        (change(&location, &token, Some("\"0\""), trickled), 204),
        (change(&location, &token, Some("*"), trickled), 204),
        (change(&location, &token, None, trickled), 428),
        (change(&location, &token, Some("\"1\""), trickled), 412),
        (change(&location, &token, Some("\"0\""), "a=ice-ufrag:x"), 400),
        (change(&location, &token, Some("\"0\""), trickled).header("Content-Type", "application/sdp"), 415),
        (change(&location, &other, Some("\"0\""), trickled), 401),
    ] {
        let answer = server.send(request.clone()).await;
        assert_eq!(answer.status, status, "{request:?} {answer:?}");
    }
    let answer = server.send(change(&location, &token, Some("*"), &anew)).await;
    assert_eq!((answer.status, answer.header("etag")), (200, Some("\"1\"")), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some(FRAGMENT));
    for part in ["a=ice-ufrag:", "a=ice-pwd:", "a=mid:0", "a=candidate:"] {
        assert!(answer.text().contains(part), "{}", answer.text());
    }
    assert_eq!(server.send(change(&location, &token, Some("\"0\""), trickled)).await.status, 412);
    assert_eq!(server.send(change(&location, &token, Some("\"1\""), &anew)).await.status, 204);
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_and_read() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let preflight = Request::raw("OPTIONS", "/whip/room")
        .header("Origin", "https://app.example.org")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization,content-type");
    let answer = server.send(preflight).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
    let answer = server.send(Request::raw("OPTIONS", "/whep/room")).await;
    assert_eq!((answer.status, answer.header("accept-post")), (204, Some("application/sdp")));
    let token = server.token("room", "PUBLISHER").await;
    let from_page = offer("/whip/room", &token, SENDING)
        .header("Origin", "https://app.example.org")
        .header("Sec-Fetch-Site", "cross-site")
        .header("Sec-Fetch-Mode", "cors");
    let answer = server.send(from_page).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (201, Some("*")), "{answer:?}");
}

#[tokio::test]
async fn the_doors_can_be_closed() {
    let server = TestServer::start_with(|config| config.madang_whip = false).await;
    server.create_session("room").await;
    let token = server.token("room", "PUBLISHER").await;
    assert_eq!(server.send(offer("/whip/room", &token, SENDING)).await.status, 401, "as any path that is none");
}
