//! joinRoom.

use std::time::Duration;

use protocol::model::{ConnectionProperties, IceServer, KurentoOptions, MediaServer, Role};
use protocol::rpc::{ClientRequest, InvalidParams, JoinRoom};
use session::{Settings, TurnServer};
use turn::SharedSecret;

use crate::call::{Call, ROOM, SECRET, none, settings};
use crate::message::{camera, join_room};

fn with(change: impl FnOnce(&mut JoinRoom)) -> ClientRequest {
    let ClientRequest::JoinRoom(mut request) = join_room("") else { unreachable!() };
    change(&mut request);
    ClientRequest::JoinRoom(request)
}

#[test]
fn the_others_learn_of_a_newcomer_before_it_is_answered() {
    let mut call = Call::new();
    call.join("ann").join("bob");
    assert_eq!(call.inbox("ann").len(), 2);
    let first = call.log.iter().position(|line| line.starts_with("ann: participantJoined")).expect("ann is told");
    let second = call.log.iter().position(|line| line == "bob: joined").expect("bob is answered");
    assert!(first < second);
    assert_eq!(call.inbox("bob"), ["joined"]);
}

#[test]
fn a_newcomer_learns_who_is_there_in_the_order_of_joining() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").join("cid");
    let value = &call.joined("cid").value;
    assert_eq!(
        value.iter().map(|who| who.id.to_string()).collect::<Vec<_>>(),
        [call.connection("ann"), call.connection("bob")]
    );
    let stream = value[0].stream.as_ref().expect("ann publishes");
    assert_eq!(stream.id.as_str(), call.stream("ann"));
    assert_eq!(stream.type_of_video.as_deref(), Some("CAMERA"));
    assert!(value[1].stream.is_none());
}

#[test]
fn entries_of_the_join_result_have_no_role_and_no_empty_list_of_streams() {
    let mut call = Call::new();
    call.join("ann").join("bob");
    let entry = serde_json::to_value(&call.joined("bob").value[0]).expect("serialises");
    let keys: Vec<_> = entry.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["id", "createdAt", "metadata"]);
}

#[test]
fn the_result_has_what_clients_need() {
    let mut call = Call::new();
    call.join_as("ann", Role::Moderator);
    let joined = call.joined("ann");
    assert_eq!(joined.session.as_str(), ROOM);
    assert_eq!(joined.media_server, "mediasoup");
    assert!(joined.video_simulcast);
    assert_eq!(joined.record, Some(true));
    assert_eq!(joined.role, Role::Moderator);
    assert_eq!(joined.final_user_id.as_deref(), Some("U1"));
    assert_eq!(joined.created_at, call.now.as_millis());
    assert!(joined.value.is_empty());
    assert_eq!(call.handle("ann").as_str().len(), 26);
}

#[test]
fn kurento_mode_never_announces_simulcast() {
    let mut call = Call::new();
    call.dialect.media_server = MediaServer::Kurento;
    call.join("ann");
    assert_eq!(call.joined("ann").media_server, "kurento");
    assert!(!call.joined("ann").video_simulcast);
}

#[test]
fn a_token_is_accepted_once() {
    let mut call = Call::new();
    let token = call.token(ConnectionProperties::default());
    call.open("ann");
    call.request("ann", join_room(&token));
    call.open("bob");
    call.request("bob", join_room(&token));
    assert_eq!(call.inbox("ann"), ["joined"]);
    assert_eq!(
        call.inbox("bob"),
        [format!("error Unable to join session {ROOM}. Token {token} is not valid. Code: 401")]
    );
}

#[test]
fn a_token_is_known_by_its_value_whatever_stands_around_it() {
    let mut call = Call::new();
    for (name, around) in [("ann", "wss://elsewhere:4443/path/?token={}&sessionId=room"), ("bob", "{}")] {
        let token = call.token(ConnectionProperties::default());
        let value = token.split("token=").nth(1).expect("has a value");
        call.open(name);
        call.request(name, join_room(&around.replace("{}", value)));
        assert_eq!(call.last(name), "joined");
    }
}

#[test]
fn a_token_opens_no_other_session_and_is_not_used_up_by_trying() {
    let mut call = Call::new();
    call.create_session("other");
    let token = call.token(ConnectionProperties::default());
    call.open("ann");
    call.request("ann", with(|request| (request.token, request.session) = (token.clone(), "other".to_owned())));
    assert_eq!(call.last("ann"), format!("error Unable to join session other. Token {token} is not valid. Code: 401"));
    call.request("ann", join_room(&token));
    assert_eq!(call.last("ann"), "joined");
}

#[test]
fn an_unknown_session_is_code_202() {
    let mut call = Call::new();
    call.open("ann");
    call.request("ann", with(|request| request.session = "nowhere".to_owned()));
    assert_eq!(call.inbox("ann"), ["error Unable to join session. Session nowhere cannot be found. Code: 202"]);
    call.request("ann", with(|request| (request.session, request.secret) = ("nowhere".to_owned(), SECRET.to_owned())));
    assert_eq!(call.inbox("ann"), ["error Unable to join session. Session nowhere cannot be found. Code: 202"]);
}

#[test]
fn a_second_join_on_a_joined_socket_is_refused_and_uses_up_no_token() {
    let mut call = Call::new();
    call.join("ann").hush();
    let token = call.token(ConnectionProperties::default());
    call.request("ann", join_room(&token));
    assert!(call.last("ann").ends_with("Code: 802"), "{}", call.last("ann"));
    call.open("bob");
    call.request("bob", join_room(&token));
    assert_eq!(call.last("bob"), "joined");
}

#[test]
fn metadata_is_the_clients_part_and_the_applications_part() {
    let mut call = Call::new();
    for (name, client, server, expected) in
        [("ann", "c", "s", "c%/%s"), ("bob", "c", "", "c"), ("cid", "", "s", "s"), ("dan", "", "", "")]
    {
        let token = call.token(ConnectionProperties { data: server.to_owned(), ..ConnectionProperties::default() });
        call.open(name);
        call.request(name, with(|request| (request.token, request.metadata) = (token, client.to_owned())));
        assert_eq!(call.joined(name).metadata, expected);
    }
    assert_eq!(call.inbox("ann")[1..].iter().filter(|line| line.starts_with("participantJoined")).count(), 3);
}

#[test]
fn a_client_hears_its_own_version_if_it_is_one_that_is_served() {
    let mut call = Call::new();
    for (name, sdk, expected) in [
        ("ann", Some("2.25.0"), "2.25.0"),
        ("bob", None, "2.32.2"),
        ("cid", Some("3.0.0"), "2.32.2"),
        ("dan", Some("no semver"), "2.32.2"),
    ] {
        let token = call.token(ConnectionProperties::default());
        call.open(name);
        call.request(name, with(|request| (request.token, request.sdk_version) = (token, sdk.map(str::to_owned))));
        assert_eq!(call.joined(name).version, expected);
    }
}

#[test]
fn ice_servers_are_the_connections_own_or_the_deployments() {
    let mut call = Call::new();
    let own = IceServer {
        url: "turn:203.0.113.5:3479".to_owned(),
        username: Some("u".to_owned()),
        credential: Some("c".to_owned()),
    };
    call.join("ann");
    call.join_with(
        "bob",
        ConnectionProperties { custom_ice_servers: vec![own.clone()], ..ConnectionProperties::default() },
    );
    assert_eq!(call.joined("ann").custom_ice_servers, settings().ice_servers);
    assert!(call.joined("ann").turn.is_none());
    assert_eq!(call.joined("bob").custom_ice_servers, [own]);
    let turn = call.joined("bob").turn.as_ref().expect("clients before 2.23 read these");
    assert_eq!((turn.coturn_ip.as_str(), turn.coturn_port), ("203.0.113.5", 3479));
    assert_eq!((turn.turn_username.as_str(), turn.turn_credential.as_str()), ("u", "c"));
}

#[test]
fn turn_users_are_made_up_as_they_join() {
    let secret = SharedSecret::new("hush-hush");
    let uris = ["turn:203.0.113.5:40000", "turn:203.0.113.5:443?transport=tcp"].map(str::to_owned);
    let turn = TurnServer { uris: uris.to_vec(), secret: secret.clone() };
    let mut call = Call::with(Settings { turn: Some(turn), ..settings() });
    call.join("cid");
    let token = call.token(ConnectionProperties::default());
    // A token may lie around for long before it is used.
    call.advance(Duration::from_secs(100_000));
    call.open("ann");
    call.request("ann", with(|request| request.token = token));
    let (ann, now) = (call.joined("ann").clone(), call.now.as_millis() / 1000);
    let turn = ann.turn.as_ref().unwrap();
    let (expiry, label) = turn.turn_username.split_once(':').unwrap();
    assert_eq!((expiry, label), ((now + 86_400).to_string().as_str(), ann.id.as_str()));
    assert_eq!(turn.turn_credential, secret.issue(now, label).password);
    assert_eq!((turn.coturn_ip.as_str(), turn.coturn_port), ("203.0.113.5", 40_000));
    let servers = uris.map(|url| IceServer {
        url,
        username: Some(turn.turn_username.clone()),
        credential: Some(turn.turn_credential.clone()),
    });
    assert_eq!(ann.custom_ice_servers, servers);
    // Who has servers of its own gets those alone; the old fields still name one that relays.
    let own = IceServer { url: "stun:192.0.2.1".to_owned(), username: None, credential: None };
    let properties = ConnectionProperties { custom_ice_servers: vec![own.clone()], ..ConnectionProperties::default() };
    call.join_with("bob", properties);
    let bob = call.joined("bob");
    assert_eq!((&bob.custom_ice_servers, bob.turn.is_some()), (&vec![own], true));
    assert_ne!(bob.turn.as_ref().unwrap().turn_username, turn.turn_username);
}

#[test]
fn who_joins_by_secret_is_a_visible_subscriber_that_may_moderate_and_not_publish() {
    let mut call = Call::new();
    call.join("ann").join_by_secret("eve", false, false);
    let joined = call.joined("eve").clone();
    assert!(joined.id.as_str().starts_with("con_"));
    assert_eq!((joined.role, joined.record), (Role::Subscriber, None));
    assert!(joined.final_user_id.is_some());
    assert_eq!(call.inbox("ann")[1], format!("participantJoined {}", joined.id));
    call.request("eve", ClientRequest::PublishVideo(Box::new(camera())));
    assert_eq!(call.last("eve"), "error A connection that was made with the secret cannot publish");
    let ann = call.connection("ann");
    call.request("eve", ClientRequest::ForceDisconnect { connection_id: ann });
    assert!(call.inbox("eve").contains(&"ok".to_owned()));
}

#[test]
fn a_wrong_secret_is_ignored_and_the_token_decides() {
    let mut call = Call::new();
    call.open("ann");
    call.request("ann", with(|request| request.secret = "MY_SECRE".to_owned()));
    assert!(call.last("ann").ends_with("Code: 401"));
    let token = call.token(ConnectionProperties::default());
    call.request("ann", with(|request| (request.secret, request.token, request.recorder) = ("x".into(), token, true)));
    assert_ne!(call.connection("ann"), "RECORDER");
}

#[test]
fn an_empty_secret_lets_nobody_in() {
    let mut settings = settings();
    settings.secret = String::new();
    let mut call = Call::with(settings);
    call.open("ann");
    call.request("ann", with(|request| request.recorder = true));
    assert!(call.last("ann").ends_with("Code: 401"));
}

#[test]
fn the_recorder_sees_everybody_and_nobody_sees_it() {
    let mut call = Call::new();
    call.join("ann").join_by_secret("rec", true, false);
    assert_eq!(call.connection("rec"), "RECORDER");
    assert_eq!(call.joined("rec").value.len(), 1);
    assert_eq!((call.joined("rec").final_user_id.as_ref(), call.joined("rec").record), (None, None));
    call.hush().join("bob").publish("bob");
    assert_eq!(
        call.inbox("ann"),
        [format!("participantJoined {}", call.connection("bob")), "participantPublished bob".into()]
    );
    assert_eq!(call.inbox("rec").len(), 2);
    assert_eq!(call.joined("bob").value.len(), 1);
    let view = call.registry.connections(ROOM, session::snapshot::Include::default()).expect("exists");
    assert_eq!(view.len(), 2);
    assert!(call.registry.connection(ROOM, "RECORDER").is_err());
}

#[test]
fn a_second_recorder_takes_the_place_of_the_first() {
    let mut call = Call::new();
    call.join("ann").join_by_secret("old", true, false).hush().join_by_secret("new", true, false);
    assert_eq!(call.inbox("old"), ["participantEvicted old forceDisconnectByServer", "closed"]);
    assert_eq!(call.inbox("new"), ["joined"]);
    none(call.inbox("ann"));
}

#[test]
fn speech_to_text_is_hidden_too() {
    let mut call = Call::new();
    call.join("ann").hush().join_by_secret("stt", false, true);
    assert_eq!(call.connection("stt"), "SPEECH_TO_TEXT");
    none(call.inbox("ann"));
}

#[test]
fn what_cannot_be_read_leaves_the_token_unused() {
    let mut call = Call::new();
    let token = call.token(ConnectionProperties::default());
    call.open("ann");
    let fault = InvalidParams { method: "joinRoom".to_owned(), parameter: "session".to_owned(), rule: "is missing" };
    call.raw_request("ann", Err(fault));
    assert_eq!(call.inbox("ann"), ["error Parameter 'session' of method 'joinRoom' is missing"]);
    call.request("ann", join_room(&token));
    assert_eq!(call.last("ann"), "joined");
}

#[test]
fn the_room_is_opened_in_the_media_worker_when_somebody_joins() {
    let mut call = Call::new();
    assert!(call.worker.routers.is_empty());
    call.join("ann").join("bob");
    assert_eq!(call.worker.routers.len(), 1);
}

#[test]
fn tokens_are_void_with_their_session() {
    let mut call = Call::new();
    let token =
        call.token(ConnectionProperties { kurento_options: Some(KurentoOptions::default()), ..Default::default() });
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.create_session(ROOM);
    call.open("ann");
    call.request("ann", join_room(&token));
    assert!(call.last("ann").ends_with("Code: 401"));
}
