//! Filters of streams: who may what, who is told, and what becomes of media.

use protocol::id::JobId;
use protocol::job::{FromJob, JobCommand, JobEnd, JobNews, JobSpec, ToJob};
use protocol::media::{MediaOperation, OutputVideo, VideoCodec};
use protocol::model::{ConnectionProperties, KurentoOptions, Role};
use protocol::rpc::{ClientRequest, PublishedFilter};
use serde_json::json;

use crate::call::{Call, MEDIA_TIMEOUT, ROOM, none};
use crate::message::camera;

const GREY: &str = r#"{"command":"videobalance saturation=0.0"}"#;

/// A token that allows filters of these kinds.
fn allowing(kinds: &[&str]) -> ConnectionProperties {
    let allowed_filters = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let kurento_options = Some(KurentoOptions { allowed_filters, ..KurentoOptions::default() });
    ConnectionProperties { kurento_options, ..ConnectionProperties::default() }
}

/// A moderator, Ann who may not filter, and Bob who may; the two publish.
fn call() -> Call {
    let mut call = Call::new();
    call.join_as("mod", Role::Moderator).join("ann").join_with("bob", allowing(&["GStreamerFilter", "ZBarFilter"]));
    call.publish("ann").publish("bob").hush();
    call
}

fn apply(stream: &str, kind: &str, options: Option<&str>) -> ClientRequest {
    let (stream_id, kind) = (stream.to_owned(), kind.to_owned());
    ClientRequest::ApplyFilter { stream_id, kind, options: options.map(str::to_owned) }
}

fn exec(stream: &str, method: &str) -> ClientRequest {
    let params = json!({"propertyName": "saturation", "propertyValue": "1.0"});
    ClientRequest::ExecFilterMethod { stream_id: stream.to_owned(), method: method.to_owned(), params }
}

fn remove(stream: &str) -> ClientRequest {
    ClientRequest::RemoveFilter { stream_id: stream.to_owned() }
}

fn listen(stream: &str, event: &str) -> ClientRequest {
    ClientRequest::AddFilterEventListener { stream_id: stream.to_owned(), event_type: event.to_owned() }
}

fn ignore(stream: &str, event: &str) -> ClientRequest {
    ClientRequest::RemoveFilterEventListener { stream_id: stream.to_owned(), event_type: event.to_owned() }
}

/// The one job that runs.
fn job(call: &Call) -> JobId {
    let [(job, _)] = &call.running_jobs()[..] else { panic!("{:?}", call.running_jobs()) };
    *job
}

fn made(call: &mut Call) {
    call.job_reports(job(call), JobNews::Said(FromJob::Executed { request: 0, error: None }));
}

fn ready(call: &mut Call) {
    let video = Some(OutputVideo { codec: VideoCodec::Vp8, parameters: String::new() });
    call.job_reports(job(call), JobNews::Said(FromJob::Ready { audio: true, video }));
}

fn applied(call: &mut Call, who: &str, stream: &str, kind: &str, options: &str) {
    call.request(who, apply(stream, kind, Some(options)));
    made(call);
    ready(call);
    assert_eq!(call.last(who), "ok");
    call.hush();
}

/// The last method that the process was told to call.
fn executed(call: &Call) -> u64 {
    let last = call.jobs.iter().rev().find_map(|command| match command {
        JobCommand::Tell { message: ToJob::Execute { request, .. }, .. } => Some(*request),
        _ => None,
    });
    last.expect("a method was called")
}

fn media(call: &Call) -> Vec<&'static str> {
    let names = call.worker.commands.iter().filter_map(|command| match command.op {
        MediaOperation::SetTap { .. } => Some("tap"),
        MediaOperation::Interpose { .. } => Some("interpose"),
        MediaOperation::PublishLocal { .. } => Some("local"),
        MediaOperation::Withdraw { .. } => Some("withdraw"),
        MediaOperation::ClosePublication { .. } => Some("close"),
        _ => None,
    });
    names.collect()
}

#[test]
fn refusals_come_in_the_originals_order() {
    let mut call = call();
    let (ann, bob, none) = (call.stream("ann"), call.stream("bob"), "str_CAM_x".to_owned());
    let gstreamer = "GStreamerFilter";
    for (who, request, code) in [
        ("ann", apply(&ann, gstreamer, Some(GREY)), "401"),
        ("ann", apply(&ann, gstreamer, None), "401"),
        ("bob", apply(&bob, "FaceOverlayFilter", Some("{}")), "401"),
        ("bob", apply(&ann, gstreamer, Some(GREY)), "401"),
        ("bob", apply(&none, gstreamer, Some(GREY)), "401"),
        ("bob", apply(&bob, gstreamer, Some("{")), "406"),
        ("mod", apply(&none, gstreamer, Some("x")), "406"),
        ("mod", apply(&none, gstreamer, Some(GREY)), "102"),
        ("ann", remove(&bob), "401"),
        ("ann", remove(&ann), "406"),
        ("ann", exec(&ann, "setElementProperty"), "406"),
        ("ann", exec(&bob, "setElementProperty"), "401"),
        ("mod", exec(&none, "setElementProperty"), "102"),
        ("mod", listen(&ann, "CodeFound"), "406"),
        ("mod", listen(&none, "CodeFound"), "102"),
        ("ann", listen(&bob, "CodeFound"), "401"),
        ("ann", ignore(&bob, "CodeFound"), "401"),
        ("mod", ignore(&ann, "CodeFound"), "406"),
    ] {
        call.request(who, request.clone());
        assert!(call.last(who).ends_with(&format!("Code: {code}")), "{who} {request:?}: {}", call.last(who));
    }
    for options in [None, Some("[1]")] {
        call.request("bob", apply(&bob, gstreamer, options));
        assert!(
            call.last("bob").starts_with("error Parameter 'options' of method 'applyFilter'"),
            "{}",
            call.last("bob")
        );
    }
    call.request("mod", ignore(&none, "CodeFound"));
    assert_eq!(call.last("mod"), "ok");
    assert!(call.running_jobs().is_empty());
    applied(&mut call, "bob", &bob, gstreamer, GREY);
    for (who, request, text) in [
        ("mod", apply(&bob, gstreamer, Some(GREY)), format!("error User 'bob already has a filter applied in session '{ROOM}'. Code: 405")),
        (
            "bob",
            listen(&bob, "CodeFound"),
            "error Request to addFilterEventListener to stream bob's gone wrong: Filter GStreamerFilter has no event 'CodeFound'. Code: 407".to_owned(),
        ),
        (
            "bob",
            ignore(&bob, "CodeFound"),
            "error Request to removeFilterEventListener to stream bob's gone wrong: Filter GStreamerFilter has no listener added. Code: 407".to_owned(),
        ),
    ] {
        call.request(who, request);
        assert_eq!(call.last(who), text);
    }
}

#[test]
fn a_filter_takes_its_place_with_its_first_picture() {
    let mut call = call();
    let bob = call.stream("bob");
    let before = call.worker.commands.len();
    call.request("bob", apply(&bob, "GStreamerFilter", Some(GREY)));
    let (_, spec) = &call.running_jobs()[0];
    let JobSpec::Filter { filter, video: true, audio: true, images: None } = spec else { panic!("{spec:?}") };
    assert_eq!((filter.kind.as_str(), filter.options.to_string().as_str()), ("GStreamerFilter", GREY));
    made(&mut call);
    none(call.inbox("bob"));
    call.worker.commands.drain(..before);
    assert_eq!(media(&call), ["tap"]);
    ready(&mut call);
    assert_eq!(media(&call), ["tap", "interpose", "local"]);
    assert_eq!(call.inbox("bob"), ["ok"]);
    let changed = |more: &str, reason: &str| {
        format!(r#"streamPropertyChanged bob's filter {{"type":"GStreamerFilter","options":{GREY}{more}}} {reason}"#)
    };
    for name in ["mod", "ann"] {
        assert_eq!(call.inbox(name), [changed("", "applyFilter")]);
    }
    // A moderator calls a method: its answer first, then the owner and the others.
    call.hush();
    call.request("mod", exec(&bob, "setElementProperty"));
    let request = executed(&call);
    call.job_reports(job(&call), JobNews::Said(FromJob::Executed { request, error: None }));
    assert_eq!(call.log[0], "mod: ok");
    let called = r#","lastExecMethod":{"method":"setElementProperty","params":{"propertyName":"saturation","propertyValue":"1.0"}}"#;
    for name in ["bob", "ann"] {
        assert_eq!(call.inbox(name), [changed(called, "execFilterMethod")]);
    }
    // What fails changes nothing.
    call.hush();
    call.request("bob", exec(&bob, "explode"));
    let request = executed(&call);
    let error = Some("there is no method 'explode'".to_owned());
    call.job_reports(job(&call), JobNews::Said(FromJob::Executed { request, error }));
    assert_eq!(call.inbox("bob"), ["error there is no method 'explode'"]);
    none(call.inbox("ann"));
    // Who joins later learns of it.
    call.join("dan");
    let seen = serde_json::to_string(&call.joined("dan").value).unwrap();
    assert!(seen.contains(&format!(r#""filter":{{"type":"GStreamerFilter","options":{GREY}{called}}}"#)), "{seen}");
    call.hush();
    call.request("mod", remove(&bob));
    assert_eq!(call.inbox("bob"), ["streamPropertyChanged bob's filter {} removeFilter"]);
    assert_eq!(media(&call).last(), Some(&"withdraw"));
    none(call.running_jobs());
    call.request("bob", remove(&bob));
    assert_eq!(call.last("bob"), format!("error User 'bob has no filter applied in session '{ROOM}'. Code: 406"));
}

#[test]
fn a_filter_that_cannot_be_leaves_the_stream_as_it_was() {
    let mut call = call();
    let bob = call.stream("bob");
    for (end, answer) in [
        (JobEnd::Failed("no element".to_owned()), "error no element".to_owned()),
        (
            JobEnd::Unavailable("install GStreamer".to_owned()),
            "error Filters of the server are not available: nothing was applied to stream 'bob's'. install GStreamer. Code: 406"
                .to_owned(),
        ),
    ] {
        call.request("bob", apply(&bob, "GStreamerFilter", Some(GREY)));
        call.job_reports(job(&call), JobNews::Ended(end));
        assert_eq!(call.last("bob"), answer);
    }
    call.request("bob", apply(&bob, "GStreamerFilter", Some(GREY)));
    call.advance(MEDIA_TIMEOUT);
    assert_eq!(call.last("bob"), "error the filter did not start in time");
    none(call.running_jobs());
    assert!(!media(&call).contains(&"interpose"));
    none(call.inbox("ann"));
    applied(&mut call, "bob", &bob, "GStreamerFilter", GREY);
}

#[test]
fn a_filter_that_breaks_hides_the_stream_until_it_is_taken_off() {
    let mut call = call();
    let bob = call.stream("bob");
    applied(&mut call, "bob", &bob, "GStreamerFilter", GREY);
    call.job_reports(job(&call), JobNews::Restarting { why: "died".to_owned() });
    none(call.inbox("bob"));
    call.job_reports(job(&call), JobNews::Ended(JobEnd::Failed("died".to_owned())));
    assert_eq!(call.inbox("bob"), ["mediaError GStreamerFilter: died"]);
    none(call.inbox("ann"));
    assert!(!media(&call).contains(&"withdraw"));
    call.request("bob", exec(&bob, "setElementProperty"));
    assert_eq!(call.last("bob"), "error died");
    call.request("bob", remove(&bob));
    assert_eq!(call.last("bob"), "ok");
    assert_eq!(media(&call).last(), Some(&"withdraw"));
}

#[test]
fn what_is_found_is_told_to_listeners_and_once_to_the_application() {
    let mut call = call();
    let bob = call.stream("bob");
    applied(&mut call, "bob", &bob, "ZBarFilter", "{}");
    let found = |call: &mut Call| {
        let data = [("codeType", "EAN-13"), ("value", "4006381333931")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let data = data.to_vec();
        call.job_reports(job(call), JobNews::Said(FromJob::Found { event: "CodeFound".to_owned(), data }));
    };
    found(&mut call);
    none(call.inbox("bob"));
    for name in ["bob", "mod", "bob"] {
        call.request(name, listen(&bob, "CodeFound"));
        assert_eq!(call.last(name), "ok");
    }
    call.hush();
    found(&mut call);
    for name in ["bob", "mod"] {
        let line = "filterEventDispatched bob's ZBarFilter CodeFound {codeType=EAN-13, value=4006381333931, source=bob's, \
                    type=CodeFound, tags=[]}";
        assert_eq!(call.inbox(name), [line]);
    }
    none(call.inbox("ann"));
    call.hush();
    call.request("bob", ignore(&bob, "CodeFound"));
    found(&mut call);
    assert_eq!(call.inbox("bob"), ["ok"]);
    call.request("bob", ignore(&bob, "CodeFound"));
    assert_eq!(call.last("bob"), "ok", "others listen still");
    call.request("mod", ignore(&bob, "CodeFound"));
    call.request("mod", ignore(&bob, "CodeFound"));
    assert!(call.last("mod").ends_with("Code: 407"));
    call.hush();
    found(&mut call);
    none(call.inbox("mod"));
}

fn publish_filtered(kind: &str) -> ClientRequest {
    let filter = PublishedFilter { kind: kind.to_owned(), options: serde_json::from_str(GREY).unwrap() };
    let mut camera = camera();
    camera.filter = Some(Ok(filter));
    ClientRequest::PublishVideo(Box::new(camera))
}

#[test]
fn a_stream_is_published_with_its_filter_in_between() {
    let mut call = Call::new();
    call.join_with("bob", allowing(&["GStreamerFilter"])).join("ann").hush();
    call.request("bob", publish_filtered("GStreamerFilter"));
    none(call.inbox("bob"));
    assert!(call.worker.publications.is_empty(), "nothing is published before the filter is there");
    made(&mut call);
    assert!(call.last("bob").starts_with("published"), "{}", call.last("bob"));
    assert_eq!(media(&call), ["tap", "interpose"]);
    let announced = serde_json::to_string(&call.announced("ann").filter).unwrap();
    assert_eq!(announced, format!(r#"{{"type":"GStreamerFilter","options":{GREY},"lastExecMethod":{{}}}}"#));
    ready(&mut call);
    assert_eq!(media(&call), ["tap", "interpose"], "it is what was announced");
    call.leave("bob");
    none(call.running_jobs());
}

#[test]
fn who_may_publish_filtered_is_said_by_the_token() {
    let mut call = Call::new();
    call.join("ann").join_as("mod", Role::Moderator).join_with("bob", allowing(&[])).hush();
    for name in ["ann", "bob"] {
        call.request(name, publish_filtered("GStreamerFilter"));
        assert_eq!(
            call.last(name),
            format!(
                "error Error applying filter for publishing user {name}. The token has no permissions to apply filter \
                 GStreamerFilter. Code: 406"
            )
        );
    }
    let mut unreadable = camera();
    unreadable.filter = Some(Err("'type' is missing, or no text"));
    call.request("mod", ClientRequest::PublishVideo(Box::new(unreadable)));
    assert_eq!(call.last("mod"), "error 'filter' parameter wrong:'type' is missing, or no text. Code: 406");
    call.request("mod", publish_filtered("GStreamerFilter"));
    call.job_reports(job(&call), JobNews::Ended(JobEnd::Failed("no element".to_owned())));
    assert_eq!(call.last("mod"), "error no element");
    assert!(call.worker.publications.is_empty());
    none(call.running_jobs());
}

#[test]
fn a_new_peer_connection_of_the_publisher_keeps_its_filter() {
    let mut call = call();
    let bob = call.stream("bob");
    applied(&mut call, "bob", &bob, "GStreamerFilter", GREY);
    let (stream, sdp_string) = (bob.clone(), Some("offer-of-publisher".to_owned()));
    call.request("bob", ClientRequest::ReconnectStream { stream, sdp_string, sdp_offer: None });
    assert_eq!(call.running_jobs().len(), 1);
    assert_eq!(media(&call)[media(&call).len() - 2..], ["interpose", "tap"]);
    call.request("bob", ClientRequest::UnpublishVideo);
    none(call.running_jobs());
}
