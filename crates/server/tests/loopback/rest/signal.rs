//! `/signal` to sessions where nobody is. With people: see `participants`.

use testbed::server::TestServer;

#[tokio::test]
async fn types_are_checked_before_the_session_is_looked_up() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    for session in ["room", "UNKNOWN"] {
        for bad in [r#""to":"x""#, r#""to":{}"#, r#""to":[5]"#, r#""data":{}"#, r#""data":5"#, r#""type":5"#] {
            let answer = server.post("/signal", &format!("{{\"session\":\"{session}\",{bad}}}")).await;
            assert!(answer.status == 400 && answer.is_described(), "{bad}: {answer:?}");
            assert_eq!(answer.json()["path"], "/openvidu/api/signal");
        }
    }
    for body in ["{}", r#"{"session":true}"#, r#"{"session":null}"#, "", "null", "[]"] {
        let answer = server.post("/signal", body).await;
        assert!(answer.status == 400 && answer.is_described(), "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn a_signal_needs_a_session_with_people() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let unknown = server.post("/signal", r#"{"session":"UNKNOWN"}"#).await;
    assert!(unknown.status == 404 && unknown.is_empty());
    let empty = server.post("/signal", r#"{"session":"room","data":"x"}"#).await;
    assert!(empty.status == 406 && empty.is_empty());
}
