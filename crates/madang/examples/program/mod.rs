//! The real program with a folder of its own on loopback, and REST over one connection.

// Each example uses its own part.
#![allow(dead_code, reason = "shared by several examples")]

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use testbed::program::{RunningProgram, on_loopback};

/// The program, on a port of its own.
pub(crate) struct Madang {
    running: RunningProgram,
    folder: TempDir,
}

impl Madang {
    /// `settings` get the path of its folder.
    pub(crate) fn start(settings: impl FnOnce(&str) -> Vec<(&'static str, String)>) -> Self {
        let binary = Self::binary();
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = on_loopback(&binary, folder.path());
        // It looks for other programs.
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(settings(&folder.path().display().to_string()));
        Self { running: RunningProgram::start(command), folder }
    }

    pub(crate) fn port(&self) -> u16 {
        self.running.address.port()
    }

    /// The one that MADANG says, or else the one beside this example.
    pub(crate) fn binary() -> PathBuf {
        let binary = std::env::var_os("MADANG").map_or_else(
            || std::env::current_exe().expect("a path").ancestors().nth(2).expect("a folder").join("madang"),
            PathBuf::from,
        );
        assert!(binary.is_file(), "{} is not there: cargo build --release", binary.display());
        binary
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// What the passwords of its relay are made from; it has written it down when it started.
    pub(crate) fn relay_secret(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("data/turn.secret")).expect("a secret")
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.running.address).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Client(BufReader::new(stream))
    }

    pub(crate) fn resident_kib(&self) -> usize {
        self.running.resident() / 1024
    }

    /// What its threads have used so far, user and system.
    pub(crate) fn cpu(&self) -> Duration {
        self.running.processor_time()
    }
}

/// One connection, kept open.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    /// Status and body of the answer.
    pub(crate) fn request(&mut self, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
        self.send(method, path, body);
        self.answer()
    }

    /// Without waiting for the answer, which is to be taken before the next one is sent.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str) {
        // OPENVIDUAPP:MY_SECRET
        let request = format!(
            "{method} /openvidu/api{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic T1BFTlZJRFVBUFA6TVlfU0VDUkVU\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).expect("an open connection");
    }

    /// Status and body.
    pub(crate) fn answer(&mut self) -> (u16, Vec<u8>) {
        let status = self.line().split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut length = 0;
        loop {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().expect("a length");
            }
        }
        let mut content = vec![0; length];
        self.0.read_exact(&mut content).expect("the whole body");
        (status, content)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.truncate(line.trim_end().len());
        line
    }
}

/// One figure of several rounds, at least one; shown as its median, the least and the most.
#[derive(Clone, Default)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    pub(crate) fn push(&mut self, figure: f64) {
        let place = self.0.partition_point(|other| *other < figure);
        self.0.insert(place, figure);
    }

    pub(crate) fn least(&self) -> f64 {
        self.0[0]
    }

    pub(crate) fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    /// The mean of those up to the median.
    pub(crate) fn faster_half(&self) -> f64 {
        let half = &self.0[..=(self.0.len() - 1) / 2];
        half.iter().sum::<f64>() / half.len() as f64
    }

    pub(crate) fn times(&self, factor: f64) -> Self {
        Self(self.0.iter().map(|figure| figure * factor).collect())
    }

    /// Sorted.
    pub(crate) fn all(&self) -> &[f64] {
        &self.0
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2} ({:.2} to {:.2})", self.median(), self.least(), self.0[self.0.len() - 1]))
    }
}

/// A percentile of sorted times, in µs.
pub(crate) fn micros(sorted: &[Duration], percentile: usize) -> f64 {
    sorted[(sorted.len() * percentile / 100).min(sorted.len() - 1)].as_secs_f64() * 1e6
}
