//! What is not there yet: everything about a request is checked first, and only then it is told so.

use settings::SpeechToText;
use testbed::rest::Request;
use testbed::server::TestServer;

use super::participants::Participant;

#[tokio::test]
async fn a_broadcast_is_validated_in_the_order_of_a_recording() {
    let server = TestServer::start().await;
    server.create_session("unused").await;
    server.create_session("room").await;
    let _ann = Participant::join(&server, "room", "{}", "ann").await;
    let start = "/openvidu/api/broadcast/start";
    let url = r#""broadcastUrl":"rtmp://host/x""#;
    for (body, status) in [
        (String::new(), 400),
        ("[]".to_owned(), 400),
        (format!("{{{url}}}"), 400),
        (format!("{{\"session\":5,{url}}}"), 400),
        (r#"{"session":"UNKNOWN"}"#.to_owned(), 400),
        (r#"{"session":"room","broadcastUrl":"nowhere"}"#.to_owned(), 400),
        (format!("{{\"session\":\"UNKNOWN\",{url},\"hasAudio\":\"x\"}}"), 400),
        (format!("{{\"session\":\"UNKNOWN\",{url},\"frameRate\":0}}"), 404),
        (format!("{{\"session\":\"unused\",{url},\"frameRate\":0}}"), 406),
        (format!("{{\"session\":\"room\",{url},\"frameRate\":0}}"), 422),
    ] {
        let answer = server.post(start, &body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert_eq!(answer.is_empty(), matches!(status, 404 | 406), "{body}: {answer:?}");
    }
    for (body, status) in
        [("{}", 400), (r#"{"session":5}"#, 400), (r#"{"session":"UNKNOWN"}"#, 404), (r#"{"session":"room"}"#, 409)]
    {
        assert_eq!(server.post("/openvidu/api/broadcast/stop", body).await.status, status, "{body}");
    }
    assert_eq!(server.get("/sessions/room").await.json()["broadcasting"], false);
}

#[tokio::test]
async fn a_broadcast_into_the_operators_network_can_be_refused() {
    let server = TestServer::start_with(|config| config.madang_refuse_private_targets = true).await;
    server.create_session("room").await;
    let _ann = Participant::join(&server, "room", "{}", "ann").await;
    for host in ["127.0.0.1", "u:p@localhost:99", "[::1]", "10.0.0.1", "ü"] {
        let body = format!(r#"{{"session":"room","broadcastUrl":"rtmp://{host}/x"}}"#);
        let answer = server.post("/openvidu/api/broadcast/start", &body).await;
        assert!(answer.status == 400 && answer.text().contains("MADANG_REFUSE_PRIVATE_TARGETS"), "{answer:?}");
    }
}

#[tokio::test]
async fn without_servers_that_recognise_speech_there_are_no_models() {
    for engine in [SpeechToText::Disabled, SpeechToText::Azure, SpeechToText::Aws] {
        let server = TestServer::start_with(|config| config.openvidu_pro_speech_to_text = engine).await;
        for path in ["/openvidu/api/speech-to-text/load", "/openvidu/api/speech-to-text/unload"] {
            for body in ["", "{}", r#"{"lang":"en-US","mediaNode":{"id":"media_unknown"}}"#] {
                let answer = server.post(path, body).await;
                assert!(answer.status == 501 && answer.is_empty(), "{path}: {answer:?}");
            }
            assert_eq!(server.get(path).await.status, 405);
        }
    }
}

#[tokio::test]
async fn a_model_of_speech_is_validated_before_it_is_looked_for() {
    let server = TestServer::start_with(|config| config.openvidu_pro_speech_to_text = SpeechToText::Vosk).await;
    let nodes = server.get("/openvidu/api/media-nodes").await.json();
    let node = nodes["content"][0]["id"].as_str().unwrap();
    for path in ["/openvidu/api/speech-to-text/load", "/openvidu/api/speech-to-text/unload"] {
        for bad in [
            "",
            "{}",
            r#"{"lang":"en-US"}"#,
            r#"{"lang":"en-US","mediaNode":"x"}"#,
            r#"{"lang":"en-US","mediaNode":{"id":"media_unknown"}}"#,
            &format!(r#"{{"lang":5,"mediaNode":{{"id":"{node}"}}}}"#),
        ] {
            let answer = server.post(path, bad).await;
            assert!(answer.status == 400 && answer.is_described(), "{path} {bad}: {answer:?}");
        }
        let answer = server.post(path, &format!(r#"{{"lang":"tlh","mediaNode":{{"id":"{node}"}}}}"#)).await;
        assert!(answer.status == 404 && answer.is_empty(), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn the_socket_of_the_dashboard_is_refused() {
    let server = TestServer::start().await;
    let get = Request::anonymous("GET", "/openvidu/info");
    let plain = server.send(get.clone()).await;
    assert_eq!((plain.status, plain.text()), (400, "Can \"Upgrade\" only to \"WebSocket\"."));
    let upgrade = get
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(server.send(upgrade).await.status, 404);
}

#[tokio::test]
async fn what_other_deployments_have_is_not_found() {
    let server = TestServer::start().await;
    for path in [
        "/openvidu/api/broadcast",
        "/openvidu/api/speech-to-text",
        "/openvidu/recordings/x/x.mp4",
        "/openvidu/layouts/index.html",
        "/openvidu/inspector-api/x",
        "/openvidu/multi-master/x",
        "/dashboard/nothing",
        "/inspector/nothing",
        "/kibana",
    ] {
        let answer = server.get(path).await;
        assert!(answer.status == 404 && answer.is_described(), "{path}: {answer:?}");
    }
}
