//! The page for trying a call.

use settings::CallPage;
use testbed::rest::{HOST, Request};
use testbed::server::TestServer;

fn ask(body: &str) -> Request {
    Request::anonymous("POST", "/call/token").json(body)
}

async fn room_of(server: &TestServer) -> String {
    server.get("/sessions").await.json()["content"][0]["id"].as_str().expect("a session").to_owned()
}

#[tokio::test]
async fn anybody_gets_a_place_in_a_room_of_the_page() {
    let server = TestServer::start().await;
    for name in ["ann", "bob"] {
        let answer = server.send(ask(&format!(r#"{{"room":"회의실 1","name":"{name}"}}"#))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        assert!(token.starts_with(&format!("ws://{HOST}?sessionId=call-")), "{token}");
    }
    let room = room_of(&server).await;
    assert!(room.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{room}");
    let list = server.get(&format!("/sessions/{room}/connection")).await.json();
    assert_eq!(list["numberOfElements"], 2);
    for connection in list["content"].as_array().unwrap() {
        assert_eq!(connection["role"], "PUBLISHER");
    }
}

#[tokio::test]
async fn a_session_of_an_application_stays_closed() {
    let server = TestServer::start().await;
    server.send(ask(r#"{"room":"r"}"#)).await;
    let room = room_of(&server).await;
    server.delete(&format!("/sessions/{room}")).await;
    // The same id, but not made by the page any more.
    server.create_session(&room).await;
    let answer = server.send(ask(r#"{"room":"r"}"#)).await;
    assert!(answer.status == 403 && answer.is_described(), "{answer:?}");
    assert_eq!(server.get(&format!("/sessions/{room}/connection")).await.json()["numberOfElements"], 0);
    // Once the application has closed it, the page may have it again.
    server.delete(&format!("/sessions/{room}")).await;
    assert_eq!(server.send(ask(r#"{"room":"r"}"#)).await.status, 200);
}

#[tokio::test]
async fn names_are_short_and_printable() {
    let server = TestServer::start().await;
    let long = format!(r#"{{"room":"{}"}}"#, "방".repeat(65));
    for bad in [
        "",
        "{}",
        "[]",
        "{",
        r#"{"room":5}"#,
        r#"{"room":"  "}"#,
        r#"{"room":"a\u0000"}"#,
        r#"{"room":"r","name":5}"#,
        &long,
    ] {
        let answer = server.send(ask(bad)).await;
        assert!(answer.status == 400 && answer.is_described(), "{bad}: {answer:?}");
    }
    let longest = format!(r#"{{"room":"{0}","name":"{0}"}}"#, "방".repeat(64));
    assert_eq!(server.send(ask(&longest)).await.status, 200);
}

#[tokio::test]
async fn a_room_has_an_end() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    for _ in 0..200 {
        assert_eq!(client.send(ask(r#"{"room":"r"}"#)).await.status, 200);
    }
    let answer = client.send(ask(r#"{"room":"r"}"#)).await;
    assert!(answer.status == 503 && answer.is_described(), "{answer:?}");
    assert_eq!(client.send(ask(r#"{"room":"other"}"#)).await.status, 200);
}

#[tokio::test]
async fn the_page_is_public_and_safe_to_cache() {
    let server = TestServer::start().await;
    let page = server.send(Request::anonymous("GET", "/")).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'self'"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    // Without the page's build there is a stub, which has no files.
    let Some(start) = page.text().find("/assets/") else {
        assert!(page.text().contains("make run"));
        return;
    };
    let tag = page.header("etag").unwrap();
    let again = server.send(Request::anonymous("GET", "/").header("If-None-Match", tag)).await;
    assert!(again.status == 304 && again.body.is_empty());
    let path = page.text()[start..].split('"').next().unwrap();
    let asset = server.send(Request::anonymous("GET", path)).await;
    assert_eq!((asset.status, asset.header("cache-control")), (200, Some("public, max-age=31536000, immutable")));
    assert_eq!(server.send(Request::anonymous("GET", "/assets/other.js")).await.status, 401);
}

#[tokio::test]
async fn the_page_can_be_switched_off() {
    let server = TestServer::start_with(|config| config.madang_call_page = CallPage::Off).await;
    for (method, path) in [("GET", "/"), ("POST", "/call/token"), ("GET", "/index.html")] {
        assert_eq!(server.send(Request::new(method, path).json("{}")).await.status, 404, "{path}");
        assert_eq!(server.send(Request::anonymous(method, path)).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn a_folder_takes_the_place_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir_all(folder.path().join("assets/deep")).unwrap();
    std::fs::create_dir_all(folder.path().join("openvidu/api")).unwrap();
    write("index.html", "<h1>Ours</h1>");
    write("logo.svg", "<svg/>");
    write("assets/deep/main.js", "call()");
    write(".env", "OPENVIDU_SECRET=x");
    write("metrics", "no metrics");
    write("openvidu/api/sessions", "no sessions");
    let page = CallPage::Folder(folder.path().to_owned());
    let server = TestServer::start_with(|config| config.madang_call_page = page).await;
    for (path, kind, text) in [
        ("/", "text/html", "<h1>Ours</h1>"),
        ("/?room=r", "text/html", "<h1>Ours</h1>"),
        ("/index.html", "text/html", "<h1>Ours</h1>"),
        ("/logo.svg", "image/svg+xml", "<svg/>"),
        ("/assets/deep/main.js", "text/javascript", "call()"),
    ] {
        let answer = server.send(Request::anonymous("GET", path)).await;
        assert_eq!((answer.status, answer.header("content-type"), answer.text()), (200, Some(kind), text), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
    }
    // What is made later is there, too.
    write("late.css", "a{}");
    assert_eq!(server.send(Request::anonymous("GET", "/late.css")).await.status, 200);
    for path in ["/none.js", "/assets/none.js", "/assets/deep", "/assets/%2e%2e/.env", "/assets/../.env"] {
        assert_eq!(server.send(Request::anonymous("GET", path)).await.status, 404, "{path}");
    }
    for path in ["/.env", "/metrics", "/openvidu/api/sessions", "/other"] {
        assert_eq!(server.send(Request::anonymous("GET", path)).await.status, 401, "{path}");
    }
    assert_eq!(server.get("/sessions").await.json()["numberOfElements"], 0);
    assert_eq!(server.send(ask(r#"{"room":"r"}"#)).await.status, 200);
}

#[tokio::test]
async fn how_a_call_was_says_only_who_was_in_it() {
    let server = TestServer::start().await;
    let say = |body: String| server.send(Request::anonymous("POST", "/call/feedback").json(&body));
    let long = "말".repeat(501);
    for (bad, named) in [
        ("{}".to_owned(), "pass"),
        (r#"{"pass":"x"}"#.to_owned(), "stars"),
        (r#"{"pass":"x","stars":"5"}"#.to_owned(), "string"),
        (r#"{"pass":"x","stars":0}"#.to_owned(), "'stars'"),
        (r#"{"pass":"x","stars":6}"#.to_owned(), "'stars'"),
        (format!(r#"{{"pass":"x","stars":5,"words":"{long}"}}"#), "'words'"),
        (r#"{"pass":"x","stars":5,"words":"a\u0007"}"#.to_owned(), "'words'"),
    ] {
        let answer = say(bad.clone()).await;
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.text().contains(named), "{bad}: {}", answer.text());
    }
    let answer = say(r#"{"pass":"YQ.YQ","stars":5}"#.to_owned()).await;
    assert!(answer.status == 403 && answer.is_described(), "{answer:?}");
}
