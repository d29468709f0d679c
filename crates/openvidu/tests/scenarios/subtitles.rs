//! Recordings with subtitles: whose words they get, from which recognisers, and how long those are kept.

use std::time::Duration;

use protocol::id::{JobId, TapId};
use protocol::job::{FromJob, JobCommand, JobNews, ToJob};
use protocol::media::MediaOperation;
use protocol::model::{OutputMode, RecordingLayout, RecordingMode, RecordingProperties, SessionProperties};
use protocol::recording::RecordingCommand;
use protocol::rpc::ClientRequest;
use protocol::speech::Spoken;
use session::{
    CallId, ModelLoading, RecordingSettings, Refusal, Reply, Settings, SpeechRefusal, SpeechService, SpeechSettings,
    StartRefusal,
};

use crate::call::{Call, ROOM, none, session_properties, settings};
use crate::speech::{EN, call, inputs, latest, listen, lost, ready, report, running, say, stop_listening};

const START: CallId = CallId(1);
const STOP: CallId = CallId(2);
/// Until somebody is tried again who could not be heard.
const AGAIN: Duration = Duration::from_secs(5);
/// At most, for the end of what is being said.
const LAST_WORDS: Duration = Duration::from_secs(6);

fn individual(language: &str) -> RecordingProperties {
    let subtitles = Some(language.to_owned());
    RecordingProperties { output_mode: OutputMode::Individual, subtitles, ..RecordingProperties::default() }
}

fn start(call: &mut Call, properties: RecordingProperties) -> Result<(), StartRefusal> {
    let started = call.registry.start_recording(ROOM, properties, START, call.now);
    call.carry_out();
    started
}

fn record(call: &mut Call) {
    start(call, individual(EN)).expect("it begins");
}

fn stop(call: &mut Call) {
    call.registry.stop_recording(ROOM, STOP, call.now).expect("it runs");
    call.carry_out();
}

/// What the recorder was told of words: texts, `missing` and `complete`.
fn written(call: &Call) -> Vec<String> {
    let line = |command: &RecordingCommand| match command {
        RecordingCommand::Words { text, name, .. } => {
            Some(name.as_ref().map_or_else(|| text.clone(), |name| format!("{name}: {text}")))
        }
        RecordingCommand::WordsMissing { .. } => Some("missing".to_owned()),
        RecordingCommand::WordsComplete { .. } => Some("complete".to_owned()),
        _ => None,
    };
    call.recorder.commands.iter().filter_map(line).collect()
}

/// Which taps streams are recorded by, in their order.
fn recorded_taps(call: &Call) -> Vec<TapId> {
    let tap = |command: &RecordingCommand| match command {
        RecordingCommand::Add { tap, .. } => Some(*tap),
        _ => None,
    };
    call.recorder.commands.iter().filter_map(tap).collect()
}

/// By which taps words were said, in their order.
fn said_by(call: &Call) -> Vec<Option<TapId>> {
    let tap = |command: &RecordingCommand| match command {
        RecordingCommand::Words { tap, .. } => Some(*tap),
        _ => None,
    };
    call.recorder.commands.iter().filter_map(tap).collect()
}

fn is_told_to_finish(call: &Call, job: JobId) -> bool {
    call.jobs
        .iter()
        .any(|command| matches!(command, JobCommand::Tell { job: own, message: ToJob::Finish } if *own == job))
}

/// A sentence that lasted from and to so long ago.
fn say_ago(call: &mut Call, job: JobId, text: &str, began: u64, ended: u64) {
    let (text, raw) = (text.to_owned(), "{}".to_owned());
    let spoken = Some(Spoken { began, ended, words: vec![] });
    report(call, job, JobNews::Said(FromJob::Recognised { text, raw, is_final: true, spoken }));
}

fn finish(call: &mut Call, job: JobId) {
    report(call, job, JobNews::Said(FromJob::Finished));
}

fn is_answered(call: &Call, id: CallId) -> bool {
    matches!(call.completed.get(&id), Some(Ok(Reply::Recording(_))))
}

#[test]
fn a_recording_and_its_listeners_share_a_recogniser_and_it_ends_with_the_last_of_them() {
    let mut call = call(ModelLoading::OnDemand);
    record(&mut call);
    assert!(is_answered(&call, START), "nobody waits for recognisers");
    let job = latest(&call);
    ready(&mut call);
    listen(&mut call, "bob", "ann", EN);
    assert_eq!((running(&call).len(), inputs(&call).len()), (1, 1), "one is enough");
    say(&mut call, job, "good", false);
    say(&mut call, job, "good morning", true);
    assert_eq!(written(&call), ["good morning"]);
    assert_eq!(said_by(&call), recorded_taps(&call).into_iter().map(Some).collect::<Vec<_>>());
    stop_listening(&mut call, "bob", "ann");
    assert_eq!(running(&call).len(), 1, "the recording listens on");

    stop(&mut call);
    assert!(is_told_to_finish(&call, job) && inputs(&call).is_empty());
    assert!(!is_answered(&call, STOP), "the end of what is being said is waited for");
    say_ago(&mut call, job, "the last words", 2_000, 100);
    finish(&mut call, job);
    assert_eq!(written(&call), ["good morning", "the last words", "complete"]);
    assert!(running(&call).is_empty() && is_answered(&call, STOP));
}

#[test]
fn what_a_listener_has_begun_goes_on_without_the_recording() {
    let mut call = call(ModelLoading::OnDemand);
    listen(&mut call, "bob", "ann", EN);
    ready(&mut call);
    let job = latest(&call);
    record(&mut call);
    assert_eq!(running(&call).len(), 1);
    call.advance(Duration::from_secs(60));
    stop(&mut call);
    assert!(!is_told_to_finish(&call, job));
    call.advance(Duration::from_secs(1));
    say_ago(&mut call, job, "before the end", 3_000, 2_000);
    say_ago(&mut call, job, "over the end", 1_900, 500);
    say_ago(&mut call, job, "behind the end", 400, 100);
    assert_eq!(written(&call), ["before the end", "over the end", "complete"]);
    assert_eq!(running(&call).len(), 1, "bob listens on");

    call.completed.clear();
    let started = call.registry.start_recording(ROOM, individual(EN), START, call.now);
    call.carry_out();
    started.expect("another one");
    call.registry.stop_recording(&format!("{ROOM}~1"), STOP, call.now).expect("it runs");
    call.carry_out();
    assert!(!is_answered(&call, STOP));
    call.advance(LAST_WORDS);
    assert!(is_answered(&call, STOP), "nobody says anything");
    assert_eq!(running(&call).len(), 1);
}

#[test]
fn a_recogniser_that_never_finishes_is_not_waited_for() {
    let mut call = call(ModelLoading::OnDemand);
    record(&mut call);
    stop(&mut call);
    call.advance(LAST_WORDS);
    assert!(is_answered(&call, STOP) && running(&call).is_empty());
    assert_eq!(written(&call), ["complete"]);
}

#[test]
fn who_cannot_be_heard_is_tried_again_and_recording_goes_on() {
    let mut call = call(ModelLoading::OnDemand);
    record(&mut call);
    for _ in 0..3 {
        let job = latest(&call);
        lost(&mut call, job);
        assert!(running(&call).is_empty());
        call.advance(AGAIN);
        assert_eq!(running(&call).len(), 1, "again");
    }
    assert_eq!(written(&call), ["missing"], "once, however often it is tried");
    ready(&mut call);
    let job = latest(&call);
    say(&mut call, job, "at last", true);
    report(&mut call, job, JobNews::Restarting { why: "it died".to_owned() });
    ready(&mut call);
    lost(&mut call, job);
    assert_eq!(written(&call), ["missing", "at last", "missing", "missing"]);
    assert!(call.registry.session(ROOM, Default::default()).is_some_and(|session| session.is_recorded));
    stop(&mut call);
    assert!(is_answered(&call, STOP), "nobody is heard, and nobody waited for");
    call.advance(AGAIN * 2);
    assert!(running(&call).is_empty());
}

#[test]
fn each_stream_has_its_own_words_and_who_leaves_is_heard_to_the_end() {
    let mut call = call(ModelLoading::OnDemand);
    record(&mut call);
    ready(&mut call);
    let first = latest(&call);
    call.request("ann", ClientRequest::UnpublishVideo);
    assert!(is_told_to_finish(&call, first));
    call.publish("ann");
    let second = latest(&call);
    assert_ne!(first, second);
    ready(&mut call);
    say_ago(&mut call, first, "first", 2_000, 1_000);
    finish(&mut call, first);
    call.leave("ann");
    assert!(is_told_to_finish(&call, second));
    call.advance(Duration::from_secs(1));
    say_ago(&mut call, second, "second", 3_000, 1_500);
    finish(&mut call, second);
    let [of_first, of_second] = recorded_taps(&call)[..] else { panic!("two files") };
    assert_eq!(said_by(&call), [Some(of_first), Some(of_second)]);
    assert!(running(&call).is_empty() && inputs(&call).is_empty());
}

#[test]
fn the_end_of_a_session_lets_its_speakers_finish() {
    let mut call = call(ModelLoading::OnDemand);
    record(&mut call);
    ready(&mut call);
    let job = latest(&call);
    call.leave("ann").leave("bob");
    call.advance(Duration::from_secs(1));
    say_ago(&mut call, job, "bye", 2_500, 1_500);
    finish(&mut call, job);
    assert_eq!(written(&call), ["bye", "complete"]);
    assert!(running(&call).is_empty());
}

#[test]
fn a_page_shows_everybody_and_so_everybody_is_heard_by_name() {
    let mut call = call(ModelLoading::OnDemand);
    let page = RecordingProperties {
        output_mode: OutputMode::Composed,
        recording_layout: RecordingLayout::Custom,
        custom_layout: "https://layouts.example.org/page?".to_owned(),
        ..individual(EN)
    };
    start(&mut call, page).unwrap();
    assert!(recorded_taps(&call).is_empty());
    ready(&mut call);
    let job = latest(&call);
    say(&mut call, job, "hello", true);
    assert_eq!(said_by(&call), [None]);
    assert!(written(&call)[0].ends_with("hello"));
    call.request("ann", ClientRequest::UnpublishVideo);
    assert!(is_told_to_finish(&call, job));
}

#[test]
fn a_language_that_is_not_recognised_is_refused_before_anything_begins() {
    let refused = |call: &mut Call, language: &str| match start(call, individual(language)) {
        Err(StartRefusal::Subtitles(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let mut off = Call::new();
    off.join("ann").publish("ann");
    assert_eq!(refused(&mut off, EN), SpeechRefusal::Off);
    let mut call = call(ModelLoading::OnDemand);
    assert!(matches!(refused(&mut call, "xx"), SpeechRefusal::UnknownLanguage { language, .. } if language == "xx"));
    let mut manual = crate::speech::call(ModelLoading::Manual);
    assert!(matches!(refused(&mut manual, EN), SpeechRefusal::NotLoaded { .. }));
    for call in [&call, &off, &manual] {
        assert!(call.recorder.commands.is_empty() && call.jobs.is_empty());
    }
}

fn with_default(language: Option<&str>, mode: RecordingMode) -> Call {
    let address = |language: &str| (language.to_owned(), format!("ws://vosk.example/{language}"));
    let service = SpeechService::Vosk { servers: [EN].map(address).into(), loading: ModelLoading::OnDemand };
    let speech = Some(SpeechSettings { service, start_timeout: Duration::from_secs(8) });
    let recording = RecordingSettings { subtitles: language.map(str::to_owned), ..settings().recording };
    let mut call = Call::with(Settings { speech, recording, ..settings() });
    let defaults = RecordingProperties { output_mode: OutputMode::Individual, ..RecordingProperties::default() };
    let always = SessionProperties {
        custom_session_id: "always".to_owned(),
        recording_mode: mode,
        default_recording_properties: defaults,
        ..session_properties()
    };
    call.registry.create_session(always, call.now).unwrap();
    call.join("ann").publish("ann").hush();
    call
}

#[test]
fn the_deployments_language_is_for_recordings_that_do_not_say() {
    let plain = || RecordingProperties { subtitles: None, ..individual(EN) };
    let mut call = with_default(Some(EN), RecordingMode::Manual);
    start(&mut call, plain()).unwrap();
    assert_eq!(running(&call).len(), 1);
    let Some(Ok(Reply::Recording(view))) = call.completed.get(&START) else { panic!("it runs") };
    assert_eq!(view.subtitles.as_deref(), Some(EN));

    for properties in [individual(""), RecordingProperties { has_audio: false, ..plain() }] {
        let mut call = with_default(Some(EN), RecordingMode::Manual);
        start(&mut call, properties).unwrap();
        assert!(running(&call).is_empty());
        let Some(Ok(Reply::Recording(view))) = call.completed.get(&START) else { panic!("it runs") };
        assert_eq!(view.subtitles, None);
    }
    let mut call = with_default(None, RecordingMode::Manual);
    start(&mut call, plain()).unwrap();
    none(running(&call).into_iter().map(|(_, language)| language).collect());
}

#[test]
fn whose_microphone_is_not_published_is_not_listened_to() {
    let mut call = with_default(None, RecordingMode::Manual);
    record(&mut call);
    assert_eq!(running(&call).len(), 1);
    let taps = |call: &Call| {
        let is_tap = |op: &MediaOperation| matches!(op, MediaOperation::SetTap { video: false, .. });
        call.worker.commands.iter().filter(|command| is_tap(&command.op)).count()
    };
    let before = taps(&call);
    call.join("bob").publish("bob");
    assert_eq!((running(&call).len(), taps(&call)), (2, before + 1), "whoever publishes sound later is");
    assert!(!matches!(call.completed.get(&START), Some(Err(Refusal::RecordingFailed(_)))));
}
