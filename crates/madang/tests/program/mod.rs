//! The real program with a folder of its own, and what it says.

// Each test program uses its own part.
#![allow(dead_code, reason = "shared by several test programs")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Only ever reached by a failing test; generous, since the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// `madang` on loopback and free ports, with nothing else in its environment. Its `.env` would be in `folder`.
pub(crate) fn madang(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
    command.env_clear().env("DOTENV_PATH", folder).env("MADANG_DATA_DIR", folder.join("data"));
    command.env("SERVER_PORT", "0").env("MADANG_UDP_PORT", "0").env("MADANG_LISTEN", "127.0.0.1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A program that said it is ready.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    log: mpsc::Receiver<String>,
    /// What was taken from `log`.
    seen: Vec<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = lines(child.stderr.take().unwrap());
        let banner = lines(child.stdout.take().unwrap());
        let mut running = Self { child, address: ([127, 0, 0, 1], 0).into(), log, seen: vec![] };
        let mut ready = false;
        while let Ok(line) = banner.recv_timeout(PATIENCE) {
            ready |= line.contains("OpenVidu is ready!");
            let address = line.split_once("http://localhost:").filter(|_| ready && line.contains("REST API"));
            if let Some((_, rest)) = address {
                running.address.set_port(rest.split('/').next().unwrap().parse().unwrap());
                return running;
            }
        }
        panic!("it did not start: {}", running.rest_of_log());
    }

    /// Waits until a line of the log contains `text`.
    pub(crate) fn says(&mut self, text: &str) {
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.seen.push(line);
                    if self.seen.last().is_some_and(|line| line.contains(text)) {
                        return;
                    }
                }
                Err(_) => panic!("it never said {text:?}: {}", self.seen.join("\n")),
            }
        }
    }

    /// The answer to a request of its own port by plain HTTP: head and body.
    pub(crate) fn get(&self, path: &str, headers: &str) -> (String, Vec<u8>) {
        get(self.address, path, headers)
    }

    /// Ends it as `systemctl stop` does, and returns its log.
    pub(crate) fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let log = self.rest_of_log();
        assert!(self.child.wait().unwrap().success(), "{log}");
        log
    }

    /// All of it; waits for its end.
    fn rest_of_log(&mut self) -> String {
        while let Ok(line) = self.log.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        self.seen.join("\n")
    }
}

/// Head and body.
pub(crate) fn get(address: SocketAddr, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = vec![];
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an HTTP answer");
    (String::from_utf8(answer[..end].to_vec()).unwrap(), answer[end + 4..].to_vec())
}

/// As they come; the channel ends with the pipe.
pub(crate) fn lines(pipe: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
