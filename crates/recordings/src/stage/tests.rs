//! The stage with a real writer and a real disk; only the media worker is played by the test.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::event::{Reason, RecordingEvent, RecordingStatus};
use protocol::id::{RecordingKey, RouterId, TapId, WorkerId};
use protocol::media::{MediaCommand, VideoCodec};
use protocol::model::{OutputMode, RecordingLayout, RecordingProperties};
use protocol::recording::{
    Measured, RecordedStream, RecordingCommand, RecordingLosses, RecordingReport, RecordingView,
};
use protocol::speech::Spoken;
use serde_json::Value;
use sfu::{TapCodec, TapPacket, TapSource};
use tempfile::TempDir;

use super::*;
use confinement::Confinement;

use crate::layouts::{LayoutOptions, Layouts};
use crate::processes::Transcoder;
use crate::store::Store;
use crate::store::{DeleteError, StreamNote};
use crate::writer::{self, TapQueue, WriterHandle};
use crate::{RunningRecordings, WORKERS, start};

const KEY: RecordingKey = RecordingKey(1);
const URL: &str = "https://ov.example.com";

fn nothing_to_compose_with() -> Transcoder {
    Transcoder::find(Path::new("/nonexistent"), Path::new("/nonexistent"), 1, Ok(Confinement::none()))
}

fn no_layouts() -> Layouts {
    Layouts::new(LayoutOptions::nowhere(URL))
}

/// A stage at work. `media` is held for as long as key frames may be asked for.
struct Studio {
    running: RunningRecordings,
    taps: TapQueue,
    writer: WriterHandle,
    store: Store,
    begun: Instant,
    _media: mpsc::Receiver<MediaCommand>,
}

impl Studio {
    fn open(folder: &Path) -> Self {
        Self::with(folder, nothing_to_compose_with())
    }

    fn with(folder: &Path, transcoder: Transcoder) -> Self {
        let store = Store::open(folder).unwrap();
        let (handle, taps, inputs) = writer::queue();
        let (commands, media) = mpsc::channel(64);
        let writer = writer::start(handle.clone(), inputs, move |command| drop(commands.try_send(command))).unwrap();
        let premises = Premises {
            store: store.clone(),
            destination: None,
            public_url: URL.to_owned(),
            transcoder,
            has_captions: true,
            layouts: no_layouts(),
            stop: Arc::default(),
        };
        let running = start(premises, writer, 100).unwrap();
        Self { running, taps, writer: handle, store, begun: Instant::now(), _media: media }
    }

    fn send(&self, command: RecordingCommand) {
        assert_eq!(self.running.commands.send(command, self.running.commands.now()), None, "there is room");
    }

    fn begin(&self, recording: RecordingKey, properties: RecordingProperties) {
        self.begin_in("room", recording, properties);
    }

    fn begin_in(&self, session: &str, recording: RecordingKey, properties: RecordingProperties) {
        let created_at = recovery::now();
        self.send(RecordingCommand::Begin {
            recording,
            session: session.into(),
            session_created_at: created_at - 5,
            created_at,
            properties,
            page_pass: None,
        });
    }

    fn add(&self, tap: TapId, stream: &str) {
        self.add_to(KEY, tap, stream);
    }

    fn add_to(&self, recording: RecordingKey, tap: TapId, stream: &str) {
        let stream = RecordedStream {
            connection: "con_1".into(),
            stream: stream.into(),
            client_data: r#"{"clientData":"ann"}"#.to_owned(),
            server_data: "server".to_owned(),
            has_audio: true,
            has_video: true,
            audio_active: true,
            video_active: true,
            type_of_video: Some("CAMERA".to_owned()),
        };
        self.send(RecordingCommand::Add { recording, tap, stream });
    }

    fn end(&self, taps: &[TapId], failed: bool) {
        for tap in taps {
            self.send(RecordingCommand::Remove { recording: KEY, tap: *tap });
        }
        self.send(RecordingCommand::End { recording: KEY, failed });
    }

    async fn told(&mut self) -> RecordingReport {
        match self.running.news.recv().await.expect("it works") {
            RecordingNews::Report(report) => report,
            RecordingNews::Recovered(event) => panic!("{event:?}"),
        }
    }

    async fn named(&mut self) -> (String, String) {
        match self.told().await {
            RecordingReport::Named { id, name, .. } => (id, name),
            other => panic!("{other:?}"),
        }
    }

    /// Waits until so many streams are on the disk.
    async fn running(&mut self, count: usize) {
        let mut ran = BTreeSet::new();
        while ran.len() < count {
            match self.told().await {
                RecordingReport::Running { tap, .. } => drop(ran.insert(tap.expect("a stream").0)),
                other => panic!("{other:?}"),
            }
        }
    }

    /// What became of the recording.
    async fn ended(&mut self) -> Result<Measured, String> {
        match self.told().await {
            RecordingReport::Ended { recording: KEY, result } => result.map_err(|failure| failure.to_string()),
            other => panic!("{other:?}"),
        }
    }

    async fn recovered(&mut self) -> RecordingEvent {
        match self.running.news.recv().await.expect("it works") {
            RecordingNews::Recovered(event) => *event,
            RecordingNews::Report(report) => panic!("{report:?}"),
        }
    }

    /// Sound and pictures of these ms, which all come now.
    fn publish(&self, tap: TapId, codec: VideoCodec, ms: Range<u64>) {
        let first = ms.start / 20;
        for n in first..ms.end / 20 {
            let key: &[u8] = match codec {
                VideoCodec::H264 => &[0x65, 1, 2, 3],
                _ => &[0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 64, 0, 48, 0],
            };
            let delta: &[u8] = if codec == VideoCodec::H264 { &[0x41, 1] } else { &[0x10, 0x11, 0] };
            let picture = if n == first { key } else { delta };
            if codec == VideoCodec::H264 && n == first {
                // What a decoder needs to know first: parameter sets of a picture of 64 by 48.
                let sets =
                    [&[0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x04, 0x19, 0xb0, 0x11][..], &[0x68, 0xcb, 0x83, 0xcb, 0x20]];
                let mut aggregate = vec![0x78];
                for set in sets.into_iter().chain([key]) {
                    aggregate.extend((set.len() as u16).to_be_bytes());
                    aggregate.extend(set);
                }
                self.packet(tap, TapCodec::Video(codec), n, &aggregate);
            } else {
                self.packet(tap, TapCodec::Video(codec), n, picture);
            }
            self.packet(tap, TapCodec::Opus, n, &[0x78, 1, 2]);
        }
    }

    fn packet(&self, tap: TapId, codec: TapCodec, n: u64, payload: &[u8]) {
        let (rate, ssrc) = if codec == TapCodec::Opus { (48, 1) } else { (90, 2) };
        self.taps.send(TapPacket {
            router: RouterId { number: 1, worker: WorkerId(0) },
            tap,
            codec,
            source: TapSource { generation: 1, ssrc },
            sequence: n,
            timestamp: (n * 20 * rate) as u32,
            marker: true,
            quarter_turns: None,
            level: None,
            payload: Arc::from(payload),
            arrival: self.begun + Duration::from_millis(n * 20),
            report: Some(sfu::SenderReport { ntp_nanos: 1_000_000_000, timestamp: 0 }),
        });
    }

    /// Ends as the server does.
    fn close(self) {
        drop((self.running.commands, self.taps, self.writer));
        self.running.thread.join().unwrap();
        self.running.writer.join().unwrap();
    }
}

fn individual() -> RecordingProperties {
    RecordingProperties { output_mode: OutputMode::Individual, ..RecordingProperties::default() }
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn metadata(folder: &TempDir, id: &str) -> String {
    fs::read_to_string(folder.path().join(id).join(format!(".recording.{id}"))).unwrap()
}

/// Names and the text of the JSON file.
fn archive(path: &Path) -> (Vec<String>, String) {
    let mut zip = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let names: Vec<_> = (0..zip.len()).map(|n| zip.by_index(n).unwrap().name().unwrap().into_owned()).collect();
    let last = zip.len() - 1;
    let json = io::read_to_string(zip.by_index(last).unwrap()).unwrap();
    (names, json)
}

#[tokio::test]
async fn streams_become_an_archive_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = Studio::open(folder.path());
    studio.begin(KEY, RecordingProperties { name: "mine".to_owned(), ..individual() });
    assert_eq!(studio.named().await, ("room".to_owned(), "mine".to_owned()));
    assert!(metadata(&folder, "room").contains(r#""url":null,"hasAudio":true,"hasVideo":true,"status":"starting"}"#));
    // One of them in H264.
    for (tap, stream, codec) in [(1, "str_a", VideoCodec::Vp8), (2, "str_b", VideoCodec::H264)] {
        studio.add(TapId(tap), stream);
        studio.publish(TapId(tap), codec, 0..1000);
    }
    studio.send(RecordingCommand::Started { recording: KEY });
    studio.running(2).await;
    // And one of them again.
    studio.send(RecordingCommand::Remove { recording: KEY, tap: TapId(1) });
    studio.add(TapId(3), "str_a");
    studio.publish(TapId(3), VideoCodec::Vp8, 1000..2000);
    studio.running(1).await;
    studio.end(&[TapId(2), TapId(3)], false);
    let measured = studio.ended().await.unwrap();
    assert_eq!((measured.duration, measured.has_audio, measured.has_video), (2.0, true, true));
    assert_eq!(files(&folder.path().join("room")), [".recording.room", "mine.zip"]);

    let (names, json) = archive(&folder.path().join("room/mine.zip"));
    assert_eq!(names, ["str_a.webm", "str_b.mkv", "str_a-1.webm", "mine.json"]);
    let sync: Value = serde_json::from_str(&json).unwrap();
    assert!(json.starts_with("{\n  \"createdAt\": "), "{json}");
    let keys: Vec<_> = sync["files"][0].as_object().unwrap().keys().collect();
    let expected = [
        "name",
        "connectionId",
        "streamId",
        "size",
        "clientData",
        "serverData",
        "hasAudio",
        "hasVideo",
        "typeOfVideo",
        "startTimeOffset",
        "endTimeOffset",
    ];
    assert_eq!(keys, expected);
    let file = &sync["files"][2];
    assert_eq!((&file["name"], &file["streamId"]), (&"str_a-1.webm".into(), &"str_a".into()));
    assert_eq!(file["endTimeOffset"].as_u64().unwrap() - file["startTimeOffset"].as_u64().unwrap(), 1000);
    let sizes: u64 = sync["files"].as_array().unwrap().iter().map(|file| file["size"].as_u64().unwrap()).sum();
    assert_eq!(measured.size, sizes);

    let text = metadata(&folder, "room");
    let view: RecordingView = serde_json::from_str(&text).unwrap();
    assert_eq!((view.size, view.duration, view.status), (sizes, 2.0, RecordingStatus::Ready));
    assert_eq!(view.url.as_deref(), Some("https://ov.example.com/openvidu/recordings/room/mine.zip"));
    let start = r#"{"id":"room","object":"recording","name":"mine","outputMode":"INDIVIDUAL","sessionId":"room","uniqueSessionId":"room_"#;
    assert!(text.starts_with(start), "{text}");
    studio.store.take("room").unwrap().delete().unwrap();
    assert!(files(folder.path()).is_empty());
    studio.close();
}

/// Somebody said this a while ago.
fn words(tap: Option<TapId>, name: &str, text: &str, began: u64, ended: u64) -> RecordingCommand {
    let spoken = Spoken { began, ended, words: vec![] };
    RecordingCommand::Words { recording: KEY, tap, name: Some(name.to_owned()), text: text.to_owned(), spoken }
}

fn with_subtitles(properties: RecordingProperties) -> RecordingProperties {
    RecordingProperties { subtitles: Some("en-US".to_owned()), ..properties }
}

#[tokio::test]
async fn each_stream_has_its_words_beside_it_in_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = Studio::open(folder.path());
    studio.begin(KEY, with_subtitles(individual()));
    studio.named().await;
    assert!(metadata(&folder, "room").contains(r#""subtitles":"en-US","status":"starting""#));
    for (tap, stream) in [(1, "str_a"), (2, "str_b")] {
        studio.add(TapId(tap), stream);
        studio.publish(TapId(tap), VideoCodec::Vp8, 0..2000);
    }
    studio.running(2).await;
    studio.send(words(Some(TapId(1)), "Ann", "hello", 100_000, 90_000));
    // Packets are said to have come as time goes by, all of which has not.
    studio.send(words(Some(TapId(1)), "Ann", "so long", 5_000, 0));
    studio.send(RecordingCommand::WordsMissing { recording: KEY });
    studio.end(&[TapId(1), TapId(2)], false);
    studio.send(RecordingCommand::WordsComplete { recording: KEY });
    let measured = studio.ended().await.unwrap();
    assert_eq!(measured.lost, RecordingLosses { unheard: 1, ..RecordingLosses::default() });
    assert_eq!(files(&folder.path().join("room")), [".recording.room", "room.zip"]);
    let path = folder.path().join("room/room.zip");
    let (names, json) = archive(&path);
    let expected = ["str_a.webm", "str_b.webm", "str_a.srt", "str_a.vtt", "str_b.srt", "str_b.vtt", "room.json"];
    assert_eq!(names, expected);
    assert!(!json.contains("srt"), "{json}");
    let mut zip = zip::ZipArchive::new(fs::File::open(&path).unwrap()).unwrap();
    let mut text = |name: &str| io::read_to_string(zip.by_name(name).unwrap()).unwrap();
    let srt = text("str_a.srt");
    assert!(srt.starts_with("1\n00:00:00,000 --> 00:00:0") && srt.ends_with("\nso long\n\n"), "{srt}");
    assert!(!srt.contains("hello"), "it was said before");
    assert_eq!((text("str_b.srt"), text("str_b.vtt")), (String::new(), "WEBVTT\n\n".to_owned()));
    studio.close();
}

#[tokio::test]
async fn a_composed_recording_has_everybodys_words_beside_it_also_after_a_crash() {
    let programs = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Until the recording is over it does nothing; then it has composed an hour.
    let script = r#"while ! grep -q '"entry":"end"' "$1/.composition"; do read line || exit; done
        echo '{"report":"finished","measured":{"size":7,"duration":3600,"hasAudio":true,"hasVideo":true},"lost":{"undecodable":0,"unreadableFiles":0}}'"#;
    let mut studio = Studio::with(folder.path(), transcoder(programs.path(), script));
    studio.begin(KEY, with_subtitles(RecordingProperties::default()));
    studio.named().await;
    assert_eq!(studio.told().await, RecordingReport::Running { recording: KEY, tap: None });
    studio.add(TapId(1), "str_a");
    studio.publish(TapId(1), VideoCodec::Vp8, 0..1000);
    studio.running(1).await;
    studio.send(words(Some(TapId(1)), "Ann", "안녕하세요", 1000, 0));
    studio.send(words(None, "Bob", "hi & bye", 500, 0));
    let script_of = folder.path().join("room/.subtitles");
    while fs::read_to_string(&script_of).unwrap().lines().count() < 2 {
        tokio::task::yield_now().await;
    }
    studio.close();

    let mut studio = Studio::with(folder.path(), transcoder(programs.path(), script));
    assert_eq!(studio.recovered().await.status, RecordingStatus::Stopped);
    assert_eq!(studio.recovered().await.status, RecordingStatus::Ready);
    assert_eq!(files(&folder.path().join("room")), [".recording.room", "room.srt", "room.vtt"]);
    let vtt = fs::read_to_string(folder.path().join("room/room.vtt")).unwrap();
    let lines: Vec<_> = vtt.lines().filter(|line| line.starts_with('<')).collect();
    assert_eq!(lines, ["<v Ann>안녕하세요</v>", "<v Bob>hi &amp; bye</v>"]);
    let srt = fs::read_to_string(folder.path().join("room/room.srt")).unwrap();
    assert!(srt.contains("\nAnn: 안녕하세요\n") && srt.contains("\nBob: hi & bye\n"), "{srt}");
    assert_eq!(studio.store.get("room").unwrap().subtitles.as_deref(), Some("en-US"));
    studio.close();
}

#[tokio::test]
async fn ids_are_counted_on_the_disk_and_a_running_one_cannot_be_deleted() {
    let folder = tempfile::tempdir().unwrap();
    for taken in ["room", "room~1", "room~3"] {
        fs::create_dir(folder.path().join(taken)).unwrap();
        fs::write(folder.path().join(taken).join(format!(".recording.{taken}")), "{}").unwrap();
    }
    let mut studio = Studio::open(folder.path());
    studio.begin(KEY, individual());
    assert_eq!(studio.named().await.0, "room~2");
    studio.begin(RecordingKey(2), individual());
    assert_eq!(studio.named().await.0, "room~4");
    assert!(matches!(studio.store.take("room~2"), Err(DeleteError::InProgress)));
    studio.end(&[], false);
    assert_eq!(studio.ended().await.map(|measured| measured.size), Ok(0));
    assert_eq!(files(&folder.path().join("room~2")), [".recording.room~2", "room~2.zip"]);
    studio.store.take("room~2").unwrap().delete().unwrap();
    assert!(matches!(studio.store.take("room~2"), Err(DeleteError::Unknown)));
    for trick in ["", ".", "..", "../x", "room/..", "\0"] {
        assert!(matches!(studio.store.take(trick), Err(DeleteError::Unknown)), "{trick:?}");
    }
    studio.close();
}

#[tokio::test]
async fn a_session_with_a_name_too_long_for_a_file_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = Studio::open(folder.path());
    let session = "a".repeat(300);
    for (number, suffix) in [(1, ""), (2, "~1")] {
        studio.begin_in(&session, RecordingKey(number), individual());
        let (id, _) = studio.named().await;
        assert!(session.starts_with(id.strip_suffix(suffix).unwrap()), "{id}");
        assert_eq!(studio.store.get(&id).unwrap().session_id.as_str(), session);
    }
    studio.end(&[], false);
    assert!(studio.ended().await.is_ok());
    studio.close();
}

#[tokio::test]
async fn a_start_that_fails_leaves_its_metadata_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = Studio::open(folder.path());
    studio.begin(KEY, individual());
    studio.named().await;
    studio.add(TapId(1), "str_a");
    studio.publish(TapId(1), VideoCodec::Vp8, 0..500);
    studio.running(1).await;
    studio.end(&[TapId(1)], true);
    assert!(studio.ended().await.is_err());
    assert_eq!(files(&folder.path().join("room")), [".recording.room"]);
    let view = studio.store.get("room").unwrap();
    assert_eq!((view.status, view.url.is_some()), (RecordingStatus::Failed, true));
    studio.close();
}

#[tokio::test]
async fn a_composed_recording_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = Studio::open(folder.path());
    studio.begin(KEY, RecordingProperties::default());
    assert!(studio.ended().await.unwrap_err().contains("INDIVIDUAL"));
    assert!(files(folder.path()).is_empty());
    studio.close();
}

#[tokio::test]
async fn a_recording_says_how_many_packets_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = Studio::open(folder.path());
    studio.begin(KEY, individual());
    studio.named().await;
    // More than wait for their file: nobody says yet where that is.
    let packets = writer::MAX_EARLY as u64 + 100;
    studio.publish(TapId(1), VideoCodec::Vp8, 0..packets / 2 * 20);
    studio.add(TapId(1), "str_a");
    studio.running(1).await;
    studio.end(&[TapId(1)], false);
    let lost = RecordingLosses { dropped_packets: 100, ..RecordingLosses::default() };
    assert_eq!(studio.ended().await.unwrap().lost, lost);
    let text = metadata(&folder, "room");
    let end = r#""status":"ready","lost":{"droppedPackets":100,"undecodable":0,"unreadableFiles":0}}"#;
    assert!(text.ends_with(end), "{text}");
    assert_eq!(studio.store.get("room").unwrap().lost, lost);
    let (_, json) = archive(&folder.path().join("room/room.zip"));
    assert!(json.contains(r#""droppedPackets": 100"#), "{json}");
    studio.close();
}

/// A program in place of the transcoder.
fn transcoder(folder: &Path, script: &str) -> Transcoder {
    let path = folder.join("program");
    fs::write(&path, format!("#!/bin/sh\necho '{{\"report\":\"running\"}}'\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Transcoder::find(&path, folder, 100, Ok(Confinement::none()))
}

/// One that is for ever behind: it ends when nobody wants its work any more.
fn endless_transcoder(folder: &Path) -> Transcoder {
    transcoder(folder, "cat > /dev/null")
}

#[tokio::test]
async fn a_composed_recording_says_what_could_not_be_composed() {
    let programs = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let script = r#"while ! grep -q '"entry":"end"' "$1/.composition"; do read line; done
        echo '{"report":"finished","measured":{"size":7,"duration":1.5,"hasAudio":true,"hasVideo":true},"lost":{"undecodable":3,"unreadableFiles":1}}'"#;
    let mut studio = Studio::with(folder.path(), transcoder(programs.path(), script));
    studio.begin(KEY, RecordingProperties::default());
    studio.named().await;
    assert_eq!(studio.told().await, RecordingReport::Running { recording: KEY, tap: None });
    studio.end(&[], false);
    let lost = RecordingLosses { undecodable: 3, unreadable_files: 1, ..RecordingLosses::default() };
    assert_eq!(studio.ended().await.unwrap().lost, lost);
    assert_eq!(studio.store.get("room").unwrap().lost, lost);
    studio.close();
}

#[tokio::test]
async fn a_transcoder_that_hangs_is_killed_and_another_one_goes_on() {
    let programs = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // The first one hears of nothing and has a child that has its output open; the second one works.
    let script = r#"echo x >> "$1/.starts"
        [ $(wc -l < "$1/.starts") -eq 1 ] && { trap '' TERM INT HUP; sleep 1000 & wait; sleep 1000; }
        while ! grep -q '"entry":"end"' "$1/.composition"; do read line; done
        echo '{"report":"finished","measured":{"size":7,"duration":1.5,"hasAudio":true,"hasVideo":true},"lost":{"undecodable":0,"unreadableFiles":0}}'"#;
    let transcoder = transcoder(programs.path(), script).with_silence(Duration::from_secs(2));
    let mut studio = Studio::with(folder.path(), transcoder);
    studio.begin(KEY, RecordingProperties::default());
    studio.named().await;
    assert_eq!(studio.told().await, RecordingReport::Running { recording: KEY, tap: None });
    studio.end(&[], false);
    assert_eq!(studio.ended().await.map(|measured| measured.size), Ok(7));
    let starts = fs::read_to_string(folder.path().join("room/.starts")).unwrap();
    assert!(starts.lines().count() > 1, "{starts}");
    studio.close();
}

#[tokio::test]
async fn compositions_that_are_behind_keep_nobody_waiting() {
    let programs = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut studio = Studio::with(folder.path(), endless_transcoder(programs.path()));
    let composed = RecordingProperties {
        recording_layout: RecordingLayout::Custom,
        custom_layout: "builtin:speaker".to_owned(),
        ..RecordingProperties::default()
    };
    let count = WORKERS as u64 * 2;
    for number in 0..count {
        let recording = RecordingKey(100 + number);
        studio.begin(recording, composed.clone());
        studio.named().await;
        assert_eq!(studio.told().await, RecordingReport::Running { recording, tap: None });
        studio.send(RecordingCommand::End { recording, failed: false });
    }
    let manifest = fs::read_to_string(folder.path().join("room/.composition")).unwrap();
    assert!(manifest.contains(r#""layout":"SPEAKER""#), "{manifest}");
    studio.begin(KEY, individual());
    assert_eq!(studio.named().await.0, format!("room~{count}"));
    studio.end(&[], false);
    assert!(studio.ended().await.is_ok(), "while all the others wait");
    studio.close();
}

#[tokio::test]
async fn an_interrupted_composition_that_is_behind_keeps_no_archive_waiting() {
    let programs = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut studio = Studio::with(folder.path(), endless_transcoder(programs.path()));
    for (recording, tap, properties) in
        [(RecordingKey(2), TapId(2), RecordingProperties::default()), (KEY, TapId(1), individual())]
    {
        let is_composed = properties.output_mode == OutputMode::Composed;
        studio.begin(recording, properties);
        studio.named().await;
        if is_composed {
            assert_eq!(studio.told().await, RecordingReport::Running { recording, tap: None });
        }
        studio.add_to(recording, tap, "str_a");
        studio.publish(tap, VideoCodec::Vp8, 0..1000);
        studio.running(1).await;
    }
    studio.close();
    let mut studio = Studio::with(folder.path(), endless_transcoder(programs.path()));
    let ready = loop {
        let event = studio.recovered().await;
        if event.status != RecordingStatus::Stopped {
            break event;
        }
    };
    assert_eq!((ready.id.as_str(), ready.status), ("room~1", RecordingStatus::Ready));
    let composed = studio.store.get("room").unwrap();
    assert_eq!((composed.output_mode, composed.status), (OutputMode::Composed, RecordingStatus::Stopped));
    studio.close();
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_breaks_the_recording_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = Studio::open(folder.path());
    studio.begin(KEY, individual());
    studio.named().await;
    fs::remove_dir_all(folder.path().join("room")).unwrap();
    studio.add(TapId(1), "str_a");
    match studio.told().await {
        RecordingReport::Broken { recording: KEY, why } => assert!(why.contains("cannot be written"), "{why}"),
        other => panic!("{other:?}"),
    }
    studio.end(&[TapId(1)], false);
    assert!(studio.ended().await.is_err());
    // Others go on.
    studio.begin(KEY, individual());
    studio.named().await;
    studio.end(&[], false);
    assert!(studio.ended().await.is_ok());
    studio.close();
}

/// A recording as a crash leaves it: its server stops without a word to it.
async fn interrupted(folder: &Path, ms: u64) -> RecordingView {
    let mut studio = Studio::open(folder);
    studio.begin(KEY, individual());
    studio.named().await;
    studio.add(TapId(1), "str_a");
    studio.send(RecordingCommand::Started { recording: KEY });
    studio.publish(TapId(1), VideoCodec::Vp8, 0..ms);
    studio.running(1).await;
    let view = studio.store.get("room").unwrap();
    studio.close();
    // What the writer does at the end of a server, a crash would not do.
    let file = fs::File::options().write(true).open(folder.join("room/str_a.webm")).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length - 100).unwrap();
    view
}

#[tokio::test]
async fn an_interrupted_recording_is_ready_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let before = interrupted(folder.path(), 3000).await;
    assert_eq!(before.status, RecordingStatus::Started);
    assert!(files(&folder.path().join("room")).contains(&".stream.str_a".to_owned()));
    let mut studio = Studio::open(folder.path());
    let stopped = studio.recovered().await;
    assert_eq!((stopped.status, stopped.reason), (RecordingStatus::Stopped, Some(Reason::NodeCrashed)));
    let ready = studio.recovered().await;
    assert_eq!((ready.status, ready.id.as_str()), (RecordingStatus::Ready, "room"));
    assert_eq!(ready.stamp.session_created_at, before.created_at - 5);
    assert!(ready.size > 0 && ready.duration > 1.5, "{ready:?}");
    assert_eq!(files(&folder.path().join("room")), [".recording.room", "room.zip"]);
    assert_eq!(studio.store.get("room").unwrap().status, RecordingStatus::Ready);
    // The id was taken all the while.
    studio.begin(KEY, individual());
    assert_eq!(studio.named().await.0, "room~1");
    studio.end(&[], true);
    assert!(studio.ended().await.is_err());
    studio.close();
}

#[tokio::test]
async fn of_what_is_found_only_what_was_interrupted_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let put = |id: &str, status: &str| {
        let path = folder.path().join(id);
        fs::create_dir(&path).unwrap();
        let text = format!(
            r#"{{"id":"{id}","object":"recording","name":"{id}","outputMode":"COMPOSED","resolution":"1280x720","recordingLayout":"BEST_FIT","sessionId":"{id}","createdAt":1718000010000,"size":5,"duration":1.5,"url":null,"hasAudio":true,"hasVideo":true,"status":"{status}"}}"#
        );
        fs::write(path.join(format!(".recording.{id}")), &text).unwrap();
        text
    };
    let old = put("old", "available");
    let ready = put("ready", "ready");
    put("begun", "started");
    fs::write(folder.path().join("begun/begun.mp4"), "media").unwrap();
    fs::create_dir(folder.path().join("garbage")).unwrap();
    fs::write(folder.path().join("garbage/.recording.garbage"), "{").unwrap();
    let mut studio = Studio::open(folder.path());
    assert_eq!(studio.recovered().await.status, RecordingStatus::Stopped);
    let failed = studio.recovered().await;
    assert_eq!((failed.status, failed.id.as_str()), (RecordingStatus::Failed, "begun"));
    assert_eq!((metadata(&folder, "old"), metadata(&folder, "ready")), (old, ready));
    assert_eq!(fs::read(folder.path().join("begun/begun.mp4")).unwrap(), b"media");
    let listed: Vec<_> = studio.store.list().unwrap().into_iter().map(|view| (view.id, view.status)).collect();
    let (ready, failed) = (RecordingStatus::Ready, RecordingStatus::Failed);
    assert_eq!(listed, [("ready".to_owned(), ready), ("old".to_owned(), ready), ("begun".to_owned(), failed)]);
    let view = studio.store.get("old").unwrap().published("http://h");
    assert_eq!(view.url.as_deref(), Some("http://h/openvidu/recordings/old/old.mp4"));
    studio.close();
}

#[tokio::test]
async fn a_crash_after_the_archive_only_leaves_files_to_remove() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = Studio::open(folder.path());
    studio.begin(KEY, individual());
    studio.named().await;
    studio.end(&[], false);
    studio.ended().await.unwrap();
    studio.close();
    let room = folder.path().join("room");
    let note = StreamNote {
        name: "str_a".to_owned(),
        connection_id: String::new(),
        stream_id: "str_a".to_owned(),
        client_data: String::new(),
        server_data: String::new(),
        start_time: 1,
        end_time: 2,
        duration: 1,
        size: 3,
        has_audio: true,
        has_video: false,
        type_of_video: None,
        dropped_packets: 0,
    };
    let text = serde_json::to_string(&note).unwrap();
    assert_eq!(
        text,
        r#"{"name":"str_a","connectionId":"","streamId":"str_a","clientData":"","serverData":"","startTime":1,"endTime":2,"duration":1,"size":3,"hasAudio":true,"hasVideo":false}"#
    );
    fs::write(room.join(".stream.str_a"), text).unwrap();
    fs::write(room.join("str_a.mkv"), "old").unwrap();
    // And another one in the middle of a deletion.
    let deleted = folder.path().join(".deleted-room~1");
    fs::create_dir(&deleted).unwrap();
    fs::write(deleted.join("media"), "media").unwrap();
    let studio = Studio::open(folder.path());
    let tidied = async {
        while files(&room).len() > 2 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), tidied).await.expect("what was left behind is gone");
    assert_eq!(files(&room), [".recording.room", "room.zip"]);
    assert!(!deleted.exists());
    studio.close();
}
