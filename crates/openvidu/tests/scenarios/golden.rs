//! Replays of what the original's clients and server said to each other. Every frame that a client sent is sent again;
//! what comes back must be what came back then, per client and in that order. Ids are matched by their labels; times,
//! SDP and TURN credentials are not compared, nor the wording of errors inside the original (code −1).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use openvidu::Dialect;
use protocol::media::{Kinds, MediaCommand, MediaEvent, MediaOperation};
use protocol::model::{ConnectionProperties, MediaServer, SessionProperties};
use protocol::rpc::{Incoming, parse};
use serde_json::Value;
use session::{Asker, ClientHandle, Command, Effect, PeerInfo, Registry, SocketId, Time};

use crate::call::{dialect, session_properties, settings};

struct Replay {
    registry: Registry,
    dialect: Dialect,
    start: Time,
    now: Time,
    /// The original's ids with their labels.
    theirs: Vec<(String, String)>,
    /// Ours, once they are known.
    ours: HashMap<String, String>,
    sockets: HashMap<String, SocketId>,
    names: HashMap<SocketId, String>,
    next_socket: u64,
    published: HashMap<String, usize>,
    /// What was received and not compared yet.
    received: BTreeMap<String, Vec<Value>>,
    expected: BTreeMap<String, Vec<Value>>,
    /// The request that was sent last.
    last: String,
    compared: usize,
}

impl Replay {
    fn new(meta: &Value) -> Self {
        let dialect = Dialect { media_server: MediaServer::Kurento, video_simulcast: false, ..dialect() };
        let labels = meta["labels"].as_array().expect("labels");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let mut theirs: Vec<_> = labels.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
        // Stream ids contain connection ids.
        theirs.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
        let start = Time::from_millis(1_700_000_000_000);
        Self {
            registry: Registry::new(settings(), [1; 32]),
            dialect,
            start,
            now: start,
            theirs,
            ours: HashMap::new(),
            sockets: HashMap::new(),
            names: HashMap::new(),
            next_socket: 0,
            published: HashMap::new(),
            received: BTreeMap::new(),
            expected: BTreeMap::new(),
            last: String::new(),
            compared: 0,
        }
    }

    fn advance(&mut self, millis: u64) {
        let target = self.start + Duration::from_millis(millis);
        while let Some(due) = self.registry.poll_timeout().filter(|due| *due <= target) {
            self.now = due;
            self.registry.handle_timeout(due);
            self.carry_out();
        }
        self.now = target;
    }

    fn open(&mut self, who: &str) {
        self.next_socket += 1;
        let socket = SocketId(self.next_socket);
        self.sockets.insert(who.to_owned(), socket);
        self.names.insert(socket, who.to_owned());
        let peer = PeerInfo { ip: "127.0.0.1".to_owned(), user_id: "user".to_owned() };
        self.registry.socket_opened(socket, peer);
    }

    fn close(&mut self, who: &str) {
        if let Some(socket) = self.sockets.remove(who) {
            self.names.remove(&socket);
            self.registry.socket_closed(socket, self.now);
            self.carry_out();
        }
    }

    /// A client says again what it said, with our ids.
    fn send(&mut self, who: &str, frame: &Value, join_metadata: Option<&Value>) {
        let mut text = frame.to_string();
        for (id, label) in &self.theirs {
            if let Some(own) = self.ours.get(label) {
                text = text.replace(id, own);
            }
        }
        if let Some(result) = join_metadata {
            text = self.with_token(frame, result, &text);
        }
        self.last = format!("{who}: {text}");
        let Some(&socket) = self.sockets.get(who) else { return };
        match parse(&text) {
            Incoming::Request { id: request, request: content } => {
                let command = openvidu::request::command(content);
                self.registry.handle(Command::Socket { socket, request, command }, self.now);
            }
            Incoming::Connect { id: request, rpc_session } => {
                let client = rpc_session.map(ClientHandle::from);
                self.registry.handle(Command::Resume { socket, request, client }, self.now);
            }
            Incoming::Ping { .. } | Incoming::WithoutId | Incoming::Noise => {}
        }
        self.carry_out();
    }

    /// Makes the connection that the join result tells of, and puts its token into the request.
    fn with_token(&mut self, frame: &Value, result: &Value, text: &str) -> String {
        let params = &frame["params"];
        let session = params["session"].as_str().expect("a session");
        let properties = SessionProperties { custom_session_id: session.to_owned(), ..session_properties() };
        let _ = self.registry.create_session(properties, self.now);
        let (client, all) = (params["metadata"].as_str(), result["metadata"].as_str().expect("metadata"));
        let client = client.unwrap_or_default();
        let data = all.strip_prefix(client).unwrap_or(all);
        let connection = ConnectionProperties {
            record: result["record"] == true,
            role: result["role"].as_str().and_then(|role| role.parse().ok()).expect("a role"),
            data: data.strip_prefix("%/%").unwrap_or(data).to_owned(),
            ..ConnectionProperties::default()
        };
        let id = self.registry.create_connection(session, connection, "ws://x", self.now).expect("exists");
        let made = self.registry.connection(session, id.as_str()).expect("exists");
        let token = openvidu::view::connection(made).token.expect("has one");
        text.replace(params["token"].as_str().expect("a token"), &token)
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.registry.poll_effect() {
            match effect {
                Effect::Reply { asker: Asker::Socket { socket, request }, client, result } => {
                    let frame = self.dialect.frame(request, client.as_ref(), &result);
                    self.hear(socket, &frame);
                }
                Effect::Notify { socket, notification } => {
                    self.hear(socket, &openvidu::notification::frame(&notification));
                }
                Effect::CloseSocket { socket } => {
                    let who = self.names.remove(&socket).expect("an open socket");
                    self.sockets.remove(&who);
                    self.received.entry(who).or_default().push(Value::from("closed"));
                }
                Effect::Media(command) => self.work(&command),
                Effect::Event(_)
                | Effect::Collected(_)
                | Effect::Recording(_)
                | Effect::Job(_)
                | Effect::Observed(_)
                | Effect::Noticed(_)
                | Effect::Entered { .. }
                | Effect::Departed { .. }
                | Effect::Reply { asker: Asker::Call(_), .. } => {}
            }
        }
    }

    fn work(&mut self, command: &MediaCommand) {
        let sdp = "sdp".to_owned();
        let event = match command.op {
            MediaOperation::Publish { request, kinds, .. } => MediaEvent::Answered { request, sdp, kinds },
            MediaOperation::Subscribe { request, offer: Some(_), .. } => {
                MediaEvent::Answered { request, sdp, kinds: Kinds { audio: true, video: true } }
            }
            MediaOperation::Subscribe { request, offer: None, .. } => MediaEvent::Offered { request, sdp },
            MediaOperation::AcceptAnswer { request, .. } => MediaEvent::Accepted { request },
            _ => return,
        };
        self.registry.handle_media(event, self.now);
    }

    fn hear(&mut self, socket: SocketId, frame: &str) {
        let Some(who) = self.names.get(&socket).cloned() else { return };
        let frame: Value = serde_json::from_str(frame).expect("we write JSON");
        let result = &frame["result"];
        if let Some(rpc_session) = result["sessionId"].as_str() {
            self.ours.entry(format!("rpc:{who}")).or_insert_with(|| rpc_session.to_owned());
        }
        if let Some(id) = result["id"].as_str() {
            if id.starts_with("str_") && !self.ours.values().any(|own| own == id) {
                let count = self.published.entry(who.clone()).or_default();
                *count += 1;
                self.ours.insert(format!("str:{who}:{count}"), id.to_owned());
            } else if !id.starts_with("str_") {
                self.ours.insert(format!("con:{who}"), id.to_owned());
            }
        }
        self.received.entry(who).or_default().push(frame);
    }

    /// Compares what everybody received since the last request.
    fn compare(&mut self) {
        let mut ours: Vec<_> = self.ours.iter().map(|(label, id)| (id.clone(), label.clone())).collect();
        ours.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
        for (who, expected) in std::mem::take(&mut self.expected) {
            let expected: Vec<_> = expected.iter().map(|frame| normal(frame, &self.theirs)).collect();
            let received = self.received.remove(&who).unwrap_or_default();
            let received: Vec<_> = received.iter().map(|frame| normal(frame, &ours)).collect();
            // Subscribing twice fails inside the original; ours replaces the first subscription.
            let replaces = self.last.contains("receiveVideoFrom") && expected[0]["error"]["code"] == -1;
            if !(replaces && received[0]["result"].is_object()) {
                assert_eq!(received, expected, "{who} after {}", self.last);
            }
            self.compared += expected.len();
        }
        for (who, frames) in std::mem::take(&mut self.received) {
            assert_eq!(frames, Vec::<Value>::new(), "{who} received more than it should after {}", self.last);
        }
    }
}

/// A frame without what differs from run to run.
fn normal(frame: &Value, labels: &[(String, String)]) -> Value {
    match frame {
        Value::String(text) => {
            let text = labels.iter().fold(text.clone(), |text, (id, label)| text.replace(id.as_str(), label));
            Value::from(text)
        }
        Value::Array(entries) => {
            let mut entries: Vec<_> = entries.iter().map(|entry| normal(entry, labels)).collect();
            entries.sort_by_key(|entry| entry["id"].to_string());
            Value::from(entries)
        }
        Value::Object(members) => {
            let internal = members.get("code").is_some_and(|code| *code == -1);
            let error = members.contains_key("code");
            let fresh = members.get("value").is_some_and(|value| value == "OK");
            let mut kept: BTreeMap<String, Value> = BTreeMap::new();
            for (key, value) in members {
                let value = match key.as_str() {
                    "createdAt" | "sdpAnswer" | "sdpOffer" | "finalUserId" => Value::from("any"),
                    "message" if internal => Value::from("any"),
                    "coturnIp" | "coturnPort" | "turnUsername" | "turnCredential" | "customIceServers" => continue,
                    // Accidents of the original.
                    "data" if error || members.contains_key("error") => continue,
                    "sessionId" if error => continue,
                    "sessionId" if fresh => Value::from("any"),
                    _ => normal(value, labels),
                };
                kept.insert(key.clone(), value);
            }
            Value::from_iter(kept)
        }
        other => other.clone(),
    }
}

fn replay(scenario: &str) -> usize {
    let path = format!("{}/../../tests/golden/signaling/{scenario}.ndjson", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the fixtures are in the repository");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let mut replay = Replay::new(&lines[0]);
    // Requests that the original left without an answer, or answered twice: one answer is promised, no more.
    let mut answered: HashMap<(String, i64), usize> = HashMap::new();
    for (at, line) in lines.iter().enumerate().skip(1) {
        let (who, frame) = (line["who"].as_str().expect("a name"), &line["frame"]);
        let is_pong = frame["result"]["value"] == "pong";
        match line["dir"].as_str().expect("a direction") {
            "open" => {
                replay.compare();
                replay.advance(line["ms"].as_u64().expect("a time"));
                replay.open(who);
            }
            "close" if frame["code"] == 1000 => {
                replay.compare();
                replay.advance(line["ms"].as_u64().expect("a time") + 100);
                replay.expected.entry(who.to_owned()).or_default().push(Value::from("closed"));
            }
            "close" => {
                replay.compare();
                replay.close(who);
            }
            "out" if frame["method"] == "ping" => {}
            "out" => {
                replay.compare();
                replay.advance(line["ms"].as_u64().expect("a time"));
                let id = frame["id"].as_i64();
                let answer = lines[at..].iter().find(|later| {
                    later["who"] == who && later["dir"] == "in" && id.is_some() && later["frame"]["id"].as_i64() == id
                });
                let joined = answer.filter(|_| frame["method"] == "joinRoom").map(|line| &line["frame"]["result"]);
                replay.send(who, frame, joined.filter(|result| result.is_object()));
                if answer.is_none() {
                    // We answer with an error where the original is silent.
                    let extra = replay.received.get_mut(who).and_then(Vec::pop).expect("everything is answered");
                    assert!(extra["error"].is_object(), "{extra}");
                }
            }
            "in" if who == "TEST" || is_pong || frame["method"] == "iceCandidate" => {}
            // Signals of the application are not in the record as requests.
            "in" if frame["method"] == "sendMessage" && frame["params"]["from"].is_null() => {}
            // Nor is the end of the session, with which every record ends.
            "in" if frame["params"]["reason"] == "sessionClosedByServer" => break,
            "in" => {
                if let Some(id) = frame["id"].as_i64() {
                    let count = answered.entry((who.to_owned(), id)).or_default();
                    *count += 1;
                    if *count > 1 {
                        continue;
                    }
                }
                replay.expected.entry(who.to_owned()).or_default().push(frame.clone());
            }
            _ => {}
        }
    }
    replay.compare();
    replay.compared
}

#[test]
fn joining_is_as_in_the_original() {
    assert!(replay("join") > 10);
}

#[test]
fn publishing_is_as_in_the_original() {
    assert!(replay("publish") > 40);
}

#[test]
fn subscribing_is_as_in_the_original() {
    assert!(replay("subscribe") > 20);
}

#[test]
fn subscribing_with_the_servers_offer_is_as_in_the_original() {
    assert!(replay("subscribeServerOffer") > 10);
}

#[test]
fn candidates_are_taken_as_in_the_original() {
    assert!(replay("candidates") > 10);
}

#[test]
fn signals_are_as_in_the_original() {
    assert!(replay("signals") > 40);
}

#[test]
fn moderation_is_as_in_the_original() {
    assert!(replay("moderation") > 30);
}

#[test]
fn leaving_is_as_in_the_original() {
    assert!(replay("leave") > 10);
}

#[test]
fn reconnecting_is_as_in_the_original() {
    assert!(replay("reconnect") > 20);
}
