//! Answers recorded from OpenVidu 2.32.2, compared with ours: status, headers and body.
//!
//! Each recorded request is sent to a server that was brought into the state it needs, and nothing else. Ids, tokens, times
//! and the texts of messages are not compared. [`DIFFERENT`] and [`NOT_REPLAYED`] are the whole list of exceptions.

use serde_json::{Map, Value};
use settings::Compatibility;
use testbed::rest::{HOST, Request, RestAnswer, basic};
use testbed::server::TestServer;

use super::participants::Participant;

/// What 2.32 answers with 403, and we too when asked to.
const BLURRED: &[&str] = &[
    "auth/recordings-file-auth-absent",
    "sessions/get-query-stats-bad",
    "sessions/get-unknown-bad-bool",
    "list/bad",
    "connections/create/unknown-session-malformed",
    "connections/create/array",
];

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

/// What needs media, or what other recorded requests left behind.
const NOT_REPLAYED: &[&str] = &[
    "active/session-3",
    "active/connection-B",
    "active/connection-A-stats",
    "active/connections",
    "active/session-stats",
    "active/stream-delete-B",
    "active/connection-B-after",
    "list/empty",
    "list/two",
    "list/two-pending",
    "list/stats",
];

#[tokio::test]
async fn answers_are_those_of_the_original() {
    let recorded = include_str!("../../../../../tests/golden/rest.ndjson");
    let server = TestServer::start_with(|config| {
        config.https_port = Some(15443);
        // Recorded of the edition that has none.
        config.madang_virtual_background = false;
    });
    let server = server.await;
    let (mut replayed, mut failures) = (0, vec![]);
    for line in recorded.lines() {
        let recorded: Value = serde_json::from_str(line).expect("a line is JSON");
        let name = recorded["name"].as_str().expect("a name");
        if NOT_REPLAYED.contains(&name) {
            continue;
        }
        let (people, replacements) = prepare(&server, name).await;
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
    assert_eq!(replayed, recorded.lines().count() - NOT_REPLAYED.len());
    assert!(replayed > 180, "{replayed}");
}

#[tokio::test]
async fn refusals_of_2_32_are_those_of_2_32_when_asked_for() {
    let recorded = include_str!("../../../../../tests/golden/rest.ndjson");
    let server = TestServer::start_with(|config| config.madang_compatibility = Compatibility::V2_32).await;
    let mut replayed = 0;
    for line in recorded.lines() {
        let recorded: Value = serde_json::from_str(line).expect("a line is JSON");
        let name = recorded["name"].as_str().expect("a name");
        if BLURRED.contains(&name) {
            let (_people, replacements) = prepare(&server, name).await;
            let answer = server.send(request(&recorded["request"], &replacements)).await;
            assert_eq!(compare(&recorded, &answer), Vec::<String>::new(), "{name}");
            clear(&server).await;
            replayed += 1;
        }
    }
    assert_eq!(replayed, BLURRED.len());
}

/// Takes back whatever a request has made.
async fn clear(server: &TestServer) {
    for session in server.get("/sessions").await.json()["content"].as_array().expect("a list") {
        server.delete(&format!("/sessions/{}", session["id"].as_str().expect("an id"))).await;
    }
}

/// Makes what a request needs; returns who takes part, and how our ids replace those in the recorded request.
async fn prepare(server: &TestServer, name: &str) -> (Vec<Participant>, Vec<(&'static str, String)>) {
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

fn compare(recorded: &Value, answer: &RestAnswer) -> Vec<String> {
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
    let (theirs, ours) = (normalised(recorded["body"].as_str().expect("a body")), normalised(answer.text()));
    let of_deployment = matches!(
        recorded["name"].as_str(),
        Some("auth/ok" | "auth/lower-case-scheme" | "cors/simple-get" | "cors/origin-null" | "cors/same-origin")
    );
    if theirs != ours && !of_deployment {
        differences.push(format!("body\n  {ours}\ninstead of\n  {theirs}"));
    }
    differences
}

/// A body with everything replaced that differs from one run to the next.
fn normalised(body: &str) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(mut value) => {
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
            // The original's order is that of a hash table.
            elements.sort_by_key(|element| element["serverData"].to_string());
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
    // The recorded server had an event log and a webhook.
    if object.contains_key("OPENVIDU_CDR") {
        object["OPENVIDU_CDR"] = "not compared".into();
        object["OPENVIDU_WEBHOOK"] = "not compared".into();
        object.retain(|name, _| !name.starts_with("OPENVIDU_CDR_") && !name.starts_with("OPENVIDU_WEBHOOK_"));
    }
}

/// `con_Kx81Ab3dQz` as `con_*`.
fn without_ids(text: &str) -> String {
    let mut text = text.replace(HOST, "the server");
    for (prefix, length) in [("ses_", 10), ("con_", 10), ("tok_", 16)] {
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
