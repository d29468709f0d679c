//! Broadcasts: what the application, the people in the room and the process that composes experience.

use std::time::Duration;

use protocol::event::{Broadcast, Composition, Event};
use protocol::id::JobId;
use protocol::job::{FromJob, JobCommand, JobEnd, JobInput, JobNews, JobReport, JobSpec};
use protocol::media::{MediaEvent, MediaOperation};
use protocol::model::{
    ConnectionProperties, MediaMode, OutputMode, RecordingLayout, RecordingProperties, Role, SessionProperties,
};
use protocol::rpc::ClientRequest;
use protocol::transcoder::{Layout, Picture};
use session::{BroadcastRefusal, BroadcastSettings, BroadcastStartFailure, CallId, Refusal, Reply, Settings};

use crate::call::{Call, ROOM, none, session_properties, settings};
use crate::message::join_room;

const URL: &str = "rtmp://host/live";
const START: CallId = CallId(1);

pub(crate) fn film() -> Broadcast {
    let composition = Composition {
        resolution: "1280x720".to_owned(),
        frame_rate: 25,
        recording_layout: RecordingLayout::BestFit,
        custom_layout: String::new(),
    };
    Broadcast { broadcast_url: URL.to_owned(), composition: Some(composition), has_audio: true, has_video: true }
}

fn start_with(call: &mut Call, what: Broadcast, id: CallId) -> Result<(), BroadcastRefusal> {
    let started = call.registry.start_broadcast(ROOM, what, id, call.now);
    call.carry_out();
    started
}

fn start(call: &mut Call) -> Result<(), BroadcastRefusal> {
    start_with(call, film(), START)
}

fn stop(call: &mut Call) -> Result<(), BroadcastRefusal> {
    let stopped = call.registry.stop_broadcast(ROOM, call.now);
    call.carry_out();
    stopped
}

/// That was started last.
fn job(call: &Call) -> JobId {
    let started = call.jobs.iter().rev().find_map(|command| match command {
        JobCommand::Start { job, .. } => Some(*job),
        _ => None,
    });
    started.expect("a job")
}

fn report(call: &mut Call, news: JobNews) {
    let report = JobReport { job: job(call), news };
    call.registry.handle_job(report, call.now);
    call.carry_out();
}

fn ready(call: &mut Call) {
    report(call, JobNews::Said(FromJob::Ready { audio: false, video: None }));
}

fn breaks(call: &mut Call, why: &str) {
    report(call, JobNews::Ended(JobEnd::Failed(why.to_owned())));
}

/// If there is one.
pub(crate) fn last_job_says(call: &mut Call, is_ready: bool) {
    if call.jobs.iter().any(|command| matches!(command, JobCommand::Start { .. })) {
        if is_ready { ready(call) } else { breaks(call, "Connection refused") }
    }
}

/// Inputs that its process has now.
fn inputs(call: &Call) -> Vec<JobInput> {
    let mut inputs = vec![];
    for command in &call.jobs {
        match command {
            JobCommand::Start { .. } => inputs.clear(),
            JobCommand::AddInput { tap, input, .. } | JobCommand::ShowPage { tap, input, .. } => {
                inputs.push((*tap, input.clone()))
            }
            JobCommand::ChangeInput { input, .. } => {
                inputs.iter_mut().filter(|(_, own)| own.number == input.number).for_each(|own| own.1 = input.clone());
            }
            JobCommand::RemoveInput { tap, .. } => inputs.retain(|(own, _)| own != tap),
            JobCommand::Tell { .. } => panic!("there is nothing to tell it"),
            JobCommand::AddOutput { .. } | JobCommand::RemoveOutput { .. } => panic!("it publishes nothing"),
            JobCommand::Stop { .. } => inputs.clear(),
        }
    }
    inputs.into_iter().map(|(_, input)| input).collect()
}

/// `started`, `stopped broadcastStoppedByServer`…, and the session's end.
fn told(call: &Call) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::BroadcastStarted(_) => Some("started".to_owned()),
        Event::BroadcastStopped(stopped) => Some(format!("stopped {}", stopped.closing.reason?.as_str())),
        Event::SessionDestroyed(closing) => Some(format!("destroyed {}", closing.reason?.as_str())),
        _ => None,
    };
    call.events.events.iter().filter_map(line).collect()
}

fn is_broadcast(call: &Call) -> bool {
    call.registry.session(ROOM, Default::default()).is_some_and(|session| session.is_broadcast)
}

fn has_stopped(call: &Call) -> bool {
    call.jobs.last() == Some(&JobCommand::Stop { job: job(call) })
}

/// Ann publishes, bob listens.
fn room() -> Call {
    let mut call = Call::new();
    call.join("ann").join_as("bob", Role::Subscriber).publish("ann").hush();
    call
}

fn on_air() -> Call {
    let mut call = room();
    start(&mut call).unwrap();
    ready(&mut call);
    call.hush();
    call
}

#[test]
fn a_broadcast_runs_once_something_comes_to_its_target() {
    let mut call = room();
    start(&mut call).unwrap();
    let Some(JobCommand::Start { spec, .. }) = call.jobs.first() else { panic!("{:?}", call.jobs) };
    let JobSpec::Broadcast(spec) = &**spec else { panic!("{spec:?}") };
    let picture = Picture { width: 1280, height: 720, frame_rate: 25, layout: Layout::BestFit, has_captions: false };
    assert_eq!((spec.url.as_str(), spec.audio, spec.picture.as_ref(), spec.patience), (URL, true, Some(&picture), 60));
    let input = JobInput {
        number: 1,
        audio: true,
        video: true,
        audio_active: true,
        video_active: true,
        is_screen: false,
        name: None,
    };
    assert_eq!(inputs(&call), [input]);
    assert_eq!((is_broadcast(&call), call.completed.get(&START)), (false, None));
    none(call.inbox("ann"));
    ready(&mut call);
    assert_eq!(call.completed.get(&START), Some(&Ok(Reply::Done)));
    assert!(is_broadcast(&call));
    for name in ["ann", "bob"] {
        assert_eq!(call.inbox(name), ["broadcastStarted"]);
    }
    // Its process was started anew.
    report(&mut call, JobNews::Restarting { why: "killed".to_owned() });
    ready(&mut call);
    none(call.inbox("ann"));
    call.advance(Duration::from_secs(100));
    stop(&mut call).unwrap();
    assert_eq!(told(&call), ["started", "stopped broadcastStoppedByServer"]);
    assert_eq!(call.inbox("ann"), ["broadcastStopped"]);
    assert!(has_stopped(&call) && !is_broadcast(&call));
    // Of one that is over nothing is heard.
    breaks(&mut call, "late");
    assert_eq!(told(&call).len(), 2);
    start(&mut call).unwrap();
}

#[test]
fn who_may_not_broadcast_is_told_why() {
    let mut call = Call::new();
    assert_eq!(call.registry.may_broadcast("nowhere"), Err(BroadcastRefusal::UnknownSession));
    assert_eq!(start(&mut call), Err(BroadcastRefusal::NobodyThere));
    assert_eq!(stop(&mut call), Err(BroadcastRefusal::NotBroadcast));
    call.join("ann");
    start(&mut call).unwrap();
    for n in 2..16 {
        assert_eq!(start_with(&mut call, film(), CallId(n)), Err(BroadcastRefusal::NotNow));
    }
    // It does not run yet.
    assert_eq!(stop(&mut call), Err(BroadcastRefusal::NotBroadcast));
    ready(&mut call);
    assert_eq!(start(&mut call), Err(BroadcastRefusal::NotNow));
    let relayed = SessionProperties {
        media_mode: MediaMode::Relayed,
        custom_session_id: "relayed".to_owned(),
        ..session_properties()
    };
    call.create_session_with(relayed);
    assert_eq!(call.registry.may_broadcast("relayed"), Err(BroadcastRefusal::NotNow));
}

#[test]
fn a_target_that_is_not_there_leaves_the_session_free_for_another_one() {
    let mut call = room();
    start(&mut call).unwrap();
    breaks(&mut call, "Connection refused");
    let Some(Err(Refusal::BroadcastFailed(why))) = call.completed.get(&START) else { panic!("{:?}", call.completed) };
    let text = openvidu::refusal::broadcast_start_failure(why);
    assert_eq!(text, "Cannot open connection tcp://host:1935\nrtmp://host/live: Connection refused");
    none(told(&call));
    none(call.inbox("ann"));
    start_with(&mut call, film(), CallId(2)).unwrap();
    call.advance(Duration::from_secs(20));
    assert!(matches!(call.completed.get(&CallId(2)), Some(Err(Refusal::BroadcastFailed(_)))));
    assert!(has_stopped(&call));
    start(&mut call).unwrap();
}

#[test]
fn streams_are_in_it_while_they_are_there() {
    let mut call = on_air();
    call.join("cid").publish("cid");
    assert_eq!(inputs(&call).iter().map(|input| input.number).collect::<Vec<_>>(), [1, 2]);
    let change = ClientRequest::StreamPropertyChanged {
        property: "videoActive".to_owned(),
        new_value: "false".to_owned(),
        reason: "publishVideo".to_owned(),
    };
    call.request("cid", change);
    let [_, cid] = &inputs(&call)[..] else { panic!() };
    assert!(cid.audio_active && !cid.video_active);
    call.request("ann", ClientRequest::UnpublishVideo);
    assert_eq!(inputs(&call).iter().map(|input| input.number).collect::<Vec<_>>(), [2]);
    call.publish("ann").leave("cid");
    assert_eq!(inputs(&call).iter().map(|input| input.number).collect::<Vec<_>>(), [3]);
    assert!(is_broadcast(&call));
}

#[test]
fn a_tap_that_is_lost_is_set_again_when_the_stream_is_back() {
    let mut call = on_air();
    let Some(JobCommand::AddInput { router, tap, .. }) = call.jobs.last().cloned() else { panic!("{:?}", call.jobs) };
    call.registry.handle_media(MediaEvent::TapEnded { router, tap }, call.now);
    call.carry_out();
    assert_eq!(inputs(&call), []);
    let stream = call.stream("ann");
    call.request(
        "ann",
        ClientRequest::ReconnectStream { stream, sdp_string: Some("offer".to_owned()), sdp_offer: None },
    );
    assert_eq!(inputs(&call).len(), 1);
    assert_eq!(told(&call), ["started"]);
}

#[test]
fn no_more_streams_are_in_it_than_may_be() {
    let settings = settings();
    let broadcast = BroadcastSettings { max_streams: 2, ..settings.broadcast };
    let mut call = Call::with(Settings { broadcast, ..settings });
    call.join("ann").join("bob").join("cid").publish("ann").publish("bob").publish("cid");
    start(&mut call).unwrap();
    assert_eq!(inputs(&call).len(), 2);
    call.leave("ann");
    assert_eq!(inputs(&call).iter().map(|input| input.number).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn what_is_not_wanted_is_not_tapped() {
    let mut call = room();
    let sound = Broadcast { composition: None, has_video: false, ..film() };
    start_with(&mut call, sound, START).unwrap();
    let [input] = &inputs(&call)[..] else { panic!("{:?}", call.jobs) };
    assert!(input.audio && !input.video);
}

#[test]
fn names_are_told_where_they_are_shown() {
    let settings = settings();
    let broadcast = BroadcastSettings { has_captions: true, ..settings.broadcast };
    let mut call = Call::with(Settings { broadcast, ..settings });
    let properties = ConnectionProperties { data: "Ann".to_owned(), ..ConnectionProperties::default() };
    call.join_with("ann", properties).publish("ann");
    start(&mut call).unwrap();
    assert_eq!(inputs(&call)[0].name.as_deref(), Some("Ann"));
}

#[test]
fn a_page_is_broadcast_instead_of_the_streams_once_it_is_there() {
    let mut call = room();
    let mut page = film();
    if let Some(composition) = &mut page.composition {
        (composition.recording_layout, composition.custom_layout) = (RecordingLayout::Custom, "mine".to_owned());
    }
    start_with(&mut call, page.clone(), START).unwrap();
    let shown = call.jobs.iter().find_map(|command| match command {
        JobCommand::ShowPage { page, .. } => Some((**page).clone()),
        _ => None,
    });
    let shown = shown.expect("a page");
    assert_eq!((inputs(&call).len(), shown.session.as_str(), shown.has_audio), (1, ROOM, true));
    ready(&mut call);
    assert_eq!(call.completed.get(&START), None);
    report(&mut call, JobNews::Said(FromJob::PageShown));
    assert_eq!(call.completed.get(&START), Some(&Ok(Reply::Done)));
    // The page comes in, and nobody sees it.
    call.hush();
    call.open("page");
    let pass = shown.pass.expect("a pass");
    let ClientRequest::JoinRoom(mut request) = join_room("") else { unreachable!() };
    (request.secret, request.recorder) = (pass.expose().to_owned(), true);
    call.request("page", ClientRequest::JoinRoom(request));
    assert!(call.has_joined("page"));
    none(call.inbox("ann"));
    stop(&mut call).unwrap();
    assert!(!call.is_in("page"));
    assert_eq!(call.inbox("ann"), ["broadcastStopped"]);

    start_with(&mut call, page, CallId(2)).unwrap();
    report(&mut call, JobNews::Said(FromJob::PageLost { why: "there is no such page".to_owned() }));
    let why = BroadcastStartFailure::Page("there is no such page".to_owned());
    assert_eq!(call.completed.get(&CallId(2)), Some(&Err(Refusal::BroadcastFailed(why))));
}

#[test]
fn it_ends_with_the_last_one_who_leaves() {
    let mut call = on_air();
    call.leave("ann");
    assert!(is_broadcast(&call));
    call.leave("bob");
    assert_eq!(told(&call), ["started", "stopped lastParticipantLeft", "destroyed lastParticipantLeft"]);
    assert!(has_stopped(&call));
}

#[test]
fn it_does_not_wait_as_a_recording_does() {
    let auto_stop = Duration::from_secs(120);
    let settings = settings();
    let recording = session::RecordingSettings { auto_stop, ..settings.recording };
    let mut call = Call::with(Settings { recording, ..settings });
    call.join("ann").publish("ann");
    let properties = RecordingProperties { output_mode: OutputMode::Individual, ..RecordingProperties::default() };
    call.registry.start_recording(ROOM, properties, CallId(9), call.now).unwrap();
    call.carry_out();
    start(&mut call).unwrap();
    ready(&mut call);
    call.leave("ann");
    assert_eq!(told(&call), ["started", "stopped lastParticipantLeft"]);
    assert!(call.session_exists());
    call.advance(auto_stop);
    assert_eq!(told(&call)[2..], ["destroyed automaticStop"]);
}

#[test]
fn it_ends_with_its_session() {
    let mut call = on_air();
    call.registry.close_session(ROOM, call.now).unwrap();
    call.carry_out();
    assert_eq!(told(&call), ["started", "stopped sessionClosedByServer", "destroyed sessionClosedByServer"]);

    let mut call = on_air();
    call.registry.shut_down(call.now);
    call.carry_out();
    assert_eq!(told(&call), ["started", "stopped openviduServerStopped", "destroyed openviduServerStopped"]);

    let mut call = room();
    start(&mut call).unwrap();
    call.registry.close_session(ROOM, call.now).unwrap();
    call.carry_out();
    assert!(matches!(call.completed.get(&START), Some(Err(Refusal::BroadcastFailed(_)))));
    assert_eq!(told(&call), ["destroyed sessionClosedByServer"]);
    assert!(has_stopped(&call));
}

#[test]
fn a_target_that_does_not_come_back_ends_it() {
    let mut call = on_air();
    report(&mut call, JobNews::Said(FromJob::Interrupted { why: "Broken pipe".to_owned() }));
    assert!(is_broadcast(&call));
    breaks(&mut call, "Connection refused");
    assert_eq!(told(&call), ["started", "stopped automaticStop"]);
    assert_eq!(call.inbox("bob"), ["broadcastStopped"]);
    assert!(call.session_exists());
}

#[test]
fn taps_go_with_it() {
    let mut call = on_air();
    stop(&mut call).unwrap();
    let is_tap = |op: &MediaOperation| matches!(op, MediaOperation::SetTap { .. });
    let is_end = |op: &MediaOperation| matches!(op, MediaOperation::RemoveTap { .. });
    let count =
        |is: &dyn Fn(&MediaOperation) -> bool| call.worker.commands.iter().filter(|command| is(&command.op)).count();
    assert_eq!((count(&is_tap), count(&is_end)), (1, 1));
}
