//! A call in a test: named clients, a clock that stands still until it is moved, and a media worker that answers at once
//! or when told. Messages are lines such as `participantLeft ann disconnect`; names stand for connection ids.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use openvidu::Dialect;
use protocol::id::{JobId, WorkerId};
use protocol::job::{JobCommand, JobNews, JobReport, JobSpec};
use protocol::media::{Kinds, MediaEvent, MediaFailure, MediaOperation};
use protocol::model::{ConnectionProperties, IceServer, MediaServer, RecordingNotification, Role, SessionProperties};
use protocol::recording::RecordingReport;
use protocol::rpc::{ClientReply, ClientRequest, InvalidParams, Joined, ServerNotification, StreamDescription};
use session::{
    Asker, CallId, ClientHandle, Command, Effect, MediaObservation, Notice, PeerInfo, RecordingSettings, Refusal,
    Registry, Reply, Settings, SocketId, Time, VideoBandwidth,
};

use crate::event_audit::EventAudit;
use crate::message::{join_room, publish_video, receive_with_answer};
use crate::recorder::Recorder;
use crate::worker::{Worker, request_of, success};

pub(crate) const ROOM: &str = "room";
pub(crate) const SECRET: &str = "MY_SECRET";
pub(crate) const GRACE: Duration = Duration::from_secs(10);
pub(crate) const RETURN: Duration = Duration::from_secs(60);
pub(crate) const LINGER: Duration = Duration::from_secs(10);
pub(crate) const MEDIA_TIMEOUT: Duration = Duration::from_secs(7);

pub(crate) fn settings() -> Settings {
    Settings {
        secret: SECRET.to_owned(),
        ice_servers: vec![IceServer { url: "stun:10.0.0.1:3478".to_owned(), username: None, credential: None }],
        turn: None,
        media_workers: vec![WorkerId(0)],
        session_span: 200,
        reconnection_grace: GRACE,
        return_window: RETURN,
        linger: LINGER,
        media_timeout: MEDIA_TIMEOUT,
        garbage_interval: Duration::from_secs(900),
        garbage_threshold: Duration::from_secs(3600),
        video_bandwidth: VideoBandwidth { max_recv: 1000, min_recv: 300, max_send: 1000, min_send: 300 },
        signals: None,
        network_quality: Some(Duration::from_secs(5)),
        broadcast: session::BroadcastSettings {
            max_streams: 24,
            has_captions: false,
            start_timeout: Duration::from_secs(20),
            patience: Duration::from_secs(60),
        },
        virtual_background: false,
        transcodes: true,
        camera_states: true,
        filter_images: None,
        recording: RecordingSettings {
            enabled: true,
            notification: RecordingNotification::PublisherModerator,
            auto_stop: Duration::ZERO,
            max_streams: 100,
            start_timeout: Duration::from_secs(10),
            page_start_timeout: Duration::from_secs(30),
            subtitles: None,
            processing_timeout: Duration::from_secs(15),
        },
        speech: None,
    }
}

pub(crate) fn dialect() -> Dialect {
    Dialect { media_server: MediaServer::Mediasoup, video_simulcast: true, compatible_version: "2.32.2".to_owned() }
}

/// A client as a test knows it.
#[derive(Debug, Default)]
struct Person {
    socket: Option<SocketId>,
    joined: Option<Joined>,
    handle: Option<ClientHandle>,
    stream: Option<String>,
    inbox: Vec<String>,
    raw: Vec<ServerNotification>,
    /// Connections that the client has heard of.
    knows: HashSet<String>,
    /// When it lost its socket.
    cut_at: Option<Time>,
}

pub(crate) struct Call {
    pub(crate) registry: Registry,
    pub(crate) dialect: Dialect,
    pub(crate) now: Time,
    people: BTreeMap<String, Person>,
    by_socket: HashMap<SocketId, String>,
    /// Connection and stream ids with what tests call them.
    pub(crate) names: Vec<(String, String)>,
    waiting: HashSet<(SocketId, i64)>,
    /// Sockets whose clients are in a session.
    pub(crate) inside: HashSet<SocketId>,
    next_socket: u64,
    next_request: i64,
    /// Everything that was carried out, in order.
    pub(crate) log: Vec<String>,
    pub(crate) worker: Worker,
    pub(crate) recorder: Recorder,
    /// What was asked of live jobs.
    pub(crate) jobs: Vec<JobCommand>,
    /// Results that came later.
    pub(crate) completed: HashMap<CallId, Result<Reply, Refusal>>,
    /// What applications were told.
    pub(crate) events: EventAudit,
    /// What observers of media were told.
    pub(crate) observed: Vec<MediaObservation>,
    /// What nobody else was told.
    pub(crate) noticed: Vec<Notice>,
}

impl Call {
    /// An empty session named `room`.
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let mut call = Self {
            registry: Registry::new(settings, [42; 32]),
            dialect: dialect(),
            now: Time::from_millis(1_700_000_000_000),
            people: BTreeMap::new(),
            by_socket: HashMap::new(),
            names: vec![],
            waiting: HashSet::new(),
            inside: HashSet::new(),
            next_socket: 0,
            next_request: 0,
            log: vec![],
            worker: Worker::default(),
            recorder: Recorder::default(),
            jobs: vec![],
            completed: HashMap::new(),
            events: EventAudit::default(),
            observed: vec![],
            noticed: vec![],
        };
        call.create_session(ROOM);
        call
    }

    pub(crate) fn create_session(&mut self, id: &str) {
        self.create_session_with(SessionProperties { custom_session_id: id.to_owned(), ..session_properties() });
    }

    pub(crate) fn create_session_with(&mut self, properties: SessionProperties) {
        self.registry.create_session(properties, self.now).expect("the id is free");
        self.carry_out();
    }

    // ---- clients -----------------------------------------------------------------------------------------------

    /// Makes a connection by REST; its token URL.
    pub(crate) fn token(&mut self, properties: ConnectionProperties) -> String {
        self.token_in(ROOM, properties)
    }

    fn token_in(&mut self, room: &str, properties: ConnectionProperties) -> String {
        let id = self
            .registry
            .create_connection(room, properties, "wss://madang.example", self.now)
            .expect("the session exists");
        let made = self.registry.connection(room, id.as_str()).expect("it was made");
        openvidu::view::connection(made).token.expect("a pending connection has a token")
    }

    pub(crate) fn open(&mut self, name: &str) {
        self.next_socket += 1;
        let socket = SocketId(self.next_socket);
        self.by_socket.insert(socket, name.to_owned());
        self.people.entry(name.to_owned()).or_default().socket = Some(socket);
        let peer = PeerInfo { ip: "192.0.2.7".to_owned(), user_id: format!("U{}", self.next_socket) };
        self.registry.socket_opened(socket, peer);
        self.carry_out();
    }

    pub(crate) fn join(&mut self, name: &str) -> &mut Self {
        self.join_as(name, Role::Publisher)
    }

    pub(crate) fn join_as(&mut self, name: &str, role: Role) -> &mut Self {
        self.join_with(name, ConnectionProperties { role, ..ConnectionProperties::default() })
    }

    pub(crate) fn join_with(&mut self, name: &str, properties: ConnectionProperties) -> &mut Self {
        self.join_in(name, ROOM, properties)
    }

    /// Joins another session.
    pub(crate) fn join_room(&mut self, name: &str, room: &str) -> &mut Self {
        self.join_in(name, room, ConnectionProperties::default())
    }

    fn join_in(&mut self, name: &str, room: &str, properties: ConnectionProperties) -> &mut Self {
        let token = self.token_in(room, properties);
        self.open(name);
        let ClientRequest::JoinRoom(mut request) = join_room(&token) else { unreachable!() };
        request.session = room.to_owned();
        self.request(name, ClientRequest::JoinRoom(request));
        assert!(self.people[name].joined.is_some(), "{name} joined: {:?}", self.people[name].inbox);
        self
    }

    pub(crate) fn join_by_secret(&mut self, name: &str, recorder: bool, stt: bool) -> &mut Self {
        self.join_showing(name, SECRET, recorder, stt)
    }

    /// With what lets an operator look in.
    pub(crate) fn join_by_pass(&mut self, name: &str, pass: &str) -> &mut Self {
        self.join_showing(name, pass, true, false)
    }

    fn join_showing(&mut self, name: &str, secret: &str, recorder: bool, stt: bool) -> &mut Self {
        self.open(name);
        let ClientRequest::JoinRoom(mut request) = join_room("") else { unreachable!() };
        request.secret = secret.to_owned();
        request.recorder = recorder;
        request.stt = stt;
        self.request(name, ClientRequest::JoinRoom(request));
        self
    }

    pub(crate) fn publish(&mut self, name: &str) -> &mut Self {
        self.request(name, publish_video());
        self
    }

    /// Server-offered subscription, both steps.
    pub(crate) fn subscribe(&mut self, name: &str, publisher: &str) -> &mut Self {
        let sender = self.stream(publisher);
        self.request(name, ClientRequest::PrepareReceiveVideoFrom { sender: sender.clone(), reconnect: false });
        self.request(name, receive_with_answer(&sender));
        self
    }

    pub(crate) fn request(&mut self, name: &str, content: ClientRequest) -> i64 {
        self.raw_request(name, Ok(content))
    }

    pub(crate) fn raw_request(&mut self, name: &str, content: Result<ClientRequest, InvalidParams>) -> i64 {
        let socket = self.socket(name);
        self.next_request += 1;
        let request = self.next_request;
        self.waiting.insert((socket, request));
        let command = openvidu::request::command(content);
        self.registry.handle(Command::Socket { socket, request, command }, self.now);
        self.carry_out();
        request
    }

    pub(crate) fn leave(&mut self, name: &str) -> &mut Self {
        self.request(name, ClientRequest::LeaveRoom);
        self
    }

    pub(crate) fn signal(&mut self, name: &str, message: &str) -> &mut Self {
        self.request(name, ClientRequest::SendMessage { message: message.to_owned() });
        self
    }

    /// The network cut the socket.
    pub(crate) fn cut(&mut self, name: &str) -> &mut Self {
        let socket = self.socket(name);
        let person = self.people.get_mut(name).expect("known");
        (person.socket, person.cut_at) = (None, Some(self.now));
        self.close_socket(socket);
        self
    }

    pub(crate) fn close_socket(&mut self, socket: SocketId) {
        self.by_socket.remove(&socket);
        self.inside.remove(&socket);
        self.waiting.retain(|(of, _)| *of != socket);
        self.registry.socket_closed(socket, self.now);
        self.carry_out();
    }

    /// The same for any socket, also one that its client has left behind.
    pub(crate) fn lose(&mut self, socket: SocketId) {
        let name = self.by_socket[&socket].clone();
        if self.people[&name].socket == Some(socket) {
            self.cut(&name);
        } else {
            self.close_socket(socket);
        }
    }

    /// A new socket that binds the client again. Messages to the old one are nobody's from here on.
    pub(crate) fn reconnect(&mut self, name: &str) -> &mut Self {
        let handle = self.people[name].handle.clone().expect("has joined");
        if let Some(former) = self.people[name].socket {
            self.waiting.retain(|(of, _)| *of != former);
        }
        self.open(name);
        self.connect(name, Some(&handle));
        self
    }

    pub(crate) fn connect(&mut self, name: &str, handle: Option<&ClientHandle>) {
        let socket = self.socket(name);
        self.next_request += 1;
        self.waiting.insert((socket, self.next_request));
        let (request, client) = (self.next_request, handle.cloned());
        self.registry.handle(Command::Resume { socket, request, client }, self.now);
        self.carry_out();
    }

    // ---- media and time ----------------------------------------------------------------------------------------

    /// From now on the worker answers only when told.
    pub(crate) fn media_waits(&mut self) -> &mut Self {
        self.worker.waits = true;
        self
    }

    /// Answers everything that waits, oldest first.
    pub(crate) fn media_answers(&mut self) -> &mut Self {
        while let Some(command) = self.worker.pending.pop_front() {
            let event = success(&command);
            self.registry.handle_media(event, self.now);
            self.carry_out();
        }
        self
    }

    /// The worker finds no more than this in the oldest offer that waits.
    pub(crate) fn media_finds(&mut self, found: Kinds) -> &mut Self {
        let command = self.worker.pending.pop_front().expect("something waits");
        let mut event = success(&command);
        if let MediaEvent::Answered { kinds, .. } = &mut event {
            *kinds = found;
        }
        self.registry.handle_media(event, self.now);
        self.carry_out();
        self
    }

    pub(crate) fn media_fails(&mut self, why: MediaFailure) -> &mut Self {
        let command = self.worker.pending.pop_front().expect("something waits");
        let request = request_of(&command).expect("it has a request");
        match command.op {
            MediaOperation::Publish { publication, .. } => {
                self.worker.publications.remove(&publication.0);
                self.worker.transports.retain(|_, p| *p != publication.0);
            }
            MediaOperation::Subscribe { transport, .. } => drop(self.worker.transports.remove(&transport.0)),
            _ => {}
        }
        self.registry.handle_media(MediaEvent::Failed { request, why }, self.now);
        self.carry_out();
        self
    }

    /// The recorder's next report.
    pub(crate) fn recorder_reports(&mut self) {
        if let Some(report) = self.recorder.reports.pop_front() {
            self.report(report);
        }
    }

    pub(crate) fn recorder_catches_up(&mut self) {
        self.recorder.waits = false;
        self.carry_out();
    }

    pub(crate) fn report(&mut self, report: RecordingReport) {
        self.registry.handle_recording(report, self.now);
        self.carry_out();
    }

    /// A job that was begun says something.
    pub(crate) fn job_reports(&mut self, job: JobId, news: JobNews) -> &mut Self {
        self.registry.handle_job(JobReport { job, news }, self.now);
        self.carry_out();
        self
    }

    /// Jobs that were begun and not stopped, and what they do.
    pub(crate) fn running_jobs(&self) -> Vec<(JobId, JobSpec)> {
        let mut running = vec![];
        for command in &self.jobs {
            match command {
                JobCommand::Start { job, spec, .. } => running.push((*job, (**spec).clone())),
                JobCommand::Stop { job } => running.retain(|(other, _)| other != job),
                _ => {}
            }
        }
        running
    }

    /// Moves the clock, stopping at every deadline on the way.
    pub(crate) fn advance(&mut self, by: Duration) -> &mut Self {
        let target = self.now + by;
        while let Some(due) = self.registry.poll_timeout().filter(|due| *due <= target) {
            self.now = self.now.max(due);
            self.registry.handle_timeout(self.now);
            self.carry_out();
        }
        self.now = target;
        self
    }

    // ---- what happened -----------------------------------------------------------------------------------------

    pub(crate) fn carry_out(&mut self) {
        for _ in 0..100_000 {
            while let Some(effect) = self.registry.poll_effect() {
                self.carry_out_one(effect);
            }
            if !self.recorder.waits
                && let Some(report) = self.recorder.reports.pop_front()
            {
                self.registry.handle_recording(report, self.now);
                continue;
            }
            if self.worker.waits {
                return;
            }
            let Some(command) = self.worker.pending.pop_front() else { return };
            self.registry.handle_media(success(&command), self.now);
        }
        panic!("one thing follows from another without end");
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::Entered { socket } => drop(self.inside.insert(socket)),
            Effect::Departed { socket } => assert!(self.inside.remove(&socket), "{socket:?} was never inside"),
            Effect::Media(command) => self.worker.carry_out(command),
            Effect::Observed(observation) => self.observed.push(observation),
            Effect::Noticed(notice) => self.noticed.push(notice),
            Effect::Event(event) => self.events.hear(event),
            Effect::Collected(_) => {}
            Effect::Recording(command) => self.recorder.carry_out(command),
            Effect::Job(command) => self.jobs.push(command),
            Effect::Reply { asker: Asker::Call(call), result, .. } => drop(self.completed.insert(call, result)),
            Effect::CloseSocket { socket } => {
                let name = self.by_socket.remove(&socket).expect("only open sockets are closed");
                assert!(!self.waiting.iter().any(|(of, _)| *of == socket), "{name} was closed instead of answered");
                self.tell(&name, "closed".to_owned());
                self.people.get_mut(&name).expect("known").socket.take_if(|current| *current == socket);
            }
            Effect::Reply { asker: Asker::Socket { socket, request }, client, result } => {
                let result = self.dialect.answer(&result);
                let name = self.by_socket.get(&socket).expect("answers go to open sockets").clone();
                assert!(self.waiting.remove(&(socket, request)), "request {request} of {name} was answered twice");
                if let Ok(ClientReply::Joined(joined)) = &result {
                    self.names.push((joined.id.to_string(), name.clone()));
                    let person = self.people.get_mut(&name).expect("known");
                    person.joined = Some((**joined).clone());
                    person.knows = joined.value.iter().map(|other| other.id.to_string()).collect();
                    person.handle = client;
                }
                if let Ok(ClientReply::Published { id, .. }) = &result {
                    self.people.get_mut(&name).expect("known").stream = Some(id.to_string());
                    self.names.push((id.to_string(), format!("{name}'s")));
                }
                let line = self.reply_line(&result);
                self.tell(&name, line);
            }
            Effect::Notify { socket, notification } => {
                let name = self.by_socket.get(&socket).expect("notifications go to open sockets").clone();
                assert!(self.people[&name].joined.is_some(), "{name} heard something before its joinRoom reply");
                let person = self.people.get_mut(&name).expect("known");
                let notification = openvidu::notification::message(&notification);
                person.raw.push(notification.clone());
                match &notification {
                    ServerNotification::ParticipantJoined { id, .. } => {
                        assert!(person.knows.insert(id.to_string()), "{name} heard twice that {id} joined");
                    }
                    ServerNotification::ParticipantLeft { connection_id, .. } => {
                        let own = person.joined.as_ref().is_some_and(|joined| joined.id == *connection_id);
                        assert!(person.knows.remove(connection_id.as_str()) || own, "{name} does not know who left");
                    }
                    ServerNotification::ParticipantPublished { id, .. } => {
                        assert!(person.knows.contains(id.as_str()), "{name} heard of a stream before its owner");
                    }
                    _ => {}
                }
                let line = self.notification_line(&notification);
                self.tell(&name, line);
            }
        }
    }

    fn tell(&mut self, name: &str, line: String) {
        self.log.push(format!("{name}: {line}"));
        self.people.get_mut(name).expect("known").inbox.push(line);
    }

    /// Takes what a client has received.
    pub(crate) fn inbox(&mut self, name: &str) -> Vec<String> {
        std::mem::take(&mut self.people.get_mut(name).expect("known").inbox)
    }

    /// Forgets what was received so far.
    pub(crate) fn hush(&mut self) -> &mut Self {
        for person in self.people.values_mut() {
            person.inbox.clear();
            person.raw.clear();
        }
        self.log.clear();
        self
    }

    pub(crate) fn last(&self, name: &str) -> &str {
        self.people[name].inbox.last().map_or("", String::as_str)
    }

    /// The last stream that was announced to somebody.
    pub(crate) fn announced(&self, name: &str) -> StreamDescription {
        let mut found = None;
        for notification in &self.people[name].raw {
            if let ServerNotification::ParticipantPublished { streams: [stream], .. } = notification {
                found = Some(stream.clone());
            }
        }
        found.expect("a stream was announced")
    }

    pub(crate) fn joined(&self, name: &str) -> &Joined {
        self.people[name].joined.as_ref().expect("has joined")
    }

    pub(crate) fn connection(&self, name: &str) -> String {
        self.joined(name).id.to_string()
    }

    pub(crate) fn stream(&self, name: &str) -> String {
        self.people[name].stream.clone().expect("has published")
    }

    pub(crate) fn handle(&self, name: &str) -> ClientHandle {
        self.people[name].handle.clone().expect("has joined")
    }

    pub(crate) fn socket(&self, name: &str) -> SocketId {
        self.people[name].socket.unwrap_or_else(|| panic!("{name} has a socket"))
    }

    pub(crate) fn has_socket(&self, name: &str) -> bool {
        self.people[name].socket.is_some()
    }

    pub(crate) fn has_joined(&self, name: &str) -> bool {
        self.people[name].joined.is_some()
    }

    /// Whether REST lists it.
    pub(crate) fn is_in(&self, name: &str) -> bool {
        let joined = self.people[name].joined.as_ref();
        joined.is_some_and(|joined| self.registry.connection(ROOM, joined.id.as_str()).is_ok())
    }

    pub(crate) fn has_published(&self, name: &str) -> bool {
        self.people[name].stream.is_some()
    }

    pub(crate) fn open_sockets(&self) -> Vec<SocketId> {
        self.by_socket.keys().copied().collect()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Nobody is listed who has neither a socket nor time left to come back, and nothing is received that nobody sends.
    pub(crate) fn assert_no_ghosts(&self) {
        let include = session::snapshot::Include::default();
        let Some(session) = self.registry.session(ROOM, include).map(openvidu::view::session) else { return };
        let connections = session.connections.content();
        let active = || connections.iter().filter_map(|connection| connection.active.as_ref());
        let published: HashSet<_> =
            active().flat_map(|active| &active.publishers).map(|publisher| &publisher.stream_id).collect();
        for subscriber in active().flat_map(|active| &active.subscribers) {
            assert!(published.contains(&subscriber.stream_id), "a subscription to nothing");
        }
        for connection in connections {
            for publisher in connection.active.iter().flat_map(|active| &active.publishers) {
                assert!(
                    publisher.stream_id.as_str().ends_with(connection.connection_id.as_str()),
                    "not its own stream"
                );
            }
            let person = self
                .people
                .values()
                .find(|person| person.joined.as_ref().is_some_and(|joined| joined.id == connection.connection_id));
            let person = person.expect("nobody is listed who was never told that it joined");
            let coming_back = person.cut_at.is_some_and(|cut_at| self.now < cut_at + GRACE);
            assert!(person.socket.is_some() || coming_back, "{} is a ghost", connection.connection_id);
        }
    }

    pub(crate) fn is_waiting(&self, name: &str) -> bool {
        let socket = self.socket(name);
        self.waiting.iter().any(|(of, _)| *of == socket)
    }

    pub(crate) fn session_exists(&self) -> bool {
        self.registry.session(ROOM, session::snapshot::Include::default()).is_some()
    }
}

pub(crate) fn session_properties() -> SessionProperties {
    SessionProperties {
        media_mode: protocol::model::MediaMode::Routed,
        recording_mode: protocol::model::RecordingMode::Manual,
        custom_session_id: String::new(),
        default_recording_properties: protocol::model::RecordingProperties::default(),
        forced_video_codec: protocol::model::ForcedVideoCodec::MediaServerPreferred,
        allow_transcoding: false,
        media_node: None,
        last_n: 0,
        loudest: 0,
    }
}

pub(crate) fn none<T: PartialEq + std::fmt::Debug>(lines: Vec<T>) {
    assert_eq!(lines, [] as [T; 0]);
}
