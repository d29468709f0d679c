//! A call under a virtual clock: people do things, a media worker answers at once (or fails, or stalls), and the events
//! are kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::event::Event;
use protocol::media::{MediaCommand, MediaEvent, MediaFailure};
use protocol::model::{
    ConnectionProperties, ForcedVideoCodec, MediaMode, MediaServer, RecordingMode, RecordingProperties, Role,
    SessionProperties,
};
use protocol::rpc::{ClientReply, ClientRequest, JoinRoom, PublishVideo, RpcError, SubscribeSdp};
use session::{Effect, PeerInfo, Registry, Settings, SocketId, Time};

/// The deployment's secret.
const SECRET: &str = "SECRET";
/// The session's id.
const SESSION: &str = "room";

/// Somebody in the call: their first socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Person(SocketId);

/// See the module.
pub(crate) struct Call {
    registry: Registry,
    now: Time,
    next_socket: u64,
    next_request: i64,
    /// The socket that each person speaks over at present.
    sockets: HashMap<Person, SocketId>,
    connections: HashMap<Person, String>,
    rpc_sessions: HashMap<SocketId, Arc<str>>,
    streams: HashMap<Person, String>,
    replies: HashMap<i64, Result<ClientReply, RpcError>>,
    events: Vec<Event>,
    failure: Option<MediaFailure>,
    stalled: bool,
}

impl Call {
    /// A session that nobody has joined, on a server whose clients offer.
    pub(crate) fn new() -> Self {
        Self::with(MediaServer::Kurento)
    }

    pub(crate) fn with(media_server: MediaServer) -> Self {
        let settings = Settings {
            media_server,
            video_simulcast: false,
            compatible_version: "2.32.2".to_owned(),
            secret: SECRET.to_owned(),
            ice_servers: vec![],
            reconnection_grace: Duration::from_secs(10),
            linger: Duration::from_secs(10),
            media_timeout: Duration::from_secs(5),
            garbage_interval: Duration::from_secs(900),
            garbage_threshold: Duration::from_secs(3600),
        };
        let mut call = Self {
            registry: Registry::new(settings, [7; 32]),
            now: Time::from_millis(1_795_232_032_222),
            next_socket: 0,
            next_request: 0,
            sockets: HashMap::new(),
            connections: HashMap::new(),
            rpc_sessions: HashMap::new(),
            streams: HashMap::new(),
            replies: HashMap::new(),
            events: vec![],
            failure: None,
            stalled: false,
        };
        call.rest(|registry, _, now| registry.create_session(Self::properties(SESSION), now).unwrap());
        call
    }

    pub(crate) fn properties(id: &str) -> SessionProperties {
        SessionProperties {
            media_mode: MediaMode::Routed,
            recording_mode: RecordingMode::Manual,
            custom_session_id: id.to_owned(),
            default_recording_properties: RecordingProperties::default(),
            forced_video_codec: ForcedVideoCodec::MediaServerPreferred,
            allow_transcoding: false,
            media_node: None,
        }
    }

    /// Everything told so far.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// The same as webhooks carry it.
    pub(crate) fn webhooks(&self) -> Vec<String> {
        self.events.iter().map(|event| serde_json::to_string(&event.webhook()).unwrap()).collect()
    }

    pub(crate) fn connection(&self, person: Person) -> String {
        self.connections[&person].clone()
    }

    pub(crate) fn stream(&self, person: Person) -> String {
        self.streams[&person].clone()
    }

    /// Lets time pass; deadlines are met on time.
    pub(crate) fn wait(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(deadline) = self.registry.poll_timeout().filter(|deadline| *deadline <= end) {
            self.now = deadline.max(self.now);
            self.registry.handle_timeout(self.now);
            self.settle();
        }
        self.now = end;
    }

    /// A call of the REST API.
    pub(crate) fn rest<R>(&mut self, f: impl FnOnce(&mut Registry, &str, Time) -> R) -> R {
        let result = f(&mut self.registry, SESSION, self.now);
        self.settle();
        result
    }

    /// `DELETE /sessions/{id}`.
    pub(crate) fn close(&mut self) {
        self.rest(|registry, session, now| registry.close_session(session, now).unwrap());
    }

    pub(crate) fn enter(&mut self, platform: &str, client_data: &str, server_data: &str) -> Person {
        let properties = ConnectionProperties { data: server_data.to_owned(), ..ConnectionProperties::default() };
        self.enter_with(properties, platform, client_data)
    }

    pub(crate) fn enter_as_moderator(&mut self) -> Person {
        let properties = ConnectionProperties { role: Role::Moderator, ..ConnectionProperties::default() };
        self.enter_with(properties, "M", "")
    }

    /// The page that a composed recording films.
    pub(crate) fn enter_hidden(&mut self) -> Person {
        self.join(JoinRoom { secret: SECRET.to_owned(), recorder: true, ..join_room("", "R", "") })
    }

    fn enter_with(&mut self, properties: ConnectionProperties, platform: &str, client_data: &str) -> Person {
        let token = self.rest(|registry, session, now| {
            let id = registry.create_connection(session, properties, "wss://localhost", now).unwrap();
            registry.connection(session, id.as_str()).unwrap().token.unwrap()
        });
        self.join(join_room(&token, platform, client_data))
    }

    fn join(&mut self, request: JoinRoom) -> Person {
        let socket = self.open_socket();
        let person = Person(socket);
        self.sockets.insert(person, socket);
        let reply = self.request(person, ClientRequest::JoinRoom(Box::new(request)));
        let Some(Ok(ClientReply::Joined(joined))) = reply else { panic!("{reply:?}") };
        self.connections.insert(person, joined.id.to_string());
        person
    }

    fn open_socket(&mut self) -> SocketId {
        let socket = SocketId(self.next_socket);
        self.next_socket += 1;
        let peer = PeerInfo { ip: "127.0.0.1".to_owned(), final_user_id: "0123456789ABCDEF".to_owned() };
        self.registry.socket_opened(socket, peer, self.now);
        self.settle();
        socket
    }

    /// The network takes somebody's socket away.
    pub(crate) fn cut(&mut self, person: Person) {
        self.registry.socket_closed(self.sockets[&person], self.now);
        self.settle();
    }

    /// They come back on another one.
    pub(crate) fn come_back(&mut self, person: Person) {
        let rpc_session = self.rpc_sessions[&person.0].clone();
        let socket = self.open_socket();
        let request = self.number();
        self.registry.reconnect(socket, request, Some(&rpc_session), self.now);
        self.settle();
        assert!(matches!(self.replies.remove(&request), Some(Ok(ClientReply::Value { .. }))));
        self.sockets.insert(person, socket);
    }

    /// A request that succeeds.
    pub(crate) fn ask(&mut self, person: Person, request: ClientRequest) {
        let reply = self.request(person, request);
        assert!(matches!(reply, Some(Ok(_))), "{reply:?}");
    }

    /// A request and its answer, if there is one already.
    pub(crate) fn request(&mut self, person: Person, request: ClientRequest) -> Option<Result<ClientReply, RpcError>> {
        let id = self.number();
        self.registry.request(self.sockets[&person], id, Ok(request), self.now);
        self.settle();
        self.replies.remove(&id)
    }

    fn number(&mut self) -> i64 {
        self.next_request += 1;
        self.next_request
    }

    pub(crate) fn camera() -> PublishVideo {
        PublishVideo {
            sdp_offer: "offer".to_owned(),
            do_loopback: false,
            has_audio: true,
            has_video: true,
            audio_active: Some(true),
            video_active: Some(true),
            type_of_video: Some("CAMERA".to_owned()),
            frame_rate: Some(30),
            video_dimensions: Some("{\"width\":640,\"height\":480}".to_owned()),
            filter: false,
        }
    }

    /// Says nothing of its size and rate.
    pub(crate) fn screen() -> PublishVideo {
        let type_of_video = Some("SCREEN".to_owned());
        PublishVideo { type_of_video, frame_rate: None, video_dimensions: None, ..Self::camera() }
    }

    /// Gives the new stream's id.
    pub(crate) fn publish(&mut self, person: Person, stream: PublishVideo) -> String {
        let reply = self.request(person, ClientRequest::PublishVideo(Box::new(stream)));
        let Some(Ok(ClientReply::Published { id, .. })) = reply else { panic!("{reply:?}") };
        self.streams.insert(person, id.to_string());
        id.to_string()
    }

    /// Publishes and does not care whether it works.
    pub(crate) fn try_publish(&mut self, person: Person, stream: PublishVideo) {
        self.request(person, ClientRequest::PublishVideo(Box::new(stream)));
    }

    /// Subscribes with an offer of the client's.
    pub(crate) fn receive(&mut self, person: Person, stream: &str) {
        let sdp = Some(SubscribeSdp::Offer("offer".to_owned()));
        self.request(person, ClientRequest::ReceiveVideoFrom { sender: stream.to_owned(), sdp });
    }

    /// Answers the server's offer.
    pub(crate) fn answer(&mut self, person: Person, stream: &str) {
        let sdp = Some(SubscribeSdp::Answer("answer".to_owned()));
        self.ask(person, ClientRequest::ReceiveVideoFrom { sender: stream.to_owned(), sdp });
    }

    /// From now on the media worker fails at everything, or no longer.
    pub(crate) fn fail_media(&mut self, why: Option<MediaFailure>) {
        self.failure = why;
    }

    /// From now on the media worker says nothing.
    pub(crate) fn stall_media(&mut self) {
        self.stalled = true;
    }

    fn settle(&mut self) {
        while let Some(effect) = self.registry.poll_effect() {
            match effect {
                Effect::Event(event) => self.events.push(event),
                Effect::Reply { socket, request, rpc_session, result } => {
                    self.rpc_sessions.insert(socket, rpc_session);
                    self.replies.insert(request, result);
                }
                Effect::Media(command) => {
                    if let Some(event) = self.carry_out(command) {
                        self.registry.handle_media(event, self.now);
                    }
                }
                Effect::Notify { .. } | Effect::CloseSocket { .. } => {}
            }
        }
    }

    fn carry_out(&self, command: MediaCommand) -> Option<MediaEvent> {
        let sdp = "sdp".to_owned();
        let (request, event) = match command {
            MediaCommand::Publish { request, .. } | MediaCommand::Subscribe { request, offer: Some(_), .. } => {
                (request, MediaEvent::Answered { request, sdp })
            }
            MediaCommand::Subscribe { request, offer: None, .. } => (request, MediaEvent::Offered { request, sdp }),
            MediaCommand::AcceptAnswer { request, .. } => (request, MediaEvent::Accepted { request }),
            _ => return None,
        };
        if self.stalled {
            return None;
        }
        Some(self.failure.clone().map_or(event, |why| MediaEvent::Failed { request, why }))
    }
}

fn join_room(token: &str, platform: &str, client_data: &str) -> JoinRoom {
    JoinRoom {
        token: token.to_owned(),
        session: SESSION.to_owned(),
        platform: platform.to_owned(),
        sdk_version: Some("2.32.2".to_owned()),
        metadata: client_data.to_owned(),
        secret: String::new(),
        recorder: false,
        stt: false,
    }
}
