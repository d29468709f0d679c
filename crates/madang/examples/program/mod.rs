//! The real program with a folder of its own on loopback, and REST over one connection.

// Each example uses its own part.
#![allow(dead_code, reason = "shared by several examples")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use testbed::program::{RunningProgram, on_loopback};

/// The program, on a port of its own.
pub(crate) struct Madang {
    running: RunningProgram,
    _folder: TempDir,
}

impl Madang {
    /// The one that MADANG says, or else the one beside this example. `settings` get the path of its folder.
    pub(crate) fn start(settings: impl FnOnce(&str) -> Vec<(&'static str, String)>) -> Self {
        let binary = std::env::var_os("MADANG").map_or_else(
            || std::env::current_exe().expect("a path").ancestors().nth(2).expect("a folder").join("madang"),
            PathBuf::from,
        );
        assert!(binary.is_file(), "{} is not there: cargo build --release", binary.display());
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = on_loopback(&binary, folder.path());
        // It looks for other programs.
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(settings(&folder.path().display().to_string()));
        Self { running: RunningProgram::start(command), _folder: folder }
    }

    pub(crate) fn port(&self) -> u16 {
        self.running.address.port()
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
        // OPENVIDUAPP:MY_SECRET
        let request = format!(
            "{method} /openvidu/api{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic T1BFTlZJRFVBUFA6TVlfU0VDUkVU\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).expect("an open connection");
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

/// A percentile of sorted times, in µs.
pub(crate) fn micros(sorted: &[Duration], percentile: usize) -> f64 {
    sorted[(sorted.len() * percentile / 100).min(sorted.len() - 1)].as_secs_f64() * 1e6
}
