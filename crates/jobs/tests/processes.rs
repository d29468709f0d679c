//! Jobs whose processes do as they are told, die, and cannot do it: a script in the place of the transcoder, over the real socket.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use confinement::Confinement;
use jobs::{JobOptions, JobRoutes, JobTaps, Jobs};
use media::{LocalMedia, LocalSource, MediaHandle, TapSink};
use protocol::id::{JobId, PublicationId, RouterId, TapId, WorkerId};
use protocol::job::{
    BroadcastSpec, FromJob, JobCommand, JobEnd, JobInput, JobNews, JobReport, JobSpec, OutputVideo, ToJob,
};
use protocol::media::{MediaCommand, MediaKind, MediaOperation, VideoCodec};
use recordings::Transcoder;
use sfu::{TapCodec, TapPacket, TapSource};
use tokio::sync::mpsc;
use tokio::time::timeout;

const ROUTER: RouterId = RouterId { number: 1, worker: WorkerId(0) };
const JOB: JobId = JobId(1);
const TAP: TapId = TapId(2);
const OUTPUT: PublicationId = PublicationId(3);
/// Far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads messages from its standard input; `packet` and `words` are called with each.
const SCRIPT: &str = r#"#!/usr/bin/env python3
import json, os, socket, sys
if sys.argv[1] != '--job':
    sys.exit(0)
link = socket.socket(fileno=0)
def say(**words):
    link.send(b'\0' + json.dumps(words).encode())
def note(words):
    with open(os.path.dirname(sys.argv[0]) + '/heard', 'a') as file:
        file.write(words['do'] + '\n')
while True:
    message = link.recv(65536)
    if not message:
        break
    if message[0] == 1:
        PACKET
        continue
    words = json.loads(message[1:])
    note(words)
    WORDS
"#;

struct Bench {
    folder: tempfile::TempDir,
    jobs: Jobs,
    taps: JobTaps<Nobody>,
    reports: mpsc::Receiver<JobReport>,
    made: mpsc::Receiver<LocalMedia>,
    commands: mpsc::Receiver<MediaCommand>,
    _media: MediaHandle,
}

#[derive(Clone)]
struct Nobody;

impl TapSink for Nobody {
    fn take(&self, packet: TapPacket) {
        panic!("{packet:?} is for a job");
    }

    fn want_key_frame(&self, _: PublicationId) {}
}

fn program(folder: &Path, packet: &str, words: &str) -> Transcoder {
    let path = folder.join("program");
    fs::write(&path, SCRIPT.replace("PACKET", packet).replace("WORDS", words)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Transcoder::find(&path, folder, 1, Ok(Confinement::none()))
}

impl Bench {
    fn new(packet: &str, words: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let transcoder = program(folder.path(), packet, words);
        let routes = JobRoutes::default();
        let taps = routes.taps(Nobody);
        let (media, commands) = MediaHandle::detached();
        let (local, made) = LocalSource::detached();
        let (jobs, reports) =
            Jobs::new(JobOptions { transcoder, limit: 1, layouts: None }, routes, media.weak(), local);
        Self { folder, jobs, taps, reports, made, commands, _media: media }
    }

    fn start(&mut self) {
        let spec = BroadcastSpec { url: "rtmp://target/live".to_owned(), audio: true, picture: None, patience: 60 };
        let spec = Box::new(JobSpec::Broadcast(spec));
        assert_eq!(self.jobs.send(JobCommand::Start { job: JOB, spec }), None);
        self.jobs.send(JobCommand::AddOutput { job: JOB, router: ROUTER, publication: OUTPUT });
        let input = JobInput {
            number: 7,
            audio: true,
            video: true,
            audio_active: true,
            video_active: true,
            is_screen: false,
            name: None,
        };
        self.jobs.send(JobCommand::AddInput { job: JOB, router: ROUTER, tap: TAP, input });
    }

    async fn news(&mut self) -> JobNews {
        let report = timeout(PATIENCE, self.reports.recv()).await.expect("it is reported in time").unwrap();
        assert_eq!(report.job, JOB);
        report.news
    }

    fn send(&self, sequence: u64) {
        self.taps.take(TapPacket {
            router: ROUTER,
            tap: TAP,
            codec: TapCodec::Video(VideoCodec::Vp8),
            source: TapSource { generation: 1, ssrc: 2 },
            sequence,
            timestamp: 90_000,
            marker: true,
            quarter_turns: Some(1),
            level: None,
            payload: Arc::from([1, 2, 3].as_slice()),
            arrival: Instant::now(),
            report: None,
        });
    }

    /// Where the next packets that it makes are published.
    async fn made(&mut self) -> PublicationId {
        timeout(PATIENCE, self.made.recv()).await.expect("in time").unwrap().publication
    }

    /// What its processes were told.
    fn heard(&self) -> Vec<String> {
        let heard = fs::read_to_string(self.folder.path().join("heard")).unwrap_or_default();
        heard.lines().map(str::to_owned).collect()
    }
}

/// Says that it is ready as soon as it has an input.
const READY: &str =
    "if words['do'] == 'addInput': say(says='ready', audio=False, video=dict(codec='Vp8', parameters=''))";

fn ready() -> JobNews {
    let video = OutputVideo { codec: VideoCodec::Vp8, parameters: String::new() };
    JobNews::Said(FromJob::Ready { audio: false, video: Some(video) })
}

#[tokio::test]
async fn packets_and_words_go_both_ways() {
    let words = format!("{READY}\n    if words['do'] == 'keyFrame': say(says='keyFrameWanted', number=7)");
    let mut bench = Bench::new("link.send(message)", &words);
    bench.start();
    assert_eq!(bench.news().await, ready());
    bench.send(5);
    let LocalMedia { publication, packets } = timeout(PATIENCE, bench.made.recv()).await.unwrap().unwrap();
    assert_eq!((publication, packets.len()), (OUTPUT, 1));
    let packet = &packets[0];
    assert_eq!((packet.kind, packet.sequence, packet.timestamp), (MediaKind::Video, 5, 90_000));
    assert_eq!((packet.marker, packet.quarter_turns, &packet.payload[..]), (true, 1, &[1, 2, 3][..]));
    bench.taps.want_key_frame(OUTPUT);
    let command = timeout(PATIENCE, bench.commands.recv()).await.unwrap().unwrap();
    assert_eq!(command, MediaOperation::RequestKeyFrame { tap: TAP }.at(ROUTER));
    assert_eq!(bench.jobs.figures().running(), 1);
}

#[tokio::test]
async fn what_it_makes_is_published_wherever_it_is_wanted() {
    let mut bench =
        Bench::new("link.send(message)", &format!("{READY}\n    if words['do'] == 'keyFrame': say(says='pageShown')"));
    bench.start();
    assert_eq!(bench.news().await, ready());
    let elsewhere = PublicationId(4);
    let router = RouterId { number: 2, ..ROUTER };
    bench.jobs.send(JobCommand::AddOutput { job: JOB, router, publication: elsewhere });
    bench.send(5);
    assert_eq!([bench.made().await, bench.made().await], [OUTPUT, elsewhere]);
    // Key frames are asked of it by either.
    for publication in [OUTPUT, elsewhere] {
        bench.taps.want_key_frame(publication);
        assert_eq!(bench.news().await, JobNews::Said(FromJob::PageShown));
    }
    bench.jobs.send(JobCommand::RemoveOutput { job: JOB, publication: OUTPUT });
    for sequence in [6, 7] {
        bench.send(sequence);
        assert_eq!(bench.made().await, elsewhere);
    }
}

#[tokio::test]
async fn one_that_dies_is_started_anew_and_told_what_the_last_one_knew() {
    let mut bench = Bench::new("os._exit(3)", READY);
    bench.start();
    assert_eq!(bench.news().await, ready());
    let message = ToJob::Execute { request: 1, method: "a".to_owned(), params: serde_json::json!({}) };
    bench.jobs.send(JobCommand::Tell { job: JOB, message });
    bench.send(1);
    let JobNews::Restarting { why } = bench.news().await else { panic!("it was to be started anew") };
    assert!(why.contains('3'), "{why}");
    assert_eq!(bench.news().await, ready());
    bench.send(2);
    assert!(matches!(bench.news().await, JobNews::Restarting { .. }));
    let once = ["begin", "addInput", "execute"];
    assert_eq!(bench.heard(), [once, once].concat());
    assert_eq!(bench.jobs.figures().restarts(), 1);
}

#[tokio::test]
async fn one_that_dies_again_and_again_is_given_up() {
    let mut bench = Bench::new("", "print('no good', file=sys.stderr); sys.exit(4)");
    bench.start();
    let end = loop {
        match bench.news().await {
            JobNews::Restarting { .. } => {}
            JobNews::Ended(end) => break end,
            news @ JobNews::Said(_) => panic!("{news:?}"),
        }
    };
    let JobEnd::Failed(why) = end else { panic!("{end:?}") };
    assert!(why.contains("no good") && why.contains('4'), "{why}");
    assert!(bench.heard().len() > 3);
}

#[tokio::test]
async fn one_that_cannot_be_done_is_not_tried_again() {
    let mut bench = Bench::new("", "say(says='failed', why='no such address'); sys.exit(0)");
    bench.start();
    assert_eq!(bench.news().await, JobNews::Ended(JobEnd::Failed("no such address".to_owned())));
    bench.jobs.forget(JOB);
}

#[tokio::test]
async fn what_is_stopped_ends_and_leaves_room_for_others() {
    let words = format!("open(os.path.dirname(sys.argv[0]) + '/pid', 'w').write(str(os.getpid()))\n    {READY}");
    let mut bench = Bench::new("", &words);
    bench.start();
    assert_eq!(bench.news().await, ready());
    let spec = JobSpec::Transcode { from: VideoCodec::Vp8, to: VideoCodec::H264, audio: true };
    let another = JobCommand::Start { job: JobId(9), spec: Box::new(spec) };
    let refused = bench.jobs.send(another.clone()).expect("there is no room");
    assert!(matches!(refused.news, JobNews::Ended(JobEnd::Overloaded(why)) if why.contains("MADANG_JOBS")));
    let pid = fs::read_to_string(bench.folder.path().join("pid")).unwrap();
    bench.jobs.send(JobCommand::Stop { job: JOB });
    assert_eq!(bench.jobs.send(another), None);
    let gone = async {
        while fs::metadata(format!("/proc/{pid}")).is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("its process ends");
}

#[tokio::test]
async fn without_a_program_nothing_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    let transcoder = Transcoder::find(&nothing, folder.path(), 1, Ok(Confinement::none()));
    let (media, _commands) = MediaHandle::detached();
    let (local, _made) = LocalSource::detached();
    let options = JobOptions { transcoder, limit: 1, layouts: None };
    let (mut jobs, _reports) = Jobs::new(options, JobRoutes::default(), media.weak(), local);
    let spec = JobSpec::Transcode { from: VideoCodec::Vp8, to: VideoCodec::H264, audio: true };
    let refused = jobs.send(JobCommand::Start { job: JOB, spec: Box::new(spec) }).unwrap();
    assert!(matches!(refused.news, JobNews::Ended(JobEnd::Unavailable(why)) if why.contains("MADANG_TRANSCODER")));
}
