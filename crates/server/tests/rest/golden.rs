//! Answers recorded from OpenVidu 2.32.2, compared with ours: status, headers and body.
//!
//! Each recorded request is sent to a server that was brought into the state it needs, and nothing else. Ids, tokens, times
//! and the texts of messages are not compared. [`DIFFERENT`] is the whole list of exceptions.

use protocol::model::MediaServer;
use serde_json::{Map, Value, json};

use crate::client::{Answer, HOST, Request, TestServer, basic};
use crate::participants::Participant;

/// Where ours answers another status, on purpose.
const DIFFERENT: &[(&str, u16, &str)] = &[
    // 2.32 answers 403, by accident of a framework, to whatever its older versions told clearly.
    ("sessions/get-query-stats-bad", 400, "the query cannot be read"),
    ("sessions/get-unknown-bad-bool", 400, "the query cannot be read"),
    ("list/bad", 400, "the query cannot be read"),
    ("connections/create/unknown-session-malformed", 400, "the body cannot be read"),
    ("connections/create/array", 400, "the body cannot be read"),
    ("tokens/type-ipcam-uri", 400, "a token cannot be for a camera"),
    ("auth/recordings-file-auth-absent", 404, "the file does not exist"),
    // Pages that 2.32 means to be public or has left to its proxy.
    ("auth/root-no-auth", 200, "the page for trying a call"),
    ("auth/root-auth", 200, "the page for trying a call"),
    ("auth/accept-certificate", 200, "it is meant to be public"),
    ("auth/accept-certificate-auth", 200, "it is meant to be public"),
];

#[tokio::test]
async fn answers_are_those_of_the_original() {
    let recorded = include_str!("../../../../tests/golden/rest.ndjson");
    let recordings = recorded;
    let server = TestServer::start_with(|config| {
        config.https_port = Some(15443);
        // As recorded: subscribers offer.
        config.openvidu_enterprise_media_server = MediaServer::Kurento;
    });
    let server = server.await;
    let (mut replayed, mut failures) = (0, vec![]);
    for line in recorded.lines() {
        let recorded: Value = serde_json::from_str(line).expect("a line is JSON");
        let name = recorded["name"].as_str().expect("a name");
        let (people, replacements) = prepare(&server, name, recordings).await;
        let answer = server.send(request(&recorded["request"], &replacements)).await;
        let differences = match DIFFERENT.iter().find(|(different, ..)| *different == name) {
            Some((_, status, _)) if answer.status == *status => vec![],
            Some((_, status, _)) => vec![format!("status {} instead of our own {status}", answer.status)],
            None => compare(&recorded, &answer),
        };
        if !differences.is_empty() {
            failures.push(format!("{name}: {}", differences.join("; ")));
        }
        replayed += 1;
        drop(people);
        clear(&server).await;
    }
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(replayed, 199);
}

/// Takes back whatever a request has made.
async fn clear(server: &TestServer) {
    for session in server.get("/sessions").await.json()["content"].as_array().expect("a list") {
        server.delete(&format!("/sessions/{}", session["id"].as_str().expect("an id"))).await;
    }
}

/// Makes what a request needs; returns who takes part, and how our ids replace those in the recorded request.
async fn prepare(server: &TestServer, name: &str, recorded: &str) -> (Vec<Participant>, Vec<(&'static str, String)>) {
    let (mut people, mut replacements) = (vec![], vec![]);
    let group = name.split('/').next().expect("a group");
    match (group, name) {
        (_, "sessions/create/dup-second" | "sessions/delete-form-ct") => {
            drop(server.create_session("dup-g28df76").await)
        }
        (_, name) if name.starts_with("sessions/get") => drop(server.create_session("dup-g28df76").await),
        (_, "connections/session-3-pending") => {
            server.create_session("conn2-g28df76").await;
            for data in ["p1", "p2", "p3"] {
                server.create_connection("conn2-g28df76", &format!("{{\"data\":\"{data}\"}}")).await;
            }
        }
        (_, "connections/get" | "connections/get-stats-bad") => {
            server.create_session("conn-g28df76").await;
            let body = r#"{"role":"MODERATOR","data":"D","kurentoOptions":{"videoMaxSendBandwidth":700}}"#;
            let connection = server.create_connection("conn-g28df76", body).await;
            replacements.push(("con_GcoqKIrsG2", connection["id"].as_str().expect("an id").to_owned()));
        }
        ("connections" | "streams", _) => drop(server.create_session("conn-g28df76").await),
        ("tokens", _) => drop(server.create_session("tok-g28df76").await),
        ("signal", _) => drop(server.create_session("sig-g28df76").await),
        (_, "active/create-again" | "active/gone-after-last-left") => {}
        (_, "active/delete-last-connection") => {
            server.create_session("lastc-g28df76").await;
            let last = Participant::join(server, "lastc-g28df76", "{}", "last").await;
            replacements.push(("con_W4dDyMmuZg", last.id.clone()));
            people.push(last);
        }
        (_, "list/two" | "list/two-pending" | "list/stats") => {
            server.create_session("l1-g28df76").await;
            server.create_session("l2-g28df76").await;
            people.push(Participant::join(server, "l2-g28df76", "{}", "L").await);
            server.create_connection("l2-g28df76", "{}").await;
        }
        (
            _,
            "active/session-3"
            | "active/connection-B"
            | "active/connection-A-stats"
            | "active/connections"
            | "active/session-stats"
            | "active/stream-delete-B"
            | "active/connection-B-after",
        ) => {
            return call(server, name, &offers(recorded)).await;
        }
        ("active", name) => {
            server.create_session("act-g28df76").await;
            let body = r#"{"role":"MODERATOR","data":"server-A","kurentoOptions":{"videoMaxSendBandwidth":700}}"#;
            let ann = Participant::join(server, "act-g28df76", body, "A").await;
            replacements.push(("con_RFyl49ZSd4", ann.id.clone()));
            people.push(ann);
            if name == "active/session-pending" {
                server.create_connection("act-g28df76", r#"{"data":"pending"}"#).await;
            }
        }
        _ => {}
    }
    (people, replacements)
}

/// What three clients offered in the recorded call: two publishers with video, one without, and a subscriber.
struct Offers {
    camera: String,
    screen: String,
    microphone: String,
    subscriber: String,
}

fn offers(recorded: &str) -> Offers {
    let stats = recorded.lines().find(|line| line.starts_with("{\"name\":\"active/session-stats\"")).expect("the call");
    let stats: Value = serde_json::from_str(stats).expect("a line is JSON");
    let session: Value = serde_json::from_str(stats["body"].as_str().expect("a body")).expect("a session");
    let connections = session["connections"]["content"].as_array().expect("connections");
    let offer = |platform: &str, list: &str| {
        let connection = connections.iter().find(|connection| connection["platform"] == platform).expect("who");
        connection[list][0]["remoteSdp"].as_str().expect("an offer").to_owned()
    };
    Offers {
        camera: offer("Golden A", "publishers"),
        screen: offer("Golden B", "publishers"),
        microphone: offer("Golden C", "publishers"),
        subscriber: offer("Golden B", "subscribers"),
    }
}

/// The recorded call: Ann shares her camera, Bob watches it and shares his screen, Cho speaks; a fourth is awaited.
async fn call(server: &TestServer, name: &str, offers: &Offers) -> (Vec<Participant>, Vec<(&'static str, String)>) {
    let session = "act-g28df76";
    server.create_session(session).await;
    let body = r#"{"role":"MODERATOR","data":"server-A","kurentoOptions":{"videoMaxSendBandwidth":700}}"#;
    let mut ann = Participant::join(server, session, body, "A").await;
    let mut bob = Participant::join(server, session, "{}", "B").await;
    let mut cho = Participant::join_with(server, session, r#"{"data":"pending"}"#, "C", "").await;
    server.create_connection(session, "{}").await;

    let mut publication = json!({"doLoopback":false,"hasAudio":true,"hasVideo":true,"audioActive":true,"videoActive":true,
        "typeOfVideo":"CAMERA","frameRate":30,"videoDimensions":"{\"width\":640,\"height\":480}","sdpOffer":offers.camera});
    let camera = ann.request("publishVideo", publication.clone()).await["result"]["id"].clone();
    bob.request("receiveVideoFrom", json!({"sender":camera,"sdpOffer":offers.subscriber})).await;
    for (member, value) in [
        ("hasAudio", json!(false)),
        ("videoActive", json!(false)),
        ("typeOfVideo", json!("SCREEN")),
        ("frameRate", json!(-1)),
        ("sdpOffer", json!(offers.screen)),
    ] {
        publication[member] = value;
    }
    let screen = bob.request("publishVideo", publication).await["result"]["id"].clone();
    let screen = screen.as_str().expect("a stream").to_owned();
    let publication =
        json!({"doLoopback":false,"hasAudio":true,"hasVideo":false,"audioActive":true,"sdpOffer":offers.microphone});
    cho.request("publishVideo", publication).await;
    if name == "active/connection-B-after" {
        server.delete(&format!("/sessions/{session}/stream/{screen}")).await;
    }
    let replacements = vec![
        ("str_SCR_Cqno_con_NdotuQ58wX", screen),
        ("con_NdotuQ58wX", bob.id.clone()),
        ("con_RFyl49ZSd4", ann.id.clone()),
    ];
    (vec![ann, bob, cho], replacements)
}

fn request(recorded: &Value, replacements: &[(&str, String)]) -> Request {
    let replaced =
        |text: &str| replacements.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours));
    let text = |name: &str| recorded[name].as_str().expect("a text");
    let mut request = Request::anonymous(text("method"), &replaced(text("path")));
    for (name, value) in recorded["headers"].as_object().expect("headers") {
        let value = match value.as_str() {
            Some("<right>") => basic("OPENVIDUAPP:MY_SECRET"),
            Some("<wrong secret>") => basic("OPENVIDUAPP:WRONG"),
            Some(value) => value.to_owned(),
            // The length: the client writes it itself.
            None => continue,
        };
        request = request.header(name, &value);
    }
    match recorded["body"].as_str() {
        Some(body) => request.body(replaced(body)),
        None => request,
    }
}

fn compare(recorded: &Value, answer: &Answer) -> Vec<String> {
    let mut differences = vec![];
    if recorded["status"] != answer.status {
        differences.push(format!("status {} instead of {}: {}", answer.status, recorded["status"], answer.text()));
    }
    for name in [
        "content-type",
        "www-authenticate",
        "access-control-allow-origin",
        "access-control-allow-methods",
        "access-control-allow-headers",
        "allow",
        "vary",
        "cache-control",
        "pragma",
        "expires",
        "x-content-type-options",
        "x-xss-protection",
        "x-frame-options",
    ] {
        let (theirs, ours) = (recorded["headers"][name].as_str(), answer.header(name));
        // The type of a text that nobody reads.
        let for_people = name == "content-type" && recorded["tags"].to_string().contains("bodyfree");
        if theirs != ours && !for_people {
            differences.push(format!("{name} {ours:?} instead of {theirs:?}"));
        }
    }
    // A length that is not 0 depends on what is normalised.
    if recorded["headers"]["content-length"] == "0" && answer.header("content-length") != Some("0") {
        differences.push(format!("content-length {:?}", answer.header("content-length")));
    }
    let keys_only = recorded["tags"].to_string().contains("keys");
    let (theirs, ours) =
        (normalised(recorded["body"].as_str().expect("a body"), keys_only), normalised(answer.text(), keys_only));
    // Whether there is an event log is the deployment's choice.
    let of_deployment = recorded["request"]["path"] == "/openvidu/api/config/openvidu-cdr";
    if theirs != ours && !of_deployment {
        differences.push(format!("body\n  {ours}\ninstead of\n  {theirs}"));
    }
    differences
}

/// A body with everything replaced that differs from one run to the next.
fn normalised(body: &str, keys_only: bool) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(mut value) => {
            if keys_only {
                outline(&mut value);
            }
            normalise(&mut value);
            value.to_string()
        }
        Err(_) => body.to_owned(),
    }
}

fn normalise(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(normalise);
            normalise_members(object);
        }
        Value::Array(elements) => {
            elements.iter_mut().for_each(normalise);
            // Sessions that other recorded requests left behind.
            elements.retain(|element| element["object"] != "session" || is_of_this_run(&element["id"]));
            // The original's order is that of a hash table.
            elements.sort_by_key(Value::to_string);
        }
        Value::String(text) => *text = without_ids(text),
        _ => {}
    }
}

fn normalise_members(object: &mut Map<String, Value>) {
    for name in ["timestamp", "createdAt", "activeAt"] {
        if let Some(value) = object.get_mut(name).filter(|value| !value.is_null()) {
            assert!(value.is_u64(), "{name} {value}");
            *value = "a time".into();
        }
    }
    if object.get("message").is_some_and(|message| message.as_str().is_some_and(|text| !text.is_empty())) {
        object["message"] = "a message".into();
    }
    if let Some(content) = object.get("content").and_then(Value::as_array) {
        object["numberOfElements"] = content.len().into();
    }
    // The recorded server had an event log and a webhook.
    if object.contains_key("OPENVIDU_CDR") {
        object["OPENVIDU_CDR"] = "not compared".into();
        object["OPENVIDU_WEBHOOK"] = "not compared".into();
        object.retain(|name, _| !name.starts_with("OPENVIDU_CDR_") && !name.starts_with("OPENVIDU_WEBHOOK_"));
    }
}

fn is_of_this_run(id: &Value) -> bool {
    id.as_str().is_some_and(|id| id.ends_with("-g28df76"))
}

/// WebRTC details as names only: their values are those of another media server.
fn outline(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                match name.as_str() {
                    "events" | "clientIceCandidates" | "serverIceCandidates" => *value = json!([]),
                    "localSdp" | "remoteSdp" | "localCandidate" | "remoteCandidate" => *value = Value::Null,
                    _ => outline(value),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(outline),
        _ => {}
    }
}

/// `con_Kx81Ab3dQz` as `con_*`.
fn without_ids(text: &str) -> String {
    let mut text = text.replace(HOST, "the server");
    for (prefix, length) in [("ses_", 10), ("con_", 10), ("tok_", 16), ("_CAM_", 4), ("_SCR_", 4), ("_MIC_", 4)] {
        let mut from = 0;
        while let Some(at) = text[from..].find(prefix).map(|at| from + at + prefix.len()) {
            let random = text.get(at..at + length).is_some_and(|id| {
                id.as_bytes()[0].is_ascii_uppercase() && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
            });
            if random {
                text.replace_range(at..at + length, "*");
            }
            from = at;
        }
    }
    text
}
