//! Facts as the control loop tells them, the stories that come of them, and what those mean.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use history::changes::Told;
use history::chronicle::Chronicle;
use history::diagnosis::{Lacks, findings};
use history::fact::Fact;
use history::feedback::{MOST_RATINGS, Rated};
use history::store::{Bounds, Search, Store};
use history::story::{Feedback, Story};
use history::view::{SessionDetail, SessionSummary};
use history::{History, HistoryOptions, OpenHistory, words};
use protocol::event::{
    Closing, Direction, Event, EventClosed, EventOpened, EventStamp, Participant, PublishedVideo, Reason,
    WebRtcConnection,
};
use protocol::id::ConnectionId;
use protocol::language::Language;
use protocol::media::{
    MediaKind, MediaPath, PathProtocol, PicturePause, StreamStatistics, TransportObservation, TransportStatistics,
};
use protocol::model::{ForcedVideoCodec, Role};
use session::command::StreamChangeMeaning;
use session::refusal::MediaDirection;
use session::{Attempt, MediaLeg, MediaObservation, Notice, Noticed, Refusal, Whom};

const START: u64 = 1_700_000_000_000;
const ANN: &str = "con_Ann";
const BOB: &str = "con_Bob";
const ANNS: &str = "str_CAM_x_con_Ann";

/// A session that is told of as it goes on. Times are seconds from its beginning.
struct Telling {
    chronicle: Chronicle,
    now: u64,
}

impl Telling {
    fn new(offered: &str) -> Self {
        let mut chronicle = Chronicle::default();
        chronicle.offers(vec![offered.parse::<SocketAddr>().unwrap()]);
        let mut telling = Self { chronicle, now: 0 };
        let created = telling.stamp();
        telling.event(Event::SessionCreated(created));
        telling
    }

    fn at(&self) -> u64 {
        START + self.now * 1000
    }

    fn stamp(&self) -> EventStamp {
        EventStamp { session: "room".into(), session_created_at: START, timestamp: self.at() }
    }

    fn closing(&self, reason: Reason) -> Closing {
        Closing { stamp: self.stamp(), start_time: START, reason: Some(reason) }
    }

    fn event(&mut self, event: Event) -> Option<Story> {
        self.chronicle.tell(Fact::Event(event), self.at())
    }

    fn notice(&mut self, who: &str, what: Noticed) {
        let whom = Whom::Connection(who.into());
        self.chronicle.tell(Fact::Notice(Notice { session: "room".into(), whom, what }), self.at());
    }

    fn wait(&mut self, seconds: u64) -> &mut Self {
        self.now += seconds;
        self
    }

    fn join(&mut self, who: &str, ip: &str, role: Role) {
        self.notice(who, Noticed::Invited { role, data: String::new() });
        let subject = participant(who, ip);
        let stamp = self.stamp();
        self.event(Event::ParticipantJoined(EventOpened { stamp, subject }));
    }

    /// Somebody who is there for others.
    fn watch(&mut self, who: &str) {
        self.join(who, "198.51.100.8", Role::Subscriber);
    }

    fn connection(who: &str, stream: &str) -> WebRtcConnection {
        let publisher = &stream[stream.rfind("con_").unwrap()..];
        let direction = if publisher == who {
            Direction::Outbound { camera: None }
        } else {
            Direction::Inbound { from: publisher.into() }
        };
        let video = Some(PublishedVideo { source: Some("CAMERA".to_owned()), ..PublishedVideo::default() });
        WebRtcConnection { stream: stream.into(), owner: who.into(), direction, audio: true, video }
    }

    /// Negotiated on both sides.
    fn agree(&mut self, who: &str, stream: &str) {
        let direction = if stream.ends_with(who) { MediaDirection::Publishing } else { MediaDirection::Subscribing };
        self.notice(who, Noticed::Negotiating { stream: stream.into(), direction });
        let (stamp, subject) = (self.stamp(), Arc::new(Self::connection(who, stream)));
        self.event(Event::WebrtcConnectionCreated(EventOpened { stamp, subject }));
    }

    fn saw(&mut self, who: &str, stream: &str, what: TransportObservation) {
        let direction = if stream.ends_with(who) { MediaDirection::Publishing } else { MediaDirection::Subscribing };
        let leg = MediaLeg { session: "room".into(), connection: who.into(), stream: stream.into(), direction };
        self.chronicle.tell(Fact::Media(Arc::new(MediaObservation { leg, what })), self.at());
    }

    fn connect(&mut self, who: &str, stream: &str) {
        self.saw(who, stream, TransportObservation::Checked);
        self.saw(who, stream, TransportObservation::Path(path()));
        self.saw(who, stream, TransportObservation::Connected);
    }

    fn flow(&mut self, who: &str, stream: &str) {
        self.connect(who, stream);
        self.saw(who, stream, TransportObservation::FirstPacket { kind: MediaKind::Audio });
        self.saw(who, stream, TransportObservation::FirstPacket { kind: MediaKind::Video });
        self.saw(who, stream, TransportObservation::FirstKeyFrame);
    }

    fn measure(&mut self, who: &str, stream: &str, lost: u16, pause: Option<PicturePause>) {
        let figures = StreamStatistics {
            kind: MediaKind::Video,
            layer: None,
            rate_bps: 500_000,
            bytes: 300_000,
            packets: 300,
            lost_permille: Some(lost),
            jitter_us: Some(2_000),
            nacks: 0,
            key_frame_requests: 0,
            pictures: protocol::media::Pictures::default(),
        };
        let statistics = TransportStatistics {
            period_ms: 5_000,
            round_trip_us: Some(20_000),
            estimate_bps: Some(200_000),
            pause,
            received: vec![figures],
            ..TransportStatistics::default()
        };
        self.saw(who, stream, TransportObservation::Statistics(statistics));
    }

    /// The end of it, at once.
    fn end(mut self) -> Story {
        for who in [ANN, BOB] {
            let subject = participant(who, "");
            let closing = self.closing(Reason::SessionClosedByServer);
            self.event(Event::ParticipantLeft(EventClosed { closing, subject }));
        }
        let closing = self.closing(Reason::SessionClosedByServer);
        self.event(Event::SessionDestroyed(closing)).expect("somebody was there")
    }

    /// What is found of somebody once it has ended: code, and whom it is about.
    fn found(self, who: &str) -> Vec<(&'static str, Option<ConnectionId>, Lacks)> {
        let story = self.end();
        let person = story.person(who).expect("it was there");
        let found = findings(&story, person, u64::MAX);
        for finding in &found {
            for language in [Language::English, Language::Korean] {
                let told = words::finding(language, &story, &person.name(), finding);
                assert!(told.sentence.contains("Ann") || told.sentence.contains("Bob"), "{told:?}");
                assert!(!told.sentence.contains("  ") && !told.advice.contains("  "), "{told:?}");
            }
        }
        let found = found.into_iter().filter(|finding| finding.cause.code() != "only-watches");
        found.map(|finding| (finding.cause.code(), finding.about, finding.lacks)).collect()
    }
}

fn lacks_codec(who: &str, direction: MediaDirection) -> Box<Refusal> {
    Box::new(Refusal::CodecMissing {
        codec: ForcedVideoCodec::H264,
        connection: who.into(),
        direction,
        session: "room".into(),
        sdp: String::new(),
    })
}

/// Named after its connection.
fn participant(who: &str, ip: &str) -> Arc<Participant> {
    Arc::new(Participant {
        connection: who.into(),
        location: "unknown".to_owned(),
        ip: ip.to_owned(),
        platform: "Chrome on Linux".to_owned(),
        client_data: who.trim_start_matches("con_").to_owned(),
        server_data: String::new(),
    })
}

fn path() -> MediaPath {
    let (local, remote) = ("192.0.2.1:40000".parse().unwrap(), "198.51.100.7:5000".parse().unwrap());
    MediaPath { protocol: PathProtocol::Udp, local, remote, relayed: false }
}

/// Ann publishes, Bob receives; nothing is wrong.
fn call() -> Telling {
    let mut call = Telling::new("192.0.2.1:40000");
    call.join(ANN, "198.51.100.7", Role::Publisher);
    call.watch(BOB);
    call.agree(ANN, ANNS);
    call.notice(ANN, Noticed::Published { stream: ANNS.into(), audio_active: Some(true), video_active: Some(true) });
    call.flow(ANN, ANNS);
    call.agree(BOB, ANNS);
    call.flow(BOB, ANNS);
    call
}

#[test]
fn a_call_in_which_nothing_is_wrong_has_no_findings() {
    let mut call = call();
    call.wait(60);
    for who in [ANN, BOB] {
        call.measure(who, ANNS, 3, None);
    }
    let story = call.end();
    assert_eq!(story.people.len(), 2);
    for person in &story.people {
        let found = findings(&story, person, 0);
        assert!(found.iter().all(|finding| finding.cause.code() == "only-watches"), "{found:?}");
        assert!(person.happened.list.len() >= 6, "{:?}", person.happened);
    }
    assert_eq!(story.person(BOB).unwrap().received[0].totals.bytes, 300_000);
    assert_eq!(story.person(BOB).unwrap().received[0].samples.len(), 1);
}

#[test]
fn what_is_wrong_with_a_publisher_is_told_of_the_publisher() {
    // What happens after Ann has joined, and what is found of her.
    type Fault = fn(&mut Telling);
    let faults: [(Fault, &str, Lacks); 12] = [
        (|_| {}, "publishes-nothing", Lacks::Both),
        (
            |call| {
                let refusal = Box::new(Refusal::MayNotPublish);
                call.notice(ANN, Noticed::Refused { attempt: Attempt::Publish, refusal });
            },
            "may-not-publish",
            Lacks::Both,
        ),
        (
            |call| {
                let refusal = lacks_codec(ANN, MediaDirection::Publishing);
                call.notice(ANN, Noticed::Refused { attempt: Attempt::Publish, refusal });
            },
            "publisher-lacks-codec",
            Lacks::Both,
        ),
        (|call| call.agree(ANN, ANNS), "blocked", Lacks::Both),
        (
            |call| {
                call.agree(ANN, ANNS);
                call.saw(ANN, ANNS, TransportObservation::Checked);
                call.wait(20).saw(ANN, ANNS, TransportObservation::Disconnected);
            },
            "not-encrypted",
            Lacks::Both,
        ),
        (
            |call| {
                call.agree(ANN, ANNS);
                call.connect(ANN, ANNS);
            },
            "nothing-sent",
            Lacks::Both,
        ),
        (
            |call| {
                call.agree(ANN, ANNS);
                call.connect(ANN, ANNS);
                call.saw(ANN, ANNS, TransportObservation::FirstPacket { kind: MediaKind::Video });
            },
            "no-key-frame",
            Lacks::Picture,
        ),
        (
            |call| {
                call.agree(ANN, ANNS);
                call.flow(ANN, ANNS);
                call.saw(ANN, ANNS, TransportObservation::Silent);
            },
            "silent",
            Lacks::Both,
        ),
        (
            |call| {
                call.agree(ANN, ANNS);
                call.flow(ANN, ANNS);
                call.saw(ANN, ANNS, TransportObservation::Still);
            },
            "still",
            Lacks::Picture,
        ),
        (
            |call| {
                call.agree(ANN, ANNS);
                call.flow(ANN, ANNS);
                call.saw(ANN, ANNS, TransportObservation::Disconnected);
            },
            "cut",
            Lacks::Both,
        ),
        (
            |call| {
                call.agree(ANN, ANNS);
                call.flow(ANN, ANNS);
                let meaning = StreamChangeMeaning::AudioActive(false);
                call.notice(ANN, Noticed::Switched { stream: ANNS.into(), meaning });
            },
            "muted",
            Lacks::Sound,
        ),
        (
            |call| {
                call.agree(ANN, ANNS);
                call.flow(ANN, ANNS);
                let meaning = StreamChangeMeaning::VideoActive(false);
                call.notice(ANN, Noticed::Switched { stream: ANNS.into(), meaning });
            },
            "camera-off",
            Lacks::Picture,
        ),
    ];
    for (fault, code, lacks) in faults {
        let mut call = Telling::new("192.0.2.1:40000");
        call.join(ANN, "198.51.100.7", Role::Publisher);
        call.watch(BOB);
        fault(&mut call);
        call.wait(30);
        assert_eq!(call.found(ANN), [(code, None, lacks)], "{code}");
    }
}

#[test]
fn what_is_wrong_on_the_way_to_one_subscriber_is_told_of_that_one() {
    type Fault = fn(&mut Telling);
    let codec = |call: &mut Telling| {
        let refusal = lacks_codec(BOB, MediaDirection::Subscribing);
        call.notice(BOB, Noticed::Refused { attempt: Attempt::Receive { stream: ANNS.to_owned() }, refusal });
    };
    let faults: [(Fault, &str, Lacks); 8] = [
        (|_| {}, "not-subscribed", Lacks::Both),
        (codec, "subscriber-lacks-codec", Lacks::Both),
        (
            |call| {
                let direction = MediaDirection::Subscribing;
                call.notice(BOB, Noticed::Negotiating { stream: ANNS.into(), direction });
            },
            "not-answered",
            Lacks::Both,
        ),
        (|call| call.agree(BOB, ANNS), "blocked", Lacks::Both),
        (
            |call| {
                call.agree(BOB, ANNS);
                call.connect(BOB, ANNS);
            },
            "no-key-frame",
            Lacks::Picture,
        ),
        (
            |call| {
                call.agree(BOB, ANNS);
                call.flow(BOB, ANNS);
                call.wait(20).measure(BOB, ANNS, 0, Some(PicturePause::Bandwidth));
                call.measure(ANN, ANNS, 0, None);
            },
            "bandwidth",
            Lacks::Picture,
        ),
        (
            |call| {
                call.agree(BOB, ANNS);
                call.flow(BOB, ANNS);
                call.wait(20).measure(BOB, ANNS, 0, Some(PicturePause::NotChosen));
            },
            "not-chosen",
            Lacks::Picture,
        ),
        (
            |call| {
                call.agree(BOB, ANNS);
                call.flow(BOB, ANNS);
                call.wait(25).measure(BOB, ANNS, 150, None);
            },
            "lossy-downlink",
            Lacks::Nothing,
        ),
    ];
    for (fault, code, lacks) in faults {
        let mut call = Telling::new("192.0.2.1:40000");
        call.join(ANN, "198.51.100.7", Role::Publisher);
        call.watch(BOB);
        call.agree(ANN, ANNS);
        call.flow(ANN, ANNS);
        fault(&mut call);
        let rest = 30 - call.now;
        call.wait(rest);
        assert_eq!(call.found(BOB), [(code, Some(ANN.into()), lacks)], "{code}");
    }
}

#[test]
fn an_address_that_leads_nowhere_is_told_from_a_network_that_lets_nothing_through() {
    for (offered, client, code) in [
        ("192.168.0.5:40000", "198.51.100.7", "wrong-address"),
        ("127.0.0.1:40000", "192.168.0.9", "wrong-address"),
        ("192.168.0.5:40000", "192.168.0.9", "blocked"),
        ("192.0.2.1:40000", "198.51.100.7", "blocked"),
        ("192.0.2.1:40000", "10.0.0.7", "blocked"),
        ("127.0.0.1:40000", "127.0.0.1", "blocked"),
    ] {
        let mut call = Telling::new(offered);
        call.join(ANN, client, Role::Publisher);
        call.agree(ANN, ANNS);
        call.wait(10);
        assert_eq!(call.found(ANN)[0].0, code, "{offered} {client}");
    }
}

#[test]
fn a_new_peer_connection_begins_anew_and_heals() {
    let mut call = call();
    call.wait(10).saw(ANN, ANNS, TransportObservation::Disconnected);
    call.wait(1).notice(ANN, Noticed::Negotiating { stream: ANNS.into(), direction: MediaDirection::Publishing });
    call.flow(ANN, ANNS);
    call.wait(20);
    assert_eq!(call.found(ANN), []);
}

#[test]
fn a_timeline_keeps_its_beginning_and_its_end() {
    let mut call = call();
    for n in 0..2_000 {
        call.wait(10).notice(ANN, if n % 2 == 0 { Noticed::SocketLost } else { Noticed::SocketBack });
    }
    let story = call.end();
    let happened = &story.person(ANN).unwrap().happened;
    assert_eq!(happened.list.len(), 200);
    assert!(happened.left_out > 1_500);
    assert!(format!("{:?}", happened.list[0].what).contains("Invited"), "{:?}", happened.list[0]);
    assert!(format!("{:?}", happened.list[199].what).contains("Left"), "{:?}", happened.list[199]);
}

#[test]
fn a_session_that_has_ended_tells_how_many_were_in_it_and_which_streams_there_were() {
    let mut call = call();
    // Once more, after a trouble of the network.
    let closing = call.closing(Reason::Unpublish);
    let subject = Arc::new(Telling::connection(BOB, ANNS));
    call.event(Event::WebrtcConnectionDestroyed(EventClosed { closing, subject }));
    call.agree(BOB, ANNS);
    let summary = SessionSummary::of(&call.end(), START);
    assert_eq!((summary.participants, summary.published, summary.received), (2, 1, 1));
}

/// As a page does it.
fn put_in(told: &mut serde_json::Value, changes: &serde_json::Value) {
    let empty = || serde_json::json!([]);
    for (name, change) in changes.as_object().unwrap() {
        let list = change.as_array();
        match (name.as_str(), change.get("keep"), change.get("length")) {
            (_, Some(keep), _) => {
                let keep = usize::try_from(keep.as_u64().unwrap()).unwrap();
                let skip = usize::try_from(change["skip"].as_u64().unwrap()).unwrap();
                let known = told.as_object_mut().unwrap().entry(name).or_insert_with(empty).as_array_mut().unwrap();
                let drop = usize::try_from(change["drop"].as_u64().unwrap()).unwrap();
                known.truncate(known.len() - drop);
                known.drain(keep..keep + skip);
                known.extend(change["added"].as_array().unwrap().iter().cloned());
            }
            (_, _, Some(length)) => {
                let length = usize::try_from(length.as_u64().unwrap()).unwrap();
                let known = told.as_object_mut().unwrap().entry(name).or_insert_with(empty).as_array_mut().unwrap();
                known.resize(length, serde_json::json!({}));
                for leg in change["changed"].as_array().unwrap() {
                    let place = usize::try_from(leg["place"].as_u64().unwrap()).unwrap();
                    put_in(&mut known[place], leg);
                    known[place].as_object_mut().unwrap().remove("place");
                }
            }
            ("people", ..) => {
                for person in list.unwrap() {
                    let people = told["people"].as_array_mut().unwrap();
                    let known = people.iter().position(|known| known["connection"] == person["connection"]);
                    let place = known.unwrap_or_else(|| {
                        people.push(serde_json::json!({}));
                        people.len() - 1
                    });
                    put_in(&mut people[place], person);
                }
            }
            ("gone", ..) => {
                let people = told["people"].as_array_mut().unwrap();
                people.retain(|person| !list.unwrap().contains(&person["connection"]));
            }
            _ => told[name] = change.clone(),
        }
    }
}

#[test]
fn whoever_is_told_what_has_changed_has_what_there_is() {
    /// The session after so many things have happened.
    fn after(steps: u64) -> SessionDetail {
        let mut call = call();
        for step in 0..steps {
            call.wait(5).measure(ANN, ANNS, if step % 7 == 0 { 100 } else { 0 }, None);
            match step % 5 {
                0 => call.notice(BOB, Noticed::SocketLost),
                1 => call.notice(BOB, Noticed::SocketBack),
                2 => call.measure(BOB, ANNS, 0, (step % 2 == 0).then_some(PicturePause::Bandwidth)),
                3 if step == 33 => call.join("con_Eve", "198.51.100.9", Role::Publisher),
                _ => {}
            }
        }
        SessionDetail::of_ended(&call.end(), Language::English)
    }

    let before = after(0);
    let (mut told, mut page) = (Told::whole(&before), serde_json::to_value(&before).unwrap());
    // Charts and timelines are full in the end.
    for steps in 1..400 {
        let mut now = after(steps);
        if steps > 390 {
            now.people.retain(|person| person.connection != BOB);
        }
        let changes = told.update(&now, true).expect("something has changed");
        put_in(&mut page, &changes);
        assert_eq!(page, serde_json::to_value(&now).unwrap(), "after {steps} steps");
        assert_eq!(told.update(&now, true), None, "it is told once");
    }
}

#[tokio::test]
async fn how_it_was_is_kept_with_whoever_says_so_also_after_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (history, stamp) = begun(folder.path());
    for who in [ANN, BOB] {
        let subject = participant(who, "192.0.2.9");
        history.tell(Fact::Event(Event::ParticipantJoined(EventOpened { stamp: stamp.clone(), subject })), START);
    }
    let rate = |who: &str, stars: u8, words: &str| {
        let feedback = Feedback { at: START + 1, stars, words: words.to_owned() };
        history.rate("room".into(), who.into(), START, feedback)
    };
    assert_eq!(rate(ANN, 2, "").await, Ok(Rated::Kept));
    assert_eq!(rate("con_Eve", 1, "").await, Ok(Rated::NotThere), "nobody saw her");
    let (detail, _) = history.detail("room".to_owned(), 0, START, Language::English).await.unwrap().unwrap();
    assert_eq!(detail.summary.feedback.unwrap().lowest, 2);

    let closing = Closing { stamp, start_time: START, reason: None };
    history.tell(Fact::Event(Event::SessionDestroyed(closing)), START);
    assert_eq!(rate(ANN, 3, "The sound broke off").await, Ok(Rated::Kept), "before it is written");
    history.clone().close(Duration::from_secs(60)).await;
    assert_eq!(rate(BOB, 4, "").await, Ok(Rated::Kept), "and after");
    let list = history.read(|store| store.list(&Search::default(), 1)).await.unwrap().unwrap().0;
    assert_eq!(list[0]["feedback"], serde_json::json!({ "count": 2, "lowest": 3, "mean": 3.5 }));
    let story = history.ended(detail.summary.key).await.unwrap().unwrap();
    assert_eq!(story.person(ANN).unwrap().feedback.as_ref().unwrap().words, "The sound broke off");
    for _ in 1..MOST_RATINGS {
        assert_eq!(rate(BOB, 5, "").await, Ok(Rated::Kept));
    }
    assert_eq!(rate(BOB, 1, "").await, Ok(Rated::TooOften));
}

/// A history with a session in it.
fn begun(folder: &Path) -> (History, EventStamp) {
    let file = Some(folder.join("history.redb"));
    let options = HistoryOptions { file, bounds: bounds(1 << 20), offered: vec![] };
    let history = OpenHistory::open(options).unwrap().start(START).unwrap();
    let stamp = EventStamp { session: "room".into(), session_created_at: START, timestamp: START };
    history.tell(Fact::Event(Event::SessionCreated(stamp.clone())), START);
    (history, stamp)
}

fn bounds(bytes: u64) -> Bounds {
    Bounds { age: Duration::from_secs(30 * 24 * 3600), bytes }
}

#[test]
fn stories_are_found_again_also_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.redb");
    let (story, mut other) = (call().end(), call().end());
    (other.id, other.ended_at) = ("other".into(), story.ended_at.map(|at| at + 1));
    {
        let store = Store::open(&file, bounds(1 << 20)).unwrap();
        store.keep(&[story.clone(), other.clone()], START).unwrap();
    }
    let store = Store::open(&file, bounds(1 << 20)).unwrap();
    let list = |search| store.list(&search, 10).unwrap().0;
    let ids =
        |search| list(search).into_iter().map(|summary| summary["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(Search::default()), ["other", "room"]);
    assert_eq!(ids(Search { text: "OTHER".to_owned(), ..Search::default() }), ["other"]);
    assert_eq!(ids(Search { text: "198.51.100.8".to_owned(), ..Search::default() }).len(), 2);
    assert_eq!(ids(Search { text: "nobody".to_owned(), ..Search::default() }), Vec::<String>::new());
    let before = Some((other.ended_at.unwrap(), other.key()));
    assert_eq!(ids(Search { before, ..Search::default() }), ["room"]);
    assert_eq!(ids(Search { from: story.ended_at.unwrap() + 1, ..Search::default() }), ["other"]);
    assert!(store.list(&Search::default(), 1).unwrap().1, "there is one more");
    assert_eq!(store.find(&story.key()).unwrap().as_ref(), Some(&story));
    assert_eq!(store.find("nothing").unwrap(), None);
    assert_eq!(store.keys(&Search::default()).unwrap(), [other.key(), story.key()]);
}

#[test]
fn the_oldest_goes_when_there_is_too_much_or_it_is_too_old() {
    let folder = tempfile::tempdir().unwrap();
    let stories: Vec<_> = (0..4u64)
        .map(|n| {
            let mut story = call().end();
            (story.id, story.ended_at) = (format!("room-{n}").as_str().into(), Some(START + n * 1000));
            story
        })
        .collect();
    let size = serde_json::to_vec(&stories[0]).unwrap().len() as u64;
    let store = Store::open(&folder.path().join("a"), bounds(size * 5 / 2)).unwrap();
    for story in &stories {
        store.keep(std::slice::from_ref(story), START).unwrap();
    }
    assert_eq!(store.keys(&Search::default()).unwrap(), [stories[3].key(), stories[2].key()]);

    let day = Bounds { age: Duration::from_secs(1), bytes: 1 << 30 };
    let store = Store::open(&folder.path().join("b"), day).unwrap();
    store.keep(&stories, START + 3_000).unwrap();
    assert_eq!(store.keys(&Search::default()).unwrap(), [stories[3].key(), stories[2].key()]);
}

#[tokio::test]
async fn what_a_crash_leaves_open_has_ended_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        HistoryOptions { file: Some(folder.path().join("history.redb")), bounds: bounds(1 << 20), offered: vec![] };
    let mut open = call().end();
    (open.ended_at, open.reason) = (None, None);
    {
        let store = Store::open(&folder.path().join("history.redb"), bounds(1 << 20)).unwrap();
        store.checkpoint([&open].into_iter()).unwrap();
    }
    let history = OpenHistory::open(options).unwrap().start(START + 99_000).unwrap();
    let ended = history.ended(open.key()).await.unwrap().expect("it is kept");
    assert_eq!(ended.reason, Some(Reason::NodeCrashed));
    assert!(ended.ended_at.unwrap() <= START + 99_000);
    assert_eq!(history.overview(0, START).await.unwrap().ids, Vec::<String>::new());
}

#[tokio::test]
async fn a_session_goes_on_in_memory_and_ends_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (history, stamp) = begun(folder.path());
    let subject = participant(ANN, "192.0.2.9");
    history.tell(Fact::Event(Event::ParticipantJoined(EventOpened { stamp: stamp.clone(), subject })), START);
    let overview = history.overview(0, START).await.unwrap();
    assert_eq!((overview.ids, overview.changed[0].names.clone()), (vec!["room".to_owned()], vec!["Ann".to_owned()]));
    let (detail, seen) = history.detail("room".to_owned(), 0, START, Language::English).await.unwrap().unwrap();
    assert_eq!(detail.people.len(), 1);
    let (detail, _) = history.detail("room".to_owned(), seen, START, Language::English).await.unwrap().unwrap();
    assert_eq!(detail.people.len(), 0, "nothing has happened since");
    let closing = Closing { stamp, start_time: START, reason: None };
    history.tell(Fact::Event(Event::SessionDestroyed(closing)), START);
    let key = detail.summary.key;
    assert!(history.ended(key.clone()).await.unwrap().is_some(), "also before it is written");
    history.clone().close(Duration::from_secs(60)).await;
    assert_eq!(history.read(|store| store.keys(&Search::default())).await.unwrap(), Some(vec![key]));
}
