//! Recordings: what the application, the people in the room and the recorder experience.

use std::time::Duration;

use protocol::event::{Event, Reason, RecordingStatus};
use protocol::id::{RecordingKey, TapId, WorkerId};
use protocol::media::{MediaEvent, MediaOperation};
use protocol::model::{
    ConnectionProperties, MediaMode, OutputMode, RecordingLayout, RecordingMode, RecordingNotification,
    RecordingProperties, Role, SessionProperties,
};
use protocol::recording::{RecordingCommand, RecordingReport};
use protocol::rpc::ClientRequest;
use session::command::ConnectionUpdate;
use session::registry::SessionExists;
use session::{CallId, Refusal, Reply, Settings, StartRefusal, StopRefusal};

use crate::call::{Call, ROOM, none, session_properties, settings};
use crate::message::join_room;
use crate::recorder::MEASURED;

const AUTO_STOP: Duration = Duration::from_secs(120);
const START: CallId = CallId(1);
const STOP: CallId = CallId(2);

fn individual() -> RecordingProperties {
    RecordingProperties { output_mode: OutputMode::Individual, ..RecordingProperties::default() }
}

/// `started`, `stopped automaticStop`…: what applications were told of recordings and of the session's end.
fn told(call: &Call) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::RecordingStatusChanged(event) => {
            let reason = event.reason.map(|reason| format!(" {}", reason.as_str())).unwrap_or_default();
            Some(format!("{}{reason}", event.status.as_str()))
        }
        Event::SessionDestroyed(closing) => {
            Some(format!("destroyed {}", closing.reason.map_or("", |reason| reason.as_str())))
        }
        _ => None,
    };
    call.events.events.iter().filter_map(line).collect()
}

fn start(call: &mut Call, properties: RecordingProperties) -> Result<(), StartRefusal> {
    let started = call.registry.start_recording(ROOM, properties, START, call.now);
    call.carry_out();
    started
}

fn stop(call: &mut Call, id: &str) -> Result<(), StopRefusal> {
    let stopped = call.registry.stop_recording(id, STOP, call.now);
    call.carry_out();
    stopped
}

/// Status and size in the answer to a call.
fn answer(call: &Call, id: CallId) -> Option<Result<(RecordingStatus, u64), String>> {
    call.completed.get(&id).map(|result| match result {
        Ok(Reply::Recording(view)) => Ok((view.status, view.size)),
        Err(Refusal::RecordingFailed(why)) => Err(openvidu::refusal::recording_start_failure(why)),
        other => panic!("no recording: {other:?}"),
    })
}

fn is_recording(call: &Call) -> bool {
    call.registry.session(ROOM, Default::default()).is_some_and(|session| session.is_recorded)
}

fn tapped(call: &Call) -> usize {
    call.recorder.open.values().map(Vec::len).sum()
}

fn with_auto_stop(auto_stop: Duration) -> Call {
    let settings = settings();
    Call::with(Settings { recording: session::RecordingSettings { auto_stop, ..settings.recording }, ..settings })
}

fn page() -> RecordingProperties {
    RecordingProperties {
        output_mode: OutputMode::Composed,
        recording_layout: RecordingLayout::Custom,
        custom_layout: "https://layouts.example.org/page?".to_owned(),
        ..RecordingProperties::default()
    }
}

/// What the page of the latest recording was given.
fn page_pass(call: &Call) -> String {
    let mut passes = call.recorder.commands.iter().filter_map(|command| match command {
        RecordingCommand::Begin { page_pass, .. } => Some(page_pass.clone()),
        _ => None,
    });
    passes.next_back().flatten().expect("a page").expose().to_owned()
}

fn join_as_page(call: &mut Call, name: &str, session: &str, pass: &str, recorder: bool) -> bool {
    call.open(name);
    let ClientRequest::JoinRoom(mut request) = join_room("") else { unreachable!() };
    (request.session, request.secret, request.recorder) = (session.to_owned(), pass.to_owned(), recorder);
    call.request(name, ClientRequest::JoinRoom(request));
    call.last(name).starts_with("joined")
}

#[test]
fn a_page_comes_in_with_its_pass_as_the_recorder_of_its_session_and_of_this_recording_only() {
    let mut call = Call::new();
    call.join("ann").publish("ann").hush();
    let other = SessionProperties { custom_session_id: "other".to_owned(), ..session_properties() };
    call.registry.create_session(other, call.now).unwrap();
    call.recorder.waits = true;
    start(&mut call, page()).unwrap();
    let pass = page_pass(&call);
    assert!(!format!("{:?}", call.recorder.commands).contains(&pass), "a secret");
    for (name, session, given, recorder) in [
        ("visible", ROOM, pass.as_str(), false),
        ("elsewhere", "other", &pass, true),
        ("guessed", ROOM, "pag_00000000000000000000000000000000", true),
    ] {
        assert!(!join_as_page(&mut call, name, session, given, recorder), "{name}");
    }
    assert!(join_as_page(&mut call, "page", ROOM, &pass, true));
    assert_eq!(call.connection("page"), "RECORDER");
    assert_eq!(call.joined("page").value.len(), 1, "it sees who is there");
    none(call.hush().inbox("ann"));
    call.publish("page");
    assert!(call.last("page").starts_with("error"), "{}", call.last("page"));
    let victim = call.connection("ann");
    call.request("page", ClientRequest::ForceDisconnect { connection_id: victim });
    assert!(call.last("page").starts_with("error"), "{}", call.last("page"));
    call.hush();

    call.recorder_reports();
    let recording = RecordingKey(*call.recorder.open.keys().next().expect("it began"));
    call.report(RecordingReport::Running { recording, tap: None });
    stop(&mut call, ROOM).unwrap();
    assert!(!join_as_page(&mut call, "late", ROOM, &pass, true), "it is over");
    assert_eq!(call.hush().inbox("page"), [""; 0], "it is in the picture to the end");
    call.recorder_reports();
    assert!(call.inbox("page").contains(&"closed".to_owned()));
    start(&mut call, page()).unwrap();
    assert_ne!(page_pass(&call), pass);
    assert!(!join_as_page(&mut call, "old", ROOM, &pass, true), "each has its own");
}

#[test]
fn a_recording_runs_from_start_to_stop() {
    let mut call = Call::new();
    call.join("ann").publish("ann").hush();
    assert_eq!(start(&mut call, individual()), Ok(()));
    assert_eq!(answer(&call, START), Some(Ok((RecordingStatus::Started, 0))));
    assert!(is_recording(&call));
    assert_eq!(call.inbox("ann"), ["recordingStarted room room"]);
    let Some(Event::RecordingStatusChanged(started)) = call.events.events.last() else { panic!("told of it") };
    assert_eq!(started.stamp.timestamp, started.start_time);

    call.advance(Duration::from_secs(12));
    assert_eq!(stop(&mut call, ROOM), Ok(()));
    assert_eq!(answer(&call, STOP), Some(Ok((RecordingStatus::Ready, MEASURED.size))));
    let Ok(Reply::Recording(view)) = &call.completed[&STOP] else { panic!("it was stopped") };
    assert_eq!(view.lost, MEASURED.lost, "it says what it lacks");
    assert_eq!(call.inbox("ann"), ["recordingStopped room room recordingStoppedByServer"]);
    assert_eq!(told(&call), ["started", "stopped recordingStoppedByServer", "ready recordingStoppedByServer"]);
    assert!(!is_recording(&call) && call.recorder.open.is_empty());
    assert!(call.registry.recording(ROOM).is_none());
}

#[test]
fn a_start_waits_until_everything_is_on_disk() {
    let mut call = Call::new();
    call.join("ann").publish("ann").join("bob").publish("bob").hush();
    call.recorder.waits = true;
    assert_eq!(start(&mut call, individual()), Ok(()));
    assert!(is_recording(&call) && answer(&call, START).is_none());
    for _ in 0..2 {
        call.recorder_reports();
        assert!(answer(&call, START).is_none());
    }
    call.recorder_reports();
    assert_eq!(answer(&call, START), Some(Ok((RecordingStatus::Started, 0))));
}

#[test]
fn the_recorder_learns_of_microphones_and_cameras() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    start(&mut call, RecordingProperties::default()).expect("starts");
    for (property, new_value) in [("videoActive", "false"), ("videoDimensions", "\"1x1\""), ("videoActive", "true")] {
        let (property, new_value) = (property.to_owned(), new_value.to_owned());
        let reason = String::new();
        call.request("ann", ClientRequest::StreamPropertyChanged { property, new_value, reason });
    }
    let switched = |command: &RecordingCommand| match command {
        RecordingCommand::Add { stream, .. } => Some((stream.audio_active, stream.video_active)),
        RecordingCommand::Change { audio_active, video_active, .. } => Some((*audio_active, *video_active)),
        _ => None,
    };
    let switched: Vec<_> = call.recorder.commands.iter().filter_map(switched).collect();
    assert_eq!(switched, [(true, true), (true, false), (true, true)]);
}

#[test]
fn nobody_waits_for_a_stream_that_is_muted() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    for property in ["audioActive", "videoActive"] {
        let (property, new_value) = (property.to_owned(), "false".to_owned());
        let reason = String::new();
        call.request("ann", ClientRequest::StreamPropertyChanged { property, new_value, reason });
    }
    call.recorder.waits = true;
    start(&mut call, individual()).expect("starts");
    call.recorder_reports();
    assert_eq!(answer(&call, START), Some(Ok((RecordingStatus::Started, 0))));
    assert_eq!(tapped(&call), 1);
}

#[test]
fn refusals_come_in_the_order_that_clients_know() {
    let mut call = Call::new();
    let start_of = |call: &mut Call, id: &str| call.registry.start_recording(id, individual(), START, call.now);
    assert_eq!(start_of(&mut call, "unknown"), Err(StartRefusal::UnknownSession));
    assert_eq!(start_of(&mut call, ROOM), Err(StartRefusal::NobodyThere));
    let relayed = SessionProperties {
        custom_session_id: "relayed".to_owned(),
        media_mode: MediaMode::Relayed,
        ..session_properties()
    };
    call.create_session_with(relayed);
    assert_eq!(start_of(&mut call, "relayed"), Err(StartRefusal::NotNow));
    call.join("ann").publish("ann");
    call.recorder.waits = true;
    start(&mut call, individual()).expect("starts");
    assert_eq!(start_of(&mut call, ROOM), Err(StartRefusal::NotNow));
    assert_eq!(stop(&mut call, "unknown"), Err(StopRefusal::Unknown));
    assert_eq!(stop(&mut call, ROOM), Err(StopRefusal::Starting));
    call.recorder_catches_up();
    assert_eq!(start_of(&mut call, ROOM), Err(StartRefusal::NotNow));
    call.recorder.waits = true;
    stop(&mut call, ROOM).expect("runs");
    assert_eq!(stop(&mut call, ROOM), Err(StopRefusal::Unknown));
}

#[test]
fn a_start_without_media_fails_and_leaves_nothing() {
    let mut call = Call::new();
    call.join("ann").publish("ann").hush();
    call.recorder.waits = true;
    start(&mut call, individual()).expect("starts");
    call.recorder_reports();
    call.advance(settings().recording.start_timeout);
    assert_eq!(answer(&call, START), Some(Err("no media arrived in time".to_owned())));
    assert_eq!(told(&call), ["failed"]);
    none(call.inbox("ann"));
    assert!(!is_recording(&call) && call.recorder.open.is_empty());
    call.recorder_catches_up();
    assert_eq!(told(&call), ["failed"]);
    assert_eq!(call.registry.figures().recordings, 0);
    start(&mut call, individual()).expect("a new start works");
}

#[test]
fn a_composed_one_starts_although_the_transcoder_takes_long() {
    let composed = RecordingProperties { output_mode: OutputMode::Composed, ..individual() };
    for is_named in [true, false] {
        let mut call = Call::new();
        call.join("ann").publish("ann");
        call.recorder.waits = true;
        start(&mut call, composed.clone()).expect("starts");
        let Some(named @ RecordingReport::Named { recording, .. }) = call.recorder.reports.pop_front() else {
            panic!("its folder is made");
        };
        if is_named {
            call.report(named);
        }
        assert_eq!(answer(&call, START), None, "a good start is waited for");
        call.advance(settings().recording.start_timeout);
        if is_named {
            assert_eq!(answer(&call, START), Some(Ok((RecordingStatus::Started, 0))));
            call.report(RecordingReport::Running { recording, tap: None });
            assert_eq!(told(&call), ["started"], "once");
            call.recorder.waits = false;
            stop(&mut call, ROOM).expect("it runs");
        } else {
            assert_eq!(answer(&call, START), Some(Err("the disk takes too long".to_owned())));
        }
    }
}

#[test]
fn a_page_is_recorded_instead_of_the_streams_and_may_take_its_time() {
    let mut call = Call::new();
    call.join("ann").publish("ann").hush();
    call.recorder.waits = true;
    let page = RecordingProperties { recording_layout: RecordingLayout::Custom, ..RecordingProperties::default() };
    start(&mut call, page).expect("starts");
    call.recorder_reports();
    call.join("bob").publish("bob");
    assert!(call.recorder.open.values().all(Vec::is_empty), "no stream is in it");
    call.advance(settings().recording.start_timeout);
    assert_eq!(answer(&call, START), None);
    let recording = RecordingKey(*call.recorder.open.keys().next().expect("it began"));
    call.report(RecordingReport::Running { recording, tap: None });
    assert!(answer(&call, START).is_some_and(|answer| answer.is_ok()));
}

#[test]
fn a_failing_stream_may_be_ignored() {
    for (ignore_failed_streams, expected) in [(false, "failed"), (true, "started")] {
        let mut call = Call::new();
        call.join("ann").publish("ann").join("bob").publish("bob");
        call.recorder.waits = true;
        start(&mut call, RecordingProperties { ignore_failed_streams, ..individual() }).expect("starts");
        call.recorder_reports();
        let Some(RecordingReport::Running { recording, tap: Some(tap) }) = call.recorder.reports.pop_front() else {
            panic!("a stream runs");
        };
        call.report(RecordingReport::StreamFailed { recording, tap, why: "disk".to_owned() });
        call.recorder_reports();
        assert_eq!(told(&call), [expected]);
    }
}

#[test]
fn streams_come_and_go_while_it_runs() {
    let mut call = Call::new();
    call.join("ann").publish("ann").join("bob");
    start(&mut call, individual()).expect("starts");
    assert_eq!(tapped(&call), 1);
    call.publish("bob");
    assert_eq!(tapped(&call), 2);
    call.request("ann", ClientRequest::UnpublishVideo);
    assert_eq!(tapped(&call), 1);
    call.leave("bob");
    assert_eq!(tapped(&call), 0);
}

#[test]
fn only_what_both_the_recording_and_the_stream_have_is_recorded() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    start(&mut call, RecordingProperties { has_audio: false, ..individual() }).expect("starts");
    let tap = call.worker.commands.iter().find_map(|command| match &command.op {
        MediaOperation::SetTap { audio, video, .. } => Some((*audio, *video)),
        _ => None,
    });
    assert_eq!(tap, Some((false, true)));
}

#[test]
fn who_is_not_to_be_recorded_is_left_out_and_may_be_let_in() {
    let mut call = Call::new();
    call.join_with("ann", ConnectionProperties { record: false, ..Default::default() }).publish("ann");
    call.join("bob").publish("bob");
    start(&mut call, individual()).expect("starts");
    assert_eq!(tapped(&call), 1);
    for (record, expected) in [(true, 2), (false, 1)] {
        let (connection, now) = (call.connection("ann"), call.now);
        let update = ConnectionUpdate { record: Some(record), ..Default::default() };
        call.registry.update_connection(ROOM, &connection, update, now).expect("exists");
        call.carry_out();
        assert_eq!(tapped(&call), expected);
    }
}

#[test]
fn the_roles_that_are_told_are_a_setting() {
    for (notification, expected) in [
        (RecordingNotification::None, [false, false, false]),
        (RecordingNotification::Moderator, [false, false, true]),
        (RecordingNotification::PublisherModerator, [false, true, true]),
        (RecordingNotification::All, [true, true, true]),
    ] {
        let plain = settings();
        let recording = session::RecordingSettings { notification, ..plain.recording };
        let mut call = Call::with(Settings { recording, ..plain });
        let people = [("sub", Role::Subscriber), ("pub", Role::Publisher), ("mod", Role::Moderator)];
        for (name, role) in people {
            call.join_as(name, role);
        }
        call.publish("pub").hush();
        start(&mut call, individual()).expect("starts");
        assert_eq!(people.map(|(name, _)| call.inbox(name).len() == 1), expected, "{notification:?}");
        for ((name, role), expected) in people.into_iter().zip(expected) {
            let late = format!("late {name}");
            call.join_as(&late, role);
            assert_eq!(call.joined(&late).recording.is_some(), expected, "{late} {notification:?}");
        }
    }
}

#[test]
fn a_session_that_always_records_starts_with_its_first_publisher_and_only_once() {
    let mut call = Call::new();
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.carry_out();
    let properties = SessionProperties {
        custom_session_id: ROOM.to_owned(),
        recording_mode: RecordingMode::Always,
        default_recording_properties: individual(),
        ..session_properties()
    };
    call.create_session_with(properties);
    call.events.events.clear();
    call.join("ann");
    assert!(!is_recording(&call));
    call.publish("ann");
    assert!(is_recording(&call));
    call.join("bob").publish("bob");
    assert_eq!((told(&call), tapped(&call)), (vec!["started".to_owned()], 2));
    stop(&mut call, ROOM).expect("runs");
    for name in ["ann", "bob"] {
        call.request(name, ClientRequest::UnpublishVideo);
    }
    call.publish("ann");
    assert!(!is_recording(&call), "the application stopped it for good");
}

#[test]
fn a_recording_of_nobody_stops_by_itself() {
    let mut call = with_auto_stop(AUTO_STOP);
    call.join("ann");
    start(&mut call, individual()).expect("starts");
    call.advance(AUTO_STOP - Duration::from_millis(1));
    assert!(is_recording(&call));
    call.advance(Duration::from_millis(1));
    assert_eq!(told(&call), ["started", "stopped automaticStop", "ready automaticStop"]);
    assert!(call.session_exists());

    let mut call = with_auto_stop(Duration::ZERO);
    call.join("ann");
    start(&mut call, individual()).expect("starts");
    assert_eq!(told(&call), ["started", "stopped automaticStop", "ready automaticStop"]);
}

#[test]
fn publishing_ends_the_countdown() {
    let mut call = with_auto_stop(AUTO_STOP);
    call.join("ann");
    start(&mut call, individual()).expect("starts");
    call.publish("ann").advance(AUTO_STOP * 2);
    assert!(is_recording(&call));
}

#[test]
fn a_recorded_session_waits_for_people_to_come_back() {
    let mut call = with_auto_stop(AUTO_STOP);
    call.join("ann").publish("ann");
    start(&mut call, individual()).expect("starts");
    call.leave("ann").advance(AUTO_STOP - Duration::from_secs(1));
    assert!(call.session_exists() && is_recording(&call));
    call.join("bob").leave("bob").advance(Duration::from_millis(999));
    assert!(call.session_exists());
    call.advance(Duration::from_millis(1));
    assert_eq!(told(&call), ["started", "stopped automaticStop", "ready automaticStop", "destroyed automaticStop"]);
}

#[test]
fn without_a_countdown_the_recording_ends_with_the_last_participant() {
    let mut call = with_auto_stop(Duration::ZERO);
    call.join("ann").publish("ann");
    start(&mut call, individual()).expect("starts");
    call.leave("ann");
    assert_eq!(
        told(&call),
        ["started", "stopped lastParticipantLeft", "ready lastParticipantLeft", "destroyed lastParticipantLeft"]
    );
}

#[test]
fn a_stop_while_nobody_is_there_closes_the_session_too() {
    let mut call = with_auto_stop(AUTO_STOP);
    call.join("ann").publish("ann");
    start(&mut call, individual()).expect("starts");
    call.leave("ann");
    stop(&mut call, ROOM).expect("runs");
    assert!(!call.session_exists());
    assert_eq!(
        told(&call),
        [
            "started",
            "stopped recordingStoppedByServer",
            "ready recordingStoppedByServer",
            "destroyed lastParticipantLeft"
        ]
    );
    assert_eq!(answer(&call, STOP), Some(Ok((RecordingStatus::Ready, MEASURED.size))));
}

#[test]
fn a_sessions_end_waits_for_its_recording_and_its_id_is_not_free_until_then() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    start(&mut call, individual()).expect("starts");
    call.recorder.waits = true;
    call.registry.close_session(ROOM, call.now).expect("exists");
    assert!(call.registry.when_ended(ROOM, CallId(3)).is_pending());
    call.carry_out();
    assert_eq!(told(&call), ["started", "stopped sessionClosedByServer"]);
    assert!(!call.session_exists() && !call.completed.contains_key(&CallId(3)));
    let again = || SessionProperties { custom_session_id: ROOM.to_owned(), ..session_properties() };
    assert_eq!(call.registry.create_session(again(), call.now), Err(SessionExists));
    call.recorder_catches_up();
    assert_eq!(
        told(&call)[2..],
        ["ready sessionClosedByServer".to_owned(), "destroyed sessionClosedByServer".to_owned()]
    );
    assert_eq!(call.completed.get(&CallId(3)), Some(&Ok(Reply::Done)));
    call.create_session_with(again());
    assert!(call.registry.when_ended(ROOM, CallId(4)).is_ready());
}

#[test]
fn a_long_processing_does_not_keep_the_session_for_ever() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    start(&mut call, individual()).expect("starts");
    call.recorder.waits = true;
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.carry_out();
    call.advance(settings().recording.processing_timeout);
    assert_eq!(told(&call), ["started", "stopped sessionClosedByServer", "destroyed sessionClosedByServer"]);
    call.recorder_catches_up();
    assert_eq!(told(&call).last().map(String::as_str), Some("ready sessionClosedByServer"));
}

#[test]
fn a_session_that_is_closed_while_its_recording_starts_ends_it() {
    let mut call = Call::new();
    call.join("ann").publish("ann").hush();
    call.recorder.waits = true;
    start(&mut call, individual()).expect("starts");
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.carry_out();
    call.recorder_catches_up();
    assert_eq!(
        told(&call),
        ["stopped sessionClosedByServer", "failed sessionClosedByServer", "destroyed sessionClosedByServer"]
    );
    assert!(matches!(answer(&call, START), Some(Err(_))));
    assert_eq!(call.registry.figures().recordings, 0);
}

#[test]
fn a_broken_recording_ends_and_the_call_goes_on() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    start(&mut call, individual()).expect("starts");
    let Some(RecordingCommand::Begin { recording, .. }) = call.recorder.commands.first().cloned() else {
        panic!("it began");
    };
    call.report(RecordingReport::Broken { recording, why: "the disk is full".to_owned() });
    assert_eq!(told(&call), ["started", "stopped automaticStop", "ready automaticStop"]);
    assert!(call.is_in("ann"));
    start(&mut call, individual()).expect("a new start works");
}

#[test]
fn a_lost_tap_is_set_again_when_the_stream_is_back() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    start(&mut call, individual()).expect("starts");
    let tap = call.recorder.open.values().flatten().next().copied().expect("one is set");
    let router = *call.worker.routers.iter().next().expect("one is open");
    call.registry.handle_media(MediaEvent::TapEnded { router, tap: TapId(tap) }, call.now);
    call.carry_out();
    assert_eq!(tapped(&call), 0);
    let stream = call.stream("ann");
    let offer = Some("sdp".to_owned());
    call.request("ann", ClientRequest::ReconnectStream { stream, sdp_string: offer, sdp_offer: None });
    assert_eq!(tapped(&call), 1);
}

#[test]
fn the_reason_of_a_stop_is_the_sessions() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    start(&mut call, individual()).expect("starts");
    call.registry.handle_media(MediaEvent::WorkerLost { worker: WorkerId(0) }, call.now);
    call.carry_out();
    assert_eq!(told(&call)[1], format!("stopped {}", Reason::NodeCrashed.as_str()));
}

fn with_room_for(max_streams: usize) -> Call {
    let settings = settings();
    Call::with(Settings { recording: session::RecordingSettings { max_streams, ..settings.recording }, ..settings })
}

#[test]
fn a_start_beyond_the_limit_is_refused_and_a_stream_beyond_it_left_out() {
    let mut call = with_room_for(2);
    call.join("ann").publish("ann");
    call.join("bob").publish("bob").hush();
    assert_eq!(start(&mut call, individual()), Ok(()));
    assert_eq!(tapped(&call), 2);
    call.join("cat").publish("cat");
    assert_eq!(tapped(&call), 2, "one too many is left out");
    assert_eq!(stop(&mut call, ROOM), Ok(()));
    assert_eq!(start(&mut call, individual()), Err(StartRefusal::Overloaded));
    call.leave("cat");
    assert_eq!(start(&mut call, individual()), Ok(()), "what was stopped takes no room");
}

#[test]
fn a_session_that_is_always_recorded_tells_that_there_is_no_room() {
    let mut call = with_room_for(0);
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.carry_out();
    call.create_session_with(SessionProperties {
        custom_session_id: ROOM.to_owned(),
        recording_mode: RecordingMode::Always,
        default_recording_properties: individual(),
        ..session_properties()
    });
    call.events.events.clear();
    call.join("ann").publish("ann");
    assert_eq!(told(&call), ["failed"]);
    assert!(!is_recording(&call) && call.recorder.open.is_empty());
}
