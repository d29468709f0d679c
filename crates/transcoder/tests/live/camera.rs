//! Cameras: servers of RTSP and HTTP, files, and what stands for cameras that are broken.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use protocol::job::{CameraSpec, FromJob, JobSpec, OutputVideo, ToJob};
use protocol::media::{MediaKind, VideoCodec};
use serde_json::{Value, json};

use crate::job::{RunningJob, Sent, is_near, muxed};

const PATIENCE: Duration = Duration::from_secs(60);
/// GStreamer's pattern of that name, in the range of video.
const GREEN: [u8; 3] = [0, 255, 0];

/// GStreamer's RTSP server. It ends when this is dropped.
struct RtspServer {
    child: Child,
    input: ChildStdin,
    events: Receiver<Value>,
    port: u64,
}

impl RtspServer {
    fn start(options: Value) -> Self {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../e2e/engines/rtsp/camera.py");
        let mut command = Command::new("/usr/bin/python3");
        command.arg(program).arg(options.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        let mut server = Self { child, input, events, port: 0 };
        server.port = server.event("ready")["port"].as_u64().unwrap();
        server
    }

    fn event(&self, name: &str) -> Value {
        loop {
            let event = self.events.recv_timeout(PATIENCE).unwrap();
            if event["event"] == name {
                return event;
            }
        }
    }

    fn uri(&self, path: &str) -> String {
        format!("rtsp://127.0.0.1:{}{path}", self.port)
    }

    fn kick(&mut self) {
        self.input.write_all(b"kick\n").unwrap();
    }
}

impl Drop for RtspServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn one(mount: Value) -> Value {
    json!({"mounts": {"/a": mount}})
}

fn camera(uri: &str, passes_through: bool) -> RunningJob {
    let spec = CameraSpec { uri: uri.to_owned(), passes_through, network_cache: 200 };
    RunningJob::begin(JobSpec::Camera(spec))
}

fn ready(job: &RunningJob) -> Vec<OutputVideo> {
    let ready = job.said.iter().filter_map(|said| match said {
        FromJob::Ready { audio, video } => {
            assert!(audio, "it has been announced with sound");
            video.clone()
        }
        _ => None,
    });
    ready.collect()
}

fn interruptions(job: &RunningJob) -> Vec<String> {
    let interrupted = job.said.iter().filter_map(|said| match said {
        FromJob::Interrupted { why } => Some(why.clone()),
        _ => None,
    });
    interrupted.collect()
}

fn count(job: &RunningJob, kind: MediaKind) -> usize {
    job.sent.iter().filter(|sent| sent.kind == kind && (sent.marker || kind == MediaKind::Audio)).count()
}

fn pictures(job: &mut RunningJob, more: usize) {
    let wanted = count(job, MediaKind::Video) + more;
    job.listen_until(|job| count(job, MediaKind::Video) >= wanted);
}

/// Decoded, all pictures but those of the beginning have that colour.
fn assert_coloured(job: &RunningJob, expected: [u8; 3], what: &str) {
    let film = job.film();
    assert!(film.pictures.len() >= 10, "{what}: {} pictures", film.pictures.len());
    assert!(film.pictures.iter().skip(2).all(|color| is_near(*color, expected, 30)), "{what}: {:?}", film.pictures);
}

fn is_key(sent: &&Sent) -> bool {
    sent.codec.is_some_and(|codec| payload::starts_key_frame(muxed(codec), &sent.payload))
}

#[test]
fn pictures_that_browsers_take_are_passed_on_and_sound_becomes_opus() {
    for (video, audio, transport, profile) in
        [("baseline", "pcma", "udp", "42e0"), ("main", "aac", "tcp", "4d00"), ("baseline", "opus", "tcp", "42e0")]
    {
        let mount = json!({"video": video, "audio": audio, "transport": transport, "pattern": "green"});
        let server = RtspServer::start(one(mount));
        let mut job = camera(&server.uri("/a"), true);
        pictures(&mut job, 20);
        job.listen_until(|job| count(job, MediaKind::Audio) > 50);
        let told = ready(&job);
        assert_eq!((told.len(), told[0].codec), (1, VideoCodec::H264), "{video}");
        assert!(told[0].parameters.contains(&format!("profile-level-id={profile}")), "{told:?}");
        assert_coloured(&job, GREEN, video);
        let film = job.film();
        let loudest = film.sound.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(loudest > Some(3000), "{audio}: {loudest:?}");
        // The camera's own key frames.
        let keys = job.sent.iter().filter(is_key).count();
        assert!(keys >= 1 && job.end().success());
    }
}

#[test]
fn other_pictures_are_encoded() {
    for video in ["high", "mjpeg", "vp8", "h265"] {
        let server = RtspServer::start(one(json!({"video": video, "pattern": "green"})));
        let mut job = camera(&server.uri("/a"), true);
        pictures(&mut job, 20);
        let told = ready(&job);
        assert_eq!((told.len(), told[0].codec), (1, VideoCodec::Vp8), "{video}");
        assert_coloured(&job, GREEN, video);
        assert_eq!(count(&job, MediaKind::Audio), 0, "it has no sound");
    }
}

#[test]
fn what_is_not_to_be_passed_on_is_encoded_and_has_key_frames_on_demand() {
    let server = RtspServer::start(one(json!({"interval": 1000, "size": [1920, 1080]})));
    let mut job = camera(&server.uri("/a"), false);
    pictures(&mut job, 15);
    assert_eq!(ready(&job)[0].codec, VideoCodec::Vp8);
    let before = job.sent.iter().filter(is_key).count();
    job.tell(&ToJob::KeyFrame);
    job.listen_until(|job| job.sent.iter().filter(is_key).count() > before);
    // The picture is made smaller, as much as it has to be.
    let size = job.film().size();
    assert_eq!(size, (1280, 720));
}

#[test]
fn the_codec_that_was_settled_is_kept() {
    let server = RtspServer::start(one(json!({"pattern": "green"})));
    let mut job = camera(&server.uri("/a"), true);
    job.tell(&ToJob::Settle { video: VideoCodec::Vp8 });
    pictures(&mut job, 15);
    assert!(ready(&job).iter().all(|video| video.codec == VideoCodec::Vp8), "{:?}", job.said);
    // Too late for what it does by now: it is changed.
    job.tell(&ToJob::Settle { video: VideoCodec::H264 });
    job.listen_until(|job| ready(job).last().is_some_and(|video| video.codec == VideoCodec::H264));
    job.sent.clear();
    pictures(&mut job, 15);
    assert!(job.sent.iter().rev().take(10).all(|sent| sent.codec != Some(VideoCodec::Vp8)));
}

#[test]
fn pictures_that_are_shown_in_another_order_are_encoded() {
    let server = RtspServer::start(one(json!({"video": "bframes", "pattern": "green"})));
    let mut job = camera(&server.uri("/a"), true);
    job.listen_until(|job| ready(job).len() >= 2);
    job.sent.clear();
    pictures(&mut job, 15);
    // What was announced stays.
    assert!(ready(&job).iter().all(|video| video.codec == VideoCodec::H264));
    assert_coloured(&job, GREEN, "encoded");
}

#[test]
fn users_have_passwords_and_nobody_hears_them() {
    for auth in ["basic", "digest"] {
        let server = RtspServer::start(json!({"auth": auth, "mounts": {"/a": {}}}));
        let uri = server.uri("/a?token=hush").replace("rtsp://", "rtsp://eve:p%40ss%3aword@");
        let mut job = camera(&uri, true);
        pictures(&mut job, 3);
        for user in ["", "eve:wr0ng@"] {
            let uri = server.uri("/a?token=hush").replace("rtsp://", &format!("rtsp://{user}"));
            let mut job = camera(&uri, true);
            job.listen_until(|job| !interruptions(job).is_empty());
            let why = interruptions(&job).remove(0);
            assert!(!why.contains("wr0ng") && !why.contains("hush"), "{why}");
            assert!(why.contains("Unauthorized") || why.contains("401"), "{why}");
        }
    }
}

#[test]
fn a_camera_that_goes_away_is_tried_again() {
    let mut server = RtspServer::start(one(json!({"audio": "pcmu"})));
    let mut job = camera(&server.uri("/a"), true);
    pictures(&mut job, 10);
    server.kick();
    job.listen_until(|job| !interruptions(job).is_empty());
    job.sent.clear();
    pictures(&mut job, 10);
    // It is announced again, as what it was.
    let told = ready(&job);
    assert!(told.len() == 2 && told[0] == told[1], "{told:?}");
    // Another camera stands there, and sends something else.
    let port = server.port;
    drop(server);
    job.listen_until(|job| interruptions(job).len() >= 2);
    let _server = RtspServer::start(json!({"port": port, "mounts": {"/a": {"video": "mjpeg", "pattern": "green"}}}));
    job.sent.clear();
    pictures(&mut job, 15);
    assert_eq!(ready(&job).last().unwrap().codec, VideoCodec::H264);
    assert_coloured(&job, GREEN, "after");
}

#[test]
fn cameras_that_are_dead_or_lie_are_tried_again_and_block_nothing() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let liar = serve(|mut stream| {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 99999999999999999999\r\n\r\n\0\xff");
    });
    let cases = [
        format!("rtsp://{nobody}/a"),
        format!("rtsp://{}/a", silent.local_addr().unwrap()),
        format!("rtsp://127.0.0.1:{liar}/a"),
        format!("http://127.0.0.1:{liar}/a"),
        "rtsp://no-such-host.invalid/a".to_owned(),
    ];
    let jobs: Vec<_> = cases.iter().map(|uri| camera(uri, true)).collect();
    for (mut job, uri) in jobs.into_iter().zip(&cases) {
        job.listen_until(|job| !interruptions(job).is_empty());
        assert!(job.sent.is_empty() && ready(&job).is_empty(), "{uri}: {:?}", job.said);
        assert!(job.end().success(), "{uri}");
    }
}

#[test]
fn pictures_over_http_are_played_as_they_come() {
    let frames = jpegs();
    let port = serve(move |mut stream| {
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).unwrap_or_default();
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        // eve:secret
        if !request.contains("Basic ZXZlOnNlY3JldA==") {
            let _ = stream.write_all(
                b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"c\"\r\nContent-Length: 0\r\n\r\n",
            );
            return;
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=frame\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        for frame in frames.iter().cycle() {
            let part = format!("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", frame.len());
            let sent = [part.as_bytes(), frame, b"\r\n"].into_iter().try_for_each(|bytes| stream.write_all(bytes));
            if sent.is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(66));
        }
    });
    let mut job = camera(&format!("http://eve:secret@127.0.0.1:{port}/video.mjpg"), true);
    pictures(&mut job, 20);
    assert_eq!(ready(&job)[0].codec, VideoCodec::Vp8);
    assert_coloured(&job, [0, 0, 254], "http");
    let mut job = camera(&format!("http://127.0.0.1:{port}/video.mjpg"), true);
    job.listen_until(|job| !interruptions(job).is_empty());
    assert!(interruptions(&job)[0].to_lowercase().contains("unauthori"), "{:?}", job.said);
}

#[test]
fn a_file_plays_once_at_its_own_speed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a film.mp4");
    let inputs =
        ["-f", "lavfi", "-i", "color=c=0x00A000:size=320x240:rate=15", "-f", "lavfi", "-i", "sine=frequency=440"];
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(inputs)
        .args(["-t", "3", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    let uri = format!("file://{}", file.display()).replace(' ', "%20");
    let mut job = camera(&uri, false);
    // On a busy machine some pictures are left out.
    pictures(&mut job, 10);
    job.listen_until(|job| count(job, MediaKind::Audio) > 140);
    let film = job.film();
    assert!(film.pictures.iter().all(|color| is_near(*color, [0, 160, 0], 12)), "{:?}", film.pictures);
    assert!(film.tone(440.0, 0.5, 2.5) > 0.05);
    let times = |kind| job.sent.iter().filter(move |sent| sent.kind == kind).map(|sent| sent.captured_us);
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let lasted = times(kind).max().unwrap() - times(kind).min().unwrap();
        assert!((1_500_000..3_500_000).contains(&lasted), "{kind:?}: {lasted} us");
    }
    // Signs of life, and nothing else.
    let alive = job.said.len() + 3;
    job.listen_until(|job| job.said.len() >= alive);
    assert!(interruptions(&job).is_empty() && ready(&job).len() == 1, "{:?}", job.said);
}

#[test]
fn a_file_that_is_not_there_is_not_tried_again() {
    let mut job = camera("file:///no/such/file.mp4", true);
    job.listen_until(|job| job.has_said(|said| matches!(said, FromJob::Failed { .. })));
    assert!(job.wait().success());
}

/// Answers each connection in a thread of its own; the port.
fn serve(answer: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || answer(stream));
        }
    });
    port
}

/// Blue ones.
fn jpegs() -> Vec<Vec<u8>> {
    let arguments = "-v error -nostdin -f lavfi -i color=c=blue:size=320x240:rate=15 -frames:v 3 -f mjpeg -";
    let output = Command::new("ffmpeg").args(arguments.split(' ')).output().expect("ffmpeg is installed");
    assert!(output.status.success());
    let starts: Vec<_> = output.stdout.windows(3).enumerate().filter(|(_, it)| *it == [0xff, 0xd8, 0xff]).collect();
    let mut ends = starts.iter().skip(1).map(|(at, _)| *at).chain([output.stdout.len()]);
    starts.iter().map(|(at, _)| output.stdout[*at..ends.next().unwrap()].to_vec()).collect()
}
