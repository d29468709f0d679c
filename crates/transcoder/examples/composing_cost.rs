//! What composing costs: so many streams of 640x480 at 25 pictures a second, VP8 and Opus, composed to 1280x720 at 25.
//!
//!     cargo run --release -p transcoder --example composing_cost -- 4 20 [captions]
//!
//! Four streams of 20 s, with or without names and crossed-out microphones. Prints seconds of processor time and of
//! wall-clock time per second of media.

use std::fs::File;
use std::time::Instant;

use muxing::{Codec, StreamFile};
use protocol::transcoder::{ComposedStream, Composition, Entry, Layout, Picture, VERSION};
use testbed::publisher::{Stream, feed, merged, start};
use transcoder::compose::{Composer, StepOutcome};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |usual| arguments.next().map_or(usual, |argument| argument.parse::<u32>().expect("a number"));
    let (streams, seconds) = (number(4), number(20));
    let has_captions = arguments.next().as_deref() == Some("captions");
    gst::init().expect("GStreamer is installed");
    let folder = tempfile::tempdir().expect("a folder");
    let begin = start().as_millis() as u64;
    let picture = Picture { width: 1280, height: 720, frame_rate: 25, layout: Layout::BestFit, has_captions };
    let composition = Composition {
        version: VERSION,
        start: begin,
        output: "out.mp4".to_owned(),
        thumbnail: None,
        has_audio: true,
        picture: Some(picture),
    };
    record(folder.path(), seconds);
    let mut composer = Composer::open(folder.path(), composition).expect("it can be composed");
    for n in 0..streams {
        let file = format!("stream-{n}");
        std::fs::copy(folder.path().join("stream"), folder.path().join(&file)).expect("there is room");
        composer.push(Entry::Add(ComposedStream {
            file,
            at: begin,
            name: Some(format!("참가자 {n}")),
            is_screen: false,
            has_audio: true,
            has_video: true,
            audio_active: n % 2 == 0,
            video_active: true,
        }));
    }
    composer.push(Entry::End { at: begin + u64::from(seconds) * 1000 });
    let (began, used) = (Instant::now(), processor_time());
    while composer.step().expect("it goes on") != StepOutcome::Over {}
    let (measured, _) = composer.finish().expect("it ends");
    let per_second = |value: f64| value / measured.duration;
    println!(
        "{streams} streams: {:.2} s of processor time and {:.2} s of time per second; {:.0} kbit/s",
        per_second(processor_time() - used),
        per_second(began.elapsed().as_secs_f64()),
        per_second(measured.size as f64 * 8.0 / 1000.0),
    );
}

/// A camera's moving picture, with noise, and a tone.
fn record(folder: &std::path::Path, seconds: u32) {
    let source = "testsrc2=size=640x480:rate=25,noise=alls=6:allf=t";
    let stream = |codec| Stream { reports: false, ..Stream::new(codec, 1) };
    let pictures = stream(Codec::Vp8).packets(&testbed::encoder::encode_from(Codec::Vp8, source, seconds), start(), 0);
    let tone = testbed::encoder::encode_from(Codec::Opus, "sine=frequency=440:sample_rate=48000", seconds);
    let sound = stream(Codec::Opus).packets(&tone, start(), 0);
    let mut file = StreamFile::new(File::create(folder.join("stream")).expect("a file"), true, true);
    let (now, _) = feed(&mut file, merged([pictures, sound])).expect("it is written");
    file.finish(now).expect("it is written");
}

/// Of all threads so far, in seconds.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // In hundredths, on every Linux there is today.
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}
