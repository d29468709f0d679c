//! Spans out of stories. Pure: it looks at what the history has, at times that others choose, and sends nothing itself.
//!
//! A trace is of one connection:
//!
//! ```text
//! POST /openvidu/api/sessions/{session}/connection   in the application's span, if it has said which
//! └ connection                                       from the token to the end
//!   ├ token                                          until somebody comes with it
//!   ├ joinRoom, publishVideo, receiveVideoFrom…      requests
//!   └ publish, subscribe                             a peer connection, until media flows
//!     └ answer, ICE, DTLS, first packet, first key frame
//! ```
//!
//! What has ended is told at once, so that one sees how a call began while it goes on; the connection itself comes last.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use history::chronicle::Chronicle;
use history::diagnosis::{self, Finding, Level};
use history::keeper::Follower;
use history::story::{Kind, Leg, Millis, Person, Story, What};
use history::words;
use protocol::id::{ConnectionId, SessionId, StreamId};
use protocol::media::PathProtocol;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::parent::Parent;
use crate::span::{Attribute, Nanos, Span, SpanEvent, SpanId, TraceId, Value};

/// Requests that nobody has looked at yet. What finds no place is missing in its trace.
const REQUESTS: usize = 4096;
/// What does not come in this time, and nothing is known to be wrong with, is not waited for: a muted publisher's sound.
const PATIENCE: Millis = 60_000;
/// How long the trace of a connection that nobody has heard of is kept: the history may be behind.
const UNKNOWN: Millis = 60_000;
/// Requests of one connection until the history has heard of it.
const WAITING: usize = 256;
/// As OpenTelemetry's own libraries limit them.
const MOST_EVENTS: usize = 128;
const NANOS: u64 = 1_000_000;

/// A request that was made for a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// In which session.
    pub session: SessionId,
    /// For which.
    pub connection: ConnectionId,
    /// When it came.
    pub from: Nanos,
    /// When it was answered.
    pub until: Nanos,
    /// Which.
    pub asked: Asked,
}

/// Which request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// An application has made the connection's place.
    Place {
        /// As the operation is written down, with names in braces.
        route: &'static str,
        /// The span that it was made in.
        parent: Option<Parent>,
    },
    /// The client has called a method.
    Method {
        /// One of few.
        name: &'static str,
        /// If it was refused.
        refused: Option<Refused>,
    },
}

/// How a method was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused {
    /// As the client was told.
    pub code: i32,
    /// Why: one of few.
    pub reason: &'static str,
}

/// Takes requests, from anywhere. It never waits.
#[derive(Clone, Debug)]
pub struct Requests(SyncSender<Request>);

impl Requests {
    /// One was answered.
    pub fn tell(&self, request: Request) {
        // Full, or nobody traces any more: a span is missing.
        let _ = self.0.try_send(request);
    }
}

/// All connections of which there is something to tell yet.
pub struct Calls<Sink> {
    requests: Receiver<Request>,
    sessions: HashMap<SessionId, HashMap<ConnectionId, Call>>,
    ids: Ids,
    /// The history's, at the last look.
    revision: u64,
    sink: Sink,
}

impl<Sink: FnMut(Span)> Calls<Sink> {
    /// `seed`: of the ids, unpredictable but in tests. `sink` gets each span once.
    pub fn new(seed: [u8; 32], sink: Sink) -> (Self, Requests) {
        let (sender, requests) = sync_channel(REQUESTS);
        let ids = Ids(StdRng::from_seed(seed));
        (Self { requests, sessions: HashMap::new(), ids, revision: 0, sink }, Requests(sender))
    }

    fn take_requests(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            let calls = self.sessions.entry(request.session.clone()).or_default();
            let call = calls.entry(request.connection.clone()).or_insert_with(|| Call::new(&mut self.ids));
            if let Asked::Place { parent: Some(parent), .. } = &request.asked {
                call.is_within(*parent);
            }
            if call.requests.len() < WAITING {
                call.requests.push(request);
            }
        }
    }
}

impl<Sink: FnMut(Span) + Send> Follower for Calls<Sink> {
    fn look(&mut self, chronicle: &Chronicle, now: Millis) {
        self.take_requests();
        for (story, revision) in chronicle.stories() {
            let calls = self.sessions.entry(story.id.clone()).or_default();
            if revision <= self.revision && calls.values().all(Call::rests) {
                continue;
            }
            follow(calls, story, now, &mut self.ids, &mut self.sink);
            // The history forgets some of those who have left, and knows nothing of hidden ones.
            if calls.len() > story.people.len() {
                calls.retain(|connection, call| story.person(connection.as_str()).is_some() || call.is_news(now));
            }
        }
        self.revision = chronicle.revision();
        self.sessions.retain(|session, calls| {
            chronicle.story(session.as_str()).is_some() || calls.values().any(|call| call.is_news(now))
        });
    }

    fn ended(&mut self, story: &Story, now: Millis) {
        self.take_requests();
        let mut calls = self.sessions.remove(&story.id).unwrap_or_default();
        follow(&mut calls, story, now, &mut self.ids, &mut self.sink);
    }
}

fn follow(
    calls: &mut HashMap<ConnectionId, Call>,
    story: &Story,
    now: Millis,
    ids: &mut Ids,
    sink: &mut impl FnMut(Span),
) {
    for person in &story.people {
        let call = calls.entry(person.connection.clone()).or_insert_with(|| Call::new(ids));
        call.look(&Scene { story, person, now }, ids, sink);
    }
}

/// Where ids come from.
struct Ids(StdRng);

impl Ids {
    fn trace(&mut self) -> TraceId {
        loop {
            if let Some(trace) = TraceId::new(self.0.random()) {
                return trace;
            }
        }
    }

    fn span(&mut self) -> SpanId {
        loop {
            if let Some(span) = SpanId::new(self.0.random()) {
                return span;
            }
        }
    }
}

/// What a story says of one connection, at one time.
struct Scene<'a> {
    story: &'a Story,
    person: &'a Person,
    now: Millis,
}

/// What was told of one connection.
#[derive(Debug)]
struct Call {
    trace: TraceId,
    /// The application's span, and the one of its request.
    parent: Option<Parent>,
    request: Option<SpanId>,
    is_sampled: bool,
    /// Of the connection itself.
    span: SpanId,
    /// Since when, once it is known.
    from: Option<Millis>,
    /// To be told.
    requests: Vec<Request>,
    token_is_told: bool,
    /// By way, stream and beginning.
    legs: HashMap<(bool, StreamId, Millis), LegTrace>,
    /// What was wrong, the last of it.
    error: Option<String>,
    is_over: bool,
}

/// What was told of one peer connection.
#[derive(Clone, Copy, Debug)]
struct LegTrace {
    span: SpanId,
    /// So many of its steps.
    steps: usize,
    is_over: bool,
}

/// One of the things that must happen one after the other.
struct Step {
    name: &'static str,
    from: Millis,
    /// It has not happened yet if there is none.
    until: Option<Millis>,
}

impl Call {
    fn new(ids: &mut Ids) -> Self {
        Self {
            trace: ids.trace(),
            parent: None,
            request: None,
            is_sampled: true,
            span: ids.span(),
            from: None,
            requests: vec![],
            token_is_told: false,
            legs: HashMap::new(),
            error: None,
            is_over: false,
        }
    }

    /// An application has said which trace it is part of. It does so before anybody has come, and so before anything was told.
    fn is_within(&mut self, parent: Parent) {
        (self.trace, self.is_sampled, self.parent) = (parent.trace, parent.sampled, Some(parent));
    }

    /// Nothing follows from time alone.
    fn rests(&self) -> bool {
        self.requests.is_empty() && self.legs.values().all(|leg| leg.is_over)
    }

    /// The history may not have heard of it yet.
    fn is_news(&self, now: Millis) -> bool {
        self.requests.iter().any(|request| request.until / NANOS + UNKNOWN > now)
    }

    fn look(&mut self, scene: &Scene<'_>, ids: &mut Ids, sink: &mut impl FnMut(Span)) {
        let Scene { story, person, .. } = scene;
        let end = person.left_at.or(story.ended_at);
        if !self.is_sampled {
            self.requests.clear();
            return;
        }
        if self.is_over && end.is_none() {
            self.come_back(person, ids);
        }
        self.from = self.from.or(person.invited_at).or(person.joined_at);
        let Some(from) = self.from else { return };
        for request in std::mem::take(&mut self.requests) {
            sink(self.answered(request, scene, ids));
        }
        if self.is_over {
            return;
        }
        if let (false, Some(invited_at), Some(joined_at)) = (self.token_is_told, person.invited_at, person.joined_at) {
            self.token_is_told = true;
            sink(self.part("token", invited_at, joined_at, self.span, ids));
        }
        // A camera has no peer connection.
        if person.kind != Kind::Camera {
            let published = person.published.iter().map(|leg| (true, leg));
            for (is_published, leg) in published.chain(person.received.iter().map(|leg| (false, leg))) {
                self.look_at(is_published, leg, scene, ids, sink);
            }
            self.forget_legs(scene, sink);
        }
        if let Some(end) = end {
            self.is_over = true;
            self.legs.clear();
            sink(self.connection(from, end, scene));
        }
    }

    /// As the same connection, in the same trace.
    fn come_back(&mut self, person: &Person, ids: &mut Ids) {
        let back = person.happened.list.iter().rev().find(|happening| happening.what == What::CameBack);
        (self.span, self.from, self.is_over, self.error) = (ids.span(), back.map(|back| back.at), false, None);
        self.token_is_told = true;
    }

    fn look_at(
        &mut self,
        is_published: bool,
        leg: &Leg,
        scene: &Scene<'_>,
        ids: &mut Ids,
        sink: &mut impl FnMut(Span),
    ) {
        let key = (is_published, leg.stream.clone(), leg.negotiating_at);
        let was = self.legs.get(&key).copied();
        let mut trace = was.unwrap_or_else(|| LegTrace { span: ids.span(), steps: 0, is_over: false });
        if trace.is_over {
            return;
        }
        let steps = steps(is_published, leg);
        let mut until = leg.negotiating_at;
        for (number, step) in steps.iter().enumerate() {
            let Some(happened) = step.until else { break };
            until = until.max(happened);
            if number == trace.steps {
                trace.steps += 1;
                sink(self.part(step.name, step.from.min(happened), happened, trace.span, ids));
            }
        }
        let missing = steps.get(trace.steps);
        let closed = leg.closed_at.or(scene.person.left_at).or(scene.story.ended_at);
        let mut error = None;
        if let Some(step) = missing {
            error = scene
                .findings()
                .find(|finding| finding.stream.as_ref() == Some(&leg.stream) && finding.cause.level() == Level::Bad);
            if let Some(finding) = &error {
                until = closed.unwrap_or(scene.now).max(step.from);
                let mut failed = self.part(step.name, step.from, until, trace.span, ids);
                failed.fail(finding.cause.code(), scene.sentence(finding));
                sink(failed);
            } else if let Some(closed) = closed {
                until = until.max(closed);
            }
        }
        let waits = scene.now < leg.negotiating_at + PATIENCE;
        trace.is_over = missing.is_none() || error.is_some() || closed.is_some() || !waits;
        if trace.is_over {
            let mut span = self.span(trace.span, leg_name(is_published), leg.negotiating_at, until);
            span.parent = Some(self.span);
            span.attributes = described(leg);
            if let Some(finding) = &error {
                let sentence = scene.sentence(finding);
                span.fail(finding.cause.code(), sentence.clone());
                self.error = Some(sentence);
            }
            sink(span);
        }
        self.legs.insert(key, trace);
    }

    /// Those in whose place others are by now, and which the history has forgotten.
    fn forget_legs(&mut self, Scene { person, now, .. }: &Scene<'_>, sink: &mut impl FnMut(Span)) {
        if self.legs.len() == person.published.len() + person.received.len() {
            return;
        }
        let legs = std::mem::take(&mut self.legs);
        for ((is_published, stream, from), trace) in legs {
            let known = if is_published { &person.published } else { &person.received };
            if known.iter().any(|leg| leg.stream == stream && leg.negotiating_at == from) {
                self.legs.insert((is_published, stream, from), trace);
            } else if !trace.is_over {
                // What was told of it needs what it is a part of.
                let mut span = self.span(trace.span, leg_name(is_published), from, from.max(*now));
                span.parent = Some(self.span);
                span.attributes.push((STREAM, stream.as_str().into()));
                sink(span);
            }
        }
    }

    /// A request that was answered.
    fn answered(&mut self, Request { from, until, asked, .. }: Request, scene: &Scene<'_>, ids: &mut Ids) -> Span {
        let mut span = self.part("", 0, 0, self.span, ids);
        (span.from, span.until, span.is_request) = (from, until.max(from), true);
        match asked {
            Asked::Place { route, .. } => {
                self.request = Some(span.id);
                (span.name, span.parent) = (route, self.parent.map(|parent| parent.span));
                span.parent_is_remote = span.parent.is_some();
                let (method, path) = route.split_once(' ').unwrap_or(("POST", route));
                span.attributes = vec![
                    ("http.request.method", method.into()),
                    ("http.route", path.into()),
                    ("http.response.status_code", Value::Number(200)),
                ];
                span.attributes.extend(scene.who());
            }
            Asked::Method { name, refused } => {
                span.name = name;
                span.attributes = vec![
                    ("rpc.system.name", "jsonrpc".into()),
                    ("rpc.method", name.into()),
                    ("jsonrpc.protocol.version", "2.0".into()),
                ];
                if let Some(Refused { code, reason }) = refused {
                    span.attributes.push(("rpc.response.status_code", code.to_string().into()));
                    let sentence = scene.findings().find(|finding| is_about_request(finding, until / NANOS));
                    let sentence = sentence.map(|finding| scene.sentence(&finding));
                    self.error = sentence.clone().or(self.error.take());
                    span.fail(reason, sentence.unwrap_or_default());
                }
            }
        }
        span
    }

    /// The whole of it.
    fn connection(&self, from: Millis, until: Millis, scene: &Scene<'_>) -> Span {
        let Scene { person, .. } = scene;
        let mut span = self.span(self.span, "connection", from, until.max(from));
        span.parent = self.request.or(self.parent.map(|parent| parent.span));
        span.parent_is_remote = self.request.is_none() && self.parent.is_some();
        span.attributes = scene.who().to_vec();
        span.attributes.push((
            "madang.connection.kind",
            match person.kind {
                Kind::Pending => "PENDING".into(),
                Kind::Client => "WEBRTC".into(),
                Kind::Camera => "IPCAM".into(),
            },
        ));
        if let Some(role) = person.role {
            span.attributes.push(("openvidu.role", role.as_str().into()));
        }
        if let Some(reason) = person.reason {
            span.attributes.push(("openvidu.reason", reason.as_str().into()));
        }
        let told = person.happened.list.iter().filter(|happening| happening.at >= from && !is_span(&happening.what));
        let told = told.map(|happening| SpanEvent {
            at: happening.at * NANOS,
            name: words::code(happening).0,
            attributes: happening.stream.iter().map(|stream| (STREAM, stream.as_str().into())).collect(),
        });
        let findings: Vec<_> = scene.findings().filter(|finding| finding.cause.level() > Level::Info).collect();
        let found = findings.iter().map(|finding| SpanEvent {
            at: finding.since.max(from) * NANOS,
            name: "finding",
            attributes: vec![
                ("madang.finding", finding.cause.code().into()),
                ("madang.sentence", scene.sentence(finding).into()),
            ],
        });
        span.events = found.chain(told).take(MOST_EVENTS).collect();
        let worst = findings.iter().find(|finding| finding.cause.level() == Level::Bad);
        span.error = worst.map(|worst| scene.sentence(worst)).or_else(|| self.error.clone());
        span
    }

    /// Something inside of it.
    fn part(&self, name: &'static str, from: Millis, until: Millis, parent: SpanId, ids: &mut Ids) -> Span {
        Span { parent: Some(parent), ..self.span(ids.span(), name, from, until) }
    }

    fn span(&self, id: SpanId, name: &'static str, from: Millis, until: Millis) -> Span {
        Span {
            trace: self.trace,
            id,
            parent: None,
            parent_is_remote: false,
            name,
            is_request: false,
            from: from * NANOS,
            until: until * NANOS,
            attributes: vec![],
            events: vec![],
            error: None,
        }
    }
}

impl Scene<'_> {
    fn findings(&self) -> impl Iterator<Item = Finding> {
        diagnosis::findings(self.story, self.person, self.now).into_iter()
    }

    /// People have ids in it instead of names: traces go to others.
    fn sentence(&self, finding: &Finding) -> String {
        words::finding_by_id(self.person, finding).sentence
    }

    fn who(&self) -> [Attribute; 2] {
        [
            ("openvidu.session.id", self.story.id.as_str().into()),
            ("openvidu.connection.id", self.person.connection.as_str().into()),
        ]
    }
}

impl Span {
    fn fail(&mut self, kind: &'static str, sentence: String) {
        self.attributes.push(("error.type", kind.into()));
        self.error = Some(sentence);
    }
}

/// Of a stream.
const STREAM: &str = "openvidu.stream.id";

fn leg_name(is_published: bool) -> &'static str {
    if is_published { "publish" } else { "subscribe" }
}

/// What has to happen until media flows.
fn steps(is_published: bool, leg: &Leg) -> Vec<Step> {
    let mut from = leg.negotiating_at;
    let mut steps = vec![];
    let mut step = |name, until: Option<Millis>| {
        steps.push(Step { name, from, until });
        from = until.unwrap_or(from);
    };
    // A publisher's offer is answered by us at once. One who connects anew has agreed before.
    if !is_published && leg.agreed_at.is_none_or(|agreed_at| agreed_at >= leg.negotiating_at) {
        step("answer", leg.agreed_at);
    }
    step("ICE", leg.reached_at);
    step("DTLS", leg.connected_at);
    step("first packet", leg.audio_at.into_iter().chain(leg.video_at).min());
    if leg.has_video && leg.video_active {
        step("first key frame", leg.key_frame_at);
    }
    steps
}

fn described(leg: &Leg) -> Vec<Attribute> {
    let mut attributes = vec![
        (STREAM, leg.stream.as_str().into()),
        ("openvidu.stream.has_audio", leg.has_audio.into()),
        ("openvidu.stream.has_video", leg.has_video.into()),
    ];
    if let Some(path) = leg.path {
        let transport = match path.protocol {
            PathProtocol::Udp => "udp",
            PathProtocol::Tcp => "tcp",
        };
        attributes.push(("network.transport", transport.into()));
        attributes.push(("madang.relayed", path.relayed.into()));
    }
    if let Some(reason) = leg.reason {
        attributes.push(("openvidu.reason", reason.as_str().into()));
    }
    attributes
}

/// It is told by a span.
fn is_span(what: &What) -> bool {
    matches!(
        what,
        What::Invited { .. }
            | What::Joined { .. }
            | What::Publishing { .. }
            | What::Offered
            | What::Agreed
            | What::Checked
            | What::Reached { .. }
            | What::Connected
            | What::First { .. }
            | What::KeyFrame
            | What::Left { .. }
    )
}

/// It says why a request was refused then.
fn is_about_request(finding: &Finding, answered_at: Millis) -> bool {
    const CODES: [&str; 5] =
        ["may-not-publish", "publisher-lacks-codec", "subscriber-lacks-codec", "description-unusable", "server-failed"];
    CODES.contains(&finding.cause.code()) && finding.since.abs_diff(answered_at) < 1000
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use history::Fact;
    use protocol::event::{Closing, Event, EventClosed, EventOpened, EventStamp, Participant, Reason};
    use protocol::media::{MediaKind, TransportObservation};
    use protocol::model::Role;
    use session::refusal::MediaDirection;
    use session::{MediaLeg, MediaObservation, Notice, Noticed, Whom};

    use super::*;

    const SESSION: &str = "ses";
    const ANN: &str = "con_ann";
    const STREAM_OF_ANN: &str = "str_CAM_abcd_con_ann";

    /// A session, and what was told of it.
    struct Scenario {
        chronicle: Chronicle,
        calls: Calls<Box<dyn FnMut(Span) + Send>>,
        requests: Requests,
        spans: Arc<Mutex<Vec<Span>>>,
    }

    impl Scenario {
        fn new() -> Self {
            let spans = Arc::<Mutex<Vec<Span>>>::default();
            let told = spans.clone();
            let sink: Box<dyn FnMut(Span) + Send> = Box::new(move |span| told.lock().unwrap().push(span));
            let (calls, requests) = Calls::new([7; 32], sink);
            let mut scenario = Self { chronicle: Chronicle::default(), calls, requests, spans };
            scenario.tell(Fact::Event(Event::SessionCreated(stamp(0))), 0);
            scenario
        }

        fn tell(&mut self, fact: Fact, at: Millis) {
            if let Some(story) = self.chronicle.tell(fact, at) {
                self.calls.ended(&story, at);
            }
        }

        fn notice(&mut self, what: Noticed, at: Millis) {
            let whom = Whom::Connection(ANN.into());
            self.tell(Fact::Notice(Notice { session: SESSION.into(), whom, what }), at);
        }

        fn saw(&mut self, what: TransportObservation, at: Millis) {
            let leg = MediaLeg {
                session: SESSION.into(),
                connection: ANN.into(),
                stream: STREAM_OF_ANN.into(),
                direction: MediaDirection::Publishing,
            };
            self.tell(Fact::Media(Arc::new(MediaObservation { leg, what })), at);
        }

        /// A token is made at 1000 and used at 2000; a peer connection begins at 3000.
        fn publishing(parent: Option<Parent>) -> Self {
            let mut scenario = Self::new();
            scenario.notice(Noticed::Invited { role: Role::Publisher, data: String::new() }, 1000);
            let route = "POST /tokens";
            scenario.request(Asked::Place { route, parent }, 1000);
            scenario.tell(
                Fact::Event(Event::ParticipantJoined(EventOpened { stamp: stamp(2000), subject: ann().into() })),
                2000,
            );
            let stream = STREAM_OF_ANN.into();
            scenario.notice(Noticed::Negotiating { stream, direction: MediaDirection::Publishing }, 3000);
            scenario
        }

        fn request(&mut self, asked: Asked, at: Millis) {
            let (session, connection) = (SESSION.into(), ANN.into());
            let (from, until) = (at * NANOS, at * NANOS + 5);
            self.requests.tell(Request { session, connection, from, until, asked });
        }

        fn leave(&mut self, at: Millis) {
            let closing = Closing { stamp: stamp(at), start_time: 2000, reason: Some(Reason::Disconnect) };
            self.tell(Fact::Event(Event::ParticipantLeft(EventClosed { closing, subject: ann().into() })), at);
        }

        /// What has been told since.
        fn look(&mut self, now: Millis) -> Vec<Span> {
            self.calls.look(&self.chronicle, now);
            std::mem::take(&mut *self.spans.lock().unwrap())
        }
    }

    fn stamp(at: Millis) -> EventStamp {
        EventStamp { session: SESSION.into(), session_created_at: 0, timestamp: at }
    }

    fn ann() -> Participant {
        Participant {
            connection: ANN.into(),
            ip: "192.0.2.7".to_owned(),
            client_data: "{\"clientData\":\"Ann\"}".to_owned(),
            location: String::new(),
            platform: String::new(),
            server_data: String::new(),
        }
    }

    fn names(spans: &[Span]) -> Vec<&'static str> {
        spans.iter().map(|span| span.name).collect()
    }

    #[test]
    fn each_step_is_told_once_it_has_ended_and_the_connection_last() {
        let mut scenario = Scenario::publishing(None);
        assert_eq!(names(&scenario.look(3000)), ["POST /tokens", "token"]);
        scenario.saw(TransportObservation::Checked, 3010);
        scenario.saw(TransportObservation::Connected, 3050);
        let spans = scenario.look(3100);
        let times: Vec<_> = spans.iter().map(|span| (span.name, span.from / NANOS, span.until / NANOS)).collect();
        assert_eq!(times, [("ICE", 3000, 3010), ("DTLS", 3010, 3050)]);
        assert!(scenario.look(3200).is_empty(), "nothing twice");
        scenario.saw(TransportObservation::FirstPacket { kind: MediaKind::Audio }, 3060);
        scenario.saw(TransportObservation::FirstKeyFrame, 3300);
        let spans = scenario.look(3400);
        assert_eq!(names(&spans), ["first packet", "first key frame", "publish"]);
        let publish = spans[2].clone();
        assert!(spans[..2].iter().all(|step| step.parent == Some(publish.id)));
        assert_eq!((publish.from / NANOS, publish.until / NANOS), (3000, 3300));
        scenario.leave(9000);
        let spans = scenario.look(9100);
        assert_eq!(names(&spans), ["connection"]);
        assert_eq!(publish.parent, Some(spans[0].id));
        assert_eq!((spans[0].from / NANOS, spans[0].until / NANOS, &spans[0].error), (1000, 9000, &None));
    }

    #[test]
    fn what_does_not_come_is_an_error_that_says_why_and_names_nobody() {
        let mut scenario = Scenario::publishing(None);
        scenario.look(3000);
        assert!(scenario.look(8000).is_empty(), "it may come yet");
        let spans = scenario.look(9500);
        assert_eq!(names(&spans), ["ICE", "publish"]);
        for span in &spans {
            let error = span.error.as_ref().expect("it has failed");
            assert!(error.contains(ANN) && !error.contains("Ann") && !error.contains("192.0.2.7"), "{error}");
            assert!(span.attributes.iter().any(|(key, _)| *key == "error.type"));
        }
        scenario.saw(TransportObservation::Checked, 9900);
        assert!(scenario.look(9900).is_empty(), "it was told");
        scenario.leave(10_000);
        let [connection] = &scenario.look(10_100)[..] else { panic!("it is over") };
        assert!(connection.error.is_some() && connection.events.iter().any(|event| event.name == "finding"));
    }

    #[test]
    fn a_peer_connection_in_whose_place_another_one_is_has_a_span_too() {
        let mut scenario = Scenario::publishing(None);
        scenario.saw(TransportObservation::Checked, 3010);
        let ice = scenario.look(3100).pop().expect("a step");
        let stream = STREAM_OF_ANN.into();
        scenario.notice(Noticed::Negotiating { stream, direction: MediaDirection::Publishing }, 4000);
        let [former] = &scenario.look(4100)[..] else { panic!("one is over") };
        assert_eq!((former.name, Some(former.id), &former.error), ("publish", ice.parent, &None));
        scenario.saw(TransportObservation::Checked, 4010);
        let another = scenario.look(4200).pop().expect("a step");
        assert!(another.name == "ICE" && another.parent != ice.parent);
        assert_eq!(scenario.calls.sessions[SESSION][ANN].legs.len(), 1);
    }

    #[test]
    fn an_application_says_which_trace_it_is_a_part_of_and_whether_there_is_one() {
        let header = |flags| format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        let parent = Parent::read(header("01").as_bytes()).unwrap();
        let mut scenario = Scenario::publishing(Some(parent));
        let spans = scenario.look(3000);
        assert!(spans.iter().all(|span| span.trace == parent.trace));
        assert_eq!((spans[0].parent, spans[0].parent_is_remote), (Some(parent.span), true));
        scenario.leave(4000);
        let told = scenario.look(4000);
        let connection = told.last().unwrap();
        assert_eq!((connection.name, connection.parent), ("connection", Some(spans[0].id)));

        let parent = Parent::read(header("00").as_bytes());
        let mut scenario = Scenario::publishing(parent);
        scenario.leave(4000);
        assert!(scenario.look(4000).is_empty());
    }

    #[test]
    fn a_refused_method_has_its_code_and_one_that_comes_before_its_session_waits() {
        let mut scenario = Scenario::new();
        let refused = Some(Refused { code: 802, reason: "not_allowed" });
        scenario.request(Asked::Method { name: "publishVideo", refused }, 2500);
        assert!(scenario.look(2500).is_empty());
        scenario.tell(
            Fact::Event(Event::ParticipantJoined(EventOpened { stamp: stamp(2000), subject: ann().into() })),
            2600,
        );
        let spans = scenario.look(2700);
        assert_eq!(names(&spans), ["publishVideo"]);
        assert_eq!(spans[0].until - spans[0].from, 5, "it is told as finely as it was measured");
        assert!(spans[0].error.is_some());
        let code = ("rpc.response.status_code", Value::Text("802".to_owned()));
        assert!(spans[0].attributes.contains(&code), "{:?}", spans[0].attributes);
    }

    #[test]
    fn nothing_stays_of_somebody_whom_nobody_sees() {
        let mut scenario = Scenario::new();
        scenario.request(Asked::Method { name: "joinRoom", refused: None }, 2000);
        assert!(scenario.look(2100).is_empty());
        assert!(!scenario.calls.sessions[SESSION].is_empty(), "the history may be behind");
        scenario.look(2000 + UNKNOWN + 1);
        assert!(scenario.calls.sessions[SESSION].is_empty());
    }

    #[test]
    fn nothing_stays_of_sessions_that_are_gone() {
        let mut scenario = Scenario::publishing(None);
        scenario.look(3000);
        let closing = Closing { stamp: stamp(5000), start_time: 0, reason: Some(Reason::SessionClosedByServer) };
        scenario.tell(Fact::Event(Event::SessionDestroyed(closing)), 5000);
        assert_eq!(names(&scenario.look(5000)), ["publish", "connection"]);
        scenario.request(Asked::Method { name: "leaveRoom", refused: None }, 5000);
        scenario.look(5100);
        assert_eq!(scenario.calls.sessions.len(), 1, "the history may be behind");
        scenario.look(5000 + UNKNOWN + 1);
        assert!(scenario.calls.sessions.is_empty());
    }
}
