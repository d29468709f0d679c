//! `/config`.

use protocol::event::EventName;
use testbed::server::TestServer;

use super::sessions::keys;

#[tokio::test]
async fn the_settings_are_shown_in_the_order_of_the_original() {
    let server = TestServer::start_with(|config| config.https_port = Some(15443)).await;
    let config = server.get("/config").await.json();
    let expected = [
        "VERSION",
        "DOMAIN_OR_PUBLIC_IP",
        "HTTPS_PORT",
        "OPENVIDU_PUBLICURL",
        "OPENVIDU_CDR",
        "OPENVIDU_STREAMS_VIDEO_MAX_RECV_BANDWIDTH",
        "OPENVIDU_STREAMS_VIDEO_MIN_RECV_BANDWIDTH",
        "OPENVIDU_STREAMS_VIDEO_MAX_SEND_BANDWIDTH",
        "OPENVIDU_STREAMS_VIDEO_MIN_SEND_BANDWIDTH",
        "OPENVIDU_STREAMS_FORCED_VIDEO_CODEC",
        "OPENVIDU_STREAMS_ALLOW_TRANSCODING",
        "OPENVIDU_WEBRTC_SIMULCAST",
        "OPENVIDU_SESSIONS_GARBAGE_INTERVAL",
        "OPENVIDU_SESSIONS_GARBAGE_THRESHOLD",
        "OPENVIDU_RECORDING",
        "OPENVIDU_WEBHOOK",
    ];
    assert_eq!(keys(&config), expected);
    assert_eq!(config["HTTPS_PORT"], 15443);
    assert!(!config.to_string().contains("MY_SECRET"));
}

#[tokio::test]
async fn single_settings_are_plain_texts() {
    let server = TestServer::start().await;
    for (path, content_type, text) in [
        ("/config/openvidu-version", "text/plain;charset=UTF-8", "2.32.2"),
        ("/config/openvidu-publicurl", "text/plain;charset=UTF-8", "http://127.0.0.1:15443/"),
        ("/config/openvidu-recording-path", "text/plain;charset=UTF-8", "/opt/openvidu/recordings/"),
        ("/config/openvidu-recording", "application/json", "false"),
        ("/config/openvidu-cdr", "application/json", "false"),
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.header("content-type"), answer.text()), (Some(content_type), text), "{path}");
    }
}

#[tokio::test]
async fn events_that_are_told_are_shown_with_where_they_go() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(|config| {
        config.openvidu_cdr = true;
        config.openvidu_cdr_path = folder.path().to_owned();
        config.openvidu_webhook = true;
        config.openvidu_webhook_endpoint = "http://127.0.0.1:9/hook".parse().unwrap();
        config.openvidu_webhook_headers = "[X-Key: abc]".parse().unwrap();
        config.openvidu_webhook_events = vec![EventName::SessionCreated];
    })
    .await;
    let config = server.get("/config").await.json();
    assert_eq!(keys(&config)[4..6], ["OPENVIDU_CDR", "OPENVIDU_CDR_PATH"]);
    assert_eq!(config["OPENVIDU_CDR_PATH"], format!("{}/", folder.path().display()));
    assert_eq!(
        keys(&config)[16..],
        ["OPENVIDU_WEBHOOK", "OPENVIDU_WEBHOOK_ENDPOINT", "OPENVIDU_WEBHOOK_HEADERS", "OPENVIDU_WEBHOOK_EVENTS"]
    );
    assert_eq!(config["OPENVIDU_WEBHOOK_HEADERS"], serde_json::json!(["X-Key: abc"]));
    assert_eq!(config["OPENVIDU_WEBHOOK_EVENTS"], serde_json::json!(["sessionCreated"]));
}
