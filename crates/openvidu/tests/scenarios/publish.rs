//! publishVideo, unpublishVideo, properties of streams.

use protocol::media::{CodecChoice, Kinds, MediaFailure, MediaOperation, VideoCodec};
use protocol::model::{ForcedVideoCodec, Role, SessionProperties};
use protocol::rpc::{ClientRequest, PublishVideo};

use crate::call::{Call, MEDIA_TIMEOUT, ROOM, none, session_properties};
use crate::message::{camera, candidate, publish_video};

fn publishing(change: impl FnOnce(&mut PublishVideo)) -> ClientRequest {
    let mut request = camera();
    change(&mut request);
    ClientRequest::PublishVideo(Box::new(request))
}

#[test]
fn the_publisher_is_answered_before_the_others_are_told() {
    let mut call = Call::new();
    call.join("ann").join("bob").hush().publish("ann");
    assert_eq!(call.log, ["ann: published answer-to-publisher", "bob: participantPublished ann"]);
}

#[test]
fn nobody_learns_of_a_stream_before_media_is_ready() {
    let mut call = Call::new();
    call.join("ann").join("bob").hush().media_waits().publish("ann");
    none(call.inbox("ann"));
    none(call.inbox("bob"));
    call.media_answers();
    assert_eq!(call.inbox("bob"), ["participantPublished ann"]);
}

#[test]
fn stream_ids_say_what_they_are_and_whose() {
    let mut call = Call::new();
    call.join("ann");
    for (request, kind) in [
        (publishing(|_| ()), "CAM"),
        (publishing(|request| request.type_of_video = Some("SCREEN".into())), "SCR"),
        (publishing(|request| request.type_of_video = Some("FOO".into())), "FOO"),
        (publishing(|request| request.type_of_video = Some("é".into())), "é"),
        (publishing(|request| (request.has_video, request.type_of_video) = (false, Some(String::new()))), "MIC"),
    ] {
        call.request("ann", request);
        let stream = call.stream("ann");
        assert!(stream.starts_with(&format!("str_{kind}_")), "{stream}");
        assert!(stream.ends_with(&format!("_{}", call.connection("ann"))));
        call.request("ann", ClientRequest::UnpublishVideo);
    }
}

#[test]
fn what_a_publisher_says_of_itself_is_relayed_as_is() {
    let mut call = Call::new();
    call.join("ann").join("bob");
    call.request(
        "ann",
        publishing(|request| {
            request.audio_active = None;
            request.video_active = Some(false);
            request.frame_rate = Some(29);
            request.video_dimensions = Some("notjson".into());
        }),
    );
    let stream = serde_json::to_value(call.announced("bob")).expect("serialises");
    assert_eq!(stream["id"], call.stream("ann"));
    assert_eq!(stream.get("audioActive"), None);
    assert_eq!(stream["videoActive"], false);
    assert_eq!((&stream["frameRate"], &stream["videoDimensions"]), (&29.into(), &"notjson".into()));
    assert_eq!(stream["filter"], serde_json::json!({}));
}

/// Clients on phones say that there is a picture also where there is no camera.
#[test]
fn only_what_a_publisher_sends_is_announced() {
    let mut call = Call::new();
    call.join("ann").join("bob").media_waits();
    call.publish("ann").media_finds(Kinds { audio: true, video: false });
    let stream = serde_json::to_value(call.announced("bob")).expect("serialises");
    assert_eq!((&stream["hasAudio"], &stream["hasVideo"]), (&true.into(), &false.into()));
    for absent in ["typeOfVideo", "videoActive", "videoDimensions"] {
        assert_eq!(stream.get(absent), None);
    }
    assert!(call.stream("ann").starts_with("str_MIC_"));
    // Who comes later hears the same, and so does the worker when the publisher comes back.
    let stream = call.stream("ann");
    let sdp_string = Some("offer".to_owned());
    call.request("ann", ClientRequest::ReconnectStream { stream, sdp_string, sdp_offer: None });
    let kinds = call.worker.commands.iter().rev().find_map(|command| match &command.op {
        MediaOperation::Publish { kinds, .. } => Some(*kinds),
        _ => None,
    });
    assert_eq!(kinds, Some(Kinds { audio: true, video: false }));
    call.media_answers().request("ann", ClientRequest::UnpublishVideo);
    call.publish("ann").media_finds(Kinds { audio: false, video: true });
    let stream = serde_json::to_value(call.announced("bob")).expect("serialises");
    assert_eq!((&stream["hasAudio"], &stream["hasVideo"]), (&false.into(), &true.into()));
    assert_eq!((stream.get("audioActive"), &stream["typeOfVideo"]), (None, &"CAMERA".into()));
}

/// Who says that it sends nothing is believed as little.
#[test]
fn a_publisher_that_announces_nothing_is_announced_with_what_it_sends() {
    let mut call = Call::new();
    call.join("ann").join("bob").media_waits();
    call.request("ann", publishing(|request| (request.has_audio, request.has_video) = (false, false)));
    call.media_finds(Kinds { audio: true, video: false });
    let stream = serde_json::to_value(call.announced("bob")).expect("serialises");
    assert_eq!((&stream["hasAudio"], &stream["hasVideo"]), (&true.into(), &false.into()));
}

#[test]
fn a_subscriber_may_not_publish() {
    let mut call = Call::new();
    call.join_as("ann", Role::Subscriber).hush().publish("ann");
    assert_eq!(call.inbox("ann"), ["error Unable to publish video. The user does not have a valid token. Code: 401"]);
}

#[test]
fn a_second_publication_is_refused() {
    let mut call = Call::new();
    call.join("ann").publish("ann").hush().publish("ann");
    assert_eq!(call.inbox("ann"), [format!("error User ann is already publishing in session {ROOM}. Code: 106")]);
}

#[test]
fn an_sdp_that_media_refuses_is_code_302_and_another_attempt_may_follow() {
    let mut call = Call::new();
    call.join("ann").join("bob").hush().media_waits().publish("ann");
    call.media_fails(MediaFailure::BadSdp("no m-line".into()));
    assert_eq!(call.inbox("ann"), ["error Error generating SDP response for publishing user ann. Code: 302"]);
    none(call.inbox("bob"));
    call.publish("ann").media_answers();
    assert_eq!(call.inbox("ann"), ["published answer-to-publisher"]);
}

#[test]
fn a_forced_codec_that_is_not_offered_is_code_800_with_the_sdp() {
    let mut call = Call::new();
    call.registry.close_session(ROOM, call.now).expect("exists");
    call.create_session_with(SessionProperties {
        custom_session_id: ROOM.into(),
        forced_video_codec: ForcedVideoCodec::H264,
        ..session_properties()
    });
    call.join("ann").hush().media_waits().publish("ann");
    call.media_fails(MediaFailure::CodecNotOffered);
    let line = call.last("ann");
    assert!(line.starts_with("error Error forcing codec: 'H264', for PARTICIPANT: 'ann'"), "{line}");
    assert!(line.ends_with("offer-of-publisher. Code: 800"), "{line}");
}

#[test]
fn the_sessions_codec_rule_reaches_the_media_worker() {
    let one = |codec, or_any| CodecChoice::FirstOf { codecs: vec![codec], or_any };
    let any = vec![VideoCodec::Vp8, VideoCodec::H264, VideoCodec::Vp9, VideoCodec::Av1];
    for (forced_video_codec, allow_transcoding, expected) in [
        (ForcedVideoCodec::MediaServerPreferred, false, CodecChoice::FirstOf { codecs: any, or_any: true }),
        (ForcedVideoCodec::None, false, CodecChoice::Offered),
        (ForcedVideoCodec::Vp8, false, one(VideoCodec::Vp8, false)),
        (ForcedVideoCodec::Vp9, true, one(VideoCodec::Vp9, true)),
        (ForcedVideoCodec::H264, false, one(VideoCodec::H264, false)),
    ] {
        let mut call = Call::new();
        call.registry.close_session(ROOM, call.now).expect("exists");
        let custom_session_id = ROOM.to_owned();
        call.create_session_with(SessionProperties {
            custom_session_id,
            forced_video_codec,
            allow_transcoding,
            ..session_properties()
        });
        call.join("ann").publish("ann");
        let codecs = call.worker.commands.iter().find_map(|command| match &command.op {
            MediaOperation::Publish { codecs, .. } => Some(codecs.clone()),
            _ => None,
        });
        assert_eq!(codecs, Some(expected));
    }
}

#[test]
fn loopback_is_asked_of_the_media_worker() {
    let mut call = Call::new();
    call.join("ann");
    call.request("ann", publishing(|request| request.do_loopback = true));
    assert!(call.worker.commands.iter().any(|c| matches!(c.op, MediaOperation::Publish { loopback: true, .. })));
}

#[test]
fn unpublishing_tells_the_others_and_frees_media() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").subscribe("bob", "ann").hush();
    call.request("ann", ClientRequest::UnpublishVideo);
    assert_eq!(call.log, ["bob: participantUnpublished ann unpublish", "ann: ok"]);
    assert!(call.worker.publications.is_empty() && call.worker.transports.is_empty());
    call.hush().request("ann", ClientRequest::UnpublishVideo);
    assert_eq!(call.inbox("ann"), ["error Participant 'ann' is not streaming media. Code: 105"]);
}

#[test]
fn a_new_publication_has_a_new_stream_id() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    let first = call.stream("ann");
    call.request("ann", ClientRequest::UnpublishVideo);
    call.publish("ann");
    assert_ne!(call.stream("ann"), first);
}

#[test]
fn a_media_worker_that_is_too_slow_is_code_302_and_its_late_work_is_undone() {
    let mut call = Call::new();
    call.join("ann").join("bob").hush().media_waits().publish("ann").advance(MEDIA_TIMEOUT);
    assert_eq!(call.inbox("ann"), ["error Error generating SDP response for publishing user ann. Code: 302"]);
    call.media_answers();
    none(call.inbox("ann"));
    none(call.inbox("bob"));
    assert!(call.worker.publications.is_empty() && call.worker.transports.is_empty());
    call.publish("ann").media_answers();
    assert_eq!(call.inbox("bob"), ["participantPublished ann"]);
}

#[test]
fn candidates_reach_the_transport_also_those_that_come_too_early() {
    let mut call = Call::new();
    call.join("ann").hush();
    let ann = call.connection("ann");
    call.request("ann", candidate(&ann, "early"));
    assert_eq!(call.inbox("ann"), ["ok"]);
    none(call.worker.candidates());
    call.media_waits().publish("ann");
    call.request("ann", candidate(&ann, "during"));
    none(call.inbox("ann"));
    call.media_answers();
    assert_eq!(call.inbox("ann"), ["published answer-to-publisher", "ok"]);
    call.request("ann", candidate(&ann, ""));
    assert_eq!(call.worker.candidates(), ["early", "during", ""]);
}

#[test]
fn candidates_for_nobody_are_answered_and_dropped() {
    let mut call = Call::new();
    call.join("ann").hush();
    for endpoint in ["con_UNKNOWN", "str_CAM_x", ""] {
        call.request("ann", candidate(endpoint, "garbage"));
        assert_eq!(call.inbox("ann"), ["ok"]);
    }
    call.publish("ann");
    none(call.worker.candidates());
}

fn changed(property: &str, new_value: &str) -> ClientRequest {
    ClientRequest::StreamPropertyChanged {
        property: property.to_owned(),
        new_value: new_value.to_owned(),
        reason: "why".to_owned(),
    }
}

#[test]
fn property_changes_are_relayed_as_json_text() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").hush();
    for (property, value) in [
        ("videoActive", "false"),
        ("videoDimensions", r#""{\"width\":480}""#),
        ("videoTrack", r#"{"label":"cam 2"}"#),
        ("whatever", "null"),
    ] {
        call.request("ann", changed(property, value));
        assert_eq!(call.inbox("ann"), ["ok"]);
        assert_eq!(call.inbox("bob"), [format!("streamPropertyChanged ann's {property} {value} why")]);
    }
}

#[test]
fn who_joins_later_learns_the_present_state_of_a_stream() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    call.request("ann", changed("videoActive", "false"));
    call.request("ann", changed("audioActive", "false"));
    call.request("ann", changed("audioActive", "true"));
    call.request("ann", changed("videoDimensions", r#""{\"width\":480}""#));
    call.join("bob");
    let stream = call.joined("bob").value[0].stream.clone().expect("ann publishes");
    assert_eq!((stream.audio_active, stream.video_active), (Some(true), Some(false)));
    assert_eq!(stream.video_dimensions.as_deref(), Some(r#"{"width":480}"#));
}

#[test]
fn a_track_label_of_client_2_23_is_no_mute_state() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").hush();
    let value = r#""{\"newLabel\":\"cam 2\"}""#;
    call.request("ann", changed("videoActive", value));
    assert_eq!(call.inbox("bob"), [format!("streamPropertyChanged ann's videoActive {value} why")]);
    call.join("cid");
    let stream = call.joined("cid").value[0].stream.clone().expect("ann publishes");
    assert_eq!(stream.video_active, Some(true));
}

#[test]
fn who_does_not_publish_has_no_property_to_change() {
    let mut call = Call::new();
    call.join("ann").join("bob").hush();
    call.request("ann", changed("videoActive", "false"));
    assert_eq!(call.inbox("ann"), ["error Connection 'ann' publishes no stream whose property could change"]);
    none(call.inbox("bob"));
}

#[test]
fn a_publisher_that_loses_its_socket_while_publishing_publishes_nothing() {
    let mut call = Call::new();
    call.join("ann").join("bob").hush().media_waits();
    call.request("ann", publish_video());
    call.cut("ann").media_answers();
    none(call.inbox("bob"));
    assert!(call.worker.publications.is_empty());
    call.reconnect("ann").hush().publish("ann").media_answers();
    assert_eq!(call.inbox("bob"), ["participantPublished ann"]);
}
