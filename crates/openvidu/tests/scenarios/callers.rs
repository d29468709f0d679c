//! Clients without a socket, as those of WHIP and WHEP are: what keeps them, what ends them, and what everybody else sees of it.

use std::time::Duration;

use protocol::id::{RouterId, TransportId};
use protocol::media::{IceCredentials, MediaFailure, MediaOperation, TransportObservation};
use protocol::model::{ConnectionProperties, Role};
use protocol::rpc::ClientRequest;
use session::command::{Caller, Join, Publish, StreamProperties};
use session::question::{FindCaller, LookIn};
use session::{
    CallId, CallerView, ClientCommand, Command, NoCaller, NoProspect, PeerInfo, Prospect, Question as _, Refusal,
    Reply, Settings,
};

use crate::call::{Call, GRACE, ROOM, none, settings};
use crate::worker::observed;

/// From joining until there is media, and between two looks at it.
const PATIENCE: Duration = Duration::from_secs(30);

/// One of them.
struct Device {
    token: String,
    connection: String,
}

impl Call {
    fn ask(&mut self, caller: Caller, command: ClientCommand) -> Result<Reply, Refusal> {
        let call = CallId(self.completed.len() as u64 + 1000);
        self.registry.handle(Command::Call { call, caller, command }, self.now);
        self.carry_out();
        self.completed.get(&call).expect("a call is answered").clone()
    }

    /// Joins with a token; tests call it by this name.
    fn call_in(&mut self, name: &str, role: Role) -> Device {
        let token = self.token(ConnectionProperties { role, ..ConnectionProperties::default() });
        let token = value(&token).to_owned();
        let peer = PeerInfo { ip: "192.0.2.9".to_owned(), user_id: "U".to_owned() };
        let Ok(Reply::Joined(joined)) = self.ask(Caller::New(peer), join(&token)) else { panic!("it joins") };
        let connection = joined.connection.to_string();
        self.names.push((connection.clone(), name.to_owned()));
        Device { token, connection }
    }

    fn find(&self, device: &Device) -> Result<CallerView, NoCaller> {
        let (session, connection, token) = (ROOM.to_owned(), device.connection.clone(), device.token.clone());
        FindCaller { session, connection, token }.answer(&self.registry)
    }

    fn ask_as(&mut self, device: &Device, command: ClientCommand) -> Result<Reply, Refusal> {
        let client = self.find(device).expect("it is there").client;
        self.ask(Caller::Known(client), command)
    }

    fn publish_by_call(&mut self, device: &Device) -> (RouterId, TransportId) {
        let published = self.ask_as(device, publish());
        assert!(
            matches!(&published, Ok(Reply::Published { answer, .. }) if answer == "answer-to-publisher"),
            "{published:?}"
        );
        self.worker.latest_transport()
    }

    fn play_by_call(&mut self, device: &Device, publisher: &str) -> (RouterId, TransportId) {
        let (stream, offer) = (self.stream(publisher), "offer".to_owned());
        let played = self.ask_as(device, ClientCommand::Subscribe { stream, offer });
        assert_eq!(played, Ok(Reply::Answer { answer: "answer-to-subscriber".to_owned() }));
        self.worker.latest_transport()
    }

    fn see(&mut self, transport: (RouterId, TransportId), what: TransportObservation) {
        self.registry.handle_media(observed(transport, what), self.now);
        self.carry_out();
    }

    fn look_in(&self, session: &str, token: &str) -> Result<Prospect, NoProspect> {
        LookIn { session: session.to_owned(), token: token.to_owned() }.answer(&self.registry)
    }
}

/// The `tok_…` in its URL.
fn value(url: &str) -> &str {
    let (_, behind) = url.split_once("token=").expect("a URL");
    behind.split('&').next().unwrap_or(behind)
}

fn join(token: &str) -> ClientCommand {
    ClientCommand::Join(Box::new(Join {
        session: ROOM.to_owned(),
        token: token.to_owned(),
        token_as_sent: token.to_owned(),
        secret: String::new(),
        hidden: None,
        client_data: String::new(),
        platform: "OBS".to_owned(),
        client_version: None,
    }))
}

fn publish() -> ClientCommand {
    let properties = StreamProperties {
        has_audio: true,
        has_video: true,
        audio_active: Some(true),
        video_active: Some(true),
        type_of_video: Some("CUSTOM".to_owned()),
        frame_rate: None,
        video_dimensions: None,
    };
    ClientCommand::Publish(Box::new(Publish { offer: "offer".to_owned(), loopback: false, properties, filter: None }))
}

#[test]
fn to_others_it_is_a_participant_like_any_other() {
    let mut call = Call::new();
    call.join("ann").hush();
    let timers = call.registry.figures().timers;
    let device = call.call_in("cam", Role::Publisher);
    call.publish_by_call(&device);
    let inbox = call.inbox("ann");
    assert!(inbox[0].starts_with("participantJoined con_") && inbox[1] == "participantPublished cam", "{inbox:?}");
    let shown = call.registry.connection(ROOM, &device.connection).unwrap();
    let participant = shown.participant.unwrap();
    assert_eq!((participant.platform.as_str(), participant.ip.as_str()), ("OBS", "192.0.2.9"));
    call.hush();
    assert_eq!(call.ask_as(&device, ClientCommand::Leave), Ok(Reply::Done));
    assert_eq!(call.inbox("ann"), ["participantLeft cam disconnect"]);
    assert_eq!(call.find(&device), Err(NoCaller::NotThere));
    assert_eq!((call.registry.figures().timers, call.worker.transports.len()), (timers, 0));
}

#[test]
fn who_does_not_begin_is_put_out() {
    let mut call = Call::new();
    call.join("ann").hush();
    let device = call.call_in("cam", Role::Publisher);
    call.publish_by_call(&device);
    call.hush().advance(PATIENCE - Duration::from_millis(1));
    none(call.inbox("ann"));
    call.advance(Duration::from_millis(1));
    assert_eq!(call.last("ann"), "participantEvicted cam networkDisconnect");
    assert!(call.worker.publications.is_empty());
}

#[test]
fn who_is_connected_stays_and_who_is_cut_has_some_time_to_find_another_way() {
    let mut call = Call::with(Settings { network_quality: None, ..settings() });
    call.join("ann").hush();
    let device = call.call_in("cam", Role::Publisher);
    let transport = call.publish_by_call(&device);
    call.see(transport, TransportObservation::Connected);
    call.hush().advance(Duration::from_secs(3600));
    none(call.inbox("ann"));
    call.see(transport, TransportObservation::Disconnected);
    call.advance(GRACE / 2);
    call.see(transport, TransportObservation::Connected);
    call.advance(Duration::from_secs(3600));
    none(call.inbox("ann"));
    call.see(transport, TransportObservation::Disconnected);
    call.advance(GRACE);
    assert_eq!(
        call.inbox("ann"),
        ["participantLeft cam networkDisconnect", "participantEvicted cam networkDisconnect"]
    );
    assert_eq!(call.find(&device), Err(NoCaller::NotThere));
}

#[test]
fn a_player_ends_with_what_it_plays() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann");
    let device = call.call_in("tv", Role::Subscriber);
    let transport = call.play_by_call(&device, "ann");
    call.see(transport, TransportObservation::Connected);
    call.hush();
    call.request("ann", ClientRequest::UnpublishVideo);
    call.advance(Duration::ZERO);
    assert_eq!(
        call.inbox("bob"),
        ["participantUnpublished ann unpublish", "participantLeft tv disconnect", "participantEvicted tv disconnect"]
    );
}

#[test]
fn a_publisher_ends_with_its_stream() {
    let mut call = Call::new();
    call.join("ann");
    let device = call.call_in("cam", Role::Publisher);
    let transport = call.publish_by_call(&device);
    call.see(transport, TransportObservation::Connected);
    let stream = call.announced("ann").id.to_string();
    call.hush();
    call.registry.unpublish_stream(ROOM, &stream, call.now).unwrap();
    call.carry_out();
    call.advance(Duration::ZERO);
    assert_eq!(
        call.inbox("ann"),
        [
            "participantUnpublished cam forceUnpublishByServer",
            "participantLeft cam disconnect",
            "participantEvicted cam disconnect"
        ]
    );
}

#[test]
fn an_offer_that_fails_leaves_it_where_it_can_leave() {
    let mut call = Call::new();
    call.join("ann");
    let device = call.call_in("cam", Role::Publisher);
    let client = call.find(&device).unwrap().client;
    call.media_waits();
    let id = CallId(1);
    call.registry.handle(Command::Call { call: id, caller: Caller::Known(client), command: publish() }, call.now);
    call.carry_out();
    call.media_fails(MediaFailure::BadSdp("no".to_owned()));
    assert!(matches!(call.completed[&id], Err(Refusal::OfferUnusable { .. })));
    call.media_answers();
    assert_eq!(call.find(&device).unwrap().endpoint, None);
    assert_eq!(call.ask_as(&device, ClientCommand::Leave), Ok(Reply::Done));
}

#[test]
fn a_token_shows_what_it_opens_until_it_is_used() {
    let mut call = Call::new();
    call.join("ann").publish("ann").join("bob").publish("bob");
    let token = |call: &mut Call, role| {
        let url = call.token(ConnectionProperties { role, ..ConnectionProperties::default() });
        value(&url).to_owned()
    };
    let (publisher, subscriber) = (token(&mut call, Role::Moderator), token(&mut call, Role::Subscriber));
    let streams = [call.stream("ann"), call.stream("bob")].map(|stream| stream.as_str().into()).to_vec();
    let prospect = Prospect { may_publish: true, streams };
    assert_eq!(call.look_in(ROOM, &publisher), Ok(prospect.clone()));
    assert_eq!(call.look_in(ROOM, &subscriber), Ok(Prospect { may_publish: false, ..prospect }));
    assert_eq!(call.look_in("elsewhere", &publisher), Err(NoProspect::UnknownSession));
    assert_eq!(call.look_in(ROOM, "tok_guessed"), Err(NoProspect::InvalidToken));
    let device = call.call_in("cam", Role::Publisher);
    assert_eq!(call.look_in(ROOM, &device.token), Err(NoProspect::TokenInUse));
    assert_eq!(call.ask_as(&device, ClientCommand::Leave), Ok(Reply::Done));
    assert_eq!(call.look_in(ROOM, &device.token), Err(NoProspect::InvalidToken));
}

#[test]
fn only_its_own_token_finds_a_caller_and_only_callers_are_found() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    let (cam, tv) = (call.call_in("cam", Role::Publisher), call.call_in("tv", Role::Subscriber));
    call.publish_by_call(&cam);
    call.play_by_call(&tv, "ann");
    assert_eq!(call.find(&cam).unwrap().endpoint.unwrap().as_str(), cam.connection);
    assert_eq!(call.find(&tv).unwrap().endpoint.unwrap().as_str(), call.connection("ann"));
    assert_eq!(&*call.find(&cam).unwrap().remote_sdp, "offer");
    let mixed = Device { token: tv.token.clone(), connection: cam.connection.clone() };
    assert_eq!(call.find(&mixed), Err(NoCaller::WrongToken));
    let with_socket = Device { token: tv.token, connection: call.connection("ann") };
    assert_eq!(call.find(&with_socket), Err(NoCaller::NotThere));
}

#[test]
fn ice_begins_anew_where_there_is_a_peer_connection() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    let tv = call.call_in("tv", Role::Subscriber);
    let credentials = IceCredentials { ufrag: "theirs".to_owned(), password: "a password of theirs".to_owned() };
    let (_, transport) = call.play_by_call(&tv, "ann");
    let restart = |endpoint: String| ClientCommand::RestartIce { endpoint, credentials: credentials.clone() };
    let restarted = call.ask_as(&tv, restart(call.connection("ann")));
    let Ok(Reply::IceRestarted { credentials: ours, candidates }) = restarted else { panic!("{restarted:?}") };
    assert_eq!((ours.ufrag.as_str(), candidates.len()), ("ours", 1));
    let asked = call.worker.commands.iter().rev().find_map(|command| match &command.op {
        MediaOperation::RestartIce { transport, credentials, .. } => Some((*transport, credentials.ufrag.clone())),
        _ => None,
    });
    assert_eq!(asked, Some((transport, "theirs".to_owned())));
    let view = call.find(&tv).unwrap();
    assert_eq!((view.restarts, view.remote_ufrag.as_deref()), (1, Some("theirs")));
    for nowhere in [tv.connection.clone(), "con_nobody".to_owned()] {
        assert_eq!(call.ask_as(&tv, restart(nowhere)), Err(Refusal::NothingToRestart));
    }
}
