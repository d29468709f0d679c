//! Streams as REST shows and ends them. Clients offer recorded SDP to the real media worker; no media flows.

use protocol::model::MediaServer;
use serde_json::{Value, json};
use testbed::server::TestServer;

use super::participants::Participant;
use super::sessions::keys;

const STATS: &[&str] = &[
    "webrtcEndpointName",
    "remoteSdp",
    "localSdp",
    "clientIceCandidates",
    "serverIceCandidates",
    "localCandidate",
    "remoteCandidate",
    "events",
    "statistics",
];

/// The parameters of the first recorded request of this method.
pub(crate) fn recorded(method: &str) -> Value {
    let frames = include_str!("../../../../../tests/golden/signaling/subscribe.ndjson");
    let frames = frames.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    let mut sent = frames.filter(|frame| frame["dir"] == "out" && frame["frame"]["method"] == method);
    sent.next().expect("it was sent")["frame"]["params"].clone()
}

/// Ann's camera, received by Bob; returns the stream.
async fn call(server: &TestServer) -> (Participant, Participant, String) {
    server.create_session("room").await;
    let mut ann = Participant::join(server, "room", "{}", "ann").await;
    let mut bob = Participant::join(server, "room", "{}", "bob").await;
    let published = ann.request("publishVideo", recorded("publishVideo")).await;
    let stream = published["result"]["id"].as_str().unwrap_or_else(|| panic!("{published}")).to_owned();
    let mut receive = recorded("receiveVideoFrom");
    receive["sender"] = stream.clone().into();
    let received = bob.request("receiveVideoFrom", receive).await;
    assert!(received["result"]["sdpAnswer"].is_string(), "{received}");
    (ann, bob, stream)
}

async fn server() -> TestServer {
    TestServer::start_with(|config| config.openvidu_enterprise_media_server = MediaServer::Kurento).await
}

fn connection<'a>(session: &'a Value, id: &str) -> &'a Value {
    let connections = session["connections"]["content"].as_array().expect("a list");
    connections.iter().find(|connection| connection["id"] == id).expect("it is listed")
}

#[tokio::test]
async fn statistics_add_fields_to_publishers_and_subscribers() {
    let server = server().await;
    let (ann, bob, stream) = call(&server).await;
    let plain = server.get("/sessions/room").await.json();
    let publisher = &connection(&plain, &ann.id)["publishers"][0];
    assert_eq!(keys(publisher), ["createdAt", "streamId", "mediaOptions"]);
    let options =
        ["hasAudio", "audioActive", "hasVideo", "videoActive", "typeOfVideo", "frameRate", "videoDimensions", "filter"];
    assert_eq!(keys(&publisher["mediaOptions"]), options);
    assert_eq!(keys(&connection(&plain, &bob.id)["subscribers"][0]), ["createdAt", "streamId"]);

    let list = server.get("/sessions?webRtcStats=true").await.json();
    let session = server.get("/sessions/room?webRtcStats=true").await.json();
    assert_eq!(list["content"], json!([session]));
    let connections = server.get("/sessions/room/connection?webRtcStats=true").await.json();
    assert_eq!(connections["content"], session["connections"]["content"]);
    let publisher = &connection(&session, &ann.id)["publishers"][0];
    assert_eq!(keys(publisher), [&["createdAt"], STATS, &["streamId", "mediaOptions"]].concat());
    assert_eq!((&publisher["webrtcEndpointName"], &publisher["streamId"]), (&json!(stream), &json!(stream)));
    assert_eq!(publisher["remoteSdp"], recorded("publishVideo")["sdpOffer"]);
    let subscriber = &connection(&session, &bob.id)["subscribers"][0];
    assert_eq!(keys(subscriber), [&["createdAt"], STATS, &["streamId"]].concat());
    assert_eq!(subscriber["webrtcEndpointName"], format!("{}_{stream}", bob.id));

    let alone = server.get(&format!("/sessions/room/connection/{}?webRtcStats=true", ann.id)).await.json();
    assert_eq!(alone, *connection(&plain, &ann.id));
}

#[tokio::test]
async fn a_stream_is_ended_for_everybody_and_once() {
    let server = server().await;
    let (mut ann, mut bob, stream) = call(&server).await;
    let nodes = "/openvidu/api/media-nodes";
    assert_eq!(server.get(nodes).await.json()["content"][0]["load"], 2.0);
    let path = format!("/sessions/room/stream/{stream}");
    assert_eq!(server.delete(&path).await.status, 204);
    for participant in [&mut ann, &mut bob] {
        let told = participant.notified("participantUnpublished").await;
        assert_eq!(told["reason"], "forceUnpublishByServer");
    }
    let again = server.delete(&path).await;
    assert!(again.status == 404 && again.is_empty(), "{again:?}");
    let session = server.get("/sessions/room").await.json();
    assert_eq!(connection(&session, &ann.id)["publishers"], json!([]));
    assert_eq!(connection(&session, &bob.id)["subscribers"], json!([]));
    assert_eq!(server.get(nodes).await.json()["content"][0]["load"], 0.0);
}
