//! The trace of one connection: what of it was told already, and what is told next.

use std::collections::HashMap;

use history::diagnosis::{self, Finding, Level};
use history::story::{Kind, Leg, Millis, Person, Story, What};
use history::words;
use protocol::id::StreamId;

use crate::ids::Ids;
use crate::leg;
use crate::parent::Parent;
use crate::request::{Asked, Refused, Request};
use crate::span::{Attribute, Span, SpanEvent, SpanId, TraceId, Value};

/// What does not come in this time, and nothing is known to be wrong with, is not waited for: a muted publisher's sound.
const PATIENCE: Millis = 60_000;
/// How long the trace of a connection that nobody has heard of is kept: the history may be behind.
pub(crate) const UNKNOWN: Millis = 60_000;
/// Requests of one connection until the history has heard of it.
const WAITING: usize = 256;
/// As OpenTelemetry's own libraries limit them.
const MOST_EVENTS: usize = 128;
pub(crate) const NANOS: u64 = 1_000_000;

/// What a story says of one connection, at one time.
pub(crate) struct Scene<'a> {
    pub(crate) story: &'a Story,
    pub(crate) person: &'a Person,
    pub(crate) now: Millis,
}

/// What was told of one connection.
#[derive(Debug)]
pub(crate) struct Call {
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
    pub(crate) legs: HashMap<(bool, StreamId, Millis), LegTrace>,
    /// What was wrong, the last of it.
    error: Option<String>,
    is_over: bool,
}

/// What was told of one peer connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LegTrace {
    span: SpanId,
    /// So many of its steps.
    steps: usize,
    is_over: bool,
}

impl Call {
    pub(crate) fn new(ids: &mut Ids) -> Self {
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

    /// A request that was made for it. An application says which trace it is part of before anybody has come, and so before
    /// anything was told.
    pub(crate) fn take(&mut self, request: Request) {
        if let Asked::Place { parent: Some(parent), .. } = request.asked {
            (self.trace, self.is_sampled, self.parent) = (parent.trace, parent.sampled, Some(parent));
        }
        if self.requests.len() < WAITING {
            self.requests.push(request);
        }
    }

    /// Nothing follows from time alone.
    pub(crate) fn rests(&self) -> bool {
        self.requests.is_empty() && self.legs.values().all(|leg| leg.is_over)
    }

    /// The history may not have heard of it yet.
    pub(crate) fn is_news(&self, now: Millis) -> bool {
        self.requests.iter().any(|request| request.until / NANOS + UNKNOWN > now)
    }

    pub(crate) fn look(&mut self, scene: &Scene<'_>, ids: &mut Ids, sink: &mut impl FnMut(Span)) {
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
        let steps = leg::steps(is_published, leg);
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
            let mut span = self.span(trace.span, leg::name(is_published), leg.negotiating_at, until);
            span.parent = Some(self.span);
            span.attributes = leg::described(leg);
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
                let mut span = self.span(trace.span, leg::name(is_published), from, from.max(*now));
                span.parent = Some(self.span);
                span.attributes.push((leg::STREAM, stream.as_str().into()));
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
            attributes: happening.stream.iter().map(|stream| (leg::STREAM, stream.as_str().into())).collect(),
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
