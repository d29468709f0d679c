//! The real program with a folder of its own on loopback, and REST over one connection.

// Each example uses its own part.
#![allow(dead_code, reason = "shared by several examples")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The program, on a port of its own.
pub(crate) struct Madang {
    process: Child,
    pub(crate) port: u16,
    folder: PathBuf,
}

impl Madang {
    /// The one that MADANG says, or else the one beside this example. `settings` get the path of its folder.
    pub(crate) fn start(name: &str, settings: impl FnOnce(&str) -> Vec<(&'static str, String)>) -> Self {
        let binary = std::env::var_os("MADANG").map_or_else(
            || std::env::current_exe().expect("a path").ancestors().nth(2).expect("a folder").join("madang"),
            Into::into,
        );
        let folder = std::env::temp_dir().join(format!("madang-{name}-{}", std::process::id()));
        let mut process = Command::new(binary)
            .env("SERVER_PORT", "0")
            .env("MADANG_UDP_PORT", "0")
            .env("MADANG_LISTEN", "127.0.0.1")
            .env("MADANG_DATA_DIR", folder.join("data"))
            .envs(settings(&folder.display().to_string()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program: cargo build --release");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let address = lines.map_while(Result::ok).find(|line| line.contains("/openvidu/api")).expect("a banner");
        let port = address.split(':').nth(2).and_then(|rest| rest.split('/').next()).and_then(|port| port.parse().ok());
        Self { process, port: port.expect("a port"), folder }
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Client(BufReader::new(stream))
    }

    pub(crate) fn resident_kib(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// What its threads have used so far, user and system.
    pub(crate) fn cpu(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("Linux").flatten();
        let nanos = tasks.filter_map(|task| {
            let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            times.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanos.sum())
    }
}

impl Drop for Madang {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
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
