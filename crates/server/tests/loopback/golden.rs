//! Replays what clients sent to the original and compares what they got, frame by frame.
//!
//! Ids, tokens, times, TURN credentials and SDP differ by nature; texts of code −1 are Java's in the original; it answers
//! some requests not at all and others twice. Recordings in which a client answers an offer of the server cannot be
//! replayed, since the offer is another one. Everything else has to be equal, key order and order of frames included.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use protocol::model::MediaServer;
use serde_json::{Value, json};
use testbed::server::TestServer;
use testbed::signalling::{Closed, SignallingClient};
use tokio::net::TcpStream;

/// Lines of the recording where an answer is meant to be better than the original's error −1.
const BETTER: &[(&str, usize)] = &[
    // Subscribing twice replaces the first subscription.
    ("subscribe", 23),
];

#[tokio::test]
async fn joining() {
    replay("join").await;
}

#[tokio::test]
async fn signals() {
    replay("signals").await;
}

#[tokio::test]
async fn moderation() {
    replay("moderation").await;
}

#[tokio::test]
async fn publishing() {
    replay("publish").await;
}

#[tokio::test]
async fn subscribing() {
    replay("subscribe").await;
}

#[tokio::test]
async fn leaving() {
    replay("leave").await;
}

#[tokio::test]
async fn trickled_candidates() {
    replay("candidates").await;
}

struct Step {
    who: String,
    dir: String,
    frame: Value,
}

impl Step {
    fn is_answer(&self) -> bool {
        self.dir == "in" && self.frame.get("method").is_none()
    }
}

struct Replay {
    server: TestServer,
    session: String,
    clients: HashMap<String, SignallingClient<TcpStream>>,
    /// Text of the recording → label, and label → text of this run.
    recorded: Vec<(String, String)>,
    own: HashMap<String, String>,
    streams: HashMap<String, usize>,
    /// Requests that were answered, by who.
    answered: HashSet<(String, i64)>,
}

async fn replay(scenario: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/golden/signaling/{scenario}.ndjson"));
    let text = std::fs::read_to_string(file).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let meta = lines.next().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let steps: Vec<Step> = lines
        .map(|line| Step { who: text(&line["who"]), dir: text(&line["dir"]), frame: line["frame"].clone() })
        // The rest is the end of the session by REST, in the order of a hash table.
        .take_while(|step| step.frame["params"]["reason"] != "sessionClosedByServer")
        .collect();
    let labels = meta["labels"].as_array().unwrap();
    let recorded: Vec<_> = labels.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
    let server = TestServer::start_with(|config| config.openvidu_enterprise_media_server = MediaServer::Kurento).await;
    let session =
        steps.iter().find(|step| step.frame["method"] == "joinRoom").unwrap().frame["params"]["session"].clone();
    let mut replay = Replay {
        server,
        session: text(&session),
        clients: HashMap::new(),
        recorded,
        own: HashMap::new(),
        streams: HashMap::new(),
        answered: HashSet::new(),
    };
    replay.server.create_session(&replay.session).await;
    replay.create_tokens(&steps).await;
    for (number, step) in steps.iter().enumerate() {
        // The recording's first line is not a step.
        let line = number + 2;
        if BETTER.contains(&(scenario, line)) {
            let frame = replay.clients.get_mut(&step.who).unwrap().frame().await.unwrap();
            assert!(
                frame["id"] == step.frame["id"] && frame.get("result").is_some(),
                "{scenario}, line {line}: {frame}"
            );
        } else {
            replay.step(step, &format!("{scenario}, line {line}")).await;
        }
    }
}

impl Replay {
    /// One for each join that succeeded; what it allowed is read off the answer.
    async fn create_tokens(&mut self, steps: &[Step]) {
        for (index, join) in steps.iter().enumerate().filter(|(_, step)| step.frame["method"] == "joinRoom") {
            let params = &join.frame["params"];
            let token = params["token"].as_str().unwrap();
            let own = |step: &&Step| step.who == join.who && step.is_answer() && step.frame["id"] == join.frame["id"];
            let Some(result) = steps[index..].iter().find(own).and_then(|step| step.frame.get("result")) else {
                continue;
            };
            let (client, whole) = (params["metadata"].as_str().unwrap(), result["metadata"].as_str().unwrap());
            let data = match whole.strip_prefix(client) {
                Some(rest) if !client.is_empty() => rest.strip_prefix("%/%").unwrap_or_default(),
                _ => whole,
            };
            let properties = json!({
                "role": result["role"],
                "data": data,
                "record": result["record"] != false,
            });
            let label = format!("token:{index}");
            let created = self.server.create_connection(&self.session, &properties.to_string()).await;
            self.recorded.push((token.to_owned(), label.clone()));
            self.own.insert(label, created["token"].as_str().unwrap().to_owned());
            self.own.insert(format!("con:{}", join.who), created["connectionId"].as_str().unwrap().to_owned());
        }
    }

    async fn step(&mut self, step: &Step, place: &str) {
        let who = &step.who;
        match step.dir.as_str() {
            _ if who == "TEST" => {}
            "open" => {
                let client = self.server.client().await;
                self.clients.insert(who.clone(), client);
            }
            "out" => {
                let mut text = self.labelled(&step.frame.to_string(), &self.recorded);
                for (label, own) in &self.own {
                    text = text.replace(&format!("<{label}>"), own);
                }
                self.clients.get_mut(who).unwrap().send_text(text).await;
            }
            // By the original, ten seconds after the end.
            "close" if step.frame["code"] == 1000 => drop(self.clients.remove(who)),
            "close" => {
                let code = u16::try_from(step.frame["code"].as_u64().unwrap()).unwrap();
                let client = self.clients.remove(who).unwrap();
                // Not to be sent: the connection breaks.
                if code == 1006 { drop(client) } else { client.close(code, "").await }
            }
            "noanswer" => {
                let frame = self.clients.get_mut(who).unwrap().frame().await.unwrap();
                assert!(frame["id"] == step.frame["id"] && frame.get("error").is_some(), "{place}: {frame}");
            }
            "in" if self.is_expected(step) => {
                let frame = self.clients.get_mut(who).unwrap().frame().await;
                let frame =
                    frame.unwrap_or_else(|closed: Closed| panic!("{place}: {closed:?} instead of {}", step.frame));
                self.learn(who, &frame);
                let expected = normal(&self.labelled(&step.frame.to_string(), &self.recorded));
                let own: Vec<_> = self.own.iter().map(|(label, own)| (own.clone(), label.clone())).collect();
                let got = normal(&self.labelled(&frame.to_string(), &own));
                assert_eq!(got, expected, "{place}");
            }
            "in" => {}
            other => panic!("{place}: {other}"),
        }
    }

    fn is_expected(&mut self, step: &Step) -> bool {
        let frame = &step.frame;
        if let Some(method) = frame.get("method") {
            // Our candidates stand in the SDP; signals of REST are not part of the replay.
            return method != "iceCandidate" && (method != "sendMessage" || frame["params"].get("from").is_some());
        }
        // Keep-alive pings of the recorder's own have large ids and were not recorded.
        let id = frame["id"].as_i64().unwrap();
        id < 1_000_000 && self.answered.insert((step.who.clone(), id))
    }

    /// Takes note of the ids that a result brings.
    fn learn(&mut self, who: &str, frame: &Value) {
        let result = &frame["result"];
        let mut note = |label: String, value: &Value| drop(self.own.insert(label, value.as_str().unwrap().to_owned()));
        if result.get("role").is_some() {
            note(format!("rpc:{who}"), &result["sessionId"]);
        } else if result.get("sdpAnswer").is_some() && result.get("id").is_some() {
            let count = self.streams.entry(who.to_owned()).or_default();
            *count += 1;
            note(format!("str:{who}:{count}"), &result["id"]);
        }
    }

    fn labelled(&self, text: &str, ids: &[(String, String)]) -> String {
        // Longer texts first: stream ids hold connection ids.
        let mut ids: Vec<_> = ids.iter().collect();
        ids.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
        ids.into_iter().fold(text.to_owned(), |text, (id, label)| text.replace(id.as_str(), &format!("<{label}>")))
    }
}

/// Without what differs by nature.
fn normal(frame: &str) -> String {
    let mut frame: Value = serde_json::from_str(frame).unwrap();
    if let Some(error) = frame.get_mut("error") {
        let message = if error["code"] == -1 { Value::Null } else { error["message"].clone() };
        *error = json!({"code": error["code"], "message": message});
        frame.as_object_mut().unwrap().shift_remove("data");
    }
    let result = frame.get_mut("result").and_then(Value::as_object_mut);
    if let Some(result) = result {
        for turn in ["coturnIp", "coturnPort", "turnUsername", "turnCredential", "customIceServers"] {
            result.shift_remove(turn);
        }
        if let Some(Value::Array(others)) = result.get_mut("value") {
            // The order of a hash table in the original.
            others.sort_by_key(|other| other["id"].as_str().unwrap().to_owned());
            // Two programs, two orders of the same keys inside: audio first, or video first.
            for stream in others.iter_mut().filter_map(|other| other.get_mut("streams")) {
                let stream = stream[0].as_object_mut().unwrap();
                let mut entries: Vec<_> = std::mem::take(stream).into_iter().collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                stream.extend(entries);
            }
        }
    }
    blank(&mut frame);
    frame.to_string()
}

fn blank(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match key.as_str() {
                    "createdAt" => *value = 0.into(),
                    "finalUserId" | "sdpAnswer" | "sdpOffer" => *value = "".into(),
                    _ => blank(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(blank),
        _ => {}
    }
}
