//! What holds whatever happens, in any order. The call itself watches over every message: each request is answered
//! once, nothing reaches a client before its joinRoom answer, nobody hears of a stream before its owner, and what
//! applications are told makes sense.

use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;
use protocol::id::RecordingKey;
use protocol::job::{FromJob, JobCommand, JobEnd, JobNews, JobReport};
use protocol::media::MediaFailure;
use protocol::model::{ConnectionProperties, OutputMode, RecordingProperties, Role, SessionProperties};
use protocol::recording::{RecordingCommand, RecordingReport};
use protocol::rpc::{ClientRequest, InvalidParams};
use protocol::speech::Spoken;
use session::command::{ConnectionUpdate, ServerSignal};
use session::{CallId, ModelLoading, Settings, SpeechService, SpeechSettings};

use crate::broadcast;
use crate::call::{Call, GRACE, LINGER, MEDIA_TIMEOUT, ROOM, session_properties, settings};
use crate::message::{candidate, join_room, prepare, publish_video, receive_with_answer, receive_with_offer};

#[derive(Clone, Debug)]
enum Step {
    Open,
    Join { who: usize, role: Role },
    JoinAgainWithAUsedToken { who: usize },
    JoinBySecret { recorder: bool },
    Publish { who: usize },
    Unpublish { who: usize },
    Prepare { who: usize, whom: usize },
    Answer { who: usize, whom: usize },
    Offer { who: usize, whom: usize },
    Unsubscribe { who: usize, whom: usize },
    Candidate { who: usize, whom: usize },
    ReconnectStream { who: usize, whom: usize, answer: bool },
    Signal { who: usize, whom: Option<usize> },
    ChangeProperty { who: usize },
    ForceDisconnect { who: usize, whom: usize },
    ForceUnpublish { who: usize, whom: usize },
    Listen { who: usize, whom: usize },
    StopListening { who: usize, whom: usize },
    JobsGoOn { how: usize },
    Echo { who: usize },
    Unknown { who: usize },
    Unreadable { who: usize },
    Leave { who: usize },
    Cut { who: usize },
    Reconnect { who: usize },
    CloseSomeSocket { which: usize },
    MediaAnswers,
    MediaFails { codec: bool },
    Wait { millis: u64 },
    CreateSession,
    CloseSession,
    CreateConnection,
    CloseConnection { whom: usize },
    UnpublishStream { whom: usize },
    ServerSignal,
    Update { whom: usize, role: Role },
    StartRecording { ignore_failed_streams: bool, subtitles: bool },
    StartBroadcast,
    StopBroadcast,
    JobSays { ready: bool },
    StopRecording,
    RecorderReports,
    RecorderBreaks,
    Record { whom: usize, record: bool },
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Subscriber), Just(Role::Publisher), Just(Role::Moderator)]
}

fn step() -> impl Strategy<Value = Step> {
    let person = || 0..6_usize;
    let pair = || (0..6_usize, 0..6_usize);
    let in_the_call = prop_oneof![
        6 => person().prop_map(|who| Step::Publish { who }),
        1 => person().prop_map(|who| Step::Unpublish { who }),
        4 => pair().prop_map(|(who, whom)| Step::Prepare { who, whom }),
        4 => pair().prop_map(|(who, whom)| Step::Answer { who, whom }),
        3 => pair().prop_map(|(who, whom)| Step::Offer { who, whom }),
        1 => pair().prop_map(|(who, whom)| Step::Unsubscribe { who, whom }),
        2 => pair().prop_map(|(who, whom)| Step::Candidate { who, whom }),
        3 => (pair(), any::<bool>()).prop_map(|((who, whom), answer)| Step::ReconnectStream { who, whom, answer }),
        2 => (person(), proptest::option::of(person())).prop_map(|(who, whom)| Step::Signal { who, whom }),
        1 => person().prop_map(|who| Step::ChangeProperty { who }),
        1 => pair().prop_map(|(who, whom)| Step::ForceDisconnect { who, whom }),
        1 => pair().prop_map(|(who, whom)| Step::ForceUnpublish { who, whom }),
        2 => pair().prop_map(|(who, whom)| Step::Listen { who, whom }),
        1 => pair().prop_map(|(who, whom)| Step::StopListening { who, whom }),
        1 => person().prop_map(|who| Step::Echo { who }),
        1 => person().prop_map(|who| Step::Unknown { who }),
        1 => person().prop_map(|who| Step::Unreadable { who }),
        1 => person().prop_map(|who| Step::Leave { who }),
    ];
    let around_it = prop_oneof![
        1 => Just(Step::Open),
        4 => (person(), role()).prop_map(|(who, role)| Step::Join { who, role }),
        1 => person().prop_map(|who| Step::JoinAgainWithAUsedToken { who }),
        1 => any::<bool>().prop_map(|recorder| Step::JoinBySecret { recorder }),
        2 => person().prop_map(|who| Step::Cut { who }),
        3 => person().prop_map(|who| Step::Reconnect { who }),
        1 => person().prop_map(|which| Step::CloseSomeSocket { which }),
        16 => Just(Step::MediaAnswers),
        3 => (0..7_usize).prop_map(|how| Step::JobsGoOn { how }),
        1 => any::<bool>().prop_map(|codec| Step::MediaFails { codec }),
        3 => prop_oneof![Just(1), Just(500), Just(3_000), Just(7_000), Just(10_000), Just(30_000)]
            .prop_map(|millis| Step::Wait { millis }),
        1 => Just(Step::CreateSession),
        1 => Just(Step::CreateConnection),
        1 => person().prop_map(|whom| Step::CloseConnection { whom }),
        1 => person().prop_map(|whom| Step::UnpublishStream { whom }),
        1 => Just(Step::ServerSignal),
        1 => (person(), role()).prop_map(|(whom, role)| Step::Update { whom, role }),
        2 => any::<(bool, bool)>().prop_map(|(ignore_failed_streams, subtitles)| {
            Step::StartRecording { ignore_failed_streams, subtitles }
        }),
        1 => Just(Step::StopRecording),
        2 => Just(Step::StartBroadcast),
        1 => Just(Step::StopBroadcast),
        3 => proptest::bool::weighted(0.8).prop_map(|ready| Step::JobSays { ready }),
        6 => Just(Step::RecorderReports),
        1 => Just(Step::RecorderBreaks),
        1 => (person(), any::<bool>()).prop_map(|(whom, record)| Step::Record { whom, record }),
    ];
    prop_oneof![50 => in_the_call, 40 => around_it, 1 => Just(Step::CloseSession)]
}

/// Carries out steps and remembers tokens.
struct Actor {
    call: Call,
    used: Vec<String>,
    opened: usize,
    accepted: HashSet<String>,
    /// Recordings' starts and stops that must be answered.
    calls: Vec<CallId>,
    asked: u64,
}

impl Actor {
    fn new() -> Self {
        let address = |language: &str| (language.to_owned(), "ws://x".to_owned());
        let speech = SpeechSettings {
            service: SpeechService::Vosk { servers: ["en", "fr"].map(address).into(), loading: ModelLoading::OnDemand },
            start_timeout: Duration::from_secs(8),
        };
        let mut call = Call::with(Settings { speech: Some(speech), ..settings() });
        call.media_waits();
        call.recorder.waits = true;
        Self { call, used: vec![], opened: 0, accepted: HashSet::new(), calls: vec![], asked: 0 }
    }

    fn next_call(&mut self) -> CallId {
        self.asked += 1;
        CallId(self.asked)
    }

    fn open(&mut self) -> String {
        self.opened += 1;
        let name = format!("p{}", self.opened);
        self.call.open(&name);
        name
    }

    /// One of those for whom `wanted` holds, or of everybody if there is none.
    fn pick(&self, pick: usize, wanted: impl Fn(&Call, &str) -> bool) -> Option<String> {
        let everybody: Vec<_> = (1..=self.opened).map(|n| format!("p{n}")).collect();
        let chosen: Vec<_> = everybody.iter().filter(|name| wanted(&self.call, name)).collect();
        match chosen.len() {
            0 => everybody.get(pick % everybody.len().max(1)).cloned(),
            count => Some(chosen[pick % count].clone()),
        }
    }

    fn person(&self, pick: usize) -> Option<String> {
        self.pick(pick, |call, name| call.has_socket(name))
    }

    fn connection(&self, pick: usize) -> String {
        match self.pick(pick, Call::is_in) {
            Some(name) if self.call.has_joined(&name) => self.call.connection(&name),
            _ => "con_UNKNOWN".to_owned(),
        }
    }

    fn stream(&self, pick: usize) -> String {
        match self.pick(pick, |call, name| call.is_in(name) && call.has_published(name)) {
            Some(name) if self.call.has_published(&name) => self.call.stream(&name),
            _ => format!("str_CAM_XXXX_{}", self.connection(pick)),
        }
    }

    fn ask(&mut self, who: usize, request: ClientRequest) {
        if let Some(name) = self.person(who).filter(|name| self.call.has_socket(name)) {
            self.call.request(&name, request);
        }
    }

    fn join(&mut self, who: usize, token: String) {
        if let Some(name) = self.person(who).filter(|name| self.call.has_socket(name)) {
            self.join_as(name, token);
        }
    }

    fn join_as(&mut self, name: String, token: String) {
        let before = self.call.has_joined(&name);
        self.call.request(&name, join_room(&token));
        if !before && self.call.has_joined(&name) {
            assert!(self.accepted.insert(token.clone()), "a token was accepted twice");
        }
        self.used.push(token);
    }

    fn act(&mut self, step: Step) {
        match step {
            Step::Open => drop(self.open()),
            Step::Join { who, role } => {
                if !self.call.session_exists() {
                    return;
                }
                let token = self.call.token(ConnectionProperties { role, ..ConnectionProperties::default() });
                if who % 2 == 0 {
                    let newcomer = self.open();
                    self.join_as(newcomer, token);
                } else {
                    self.join(who, token);
                }
            }
            Step::JoinAgainWithAUsedToken { who } => {
                if let Some(token) = self.used.first().cloned() {
                    self.join(who, token);
                }
            }
            Step::JoinBySecret { recorder } => {
                self.opened += 1;
                let name = format!("p{}", self.opened);
                self.call.join_by_secret(&name, recorder, false);
            }
            Step::Publish { who } => self.ask(who, publish_video()),
            Step::Unpublish { who } => self.ask(who, ClientRequest::UnpublishVideo),
            Step::Prepare { who, whom } => self.ask(who, prepare(&self.stream(whom))),
            Step::Answer { who, whom } => self.ask(who, receive_with_answer(&self.stream(whom))),
            Step::Offer { who, whom } => self.ask(who, receive_with_offer(&self.stream(whom))),
            Step::Unsubscribe { who, whom } => {
                self.ask(who, ClientRequest::UnsubscribeFromVideo { sender: self.connection(whom) });
            }
            Step::Candidate { who, whom } => self.ask(who, candidate(&self.connection(whom), "candidate:1")),
            Step::ReconnectStream { who, whom, answer } => {
                let sdp = || Some("sdp".to_owned());
                let (sdp_string, sdp_offer) = if answer { (sdp(), None) } else { (None, sdp()) };
                self.ask(who, ClientRequest::ReconnectStream { stream: self.stream(whom), sdp_string, sdp_offer });
            }
            Step::Signal { who, whom } => {
                let to = whom.map(|whom| format!("\"{}\"", self.connection(whom))).unwrap_or_default();
                self.ask(who, ClientRequest::SendMessage { message: format!(r#"{{"to":[{to}],"data":"x"}}"#) });
            }
            Step::ChangeProperty { who } => {
                let (property, new_value) = ("videoActive".to_owned(), "false".to_owned());
                self.ask(who, ClientRequest::StreamPropertyChanged { property, new_value, reason: String::new() });
            }
            Step::ForceDisconnect { who, whom } => {
                self.ask(who, ClientRequest::ForceDisconnect { connection_id: self.connection(whom) });
            }
            Step::ForceUnpublish { who, whom } => {
                self.ask(who, ClientRequest::ForceUnpublish { stream_id: self.stream(whom) });
            }
            Step::Listen { who, whom } => {
                let (connection_id, lang) = (self.connection(whom), ["en", "fr"][whom % 2].to_owned());
                self.ask(who, ClientRequest::SubscribeToSpeechToText { connection_id, lang });
            }
            Step::StopListening { who, whom } => {
                let connection_id = self.connection(whom);
                self.ask(who, ClientRequest::UnsubscribeFromSpeechToText { connection_id });
            }
            Step::JobsGoOn { how } => {
                let job = self.call.jobs.iter().rev().find_map(|command| match command {
                    JobCommand::Start { job, .. } => Some(*job),
                    _ => None,
                });
                let words = |is_final: bool| {
                    let (text, raw) = ("a".to_owned(), "{}".to_owned());
                    let spoken = is_final.then(|| Spoken { began: 2000, ended: 1000, words: vec![] });
                    FromJob::Recognised { text, raw, is_final, spoken }
                };
                let news = match how {
                    0 | 1 => JobNews::Said(FromJob::Ready { audio: false, video: None }),
                    2 => JobNews::Said(words(false)),
                    3 => JobNews::Said(words(true)),
                    4 => JobNews::Said(FromJob::Finished),
                    5 => JobNews::Restarting { why: String::new() },
                    _ => JobNews::Ended(JobEnd::Failed(String::new())),
                };
                if let Some(job) = job {
                    self.call.registry.handle_job(JobReport { job, news }, self.call.now);
                }
            }
            Step::Echo { who } => self.ask(who, ClientRequest::Echo),
            Step::Unknown { who } => self.ask(who, ClientRequest::Unknown { method: "nothing".to_owned() }),
            Step::Unreadable { who } => {
                let fault = InvalidParams { method: "x".to_owned(), parameter: "y".to_owned(), rule: "is missing" };
                if let Some(name) = self.person(who).filter(|name| self.call.has_socket(name)) {
                    self.call.raw_request(&name, Err(fault));
                }
            }
            Step::Leave { who } => self.ask(who, ClientRequest::LeaveRoom),
            Step::Cut { who } => {
                if let Some(name) = self.person(who).filter(|name| self.call.has_socket(name)) {
                    self.call.cut(&name);
                }
            }
            Step::Reconnect { who } => {
                let away = self.pick(who, |call, name| call.has_joined(name) && !call.has_socket(name));
                if let Some(name) = away.filter(|name| self.call.has_joined(name)) {
                    self.call.reconnect(&name);
                }
            }
            Step::CloseSomeSocket { which } => {
                let mut sockets = self.call.open_sockets();
                sockets.sort();
                if let Some(socket) = sockets.get(which) {
                    self.call.lose(*socket);
                }
            }
            Step::MediaAnswers => drop(self.call.media_answers()),
            Step::MediaFails { codec } => {
                if !self.call.worker.pending.is_empty() {
                    let why = if codec { MediaFailure::CodecNotOffered } else { MediaFailure::Internal };
                    self.call.media_fails(why);
                }
            }
            Step::Wait { millis } => drop(self.call.advance(Duration::from_millis(millis))),
            Step::CreateSession => {
                let properties = SessionProperties { custom_session_id: ROOM.to_owned(), ..session_properties() };
                let free = !self.call.session_exists() && self.call.registry.figures().ending == 0;
                let created = self.call.registry.create_session(properties, self.call.now);
                assert_eq!(created.is_ok(), free);
            }
            Step::CloseSession => {
                let _ = self.call.registry.close_session(ROOM, self.call.now);
            }
            Step::CreateConnection => {
                let now = self.call.now;
                let _ = self.call.registry.create_connection(ROOM, ConnectionProperties::default(), "wss://x", now);
            }
            Step::CloseConnection { whom } => {
                let connection = self.connection(whom);
                let _ = self.call.registry.close_connection(ROOM, &connection, self.call.now);
            }
            Step::UnpublishStream { whom } => {
                let stream = self.stream(whom);
                let _ = self.call.registry.unpublish_stream(ROOM, &stream, self.call.now);
            }
            Step::ServerSignal => {
                let _ = self.call.registry.signal(ROOM, ServerSignal::default(), self.call.now);
            }
            Step::Update { whom, role } => {
                let (connection, now) = (self.connection(whom), self.call.now);
                let update = ConnectionUpdate { role: Some(role), ..Default::default() };
                let _ = self.call.registry.update_connection(ROOM, &connection, update, now);
            }
            Step::Record { whom, record } => {
                let (connection, now) = (self.connection(whom), self.call.now);
                let update = ConnectionUpdate { record: Some(record), ..Default::default() };
                let _ = self.call.registry.update_connection(ROOM, &connection, update, now);
            }
            Step::StartBroadcast => {
                let (id, now) = (self.next_call(), self.call.now);
                if self.call.registry.start_broadcast(ROOM, broadcast::film(), id, now).is_ok() {
                    self.calls.push(id);
                }
            }
            Step::StopBroadcast => {
                let _ = self.call.registry.stop_broadcast(ROOM, self.call.now);
            }
            Step::JobSays { ready } => broadcast::last_job_says(&mut self.call, ready),
            Step::StartRecording { ignore_failed_streams, subtitles } => {
                let output_mode = OutputMode::Individual;
                let subtitles = subtitles.then(|| "en".to_owned());
                let properties =
                    RecordingProperties { output_mode, ignore_failed_streams, subtitles, ..Default::default() };
                let id = self.next_call();
                if self.call.registry.start_recording(ROOM, properties, id, self.call.now).is_ok() {
                    self.calls.push(id);
                }
            }
            Step::StopRecording => {
                let running =
                    self.call.recorder.commands.iter().any(|command| matches!(command, RecordingCommand::Begin { .. }));
                let id = self.next_call();
                let names: Vec<_> =
                    std::iter::once(ROOM.to_owned()).chain((1..9).map(|n| format!("{ROOM}~{n}"))).collect();
                let stopped =
                    names.iter().any(|name| self.call.registry.stop_recording(name, id, self.call.now).is_ok());
                assert!(running || !stopped);
                if stopped {
                    self.calls.push(id);
                }
            }
            Step::RecorderReports => self.call.recorder_reports(),
            Step::RecorderBreaks => {
                if let Some((recording, _)) = self.call.recorder.open.first_key_value() {
                    let recording = RecordingKey(*recording);
                    self.call.report(RecordingReport::Broken { recording, why: "disk".to_owned() });
                }
            }
        }
        self.call.carry_out();
        self.call.assert_no_ghosts();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_breaks_a_promise(steps in proptest::collection::vec(step(), 1..120)) {
        let mut actor = Actor::new();
        for role in [Role::Moderator, Role::Publisher, Role::Publisher] {
            actor.act(Step::Join { who: 0, role });
        }
        for step in steps {
            actor.act(step);
        }
        let (mut call, calls) = (actor.call, actor.calls);

        // A worker or a job that never answers again keeps nobody waiting, and what it does late has no effect.
        for _ in 0..1000 {
            if call.registry.figures().media_requests > 0 || call.waiting() > 0 {
                call.advance(MEDIA_TIMEOUT);
            }
        }
        prop_assert_eq!(call.registry.figures().media_requests, 0);
        prop_assert_eq!(call.waiting(), 0);
        call.media_answers();
        call.assert_no_ghosts();

        // Once everybody has gone, nothing remains.
        for socket in call.open_sockets() {
            call.lose(socket);
        }
        call.advance(GRACE.max(LINGER) + Duration::from_secs(10_000));
        call.recorder_catches_up();
        for id in calls {
            prop_assert!(call.completed.contains_key(&id), "a recording's start or stop was never answered");
        }
        prop_assert!(call.recorder.open.is_empty(), "{:?}", call.recorder.open);
        prop_assert_eq!(call.registry.figures(), session::registry::Figures::default());
        prop_assert!(call.worker.is_empty(), "{:?}", call.worker);
        call.events.assert_nobody_is_left();
    }
}
