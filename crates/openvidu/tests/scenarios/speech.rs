//! Speech to text: who is told whose words, and what becomes of recognisers.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::id::{JobId, TapId, WorkerId};
use protocol::job::{
    AzureSpec, FromJob, HiddenText, JobCommand, JobEnd, JobNews, JobReport, JobSpec, SpeechEngine, TranscribeSpec,
};
use protocol::media::{MediaEvent, MediaOperation};
use protocol::rpc::{ClientRequest, PublishVideo};
use protocol::speech::Spoken;
use session::{
    CallId, ModelLoading, Refusal, Reply, Settings, SpeechEngineKind, SpeechRefusal, SpeechService, SpeechSettings,
};

use crate::call::{Call, ROOM, none, settings};
use crate::message::camera;

pub(crate) const EN: &str = "en-US";
const FR: &str = "fr-FR";
const START: Duration = Duration::from_secs(8);
const GONE: &str = "speechToTextDisconnected Network closed for unknown reason";
const UNAVAILABLE: &str = "error io.grpc.StatusRuntimeException: UNAVAILABLE: io exception. Code: 201";

pub(crate) fn call(loading: ModelLoading) -> Call {
    let address = |language: &str| (language.to_owned(), format!("ws://vosk.example/{language}"));
    let service = SpeechService::Vosk { servers: BTreeMap::from([EN, FR].map(address)), loading };
    with(service)
}

pub(crate) fn with(service: SpeechService) -> Call {
    let speech = SpeechSettings { service, start_timeout: START };
    let mut call = Call::with(Settings { speech: Some(speech), ..settings() });
    call.join("ann").join("bob").publish("ann").hush();
    call
}

pub(crate) fn listen(call: &mut Call, who: &str, whom: &str, lang: &str) {
    let connection_id = call.connection(whom);
    call.request(who, ClientRequest::SubscribeToSpeechToText { connection_id, lang: lang.to_owned() });
}

pub(crate) fn stop_listening(call: &mut Call, who: &str, whom: &str) {
    let connection_id = call.connection(whom);
    call.request(who, ClientRequest::UnsubscribeFromSpeechToText { connection_id });
}

/// The jobs that run, by their languages, the oldest first.
pub(crate) fn running(call: &Call) -> Vec<(JobId, String)> {
    let mut running = vec![];
    for command in &call.jobs {
        match command {
            JobCommand::Start { job, spec } => match &**spec {
                JobSpec::Recognise(spec) => {
                    if let SpeechEngine::Vosk { address } = &spec.by {
                        assert_eq!(*address, format!("ws://vosk.example/{}", spec.language));
                    }
                    running.push((*job, spec.language.clone()));
                }
                other => panic!("{other:?}"),
            },
            JobCommand::Stop { job } => running.retain(|(known, _)| known != job),
            _ => {}
        }
    }
    running
}

fn languages(call: &Call) -> Vec<String> {
    running(call).into_iter().map(|(_, language)| language).collect()
}

/// Taps that are open, of jobs and in the media worker: the same.
pub(crate) fn inputs(call: &Call) -> Vec<TapId> {
    let (mut of_jobs, mut tapped): (Vec<TapId>, Vec<TapId>) = (vec![], vec![]);
    for command in &call.jobs {
        match command {
            JobCommand::AddInput { tap, input, .. } => {
                assert!(input.audio && !input.video);
                of_jobs.push(*tap);
            }
            JobCommand::RemoveInput { tap, .. } => of_jobs.retain(|known| known != tap),
            _ => {}
        }
    }
    for command in &call.worker.commands {
        match command.op {
            MediaOperation::SetTap { tap, audio: true, video: false, .. } => tapped.push(tap),
            MediaOperation::RemoveTap { tap } => tapped.retain(|known| *known != tap),
            _ => {}
        }
    }
    let stopped = of_jobs.iter().filter(|tap| !tapped.contains(tap)).count();
    assert_eq!(of_jobs.len() - stopped, tapped.len());
    tapped
}

pub(crate) fn report(call: &mut Call, job: JobId, news: JobNews) {
    call.registry.handle_job(JobReport { job, news }, call.now);
    call.carry_out();
}

pub(crate) fn latest(call: &Call) -> JobId {
    running(call).last().expect("one runs").0
}

pub(crate) fn ready(call: &mut Call) {
    for (job, _) in running(call) {
        report(call, job, JobNews::Said(FromJob::Ready { audio: false, video: None }));
    }
}

pub(crate) fn say(call: &mut Call, job: JobId, text: &str, is_final: bool) {
    let (text, raw) = (text.to_owned(), format!("raw {text}").trim_end_matches("raw ").to_owned());
    // As recognisers tell it: a second that has just ended.
    let spoken = is_final.then(|| Spoken { began: 1500, ended: 500, words: vec![] });
    report(call, job, JobNews::Said(FromJob::Recognised { text, raw, is_final, spoken }));
}

fn fail(call: &mut Call, job: JobId, end: JobEnd) {
    call.jobs.push(JobCommand::Stop { job });
    report(call, job, JobNews::Ended(end));
}

pub(crate) fn lost(call: &mut Call, job: JobId) {
    fail(call, job, JobEnd::Failed("it hung up".to_owned()));
}

#[test]
fn everybody_who_listens_is_told_the_words_of_one_recogniser() {
    let mut call = call(ModelLoading::OnDemand);
    listen(&mut call, "bob", "ann", EN);
    listen(&mut call, "ann", "ann", EN);
    none(call.inbox("bob"));
    assert_eq!((languages(&call).len(), inputs(&call).len()), (1, 1));
    ready(&mut call);
    assert_eq!((call.inbox("bob"), call.inbox("ann")), (vec!["ok".to_owned()], vec!["ok".to_owned()]));

    let job = latest(&call);
    say(&mut call, job, "good", false);
    say(&mut call, job, "good day", true);
    let words = ["speechToTextMessage ann en-US RECOGNIZING good | raw good".to_owned()];
    let more = ["speechToTextMessage ann en-US RECOGNIZED good day | raw good day".to_owned()];
    for who in ["ann", "bob"] {
        assert_eq!(call.inbox(who), [&words[..], &more].concat(), "{who}");
    }
    stop_listening(&mut call, "bob", "ann");
    assert_eq!(call.inbox("bob"), ["ok"]);
    say(&mut call, job, "more", false);
    none(call.inbox("bob"));
    assert_eq!(languages(&call), [EN]);
    stop_listening(&mut call, "ann", "ann");
    none(languages(&call));
    none(inputs(&call));
    assert_eq!(call.registry.figures().recognisers, 0);
}

#[test]
fn nobody_hears_an_end_without_a_beginning() {
    let mut call = call(ModelLoading::OnDemand);
    listen(&mut call, "ann", "ann", EN);
    ready(&mut call);
    let job = latest(&call);
    say(&mut call, job, "good", false);
    listen(&mut call, "bob", "ann", EN);
    call.hush();
    say(&mut call, job, "good day", true);
    say(&mut call, job, "again", true);
    say(&mut call, job, " ", true);
    let kinds = |call: &mut Call, who| -> Vec<String> {
        call.inbox(who).iter().map(|line| line.split(' ').nth(3).unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&mut call, "ann"), ["RECOGNIZED", "RECOGNIZING", "RECOGNIZED"]);
    assert_eq!(kinds(&mut call, "bob"), ["RECOGNIZING", "RECOGNIZED", "RECOGNIZING", "RECOGNIZED"]);
}

#[test]
fn one_listens_to_somebody_in_one_language() {
    let mut call = call(ModelLoading::OnDemand);
    listen(&mut call, "bob", "ann", EN);
    for language in [EN, FR, "none"] {
        listen(&mut call, "bob", "ann", language);
        let expected =
            "error Already subscribed to Speech To Text events for Connection ann in language en-US. Code: 201";
        assert_eq!(call.inbox("bob"), [expected]);
    }
    listen(&mut call, "ann", "ann", FR);
    assert_eq!(languages(&call), [EN, FR]);
    ready(&mut call);
    assert_eq!(call.inbox("bob"), ["ok"]);
    call.publish("bob").hush();
    listen(&mut call, "bob", "bob", EN);
    assert_eq!(languages(&call), [EN, FR, EN], "each speaker has its own");
}

#[test]
fn what_cannot_be_listened_to_is_told_in_the_original_words() {
    let mut call = call(ModelLoading::OnDemand);
    stop_listening(&mut call, "bob", "ann");
    assert_eq!(call.inbox("bob"), ["error Session room has no speech to text subscriptions. Code: 201"]);
    listen(&mut call, "bob", "ann", "tlh");
    assert_eq!(call.inbox("bob"), ["error Vosk Speech to Text does not support language \"tlh\". Code: 201"]);
    listen(&mut call, "ann", "ann", EN);
    stop_listening(&mut call, "bob", "ann");
    let expected = "error There is no active Speech To Text subscriptions for Connection ann. Code: 201";
    assert_eq!(call.inbox("bob"), [expected]);
    let request =
        ClientRequest::SubscribeToSpeechToText { connection_id: "con_nobody".to_owned(), lang: EN.to_owned() };
    call.request("bob", request);
    assert_eq!(call.inbox("bob"), ["error Connection con_nobody not found in session room. Code: 201"]);
}

#[test]
fn azures_service_has_languages_of_its_own_and_no_secret_is_shown() {
    let (region, key) = ("westeurope".to_owned(), HiddenText::from("hush"));
    let account = AzureSpec { region, key, endpoint: None };
    let mut call = with(SpeechService::Azure { account: account.clone(), languages: &[EN] });
    listen(&mut call, "bob", "ann", FR);
    assert_eq!(call.inbox("bob"), ["error Azure Speech to Text does not support language \"fr-FR\". Code: 201"]);
    listen(&mut call, "bob", "ann", EN);
    let [(_, JobSpec::Recognise(spec))] = &call.running_jobs()[..] else { panic!("it runs") };
    assert_eq!(spec.by, SpeechEngine::Azure(account));
    assert!(!format!("{:?}", call.jobs).contains("hush"));
}

#[test]
fn amazons_service_has_languages_of_its_own_and_no_secret_is_shown() {
    let account = TranscribeSpec {
        region: "eu-west-1".to_owned(),
        access_key: "AKIDEXAMPLE".to_owned(),
        secret_key: HiddenText::from("hush"),
        endpoint: None,
    };
    let mut call = with(SpeechService::Transcribe { account: account.clone(), languages: &[EN] });
    listen(&mut call, "bob", "ann", FR);
    assert_eq!(call.inbox("bob"), ["error AWS Transcribe does not support language \"fr-FR\". Code: 201"]);
    listen(&mut call, "bob", "ann", EN);
    ready(&mut call);
    assert_eq!(call.inbox("bob"), ["ok"]);
    let started = call.jobs.iter().find_map(|command| match command {
        JobCommand::Start { spec, .. } => Some(spec),
        _ => None,
    });
    let Some(JobSpec::Recognise(spec)) = started.map(|spec| &**spec) else { panic!("it runs") };
    assert_eq!(spec.by, SpeechEngine::Transcribe(account));
    assert!(!format!("{:?}", call.jobs).contains("hush"));
}

#[test]
fn a_deployment_that_does_not_listen_says_so() {
    let mut call = Call::new();
    call.join("ann").publish("ann").hush();
    listen(&mut call, "ann", "ann", EN);
    stop_listening(&mut call, "ann", "ann");
    assert_eq!(call.inbox("ann"), ["error Speech To Text service is not enabled. Code: 996"; 2]);
}

#[test]
fn who_publishes_again_is_listened_to_as_before() {
    let mut call = call(ModelLoading::OnDemand);
    listen(&mut call, "bob", "ann", EN);
    ready(&mut call);
    call.request("ann", ClientRequest::UnpublishVideo);
    none(inputs(&call));
    listen(&mut call, "bob", "ann", FR);
    assert!(call.last("bob").starts_with("error Already subscribed"), "{}", call.last("bob"));
    call.publish("ann");
    assert_eq!((languages(&call).len(), inputs(&call).len()), (1, 1));
    // Its microphone is none.
    call.request("ann", ClientRequest::UnpublishVideo);
    let silent = PublishVideo { has_audio: false, audio_active: None, ..camera() };
    call.request("ann", ClientRequest::PublishVideo(Box::new(silent)));
    none(inputs(&call));
    assert_eq!(languages(&call), [EN]);
}

#[test]
fn a_tap_that_is_lost_with_its_worker_is_made_anew_with_the_stream() {
    let mut call = call(ModelLoading::OnDemand);
    listen(&mut call, "bob", "ann", EN);
    let tap = inputs(&call)[0];
    let router = call.worker.latest_transport().0;
    assert_eq!(router.worker, WorkerId(0));
    call.registry.handle_media(MediaEvent::TapEnded { router, tap }, call.now);
    call.carry_out();
    call.worker.commands.push(MediaOperation::RemoveTap { tap }.at(router));
    none(inputs(&call));
    let stream = call.stream("ann");
    let sdp_string = Some("offer".to_owned());
    call.request("ann", ClientRequest::ReconnectStream { stream, sdp_string, sdp_offer: None });
    assert_eq!(inputs(&call).len(), 1);
}

#[test]
fn nobody_is_left_who_has_gone() {
    let mut call = call(ModelLoading::OnDemand);
    listen(&mut call, "bob", "ann", EN);
    ready(&mut call);
    listen(&mut call, "ann", "ann", FR);
    call.hush();
    call.leave("bob");
    assert_eq!(languages(&call), [FR]);
    call.join("eve");
    listen(&mut call, "eve", "ann", FR);
    call.hush();
    // Both wait when she leaves.
    call.leave("ann");
    assert!(call.inbox("ann").iter().any(|line| line.starts_with("error User 'ann' was removed")));
    let told = call.inbox("eve");
    assert!(told.iter().any(|line| line == "error Connection ann not found in session room. Code: 201"), "{told:?}");
    none(languages(&call));
    none(inputs(&call));
    assert_eq!((call.registry.figures().recognisers, call.registry.figures().jobs), (0, 0));
}

#[test]
fn the_end_of_a_session_ends_all_recognisers_and_it_starts_clean_again() {
    let mut call = call(ModelLoading::OnDemand);
    listen(&mut call, "bob", "ann", EN);
    ready(&mut call);
    listen(&mut call, "ann", "ann", FR);
    call.registry.close_session(ROOM, call.now).unwrap();
    call.carry_out();
    none(languages(&call));
    call.create_session(ROOM);
    call.join("eve").publish("eve").hush();
    stop_listening(&mut call, "eve", "eve");
    assert_eq!(call.inbox("eve"), ["error Session room has no speech to text subscriptions. Code: 201"]);
}

#[test]
fn a_recogniser_that_cannot_be_had_refuses_and_is_tried_again() {
    let mut call = call(ModelLoading::OnDemand);
    for end in [JobEnd::Failed("refused".to_owned()), JobEnd::Unavailable("no program".to_owned())] {
        listen(&mut call, "bob", "ann", EN);
        let job = latest(&call);
        fail(&mut call, job, end);
        assert_eq!(call.inbox("bob"), [UNAVAILABLE]);
    }
    listen(&mut call, "bob", "ann", EN);
    let job = latest(&call);
    fail(&mut call, job, JobEnd::Overloaded("too many".to_owned()));
    assert_eq!(call.inbox("bob"), ["error io.grpc.StatusRuntimeException: RESOURCE_EXHAUSTED: too many. Code: 201"]);
    listen(&mut call, "bob", "ann", EN);
    call.advance(START);
    assert_eq!(call.inbox("bob"), [UNAVAILABLE], "before its client gives up");
    none(languages(&call));
    none(inputs(&call));
    listen(&mut call, "bob", "ann", EN);
    ready(&mut call);
    call.advance(START);
    assert_eq!(call.inbox("bob"), ["ok"]);
}

#[test]
fn who_loses_a_recogniser_listens_to_nobody_any_more_and_is_told_once() {
    let mut call = call(ModelLoading::OnDemand);
    call.publish("bob");
    call.join("eve").hush();
    for (who, whom, language) in [("eve", "ann", EN), ("eve", "bob", FR), ("bob", "ann", EN), ("ann", "bob", FR)] {
        listen(&mut call, who, whom, language);
    }
    ready(&mut call);
    call.hush();
    let [(en, _), (fr, _)] = running(&call)[..] else { panic!("two run") };
    lost(&mut call, en);
    assert_eq!((call.inbox("eve"), call.inbox("bob")), (vec![GONE.to_owned()], vec![GONE.to_owned()]));
    none(call.inbox("ann"));
    say(&mut call, fr, "bonjour", false);
    none(call.inbox("eve"));
    assert_eq!(call.inbox("ann").len(), 1, "others are undisturbed");
    lost(&mut call, fr);
    none(call.inbox("eve"));
    assert_eq!(call.inbox("ann"), [GONE]);
    listen(&mut call, "eve", "ann", EN);
    ready(&mut call);
    assert_eq!(call.inbox("eve"), ["ok"]);
}

#[test]
fn a_process_that_is_started_anew_is_nobodys_business() {
    let mut call = call(ModelLoading::OnDemand);
    listen(&mut call, "bob", "ann", EN);
    ready(&mut call);
    call.hush();
    let job = latest(&call);
    report(&mut call, job, JobNews::Restarting { why: "killed".to_owned() });
    listen(&mut call, "ann", "ann", EN);
    assert_eq!(call.inbox("ann"), ["ok"], "it goes on by itself");
    ready(&mut call);
    none(call.inbox("bob"));
    say(&mut call, job, "on we go", false);
    assert_eq!(call.inbox("bob").len(), 1);
}

#[test]
fn with_manual_loading_only_what_was_loaded_can_be_listened_to() {
    let mut call = call(ModelLoading::Manual);
    listen(&mut call, "bob", "ann", EN);
    let expected = "error Vosk model for language \"en-US\" is not loaded and OPENVIDU_PRO_SPEECH_TO_TEXT_VOSK_MODEL_LOAD_STRATEGY is \"manual\". Code: 201";
    assert_eq!(call.inbox("bob"), [expected]);
    call.registry.load_speech_model(EN.to_owned(), CallId(1), call.now).unwrap();
    call.carry_out();
    ready(&mut call);
    assert_eq!(call.completed.get(&CallId(1)), Some(&Ok(Reply::Done)));
    none(languages(&call));
    listen(&mut call, "bob", "ann", EN);
    ready(&mut call);
    assert_eq!(call.inbox("bob"), ["ok"]);
    assert_eq!(call.registry.unload_speech_model(EN), Err(SpeechRefusal::InUse));
    stop_listening(&mut call, "bob", "ann");
    assert_eq!(call.registry.unload_speech_model(EN), Ok(()), "it stays until it is unloaded");
    call.hush();
    listen(&mut call, "bob", "ann", EN);
    assert_eq!(call.inbox("bob"), [expected]);
}

#[test]
fn models_are_loaded_once_and_unloaded_once() {
    let mut call = call(ModelLoading::OnDemand);
    let load = |call: &mut Call, language: &str, id| {
        let result = call.registry.load_speech_model(language.to_owned(), CallId(id), call.now);
        call.carry_out();
        result
    };
    let not_loaded = Err(SpeechRefusal::NotLoaded { language: EN.to_owned() });
    let unknown = SpeechRefusal::UnknownLanguage { language: "tlh".to_owned(), engine: SpeechEngineKind::Vosk };
    assert_eq!(load(&mut call, "tlh", 1), Err(unknown.clone()));
    assert_eq!(call.registry.unload_speech_model("tlh"), Err(unknown));
    assert_eq!(call.registry.unload_speech_model(EN), not_loaded);
    load(&mut call, EN, 2).unwrap();
    assert_eq!(load(&mut call, EN, 3), Err(SpeechRefusal::AlreadyLoaded));
    let job = latest(&call);
    lost(&mut call, job);
    assert_eq!(call.completed.get(&CallId(2)), Some(&Err(Refusal::Speech(SpeechRefusal::Unavailable))));
    load(&mut call, EN, 4).unwrap();
    call.advance(START);
    assert_eq!(call.completed.get(&CallId(4)), Some(&Err(Refusal::Speech(SpeechRefusal::Unavailable))));
    load(&mut call, EN, 5).unwrap();
    ready(&mut call);
    assert_eq!(load(&mut call, EN, 6), Err(SpeechRefusal::AlreadyLoaded));
    assert_eq!(call.registry.unload_speech_model(EN), Ok(()));
    assert_eq!(call.registry.unload_speech_model(EN), not_loaded);
    load(&mut call, EN, 7).unwrap();
    ready(&mut call);
    listen(&mut call, "bob", "ann", EN);
    assert_eq!(call.registry.unload_speech_model(EN), Err(SpeechRefusal::InUse));
    stop_listening(&mut call, "bob", "ann");
    assert_eq!(call.registry.unload_speech_model(EN), not_loaded, "it went with the last who listened");
    assert_eq!(call.registry.figures().jobs, 0);
}
