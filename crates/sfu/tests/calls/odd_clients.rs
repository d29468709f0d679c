//! Descriptions that are legal and that no browser writes: by aiortc, GStreamer, gateways, SDKs for phones.

use protocol::id::{PublicationId, TransportId};
use protocol::media::{BitrateLimits, Kinds, MediaEvent, MediaFailure, MediaOperation, VideoCodec};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::Direction;

use crate::call::{Call, ROUTER, SUBSCRIBER, any_codec, browser, ms};

const SEVERAL_FINGERPRINTS: &str = include_str!("sdp/several_fingerprints.sdp");
const NO_BUNDLE: &str = include_str!("sdp/no_bundle.sdp");
const AUDIO_ONLY: &str = include_str!("sdp/audio_only.sdp");
const LONG_RID: &str = include_str!("sdp/long_rid.sdp");
const EXTMAP_4096: &str = include_str!("sdp/extmap_4096.sdp");

const BOTH: Kinds = Kinds { audio: true, video: true };
const SHA_256: &str = "a=fingerprint:sha-256 ";

/// The answer to an offer, and what it carries.
fn publish(call: &mut Call, offer: &str, kinds: Kinds) -> Result<(String, Kinds), MediaFailure> {
    let request = call.request_id();
    call.command(MediaOperation::Publish {
        request,
        publication: PublicationId(1),
        transport: TransportId(1),
        offer: offer.to_owned(),
        kinds,
        codecs: any_codec(),
        bitrate: BitrateLimits::default(),
        loopback: false,
    });
    match call.settled(request) {
        MediaEvent::Answered { sdp, kinds, .. } => Ok((sdp.clone(), *kinds)),
        MediaEvent::Failed { why, .. } => Err(why.clone()),
        other => panic!("{other:?}"),
    }
}

fn answer(offer: &str) -> (String, Kinds) {
    publish(&mut Call::new(), offer, BOTH).unwrap()
}

fn offer_to_subscriber(call: &mut Call) -> String {
    let request = call.request_id();
    call.command(MediaOperation::Subscribe {
        source: ROUTER.worker,
        request,
        publication: PublicationId(1),
        subscriber: SUBSCRIBER,
        transport: TransportId(2),
        reception: Default::default(),
        offer: None,
    });
    call.sdp(request)
}

#[track_caller]
fn has(sdp: &str, line: &str) {
    assert!(sdp.lines().any(|l| l == line), "no line {line:?} in\n{sdp}");
}

/// Publishes with an offer that was changed on its way, and sees whether pictures and sound arrive.
fn publishes(change: impl Fn(String) -> String) {
    let mut call = Call::new();
    let client = call.add_client(browser(), PublicationId(1));
    let (offer, pending) = call.offer(client, true, true, &[], Direction::SendOnly);
    let request = call.request_id();
    call.command(MediaOperation::Publish {
        request,
        publication: PublicationId(1),
        transport: call.clients[client].transport,
        offer: change(offer),
        kinds: BOTH,
        codecs: any_codec(),
        bitrate: BitrateLimits::default(),
        loopback: false,
    });
    let answer = SdpAnswer::from_sdp_string(&call.sdp(request)).unwrap();
    call.clients[client].rtc.sdp_api().accept_answer(pending, answer).unwrap();
    let viewer = call.subscribe(browser(), client);
    call.connect();
    call.start_audio(client);
    call.start_video(client, VideoCodec::Vp8, None);
    call.run(ms(1000));
    assert!(call.video_of(viewer).len() > 60, "{}", call.video_of(viewer).len());
    assert!(call.audio_of(viewer).len() > 30, "{}", call.audio_of(viewer).len());
}

/// Other hashes before and after the one that is used, in every section.
fn with_other_hashes(sdp: String) -> String {
    let hash = |length: usize| vec!["0C"; length].join(":");
    let lines = sdp.lines().map(|line| match line.strip_prefix(SHA_256) {
        Some(_) => format!(
            "a=fingerprint:sha-512 {}\r\n{}\r\na=fingerprint:sha-384 {}\r\n",
            hash(64),
            line.replace("sha-256", "SHA-256"),
            hash(48)
        ),
        None => format!("{line}\r\n"),
    });
    lines.collect()
}

#[test]
fn several_fingerprints_are_alternatives_wherever_they_stand() {
    assert_eq!(answer(SEVERAL_FINGERPRINTS).1, BOTH);
    publishes(with_other_hashes);
    let without: String =
        SEVERAL_FINGERPRINTS.lines().filter(|l| !l.starts_with(SHA_256)).flat_map(|l| [l, "\n"]).collect();
    let refused = publish(&mut Call::new(), &without, BOTH).unwrap_err();
    assert_eq!(refused.to_string(), "bad SDP: a=fingerprint: one of them must be sha-256");
}

#[test]
fn several_fingerprints_are_alternatives_in_an_answer() {
    let mut call = Call::new();
    let publisher = call.publish(browser(), &[]);
    call.connect();
    let client = call.add_client(browser(), call.clients[publisher].publication);
    let (request, transport) = (call.request_id(), call.clients[client].transport);
    let publication = call.clients[publisher].publication;
    let (subscriber, reception) = (SUBSCRIBER, Default::default());
    call.command(MediaOperation::Subscribe {
        source: ROUTER.worker,
        request,
        publication,
        subscriber,
        transport,
        reception,
        offer: None,
    });
    let offer = SdpOffer::from_sdp_string(&call.sdp(request)).unwrap();
    let answer = call.clients[client].rtc.sdp_api().accept_offer(offer).unwrap().to_sdp_string();
    let request = call.request_id();
    call.command(MediaOperation::AcceptAnswer { request, transport, answer: with_other_hashes(answer) });
    assert_eq!(call.settled(request), &MediaEvent::Accepted { request });
    call.connect();
}

#[test]
fn without_a_bundle_the_first_section_is_taken_and_the_others_are_told_so() {
    let (sdp, kinds) = answer(NO_BUNDLE);
    assert_eq!(kinds, Kinds { audio: true, video: false });
    assert!(!sdp.contains("a=group"), "{sdp}");
    has(&sdp, "m=audio 9 UDP/TLS/RTP/SAVPF 111");
    has(&sdp, "m=video 0 UDP/TLS/RTP/SAVPF 96");
    assert_eq!(sdp.matches(SHA_256).count(), 2, "webrtcbin wants to see it everywhere");
    // A group that has one of them is no other case.
    let (sdp, kinds) = answer(&NO_BUNDLE.replace("t=0 0\n", "t=0 0\na=group:BUNDLE 0\n"));
    assert_eq!(kinds, Kinds { audio: true, video: false });
    has(&sdp, "a=group:BUNDLE 0");
}

#[test]
fn without_a_bundle_a_section_is_reached_by_its_own_credentials() {
    let mut call = Call::new();
    let client = call.add_client(browser(), PublicationId(1));
    let (offer, pending) = call.offer(client, false, true, &[], Direction::SendOnly);
    // Before it, one that cannot be taken and says other things.
    let other = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:first\r\na=sendonly\r\na=rtpmap:0 PCMU/8000\r\n\
                 a=ice-ufrag:none\r\na=ice-pwd:0123456789012345678901\r\na=setup:passive\r\nm=video";
    let offer = offer.replacen("m=video", other, 1);
    let offer: String = offer.lines().filter(|l| !l.starts_with("a=group")).flat_map(|l| [l, "\r\n"]).collect();
    let request = call.request_id();
    call.command(MediaOperation::Publish {
        request,
        publication: PublicationId(1),
        transport: call.clients[client].transport,
        offer,
        kinds: BOTH,
        codecs: any_codec(),
        bitrate: BitrateLimits::default(),
        loopback: false,
    });
    let sdp = call.sdp(request);
    has(&sdp, "m=audio 0 UDP/TLS/RTP/SAVPF 0");
    let start = sdp.find("m=audio").unwrap();
    let end = sdp.find("m=video").unwrap();
    // The engine knows only bundles.
    let mid = sdp[end..].lines().find_map(|line| line.strip_prefix("a=mid:")).unwrap();
    let group = format!("a=group:BUNDLE {mid}\r\n");
    let answer = SdpAnswer::from_sdp_string(&format!("{}{group}{}", &sdp[..start], &sdp[end..])).unwrap();
    call.clients[client].rtc.sdp_api().accept_answer(pending, answer).unwrap();
    call.connect();
}

#[test]
fn an_answer_that_takes_a_bundle_apart_is_an_error() {
    let mut call = Call::new();
    publish(&mut call, SEVERAL_FINGERPRINTS, BOTH).unwrap();
    offer_to_subscriber(&mut call);
    let request = call.request_id();
    let answer = NO_BUNDLE.replace("a=setup:actpass", "a=setup:active").replace("a=sendonly", "a=recvonly");
    call.command(MediaOperation::AcceptAnswer { request, transport: TransportId(2), answer });
    assert_eq!(call.failure(request).to_string(), "bad SDP: a=group:BUNDLE: all that was offered has one transport");
}

#[test]
fn what_is_announced_is_what_exists() {
    let sound = Kinds { audio: true, video: false };
    assert_eq!(answer(AUDIO_ONLY).1, sound);
    // A codec that nobody else understands.
    let pcmu = SEVERAL_FINGERPRINTS.replace("opus/48000/2", "PCMU/8000");
    let mut call = Call::new();
    assert_eq!(publish(&mut call, &pcmu, BOTH).unwrap().1, Kinds { audio: false, video: true });
    let offer = offer_to_subscriber(&mut call);
    assert!(!offer.contains("m=audio") && offer.contains("m=video"), "{offer}");
    // A section of a kind of which the client says that it does not send it.
    let mut call = Call::new();
    let (sdp, kinds) = publish(&mut call, SEVERAL_FINGERPRINTS, sound).unwrap();
    assert_eq!(kinds, sound);
    has(&sdp, "m=video 0 UDP/TLS/RTP/SAVPF 96");
    let offer = offer_to_subscriber(&mut call);
    assert!(offer.contains("m=audio") && !offer.contains("m=video"), "{offer}");
}

#[test]
fn what_was_announced_is_offered_also_after_a_reconnection_without_it() {
    let mut call = Call::new();
    publish(&mut call, SEVERAL_FINGERPRINTS, BOTH).unwrap();
    let pcmu = SEVERAL_FINGERPRINTS.replace("opus/48000/2", "PCMU/8000");
    publish(&mut call, &pcmu, BOTH).unwrap();
    let offer = offer_to_subscriber(&mut call);
    assert!(offer.contains("m=audio 9") && offer.contains("m=video 9"), "{offer}");
}

#[test]
fn layers_that_cannot_be_told_apart_are_left_out() {
    // Without header extensions there is nothing to tell them apart by; the announced source is taken.
    let (sdp, kinds) = answer(LONG_RID);
    assert_eq!(kinds, BOTH);
    assert!(!sdp.contains("a=simulcast"), "{sdp}");
    let extensions = "a=mid:1\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\n\
                      a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\n";
    let layers = |offered: &str| {
        let offer = LONG_RID.replace("a=mid:1\n", extensions);
        answer(&offer.replace("send highquality;low", offered)).0
    };
    has(&layers("send highquality;low"), "a=simulcast:recv highquality;low");
    has(&layers("send high-quality-1;low_1;high-quality-2"), "a=simulcast:recv high-quality-1;low_1");
    has(&layers("send ä;low"), "a=simulcast:recv low");
    assert!(!layers(&format!("send {}", "x".repeat(256))).contains("simulcast"));
}

#[test]
fn layers_with_long_names_arrive() {
    let mut call = Call::new();
    let client = call.publish(browser(), &["lowquality", "highquality"]);
    let viewer = call.subscribe(browser(), client);
    call.connect();
    call.start_video(client, VideoCodec::Vp8, Some("highquality"));
    call.run(ms(1000));
    assert!(call.video_of(viewer).len() > 60, "{}", call.video_of(viewer).len());
}

#[test]
fn header_extensions_beyond_the_forms_in_use_are_left_out() {
    let (sdp, kinds) = answer(EXTMAP_4096);
    assert_eq!(kinds, BOTH);
    assert!(!sdp.contains("4096"), "{sdp}");
}

#[test]
fn mids_may_be_long() {
    let uuids = ["6d1b7b0a-6f0e-4f1c-9f57-0c6a2a5f8d10", "0b9a5ad5-9a52-4d0a-a6c5-0f5b6a7f1e22"];
    let named = |names: [&str; 2]| {
        let sdp = EXTMAP_4096.replace("a=mid:0", &format!("a=mid:{}", names[0]));
        let sdp =
            sdp.replace("a=mid:1", &format!("a=mid:{}\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid", names[1]));
        sdp.replace("BUNDLE 0 1", &format!("BUNDLE {} {}", names[0], names[1]))
    };
    let (sdp, kinds) = answer(&named(uuids));
    assert_eq!(kinds, BOTH);
    has(&sdp, &format!("a=group:BUNDLE {} {}", uuids[0], uuids[1]));
    has(&sdp, &format!("a=mid:{}", uuids[1]));
    has(&sdp, "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid");
    // Names that differ only where the engine has cut them off are of no use on packets.
    let (sdp, kinds) = answer(&named(["a-transceiver-that-hears", "a-transceiver-that-sees"]));
    assert_eq!(kinds, BOTH);
    has(&sdp, "a=mid:a-transceiver-that-sees");
    assert!(!sdp.contains("sdes:mid"), "{sdp}");
    assert!(publish(&mut Call::new(), &named(["0", &"x".repeat(256)]), BOTH).is_err());
}

#[test]
fn feedback_may_be_for_every_payload_type() {
    let offer = SEVERAL_FINGERPRINTS.replace("a=rtcp-fb:96 ", "a=rtcp-fb:* ");
    let (sdp, _) = answer(&offer);
    for feedback in ["transport-cc", "ccm fir", "nack", "nack pli"] {
        has(&sdp, &format!("a=rtcp-fb:96 {feedback}"));
    }
    assert!(!sdp.contains("rtcp-fb:97"), "{sdp}");
}

/// GStreamer's webrtcbin offers sound so.
#[test]
fn sections_without_sources_and_names_are_told_apart_by_payload_types() {
    publishes(|sdp| {
        let lines = sdp.lines().filter(|line| !line.starts_with("a=ssrc") && !line.ends_with("sdes:mid"));
        lines.flat_map(|line| [line, "\r\n"]).collect()
    });
}
