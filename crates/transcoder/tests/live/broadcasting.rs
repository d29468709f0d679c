//! What is broadcast, as an RTMP server gets it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use protocol::job::{BroadcastSpec, FromJob, JobSpec, ToJob};
use protocol::media::VideoCodec;
use protocol::transcoder::{Layout, Picture};

use crate::authority::Authority;
use crate::job::{Publisher, RunningJob, is_near};
use crate::rtmp::{Line, RtmpServer, free_port};

const GREEN: &str = "color=c=0x00A000:size=320x240:rate=15";
/// Of sound, as it is looked at.
const RATE: usize = 8000;
/// The same of pictures.
const FRAME_RATE: usize = 100;

fn specify(url: String, frame_rate: u32) -> BroadcastSpec {
    let picture = Picture { width: 320, height: 180, frame_rate, layout: Layout::BestFit, has_captions: false };
    BroadcastSpec { url, audio: true, picture: Some(picture), patience: 20 }
}

fn begin(url: String, frame_rate: u32) -> RunningJob {
    RunningJob::begin(JobSpec::Broadcast(specify(url, frame_rate)))
}

fn await_ready(job: &mut RunningJob) {
    job.listen_until(|job| job.has_said(|said| matches!(said, FromJob::Ready { .. } | FromJob::Failed { .. })));
    assert!(job.has_said(|said| matches!(said, FromJob::Ready { .. })), "{:?}", job.said);
}

fn ffmpeg(film: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-i"]).arg(film).args(arguments).arg("-");
    let output = command.output().expect("ffmpeg is installed");
    // Whatever it complains of is a fault of the stream.
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Of each picture the left and the right half.
fn halves(film: &Path) -> Vec<[[u8; 3]; 2]> {
    // Colours of the halves would be one before that.
    let filter = "format=rgb24,scale=2:1:flags=area";
    let pixels = ffmpeg(film, &["-map", "0:v", "-vf", filter, "-f", "rawvideo", "-pix_fmt", "rgb24"]);
    pixels.chunks_exact(6).map(|two| [[two[0], two[1], two[2]], [two[3], two[4], two[5]]]).collect()
}

/// From the beginning of the film, whatever comes first.
fn sound(film: &Path) -> Vec<i16> {
    let rate = RATE.to_string();
    let filter = "aresample=async=1:first_pts=0";
    let bytes = ffmpeg(film, &["-map", "0:a", "-af", filter, "-ac", "1", "-ar", &rate, "-f", "s16le"]);
    bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
}

/// How strongly a frequency is in the half second that has most of it: there is silence before and after what was sent.
fn tone(samples: &[i16], frequency: f64) -> f64 {
    samples.chunks_exact(RATE / 2).map(|part| strength(part, frequency)).fold(0.0, f64::max)
}

/// 1 is a tone of full volume.
fn strength(samples: &[i16], frequency: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = n as f64 / RATE as f64 * frequency * std::f64::consts::TAU;
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    2.0 * f64::hypot(re, im) / samples.len() as f64 / 32_768.0
}

#[test]
fn a_room_is_seen_and_heard_where_it_is_sent() {
    let server = RtmpServer::start();
    // Without the key of a stream, as in OpenVidu's own tests.
    let mut job = begin(format!("rtmp://127.0.0.1:{}/live", server.port()), 25);
    job.add_input(3);
    // Of whom nothing comes.
    job.add_input(4);
    await_ready(&mut job);
    job.publish(3, &mut Publisher::lasting(VideoCodec::Vp8, GREEN, 440, 4), |_, _| true);
    assert!(job.end().success());
    let films = server.whole_films();
    assert_eq!(films.len(), 1);
    let pictures = halves(&films[0]);
    let [left, right] = pictures[pictures.len() / 2];
    assert!(is_near(left, [0, 160, 0], 12) && is_near(right, [0, 0, 0], 12), "{left:?} {right:?}");
    let sound = sound(&films[0]);
    let last = &sound[sound.len() - 3 * RATE..];
    let (heard, other) = (tone(last, 440.0), tone(last, 620.0));
    assert!(heard > 0.05 && other < heard / 20.0, "{heard} {other}");
}

#[test]
fn other_codecs_and_sound_alone_are_sent_too() {
    let server = RtmpServer::start();
    for (n, codec) in [VideoCodec::H264, VideoCodec::Vp9, VideoCodec::Av1].into_iter().enumerate() {
        let mut job = begin(format!("rtmp://127.0.0.1:{}/live/a{n}", server.port()), 25);
        job.add_input(1);
        await_ready(&mut job);
        job.publish(1, &mut Publisher::new(codec, GREEN, 440), |_, _| true);
        assert!(job.end().success());
        let pictures = halves(&server.whole_films()[n]);
        assert!(is_near(pictures[pictures.len() * 3 / 4][0], [0, 160, 0], 12), "{codec:?}: {pictures:?}");
    }
    let spec = BroadcastSpec { picture: None, ..specify(format!("rtmp://127.0.0.1:{}/live/s", server.port()), 25) };
    let mut job = RunningJob::begin(JobSpec::Broadcast(spec));
    job.add_input(1);
    await_ready(&mut job);
    job.publish(1, &mut Publisher::new(VideoCodec::Vp8, GREEN, 440), |_, _| true);
    assert!(job.end().success());
    let films = server.whole_films();
    let mut probe = Command::new("ffprobe");
    probe.args(["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0"]).arg(&films[3]);
    assert_eq!(String::from_utf8_lossy(&probe.output().unwrap().stdout).trim(), "aac");
    let sound = sound(&films[3]);
    assert!(tone(&sound, 440.0) > 0.05);
}

/// `MADANG_BROADCAST_SECONDS=3600` for an hour of it.
#[test]
fn a_flash_and_its_bang_stay_together() {
    let seconds = std::env::var("MADANG_BROADCAST_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(12u32);
    // A fifth of each second.
    let flash = "color=c=black:size=160x120:rate=25,drawbox=color=white:t=fill:enable='lt(mod(t,1),0.2)'";
    let bang = "aevalsrc='0.5*sin(1000*2*PI*t)*lt(mod(t,1),0.2)':s=48000";
    let server = RtmpServer::start();
    let mut job = begin(format!("rtmp://127.0.0.1:{}/live/flash", server.port()), 25);
    job.add_input(1);
    await_ready(&mut job);
    job.publish(1, &mut Publisher::of(VideoCodec::Vp8, flash, bang, seconds), |_, _| true);
    assert!(job.end().success());

    let film = &server.whole_films()[0];
    let rate = format!("fps={FRAME_RATE}:start_time=0,scale=1:1:flags=area");
    let pictures = ffmpeg(film, &["-map", "0:v", "-vf", &rate, "-f", "rawvideo", "-pix_fmt", "gray"]);
    let is_bright: Vec<bool> = pictures.iter().map(|level| *level > 128).collect();
    let is_loud: Vec<bool> = sound(film).chunks(RATE / 500).map(|piece| piece.iter().any(|s| s.abs() > 4000)).collect();
    let flashes = beginnings(&is_bright, FRAME_RATE);
    let bangs = beginnings(&is_loud, 500);
    // In an hour a busy machine leaves some pictures out; that is no drift.
    let left_out = seconds as usize / 100;
    assert!(flashes.len() + 2 + left_out >= seconds as usize, "{} flashes: {flashes:?}", flashes.len());
    // Bangs are later by this, ms.
    let apart: Vec<f64> = flashes
        .iter()
        .filter_map(|flash| bangs.iter().map(|bang| bang - flash).find(|apart| apart.abs() < 0.4))
        .map(|apart| apart * 1000.0)
        .collect();
    assert!(apart.len() + 1 + left_out >= flashes.len(), "{flashes:?} {bangs:?}");
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    assert!(mean(&apart).abs() <= 40.0, "{apart:?}");
    let third = (apart.len() / 3).max(1);
    let (first, last) = (mean(&apart[..third]), mean(&apart[apart.len() - third..]));
    // A picture lasts 40 ms: a part may be off by that much, and more would be a drift.
    assert!(first.abs() <= 60.0 && last.abs() <= 60.0 && (first - last).abs() <= 40.0, "{first} {last}: {apart:?}");
    // Nor does the film get longer or shorter than what was sent.
    let length = flashes.last().unwrap() - flashes.first().unwrap();
    assert!((length - length.round()).abs() < 0.1, "{length} s");
    println!("bangs come {:.0} ms after flashes: at first {first:.0}, at last {last:.0}", mean(&apart));
}

/// When something begins, in seconds, that was not for a while.
fn beginnings(is: &[bool], rate: usize) -> Vec<f64> {
    let quiet = rate / 5;
    let begins = |n: &usize| is[*n] && *n >= quiet && is[n - quiet..*n].iter().all(|before| !before);
    (0..is.len()).filter(begins).map(|n| n as f64 / rate as f64).collect()
}

#[test]
fn a_target_that_comes_back_is_sent_to_again() {
    let mut server = RtmpServer::start();
    let mut job = begin(format!("rtmp://127.0.0.1:{}/live/k", server.port()), 15);
    job.add_input(1);
    await_ready(&mut job);
    server.kill();
    job.listen_until(|job| job.has_said(|said| matches!(said, FromJob::Interrupted { .. })));
    server.restart();
    let begun = Instant::now();
    while server.films().len() < 2 {
        job.publish(1, &mut Publisher::new(VideoCodec::Vp8, GREEN, 440), |_, _| true);
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", job.said);
    }
    job.publish(1, &mut Publisher::new(VideoCodec::Vp8, GREEN, 440), |_, _| true);
    assert!(job.end().success());
    let pictures = halves(&server.whole_films()[1]);
    assert!(is_near(pictures[pictures.len() - 20][0], [0, 160, 0], 12), "{pictures:?}");
}

#[test]
fn a_target_that_stays_away_is_given_up() {
    let mut server = RtmpServer::start();
    let spec = BroadcastSpec { patience: 1, ..specify(format!("rtmp://127.0.0.1:{}/live/k", server.port()), 15) };
    let mut job = RunningJob::begin(JobSpec::Broadcast(spec));
    await_ready(&mut job);
    server.kill();
    job.listen_until(|job| job.has_said(|said| matches!(said, FromJob::Failed { .. })));
    assert!(job.has_said(|said| matches!(said, FromJob::Interrupted { .. })), "{:?}", job.said);
}

#[test]
fn what_a_target_is_too_slow_for_is_left_out_and_counted() {
    let server = RtmpServer::start();
    let line = Line::to(server.port());
    // The kernel keeps 1.5 MB of it.
    let picture = Picture { width: 1280, height: 720, ..specify(String::new(), 25).picture.unwrap() };
    let spec =
        BroadcastSpec { picture: Some(picture), ..specify(format!("rtmp://127.0.0.1:{}/live/slow", line.port()), 25) };
    let mut job = RunningJob::begin(JobSpec::Broadcast(spec));
    job.add_input(1);
    await_ready(&mut job);
    // Nothing of it can be foreseen: it takes as much as it may.
    let noise = "nullsrc=size=320x240:rate=15,geq=random(1)*255:128:128";
    let mut publisher = Publisher::lasting(VideoCodec::Vp8, noise, 440, 16);
    let dropped = |job: &RunningJob| {
        let counts = job.said.iter().filter_map(|said| match said {
            FromJob::Working { dropped } => Some(*dropped),
            _ => None,
        });
        counts.max().unwrap_or_default()
    };
    let before = dropped(&job);
    line.hold(true);
    job.publish(1, &mut publisher, |job, _| {
        if dropped(job) > before + 20 {
            line.hold(false);
        }
        true
    });
    line.hold(false);
    let left_out = dropped(&job) - before;
    assert!(left_out > 20, "{left_out} were left out");
    job.tell(&ToJob::RemoveInput { number: 1 });
    job.add_input(2);
    job.publish(2, &mut Publisher::lasting(VideoCodec::Vp8, GREEN, 440, 6), |_, _| true);
    assert!(
        !job.has_said(|said| matches!(said, FromJob::Failed { .. } | FromJob::Interrupted { .. })),
        "{:?}",
        job.said
    );
    assert!(job.end().success());
    // It is whole all the same.
    let films = server.whole_films();
    let pictures = halves(&films[0]);
    assert_eq!(films.len(), 1);
    assert!(is_near(pictures[pictures.len() - 10][0], [0, 160, 0], 12), "{:?}", pictures.last());
}

#[test]
fn a_target_that_is_not_there_is_told_in_the_words_of_ffmpeg() {
    for (url, word) in [
        (format!("rtmp://127.0.0.1:{}/live", free_port()), "Connection refused"),
        (format!("rtmps://127.0.0.1:{}/live/key", free_port()), "Connection refused"),
        ("rtmp://not.exists".to_owned(), "Input/output error"),
        ("schemefail://127.0.0.1/live".to_owned(), "Protocol not found"),
        (format!("srt://127.0.0.1:{}", free_port()), "Input/output error"),
    ] {
        let mut job = begin(url.clone(), 25);
        job.listen_until(|job| job.has_said(|said| matches!(said, FromJob::Failed { .. } | FromJob::Ready { .. })));
        let is_told = |said: &FromJob| matches!(said, FromJob::Failed { why } if why.starts_with(word));
        assert!(job.has_said(is_told), "{url}: {:?}", job.said);
        // The process has nothing more to do.
        assert!(job.wait().success());
    }
}

#[test]
fn rtmps_is_sent_to_whom_the_machine_trusts() {
    let authority = Authority::new();
    let server = RtmpServer::start_secured(&authority.sign("127.0.0.1"));
    let url = format!("rtmps://127.0.0.1:{}/live/key", server.secure_port());
    let refused = |mut job: RunningJob| {
        job.listen_until(|job| job.has_said(|said| matches!(said, FromJob::Failed { .. } | FromJob::Ready { .. })));
        let is_told = |said: &FromJob| matches!(said, FromJob::Failed { why } if why.contains("TLS certificate"));
        assert!(job.has_said(is_told), "{:?}", job.said);
    };
    // Nobody vouches for it.
    refused(begin(url.clone(), 25));

    let Some(trusting) = authority.trusting() else {
        return eprintln!("not tested: no files of our own over the machine's (unshare and mount are needed)");
    };
    let mut job = RunningJob::begin_by(trusting, JobSpec::Broadcast(specify(url, 25)));
    job.add_input(1);
    await_ready(&mut job);
    job.publish(1, &mut Publisher::lasting(VideoCodec::Vp8, GREEN, 440, 4), |_, _| true);
    assert!(job.end().success());
    let films = server.whole_films();
    assert_eq!(films.len(), 1, "who was refused has sent nothing");
    let pictures = halves(&films[0]);
    let middle = pictures[pictures.len() / 2][0];
    assert!(is_near(middle, [0, 160, 0], 12), "{middle:?}");
    assert!(tone(&sound(&films[0]), 440.0) > 0.05);

    // It is trusted, and somebody else's.
    let server = RtmpServer::start_secured(&authority.sign("live.example.com"));
    let spec = specify(format!("rtmps://127.0.0.1:{}/live/key", server.secure_port()), 25);
    refused(RunningJob::begin_by(authority.trusting().unwrap(), JobSpec::Broadcast(spec)));
}

#[test]
fn srt_is_sent_too() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.ts");
    let port = free_port();
    let mut receiver = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i", &format!("srt://127.0.0.1:{port}?mode=listener"), "-c", "copy"])
        .arg(&film)
        .spawn()
        .unwrap();
    // In the kernel's table, as ports are written there.
    let entry = format!(":{port:04X} ");
    while !std::fs::read_to_string("/proc/net/udp").unwrap().contains(&entry) {
        assert!(receiver.try_wait().unwrap().is_none(), "it ends before it listens");
    }
    let mut job = begin(format!("srt://127.0.0.1:{port}?latency=200"), 25);
    job.add_input(1);
    await_ready(&mut job);
    job.publish(1, &mut Publisher::lasting(VideoCodec::Vp8, GREEN, 440, 4), |_, _| true);
    assert!(job.end().success());
    receiver.wait().unwrap();
    let pixels = Command::new("ffmpeg")
        .args(["-v", "quiet", "-nostdin", "-i"])
        .arg(&film)
        .args(["-map", "0:v", "-vf", "scale=1:1:flags=area", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .unwrap()
        .stdout;
    let pictures: Vec<&[u8]> = pixels.chunks_exact(3).collect();
    let middle = pictures[pictures.len() * 2 / 3];
    assert!(is_near([middle[0], middle[1], middle[2]], [0, 160, 0], 12), "{middle:?}");
}
