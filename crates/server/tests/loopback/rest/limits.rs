//! What one network may do only so often.

use std::time::Duration;

use server::Limits;
use server::limits::Rate;
use testbed::rest::{Request, RestAnswer, basic};
use testbed::server::TestServer;

const HOUR: Duration = Duration::from_secs(3600);
/// Told by a proxy on the same machine.
const GUESSER: &str = "192.0.2.1";
const OTHER: &str = "192.0.2.2";

/// A server that three wrong secrets or two places are enough for.
async fn strict() -> TestServer {
    let limits = Limits {
        wrong_secrets: Rate { burst: 3, interval: HOUR },
        places: Rate { burst: 2, interval: HOUR },
        ..Limits::default()
    };
    TestServer::start_limited(|_| {}, limits).await
}

fn with(secret: &str, from: &str) -> Request {
    let request = Request::anonymous("GET", "/config").header("X-Real-IP", from);
    request.header("Authorization", &basic(&format!("OPENVIDUAPP:{secret}")))
}

fn is_limited(answer: &RestAnswer) -> bool {
    // The second that has begun counts whole, and time passes while the test runs.
    let wait = answer.header("retry-after").and_then(|wait| wait.parse().ok());
    answer.status == 429 && answer.is_described() && wait.is_some_and(|wait: u64| (1..=3600).contains(&wait))
}

#[tokio::test]
async fn who_is_wrong_too_often_is_not_listened_to_any_more() {
    let server = strict().await;
    for _ in 0..3 {
        assert_eq!(server.send(with("WRONG", GUESSER)).await.status, 401);
    }
    assert!(is_limited(&server.send(with("WRONG", GUESSER)).await));
    assert!(is_limited(&server.send(with("MY_SECRET", GUESSER)).await), "or it would learn that it is right");
    assert_eq!(server.send(with("MY_SECRET", OTHER)).await.status, 200);
    assert_eq!(server.get("/config").await.status, 200);
}

#[tokio::test]
async fn whoever_made_up_the_header_counts_himself() {
    let server = strict().await;
    for made_up in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
        let request = with("WRONG", GUESSER).header("X-Forwarded-For", &format!("{made_up}, {GUESSER}"));
        assert_eq!(server.send(request).await.status, 401);
    }
    assert!(is_limited(&server.send(with("WRONG", GUESSER)).await));
}

#[tokio::test]
async fn an_application_that_has_shown_the_secret_is_not_locked_out() {
    let server = strict().await;
    assert_eq!(server.send(with("MY_SECRET", GUESSER)).await.status, 200);
    for _ in 0..3 {
        assert_eq!(server.send(with("WRONG", GUESSER)).await.status, 401);
    }
    assert!(is_limited(&server.send(with("WRONG", GUESSER)).await));
    assert_eq!(server.send(with("MY_SECRET", GUESSER)).await.status, 200);
}

#[tokio::test]
async fn behind_a_proxy_that_does_not_say_for_whom_guesses_are_limited_and_the_right_secret_waits_its_turn() {
    let wrong = || Request::new("GET", "/config").header("Authorization", &basic("OPENVIDUAPP:WRONG"));
    let server = strict().await;
    for _ in 0..3 {
        assert_eq!(server.send(wrong()).await.status, 401);
    }
    assert!(is_limited(&server.send(wrong()).await));
    assert!(is_limited(&server.get("/config").await), "a neighbour's guess is a guess: the turn is in an hour");

    let interval = Duration::from_millis(300);
    let limits = Limits { wrong_secrets: Rate { burst: 3, interval }, ..Limits::default() };
    let server = TestServer::start_limited(|_| {}, limits).await;
    for _ in 0..4 {
        assert_eq!(server.send(wrong()).await.status, 401);
    }
    assert_eq!(server.get("/config").await.status, 200);
}

#[tokio::test]
async fn a_connection_that_has_shown_the_secret_is_not_locked_out_by_its_neighbours() {
    let server = strict().await;
    let mut application = server.connect().await;
    assert_eq!(application.send(with("MY_SECRET", GUESSER)).await.status, 200);
    while !is_limited(&server.send(with("MY_SECRET", GUESSER)).await) {
        for _ in 0..10 {
            server.send(with("WRONG", GUESSER)).await;
        }
    }
    for _ in 0..10 {
        assert_eq!(application.send(with("MY_SECRET", GUESSER)).await.status, 200);
    }
    assert!(is_limited(&application.send(with("WRONG", GUESSER)).await));
    assert!(is_limited(&application.send(with("MY_SECRET", GUESSER)).await), "it was a guesser's, too");
}

/// openvidu-java-client sends every request without credentials first.
#[tokio::test]
async fn no_credentials_are_no_wrong_credentials() {
    let server = strict().await;
    let mut client = server.connect().await;
    for _ in 0..20 {
        let anonymous = Request::anonymous("GET", "/config").header("X-Real-IP", GUESSER);
        assert_eq!(client.send(anonymous).await.status, 401);
        assert_eq!(client.send(with("MY_SECRET", GUESSER)).await.status, 200);
    }
}

#[tokio::test]
async fn a_guesser_still_reaches_what_is_public() {
    let server = strict().await;
    for _ in 0..5 {
        server.send(with("WRONG", GUESSER)).await;
    }
    let public = Request::anonymous("GET", "/config/openvidu-publicurl").header("X-Real-IP", GUESSER);
    assert_eq!(server.send(public).await.status, 200);
}

#[tokio::test]
async fn visitors_of_the_page_get_so_many_places_per_address() {
    let server = strict().await;
    let ask = |from| Request::anonymous("POST", "/call/token").json(r#"{"room":"r"}"#).header("X-Real-IP", from);
    for _ in 0..2 {
        assert_eq!(server.send(ask(GUESSER)).await.status, 200);
    }
    assert!(is_limited(&server.send(ask(GUESSER)).await));
    assert_eq!(server.send(ask(OTHER)).await.status, 200);
}
