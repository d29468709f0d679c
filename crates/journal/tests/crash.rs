//! What the next start learns of a crash. A process that was killed leaves what it has written; so does one that ends without
//! having told of any end, which is what happens here.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use journal::OpenJournal;
use proptest::prelude::*;
use protocol::event::{
    Closing, Direction, Event, EventClosed, EventOpened, EventStamp, Participant, PublishedVideo, Reason,
    RecordingEvent, RecordingStatus, WebRtcConnection,
};
use protocol::model::OutputMode;

const LONG: Duration = Duration::from_secs(60);
const FILE: &str = "sessions.journal";

fn stamp(session: &str, timestamp: u64) -> EventStamp {
    EventStamp { session: session.into(), session_created_at: 1000, timestamp }
}

fn participant(id: &str) -> Arc<Participant> {
    Arc::new(Participant {
        connection: id.into(),
        location: "unknown".to_owned(),
        ip: "192.0.2.7".to_owned(),
        platform: "Test \"1\"\non Linux".to_owned(),
        client_data: format!("{{\"name\":\"{id} ü\"}}"),
        server_data: String::new(),
    })
}

fn published(owner: &str, video: bool) -> Arc<WebRtcConnection> {
    let described =
        PublishedVideo { source: Some("CAMERA".to_owned()), framerate: None, dimensions: Some("{}".into()) };
    Arc::new(WebRtcConnection {
        stream: format!("str_CAM_{owner}").as_str().into(),
        owner: owner.into(),
        direction: Direction::Outbound { camera: None },
        audio: true,
        video: video.then_some(described),
    })
}

fn received(from: &str, owner: &str) -> Arc<WebRtcConnection> {
    let direction = Direction::Inbound { from: from.into() };
    Arc::new(WebRtcConnection { owner: owner.into(), direction, ..(*published(from, true)).clone() })
}

fn created(session: &str) -> Event {
    Event::SessionCreated(stamp(session, 1000))
}

fn joined(session: &str, id: &str) -> Event {
    Event::ParticipantJoined(EventOpened { stamp: stamp(session, 2000), subject: participant(id) })
}

fn connected(session: &str, connection: &Arc<WebRtcConnection>) -> Event {
    Event::WebrtcConnectionCreated(EventOpened { stamp: stamp(session, 3000), subject: connection.clone() })
}

fn closing(session: &str, since: u64) -> Closing {
    Closing { stamp: stamp(session, 9000), start_time: since, reason: Some(Reason::Disconnect) }
}

fn disconnected(session: &str, connection: &Arc<WebRtcConnection>) -> Event {
    Event::WebrtcConnectionDestroyed(EventClosed { closing: closing(session, 3000), subject: connection.clone() })
}

fn left(session: &str, id: &str) -> Event {
    Event::ParticipantLeft(EventClosed { closing: closing(session, 2000), subject: participant(id) })
}

fn destroyed(session: &str) -> Event {
    Event::SessionDestroyed(closing(session, 1000))
}

fn recording(session: &str, id: &str, status: RecordingStatus) -> Event {
    Event::RecordingStatusChanged(RecordingEvent {
        stamp: stamp(session, 4000),
        start_time: 4000,
        duration: 0.0,
        reason: None,
        id: id.to_owned(),
        name: id.to_owned(),
        output_mode: OutputMode::Individual,
        composition: None,
        has_audio: true,
        has_video: true,
        size: 0,
        status,
    })
}

/// A process in which this happens, and that ends then.
async fn run(folder: &Path, events: &[Event]) {
    let mut journal = OpenJournal::open(folder).unwrap().start().unwrap();
    events.iter().for_each(|event| journal.note(event));
    journal.close(LONG).await;
}

/// What the next one tells, in one word each.
fn told(folder: &Path) -> Vec<String> {
    let lost = OpenJournal::open(folder).unwrap().take_lost();
    lost.events().iter().map(word).collect()
}

fn word(event: &Event) -> String {
    let (closing, of) = match event {
        Event::WebrtcConnectionDestroyed(EventClosed { closing, subject }) => match &subject.direction {
            Direction::Inbound { from } => (closing, format!("{} no longer receives {from}", subject.owner)),
            Direction::Outbound { .. } => (closing, format!("{} no longer publishes", subject.owner)),
        },
        Event::ParticipantLeft(EventClosed { closing, subject }) => (closing, format!("{} left", subject.connection)),
        Event::SessionDestroyed(closing) => (closing, format!("{} ended", closing.stamp.session)),
        other => panic!("{other:?}"),
    };
    assert_eq!(closing.reason, Some(Reason::NodeCrashed));
    assert_eq!(closing.stamp.session_created_at, 1000);
    assert!(closing.stamp.timestamp > 1_600_000_000_000, "the time of the crash, not that of the events");
    of
}

#[tokio::test]
async fn everything_that_was_open_is_told_to_have_ended_in_the_order_of_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (ann, bob) = (published("ann", true), published("bob", false));
    let (of_ann, of_bob) = (received("ann", "bob"), received("bob", "ann"));
    let events = [
        created("empty"),
        created("room"),
        created("over"),
        joined("room", "ann"),
        joined("room", "bob"),
        joined("over", "cat"),
        joined("room", "dan"),
        connected("room", &ann),
        connected("room", &bob),
        connected("room", &of_ann),
        connected("room", &of_bob),
        left("over", "cat"),
        destroyed("over"),
        left("room", "dan"),
        recording("room", "room", RecordingStatus::Started),
        recording("room", "room~1", RecordingStatus::Started),
        recording("room", "room~1", RecordingStatus::Stopped),
    ];
    run(folder.path(), &events).await;
    let lost = OpenJournal::open(folder.path()).unwrap().take_lost();
    assert_eq!(lost.sessions().iter().map(|session| session.as_str()).collect::<Vec<_>>(), ["empty", "room"]);
    assert_eq!(lost.recordings(), ["room"]);
    let expected = [
        "empty ended",
        "bob no longer receives ann",
        "ann no longer receives bob",
        "ann no longer publishes",
        "ann left",
        "bob no longer publishes",
        "bob left",
        "room ended",
    ];
    assert_eq!(lost.events().iter().map(word).collect::<Vec<_>>(), expected);
    // As they were told when they began.
    let subject = |event| match event {
        Event::WebrtcConnectionDestroyed(closed) => Some(closed.subject),
        _ => None,
    };
    let subjects: Vec<_> = lost.events().into_iter().filter_map(subject).collect();
    assert_eq!(subjects, [of_ann, of_bob, ann, bob]);
}

#[tokio::test]
async fn what_ended_in_good_order_is_not_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let ann = published("ann", true);
    let beginning = [created("room"), joined("room", "ann"), connected("room", &ann)];
    let end = [disconnected("room", &ann), left("room", "ann"), destroyed("room")];
    run(folder.path(), &[beginning.as_slice(), &end].concat()).await;
    assert_eq!(told(folder.path()), Vec::<String>::new());
    // Told once: whoever starts forgets it.
    run(folder.path(), &beginning).await;
    assert_eq!(told(folder.path()).len(), 3);
    run(folder.path(), &[]).await;
    assert_eq!(told(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_session_that_nobody_joined_and_that_was_collected_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = OpenJournal::open(folder.path()).unwrap().start().unwrap();
    journal.note(&created("room"));
    journal.gone(&stamp("room", 5000));
    journal.close(LONG).await;
    assert_eq!(told(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_cut_off_anywhere_is_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let ann = published("ann", true);
    run(folder.path(), &[created("room"), joined("room", "ann"), connected("room", &ann)]).await;
    let file = folder.path().join(FILE);
    let whole = fs::read(&file).unwrap();
    for cut in 0..whole.len() {
        fs::write(&file, &whole[..cut]).unwrap();
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        // The last one may be whole without its end.
        let told = told(folder.path()).len();
        assert!(told == lines || told == lines + 1, "{told} of {lines} at {cut}");
    }
    fs::write(&file, "no JSON\n\u{0}\n{}\n".as_bytes()).unwrap();
    assert_eq!(told(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_long_life_leaves_a_small_file() {
    const SESSIONS: usize = 30_000;
    let folder = tempfile::tempdir().unwrap();
    let mut journal = OpenJournal::open(folder.path()).unwrap().start().unwrap();
    journal.note(&created("stays"));
    let (mut largest, file) = (0, folder.path().join(FILE));
    for number in 0..SESSIONS {
        let session = format!("room-{number}");
        journal.note(&created(&session));
        journal.note(&joined(&session, "ann"));
        journal.note(&destroyed(&session));
        if number % 100 == 0 {
            // Not faster than the disk, which is what is looked at here: what is open is in the file, also in one that is
            // written anew.
            let mark = format!("mark-{number}");
            journal.note(&created(&mark));
            let is_written = async {
                while !fs::read_to_string(&file).unwrap_or_default().contains(&format!("\"{mark}\"")) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(LONG, is_written).await.expect("the disk keeps up");
            journal.note(&destroyed(&mark));
            largest = largest.max(fs::metadata(&file).unwrap().len());
        }
    }
    journal.close(LONG).await;
    assert!(largest < 2 << 20, "{largest} bytes");
    assert_eq!(told(folder.path()), ["stays ended"]);
}

#[tokio::test]
async fn a_journal_belongs_to_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let journal = OpenJournal::open(folder.path()).unwrap().start().unwrap();
    assert_eq!(OpenJournal::open(folder.path()).unwrap_err().kind(), ErrorKind::ResourceBusy);
    journal.close(LONG).await;
    OpenJournal::open(folder.path()).unwrap();
}

/// Something that happens to one of a few sessions and people.
fn happening() -> impl Strategy<Value = (u8, usize, usize, usize)> {
    (0_u8..7, 0..3_usize, 0..4_usize, 0..4_usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is told is what began and did not end, whatever the order, and each once.
    #[test]
    fn exactly_what_is_open_is_told(happenings in proptest::collection::vec(happening(), 0..120)) {
        let folder = tempfile::tempdir().unwrap();
        let mut open: HashSet<String> = HashSet::new();
        let mut events = vec![];
        let people = ["ann", "bob", "cat", "dan"];
        for (what, session, who, whom) in happenings {
            let session = ["one", "two", "three"][session];
            let (who, whom) = (people[who], people[whom]);
            let of_session = format!("{session} ended");
            let is_there = |open: &HashSet<String>, who: &str| open.contains(&format!("{session}: {who} left"));
            match what {
                0 if !open.contains(&of_session) => {
                    open.insert(of_session);
                    events.push(created(session));
                }
                1 if open.contains(&of_session) && !is_there(&open, who) => {
                    open.insert(format!("{session}: {who} left"));
                    events.push(joined(session, who));
                }
                2 if is_there(&open, who) && open.insert(format!("{session}: {who} no longer publishes")) => {
                    events.push(connected(session, &published(who, true)));
                }
                3 if is_there(&open, who)
                    && is_there(&open, whom)
                    && who != whom
                    && open.insert(format!("{session}: {who} no longer receives {whom}")) =>
                {
                    events.push(connected(session, &received(whom, who)));
                }
                4 if open.remove(&format!("{session}: {who} no longer publishes")) => {
                    events.push(disconnected(session, &published(who, true)));
                }
                5 if open.remove(&format!("{session}: {who} no longer receives {whom}")) => {
                    events.push(disconnected(session, &received(whom, who)));
                }
                6 if open.remove(&of_session) => {
                    open.retain(|line| !line.starts_with(&format!("{session}: ")));
                    events.push(destroyed(session));
                }
                _ => {}
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(run(folder.path(), &events));
        let lost = OpenJournal::open(folder.path()).unwrap().take_lost();
        let mut told = HashSet::new();
        for event in lost.events() {
            let session = match &event {
                Event::WebrtcConnectionDestroyed(closed) => Some(&closed.closing.stamp.session),
                Event::ParticipantLeft(closed) => Some(&closed.closing.stamp.session),
                _ => None,
            };
            let line = session.map_or_else(|| word(&event), |session| format!("{session}: {}", word(&event)));
            prop_assert!(told.insert(line), "{event:?} twice");
        }
        prop_assert_eq!(told, open);
    }
}
