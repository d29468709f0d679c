//! Frames of two clients in one session, through the adapter of OpenVidu's into the rules: whatever they say, every request
//! is answered once, with a frame that a client can read, and the rules come to rest.

use std::collections::HashSet;
use std::time::Duration;

use openvidu::Dialect;
use protocol::id::WorkerId;
use protocol::media::{Kinds, MediaCommand, MediaEvent, MediaOperation};
use protocol::model::{
    ConnectionProperties, ForcedVideoCodec, MediaMode, MediaServer, RecordingMode, RecordingNotification,
    RecordingProperties, Role, SessionProperties,
};
use protocol::rpc::{self, Incoming};
use serde_json::Value;
use session::{Asker, ClientHandle, Command, Effect, PeerInfo, RecordingSettings, Registry, Settings, SocketId, Time};

const ROOM: &str = "room";
/// Of whom an input can speak, besides what it makes up.
const CLIENTS: usize = 2;
/// One thing may follow from another, but not for ever.
const MAX_EFFECTS: usize = 10_000;

/// One input: a frame per line. The first character says whose it is, and whether it then loses its socket. `$t0`, `$c0` and
/// `$s0` stand for the token, the connection and the stream of the first client, `$r0` for its RPC session.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut call = Call::new();
    for line in text.lines().take(64) {
        let mut characters = line.chars();
        let Some(first) = characters.next() else { continue };
        let who = first as usize % CLIENTS;
        let frame = call.with_names(characters.as_str());
        call.say(who, &frame);
        if first == '#' {
            call.lose(who);
        }
    }
    call.pass(Duration::from_secs(3600));
}

#[derive(Default)]
struct Client {
    socket: Option<SocketId>,
    token: String,
    connection: String,
    stream: String,
    handle: Option<ClientHandle>,
}

struct Call {
    registry: Registry,
    dialect: Dialect,
    now: Time,
    clients: [Client; CLIENTS],
    waiting: HashSet<(SocketId, i64)>,
    sockets: u64,
}

impl Call {
    fn new() -> Self {
        let mut registry = Registry::new(settings(), [7; 32]);
        let now = Time::from_millis(1_700_000_000_000);
        registry.create_session(properties(), now).expect("the id is free");
        let mut clients = <[Client; CLIENTS]>::default();
        for (client, role) in clients.iter_mut().zip([Role::Moderator, Role::Publisher]) {
            let properties = ConnectionProperties { role, ..ConnectionProperties::default() };
            let id = registry.create_connection(ROOM, properties, "ws://h", now).expect("the session exists");
            let made = registry.connection(ROOM, id.as_str()).expect("it was made");
            client.token = openvidu::view::connection(made).token.expect("nobody has used it");
        }
        let dialect = Dialect {
            media_server: MediaServer::Mediasoup,
            video_simulcast: false,
            compatible_version: "2.32.2".to_owned(),
        };
        let mut call = Self { registry, dialect, now, clients, waiting: HashSet::new(), sockets: 0 };
        call.carry_out();
        call
    }

    fn with_names(&self, frame: &str) -> String {
        let mut frame = frame.to_owned();
        for (index, client) in self.clients.iter().enumerate() {
            let session = client.handle.as_ref().map_or("", |handle| handle.as_str());
            for (letter, value) in
                [('t', client.token.as_str()), ('c', &client.connection), ('s', &client.stream), ('r', session)]
            {
                frame = frame.replace(&format!("${letter}{index}"), value);
            }
        }
        frame
    }

    fn say(&mut self, who: usize, frame: &str) {
        let socket = self.socket(who);
        let (request, command) = match rpc::parse(frame) {
            Incoming::Request { id, request } => {
                (id, Command::Socket { socket, request: id, command: openvidu::request::command(request) })
            }
            Incoming::Connect { id, rpc_session } => {
                // One that another socket of ours has been told, as a client that comes back has.
                let known = self.clients.iter().filter_map(|client| client.handle.clone());
                let mut known = known.filter(|handle| Some(handle.as_str()) == rpc_session.as_deref());
                (id, Command::Resume { socket, request: id, client: known.next() })
            }
            Incoming::Ping { .. } | Incoming::WithoutId | Incoming::Noise => return,
        };
        // An id that is in use is the client's own confusion.
        if self.waiting.insert((socket, request)) {
            self.registry.handle(command, self.now);
            self.carry_out();
        }
    }

    fn socket(&mut self, who: usize) -> SocketId {
        if let Some(socket) = self.clients[who].socket {
            return socket;
        }
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        self.clients[who].socket = Some(socket);
        let peer = PeerInfo { ip: "192.0.2.7".to_owned(), user_id: "U".to_owned() };
        self.registry.socket_opened(socket, peer);
        self.carry_out();
        socket
    }

    fn lose(&mut self, who: usize) {
        if let Some(socket) = self.clients[who].socket.take() {
            self.waiting.retain(|(of, _)| *of != socket);
            self.registry.socket_closed(socket, self.now);
            self.carry_out();
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..MAX_EFFECTS {
            let Some(next) = self.registry.poll_timeout().filter(|next| *next <= end) else { return };
            self.now = self.now.max(next);
            self.registry.handle_timeout(self.now);
            self.carry_out();
        }
        panic!("time does not pass");
    }

    fn carry_out(&mut self) {
        for _ in 0..MAX_EFFECTS {
            let Some(effect) = self.registry.poll_effect() else { return };
            match effect {
                Effect::Media(command) => {
                    if let Some(event) = agreed(&command) {
                        self.registry.handle_media(event, self.now);
                    }
                }
                Effect::Reply { asker: Asker::Socket { socket, request }, client, result } => {
                    assert!(self.waiting.remove(&(socket, request)), "an answer to nobody: {result:?}");
                    let frame = read(&self.dialect.frame(request, client.as_ref(), &result));
                    assert_eq!(frame["id"].as_i64(), Some(request), "{frame}");
                    self.learn(socket, client, &frame["result"]);
                }
                Effect::Notify { socket: _, notification } => {
                    let frame = read(&openvidu::notification::frame(&notification));
                    assert!(frame["method"].is_string(), "{frame}");
                }
                Effect::CloseSocket { socket } => {
                    self.waiting.retain(|(of, _)| *of != socket);
                    for client in &mut self.clients {
                        client.socket.take_if(|own| *own == socket);
                    }
                }
                Effect::Reply { asker: Asker::Call(_), .. }
                | Effect::Event(_)
                | Effect::Recording(_)
                | Effect::Job(_)
                | Effect::Observed(_)
                | Effect::Noticed(_)
                | Effect::Entered { .. }
                | Effect::Departed { .. }
                | Effect::Collected(_) => {}
            }
        }
        panic!("one thing follows from another without end");
    }

    fn learn(&mut self, socket: SocketId, handle: Option<ClientHandle>, result: &Value) {
        let Some(client) = self.clients.iter_mut().find(|client| client.socket == Some(socket)) else { return };
        client.handle = handle.or(client.handle.take());
        if let Some(id) = result["id"].as_str() {
            let known = if id.starts_with("str_") { &mut client.stream } else { &mut client.connection };
            *known = id.to_owned();
        }
    }
}

fn read(frame: &str) -> Value {
    serde_json::from_str(frame).expect("a frame is JSON")
}

/// What a worker says that has nothing to complain about.
fn agreed(command: &MediaCommand) -> Option<MediaEvent> {
    let sdp = "v=0".to_owned();
    Some(match &command.op {
        MediaOperation::Publish { request, kinds, .. } => {
            MediaEvent::Answered { request: *request, sdp, kinds: *kinds }
        }
        MediaOperation::Subscribe { request, offer: Some(_), .. } => {
            MediaEvent::Answered { request: *request, sdp, kinds: Kinds { audio: true, video: true } }
        }
        MediaOperation::Subscribe { request, offer: None, .. } => MediaEvent::Offered { request: *request, sdp },
        MediaOperation::AcceptAnswer { request, .. } => MediaEvent::Accepted { request: *request },
        _ => return None,
    })
}

fn properties() -> SessionProperties {
    SessionProperties {
        media_mode: MediaMode::Routed,
        recording_mode: RecordingMode::Manual,
        custom_session_id: ROOM.to_owned(),
        default_recording_properties: RecordingProperties::default(),
        forced_video_codec: ForcedVideoCodec::MediaServerPreferred,
        allow_transcoding: false,
        media_node: None,
        last_n: 0,
        loudest: 0,
    }
}

fn settings() -> Settings {
    Settings {
        secret: "secret".to_owned(),
        ice_servers: vec![],
        turn: None,
        media_workers: vec![WorkerId(0)],
        session_span: 200,
        reconnection_grace: Duration::from_secs(60),
        return_window: Duration::from_secs(180),
        linger: Duration::from_secs(10),
        media_timeout: Duration::from_secs(10),
        garbage_interval: Duration::from_secs(900),
        garbage_threshold: Duration::from_secs(3600),
        video_bandwidth: session::VideoBandwidth::default(),
        signals: None,
        network_quality: Some(Duration::from_secs(5)),
        virtual_background: false,
        transcodes: true,
        camera_states: true,
        filter_images: None,
        broadcast: session::BroadcastSettings {
            max_streams: 1,
            has_captions: false,
            start_timeout: Duration::from_secs(10),
            patience: Duration::from_secs(60),
        },
        recording: RecordingSettings {
            enabled: false,
            notification: RecordingNotification::PublisherModerator,
            auto_stop: Duration::ZERO,
            max_streams: 1,
            start_timeout: Duration::from_secs(10),
            page_start_timeout: Duration::from_secs(30),
            subtitles: None,
            processing_timeout: Duration::from_secs(15),
        },
        speech: None,
    }
}
