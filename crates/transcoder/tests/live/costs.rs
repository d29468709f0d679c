//! What a job costs, by its kind and the size of the picture: `make bench-jobs`, for `docs/benchmarks.md`.

use std::fs;
use std::time::Instant;

use protocol::job::{BroadcastSpec, FilterSpec, JobSpec};
use protocol::media::VideoCodec;
use protocol::transcoder::{Layout, Picture};

use crate::job::{Publisher, RunningJob};
use crate::rtmp::RtmpServer;

/// How long each is measured, and before that, for what it does only once.
const SECONDS: u32 = 10;
const WARM: u32 = 2;
const SIZES: [(u32, u32); 3] = [(640, 360), (1280, 720), (1920, 1080)];

/// Something moves everywhere, as before a camera that is held.
fn picture((width, height): (u32, u32)) -> String {
    format!("testsrc2=size={width}x{height}:rate=30")
}

fn transcode(from: VideoCodec, to: VideoCodec) -> JobSpec {
    JobSpec::Transcode { from, to, audio: true }
}

fn filter(command: &str) -> JobSpec {
    let options = serde_json::json!({ "command": command });
    let filter = FilterSpec { kind: "GStreamerFilter".to_owned(), options };
    JobSpec::Filter { filter, video: true, audio: true, images: None }
}

#[test]
#[ignore = "takes long; for docs/benchmarks.md: make bench-jobs"]
fn what_jobs_cost() {
    let target = RtmpServer::start();
    println!("| Job, 30 pictures a second | 360p | 720p | 1080p | memory at 720p |");
    println!("|---|---|---|---|---|");
    let kinds = [
        ("VP8 → H264", VideoCodec::Vp8, transcode(VideoCodec::Vp8, VideoCodec::H264)),
        ("H264 → VP8", VideoCodec::H264, transcode(VideoCodec::H264, VideoCodec::Vp8)),
        ("VP9 → VP8", VideoCodec::Vp9, transcode(VideoCodec::Vp9, VideoCodec::Vp8)),
        ("filter `videobalance`", VideoCodec::Vp8, filter("videobalance saturation=0.0")),
        ("filter `audioecho`", VideoCodec::Vp8, filter("audioecho delay=50000000 intensity=0.6 feedback=0.4")),
    ];
    for (name, codec, spec) in kinds {
        row(name, |size| measured(spec.clone(), Publisher::lasting(codec, &picture(size), 440, WARM + SECONDS)));
    }
    row("broadcast of one camera", |(width, height)| {
        let picture_of = Picture { width, height, frame_rate: 30, layout: Layout::BestFit, has_captions: false };
        let url = format!("rtmp://127.0.0.1:{}/live/cost", target.port());
        let spec = BroadcastSpec { url, audio: true, picture: Some(picture_of), patience: 5 };
        measured(
            JobSpec::Broadcast(spec),
            Publisher::lasting(VideoCodec::Vp8, &picture((width, height)), 440, WARM + SECONDS),
        )
    });
}

fn row(name: &str, measure: impl Fn((u32, u32)) -> (f64, u64)) {
    let figures: Vec<(f64, u64)> = SIZES.into_iter().map(measure).collect();
    let cores: Vec<String> = figures.iter().map(|(cores, _)| format!("{cores:.2} cores")).collect();
    println!("| {name} | {} | {} MB |", cores.join(" | "), figures[1].1 / 1024);
}

/// The share of a core that it takes, and its memory in kB.
fn measured(spec: JobSpec, mut publisher: Publisher) -> (f64, u64) {
    let mut job = RunningJob::begin(spec);
    job.add_input(1);
    let (mut before, mut first) = (None, None);
    job.publish(1, &mut publisher, |job, _| {
        let began = *first.get_or_insert_with(Instant::now);
        if before.is_none() && began.elapsed().as_secs() >= u64::from(WARM) {
            before = Some((job.cpu_seconds(), Instant::now()));
        }
        true
    });
    let (cpu, since) = before.expect("it lasts long enough");
    let memory = fs::read_to_string(format!("/proc/{}/status", job.id())).expect("it runs");
    let memory = memory.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().split(' ').next()?.parse().ok());
    ((job.cpu_seconds() - cpu) / since.elapsed().as_secs_f64(), memory.expect("a number"))
}
