//! The program itself: killed, left alone and taken up again.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use muxing::Codec;
use protocol::transcoder::{Entry, Report};

use crate::film::{Film, duration};
use crate::room::{Room, begin, colour, tone};

struct Program {
    child: Child,
    reports: std::io::Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang-transcoder"));
        let mut child = command.arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let reports = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, reports }
    }

    /// The next one that says more than that it works.
    fn report(&mut self) -> Option<Report> {
        let mut reports = self.reports.by_ref().map(|line| serde_json::from_str(&line.unwrap()).unwrap());
        reports.find(|report| *report != Report::Working)
    }

    /// Up to the last one.
    fn last_report(mut self) -> Report {
        let last = std::iter::from_fn(|| self.report()).last().unwrap();
        assert!(self.child.wait().unwrap().success());
        last
    }
}

fn room_of_two(end: u64) -> Room {
    let room = Room::new();
    room.record("ann", 0, (Codec::Vp8, &colour(Codec::Vp8, "red", "320x180", 6)), &tone(440, 6));
    room.record("bob", 0, (Codec::H264, &colour(Codec::H264, "blue", "320x180", 6)), &[]);
    room.write(&[Entry::Compose(room.composition.clone()), room.add("ann", 0), room.add("bob", 0), room.end(end)]);
    room
}

#[test]
fn killed_at_any_moment_it_loses_nothing() {
    let reference = room_of_two(6000);
    assert!(matches!(Program::start(reference.folder.path()).last_report(), Report::Finished { .. }));
    let whole = Film::decode(&reference.path("room.mp4"));

    let room = room_of_two(6000);
    let mut until = 0;
    for _ in 0..3 {
        let mut program = Program::start(room.folder.path());
        assert_eq!(program.report(), Some(Report::Running));
        let Some(Report::Composed { until: composed, .. }) = program.report() else { panic!("it was to compose") };
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        assert!(composed > until, "it goes on where it was");
        until = composed;
        let played = duration(&room.path("room.mp4"));
        let least = (until - begin()) as f64 / 1000.0;
        assert!(played >= least - 0.05, "{played} s of {least} can be played");
    }
    let Report::Finished { measured, .. } = Program::start(room.folder.path()).last_report() else {
        panic!("it was to be finished");
    };
    assert!((measured.duration - 6.0).abs() < 0.001);
    let film = Film::decode(&room.path("room.mp4"));
    assert_eq!((film.pictures.len(), film.sound.len()), (whole.pictures.len(), whole.sound.len()));
    film.expect(&[(2900, (40, 90), crate::film::RED), (2900, (280, 90), crate::film::BLUE)]);
    // A seam would be heard.
    let differs = |n: usize| (0..4800).map(|k| film.sound[n + k].abs_diff(whole.sound[n + k])).max().unwrap();
    let worst = (0..film.sound.len() - 4800).step_by(4800).map(differs).max().unwrap();
    assert!(worst < 400, "{worst}");
}

#[test]
fn when_the_server_is_gone_it_leaves_a_file_that_plays() {
    let room = room_of_two(99_000);
    // The server's last word was that two seconds are in the files.
    let manifest = room.path(protocol::transcoder::MANIFEST);
    let text = std::fs::read_to_string(&manifest).unwrap();
    let lines: Vec<&str> = text.lines().take(3).collect();
    std::fs::write(&manifest, lines.join("\n") + "\n").unwrap();
    let mut program = Program::start(room.folder.path());
    let mut input = program.child.stdin.take().unwrap();
    assert_eq!(program.report(), Some(Report::Running));
    room.write(&[Entry::Until { at: begin() + 2000 }]);
    writeln!(input).unwrap();
    drop(input);
    assert_eq!(program.last_report(), Report::Suspended);
    let played = duration(&room.path("room.mp4"));
    assert!((played - 2.0).abs() < 0.1, "{played} s");
    room.write(&[room.end(4000)]);
    assert!(matches!(Program::start(room.folder.path()).last_report(), Report::Finished { .. }));
    assert_eq!(Film::decode(&room.path("room.mp4")).pictures.len(), 100);
    // Once more: a file that is whole stays as it is.
    let size = std::fs::metadata(room.path("room.mp4")).unwrap().len();
    let Report::Finished { measured, .. } = Program::start(room.folder.path()).last_report() else {
        panic!("it was to be finished");
    };
    assert_eq!(measured.size, size);
}

#[test]
fn a_folder_that_cannot_be_composed_says_why() {
    let mut room = Room::new();
    room.composition.version = 99;
    room.write(&[Entry::Compose(room.composition.clone())]);
    let Report::Failed { why } = Program::start(room.folder.path()).last_report() else { panic!("it was to fail") };
    assert!(why.contains("version"), "{why}");
    let room = Room::new();
    room.write(&[room.end(1)]);
    assert!(matches!(Program::start(room.folder.path()).last_report(), Report::Failed { .. }));
}
