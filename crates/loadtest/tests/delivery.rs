//! Tests of a real server, in this process: everything is delivered, and the figures say so.

use std::path::Path;
use std::process::Command;

use clap::Parser;
use loadtest::{Credentials, LoadTestError, Options, Report, Seams, Target};
use testbed::server::TestServer;
use tokio::sync::watch;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

async fn test(target: Target, line: &str) -> Result<Report, LoadTestError> {
    let words = ["test", "--threads", "2"].into_iter().chain(line.split_whitespace());
    let (_stop, stopped) = watch::channel(false);
    loadtest::run(&Line::parse_from(words).options, &target, stopped, |_| {}).await
}

fn target(server: &TestServer) -> Target {
    Target { url: format!("http://{}", server.address()), credentials: secret("MY_SECRET") }
}

fn secret(secret: &str) -> Credentials {
    Credentials::Openvidu { secret: secret.to_owned() }
}

/// Of a test in which nothing may go wrong.
async fn good(line: &str) -> Report {
    good_on(&TestServer::start().await, line).await
}

/// The same of a server that is there.
async fn good_on(server: &TestServer, line: &str) -> Report {
    let report = test(target(server), line).await.unwrap();
    assert_eq!(report.shortcomings(), Vec::<String>::new(), "{report}");
    assert_eq!((report.packets.lost, report.packets.misdirected, report.packets.duplicated), (0, 0, 0), "{report}");
    assert_eq!(report.legs.with_media, report.legs.expected, "{report}");
    // Nothing is left behind.
    assert_eq!(server.get("/sessions").await.json()["numberOfElements"], 0);
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn one_publisher_reaches_three_subscribers() {
    let pid = std::process::id();
    let report = good(&format!("--publishers 1 --subscribers 3 --duration 3 --pid {pid}")).await;
    assert_eq!((report.joins.attempted, report.joins.succeeded, report.legs.expected), (4, 4, 3));
    // 30 pictures and 50 pieces of sound a second; every subscriber got them for the time that was measured, at least.
    assert!(report.packets.received >= 3 * 3 * (30 + 50) / 2, "{report}");
    assert!(report.packets.received <= 3 * report.packets.sent, "{report}");
    assert!(report.delay_ms.count > 0 && report.delay_ms.p50 > 0.0 && report.delay_ms.p50 <= report.delay_ms.max);
    assert_eq!((report.joins.first_packet_ms.count, report.joins.first_picture_ms.count), (3, 3));
    let server = report.server_process.unwrap();
    assert!(server.cpu_percent > 0.0 && server.microseconds_per_packet > 0.0 && server.memory_kb > 0);
    assert!(!report.samples.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_two_rooms_two_people_receive_each_other_and_two_more_receive_both() {
    let report = good("--rooms 2 --publishers 2 --subscribers 2 --duration 2 --video-bitrate 500").await;
    assert_eq!((report.joins.succeeded, report.legs.expected), (8, 2 * (2 + 4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn talk_has_no_pictures() {
    let report = good("--scenario audio --publishers 3 --duration 2").await;
    assert_eq!((report.legs.expected, report.joins.first_picture_ms.count), (6, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_subscribers_all_get_a_picture() {
    let report = good("--scenario storm --subscribers 12 --duration 2").await;
    assert_eq!(report.joins.first_picture_ms.count, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_come_and_go() {
    let report = good("--scenario churn --subscribers 4 --stay 1 --duration 4").await;
    // Each at least twice; and the publisher.
    assert!(report.joins.succeeded > 8, "{report}");
    assert_eq!(report.joins.succeeded, report.joins.attempted);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_test_is_told_what_to_do() {
    let server = TestServer::start().await;
    let with_wrong_secret = Target { credentials: secret("WRONG"), ..target(&server) };
    let refused = test(with_wrong_secret, "").await.unwrap_err();
    assert!(matches!(refused, LoadTestError::WrongSecret { .. }), "{refused}");
    // Port 1 of this machine: nobody listens there.
    let elsewhere = Target { url: "http://127.0.0.1:1".to_owned(), ..target(&server) };
    let unreachable = test(elsewhere, "").await.unwrap_err();
    assert!(matches!(unreachable, LoadTestError::Server(client::ClientError::Unreachable { .. })), "{unreachable}");
    let no_process = test(target(&server), "--pid 4294967295").await.unwrap_err();
    assert!(matches!(no_process, LoadTestError::NoProcess(_)), "{no_process}");
    let nobody = test(target(&server), "--publishers 1").await.unwrap_err();
    assert!(nobody.to_string().contains("--subscribers"), "{nobody}");
    let too_many = test(target(&server), "--rooms 100000 --publishers 1000").await.unwrap_err();
    assert!(matches!(too_many, LoadTestError::Descriptors { .. }), "{too_many}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_pictures_are_sent_again_and_lost_sound_is_told() {
    let server = TestServer::start().await;
    let line = "--publishers 1 --subscribers 4 --duration 6 --loss 3";
    let report = test(target(&server), line).await.unwrap();
    assert!(report.generator.lost_on_purpose > 0, "{report}");
    // That something is missing is the only thing that is wrong, and it is.
    let shortcomings = report.shortcomings();
    assert!(shortcomings.len() == 1 && shortcomings[0].contains("packets were lost"), "{shortcomings:?}");
    // Sound is sent once, and there are two lossy ways: of some 1,200 packets to be received some 72 are lost.
    let sound = report.packets.lost - report.packets.lost_pictures;
    assert!(sound > 10, "{report}");
    // Of 4,300 of pictures 260 would be lost without retransmission. Only what is sent again is also late.
    assert!(report.packets.late > report.packets.lost_pictures, "{report}");
}

/// The kernel decides which worker gets a client's datagrams, and most of the time it is not the one with the room.
#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_in_several_workers_behind_one_port() {
    let server = TestServer::start_with(|config| config.madang_workers = 4).await;
    let report = good_on(&server, "--rooms 6 --publishers 3 --subscribers 1 --duration 3 --video-bitrate 300").await;
    assert_eq!((report.joins.succeeded, report.legs.expected), (24, 6 * (6 + 3)));
}

/// What is published in one of them crosses to the others once.
#[tokio::test(flavor = "multi_thread")]
async fn one_room_is_in_several_workers() {
    let server = TestServer::start_with(|config| {
        config.madang_workers = 4;
        config.madang_session_span = 4;
    })
    .await;
    let report = good_on(&server, "--publishers 1 --subscribers 12 --duration 3 --video-bitrate 300").await;
    assert_eq!((report.joins.succeeded, report.legs.expected), (13, 12));
    let report = good_on(&server, "--publishers 8 --duration 3 --video-bitrate 300").await;
    assert_eq!((report.joins.succeeded, report.legs.expected), (8, 8 * 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_may_be_of_h264() {
    let report = good("--codec h264 --publishers 2 --subscribers 1 --duration 2").await;
    assert_eq!((report.legs.expected, report.joins.first_picture_ms.count), (4, 4), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_only_joined_costs_memory_and_no_packets() {
    let server = TestServer::start().await;
    let line = format!("--scenario idle --subscribers 30 --join-rate 100 --duration 2 --pid {}", std::process::id());
    let report = test(target(&server), &line).await.unwrap();
    assert_eq!(report.shortcomings(), Vec::<String>::new(), "{report}");
    assert_eq!((report.joins.succeeded, report.legs.expected, report.packets.received), (30, 0, 0), "{report}");
    assert!(report.to_string().contains("kB per participant"), "{report}");
}

/// Whatever each subscriber gets, it is one stream; and more than the smallest layer. How soon it is the best one is the machine's
/// and the estimator's.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_in_three_sizes_come_as_one_stream_without_a_seam() {
    for codec in ["vp8", "h264"] {
        let report = good(&format!("--simulcast --codec {codec} --publishers 2 --subscribers 3 --duration 4")).await;
        let layers = report.layers.as_ref().unwrap();
        assert_eq!((report.seams, layers.only_smallest), (Seams::default(), 0), "{report}");
        assert_eq!(layers.legs_at_end.iter().sum::<u64>(), 8, "{report}");
        assert!(layers.best_ms.count > 0 && layers.packets[2] > 0, "{report}");
    }
}

/// Two seconds of what one of ffmpeg's filters makes.
fn encode(source: &str, codec: &[&str], file: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", source, "-t", "2", "-threads", "1"]);
    let status = command.args(codec).arg(file).status().expect("ffmpeg is installed");
    assert!(status.success(), "{source}");
}

#[tokio::test(flavor = "multi_thread")]
async fn real_media_comes_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let [vp8, h264, sound] = ["a.ivf", "a.h264", "a.ogg"].map(|name| folder.path().join(name));
    let picture = "testsrc=size=320x240:rate=30";
    encode(picture, &["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k", "-g", "30"], &vp8);
    let baseline =
        ["-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-g", "30"];
    encode(picture, &baseline, &h264);
    encode("anoisesrc=color=pink:sample_rate=48000", &["-c:a", "libopus", "-ac", "2"], &sound);
    for pictures in [&vp8, &h264] {
        let files = format!("--video-file {} --audio-file {}", pictures.display(), sound.display());
        // Longer than the files: their beginning follows on their end.
        let report = good(&format!("{files} --publishers 2 --subscribers 1 --duration 3")).await;
        assert_eq!((report.legs.expected, report.joins.first_picture_ms.count), (4, 4), "{report}");
        assert_eq!(report.seams, Seams::default(), "{report}");
        assert!(report.delay_ms.count > 0 && report.packets.received >= 4 * 3 * (30 + 50) / 2, "{report}");
    }
    std::fs::write(&vp8, b"RIFF").unwrap();
    let refused =
        test(target(&TestServer::start().await), &format!("--video-file {}", vp8.display())).await.unwrap_err();
    assert!(matches!(refused, LoadTestError::Media { offset: 0, .. }), "{refused}");
    assert!(refused.to_string().contains("a.ivf, byte 0: it must begin as IVF does"), "{refused}");
}
