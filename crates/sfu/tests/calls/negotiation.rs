//! What browsers offer and what they are answered: offers and answers as Chromium and Firefox write them.

use protocol::id::{PublicationId, RouterId, TransportId};
use protocol::media::{
    BitrateLimits, CodecChoice, Kinds, MediaEvent, MediaFailure, MediaOperation, Reception, VideoCodec,
};

use sfu::Config;

use crate::call::{Call, ROUTER, SUBSCRIBER, any_codec, config};

const CHROMIUM: &str = include_str!("sdp/chromium_publish.sdp");
const CHROMIUM_SIMULCAST: &str = include_str!("sdp/chromium_simulcast.sdp");
const CHROMIUM_SUBSCRIBE: &str = include_str!("sdp/chromium_subscribe.sdp");
const CHROMIUM_ANSWER: &str = include_str!("sdp/chromium_answer.sdp");
const FIREFOX: &str = include_str!("sdp/firefox_publish.sdp");
const FIREFOX_SIMULCAST: &str = include_str!("sdp/firefox_simulcast.sdp");

fn publish(call: &mut Call, offer: &str, codecs: CodecChoice, loopback: bool) -> Result<String, MediaFailure> {
    let request = call.request_id();
    call.command(MediaOperation::Publish {
        kinds: Kinds { audio: true, video: true },
        request,
        publication: PublicationId(1),
        transport: TransportId(1),
        offer: offer.to_owned(),
        codecs,
        bitrate: call.limits,
        loopback,
    });
    match call.settled(request) {
        MediaEvent::Answered { sdp, .. } => Ok(sdp.clone()),
        MediaEvent::Failed { why, .. } => Err(why.clone()),
        other => panic!("{other:?}"),
    }
}

fn answer(offer: &str, codecs: CodecChoice) -> Result<String, MediaFailure> {
    publish(&mut Call::new(), offer, codecs, false)
}

fn only(codec: VideoCodec) -> CodecChoice {
    CodecChoice::FirstOf { codecs: vec![codec], or_any: false }
}

fn subscribe(call: &mut Call, offer: Option<&str>) -> Result<String, MediaFailure> {
    let request = call.request_id();
    call.command(MediaOperation::Subscribe {
        source: ROUTER.worker,
        request,
        subscriber: SUBSCRIBER,
        reception: Reception::default(),
        publication: PublicationId(1),
        transport: TransportId(2),
        offer: offer.map(str::to_owned),
    });
    match call.settled(request) {
        MediaEvent::Answered { sdp, .. } | MediaEvent::Offered { sdp, .. } => Ok(sdp.clone()),
        MediaEvent::Failed { why, .. } => Err(why.clone()),
        other => panic!("{other:?}"),
    }
}

fn accept(call: &mut Call, answer: &str) -> Result<(), MediaFailure> {
    let request = call.request_id();
    call.command(MediaOperation::AcceptAnswer { request, transport: TransportId(2), answer: answer.to_owned() });
    match call.settled(request) {
        MediaEvent::Accepted { .. } => Ok(()),
        MediaEvent::Failed { why, .. } => Err(why.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_subscriber_without_transport_wide_feedback_may_send_its_own_estimate() {
    let mut call = Call::new();
    publish(&mut call, CHROMIUM, any_codec(), false).unwrap();
    let with_both = subscribe(&mut call, Some(CHROMIUM_SUBSCRIBE)).unwrap();
    has(&with_both, "a=rtcp-fb:96 transport-cc");
    lacks(&with_both, "goog-remb");
    let offer: Vec<_> = CHROMIUM_SUBSCRIBE.lines().filter(|line| !line.contains("transport-cc")).collect();
    assert!(offer.iter().any(|line| line.ends_with("goog-remb")));
    let with_one = subscribe(&mut call, Some(&(offer.join("\r\n") + "\r\n"))).unwrap();
    has(&with_one, "a=rtcp-fb:96 goog-remb");
}

#[track_caller]
fn has(sdp: &str, line: &str) {
    assert!(sdp.lines().any(|l| l == line), "no line {line:?} in\n{sdp}");
}

#[track_caller]
fn lacks(sdp: &str, text: &str) {
    assert!(!sdp.contains(text), "{text:?} in\n{sdp}");
}

#[test]
fn chromium_is_answered_with_one_codec_and_its_own_numbers() {
    let sdp = answer(CHROMIUM, any_codec()).unwrap();
    assert!(sdp.lines().all(|l| !l.contains('\r')) && sdp.ends_with("\r\n"));
    has(&sdp, "a=group:BUNDLE 0 1");
    has(&sdp, "a=ice-lite");
    // What stands first is what it sends: sound with the frames before it.
    has(&sdp, "m=audio 9 UDP/TLS/RTP/SAVPF 63 111");
    has(&sdp, "a=rtpmap:63 red/48000/2");
    has(&sdp, "a=fmtp:63 111/111");
    has(&sdp, "m=video 9 UDP/TLS/RTP/SAVPF 96 97");
    has(&sdp, "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1");
    has(&sdp, "a=fmtp:97 apt=96");
    has(&sdp, "a=extmap:13 urn:3gpp:video-orientation");
    has(&sdp, "a=rtcp-fb:96 transport-cc");
    has(&sdp, "a=rtcp-fb:96 nack pli");
    has(&sdp, "a=recvonly");
    has(&sdp, "a=setup:passive");
    has(&sdp, "a=rtcp-mux");
    assert_eq!(sdp.matches("a=candidate:").count(), 2);
    assert!(sdp.contains(" 192.0.2.1 40000 typ host tcptype passive"), "{sdp}");
    for unwanted in
        ["red/90000", "ulpfec", "goog-remb", "actpass", "a=ssrc", "a=msid:", "application", "simulcast", "b=AS"]
    {
        lacks(&sdp, unwanted);
    }
}

#[test]
fn a_limit_of_what_is_published_stands_in_the_video_section() {
    let answer = |offer: &str, limits| {
        let mut call = Call::new();
        call.limits = limits;
        publish(&mut call, offer, any_codec(), false).unwrap()
    };
    let sdp = answer(CHROMIUM, BitrateLimits::kbps(300, 800));
    let (others, video) = sdp.split_once("m=video").unwrap();
    lacks(others, "b=");
    let lines: Vec<_> = video.lines().skip(1).take(2).collect();
    assert_eq!(lines, ["c=IN IP4 0.0.0.0", "b=AS:800"]);
    assert_eq!(video.matches("b=").count(), 1, "clients read one");
    let sdp = answer(CHROMIUM_SIMULCAST, BitrateLimits::kbps(300, 1000));
    has(&sdp, "b=AS:1750");
    lacks(&answer(CHROMIUM, BitrateLimits::kbps(300, 0)), "b=");
    let sdp = answer(FIREFOX, BitrateLimits::kbps(300, 800));
    has(&sdp, "b=TIAS:800000");
    lacks(&sdp, "b=AS");
    let older: String = CHROMIUM.lines().filter(|l| !l.contains("transport-cc")).map(|l| format!("{l}\r\n")).collect();
    has(&answer(&older, BitrateLimits::kbps(300, 800)), "a=rtcp-fb:96 goog-remb");
}

#[test]
fn redundant_sound_is_a_choice() {
    let plain =
        publish(&mut Call::with(Config { redundancy: false, ..config() }), CHROMIUM, any_codec(), false).unwrap();
    has(&plain, "m=audio 9 UDP/TLS/RTP/SAVPF 111");
    lacks(&plain, "red/");
    // Of another format than the one that is taken, or of several.
    for other in ["63 9/9", "63 111/9", "63 "] {
        let sdp = answer(&CHROMIUM.replace("63 111/111", other), any_codec()).unwrap();
        has(&sdp, "m=audio 9 UDP/TLS/RTP/SAVPF 111");
    }
    let deep = answer(&CHROMIUM.replace("63 111/111", "63 111/111/111"), any_codec()).unwrap();
    has(&deep, "m=audio 9 UDP/TLS/RTP/SAVPF 63 111");
}

#[test]
fn redundant_sound_is_for_those_who_read_it() {
    let mut call = Call::new();
    publish(&mut call, CHROMIUM, any_codec(), false).unwrap();
    let offered = subscribe(&mut call, None).unwrap();
    has(&offered, "m=audio 9 UDP/TLS/RTP/SAVPF 111 63");
    has(&offered, "a=fmtp:63 111/111");
    // Who takes it says so, who does not leaves it out.
    assert_eq!(accept(&mut call, CHROMIUM_ANSWER), Ok(()));
    subscribe(&mut call, None).unwrap();
    let both = CHROMIUM_ANSWER.replace("SAVPF 111", "SAVPF 111 63");
    assert_eq!(accept(&mut call, &both.replace("a=rtpmap:111", "a=rtpmap:63 red/48000/2\na=rtpmap:111")), Ok(()));
    has(&subscribe(&mut call, Some(CHROMIUM_SUBSCRIBE)).unwrap(), "m=audio 9 UDP/TLS/RTP/SAVPF 111 63");
    let mut call = Call::new();
    publish(&mut call, FIREFOX, any_codec(), false).unwrap();
    has(&subscribe(&mut call, Some(CHROMIUM_SUBSCRIBE)).unwrap(), "m=audio 9 UDP/TLS/RTP/SAVPF 111");
}

#[test]
fn what_a_publisher_wants_of_its_sound_is_kept() {
    let said = |parameters: &str| {
        let sdp = answer(&CHROMIUM.replace("minptime=10;useinbandfec=1", parameters), any_codec()).unwrap();
        sdp.lines().find(|line| line.starts_with("a=fmtp:111")).unwrap().to_owned()
    };
    assert_eq!(said("minptime=10"), "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1");
    assert_eq!(said("useinbandfec=0;stereo=1"), "a=fmtp:111 minptime=10;useinbandfec=0;stereo=1;usedtx=1");
    assert_eq!(said("usedtx=0; useinbandfec=1"), "a=fmtp:111 minptime=10;useinbandfec=1");
}

#[test]
fn simulcast_is_accepted_with_every_layer() {
    for offer in [CHROMIUM_SIMULCAST, FIREFOX_SIMULCAST] {
        let sdp = answer(offer, any_codec()).unwrap();
        for rid in ["rdiv4", "rdiv2", "rdiv1"] {
            has(&sdp, &format!("a=rid:{rid} recv"));
        }
        has(&sdp, "a=simulcast:recv rdiv4;rdiv2;rdiv1");
        assert!(sdp.contains("urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"));
    }
    let one = CHROMIUM_SIMULCAST.replace("send rdiv4;rdiv2;rdiv1", "send rdiv1");
    has(&answer(&one, any_codec()).unwrap(), "a=simulcast:recv rdiv1");
}

#[test]
fn firefox_is_answered_in_its_own_numbers() {
    let sdp = answer(FIREFOX, any_codec()).unwrap();
    has(&sdp, "m=audio 9 UDP/TLS/RTP/SAVPF 109");
    has(&sdp, "m=video 9 UDP/TLS/RTP/SAVPF 120 124");
    has(&sdp, "a=fmtp:109 minptime=10;useinbandfec=1;stereo=1;usedtx=1");
    has(&sdp, "a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01");
    has(&sdp, "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid");
    lacks(&sdp, "csrc-audio-level");
}

#[test]
fn the_rule_decides_the_codec() {
    has(&answer(CHROMIUM, only(VideoCodec::H264)).unwrap(), "m=video 9 UDP/TLS/RTP/SAVPF 108 109");
    has(
        &answer(CHROMIUM, only(VideoCodec::H264)).unwrap(),
        "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    );
    has(&answer(CHROMIUM, only(VideoCodec::Vp9)).unwrap(), "m=video 9 UDP/TLS/RTP/SAVPF 98 99");
    has(&answer(CHROMIUM, only(VideoCodec::Av1)).unwrap(), "m=video 9 UDP/TLS/RTP/SAVPF 45 46");
    has(&answer(CHROMIUM, CodecChoice::Offered).unwrap(), "m=video 9 UDP/TLS/RTP/SAVPF 96 97");
    assert_eq!(answer(FIREFOX, only(VideoCodec::H264)), Err(MediaFailure::CodecNotOffered));
    let or_any = CodecChoice::FirstOf { codecs: vec![VideoCodec::H264], or_any: true };
    has(&answer(FIREFOX, or_any).unwrap(), "m=video 9 UDP/TLS/RTP/SAVPF 120 124");
}

#[test]
fn one_kind_is_enough_and_others_are_rejected() {
    let (head, video) = CHROMIUM.split_once("m=video").unwrap();
    let audio_only = head.replace("BUNDLE 0 1", "BUNDLE 0");
    let sdp = answer(&audio_only, any_codec()).unwrap();
    lacks(&sdp, "m=video");
    let session = head.split_once("m=audio").unwrap().0.replace("BUNDLE 0 1", "BUNDLE 1");
    let sdp = answer(&format!("{session}m=video{video}"), any_codec()).unwrap();
    lacks(&sdp, "m=audio");
    has(&sdp, "a=mid:1");
    let more = format!("{CHROMIUM}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:2\n");
    let sdp = answer(&more, any_codec()).unwrap();
    has(&sdp, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel");
    has(&sdp, "a=group:BUNDLE 0 1");
}

#[test]
fn a_client_that_waits_for_dtls_is_served() {
    let offer = CHROMIUM.replace("a=setup:actpass", "a=setup:passive");
    has(&answer(&offer, any_codec()).unwrap(), "a=setup:active");
    let offer = CHROMIUM.replace("a=setup:actpass", "a=setup:active");
    has(&answer(&offer, any_codec()).unwrap(), "a=setup:passive");
}

#[test]
fn loop_back_is_answered_with_one_stream_of_both() {
    let offer = CHROMIUM.replace("a=sendonly", "a=sendrecv");
    let sdp = publish(&mut Call::new(), &offer, any_codec(), true).unwrap();
    assert_eq!(sdp.matches("a=sendrecv").count(), 2);
    let streams: Vec<_> =
        sdp.lines().filter_map(|l| l.strip_prefix("a=msid:")).map(|m| m.split(' ').next().unwrap()).collect();
    assert_eq!(streams.len(), 2);
    assert_eq!(streams[0], streams[1]);
    assert_eq!(sdp.matches("a=ssrc-group:FID").count(), 1);
    let without = publish(&mut Call::new(), &offer, any_codec(), false).unwrap();
    assert_eq!(without.matches("a=recvonly").count(), 2);
}

#[test]
fn the_offer_to_a_subscriber_has_the_publishers_numbers() {
    let mut call = Call::new();
    publish(&mut call, FIREFOX, any_codec(), false).unwrap();
    let sdp = subscribe(&mut call, None).unwrap();
    has(&sdp, "m=audio 9 UDP/TLS/RTP/SAVPF 109");
    has(&sdp, "m=video 9 UDP/TLS/RTP/SAVPF 120 124");
    has(&sdp, "a=mid:0");
    has(&sdp, "a=mid:1");
    assert_eq!(sdp.matches("a=sendonly").count(), 2);
    assert_eq!(sdp.matches("a=setup:actpass").count(), 2);
    assert_eq!(sdp.matches("a=ssrc-group:FID").count(), 1);
    for unwanted in ["simulcast", "a=rid", "usedtx", "application"] {
        lacks(&sdp, unwanted);
    }
}

#[test]
fn the_answer_of_a_subscriber_is_checked() {
    let mut call = Call::new();
    publish(&mut call, CHROMIUM, any_codec(), false).unwrap();
    assert_eq!(accept(&mut call, CHROMIUM_ANSWER), Err(MediaFailure::UnknownTransport));
    subscribe(&mut call, None).unwrap();
    let rejected = CHROMIUM_ANSWER.replace("m=video 9", "m=video 0").replace("BUNDLE 0 1", "BUNDLE 0");
    let refused = MediaFailure::CodecNotTaken { published: VideoCodec::Vp8, taken: vec![] };
    assert_eq!(accept(&mut call, &rejected), Err(refused.clone()));
    let other = CHROMIUM_ANSWER.replace("SAVPF 96 97", "SAVPF 98 99");
    assert_eq!(accept(&mut call, &other), Err(refused));
    let one = CHROMIUM_ANSWER.split_once("m=video").unwrap().0;
    for bad in [one, "", "hello", &CHROMIUM_ANSWER.replace("a=setup:active", "a=setup:actpass")] {
        assert!(matches!(accept(&mut call, bad), Err(MediaFailure::BadSdp(_))));
    }
    assert_eq!(accept(&mut call, CHROMIUM_ANSWER), Ok(()));
    assert_eq!(accept(&mut call, CHROMIUM_ANSWER), Err(MediaFailure::UnknownTransport), "it was answered");
}

#[test]
fn a_subscriber_that_offers_is_answered_in_its_numbers() {
    let mut call = Call::new();
    publish(&mut call, FIREFOX, any_codec(), false).unwrap();
    let sdp = subscribe(&mut call, Some(CHROMIUM_SUBSCRIBE)).unwrap();
    has(&sdp, "m=audio 9 UDP/TLS/RTP/SAVPF 111");
    has(&sdp, "m=video 9 UDP/TLS/RTP/SAVPF 96 97");
    assert_eq!(sdp.matches("a=sendonly").count(), 2);
    let streams: Vec<_> =
        sdp.lines().filter_map(|l| l.strip_prefix("a=msid:")).map(|m| m.split(' ').next().unwrap()).collect();
    assert_eq!(streams[0], streams[1]);
    lacks(&sdp, "actpass");
}

#[test]
fn subscribers_of_av1_are_offered_dependency_descriptors_and_others_are_not() {
    const DESCRIPTORS: &str =
        "a=extmap:12 https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
    assert!(CHROMIUM_SUBSCRIBE.contains(DESCRIPTORS));
    let mut call = Call::new();
    publish(&mut call, CHROMIUM, only(VideoCodec::Av1), false).unwrap();
    let offered = subscribe(&mut call, None).unwrap();
    has(&offered, DESCRIPTORS);
    has(&offered, "a=extmap-allow-mixed");
    has(&subscribe(&mut call, Some(CHROMIUM_SUBSCRIBE)).unwrap(), DESCRIPTORS);
    // Whoever knows only the one-byte form could not read the longer ones.
    let short = CHROMIUM_SUBSCRIBE.replace("a=extmap-allow-mixed\n", "").replace("a=extmap-allow-mixed\r\n", "");
    lacks(&short, "allow-mixed");
    lacks(&subscribe(&mut call, Some(&short)).unwrap(), "dependency-descriptor");
    let mut call = Call::new();
    publish(&mut call, CHROMIUM, any_codec(), false).unwrap();
    lacks(&subscribe(&mut call, None).unwrap(), "dependency-descriptor");
    lacks(&subscribe(&mut call, Some(CHROMIUM_SUBSCRIBE)).unwrap(), "dependency-descriptor");
}

#[test]
fn who_or_what_is_unknown_is_named() {
    let mut call = Call::new();
    assert_eq!(subscribe(&mut call, None), Err(MediaFailure::UnknownPublication));
    let request = call.request_id();
    let op = MediaOperation::Subscribe {
        source: ROUTER.worker,
        request,
        subscriber: SUBSCRIBER,
        reception: Reception::default(),
        publication: PublicationId(1),
        transport: TransportId(2),
        offer: None,
    };
    call.command_at(RouterId { number: 99, ..ROUTER }, op);
    assert_eq!(call.failure(request), MediaFailure::UnknownRouter);
}
