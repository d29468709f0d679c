//! `/recordings` of a server that does not record.

use crate::client::{Request, TestServer};

#[tokio::test]
async fn recording_is_not_implemented_once_the_body_is_understood() {
    let server = TestServer::start().await;
    for request in [
        Request::new("GET", "/recordings"),
        Request::new("GET", "/recordings/x"),
        Request::new("GET", "/recordings/start"),
        Request::new("DELETE", "/recordings/x"),
        Request::new("POST", "/recordings/start").json("{}"),
        Request::new("POST", "/recordings/start").json(r#"{"session":5}"#),
        Request::new("POST", "/recordings/stop/x"),
        Request::new("POST", "/recordings/stop/x").header("Content-Type", "application/x-www-form-urlencoded"),
    ] {
        let answer = server.send(request).await;
        assert!(answer.status == 501 && answer.is_empty(), "{answer:?}");
    }
    for body in ["", "null", "[]", "{"] {
        assert_eq!(server.post("/recordings/start", body).await.status, 400);
    }
    assert_eq!(server.send(Request::new("POST", "/recordings/stop").json("{}")).await.status, 405);
    assert_eq!(server.delete("/recordings").await.status, 405);
}
