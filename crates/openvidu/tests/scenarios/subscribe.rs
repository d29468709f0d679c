//! Receiving streams, and new peer connections for what exists.

use std::time::Duration;

use protocol::media::{MediaFailure, MediaOperation};
use protocol::model::Role;
use protocol::rpc::ClientRequest;

use crate::call::{Call, MEDIA_TIMEOUT, ROOM, none};
use crate::message::{candidate, prepare, receive_with_answer, receive_with_offer};

/// Ann publishes, Bob is there.
fn published() -> Call {
    let mut call = Call::new();
    call.join("ann").join_as("bob", Role::Subscriber).publish("ann").hush();
    call
}

pub(crate) fn reconnect(stream: &str, sdp_string: Option<&str>, sdp_offer: Option<&str>) -> ClientRequest {
    ClientRequest::ReconnectStream {
        stream: stream.to_owned(),
        sdp_string: sdp_string.map(str::to_owned),
        sdp_offer: sdp_offer.map(str::to_owned),
    }
}

#[test]
fn the_server_offers_and_the_client_answers() {
    let mut call = published();
    let stream = call.stream("ann");
    call.request("bob", prepare(&stream));
    call.request("bob", receive_with_answer(&stream));
    assert_eq!(call.inbox("bob"), ["offer offer-to-subscriber", "ok"]);
    none(call.inbox("ann"));
}

#[test]
fn the_client_offers_in_any_mode() {
    let mut call = published();
    let stream = call.stream("ann");
    call.request("bob", receive_with_offer(&stream));
    assert_eq!(call.inbox("bob"), ["answer answer-to-subscriber"]);
}

#[test]
fn a_stream_can_be_subscribed_as_soon_as_it_is_announced() {
    let mut call = Call::new();
    call.join("ann").join("bob").hush().media_waits().publish("ann").media_answers();
    let stream = call.announced("bob").id.to_string();
    call.request("bob", prepare(&stream));
    call.media_answers();
    assert_eq!(call.last("bob"), "offer offer-to-subscriber");
}

#[test]
fn only_the_connection_at_the_end_of_the_sender_counts() {
    let mut call = published();
    let sender = format!("str_CAM_ZZZZ_{}", call.connection("ann"));
    call.request("bob", prepare(&sender));
    assert_eq!(call.inbox("bob"), ["offer offer-to-subscriber"]);
}

#[test]
fn errors_of_subscribing_name_what_is_wrong() {
    let mut call = published();
    call.join("cid");
    let (ann, cid) = (call.connection("ann"), call.connection("cid"));
    for (who, sender, expected) in [
        (
            "bob",
            "str_CAM_XXXX_con_UNKNOWN".to_owned(),
            format!("error User 'con_UNKNOWN not found in session '{ROOM}'. Code: 102"),
        ),
        (
            "bob",
            format!("str_CAM_XXXX_{cid}"),
            format!("error User 'cid not streaming media in session '{ROOM}'. Code: 105"),
        ),
        ("ann", format!("str_CAM_XXXX_{ann}"), "error Can loopback only when publishing media. Code: 105".to_owned()),
        ("bob", "garbage".to_owned(), "error Parameter 'sender' must be a stream id, not 'garbage'".to_owned()),
    ] {
        call.hush();
        call.request(who, prepare(&sender));
        call.request(who, receive_with_offer(&sender));
        call.request(who, receive_with_answer(&sender));
        assert_eq!(call.inbox(who), [expected.clone(), expected.clone(), expected]);
    }
}

#[test]
fn receiving_without_an_sdp_is_an_error() {
    let mut call = published();
    let sender = call.stream("ann");
    call.request("bob", ClientRequest::ReceiveVideoFrom { sender, sdp: None });
    assert_eq!(
        call.inbox("bob"),
        ["error Parameter 'sdpOffer' or 'sdpAnswer' of method 'receiveVideoFrom' is missing"]
    );
}

#[test]
fn an_answer_without_an_offer_is_code_302() {
    let mut call = published();
    let stream = call.stream("ann");
    call.request("bob", receive_with_answer(&stream));
    assert_eq!(call.inbox("bob"), ["error Unable to process SDP answer: there is no offer to answer. Code: 302"]);
    call.subscribe("bob", "ann").hush();
    call.request("bob", receive_with_answer(&stream));
    assert!(call.last("bob").ends_with("Code: 302"));
}

#[test]
fn subscribing_twice_replaces_the_first() {
    let mut call = published();
    call.subscribe("bob", "ann");
    assert_eq!(call.worker.transports.len(), 2);
    let stream = call.stream("ann");
    call.request("bob", receive_with_offer(&stream));
    assert_eq!(call.last("bob"), "answer answer-to-subscriber");
    assert_eq!(call.worker.transports.len(), 2);
    call.request("bob", prepare(&stream));
    call.request("bob", prepare(&stream));
    assert_eq!(call.worker.transports.len(), 2);
}

#[test]
fn a_failed_second_subscription_leaves_the_first() {
    let mut call = published();
    let stream = call.stream("ann");
    call.subscribe("bob", "ann").hush().media_waits();
    call.request("bob", receive_with_offer(&stream));
    call.media_fails(MediaFailure::BadSdp("?".into()));
    assert_eq!(call.inbox("bob"), ["error Unable to generate SDP answer for 'bob' to subscribe to 'ann'. Code: 302"]);
    assert_eq!(call.worker.transports.len(), 2);
}

#[test]
fn an_answer_that_does_not_fit_ends_the_subscription() {
    let mut call = published();
    let stream = call.stream("ann");
    call.request("bob", prepare(&stream));
    call.hush().media_waits();
    call.request("bob", receive_with_answer(&stream));
    call.media_fails(MediaFailure::BadSdp("?".into()));
    assert_eq!(call.inbox("bob"), ["error Unable to process SDP answer of subscriber 'bob'. Code: 302"]);
    assert_eq!(call.worker.transports.len(), 1);
}

#[test]
fn a_subscriber_without_the_codec_is_code_800() {
    let mut call = published();
    let stream = call.stream("ann");
    call.media_waits();
    call.request("bob", receive_with_offer(&stream));
    call.media_fails(MediaFailure::CodecNotOffered);
    assert!(call.last("bob").ends_with("offer-of-subscriber. Code: 800"), "{}", call.last("bob"));
}

#[test]
fn a_subscriber_that_answers_without_the_codec_is_code_800_and_may_try_again() {
    let mut call = published();
    let stream = call.stream("ann");
    call.request("bob", prepare(&stream));
    call.media_waits();
    call.request("bob", receive_with_answer(&stream));
    call.media_fails(MediaFailure::CodecNotOffered);
    assert!(call.last("bob").ends_with("answer-of-subscriber. Code: 800"), "{}", call.last("bob"));
    assert_eq!(call.worker.transports.len(), 1, "only the publisher's");
    call.request("bob", prepare(&stream));
    call.media_answers();
    call.request("bob", receive_with_answer(&stream));
    call.media_answers();
    assert_eq!(call.worker.transports.len(), 2);
}

#[test]
fn a_stream_that_ends_while_it_is_being_subscribed_is_code_105() {
    for late_failure in [false, true] {
        let mut call = published();
        call.media_waits();
        let stream = call.stream("ann");
        call.request("bob", prepare(&stream));
        call.request("ann", ClientRequest::UnpublishVideo);
        if late_failure {
            call.media_fails(MediaFailure::UnknownPublication);
        } else {
            call.media_answers();
        }
        assert_eq!(
            call.inbox("bob"),
            [
                "participantUnpublished ann unpublish".to_owned(),
                format!("error User 'ann not streaming media in session '{ROOM}'. Code: 105")
            ]
        );
        assert!(call.worker.transports.is_empty());
    }
}

#[test]
fn an_offer_that_nobody_answers_expires() {
    let mut call = published();
    let stream = call.stream("ann");
    call.request("bob", prepare(&stream));
    assert_eq!(call.worker.transports.len(), 2);
    call.advance(Duration::from_secs(30));
    assert_eq!(call.worker.transports.len(), 1);
    call.request("bob", receive_with_answer(&stream));
    assert!(call.last("bob").ends_with("Code: 302"));
    call.subscribe("bob", "ann").advance(Duration::from_secs(60));
    assert_eq!(call.worker.transports.len(), 2);
}

#[test]
fn unsubscribing_takes_a_connection_id() {
    let mut call = published();
    call.subscribe("bob", "ann").hush();
    let (ann, stream) = (call.connection("ann"), call.stream("ann"));
    let unsubscribe = |sender: &str| ClientRequest::UnsubscribeFromVideo { sender: sender.to_owned() };
    call.request("bob", unsubscribe(&ann));
    assert_eq!(call.worker.transports.len(), 1);
    call.request("bob", unsubscribe(&ann));
    assert_eq!(call.inbox("bob"), ["ok", "ok"]);
    call.request("bob", unsubscribe(&stream));
    assert_eq!(call.inbox("bob"), [format!("error User ann's not found in session {ROOM}. Code: 102")]);
}

#[test]
fn whoever_wants_no_picture_gets_none_until_it_does_also_on_a_new_peer_connection() {
    let mut call = published();
    let stream = call.stream("ann");
    let want = |value| ClientRequest::SubscribeToVideo { sender: call.stream("ann"), value };
    let (with, without) = (want(true), want(false));
    call.request("bob", without.clone());
    assert!(wanted(&call).is_empty(), "it does not receive the stream");
    call.subscribe("bob", "ann").hush();
    for request in [without.clone(), without, with.clone(), with] {
        call.request("bob", request);
    }
    assert_eq!(call.inbox("bob"), ["ok"; 4]);
    assert_eq!(wanted(&call), [false, true, false], "whether it is paused, whenever that changes");

    call.request("bob", ClientRequest::SubscribeToVideo { sender: stream.clone(), value: false });
    call.subscribe("bob", "ann").hush();
    assert_eq!(wanted(&call).last(), Some(&true));
    call.request("bob", ClientRequest::SubscribeToVideo { sender: "nobody".to_owned(), value: false });
    assert!(call.last("bob").starts_with("error "), "{}", call.last("bob"));
}

/// Whether pictures are paused, as the worker was told one time after the other.
fn wanted(call: &Call) -> Vec<bool> {
    let told = call.worker.commands.iter().filter_map(|command| match &command.op {
        MediaOperation::Subscribe { reception, .. } | MediaOperation::ChangeReception { reception, .. } => {
            Some(reception.video_paused)
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn candidates_go_to_the_peer_connection_that_the_publishers_id_names() {
    let mut call = published();
    let ann = call.connection("ann");
    call.request("bob", candidate(&ann, "early"));
    call.subscribe("bob", "ann");
    call.request("bob", candidate(&ann, "late"));
    assert_eq!(call.worker.candidates(), ["early", "late"]);
    let publisher = call.worker.commands.iter().find_map(|command| match &command.op {
        MediaOperation::Publish { transport, .. } => Some(*transport),
        _ => None,
    });
    for command in &call.worker.commands {
        if let MediaOperation::AddRemoteCandidate { transport, .. } = &command.op {
            assert_ne!(Some(*transport), publisher);
        }
    }
}

#[test]
fn a_publisher_brings_a_new_peer_connection_for_the_same_stream() {
    let mut call = published();
    call.subscribe("bob", "ann").hush();
    let stream = call.stream("ann");
    let publication = *call.worker.publications.keys().next().expect("ann publishes");
    call.request("ann", reconnect(&stream, Some("new offer"), None));
    assert_eq!(call.inbox("ann"), ["published answer-to-publisher"]);
    assert_eq!(call.stream("ann"), stream);
    none(call.inbox("bob"));
    assert!(call.worker.publications.contains_key(&publication) && call.worker.publications.len() == 1);
    let republished = call.worker.commands.iter().rev().find_map(|command| match &command.op {
        MediaOperation::Publish { publication, offer, .. } => Some((publication.0, offer.clone())),
        _ => None,
    });
    assert_eq!(republished, Some((publication, "new offer".to_owned())));
}

#[test]
fn a_subscriber_reconnects_by_answering_a_new_offer() {
    let mut call = published();
    call.subscribe("bob", "ann").hush();
    let stream = call.stream("ann");
    call.request("bob", ClientRequest::PrepareReceiveVideoFrom { sender: stream.clone(), reconnect: true });
    call.request("bob", reconnect(&stream, Some("answer"), None));
    assert_eq!(call.inbox("bob"), ["offer offer-to-subscriber", "ok"]);
    assert_eq!(call.worker.transports.len(), 2);
}

#[test]
fn a_subscriber_reconnects_with_an_offer() {
    let mut call = published();
    call.subscribe("bob", "ann").hush();
    let stream = call.stream("ann");
    call.request("bob", reconnect(&stream, None, Some("offer")));
    assert_eq!(call.inbox("bob"), ["answer answer-to-subscriber"]);
    assert_eq!(call.worker.transports.len(), 2);
}

#[test]
fn reconnecting_what_does_not_exist_is_code_105() {
    let mut call = published();
    for (who, stream) in
        [("bob", "str_CAM_XXXX_con_UNKNOWN".to_owned()), ("ann", "str_CAM_XXXX_".to_owned() + &call.connection("ann"))]
    {
        call.hush();
        call.request(who, reconnect(&stream, None, Some("offer")));
        let line = call.last(who);
        assert!(line.starts_with("error Stream 'str_CAM_XXXX_"), "{line}");
        assert!(line.ends_with(&format!("does not exist in Session '{ROOM}'. Code: 105")), "{line}");
    }
}

#[test]
fn reconnecting_without_an_sdp_is_an_error() {
    let mut call = published();
    let stream = call.stream("ann");
    call.request("bob", reconnect(&stream, None, None));
    assert_eq!(call.inbox("bob"), ["error Parameter 'sdpString' or 'sdpOffer' of method 'reconnectStream' is missing"]);
}

#[test]
fn a_stream_that_is_ended_while_its_publisher_reconnects_is_code_105() {
    let mut call = published();
    call.media_waits();
    let stream = call.stream("ann");
    call.request("ann", reconnect(&stream, Some("offer"), None));
    call.registry.unpublish_stream(ROOM, &stream, call.now).expect("exists");
    call.carry_out();
    call.media_answers();
    assert_eq!(
        call.inbox("ann"),
        [
            "participantUnpublished ann forceUnpublishByServer".to_owned(),
            format!("error Stream 'ann's' does not exist in Session '{ROOM}'. Code: 105")
        ]
    );
    assert!(call.worker.transports.is_empty() && call.worker.publications.is_empty());
}

#[test]
fn a_subscriber_whose_media_is_late_is_told_and_may_try_again() {
    let mut call = published();
    call.media_waits();
    let stream = call.stream("ann");
    call.request("bob", prepare(&stream));
    call.advance(MEDIA_TIMEOUT);
    assert_eq!(call.inbox("bob"), ["error Unable to generate SDP offer for 'bob' to subscribe to 'ann'. Code: 302"]);
    call.media_answers();
    none(call.inbox("bob"));
    assert_eq!(call.worker.transports.len(), 1);
    call.request("bob", prepare(&stream));
    call.media_answers();
    assert_eq!(call.inbox("bob"), ["offer offer-to-subscriber"]);
}

#[test]
fn a_hidden_participant_subscribes_like_anybody() {
    let mut call = published();
    call.join_by_secret("rec", true, false).subscribe("rec", "ann");
    assert_eq!(call.inbox("rec"), ["joined", "offer offer-to-subscriber", "ok"]);
    none(call.inbox("ann"));
}
