//! Measures calls of several shapes with the real program and `madang load-test`, and fits the constants of the crate `capacity`.
//!
//!     cargo build --release && cargo run --release -p madang --example capacity_shapes [rounds seconds] [--write]
//!
//! Shapes take turns, and each run has a server of its own. Of a shape's rounds the faster half counts (its mean): what else the
//! machine does only ever adds. With `--write` what was measured is kept in `crates/capacity/tests/measured.json`, against which the
//! constants are tested; the constants themselves are to be put into `crates/capacity/src/costs.rs` by hand.

mod least_squares;
mod program;

use std::path::Path;
use std::process::Command;

use capacity::costs::FITTED;
use capacity::{Call, Recording, Traffic, Video};
use least_squares::{Observation, fit, predict};
use program::{Madang, Rounds};
use serde_json::{Value, json};

/// Of the load test's sound.
const SOUND: u64 = 32_000;

#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    rooms: u32,
    publishers: u32,
    subscribers: u32,
    /// kbit/s; 0: only sound.
    video: u32,
}

const SHAPES: [Shape; 9] = [
    Shape { name: "1 x 10", rooms: 1, publishers: 1, subscribers: 10, video: 1500 },
    Shape { name: "1 x 50", rooms: 1, publishers: 1, subscribers: 50, video: 1500 },
    Shape { name: "1 x 50, 4 Mbit/s", rooms: 1, publishers: 1, subscribers: 50, video: 4000 },
    Shape { name: "1 x 50, 300 kbit/s", rooms: 1, publishers: 1, subscribers: 50, video: 300 },
    Shape { name: "1 x 200", rooms: 1, publishers: 1, subscribers: 200, video: 1500 },
    Shape { name: "6 rooms of 3 x 3", rooms: 6, publishers: 3, subscribers: 0, video: 1500 },
    Shape { name: "1 room of 7 x 7", rooms: 1, publishers: 7, subscribers: 0, video: 1500 },
    Shape { name: "2 rooms of 7 x 7", rooms: 2, publishers: 7, subscribers: 0, video: 1500 },
    Shape { name: "16 x 16, sound", rooms: 1, publishers: 16, subscribers: 0, video: 0 },
];
const WORKERS: [u32; 2] = [1, 2];

impl Shape {
    fn call(self) -> Call {
        let video = (self.video > 0).then_some(Video {
            bits_per_second: u64::from(self.video) * 1000,
            frame_rate: 30,
            simulcast: false,
        });
        Call {
            participants: self.publishers + self.subscribers,
            publishers: self.publishers,
            video,
            audio_bits_per_second: SOUND,
            relayed: 0.0,
            recording: Recording::None,
        }
    }

    fn arguments(self, seconds: u32) -> Vec<String> {
        let pairs = [
            ("--rooms", self.rooms),
            ("--publishers", self.publishers),
            ("--subscribers", self.subscribers),
            ("--duration", seconds),
            ("--join-rate", 50),
            ("--video-bitrate", self.video.max(1)),
        ];
        let mut arguments: Vec<_> =
            pairs.iter().flat_map(|(name, value)| [(*name).to_owned(), value.to_string()]).collect();
        if self.video == 0 {
            arguments.push("--no-video".to_owned());
        }
        arguments
    }
}

/// A shape with so many workers.
struct Measured {
    shape: Shape,
    workers: u32,
    /// Microseconds of processor time in a second.
    processor: Rounds,
    /// More than without anybody.
    kilobytes: Rounds,
    idle_kilobytes: Rounds,
    /// Of what had to be received, at most: what was not sent in time, or lost.
    missing: f64,
}

impl Measured {
    fn new(shape: Shape, workers: u32) -> Self {
        let (processor, kilobytes, idle_kilobytes) = Default::default();
        Self { shape, workers, processor, kilobytes, idle_kilobytes, missing: 0.0 }
    }

    fn run(&mut self, seconds: u32) {
        let workers = self.workers.to_string();
        let server = Madang::start(|_| vec![("MADANG_WORKERS", workers)]);
        let idle = server.resident_kib() as f64 * 1.024;
        let report = load_test(&server, &self.shape.arguments(seconds));
        let process = &report["server_process"];
        let number = |value: &Value| value.as_f64().expect("a number");
        let expected = Traffic::of(&self.shape.call()).sent_packets * f64::from(self.shape.rooms);
        let received = number(&report["packets"]["received_per_second"]);
        self.missing = self.missing.max(1.0 - received / expected);
        // As if all had been sent: what was not has cost nothing.
        self.processor.push(number(&process["cpu_percent"]) * 1e4 * expected / received);
        self.kilobytes.push(number(&process["memory_kb"]) * 1.024 - idle);
        self.idle_kilobytes.push(idle);
    }

    fn traffic(&self) -> Traffic {
        Traffic::of(&self.shape.call())
    }

    fn processor(&self) -> Observation<5> {
        let Traffic { received_packets, sent_packets, sent_trains, .. } = self.traffic();
        let rooms = f64::from(self.shape.rooms);
        let elsewhere = 1.0 - 1.0 / f64::from(self.workers);
        let busy = f64::from(self.shape.rooms.min(self.workers)) / rooms;
        let features = [busy, received_packets, received_packets * elsewhere, sent_trains, sent_packets];
        let joined = rooms * f64::from(self.shape.call().participants) * FITTED.processor.participant;
        Observation { features: features.map(|feature| rooms * feature), value: self.processor.faster_half() - joined }
    }

    fn memory(&self) -> Observation<4> {
        let (call, rooms) = (self.shape.call(), f64::from(self.shape.rooms));
        let (publishers, legs, packets) = (f64::from(call.publishers), call.legs() as f64, self.traffic().sent_packets);
        let features = [f64::from(self.workers) / rooms, publishers, legs, packets].map(|feature| rooms * feature);
        let joined = rooms * f64::from(call.participants) * FITTED.memory.participant;
        Observation { features, value: self.kilobytes.median() - joined }
    }

    fn to_json(&self) -> Value {
        let Shape { name, rooms, publishers, subscribers, video } = self.shape;
        json!({
            "shape": name, "workers": self.workers, "rooms": rooms, "publishers": publishers, "subscribers": subscribers,
            "video_kbps": video, "audio_bits_per_second": SOUND,
            "processor_us_per_second": self.processor.all(), "idle_kb": self.idle_kilobytes.all(), "more_kb": self.kilobytes.all(),
        })
    }
}

fn main() {
    let (flags, numbers): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|text| text.starts_with("--"));
    let mut numbers = numbers.iter().map(|text| text.parse::<u32>().expect("a number"));
    let (rounds, seconds) = (numbers.next().unwrap_or(3), numbers.next().unwrap_or(8));
    let mut all: Vec<_> =
        WORKERS.iter().flat_map(|workers| SHAPES.map(|shape| Measured::new(shape, *workers))).collect();
    for round in 1..=rounds {
        for measured in &mut all {
            measured.run(seconds);
        }
        eprintln!("round {round} of {rounds}");
    }
    if flags.iter().any(|flag| flag == "--write") {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../capacity/tests/measured.json");
        let values: Vec<_> = all.iter().map(Measured::to_json).collect();
        let text = serde_json::to_string_pretty(&values).expect("JSON");
        std::fs::write(&file, format!("{text}\n")).expect("a file");
    }
    report(&all);
}

fn report(all: &[Measured]) {
    let processor: Vec<_> = all.iter().map(Measured::processor).collect();
    let memory: Vec<_> = all.iter().map(Measured::memory).collect();
    let (costs, kilobytes) = (fit(&processor), fit(&memory));
    println!(
        "shape                 workers   µs per packet sent: median (least to most)  model    more kB: median     model  missing"
    );
    for ((measured, processor), memory) in all.iter().zip(&processor).zip(&memory) {
        let Measured { shape, workers, .. } = measured;
        let sent = measured.traffic().sent_packets * f64::from(shape.rooms);
        let off = |ratio: f64| format!("{:+.0} %", (ratio - 1.0) * 100.0);
        println!(
            "{:<22}{workers:>7}{:>44}{:>8}{:>19.0}{:>10}{:>7.2} %",
            shape.name,
            measured.processor.times(1.0 / sent).to_string(),
            off(predict(&costs, processor)),
            measured.kilobytes.median(),
            off(predict(&kilobytes, memory)),
            measured.missing * 100.0
        );
    }
    let [busy, received, handed_over, train, packet] = costs;
    println!(
        "µs: busy_worker {busy:.0}, received_packet {received:.2}, handed_over_packet {handed_over:.2}, sent_train {train:.2}, sent_packet {packet:.2}"
    );
    let idle = |workers| {
        let mut idle = Rounds::default();
        all.iter().filter(|m| m.workers == workers).for_each(|m| idle.push(m.idle_kilobytes.median()));
        idle.median()
    };
    let worker = idle(2) - idle(1);
    let [busy, publisher, leg, packet] = kilobytes;
    println!(
        "kB: program {:.0}, worker {worker:.0}, busy_worker {busy:.0}, publisher {publisher:.0}, leg {leg:.1}, sent_packet {packet:.3}",
        idle(1) - worker
    );
}

/// Its report.
fn load_test(server: &Madang, arguments: &[String]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.json");
    let mut command = Command::new(Madang::binary());
    command.env_clear().env("OPENVIDU_SECRET", "MY_SECRET").arg("load-test").args(arguments);
    command.args(["--url", &format!("http://127.0.0.1:{}", server.port()), "--pid", &server.pid().to_string()]);
    let output = command.arg("--json").arg(&file).output().expect("the program");
    // It fails for a single packet that was lost, which does not matter here: how many were is told.
    let text = std::fs::read_to_string(&file);
    let text = text.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(&text).expect("JSON")
}
