//! `/media-nodes`, `/health` and `/status` of the one node.

use serde_json::json;
use testbed::rest::Request;
use testbed::server::TestServer;

use super::participants::Participant;
use super::sessions::keys;

const NODES: &str = "/openvidu/api/media-nodes";
const KEYS: &[&str] =
    &["id", "object", "environmentId", "ip", "uri", "launchingTime", "connected", "connectionTime", "load", "status"];

async fn id(server: &TestServer) -> String {
    server.get(NODES).await.json()["content"][0]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn the_node_is_listed_and_shown() {
    let server = TestServer::start().await;
    let list = server.get(NODES).await.json();
    assert_eq!((keys(&list), &list["numberOfElements"]), (vec!["numberOfElements", "content"], &json!(1)));
    let node = &list["content"][0];
    assert_eq!(keys(node), KEYS);
    let id = node["id"].as_str().unwrap();
    assert!(id.starts_with("media_") && id.len() == 16, "{id}");
    let port = server.server.address().port();
    for (key, value) in [
        ("object", json!("mediaNode")),
        ("environmentId", json!(null)),
        ("ip", json!("127.0.0.1")),
        ("uri", json!(format!("ws://127.0.0.1:{port}/openvidu"))),
        ("connected", json!(true)),
        ("load", json!(0.0)),
        ("status", json!("running")),
    ] {
        assert_eq!(node[key], value, "{key}");
    }
    assert_eq!(server.get(&format!("{NODES}/{id}")).await.json(), *node);
    let status = server.get("/openvidu/api/status").await.json();
    assert_eq!(node["launchingTime"], status["startTime"]);
}

#[tokio::test]
async fn what_is_on_the_node_is_shown_when_asked_for() {
    let server = TestServer::start().await;
    let path = format!("{NODES}/{}", id(&server).await);
    server.create_session("unused").await;
    server.create_session("room").await;
    let _ann = Participant::join(&server, "room", "{}", "ann").await;
    let node =
        server.get(&format!("{path}?sessions=true&recordings=true&broadcasts=true&extra-info=true")).await.json();
    assert_eq!(keys(&node)[KEYS.len()..], ["sessions", "recordingIds", "broadcasts", "kurentoInfo"]);
    assert_eq!(node["sessions"], json!([server.get("/sessions/room").await.json()]));
    assert_eq!((&node["recordingIds"], &node["broadcasts"]), (&json!([]), &json!([])));
    assert_eq!(keys(&node["kurentoInfo"]), ["version", "modules", "type", "serverInfo"]);
    let some = server.get(&format!("{NODES}?sessions=false&recordings=1")).await.json();
    assert_eq!(keys(&some["content"][0])[KEYS.len()..], ["recordingIds"]);
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_refused_and_an_unknown_node_not_found() {
    let server = TestServer::start().await;
    for query in ["sessions=x", "recordings=2", "extra-info=maybe"] {
        let answer = server.get(&format!("{NODES}?{query}")).await;
        assert!(answer.status == 400 && answer.is_described(), "{query}: {answer:?}");
    }
    let unknown = format!("{NODES}/media_unknown");
    for request in [
        Request::new("GET", &unknown),
        Request::new("DELETE", &unknown),
        Request::new("DELETE", &format!("{unknown}?wait=true&deletion-strategy=now")),
        Request::new("PATCH", &unknown).json(r#"{"status":"running"}"#),
    ] {
        let answer = server.send(request).await;
        assert!(answer.status == 404 && answer.is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn the_only_node_stays_and_no_other_comes() {
    let server = TestServer::start().await;
    let own = format!("{NODES}/{}", id(&server).await);
    let uri = server.get(&own).await.json()["uri"].as_str().unwrap().to_owned();
    let this = |method: &str, query: &str| Request::new(method, &format!("{own}{query}"));
    let patch = |body: &str| this("PATCH", "").json(body);
    let post = |body: &str| Request::new("POST", NODES).json(body);
    for (request, status) in [
        (this("DELETE", ""), 405),
        (this("DELETE", "?deletion-strategy=when-no-sessions"), 405),
        (this("DELETE", "?deletion-strategy=later"), 400),
        (this("DELETE", "?wait=x"), 400),
        (patch(r#"{"status":"terminating"}"#), 405),
        (patch(r#"{"status":"waiting-idle-to-terminate"}"#), 405),
        (patch(r#"{"status":"failed"}"#), 400),
        (patch(r#"{"status":5}"#), 400),
        (patch("{}"), 400),
        (patch(""), 400),
        (Request::new("PUT", NODES), 405),
        (Request::new("POST", NODES), 501),
        (post("{}"), 501),
        (post(r#"{"instanceType":"t3.medium","volumeSize":50}"#), 501),
        (post(r#"{"uri":"ws://10.0.0.5:8888/kurento"}"#), 501),
        (post(r#"{"uri":"http://10.0.0.5:8888/kurento"}"#), 400),
        (post(r#"{"uri":5}"#), 400),
        (post(&format!("{{\"uri\":\"{uri}\"}}")), 409),
        (Request::new("POST", &format!("{NODES}?wait=x")).json("{}"), 400),
    ] {
        let answer = server.send(request.clone()).await;
        assert!(answer.status == status && answer.is_described(), "{request:?}: {answer:?}");
        assert_eq!(answer.header("allow").is_some(), status == 405, "{request:?}");
    }
    let unchanged = server.send(patch(r#"{"status":"running"}"#)).await;
    assert_eq!((unchanged.status, unchanged.body.len()), (204, 0));
}

#[tokio::test]
async fn a_server_that_can_carry_calls_is_up() {
    let server = TestServer::start().await;
    let health = server.get("/openvidu/api/health").await;
    assert_eq!((health.status, health.json()), (200, json!({"status":"UP","disconnectedMediaNodes":[]})));
    let status = server.get("/openvidu/api/status").await.json();
    assert_eq!(keys(&status), ["startTime", "restartCounter", "lastRestartTime"]);
    assert_eq!((&status["restartCounter"], &status["lastRestartTime"]), (&json!(0), &status["startTime"]));
    for path in ["health", "status", "media-nodes", "restart"] {
        let anonymous = Request::anonymous("GET", &format!("/openvidu/api/{path}"));
        assert_eq!(server.send(anonymous).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn a_relay_that_nobody_uses_tells_so() {
    let server = TestServer::start().await;
    let told = server.get("/openvidu/api/turn").await.json();
    assert_eq!(told["connections"], json!([]));
    let figures =
        ["allocations", "allocationsMade", "refused", "challenged", "unanswered", "bytesReceived", "bytesSent"];
    assert!(figures.iter().all(|key| told[*key] == 0), "{told}");
}
