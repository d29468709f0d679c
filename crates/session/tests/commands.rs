//! Commands without any front door: as another machine, or an adapter that knows no sockets, would send them.

use std::time::Duration;

use protocol::id::WorkerId;
use protocol::media::{MediaCommand, MediaEvent, MediaOperation};
use protocol::model::{
    ConnectionProperties, ForcedVideoCodec, MediaMode, RecordingMode, RecordingNotification, RecordingProperties,
    SessionProperties,
};
use session::command::{ApplicationCommand, Caller, Join, Publish, StreamProperties};
use session::question::KnowsToken;
use session::registry::{Figures, NotFound};
use session::reply::Joined;
use session::{
    Asker, BroadcastSettings, CallId, ClientCommand, ClientHandle, Command, Effect, GuestRefusal, Notification,
    PeerInfo, Question as _, RecordingSettings, Refusal, Registry, Reply, Settings, SocketId, Time,
};

const NOW: Time = Time::from_millis(1_700_000_000_000);
const ROOM: &str = "room";

fn registry() -> Registry {
    let recording = RecordingSettings {
        enabled: false,
        notification: RecordingNotification::None,
        auto_stop: Duration::ZERO,
        max_streams: 0,
        start_timeout: Duration::ZERO,
        page_start_timeout: Duration::ZERO,
        subtitles: None,
        processing_timeout: Duration::ZERO,
    };
    let settings = Settings {
        secret: "secret".to_owned(),
        ice_servers: vec![],
        turn: None,
        media_workers: vec![WorkerId(0)],
        session_span: 200,
        reconnection_grace: Duration::from_secs(10),
        return_window: Duration::ZERO,
        linger: Duration::from_secs(10),
        media_timeout: Duration::from_secs(5),
        garbage_interval: Duration::ZERO,
        garbage_threshold: Duration::ZERO,
        video_bandwidth: session::VideoBandwidth::default(),
        signals: None,
        network_quality: None,
        virtual_background: true,
        transcodes: true,
        camera_states: false,
        filter_images: None,
        recording,
        broadcast: BroadcastSettings {
            max_streams: 0,
            has_captions: false,
            start_timeout: Duration::ZERO,
            patience: Duration::ZERO,
        },
        speech: None,
    };
    Registry::new(settings, [1; 32])
}

fn properties(id: &str) -> SessionProperties {
    SessionProperties {
        media_mode: MediaMode::Routed,
        recording_mode: RecordingMode::Manual,
        custom_session_id: id.to_owned(),
        default_recording_properties: RecordingProperties::default(),
        forced_video_codec: ForcedVideoCodec::MediaServerPreferred,
        allow_transcoding: false,
        media_node: None,
        last_n: 0,
        loudest: 0,
    }
}

/// Sends a command the way it would cross a network, has media agree, and returns every effect but media's.
fn handle(registry: &mut Registry, command: Command) -> Vec<Effect> {
    let text = serde_json::to_string(&command).expect("a command is plain data");
    assert_eq!(serde_json::from_str::<Command>(&text).expect("and comes back"), command);
    registry.handle(command, NOW);
    let mut effects = vec![];
    while let Some(effect) = registry.poll_effect() {
        match effect {
            Effect::Media(MediaCommand { op: MediaOperation::Publish { request, kinds, .. }, .. }) => {
                registry.handle_media(MediaEvent::Answered { request, sdp: "answer".to_owned(), kinds }, NOW);
            }
            Effect::Media(_)
            | Effect::Event(_)
            | Effect::Noticed(_)
            | Effect::Entered { .. }
            | Effect::Departed { .. } => {}
            Effect::Reply { asker, client, result } => {
                let text = serde_json::to_string(&result).expect("so is an answer");
                assert_eq!(serde_json::from_str::<Result<Reply, Refusal>>(&text).expect("and comes back"), result);
                effects.push(Effect::Reply { asker, client, result });
            }
            other => effects.push(other),
        }
    }
    effects
}

fn ask(registry: &mut Registry, command: ApplicationCommand) -> Result<Reply, Refusal> {
    let call = CallId(7);
    let effects = handle(registry, Command::Application { call, command });
    let answers = effects.into_iter().filter_map(|effect| match effect {
        Effect::Reply { asker: Asker::Call(asker), client: None, result } if asker == call => Some(result),
        _ => None,
    });
    let [answer] = <[_; 1]>::try_from(answers.collect::<Vec<_>>()).expect("one answer");
    answer
}

fn caller(client: Option<&ClientHandle>) -> Caller {
    match client {
        Some(client) => Caller::Known(client.clone()),
        None => Caller::New(PeerInfo { ip: "192.0.2.9".to_owned(), user_id: "c".to_owned() }),
    }
}

/// The answer to a client that makes calls, and who it is.
fn call(
    registry: &mut Registry,
    client: Option<&ClientHandle>,
    command: ClientCommand,
) -> (Option<ClientHandle>, Result<Reply, Refusal>) {
    let call = CallId(8);
    let mut effects = handle(registry, Command::Call { call, caller: caller(client), command });
    match effects.pop() {
        Some(Effect::Reply { asker: Asker::Call(asker), client, result }) if asker == call => (client, result),
        other => panic!("{other:?}"),
    }
}

fn token(registry: &mut Registry) -> String {
    let (session, origin) = (ROOM.to_owned(), "wss://x".to_owned());
    let properties = Box::new(ConnectionProperties::default());
    match ask(registry, ApplicationCommand::CreateConnection { session, properties, origin }) {
        Ok(Reply::Connection(connection)) => connection.token.expect("it is pending").value,
        other => panic!("{other:?}"),
    }
}

fn join(token: String) -> ClientCommand {
    ClientCommand::Join(Box::new(Join {
        session: ROOM.to_owned(),
        token_as_sent: token.clone(),
        token,
        secret: String::new(),
        hidden: None,
        client_data: "ann".to_owned(),
        platform: String::new(),
        client_version: None,
    }))
}

fn publish() -> ClientCommand {
    ClientCommand::Publish(Box::new(Publish {
        offer: "offer".to_owned(),
        loopback: false,
        properties: StreamProperties {
            has_audio: true,
            has_video: false,
            audio_active: None,
            video_active: None,
            type_of_video: None,
            frame_rate: None,
            video_dimensions: None,
        },
        filter: None,
    }))
}

/// A session with one participant that has a socket, and the socket.
fn room() -> (Registry, SocketId) {
    let mut registry = registry();
    let created = ask(&mut registry, ApplicationCommand::CreateSession(Box::new(properties(ROOM))));
    assert!(created.is_ok_and(|reply| matches!(reply, Reply::Session(session) if session.id.as_str() == ROOM)));
    let token = token(&mut registry);
    let socket = SocketId(1);
    registry.socket_opened(socket, PeerInfo { ip: "192.0.2.7".to_owned(), user_id: "u".to_owned() });
    let effects = handle(&mut registry, Command::Socket { socket, request: 1, command: join(token) });
    assert!(matches!(effects[..], [Effect::Reply { result: Ok(Reply::Joined(_)), .. }]), "{effects:?}");
    (registry, socket)
}

#[test]
fn a_client_without_a_socket_joins_publishes_and_leaves_by_calls() {
    let (mut registry, _) = room();
    let token = token(&mut registry);
    let (client, joined) = call(&mut registry, None, join(token));
    let client = client.expect("by this it is found again");
    let Ok(Reply::Joined(joined)) = joined else { panic!("{joined:?}") };
    let Joined { others, .. } = &*joined;
    assert_eq!(others.len(), 1);

    let (call_id, command) = (CallId(9), publish());
    let effects = handle(&mut registry, Command::Call { call: call_id, caller: caller(Some(&client)), command });
    let [Effect::Reply { result: Ok(Reply::Published { answer, .. }), .. }, Effect::Notify { notification, .. }] =
        &effects[..]
    else {
        panic!("the one with a socket is told after the answer: {effects:?}");
    };
    assert_eq!(answer, "answer");
    assert!(matches!(**notification, Notification::StreamPublished { .. }));

    assert_eq!(call(&mut registry, Some(&client), ClientCommand::Leave).1, Ok(Reply::Done));
    assert_eq!(call(&mut registry, Some(&client), ClientCommand::Leave).1, Err(Refusal::UnknownClient));
    let Figures { clients, publications, timers, .. } = registry.figures();
    assert_eq!((clients, publications, timers), (1, 0, 0));
}

#[test]
fn a_token_is_known_until_its_client_has_left() {
    let (mut registry, _) = room();
    let token = token(&mut registry);
    let knows = |registry: &Registry, session: &str, token: &str| {
        KnowsToken { session: session.to_owned(), token: token.to_owned() }.answer(registry)
    };
    assert!(knows(&registry, ROOM, &token) && !knows(&registry, "other", &token) && !knows(&registry, ROOM, "tok_"));
    let (client, _) = call(&mut registry, None, join(token.clone()));
    assert!(knows(&registry, ROOM, &token));
    assert_eq!(call(&mut registry, client.as_ref(), ClientCommand::Leave).1, Ok(Reply::Done));
    assert!(!knows(&registry, ROOM, &token));
}

#[test]
fn a_caller_that_is_refused_is_forgotten() {
    let (mut registry, _) = room();
    let (_, refused) = call(&mut registry, None, join("tok_wrong".to_owned()));
    assert_eq!(refused, Err(Refusal::InvalidToken { session: ROOM.into(), token: "tok_wrong".to_owned() }));
    let (_, refused) = call(&mut registry, None, publish());
    assert!(matches!(refused, Err(Refusal::NotJoined { .. })), "{refused:?}");
    assert_eq!(registry.figures().clients, 1);
}

#[test]
fn a_caller_that_is_put_out_is_forgotten() {
    let (mut registry, _) = room();
    let token = token(&mut registry);
    let (client, joined) = call(&mut registry, None, join(token));
    let Ok(Reply::Joined(joined)) = joined else { panic!("{joined:?}") };
    let (session, connection) = (ROOM.to_owned(), joined.connection.to_string());
    assert_eq!(ask(&mut registry, ApplicationCommand::CloseConnection { session, connection }), Ok(Reply::Done));
    assert_eq!(call(&mut registry, client.as_ref(), ClientCommand::Echo).1, Err(Refusal::UnknownClient));
}

#[test]
fn a_client_that_made_calls_goes_on_with_a_socket() {
    let (mut registry, _) = room();
    let token = token(&mut registry);
    let (client, _) = call(&mut registry, None, join(token));
    let socket = SocketId(2);
    registry.socket_opened(socket, PeerInfo { ip: String::new(), user_id: String::new() });
    let effects = handle(&mut registry, Command::Resume { socket, request: 1, client });
    assert!(matches!(effects[..], [Effect::Reply { result: Ok(Reply::Resumed), .. }]), "{effects:?}");
    let effects = handle(&mut registry, Command::Socket { socket, request: 2, command: publish() });
    assert!(matches!(effects[0], Effect::Reply { result: Ok(Reply::Published { .. }), .. }), "{effects:?}");
}

#[test]
fn applications_are_refused_by_effects_too() {
    let (mut registry, _) = room();
    let taken = ApplicationCommand::CreateSession(Box::new(properties(ROOM)));
    assert_eq!(ask(&mut registry, taken), Err(Refusal::SessionExists));
    let unknown = ApplicationCommand::CloseSession { session: "nowhere".to_owned() };
    assert_eq!(ask(&mut registry, unknown), Err(Refusal::NotFound(NotFound::Session)));
    let nothing_ends = ApplicationCommand::AwaitEnd { session: None };
    assert_eq!(ask(&mut registry, nothing_ends), Ok(Reply::Done));
}

#[test]
fn visitors_get_places_in_rooms_of_their_own_and_in_no_others() {
    let (mut registry, _) = room();
    let mut take = |id: &str| registry.take_guest_place(properties(id), Default::default(), "wss://x", None, NOW);
    assert_eq!(take(ROOM), Err(GuestRefusal::NotAGuestRoom));
    for _ in 0..200 {
        assert!(take("guests").is_ok_and(|place| place.token.is_some()));
    }
    assert_eq!(take("guests"), Err(GuestRefusal::RoomFull));
    for n in 1..1000 {
        assert!(take(&format!("guests-{n}")).is_ok());
    }
    assert_eq!(take("one-more"), Err(GuestRefusal::TooManyRooms));
    registry.close_session("guests", NOW).expect("it exists");
    registry.create_session(properties("guests"), NOW).expect("an application takes the id");
    let taken = registry.take_guest_place(properties("guests"), Default::default(), "wss://x", None, NOW);
    assert_eq!(taken, Err(GuestRefusal::NotAGuestRoom), "the former room opens nothing");
}

#[test]
fn places_that_nobody_takes_are_free_again_after_minutes_and_so_are_their_rooms() {
    let (mut registry, _) = room();
    let take = |registry: &mut Registry, id: &str, asker: Option<&str>, now: Time| {
        let asker = asker.map(|ip| ip.parse().unwrap());
        registry.take_guest_place(properties(id), Default::default(), "wss://x", asker, now)
    };
    // A stranger who asks for everything gets his share, of rooms and of places.
    let stranger = Some("192.0.2.1");
    for n in 0..100 {
        assert!(take(&mut registry, &format!("guests-{n}"), stranger, NOW).is_ok(), "{n}");
    }
    let refused = take(&mut registry, "guests-0", stranger, NOW);
    assert!(matches!(refused, Err(GuestRefusal::ShareOfPlaces { most: 100, .. })), "{refused:?}");
    assert!(take(&mut registry, "guests-0", Some("192.0.2.2"), NOW).is_ok(), "others have their own");
    let application = registry.create_connection("guests-1", Default::default(), "wss://x", NOW).unwrap();

    let at = |seconds| NOW + Duration::from_secs(seconds);
    for seconds in (30..=180).step_by(30) {
        registry.handle_timeout(at(seconds));
        assert_eq!(registry.session_ids().len() > 2, seconds < 180, "{seconds} s");
    }
    assert!(registry.connection("guests-1", application.as_str()).is_ok(), "not a guest's place");
    assert!(take(&mut registry, "guests-0", stranger, at(180)).is_ok());
}

#[test]
fn a_network_makes_so_many_rooms() {
    let (mut registry, _) = room();
    let asker = Some("192.0.2.1".parse().unwrap());
    let mut made = 0;
    for n in 0..200 {
        let now = NOW + Duration::from_secs(n);
        registry.handle_timeout(now);
        let id = format!("guests-{n}");
        match registry.take_guest_place(properties(&id), Default::default(), "wss://x", asker, now) {
            Ok(_) => {
                made += 1;
                // An application keeps the room open.
                registry.create_connection(&id, Default::default(), "wss://x", now).unwrap();
            }
            Err(GuestRefusal::ShareOfRooms { most } | GuestRefusal::ShareOfPlaces { most, .. }) => {
                assert_eq!(most, 100)
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(made, 100);
}
