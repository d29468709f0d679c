//! What openvidu-browser loads for virtual backgrounds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use testbed::rest::{HOST, Request, RestAnswer};
use testbed::server::TestServer;

const SCRIPT: &str = "/openvidu/virtual-background/openvidu-virtual-background.js";

/// As the client asks: `encodeURIComponent(btoa(token))`.
fn ask(token: &str) -> Request {
    let encoded = STANDARD.encode(token).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    Request::anonymous("GET", &format!("{SCRIPT}?token={encoded}")).header("Origin", "https://app.example.org")
}

fn is_script(answer: &RestAnswer) -> bool {
    answer.status == 200
        && answer.header("content-type") == Some("text/javascript; charset=utf-8")
        && answer.header("access-control-allow-origin") == Some("*")
        && answer.header("cross-origin-resource-policy") == Some("cross-origin")
        && answer.text().contains("VIRTUAL_BACKGROUND_ERROR")
}

#[tokio::test]
async fn the_script_is_for_those_who_have_a_token_used_or_not() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let token = server.token("room", "SUBSCRIBER").await;
    assert!(token.starts_with(&format!("ws://{HOST}?sessionId=room&token=tok_")), "{token}");
    assert!(token.ends_with("&edition=pro"), "{token}");
    let answer = server.send(ask(&token)).await;
    assert!(is_script(&answer), "{answer:?}");

    let mut client = server.client().await;
    client.join("room", &token, "ann").await;
    assert!(is_script(&server.send(ask(&token)).await));
    client.close(1000, "").await;
    server.delete("/sessions/room").await;
    assert_eq!(server.send(ask(&token)).await.status, 401);
}

#[tokio::test]
async fn who_has_none_gets_no_script() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    server.create_session("other").await;
    let token = server.token("room", "PUBLISHER").await;
    let (_, value) = token.split_once("token=").unwrap();
    for wrong in
        ["", "nonsense", value, &token.replace("sessionId=room", "sessionId=other"), &token.replace("tok_", "tok_x")]
    {
        let answer = server.send(ask(wrong)).await;
        assert!(answer.status == 401 && answer.is_described(), "{wrong}: {answer:?}");
        // A browser would ask people for a password.
        assert_eq!(answer.header("www-authenticate"), None);
    }
    for query in ["", "?token", "?token=%", "?token=%FF", "?other=1"] {
        assert_eq!(server.send(Request::anonymous("GET", &format!("{SCRIPT}{query}"))).await.status, 401, "{query}");
    }
    assert_eq!(server.send(Request::anonymous("POST", SCRIPT)).await.status, 401);
}

#[tokio::test]
async fn files_beside_the_script_are_for_everybody_and_kept() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let token = server.token("room", "PUBLISHER").await;
    let script = server.send(ask(&token)).await;
    assert_eq!(
        server.send(Request::anonymous("GET", "/openvidu/virtual-background/assets/other.wasm")).await.status,
        401
    );
    assert_eq!(server.send(Request::new("GET", "/openvidu/virtual-background/assets/other.wasm")).await.status, 404);
    // Without its build there is a script that says so, and no files.
    let Some(end) = script.text().find(".wasm") else {
        assert!(script.text().contains("not built into this server"));
        return;
    };
    let start = script.text()[..end].rfind("assets/").expect("a file's name");
    let path = format!("/openvidu/virtual-background/{}.wasm", &script.text()[start..end]);
    let plain = server.send(Request::anonymous("GET", &path)).await;
    assert_eq!((plain.status, plain.header("content-type")), (200, Some("application/wasm")));
    assert_eq!(plain.header("access-control-allow-origin"), Some("*"));
    assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert!(plain.body.starts_with(b"\0asm") && plain.header("content-encoding").is_none());
    let compressed = server.send(Request::anonymous("GET", &path).header("Accept-Encoding", "br, gzip")).await;
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert_eq!(compressed.header("content-type"), Some("application/wasm"));
    assert!(compressed.body.len() < plain.body.len() / 2);
    let tag = plain.header("etag").expect("a tag");
    assert_eq!(server.send(Request::anonymous("GET", &path).header("If-None-Match", tag)).await.status, 304);
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let server = TestServer::start_with(|config| config.madang_virtual_background = false).await;
    server.create_session("room").await;
    let token = server.token("room", "PUBLISHER").await;
    assert!(!token.contains("edition"), "{token}");
    assert_eq!(server.send(ask(&token)).await.status, 401);
    assert_eq!(server.send(Request::new("GET", SCRIPT)).await.status, 404);
}
