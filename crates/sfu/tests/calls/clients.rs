//! Every client with every other: descriptions of browsers, phones and engines, each as publisher and as subscriber, in both ways in
//! which OpenVidu's clients subscribe (they answer, or they offer), and packets between them under what was agreed on. Where the
//! descriptions are from stands beside them.

use protocol::media::{CodecChoice, MediaFailure, VideoCodec};

use crate::call::{Call, ms};
use crate::description::{Description, Format, Section};
use crate::emulated::{Agreed, publish, start, subscribe_answering, subscribe_offering};

/// Name, offer of who publishes, and of who receives if that is another description.
const CLIENTS: &[(&str, &str, Option<&str>)] = &[
    ("aiortc", include_str!("clients/aiortc.sdp"), None),
    ("Chromium", include_str!("clients/chromium.sdp"), Some(include_str!("clients/chromium_receiving.sdp"))),
    ("Chromium, layers", include_str!("clients/chromium_simulcast.sdp"), None),
    ("Firefox", include_str!("clients/firefox.sdp"), Some(include_str!("clients/firefox_receiving.sdp"))),
    ("Firefox, layers", include_str!("clients/firefox_simulcast.sdp"), None),
    ("Firefox with OpenH264", include_str!("clients/firefox_openh264.sdp"), None),
    ("GStreamer", include_str!("clients/gstreamer.sdp"), None),
    ("GStreamer, H264", include_str!("clients/gstreamer_h264.sdp"), None),
    ("libwebrtc of Android", include_str!("clients/libwebrtc_android.sdp"), None),
    ("libwebrtc of iOS", include_str!("clients/libwebrtc_ios.sdp"), None),
    ("Pion", include_str!("clients/pion.sdp"), None),
    ("react-native of Android", include_str!("clients/react_native_android_constructed.sdp"), None),
    ("react-native of iOS, layers", include_str!("clients/react_native_ios_simulcast.sdp"), None),
    ("Safari", include_str!("clients/safari.sdp"), None),
    ("Safari of iOS", include_str!("clients/safari_ios_constructed.sdp"), None),
];

struct Client {
    name: &'static str,
    publishes: Description,
    receives: Description,
}

fn clients() -> Vec<Client> {
    let read = |(name, publishes, receives): &(&'static str, &str, Option<&str>)| {
        let publishes = Description::read(publishes);
        let receives = receives.map_or_else(|| publishes.receiving(), Description::read);
        Client { name, publishes, receives }
    };
    CLIENTS.iter().map(read).collect()
}

fn only(codec: VideoCodec) -> CodecChoice {
    CodecChoice::FirstOf { codecs: vec![codec], or_any: false }
}

fn knows(client: &Client, codec: &str) -> bool {
    let section = client.publishes.section("video").unwrap();
    let is_usable =
        |format: &&Format| format.name == codec && !matches!(format.parameter("profile-id"), Some("1" | "2" | "3"));
    section.formats.iter().any(|format| is_usable(&format))
}

/// What has to hold of an offer of ours.
#[track_caller]
fn is_clear(Agreed { offer, .. }: &Agreed, who: &str) {
    let mids: Vec<&str> = offer.sections.iter().map(|section| section.mid.as_str()).collect();
    assert_eq!(offer.bundle(), mids, "{who}");
    let mut numbers: Vec<u8> = Vec::new();
    for section in &offer.sections {
        assert!(section.has("a=sendonly") && section.has("a=rtcp-mux") && section.has("a=setup:actpass"), "{who}");
        numbers.extend(section.formats.iter().map(|format| format.pt));
        let codecs: Vec<&Format> = section.formats.iter().filter(|format| format.is_media()).collect();
        let [codec] = codecs[..] else { panic!("{who}: {codecs:?}") };
        assert!(section.kind == "audio" || section.rtx(codec.pt).is_some(), "{who}");
        for (id, uri) in &section.extensions {
            let elsewhere = offer.sections.iter().flat_map(|other| &other.extensions);
            assert!(elsewhere.clone().all(|(i, u)| (i == id) == (u == uri)), "{who}: {uri}");
        }
    }
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "{who}: {numbers:?}");
}

/// What has to hold of an answer of ours.
#[track_caller]
fn fits(Agreed { offer, answer, .. }: &Agreed, direction: &str, who: &str) {
    let kinds = |description: &Description| description.sections.iter().map(|s| s.kind.clone()).collect::<Vec<_>>();
    assert_eq!(kinds(answer), kinds(offer), "{who}");
    let taken: Vec<&str> = answer.sections.iter().filter(|s| s.port != 0).map(|s| s.mid.as_str()).collect();
    assert!(!taken.is_empty());
    if !offer.bundle().is_empty() {
        assert_eq!(answer.bundle(), taken, "{who}");
    }
    for (offered, answered) in offer.sections.iter().zip(&answer.sections) {
        assert_eq!(answered.mid, offered.mid, "{who}");
        if answered.port == 0 {
            continue;
        }
        assert!(answered.has(&format!("a={direction}")), "{who}: {:?}", answered.lines);
        assert!(answered.has("a=rtcp-mux"), "{who}");
        // One codec, and what belongs to it, all under the numbers of the offer.
        let codecs: Vec<&Format> = answered.formats.iter().filter(|format| format.is_media()).collect();
        let [codec] = codecs[..] else { panic!("{who}: {codecs:?}") };
        for format in &answered.formats {
            let theirs = offered.format(format.pt).unwrap_or_else(|| panic!("{who}: {format:?}"));
            assert_eq!(theirs.name, format.name, "{who}");
        }
        let theirs = offered.format(codec.pt).unwrap();
        assert!(codec.is_same(theirs), "{who}: {codec:?} {theirs:?}");
        assert_eq!(answered.rtx(codec.pt), offered.rtx(codec.pt), "{who}");
        for (id, uri) in &answered.extensions {
            assert_eq!(offered.number(uri), Some(*id), "{who}: {uri}");
        }
        for feedback in ["nack", "nack pli", "transport-cc"] {
            let line = format!("a=rtcp-fb:{} {feedback}", codec.pt);
            assert!(!answered.has(&line) || offers(offered, &line), "{who}: {line}");
            // What stands in the offer is wanted of pictures; of sound there is less.
            let is_wanted = offered.kind == "video" || feedback == "transport-cc";
            assert!(!is_wanted || answered.has(&line) || !offers(offered, &line), "{who}: {line}");
        }
        if codec.name.starts_with("OPUS") {
            assert!(codec.parameter("useinbandfec") == Some("1"), "{who}: {codec:?}");
        }
    }
}

fn offers(section: &Section, line: &str) -> bool {
    section.lines.iter().any(|own| own.trim_end() == line)
}

/// What both legs have to have in common.
#[track_caller]
fn is_same_stream(publisher: &Agreed, subscriber: &Agreed, who: &str) {
    for kind in ["audio", "video"] {
        let format = |agreed: &Agreed| {
            let (_, answered) = agreed.sections(kind)?;
            answered.format(agreed.payload_type(kind)?).cloned()
        };
        let (sent, received) = (format(publisher), format(subscriber));
        assert_eq!(sent.is_some(), received.is_some(), "{who}: {kind}");
        if let (Some(sent), Some(received)) = (sent, received) {
            assert!(sent.is_same(&received), "{who}: {sent:?} {received:?}");
        }
    }
}

/// Packets came under the numbers that were agreed on, from the start of a key frame on.
#[track_caller]
fn receives(call: &Call, subscriber: &Agreed, who: &str) {
    if let Some(pt) = subscriber.payload_type("audio") {
        let (_, answered) = subscriber.sections("audio").unwrap();
        let red = answered.formats.iter().find(|format| format.name.starts_with("RED/")).map(|format| format.pt);
        let sound = call.audio_of(subscriber.client);
        assert!(sound.len() > 15, "{who}: {} packets of sound", sound.len());
        assert!(sound.iter().all(|packet| packet.pt == pt || Some(packet.pt) == red), "{who}");
    }
    if let Some(pt) = subscriber.payload_type("video") {
        let pictures = call.video_of(subscriber.client);
        assert!(pictures.len() > 30, "{who}: {} packets of pictures", pictures.len());
        assert!(pictures.iter().all(|packet| packet.pt == pt), "{who}");
        assert!(pictures.windows(2).all(|w| w[1].sequence == w[0].sequence + 1), "{who}");
        assert_eq!(crate::camera::stamp(&pictures[0].payload).packet, 0, "{who}");
    }
}

/// Everybody publishes by that rule, and everybody subscribes to each in both ways. How many saw somebody, and how many had no
/// codec in common and were told so.
fn everybody_with_everybody(codecs: &CodecChoice, codec: Option<&str>) -> (usize, usize) {
    let clients = clients();
    let (mut seen, mut refused) = (0, 0);
    for publishing in &clients {
        let mut call = Call::new();
        let publisher = match publish(&mut call, &publishing.publishes, codecs.clone()) {
            Ok(publisher) => publisher,
            Err(why) => {
                assert_eq!(why, MediaFailure::CodecNotOffered, "{}", publishing.name);
                assert!(!knows(publishing, codec.unwrap()), "{} could", publishing.name);
                refused += 1;
                continue;
            }
        };
        fits(&publisher, "recvonly", publishing.name);
        let (_, answered) = publisher.sections("video").unwrap();
        let format = answered.format(publisher.payload_type("video").unwrap()).unwrap();
        assert!(codec.is_none_or(|codec| format.name == codec), "{}: {format:?}", publishing.name);
        let mut subscribers = Vec::new();
        for receiving in &clients {
            for offering in [false, true] {
                let way = if offering { "offers" } else { "answers" };
                let who = format!("{} {way} to receive {}", receiving.name, publishing.name);
                let has_sound = publisher.sections("audio").is_some();
                // Who offers to receive only pictures gets these. Offered is what there is.
                let sections = |kind| receiving.receives.section(kind);
                let decodes = sections("video").is_some_and(|own| own.decodes(format, answered))
                    && (offering || !has_sound || sections("audio").is_some());
                let result = if offering {
                    subscribe_offering(&mut call, &receiving.receives, &publisher)
                } else {
                    subscribe_answering(&mut call, &receiving.receives, &publisher)
                };
                match result {
                    Ok(subscriber) => {
                        assert!(decodes, "{who}: it cannot decode {format:?}");
                        if offering {
                            fits(&subscriber, "sendonly", &who);
                        } else {
                            is_clear(&subscriber, &who);
                        }
                        let is_whole = !offering || !has_sound || sections("audio").is_some();
                        if is_whole {
                            is_same_stream(&publisher, &subscriber, &who);
                        }
                        subscribers.push((subscriber, who));
                    }
                    Err(why) => {
                        assert!(!decodes, "{who}: {why}");
                        let is_of_codec =
                            matches!(why, MediaFailure::CodecNotTaken { .. } | MediaFailure::CodecNotOffered);
                        assert!(is_of_codec, "{who}: {why}");
                        refused += 1;
                    }
                }
            }
        }
        call.connect();
        start(&mut call, &publisher);
        call.run(ms(700));
        for (subscriber, who) in &subscribers {
            receives(&call, subscriber, who);
        }
        seen += subscribers.len();
    }
    (seen, refused)
}

#[test]
fn what_the_server_prefers_is_seen_by_everybody_who_can() {
    let preferred = CodecChoice::FirstOf {
        codecs: vec![VideoCodec::Vp8, VideoCodec::H264, VideoCodec::Vp9, VideoCodec::Av1],
        or_any: true,
    };
    // Of 15 times 15 in two ways only these are refused: webrtcbin with H264 alone, when the others send VP8 (28), and by the four
    // without H264 when it sends (8); and the client that has only a picture answers no offer with sound (14).
    assert_eq!(everybody_with_everybody(&preferred, None), (400, 28 + 8 + 14));
}

#[test]
fn h264_is_seen_by_whoever_knows_it() {
    // Four publishers do not have it, nor, as receivers of the other eleven, do they (88); and the client without sound (10).
    assert_eq!(everybody_with_everybody(&only(VideoCodec::H264), Some("H264/90000")), (232, 4 + 88 + 10));
}

#[test]
fn vp9_is_seen_by_whoever_knows_it() {
    // Three publishers do not have it, nor, as receivers of the other twelve, do they (72); and the client without sound (11).
    assert_eq!(everybody_with_everybody(&only(VideoCodec::Vp9), Some("VP9/90000")), (277, 3 + 72 + 11));
}

#[test]
fn what_each_publisher_likes_best_is_seen_by_whoever_knows_it() {
    let (seen, refused) = everybody_with_everybody(&CodecChoice::Offered, None);
    assert_eq!((seen, seen + refused), (370, 15 * 15 * 2));
}
