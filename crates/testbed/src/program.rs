//! The program `madang` as a process of its own, with nothing in its environment but what a test gives it, and what it
//! says.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, mpsc};
use std::thread;

use crate::{PATIENCE, eventually};

/// `program` on loopback and free ports. Its `.env` would be in `folder`, where it keeps its data.
pub fn on_loopback(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("DOTENV_PATH", folder).env("MADANG_DATA_DIR", folder.join("data"));
    command.env("SERVER_PORT", "0").env("MADANG_UDP_PORT", "0").env("MADANG_LISTEN", "127.0.0.1");
    command.env("MADANG_HELPER_USER", this_user());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `uid:gid` of whoever runs the tests, which may be root.
pub fn this_user() -> String {
    use std::os::unix::fs::MetadataExt as _;
    let own = std::fs::metadata("/proc/self").expect("Linux");
    format!("{}:{}", own.uid(), own.gid())
}

/// A program that said it is ready. It ends, by force, when this is dropped.
pub struct RunningProgram {
    child: Child,
    /// Where it serves HTTP.
    pub address: SocketAddr,
    // Locks, so that examples may share it among threads.
    output: Mutex<mpsc::Receiver<String>>,
    log: Mutex<mpsc::Receiver<String>>,
    /// What was taken from `log`.
    seen: Vec<String>,
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl RunningProgram {
    /// Waits until it is ready. Its standard output and error must be pipes.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let log = lines(child.stderr.take().expect("a pipe"));
        let output = lines(child.stdout.take().expect("a pipe"));
        let mut running =
            Self { child, address: ([127, 0, 0, 1], 0).into(), output: output.into(), log: log.into(), seen: vec![] };
        running.is_ready();
        running
    }

    /// Waits until it says (again) that it is ready, and where.
    pub fn is_ready(&mut self) {
        let mut ready = false;
        while let Some(line) = next(&mut self.output) {
            ready |= line.contains("OpenVidu is ready!");
            let address = line.split_once("http://localhost:").filter(|_| ready && line.contains("REST API"));
            if let Some((_, rest)) = address {
                let port = rest.split('/').next().and_then(|port| port.parse().ok());
                self.address.set_port(port.expect("a port"));
                return;
            }
        }
        // It may have ended, or hang.
        let _ = self.child.kill();
        panic!("it did not become ready: {}", self.rest_of_log());
    }

    /// Waits until it prints a line that contains `text`.
    pub fn prints(&mut self, text: &str) {
        while let Some(line) = next(&mut self.output) {
            if line.contains(text) {
                return;
            }
        }
        panic!("it never printed {text:?}: {}", self.rest_of_log());
    }

    /// Waits until a line of the log contains `text`.
    pub fn says(&mut self, text: &str) {
        while let Some(line) = next(&mut self.log) {
            self.seen.push(line);
            if self.seen.last().is_some_and(|line| line.contains(text)) {
                return;
            }
        }
        panic!("it never said {text:?}: {}", self.seen.join("\n"));
    }

    /// The answer to a request of its own port by plain HTTP: head and body.
    pub fn get(&self, path: &str, headers: &str) -> (String, Vec<u8>) {
        get(self.address, path, headers)
    }

    /// Ends it as `systemctl stop` does, and returns its log.
    pub fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().expect("kill is there");
        assert!(told.success(), "{told}");
        let log = self.rest_of_log();
        assert!(self.child.wait().expect("our child").success(), "{log}");
        log
    }

    /// All of it; waits for its end.
    fn rest_of_log(&mut self) -> String {
        while let Some(line) = next(&mut self.log) {
            self.seen.push(line);
        }
        self.seen.join("\n")
    }

    /// For programs that look at it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Bytes of memory that it has now (Linux).
    pub fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
    }

    /// Files and connections that it has open (Linux).
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("Linux").count()
    }

    /// What its threads have used of processors so far (Linux).
    pub fn processor_time(&self) -> std::time::Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("Linux").flatten();
        let nanos = tasks.filter_map(|task| {
            let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            times.split(' ').next()?.parse::<u64>().ok()
        });
        std::time::Duration::from_nanos(nanos.sum())
    }
}

/// `None`: there are no more, or none comes in time.
fn next(lines: &mut Mutex<mpsc::Receiver<String>>) -> Option<String> {
    lines.get_mut().expect("nobody panicked with it").recv_timeout(PATIENCE).ok()
}

/// Waits for the end of a process of ours.
pub fn ended(child: &mut Child) -> ExitStatus {
    eventually("the process ends", || child.try_wait().expect("our child"))
}

/// Head and body.
pub fn get(address: SocketAddr, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("an open connection");
    let mut answer = vec![];
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an HTTP answer");
    (String::from_utf8(answer[..end].to_vec()).expect("a head in UTF-8"), answer[end + 4..].to_vec())
}

/// As they come; the channel ends with the pipe.
pub fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
